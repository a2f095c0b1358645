//! The way back: what `script` makes is removed, found by name or comment.
//!
//! Knows nothing of the configuration, which may have changed since: whatever
//! `script` can make is looked for, and what is not there is passed over. So it
//! can be run twice.

use super::NAME;
use super::boot;
use super::script::Script;
use super::version::{Mounts, Syntax};

/// The commands.
pub(super) fn remove(syntax: &Syntax) -> String {
    let mut script = Script::default();
    script.block(&[
        &format!("The way back from alertik routeros, on {}", syntax.title),
        "What is gone already is passed over: it can be run twice.",
    ]);

    script.block(&["No more lines, and nothing at boot."]);
    for menu in ["scheduler", "script"] {
        script.line(format!("/system/{menu}/remove [find where comment={NAME}]"));
    }
    script.line(format!("/system/logging/remove [find where action={NAME}]"));
    script.line(format!("/system/logging/action/remove [find where name={NAME}]"));

    script.block(&["The container, when it has stopped; its variables and mounts."]);
    script.line(boot::remove_container());
    script.line(format!("/container/envs/remove [find where {}={NAME}]", syntax.envs_list));
    script.line(match syntax.mounts {
        Mounts::Named => format!("/container/mounts/remove [find where name~\"^{NAME}-\"]"),
        Mounts::Listed => format!("/container/mounts/remove [find where list={NAME}]"),
    });
    script.line(format!("/disk/remove [find where comment={NAME}]"));

    script.block(&["Names: a router that was made to answer the container answers nobody again."]);
    script.line(format!(":if ([:len [/ip/firewall/filter/find where comment={NAME}-dns]] > 0) do={{ /ip/dns/set allow-remote-requests=no }}"));
    for menu in ["ip", "ipv6"] {
        script.line(format!("/{menu}/firewall/filter/remove [find where comment={NAME}-dns]"));
    }

    script.block(&["The firewall, the way out, the network."]);
    script.line(format!("/ip/firewall/filter/remove [find where comment={NAME}]"));
    script.line(format!("/ip/firewall/nat/remove [find where comment={NAME}]"));
    script.line(format!("/ip/address/remove [find where comment={NAME}]"));
    script.line(format!("/interface/bridge/port/remove [find where comment={NAME}]"));
    script.line(format!("/interface/bridge/remove [find where comment={NAME}]"));
    script.line(format!("/interface/veth/remove [find where name={NAME}-veth]"));

    script.block(&[&format!(
        "Files stay: the tar, and folders named {NAME}-state, {NAME}-log, {NAME}-ca. /file/print shows them."
    )]);
    script.into_text()
}
