//! Carries steps out on the real store: a data directory, a disk that fails, a clock that is owned.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use roaring::RoaringBitmap;

use super::model::{self, Model, made};
use super::saved::Backups;
use crate::clock::{Clock, OwnedClock};
use crate::disk::{Disk, DiskFile, FailingDisk, Fault, Space};
use crate::event::DatasetName;
use crate::limits::StoreLimits;
use crate::paths::{DataDir, SegmentId};
use crate::repair;
use crate::snapshot::DatasetSnapshot;
use crate::store::{Store, StoreSettings};
use crate::testing::{self, Numbered, START};
use crate::upkeep::retain::Retention;
use crate::upkeep::told::Watcher;
use crate::{Segment, StoreError};

pub(super) const DATASETS: [&str; 3] = ["red", "green", "blue"];
pub(super) const SECOND: i64 = 1_000_000_000;

/// A mistake that the simulation must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Planted {
    /// The log is acknowledged without an fsync.
    LogWithoutSync,
    /// Segments are published before they are on disk.
    SegmentWithoutSync,
    /// A log file goes while its last frame is in no segment.
    TrimmedEarly,
    /// A backup counts before its files are on disk.
    BackupWithoutSync,
}

impl Planted {
    pub(super) const ALL: [Planted; 4] =
        [Planted::LogWithoutSync, Planted::SegmentWithoutSync, Planted::TrimmedEarly, Planted::BackupWithoutSync];
}

pub(super) struct World {
    pub(super) random: fastrand::Rng,
    pub(super) directory: tempfile::TempDir,
    pub(super) disk: FailingDisk,
    pub(super) clock: Arc<OwnedClock>,
    limits: StoreLimits,
    pub(super) planted: Option<Planted>,
    store: Option<Store>,
    store_id: Option<[u8; 16]>,
    pub(super) model: Model,
    pub(super) backups: Backups,
    talk: bool,
}

impl World {
    pub(super) fn new(seed: u64, planted: Option<Planted>, talk: bool) -> World {
        let mut random = fastrand::Rng::with_seed(seed);
        let limits = StoreLimits {
            wal_file_bytes_max: random.usize(1..4_000),
            flush_age_seconds_max: random.u64(1..100),
            flush_bytes_max: random.usize(2_000..100_000),
            // Events have up to three fields.
            fields_max: random.usize(1..5),
            overflow_fields_listed_max: random.usize(0..3),
            ..StoreLimits::default()
        };
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let disk = FailingDisk::new();
        let clock = Arc::new(OwnedClock::new(START));
        let (store, model, backups) = (None, Model::default(), Backups::default());
        let store_id = None;
        let mut world =
            World { random, directory, disk, clock, limits, planted, store, store_id, model, backups, talk };
        world.start();
        world
    }

    pub(super) fn say(&self, what: impl FnOnce() -> String) {
        if self.talk {
            println!("{}", what());
        }
    }

    pub(super) fn data_dir(&self) -> DataDir {
        DataDir::new(self.directory.path().join("data"))
    }

    pub(super) fn settings(&self) -> StoreSettings {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let disk: Arc<dyn Disk> = match self.planted {
            Some(Planted::LogWithoutSync) => Arc::new(Unsynced { disk: self.disk.clone(), suffix: ".wal" }),
            Some(Planted::SegmentWithoutSync) => Arc::new(Unsynced { disk: self.disk.clone(), suffix: ".parquet" }),
            _ => Arc::new(self.disk.clone()),
        };
        StoreSettings {
            data_dir: self.data_dir(),
            limits: self.limits.clone(),
            disk,
            clock,
            upkeep: false,
            repair: true,
            tell: |_| (),
            watcher: Watcher::nobody(),
        }
    }

