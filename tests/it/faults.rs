//! Every way in which a variable can be wrong, and the sentence that the operator reads.
//!
//! In this process rather than through the binary: a hundred configurations are read in the time of one
//! start. How the sentences reach the operator is shown with the commands.

use alertik::settings::{Settings, variables};
use alertik::vars::Faults;

use crate::binary::{Binary, os};

type Variables<'a> = &'a [(&'a str, &'a str)];

/// An event that is right, to be made wrong in one place.
const EVENT: Variables = &[
    ("EVENT0_NOTIFIER", "Console"),
    ("EVENT0_MATCH_TYPE", "regex"),
    ("EVENT0_MATCH_STR", "user ([a-z]+)"),
    ("EVENT0_MASK_MSG", "@1"),
];

/// Telegram as it should be.
const TELEGRAM: Variables = &[("TELEGRAM_BOT_TOKEN", "1:a"), ("TELEGRAM_CHAT_ID", "-1001")];

/// The services for phones as they should be.
const PHONES: Variables = &[
    ("NTFY_URL", "https://ntfy.example"),
    ("NTFY_TOPIC", "a-topic_1"),
    ("NTFY_TOKEN", "tk_a"),
    ("GOTIFY_URL", "http://gotify.example/push/"),
    ("GOTIFY_TOKEN", "A.b-c_d"),
    ("PUSHOVER_TOKEN", "a"),
    ("PUSHOVER_USER", "u,g"),
    ("PUSHOVER_API_URL", "https://pushover.example"),
    ("MATRIX_URL", "https://matrix.example"),
    ("MATRIX_TOKEN", "syt_a"),
    ("MATRIX_ROOM", "!a:matrix.example"),
];

/// Email as it should be.
const EMAIL: Variables = &[
    ("EMAIL_URL", "smtps://me:p%2Fw@mail.example"),
    ("EMAIL_FROM", "The router <alertik@mail.example>"),
    ("EMAIL_TO", "ann@mail.example,bob@mail.example"),
];

const NOTIFIERS: &str = "Telegram, Slack, Teams, Discord, Generic1, Generic2, Generic3, Generic4, Ntfy, Gotify, \
                         Pushover, Matrix, Email, SimpleX, Alertmanager, Console";
const ADDRESS: &str = "is no address (expected [::]:5140, 192.0.2.1:5140 or a port)";
const NETWORK: &str = "is not an address, a network such as 192.168.88.0/24, or a name from ROUTERS";
const URL: &str = "(expected https://… or http://…)";
const AGE_KEY: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const SPAN: &str = "a number with s, m, h or d, from 1s to 365d";
const PROXY: &str = "is not a proxy (expected http://host:port or socks5h://host:port)";

/// What is wrong with `set`, where those of `usual` hold that are not among them.
fn faults_of(usual: Variables, set: Variables) -> Faults {
    let is_usual = |(name, _): &&(&str, &str)| !set.iter().any(|(given, _)| given == name);
    let environment =
        usual.iter().filter(is_usual).chain(set).map(|(name, value)| (name.into(), value.into()));
    let (settings, faults) = Settings::read(environment);
    assert_eq!(settings.is_some(), faults.is_empty());
    faults
}

#[track_caller]
fn check(usual: Variables, set: Variables, fault: &str) {
    let Faults { faults, warnings } = faults_of(usual, set);
    assert_eq!((faults, warnings.len()), (vec![fault.to_owned()], 0));
}

#[track_caller]
fn check_warning(usual: Variables, set: Variables, warning: &str) {
    let Faults { faults, warnings } = faults_of(usual, set);
    assert_eq!((faults.len(), warnings), (0, vec![warning.to_owned()]));
}

#[track_caller]
fn check_right(usual: Variables, set: Variables) {
    let Faults { faults, warnings } = faults_of(usual, set);
    assert_eq!((faults, warnings), (vec![], vec![]));
}

#[test]
fn what_is_right_is_passed_over() {
    check_right(&[], &[]);
    check_right(EVENT, &[]);
    check_right(TELEGRAM, &[]);
    check_right(EVENT, &[("EVENT0_TOPICS", " ,"), ("EVENT0_FROM", ""), ("ENV_EVENTS", "")]);
    check_right(&[], &[("SELF_NOTIFIER", ","), ("STATIC_EVENT1_NOTIFIER", " , ")]);
    check_right(&[], &[("SYSLOG_LISTEN", ""), ("PROXY", ""), ("SLACK_WEBHOOK_URL", "")]);
}

#[test]
fn faults_of_listening_and_forwarding() {
    let fault = |name: &str, value: &str, what: &str| {
        check(&[], &[(name, value)], &format!("{name}: \"{value}\" {what}"));
    };
    fault("SYSLOG_LISTEN", "localhost:5140", ADDRESS);
    fault("SYSLOG_LISTEN", "65536", ADDRESS);
    fault("SYSLOG_TCP_LISTEN", "::1", ADDRESS);
    fault("SYSLOG_ALLOW", "10.0.0.0/33", NETWORK);
    fault("SYSLOG_ALLOW", "home", NETWORK);
    fault("SYSLOG_ALLOW", " , ", "names nobody (unset it for everybody)");
    fault("RING_LINES", "0", "is not a number from 1 to 1000000");
    fault("RING_LINES", "-1", "is not a number from 1 to 1000000");
    fault("RING_LINES", "many", "is not a number from 1 to 1000000");
    check(&[], &[("FORWARD_HOST", "a")], "FORWARD_PORT is not set, and FORWARD_HOST needs it");
    check(&[], &[("FORWARD_PORT", "1")], "FORWARD_HOST is not set, and FORWARD_PORT needs it");
    for port in ["0", "65536", "syslog"] {
        let fault = format!("FORWARD_PORT: \"{port}\" is not a port (expected 1 to 65535)");
        check(&[("FORWARD_HOST", "a")], &[("FORWARD_PORT", port)], &fault);
    }
    let fault = "FORWARD_HOST: 127.0.0.1 port 5140 is where we listen ourselves";
    check(&[], &[("FORWARD_HOST", "127.0.0.1"), ("FORWARD_PORT", "5140")], fault);
    for part in ["192.168.88.1", "home=192.168.88.1", "192.168.88.1="] {
        check(&[], &[("ROUTERS", part)], &format!("ROUTERS: \"{part}\" is not address=name"));
    }
    check(
        &[],
        &[("ROUTERS", "10.0.0.1=home"), ("SYSLOG_ALLOW", "home,office")],
        &format!("SYSLOG_ALLOW: \"office\" {NETWORK}"),
    );
}

#[test]
fn faults_of_the_log_and_the_clock() {
    let fault = "LOG_LEVEL: \"loud\" is not a level (expected error, warn, info or debug)";
    check(&[], &[("LOG_LEVEL", "loud")], fault);
    for zone in ["manual", "Europe/Roma", ":"] {
        let Faults { faults, warnings } = faults_of(&[], &[("TZ", zone)]);
        assert_eq!((faults.len(), warnings.len()), (0, 1), "{zone}");
        let warning = warnings.first().expect("there is one");
        assert!(warning.starts_with("TZ: ") && warning.ends_with("; times are in UTC"), "{warning}");
    }
}

