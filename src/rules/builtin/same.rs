//! What a built-in rule tells one from another: in words, and in a line that the operator calls the end of it.

use super::said::one_spelling;
use crate::rules::ere::Groups;
use crate::rules::pattern::Pattern;
use crate::vars::Faults;

/// What counts as the same, besides the router, as one calls each of it.
#[derive(Clone, Copy)]
pub(super) enum Same {
    /// All of a router.
    Router,
    /// A name that other lines have as well, so that a group of `_CLEAR` can take it.
    One(&'static str),
    /// What only this rule's own lines say.
    Several(&'static str),
}

impl Same {
    /// One of what it tells apart.
    pub(super) fn each(self) -> &'static str {
        match self {
            Same::Router => "router",
            Same::One(each) | Same::Several(each) => each,
        }
    }

    /// Finds what the pattern of an end, used without `_KEY`, cannot say: then a trouble would last for ever.
    pub(super) fn check_clear(self, prefix: &str, clear: &Pattern, faults: &mut Faults) {
        match self {
            Same::One(each) if clear.groups() == 0 => faults.fault(format!(
                "{prefix}CLEAR: has no group that takes the {each} (expected one, or {prefix}KEY=@{{router}})"
            )),
            Same::Several(each) => faults.fault(format!(
                "{prefix}CLEAR: does not say of which {each} it is the end (expected {prefix}KEY=@{{router}} beside it)"
            )),
            Same::Router | Same::One(_) => {}
        }
    }

    /// The key that an end has, as the rule's own lines write it.
    pub(super) fn of_end(self, groups: Option<&Groups<'_>>) -> String {
        let name = groups.and_then(|groups| groups.bytes(1)).unwrap_or_default();
        match self {
            Same::One(_) => one_spelling(&String::from_utf8_lossy(name)),
            Same::Router | Same::Several(_) => String::new(),
        }
    }
}
