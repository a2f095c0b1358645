//! An armored age file comes through each service as it is: one changed line, and nobody reads it.
//!
//! That the `age` tool opens what was sent is shown from outside, by `tests/it`.

use ring::rand::SystemRandom;
use serde_json::Value;

use super::facts::{self, Fact};
use super::{environment, open};
use crate::notify::encrypt::age::{self, Recipient};
use crate::notify::http::Service;
use crate::notify::{Entry, Notification, REGISTRY};

/// The specification's own example.
const KEY: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

/// The services that can carry what they cannot read.
fn carriers() -> impl Iterator<Item = &'static Entry> {
    REGISTRY.iter().filter(|entry| entry.name != "Alertmanager")
}

/// Every service, in each format it has, with `ENCRYPT_TO` set.
fn each(check: impl Fn(&Fact, &mut dyn Service)) {
    for entry in carriers() {
        for fact in facts::of(entry.name) {
            let mut all = environment(entry, &fact);
            all.push(("ENCRYPT_TO".to_owned(), KEY.to_owned()));
            let (mut opened, faults) = open(&all, entry.name);
            assert_eq!(faults, [""; 0], "{}", entry.name);
            check(&fact, opened.as_mut().unwrap().notifier.service().unwrap());
        }
    }
}

/// The text in `value` that begins like an armored file.
fn find_armor(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => text.starts_with("-----BEGIN AGE").then_some(text),
        Value::Array(all) => all.iter().find_map(find_armor),
        Value::Object(all) => all.values().find_map(find_armor),
        _ => None,
    }
}

#[test]
fn the_longest_armored_file_arrives_as_it_is() {
    let random = SystemRandom::new();
    each(|fact, service| {
        let max = service.armor_chars_max();
        assert_eq!(max.is_some(), fact.limit.is_some(), "{}", fact.name);
        let room = max.map_or(Some(100_000), |max| age::text_bytes_max(max, 1)).unwrap();
        let recipient = Recipient::parse(KEY, &random).unwrap();
        let armor = age::encrypt(&vec![0; room], &[recipient], &random).unwrap();
        let request = service.request(&Notification { text: &armor, ..Notification::default() });
        let body = String::from_utf8(request.body).unwrap();
        let value = (fact.read)(&body);
        assert_eq!(find_armor(&value), Some(&*armor), "{}", fact.name);
        let Some(limit) = &fact.limit else { return };
        let count = (limit.count)(&body, &armor);
        assert!(count <= limit.max && count > limit.max / 5 * 4, "{count} for {}", fact.name);
    });
}

#[test]
fn no_service_reads_markup_in_an_armored_file() {
    // All that one is made of, in the order in which a reader of Markdown would trip over it.
    let line = "+/+/abc/12345678+1234567890+/1=";
    let armor = format!("-----BEGIN AGE ENCRYPTED FILE-----\n{line}\n/{line}\n1{line}\n-----END AGE-----");
    each(|fact, service| {
        let request = service.request(&Notification { text: &armor, ..Notification::default() });
        let value = (fact.read)(std::str::from_utf8(&request.body).unwrap());
        // A card of Teams has it where no Markdown is read; what reads some finds none.
        if let Some(text) = value.pointer(fact.text).and_then(Value::as_str) {
            assert_eq!((fact.shown)(text), armor, "{}", fact.name);
        } else {
            let run = "/attachments/0/content/body/0/inlines/0";
            assert_eq!(value.pointer(run).and_then(|run| run.get("type")), Some(&"TextRun".into()));
        }
    });
}

#[test]
fn a_service_that_must_read_refuses_and_can_be_excepted() {
    let entry = REGISTRY.iter().find(|entry| entry.name == "Alertmanager").unwrap();
    let fact = &facts::of(entry.name)[0];
    let own = "ALERTMANAGER_ENCRYPT_TO";
    for (set, refused) in [
        (&[("ENCRYPT_TO", KEY)][..], true),
        (&[(own, KEY)], true),
        (&[("ENCRYPT_TO", KEY), (own, "none")], false),
        (&[(own, " none ")], false),
    ] {
        let mut all = environment(entry, fact);
        all.extend(set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let (opened, faults) = open(&all, entry.name);
        assert_eq!((opened.is_none(), faults.len()), (refused, usize::from(refused)), "{faults:?}");
        assert!(faults.iter().all(|fault| fault.starts_with(own) && fault.contains(&format!("{own}=none"))));
    }
}

#[test]
fn none_excepts_a_notifier_and_is_no_key_of_all() {
    for entry in carriers() {
        let fact = facts::of_any(entry.name).into_iter().next();
        let mut all = fact.map(|fact| environment(entry, &fact)).unwrap_or_default();
        all.push(("ENCRYPT_TO".to_owned(), KEY.to_owned()));
        all.push((format!("{}ENCRYPT_TO", entry.prefix), "none".to_owned()));
        let (opened, faults) = open(&all, entry.name);
        assert!(faults.is_empty() && opened.unwrap().notifier.recipients().is_empty(), "{faults:?}");
        all.retain(|(name, _)| !name.ends_with("ENCRYPT_TO"));
        all.push(("ENCRYPT_TO".to_owned(), "none".to_owned()));
        let (opened, faults) = open(&all, entry.name);
        assert!(opened.is_none() && faults.len() == 1 && faults[0].starts_with("ENCRYPT_TO"), "{faults:?}");
    }
}

#[test]
fn a_notifier_that_encrypts_says_so() {
    for entry in carriers() {
        let fact = facts::of_any(entry.name).into_iter().next();
        let mut all = fact.map(|fact| environment(entry, &fact)).unwrap_or_default();
        let recipients = |all: &[(String, String)]| {
            let opened = open(all, entry.name).0.unwrap();
            opened.notifier.recipients().iter().map(|recipient| recipient.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(recipients(&all), [""; 0]);
        all.push((format!("{}ENCRYPT_TO", entry.prefix), format!("# ann\n {KEY},\n{KEY}\n")));
        assert_eq!(recipients(&all), [KEY]);
    }
}