    /// Opens the store, however often the disk fails meanwhile, and judges what it holds.
    fn start(&mut self) {
        let store = match Store::open(self.settings()) {
            Ok(store) => store,
            Err(error) => {
                self.say(|| format!("  start failed: {error}"));
                self.disk.heal();
                Store::open(self.settings()).unwrap_or_else(|e| panic!("the store does not start: {e}"))
            }
        };
        if self.planted == Some(Planted::TrimmedEarly) {
            store.trim_early(12);
        }
        let is_new = self.store_id.replace(store.id()).is_some_and(|before| before != store.id());
        if is_new {
            self.backups.begin_anew();
        }
        let mut damage = store.health().damage;
        damage.retain(|note| !(is_new && note.contains("this is a new store")));
        assert_eq!(damage, [""; 0], "damage after a start");
        self.store = Some(store);
        for dataset in 0..DATASETS.len() {
            let held = self.held(dataset);
            self.model.judge(dataset, &held);
            self.model.settle(dataset, &held);
        }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn dataset(&self, dataset: usize) -> Option<DatasetSnapshot> {
        self.store().snapshot().dataset(DATASETS[dataset]).cloned()
    }

    fn held(&self, dataset: usize) -> Vec<Numbered> {
        self.dataset(dataset).as_ref().map(testing::all).unwrap_or_default()
    }

    fn judge(&self) {
        for dataset in 0..DATASETS.len() {
            self.model.judge(dataset, &self.held(dataset));
        }
    }

    pub(super) fn step(&mut self) {
        match self.random.u32(0..100) {
            0..37 => self.append(),
            37..40 => self.back_up(),
            40..55 => self.flush(),
            55..65 => self.compact(),
            65..69 => self.retain(),
            69..73 => self.remove(),
            73..74 => self.drop_dataset(),
            74..80 => self.clock.advance(self.random.i64(1..2_000) * SECOND),
            80..90 => self.plant_fault(),
            90..95 => self.crash(false),
            95..98 => self.crash(true),
            _ => self.lose_catalog(),
        }
        if self.random.u32(0..4) == 0 {
            self.judge();
        }
    }

    /// A sound end: nothing is left of what failed.
    pub(super) fn end(&mut self) {
        self.disk.heal();
        self.crash(false);
        self.judge_backups();
        self.store().flush().unwrap();
        self.store().compact().unwrap();
        self.judge();
        let segments = self.store().health().segments as usize;
        let mut left = [0; 4];
        walk(&self.data_dir().segments(), &mut |path| {
            let kinds = ["parquet", "sums", "index", "retired"];
            let kind = kinds.iter().position(|kind| path.extension().is_some_and(|e| e == *kind));
            kind.into_iter().for_each(|kind| left[kind] += 1);
        });
        let asked = self.judge_evidence();
        assert_eq!(left, [segments, segments, asked, 0], "files are left that nobody needs");
    }

    /// No sidecar is damaged or denies what is there; how many there are.
    fn judge_evidence(&self) -> usize {
        let snapshot = self.store().snapshot();
        let segments = snapshot.datasets.iter().flat_map(|dataset| dataset.segments.iter());
        let asked = segments.filter(|segment| {
            let events = testing::read(&segment.open().unwrap()).unwrap();
            testing::check_evidence(segment, &events)
        });
        let asked = asked.count();
        assert_eq!(self.store().health().damage, [""; 0]);
        asked
    }

    fn append(&mut self) {
        let dataset = self.random.usize(0..DATASETS.len());
        let events = if self.random.u32(0..10) == 0 { self.random.i64(60..200) } else { self.random.i64(1..12) };
        let request = self.model.begin(dataset, events);
        let ids = self.model.requests[request].ids.clone();
        let batch = testing::batch(&ids.clone().map(made).collect::<Vec<_>>());
        let answer = self.store().append(vec![(DatasetName::new(DATASETS[dataset]).unwrap(), batch)]);
        self.say(|| format!("append {ids:?} to {}: {:?}", DATASETS[dataset], answer.as_ref().map(|r| r.events())));
        if answer.is_ok() {
            self.model.acknowledged(request);
        }
    }

    fn flush(&mut self) {
        let done = self.store().flush();
        self.say(|| format!("flush: {done:?}"));
    }

    fn compact(&mut self) {
        let done = self.store().compact();
        self.say(|| format!("compact: {done:?}"));
    }

    fn retain(&mut self) {
        let dataset = self.random.usize(0..DATASETS.len());
        let Some(snapshot) = self.dataset(dataset) else { return };
        let age = self.random.u64(0..3 * 86_400);
        let policy = Retention { age_seconds_max: Some(age), bytes_max: None };
        if self.store().set_retention(snapshot.id, Some(policy)).is_err() {
            return;
        }
        let now = self.clock.now();
        let gone = |e: &&Numbered| (now - e.event.time.max(e.received.min(now))) / SECOND > age as i64;
        let expired: Vec<i64> = testing::all(&snapshot).iter().filter(gone).map(model::id).collect();
        drop(snapshot);
        self.model.expired(expired.into_iter());
        let done = self.store().retain();
        self.say(|| format!("retain {age} s: {done:?}"));
        let store = self.store();
        let snapshot = store.snapshot();
        store.set_retention(snapshot.dataset(DATASETS[dataset]).unwrap().id, None).unwrap();
    }

    fn remove(&mut self) {
        let dataset = self.random.usize(0..DATASETS.len());
        let (divisor, rest) = (self.random.i64(1..9), self.random.i64(0..3));
        let chosen = move |id: i64| id % divisor == rest;
        if self.store().flush().is_err() {
            return;
        }
        let Some(id) = self.dataset(dataset).map(|d| d.id) else { return };
        let ids: Vec<i64> = self.held(dataset).iter().map(model::id).filter(|id| chosen(*id)).collect();
        let places = || Ok(places(&self.dataset(dataset).unwrap(), chosen));
        let done: Result<u64, StoreError> = self.store().remove_rows(id, places, &|| false);
        self.say(|| format!("remove {ids:?} from {}: {done:?}", DATASETS[dataset]));
        match done {
            Ok(removed) => {
                assert_eq!(removed, ids.len() as u64);
                self.model.removed(&ids);
            }
            Err(_) => {
                self.judge();
                // It was wished for: a catalog rebuilt from files may have it half done.
                self.model.expired(ids.into_iter());
            }
        }
    }

    fn drop_dataset(&mut self) {
        let dataset = self.random.usize(0..DATASETS.len());
        let Some(id) = self.dataset(dataset).map(|d| d.id) else { return };
        let ids: Vec<i64> = self.held(dataset).iter().map(model::id).collect();
        let done = self.store().drop_dataset(id);
        self.say(|| format!("drop {} with {ids:?}: {done:?}", DATASETS[dataset]));
        match done {
            Ok(dropped) => {
                assert_eq!((dropped, self.held(dataset).len()), (ids.len() as u64, 0));
                // A log file that could not be removed yet has them still, for whoever loses the catalog now.
                let in_log = self.store().health().wal_bytes > 0;
                if in_log { self.model.expired(ids.into_iter()) } else { self.model.removed(&ids) }
            }
            Err(_) => {
                self.judge();
                self.model.expired(ids.into_iter());
            }
        }
    }

    fn plant_fault(&mut self) {
        let after = self.random.u64(0..20);
        let fault = [Fault::Error, Fault::Torn, Fault::Full][self.random.usize(0..3)];
        let lasting = self.random.bool();
        self.say(|| format!("{fault:?} after {after} operations, lasting: {lasting}"));
        match self.random.u32(0..3) {
            0 => self.disk.heal(),
            _ if lasting => self.disk.fault_from(after, fault),
            _ => self.disk.fault(after, fault),
        }
    }

    fn crash(&mut self, power_cut: bool) {
        self.say(|| format!("crash, power cut: {power_cut}"));
        self.store = None;
        if power_cut {
            self.disk.cut_power().unwrap();
        } else if self.random.bool() {
            self.disk.heal();
        }
        if self.random.u32(0..8) == 0 {
            self.back_up();
        }
        self.start();
    }
}

impl World {
    /// Ends the store somehow, takes its catalog away, and has it rebuilt.
    fn lose_catalog(&mut self) {
        let power_cut = self.random.bool();
        self.say(|| format!("crash without a catalog, power cut: {power_cut}"));
        self.store = None;
        if power_cut {
            self.disk.cut_power().unwrap();
        }
        for suffix in ["", "-wal", "-shm"] {
            let mut path = self.data_dir().catalog().into_os_string();
            path.push(suffix);
            let _absent = std::fs::remove_file(path);
        }
        if self.random.bool() {
            // The start rebuilds it.
            return self.start();
        }
        let repaired = repair::repair(self.settings(), |_, _| ()).or_else(|error| {
            self.say(|| format!("  repair failed: {error}"));
            self.disk.heal();
            repair::repair(self.settings(), |_, _| ())
        });
        match repaired {
            Ok(report) => assert_eq!(report.problems, [""; 0]),
            // What begins now is another store.
            Err(StoreError::NothingToRepair { .. }) => {}
            Err(error) => panic!("repair failed: {error}"),
        }
        self.start();
    }
}

/// Where the chosen events of a dataset's segments are.
fn places(dataset: &DatasetSnapshot, chosen: impl Fn(i64) -> bool) -> BTreeMap<SegmentId, RoaringBitmap> {
    let rows = |segment: &Arc<Segment>| {
        let events = testing::read(&segment.open().unwrap()).unwrap();
        let rows = events.iter().enumerate().filter(|(_, e)| chosen(model::id(e))).map(|(row, _)| row as u32);
        (segment.info().id, rows.collect())
    };
    dataset.segments.iter().map(rows).collect()
}

/// Shows every file below a directory.
fn walk(directory: &Path, each: &mut impl FnMut(&Path)) {
    for path in std::fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()) {
        if path.is_dir() { walk(&path, each) } else { each(&path) }
    }
}

