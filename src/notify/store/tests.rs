//! A disk that fails, and is back.

use super::*;
use crossbeam_channel::unbounded;

fn open(path: &Path, report: Reporter) -> (Arc<Store>, [Arc<Queue>; 1]) {
    let names = ["A".to_owned()];
    let (store, _) = Store::open(path, names, Zone::utc(), Arc::default(), report).unwrap();
    let store = Arc::new(store);
    let queue = Queue::new("A".to_owned(), Some((Arc::clone(&store), 0)), false);
    (store, [Arc::new(queue)])
}

fn alert(text: &str) -> Arc<Alert> {
    let now = (Instant::now(), SystemTime::now());
    let mut alert = Alert::own(text.to_owned(), &Zone::utc(), Arc::new([DestinationId(0)]), now);
    alert.rule = "EVENT0".into();
    Arc::new(alert)
}

fn tell(queue: &Queue) -> Option<String> {
    let held = queue.try_take()?;
    queue.settle(&held.receipt, true);
    Some(held.alert.text.clone())
}

#[test]
fn at_the_end_a_disk_that_failed_a_moment_ago_is_tried_once_more() {
    let path = std::env::temp_dir().join(format!("alertik-store-end-{}", std::process::id()));
    let (store, queues) = open(&path, Arc::new(drop));
    store.keep(vec![], vec![alert("1"), alert("2")], &queues, Duration::ZERO);
    assert_eq!(tell(&queues[0]).as_deref(), Some("1"));
    store.lock().failed_at = Some(Instant::now());
    // Not written: the disk has just failed.
    assert_eq!(tell(&queues[0]).as_deref(), Some("2"));
    store.finish(&queues);
    drop((store, queues));
    let (store, queues) = open(&path, Arc::new(drop));
    assert_eq!((tell(&queues[0]), store.owed(0)), (None, 0));
    std::fs::remove_dir_all(&path).unwrap();
}

#[test]
fn what_a_failed_disk_left_in_memory_goes_there_in_order_when_it_is_back() {
    let parent = std::env::temp_dir().join(format!("alertik-store-{}", std::process::id()));
    let path = parent.join("state");
    let (report, reports) = unbounded();
    let (store, queues) = open(&path, Arc::new(move |said| _ = report.send(said)));
    store.keep(vec![], vec![alert("1"), alert("2")], &queues, Duration::ZERO);
    store.keep(vec![], vec![alert("3")], &queues, Duration::ZERO);
    let said: Vec<_> = reports.try_iter().collect();
    assert!(
        matches!(&said[..], [Report::Disk { trouble }] if trouble.contains("make its folder")),
        "{said:?}"
    );
    assert_eq!(tell(&queues[0]).as_deref(), Some("1"));

    std::fs::create_dir(&parent).unwrap();
    // Not tried again so soon.
    store.keep(vec![], vec![alert("4")], &queues, RETRY);
    assert_eq!((store.owed(0), queues[0].left().in_memory), (0, 3));
    store.keep(vec![], vec![alert("5")], &queues, Duration::ZERO);
    assert_eq!((store.owed(0), queues[0].left().in_memory), (4, 0));
    assert_eq!(tell(&queues[0]).as_deref(), Some("2"));
    drop((store, queues));

    let (store, queues) = open(&path, Arc::new(drop));
    let told: Vec<_> = std::iter::from_fn(|| tell(&queues[0])).collect();
    std::fs::remove_dir_all(&parent).unwrap();
    assert_eq!((told, store.owed(0)), (vec!["3".to_owned(), "4".to_owned(), "5".to_owned()], 0));
    assert_eq!(reports.try_iter().count(), 0);
}
