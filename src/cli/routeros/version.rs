//! What each version of RouterOS calls things.
//!
//! Apart, as a table: a new version is a row, and what did not change needs no
//! thought. The names were read from command trees of these versions.

/// The words of a version and those after it, up to the next row.
pub(super) struct Syntax {
    /// Major and minor number of the first version that has them.
    since: (u32, u32),
    /// For people.
    pub(super) title: &'static str,
    /// What names the list in `/container/envs`.
    pub(super) envs_list: &'static str,
    /// What names that list in `/container/add`.
    pub(super) container_envs: &'static str,
    /// How mounts are named.
    pub(super) mounts: Mounts,
    /// How a container is started again that ended by itself.
    pub(super) restart: Option<&'static str>,
    /// True if a container can have a limit of memory to itself.
    pub(super) has_memory_high: bool,
    /// What is true of a container whose image has been unpacked and which does not run.
    pub(super) stopped: &'static str,
    /// What is true of one that runs.
    pub(super) running: &'static str,
}

/// How mounts are named.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mounts {
    /// Each has a name of its own, and the container has a list of names.
    Named,
    /// Each is in a list, and the container has a list of lists.
    Listed,
}

/// The oldest first.
const SYNTAXES: [Syntax; 4] = [
    Syntax {
        since: (7, 19),
        title: "RouterOS 7.19",
        envs_list: "name",
        container_envs: "envlist",
        mounts: Mounts::Named,
        restart: None,
        has_memory_high: false,
        stopped: "status=stopped",
        running: "status=running",
    },
    Syntax {
        since: (7, 20),
        title: "RouterOS 7.20",
        envs_list: "list",
        container_envs: "envlists",
        mounts: Mounts::Named,
        restart: Some("auto-restart-interval=30s"),
        has_memory_high: true,
        stopped: "stopped",
        running: "running",
    },
    Syntax {
        since: (7, 21),
        title: "RouterOS 7.21 and 7.22",
        envs_list: "list",
        container_envs: "envlists",
        mounts: Mounts::Listed,
        restart: Some("auto-restart-interval=30s"),
        has_memory_high: true,
        stopped: "stopped",
        running: "running",
    },
    Syntax {
        since: (7, 23),
        title: "RouterOS 7.23 and later",
        envs_list: "list",
        container_envs: "envlists",
        mounts: Mounts::Listed,
        restart: Some("restart-policy=on-failure"),
        has_memory_high: true,
        stopped: "stopped",
        running: "running",
    },
];

impl Syntax {
    /// The words of a version as `/system/resource/print` says it (`7.20.4 (stable)`,
    /// `7.21beta3`); of the newest where none is given.
    pub(super) fn of(version: Option<&str>) -> Result<&'static Syntax, String> {
        let [.., newest] = &SYNTAXES;
        let Some(text) = version else { return Ok(newest) };
        let Some(number) = numbers(text) else {
            return Err(format!("--version: {text:?} is no version (expected one such as 7.20)"));
        };
        let row = SYNTAXES.iter().rev().find(|row| row.since <= number);
        row.ok_or_else(|| format!("--version: {text:?} is too old (expected 7.19 or later)"))
    }
}

/// Major and minor number.
fn numbers(text: &str) -> Option<(u32, u32)> {
    let first = text.split_whitespace().next()?;
    let (major, rest) = first.split_once('.')?;
    let (minor, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    // Behind it only what MikroTik puts there: `.4`, `beta3`, `rc1`.
    let is_known = |start: &str| {
        let number = rest.strip_prefix(start);
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_version = rest.is_empty() || [".", "beta", "rc"].into_iter().any(is_known);
    let major =
        major.parse().ok().filter(|_| is_version && major.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some((major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(version: &str, expected: Result<&str, &str>) {
        let found = Syntax::of(Some(version)).map(|syntax| syntax.title);
        assert_eq!(found.as_ref().map(|title| *title).map_err(String::as_str), expected);
    }

    #[test]
    fn a_version_has_the_words_of_the_last_row_that_is_not_newer() {
        check("7.19", Ok("RouterOS 7.19"));
        check("7.19.6", Ok("RouterOS 7.19"));
        check("7.20.4 (stable)", Ok("RouterOS 7.20"));
        check("7.21beta3", Ok("RouterOS 7.21 and 7.22"));
        check("7.22rc1", Ok("RouterOS 7.21 and 7.22"));
        check("7.23", Ok("RouterOS 7.23 and later"));
        check("7.100", Ok("RouterOS 7.23 and later"));
        check("8.0", Ok("RouterOS 7.23 and later"));
        assert_eq!(Syntax::of(None).map(|syntax| syntax.title), Ok("RouterOS 7.23 and later"));
    }

    #[test]
    fn what_is_no_version_or_too_old_is_refused() {
        for text in ["", "7", "7.", "seven", "7.x", "+7.20", "7.20-1", "7.20.", "7.20alpha1", "v7.20"] {
            check(text, Err(&format!("--version: {text:?} is no version (expected one such as 7.20)")));
        }
        for text in ["7.18.2", "6.49.18"] {
            check(text, Err(&format!("--version: {text:?} is too old (expected 7.19 or later)")));
        }
    }

    #[test]
    fn rows_are_in_order() {
        assert!(SYNTAXES.is_sorted_by(|a, b| a.since < b.since));
    }
}
