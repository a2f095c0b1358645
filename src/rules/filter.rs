//! What a line must be before a rule's pattern is tried: topics, sender.
//!
//! Apart from the pattern, because these are cheap and come first.

use std::net::IpAddr;

use super::pattern::Pattern;
use crate::network::Networks;
use crate::record::{Record, Topics};
use crate::vars::{Faults, comma_list, shown};

/// `_TOPICS`, `_FROM` and `_EXCLUDE` of one rule.
#[derive(Default)]
pub(super) struct Filter {
    topics_wanted: Vec<Vec<u8>>,
    topics_unwanted: Vec<Vec<u8>>,
    /// None: from anywhere.
    pub(super) from: Option<Networks>,
    /// A line that has this is none of the rule's.
    pub(super) exclude: Option<Pattern>,
}

impl Filter {
    /// Takes a comma list of topics, `!` before those that must not be there.
    pub(super) fn read_topics(&mut self, variable: &str, list: &str, faults: &mut Faults) {
        for part in comma_list(list) {
            let (topics, topic) = match part.strip_prefix('!') {
                Some(topic) => (&mut self.topics_unwanted, topic.trim()),
                None => (&mut self.topics_wanted, part),
            };
            if topic.is_empty()
                || !topic.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            {
                faults.fault(format!(
                    "{variable}: {} is not a topic (expected such as system or !debug)",
                    shown(part)
                ));
            }
            topics.push(topic.as_bytes().to_vec());
        }
    }

    /// True if the rule is to look at the line at all; the exclusion is asked later.
    pub(super) fn wants(&self, record: &Record<'_>, from: IpAddr) -> bool {
        self.wants_topics(record.topics) && self.from.as_ref().is_none_or(|networks| networks.contain(from))
    }

    fn wants_topics(&self, topics: Topics<'_>) -> bool {
        // The syslog format has none: asking for them there would silence every rule.
        topics.is_empty()
            || self.topics_wanted.iter().all(|topic| topics.contains(topic))
                && !self.topics_unwanted.iter().any(|topic| topics.contains(topic))
    }

    /// True if `line` has what it must not have.
    pub(super) fn excludes(&self, line: &[u8]) -> bool {
        self.exclude.as_ref().is_some_and(|pattern| pattern.is_match(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &str, line: &str, expected: bool) {
        let mut filter = Filter::default();
        let mut faults = Faults::default();
        filter.read_topics("EVENT0_TOPICS", list, &mut faults);
        assert!(faults.is_empty(), "{:?}", faults.faults);
        assert_eq!(filter.wants(&Record::parse(line.as_bytes()), "10.0.0.1".parse().unwrap()), expected);
    }

    #[test]
    fn all_topics_must_be_there_and_none_of_the_unwanted() {
        check("system,error", "system,error,critical login failure", true);
        check("error, system", "system,error,critical login failure", true);
        check("system,error", "system,info,account user", false);
        check("system,!critical", "system,error,critical x", false);
        check("! critical", "system,info x", true);
        check("", "system,info x", true);
    }

    #[test]
    fn a_line_without_topics_is_wanted() {
        check("system,!debug", "<27>Oct  2 17:36:35 MikroTik login failure", true);
    }

    #[test]
    fn what_is_no_topic_is_named() {
        let mut faults = Faults::default();
        Filter::default().read_topics("EVENT0_TOPICS", "System,!,a b", &mut faults);
        assert_eq!(faults.faults.len(), 3);
        assert_eq!(
            faults.faults[0],
            "EVENT0_TOPICS: \"System\" is not a topic (expected such as system or !debug)"
        );
    }
}
