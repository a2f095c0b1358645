//! A line understood: which of RouterOS's three formats it has, and what each of its parts says.
//!
//! Separate because rules, masks and metrics must not know in which format a router sends. It deliberately
//! does not read the time, which is the router's notion of it (we stamp lines as they arrive), nor the
//! sentence in the message, which is for the rules. Anybody can send us a datagram, so nothing here can fail:
//! what does not look like a header is a part of the message, and no byte is read more than a few times.
//!
//! ```text
//! default   system,error,critical login failure for user guest from 192.168.88.17 via ssh
//!           └────── topics ─────┘ └ message
//!
//! syslog    <27>Oct  2 17:36:35 MikroTik login failure for user guest from 192.168.88.17 via ssh
//!            └ priority         │        └ message; since 7.22 the topics can stand before it
//!                               └ identity
//!
//! cef       Oct  2 17:36:35 MikroTik CEF:0|MikroTik|hAP ax^2|7.25beta5|10|system,error,critical|High|…
//!                                          vendor   product  version   id topics                severity
//!           … dvchost=MikroTik dvc=192.168.88.36 msg=login failure for user guest … app=ssh duser=guest …
//!                     └ identity                     └ message
//! ```

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::line::trim_line_end;

/// A PRI is facility * 8 + severity, of 24 facilities and 8 severities (RFC 3164, 4.1.1).
const PRIORITY_MAX: u8 = 191;

const CEF_START: &[u8] = b"CEF:0|";

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// How the router wrote the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Topics, one space, the message.
    Default,
    /// A time and the router's identity before the message.
    Syslog,
    /// ArcSight's Common Event Format.
    Cef,
    /// No topics and no header: everything is the message.
    Plain,
}

/// One line and its parts, borrowed from the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// How the router wrote it.
    pub format: Format,
    /// The number of `<PRI>`, 0 to 191: facility * 8 + severity.
    pub priority: Option<u8>,
    /// What the router calls itself, never empty. A claim of the sender, unlike the address it sent from.
    pub identity: Option<&'a [u8]>,
    /// What the line is about; empty in syslog format, unless the router adds them (7.22 and later).
    pub topics: Topics<'a>,
    /// The message as it stands in the line.
    text: &'a [u8],
    /// Only a value of CEF is written with escapes.
    is_escaped: bool,
}

impl<'a> Record<'a> {
    /// Reads `line`, whatever it holds. Allocates nothing.
    pub fn parse(line: &'a [u8]) -> Record<'a> {
        let line = trim_line_end(line);
        let (priority, text) = match split_priority(line) {
            Some((priority, rest)) => (Some(priority), rest),
            None => (None, line),
        };
        if text.starts_with(CEF_START) {
            return Record::from_cef(priority, None, text);
        }
        if let Some((clock, rest)) = split_time(text)
            && let Some((identity, rest)) = split_word(rest)
        {
            // Directly behind the identity and nowhere else. A user name may hold `CEF:0|`, and a failed
            // login must not be able to choose the topics of its own line.
            if rest.starts_with(CEF_START) {
                return Record::from_cef(priority, Some(identity), rest);
            }
            // RouterOS never omits <PRI> here, but relays that write or pass on plain files do. An ISO time
            // is not enough then: the lines of many programs begin with one, and no identity follows it.
            if priority.is_some() || clock == Clock::Bsd {
                let (topics, message) = split_topics(rest).unwrap_or((Topics::NONE, rest));
                return Record {
                    format: Format::Syslog,
                    priority,
                    identity: Some(identity),
                    topics,
                    text: message,
                    is_escaped: false,
                };
            }
        }
        let (format, topics, message) = match split_topics(text) {
            Some((topics, message)) => (Format::Default, topics, message),
            None => (Format::Plain, Topics::NONE, text),
        };
        Record { format, priority, identity: None, topics, text: message, is_escaped: false }
    }

    fn from_cef(priority: Option<u8>, header_word: Option<&'a [u8]>, text: &'a [u8]) -> Record<'a> {
        // A line cut within its header, or some other product's CEF, is told as it stands: nothing is lost.
        let (topics, extension) = split_cef_header(text).unwrap_or((Topics::NONE, text));
        let mut identity = None;
        let mut message = None;
        let mut rest = extension;
        while let Some((key, value, after)) = split_pair(rest) {
            // The first of each counts: a later one comes from text that RouterOS should have escaped.
            match key {
                // Where the line ends, it may have been cut: half a name would be another router's.
                b"dvchost" if after.is_empty() => {}
                b"dvchost" => identity = identity.or(Some(value)),
                b"msg" => message = message.or(Some(value)),
                _ => {}
            }
            rest = after;
        }
        // An identity is borrowed, so one with escapes is read where it has none: in the header.
        let identity = identity.filter(|name| !name.is_empty() && !name.contains(&b'\\')).or(header_word);
        let (text, is_escaped) = message.map_or((extension, false), |value| (value, true));
        Record { format: Format::Cef, priority, identity, topics, text, is_escaped }
    }

