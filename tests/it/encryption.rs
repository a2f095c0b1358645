//! The real `age` as the judge of what we encrypt, and of how it can go wrong.

use alertik::notify::encrypt::age::{Recipient, encrypt};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;

use crate::binary::Binary;
use crate::support::age::Identity;

fn armored(text: &[u8], to: &[&Identity]) -> String {
    let random = SystemRandom::new();
    let read = |identity: &&Identity| Recipient::parse(&identity.recipient, &random).unwrap();
    encrypt(text, &to.iter().map(read).collect::<Vec<_>>(), &random).unwrap()
}

fn without_armor(armor: &str) -> Vec<u8> {
    STANDARD.decode(armor.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
}

#[test]
fn texts_of_every_length_are_opened() {
    let Some([ann]) = Identity::some() else { return };
    const CHUNK: usize = 65_536;
    // Around each way in which a line of base64 and a chunk can end.
    let lengths = (0..49).chain([CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 300_000]);
    for length in lengths {
        let text: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        assert!(ann.open(armored(&text, &[&ann])).as_ref() == Ok(&text), "of {length} bytes");
    }
}

#[test]
fn each_recipient_opens_it_alone_and_nobody_else() {
    let Some([ann, bob, eve]) = Identity::some() else { return };
    let armor = armored(b"the text", &[&ann, &bob]);
    assert_eq!((ann.read(&armor), bob.read(&armor)), ("the text".to_owned(), "the text".to_owned()));
    let refused = eve.open(&armor).unwrap_err();
    assert!(refused.contains("no identity matched"), "{refused}");
}

#[test]
fn a_flipped_bit_is_noticed_wherever_it_is() {
    let Some([ann]) = Identity::some() else { return };
    let armor = armored(b"the text", &[&ann]);
    let file = without_armor(&armor);
    assert_eq!(ann.open(&file).as_deref(), Ok(&b"the text"[..]));
    for at in (0..file.len()).step_by(7).chain([file.len() - 1]) {
        let mut flipped = file.clone();
        flipped[at] ^= 1;
        assert!(ann.open(&flipped).is_err(), "byte {at} of {}", file.len());
    }
    assert!(ann.open(&file[..file.len() - 1]).is_err());
    // Where a last chunk of one byte and its tag are missing, the text does not end.
    let long = without_armor(&armored(&[b'x'; 65_537], &[&ann]));
    assert_eq!(ann.open(&long).map(|text| text.len()), Ok(65_537));
    assert!(ann.open(&long[..long.len() - 17]).is_err());
}

/// What `alertik check` says to a configuration that is wrong.
#[track_caller]
fn faults(variables: &[(&str, &str)]) -> String {
    let ran = Binary::new(["check"]).set_all(variables.iter().copied()).run();
    assert_eq!((ran.code, &*ran.stdout), (78, ""));
    ran.stderr
}

#[test]
fn a_secret_key_in_the_wrong_place_is_named_and_never_repeated() {
    let Some([ann]) = Identity::some() else { return };
    let text = std::fs::read_to_string(&ann.file).unwrap();
    let key = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    let file = [("SLACK_WEBHOOK_URL", "http://127.0.0.1:1/x"), ("ENCRYPT_TO_FILE", &*ann.file)];
    let own = [("SLACK_WEBHOOK_URL", "http://127.0.0.1:1/x"), ("SLACK_ENCRYPT_TO", key)];
    for (variables, name) in [(file, "ENCRYPT_TO"), (own, "SLACK_ENCRYPT_TO")] {
        let said = faults(&variables);
        assert!(said.starts_with(&format!("alertik: {name}: recipient 1 is a secret key")), "{said}");
        let parts = [&key[16..24], &key[40..48], &key.to_lowercase()[16..24]];
        assert!(parts.iter().all(|part| !said.contains(part)), "{said}");
    }
}

#[test]
fn as_many_recipients_are_taken_as_leave_room_for_a_text() {
    let Some(keys) = Identity::some::<13>() else { return };
    let all: Vec<&str> = keys.iter().map(|key| &*key.recipient).collect();
    let discord = ("DISCORD_WEBHOOK_URL", "http://127.0.0.1:1/x");
    let fault = "ENCRYPT_TO: with 13 recipients there is no room for a text in Discord (expected 11 at most)";
    assert_eq!(faults(&[discord, ("ENCRYPT_TO", &all.join(","))]), format!("alertik: {fault}\n"));
}
