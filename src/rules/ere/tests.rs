//! The dialect, point by point. What musl itself says to the same patterns is
//! asked in `tests/it/oracle.rs`.

mod bounds;
mod parses;
mod random;
mod refused;

use super::*;

/// `pattern` on `text` gives these groups, or `None` where it does not match.
fn check(pattern: &[u8], text: &[u8], expected: Option<&[Option<&[u8]>]>) {
    let ere = Ere::new(pattern).unwrap_or_else(|error| panic!("{}: {error}", pattern.escape_ascii()));
    let found = ere.find(text);
    let groups: Option<Vec<_>> =
        found.as_ref().map(|found| (0..found.len()).map(|i| found.bytes(i)).collect());
    let (pattern, text) = (pattern.escape_ascii(), text.escape_ascii());
    assert_eq!(groups.as_deref(), expected, "{pattern} on {text}");
}

/// `pattern` matches this part of `text` and has no groups.
fn matches(pattern: &str, text: &str, part: &str) {
    check(pattern.as_bytes(), text.as_bytes(), Some(&[Some(part.as_bytes())]));
}

fn misses(pattern: &str, text: &str) {
    check(pattern.as_bytes(), text.as_bytes(), None);
}

/// `pattern` matches in `text`, with these groups after the whole match.
fn groups(pattern: &str, text: &str, expected: &[Option<&str>]) {
    let expected: Vec<_> = expected.iter().map(|group| group.map(str::as_bytes)).collect();
    check(pattern.as_bytes(), text.as_bytes(), Some(&expected));
}

#[test]
fn alertik_readme_works() {
    groups(
        r"login failure for user ([A-Za-z]+) from (\d{1,3}.*) via ssh",
        "system,error,critical login failure for user admin from 192.168.1.10 via ssh",
        &[
            Some("login failure for user admin from 192.168.1.10 via ssh"),
            Some("admin"),
            Some("192.168.1.10"),
        ],
    );
    // The README's own line for it has an underscore in the name.
    misses(
        r"login failure for user ([A-Za-z]+) from (\d{1,3}.*) via ssh",
        "login failure for user john_doe from 192.168.1.10 via ssh",
    );
    groups(
        r"([a-zA-Z0-9]+) link up \(speed (\d+Mbps), full duplex\)",
        "eth0 link up (speed 100Mbps, full duplex)",
        &[Some("eth0 link up (speed 100Mbps, full duplex)"), Some("eth0"), Some("100Mbps")],
    );
    groups(
        r"ether2 link up \(speed (.+), full duplex\)",
        "interface,info ether2 link up (speed 1Gbps, full duplex)",
        &[Some("ether2 link up (speed 1Gbps, full duplex)"), Some("1Gbps")],
    );
    groups(
        concat!(
            r"input: in:.*src-mac [0-9a-f:]+, proto [^,]+, ",
            r"((\d{1,3}\.?)+):(\d{1,5})->((\d{1,3}\.?)+):(\d{1,5})"
        ),
        concat!(
            "input: in:WANinterface out:(unknown 0), connection-state:new src-mac 18:3d:5e:79:42:a5, ",
            "proto TCP (SYN), 192.0.2.1:45624->198.51.100.2:80, len 60"
        ),
        &[
            Some(concat!(
                "input: in:WANinterface out:(unknown 0), connection-state:new src-mac 18:3d:5e:79:42:a5, ",
                "proto TCP (SYN), 192.0.2.1:45624->198.51.100.2:80"
            )),
            Some("192.0.2.1"),
            Some("1"),
            Some("45624"),
            Some("198.51.100.2"),
            Some("2"),
            Some("80"),
        ],
    );
}

