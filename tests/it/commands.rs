//! Each command as a user sees it: what it prints where, and its exit code, which is part of the interface.
//!
//! What `match` makes of lines is for the cases to show, and what the daemon does once it runs is shown with
//! it; here is how they are called, and what they say when they cannot.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::binary::{Binary, Ran, os};
use crate::support::daemon::Daemon;
use crate::support::skip;
use crate::support::variables::Variables;

/// `check` and the rest have their own code for a configuration or arguments that are wrong.
const CONFIGURATION: i32 = 78;

/// `arguments` as one would type them, split at spaces.
fn alertik(arguments: &str) -> Binary {
    Binary::new(arguments.split(' ').filter(|argument| !argument.is_empty()))
}

#[track_caller]
fn check(ran: &Ran, code: i32, stdout: &str, stderr: &str) {
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (code, stdout, stderr));
}

/// What a command that was called wrongly says.
#[track_caller]
fn check_usage(arguments: &str, what: &str) {
    let stderr = format!("alertik: {what} (alertik --help says what there is)\n");
    check(&alertik(arguments).run(), CONFIGURATION, "", &stderr);
}

#[test]
fn help_and_version_are_told_whatever_stands_beside_them() {
    for arguments in ["--help", "-h", "check --help", "match --json -h a b c"] {
        let ran = alertik(arguments).run();
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{arguments}");
        for command in [
            "[run]",
            "check",
            "match [FILE|-]",
            "match --regex ERE",
            "test",
            "demo",
            "health",
            "tail",
            "mute SPAN|off",
            "routeros",
        ] {
            assert!(ran.stdout.contains(&format!("\n  alertik {command} ")), "{command}");
        }
    }
    for arguments in ["--version", "-V", "demo -V"] {
        check(&alertik(arguments).run(), 0, concat!("alertik ", env!("CARGO_PKG_VERSION"), "\n"), "");
    }
}

#[test]
fn what_is_no_command_or_option_is_named() {
    check_usage("routers", "\"routers\" is not a command");
    check_usage("routers --json now", "\"routers\" is not a command");
    check_usage("--nope", "invalid option '--nope'");
    check_usage("-x check", "invalid option '-x'");
    check_usage("match --regex", "missing argument for option '--regex'");
    check_usage("--json", "--json means nothing here");
    check_usage("run --json", "--json means nothing here");
    check_usage("demo --json", "--json means nothing here");
    check_usage("check --regex a", "--regex means nothing here");
    check_usage("match --mask a", "--mask means nothing here");
    check_usage("match --regex a --from 10.0.0.1", "--from means nothing here");
    check_usage("check all", "\"all\" means nothing here");
    check_usage("match a b", "\"b\" means nothing here");
    check_usage("match --from home -", "--from takes an address");
    for option in ["--arch", "--address", "--gateway", "--image", "--disk"] {
        check_usage(&format!("check {option} x"), &format!("{option} means nothing here"));
    }
    check_usage("run --remove", "--remove means nothing here");
    for option in ["--filter x", "--fired"] {
        let name = option.split(' ').next().unwrap_or_default();
        check_usage(&format!("match {option}"), &format!("{name} means nothing here"));
    }
    check_usage("tail ether1", "\"ether1\" means nothing here");
    check_usage("mute 1h EVENT0 EVENT1", "\"EVENT1\" means nothing here");
    let spans = "(expected 90s, 10m, 24h or 7d, at most 31d, or off)";
    check_usage("mute", &format!("mute takes a span {spans}"));
    for span in ["2", "EVENT0", "0s", "32d"] {
        check_usage(&format!("mute {span}"), &format!("\"{span}\" is not a span {spans}"));
    }
    check_usage("routeros --json", "--json means nothing here");
    check_usage("routeros usb1", "\"usb1\" means nothing here");
    check_usage("routeros --version", "missing argument for option '--version'");
}

mod match_regex {
    use super::*;

