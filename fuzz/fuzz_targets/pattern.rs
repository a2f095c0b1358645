//! Any bytes as a pattern: refused with a place in it, or compiled and tried on a text.
//!
//! The text is made from the pattern, so that it matches now and then: its letters, digits and spaces, then
//! the pattern itself, then its bytes backwards.

#![no_main]

use alertik::line::LINE_BYTES_MAX;
use alertik::rules::ere::Ere;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|pattern: &[u8]| {
    let ere = match Ere::new(pattern) {
        Ok(ere) => ere,
        Err(error) => {
            // One at the very end would have nothing to point at.
            let is_within = error.at < pattern.len() || error.text.is_empty() && error.at == 0;
            assert!(is_within, "{error} is not within {}", pattern.escape_ascii());
            // What may not reach a terminal or a log line.
            assert!(!error.to_string().chars().any(char::is_control), "{error:?}");
            return;
        }
    };
    assert!(ere.lazy_quantifier().is_none_or(|at| at < pattern.len()), "{}", pattern.escape_ascii());

    let plain = pattern.iter().filter(|byte| byte.is_ascii_alphanumeric() || **byte == b' ');
    let mut text: Vec<u8> = plain.chain(pattern).chain(pattern.iter().rev()).copied().collect();
    text.truncate(LINE_BYTES_MAX);
    if let Some(found) = ere.find(&text) {
        assert_eq!(found.len(), ere.groups() + 1, "{}", pattern.escape_ascii());
    }
});
