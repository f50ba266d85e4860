//! The store as its callers know it: what is acknowledged is there, once, whatever happens.

mod aside;
mod believed;
mod checked;
mod compaction;
mod crash;
mod damage;
mod dropping;
mod evidence;
mod flips;
mod flow;
mod flushing;
mod leftovers;
mod once;
mod overflow;
mod pressure;
mod removal;
mod repair;
mod rotation;
mod scrub;
mod space;
mod watched;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::*;
use crate::clock::OwnedClock;
use crate::disk::FailingDisk;
use crate::testing::{self, Event, Numbered, START, Value, event};

/// A data directory and what a test opens it with.
struct Bench {
    directory: tempfile::TempDir,
    disk: FailingDisk,
    clock: Arc<OwnedClock>,
    limits: StoreLimits,
    /// Whether the store does its upkeep by itself.
    upkeep: bool,
}

impl Bench {
    fn new() -> Bench {
        Bench {
            directory: directory(),
            disk: FailingDisk::new(),
            clock: Arc::new(OwnedClock::new(START)),
            limits: StoreLimits::default(),
            upkeep: true,
        }
    }

    fn with_limits(limits: StoreLimits) -> Bench {
        Bench { limits, ..Bench::new() }
    }

    fn data_dir(&self) -> DataDir {
        DataDir::new(self.directory.path().join("data"))
    }

    fn settings(&self, disk: Arc<dyn Disk>) -> StoreSettings {
        let clock: Arc<dyn Clock> = self.clock.clone();
        StoreSettings {
            data_dir: self.data_dir(),
            limits: self.limits.clone(),
            disk,
            clock,
            upkeep: self.upkeep,
            repair: false,
            tell: |_| (),
            watcher: Watcher::nobody(),
        }
    }

    /// Opens the store on the failing disk.
    fn try_open(&self) -> Result<Store, StoreError> {
        Store::open(self.settings(Arc::new(self.disk.clone())))
    }

    fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    /// Opens the store on the machine's disk.
    fn open_real(&self) -> Store {
        Store::open(self.settings(Arc::new(RealDisk))).unwrap()
    }

    /// Every file below the directory but SQLite's own, and a hash of its content.
    fn files(&self) -> BTreeMap<PathBuf, u64> {
        let mut files = BTreeMap::new();
        collect(self.data_dir().root(), &mut files);
        files.retain(|path, _| !path.to_string_lossy().contains("catalog.sqlite-"));
        files
    }

    /// Every file below the directory but the lock.
    fn all_files(&self) -> Vec<PathBuf> {
        let mut files = BTreeMap::new();
        collect(self.data_dir().root(), &mut files);
        files.into_keys().filter(|path| *path != self.data_dir().lock()).collect()
    }

    fn wal_files(&self) -> Vec<PathBuf> {
        RealDisk.list(&self.data_dir().wal()).unwrap()
    }

    /// The files of all segments.
    fn segment_files(&self) -> Vec<PathBuf> {
        self.files().into_keys().filter(|p| p.starts_with(self.data_dir().segments())).collect()
    }
}

/// A directory in memory where there is such a thing: these tests ask for thousands of fsyncs and for none that counts.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn collect(directory: &Path, files: &mut BTreeMap<PathBuf, u64>) {
    for path in RealDisk.list(directory).unwrap() {
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.insert(path.clone(), xxhash_rust::xxh3::xxh3_64(&std::fs::read(&path).unwrap()));
        }
    }
}

fn name(text: &str) -> DatasetName {
    DatasetName::new(text).unwrap()
}

/// An event that is told apart by `id`.
fn tagged(id: i64) -> Event {
    let service = ["cart", "shop", "find"][(id % 3) as usize];
    event(START + id * 1_000, &[("id", Value::Integer(id)), ("service.name", Value::text(service))])
}

fn request(dataset: &str, ids: std::ops::Range<i64>) -> (DatasetName, EventBatch) {
    (name(dataset), testing::batch(&ids.map(tagged).collect::<Vec<_>>()))
}

fn append(store: &Store, dataset: &str, ids: std::ops::Range<i64>) -> Result<Receipt, StoreError> {
    store.append(vec![request(dataset, ids)])
}

/// The same under a batch id that is told apart by `id`; the body is made of the events' ids.
fn append_once(store: &Store, id: &str, dataset: &str, ids: std::ops::Range<i64>) -> Result<Once, StoreError> {
    let outcome = Outcome { accepted: ids.clone().count() as u32, rejected: 1, details: id.as_bytes().to_vec() };
    let id = batch_id(store, id, dataset, &ids);
    store.append_once(&id, vec![request(dataset, ids)], outcome)
}

fn batch_id(store: &Store, id: &str, dataset: &str, ids: &std::ops::Range<i64>) -> BatchId {
    store.batch_id("somebody", &name(dataset), id, format!("{ids:?}").as_bytes())
}

/// The events of a dataset by sequence; none if there is no such dataset.
fn content(store: &Store, dataset: &str) -> Vec<Numbered> {
    content_of(&store.snapshot(), dataset)
}

fn content_of(snapshot: &Snapshot, dataset: &str) -> Vec<Numbered> {
    snapshot.dataset(dataset).map(testing::all).unwrap_or_default()
}

fn id(numbered: &Numbered) -> i64 {
    match numbered.event.fields["id"] {
        Value::Integer(id) => id,
        ref other => panic!("{other:?}"),
    }
}

/// The ids of a dataset's events in the order of their sequences; each event is as it was sent.
fn ids(store: &Store, dataset: &str) -> Vec<i64> {
    let content = content(store, dataset);
    assert!(content.windows(2).all(|pair| pair[0].sequence < pair[1].sequence), "a sequence is there twice");
    assert!(content.iter().all(|e| e.event == tagged(id(e))), "an event has changed");
    content.iter().map(id).collect()
}

/// Turns a bit of a file as it is on the disk; what is mapped stays as it was.
fn flip(path: &Path, byte: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[byte] ^= 1;
    let turned = path.with_extension("turned");
    std::fs::write(&turned, bytes).unwrap();
    std::fs::rename(turned, path).unwrap();
}

/// Waits for something that another thread does.
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
    }
}
