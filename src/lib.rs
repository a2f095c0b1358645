//! Listens to routers and tells people.
