//! What memory a line costs between the ring and the senders: none, if it fires nothing.
//!
//! Apart, because it takes the place of the allocator of the whole test binary, to count. It counts
//! by thread, so that the other tests do not disturb it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::time::{Instant, SystemTime};

use alertik::line::Line;
use alertik::record::Record;
use alertik::rules::Effects;
use alertik::settings::Settings;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is handed on to the system's allocator, unchanged.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // While a thread ends its counter is gone, and nothing of it is measured.
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_line_that_fires_nothing_takes_no_memory() {
    let variables = include_str!("../../benches/no_match.env").lines().filter(|line| !line.starts_with('#'));
    let variables = variables.filter_map(|line| line.split_once('='));
    let environment = variables.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let (settings, faults) = Settings::read(environment);
    let mut rules = settings.unwrap_or_else(|| panic!("{:?}", faults.faults)).rules;
    let (now, mut effects) = ((Instant::now(), SystemTime::now()), Effects::default());
    let corpus = include_str!("../corpus/routeros_lines.txt").lines().filter(|line| !line.starts_with('#'));
    let from = Ipv4Addr::new(192, 168, 88, 1).into();
    let lines: Vec<Line> = corpus.map(|line| Line::from_datagram(line.as_bytes(), from, now.0).0).collect();
    let mut observe = |line: &Line| {
        let before = COUNT.get();
        rules.observe(line, &Record::parse(&line.bytes), now, &mut effects);
        assert!(effects.alerts.is_empty());
        COUNT.get() - before
    };
    // Automata are built as lines need them, once.
    lines.iter().for_each(|line| _ = observe(line));
    for line in &lines {
        assert_eq!(observe(line), 0, "{}", String::from_utf8_lossy(&line.bytes));
    }
}
