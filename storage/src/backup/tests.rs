//! A backup has everything that was acknowledged before it, whatever happens meanwhile, and is what is restored.

mod busy;
mod damage;
mod faults;
mod generations;
mod model;
mod refusals;
mod whole;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::check;
use crate::clock::OwnedClock;
use crate::disk::{Disk, FailingDisk, RealDisk};
use crate::error::StoreError;
use crate::event::DatasetName;
use crate::limits::StoreLimits;
use crate::paths::DataDir;
use crate::store::{Store, StoreSettings};
use crate::testing::{self, Numbered, START, Value, event};

/// A data directory, a directory of backups, and places to restore them to.
struct Bench {
    directory: tempfile::TempDir,
    clock: Arc<OwnedClock>,
    limits: StoreLimits,
    upkeep: bool,
}

/// What a store holds, by dataset.
type Content = BTreeMap<String, Vec<Numbered>>;

impl Bench {
    fn new() -> Bench {
        Bench {
            directory: tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap(),
            clock: Arc::new(OwnedClock::new(START)),
            limits: StoreLimits::default(),
            upkeep: false,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn data_dir(&self) -> DataDir {
        DataDir::new(self.path("data"))
    }

    fn backups(&self) -> PathBuf {
        self.path("backups")
    }

    fn open_at(&self, data_dir: DataDir) -> Result<Store, StoreError> {
        Store::open(StoreSettings {
            limits: self.limits.clone(),
            clock: self.clock.clone(),
            upkeep: self.upkeep,
            ..StoreSettings::new(data_dir)
        })
    }

    fn open(&self) -> Store {
        self.open_at(self.data_dir()).unwrap()
    }

    fn try_backup(&self, disk: Arc<dyn Disk>) -> Result<BackupReport, StoreError> {
        backup(&self.data_dir(), &self.backups(), 3, &disk, &*self.clock, |_, _| ())
    }

    /// A backup with which nothing is wrong.
    fn backup(&self) -> BackupReport {
        let report = self.try_backup(Arc::new(RealDisk)).unwrap();
        assert_eq!((&report.problems, self.verify()), (&vec![], vec![]));
        report
    }

    fn verify(&self) -> Vec<String> {
        verify(&self.backups(), &real(), |_, _| ()).unwrap()
    }

    fn try_restore(&self, generation: Option<u64>, to: &str) -> Result<RestoreReport, StoreError> {
        restore(&self.backups(), generation, &DataDir::new(self.path(to)), &real(), |_, _| ())
    }

    /// Restores a backup with which nothing is wrong, and says what is in it.
    fn restored(&self, generation: Option<u64>) -> Content {
        let (store, directory) = self.restored_store(generation);
        let content = content(&store);
        drop(store);
        let checked = check::check(&DataDir::new(directory.path()), |_, _| ()).unwrap();
        assert_eq!(checked.problems, [""; 0]);
        content
    }

    fn restored_store(&self, generation: Option<u64>) -> (Store, tempfile::TempDir) {
        let directory = tempfile::tempdir_in(self.directory.path()).unwrap();
        let to = DataDir::new(directory.path());
        let report = restore(&self.backups(), generation, &to, &real(), |_, _| ()).unwrap();
        assert_eq!(report.problems, [""; 0]);
        let store = self.open_at(to).unwrap();
        assert_eq!(store.health().damage, [""; 0]);
        (store, directory)
    }

    /// Files below the directory of the backups.
    fn files(&self, below: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        walk(&self.backups().join(below), &mut files);
        files
    }
}

fn real() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for path in RealDisk.list(directory).unwrap() {
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

fn content(store: &Store) -> Content {
    let snapshot = store.snapshot();
    snapshot.datasets.iter().map(|dataset| (dataset.name.to_string(), testing::all(dataset))).collect()
}

fn ids(content: &Content, dataset: &str) -> Vec<i64> {
    let id = |numbered: &Numbered| match numbered.event.fields["id"] {
        Value::Integer(id) => id,
        ref other => panic!("{other:?}"),
    };
    content.get(dataset).into_iter().flatten().map(id).collect()
}

fn name(text: &str) -> DatasetName {
    DatasetName::new(text).unwrap()
}

fn append(store: &Store, dataset: &str, ids: std::ops::Range<i64>) {
    let made = |id| event(START + id * 1_000, &[("id", Value::Integer(id)), ("text", Value::text(&format!("n {id}")))]);
    store.append(vec![(name(dataset), testing::batch(&ids.map(made).collect::<Vec<_>>()))]).unwrap();
}

/// Merged, flushed and logged events of two datasets.
fn fill(store: &Store) {
    for part in 0..4 {
        append(store, "shop", part * 10..part * 10 + 10);
        append(store, "web", part * 10..part * 10 + 3);
        store.flush().unwrap();
    }
    store.compact().unwrap();
    append(store, "shop", 40..45);
    store.flush().unwrap();
    append(store, "shop", 45..50);
    append(store, "late", 0..2);
}

/// Turns a bit of a file.
fn flip(path: &Path, byte: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[byte] ^= 1;
    std::fs::write(path, bytes).unwrap();
}