    #[test]
    fn each_text_is_a_line_of_json() {
        let ran =
            Binary::new(["match", "--json", "--regex", "user ([a-z]+)( with space)?", "user bob", "nobody"]);
        check(
            &ran.run(),
            0,
            concat!(
                r#"{"text":"user bob","matched":true,"#,
                r#""groups":[{"start":0,"end":8,"text":"user bob"},{"start":5,"end":8,"text":"bob"},null]}"#,
                "\n",
                r#"{"text":"nobody","matched":false,"groups":[]}"#,
                "\n"
            ),
            "",
        );
    }

    #[test]
    fn the_message_is_there_with_a_mask_and_a_match_only() {
        let ran = Binary::new([
            "match",
            "--json",
            "--regex",
            "(b)(x?)",
            "--mask",
            "[@0] [@2] @@ @{message}",
            "abc",
            "c",
        ]);
        check(
            &ran.run(),
            0,
            concat!(
                r#"{"text":"abc","matched":true,"groups":[{"start":1,"end":2,"text":"b"},"#,
                r#"{"start":1,"end":2,"text":"b"},{"start":2,"end":2,"text":""}],"message":"[b] [] @ abc"}"#,
                "\n",
                r#"{"text":"c","matched":false,"groups":[]}"#,
                "\n"
            ),
            "",
        );
    }

    #[test]
    fn offsets_are_bytes_in_texts_of_any_bytes() {
        let text = os(b"\xc3\xa9\xff-\xe2\x82\xac!");
        let ran =
            Binary::new(["match", "--json", "--regex", "-(.*)!"].map(Into::into).into_iter().chain([text]));
        check(
            &ran.run(),
            0,
            concat!(
                r#"{"text":"é�-€!","matched":true,"#,
                r#""groups":[{"start":3,"end":8,"text":"-€!"},{"start":4,"end":7,"text":"€"}]}"#,
                "\n"
            ),
            "",
        );
    }

    #[test]
    fn texts_come_from_standard_input_when_none_are_given() {
        let ran = alertik("match --json --regex ^b*$").input("b\n\nac\n").run();
        check(
            &ran,
            0,
            concat!(
                r#"{"text":"b","matched":true,"groups":[{"start":0,"end":1,"text":"b"}]}"#,
                "\n",
                r#"{"text":"","matched":true,"groups":[{"start":0,"end":0,"text":""}]}"#,
                "\n",
                r#"{"text":"ac","matched":false,"groups":[]}"#,
                "\n"
            ),
            "",
        );
        check(&alertik("match --json --regex ^b*$").run(), 1, "", "");
    }

    #[test]
    fn words_are_for_people_and_escaped_for_terminals() {
        let ran = Binary::new(["match", "--regex", "(.)(x)?", "--mask", "got @1", "\x1b[31m", ""]);
        let stdout = "match:    \\u{1b}[31m\n          111111\n  @0 0-1 \"\\u{1b}\"\n  @1 0-1 \"\\u{1b}\"\n  @2 took no part\n  \
                      sends: got \\u{1b}\nno match: \n";
        check(&ran.run(), 0, stdout, "");
    }

    #[test]
    fn a_text_that_begins_with_a_dash_stands_behind_two() {
        let stdout = "match:    -85\n           ^^\n  @0 1-3 \"85\"\n";
        check(&alertik("match --regex 85 -- -85").run(), 0, stdout, "");
    }

    #[test]
    fn no_match_is_a_failure_and_a_bad_pattern_a_fault() {
        check(&alertik("match --regex a b").run(), 1, "no match: b\n", "");
        let bad = "alertik: --regex: \"(\" at 2 is never closed\n";
        let pointed = format!("{bad}  ab(c\n    ^\n");
        check(&alertik("match --regex ab(c b").run(), CONFIGURATION, "", &pointed);
        check(&alertik("match --json --regex ab(c b").run(), CONFIGURATION, "", bad);
        let long = "a".repeat(65_537);
        let bad = "alertik: --regex: the pattern is 65537 bytes long, more than 65536\n";
        check(&alertik(&format!("match --regex {long} a")).run(), CONFIGURATION, "", bad);
        let bad = "alertik: --mask: @2: the pattern has 1 group\n";
        check(&alertik("match --regex (a) --mask @2 a").run(), CONFIGURATION, "", bad);
    }

