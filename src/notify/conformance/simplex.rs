//! What is set wrong of SimpleX's: its server is no URL of HTTP, and where it goes may be said in three ways.

use super::environment;
use super::facts::SECRET;
use super::setup::{check_names, configurable, faults, with};

fn all() -> Vec<(String, String)> {
    let (entry, fact) = configurable().find(|(entry, _)| entry.name == "SimpleX").unwrap();
    environment(entry, &fact)
}

#[test]
fn a_server_or_a_link_of_simplex_that_is_none_is_named() {
    for bad in [
        "chat.example",
        "https://me:@@chat.example",
        "ws://",
        "ws://me:@@",
        "ws://me:@@h:0",
        "ws://me:@@h:port",
        // Most likely a password as it is.
        "ws://me:a/@@h",
        "ws://me:1/@@h",
        "ws://me:1?@@h",
        "ws://me:1#@@h",
        "ws://s3cr3tS3CR3T@h",
        "ws://:@@h",
        "ws://me:%00@@h",
    ] {
        let bad = bad.replace("@@", &format!("{SECRET}@"));
        check_names(&with(&all(), "SIMPLEX_URL", &bad), "SimpleX", "SIMPLEX_URL");
    }
    for good in ["ws://127.0.0.1:5225", "wss://[::1]/", " ws://u:p@h/simplex/?x=y ", "wss://a@b:p@h"] {
        assert_eq!(faults(&with(&all(), "SIMPLEX_URL", good), "SimpleX"), [""; 0], "{good}");
    }
    for bad in [SECRET.to_owned(), format!("https://h/g#a smp.example/{SECRET}"), " ".to_owned()] {
        check_names(&with(&all(), "SIMPLEX_LINK", &bad), "SimpleX", "SIMPLEX_LINK");
    }
}

#[test]
fn simplex_is_told_where_to_in_one_of_three_ways() {
    for bad in ["ops", "#", "@ ", "!ops", "é", "https://smp.example/g#a"] {
        check_names(&with(&all(), "SIMPLEX_TO", bad), "SimpleX", "SIMPLEX_TO");
        check_names(&all(), &format!("SimpleX/{bad}"), "\"SimpleX/");
    }
    let bare = with(&with(&all(), "SIMPLEX_TO", ""), "SIMPLEX_LINK", "");
    let said = check_names(&bare, "SimpleX", "SIMPLEX_TO");
    assert!(said.contains("SIMPLEX_LINK") && said.contains("SimpleX/#group"), "{said}");
    assert_eq!(faults(&bare, "SimpleX/@ann b"), [""; 0]);
    assert_eq!(faults(&with(&all(), "SIMPLEX_TO", ""), "SimpleX"), [""; 0]);
    assert_eq!(faults(&with(&all(), "SIMPLEX_LINK", ""), "SimpleX"), [""; 0]);
}
