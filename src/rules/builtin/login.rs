//! Somebody was let in.
//!
//! ```text
//!   system,info,account user admin logged in from 10.0.0.245 via winbox
//!                       └user─────┘ └ what is looked for
//! ```
//!
//! A failed login whose user is called `x logged in from …` must not be told as
//! a login, so the message has to begin with `user`.

use super::{Builtin, Kind, Same, Told, View, starting_with};

const NEEDLE: &str = " logged in";

pub(super) const RULE: Builtin = Builtin {
    number: 3,
    name: "login",
    tells: "a login to the router: user, address, service",
    is_starter: false,
    is_last: false,
    needles: &[NEEDLE],
    suffix: None,
    options: &[],
    clears: false,
    same: Same::Router,
    counts: "lines",
    kind: Kind::Usual,
    silences: None,
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    let message = view.message();
    let rest = starting_with(&message, "user ")?.strip_prefix("user ")?;
    let (user, how) = rest.rsplit_once(NEEDLE)?;
    let is_whole = how.is_empty() || how.starts_with(" from ") || how.starts_with(" via ");
    is_whole.then(|| Told::plain(format!("{}: user \"{user}\" logged in{how}", view.router())))
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::tests::text;

    #[track_caller]
    fn check(datagram: &str, expected: Option<&str>) {
        assert_eq!(text("login", datagram).as_deref(), expected);
    }

    #[test]
    fn user_and_way_are_told() {
        check(
            "system,info,account user admin logged in from 10.0.0.245 via winbox",
            Some("192.168.88.1: user \"admin\" logged in from 10.0.0.245 via winbox"),
        );
        check(
            "<30>Sep 25 01:37:18 MikroTik user abc logged in from 192.168.88.1 via api",
            Some("MikroTik: user \"abc\" logged in from 192.168.88.1 via api"),
        );
        check(
            "system,info,account mk_1: user admin logged in via api",
            Some("192.168.88.1: user \"admin\" logged in via api"),
        );
    }

    #[test]
    fn a_logout_and_a_forged_login_are_not_told() {
        check("system,info,account user admin logged out from 10.0.0.245 via winbox", None);
        check(
            "system,error,critical login failure for user x logged in from 1.2.3.4 via ssh from 5.6.7.8 via ssh",
            None,
        );
        check("system,error,critical login failure for user a: user x logged in from 1.2.3.4 via ssh", None);
        check("l2tp,ppp,info,account user7 logged in, 192.168.199.154 from 100.78.158.207", None);
        check("hotspot,account,info,debug 0-hs1: user9 (192.168.20.29): logged in", None);
    }
}
