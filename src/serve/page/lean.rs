//! The page's script without what is in it for us alone: the blanks that lines begin with, and lines that are comments.
//!
//! ```text
//!   page.js ─► LEAN, when it is compiled ─► the page, and its hash in the policy
//! ```
//!
//! Apart, because it is about the room in a router's flash (4 kB) and nothing else. It knows lines and no JavaScript:
//! a test sees to it that no text in the script goes over several lines.

const WHOLE: &[u8] = include_bytes!("page.js");

const BYTES: usize = lean(WHOLE, &mut [0; WHOLE.len()]);

#[expect(clippy::large_const_arrays, reason = "it is used once, for what stands in the binary")]
const LEAN: [u8; BYTES] = {
    let mut bytes = [0; WHOLE.len()];
    lean(WHOLE, &mut bytes);
    *bytes.first_chunk().expect("it is no longer than it was")
};

/// The script.
pub(super) const SCRIPT: &str = match str::from_utf8(&LEAN) {
    Ok(script) => script,
    Err(_) => panic!("the script is not UTF-8"),
};

/// Copies what is left of `text` to the beginning of `to`, and says how long that is.
#[expect(clippy::indexing_slicing, reason = "it runs when it is compiled")]
const fn lean(text: &[u8], to: &mut [u8]) -> usize {
    let (mut place, mut length) = (0, 0);
    while place < text.len() {
        while text[place] == b' ' {
            place += 1;
        }
        let mut end = place;
        while text[end] != b'\n' {
            end += 1;
        }
        let is_long = end - place >= 4;
        let is_block = is_long && text[place] == b'/' && text[place + 1] == b'*' && text[end - 1] == b'/';
        let is_words = is_long && text[place] == b'/' && text[place + 1] == b'/';
        while place <= end {
            if !is_block && !is_words {
                to[length] = text[place];
                length += 1;
            }
            place += 1;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_and_comments_are_left_out() {
        let check = |text: &str, expected: &str| {
            let mut to = vec![0; text.len()];
            let length = lean(text.as_bytes(), &mut to);
            assert_eq!(str::from_utf8(&to[..length]), Ok(expected));
        };
        check("a\n    // b\n  c; // d\n/** e */\n\n/* f\n", "a\nc; // d\n\n/* f\n");
    }

    #[test]
    fn no_text_in_the_script_goes_over_several_lines() {
        let whole = str::from_utf8(WHOLE).unwrap();
        // Where a template ends it was begun on the same line.
        assert!(whole.lines().all(|line| line.matches('`').count() % 2 == 0 && !line.ends_with('\\')));
        assert!(!whole.contains("/*\n") && whole.ends_with('\n'));
        assert!(
            SCRIPT.len() < whole.len()
                && whole
                    .lines()
                    .filter(|line| line.contains("function "))
                    .all(|line| SCRIPT.contains(line.trim()))
        );
    }
}
