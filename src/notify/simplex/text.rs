//! A text as simplex-chat is to show it: letter by letter, and nothing else.
//!
//! ```text
//!   user *root* from #1#  ─►  user ​*root* from ​#1#      a zero-width space before what would begin markup
//! ```
//!
//! Pure. Apart, because the apps' markup cannot be switched off or escaped, and some of it hides
//! what it marks (`#…#`) or makes a button of it (`/…`). It begins only where a word does: at a
//! line's start, after a blank, and after digits that make a telephone number. To be safe with
//! versions to come, what colours and hides is broken after everything but letters and digits,
//! except in a link, which people are to be able to open.

use serde_json::json;

use super::frame::Chat;
use crate::notify::{Notification, json_bytes};

/// simplex-chat takes 15,488 bytes of a text once it is escaped (6.3 to 7.0, seen).
pub(super) const TEXT_BYTES_MAX: usize = 15_000;

/// A contact with post-quantum keys takes some 2,200 bytes less of what does not compress, and an
/// armored text cannot be cut. Of 65 characters in it one is a line feed, which takes two bytes.
pub(super) const ARMOR_CHARS_MAX: usize = 13_000 / 66 * 65;

/// Not seen, and no blank: what follows is not at a word's beginning any more.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// Seven digits and more are a telephone number, behind which a word begins.
const TELEPHONE_DIGITS_MIN: usize = 7;

/// Of a path that is not there, the end is shown.
const PATH_CHARS_MAX: usize = 60;

fn begins_markup(c: char) -> bool {
    matches!(c, '*' | '_' | '~' | '`' | '#' | '!')
}

/// A name to be told (`@…`), a command to be tapped (`/…`), a link under other words (`[…](…)`).
fn begins_button(c: char) -> bool {
    matches!(c, '@' | '/' | '[')
}

/// `notification`, in as many bytes as fit into `bytes_max`.
pub(super) fn compose(notification: &Notification<'_>, bytes_max: usize, is_encrypted: bool) -> String {
    if is_encrypted {
        return notification.within(bytes_max, json_bytes);
    }
    // Each of these may get a space before it.
    let spaces = |c| if begins_markup(c) || begins_button(c) { ZERO_WIDTH_SPACE.len_utf8() } else { 0 };
    inert(&notification.within(bytes_max, |c| json_bytes(c) + spaces(c)))
}

/// `text` with nothing in it that the apps would take for markup.
fn inert(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let (mut before, mut digits, mut is_link) = (' ', 0, false);
    for (at, c) in text.char_indices() {
        let begins_word = before.is_whitespace() || before.is_control();
        if begins_word {
            let rest = text.get(at..).unwrap_or_default();
            is_link = ["https://", "http://"].iter().any(|scheme| rest.starts_with(scheme));
        }
        let follows_number = digits >= TELEPHONE_DIGITS_MIN;
        let is_live = (begins_markup(c) && !is_link && (follows_number || !before.is_alphanumeric()))
            || ((begins_markup(c) || begins_button(c)) && (begins_word || (follows_number && !is_link)));
        if is_live {
            shown.push(ZERO_WIDTH_SPACE);
        }
        shown.push(c);
        digits = match c {
            '0'..='9' => digits + 1,
            ' ' | '-' | '.' | '(' | ')' | '+' => digits,
            _ => 0,
        };
        before = c;
    }
    shown
}

/// The command that sends `text` into `chat`, and a file if there is one. The text is JSON in it,
/// so that nothing in it can end the command, or begin another.
pub(super) fn command(chat: Chat, text: &str, file: Option<&str>) -> String {
    let kind = if file.is_some() { "file" } else { "text" };
    let mut message = json!({"msgContent": {"type": kind, "text": text}, "mentions": {}});
    if let (Some(path), Some(message)) = (file, message.as_object_mut()) {
        message.insert("fileSource".to_owned(), json!({"filePath": path}));
    }
    format!("/_send {chat} json [{message}]")
}

