//! What several rules ask of a message: is this an address, and can a stranger have chosen that?
//!
//! Apart from the rules, because each of them must answer the same way: what one of them took for a
//! stranger's word and another for the router's would be told by one of them wrongly.

use std::net::IpAddr;

use super::View;

/// Whether the line can be about `topic`. The syslog format carries no topics, so there it can.
pub(super) fn may_be_about(view: &View<'_>, topic: &[u8]) -> bool {
    let topics = view.record.topics;
    topics.is_empty() || topics.contains(topic)
}

/// Whether `head`, what stands before a rule's words, shows that a stranger may have chosen those words.
///
/// Where names are a stranger's to choose (of a user who failed, of a DHCP client), RouterOS writes `for user`
/// or a MAC address before them. With topics there is no need to guess: [`may_be_about`] has ruled it out.
pub(super) fn is_strangers(view: &View<'_>, head: &str) -> bool {
    let is_telling = || head.contains("for user") || head.split([' ', '@']).any(is_mac);
    view.record.topics.is_empty() && is_telling()
}

/// `text` without a logging rule's prefix (`core1: `), which is one word.
pub(super) fn without_prefix(text: &str) -> &str {
    match text.split_once(": ") {
        Some((prefix, rest)) if !prefix.contains(' ') => rest,
        _ => text,
    }
}

/// An IP or MAC address, by its characters.
pub(super) fn is_address(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_hexdigit() || ".:%".contains(c);
    // A zone such as %ether1 may end an IPv6 address.
    let head = text.split('%').next().unwrap_or(text);
    !head.is_empty() && head.chars().all(is_part) && head.contains(['.', ':']) && !text.contains(' ')
}

/// `84:3A:5B:22:49:D0`, in either case.
pub(super) fn is_mac(text: &str) -> bool {
    text.len() == 17
        && text.bytes().enumerate().all(|(at, byte)| match at % 3 {
            2 => byte == b':',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The one spelling of an address, so that it is one key: RouterOS writes MAC addresses in both cases, and
/// an IPv4 address as `::ffff:203.0.113.13` where the service listens on IPv6.
pub(super) fn one_spelling(address: &str) -> String {
    if is_mac(address) {
        return address.to_ascii_uppercase();
    }
    match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        let check = |address, expected: &str| assert_eq!(one_spelling(address), expected);
        check("203.0.113.13", "203.0.113.13");
        check("::ffff:203.0.113.13", "203.0.113.13");
        check("2001:DB8:0::1", "2001:db8::1");
        check("84:3a:5b:22:49:d0", "84:3A:5B:22:49:D0");
        check("fe80::1%ether1", "fe80::1%ether1");
        check("", "");
    }

    #[test]
    fn a_mac_address_is_six_pairs() {
        for text in ["84:3A:5B:22:49:D0", "ee:3c:e7:da:8e:b4"] {
            assert!(is_mac(text), "{text}");
        }
        for text in ["", "84:3A:5B:22:49", "84:3A:5B:22:49:D0:", "84-3A-5B-22-49-D0", "84:3A:5B:22:49:G0"] {
            assert!(!is_mac(text), "{text}");
        }
    }

    #[test]
    fn a_prefix_is_one_word_with_a_colon() {
        let check = |text, expected| assert_eq!(without_prefix(text), expected);
        check("core1: ether9", "ether9");
        check("ether9", "ether9");
        check("two words: ether9", "two words: ether9");
    }
}
