//! What the arguments of `alertik routeros` say: the board, the place, the network.
//!
//! Apart from the script, so that a slip is told before anything is printed, and
//! what is printed can be plain text of what is known to be right.

use std::ffi::OsString;
use std::net::Ipv4Addr;

use super::version::Syntax;

/// The arguments as they were given.
#[derive(Default)]
pub(in crate::cli) struct Given {
    pub(in crate::cli) version: Option<OsString>,
    pub(in crate::cli) arch: Option<OsString>,
    pub(in crate::cli) address: Option<OsString>,
    pub(in crate::cli) gateway: Option<OsString>,
    pub(in crate::cli) image: Option<OsString>,
    pub(in crate::cli) disk: Option<OsString>,
    pub(in crate::cli) is_remove: bool,
}

impl Given {
    /// Each option, and whether it was given.
    pub(in crate::cli) fn options(&self) -> [(&'static str, bool); 7] {
        [
            ("--version", self.version.is_some()),
            ("--arch", self.arch.is_some()),
            ("--address", self.address.is_some()),
            ("--gateway", self.gateway.is_some()),
            ("--image", self.image.is_some()),
            ("--disk", self.disk.is_some()),
            ("--remove", self.is_remove),
        ]
    }
}

/// The arguments understood.
pub(super) struct Options {
    pub(super) syntax: &'static Syntax,
    /// As the names of our tars and images say it.
    pub(super) arch: &'static str,
    pub(super) network: Network,
    pub(super) image: Image,
    pub(super) disk: Disk,
}

/// Two addresses and what is between router and container.
pub(super) struct Network {
    pub(super) container: Ipv4Addr,
    pub(super) router: Ipv4Addr,
    /// The address of the network itself.
    pub(super) base: Ipv4Addr,
    pub(super) prefix: u32,
}

/// Where the image comes from.
pub(super) enum Image {
    /// A file on the router; a path as it was given, or a name.
    Tar(String),
    /// The router fetches the tar. The name is that of the file.
    Url { url: String, name: String },
    /// The router pulls it from a registry.
    Reference(String),
}

/// Where the container's files are.
pub(super) enum Disk {
    /// The storage that the router boots from.
    Internal,
    /// Another, or a folder, without a slash at its end.
    Named(String),
    /// Memory: everything is gone after a boot.
    Memory,
}

/// What MikroTik, Docker and Debian call the same. RouterOS's `arm` says nothing of the CPU's version;
/// all but the boards with an EN7562CT are ARMv7.
const ARCHES: [(&str, &[&str]); 5] = [
    ("arm64", &["arm64", "aarch64"]),
    ("armv7", &["arm", "armv7", "arm32v7"]),
    ("armv6", &["armv6", "arm32v6"]),
    ("armv5", &["armv5", "arm32v5"]),
    ("amd64", &["x86", "amd64", "x86_64"]),
];

/// Two hosts, in a range of which few make use.
const ADDRESS: &str = "172.19.51.2/30";

impl Options {
    /// Understands them; the error is a sentence for whoever typed them.
    pub(super) fn read(given: &Given) -> Result<Options, String> {
        let text = |given: &Option<OsString>| given.as_ref().map(|text| text.to_string_lossy().into_owned());
        let arch = read_arch(text(&given.arch).as_deref().unwrap_or("arm64"))?;
        let address = text(&given.address).unwrap_or_else(|| ADDRESS.to_owned());
        let tar = || format!("alertik-{}-linux-{arch}.tar", env!("CARGO_PKG_VERSION"));
        Ok(Options {
            syntax: Syntax::of(text(&given.version).as_deref())?,
            arch,
            network: Network::read(&address, text(&given.gateway).as_deref())?,
            image: read_image(&text(&given.image).unwrap_or_else(tar), tar)?,
            disk: read_disk(text(&given.disk).as_deref())?,
        })
    }
}

impl Disk {
    /// The path of `name` on it.
    pub(super) fn path(&self, name: &str) -> String {
        match self {
            Disk::Internal => name.to_owned(),
            Disk::Named(disk) => format!("{disk}/{name}"),
            Disk::Memory => format!("{}/{name}", super::NAME),
        }
    }

    /// The path of what must outlive a boot. Boards so small that memory has to do keep in `flash`
    /// what they keep.
    pub(super) fn kept_path(&self, name: &str) -> String {
        match self {
            Disk::Memory => format!("flash/{name}"),
            disk => disk.path(name),
        }
    }
}

impl Network {
    fn read(address: &str, gateway: Option<&str>) -> Result<Network, String> {
        let halves = address.split_once('/').and_then(|(address, prefix)| {
            Some((address.parse::<Ipv4Addr>().ok()?, prefix.parse::<u32>().ok()?))
        });
        let Some((container, prefix)) = halves.filter(|(_, prefix)| (8..=30).contains(prefix)) else {
            return Err(format!(
                "--address: {address:?} is not an IPv4 address with the size of its network (expected one such as {ADDRESS})"
            ));
        };
        let hosts = u32::MAX >> prefix;
        let base = u32::from(container) & !hosts;
        let is_host = |address: Ipv4Addr| (base + 1..base + hosts).contains(&u32::from(address));
        if !is_host(container) {
            return Err(format!("--address: {address:?} is the network itself, or everybody in it"));
        }
        let first =
            [1, 2].map(|number| Ipv4Addr::from(base + number)).into_iter().find(|one| *one != container);
        let router = match gateway {
            None => first.unwrap_or(container),
            Some(text) => {
                text.parse().ok().filter(|one| is_host(*one) && *one != container).ok_or_else(|| {
                    format!("--gateway: {text:?} is not another address in the network of {address}")
                })?
            }
        };
        Ok(Network { container, router, base: Ipv4Addr::from(base), prefix })
    }
}

fn read_arch(text: &str) -> Result<&'static str, String> {
    let found = ARCHES.iter().find(|(_, names)| names.contains(&text)).map(|(arch, _)| *arch);
    found.ok_or_else(|| {
        format!("--arch: {text:?} is not an architecture (expected arm, arm64, x86, arm32v5 or arm32v6)")
    })
}

