//! The tests that need more than one module, or a program that is not ours.

#[cfg(test)]
mod oracle;
