//! The commands that install it, block by block, a comment over each.
//!
//! Apart from the arguments and the variables, which are known to be right by
//! now: this is text. All that is made has the name or the comment `alertik`, by
//! which `remove` finds it.

use super::NAME;
use super::boot;
use super::mounts::Mount;
use super::options::{Disk, Image, Options};
use super::version::Mounts;
use crate::routeros::{quoted, word};

/// Four times what it is meant to take: beyond it RouterOS slows the container down and takes memory back.
const MEMORY_HIGH: &str = "32M";

/// Image, unpacked image and log, with room to spare; what is not used takes no memory.
const TMPFS_BYTES_MAX: u32 = 16_000_000;

/// The severities of RouterOS. Each rule leaves out what those before it have, so that no line is sent twice,
/// however many of them it has; and what containers print, so that none comes back.
const SEVERITIES: [&str; 4] = ["critical", "error", "warning", "info"];

/// All that the commands are made of.
pub(super) struct Plan<'a> {
    pub(super) options: &'a Options,
    /// Names and values.
    pub(super) variables: &'a [(&'a str, &'a [u8])],
    pub(super) mounts: &'a [Mount],
    /// Where the container listens.
    pub(super) port: u16,
}

/// Text that grows by blocks.
#[derive(Default)]
pub(super) struct Script(String);

