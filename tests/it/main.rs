//! What the parts do together, seen from outside. One binary: linking once is
//! faster than ten times.

#[cfg(test)]
mod allocations;
mod binary;
mod cases;
mod cases_hooks;
mod commands;
mod corpus;
#[cfg(test)]
mod daemon;
mod day;
#[cfg(test)]
mod encryption;
mod faults;
#[cfg(test)]
mod image;
mod oracle;
#[cfg(test)]
mod page;
mod pages;
#[cfg(test)]
mod routeros;
#[cfg(test)]
mod static_binaries;
#[cfg(test)]
mod support;
mod tidy;
#[cfg(test)]
mod troubles;
