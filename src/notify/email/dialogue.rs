//! What is said to the server and what its answers mean (RFC 5321, 3207, 4954).
//!
//! ```text
//!   ◄ 220              ► EHLO            ◄ 250-…
//!   ► STARTTLS         ◄ 220             (TLS) ► EHLO ◄ 250-…       unless TLS came first
//!   ► AUTH PLAIN …     ◄ 235                                        if there is a user
//!   ► MAIL FROM, RCPT TO, DATA           ◄ 250 250 354
//!   ► the mail, a dot  ◄ 250             now it is the server's
//!
//!   4xx                      failed: try again, later and later
//!   5xx before the mail      parked: a human must act
//!   5xx after the mail       rejected: this text is poison, unless it is about a mailbox
//! ```
//!
//! Our own and not a crate's, which is the exception here: lettre would be 308 kB
//! of an image (it brings the tables of international domain names), and has no
//! way to go through a proxy or to end an attempt that only dawdles. A mail goes
//! to whomever of the recipients the server takes; if that is not all, the rest is
//! named. Whoever must not miss one has a destination and a queue of their own.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::notify::Outcome;
use crate::notify::http::{Address, Answer, Client, Hidden, Stream};

/// Of an answer; EHLO's is some hundred bytes.
const REPLY_BYTES_MAX: usize = 8 * 1024;

/// We have no name that anybody could look up (RFC 5321, 4.1.4), and our address is nobody's business.
const EHLO: &str = "EHLO [127.0.0.1]";

/// What is being answered.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Setup,
    Mail,
}

/// An answer: its code, and what its lines say.
struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    /// What stands behind `keyword` in an answer to EHLO.
    fn extension(&self, keyword: &str) -> Option<Vec<String>> {
        // AUTH=LOGIN is how old servers said it.
        let words =
            |line: &String| -> Vec<String> { line.split([' ', '=']).map(str::to_ascii_uppercase).collect() };
        self.lines.iter().skip(1).map(words).find(|words| words.first().is_some_and(|word| word == keyword))
    }
}

/// Sends `mail`; who of the recipients was refused while others were not, and why.
///
/// # Errors
/// What became of the attempt, if it is not delivered.
pub(super) fn send(
    client: &Client,
    server: &Address,
    from: &str,
    to: &[String],
    mail: &str,
) -> Result<Vec<String>, Outcome> {
    let stream = client.connect(server).map_err(|reason| Outcome::Failed { reason })?;
    let mut talk = Dialogue { stream, received: Vec::new(), hidden: hidden(server) };
    talk.expect(220, Step::Setup)?;
    let mut hello = talk.say(EHLO, 250, Step::Setup)?;
    if !server.is_tls_first {
        if hello.extension("STARTTLS").is_none() {
            // A server that has lost it, or somebody on the way who has cut it out.
            return Err(parked("the server offers no STARTTLS: nothing was sent"));
        }
        talk.say("STARTTLS", 220, Step::Setup)?;
        talk = talk.secure(client, server)?;
        hello = talk.say(EHLO, 250, Step::Setup)?;
    }
    talk.log_in(server, &hello.extension("AUTH").unwrap_or_default())?;
    talk.say(&format!("MAIL FROM:<{from}>"), 250, Step::Setup)?;
    let refused = talk.name_recipients(to)?;
    talk.say("DATA", 354, Step::Setup)?;
    talk.write(&stuffed(mail))?;
    talk.expect(250, Step::Mail)?;
    // It is delivered whatever comes of this.
    let _ = talk.write("QUIT\r\n");
    Ok(refused)
}

/// What an answer could repeat.
fn hidden(server: &Address) -> Hidden {
    let Some((user, password)) = &server.login else { return Hidden::default() };
    let encoded = [plain(user, password.expose()), STANDARD.encode(user), STANDARD.encode(password.expose())];
    Hidden::of_parts(encoded.iter().map(String::as_str).chain([password.expose()]))
}

/// User and password as `AUTH PLAIN` wants them (RFC 4616).
fn plain(user: &str, password: &str) -> String {
    STANDARD.encode(format!("\0{user}\0{password}"))
}

