//! What the operator asked for, and whether a line is it.

pub mod ere;