    #[test]
    fn what_is_not_lazy_is_pointed_out() {
        let warning = "alertik: warning: --regex: the \"?\" at 6 makes nothing lazy here\n";
        let pointed = format!("{warning}  a{{1,2}}?b\n        ^\n");
        check(
            &alertik("match --regex a{1,2}?b aab").run(),
            0,
            "match:    aab\n          ^^^\n  @0 0-3 \"aab\"\n",
            &pointed,
        );
        let row =
            r#"{"text":"b","matched":true,"groups":[{"start":0,"end":1,"text":"b"}]}"#.to_owned() + "\n";
        check(&alertik("match --json --regex a{1,2}?b b").run(), 0, &row, warning);
    }

    /// What a terminal is sent, an escape shown as `~`; None where there is no `script` to be one.
    fn on_a_terminal(variables: &[(&str, &str)]) -> Option<String> {
        let command = format!("{} match --regex 'a(b)' --mask '[@1]' xabx", env!("CARGO_BIN_EXE_alertik"));
        let mut script = Command::new("script");
        script.args(["-q", "-e", "-c", &command, "/dev/null"]).stdin(Stdio::null());
        script.env("SHELL", "/bin/sh").env_remove("NO_COLOR").envs(variables.iter().copied());
        match script.output() {
            Ok(output) => {
                assert!(output.status.success(), "{output:?}");
                let text = String::from_utf8(output.stdout).expect("what it prints is UTF-8");
                Some(text.replace('\r', "").replace('\x1b', "~"))
            }
            Err(error) => {
                skip(&format!("script: {error}"));
                None
            }
        }
    }

    #[test]
    fn a_terminal_gets_colours_unless_it_or_its_owner_minds() {
        let coloured = "match:    x~[4ma~[0m~[4;32mb~[0mx\n  ~[4m@0~[0m 1-3 \"ab\"\n  \
                        ~[4;32m@1~[0m 2-3 \"b\"\n  sends: [b]\n";
        let plain = "match:    xabx\n           ^1\n  @0 1-3 \"ab\"\n  @1 2-3 \"b\"\n  sends: [b]\n";
        for (variables, expected) in [
            (&[("TERM", "xterm")][..], coloured),
            (&[("TERM", "xterm"), ("NO_COLOR", "1")], plain),
            (&[("TERM", "dumb")], plain),
        ] {
            let Some(shown) = on_a_terminal(variables) else { return };
            assert_eq!(shown, expected, "{variables:?}");
        }
    }

    #[test]
    fn the_configuration_does_not_matter() {
        let ran = alertik("match --regex a a").set("ENV_EVENTS", "many").run();
        check(&ran, 0, "match:    a\n          ^\n  @0 0-1 \"a\"\n", "");
    }

    #[test]
    fn the_time_has_one_shape() {
        let ran = Binary::new(["match", "--json", "--regex", "a", "--mask", "~@{time}~", "a"]).run();
        let time = ran.stdout.split('~').nth(1).expect("a time");
        let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        assert_eq!(shape, "9999-99-99 99:99:99");
    }
}

mod match_lines {
    use super::*;

    const FAILURE: &str = "system,error,critical login failure for user \x1b[31m via ssh\n";

    #[test]
    fn lines_come_from_standard_input_or_a_file() {
        let stdout =
            "line 2: STATIC_EVENT1 -> Console\n  10.0.0.1: login failure for user \"\\u{1b}[31m\" via ssh\n";
        for arguments in ["match --from 10.0.0.1", "match --from 10.0.0.1 -"] {
            let ran = alertik(arguments).input(format!("dhcp,info x\n{FAILURE}")).run();
            check(&ran, 0, stdout, "");
        }
        let ran = alertik("match tests/corpus/routeros_lines.txt").run();
        assert_eq!((ran.code, &*ran.stderr), (0, ""));
    }