/// A disk that only says that files with this suffix are synced.
#[derive(Debug)]
pub(super) struct Unsynced {
    pub(super) disk: FailingDisk,
    pub(super) suffix: &'static str,
}

struct UnsyncedFile(Box<dyn DiskFile>);

impl DiskFile for UnsyncedFile {
    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Disk for Unsynced {
    fn create(&self, path: &Path) -> std::io::Result<Box<dyn DiskFile>> {
        let file = self.disk.create(path)?;
        let unsynced = path.to_string_lossy().ends_with(self.suffix);
        Ok(if unsynced { Box::new(UnsyncedFile(file)) } else { file })
    }

    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        self.disk.read(path)
    }

    fn read_range(&self, path: &Path, offset: u64, length: usize) -> std::io::Result<Vec<u8>> {
        self.disk.read_range(path, offset, length)
    }

    fn map(&self, path: &Path) -> std::io::Result<Bytes> {
        self.disk.map(path)
    }

    fn length(&self, path: &Path) -> std::io::Result<u64> {
        self.disk.length(path)
    }

    fn list(&self, directory: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
        self.disk.list(directory)
    }

    fn sync_file(&self, path: &Path) -> std::io::Result<()> {
        self.disk.sync_file(path)
    }

    fn remove(&self, path: &Path) -> std::io::Result<()> {
        self.disk.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        self.disk.rename(from, to)
    }

    fn create_directory(&self, path: &Path) -> std::io::Result<()> {
        self.disk.create_directory(path)
    }

    fn sync_directory(&self, directory: &Path) -> std::io::Result<()> {
        self.disk.sync_directory(directory)
    }

    fn space(&self, directory: &Path) -> std::io::Result<Space> {
        self.disk.space(directory)
    }
}
