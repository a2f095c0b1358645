//! An interface loses its link again and again.
//!
//! ```text
//!   interface,info ether9 link down
//!   interface,info ether9 link up (speed 1G, full duplex)
//!   interface,info ether9 link down        … the same lines as rule 6 tells
//! ```
//!
//! While an interface flaps, rule 6 is not asked about it. When it starts and when it is over is for whoever
//! counts; here each line says only which interface, and up or down.

use super::{Builtin, Kind, Same, Sign, Told, View, link_change};

pub(super) const RULE: Builtin = Builtin {
    number: 7,
    name: "link_flapping",
    tells: "an interface that goes down and up again and again, and when that is over",
    is_starter: true,
    is_last: false,
    needles: link_change::RULE.needles,
    suffix: None,
    options: &[("FLAP", "on")],
    clears: false,
    same: Same::One("interface"),
    counts: "lines",
    kind: Kind::Flapping,
    silences: Some(link_change::RULE.number),
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    let message = view.message();
    let link = link_change::read(view, &message)?;
    let sign = if link.up.is_some() { Sign::Cleared } else { Sign::Matched };
    let text = format!("{}: {} is flapping", view.router(), link.interface);
    Some(Told { sign, ..Told::keyed(text, link.interface) })
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::Sign;
    use crate::rules::builtin::tests::told;

    #[test]
    fn keys_and_signs_are_those_of_rule_6() {
        for (line, sign) in [
            ("interface,info ether9 link down", Sign::Matched),
            ("interface,info core1: ether9 link up (speed 10M, full duplex)", Sign::Cleared),
        ] {
            for rule in ["link_change", "link_flapping"] {
                let told = told(rule, line).unwrap();
                assert_eq!((&*told.key, told.sign), ("ether9", sign));
            }
            assert_eq!(told("link_flapping", line).unwrap().text, "192.168.88.1: ether9 is flapping");
        }
        assert_eq!(told("link_flapping", "interface,info sfp1 detect UNKNOWN"), None);
    }
}
