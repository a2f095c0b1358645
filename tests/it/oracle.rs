//! musl's `regcomp` and `regexec`, asked about the same patterns.
//!
//! Alertik's users have patterns that musl has accepted for years. So musl
//! itself is the judge here of what is accepted, on thousands of random
//! patterns; and of match, span and groups, on patterns as people write them
//! over lines as routers send them. On random patterns it departs from POSIX
//! in several ways, each of which has an example below; what is right there is
//! judged by `src/rules/ere/tests/parses.rs`. Needs `musl-gcc` (Debian:
//! musl-tools).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use alertik::rules::ere::{Ere, Groups};

#[path = "../../src/rules/ere/tests/random.rs"]
pub(crate) mod random;
use crate::support::skip;
use random::Random;

/// Reads a line `P` + pattern and prints whether it is accepted; reads a line
/// `T` + text and prints every span of the last pattern in it.
const ORACLE_C: &str = r#"
#define _GNU_SOURCE
#include <regex.h>
#include <stdio.h>
int main(void) {
    regex_t re; regmatch_t m[40]; char *line = 0; size_t room = 0; ssize_t n; int ready = 0;
    while ((n = getline(&line, &room, stdin)) > 0) {
        line[n - 1] = 0;
        if (*line == 'P') {
            if (ready) regfree(&re);
            ready = !regcomp(&re, line + 1, REG_EXTENDED);
            if (ready) printf("accepted %d", (int)re.re_nsub); else printf("refused");
        } else if (!ready || regexec(&re, line + 1, 40, m, 0)) printf("none");
        else for (size_t i = 0; i <= re.re_nsub; i++) printf("%d-%d ", (int)m[i].rm_so, (int)m[i].rm_eo);
        puts("");
    }
}
"#;

/// A pattern and the texts to try it on.
type Question<'a> = (&'a [u8], &'a [&'a [u8]]);

/// A folder of this test's own, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("alertik-oracle-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("the temporary directory is writable");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Compiles the oracle, or says why there is none.
fn compile(folder: &Path) -> Option<PathBuf> {
    let (source, program) = (folder.join("oracle.c"), folder.join("oracle"));
    fs::write(&source, ORACLE_C).expect("the folder is writable");
    let compiler = Command::new("musl-gcc").arg("-static").arg("-o").arg(&program).arg(&source).status();
    match compiler {
        Ok(status) => assert!(status.success(), "musl-gcc: {status}"),
        Err(error) => {
            skip(&format!("musl-gcc: {error}"));
            return None;
        }
    }
    Some(program)
}

