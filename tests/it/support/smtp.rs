//! A real SMTP server (Debian: python3-aiosmtpd), whose mails Python's own reader reads; and one
//! that says what a test wants, for what no real one does.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use serde_json::{Value, json};

use super::authority::{Authority, Validity};
use super::server::Server;
use super::{TempFolder, Watched, skip};

/// Where Debian's Python is, and what a machine may have instead.
const PYTHONS: [&str; 2] = ["/usr/bin/python3", "python3"];

/// When TLS begins on a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tls {
    First,
    Asked,
    None,
}

/// The real one; killed when dropped.
pub(crate) struct MailServer {
    child: Child,
    port: u16,
    events: Arc<Watched<Vec<Value>>>,
    _folder: TempFolder,
}

impl MailServer {
    /// One with a certificate for `name`, and further settings as the script knows them; None, and a
    /// word of why, where there is none.
    pub(crate) fn start(
        authority: &Authority,
        name: &str,
        tls: Tls,
        mut settings: Value,
    ) -> Option<MailServer> {
        let has_it = |python: &&&str| {
            let import = Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
            import.is_ok_and(|status| status.success())
        };
        let Some(python) = PYTHONS.iter().find(has_it) else {
            skip("there is no aiosmtpd");
            return None;
        };
        let folder = TempFolder::new();
        let (certificate, key) = authority.pem(name, Validity::Now);
        let tls = match tls {
            Tls::First => "first",
            Tls::Asked => "asked",
            Tls::None => "none",
        };
        settings["tls"] = json!(tls);
        settings["certificate"] = json!(folder.write("certificate.pem", certificate));
        settings["key"] = json!(folder.write("key.pem", key));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/smtp_server.py");
        // It warns of what a test asks for, such as a password for a server without TLS.
        let mut command = Command::new(python);
        command.arg(script).arg(settings.to_string()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let events = Arc::<Watched<Vec<Value>>>::default();
        let (output, kept) = (child.stdout.take().unwrap(), Arc::clone(&events));
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                kept.change(|all| all.push(serde_json::from_str(&line).unwrap()));
            }
        });
        let mut server = MailServer { child, port: 0, events, _folder: folder };
        server.port = server.wait_for("listening", 1)[0]["port"].as_u64().unwrap().try_into().unwrap();
        Some(server)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What has happened so far under this name.
    pub(crate) fn events(&self, name: &str) -> Vec<Value> {
        self.events.look(|all| all.iter().filter(|event| event["event"] == name).cloned().collect())
    }

    /// The same, once there are so many.
    #[track_caller]
    pub(crate) fn wait_for(&self, name: &str, count: usize) -> Vec<Value> {
        let found = self.events.wait_for(|all| {
            let found: Vec<_> = all.iter().filter(|event| event["event"] == name).cloned().collect();
            (found.len() >= count).then_some(found)
        });
        found.unwrap_or_else(|| panic!("no {count} of {name}: {:?}", self.events.look(Vec::clone)))
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers each line with the next of `answers`, and hangs up behind the last; keeps what it was told.
pub(crate) struct ScriptedServer {
    server: Server,
    told: Arc<Watched<Vec<String>>>,
}

impl ScriptedServer {
    pub(crate) fn start(answers: &'static [&'static str]) -> ScriptedServer {
        let told = Arc::<Watched<Vec<String>>>::default();
        let kept = Arc::clone(&told);
        let server = Server::start(move |mut connection| {
            let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
            for answer in answers {
                // Whoever has heard enough hangs up.
                if connection.write_all(format!("{answer}\r\n").as_bytes()).is_err() {
                    return;
                }
                let Some(Ok(line)) = lines.next() else { return };
                kept.change(|all| all.push(line));
            }
            // Closed with something unread, it would be reset, and the last answer lost.
            let _ = connection.shutdown(Shutdown::Write);
            lines.map_while(Result::ok).for_each(drop);
        });
        ScriptedServer { server, told }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// All lines so far, of all connections.
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.look(Vec::clone)
    }
}
