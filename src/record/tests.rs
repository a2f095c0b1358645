//! Lines of every shape, real, hostile and cut, and how each is read.

use super::*;

/// Compares `line` with `head`, which is its format, priority, identity and topics (`-` for none), and
/// with `message`.
#[track_caller]
fn check(line: impl AsRef<[u8]>, head: &str, message: &str) {
    let record = Record::parse(line.as_ref());
    let text = |bytes: &[u8]| match bytes {
        b"" => "-".to_owned(),
        _ => bytes.escape_ascii().to_string(),
    };
    let found = format!(
        "{:?} {} {} {}",
        record.format,
        record.priority.map_or("-".to_owned(), |priority| priority.to_string()),
        text(record.identity.unwrap_or_default()),
        text(record.topics.as_bytes()),
    );
    assert_eq!(found, head, "{}", line.as_ref().escape_ascii());
    assert_eq!(record.message().escape_ascii().to_string(), message, "{}", line.as_ref().escape_ascii());
}

#[test]
fn default_format_is_topics_one_space_message() {
    check("system,info hello", "Default - - system,info", "hello");
    check("poe-out,info ether16 on", "Default - - poe-out,info", "ether16 on");
    check("route,bgp,info     Remote=1", "Default - - route,bgp,info", "    Remote=1");
    check("system,info core1: hello", "Default - - system,info", "core1: hello");
    check("dhcp,info  ", "Default - - dhcp,info", " ");
    check("dhcp,info ", "Default - - dhcp,info", "");
    check("dhcp,info", "Default - - dhcp,info", "");
    check("a,b c,d e", "Default - - a,b", "c,d e");
}

#[test]
fn first_word_that_is_no_list_of_topics_is_message() {
    for line in [
        "login failure for user x via api",
        "system hello",
        "system,Info hello",
        "system,,info hello",
        ",info hello",
        "system, info hello",
        " system,info hello",
        "system,info: hello",
        "system,info\thello",
        "<l2tp-user7>: connected",
        "2025-11-22T21:24:35Z INFO ready",
    ] {
        check(line, "Plain - - -", line.replace('\t', "\\t").as_str());
    }
}

#[test]
fn syslog_format_names_the_router() {
    check("<27>Oct  2 17:36:35 MikroTik login failure", "Syslog 27 MikroTik -", "login failure");
    check("<27>Oct 12 17:36:35 MikroTik login failure", "Syslog 27 MikroTik -", "login failure");
    check("<27>Oct 2 17:36:35 MikroTik login failure", "Syslog 27 MikroTik -", "login failure");
    check("<31>Nov  8 17:06:34 OVA MikroTik:     Id = 1", "Syslog 31 OVA -", "MikroTik:     Id = 1");
    check("<31>Nov  8 17:06:34 OVA     Id = 1", "Syslog 31 OVA -", "    Id = 1");
    check("<27>2025-11-22T21:24:35.265-0500 r1 hello", "Syslog 27 r1 -", "hello");
    check("<27>2025-11-22T21:24:35+02:00 r1 hello", "Syslog 27 r1 -", "hello");
    check("<27>2025-11-22T21:24:35Z r1 hello", "Syslog 27 r1 -", "hello");
    check("<27>Oct  2 17:36:35 r1 system,info hello", "Syslog 27 r1 system,info", "hello");
    check("<27>Oct  2 17:36:35 r1 ", "Syslog 27 r1 -", "");
    check("Oct  2 17:36:35 r1 hello", "Syslog - r1 -", "hello");
}

#[test]
fn incomplete_header_is_message() {
    check("<27>Oct  2 17:36:35 r1", "Plain 27 - -", "Oct  2 17:36:35 r1");
    check("<27>Oct  2 17:36:35  hello", "Plain 27 - -", "Oct  2 17:36:35  hello");
    check("<27>Oct  2 17:36 r1 hello", "Plain 27 - -", "Oct  2 17:36 r1 hello");
    check("<27>Okt  2 17:36:35 r1 hello", "Plain 27 - -", "Okt  2 17:36:35 r1 hello");
    check("<27>2025-11-22T21:24:35 r1 hello", "Plain 27 - -", "2025-11-22T21:24:35 r1 hello");
    check("<27>2025-11-22 21:24:35Z r1 hello", "Plain 27 - -", "2025-11-22 21:24:35Z r1 hello");
    check(
        "<34>1 2025-11-22T21:24:35Z r1 app - - - x",
        "Plain 34 - -",
        "1 2025-11-22T21:24:35Z r1 app - - - x",
    );
}