impl Script {
    /// Begins a block, with what it does.
    pub(super) fn block(&mut self, comment: &[&str]) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        comment.iter().for_each(|line| self.line(format!("# {line}")));
    }

    /// One command.
    pub(super) fn line(&mut self, line: impl AsRef<str>) {
        self.0.push_str(line.as_ref());
        self.0.push('\n');
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Plan<'_> {
    /// The commands.
    pub(super) fn install(&self) -> String {
        let mut script = Script::default();
        script.block(&[
            &format!("alertik {} for {}, {}", env!("CARGO_PKG_VERSION"), self.options.syntax.title, self.options.arch),
            "Made by alertik routeros; with --remove it prints the way back, which goes first if any of this is there.",
            "Secrets are in here: delete this file from the router when it has been imported.",
        ]);
        self.network(&mut script);
        self.firewall(&mut script);
        self.disk(&mut script);
        self.environment(&mut script);
        self.logging(&mut script);
        self.container(&mut script);
        script.into_text()
    }

    fn network(&self, script: &mut Script) {
        let network = &self.options.network;
        let (container, router, prefix) = (network.container, network.router, network.prefix);
        script.block(&[&format!(
            "A network for router ({router}) and container ({container}), which must not be in use yet."
        )]);
        script.line(format!(
            "/interface/veth/add name={NAME}-veth address={container}/{prefix} gateway={router}"
        ));
        script.line(format!("/interface/bridge/add name={NAME}-bridge comment={NAME}"));
        script.line(format!(
            "/interface/bridge/port/add bridge={NAME}-bridge interface={NAME}-veth comment={NAME}"
        ));
        script.line(format!(
            "/ip/address/add address={router}/{prefix} interface={NAME}-bridge comment={NAME}"
        ));
    }

    fn firewall(&self, script: &mut Script) {
        let network = &self.options.network;
        script.block(&["The way out: the container goes by the router's address."]);
        script.line(format!(
            "/ip/firewall/nat/add chain=srcnat action=masquerade src-address={}/{} comment={NAME}",
            network.base, network.prefix
        ));
        script.block(&[
            "The firewall: before any other rule, the container may ask the router for names, and may reach others.",
            "What the router sends to it goes through the chain output, which is mostly open.",
        ]);
        let from = format!("in-interface={NAME}-bridge comment={NAME}");
        for rule in [
            format!("chain=input action=accept protocol=udp dst-port=53 {from}"),
            format!("chain=input action=accept protocol=tcp dst-port=53 {from}"),
            format!("chain=forward action=accept {from}"),
        ] {
            // Where there is no rule, there is none to be put before.
            script.line(format!(
                ":do {{ /ip/firewall/filter/add {rule} place-before=([/ip/firewall/filter/find where dynamic=no]->0) }} on-error={{ /ip/firewall/filter/add {rule} }}"
            ));
        }
        script.block(&[
            "Names: a router that answers nobody's questions yet is made to answer, the container and nobody else.",
        ]);
        script.line(":if ([/ip/dns/get allow-remote-requests] = false) do={");
        for (menu, except) in [("ip", format!(" in-interface=!{NAME}-bridge")), ("ipv6", String::new())] {
            for protocol in ["udp", "tcp"] {
                script.line(format!("  /{menu}/firewall/filter/add chain=input action=drop protocol={protocol} dst-port=53{except} comment={NAME}-dns"));
            }
        }
        script.line("  /ip/dns/set allow-remote-requests=yes");
        script.line("}");
    }

    fn disk(&self, script: &mut Script) {
        if let Disk::Memory = self.options.disk {
            script.block(&["A disk in memory for image and container. It is empty after each boot."]);
            script.line(format!(
                "/disk/add type=tmpfs tmpfs-max-size={TMPFS_BYTES_MAX} slot={NAME} comment={NAME}"
            ));
        }
    }

    fn environment(&self, script: &mut Script) {
        let syntax = self.options.syntax;
        if !self.variables.is_empty() {
            script.block(&["The variables, escaped so that the container gets what was configured."]);
        }
        for (name, value) in self.variables {
            script.line(format!(
                "/container/envs/add {}={NAME} key={name} value={}",
                syntax.envs_list,
                quoted(value)
            ));
        }
        if !self.mounts.is_empty() {
            script.block(&["Folders that the variables name. They stay when the container is removed."]);
        }
        for mount in self.mounts {
            let list = if syntax.mounts == Mounts::Named {
                format!("name={}", mount.name)
            } else {
                format!("list={NAME}")
            };
            let (source, inside) = (word(&self.outside(mount)), word(&mount.inside));
            if !mount.is_written {
                script.line(format!(
                    "# What the variables name in {inside} must be put into {source} beforehand."
                ));
            }
            script.line(format!("/container/mounts/add {list} src={source} dst={inside}"));
        }
    }

    /// The path of a mount on the router.
    fn outside(&self, mount: &Mount) -> String {
        let disk = &self.options.disk;
        if mount.is_kept { disk.kept_path(&mount.name) } else { disk.path(&mount.name) }
    }

    fn logging(&self, script: &mut Script) {
        script.block(&[
            "The log: every line of these severities goes to the container once, and nothing that containers say.",
        ]);
        script.line(format!(
            "/system/logging/action/add name={NAME} target=remote remote={} remote-port={} remote-log-format=default",
            self.options.network.container, self.port
        ));
        for (number, severity) in SEVERITIES.iter().enumerate() {
            let others = SEVERITIES.iter().take(number).map(|other| format!("!{other},")).collect::<String>();
            script.line(format!("/system/logging/add action={NAME} topics={severity},{others}!container"));
        }
    }

    fn container(&self, script: &mut Script) {
        let startup = |name: &str, policy: &str, source: &str, script: &mut Script| {
            script.line(format!(
                "/system/script/add name={name} policy={policy} source={} comment={NAME}",
                quoted(source)
            ));
            script.line(format!("/system/scheduler/add name={name} start-time=startup policy={policy} on-event={name} comment={NAME}"));
        };
        script.block(&[
            "What the router says of its own reboot comes before anybody listens: two minutes after each boot, and",
            "when the container runs, it is said again.",
        ]);
        startup(&format!("{NAME}-reboot"), "read,write", &boot::repeat_reboot(self), script);
        if let Disk::Memory = self.options.disk {
            script.block(&["The container is made anew after each boot, and now; it may take a minute."]);
            startup(
                &format!("{NAME}-boot"),
                "ftp,read,write,policy,test",
                &boot::return_from_memory(self),
                script,
            );
            script.line(format!("/system/script/run {NAME}-boot"));
            return;
        }
        let mut comment = match &self.options.image {
            Image::Tar(_) => vec!["The container, from a tar that has been put there."],
            Image::Url { .. } => vec!["The container, from a tar that the router fetches."],
            Image::Reference(_) => vec![
                "The container, from a registry: the one that the reference begins with, or else that of",
                "/container/config.",
            ],
        };
        if self.options.syntax.restart.is_none() {
            comment.push(
                "It starts with the router. This version does not start it again if it ends by itself.",
            );
        } else {
            comment.push("It starts with the router, and again if it ends by itself.");
        }
        script.block(&comment);
        if let Some(fetch) = boot::fetch(self) {
            script.line(fetch);
        }
        script.line(self.add_container());
        script.block(&["It can start when its image has been unpacked, which takes some seconds."]);
        script.line(format!(
            ":for i from=1 to=60 do={{ :if ([:len [/container/find where name={NAME} and {}]] = 0) do={{ :delay 2s }} }}",
            self.options.syntax.stopped
        ));
        script.line(format!("/container/start [find where name={NAME}]"));
    }

    /// The one command that makes the container.
    pub(super) fn add_container(&self) -> String {
        let Options { syntax, network, image, disk, .. } = self.options;
        let image = match image {
            // A name alone is a file on the same disk; on one that survives a boot, if it is memory.
            Image::Tar(path) if !path.contains('/') => format!("file={}", word(&disk.kept_path(path))),
            Image::Tar(path) => format!("file={}", word(path)),
            Image::Url { name, .. } => format!("file={}", word(&disk.path(name))),
            Image::Reference(reference) => format!("remote-image={}", word(reference)),
        };
        let root = match disk {
            Disk::Memory => disk.path("root"),
            disk => disk.path(NAME),
        };
        let mut command = format!(
            "/container/add name={NAME} comment={NAME} {image} interface={NAME}-veth root-dir={}",
            word(&root)
        );
        if !self.variables.is_empty() {
            command += &format!(" {}={NAME}", syntax.container_envs);
        }
        if !self.mounts.is_empty() {
            let names: Vec<&str> = self.mounts.iter().map(|mount| mount.name.as_str()).collect();
            command += &match syntax.mounts {
                Mounts::Named => format!(" mounts={}", names.join(",")),
                Mounts::Listed => format!(" mountlists={NAME}"),
            };
        }
        // RouterOS makes mounts as root, and the image's own user could not write there.
        if self.mounts.iter().any(|mount| mount.is_written) {
            command += " user=0:0";
        }
        // Where the disk is empty after a boot, a script starts it.
        let boot = if matches!(disk, Disk::Memory) { "no" } else { "yes" };
        command += &format!(" dns={} logging=yes start-on-boot={boot}", network.router);
        if let Some(restart) = syntax.restart {
            command += &format!(" {restart}");
        }
        if syntax.has_memory_high {
            command += &format!(" memory-high={MEMORY_HIGH}");
        }
        command
    }
}
