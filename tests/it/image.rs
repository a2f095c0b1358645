//! The images that `toolchain/image.sh` has made: what is in them, and that one runs with nothing else there.
//!
//! ```text
//!   ALERTIK_DIST ── alertik-<version>-linux-<machine>.tar ── manifest.json ─┬─ config: as whom, what, how
//!                │                                                          └─ one layer ─► a root ─► unshare
//!                ├─ alertik-<version>-oci.tar ── the same images in one index
//!                └─ alertik-<version>.cdx.json, SHA256SUMS
//! ```
//!
//! Apart from the tests of the daemon, because these need files that `cargo test` does not make: the variable
//! names their folder, and without it they are skipped. `.ci/run` makes the files and sets it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::daemon::Daemon;
use crate::support::variables::Variables;
use crate::support::{TempFolder, skip};

/// A machine's name in a file's name, and its architecture and variant as images say them.
type Machine = (&'static str, &'static str, Option<&'static str>);

const MACHINES: [Machine; 5] = [
    ("amd64", "amd64", None),
    ("arm64", "arm64", None),
    ("armv5", "arm", Some("v5")),
    ("armv6", "arm", Some("v6")),
    ("armv7", "arm", Some("v7")),
];

/// The user of the image, and its group.
const USER: &str = "65532";

/// The folder of the images, if there is one.
fn dist() -> Option<PathBuf> {
    let dist = std::env::var_os("ALERTIK_DIST").map(PathBuf::from);
    if dist.is_none() {
        println!("skipped: ALERTIK_DIST is not set (toolchain/image.sh makes the images)");
    }
    dist
}

/// A file of this version.
fn file(dist: &Path, end: &str) -> PathBuf {
    dist.join(format!("alertik-{}{end}", env!("CARGO_PKG_VERSION")))
}

/// What `tar` prints. Its times are UTC, and its words English.
#[track_caller]
fn tar(how: &[&str], archive: &Path, members: &[&str]) -> String {
    let mut command = Command::new("tar");
    command.args(how).arg("-f").arg(archive).args(members).env("TZ", "UTC").env("LC_ALL", "C");
    let output = command.output().expect("there is a tar");
    assert!(output.status.success(), "{}: {}", archive.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it is text")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

/// One machine's image, its archive unpacked.
struct Image {
    folder: TempFolder,
    manifest: Value,
    config: Value,
}

impl Image {
    /// None if there is none for that machine.
    fn open(dist: &Path, machine: &str) -> Option<Image> {
        let archive = file(dist, &format!("-linux-{machine}.tar"));
        if !archive.exists() {
            return None;
        }
        let folder = TempFolder::new();
        tar(&["-x", "-C", &folder.path("")], &archive, &[]);
        let read = |name: &str| json(&fs::read_to_string(folder.path(name)).expect(name));
        let manifest = read("manifest.json");
        let config = read(manifest[0]["Config"].as_str().expect("the manifest names the config"));
        Some(Image { folder, manifest, config })
    }

    fn layer(&self) -> PathBuf {
        PathBuf::from(self.folder.path(self.manifest[0]["Layers"][0].as_str().expect("there is a layer")))
    }
}

/// All the images that are there.
fn images(dist: &Path) -> Vec<(Machine, Image)> {
    let images = MACHINES.into_iter().filter_map(|machine| Some((machine, Image::open(dist, machine.0)?)));
    let images: Vec<_> = images.collect();
    assert!(!images.is_empty(), "there is no image in {}", dist.display());
    images
}

#[test]
fn each_image_is_what_a_router_imports() {
    let Some(dist) = dist() else { return };
    for ((machine, architecture, variant), image) in images(&dist) {
        assert_eq!(image.manifest.as_array().map(Vec::len), Some(1), "{machine}");
        assert_eq!(image.manifest[0]["Layers"].as_array().map(Vec::len), Some(1), "{machine}");

        // By the mark of a tar file, since the tar command would read a compressed one too.
        let layer = fs::read(image.layer()).unwrap();
        assert_eq!(layer.get(257..262), Some(&b"ustar"[..]), "{machine}: the layer is compressed");
        let listed = tar(&["-tv", "--numeric-owner"], &image.layer(), &[]);
        let files = listed.lines().map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            format!("{} {} {}", words[0], words[1], words[5])
        });
        let expected = [
            "-rw-r--r-- 0/0 LICENSE-APACHE",
            "-rw-r--r-- 0/0 LICENSE-MIT",
            "-rw-r--r-- 0/0 NOTICES",
            "-rwxr-xr-x 0/0 alertik",
        ];
        assert_eq!(files.collect::<Vec<_>>(), expected, "{machine}");

        let whole = &image.config;
        let config = &whole["config"];
        assert_eq!(whole["os"], "linux", "{machine}");
        assert_eq!(whole["architecture"], architecture, "{machine}");
        assert_eq!(whole["variant"].as_str(), variant, "{machine}");
        assert_eq!(config["User"], format!("{USER}:{USER}"), "{machine}");
        assert_eq!(config["Entrypoint"], json(r#"["/alertik"]"#), "{machine}");
        assert_eq!(config["Cmd"], Value::Null, "{machine}");
        assert_eq!(config["ExposedPorts"], json(r#"{"5140/udp": {}}"#), "{machine}");
        assert_eq!(config["StopSignal"], "SIGTERM", "{machine}");
        assert_eq!(config["Healthcheck"]["Test"], json(r#"["CMD", "/alertik", "health"]"#), "{machine}");
        let label = |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].as_str();
        assert_eq!(label("title"), Some("alertik"), "{machine}");
        assert_eq!(label("description"), Some(env!("CARGO_PKG_DESCRIPTION")), "{machine}");
        assert_eq!(label("licenses"), Some(env!("CARGO_PKG_LICENSE")), "{machine}");
        assert_eq!(label("version"), Some(env!("CARGO_PKG_VERSION")), "{machine}");
        assert_eq!(label("created"), whole["created"].as_str(), "{machine}");
        // What is not known is left out.
        assert_ne!(label("source"), Some(""), "{machine}");
        assert_ne!(label("revision"), Some(""), "{machine}");
    }
}

#[test]
fn the_index_names_each_machine_and_has_the_same_images() {
    let Some(dist) = dist() else { return };
    let archive = file(&dist, "-oci.tar");
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().and_then(|digest| digest.strip_prefix("sha256:"));
        let name = format!("blobs/sha256/{}", digest.expect("a descriptor has a digest"));
        json(&tar(&["-x", "-O"], &archive, &[&name]))
    };
    let outer = json(&tar(&["-x", "-O"], &archive, &["index.json"]));
    let index = blob(&outer["manifests"][0]);
    let mut named = Vec::new();
    for entry in index["manifests"].as_array().expect("an index has manifests") {
        let platform = &entry["platform"];
        let is_it = |&&(_, architecture, variant): &&Machine| {
            platform["architecture"] == architecture && platform["variant"].as_str() == variant
        };
        let (machine, ..) = MACHINES.iter().find(is_it).unwrap_or_else(|| panic!("{platform}"));
        let image = Image::open(&dist, machine).unwrap_or_else(|| panic!("{machine} is only in the index"));
        assert_eq!(blob(&blob(entry)["config"]), image.config, "{machine}");
        named.push(*machine);
    }
    named.sort_unstable();
    assert_eq!(named, images(&dist).iter().map(|((machine, ..), _)| *machine).collect::<Vec<_>>());
}

#[test]
fn the_bill_of_materials_names_what_is_linked_and_nothing_else() {
    let Some(dist) = dist() else { return };
    let bill = json(&fs::read_to_string(file(&dist, ".cdx.json")).unwrap());
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    assert_eq!(bill["metadata"]["component"]["version"], env!("CARGO_PKG_VERSION"));
    let components = bill["components"].as_array().expect("there are components");
    let names: BTreeSet<_> = components.iter().filter_map(|one| one["name"].as_str()).collect();
    for linked in ["aho-corasick", "libc", "musl", "ring", "rust-std", "rustls", "tokio", "webpki-roots"] {
        assert!(names.contains(linked), "{linked} is missing");
    }
    // What only builds or tests it.
    for other in ["alertik", "cc", "rcgen", "serde_derive"] {
        assert!(!names.contains(other), "{other} is not in the binary");
    }
    let notices = fs::read_to_string(dist.join("NOTICES")).unwrap();
    for component in components.iter().filter(|one| one.get("purl").is_some()) {
        let (name, version) = (component["name"].as_str().unwrap(), component["version"].as_str().unwrap());
        assert!(notices.contains(&format!("\n* {name} {version} (")), "NOTICES lacks {name} {version}");
        assert_eq!(component["hashes"][0]["content"].as_str().map(str::len), Some(64), "{name}");
    }
}

#[test]
fn the_sums_are_those_of_all_that_is_published() {
    let Some(dist) = dist() else { return };
    let sums = fs::read_to_string(dist.join("SHA256SUMS")).unwrap();
    let named: BTreeSet<_> =
        sums.lines().filter_map(|line| Some(line.split_once("  ")?.1.to_owned())).collect();
    let names = fs::read_dir(&dist).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let there: BTreeSet<_> = names.filter(|name| name.starts_with("alertik-") || name == "NOTICES").collect();
    assert_eq!(named, there);
    let check =
        Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&dist).output();
    let check = check.expect("there is a sha256sum");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

/// A command in `root` and nothing else, as the image's user; the ports are those of this machine.
fn within(root: &str, command: &[&str], variables: &Variables) -> Command {
    let user = |option: &str| format!("--{option}={USER}");
    // Root becomes that user; others are called so in a namespace of their own.
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let user = if is_root { [user("setuid"), user("setgid")] } else { [user("map-user"), user("map-group")] };
    let mut unshare = Command::new("unshare");
    unshare.arg(format!("--root={root}")).args(user).arg("--").args(command);
    unshare.env_clear().envs(variables.all());
    unshare
}

#[test]
fn the_image_runs_with_nothing_else_in_its_root() {
    let Some(dist) = dist() else { return };
    let machine = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    let Some(image) = Image::open(&dist, machine) else {
        println!("skipped: there is no image of this machine, {machine}");
        return;
    };
    let root = image.folder.path("root");
    let log = format!("{root}/log");
    fs::create_dir_all(&log).unwrap();
    tar(&["-x", "-C", &root], &image.layer(), &[]);
    // The test's own umask is nothing of the image. The log's folder is as RouterOS makes mounts: root's.
    for (folder, mode) in [(&root, 0o755), (&log, 0o555)] {
        fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    }
    let words = |value: &Value| -> Vec<String> {
        value.as_array().expect("a list").iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let entrypoint = words(&image.config["config"]["Entrypoint"]);
    let entrypoint: Vec<&str> = entrypoint.iter().map(String::as_str).collect();
    let health = words(&image.config["config"]["Healthcheck"]["Test"]);
    let health: Vec<&str> = health.iter().skip(1).map(String::as_str).collect();

    let tried = within(&root, &["/alertik", "--version"], &Variables::new()).output().unwrap();
    // unshare's own failure; if the program cannot be started it is 126 or 127.
    if tried.status.code() == Some(1) {
        let why = String::from_utf8_lossy(&tried.stderr).into_owned();
        return skip(&format!("this machine gives no root of its own ({})", why.trim()));
    }
    assert_eq!(String::from_utf8_lossy(&tried.stdout), format!("alertik {}\n", env!("CARGO_PKG_VERSION")));

    let variables = Variables::new();
    let daemon = Daemon::start_by(&mut within(&root, &entrypoint, &variables), &variables);
    daemon.send("system,error,critical login failure for user guest from 192.168.88.17 via ssh");
    daemon.wait_for_line(|line| line.contains("login failure for user \"guest\" from 192.168.88.17 via ssh"));
    let address = daemon.http.unwrap().to_string();
    let healthy = within(&root, &health, &Variables::new().with("HTTP_LISTEN", address.as_str())).output();
    let healthy = healthy.unwrap();
    assert!(healthy.status.success(), "{}", String::from_utf8_lossy(&healthy.stderr));
    let ended = daemon.stop("TERM");
    assert_eq!(ended.code, Some(0), "{}", ended.whole());

    let denied = within(&root, &entrypoint, &Variables::new().with("LOG_FILE", "/log/alertik.log")).output();
    let denied = denied.unwrap();
    assert_eq!(denied.status.code(), Some(78));
    let told = String::from_utf8_lossy(&denied.stderr).into_owned();
    assert!(
        told.contains("LOG_FILE: cannot write to /log/alertik.log") && told.contains("user=0:0"),
        "{told}"
    );
}