#[test]
fn priority_may_stand_before_anything() {
    check("<134>system,info hello", "Default 134 - system,info", "hello");
    check("<134>hello", "Plain 134 - -", "hello");
    check("<134> system,info hello", "Plain 134 - -", " system,info hello");
    check("<0>x", "Plain 0 - -", "x");
    check("<27>", "Plain 27 - -", "");
    check("<191>", "Plain 191 - -", "");
}

#[test]
fn what_is_no_priority_is_message() {
    for line in ["<>", "<", "<2", "<27", "<-1>x", "<+1>x", "< 1>x", "<192>x", "<999>", "<0010>: x", "<01>x"] {
        check(line, "Plain - - -", line);
    }
}

#[test]
fn only_carriage_returns_and_line_feeds_end_a_line() {
    check("system,info hello\r\n", "Default - - system,info", "hello");
    check("hello\n\r\n\n", "Plain - - -", "hello");
    check("hello \t\0\n", "Plain - - -", "hello \\t\\x00");
    check("a\r\nb", "Plain - - -", "a\\r\\nb");
    check("\r\n", "Plain - - -", "");
    check("", "Plain - - -", "");
}

#[test]
fn bytes_that_are_not_text_are_kept() {
    check(b"dhcp,info \xEA\x00\xFF", "Default - - dhcp,info", "\\xea\\x00\\xff");
    check(b"<27>Oct  2 17:36:35 \xEA\xFF hi", "Syslog 27 \\xea\\xff -", "hi");
    check(b"\xEA,info x", "Plain - - -", "\\xea,info x");
}

const CEF: &str = "CEF:0|MikroTik|hAP ax^2|7.25|10|system,info|Low|";

#[test]
fn cef_is_read_from_its_header_and_extension() {
    let check = |before: &str, extension: &str, head: &str, message: &str| {
        check(format!("{before}{CEF}{extension}\r\n"), head, message);
    };
    let time = "Oct  2 17:36:35 r1 ";
    check(time, "dvchost=r2 msg=hello", "Cef - r2 system,info", "hello");
    check(time, "msg=hello", "Cef - r1 system,info", "hello");
    check(time, "dvchost= msg=hello", "Cef - r1 system,info", "hello");
    check(time, "dvchost=my router dvc=1 msg=hello", "Cef - my router system,info", "hello");
    check("2025-11-22T21:24:35.265-0500 r1 ", "msg=hello", "Cef - r1 system,info", "hello");
    check("<30>Oct  2 17:36:35 r1 ", "msg=hello", "Cef 30 r1 system,info", "hello");
    check("<30>", "msg=hello", "Cef 30 - system,info", "hello");
    check("", "dvchost=r2 msg=hello", "Cef - r2 system,info", "hello");
}

#[test]
fn cef_value_runs_to_the_next_key() {
    let check =
        |extension: &str, message: &str| check(format!("{CEF}{extension}"), "Cef - - system,info", message);
    check("dvc=1 msg=a b: c app=ssh src=1.2.3.4", "a b: c");
    check("msg=    a  app=ssh", "    a ");
    check("msg=a app", "a app");
    check("msg=a \\= b app=ssh", "a = b");
    check("msg=user x app\\=ssh msg\\=y from 1.2.3.4 app=ssh", "user x app=ssh msg=y from 1.2.3.4");
    check("msg=C:\\\\new app=ssh", "C:\\\\new");
    check("msg=a\\\\ app=ssh", "a\\\\");
    check("msg=a\\nb\\rc", "a\\nb\\rc");
    check("msg=a\\tb\\", "a\\\\tb\\\\");
    check("msg=a = b =c src-mac=1 ä=2", "a = b =c src-mac=1 \\xc3\\xa4=2");
    check("msg=a msg=b", "a");
    check("junk msg=a", "a");
    check("msg= app=ssh", "");
    check("msg=", "");
}

