//! A value as RouterOS's console reads it back: a string in quotes, with escapes.
//!
//! Apart and pure, because everything depends on it: `\d` typed as it stands is
//! another pattern, `\b` a backspace, `$x` a variable. The tests read the escapes
//! back with a reader of their own, made from MikroTik's table.
//!
//! ```text
//!   (\d+)?$ and a line feed   ->   "(\\d+)\3F\$\n"
//! ```

/// `bytes` as a string in quotes, on one line, in ASCII.
///
/// Beyond what the table names, everything but plain ASCII is written by number:
/// a terminal may take bytes of another encoding for something else, and older
/// consoles take `?` for a call for help even within quotes.
pub fn quoted(bytes: impl AsRef<[u8]>) -> String {
    let mut text = String::from("\"");
    for byte in bytes.as_ref() {
        match byte {
            b'"' | b'\\' | b'$' => {
                text.push('\\');
                text.push(char::from(*byte));
            }
            b'\n' => text.push_str("\\n"),
            b'?' | 0..=0x1f | 0x7f.. => text.push_str(&format!("\\{byte:02X}")),
            plain => text.push(char::from(*plain)),
        }
    }
    text.push('"');
    text
}

/// `text` as it stands where that is certain to be read as one word, else in quotes.
pub fn word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) { text.to_owned() } else { quoted(text) }
}

#[cfg(test)]
#[path = "../tests/it/support/console.rs"]
mod console;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(quoted(bytes), expected);
    }

    #[test]
    fn what_the_console_would_change_is_escaped() {
        check(b"", r#""""#);
        check(b"plain text, [x]; #(y) {z} it's", r#""plain text, [x]; #(y) {z} it's""#);
        check(br#"\d "a" $b"#, r#""\\d \"a\" \$b""#);
        check(b"a?", r#""a\3F""#);
        check(b"\0\x07\n\r\t\x7f", r#""\00\07\n\0D\09\7F""#);
        check("é".as_bytes(), r#""\C3\A9""#);
        // Capitals, so that no number begins as the escape of a letter does.
        check(b"\xaf\xbf\xfa", r#""\AF\BF\FA""#);
    }

    #[test]
    fn every_byte_beside_every_other_comes_back() {
        for pair in 0..=u16::MAX {
            let bytes = pair.to_be_bytes();
            let text = quoted(bytes);
            assert_eq!(console::read_string(&text), Ok((bytes.to_vec(), "")), "{text}");
        }
    }

    /// The judge is no judge if it takes everything.
    #[test]
    fn what_the_console_would_change_is_refused() {
        for text in ["a", "\"a", r#""$a""#, r#""\d""#, r#""a?""#, r#""\5""#, r#""\AG""#, "\"a\nb\"", "\"é\""]
        {
            assert!(console::read_string(text).is_err(), "{text}");
        }
        assert_eq!(console::read_string(r#""\_\41" b"#), Ok((b" A".to_vec(), " b")));
    }

    #[test]
    fn words_need_no_quotes() {
        for text in ["usb1/alertik-0.1.0.tar", "192.0.2.1:5140", "ghcr.io/a/b:1"] {
            assert_eq!(word(text), text);
        }
        for text in ["", "a b", "a;b", "a@b", "é", "$x"] {
            assert!(word(text).starts_with('"'), "{text}");
        }
    }
}
