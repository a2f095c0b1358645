//! What the parts do together, seen from outside.

#[cfg(test)]
mod support;
