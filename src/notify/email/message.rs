//! The mail itself: header and body (RFC 5322, MIME).
//!
//! Pure. All that comes from a log line passes through two places here: the
//! subject, whose characters are made into words and encoded, and the body, which
//! is plain lines if every mail system leaves them as they are, and base64 if not.
//! So no text can end the header, the body, or a line of either. The encodings are
//! those of the `email-encoding` crate; addresses are the operator's, and
//! checked at the start.

use std::fmt::Write;

use email_encoding::body;
use email_encoding::headers::{rfc2047, writer::EmailWriter};

use super::TEXT_BYTES_MAX;
use crate::alert::Priority;
use crate::notify::Notification;

/// A telephone shows some 40 of them.
const SUBJECT_CHARS_MAX: usize = 120;

/// Longer lines should be folded (RFC 5322, 2.1.1).
const HEADER_LINE_CHARS_MAX: usize = 78;

/// A line may have 998 bytes (RFC 5322, 2.1.1); some systems count what they put in front.
const LINE_BYTES_MAX: usize = 900;

/// Who sends: an address, perhaps with a name.
#[derive(Debug)]
pub(super) struct Mailbox {
    name: Option<String>,
    pub(super) address: String,
}

impl Mailbox {
    /// Reads `address` or `Name <address>`.
    pub(super) fn parse(text: &str) -> Option<Mailbox> {
        let (name, address) = match text.trim().strip_suffix('>') {
            Some(rest) => rest.split_once('<')?,
            None => ("", text.trim()),
        };
        let name = Some(name.trim().trim_matches('"').to_owned()).filter(|name| !name.is_empty());
        is_address(address).then(|| Mailbox { name, address: address.to_owned() })
    }
}

/// True for an address that can stand in a header and a command as it is: RFC 5321's, without
/// quotes and in ASCII alone.
pub(super) fn is_address(text: &str) -> bool {
    let Some((user, host)) = text.rsplit_once('@') else { return false };
    let is_atom = |part: &str, also: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
    };
    let is_user = user.split('.').all(|part| is_atom(part, "!#$%&'*+-/=?^_`{|}~"));
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(literal) => is_atom(literal, ".:"),
        None => host.split('.').all(|part| is_atom(part, "-")),
    };
    is_user && is_host && user.len() <= 64 && text.len() <= 254
}

/// The whole mail, each line ended by CR and LF; no other CR or LF is in it, and nothing but ASCII.
pub(super) fn compose(
    from: &Mailbox,
    to: &[String],
    notification: &Notification<'_>,
    is_encrypted: bool,
) -> String {
    let mut mail = String::new();
    let (_, host) = from.address.rsplit_once('@').unwrap_or_default();
    put(&mut mail, "Date", &httpdate::fmt_http_date(notification.now).replace("GMT", "+0000"));
    mail.push_str("From: ");
    if let Some(name) = &from.name {
        encode(&mut mail, "From: ".len(), name);
        // The address on a line of its own: a name can be long.
        mail.push_str("\r\n ");
    }
    let _ = write!(mail, "<{}>\r\n", from.address);
    put(&mut mail, "To", &to.join(",\r\n "));
    // Of the alert and not of the attempt: a second mail of it is known for that.
    put(&mut mail, "Message-ID", &format!("<{}.alertik@{host}>", notification.id));
    put_text(&mut mail, "Subject", &subject(notification, is_encrypted));
    // No holiday notes, please (RFC 3834, 5).
    put(&mut mail, "Auto-Submitted", "auto-generated");
    let (number, importance) = match notification.priority {
        Priority::Low => ("5", "low"),
        Priority::Normal => ("", ""),
        Priority::High => ("2", "high"),
        Priority::Urgent => ("1", "high"),
    };
    if !number.is_empty() {
        put(&mut mail, "X-Priority", number);
        put(&mut mail, "Importance", importance);
    }
    put(&mut mail, "MIME-Version", "1.0");
    put(&mut mail, "Content-Type", "text/plain; charset=utf-8");
    put_body(&mut mail, &notification.within(TEXT_BYTES_MAX, |c| if c == '\n' { 2 } else { c.len_utf8() }));
    mail
}

fn put(mail: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = write!(mail, "{name}: {value}\r\n");
}

/// The same with a text that could be anything in one line.
fn put_text(mail: &mut String, name: &str, text: &str) {
    let before = name.len() + ": ".len();
    // What looks as if it were encoded would be decoded, and show what was not said.
    let is_plain = text.bytes().all(|b| (b' '..=b'~').contains(&b)) && !text.contains("=?");
    if is_plain && before + text.len() <= HEADER_LINE_CHARS_MAX {
        return put(mail, name, text);
    }
    let _ = write!(mail, "{name}: ");
    encode(mail, before, text);
    mail.push_str("\r\n");
}

/// In words of RFC 2047, behind `before` characters of the line.
fn encode(mail: &mut String, before: usize, text: &str) {
    let _ = rfc2047::encode(text, &mut EmailWriter::new(mail, before, 0, false));
}

/// Who says what, in one line.
fn subject(notification: &Notification<'_>, is_encrypted: bool) -> String {
    // Of an armored file only the mail's end is worth reading.
    let text = if is_encrypted { "encrypted alert" } else { notification.text };
    let title = notification.title();
    // Many texts begin with the router's name.
    let whole = if text.starts_with(title) { text.to_owned() } else { format!("{title}: {text}") };
    let words = whole.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    if line.chars().count() <= SUBJECT_CHARS_MAX {
        return line;
    }
    let cut: String = line.chars().take(SUBJECT_CHARS_MAX - 1).collect();
    format!("{cut}…")
}

