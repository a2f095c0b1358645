//! `_MUTE=22:00-07:00`: hours in which nobody wants to be told.

use std::fmt;

/// From one minute of the local day to another, maybe over midnight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hours {
    from: u16,
    to: u16,
}

impl Hours {
    /// `22:00-07:00`.
    pub(super) fn read(text: &str) -> Option<Hours> {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minute(from)?, minute(to)?);
        (from != to).then_some(Hours { from, to })
    }

    /// True in `minute` of the local day; never while nobody knows it.
    pub(super) fn contain(self, minute: Option<u16>) -> bool {
        let Some(minute) = minute else { return false };
        match self.from < self.to {
            true => (self.from..self.to).contains(&minute),
            false => minute >= self.from || minute < self.to,
        }
    }
}

impl fmt::Display for Hours {
    /// `from 22:00 to 07:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hours { from, to } = self;
        write!(f, "from {:02}:{:02} to {:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |text: &str, max: u16| {
        let is_two = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        is_two.then(|| text.parse::<u16>().ok())?.filter(|n| *n <= max)
    };
    // 24:00 ends a day as 00:00 begins it.
    match number(hour, 24)? * 60 + number(minute, 59)? {
        1440 => Some(0),
        minute => Some(minute).filter(|minute| *minute < 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_go_over_midnight() {
        let check = |text, minute, expected| {
            assert_eq!(Hours::read(text).unwrap().contain(Some(minute)), expected, "{text} {minute}");
        };
        check("22:00-07:00", 22 * 60, true);
        check("22:00-07:00", 6 * 60 + 59, true);
        check("22:00-07:00", 7 * 60, false);
        check("12:00-13:30", 13 * 60 + 29, true);
        check("12:00-13:30", 11 * 60, false);
        check("22:00-24:00", 0, false);
        check("22:00-24:00", 1439, true);
        assert!(!Hours::read("00:00-23:59").unwrap().contain(None));
    }

    #[test]
    fn what_are_no_hours_is_refused() {
        for text in
            ["", "22:00", "22-07", "7:00-8:00", "25:00-07:00", "22:60-07:00", "24:01-07:00", "07:00-07:00"]
        {
            assert_eq!(Hours::read(text), None, "{text}");
        }
    }
}
