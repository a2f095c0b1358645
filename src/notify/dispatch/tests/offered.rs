//! What a sender of alerts that can keep them is answered.

use super::*;
use crate::hook::Taken;
use std::fs;

/// What became of an alert that was offered.
fn offer(dispatch: &Dispatch, alert: Alert) -> Option<Taken> {
    let (done, answer) = unbounded();
    dispatch.offer(alert, Box::new(move |taken| _ = done.send(taken)));
    answer.recv_timeout(PATIENCE).ok()
}

/// True if some file of the folder holds `text`.
fn is_on_disk(folder: &Path, text: &str) -> bool {
    let files = fs::read_dir(folder).unwrap().filter_map(|entry| fs::read(entry.unwrap().path()).ok());
    files.into_iter().any(|bytes| memchr::memmem::find(&bytes, text.as_bytes()).is_some())
}

#[test]
fn what_can_be_brought_again_costs_no_other_alert_its_place() {
    let ((hanging, _, answer), (other, texts, _)) = (scripted(), scripted());
    let (dispatch, stats) = start(vec![hanging, other], PATIENCE);
    let taken = (0..2 * QUEUE_ALERTS_MAX).map(|_| offer(&dispatch, alert("a", 2)));
    let kept = taken.take_while(|taken| *taken == Some(Taken::Kept)).count();
    // As many as there is memory for.
    assert!((1_000..=QUEUE_ALERTS_MAX + 1).contains(&kept), "{kept}");
    assert_eq!((offer(&dispatch, alert("b", 2)), stats.alerts_evicted.count()), (Some(Taken::NoRoom), 0));
    drop(answer);
    stop(dispatch, PATIENCE);
    // What was refused was refused to all.
    assert_eq!(texts.iter().collect::<String>(), "a".repeat(kept));
}

#[test]
fn what_is_called_kept_is_on_the_disk() {
    let folder = folder("offered");
    let (destination, _texts, answer) = scripted();
    let (dispatch, ..) = start_in(Some(&folder), vec![destination], PATIENCE);
    let (done, answers) = unbounded();
    let place = folder.clone();
    let look = move |taken| _ = done.send((taken, is_on_disk(&place, "the words of it")));
    assert!(!is_on_disk(&folder, "the words of it"));
    dispatch.offer(alert("the words of it", 1), Box::new(look));
    assert_eq!(answers.recv_timeout(PATIENCE), Ok((Taken::Kept, true)));
    drop(answer);
    stop(dispatch, PATIENCE);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_full_disk_of_alerts_takes_no_more_that_can_be_brought_again() {
    let folder = folder("offered-full");
    let (destination, _texts, answer) = scripted();
    let (dispatch, stats, _) = start_in(Some(&folder), vec![destination], 100 * PATIENCE);
    // 4 MiB are 256 of these.
    let text = "x".repeat(16 * 1024);
    let taken = (0..400).map(|_| offer(&dispatch, alert(&text, 1)));
    let kept = taken.take_while(|taken| *taken == Some(Taken::Kept)).count();
    assert!((200..256).contains(&kept), "{kept}");
    assert_eq!(stats.alerts_evicted.count(), 0);
    // Told: there is room again.
    drop(answer);
    let deadline = Instant::now() + PATIENCE;
    while stats.deliveries.delivered.count() < kept && Instant::now() < deadline {
        thread::yield_now();
    }
    assert_eq!(offer(&dispatch, alert("a", 1)), Some(Taken::Kept));
    stop(dispatch, PATIENCE);
    fs::remove_dir_all(folder).unwrap();
}
