//! How much stack a thread gets.
//!
//! Apart, because every thread is sized on purpose, from what it uses at worst, and the profiler comes to each of
//! them uninvited.

/// A signal's handler runs on the stack of whatever thread it interrupts. The profiler's walks that stack and
/// copies 128 frames a few times over: 40 KiB in a debug build, and the processor's registers besides.
const HANDLER_BYTES: usize = if cfg!(feature = "pprof") { 128 * 1024 } else { 0 };

/// The stack of a thread that needs `bytes` for what it does itself.
pub fn bytes(bytes: usize) -> usize {
    bytes + HANDLER_BYTES
}
