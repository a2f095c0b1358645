//! The crash test: killed 200 times at any moment, with a receiver that fails now and then.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::daemon::Daemon;
use crate::support::recorder::{Answer, Recorder};
use crate::support::variables::Variables;
use crate::support::{DEADLINE, TempFolder};

const KILLS: usize = 200;
const ALERTS_PER_LIFE: usize = 10;

/// Numbers that look like chance (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

/// Numbers of the alerts that the receiver has taken, in order.
type Told = Arc<Mutex<Vec<usize>>>;

fn number(text: &str) -> usize {
    text.trim_start_matches("line ").parse().unwrap()
}

/// True if each of `numbers` is on the disk, or told and so perhaps no longer there.
fn are_kept(state: &str, told: &Told, numbers: std::ops::Range<usize>) -> bool {
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(state).into_iter().flatten().flatten() {
        // It may be removed just now.
        bytes.extend(std::fs::read(file.path()).unwrap_or_default());
    }
    let disk = String::from_utf8_lossy(&bytes);
    let told: BTreeSet<_> = told.lock().unwrap().iter().copied().collect();
    // Behind the text comes the length of the suffix, which is nothing.
    numbers.clone().all(|number| told.contains(&number) || disk.contains(&format!("line {number}\0")))
}

#[test]
fn killed_at_any_moment_it_tells_every_alert_in_order_and_hardly_one_twice() {
    let seed = RandomState::new().build_hasher().finish() | 1;
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let (folder, told) = (TempFolder::new(), Told::default());
    let state = folder.path("state");
    let (taken, mut whim) = (Arc::clone(&told), Chance(seed ^ 0x5eed));
    let is_over = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&is_over);
    let recorder = Recorder::scripted(move |request| match whim.below(40) {
        0 if !is_well.load(Ordering::Relaxed) => Answer::status(503),
        1 if !is_well.load(Ordering::Relaxed) => Answer::Hang,
        _ => {
            taken.lock().unwrap().push(number(&request.text()));
            Answer::accepting(request)
        }
    });
    let variables = Variables::new()
        .generic(1, &recorder)
        .regex("Generic1", "line ([0-9]+)", "line @1")
        .with("ALERT_SUFFIX", "")
        .with("SELF_NOTIFIER", "Console")
        .with("HTTP_LISTEN", "off")
        .with("STATE_DIR", &state);
    let mut sure = BTreeSet::new();
    let mut next = 0;
    for _ in 0..KILLS {
        let daemon = Daemon::start(&variables);
        let numbers = next..next + ALERTS_PER_LIFE;
        for number in numbers.clone() {
            daemon.send(format!("system,info line {number}"));
        }
        next = numbers.end;
        let deadline = Instant::now() + DEADLINE;
        while !are_kept(&state, &told, numbers.clone()) {
            assert!(Instant::now() < deadline, "{numbers:?} are not on the disk: {}", daemon.printed());
            thread::yield_now();
        }
        sure.extend(numbers);
        // It dies after any number of deliveries, or soon if there are none, and then at any
        // moment; while it writes, too.
        let until = told.lock().unwrap().len() + chance.below(2 * ALERTS_PER_LIFE);
        let soon = Instant::now() + Duration::from_millis(50);
        while told.lock().unwrap().len() < until && Instant::now() < soon {
            thread::yield_now();
        }
        for _ in 0..chance.below(4) {
            daemon.send(format!("system,info line {next}"));
            next += 1;
        }
        thread::sleep(Duration::from_micros(chance.below(1500) as u64));
        drop(daemon);
    }
    let all_told = |told: &Told| sure.is_subset(&told.lock().unwrap().iter().copied().collect());
    // What is left by now comes to one that is well, and is killed no more.
    is_over.store(true, Ordering::Relaxed);
    let daemon = Daemon::start(&variables);
    let deadline = Instant::now() + DEADLINE;
    while !all_told(&told) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    println!("{}", daemon.printed());
    let told = told.lock().unwrap();
    let mut first = BTreeSet::new();
    for number in &*told {
        if !first.contains(number) {
            assert!(first.last().is_none_or(|last| last < number), "{number} came out of order");
            first.insert(*number);
        }
    }
    let repeats = told.len() - first.len();
    println!("{} alerts told, {repeats} of them twice, in {KILLS} kills", first.len());
    assert!(sure.is_subset(&first), "lost: {:?}", sure.difference(&first));
    assert!(repeats <= KILLS, "{repeats}");
}
