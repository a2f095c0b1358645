//! The two scripts that the router runs when it has booted.
//!
//! Apart, because they run on the router, long after this program has printed
//! them: what they do not do by themselves, nobody does.

use super::NAME;
use super::options::Image;
use super::script::Plan;
use crate::routeros::{quoted, word};

/// How the memory log names a reboot, behind a logging rule's prefix or not: what the built-in rules
/// unclean_reboot and reboot tell. Without `?`, which the console of older versions takes for a question.
const REBOOTS: &str = "^([^ ]+: ){0,1}(router (was ){0,1}rebooted|kernel failure in previous boot|out of memory condition was detected)";

/// Says again what the router has said of its reboot.
///
/// Only the log in memory is read: it begins with the boot, while one on disk has older boots too. What this
/// script says has the topic `script`, and is not said again when it is run once more.
pub(super) fn repeat_reboot(plan: &Plan<'_>) -> String {
    let running = plan.options.syntax.running;
    [
        // Time for the uplink, and then until somebody listens, but not for ever.
        ":delay 2m".to_owned(),
        format!(":for i from=1 to=30 do={{ :if ([:len [/container/find where name={NAME} and {running}]] = 0) do={{ :delay 10s }} }}"),
        format!(":foreach line in=[/log/find where buffer=memory and topics~\"system\" and message~{}] do={{", quoted(REBOOTS)),
        "  :local said [/log/get $line message]".to_owned(),
        "  :if ($said~\"without|failure|memory\") do={ :log error $said } else={ :log info $said }".to_owned(),
        "}".to_owned(),
    ]
    .join("\n")
}

/// Makes the container anew on a disk that is empty again, as often as it takes: the uplink may come late.
pub(super) fn return_from_memory(plan: &Plan<'_>) -> String {
    let stopped = format!("[:len [/container/find where name={NAME} and {}]]", plan.options.syntax.stopped);
    let mut lines = vec![
        ":local ready false".to_owned(),
        ":for attempt from=1 to=60 do={".to_owned(),
        "  :if (!$ready) do={".to_owned(),
        "    :do {".to_owned(),
        format!("      {}", remove_container()),
    ];
    lines.extend(fetch(plan).map(|fetch| format!("      {fetch}")));
    lines.extend([
        format!("      {}", plan.add_container()),
        format!("      :for i from=1 to=30 do={{ :if ({stopped} = 0) do={{ :delay 2s }} }}"),
        format!("      :set ready ({stopped} > 0)"),
        "    } on-error={}".to_owned(),
        "    :if (!$ready) do={ :delay 10s }".to_owned(),
        "  }".to_owned(),
        "}".to_owned(),
        format!("/container/start [find where name={NAME}]"),
    ]);
    lines.join("\n")
}

/// Fetches the tar, if that is how the image comes.
pub(super) fn fetch(plan: &Plan<'_>) -> Option<String> {
    match &plan.options.image {
        Image::Url { url, name } => {
            let path = word(&plan.options.disk.path(name));
            Some(format!("/tool/fetch url={} dst-path={path}", quoted(url)))
        }
        Image::Tar(_) | Image::Reference(_) => None,
    }
}

/// Stops and removes the container, if there is one. It cannot be removed before it has stopped, for which it
/// has 10 s.
pub(super) fn remove_container() -> String {
    format!(
        ":for i from=1 to=20 do={{ :if ([:len [/container/find where name={NAME}]] > 0) do={{ :do {{ /container/stop [find where name={NAME}] }} on-error={{}}; :do {{ /container/remove [find where name={NAME}] }} on-error={{ :delay 1s }} }} }}"
    )
}
