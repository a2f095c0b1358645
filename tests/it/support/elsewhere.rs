//! A machine of a test's own: other namespaces, other clocks, somebody who watches.
//!
//! Apart, because each needs something of the machine that not every machine
//! has; whoever asks for it here gets it, or hears why not and skips.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use super::{Watched, skip};

/// A command that runs the program that will be its argument in new namespaces, those
/// that `kinds` say (`--net`, …), as their root; or why this machine does not let us.
pub(crate) fn unshare(kinds: &[&str]) -> Result<Command, String> {
    let command = |how: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(how).args(kinds).arg("--");
        command
    };
    // Root may; others may as the root of a user namespace, where the kernel is set to it.
    let mut refused = String::new();
    for how in [&[][..], &["--map-root-user"]] {
        let tried = command(how).arg("true").output().map_err(|error| format!("unshare: {error}"))?;
        if tried.status.success() {
            return Ok(command(how));
        }
        refused = String::from_utf8_lossy(&tried.stderr).trim().to_owned();
    }
    Err(format!("unshare: {refused}"))
}

/// Runs `story` on a machine that has nothing but itself: a network of its own, with
/// 127.0.0.1 and no other address, and an empty `/etc`. `test` is the caller's name,
/// for that is what runs there: this whole program once more, for that test alone.
#[track_caller]
pub(crate) fn alone(test: &str, story: fn()) {
    const INSIDE: &str = "TEST_IS_ALONE";
    if std::env::var_os(INSIDE).is_some() {
        shell("mount -t tmpfs none /etc");
        shell("ip link set lo up");
        // The whole of 127.0.0.0/8 would be ours otherwise.
        shell("ip address del 127.0.0.1/8 dev lo");
        shell("ip address add 127.0.0.1/32 dev lo");
        return story();
    }
    let has_ip = Command::new("ip").arg("-V").output().map_err(|error| format!("ip: {error}"));
    let mut inside = match has_ip.and_then(|_| unshare(&["--mount", "--net"])) {
        Ok(command) => command,
        Err(why) => return skip(&why),
    };
    let ran = inside
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let printed = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    print!("{printed}");
    assert!(ran.status.success() && printed.contains("\ntest result: ok. 1 passed"), "{test} failed");
}

/// Runs a command of the shell, which must succeed.
#[track_caller]
pub(crate) fn shell(command: &str) {
    let ran = Command::new("/bin/sh").args(["-c", command]).output().unwrap();
    assert!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// What makes a program see another clock; or why this machine does not let us.
pub(crate) fn faketime() -> Result<String, String> {
    // It knows where its library is.
    let told = Command::new("faketime").args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]).output();
    let told = told.map_err(|error| format!("faketime: {error}"))?;
    let library = String::from_utf8_lossy(&told.stdout).trim().to_owned();
    if library.is_empty() {
        return Err(format!("faketime: {}", String::from_utf8_lossy(&told.stderr).trim()));
    }
    Ok(library)
}

/// A name server on 127.0.0.1 that knows one name, for as long as the program runs; every name that it is asked for.
///
/// On port 53, where programs ask: for those who are [`alone`].
#[track_caller]
pub(crate) fn serve_name(name: &str, address: Ipv4Addr) -> Arc<Watched<Vec<String>>> {
    let asked = Arc::<Watched<Vec<String>>>::default();
    let kept = Arc::clone(&asked);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)).unwrap();
    let mut wanted = Vec::new();
    for label in name.split('.') {
        wanted.push(label.len() as u8);
        wanted.extend_from_slice(label.as_bytes());
    }
    // The root, and type A in class IN (RFC 1035, 4.1.2).
    wanted.extend_from_slice(&[0, 0, 1, 0, 1]);
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            // The head has 12 bytes; what may follow the question (EDNS) is not repeated.
            let is_wanted = query[12..length].starts_with(&wanted);
            let question = question(&query[12..length]);
            kept.change(|all| all.push(spelled(question)));
            let mut answer = query[..2].to_vec();
            // An answer, recursion available, no error; one question, and one record if it is known.
            answer.extend_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_wanted), 0, 0, 0, 0]);
            answer.extend_from_slice(question);
            if is_wanted {
                // The name of the question, A, IN, a minute, four bytes.
                answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                answer.extend_from_slice(&address.octets());
            }
            let _ = socket.send_to(&answer, from);
        }
    });
    asked
}