#[test]
fn bracket_is_a_set_of_bytes() {
    matches("[a-c]+", "xabcd", "abc");
    matches("[]a]+", "a]b", "a]");
    matches("[^]a]+", "]xa", "x");
    matches("[a-]+", "b-a", "-a");
    matches("[-a]+", "b-a", "-a");
    matches("[--/]+", ",-./0", "-./");
    matches("[a-c--/]+", "d./ab", "./ab");
    matches(r"[\d]+", r"12\d", r"\d");
    matches(r"[a\]+", r"a\]", r"a\");
    matches(r"[\n]", "\nn", "n");
    matches("[a^]+", "^a", "^a");
    matches("[[a]+", "[a", "[a");
    matches("[.*+?(){}|$]+", "x.*+?(){}|$", ".*+?(){}|$");
    matches("[A-[:alpha:]]", "q]B]", "B]");
}

#[test]
fn classes_are_those_of_the_c_locale() {
    let check = |class: &str, expected: &str| {
        let ascii: String = (1..=127u8).map(char::from).collect();
        let ere = Ere::new(format!("[[:{class}:]]").as_bytes()).unwrap();
        let members: String = ascii.chars().filter(|c| ere.is_match(c.to_string().as_bytes())).collect();
        assert_eq!(members, expected, "{class}");
    };
    check("blank", "\t ");
    check("space", "\t\n\x0b\x0c\r ");
    check("digit", "0123456789");
    check("xdigit", "0123456789ABCDEFabcdef");
    check("lower", "abcdefghijklmnopqrstuvwxyz");
    check("upper", "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    check("punct", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");
    matches("[[:alpha:][:digit:]_-]+", "+a1_-", "a1_-");
    matches("[^[:space:]]+", " ab ", "ab");
    matches("[^[:alnum:][:punct:]]", "a.\x7f", "\x7f");
    matches("[[:print:]]+", "\x01 ~\x7f", " ~");
    matches("[[:graph:]]+", " !~ ", "!~");
    matches("[[:cntrl:]]", "a\x1f", "\x1f");
}

#[test]
fn byte_beyond_ascii_is_in_no_class() {
    check(b"[[:print:][:cntrl:][:space:]]", b"\x80\xA0\xFF", None);
    check(b"[^[:print:][:cntrl:]]", b"a\xFF", Some(&[Some(b"\xFF")]));
}

#[test]
fn interval_counts() {
    matches("a{2}", "aaa", "aa");
    matches("a{2,}", "baaaa", "aaaa");
    matches("a{1,2}", "aaa", "aa");
    matches("a{0}b", "ab", "b");
    matches("a{00000002}", "aaa", "aa");
    matches("a{1}}", "a}", "a}");
    matches("a}", "a}", "a}");
    matches(r"a\{2}", "a{2}", "a{2}");
    matches("^a{255}$", &"a".repeat(255), &"a".repeat(255));
    misses("^a{255}$", &"a".repeat(256));
}

#[test]
fn group_is_its_last_round() {
    groups("(a)|b", "b", &[Some("b"), None]);
    groups("(a|b)*", "ab", &[Some("ab"), Some("b")]);
    groups("()", "a", &[Some(""), Some("")]);
    groups("(a){0}(b)", "b", &[Some("b"), None, Some("b")]);
    groups("(a){0}", "b", &[Some(""), None]);
    groups("((a)(b))", "ab", &[Some("ab"), Some("ab"), Some("a"), Some("b")]);
}

#[test]
fn groups_are_counted_by_what_is_written() {
    let count = |pattern: &str| Ere::new(pattern.as_bytes()).unwrap().groups();
    assert_eq!(count("a"), 0);
    assert_eq!(count("(a)(b(c))"), 3);
    assert_eq!(count("(a){0}"), 1);
    assert_eq!(count(r"\(a\)[(]()"), 1);
    let ere = Ere::new(b"(a)(b)?").unwrap();
    let found = ere.find(b"xa").unwrap();
    assert_eq!((found.len(), found.is_empty()), (3, false));
    assert_eq!(
        [found.get(0), found.get(1), found.get(2), found.get(3)],
        [Some((1, 2)), Some((1, 2)), None, None]
    );
    assert_eq!(found.bytes(3), None);
}

#[test]
fn anchor_stands_anywhere_and_means_the_text() {
    matches("^a", "a", "a");
    misses("^a", "b\na");
    misses("a$", "a\nb");
    misses("a^b", "a^b");
    misses("a$b", "ab");
    groups("(x|^)a", "ba xa", &[Some("xa"), Some("x")]);
    groups("(x|^)a", "a", &[Some("a"), Some("")]);
    matches("^^a$$", "a", "a");
    matches(r"\^\$", "^$", "^$");
}

#[test]
fn quantified_anchor_is_the_anchor() {
    for pattern in ["^*a", "^+a", "^?a", "^{2}a", "^**a", r"\b*a"] {
        misses(pattern, "ba");
        matches(pattern, "ab", "a");
    }
    misses("a$*b", "ab");
    matches("^{0}a", "ba", "a");
    matches("^{0,2}a", "ba", "a");
}

#[test]
fn alternative_may_be_empty() {
    matches("a|", "a", "a");
    matches("a|b|", "c", "");
    matches("|", "a", "");
    matches("", "a", "");
    groups("x(a|)", "xb", &[Some("x"), Some("")]);
    groups("(a||b)c", "bc", &[Some("bc"), Some("b")]);
    groups("x(|)y", "xy", &[Some("xy"), Some("")]);
}

#[test]
fn unmatched_parenthesis_is_itself() {
    matches(")", "a)", ")");
    matches("a)*", "a))", "a))");
    groups("(a))", "a)", &[Some("a)"), Some("a")]);
    matches("a|b)", "b)", "b)");
    matches("]", "]", "]");
}

#[test]
fn escape_is_a_class_a_place_or_itself() {
    matches(r"\d+", "a12b", "12");
    matches(r"\D+", "1ab2", "ab");
    matches(r"\w+", "-a_1-", "a_1");
    matches(r"\W+", "a-+b", "-+");
    matches(r"\s+", "a \t\n\x0b\x0c\rb", " \t\n\x0b\x0c\r");
    matches(r"\S+", " ab ", "ab");
    matches(r"\t\n\r\f\a\e", "\t\n\r\x0c\x07\x1b", "\t\n\r\x0c\x07\x1b");
    matches(r"\.\*\[\]\(\)\{\}\|\+\?\\\/", r".*[](){}|+?\/", r".*[](){}|+?\/");
    matches(r"\q\v\Q", "qvQ", "qvQ");
    groups(r"(a)\1", "aa1", &[Some("a1"), Some("a")]);
    matches("\t", "a\t", "\t");
}

#[test]
fn hexadecimal_escape_is_a_byte_or_a_character() {
    matches(r"\x41\x4a\x4A", "AJJ", "AJJ");
    matches(r"\x4g", "\x04g", "\x04g");
    matches(r"\x414", "A4", "A4");
    matches(r"a\x", "a\0", "a\0");
    matches(r"\x{}g", "\0g", "\0g");
    matches(r"\x{41}+", "AAB", "AA");
    matches(r"\x{00000041}", "A", "A");
    matches(r"\x{444}+", "фффы", "\u{444}\u{444}\u{444}");
    check(br"\xE4", b"\xC3\xE4", Some(&[Some(b"\xE4")]));
    matches(r"\x{e4}", "ä", "ä");
    misses(r"\x{d800}|\x{110000}", "\u{10ffff}");
}

#[test]
fn word_has_edges() {
    matches(r"\<foo\>", "xfoo foo", "foo");
    misses(r"\<foo", "_foo");
    misses(r"foo\>", "foo1");
    misses(r"\<-", "-");
    misses(r"\<\>", "a");
    misses(r"\bfoo", "xfoo");
    matches(r"a\Bb", "ab", "ab");
    misses(r"a\bb", "ab");
    misses(r"a\B-", "a-");
    matches(r"-\B-", "--", "--");
    // No edge of a text is inside a word or between words.
    misses(r"\B", "-");
    misses(r"\B-|-\B", "-");
    check(br"\B(-*)", b"---", Some(&[Some(b"--"), Some(b"--")]));
    // The edges of the text are edges of words, whatever stands there.
    matches(r"\b-", "-", "-");
    matches(r"-\b", " -", "-");
    misses(r"\b-", " -");
}

#[test]
fn newline_and_case_are_bytes_like_any() {
    matches("a.b", "a\nb", "a\nb");
    matches("[^x]+", "a\nb", "a\nb");
    misses("abc", "ABC");
    check(b".", b"\0", Some(&[Some(b"\0")]));
}

#[test]
fn pattern_need_not_be_utf8() {
    check(b"\xEA+", b"a\xEA\xEA", Some(&[Some(b"\xEA\xEA")]));
    check(b"[\x80-\xFF]+", b"a\x80\xFFb", Some(&[Some(b"\x80\xFF")]));
    check(b"\\\xFF", b"\xFF", Some(&[Some(b"\xFF")]));
    // A quantifier repeats the last byte of a character.
    check("ï*".as_bytes(), b"\xC3\xAF\xAF", Some(&[Some(b"\xC3\xAF\xAF")]));
    matches("верхній ряд", "dhcp,info верхній ряд DHCP", "верхній ряд");
}

#[test]
fn stacked_quantifier_repeats_the_whole() {
    matches("a**", "aaa", "aaa");
    matches("a+?b", "aab", "aab");
    matches("^a+?$", "", "");
    matches("a*?", "aaa", "aaa");
    matches("a??", "aa", "a");
    matches("a{2}{3}", "aaaaaaa", "aaaaaa");
    matches("a{2}*", "aaaaa", "aaaa");
}

#[test]
fn lazy_quantifier_is_found() {
    let check = |pattern: &str, at| {
        assert_eq!(Ere::new(pattern.as_bytes()).unwrap().lazy_quantifier(), at, "{pattern}");
    };
    check("user (.*?) from (.+?) via", Some(8));
    check("a??", Some(2));
    check("a{2,3}?", Some(6));
    check("^*?", Some(2));
    check("ab*c?", None);
    check("a**", None);
    check(r"a*\?", None);
    check("[*?]", None);
}

#[test]
fn no_pattern_panics() {
    // All texts of up to four of the bytes that mean something.
    let bytes = b"a\\x{1,}[:^-](*?|$\xFF";
    let mut patterns: Vec<Vec<u8>> = vec![Vec::new()];
    for _ in 0..4 {
        patterns = patterns
            .iter()
            .flat_map(|pattern| bytes.iter().map(move |byte| [pattern.as_slice(), &[*byte]].concat()))
            .collect();
        for pattern in &patterns {
            let _ = parse::parse(pattern).map(|parsed| program::compile(&parsed.node).is_ok());
        }
    }
}

#[test]
fn match_is_the_longest_of_the_leftmost() {
    matches("a|ab", "xabab", "ab");
    matches("ab|abcd|abc", "xabcd", "abcd");
    groups("a?(ab)?", "ab", &[Some("ab"), Some("ab")]);
    groups("(|a)+", "aa", &[Some("aa"), Some("a")]);
}

#[test]
fn each_part_takes_the_longest_it_can() {
    groups("(a|ab)(c|bcd)(d*)", "abcd", &[Some("abcd"), Some("ab"), Some("c"), Some("d")]);
    groups("(a*)(ab)*(b*)", "abb", &[Some("abb"), Some("a"), None, Some("bb")]);
    groups("(a*)(a|aa)", "aaaa", &[Some("aaaa"), Some("aaa"), Some("a")]);
    groups("(.*)(foo|foobar)(.*)", "afoobar", &[Some("afoobar"), Some("a"), Some("foobar"), Some("")]);
    // What has no group takes its share too.
    groups("a*(a?bc)", "aabc", &[Some("aabc"), Some("bc")]);
    groups("(x*y?z*)(z*)", "xyzz", &[Some("xyzz"), Some("xyzz"), Some("")]);
}

#[test]
fn round_takes_the_longest_it_can() {
    groups("(a|ab|c|bcd)*(d*)", "abcd", &[Some("abcd"), Some("bcd"), Some("")]);
    groups("(b|bb)*", "bbb", &[Some("bbb"), Some("b")]);
    groups("((..)|(.))*", "aaa", &[Some("aaa"), Some("a"), None, Some("a")]);
    groups("((a)|b)*", "ab", &[Some("ab"), Some("b"), None]);
    groups("(a|(b)|c)+(x)?", "abc", &[Some("abc"), Some("c"), None, None]);
}

#[test]
fn empty_round_is_there_only_if_it_must_be() {
    groups("(a*)*", "b", &[Some(""), Some("")]);
    groups("(a*)+", "aa", &[Some("aa"), Some("aa")]);
    groups("(a*){2}", "aa", &[Some("aa"), Some("")]);
    groups("(a*){0,2}", "b", &[Some(""), Some("")]);
    groups("(a|^){2}", "a", &[Some("a"), Some("a")]);
    groups("(^)*a", "ba", &[Some("a"), None]);
}