    #[test]
    fn nothing_told_is_a_failure() {
        check(&alertik("match").input("dhcp,info x\n").run(), 1, "", "");
        check(&alertik("match --json").run(), 1, "", "");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let ran = alertik("match tests/nowhere").run();
        assert_eq!((ran.code, &*ran.stdout), (CONFIGURATION, ""));
        assert!(
            ran.stderr.starts_with("alertik: cannot read \"tests/nowhere\": No such file"),
            "{}",
            ran.stderr
        );
    }

    #[test]
    fn faults_are_told_before_any_line_is_read() {
        let ran = alertik("match").set("ENV_EVENTS", "x").input(FAILURE).run();
        let fault = "alertik: ENV_EVENTS: \"x\" is not a number of events (expected 0 to 256)\n";
        check(&ran, CONFIGURATION, "", fault);
    }
}

/// Nobody reads what a command prints: the reading end of the pipe is closed before it starts.
fn closed_pipe() -> io::PipeWriter {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    writer
}

#[test]
fn a_broken_pipe_does_no_harm() {
    for (arguments, code) in
        [("match --json --regex a a", 0), ("check", 0), ("match --regex ( a", 78), ("x", 78)]
    {
        let mut command = alertik(arguments).into_command();
        let status = command.stdout(closed_pipe()).stderr(closed_pipe()).status().expect("our binary starts");
        assert_eq!(status.code(), Some(code), "{arguments}: {status}");
    }
    let mut command = alertik("match --json").into_command();
    let mut child = command.stdin(Stdio::piped()).stdout(closed_pipe()).spawn().expect("our binary starts");
    let lines = "system,error,critical login failure for user a via ssh\n".repeat(1000);
    let mut stdin = child.stdin.take().expect("it was piped");
    stdin.write_all(lines.as_bytes()).expect("it reads all lines");
    drop(stdin);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn variables_of_other_programs_do_no_harm() {
    let strange = os(b"caf\xe9\xff");
    let run = |arguments: &str| alertik(arguments).set("LS_COLORS", &strange).set(&strange, &strange).run();
    check(&run("match --regex a a"), 0, "match:    a\n          ^\n  @0 0-1 \"a\"\n", "");
    let ran = run("check");
    assert_eq!((ran.code, &*ran.stderr), (0, ""));
}

mod in_check {
    use super::*;

    fn configured(arguments: &str) -> Binary {
        alertik(arguments).set_all([
            ("TELEGRAM_BOT_TOKEN", "1:a"),
            ("TELEGRAM_CHAT_ID", "-1001"),
            ("STATIC_EVENTS_ENABLED", "5"),
            ("EVENT3_NOTIFIER", "Telegram/-1002,Console"),
            ("EVENT3_MATCH_TYPE", "regex"),
            ("EVENT3_MATCH_STR", "a.*?"),
            ("EVENT3_MASK_MSG", "text"),
            ("EVENT4_NOTIFER", "Slack"),
            ("SYSLOG_LISTEN", "5141"),
            ("SYSLOG_TCP_LISTEN", "127.0.0.1:5142"),
            ("ALERT_SERIAL", "on"),
            ("FORWARD_HOST", "log.example"),
            ("FORWARD_PORT", "514"),
            ("TZ", "manual"),
        ])
    }

    #[test]
    fn rules_and_notifiers_in_force_are_shown() {
        let stdout = "rules:\n  STATIC_EVENT5 (reboot: a reboot in good order) -> Telegram\n  \
                      EVENT3 (regex \"a.*?\", sends \"text\") -> Telegram/-1002, Console\nnotifiers:\n  Telegram\n  Telegram/-1002\n  \
                      Console\nour own troubles -> Telegram\nat most 60 alerts an hour for each notifier but Console, \
                      the others merged\nlines by UDP on [::]:5141\n\
                      lines by TCP on 127.0.0.1:5142\neach message is numbered, for each notifier by itself\nevery datagram goes on to log.example port 514\n\
                      HTTP on 127.0.0.1:7898\n";
        let stderr = "alertik: warning: EVENT4_NOTIFER is not a variable of this version and has no effect\n\
                      alertik: warning: TZ: \"manual\" is not a time zone (expected a zone name such as \
                      Europe/Rome, or a POSIX string such as <-03>3 or CET-1CEST,M3.5.0,M10.5.0/3); times are \
                      in UTC\n\
                      alertik: warning: EVENT3_MATCH_STR: the \"?\" at 3 makes nothing lazy here\n";
        check(&configured("check").run(), 0, stdout, stderr);
    }

    #[test]
    fn the_heartbeat_is_shown_without_its_address() {
        let heartbeat = [
            ("HEARTBEAT_URL", "https://hc.example/ping/a-secret"),
            ("HEARTBEAT_AT", "09:00"),
            ("HEARTBEAT_NOTIFIER", "Telegram/-1003"),
        ];
        let ran = configured("check").set_all(heartbeat).run();
        let expected = "the others merged\nwhat was seen, daily at 09:00 -> Telegram/-1003\n\
                        HEARTBEAT_URL (hidden) is pinged every 300 s\nlines by UDP on";
        assert!(ran.code == 0 && ran.stdout.contains(expected), "{}", ran.stdout);
        assert!(!ran.stdout.contains("a-secret") && !ran.stderr.contains("a-secret"));
    }

    #[test]
    fn json_is_an_object_a_line() {
        let ran = configured("check --json").run();
        let rows: Vec<serde_json::Value> =
            ran.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        assert_eq!((ran.code, &*ran.stderr), (0, ""));
        assert_eq!(rows.iter().filter(|row| row["warning"].is_string()).count(), 3);
        let rest = r#"{"rule":"STATIC_EVENT5","name":"reboot","description":"reboot: a reboot in good order","notifiers":["Telegram"]}
{"rule":"EVENT3","match_type":"regex","description":"regex \"a.*?\", sends \"text\"","notifiers":["Telegram/-1002","Console"]}
{"notifier":"Telegram"}
{"notifier":"Telegram/-1002"}
{"notifier":"Console"}
"#;
        assert!(ran.stdout.ends_with(rest), "{}", ran.stdout);
    }

    #[test]
    fn faults_are_told_in_both_forms() {
        let faulty =
            |arguments: &str| alertik(arguments).set("ENV_EVENTS", "x").set("EVENT300_NOTIFIER", "x").run();
        let fault = "ENV_EVENTS: \"x\" is not a number of events (expected 0 to 256)";
        let warning = "EVENT300_NOTIFIER is not a variable of this version and has no effect";
        let stderr = format!("alertik: {fault}\nalertik: warning: {warning}\n");
        check(&faulty("check"), CONFIGURATION, "", &stderr);
        let rows = [serde_json::json!({"fault": fault}), serde_json::json!({"warning": warning})];
        check(&faulty("check --json"), CONFIGURATION, &format!("{}\n{}\n", rows[0], rows[1]), "");
    }
}

mod secrets {
    use super::*;
    use std::fs;

    const SECRET: &str = "hunter2";

    #[track_caller]
    fn check_hidden(variables: &[(&str, &str)], code: i32) {
        for arguments in ["check", "check --json", "match --json", "test", "test --json"] {
            let ran = alertik(arguments).set_all(variables.iter().copied()).run();
            assert!(!ran.stdout.contains(SECRET) && !ran.stderr.contains(SECRET), "{arguments}: {ran:?}");
            assert!(
                arguments.starts_with("check").then_some(code).is_none_or(|code| ran.code == code),
                "{ran:?}"
            );
        }
    }

    #[test]
    fn no_secret_is_shown_when_all_is_well() {
        check_hidden(
            &[
                ("TELEGRAM_BOT_TOKEN", "1:hunter2"),
                ("TELEGRAM_CHAT_ID", "-1001"),
                ("TELEGRAM_API_URL", "http://127.0.0.1:1/hunter2"),
                ("SLACK_WEBHOOK_URL", "http://127.0.0.1:1/services/hunter2"),
                ("TEAMS_WEBHOOK_URL", "http://127.0.0.1:1/?sig=hunter2"),
                ("DISCORD_WEBHOOK_URL", "http://hunter2:hunter2@127.0.0.1:1/hunter2"),
                ("GENERIC1_WEBHOOK_URL", "https://127.0.0.1:1/hunter2"),
                ("GENERIC2_WEBHOOK_URL", "http://127.0.0.1:1/hunter2"),
                ("GENERIC2_PROXY", "http://user:hunter2@127.0.0.1:1"),
                ("GENERIC3_WEBHOOK_URL", "http://127.0.0.1:1/hunter2"),
                ("GENERIC3_PROXY", "socks5h://user:hunter2@127.0.0.1:1"),
                ("HTTP_LISTEN", "0.0.0.0:7898"),
                ("HTTP_TOKEN", "hunter2"),
                ("METRICS_TOKEN", "hunter2"),
            ],
            0,
        );
    }

    #[test]
    fn no_secret_is_shown_when_it_is_at_fault() {
        check_hidden(
            &[
                ("TELEGRAM_BOT_TOKEN", "hunter2/"),
                ("TELEGRAM_API_URL", "hunter2"),
                ("SLACK_WEBHOOK_URL", "hunter2"),
                ("TEAMS_WEBHOOK_URL", "ftp://127.0.0.1/hunter2"),
                ("DISCORD_WEBHOOK_URL", "https://hunter2.onion/hunter2"),
                ("GENERIC1_WEBHOOK_URL", "https://a b/hunter2"),
                ("GENERIC2_WEBHOOK_URL", "http://127.0.0.1:1/hunter2"),
                ("GENERIC2_PROXY", "socks5://user:hunter2@127.0.0.1:1"),
                ("PROXY", "user:hunter2@127.0.0.1:1"),
                ("HTTP_LISTEN", "everywhere"),
                ("HTTP_TOKEN", "hunter2"),
                ("METRICS_TOKEN", "hunter2"),
            ],
            CONFIGURATION,
        );
    }

    #[test]
    fn no_secret_of_a_file_is_shown() {
        let folder = std::env::temp_dir().join(format!("alertik-commands-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for files");
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).expect("a file is writable");
            path.into_os_string().into_string().expect("its path is UTF-8")
        };
        let config = file("config", "HTTP_TOKEN=hunter2\nhunter2\nexport SLACK_WEBHOOK_URL=hunter2\n");
        let token = file("token", "hunter2 and more\n");
        check_hidden(
            &[("ALERTIK_CONFIG", &config), ("TELEGRAM_BOT_TOKEN_FILE", &token), ("TLS_CA_FILE", &token)],
            CONFIGURATION,
        );
        fs::remove_dir_all(&folder).expect("the folder can be removed");
    }
}