/// What is said below the text when the file at `path` could not go with it.
pub(super) fn without_file(path: &str) -> String {
    let count = path.chars().count();
    let skipped = count.saturating_sub(PATH_CHARS_MAX);
    let mark = if skipped > 0 { "…" } else { "" };
    let end: String = path.chars().skip(skipped).collect();
    inert(&format!("\n(without the file that belongs to it: {mark}{end} cannot be sent)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|` stands for the space that nobody sees.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(inert(text).replace(ZERO_WIDTH_SPACE, "|"), expected);
    }

    #[test]
    fn what_would_hide_colour_or_shape_is_broken() {
        check("*a* _b_ ~c~ `d` #e# !1 f!", "|*a* |_b_ |~c~ |`d` |#e# |!1 f!");
        check("##a## (*b*) **\n_c_", "|#|#a#|# (|*b*) |*|*\n|_c_");
    }

    #[test]
    fn names_of_the_log_stay_as_they_are() {
        check("sfp-sfpplus1_wan user_name a*b 5#6 x!", "sfp-sfpplus1_wan user_name a*b 5#6 x!");
        check("a@b.example 10.0.0.0/8 arr[0]", "a@b.example 10.0.0.0/8 arr[0]");
    }

    #[test]
    fn a_button_is_none_at_the_beginning_of_a_word() {
        check("/help @ann [x](https://e.vil)\n/a\t@b", "|/help |@ann |[x](https://e.vil)\n|/a\t|@b");
    }

    #[test]
    fn a_telephone_number_does_not_open_the_way() {
        check("1234567#x# +1 (202) 555-0100_y_ 123456#z#", "1234567|#x# +1 (202) 555-0100|_y_ 123456#z#");
        check("1234567/x", "1234567|/x");
    }

    #[test]
    fn a_link_can_be_opened() {
        check("https://h/#/a_b?_c=*d* #x", "https://h/#/a_b?_c=*d* |#x");
        check("xhttps://h/#x", "xhttps://h/|#x");
    }

    #[test]
    fn nothing_ends_a_command() {
        let text = "\"}}]\n/quit\\";
        let sent = command(Chat::Group(7), text, None);
        let json = sent.strip_prefix("/_send #7 json ").unwrap();
        let read: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(read[0]["msgContent"], json!({"type": "text", "text": text}));
        assert!(!sent.contains('\n') && read[0].get("fileSource").is_none());
        let sent = command(Chat::Contact(4), "a", Some("/f \"x\""));
        let read: serde_json::Value =
            serde_json::from_str(sent.strip_prefix("/_send @4 json ").unwrap()).unwrap();
        assert_eq!(read[0]["fileSource"]["filePath"], "/f \"x\"");
        assert_eq!(read[0]["msgContent"]["type"], "file");
    }

    #[test]
    fn a_long_text_is_cut_where_simplex_chat_counts_to() {
        for alphabet in ["a", "é", "😀", "\"", "\n", "\0", "*", "#a", " _", "/ ", "1", "https://h/_ "] {
            let text = alphabet.repeat(TEXT_BYTES_MAX);
            let notification = Notification { text: &text, suffix: ", at", ..Notification::default() };
            for is_encrypted in [false, true] {
                let composed = compose(&notification, TEXT_BYTES_MAX, is_encrypted);
                let bytes: usize = composed.chars().map(json_bytes).sum();
                assert!(bytes <= TEXT_BYTES_MAX && bytes > TEXT_BYTES_MAX / 4, "{bytes} of {alphabet:?}");
                assert!(composed.ends_with("…, at"), "{alphabet:?}");
            }
        }
    }

    #[test]
    fn an_armored_text_arrives_as_it_is() {
        let text = "-----BEGIN AGE ENCRYPTED FILE-----\n/a+_*#b==\n-----END AGE ENCRYPTED FILE-----\n";
        let notification = Notification { text, ..Notification::default() };
        assert_eq!(compose(&notification, TEXT_BYTES_MAX, true), text);
        let armor = format!("{}\n", "A".repeat(64)).repeat(ARMOR_CHARS_MAX / 65);
        let notification = Notification { text: &armor, ..Notification::default() };
        assert_eq!(compose(&notification, TEXT_BYTES_MAX, true), armor);
    }
}
