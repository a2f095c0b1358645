//! What somebody has written for us: `{"text": …}` or `{"title": …, "message": …}`.
//!
//! ```json
//! {"title": "Backup", "message": "The disk is full", "priority": "high"}
//! ```

use super::text::Text;
use super::{Message, Payload};
use crate::alert::Priority;

pub(super) fn read(payload: &Payload<'_>) -> Option<Message> {
    let said = payload.text("text").or_else(|| payload.text("message"))?;
    let mut text = Text::default();
    text.line_if(payload.text("title"));
    text.line(&said);
    let word = payload.text("priority").unwrap_or_default();
    let named = Priority::NAMES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
    let priority = match named {
        Some((_, priority)) => *priority,
        None => super::priority_of(payload.text("severity").as_deref()),
    };
    Some(Message { text: text.finish(), priority })
}
