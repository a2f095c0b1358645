//! How texts are cut.

use super::*;

#[track_caller]
fn check(text: &str, suffix: &str, max: usize, expected: &str) {
    let notification = Notification { text, suffix, ..Notification::default() };
    let cut = notification.within(max, char::len_utf16);
    assert_eq!(cut, expected);
    assert!(cut.encode_utf16().count() <= max);
}

#[test]
fn text_is_cut_before_the_suffix_and_marked() {
    check("hello", ", at: noon", 15, "hello, at: noon");
    check("hello", ", at: noon", 14, "hel…, at: noon");
    check("hello", ", at: noon", 11, "…, at: noon");
    check("hello", ", at: noon", 5, "hell…");
    check("hello", "", 1, "…");
}

#[test]
fn no_character_is_cut_in_two() {
    check("a😀b", "", 4, "a😀b");
    check("a😀bc", "", 4, "a😀…");
    check("a😀bc", "", 3, "a…");
}