/// One line of answer for each pattern and each of its texts, in order.
fn ask_musl(name: &str, questions: &[Question]) -> Option<Vec<String>> {
    let folder = Folder::new(name);
    let program = compile(&folder.0)?;
    let input = folder.0.join("input");
    let mut bytes = Vec::new();
    for (pattern, texts) in questions {
        for (kind, line) in [(b'P', pattern)].into_iter().chain(texts.iter().map(|text| (b'T', text))) {
            assert!(!line.contains(&b'\n') && !line.contains(&0), "{}", line.escape_ascii());
            bytes.push(kind);
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
        }
    }
    fs::write(&input, bytes).expect("the folder is writable");
    let input = File::open(&input).expect("it was just written");
    let output =
        Command::new(program).env("LC_ALL", "C").stdin(input).output().expect("it was just compiled");
    assert!(output.status.success(), "oracle: {}", output.status);
    Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// What we answer to the same, in the same words.
fn ask_ourselves(questions: &[Question]) -> Vec<String> {
    let mut answers = Vec::new();
    for (pattern, texts) in questions {
        let ere = Ere::new(pattern);
        answers.push(match &ere {
            Ok(ere) => format!("accepted {}", ere.groups()),
            Err(_) => "refused".to_owned(),
        });
        for text in *texts {
            let found = ere.as_ref().ok().and_then(|ere| ere.find(text));
            answers.push(found.map_or("none".to_owned(), |found| spans(&found)));
        }
    }
    answers
}

fn spans(found: &Groups) -> String {
    let span = |i| match found.get(i) {
        Some((start, end)) => format!("{start}-{end} "),
        None => "-1--1 ".to_owned(),
    };
    (0..found.len()).map(span).collect()
}

/// Fails with every question that musl answers otherwise.
fn check(name: &str, questions: &[Question]) {
    let Some(musl) = ask_musl(name, questions) else { return };
    let ours = ask_ourselves(questions);
    let asked: Vec<String> = questions
        .iter()
        .flat_map(|(pattern, texts)| {
            let pattern = pattern.escape_ascii().to_string();
            let texts = texts.iter().map(|text| format!("{pattern}  on  {}", text.escape_ascii()));
            [pattern.clone()].into_iter().chain(texts).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!((musl.len(), ours.len()), (asked.len(), asked.len()));
    let differences: Vec<String> = asked
        .iter()
        .zip(ours.iter().zip(&musl))
        .filter(|(_, (ours, musl))| ours != musl)
        .map(|(asked, (ours, musl))| format!("{asked}\n    we: {ours}  musl: {musl}"))
        .collect();
    let shown = differences.get(..20.min(differences.len())).unwrap_or_default().join("\n");
    assert!(differences.is_empty(), "{} of {}:\n{shown}", differences.len(), asked.len());
}

/// Every point of the dialect, right and wrong, with spaces between.
const DIALECT: &str = r"
    | || a| () (|) ()* x(a|)y x(|a)y (^) (a)(b) ((a)b) a(b)?a a||b (|a) (a||b)
    a** a+? a*? a?? a++ a+*? a{2}{3} a{2}* a{1,2}{256}
    ) )* a) (a)) a|b) ()) ] } a} a{1}} )( ( ((a) (b (a\) (a(b
    ^* ^*a ^+a ^?a ^{2}a ^{0}a ^{0,1}a ^{0,2}a ^{1,2}a ^{0,}a ^**a ^{0}*a ^{0,2}*a a^*b $* a$*b a$? $?a ^^a a$$ a$b a^b $a x|^*a (^*a) (a|^)b a(b|$)
    \b*a a\b*b a\<?b
    *a +a ?a {1}a { (*a) (+a) (?a) (?:a) (?i)a (?=a) (?!a) (?<=a)b (?<!a)b (?P<a>b) a|*b (a|*) |* |+
    a{ a{} a{,} a{,3} a{1 a{1, a{1,2 a{2,1} a{256} a{1,256} a{255} a{0} a{0}* a{0,0}b a{1,} a{1,2} a{x}
    a{-1} a{1,2,3} a{1}{ a{00000001} a{0256} (a{1)
    [ [] [^ [^] [a [a- []a] [^]a] []-a] [a-] [-a] [--/] [--] [---] [%--] [a--] [a-c-e] [a-c--] [a-c--/] [a-c-]
    [^--a] [z-a] [a-c- [[a] [[ [^a] [a-a] [^a-] [a^] [.*+?(){}|$] [(]) ([)])
    [[: [[:alpha: [[:alpha] [[:alpha:] [[:foo:]] [[:ALPHA:]] [[::]] [[:alpha:a] [[:alpha:]-z] [[:alpha:]-]
    [[:alpha:]--/] [a-[:alpha:]] [A-[:alpha:]] [+-[.a.]] [[=a=]] [[.a.]] [[.-.]] [[. [[= [a[. [^[:space:][:digit:]]
    [\d] [\]] [a\] [\n]
    \ a\ .*\ \q \1 (a)\1 \v \. \^ \$ \{ a\{2} a\|b \(a\) \\ \\\ \d{2} \D\d \w+ \W+ \s+ \S+ \t \n \r \f \a \e \E
    \x41 \x4 \x4g \x414 \x{41} \x{4 \x{4g} \x{00000041} \x{000000041} \x{1100000} \x{110000}|a \x{} \x{ \x{}}
    \<a a\> \<a\> \<ab\> \<- -\> \<\> \> \< \b \ba a\b a\bb \b- -\b \b\b \b{2}a a\Bb \Ba a\B a\B- -\B- \B- -\B \B \B{2}b
    . .* .. ... a.b (.)(.) (.*)b ab|ba
";

/// What the dialect is tried on.
const TEXTS: &str = r"
    a b ab ba aa aab aaa aaaaaa a1 aa1 12 1a A AB { } a{2} a} ] [ - -- a- -a - x- /. ,-./ ) a) )) (a) () a|b ^a$ a^b
    \ \d a\ $ ^ . * q Q v E x xy xay a.b a_b _ a,b +a B] .] ) gA A4 a-b a--b
";

#[test]
fn dialect_means_what_musl_means() {
    let mut texts: Vec<&[u8]> = TEXTS.split_whitespace().map(str::as_bytes).collect();
    texts.extend([b"".as_slice(), b" ", b"a b", b" - ", b"\t\x0b\x0c\r", b"\x07\x1b", b"a\xFF", b"\x80\xEA"]);
    let mut patterns: Vec<&[u8]> = DIALECT.split_whitespace().map(str::as_bytes).collect();
    patterns.extend([
        b"".as_slice(),
        b"a{1 }",
        b"a b",
        b"\xEA",
        b"[\x80-\xFF]+",
        b"[^\x80-\xFF]+",
        b"\xEA*",
        b"\t",
    ]);
    let questions: Vec<Question> = patterns.iter().map(|pattern| (*pattern, texts.as_slice())).collect();
    check("dialect", &questions);
}

#[test]
fn classes_hold_the_same_bytes() {
    let bytes: Vec<[u8; 1]> = (1..=u8::MAX).filter(|&byte| byte != b'\n').map(|byte| [byte]).collect();
    let bytes: Vec<&[u8]> = bytes.iter().map(<[u8; 1]>::as_slice).collect();
    let names = [
        "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
        "xdigit",
    ];
    let mut patterns: Vec<String> =
        names.iter().flat_map(|name| [format!("[[:{name}:]]"), format!("[^[:{name}:]]")]).collect();
    patterns
        .extend(r". \d \D \w \W \s \S [a-z] [^a-z] [\w] \<. .\> .\b".split_whitespace().map(str::to_owned));
    let questions: Vec<Question> =
        patterns.iter().map(|pattern| (pattern.as_bytes(), bytes.as_slice())).collect();
    check("classes", &questions);
}

/// Patterns as people write them for a router's log.
const REALISTIC: [&str; 40] = [
    r"login failure for user ([A-Za-z]+) from (\d{1,3}.*) via ssh",
    r"([a-zA-Z0-9]+) link up \(speed (\d+Mbps), full duplex\)",
    r"ether2 link up \(speed (.+), full duplex\)",
    r"input: in:.*src-mac [0-9a-f:]+, proto [^,]+, ((\d{1,3}\.?)+):(\d{1,5})->((\d{1,3}\.?)+):(\d{1,5})",
    r"login failure for user (.*) from (.*) via (.*)",
    r"login failure for user (.*?) from ([0-9a-fA-F.:]+) via (ssh|telnet|winbox|web|api|ftp)$",
    r"^system,error,critical login failure for user ([^ ]*) from ([^ ]+) via ([a-z-]+)",
    r"user ([^ ]+) logged (in|out) from ([0-9.]+) via ([a-z]+)",
    r"user \w+ logged in from (\d+\.\d+\.\d+\.\d+)",
    r"([^ ]+) link (up|down)",
    r"(ether|sfp|wlan)[0-9]+ link down$",
    r"dhcp,info ([^ ]+) (assigned|deassigned) ([0-9.]+) (for|to|from) ([0-9A-Fa-f:]{17})( .*)?",
    r"(.+) assigned ([0-9]{1,3}(\.[0-9]{1,3}){3}) (to|for) (([0-9A-F]{2}:){5}[0-9A-F]{2})",
    r"(([0-9A-F]{2}:){5}[0-9A-F]{2})@([^ :]+):? (dis)?connected",
    r"([0-9A-Fa-f:]+)@([^:]+): disconnected, (.+), signal strength (-[0-9]+)",
    r"disconnected, (unicast key exchange timeout|received deauth[^,]*)",
    r"proto (TCP|UDP|ICMP)[^,]*, ([0-9.]+):([0-9]+)->([0-9.]+):([0-9]+), len ([0-9]+)$",
    r"^<([0-9]+)>([A-Z][a-z]{2}) +([0-9]+) ([0-9:]{8}) ([^ ]+) (.*)$",
    r"^<[0-9]{1,3}>",
    r"^([a-z0-9-]+(,[a-z0-9-]+)*) (.*)",
    r"^[a-z,]*(error|critical|warning)[a-z,]* ",
    r"CEF:0\|MikroTik\|([^|]*)\|([^|]*)\|",
    r"msg=(.*) app=([a-z]+)",
    r"dvc=([0-9.]+)",
    r"router (was )?rebooted( without proper shutdown)?(, probably (.*)| by (.*))?",
    r"\<(changed|added|removed|moved)\> by ([^ :]+)",
    r"(rule|route|address|user|script) (.*)(added|changed|removed) by ([a-z0-9:@.-]+)",
    r"src-mac ([0-9a-f:]{17})",
    r"in:([^ ]+) out:(\(unknown [0-9]\)|[^,]+)",
    r"connection-state:([a-z]+)",
    r"[[:digit:]]{1,3}(\.[[:digit:]]{1,3}){3}",
    r"(\d+)\.(\d+)\.(\d+)\.(\d+)",
    r"\d{4}-\d\d-\d\dT([0-9:.]+)([+-]\d{4})",
    r"query: #([0-9]+) ([^ ]+)\.? ([A-Z]+)$",
    r"(phase1|ipsec|ike2).*(fail|error|timeout)",
    r"OSPF.* neighbor.* (Down|Full|Init)",
    r"out of memory|kernel failure|power (outage|failure)",
    r"верхній (ряд) DHCP",
    r"failed: (.*)$",
    r"^[^,]+,info",
];

#[test]
fn realistic_patterns_find_the_same_groups() {
    let corpus = include_bytes!("../corpus/routeros_lines.txt");
    let lines: Vec<&[u8]> =
        corpus.split(|&byte| byte == b'\n').filter(|line| !line.starts_with(b"# ")).collect();
    assert!(lines.len() > 200);
    let questions: Vec<Question> =
        REALISTIC.iter().map(|pattern| (pattern.as_bytes(), lines.as_slice())).collect();
    check("corpus", &questions);
}

/// What random patterns are made of. Intervals are short: musl copies what it
/// repeats, and would take gigabytes for nested large ones.
const TOKENS: &str = r"
    a b - a b 1 , . * + ? | ( ) ( ) [ ] [ ] [^ ^ $ { } \ {2} {1,} {0,2} {3,1} {0} {,2} {256} {1,2}
    [a] [^a-] a-b - - : :] [: [:alpha:] [:x:] [= [. =] .] [ab] \d \w \S \b \< \> \B \x \x{ \x{41} \x4 \q \\ \) \[ (a|b) (?
";

#[test]
fn random_patterns_are_accepted_as_musl_accepts_them() {
    let mut random = Random(0x5EED_CAFE);
    let tokens: Vec<&str> = TOKENS.split_whitespace().collect();
    let mut token = || tokens.get(random.below(tokens.len())).copied().unwrap_or_default();
    let patterns: Vec<String> = (0..6_000).map(|i| (0..2 + i % 7).map(|_| token()).collect()).collect();
    let accepted = patterns.iter().filter(|pattern| Ere::new(pattern.as_bytes()).is_ok()).count();
    // A generator of nothing but faults would prove little.
    assert!((1_000..5_000).contains(&accepted), "{accepted}");
    let questions: Vec<Question> =
        patterns.iter().map(|pattern| (pattern.as_bytes(), [].as_slice())).collect();
    check("random", &questions);
}

/// The patterns of which the engine's own test says that it finds what POSIX
/// does: so what differs here is musl's.
#[test]
fn random_patterns_are_accepted_and_matched_but_for_errors_of_musl() {
    let mut random = Random(0x5EED_CAFE);
    let cases: Vec<(String, String)> = (0..20_000).map(|_| (random.pattern(), random.text())).collect();
    let texts: Vec<[&[u8]; 1]> = cases.iter().map(|(_, text)| [text.as_bytes()]).collect();
    let questions: Vec<Question> =
        cases.iter().zip(&texts).map(|((pattern, _), text)| (pattern.as_bytes(), text.as_slice())).collect();
    let Some(musl) = ask_musl("matches", &questions) else { return };
    let ours = ask_ourselves(&questions);
    let (mut lost, mut elsewhere, mut groups) = (0, 0, 0);
    for ((pattern, text), (ours, musl)) in cases.iter().zip(ours.chunks(2).zip(musl.chunks(2))) {
        assert_eq!(ours[0], musl[0], "{pattern}");
        let has_place = ["^", "$", r"\<", r"\>", r"\b", r"\B"].iter().any(|place| pattern.contains(place));
        if ours[1].split(' ').next() == musl[1].split(' ').next() {
            groups += usize::from(ours[1] != musl[1]);
            continue;
        }
        // Where nothing asks where we are, musl finds the same match.
        assert!(has_place, "{pattern} on {text:?}: we {}, musl {}", ours[1], musl[1]);
        *(if musl[1] == "none" { &mut lost } else { &mut elsewhere }) += 1;
    }
    eprintln!("musl: {lost} matches lost, {elsewhere} elsewhere, {groups} with other groups, of 20000");
    // The generator likes what musl errs in: places, empty groups, `{0}`.
    assert!(lost + elsewhere + groups < 20_000 / 10);
}

/// A pattern, a text, what we find and what musl finds.
const DIFFERENCES: [[&str; 4]; 18] = [
    // Where a place is in something that may be left out, musl loses matches,
    ["(a|$)*b", "b", "0-1 -1--1 ", "none"],
    ["(^)*a", "ba", "1-2 -1--1 ", "none"],
    // or finds a later one,
    ["$|", "a", "0-0 ", "1-1 "],
    ["($)?", "a", "0-0 -1--1 ", "1-1 1-1 "],
    // or a shorter one.
    [".*(^)?", "a", "0-1 -1--1 ", "0-0 0-0 "],
    // Its intervals within repetitions find a later match, or one that is none.
    ["b|b*(.{2,3})", "abbaa", "0-3 0-3 ", "1-5 3-5 "],
    ["((b{2})*a?)*", "ba", "0-0 0-0 -1--1 ", "0-2 0-2 -1--1 "],
    // A part before a repeated group does not take all it can.
    [".*(a*)?", "a", "0-1 1-1 ", "0-1 0-1 "],
    ["b?(b{1,2})+", "bb", "0-2 1-2 ", "0-2 0-2 "],
    // A round does not take all it can.
    ["(b|bb)*", "bbb", "0-3 2-3 ", "0-3 1-3 "],
    ["(a*){1,2}", "aa", "0-2 0-2 ", "0-2 1-2 "],
    // There is an empty round too many, or none where there should be one.
    ["(a|(b?)){2,}", "ab", "0-2 1-2 1-2 ", "0-2 2-2 2-2 "],
    ["(a*){0,2}", "b", "0-0 0-0 ", "0-0 -1--1 "],
    // A group of no rounds, or empty in an alternative not taken, took no part.
    ["(a){0}b", "b", "0-1 -1--1 ", "0-1 0-0 "],
    ["a|()", "a", "0-1 -1--1 ", "0-1 1-1 "],
    // A group that took part is forgotten.
    ["(a+)?.+|.a", "aa", "0-2 0-1 ", "0-2 -1--1 "],
    // A byte or character beyond ASCII by its number: musl never finds one.
    [r"\xc3", "ä", "0-1 ", "none"],
    [r"\x{e4}", "ä", "0-2 ", "none"],
];

#[test]
fn known_differences_still_differ() {
    let texts = DIFFERENCES.map(|[_, text, ..]| [text.as_bytes()]);
    let questions: Vec<Question> = DIFFERENCES
        .iter()
        .zip(&texts)
        .map(|([pattern, ..], text)| (pattern.as_bytes(), text.as_slice()))
        .collect();
    let Some(musl) = ask_musl("known", &questions) else { return };
    // Two answers a question: accepted, then what was found.
    let found = ask_ourselves(&questions).into_iter().zip(musl).skip(1).step_by(2);
    for ([pattern, text, ours, theirs], (our_answer, their_answer)) in DIFFERENCES.iter().zip(found) {
        assert_eq!([our_answer.as_str(), &their_answer], [*ours, *theirs], "{pattern} on {text}");
    }
}

#[test]
fn musl_accepts_what_we_refuse_on_purpose() {
    let deep = format!("{}a{}", "(".repeat(101), ")".repeat(101));
    let long = "a".repeat(65_537);
    let patterns = ["ab\x08c", "\x01", &deep, &long, "(a{255}){255}"];
    let questions: Vec<Question> =
        patterns.iter().map(|pattern| (pattern.as_bytes(), [].as_slice())).collect();
    let Some(musl) = ask_musl("purpose", &questions) else { return };
    for ((pattern, _), answer) in questions.iter().zip(&musl) {
        assert!(answer.starts_with("accepted"), "{}", pattern.escape_ascii());
        assert!(Ere::new(pattern).is_err(), "{}", pattern.escape_ascii());
    }
}
