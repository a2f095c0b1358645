//! What the log is told of the whole: the rules at the start, what was counted at the end.

use crate::log;
use crate::rules::Rule;
use crate::serve;
use crate::settings::Settings;
use crate::stats::Stats;

/// A summary of every rule, as Alertik writes.
pub(super) fn log_rules(settings: &Settings) {
    for rule in settings.rules.rules() {
        let names: Vec<_> = rule.destinations().iter().map(|id| settings.destination_name(*id)).collect();
        let kind = rule.builtin().map_or(rule.match_type().unwrap_or_default(), |builtin| builtin.name);
        log::info("rule", &[("name", &rule.name()), ("kind", &kind), ("notifiers", &names.join(","))]);
    }
}

/// All counters, in a few lines.
pub(super) fn log_stats(stats: &Stats) {
    log::info(
        "stopped",
        &[
            ("lines", &stats.lines_received.count()),
            ("evicted", &stats.lines_evicted.count()),
            ("kernel_drops", &stats.kernel_drops.count()),
            ("refused", &stats.lines_refused.count()),
            ("cut", &stats.lines_cut.count()),
            ("looped", &stats.lines_looped.count()),
            ("alerts", &stats.alerts.count()),
            ("held", &stats.alerts_suppressed.count()),
            ("keys_forgotten", &stats.keys_forgotten.count()),
        ],
    );
    log::info(
        "deliveries",
        &[
            ("delivered", &stats.deliveries.delivered.count()),
            ("postponed", &stats.deliveries.postponed.count()),
            ("rejected", &stats.deliveries.rejected.count()),
            ("expired", &stats.deliveries.expired.count()),
            ("evicted", &stats.alerts_evicted.count()),
            ("merged", &stats.deliveries.merged.count()),
            ("taken_over", &stats.deliveries.taken_over.count()),
            ("forwards_failed", &stats.forwards_failed.count()),
            ("forgotten", &stats.states_forgotten.count()),
        ],
    );
    let lost = stats.copies_lost.count();
    if lost > 0 {
        log::info("exported", &[("lost", &lost)]);
    }
}

/// What there is to show of the rules.
pub(super) fn rule_cards(settings: &Settings) -> Vec<serve::RuleCard> {
    let card = |rule: &Rule| serve::RuleCard {
        name: rule.name().to_owned(),
        description: rule.description().to_owned(),
        is_urgent: rule.is_urgent(),
        notifiers: rule.destinations().iter().map(|id| settings.destination_name(*id).to_owned()).collect(),
    };
    settings.rules.rules().iter().map(card).collect()
}