/// The name in a question.
fn spelled(question: &[u8]) -> String {
    let (mut labels, mut rest) = (Vec::new(), question);
    while let Some((length, after)) = rest.split_first().filter(|(length, _)| **length > 0) {
        let (label, after) = after.split_at(usize::from(*length));
        labels.push(String::from_utf8_lossy(label).into_owned());
        rest = after;
    }
    labels.join(".")
}

/// The first question in what follows a query's head.
fn question(rest: &[u8]) -> &[u8] {
    let name = rest.iter().position(|byte| *byte == 0).unwrap();
    &rest[..name + 5]
}

/// What a program did to files by their names, as strace saw it.
#[derive(Debug)]
pub(crate) struct Trace(pub(crate) String);

impl Trace {
    /// `strace` in front of a program, writing to `path`; the program stays our child.
    pub(crate) fn command(path: &str) -> Result<Command, String> {
        Trace::command_for("%file", path)
    }

    /// The same for other calls than those with names of files.
    pub(crate) fn command_for(calls: &str, path: &str) -> Result<Command, String> {
        let tried = Command::new("strace").args(["-D", "-f", "-o", path, "true"]).output();
        let tried = tried.map_err(|error| format!("strace: {error}"))?;
        if !tried.status.success() {
            return Err(format!("strace: {}", String::from_utf8_lossy(&tried.stderr).trim()));
        }
        let mut command = Command::new("strace");
        command.args(["-D", "-f", "-e", &format!("trace={calls}"), "-o", path, "--"]);
        Ok(command)
    }

    /// The calls that create, change or remove something, or open it for writing, failed ones too.
    pub(crate) fn changes(&self) -> Vec<&str> {
        const READING: [&str; 14] = [
            "access",
            "chdir",
            "execve",
            "faccessat",
            "getcwd",
            "lstat",
            "newfstatat",
            "readlink",
            "readlinkat",
            "stat",
            "statfs",
            "statx",
            "faccessat2",
            "fstatat64",
        ];
        let is_change = |line: &&str| {
            // PID CALL(…) = …
            let Some((call, arguments)) =
                line.split_once(' ').and_then(|(_, call)| call.trim().split_once('('))
            else {
                return false;
            };
            match call {
                "open" | "openat" => {
                    ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| arguments.contains(flag))
                }
                call => !READING.contains(&call),
            }
        };
        self.0.lines().filter(is_change).collect()
    }
}

mod tests {
    use super::*;

    #[test]
    fn a_question_spells_a_name() {
        assert_eq!(spelled(b"\x05hooks\x07example\x00\x00\x01\x00\x01"), "hooks.example");
    }

    #[test]
    fn a_trace_shows_what_changes_files() {
        let mut text = String::new();
        for line in [
            r#"execve("/x", ["/x"], 0x7ffd /* 3 vars */) = 0"#,
            r#"openat(AT_FDCWD, "/etc/hosts", O_RDONLY|O_CLOEXEC) = 3"#,
            r#"readlink("/proc/self/exe", "/x", 4095) = 2"#,
            r#"openat(AT_FDCWD, "/log", O_WRONLY|O_CREAT|O_APPEND|O_CLOEXEC, 0666) = -1 EROFS"#,
            r#"unlink("/log.1") = 0"#,
            "+++ exited with 0 +++",
        ] {
            let _ = writeln!(text, "4711  {line}");
        }
        let changes = Trace(text);
        let changes = changes.changes();
        assert_eq!(changes.len(), 2, "{changes:?}");
        assert!(changes[0].contains("/log\"") && changes[1].contains("unlink"));
    }
}
