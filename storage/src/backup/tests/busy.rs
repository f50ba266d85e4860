//! The store goes on while it is being saved: it takes events, flushes, merges, retires, removes and drops.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::*;
use crate::disk::{DiskFile, Space};
use crate::upkeep::retain::Retention;

/// Something that happens to the store.
type Happening = Box<dyn FnOnce() + Send>;

/// A disk at whose operations something happens.
struct Meddling {
    /// Operations until then, and what.
    next: Mutex<(u64, Option<Happening>)>,
}

impl std::fmt::Debug for Meddling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meddling")
    }
}

impl Meddling {
    fn step(&self) {
        let mut next = self.next.lock().unwrap();
        match next.0.checked_sub(1) {
            Some(left) => next.0 = left,
            None => next.1.take().into_iter().for_each(|happening| happening()),
        }
    }
}

impl Disk for Meddling {
    fn create(&self, path: &Path) -> std::io::Result<Box<dyn DiskFile>> {
        self.step();
        RealDisk.create(path)
    }

    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        RealDisk.read(path)
    }

    fn read_range(&self, path: &Path, offset: u64, length: usize) -> std::io::Result<Vec<u8>> {
        RealDisk.read_range(path, offset, length)
    }

    fn map(&self, path: &Path) -> std::io::Result<bytes::Bytes> {
        RealDisk.map(path)
    }

    fn length(&self, path: &Path) -> std::io::Result<u64> {
        RealDisk.length(path)
    }

    fn list(&self, directory: &Path) -> std::io::Result<Vec<PathBuf>> {
        self.step();
        RealDisk.list(directory)
    }

    fn remove(&self, path: &Path) -> std::io::Result<()> {
        RealDisk.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        self.step();
        RealDisk.rename(from, to)
    }

    fn sync_file(&self, path: &Path) -> std::io::Result<()> {
        self.step();
        RealDisk.sync_file(path)
    }

    fn create_directory(&self, path: &Path) -> std::io::Result<()> {
        RealDisk.create_directory(path)
    }

    fn sync_directory(&self, directory: &Path) -> std::io::Result<()> {
        RealDisk.sync_directory(directory)
    }

    fn space(&self, directory: &Path) -> std::io::Result<Space> {
        RealDisk.space(directory)
    }
}

/// Lets something happen at every operation of a backup, one after the other.
fn meddle(happening: impl Fn(&Store) + Send + Sync + Copy + 'static, verify: impl Fn(&Content, &Content)) {
    for n in 0.. {
        let bench = Bench::new();
        let store = Arc::new(bench.open());
        fill(&store);
        let before = content(&store);
        let own = Arc::clone(&store);
        let disk = Arc::new(Meddling { next: Mutex::new((n, Some(Box::new(move || happening(&own))))) });
        let report = bench.try_backup(Arc::clone(&disk) as _).unwrap();
        assert_eq!((report.problems, bench.verify()), (vec![], vec![]), "after {n}");
        verify(&before, &bench.restored(None));
        if disk.next.lock().unwrap().1.is_some() {
            assert!(n > 10);
            return;
        }
    }
}

#[test]
fn merges_change_nothing() {
    meddle(
        |store| {
            store.flush().unwrap();
            append(store, "shop", 50..55);
            store.flush().unwrap();
            store.compact().unwrap();
        },
        |before, saved| {
            let all = ids(saved, "shop");
            assert!(*saved == *before || all == (0..55).collect::<Vec<_>>());
        },
    );
}

#[test]
fn a_dataset_that_is_dropped_meanwhile_is_saved_whole_or_not_at_all() {
    meddle(
        |store| assert_eq!(store.drop_dataset(store.dataset(&name("shop")).unwrap().id).unwrap(), 50),
        |before, saved| {
            assert!(saved.get("shop").is_none_or(|held| *held == before["shop"]));
            assert_eq!((&saved["web"], &saved["late"]), (&before["web"], &before["late"]));
        },
    );
}

#[test]
fn what_is_retired_or_removed_meanwhile_is_saved_whole_or_not_at_all() {
    meddle(
        |store| {
            let web = store.dataset(&name("web")).unwrap().id;
            store.set_retention(web, Some(Retention { age_seconds_max: None, bytes_max: Some(0) })).unwrap();
            store.retain().unwrap();
            let snapshot = store.snapshot();
            let shop = snapshot.dataset("shop").unwrap();
            let first = shop.segments.iter().map(|s| s.info().id).min().unwrap();
            let rows = || Ok([(first, [0].into_iter().collect())].into());
            let removed: Result<u64, StoreError> = store.remove_rows(shop.id, rows, &|| false);
            assert_eq!(removed.unwrap(), 1);
        },
        |before, saved| {
            assert!(saved["web"].is_empty() || saved["web"] == before["web"]);
            assert!([49, 50].contains(&saved["shop"].len()), "{}", saved["shop"].len());
            assert_eq!(saved["late"], before["late"]);
        },
    );
}

#[test]
fn everything_that_was_acknowledged_before_is_in_it() {
    let limits = StoreLimits { flush_bytes_max: 20_000, wal_file_bytes_max: 5_000, ..StoreLimits::default() };
    let bench = Bench { upkeep: true, limits, ..Bench::new() };
    let store = bench.open();
    append(&store, "shop", 0..1);
    let (acknowledged, stop) = (AtomicI64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for id in 1.. {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                append(&store, "shop", id * 5 - 4..id * 5 + 1);
                acknowledged.store(id * 5, Ordering::SeqCst);
                if id % 50 == 0 {
                    store.compact().unwrap();
                }
            }
        });
        let saved: Vec<i64> = (0..12)
            .map(|_| {
                let before = acknowledged.load(Ordering::SeqCst);
                let taken = bench.try_backup(real()).unwrap();
                assert_eq!(taken.problems, [""; 0]);
                let saved = ids(&bench.restored(None), "shop");
                let last = *saved.last().unwrap();
                assert!(last >= before, "{last} of {before}");
                assert_eq!(saved, (0..=last).collect::<Vec<_>>());
                assert_eq!(last % 5, 0, "a request is there whole");
                last
            })
            .collect();
        stop.store(true, Ordering::SeqCst);
        assert!(saved.last() > saved.first(), "it went on meanwhile");
    });
}

/// More segments than are opened at once.
#[test]
fn many_segments_are_copied_one_after_the_other() {
    let bench = Bench::new();
    let store = bench.open();
    for id in 0..90 {
        append(&store, "shop", id..id + 1);
        store.flush().unwrap();
    }
    let report = bench.backup();
    assert_eq!((report.segments_copied, report.rounds), (90, 2));
    assert_eq!(bench.restored(None), content(&store));
}