#[test]
fn faults_of_http() {
    let fault = "HTTP_LISTEN: \"7898\" is no address (expected 127.0.0.1:7898, [::1]:7898 or off)";
    check(&[], &[("HTTP_LISTEN", "7898")], fault);
    for address in ["0.0.0.0:7898", "[::]:7898", "192.168.88.5:80", "[::ffff:10.0.0.1]:80"] {
        let fault = format!("HTTP_TOKEN is not set, and HTTP_LISTEN={address} is open to others");
        check(&[], &[("HTTP_LISTEN", address)], &fault);
        check_right(&[("HTTP_TOKEN", "x")], &[("HTTP_LISTEN", address)]);
    }
    for address in ["off", "127.0.0.2:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        check_right(&[], &[("HTTP_LISTEN", address)]);
    }
    for token in ["HTTP_TOKEN", "METRICS_TOKEN"] {
        let fault = format!("{token} is not a token (expected ASCII characters without blanks)");
        for text in ["two words", "\u{e9}", " "] {
            check(&[], &[(token, text)], &fault);
        }
        check_right(&[], &[(token, " x ")]);
    }
}

#[test]
fn faults_of_files() {
    let missing = "cannot read \"/nowhere\": No such file or directory (os error 2)";
    check(&[], &[("ALERTIK_CONFIG", "/nowhere")], &format!("ALERTIK_CONFIG: {missing}"));
    check(&[], &[("HTTP_TOKEN_FILE", "/nowhere")], &format!("HTTP_TOKEN_FILE: {missing}"));
    check(
        TELEGRAM,
        &[("TELEGRAM_BOT_TOKEN_FILE", "/nowhere")],
        "TELEGRAM_BOT_TOKEN_FILE and TELEGRAM_BOT_TOKEN are both set (set one of them)",
    );
    let fault = "ALERTIK_CONFIG: line 1 is not NAME=value";
    let config = std::env::temp_dir().join(format!("alertik-faults-{}", std::process::id()));
    std::fs::write(&config, "export A=b\n").expect("a file is writable");
    check(&[], &[("ALERTIK_CONFIG", config.to_str().expect("its path is UTF-8"))], fault);
    std::fs::remove_file(&config).expect("the file can be removed");
    for name in ["TLS_CA_FILE", "TELEGRAM_TLS_CA_FILE"] {
        let missing = "\"/nowhere\": cannot be read: No such file or directory (os error 2)";
        check(TELEGRAM, &[(name, "/nowhere")], &format!("{name}: {missing}"));
        let none = format!("{name}: \"rustfmt.toml\": holds no certificate (expected PEM)");
        check(TELEGRAM, &[(name, "rustfmt.toml")], &none);
    }
}

#[test]
fn faults_of_events() {
    for count in ["-1", "257", "two", "1.0"] {
        let fault = format!("ENV_EVENTS: \"{count}\" is not a number of events (expected 0 to 256)");
        check(EVENT, &[("ENV_EVENTS", count)], &fault);
    }
    let nobody = "EVENT0_NOTIFIER is not set (expected a notifier such as Telegram)";
    check(EVENT, &[("EVENT0_NOTIFIER", "")], nobody);
    check(EVENT, &[("EVENT0_NOTIFIER", " ,")], nobody);
    for name in ["telegram", "Mail", "Generic5"] {
        let fault = format!("EVENT0_NOTIFIER: \"{name}\" is not a notifier (expected one of {NOTIFIERS})");
        check(EVENT, &[("EVENT0_NOTIFIER", name)], &fault);
    }
    check(
        EVENT,
        &[("EVENT0_NOTIFIER", "Console/x")],
        "EVENT0_NOTIFIER: Console takes no target (write Console without the slash)",
    );
    check(
        EVENT,
        &[TELEGRAM, &[("EVENT0_NOTIFIER", "Telegram/")]].concat(),
        "EVENT0_NOTIFIER: \"Telegram/\" names no target behind the slash",
    );
    check(EVENT, &[("EVENT0_MATCH_TYPE", "")], "EVENT0_MATCH_TYPE is not set (expected substr or regex)");
    check(
        EVENT,
        &[("EVENT0_MATCH_TYPE", "Regex")],
        "EVENT0_MATCH_TYPE: \"Regex\" is not a match type (expected substr or regex)",
    );
    check(
        EVENT,
        &[("EVENT0_MATCH_STR", "")],
        "EVENT0_MATCH_STR is not set (expected the text or the regex to look for)",
    );
    check(EVENT, &[("EVENT0_MASK_MSG", "")], "EVENT0_MASK_MSG is not set (expected the text to send)");
}

#[test]
fn faults_of_patterns() {
    let fault = |pattern: &str, what: &str| {
        for name in ["EVENT0_MATCH_STR", "EVENT0_EXCLUDE"] {
            check(EVENT, &[(name, pattern)], &format!("{name}: {what}"));
        }
        check(&[], &[("STATIC_EVENT1_EXCLUDE", pattern)], &format!("STATIC_EVENT1_EXCLUDE: {what}"));
    };
    fault("a(b", "\"(\" at 1 is never closed");
    fault("[a", "\"[\" at 0 is never closed");
    fault("*", "\"*\" at 0 has nothing to repeat (\\* is the character)");
    fault("a{2,1}", "\"{2,1}\" at 1 is not {m}, {m,} or {m,n} up to 255 (\\{ is the character)");
    fault("a\\", "\"\\\" at 1 ends the pattern (\\\\ is the character)");
    fault("(?:a)", "\"(?:\" at 0 is Perl's: write a plain group");
    fault(
        "user\x08",
        "\"\\x08\" at 4 is a control byte: RouterOS has eaten a backslash, type each one twice",
    );
    let warning = "EVENT0_MATCH_STR: the \"?\" at 2 makes nothing lazy here";
    check_warning(EVENT, &[("EVENT0_MATCH_STR", ".*?(a)")], warning);
}

#[test]
fn faults_of_masks() {
    let fault = |mask: &str, what: &str| {
        check(EVENT, &[("EVENT0_MASK_MSG", mask)], &format!("EVENT0_MASK_MSG: {what}"));
    };
    let lone = "a lone \"@\" (write @@ for an @, @1 for a group)";
    fault("@2", "@2: the pattern has 1 group");
    fault("@10", "@10: the pattern has 1 group");
    fault("mail a@b", lone);
    fault("at @", lone);
    fault(
        "@{name}",
        "\"@{\" does not begin a known value (expected one of @{message}, @{topics}, @{router}, @{from}, \
         @{time}, @{line}, @{count}, @{rule})",
    );
    check_right(EVENT, &[("EVENT0_MATCH_STR", "user"), ("EVENT0_MASK_MSG", "@2 a@b @ @{name}")]);
    check_right(EVENT, &[("EVENT0_MATCH_TYPE", "substr"), ("EVENT0_MASK_MSG", "@2 a@b @ @{name}")]);
}

