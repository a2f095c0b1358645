//! What is refused, in which words, and where it points.

use super::*;

fn check(pattern: &str, message: &str) {
    let error = Ere::new(pattern.as_bytes()).expect_err(pattern);
    assert_eq!(error.to_string(), message, "{pattern}");
}

#[test]
fn refusal_names_the_place() {
    check("user (a", "\"(\" at 5 is never closed");
    check("(a(b", "\"(\" at 2 is never closed");
    check("(a(b)", "\"(\" at 0 is never closed");
    check(r"(a\)", "\"(\" at 0 is never closed");
    check("a[b", "\"[\" at 1 is never closed");
    check("a[]", "\"[\" at 1 is never closed");
    check("[^]", "\"[\" at 0 is never closed");
    check("[a-", "\"[\" at 0 is never closed");
    check("[a-c-", "\"[\" at 0 is never closed");
    check("x[z-a]", "\"z-a\" at 2 is a range that runs backwards");
    check("[a-c-e]", "\"-\" at 4 is between two items: put it first or last");
    check("[[:alpha:]-z]", "\"-\" at 10 is between two items: put it first or last");
    let classes = "alnum, alpha, blank, cntrl, digit, graph, lower, print, punct, space, upper, xdigit";
    let not_a_class = format!("is not a class (expected [:NAME:] with {classes})");
    check("[[:foo:]]", &format!("\"[:foo:]\" at 1 {not_a_class}"));
    check("[[:Alpha:]]", &format!("\"[:Alpha:]\" at 1 {not_a_class}"));
    check("[[:alpha", &format!("\"[:alpha\" at 1 {not_a_class}"));
    let write = "which is not supported: write the characters";
    check("[[=a=]]", &format!("\"[=\" at 1 begins an equivalence class, {write}"));
    check("[[.a.]]", &format!("\"[.\" at 1 begins a collating symbol, {write}"));
    check("ab\\", "\"\\\" at 2 ends the pattern (\\\\ is the character)");
    for pattern in ["*a", "(*a)", "a|*b", "(|*)"] {
        let at = pattern.find('*').unwrap();
        check(pattern, &format!("\"*\" at {at} has nothing to repeat (\\* is the character)"));
    }
    check("+", "\"+\" at 0 has nothing to repeat (\\+ is the character)");
    check("?", "\"?\" at 0 has nothing to repeat (\\? is the character)");
    check("{2}", "\"{\" at 0 has nothing to repeat (\\{ is the character)");
}

#[test]
fn bad_interval_is_refused() {
    let check_text = |pattern: &str, text: &str| {
        let what = r"is not {m}, {m,} or {m,n} up to 255 (\{ is the character)";
        check(pattern, &format!("\"{text}\" at 1 {what}"));
    };
    check_text("a{2,1}", "{2,1}");
    check_text("a{256}", "{256}");
    check_text("a{1,256}", "{1,256}");
    check_text("a{,3}", "{,3}");
    check_text("a{,}", "{,}");
    check_text("a{}", "{}");
    check_text("a{x}", "{x}");
    check_text("a{1 }", "{1 }");
    check_text("a{-1}", "{-1}");
    check_text("a{1,2,3}", "{1,2,3}");
    check_text("a{", "{");
    check_text("a{1", "{");
    check_text("a{99999999999999999999}", "{");
}

#[test]
fn bad_hexadecimal_escape_is_refused() {
    let check_text = |pattern: &str, text: &str| {
        let what = r"is not \x{…} with one to eight hexadecimal digits";
        check(pattern, &format!("\"{text}\" at 0 {what}"));
    };
    check_text(r"\x{41", r"\x{41");
    check_text(r"\x{4g}", r"\x{4");
    check_text(r"\x{000000041}", r"\x{00000004");
    check_text(r"\x{1100000}", r"\x{110000");
}

