//! The router lost power, crashed, hung, or ran out of memory.
//!
//! ```text
//!   system,error,critical router was rebooted without proper shutdown, probably kernel failure
//!                         └ one of a few beginnings, told as it stands
//! ```

use super::{Builtin, Kind, Same, Told, View, starting_with};

const UNCLEAN: &str = "rebooted without proper shutdown";
const KERNEL: &str = "kernel failure in previous boot";
const MEMORY: &str = "out of memory condition was detected";

pub(super) const RULE: Builtin = Builtin {
    number: 4,
    name: "unclean_reboot",
    tells: "a reboot without shutdown, a kernel failure, the watchdog, memory that ran out",
    is_starter: true,
    is_last: false,
    needles: &[UNCLEAN, KERNEL, MEMORY],
    suffix: None,
    // A board that reboots again and again says so every minute or two.
    options: &[("COOLDOWN", "10m")],
    clears: false,
    same: Same::Several("reason"),
    counts: "lines",
    kind: Kind::Usual,
    silences: None,
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    let message = view.message();
    let said = starting_with(&message, "router ")
        .filter(|said| is_unclean(said))
        .or_else(|| starting_with(&message, KERNEL))
        .or_else(|| starting_with(&message, MEMORY))?;
    // Each cause is told: the second line of a reboot may be the one that says why.
    Some(Told::keyed(format!("{}: {said}", view.router()), said))
}

/// `router rebooted without …` and `router was rebooted without …` both occur.
pub(super) fn is_unclean(said: &str) -> bool {
    said.contains(UNCLEAN)
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::tests::text;

    #[test]
    fn every_kind_is_told_as_it_stands() {
        for said in [
            "router was rebooted without proper shutdown",
            "router rebooted without proper shutdown, probably power outage",
            "router was rebooted without proper shutdown by watchdog timer",
            "router was rebooted without proper shutdown, probably kernel failure",
            "kernel failure in previous boot",
            "out of memory condition was detected",
        ] {
            for prefix in ["", "MikroTik: "] {
                let told = text("unclean_reboot", &format!("system,error,critical {prefix}{said}"));
                assert_eq!(told, Some(format!("192.168.88.1: {said}")));
            }
        }
    }

    #[test]
    fn clean_and_forged_ones_are_not_told() {
        for line in [
            "system,info router rebooted",
            "system,info router rebooted by admin",
            "system,error,critical login failure for user router was rebooted without proper shutdown via ssh",
            "dhcp,info dhcp1 assigned 192.168.1.60 for EE:3c:e7:da:8e:b4 kernel failure in previous boot",
        ] {
            assert_eq!(text("unclean_reboot", line), None);
        }
    }
}
