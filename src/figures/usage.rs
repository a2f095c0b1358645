//! What the process takes, from `/proc`: RouterOS mounts it in a container.
//!
//! Apart from the other figures, because nobody counts these: the kernel has them.

use std::fs;

/// What the process takes now.
pub(super) struct Usage {
    pub(super) cpu_seconds: f64,
    pub(super) resident_bytes: f64,
    pub(super) virtual_bytes: f64,
    pub(super) open_files: Option<f64>,
}

/// None where there is no `/proc`.
pub(super) fn read() -> Option<Usage> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let open_files = fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as f64);
    Some(Usage { open_files, ..parse(&stat, &status)? })
}

/// proc_pid_stat(5), fields 14 and 15 in ticks of which Linux shows user space 100 a second on every
/// architecture that we are built for; proc_pid_status(5), in KiB.
fn parse(stat: &str, status: &str) -> Option<Usage> {
    // The name in brackets may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    let cpu_seconds = (ticks.next()?.ok()? + ticks.next()?.ok()?) / 100.0;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse::<f64>().ok()
    };
    let (resident, all) = (kib("VmRSS:")?, kib("VmSize:")?);
    Some(Usage {
        cpu_seconds,
        resident_bytes: resident * 1024.0,
        virtual_bytes: all * 1024.0,
        open_files: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read() {
        let stat = "1 (a) b) S 0 1 1 0 -1 4194560 0 0 0 0 150 50 0 0 20 0 6 0 100 4096 300";
        let used = parse(stat, "Name:\ta\nVmSize:\t    2048 kB\nVmRSS:\t     512 kB\n").unwrap();
        assert_eq!((used.cpu_seconds, used.resident_bytes), (2.0, 524_288.0));
        assert!((used.virtual_bytes, used.open_files) == (2_097_152.0, None));
        assert!(parse("nonsense", "").is_none());
    }
}