/// Control bytes and spaces are in no path of a router and no reference: they are slips of the shell.
fn read_path(option: &str, text: &str) -> Result<(), String> {
    match text.is_empty() || text.contains(|c: char| c.is_control() || c.is_whitespace()) {
        true => Err(format!("{option}: {text:?} is empty, or has a space in it")),
        false => Ok(()),
    }
}

fn read_image(text: &str, tar: impl Fn() -> String) -> Result<Image, String> {
    read_path("--image", text)?;
    let is_tar = |text: &str| [".tar", ".tar.gz", ".tgz"].iter().any(|end| text.ends_with(end));
    if text.starts_with("http://") || text.starts_with("https://") {
        let path = text.split(['?', '#']).next().unwrap_or(text);
        let name = path.rsplit('/').next().filter(|name| is_tar(name)).map_or_else(tar, str::to_owned);
        return Ok(Image::Url { url: text.to_owned(), name });
    }
    Ok(if is_tar(text) { Image::Tar(text.to_owned()) } else { Image::Reference(text.to_owned()) })
}

fn read_disk(text: Option<&str>) -> Result<Disk, String> {
    let Some(text) = text else { return Ok(Disk::Internal) };
    let name = text.trim_matches('/');
    read_path("--disk", name)?;
    Ok(if name == "tmpfs" { Disk::Memory } else { Disk::Named(name.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str, gateway: Option<&str>) -> Result<String, String> {
        let network = Network::read(address, gateway)?;
        Ok(format!("{} {} {}/{}", network.container, network.router, network.base, network.prefix))
    }

    #[test]
    fn the_router_is_the_first_other_address() {
        let check = |address, gateway, expected: &str| {
            assert_eq!(network(address, gateway).as_deref(), Ok(expected), "{address}");
        };
        check(ADDRESS, None, "172.19.51.2 172.19.51.1 172.19.51.0/30");
        check("172.19.51.1/30", None, "172.19.51.1 172.19.51.2 172.19.51.0/30");
        check("10.9.8.7/8", None, "10.9.8.7 10.0.0.1 10.0.0.0/8");
        check("192.168.88.9/24", Some("192.168.88.254"), "192.168.88.9 192.168.88.254 192.168.88.0/24");
    }

    #[test]
    fn what_cannot_be_two_hosts_of_a_network_is_refused() {
        for address in ["", "192.0.2.1", "192.0.2.1/31", "192.0.2.1/7", "192.0.2.1/", "::1/64", "a/24"] {
            let error = network(address, None).unwrap_err();
            assert!(error.starts_with(&format!("--address: {address:?} is not an IPv4 address")), "{error}");
        }
        for address in ["192.0.2.0/24", "192.0.2.255/24", "255.255.255.255/8"] {
            let expected = format!("--address: {address:?} is the network itself, or everybody in it");
            assert_eq!(network(address, None), Err(expected));
        }
        for gateway in ["", "192.0.2.2", "192.0.2.0", "192.0.2.3", "192.0.3.1", "::1"] {
            let expected =
                format!("--gateway: {gateway:?} is not another address in the network of 192.0.2.2/30");
            assert_eq!(network("192.0.2.2/30", Some(gateway)), Err(expected));
        }
    }

    #[test]
    fn an_image_is_a_tar_a_url_or_a_reference() {
        let kind = |text| match read_image(text, || "ours.tar".to_owned()) {
            Ok(Image::Tar(path)) => format!("tar {path}"),
            Ok(Image::Url { name, .. }) => format!("url {name}"),
            Ok(Image::Reference(reference)) => format!("reference {reference}"),
            Err(error) => error,
        };
        assert_eq!(kind("usb1/a.tar"), "tar usb1/a.tar");
        assert_eq!(kind("a.tar.gz"), "tar a.tar.gz");
        assert_eq!(kind("https://192.0.2.1/x/a.tar?token=1"), "url a.tar");
        assert_eq!(kind("http://192.0.2.1/download?id=1"), "url ours.tar");
        assert_eq!(kind("registry.example/you/alertik:1"), "reference registry.example/you/alertik:1");
        for text in ["", "a b.tar", "a\n"] {
            assert_eq!(kind(text), format!("--image: {text:?} is empty, or has a space in it"));
        }
    }

    #[test]
    fn every_name_of_an_architecture_is_one_architectures() {
        let names: Vec<_> = ARCHES.iter().flat_map(|(_, names)| *names).collect();
        assert!(names.iter().enumerate().all(|(at, name)| !names[..at].contains(name)));
        assert_eq!((read_arch("arm"), read_arch("arm32v5")), (Ok("armv7"), Ok("armv5")));
        assert!(read_arch("mipsbe").unwrap_err().starts_with("--arch: \"mipsbe\" is not an architecture"));
    }
}
