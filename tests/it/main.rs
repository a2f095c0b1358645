//! What the parts do together, seen from outside. One binary: linking once is
//! faster than ten times.

mod corpus;
#[cfg(test)]
mod daemon;
mod oracle;
#[cfg(test)]
mod support;