#[test]
fn cef_identity_with_escapes_is_read_from_the_header() {
    check(format!("Oct  2 17:36:35 a=b {CEF}dvchost=a\\=b msg=x"), "Cef - a=b system,info", "x");
}

#[test]
fn cut_cef_loses_no_text() {
    check("Oct  2 17:36:35 r1 CEF:0|MikroTik|hAP", "Cef - r1 -", "CEF:0|MikroTik|hAP");
    check("r1 CEF:0|MikroTik", "Plain - - -", "r1 CEF:0|MikroTik");
    check("CEF:0|", "Cef - - -", "CEF:0|");
    check("CEF:0|a|b|c|d|system,inf", "Cef - - -", "CEF:0|a|b|c|d|system,inf");
    check("CEF:0|a|b|c|d|system,info|Lo", "Cef - - -", "CEF:0|a|b|c|d|system,info|Lo");
    check("CEF:0|a|b|c|d|system,info|Low|", "Cef - - system,info", "");
    check("CEF:0|a|b|c|d|system,info|Low|dvchost=r2 dvc", "Cef - - system,info", "dvchost=r2 dvc");
    check("CEF:0|a|b|c|d|system,info|Low|dvchost=r2 dvc=1", "Cef - r2 system,info", "dvchost=r2 dvc=1");
    check("CEF:0|a|b|c|d|system,info|Low|msg=login fai", "Cef - - system,info", "login fai");
    check("CEF:0|a|b|c|d|system,info|Low|hello", "Cef - - system,info", "hello");
}

#[test]
fn cef_header_fields_may_hold_escaped_bars() {
    check(r"CEF:0|a\|b|\\|c|d|system,info|Low|msg=x", "Cef - - system,info", "x");
    check(r"CEF:0|a|b|c|d|system|Low|msg=x", "Cef - - system", "x");
    check(r"CEF:0|a|b|c|d||Low|msg=x", "Cef - - -", "x");
}

#[test]
fn cef_of_another_product_is_told_whole() {
    let line = "CEF:0|a|b|c|d|Login Failure|5|suser=admin";
    check(line, "Cef - - -", line);
}

#[test]
fn text_from_outside_cannot_pass_for_cef() {
    for name in ["CEF:0|a|b|c|d|container,info|Low|msg=x", "x CEF:0|a|b|c|d|container,info|Low|msg=x"] {
        let message = format!("login failure for user {name} via api");
        check(format!("<27>Oct  2 17:36:35 r1 {message}"), "Syslog 27 r1 -", &message);
        check(format!("Oct  2 17:36:35 r1 {message}"), "Syslog - r1 -", &message);
        check(format!("system,error {message}"), "Default - - system,error", &message);
    }
}

#[test]
fn identity_of_two_words_hides_cef_but_loses_no_text() {
    let line = format!("Oct  2 17:36:35 my router {CEF}msg=x");
    check(&line, "Syslog - my -", &format!("router {CEF}msg=x"));
}

#[test]
fn only_cef_with_escapes_allocates() {
    let is_owned = |line: &str| matches!(Record::parse(line.as_bytes()).message(), Cow::Owned(_));
    assert!(is_owned(&format!("{CEF}msg=a \\= b")));
    assert!(!is_owned(&format!("{CEF}msg=a b")));
    assert!(!is_owned(&format!("{CEF}msg=C:\\temp")));
    assert!(!is_owned("system,info a \\= b"));
    assert!(!is_owned("<27>Oct  2 17:36:35 r1 a \\= b"));
}

#[test]
fn topics_are_a_set_of_whole_words() {
    let topics = Record::parse(b"system,error,critical x").topics;
    assert_eq!(topics.iter().collect::<Vec<_>>(), [b"system".as_slice(), b"error", b"critical"]);
    assert!(topics.contains(b"error"));
    assert!(!topics.contains(b"err"));
    assert!(!topics.contains(b"error,critical"));
    assert!(!topics.contains(b""));
    assert!(!topics.is_empty());
    assert_eq!(topics.as_bytes(), b"system,error,critical");

    let none = Record::parse(b"x").topics;
    assert_eq!(none.iter().count(), 0);
    assert!(!none.contains(b""));
    assert!(none.is_empty());
}