#[test]
fn faults_of_filters() {
    for prefix in ["EVENT0_", "STATIC_EVENT1_"] {
        let usual = if prefix == "EVENT0_" { EVENT } else { &[] };
        let fault = |name: &str, value: &str, part: &str, what: &str| {
            let name = format!("{prefix}{name}");
            check(usual, &[(&name, value)], &format!("{name}: \"{part}\" {what}"));
        };
        for topic in ["System", "!", "a b", "*"] {
            fault("TOPICS", topic, topic, "is not a topic (expected such as system or !debug)");
        }
        fault("FROM", "10.0.0.1,office", "office", NETWORK);
        fault("FROM", ",", ",", "names nobody (unset it for everybody)");
    }
}

#[test]
fn faults_of_what_rules_remember() {
    for prefix in ["EVENT0_", "STATIC_EVENT6_"] {
        let usual = if prefix == "EVENT0_" { EVENT } else { &[] };
        let fault = |name: &str, value: &str, expected: &str| {
            let name = format!("{prefix}{name}");
            let what = format!("{name}: \"{value}\" is not understood (expected {expected}, or off)");
            check(usual, &[(&name, value)], &what);
        };
        for text in ["5", "0/60s", "1001/60s", "5/60", "five/60s", "5/400d"] {
            let expected = format!("a number from 1 to 1000, a slash and {SPAN}, such as 5/60s");
            fault("THRESHOLD", text, &expected);
        }
        for text in ["10", "400d", "1h30m", "10min", "OFF"] {
            fault("COOLDOWN", text, &format!("{SPAN}, such as 10m"));
        }
        fault("SILENCE", "1 day", &format!("{SPAN}, such as 24h"));
        for text in ["0", "11", "x"] {
            fault("SPIKE", text, "a number of standard deviations, 1 to 10 or -1 to -10");
        }
        for text in ["yes", "30/20", "20"] {
            fault("FLAP", text, "on, or two percentages such as 20/30");
        }
        fault("PRIORITY", "High", "low, normal, high or urgent");
        for text in ["22:00", "22-7", "7:00-8:00", "25:00-07:00", "07:00-07:00", "00:00-24:00"] {
            fault("MUTE", text, "hh:mm-hh:mm, two times of day that differ, such as 22:00-07:00");
        }
        let options = [
            "KEY",
            "CLEAR",
            "THRESHOLD",
            "COOLDOWN",
            "WITHIN",
            "SILENCE",
            "SPIKE",
            "FLAP",
            "PRIORITY",
            "MUTE",
        ]
        .map(|name| format!("{prefix}{name}"));
        let off: Vec<_> = options.iter().map(|name| (&**name, "off")).collect();
        check_right(usual, &off);
    }
    check(
        &[],
        &[("STATIC_EVENT6_WITHIN", "soon")],
        &format!("STATIC_EVENT6_WITHIN: \"soon\" is not understood (expected {SPAN}, such as 30s, or off)"),
    );
    check(EVENT, &[("EVENT0_CLEAR", "a(b")], "EVENT0_CLEAR: \"(\" at 1 is never closed");
    check(EVENT, &[("EVENT0_KEY", "@2")], "EVENT0_KEY: @2: the pattern has 1 group");
    check(
        EVENT,
        &[("EVENT0_KEY", "@1"), ("EVENT0_CLEAR", "gone")],
        "EVENT0_CLEAR: has 0 groups, and EVENT0_KEY needs @1: both lines must give the same key",
    );
    check_right(
        EVENT,
        &[("EVENT0_KEY", "@{router} @1"), ("EVENT0_CLEAR", "(gone)"), ("EVENT0_WITHIN", "1m")],
    );
    check_right(&[], &[("STATIC_EVENT1_KEY", "@{router}")]);
}

#[test]
fn an_end_must_say_of_what_it_is_the_end() {
    check(
        &[],
        &[("STATIC_EVENT1_CLEAR", "logged in")],
        "STATIC_EVENT1_CLEAR: has no group that takes the address (expected one, or STATIC_EVENT1_KEY=@{router})",
    );
    check(
        &[],
        &[("STATIC_EVENT4_CLEAR", "a (.*)")],
        "STATIC_EVENT4_CLEAR: does not say of which reason it is the end (expected STATIC_EVENT4_KEY=@{router} \
         beside it)",
    );
    check(&[], &[("STATIC_EVENT1_CLEAR", "a(b")], "STATIC_EVENT1_CLEAR: \"(\" at 1 is never closed");
    check_right(&[], &[("STATIC_EVENT1_CLEAR", "from ([0-9.]+)"), ("STATIC_EVENT1_WITHIN", "30s")]);
    check_right(&[], &[("STATIC_EVENT4_CLEAR", "back"), ("STATIC_EVENT4_KEY", "@{router}")]);
    check_right(&[("STATIC_EVENTS_ENABLED", "3")], &[("STATIC_EVENT3_CLEAR", "logged out")]);
}

#[test]
fn options_without_effect_are_warnings() {
    for name in ["FLAP", "WITHIN"] {
        for (prefix, usual) in [("EVENT0_", EVENT), ("STATIC_EVENT1_", &[])] {
            let value = if name == "FLAP" { "on" } else { "30s" };
            let why = format!("no line says that a trouble is over (expected a regex in {prefix}CLEAR)");
            let name = format!("{prefix}{name}");
            check_warning(usual, &[(&name, value)], &format!("{name} has no effect: {why}"));
        }
    }
    let urgent = "EVENT0_MUTE has no effect: urgent alerts are never held (EVENT0_PRIORITY)";
    check_warning(EVENT, &[("EVENT0_PRIORITY", "urgent"), ("EVENT0_MUTE", "22:00-07:00")], urgent);
    for (name, value) in [("THRESHOLD", "5/60s"), ("COOLDOWN", "1h"), ("WITHIN", "1m")] {
        let name = format!("STATIC_EVENT7_{name}");
        let warning = format!("{name} has no effect: this rule tells only what flaps");
        check_warning(&[], &[(&name, value)], &warning);
    }
    for (name, value) in [("THRESHOLD", "5/60s"), ("COOLDOWN", "1h")] {
        let name = format!("STATIC_EVENT12_{name}");
        let why = "this rule tells what is new with its first line, and no other";
        let warning = format!("{name} has no effect: {why}");
        check_warning(&[("STATIC_EVENTS_ENABLED", "12")], &[(&name, value)], &warning);
    }
    // Of these the cooldown holds.
    check_right(&[], &[("STATIC_EVENT7_SILENCE", "24h"), ("STATIC_EVENT7_COOLDOWN", "1h")]);
    let nothing = "STATIC_EVENT7_FLAP: off leaves this rule nothing to tell (expected on, or two percentages \
                   such as 20/30)";
    check_warning(&[], &[("STATIC_EVENT7_FLAP", "off")], nothing);
}