/// How the body is encoded, an empty line, the body.
fn put_body(mail: &mut String, text: &str) {
    let text = text.replace("\r\n", "\n");
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let lines = text.split('\n');
    let is_plain = lines.clone().all(is_untouched);
    let whole = lines.collect::<Vec<_>>().join("\r\n");
    if is_plain {
        put(mail, "Content-Transfer-Encoding", "7bit");
        let _ = write!(mail, "\r\n{whole}");
    } else {
        put(mail, "Content-Transfer-Encoding", "base64");
        mail.push_str("\r\n");
        let _ = body::base64::encode(whole.as_bytes(), mail);
    }
    mail.push_str("\r\n");
}

/// True for a line that no mail system changes: some cut the blanks at its end, and folders of
/// mail put a `>` before `From `.
fn is_untouched(line: &str) -> bool {
    line.len() <= LINE_BYTES_MAX
        && line.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b))
        && !line.ends_with([' ', '\t'])
        && !line.starts_with("From ")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::value::{Value, Values};

    /// The mail of a text from the router `home`.
    fn mail(text: &str, priority: Priority, is_encrypted: bool) -> String {
        let values = Values::new(|value| if value == Value::Router { "home" } else { "" }.to_owned());
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_249_755);
        let values = (!is_encrypted).then_some(&values);
        let notification = Notification { text, priority, values, now, ..Notification::default() };
        let from = Mailbox::parse("Ålertik <alertik@mail.example>").unwrap();
        let to = ["ann@mail.example".to_owned(), "bob@mail.example".to_owned()];
        compose(&from, &to, &notification, is_encrypted)
    }

    /// What is in the header under `name`, as it is written.
    #[track_caller]
    fn field<'a>(mail: &'a str, name: &str) -> Option<&'a str> {
        let (header, _) = mail.split_once("\r\n\r\n").unwrap();
        header.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    #[test]
    fn a_mail_is_made_of_these_lines() {
        let expected = "Date: Sat, 21 Nov 2026 08:29:15 +0000\r\n\
            From: =?utf-8?b?w4VsZXJ0aWs=?=\r\n <alertik@mail.example>\r\n\
            To: ann@mail.example,\r\n bob@mail.example\r\n\
            Message-ID: <0123456789abcdef.alertik@mail.example>\r\n\
            Subject: home: login failure\r\n\
            Auto-Submitted: auto-generated\r\n\
            X-Priority: 1\r\n\
            Importance: high\r\n\
            MIME-Version: 1.0\r\n\
            Content-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: 7bit\r\n\
            \r\n\
            login failure\r\n";
        assert_eq!(mail("login failure", Priority::Urgent, false), expected);
    }

    #[test]
    fn each_priority_is_said_and_the_normal_one_is_not() {
        for (priority, number, importance) in [
            (Priority::Low, Some("5"), Some("low")),
            (Priority::Normal, None, None),
            (Priority::High, Some("2"), Some("high")),
            (Priority::Urgent, Some("1"), Some("high")),
        ] {
            let mail = mail("x", priority, false);
            assert_eq!((field(&mail, "X-Priority"), field(&mail, "Importance")), (number, importance));
        }
    }

    #[test]
    fn a_subject_is_one_line_of_words() {
        let check = |text: &str, expected: &str| {
            assert_eq!(field(&mail(text, Priority::Normal, false), "Subject"), Some(expected));
        };
        check("home: down", "home: down");
        check(" a\r\nBcc: eve\t\0b\x1b[1m ", "home: a Bcc: eve b [1m");
        check("é", "=?utf-8?b?aG9tZTogw6k=?=");
        check("=?utf-8?q?x?=", "=?utf-8?b?aG9tZTogPT91dGYtOD9xP3g/PQ==?=");
        check("", "home:");
        let (long, armored) = ("x".repeat(500), mail("-----BEGIN", Priority::Normal, true));
        assert!(mail(&long, Priority::Normal, false).split("\r\n").all(|line| line.len() < 600));
        assert_eq!(field(&armored, "Subject"), Some("alertik: encrypted alert"));
    }

    #[test]
    fn a_body_is_plain_only_if_nobody_would_change_it() {
        let check = |text: &str, encoding: &str, body: &str| {
            let mail = mail(text, Priority::Normal, false);
            assert_eq!(field(&mail, "Content-Transfer-Encoding"), Some(encoding), "{text:?}");
            assert_eq!(mail.split_once("\r\n\r\n").unwrap().1, body, "{text:?}");
        };
        check("a\tb\n.\n..c\n", "7bit", "a\tb\r\n.\r\n..c\r\n");
        check("a\r\nb", "7bit", "a\r\nb\r\n");
        check("", "7bit", "\r\n");
        check("a\rb", "base64", "YQ1i\r\n");
        check("a \nb", "base64", "YSANCmI=\r\n");
        check("From me", "base64", "RnJvbSBtZQ==\r\n");
        check("é", "base64", "w6k=\r\n");
        check("\0", "base64", "AA==\r\n");
        let line = "x".repeat(LINE_BYTES_MAX);
        check(&line, "7bit", &format!("{line}\r\n"));
        let long = mail(&"x".repeat(60), Priority::Normal, false)
            + &mail(&"é\n".repeat(90_000), Priority::Low, false);
        assert!(long.len() < 64 << 10, "{}", long.len());
        assert!(long.is_ascii() && long.split("\r\n").all(|line| line.len() <= 80));
    }
}
