//! RouterOS's strings, read as its console reads them.
//!
//! Apart from what writes them, and made from MikroTik's table of escapes alone:
//! it is the judge of what `alertik routeros` prints. Knows nothing but `std`, so
//! that the tests beside the writer can ask it too.
//!
//! ```text
//!   \"  \\  \$  \?     the character       \a \b \f \n \r \t \v     as in C
//!   \_                 a space             \5C                      by number, in capitals
//! ```

/// What the string at the start of `text` holds, and what stands behind its closing quote. The error says
/// what a console would take for something else than that string.
pub(crate) fn read_string(text: &str) -> Result<(Vec<u8>, &str), String> {
    let inner = text.strip_prefix('"').ok_or("it does not begin with a quote")?;
    let mut bytes = inner.bytes().enumerate();
    let mut value = Vec::new();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Ok((value, inner.get(at + 1..).unwrap_or_default())),
            b'$' => return Err(format!("a variable at {at}")),
            b'?' => return Err(format!("a call for help at {at}")),
            b'\\' => value.push(read_escape(&mut || bytes.next().map(|(_, byte)| byte))?),
            b' '..=b'~' => value.push(byte),
            other => return Err(format!("byte {other:02X} at {at}")),
        }
    }
    Err("it does not end".to_owned())
}

/// The byte that an escape stands for; `next` gives what stands behind the backslash.
fn read_escape(next: &mut impl FnMut() -> Option<u8>) -> Result<u8, String> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let first = next().ok_or("nothing behind a backslash")?;
    if let Some(high) = digit(first) {
        let low = next().and_then(digit).ok_or("a number of one digit")?;
        return Ok(high * 16 + low);
    }
    match first {
        b'"' | b'\\' | b'$' | b'?' => Ok(first),
        b'_' => Ok(b' '),
        b'a' => Ok(7),
        b'b' => Ok(8),
        b't' => Ok(9),
        b'n' => Ok(10),
        b'v' => Ok(11),
        b'f' => Ok(12),
        b'r' => Ok(13),
        other => Err(format!("no escape: {other:02X}")),
    }
}
