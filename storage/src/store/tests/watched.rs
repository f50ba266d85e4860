//! Who watches is told of each flush and each merge that has ended, well or not, and of nothing else.

use super::*;
use crate::disk::Fault;
use crate::upkeep::told::{UpkeepDone, UpkeepKind};

/// The kind, the dataset, events and segments that went in and came out, and whether it failed.
type Told = (UpkeepKind, String, [u64; 4], bool);

fn told(done: &UpkeepDone<'_>) -> Told {
    let wrote = done.wrote;
    assert!(done.began == START && (wrote.bytes_out > 0) == (wrote.events_out > 0), "{done:?}");
    let numbers = [wrote.events_in, wrote.events_out, wrote.segments_in, wrote.segments_out];
    (done.kind, done.dataset.as_str().to_owned(), numbers, done.error.is_some())
}

#[test]
fn flushes_and_merges_are_told() {
    let bench = Bench { upkeep: false, ..Bench::new() };
    let all = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&all);
    let mut settings = bench.settings(Arc::new(bench.disk.clone()));
    settings.watcher = Watcher::new(move |done| kept.lock().unwrap().push(told(done)));
    let store = Store::open(settings).unwrap();
    let news = || std::mem::take(&mut *all.lock().unwrap());

    store.flush().unwrap();
    assert_eq!(news(), [], "there was nothing to do");
    for n in 0..4 {
        append(&store, "shop", n * 10..n * 10 + 10).unwrap();
        store.flush().unwrap();
    }
    assert_eq!(news(), vec![(UpkeepKind::Flush, "shop".to_owned(), [10, 10, 0, 1], false); 4]);
    store.compact().unwrap();
    assert_eq!(news(), [(UpkeepKind::Compaction, "shop".to_owned(), [40, 40, 4, 1], false)]);

    append(&store, "web", 0..3).unwrap();
    bench.disk.fault_from(0, Fault::Full);
    store.flush().unwrap_err();
    assert_eq!(news(), [(UpkeepKind::Flush, "web".to_owned(), [3, 0, 0, 0], true)]);
    bench.disk.heal();
    store.flush().unwrap();
    assert_eq!(news(), [(UpkeepKind::Flush, "web".to_owned(), [3, 3, 0, 1], false)]);
}
