//! What a control port says: from bytes to replies, and the texts in them. Pure.
//!
//! ```text
//!   250-version=0.4.9.11 ⏎                    one line of several
//!   250+ns/id/61A7…= ⏎ r … ⏎ s Fast ⏎ . ⏎     one with more lines behind it, to a point
//!   250 OK ⏎                                   the last
//! ```
//!
//! Apart from the connection, so that what somebody else's port could say is tried on texts. (control-spec,
//! "Message format", 2.3; tor sends events only to those who ask for them.)

/// One reply.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Reply {
    /// 250 if all is well, else why not.
    pub(super) code: u16,
    /// Without codes; data is behind its own line, lines apart.
    pub(super) lines: Vec<String>,
}

/// What comes first in `bytes`, and how many of them it takes; none if it is not whole yet.
///
/// # Errors
/// When this is no reply.
pub(super) fn first(bytes: &[u8]) -> Result<Option<(Reply, usize)>, ()> {
    let (mut reply, mut rest) = (Reply::default(), bytes);
    while let Some((line, after)) = split_line(rest) {
        rest = after;
        let (code, kind, text) = match *line {
            [a, b, c, kind, ref text @ ..] if [a, b, c].iter().all(u8::is_ascii_digit) => {
                (u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'), kind, text)
            }
            _ => return Err(()),
        };
        reply.code = code;
        let mut text = String::from_utf8_lossy(text).into_owned();
        if kind == b'+' {
            loop {
                let Some((line, after)) = split_line(rest) else { return Ok(None) };
                rest = after;
                if line == b"." {
                    break;
                }
                text.push('\n');
                // A point at the beginning of a line is doubled.
                text.push_str(&String::from_utf8_lossy(line.strip_prefix(b".").unwrap_or(line)));
            }
        }
        reply.lines.push(text);
        match kind {
            b' ' => return Ok(Some((reply, bytes.len() - rest.len()))),
            b'-' | b'+' => {}
            _ => return Err(()),
        }
    }
    Ok(None)
}

/// A line without its end, and what is behind it.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = bytes.split_at_checked(end + 1)?;
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    Some((line.strip_suffix(b"\r").unwrap_or(line), rest))
}

impl Reply {
    pub(super) fn is_well(&self) -> bool {
        self.code == 250
    }

    /// Of the line that begins with `start`, the word behind ` name=`, quotes and all.
    pub(super) fn word<'r>(&'r self, start: &str, name: &str) -> Option<&'r str> {
        let line = self.lines.iter().find_map(|line| line.strip_prefix(start))?;
        let at = line.find(&format!(" {name}="))?;
        let word = line.get(at + name.len() + 2..)?;
        match word.starts_with('"') {
            true => Some(word),
            false => word.split(' ').next(),
        }
    }
}

/// The bytes in a quoted string at the beginning of `text`: octal escapes, and those of C (control-spec, 2.1.1).
pub(super) fn unquoted(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.strip_prefix('"')?.bytes().peekable();
    let mut found = Vec::new();
    loop {
        match bytes.next()? {
            b'"' => return Some(found),
            b'\\' => match bytes.next()? {
                b'n' => found.push(b'\n'),
                b't' => found.push(b'\t'),
                b'r' => found.push(b'\r'),
                digit @ b'0'..=b'7' => {
                    let mut value = u16::from(digit - b'0');
                    for _ in 0..2 {
                        let Some(digit) = bytes.next_if(|byte| (b'0'..=b'7').contains(byte)) else { break };
                        value = value * 8 + u16::from(digit - b'0');
                    }
                    found.push(u8::try_from(value).ok()?);
                }
                other => found.push(other),
            },
            other => found.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(u16, &[&str])]) {
        let (mut rest, mut replies) = (text.as_bytes(), Vec::new());
        while let Some((reply, used)) = first(rest).unwrap() {
            // Not one byte sooner.
            assert_eq!(first(&rest[..used - 1]), Ok(None));
            replies.push((reply.code, reply.lines));
            rest = &rest[used..];
        }
        let of = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert_eq!(replies, expected.iter().map(|(code, lines)| (*code, of(lines))).collect::<Vec<_>>());
    }

    #[test]
    fn replies_have_one_line_or_several_or_data() {
        check("250 OK\r\n", &[(250, &["OK"])]);
        check(
            "250-version=0.4.9.11\r\n250 OK\r\n552 Unrecognized key \"x\"\r\n25",
            &[(250, &["version=0.4.9.11", "OK"]), (552, &["Unrecognized key \"x\""])],
        );
        check(
            "250+ns/id/AB=\r\nr name\r\ns Fast Running\r\n..x\r\n.\r\n250 OK\r\n",
            &[(250, &["ns/id/AB=\nr name\ns Fast Running\n.x", "OK"])],
        );
        check("250+x=\r\n", &[]);
        check("", &[]);
    }

    #[test]
    fn what_is_no_reply_is_said_to_be_none() {
        for text in ["HTTP/1.1 400 Bad\r\n", "25\r\n", "\r\n", "250*x\r\n", "220\r\n", "-50 x\r\n"] {
            assert_eq!(first(text.as_bytes()), Err(()), "{text}");
        }
    }

    #[test]
    fn a_word_is_found_in_its_line() {
        let lines = ["PROTOCOLINFO 1", "AUTH METHODS=COOKIE,SAFECOOKIE COOKIEFILE=\"/a b\"", "OK"];
        let reply = Reply { code: 250, lines: lines.map(str::to_owned).to_vec() };
        let check = |start: &str, name: &str, word: Option<&str>| assert_eq!(reply.word(start, name), word);
        check("AUTH", "METHODS", Some("COOKIE,SAFECOOKIE"));
        check("AUTH", "COOKIEFILE", Some("\"/a b\""));
        check("AUTH", "FILE", None);
        check("VERSION", "Tor", None);
    }

    #[test]
    fn quotes_and_escapes_are_undone() {
        let check = |text: &str, bytes: Option<&[u8]>| assert_eq!(unquoted(text).as_deref(), bytes, "{text}");
        check(r#""/run/tor/control.authcookie" x"#, Some(b"/run/tor/control.authcookie"));
        check(r#""a\"b\\c\n\t\r""#, Some(b"a\"b\\c\n\t\r"));
        check(r#""\303\251\0\778""#, Some(b"\xc3\xa9\0\x3f8"));
        for text in ["", "x", "\"x", "\"\\", "\"\\777\""] {
            check(text, None);
        }
    }
}
