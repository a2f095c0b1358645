//! The static binaries as a router has them: of the right machine, and each at work with nothing beside it.
//!
//! ```text
//!   a folder that is the whole root            this machine
//!   ┌─────────────────────────────┐
//!   │ alertik   ca.pem   (qemu)   │ ◄─ datagrams ── test
//!   └─────────────────────────────┘ ── HTTPS ─────► Recorder
//! ```
//!
//! Apart from `daemon`, which asks what the program does, by the host's own build. Here stands what only the
//! build for a router can get wrong: the C library, the instructions, the layout of what system calls take.
//! The emulator is told the exact processor, because its default runs what no router would; it stays in the
//! root only until the daemon listens.
//!
//! `ALERTIK_DIST` names the folder that `toolchain/build.sh` has filled; without it, nothing is tested here.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs};

use alertik::timestamp::Zone;

use crate::support::authority::{Authority, Validity};
use crate::support::daemon::{Daemon, run_by};
use crate::support::elsewhere::unshare;
use crate::support::recorder::{Received, Recorder};
use crate::support::variables::Variables;
use crate::support::{TempFolder, skip};

/// signal(7): an illegal instruction.
const SIGILL: i32 = 4;

/// One that we build for.
struct Platform {
    /// Below `linux/`.
    folder: &'static str,
    /// The emulator and the processor; None for this machine's own.
    emulator: Option<[&'static str; 2]>,
    /// What `readelf` must say.
    marks: &'static [&'static str],
}

const V5: Platform = Platform {
    folder: "arm/v5",
    emulator: Some(["qemu-arm-static", "arm926"]),
    marks: &["Machine: ARM", "Version5 EABI, soft-float ABI", "Tag_CPU_arch: v5TE "],
};
const V6: Platform = Platform {
    folder: "arm/v6",
    emulator: Some(["qemu-arm-static", "arm1176"]),
    marks: &["Machine: ARM", "Version5 EABI, soft-float ABI", "Tag_CPU_arch: v6 "],
};
const V7: Platform = Platform {
    folder: "arm/v7",
    emulator: Some(["qemu-arm-static", "cortex-a7"]),
    marks: &["Machine: ARM", "Version5 EABI, hard-float ABI", "Tag_CPU_arch: v7 "],
};
const ARM64: Platform = Platform {
    folder: "arm64",
    emulator: Some(["qemu-aarch64-static", "cortex-a53"]),
    marks: &["Machine: AArch64"],
};
const AMD64: Platform =
    Platform { folder: "amd64", emulator: None, marks: &["Machine: Advanced Micro Devices X86-64"] };

impl Platform {
    /// Where its binary is. That not all were built is no fault: it takes minutes for each.
    fn binary(&self) -> Option<PathBuf> {
        let Some(dist) = env::var_os("ALERTIK_DIST") else {
            println!("skipped: ALERTIK_DIST names no folder with static binaries");
            return None;
        };
        let path = Path::new(&dist).join("linux").join(self.folder).join("alertik");
        if !path.is_file() {
            println!("skipped: {} is not there", path.display());
            return None;
        }
        Some(path)
    }
}

/// Copies a program by another process: a file that this one has written to cannot be run while any child
/// that another test has just forked still holds it open.
fn copy_program(from: &str, to: &str) -> bool {
    let script = r#"cp "$(command -v "$0")" "$1""#;
    Command::new("/bin/sh").args(["-c", script, from, to]).status().is_ok_and(|status| status.success())
}