/// The mail and the dot that ends it. A line that begins with a dot gets one more (RFC 5321, 4.5.2).
fn stuffed(mail: &str) -> String {
    format!("{}.\r\n", mail.replace("\r\n.", "\r\n.."))
}

fn parked(reason: &str) -> Outcome {
    Outcome::Parked { reason: reason.to_owned() }
}

struct Dialogue {
    stream: Stream,
    /// What came and was not read yet.
    received: Vec<u8>,
    hidden: Hidden,
}

impl Dialogue {
    fn write(&mut self, text: &str) -> Result<(), Outcome> {
        let written = self.stream.write_all(text.as_bytes()).and_then(|()| self.stream.flush());
        written.map_err(|error| Outcome::Failed { reason: Stream::words(&error) })
    }

    /// Says `command`; the answer, if it is the `wanted` one.
    fn say(&mut self, command: &str, wanted: u16, step: Step) -> Result<Reply, Outcome> {
        self.write(&format!("{command}\r\n"))?;
        self.expect(wanted, step)
    }

    fn expect(&mut self, wanted: u16, step: Step) -> Result<Reply, Outcome> {
        let reply = self.reply()?;
        if reply.code == wanted { Ok(reply) } else { Err(self.judge(&reply, step)) }
    }

    fn words(&self, reply: &Reply) -> String {
        let answer = Answer { status: reply.code, hidden: self.hidden.clone(), ..Answer::default() };
        answer.with_words(&reply.lines.join(" "))
    }

    fn judge(&self, reply: &Reply, step: Step) -> Outcome {
        judge(reply, step, self.words(reply))
    }

    /// One whole answer: `250-first`, `250-second`, `250 last`.
    fn reply(&mut self) -> Result<Reply, Outcome> {
        let failed = |reason: &str| Outcome::Failed { reason: reason.to_owned() };
        let mut lines = Vec::new();
        let mut room = REPLY_BYTES_MAX;
        loop {
            let line = self.line(&mut room)?;
            let (code, text) = line.split_at_checked(3).ok_or_else(|| failed("the answer is not SMTP"))?;
            let code = code.parse::<u16>().ok().filter(|code| (200..600).contains(code));
            let code = code.ok_or_else(|| failed("the answer is not SMTP"))?;
            lines.push(text.get(1..).unwrap_or_default().to_owned());
            if !text.starts_with('-') {
                return Ok(Reply { code, lines });
            }
        }
    }

    /// One line of at most `room` bytes, which it takes from that.
    fn line(&mut self, room: &mut usize) -> Result<String, Outcome> {
        let failed = |reason: &str| Outcome::Failed { reason: reason.to_owned() };
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                *room = room.checked_sub(line.len()).ok_or_else(|| failed("the answer is too long"))?;
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.received.len() > *room {
                return Err(failed("the answer is too long"));
            }
            let mut buffer = [0; 512];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(failed("the connection was cut")),
                Ok(count) => self.received.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(error) => return Err(Outcome::Failed { reason: Stream::words(&error) }),
            }
        }
    }

    fn secure(self, client: &Client, server: &Address) -> Result<Dialogue, Outcome> {
        // Whatever came before TLS could be anybody's: taken for an answer within it, it would be believed.
        if !self.received.is_empty() {
            return Err(Outcome::Failed { reason: "TLS: something was said before it".to_owned() });
        }
        let stream = self.stream.secure(client, server).map_err(|reason| Outcome::Failed { reason })?;
        Ok(Dialogue { stream, ..self })
    }

    fn log_in(&mut self, server: &Address, offered: &[String]) -> Result<(), Outcome> {
        let Some((user, password)) = &server.login else { return Ok(()) };
        let offers = |name: &str| offered.iter().any(|word| word == name);
        if offers("PLAIN") {
            self.say(&format!("AUTH PLAIN {}", plain(user, password.expose())), 235, Step::Setup)?;
        } else if offers("LOGIN") {
            // Never a standard, and all that some of the largest offer.
            self.say("AUTH LOGIN", 334, Step::Setup)?;
            self.say(&STANDARD.encode(user), 334, Step::Setup)?;
            self.say(&STANDARD.encode(password.expose()), 235, Step::Setup)?;
        } else {
            return Err(parked("the server offers neither AUTH PLAIN nor LOGIN, and EMAIL_URL has a user"));
        }
        Ok(())
    }

    /// Names each recipient; those that are refused, if not all are.
    fn name_recipients(&mut self, to: &[String]) -> Result<Vec<String>, Outcome> {
        let mut refused = Vec::new();
        let mut worst: Option<Outcome> = None;
        for address in to {
            self.write(&format!("RCPT TO:<{address}>\r\n"))?;
            let reply = self.reply()?;
            if matches!(reply.code, 250 | 251) {
                continue;
            }
            if reply.code == 421 {
                return Err(self.judge(&reply, Step::Setup));
            }
            refused.push(format!("{address}: {}", self.words(&reply)));
            // If one of them may be taken later, it is worth trying.
            if worst.is_none() || reply.code < 500 {
                worst = Some(self.judge(&reply, Step::Setup));
            }
        }
        match worst {
            Some(outcome) if refused.len() == to.len() => Err(outcome),
            _ => Ok(refused),
        }
    }
}

