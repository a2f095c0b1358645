//! The variables of a daemon under test, as an operator would set them.

use super::recorder::Recorder;

/// The variables of one daemon, gathered piece by piece; a later value wins.
#[derive(Clone, Default)]
pub(crate) struct Variables {
    set: Vec<(String, String)>,
    events: usize,
}

impl Variables {
    /// None but one: what is tested is each alert by itself, however many they are.
    pub(crate) fn new() -> Variables {
        Variables::default().with("ALERTS_PER_HOUR_MAX", "off")
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Variables {
        self.set.push((name.to_owned(), value.into()));
        self
    }

    /// One more `EVENTn`, for a substring.
    pub(crate) fn substr(self, notifier: &str, text: &str, mask: &str) -> Variables {
        self.event(notifier, "substr", text, mask)
    }

    /// One more `EVENTn`, for a regex.
    pub(crate) fn regex(self, notifier: &str, regex: &str, mask: &str) -> Variables {
        self.event(notifier, "regex", regex, mask)
    }

    fn event(mut self, notifier: &str, match_type: &str, pattern: &str, mask: &str) -> Variables {
        let number = self.events;
        self.events += 1;
        self.with(&format!("EVENT{number}_NOTIFIER"), notifier)
            .with(&format!("EVENT{number}_MATCH_TYPE"), match_type)
            .with(&format!("EVENT{number}_MATCH_STR"), pattern)
            .with(&format!("EVENT{number}_MASK_MSG"), mask)
    }

    pub(crate) fn telegram(self, recorder: &Recorder) -> Variables {
        self.with("TELEGRAM_BOT_TOKEN", "123456:token")
            .with("TELEGRAM_CHAT_ID", "42")
            .with("TELEGRAM_API_URL", recorder.url(""))
    }

    pub(crate) fn slack(self, recorder: &Recorder) -> Variables {
        self.with("SLACK_WEBHOOK_URL", recorder.url("/slack"))
    }

    pub(crate) fn teams(self, recorder: &Recorder) -> Variables {
        self.with("TEAMS_WEBHOOK_URL", recorder.url("/teams"))
    }

    pub(crate) fn discord(self, recorder: &Recorder) -> Variables {
        self.with("DISCORD_WEBHOOK_URL", recorder.url("/discord"))
    }

    pub(crate) fn ntfy(self, recorder: &Recorder) -> Variables {
        self.with("NTFY_URL", recorder.url("/ntfy"))
            .with("NTFY_TOPIC", "topic")
            .with("NTFY_TOKEN", "tk_token")
    }

    pub(crate) fn gotify(self, recorder: &Recorder) -> Variables {
        self.with("GOTIFY_URL", recorder.url("/gotify")).with("GOTIFY_TOKEN", "A.token")
    }

    pub(crate) fn pushover(self, recorder: &Recorder) -> Variables {
        self.with("PUSHOVER_TOKEN", "atoken")
            .with("PUSHOVER_USER", "uuser")
            .with("PUSHOVER_API_URL", recorder.url("/pushover"))
    }

    pub(crate) fn matrix(self, recorder: &Recorder) -> Variables {
        self.with("MATRIX_URL", recorder.url("/"))
            .with("MATRIX_TOKEN", "syt_token")
            .with("MATRIX_ROOM", "!room:matrix.example")
    }

    /// `GENERICn`, `number` from 1 to 4.
    pub(crate) fn generic(self, number: usize, recorder: &Recorder) -> Variables {
        self.with(&format!("GENERIC{number}_WEBHOOK_URL"), recorder.url(&format!("/generic{number}")))
    }

    /// Names and values.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.set.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// On free ports of 127.0.0.1, unless they say otherwise.
    pub(crate) fn on_free_ports(&self) -> Variables {
        let mut variables =
            Variables::new().with("SYSLOG_LISTEN", "127.0.0.1:0").with("HTTP_LISTEN", "127.0.0.1:0");
        variables.set.extend(self.set.iter().cloned());
        variables
    }
}