mod test {
    use super::*;

    const REFUSED: &str = "http://127.0.0.1:1/x";

    #[test]
    fn each_answer_is_told_in_words() {
        let ran =
            alertik("test").set("SLACK_WEBHOOK_URL", REFUSED).set("GENERIC1_WEBHOOK_URL", REFUSED).run();
        let stdout =
            "Slack: not delivered: connection refused\nGeneric1: not delivered: connection refused\n";
        check(&ran, 1, stdout, "");
        let ran = alertik("test --json").set("SLACK_WEBHOOK_URL", REFUSED).run();
        let stdout = r#"{"notifier":"Slack","delivered":false,"answer":"not delivered: connection refused"}"#;
        check(&ran, 1, &format!("{stdout}\n"), "");
    }

    #[test]
    fn console_needs_no_variables() {
        let ran = alertik("test").run();
        assert_eq!((ran.code, &*ran.stderr), (0, ""));
        assert!(
            ran.stdout.starts_with('~') && ran.stdout.ends_with("\nConsole: delivered\n"),
            "{}",
            ran.stdout
        );
    }

    #[test]
    fn some_are_tested_by_name() {
        let run = |arguments: &str| {
            alertik(arguments).set("SLACK_WEBHOOK_URL", REFUSED).set("GENERIC1_WEBHOOK_URL", REFUSED).run()
        };
        check(&run("test Slack"), 1, "Slack: not delivered: connection refused\n", "");
        let unknown = "alertik: \"Teams\" is not configured (expected one of Slack, Generic1) (alertik --help \
                       says what there is)\n";
        check(&run("test Slack Teams"), CONFIGURATION, "", unknown);
    }