/// What an answer means that was not the one that was wanted.
fn judge(reply: &Reply, step: Step, reason: String) -> Outcome {
    match reply.code {
        500..=599 if step == Step::Mail && !is_about_a_mailbox(reply) => Outcome::Rejected { reason },
        500..=599 => Outcome::Parked { reason },
        _ => Outcome::Failed { reason },
    }
}

/// Addresses, mailboxes, routes (RFC 3463: x.1.x, x.2.x, x.4.x): a full one, or a day's quota,
/// is nothing that the text could help.
fn is_about_a_mailbox(reply: &Reply) -> bool {
    reply.lines.iter().any(|line| ["5.1.", "5.2.", "5.4."].iter().any(|begin| line.starts_with(begin)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(step: Step, expected: &str, answers: &[&str]) {
        for answer in answers {
            let (code, text) = answer.split_once(' ').unwrap();
            let reply = Reply { code: code.parse().unwrap(), lines: vec![text.to_owned()] };
            let kind = match judge(&reply, step, String::new()) {
                Outcome::Failed { .. } => "failed",
                Outcome::Parked { .. } => "parked",
                Outcome::Rejected { .. } => "rejected",
                outcome => panic!("{outcome:?}"),
            };
            assert_eq!(kind, expected, "{answer}");
        }
    }

    #[test]
    fn an_answer_means_what_it_is_about() {
        let later =
            ["421 bye", "451 4.3.0 later", "450 4.2.1 grey", "452 4.3.1 disk", "454 4.7.0 no", "250 ?"];
        check(Step::Setup, "failed", &later);
        check(Step::Mail, "failed", &later);
        check(
            Step::Setup,
            "parked",
            &["535 5.7.8 no", "530 5.7.0 who?", "550 5.1.1 nobody", "553 no", "554 go"],
        );
        check(Step::Mail, "rejected", &["554 5.7.1 spam", "550 no", "552 too big", "552 5.3.4 too big"]);
        // The next text would fare no better.
        check(Step::Mail, "parked", &["552 5.2.2 full", "550 5.4.5 daily limit", "550 5.1.1 nobody"]);
    }

    #[test]
    fn what_a_server_offers_is_read_in_any_case() {
        let lines = ["mail.example STARTTLS", "Size 100", "starttls", "AUTH=LOGIN plain", "XAUTH"];
        let reply = Reply { code: 250, lines: lines.map(str::to_owned).to_vec() };
        assert_eq!(reply.extension("STARTTLS"), Some(vec!["STARTTLS".to_owned()]));
        assert_eq!(reply.extension("AUTH").unwrap()[1..], ["LOGIN", "PLAIN"]);
        assert_eq!(reply.extension("MAIL.EXAMPLE"), None);
    }

    #[test]
    fn no_line_of_a_mail_is_its_end() {
        assert_eq!(
            stuffed("a: b\r\n\r\n.\r\n.\r\n..\r\nx.\r\n"),
            "a: b\r\n\r\n..\r\n..\r\n...\r\nx.\r\n.\r\n"
        );
    }
}
