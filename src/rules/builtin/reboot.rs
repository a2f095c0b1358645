//! The router was rebooted on purpose.
//!
//! ```text
//!   system,info router rebooted by admin
//!               └ told as it stands
//! ```

use super::{Builtin, Kind, Told, View, starting_with, unclean_reboot};

pub(super) const RULE: Builtin = Builtin {
    number: 5,
    name: "reboot",
    tells: "a reboot in good order",
    is_starter: false,
    is_last: false,
    needles: &["router rebooted", "router was rebooted"],
    suffix: None,
    options: &[],
    clears: false,
    kind: Kind::Usual,
    silences: None,
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    let message = view.message();
    let said = starting_with(&message, "router rebooted")
        .or_else(|| starting_with(&message, "router was rebooted"))?;
    (!unclean_reboot::is_unclean(said)).then(|| Told::plain(format!("{}: {said}", view.router())))
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::tests::text;

    #[track_caller]
    fn check(datagram: &str, expected: Option<&str>) {
        assert_eq!(text("reboot", datagram).as_deref(), expected);
    }

    #[test]
    fn only_a_reboot_in_good_order_is_told() {
        check("system,info router rebooted", Some("192.168.88.1: router rebooted"));
        check("<30>Sep 25 01:37:18 r1 router rebooted by admin", Some("r1: router rebooted by admin"));
        check("system,error,critical router was rebooted without proper shutdown", None);
        check("script,info the router rebooted", None);
    }
}
