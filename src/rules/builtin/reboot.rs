//! The router was rebooted on purpose.
//!
//! ```text
//!   system,info router rebooted by admin
//!               └ told as it stands
//! ```

use std::time::Duration;

use super::{Builtin, Kind, Same, Told, View, starting_with, unclean_reboot};
use crate::memory::Rebooted;

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
    same: Same::Router,
    counts: "lines",
    kind: Kind::Usual,
    silences: None,
    tell,
};

/// What is told of a reboot of the machine that we run on; by rule 4 or this one.
pub(in crate::rules) fn of_this_machine(rebooted: &Rebooted) -> (u8, String) {
    let how = if rebooted.is_clean { "" } else { " without proper shutdown" };
    let minutes =
        |away: Duration| format!(", and alertik was away for {} min", away.as_millis().div_ceil(60_000));
    let away = rebooted.away.map(minutes).unwrap_or_default();
    let number = if rebooted.is_clean { RULE.number } else { unclean_reboot::RULE.number };
    (number, format!("the machine that alertik runs on was rebooted{how}{away}"))
}

fn tell(view: &View<'_>) -> Option<Told> {
    let message = view.message();
    let said = starting_with(&message, "router rebooted")
        .or_else(|| starting_with(&message, "router was rebooted"))?;
    (!unclean_reboot::is_unclean(said)).then(|| Told::plain(format!("{}: {said}", view.router())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::builtin::tests::text;

    #[track_caller]
    fn check(datagram: &str, expected: Option<&str>) {
        assert_eq!(text("reboot", datagram).as_deref(), expected);
    }

    #[test]
    fn a_reboot_of_this_machine_is_told_by_the_rule_for_its_kind() {
        let away = Some(Duration::from_secs(61));
        let clean = of_this_machine(&Rebooted { is_clean: true, away });
        let text = "the machine that alertik runs on was rebooted, and alertik was away for 2 min";
        assert_eq!(clean, (5, text.to_owned()));
        let unclean = of_this_machine(&Rebooted { is_clean: false, away: None });
        assert_eq!(
            unclean,
            (4, "the machine that alertik runs on was rebooted without proper shutdown".to_owned())
        );
    }

    #[test]
    fn only_a_reboot_in_good_order_is_told() {
        check("system,info router rebooted", Some("192.168.88.1: router rebooted"));
        check("<30>Sep 25 01:37:18 r1 router rebooted by admin", Some("r1: router rebooted by admin"));
        check("system,error,critical router was rebooted without proper shutdown", None);
        check("script,info the router rebooted", None);
    }
}