    #[test]
    fn faults_are_told_first() {
        let ran = alertik("test").set("SLACK_WEBHOOK_URL", "x").run();
        let fault =
            "alertik: SLACK_WEBHOOK_URL: this is not an http or https URL (expected https://… or http://…)\n";
        check(&ran, CONFIGURATION, "", fault);
    }
}

#[test]
fn demo_shows_lines_and_their_alerts_and_ends() {
    // It is a first look: nothing of the operator's matters, right or wrong.
    let ran =
        alertik("demo").set("ENV_EVENTS", "x").set("SLACK_WEBHOOK_URL", "x").set("SYSLOG_LISTEN", "x").run();
    assert_eq!((ran.code, &*ran.stderr), (0, ""));
    let alerts: Vec<_> = ran.stdout.lines().filter(|line| line.starts_with('~')).collect();
    for part in [
        "There is someone trying to connect to your WiFi: wlan1",
        "MikroTik: login failure for user \"guest\" from 203.0.113.17 via ssh, at",
        "from 203.0.113.17 via ssh … and 2 more, the last: ",
        "MikroTik: router was rebooted without proper shutdown, probably power outage",
        "MikroTik: unknown DHCP server on bridge",
    ] {
        assert_eq!(alerts.iter().filter(|alert| alert.contains(part)).count(), 1, "{part}: {}", ran.stdout);
    }
    assert_eq!(alerts.len(), 5, "{}", ran.stdout);
    assert_eq!(ran.stdout.lines().filter(|line| line.starts_with("< ")).count(), 11);
}