#[test]
fn output_of_a_container_is_recognised_by_its_topic() {
    let is_from_container = |line: &str| Record::parse(line.as_bytes()).is_from_container();
    assert!(is_from_container("container,info,debug hello"));
    assert!(is_from_container("<30>Oct  2 17:36:35 r1 container,info,debug hello"));
    assert!(is_from_container(&CEF.replace("system", "container")));
    assert!(!is_from_container("system,info container added by admin"));
    assert!(!is_from_container("<30>Oct  2 17:36:35 r1 container stopped"));
    assert!(!is_from_container("containers,info hello"));
}

#[test]
fn longest_datagrams_are_read() {
    for part in ["a", "a,", "<", "<2", "0", "\\", "=", "a=", " a=", "|", " ", "\n", "CEF:0|", "\\=", "é"] {
        let long = part.repeat(65_536 / part.len());
        for before in ["", "<27>", "<27>Oct  2 17:36:35 ", "<27>Oct  2 17:36:35 r1 ", "CEF:0|", CEF] {
            check_invariants(format!("{before}{long}").as_bytes());
            check_invariants(format!("{before}msg={long}").as_bytes());
        }
    }
}

#[test]
fn mutated_lines_are_read() {
    let corpus = include_str!("../../tests/corpus/routeros_lines.txt");
    let lines: Vec<&[u8]> =
        corpus.lines().filter(|line| !line.starts_with("# ")).map(str::as_bytes).collect();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..20_000 {
        let mut line = lines[random.below(lines.len())].to_vec();
        for _ in 0..=random.below(4) {
            mutate(&mut line, &lines, &mut random);
        }
        check_invariants(&line);
    }
}

/// What holds for every line, however hostile.
#[track_caller]
fn check_invariants(line: &[u8]) {
    let record = Record::parse(line);
    let shown = line.escape_ascii();
    assert!(record.priority.is_none_or(|priority| priority <= 191), "{shown}");
    assert!(record.identity.is_none_or(|name| !name.is_empty() && is_within(name, line)), "{shown}");
    assert!(record.topics.is_empty() || is_topic_list(record.topics.as_bytes()), "{shown}");
    assert!(is_within(record.topics.as_bytes(), line), "{shown}");
    match &record.message() {
        Cow::Borrowed(message) => assert!(is_within(message, line), "{shown}"),
        Cow::Owned(message) => {
            assert_eq!(record.format, Format::Cef, "{shown}");
            assert!(message.len() < line.len() && is_unescaped_from(message, line), "{shown}");
        }
    }
    // Nothing behind the header is lost; only in CEF do further keys follow the message.
    assert!(record.format == Format::Cef || trim_line_end(line).ends_with(&record.message()), "{shown}");
    assert!(record.format != Format::Default || !record.topics.is_empty(), "{shown}");
    assert!(record.format != Format::Plain || record.topics.is_empty(), "{shown}");
}

fn is_within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    part.is_empty() || (whole.start <= part.start && part.end <= whole.end)
}

/// Whether all bytes of `message` occur in `line` in the same order, a line break as a letter.
fn is_unescaped_from(message: &[u8], line: &[u8]) -> bool {
    let mut line = line.iter();
    message
        .iter()
        .all(|byte| line.any(|other| byte == other || matches!((byte, other), (b'\n', b'n') | (b'\r', b'r'))))
}

fn mutate(line: &mut Vec<u8>, lines: &[&[u8]], random: &mut Random) {
    const PIECES: [&[u8]; 16] = [
        b"<",
        b">",
        b"<27>",
        b",",
        b" ",
        b"|",
        b"=",
        b"\\",
        b"\\=",
        b"\\n",
        b"\r\n",
        b"\0",
        b"\xEA",
        b" msg=",
        b"CEF:0|",
        b"Oct  2 17:36:35 ",
    ];
    let at = random.below(line.len() + 1);
    match random.below(6) {
        0 => line.truncate(at),
        1 => drop(line.drain(..at)),
        2 => drop(line.drain(at..(at + random.below(8)).min(line.len()))),
        3 => drop(line.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied())),
        4 => drop(line.splice(at.., lines[random.below(lines.len())].iter().copied())),
        _ => {
            if let Some(byte) = line.get_mut(at) {
                *byte = random.next().to_le_bytes()[0];
            }
        }
    }
}

/// Marsaglia's xorshift64: the same cases in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}
