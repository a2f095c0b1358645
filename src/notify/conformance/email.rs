//! What is set wrong of Email's: its server is no URL of HTTP, and its addresses go into commands.

use super::environment;
use super::facts::SECRET;
use super::setup::{check_names, configurable, faults, with};

#[test]
fn a_server_or_an_address_of_mail_that_is_none_is_named() {
    let (entry, fact) = configurable().find(|(entry, _)| entry.name == "Email").unwrap();
    let all = environment(entry, &fact);
    for bad in [
        "mail.example",
        "https://me:@@mail.example",
        "smtps://",
        "smtps://me:@@",
        "smtps://me:@@:465",
        "smtps://me:@@h:0",
        "smtps://me:@@h:port",
        // Most likely a password as it is.
        "smtps://me:a/@@mail.example",
        "smtps://me:a?@@mail.example",
        "smtps://me:a#@@mail.example",
        "smtps://me:@@mail.example/inbox",
        "smtps://s3cr3tS3CR3T@mail.example",
        "smtps://:@@mail.example",
        "smtps://me%00:@@mail.example",
        "smtps://me:%00@@mail.example",
    ] {
        let bad = bad.replace("@@", &format!("{SECRET}@"));
        check_names(&with(&all, "EMAIL_URL", &bad), "Email", "EMAIL_URL");
    }
    for good in ["smtp://mail.example", "smtps://[::1]:465/", " smtp://u:p@127.0.0.1 ", "smtps://a@b:p@h"] {
        assert_eq!(faults(&with(&all, "EMAIL_URL", good), "Email"), [""; 0], "{good}");
    }
    let long = format!("{}@mail.example", "x".repeat(65));
    let bad = [
        "ann",
        "@mail.example",
        "ann@",
        "ann@mail..example",
        ".ann@mail.example",
        "an n@mail.example",
        "ann@mail.example>",
        "<ann@mail.example",
        "änn@mail.example",
        "ann@mäil.example",
        "ann@mail.example\r\nBcc: eve@mail.example",
        "ann@mail.example\0",
        "\"an n\"@mail.example",
        "ann@[1.2.3.4",
        &long,
    ];
    for bad in bad {
        check_names(&with(&all, "EMAIL_TO", &format!("bob@mail.example,{bad}")), "Email", "EMAIL_TO");
        check_names(&all, &format!("Email/{bad}"), "\"Email/");
        for from in [bad.to_owned(), format!("Name <{bad}>"), format!("{bad} Name")] {
            check_names(&with(&all, "EMAIL_FROM", &from), "Email", "EMAIL_FROM");
        }
    }
    check_names(&with(&all, "EMAIL_TO", " , "), "Email", "EMAIL_TO");
    for good in ["o'neil+x@mail.example", "a/b=c@localhost", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]"] {
        assert_eq!(faults(&with(&all, "EMAIL_TO", good), "Email"), [""; 0], "{good}");
        assert_eq!(faults(&all, &format!("Email/{good}")), [""; 0], "{good}");
    }
}
