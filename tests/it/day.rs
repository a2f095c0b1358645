//! A day of traffic as a busy site has it, and what the starter rules make of it.
//!
//! 200,000 lines: clients that come, go and roam, firewall lines, name queries, logins of a monitoring system, a
//! storm of OSPF; and in it all that goes wrong once a year, on one day. The same lines each time: the
//! randomness is a small generator of our own.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant, SystemTime};

use alertik::alert::Alert;
use alertik::line::Line;
use alertik::record::Record;
use alertik::rules::{Effects, RuleSet};
use alertik::settings::Settings;

const DAY: u64 = 24 * 3600;
const LINES: usize = 200_000;
const ATTACKER: &str = "203.0.113.66";

/// Numbers that look random (the constants are Knuth's MMIX).
struct Chance(u64);

impl Chance {
    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        let at = self.below(all.len() as u64) as usize;
        *all.get(at).expect("it is below their number")
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn mac(client: u64) -> String {
    format!("4C:D5:77:00:00:{client:02X}")
}

/// One line of an ordinary day.
fn ordinary(chance: &mut Chance) -> String {
    let client = chance.below(40);
    let (mac, ip) = (mac(client), 10 + client);
    let n = chance.below(1000);
    match chance.below(12) {
        0 => format!("dhcp,info defconf assigned 192.168.88.{ip} for {mac} client-{client}"),
        1 => format!("dhcp,info defconf deassigned 192.168.88.{ip} for {mac} client-{client}"),
        2 => format!("wireless,info {mac}@wifi1(home) connected, signal strength -5{}", n % 10),
        3 => format!("wireless,info {mac}@wifi1(home) disconnected, connection lost, signal strength -80"),
        4 | 5 => format!("wireless,info {mac}@wifi1(home) roamed to {mac}@wifi2(home), signal strength -60"),
        // The noise of the internet: many sources, each with a port or two.
        6 | 7 => {
            let (a, b, port) = (chance.below(200), chance.below(250), chance.of(&[22, 23, 80, 443, 8080]));
            format!(
                "firewall,info drop-in input: in:ether1 out:(unknown 0), connection-state:new src-mac 00:17:10:88:bc:02, \
                 proto TCP (SYN), 198.18.{a}.{b}:{}->203.0.113.8:{port}, len 40",
                1024 + n
            )
        }
        8 => format!(
            "system,info,account user mon-api logged in from 192.168.88.5 via {}",
            chance.of(&["api", "rest-api"])
        ),
        9 => "system,info,account user mon-api logged out from 192.168.88.5 via api".to_owned(),
        10 => format!("dns,packet local query: #{n} host{client}.example.net. A"),
        _ => format!("script,info uptime {n}"),
    }
}

/// What happens once a year, and all of it today: the second of the day, and the line.
fn unusual() -> Vec<(f64, String)> {
    let mut lines = Vec::new();
    let mut users = Chance(1);
    let mut at = |second: f64, line: String| lines.push((second, line));
    // A guesser of passwords, for two hours from 01:00.
    for n in 0..10_000_u32 {
        let user = users.of(&["admin", "root", "x from 198.51.100.66 via ssh", ""]);
        let line = format!("system,error,critical login failure for user {user} from {ATTACKER} via ssh");
        at(3600.0 + f64::from(n) * 0.72, line);
    }
    // An uplink that goes down 300 times in two hours from 06:00, for twelve seconds each.
    for n in 0..300_u32 {
        let second = 6.0 * 3600.0 + f64::from(n) * 24.0;
        at(second, "interface,info ether1 link down".to_owned());
        at(second + 12.0, "interface,info ether1 link up (speed 1G, full duplex)".to_owned());
    }
    // A storm of OSPF at 10:00.
    for n in 0..500_u32 {
        for (line, state) in
            ["Init", "2-Way", "ExStart", "Exchange", "Loading", "Full"].into_iter().enumerate()
        {
            let second = 36_000.0 + f64::from(n) + line as f64 / 10.0;
            at(
                second,
                format!(
                    "route,ospf,info backbonev2 {{ version: 2 router-id: 172.16.0.1 }} backbone0v2 {{ 0.0.0.0 }} \
                     interface {{ broadcast 172.16.255.1%link0 }} neighbor {{ router-id: 172.16.0.2 state: Down }} \
                     state change to {state}"
                ),
            );
        }
    }
    // A cable that is pulled for ten minutes at 11:00, and one for a moment.
    at(39_600.0, "interface,info ether5 link down".to_owned());
    at(40_200.0, "interface,info ether5 link up (speed 1G, full duplex)".to_owned());
    at(41_000.0, "interface,info ether6 link down".to_owned());
    at(41_003.0, "interface,info ether6 link up (speed 1G, full duplex)".to_owned());
    // A scan of a thousand ports at noon.
    for port in 0..1000_u32 {
        at(
            43_200.0 + f64::from(port) / 10.0,
            format!(
                "firewall,info drop-in input: in:ether1 out:(unknown 0), connection-state:new src-mac 00:17:10:88:bc:02, \
                 proto TCP (SYN), 203.0.113.99:40000->203.0.113.8:{}, len 40",
                port + 1
            ),
        );
    }
    at(
        46_800.0,
        "system,error,critical router was rebooted without proper shutdown, probably power outage".to_owned(),
    );
    at(46_860.0, "system,error,critical kernel failure in previous boot".to_owned());
    for n in 0..20 {
        let line = "dhcp,critical,error dhcp alert on bridge: discovered unknown dhcp server, mac 00:02:29:60:36:E7, ip 10.5.8.236";
        at(50_400.0 + f64::from(n) * 60.0, line.to_owned());
    }
    at(54_000.0, "netwatch,info event down [ type: simple, host: 192.168.88.20 ]".to_owned());
    at(54_300.0, "netwatch,info event up [ type: simple, host: 192.168.88.20 ]".to_owned());
    at(
        57_600.0,
        "system,info filter rule added by ssh:oper@10.1.1.2 (*22 = /ip firewall filter add action=accept password=hunter2)"
            .to_owned(),
    );
    for n in 0..30 {
        let line = "pppoe,ppp,error <0010>: user cli014 authentication failed";
        at(61_200.0 + f64::from(n) * 10.0, line.to_owned());
    }
    for n in 0..50 {
        let line = "wireless,info 36:7F:7F:07:C4:B0@wifi1(home) disconnected, unicast key exchange timeout, signal strength -85";
        at(64_800.0 + f64::from(n) * 2.0, line.to_owned());
    }
    at(68_400.0, "system,error,critical the fan has failed".to_owned());
    lines
}

fn day() -> Vec<(f64, String)> {
    let mut lines = unusual();
    let mut chance = Chance(2026);
    while lines.len() < LINES {
        let second = chance.below(DAY * 1000) as f64 / 1000.0;
        lines.push((second, ordinary(&mut chance)));
    }
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    lines
}

/// What the rules tell of `lines`, each alert delivered a second after it was made; and of the six hours after.
fn told(rules: &mut RuleSet, lines: &[(f64, String)]) -> Vec<Alert> {
    let (start, wall) = (Instant::now(), SystemTime::now());
    let mut all: Vec<Alert> = Vec::new();
    let mut effects = Effects::default();
    let mut lines = lines.iter().peekable();
    for second in 0..DAY + 6 * 3600 {
        let at = |seconds: f64| {
            let span = Duration::from_secs_f64(seconds);
            (start + span, wall + span)
        };
        while let Some((when, text)) = lines.next_if(|(when, _)| *when < second as f64) {
            let now = at(*when);
            let (line, _) =
                Line::from_datagram(text.as_bytes(), Ipv4Addr::new(192, 168, 88, 1).into(), now.0);
            rules.observe(&line, &Record::parse(&line.bytes), now, &mut effects);
        }
        let now = at(second as f64);
        rules.tick(now, &mut effects);
        let alerts: Vec<Alert> = effects.alerts.drain(..).collect();
        for alert in &alerts {
            alert.keyed().iter().for_each(|alert| rules.settle(alert, true, now, &mut effects));
        }
        all.extend(alerts);
    }
    all
}

#[test]
fn a_day_on_which_all_goes_wrong_is_told_in_forty_messages() {
    let (settings, faults) = Settings::read([]);
    let mut rules = settings.unwrap_or_else(|| panic!("{:?}", faults.faults)).rules;
    let lines = day();
    assert_eq!(lines.len(), LINES);
    let alerts = told(&mut rules, &lines);
    let list: Vec<String> = alerts.iter().map(|alert| format!("{} {}", alert.rule, alert.text)).collect();
    let list = list.join("\n");
    assert!(alerts.len() <= 40, "{} messages:\n{list}", alerts.len());

    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for alert in &alerts {
        *counts.entry(&alert.rule).or_default() += 1;
    }
    // What was wrong, and how many messages each was worth. Of the other rules, and of the clients, the noise of the
    // internet and OSPF, there is nothing to tell.
    let expected = [
        ("STATIC_EVENT0", 2),  // somebody tries a Wi-Fi password 50 times: once, and how often
        ("STATIC_EVENT1", 2),  // the first failed login, and how often until 2 took over
        ("STATIC_EVENT10", 2), // a PPP login refused 30 times: once, and how often
        ("STATIC_EVENT11", 2), // a foreign DHCP server, seen 20 times
        ("STATIC_EVENT13", 2), // a watched host down, and up
        ("STATIC_EVENT14", 1), // the fan
        ("STATIC_EVENT2", 3),  // the guesser, and each hour how often
        ("STATIC_EVENT4", 2),  // the power, the kernel
        ("STATIC_EVENT6", 5),  // the first flap down and up, and how often until 7 took over; the cable
        ("STATIC_EVENT7", 2),  // the uplink flaps, and no more
        ("STATIC_EVENT8", 1),  // a changed configuration
        ("STATIC_EVENT9", 2),  // the scan, and how far it went
    ];
    assert_eq!(counts, BTreeMap::from(expected), "{list}");
    // The flood: few messages, and they name the attacker, the count and the span.
    let flood: Vec<_> = alerts.iter().filter(|alert| alert.text.contains(ATTACKER)).collect();
    assert!(flood.len() <= 10, "{list}");
    let counted: usize = flood
        .iter()
        .filter_map(|alert| alert.text.split(" … and ").nth(1)?.split(' ').next()?.parse::<usize>().ok())
        .sum();
    assert!(counted >= 9_990, "{counted} of 10,000 are accounted for:\n{list}");
    assert!(!list.contains("hunter2") && !list.contains("from 198.51.100.66 via ssh via"), "{list}");
}
