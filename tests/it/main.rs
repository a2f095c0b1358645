//! What the parts do together, seen from outside. One binary: linking once is
//! faster than ten times.

mod binary;
mod cases;
mod commands;
mod corpus;
mod faults;
mod oracle;
mod tidy;