#[test]
fn perl_is_refused_by_name() {
    for (pattern, text) in [("a(?:b)", "(?:"), ("a(?>b)", "(?>"), ("a(?|b)", "(?|")] {
        check(pattern, &format!("\"{text}\" at 1 is Perl's: write a plain group"));
    }
    let too = "too, a group says which part is meant";
    check("a(?=b)", &format!("\"(?=\" at 1 is Perl's look-ahead: match what follows {too}"));
    check("(?<=a)b", &format!("\"(?<=\" at 0 is Perl's look-behind: match what comes before {too}"));
    check("a(?!b)", "\"(?!\" at 1 is Perl's look-ahead: EVENTn_EXCLUDE leaves lines out");
    check("(?<!a)b", "\"(?<!\" at 0 is Perl's look-behind: EVENTn_EXCLUDE leaves lines out");
    for (pattern, text) in [("(?P<user>a)", "(?P<"), ("(?<user>a)", "(?<"), ("(?'user'a)", "(?'")] {
        let what = "is Perl's named group: write a plain one, groups have numbers here";
        check(pattern, &format!("\"{text}\" at 0 {what}"));
    }
    for (pattern, text) in [("(?i)ab", "(?i)"), ("(?i:ab)", "(?"), ("(?si)ab", "(?si)"), ("(?^i:a)", "(?")] {
        let what = "begins Perl's options: for either case write both, as in [Aa]";
        check(pattern, &format!("\"{text}\" at 0 {what}"));
    }
    for (pattern, text) in [("(?ms)a", "(?ms)"), ("(?-s)a", "(?-s)"), ("(?a", "(?"), ("(?U)", "(?U)")] {
        check(pattern, &format!("\"{text}\" at 0 begins Perl's options: there are none here"));
    }
    check("(?#note)a", "\"(?#\" at 0 begins Perl's comment: there are none here");
    check("(?)", "\"(?\" at 0 begins no group (\\? is the character)");
    check("(?", "\"(?\" at 0 begins no group (\\? is the character)");
    check("(?1)", "\"(?\" at 0 begins no group (\\? is the character)");
}

#[test]
fn control_byte_is_a_backslash_eaten() {
    let check_text = |pattern: &str, text: &str| {
        let what = "is a control byte: RouterOS has eaten a backslash, type each one twice";
        check(pattern, &format!("\"{text}\" at 2 {what}"));
    };
    check_text("ab\x08c", "\\x08");
    check_text("ab\x0b", "\\x0b");
    check_text("ab\n", "\\x0a");
    check_text("ab\0", "\\x00");
    check_text("ab\x1f(", "\\x1f");
    matches("a\tb", "a\tb", "a\tb");
}

#[test]
fn oversized_pattern_is_refused() {
    check(&"a".repeat(65_537), "the pattern is 65537 bytes long, more than 65536");
    let too_large = "the pattern is too large: with its intervals written out it has more than 4,096 steps, or takes too much memory";
    check("((a{0,255}){0,255}){0,255}", too_large);
    check("(((((a{255}){255}){255}){255}){255}){255}", too_large);
    check(&"ab.".repeat(21_000), too_large);
    check(&"(a)".repeat(10_000), too_large);
    check(&"()".repeat(10_000), too_large);
    check("([acegikmoqsuwyACEGIKMOQSUWY13579]{255}){16}", too_large);
    matches(&r"\b".repeat(4_000), "a", "");
    check("(((){255}){255}){255}", too_large);
    matches(&"ab".repeat(2_000), &"ab".repeat(2_001), &"ab".repeat(2_000));
    groups("(a*)*b", "aab", &[Some("aab"), Some("aa")]);
}

#[test]
fn deep_pattern_is_refused() {
    let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(Ere::new(nested(100).as_bytes()).unwrap().groups(), 100);
    check(&nested(101), "\"(\" at 100 is nested deeper than 100 levels");
    check(&"(".repeat(10_000), "\"(\" at 100 is nested deeper than 100 levels");
    check(&format!("a{}", "*".repeat(60_000)), "\"*\" at 101 is nested deeper than 100 levels");
    // Each group's quantifiers count for those outside it.
    let stacked = format!("{}a{}", "(".repeat(60), ")*".repeat(60));
    check(&stacked, "\"(\" at 9 is nested deeper than 100 levels");
    matches(&format!("a{}", "*".repeat(100)), "aaa", "aaa");
    let deepest = format!("{}a{}", "(a|b".repeat(50), ")*c|d|".repeat(50));
    assert_eq!(Ere::new(deepest.as_bytes()).unwrap().groups(), 50);
}

#[test]
fn error_is_printable() {
    let check = |pattern: &[u8], text: &str| {
        let error = Ere::new(pattern).unwrap_err();
        assert_eq!(error.to_string(), format!("\"{text}\" at 1 is a range that runs backwards"));
    };
    check(b"[\xFF-\x80]", "\\xff-\\x80");
    check(b"[\x7F-a]", "\\x7f-a");
}
