//! Listens to routers and tells people.

pub mod record;
pub mod rules;
pub mod timestamp;