/// A datagram comes in and an alert goes out over TLS, in a root with nothing but the binary and the authority.
#[track_caller]
fn check(platform: &Platform) {
    let Some(binary) = platform.binary() else { return };
    let root = TempFolder::new();
    assert!(copy_program(binary.to_str().unwrap(), &root.path("alertik")));
    if let Some([emulator, _]) = platform.emulator
        && !copy_program(emulator, &root.path("qemu"))
    {
        return skip(&format!("{emulator} is not there"));
    }
    let within = |arguments: &[&str]| {
        let mut command = unshare(&["--mount"])?;
        command.arg("unshare").arg(format!("--root={}", root.path(""))).arg("--");
        if let Some([_, cpu]) = platform.emulator {
            command.args(["/qemu", "-cpu", cpu]);
        }
        command.arg("/alertik").args(arguments);
        Ok::<Command, String>(command)
    };
    let (mut run, mut health) = match (within(&["run"]), within(&["health"])) {
        (Ok(run), Ok(health)) => (run, health),
        (Err(why), _) | (_, Err(why)) => return skip(&format!("this machine gives no root ({why})")),
    };

    let authority = Authority::new();
    fs::copy(authority.ca_file(), root.path("ca.pem")).unwrap();
    let recorder = Recorder::over_tls(authority.server("127.0.0.1", Validity::Now));
    let variables = Variables::new()
        .generic(1, &recorder)
        .with("TLS_CA_FILE", "/ca.pem")
        .with("TZ", "Europe/Rome")
        .regex("Generic1", "login failure for user ([a-z]+) from ([0-9.]+)", "@1 at @2, said @{from}");
    let daemon = Daemon::start_by(&mut run, &variables);

    let http = Variables::new().with("HTTP_LISTEN", daemon.http.unwrap().to_string());
    let health = run_by(&mut health, &http);
    assert_eq!(health.code, Some(0), "{}", health.whole());
    if platform.emulator.is_some() {
        fs::remove_file(root.path("qemu")).unwrap();
    }
    let left = fs::read_dir(root.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["alertik", "ca.pem"]);

    let rome = Zone::new("Europe/Rome").unwrap();
    let before = rome.format(SystemTime::now());
    let users = ["anna", "bob", "carla", "dino"];
    for user in users {
        daemon.send(format!("system,error,critical login failure for user {user} from 192.0.2.7 via ssh"));
    }
    let received = recorder.wait_for(users.len());
    let after = rome.format(SystemTime::now());
    for (text, user) in received.iter().map(Received::text).zip(users) {
        let (told, time) = text.rsplit_once(", at: ").unwrap_or((&text, ""));
        assert_eq!(told, format!("{user} at 192.0.2.7, said 127.0.0.1"));
        assert!(*before <= *time && *time <= *after, "{before}, {time}, {after}");
    }
    let ended = daemon.stop("TERM");
    assert_eq!(ended.code, Some(0), "{}", ended.whole());
    assert_eq!(ended.figures().figure("lines"), users.len());
}

#[test]
fn armv5te_works_with_nothing_beside_it() {
    check(&V5);
}

#[test]
fn armv6_works_with_nothing_beside_it() {
    check(&V6);
}

#[test]
fn armv7_works_with_nothing_beside_it() {
    check(&V7);
}

#[test]
fn aarch64_works_with_nothing_beside_it() {
    check(&ARM64);
}

#[test]
fn x86_64_works_with_nothing_beside_it() {
    if cfg!(target_arch = "x86_64") {
        check(&AMD64);
    } else {
        println!("skipped: this machine is another");
    }
}

/// What the tests above rest on: that the emulator refuses what this processor would.
#[test]
fn armv6_dies_of_an_instruction_that_armv5_lacks() {
    let (Some(binary), Some([emulator, _])) = (V6.binary(), V6.emulator) else { return };
    // A core file may be left where it ran.
    let folder = TempFolder::new();
    let mut command = Command::new(emulator);
    command.args(["-cpu", "arm926"]).arg(binary).arg("--version").current_dir(folder.path(""));
    match command.output() {
        Ok(output) => assert_eq!(output.status.signal(), Some(SIGILL), "{output:?}"),
        Err(error) => skip(&format!("{emulator}: {error}")),
    }
}

#[test]
fn each_is_static_and_of_its_machine() {
    let mut found = 0;
    for platform in [V5, V6, V7, ARM64, AMD64] {
        let Some(binary) = platform.binary() else { continue };
        let mut readelf = Command::new("readelf");
        readelf.args(["-W", "-h", "-l", "-d", "-A"]).arg(&binary).env("LC_ALL", "C");
        let said = match readelf.output() {
            Ok(output) => String::from_utf8(output.stdout).unwrap(),
            Err(error) => return skip(&format!("readelf: {error}")),
        };
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for mark in platform.marks.iter().chain(&["There is no dynamic section in this file"]) {
            assert!(said.contains(mark), "{}: not {mark}, but {said}", platform.folder);
        }
        assert!(!said.contains("INTERP"), "{}: {said}", platform.folder);
        found += 1;
    }
    assert!(found > 0 || env::var_os("ALERTIK_DIST").is_none(), "ALERTIK_DIST has no binary");
}