    /// What the router said, without the line's CR and LF. Leading spaces are kept, for they mark a line
    /// that continues the one before. A logging rule's prefix (`core1: message`) is kept too: nothing tells
    /// it from a message that has a colon of its own.
    ///
    /// Made when it is asked for: most lines fire nothing, and removing the escapes of CEF takes memory.
    pub fn message(&self) -> Cow<'a, [u8]> {
        if self.is_escaped { unescape(self.text) } else { Cow::Borrowed(self.text) }
    }

    /// Whether this line is the output of a container, which may be ourselves: RouterOS can log what a
    /// container prints, and a rule that matched it would print again.
    pub fn is_from_container(&self) -> bool {
        self.topics.contains(b"container")
    }
}

/// A comma list of topics: a set, since RouterOS keeps no order. Each is one or more of `a-z`, `0-9` and `-`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Topics<'a>(&'a [u8]);

impl<'a> Topics<'a> {
    const NONE: Topics<'static> = Topics(b"");

    /// Whether `topic` is one of them: the whole word, in lower case.
    pub fn contains(&self, topic: &[u8]) -> bool {
        self.iter().any(|own| own == topic)
    }

    /// Each topic, in the order of the line.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.0.split(|byte| *byte == b',').filter(|topic| !topic.is_empty())
    }

    /// Whether the line had none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The list as the router wrote it, commas included.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// In which of the two ways a router can be set to write the time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clock {
    Bsd,
    Iso,
}

/// Takes `<PRI>` off the front.
fn split_priority(line: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = split_digits(line.strip_prefix(b"<")?)?;
    let rest = rest.strip_prefix(b">")?;
    // At most three digits, none of them a leading zero (RFC 3164, 4.1.1): `<0010>: user x …` is how a PPPoE
    // line begins, once somebody has removed its topics.
    if digits.len() > 3 || matches!(digits, [] | [b'0', _, ..]) {
        return None;
    }
    let value = digits.iter().fold(0_u16, |value, digit| value * 10 + u16::from(digit - b'0'));
    let priority = u8::try_from(value).ok().filter(|priority| *priority <= PRIORITY_MAX)?;
    Some((priority, rest))
}

/// Takes a time and the space after it off the front.
fn split_time(text: &[u8]) -> Option<(Clock, &[u8])> {
    if let Some(rest) = split_bsd_time(text) {
        return Some((Clock::Bsd, rest));
    }
    split_iso_time(text).map(|rest| (Clock::Iso, rest))
}

/// `Oct  2 17:36:35 `; a relay may have unpadded the day.
fn split_bsd_time(text: &[u8]) -> Option<&[u8]> {
    let (month, rest) = text.split_first_chunk::<3>()?;
    if !MONTHS.contains(&month) {
        return None;
    }
    [b" 99 99:99:99 ".as_slice(), b"  9 99:99:99 ", b" 9 99:99:99 "]
        .iter()
        .find_map(|shape| strip_shape(rest, shape))
}

/// `2025-11-22T21:24:35.265-0500 `: RouterOS writes milliseconds, and an offset without colon.
fn split_iso_time(text: &[u8]) -> Option<&[u8]> {
    let rest = strip_shape(text, b"9999-99-99T99:99:99")?;
    let rest = match rest.strip_prefix(b".") {
        Some(fraction) => split_digits(fraction)?.1,
        None => rest,
    };
    [b"Z ".as_slice(), b"+9999 ", b"-9999 ", b"+99:99 ", b"-99:99 "]
        .iter()
        .find_map(|shape| strip_shape(rest, shape))
}

