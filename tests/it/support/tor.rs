//! The real tor (Debian: tor), with a folder of its own and nobody to talk to.
//!
//! With `DisableNetwork` it opens no connection; at its control port it answers all the same.

use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{DEADLINE, TempFolder, skip};

/// One that runs; killed when dropped.
pub(crate) struct Tor {
    child: Child,
    pub(crate) folder: TempFolder,
    settings: String,
}

impl Tor {
    /// Starts one with these lines of a torrc, and waits until it can be asked. None, and a word of why, if there is none.
    #[track_caller]
    pub(crate) fn start(settings: &[&str]) -> Option<Tor> {
        let folder = TempFolder::new();
        // In a folder that others can read it puts no socket.
        let data = folder.path("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).unwrap();
        let settings = settings.join("\n");
        match spawn(&folder, &settings) {
            Err(error) => {
                skip(&format!("tor: {error}"));
                None
            }
            Ok(child) => {
                let mut tor = Tor { child, folder, settings };
                tor.wait_until_it_answers();
                Some(tor)
            }
        }
    }

    /// `127.0.0.1:` and the port, for `TOR_CONTROL`.
    pub(crate) fn port(&self) -> String {
        let written = std::fs::read_to_string(self.folder.path("data/port")).unwrap();
        written.lines().find_map(|line| line.strip_prefix("PORT=")).unwrap().to_owned()
    }

    /// Its `ControlSocket`.
    pub(crate) fn socket(&self) -> String {
        self.folder.path("data/socket")
    }

    /// Ends it.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again; at its socket it is where it was.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        let _ = std::fs::remove_file(self.folder.path("data/port"));
        self.child = spawn(&self.folder, &self.settings).unwrap();
        self.wait_until_it_answers();
    }

    #[track_caller]
    fn wait_until_it_answers(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        // Written last of all that a control connection needs.
        while !std::fs::exists(self.folder.path("data/port")).unwrap() {
            let has_ended = self.child.try_wait().unwrap().is_some();
            assert!(!has_ended && Instant::now() < deadline, "{}", self.printed());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn printed(&self) -> String {
        std::fs::read_to_string(self.folder.path("log")).unwrap_or_default()
    }
}

impl Drop for Tor {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What tor makes of a password for its torrc.
pub(crate) fn hashed(password: &str) -> Option<String> {
    let ran = Command::new("tor").args(["--quiet", "--hash-password", password]).output().ok()?;
    Some(String::from_utf8(ran.stdout).unwrap().trim().lines().last()?.to_owned())
}

fn spawn(folder: &TempFolder, settings: &str) -> std::io::Result<Child> {
    let data = folder.path("data");
    let always = format!(
        "DataDirectory {data}\nControlPort auto\nControlPortWriteToFile {data}/port\nControlSocket {data}/socket\n\
         SocksPort 0\nDisableNetwork 1\nRunAsDaemon 0\n"
    );
    let config = folder.write("torrc", always + settings + "\n");
    let log = std::fs::File::create(folder.path("log"))?;
    let mut command = Command::new("tor");
    command.args(["-f", &config, "--defaults-torrc", "/dev/null"]);
    command.stdin(Stdio::null()).stdout(log).stderr(Stdio::null()).spawn()
}
