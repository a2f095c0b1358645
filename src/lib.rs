//! Listens to routers and tells people.

pub mod rules;