#[test]
fn a_key_that_tells_nothing_apart_is_a_warning() {
    let same = |usual, name: &str, value: &str, expected: &str| {
        let why = format!("\"{value}\" makes all lines count as the same (expected such as {expected})");
        check_warning(usual, &[(name, value)], &format!("{name}: {why}"));
    };
    same(EVENT, "EVENT0_KEY", "all", "@{router} or a group, @1");
    for value in ["@1", "@{foo}", "all"] {
        same(&[], "STATIC_EVENT1_KEY", value, "@{router}");
    }
    let substr = [&EVENT[..1], &EVENT[2..], &[("EVENT0_MATCH_TYPE", "substr")]].concat();
    same(&substr, "EVENT0_KEY", "@1", "@{router}");
    check_warning(
        &[],
        &[("STATIC_EVENT1_KEY", "@{router} @1")],
        "STATIC_EVENT1_KEY: an @ in \"@{router} @1\" is only text: a built-in rule has no groups (expected such as \
         @{router})",
    );
    check_right(EVENT, &[("EVENT0_KEY", "@@@1")]);
}

const BUILTINS: &str = "0 wifi_login_attempt, 1 login_failure, 2 login_bruteforce, 3 login, 4 unclean_reboot, \
                        5 reboot, 6 link_change, 7 link_flapping, 8 config_change, 9 port_scan, 10 vpn_login, \
                        11 rogue_dhcp, 12 new_device, 13 netwatch, 14 critical";

#[test]
fn faults_of_built_in_rules() {
    let expected = format!("all, starter, {BUILTINS}");
    for word in ["15", "01", "logins", "0-3", "0;3"] {
        let fault = format!(
            "STATIC_EVENTS_ENABLED: \"{word}\" is not a built-in rule of this version (expected {expected})"
        );
        check(&[], &[("STATIC_EVENTS_ENABLED", &format!("0, {word}"))], &fault);
    }
    let fault = format!("STATIC_EVENT4_NOTIFIER: \"Pager\" is not a notifier (expected one of {NOTIFIERS})");
    check(&[], &[("STATIC_EVENT4_NOTIFIER", "Pager")], &fault);
    check_warning(
        &[],
        &[("STATIC_EVENTS_ENABLED", "0"), ("STATIC_EVENT3_NOTIFIER", "Console")],
        "STATIC_EVENT3_NOTIFIER has no effect: built-in rule 3 is not enabled",
    );
}

