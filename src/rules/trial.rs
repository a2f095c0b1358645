//! One pattern and mask tried on texts, by the engine that the rules use.
//!
//! Apart from the rules: nothing is configured, and nothing remembered.

use std::net::Ipv4Addr;
use std::time::{Instant, SystemTime};

use super::ere::Ere;
use super::mask::Mask;
use super::pattern::Pattern;
use super::view::{Context, View};
use crate::line::Line;
use crate::record::Record;
use crate::trial::{ANSWER_BYTES_MAX, Answer, Fault, Group, Question, Row};

/// Answers `question`.
pub fn answer(question: &Question<'_>) -> Answer {
    let bytes = question.pattern;
    let mut answer = Answer::default();
    let pattern = match question.is_substr {
        true if bytes.is_empty() => Err(fault("pattern", "is empty", 0, "")),
        true => Ok(Pattern::substr(bytes)),
        false => Ere::new(bytes)
            .map_err(|error| fault("pattern", &error.to_string(), error.at, &error.text))
            .inspect(|ere| {
                answer.warning = ere.lazy_quantifier().map(|at| {
                    fault("pattern", &format!("the \"?\" at {at} makes nothing lazy here"), at, "?")
                });
            })
            .map(Pattern::Regex),
    };
    let pattern = match pattern {
        Ok(pattern) => pattern,
        Err(fault) => return Answer { fault: Some(fault), ..answer },
    };
    let mask = question.mask.map(|mask| Mask::new(mask, pattern.groups()));
    let mask = match mask.transpose() {
        Ok(mask) => mask,
        Err(what) => return Answer { fault: Some(fault("mask", &what, 0, "")), ..answer },
    };
    let (start, mut bytes) = (Instant::now(), 0);
    for text in &question.texts {
        let is_over = question.within.is_some_and(|span| start.elapsed() > span || bytes > ANSWER_BYTES_MAX);
        if is_over {
            break;
        }
        let row = try_one(&pattern, mask.as_ref(), text);
        bytes += row.text.len() + row.message.as_ref().map_or(0, String::len);
        bytes += row.groups.iter().flatten().map(|group| group.text.len()).sum::<usize>();
        answer.rows.push(row);
    }
    answer
}

fn fault(part: &'static str, what: &str, at: usize, text: &str) -> Fault {
    Fault { part, what: what.to_owned(), at, text: text.to_owned() }
}

fn try_one(pattern: &Pattern, mask: Option<&Mask>, text: &[u8]) -> Row {
    let spans: Option<Vec<Option<(usize, usize)>>> = match pattern {
        Pattern::Substr(finder) => {
            finder.find(text).map(|start| vec![Some((start, start + finder.needle().len()))])
        }
        Pattern::Regex(ere) => {
            ere.find(text).map(|found| (0..=ere.groups()).map(|number| found.get(number)).collect())
        }
    };
    let group = |(start, end): (usize, usize)| {
        let text = lossy(text.get(start..end).unwrap_or_default());
        Group { start, end, text }
    };
    let matched = spans.is_some();
    let message = mask.filter(|_| matched).map(|mask| {
        let (line, _) = Line::from_datagram(text, Ipv4Addr::LOCALHOST.into(), Instant::now());
        let (record, context) = (Record::parse(&line.bytes), Context::plain());
        let now = (Instant::now(), SystemTime::now());
        let view = View { line: &line, record: &record, context: &context, now };
        let groups = pattern.groups_in(text);
        mask.fill(groups.as_ref(), |value| view.value(value, "match", 1))
    });
    let groups = spans.unwrap_or_default().into_iter().map(|span| span.map(group)).collect();
    Row { text: lossy(text), matched, groups, message }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(match_type: &str, pattern: &str, mask: &str, text: &str) -> Answer {
        let (is_substr, mask) = (match_type == "substr", Some(mask.as_bytes()));
        answer(&Question {
            is_substr,
            pattern: pattern.as_bytes(),
            mask,
            texts: vec![text.as_bytes()],
            within: None,
        })
    }

    #[test]
    fn a_pattern_is_tried_as_a_rule_would() {
        let text = "system,error,critical login failure for user x from 192.0.2.1 via ssh";
        let answer = ask("regex", "user ([a-z]+)( via)? from", "@1 of @{topics}", text);
        let row = answer.rows.first().unwrap();
        assert_eq!(row.message.as_deref(), Some("x of system,error,critical"));
        assert_eq!(row.groups.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
        let row = ask("substr", "failure", "@{message}", text).rows.remove(0);
        let group = row.groups.first().unwrap().as_ref().unwrap();
        assert_eq!((group.start, &*group.text), (28, "failure"));
        assert!(!ask("substr", "Failure", "", text).rows.first().unwrap().matched);
    }

    #[test]
    fn what_is_wrong_is_said_and_where() {
        let fault = ask("regex", "a(b", "", "").fault.unwrap();
        assert_eq!((fault.part, fault.at, &*fault.text), ("pattern", 1, "("));
        assert_eq!(ask("regex", "(a)", "@9", "").fault.unwrap().part, "mask");
        assert_eq!(ask("substr", "", "", "").fault.unwrap().part, "pattern");
        assert_eq!(ask("regex", "a+?", "", "a").warning.unwrap().at, 2);
    }
}
