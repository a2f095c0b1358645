//! The folders that the variables speak of, which the container has only if they are mounted.
//!
//! Apart, because here is what each variable with a path means to a container:
//! whether it is written, and whether it must outlive a boot.

use crate::vars::{Faults, Vars, shown};

/// A folder of the router inside the container.
#[derive(Debug, PartialEq)]
pub(super) struct Mount {
    /// Where it is in the container.
    pub(super) inside: String,
    /// What its folder on the router is called.
    pub(super) name: String,
    /// The container writes there.
    pub(super) is_written: bool,
    /// It must outlive a boot.
    pub(super) is_kept: bool,
}

/// RouterOS puts files of its own into these, or Linux does.
const TAKEN: [&str; 5] = ["/", "/dev", "/etc", "/proc", "/sys"];

/// The folders of the variables that are set, outer ones first; what lies in another one needs no mount.
pub(super) fn read(vars: &Vars, faults: &mut Faults) -> Vec<Mount> {
    let mut found = Vec::new();
    let mut note = |variable: &str, kind: &str, is_file: bool, is_written: bool, is_kept: bool| {
        let Some(path) = vars.text(variable) else { return };
        let path = path.trim_end_matches('/');
        let folder = if is_file { path.rsplit_once('/').map_or("", |(folder, _)| folder) } else { path };
        let has_dots = folder.split('/').any(|part| part == "." || part == "..");
        if !folder.starts_with('/') || has_dots || TAKEN.contains(&folder) {
            faults.fault(format!(
                "{variable}: {} cannot be mounted in a container (expected a folder of its own, such as /{kind})",
                shown(path)
            ));
            return;
        }
        let name = format!("{}-{kind}", super::NAME);
        found.push(Mount { inside: folder.to_owned(), name, is_written, is_kept });
    };
    note("STATE_DIR", "state", false, true, true);
    note("LOG_FILE", "log", true, true, false);
    let is_authority = |name: &&str| name.ends_with("TLS_CA_FILE") || name.ends_with("_CERTIFICATE");
    for name in vars.names().filter(is_authority) {
        note(name, "ca", true, false, true);
    }
    gather(found)
}

/// Without those that lie in others; no two with one name.
fn gather(mut found: Vec<Mount>) -> Vec<Mount> {
    found.sort_by(|a, b| a.inside.cmp(&b.inside));
    let mut mounts: Vec<Mount> = Vec::new();
    for mut mount in found {
        let is_in = |outer: &&mut Mount| {
            mount
                .inside
                .strip_prefix(&*outer.inside)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if let Some(outer) = mounts.iter_mut().find(is_in) {
            outer.is_written |= mount.is_written;
            outer.is_kept |= mount.is_kept;
            continue;
        }
        let same = mounts.iter().filter(|other| other.name.starts_with(&mount.name)).count();
        if same > 0 {
            mount.name = format!("{}{}", mount.name, same + 1);
        }
        mounts.push(mount);
    }
    mounts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn mounts(environment: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let known =
            ["STATE_DIR", "LOG_FILE", "TLS_CA_FILE", "SLACK_TLS_CA_FILE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
        let mut faults = Faults::default();
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
        let vars = Vars::read(environment, &known, &|_| Err(io::ErrorKind::NotFound.into()), &mut faults);
        let mounts = read(&vars, &mut faults);
        let row = |mount: Mount| {
            let written = if mount.is_written { " written" } else { "" };
            format!("{} {}{written}{}", mount.inside, mount.name, if mount.is_kept { " kept" } else { "" })
        };
        (mounts.into_iter().map(row).collect(), faults.faults)
    }

    #[track_caller]
    fn check(environment: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(mounts(environment), (expected.iter().map(|&row| row.to_owned()).collect(), vec![]));
    }

    #[test]
    fn folders_are_mounted_once() {
        check(&[], &[]);
        check(
            &[("STATE_DIR", "/state/"), ("LOG_FILE", "/log/a.log"), ("TLS_CA_FILE", "/ca/ca.pem")],
            &["/ca alertik-ca kept", "/log alertik-log written", "/state alertik-state written kept"],
        );
        check(
            &[("STATE_DIR", "/data/state"), ("LOG_FILE", "/data/a.log")],
            &["/data alertik-log written kept"],
        );
        check(
            &[("TLS_CA_FILE", "/ca/a.pem"), ("SLACK_TLS_CA_FILE", "/ca2/b.pem")],
            &["/ca alertik-ca kept", "/ca2 alertik-ca2 kept"],
        );
        check(&[("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca/a.pem")], &["/ca alertik-ca kept"]);
    }

    #[test]
    fn what_cannot_be_mounted_is_named() {
        for path in ["alertik.log", "/alertik.log", "/etc/alertik.log", "log/a.log", "/a/../etc/x"] {
            let expected = format!(
                "LOG_FILE: {path:?} cannot be mounted in a container (expected a folder of its own, such as /log)"
            );
            assert_eq!(mounts(&[("LOG_FILE", path)]), (vec![], vec![expected]));
        }
        assert_eq!(mounts(&[("STATE_DIR", "/")]).1.len(), 1);
    }
}