#[test]
fn faults_of_delivery() {
    for span in ["24", "0s", "1w", "-1h", "400d", "1.5h", "24 h"] {
        let fault = format!("ALERT_EXPIRE: \"{span}\" is not a time span (expected 90s, 10m, 24h or 7d)");
        check(&[], &[("ALERT_EXPIRE", span)], &fault);
    }
    check(
        &[],
        &[("ALERT_SERIAL", "yes")],
        "ALERT_SERIAL: \"yes\" says neither yes nor no (expected on or off)",
    );
    for url in ["router/", "ftp://h/", &format!("http://h/{}", "x".repeat(200))] {
        let fault = "PAGE_URL is not a URL (expected http://… or https://…, 200 bytes at most)";
        check(&[], &[("PAGE_URL", url)], fault);
    }
    for max in ["0", "-1", "1001", "many", "Off"] {
        let fault =
            format!("ALERTS_PER_HOUR_MAX: \"{max}\" is not a number of alerts (expected 1 to 1000, or off)");
        check(&[], &[("ALERTS_PER_HOUR_MAX", max)], &fault);
    }
    for name in ["SELF_NOTIFIER", "FALLBACK_NOTIFIER"] {
        let fault = format!("{name}: \"Nobody\" is not a notifier (expected one of {NOTIFIERS})");
        check(&[], &[(name, "Nobody")], &fault);
    }
    let encrypted = [("TELEGRAM_ENCRYPT_TO", AGE_KEY), ("FALLBACK_NOTIFIER", "Console")];
    check_warning(
        TELEGRAM,
        &encrypted,
        "FALLBACK_NOTIFIER: Console is not encrypted, and would tell in clear text what Telegram tells encrypted \
         (set its ENCRYPT_TO, or name another)",
    );
    check_warning(
        TELEGRAM,
        &[("TELEGRAM_ENCRYPT_TO", AGE_KEY), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318")],
        "OTEL_EXPORTER_OTLP_ENDPOINT: alerts go there in clear text, which Telegram tells encrypted \
         (OTEL_LOGS_EXPORTER=none keeps them here)",
    );
    check(&[], &[("SELF_NOTIFIER", "Slack")], "SLACK_WEBHOOK_URL is not set, and Slack needs it");
    for name in ["PROXY", "TELEGRAM_PROXY"] {
        for value in ["127.0.0.1:9050", "socks5://127.0.0.1:9050", "https://127.0.0.1:3128", "http://"] {
            check(TELEGRAM, &[(name, value)], &format!("{name} {PROXY}"));
        }
    }
}

#[test]
fn faults_of_the_heartbeat() {
    let url: Variables = &[("HEARTBEAT_URL", "https://hc.example/ping/1")];
    check_right(
        url,
        &[("HEARTBEAT_EVERY", "1s"), ("HEARTBEAT_AT", "09:00"), ("HEARTBEAT_NOTIFIER", "Console")],
    );
    check_right(&[], &[("HEARTBEAT_AT", "00:00"), ("HEARTBEAT_NOTIFIER", ",")]);
    for span in ["5", "0s", "5 min"] {
        let fault = format!("HEARTBEAT_EVERY: \"{span}\" is not a time span (expected 30s, 5m or 1h)");
        check(url, &[("HEARTBEAT_EVERY", span)], &fault);
    }
    for time in ["9:00", "24:00", "09:60", "9am", "09:00:00"] {
        let fault = format!("HEARTBEAT_AT: \"{time}\" is not a time of day (expected 09:00)");
        check(&[], &[("HEARTBEAT_AT", time)], &fault);
    }
    check(
        url,
        &[("HEARTBEAT_URL", "ftp://hc.example/1")],
        &format!("HEARTBEAT_URL: this is not an http or https URL {URL}"),
    );
    let onion = "HEARTBEAT_URL: an .onion address needs HEARTBEAT_PROXY (expected socks5h://host:port)";
    check(&[], &[("HEARTBEAT_URL", "http://a.onion/1")], onion);
    check_right(&[], &[("HEARTBEAT_URL", "http://a.onion/1"), ("PROXY", "socks5h://127.0.0.1:9050")]);
    check(url, &[("HEARTBEAT_PROXY", "127.0.0.1:9050")], &format!("HEARTBEAT_PROXY {PROXY}"));
    let fault = format!("HEARTBEAT_NOTIFIER: \"Pager\" is not a notifier (expected one of {NOTIFIERS})");
    check(&[], &[("HEARTBEAT_AT", "09:00"), ("HEARTBEAT_NOTIFIER", "Pager")], &fault);
    for (name, value, needed) in [
        ("HEARTBEAT_EVERY", "1m", "HEARTBEAT_URL"),
        ("HEARTBEAT_PROXY", "socks5h://127.0.0.1:9050", "HEARTBEAT_URL"),
        ("HEARTBEAT_TLS_CA_FILE", "/ca.pem", "HEARTBEAT_URL"),
        ("HEARTBEAT_NOTIFIER", "Console", "HEARTBEAT_AT"),
    ] {
        check_warning(&[], &[(name, value)], &format!("{name} has no effect: {needed} is not set"));
    }
}

#[test]
fn faults_of_encryption() {
    let mistyped = AGE_KEY.replace("zvk", "zkv");
    for name in ["ENCRYPT_TO", "TELEGRAM_ENCRYPT_TO"] {
        for nobody in [",", " ", "# a comment"] {
            check(TELEGRAM, &[(name, nobody)], &format!("{name} names no recipient (expected age1…)"));
        }
        for (value, what) in [
            (
                format!("{AGE_KEY},{mistyped}"),
                "2 is mistyped: its checksum is wrong (expected age1… as age-keygen prints it)",
            ),
            (
                "ssh-ed25519 AAAA".to_owned(),
                "1 is an SSH key, which is not supported (expected age1…: age-keygen)",
            ),
            ("ann".to_owned(), "1 is not an age recipient (expected age1…)"),
        ] {
            check(TELEGRAM, &[(name, &value)], &format!("{name}: recipient {what}"));
        }
    }
    // What cannot be read is not passed over for what can: that would go to other readers than were meant.
    let both = [("TELEGRAM_ENCRYPT_TO", ","), ("ENCRYPT_TO", AGE_KEY)];
    check(TELEGRAM, &both, "TELEGRAM_ENCRYPT_TO names no recipient (expected age1…)");
    check_right(TELEGRAM, &[("TELEGRAM_ENCRYPT_TO", AGE_KEY), ("ENCRYPT_TO", "")]);
    // Nothing but the file is told, so there must be a place for it.
    let said = [("GENERIC1_WEBHOOK_URL", "http://127.0.0.1:1/x"), ("GENERIC1_BODY", r#"{"a":"@{message}"}"#)];
    let fault = "GENERIC1_BODY has no place for what is encrypted (expected @{text} in it)";
    check(&said, &[("ENCRYPT_TO", AGE_KEY)], fault);
    check_right(&said, &[("TELEGRAM_ENCRYPT_TO", AGE_KEY)]);
    // Of a notifier's own variable alone: the common one is then of no concern to it.
    check_right(TELEGRAM, &[("TELEGRAM_ENCRYPT_TO", AGE_KEY), ("ENCRYPT_TO", "x")]);
}

#[test]
fn faults_of_notifiers() {
    for (missing, name) in [("TELEGRAM_BOT_TOKEN", "Telegram"), ("TELEGRAM_CHAT_ID", "Telegram")] {
        check(TELEGRAM, &[(missing, "")], &format!("{missing} is not set, and {name} needs it"));
    }
    check(
        TELEGRAM,
        &[("TELEGRAM_BOT_TOKEN", "1:a/../b")],
        "TELEGRAM_BOT_TOKEN is not a bot token (expected digits:letters, as BotFather gave it)",
    );
    check(
        &[("TEAMS_WEBHOOK_URL", "https://a.example/x")],
        &[("TEAMS_FORMAT", "html")],
        "TEAMS_FORMAT: \"html\" is not a format (expected card or text)",
    );
    let url_faults = [
        ("hooks.example/x", "this is not a URL"),
        ("hooks.example", "this is not an http or https URL"),
        ("ftp://a.example/x", "this is not an http or https URL"),
        ("https:///x", "this is not a URL"),
        ("https://a b/x", "this is not a URL"),
    ];
    let services = [
        ("Slack", "SLACK_WEBHOOK_URL"),
        ("Teams", "TEAMS_WEBHOOK_URL"),
        ("Discord", "DISCORD_WEBHOOK_URL"),
        ("Generic1", "GENERIC1_WEBHOOK_URL"),
        ("Generic2", "GENERIC2_WEBHOOK_URL"),
        ("Generic3", "GENERIC3_WEBHOOK_URL"),
        ("Generic4", "GENERIC4_WEBHOOK_URL"),
    ];
    for (name, variable) in services {
        let fault = format!("{variable} is not set, and {name} needs it");
        check(EVENT, &[("EVENT0_NOTIFIER", name)], &fault);
        for (url, what) in url_faults {
            check(&[], &[(variable, url)], &format!("{variable}: {what} {URL}"));
        }
        let prefix = variable.trim_end_matches("WEBHOOK_URL");
        let fault =
            format!("{variable}: an .onion address needs {prefix}PROXY (expected socks5h://host:port)");
        check(&[], &[(variable, "http://abc.onion/x")], &fault);
        check_right(&[], &[(variable, "http://abc.onion/x"), ("PROXY", "socks5h://127.0.0.1:9050")]);
    }
    for (url, what) in url_faults {
        check(TELEGRAM, &[("TELEGRAM_API_URL", url)], &format!("TELEGRAM_API_URL: {what} {URL}"));
    }
}

#[test]
fn faults_of_generic_requests() {
    let numbered = [
        ["GENERIC1_WEBHOOK_URL", "GENERIC1_BODY", "GENERIC1_HEADERS", "GENERIC1_METHOD", "GENERIC1_SECRET"],
        ["GENERIC2_WEBHOOK_URL", "GENERIC2_BODY", "GENERIC2_HEADERS", "GENERIC2_METHOD", "GENERIC2_SECRET"],
        ["GENERIC3_WEBHOOK_URL", "GENERIC3_BODY", "GENERIC3_HEADERS", "GENERIC3_METHOD", "GENERIC3_SECRET"],
        ["GENERIC4_WEBHOOK_URL", "GENERIC4_BODY", "GENERIC4_HEADERS", "GENERIC4_METHOD", "GENERIC4_SECRET"],
    ];
    for [url, body, headers, method, secret] in numbered {
        let usual = &[(url, "http://127.0.0.1:1/x")];
        let faults = [
            (method, "GET", "\"GET\" is not a method with a body (expected POST, PUT or PATCH)"),
            (
                headers,
                r#"{"X-A":"b\r\nX-B: hunter2"}"#,
                "\"X-A\" has a character in its value that no header may have (expected printable ASCII in one line)",
            ),
            (
                headers,
                r#"{"Content-Type":"text/xml"}"#,
                "\"Content-Type\" has an unknown type (expected application/json, text/plain or application/x-www-form-urlencoded)",
            ),
            (
                body,
                r#"{"token":"hunter2","text":@{text}}"#,
                "@{text} at 26 is not within a string (expected \"@{text}\")",
            ),
            (
                body,
                r#"{"token":"hunter2",}"#,
                "this is not JSON: trailing comma at line 1 column 20 (plain text needs its Content-Type among the headers)",
            ),
            (secret, "whsec_hunter2!", "what is behind whsec_ is no key (expected base64)"),
        ];
        for (name, value, fault) in faults {
            check(usual, &[(name, value)], &format!("{name}: {fault}"));
        }
        let all = faults_of(
            &[],
            &[(url, "hunter2"), (body, "{"), (headers, r#"{"X-A":1}"#), (method, "put"), (secret, "whsec_")],
        );
        let starts: Vec<_> =
            all.faults.iter().map(|fault| fault.split(':').next().unwrap_or_default()).collect();
        assert_eq!(starts, [url, method, headers, body, secret]);
        check_right(
            usual,
            &[(body, "@{text}"), (headers, r#"{"Content-Type":"text/plain"}"#), (secret, "x")],
        );
    }
}

#[test]
fn faults_of_notifiers_for_phones() {
    check_right(&[], PHONES);
    for (missing, name) in [
        ("NTFY_TOPIC", "Ntfy"),
        ("GOTIFY_URL", "Gotify"),
        ("GOTIFY_TOKEN", "Gotify"),
        ("PUSHOVER_TOKEN", "Pushover"),
        ("PUSHOVER_USER", "Pushover"),
        ("MATRIX_URL", "Matrix"),
        ("MATRIX_TOKEN", "Matrix"),
        ("MATRIX_ROOM", "Matrix"),
    ] {
        let fault = format!("{missing} is not set, and {name} needs it");
        // A service of which nothing that it needs is set is not meant.
        let named: Variables = &[(missing, ""), ("SELF_NOTIFIER", name)];
        check(PHONES, named, &fault);
    }
    for (name, bad) in
        [("NTFY_TOKEN", "tk a"), ("GOTIFY_TOKEN", "a:b"), ("PUSHOVER_TOKEN", "é"), ("MATRIX_TOKEN", "a?b")]
    {
        check(
            PHONES,
            &[(name, bad)],
            &format!("{name} is not a token (expected letters, digits and -._~+/=)"),
        );
    }
    for name in ["NTFY_URL", "GOTIFY_URL", "PUSHOVER_API_URL", "MATRIX_URL"] {
        check(PHONES, &[(name, "ftp://h/")], &format!("{name}: this is not an http or https URL {URL}"));
    }
    check(PHONES, &[("PUSHOVER_USER", " ")], "PUSHOVER_USER is blank");
    let topic = "is not a topic (expected 1 to 64 letters, digits, - or _)";
    check(PHONES, &[("NTFY_TOPIC", "ntfy.sh/a")], &format!("NTFY_TOPIC {topic}"));
    check(PHONES, &[("SELF_NOTIFIER", "Ntfy/a b")], &format!("\"Ntfy/a b\" {topic}"));
    let room = "is not a room's id (expected !letters:server, from the room's settings)";
    check(PHONES, &[("MATRIX_ROOM", "#a:matrix.example")], &format!("MATRIX_ROOM {room}"));
    check(PHONES, &[("SELF_NOTIFIER", "Matrix/#a:b")], &format!("\"Matrix/#a:b\" {room}"));
}

#[test]
fn faults_of_email() {
    check_right(&[], EMAIL);
    for missing in ["EMAIL_URL", "EMAIL_FROM", "EMAIL_TO"] {
        let fault = format!("{missing} is not set, and Email needs it");
        check(EMAIL, &[(missing, ""), ("SELF_NOTIFIER", "Email")], &fault);
    }
    let url = |url, says: &str| {
        let set: Variables = Box::leak(Box::new([("EMAIL_URL", url)]));
        check(EMAIL, set, &format!("EMAIL_URL: {says} (expected smtps://user:password@host or smtp://…)"));
    };
    url("https://mail.example", "this is not an smtps or smtp URL");
    url("smtps://me@mail.example", "this URL has a user and no password");
    url("smtp://me:a/b@mail.example", "this URL's port is not a number from 1 to 65535");
    url(
        "smtp://me:a@mail.example/b",
        "something stands behind this URL's host (in a password / ? # are %2F %3F %23)",
    );
    check(
        EMAIL,
        &[("EMAIL_FROM", "alertik")],
        "EMAIL_FROM is not an address (expected alertik@example.org, or Name <…>)",
    );
    let address = "is not an address (expected name@example.org)";
    check(EMAIL, &[("EMAIL_TO", "a@b, bob")], &format!("EMAIL_TO: recipient 2 {address}"));
    check(EMAIL, &[("SELF_NOTIFIER", "Email/bob")], &format!("\"Email/bob\" {address}"));
    let nobody = "EMAIL_TO names nobody (expected an address, or several with commas between)";
    check(EMAIL, &[("EMAIL_TO", ",")], nobody);
}

#[test]
fn faults_of_simplex() {
    let usual: Variables = &[("SIMPLEX_URL", "wss://me:p%2Fw@chat.example"), ("SIMPLEX_TO", "#ops")];
    check_right(&[], usual);
    let missing = "SIMPLEX_URL is not set, and SimpleX needs it";
    check(usual, &[("SIMPLEX_URL", ""), ("SELF_NOTIFIER", "SimpleX")], missing);
    let nowhere = "SIMPLEX_TO is not set, and SimpleX needs it (expected #group or @contact; else SIMPLEX_LINK, \
                   or SimpleX/#group in place of SimpleX)";
    check(usual, &[("SIMPLEX_TO", ""), ("SELF_NOTIFIER", "SimpleX")], nowhere);
    check_right(usual, &[("SIMPLEX_TO", ""), ("SIMPLEX_LINK", "https://smp.example/g#a")]);
    let target = "is no group or contact (expected #group or @contact)";
    check(usual, &[("SIMPLEX_TO", "ops")], &format!("SIMPLEX_TO {target}"));
    check(usual, &[("SELF_NOTIFIER", "SimpleX/ops")], &format!("\"SimpleX/ops\" {target}"));
    let url = |url, says: &str| {
        let set: Variables = Box::leak(Box::new([("SIMPLEX_URL", url)]));
        let expected = "(expected ws://127.0.0.1:5225 or wss://user:password@host)";
        check(usual, set, &format!("SIMPLEX_URL: {says} {expected}"));
    };
    url("https://chat.example", "this is not a wss or ws URL");
    url("ws://me@chat.example", "this URL has a user and no password");
    url(
        "ws://me:1/a@chat.example",
        "something stands before this URL's host (in a password / ? # are %2F %3F %23)",
    );
    check(
        usual,
        &[("SIMPLEX_LINK", "https://smp.example/g#a ops")],
        "SIMPLEX_LINK: link 2 is no link of SimpleX (expected https://… or simplex:/…)",
    );
}

#[test]
fn a_notifier_that_is_wrong_is_told_once_however_many_rules_name_it() {
    let slack = [("EVENT0_NOTIFIER", "Slack"), ("STATIC_EVENTS_ENABLED", "all"), ("SELF_NOTIFIER", "Slack")];
    check(
        &[EVENT, &[("STATIC_EVENT1_NOTIFIER", "Slack,Slack")]].concat(),
        &slack,
        "SLACK_WEBHOOK_URL is not set, and Slack needs it",
    );
}

#[test]
fn slips_in_numbered_names_are_warnings() {
    for name in ["EVENT0_MATCH", "EVENT256_NOTIFIER", "EVENT00_NOTIFIER", "STATIC_EVENT0_NOTIFER"] {
        let warning = format!("{name} is not a variable of this version and has no effect");
        check_warning(&[], &[(name, "x")], &warning);
    }
}

#[test]
fn bytes_that_are_not_utf8_are_a_fault_but_in_patterns_and_masks() {
    let read = |name: &str| {
        let usual = EVENT.iter().map(|(name, value)| (name.into(), value.into()));
        Settings::read(usual.chain([(name.into(), os(b"caf\xe9"))])).1.faults
    };
    for name in ["HTTP_TOKEN", "ROUTERS", "TZ", "LOG_FILE", "ALERT_SUFFIX", "EVENT0_TOPICS"] {
        assert_eq!(read(name), [format!("{name} is not UTF-8")]);
    }
    for name in
        ["EVENT0_MATCH_STR", "EVENT0_MASK_MSG", "EVENT0_EXCLUDE", "EVENT0_CLEAR", "STATIC_EVENT1_EXCLUDE"]
    {
        assert_eq!(read(name), [""; 0]);
    }
}

#[test]
fn every_fault_is_told_in_one_run() {
    let ran = Binary::new(["check"]).set_all([
        ("LOG_LEVEL", "loud"),
        ("SYSLOG_LISTEN", "everywhere"),
        ("FORWARD_HOST", "log.example"),
        ("HTTP_LISTEN", "0.0.0.0:7898"),
        ("ALERT_EXPIRE", "never"),
        ("STATIC_EVENTS_ENABLED", "77"),
        ("EVENT0_NOTIFIER", "Slack,Pager"),
        ("EVENT0_MATCH_TYPE", "glob"),
        ("EVENT0_MASK_MSG", "text"),
        ("EVENT3_NOTIFIER", "Console"),
        ("EVENT3_MATCH_TYPE", "regex"),
        ("EVENT3_MATCH_STR", "(a"),
        ("EVENT3_MASK_MSG", "@9"),
        ("TELEGRAM_CHAT_ID", "-1001"),
    ]);
    let ran = ran.run();
    let faults = format!(
        "alertik: LOG_LEVEL: \"loud\" is not a level (expected error, warn, info or debug)
alertik: SYSLOG_LISTEN: \"everywhere\" {ADDRESS}
alertik: FORWARD_PORT is not set, and FORWARD_HOST needs it
alertik: HTTP_TOKEN is not set, and HTTP_LISTEN=0.0.0.0:7898 is open to others
alertik: ALERT_EXPIRE: \"never\" is not a time span (expected 90s, 10m, 24h or 7d)
alertik: STATIC_EVENTS_ENABLED: \"77\" is not a built-in rule of this version (expected all, starter, \
         {BUILTINS})
alertik: SLACK_WEBHOOK_URL is not set, and Slack needs it
alertik: EVENT0_NOTIFIER: \"Pager\" is not a notifier (expected one of {NOTIFIERS})
alertik: EVENT0_MATCH_TYPE: \"glob\" is not a match type (expected substr or regex)
alertik: EVENT0_MATCH_STR is not set (expected the text or the regex to look for)
alertik: EVENT3_MATCH_STR: \"(\" at 0 is never closed
alertik: warning: TELEGRAM_BOT_TOKEN is not set, and Telegram needs it
"
    );
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (78, "", &*faults));
}

#[test]
fn faults_of_alertmanager() {
    let url = "ALERTMANAGER_URL";
    check_right(&[], &[(url, "http://a.example:9093, http://u:p@b.example:9093/prefix/")]);
    let named: Variables = &[("SELF_NOTIFIER", "Alertmanager")];
    check(&[], named, "ALERTMANAGER_URL is not set, and Alertmanager needs it");
    check(named, &[(url, ",")], "ALERTMANAGER_URL is blank");
    check(named, &[(url, "http://a,h:9093")], &format!("{url}: this is not an http or https URL {URL}"));
    let encrypted: Variables =
        &[("SELF_NOTIFIER", "Alertmanager"), (url, "http://a"), ("ENCRYPT_TO", AGE_KEY)];
    let must_read = "ALERTMANAGER_ENCRYPT_TO: Alertmanager routes and groups by labels that it can read \
                     (expected ALERTMANAGER_ENCRYPT_TO=none, which sends them in clear)";
    check(encrypted, &[], must_read);
    check_right(encrypted, &[("ALERTMANAGER_ENCRYPT_TO", "none")]);
}

#[test]
fn faults_of_opentelemetry() {
    let endpoint: Variables = &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318")];
    let fault = |name: &str, value: &str, expected: &str| {
        check(endpoint, &[(name, value)], &format!("{name}{expected}"));
    };
    for name in [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    ] {
        fault(name, "grpc://c:4317", &format!(": this is not an http or https URL {URL}"));
    }
    for name in [
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
        "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
    ] {
        fault(name, "http/protobuf", ": \"http/protobuf\" is not spoken here (expected http/json)");
    }
    for name in [
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
        "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
    ] {
        fault(name, "600001", ": \"600001\" is not a number from 0 to 600000");
    }
    for name in [
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
        "OTEL_RESOURCE_ATTRIBUTES",
    ] {
        fault(name, "a=b,Bearer c", " is not name=value,name=value (percent-encoded where needed)");
    }
    for name in [
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE",
    ] {
        let missing = "cannot be read: No such file or directory (os error 2)";
        fault(name, "/nowhere/ca.pem", &format!(": \"/nowhere/ca.pem\": {missing}"));
    }
    for name in ["OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"] {
        fault(name, "console", ": \"console\" is no exporter here (expected otlp or none)");
        check_right(endpoint, &[(name, "otlp")]);
    }
    let number = ": \"1m\" is not a number from 100 to 86400000";
    fault("OTEL_METRIC_EXPORT_INTERVAL", "1m", number);
    fault("OTEL_PROXY", "127.0.0.1:9050", &format!(" {PROXY}"));
    check_right(endpoint, &[("OTEL_SERVICE_NAME", "any, text = at all"), ("OTEL_SDK_DISABLED", "False")]);
    let odd = "OTEL_SDK_DISABLED: \"1\" is taken for false (expected true or false)";
    check_warning(endpoint, &[("OTEL_SDK_DISABLED", "1")], odd);
    // Where nothing goes out, they are some other program's.
    check_right(&[], &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_METRICS_EXPORTER", "console")]);
}

#[test]
fn faults_of_the_dead_mans_switch() {
    const FORM: &str = "(expected one span, or a shorter and a longer one, such as 24h,72h, from 1m to 365d)";
    let job: Variables = &[("STATE_DIR", "/state"), ("WATCH0_HOOK", "backup"), ("WATCH0_EVERY", "24h")];
    let tell: Variables = &[job, &[("WATCH0_TELL", "x")]].concat();
    check_right(
        job,
        &[("WATCH0_WARN", "y"), ("WATCH0_NOTIFIER", "Console"), ("WATCH0_WARN_NOTIFIER", "Console")],
    );
    let missing = "WATCH0_SIMPLEX or WATCH0_HOOK is not set (expected @alice, or a hook's name)";
    check(job, &[("WATCH0_HOOK", "")], missing);
    check(job, &[("WATCH0_EVERY", "")], &format!("WATCH0_EVERY is not set {FORM}"));
    for text in ["59s", "24", "366d", "24h,24h", "72h,24h", "24h,48h,72h", "24h,", ",24h", "1s,24h", "-1h"] {
        let fault = format!("WATCH0_EVERY: {text:?} is not a time span {FORM}");
        check(tell, &[("WATCH0_EVERY", text)], &fault);
    }
    for text in ["1m", "365d", "24h,72h", " 24h , 72h "] {
        check_right(tell, &[("WATCH0_EVERY", text)]);
    }
    let idle = "WATCH0_EVERY: its second span has no effect: WATCH0_TELL is not set";
    check_warning(job, &[("WATCH0_EVERY", "24h,72h")], idle);
    let no_stage = "WATCH0_FILE_PATH: goes with the second stage, which there is none of (set its _TELL)";
    check(job, &[("WATCH0_FILE_PATH", "/a")], no_stage);
    let no_way =
        "WATCH0_FILE_PATH: only SimpleX can send a file, and it is not told (name it in its _NOTIFIER)";
    check(tell, &[("WATCH0_FILE_PATH", "/a")], no_way);
    let deaf = "WATCH0_SIMPLEX: SIMPLEX_URL is not set, so nobody can be heard";
    check(job, &[("WATCH0_HOOK", ""), ("WATCH0_SIMPLEX", "@alice")], deaf);
    let fault = "WATCH0_HOOK: \"a/b\" is not a name (expected letters, digits, - _ .)";
    check(job, &[("WATCH0_HOOK", "a/b")], fault);
    let forgets = "WATCH0_EVERY: STATE_DIR is not set, so each restart counts as a sign of life";
    check_warning(job, &[("STATE_DIR", "")], forgets);
    for name in ["WATCH0_NOTIFIER", "WATCH0_WARN_NOTIFIER"] {
        let fault = format!("{name}: \"Pager\" is not a notifier (expected one of {NOTIFIERS})");
        check(tell, &[(name, "Pager")], &fault);
    }
}

#[test]
fn faults_of_hooks() {
    let hook: Variables =
        &[("HOOK0_NAME", "grafana"), ("HOOK0_NOTIFIER", "Console"), ("HOOK0_SECRET", "s3cret")];
    check_right(hook, &[("HOOK255_NAME", "a.b_c-1"), ("HOOK255_NOTIFIER", "Console")]);
    check_right(hook, &[("HOOK0_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]);
    for name in ["a/b", "..", "a b"] {
        let fault = format!("HOOK0_NAME: {name:?} is no name (expected at most 64 letters, digits, - _ .)");
        check(hook, &[("HOOK0_NAME", name)], &fault);
    }
    let own = "is one of our own paths (none of api, debug, healthz, hook, login, logout, metrics)";
    check(hook, &[("HOOK0_NAME", "healthz")], &format!("HOOK0_NAME: \"healthz\" {own}"));
    let second: Variables = &[("HOOK1_NAME", "grafana"), ("HOOK1_NOTIFIER", "Console")];
    check(hook, second, "HOOK1_NAME: \"grafana\" is the name of HOOK0 already");
    let nobody = "HOOK0_NOTIFIER is not set (expected a notifier such as Telegram)";
    check(hook, &[("HOOK0_NOTIFIER", "")], nobody);
    let pager = format!("HOOK0_NOTIFIER: \"Pager\" is not a notifier (expected one of {NOTIFIERS})");
    check(hook, &[("HOOK0_NOTIFIER", "Pager")], &pager);
    let no_token = "HOOK0_SECRET is not a token (expected ASCII characters without blanks)";
    check(hook, &[("HOOK0_SECRET", "two words")], no_token);
    let no_key = "HOOK0_SECRET has no key behind whsec_ (expected base64)";
    check(hook, &[("HOOK0_SECRET", "whsec_?")], no_key);
    let nameless = "HOOK0_NAME is not set (expected the name in the path, for HOOK0_NOTIFIER, HOOK0_SECRET)";
    check(hook, &[("HOOK0_NAME", "")], nameless);
    let off = "HOOK0: nobody can call \"grafana\" while HTTP_LISTEN is off";
    check(hook, &[("HTTP_LISTEN", "off")], off);
}

#[test]
fn faults_of_tor() {
    for address in ["9051", "127.0.0.1", "localhost:9051", "run/tor/control"] {
        let fault = format!(
            "TOR_CONTROL: \"{address}\" is no control port (expected 127.0.0.1:9051 or a socket's path such as /run/tor/control)"
        );
        check(&[], &[("TOR_CONTROL", address)], &fault);
    }
    for address in ["127.0.0.1:9051", "[::1]:9051", "/run/tor/control"] {
        check_right(&[("TOR_CONTROL", address)], &[("TOR_CONTROL_PASSWORD", "s3cret")]);
    }
    let idle = "TOR_CONTROL_PASSWORD has no effect: TOR_CONTROL is not set";
    check_warning(&[], &[("TOR_CONTROL_PASSWORD", "s3cret")], idle);
}

#[test]
fn every_variable_is_here() {
    // Whatever these hold is taken as it is.
    let any_text = ["ALERT_SUFFIX", "TELEGRAM_NICKNAME", "LOG_FILE", "STATE_DIR"];
    let tests = include_str!("faults.rs");
    for name in variables() {
        let is_own = ["_ENCRYPT_TO", "_PROXY", "_TLS_CA_FILE"].iter().any(|end| name.ends_with(end));
        let name = name.replace("STATIC_EVENTn", "STATIC_EVENT1").replace("EVENTn", "EVENT0");
        let name = name.replace("WATCHn", "WATCH0").replace("HOOKn", "HOOK0");
        let quoted = format!("\"{name}\"");
        let part = name.strip_prefix("EVENT0_").or_else(|| name.strip_prefix("STATIC_EVENT1_"));
        let is_here =
            tests.contains(&quoted) || part.is_some_and(|part| tests.contains(&format!("\"{part}\"")));
        assert!(is_here || is_own || any_text.contains(&&*name), "no fault of {name} is shown");
    }
}