/// Takes text like `shape` off the front, where `9` stands for any digit and all else for itself.
fn strip_shape<'a>(text: &'a [u8], shape: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(shape.len())?;
    let has_shape = head.iter().zip(shape).all(|(byte, wanted)| match wanted {
        b'9' => byte.is_ascii_digit(),
        _ => byte == wanted,
    });
    has_shape.then_some(rest)
}

/// The digits at the front, maybe none, and the rest.
fn split_digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    text.split_at_checked(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

/// The word at the front, and what follows the one space after it.
fn split_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b' ')?;
    let word = text.get(..end).filter(|word| !word.is_empty())?;
    Some((word, text.get(end + 1..)?))
}

/// Takes topics and the one space after them off the front.
///
/// RouterOS never sends one topic alone: there is always a severity beside it, or a second subject
/// (`lte,async`). So a first word without a comma is a word of the message, as in `login failure for …`.
fn split_topics(text: &[u8]) -> Option<(Topics<'_>, &[u8])> {
    let end = text.iter().position(|byte| !is_topic_byte(*byte) && *byte != b',').unwrap_or(text.len());
    let (list, rest) = text.split_at_checked(end)?;
    // A line may end here: an empty message, whose space was trimmed on its way through a file.
    let message = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
    let is_list = list.contains(&b',') && is_topic_list(list);
    is_list.then_some((Topics(list), message))
}

fn is_topic_list(list: &[u8]) -> bool {
    list.split(|byte| *byte == b',')
        .all(|topic| !topic.is_empty() && topic.iter().copied().all(is_topic_byte))
}

fn is_topic_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}

/// The topics and the extension of a CEF line, if its header is complete and names topics.
fn split_cef_header(text: &[u8]) -> Option<(Topics<'_>, &[u8])> {
    let (_vendor, rest) = split_field(text.strip_prefix(CEF_START)?)?;
    let (_product, rest) = split_field(rest)?;
    let (_version, rest) = split_field(rest)?;
    let (_id, rest) = split_field(rest)?;
    let (name, rest) = split_field(rest)?;
    let (_severity, extension) = split_field(rest)?;
    (name.is_empty() || is_topic_list(name)).then_some((Topics(name), extension))
}

/// One field of a CEF header, and what follows its `|`. In a field, `\|` and `\\` stand for `|` and `\`.
fn split_field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut is_escaped = false;
    let end = text.iter().position(|byte| {
        let ends_field = *byte == b'|' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends_field
    })?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// Takes one `key=value` off the front of a CEF extension: key, value still escaped, and the pairs after it.
fn split_pair(extension: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let equals = extension.iter().position(|byte| *byte == b'=')?;
    let key = extension.get(..equals)?.rsplit(|byte| *byte == b' ').next()?;
    let value = extension.get(equals + 1..)?;
    let end = find_value_end(value);
    Some((key, value.get(..end)?, value.get(end + 1..).unwrap_or_default()))
}

/// A value may hold spaces. It ends at the last space before the next `key=` whose `=` is not escaped.
///
/// One pass, which remembers where the current word began: looking back from each `=` instead would let a
/// sender of many `=` make us read the line once for each.
fn find_value_end(value: &[u8]) -> usize {
    let mut is_escaped = false;
    // The space before the current word, for as long as that word may be a key.
    let mut space = None;
    for (at, byte) in value.iter().enumerate() {
        match byte {
            _ if is_escaped => (is_escaped, space) = (false, None),
            b'\\' => (is_escaped, space) = (true, None),
            b' ' => space = Some(at),
            b'=' => match space {
                Some(space) if at > space + 1 => return space,
                _ => space = None,
            },
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => {}
            _ => space = None,
        }
    }
    value.len()
}

/// Undoes the escapes of a CEF value: `\=`, `\\`, and `\n`, `\r` for line breaks. Any other backslash was
/// never escaped, and stays.
fn unescape(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'\\') {
        return Cow::Borrowed(value);
    }
    let mut text = Vec::with_capacity(value.len());
    let mut rest = value;
    loop {
        let (byte, after) = match rest {
            [] => break,
            [b'\\', b'n', after @ ..] => (b'\n', after),
            [b'\\', b'r', after @ ..] => (b'\r', after),
            [b'\\', byte @ (b'=' | b'\\'), after @ ..] => (*byte, after),
            [byte, after @ ..] => (*byte, after),
        };
        text.push(byte);
        rest = after;
    }
    if text.len() == value.len() { Cow::Borrowed(value) } else { Cow::Owned(text) }
}
