//! A value that must never be shown.
//!
//! Apart, so that `Debug` and `Display` of whatever holds one are safe without
//! anybody thinking of it. Nothing hashes or orders secrets here.

use std::fmt;

/// Text that only [`Secret::expose`] shows.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True if `given` is the secret. Takes as long for any text of its length, so
    /// that nobody can find it letter by letter with a stopwatch.
    pub fn is(&self, given: &[u8]) -> bool {
        let differing = self.0.bytes().zip(given).fold(0, |all, (a, b)| all | (a ^ b));
        self.0.len() == given.len() && differing == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_debug_nor_display_shows_it() {
        let secret = Secret::new("123:ABC");
        assert_eq!(format!("{secret:?} {secret} {:?}", Some(&secret)), "(hidden) (hidden) Some((hidden))");
        assert_eq!(secret.expose(), "123:ABC");
    }

    #[test]
    fn only_the_whole_secret_is_the_secret() {
        let secret = Secret::new("abc");
        assert!(secret.is(b"abc"));
        for other in [&b"ab"[..], b"abcd", b"abd", b"", b"ABC"] {
            assert!(!secret.is(other));
        }
    }
}