mod run {
    use super::*;

    #[test]
    fn faults_of_the_configuration_have_their_own_code() {
        for arguments in ["", "run"] {
            let ran = alertik(arguments).set("ENV_EVENTS", "x").run();
            let fault = "alertik: ENV_EVENTS: \"x\" is not a number of events (expected 0 to 256)\n";
            check(&ran, CONFIGURATION, "", fault);
        }
        let ran = alertik("run").set("LOG_FILE", "/nowhere/log.txt").run();
        let fault = "alertik: LOG_FILE: cannot write to /nowhere/log.txt: No such file or directory (os error 2); make its folder\n";
        check(&ran, CONFIGURATION, "", fault);
    }

    #[test]
    fn a_port_that_is_taken_is_a_failure_that_names_the_variable() {
        let running = Daemon::start(&Variables::new());
        let http = running.http.expect("it serves HTTP").to_string();
        let ran = alertik("run").set("SYSLOG_LISTEN", "127.0.0.1:0").set("HTTP_LISTEN", &http).run();
        let fault = format!(
            "alertik: HTTP_LISTEN: cannot listen on {http}: Address already in use (os error 98) (set another \
             address, or off)\n"
        );
        assert_eq!((ran.code, &*ran.stderr), (1, &*fault));
    }
}

mod health {
    use super::*;

    #[test]
    fn a_daemon_that_runs_is_well() {
        let running = Daemon::start(&Variables::new());
        let address = running.http.expect("it serves HTTP").to_string();
        check(&alertik("health").set("HTTP_LISTEN", &address).run(), 0, "", "");
        assert_eq!(running.stop("TERM").code, Some(0));
        let gone =
            format!("alertik: {address}: connection refused (does the daemon run, with this HTTP_LISTEN?)\n");
        check(&alertik("health").set("HTTP_LISTEN", &address).run(), 1, "", &gone);
    }

    #[test]
    fn where_http_is_off_there_is_nobody_to_ask() {
        for command in ["health", "tail", "mute 2h", "mute off EVENT0"] {
            let ran = alertik(command).set("HTTP_LISTEN", "off").run();
            check(&ran, 1, "", "alertik: HTTP_LISTEN is off, so there is nobody to ask\n");
        }
    }
}
