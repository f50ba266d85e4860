//! The state of an open store and the changes it goes through: show, freeze, publish.
//!
//! One lock guards what readers see, so that a request is visible entirely or not at all, and so that an event moves
//! from memtable to segment in no time. Files are written outside it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::acknowledged::Acknowledged;
use super::scrub::Scrub;
use super::shared::{Changing, Reading, Shared};
use super::space::SpaceWatch;
use super::{StoreHealth, StoreSettings, open};
use crate::catalog::{Catalog, CatalogImage, DatasetRow, FieldTable, Publication};
use crate::clock::Clock;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName, EventBatch, FieldName, reserved};
use crate::limits::{self, StoreLimits};
use crate::memory::{Memory, Pool, Reservation};
use crate::memtable::{Memtable, StoredBatch};
use crate::overflow::{self, Counted};
use crate::paths::{DataDir, SegmentId};
use crate::segment::cache::FooterCache;
use crate::segment::file::Head;
use crate::segment::footer::store_name;
use crate::segment::reader::Segment;
use crate::segment::writer::{self, ColumnSeen, SegmentPlan};
use crate::segment::{LEVEL_FLUSHED, SegmentInfo};
use crate::snapshot::{DatasetSnapshot, Snapshot};
use crate::upkeep::flush;
use crate::upkeep::retain::Retention;
use crate::upkeep::told::{UpkeepKind, Watched, Watcher};
use crate::wal::frame::FrameBatch;
use crate::wal::reader::WalCondition;
use crate::wal::writer::{Durable, WalState};

/// How often upkeep looks for work when nobody wakes it.
pub(super) const UPKEEP_INTERVAL: Duration = Duration::from_millis(250);
/// How long an append waits for memtable room before it is shed.
const ROOM_WAIT: Duration = if cfg!(test) { Duration::from_millis(100) } else { Duration::from_millis(500) };
/// How long upkeep leaves a disk alone on which a flush has failed.
pub(super) const RETRY_WAIT: Duration = if cfg!(test) { Duration::from_millis(10) } else { Duration::from_secs(2) };

/// Every event of a dropped dataset was meant to go.
const WATERMARK_OF_DROPPED: u64 = i64::MAX as u64;

#[derive(Debug)]
pub(super) struct DatasetState {
    pub(super) id: DatasetId,
    pub(super) name: DatasetName,
    pub(super) memtable: Memtable,
    pub(super) segments: Arc<Vec<Arc<Segment>>>,
    /// Those that cannot be read.
    pub(super) set_aside: Arc<Vec<Arc<Segment>>>,
    pub(super) fields: Arc<FieldTable>,
    /// Every event with a smaller sequence is in a segment.
    watermark: u64,
    cluster_field: Option<String>,
    pub(super) retention: Option<Retention>,
}

impl DatasetState {
    pub(super) fn new(row: &DatasetRow, segments: Vec<Arc<Segment>>, set_aside: Vec<Arc<Segment>>) -> DatasetState {
        DatasetState {
            id: row.id,
            name: row.name.clone(),
            memtable: Memtable::default(),
            segments: Arc::new(segments),
            set_aside: Arc::new(set_aside),
            fields: Arc::new(row.fields.clone()),
            watermark: row.watermark,
            cluster_field: row.cluster_field.clone(),
            retention: row.retention,
        }
    }

    pub(super) fn events(&self) -> u64 {
        let segments: u64 = self.segments.iter().map(|s| s.info().rows).sum();
        segments + self.memtable.batches().iter().map(|b| b.rows() as u64).sum::<u64>()
    }

    /// Those of its segments, in this order.
    pub(super) fn find(&self, ids: &[SegmentId]) -> Vec<Arc<Segment>> {
        ids.iter().filter_map(|id| self.all_segments().find(|s| s.info().id == *id).cloned()).collect()
    }
}

/// What upkeep has done since the start.
#[derive(Debug, Default)]
pub(super) struct UpkeepCounts {
    pub(super) compactions: AtomicU64,
    pub(super) compaction_failures: AtomicU64,
    pub(super) sidecar_failures: AtomicU64,
    pub(super) retired: AtomicU64,
    pub(super) removed_events: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) data_dir: DataDir,
    pub(super) limits: StoreLimits,
    pub(super) store_id: [u8; 16],
    pub(super) wal: Arc<WalState>,
    pub(super) acknowledged: Arc<Acknowledged>,
    /// The number after the last that any event is known to have.
    pub(super) next_sequence: AtomicU64,
    pub(super) next_segment: AtomicU64,
    pub(super) catalog: Mutex<Catalog>,
    datasets: Shared<BTreeMap<DatasetId, DatasetState>>,
    /// Datasets that are gone.
    pub(super) dropped: Mutex<BTreeSet<DatasetId>>,
    /// Datasets of which the catalog does not know whether they are gone.
    pub(super) doubtful: Mutex<BTreeSet<DatasetId>>,
    /// The fields with columns of each dataset that was appended to, those of appends under way included.
    pub(super) names: Mutex<BTreeMap<DatasetId, HashSet<FieldName>>>,
    pub(super) memory: Memory,
    /// What the memtables hold.
    memtables: Reservation,
    /// What the acknowledgements hold.
    pub(super) acknowledgements: Reservation,
    pub(super) space: SpaceWatch,
    footers: Arc<FooterCache>,
    /// One flush at a time.
    pub(super) flushing: Mutex<()>,
    /// One change to segments that are there at a time. Taken before `flushing`.
    pub(super) rewriting: Mutex<()>,
    /// Segments that the catalog no longer lists and somebody may still read.
    pub(super) graveyard: Mutex<Vec<Arc<Segment>>>,
    /// Segments whose publication has failed: whether the catalog will list them after a crash is not known. And segments
    /// that were never published and could not be removed.
    unsure: Mutex<Vec<(DatasetId, SegmentId)>>,
    pub(super) upkeep_counts: UpkeepCounts,
    pub(super) watcher: Watcher,
    /// One trim at a time.
    pub(super) trimming: Mutex<()>,
    pub(super) scrub: Scrub,
    pub(super) wake: (Mutex<bool>, Condvar),
    pub(super) room: (Mutex<()>, Condvar),
    pub(super) stopped: (Mutex<()>, Condvar),
    pub(super) stopping: AtomicBool,
    /// Events that the log loses too early: a mistake that tests plant.
    pub(super) trims_early: AtomicU64,
    flushes: AtomicU64,
    flush_failures: AtomicU64,
    found: Mutex<(WalCondition, Vec<String>)>,
}

pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    pub(super) fn new(
        settings: StoreSettings,
        memory: Memory,
        catalog: Catalog,
        image: &CatalogImage,
        states: Vec<DatasetState>,
        damage: Vec<String>,
        footers: Arc<FooterCache>,
    ) -> Inner {
        let first = states.iter().flat_map(|state| state.set_aside.iter().map(|s| s.info().id)).collect();
        let scrub = Scrub::new(image.scrub, first);
        let (disk, root) = (Arc::clone(&settings.disk), settings.data_dir.root().to_owned());
        Inner {
            space: SpaceWatch::new(disk, root, settings.limits.disk_reserve_bytes),
            memtables: memory.reservation(Pool::Memtables),
            acknowledgements: memory.reservation(Pool::Caches),
            memory,
            footers,
            disk: settings.disk,
            clock: settings.clock,
            data_dir: settings.data_dir,
            limits: settings.limits,
            store_id: image.store_id,
            wal: Arc::default(),
            acknowledged: Acknowledged::new(),
            next_sequence: open::sequence_counter(image),
            next_segment: AtomicU64::new(image.next_segment),
            catalog: Mutex::new(catalog),
            datasets: Shared::new(states.into_iter().map(|s| (s.id, s)).collect()),
            dropped: Mutex::new(image.dropped.keys().copied().collect()),
            doubtful: Mutex::default(),
            names: Mutex::default(),
            flushing: Mutex::new(()),
            rewriting: Mutex::new(()),
            graveyard: Mutex::default(),
            unsure: Mutex::default(),
            upkeep_counts: UpkeepCounts::default(),
            watcher: settings.watcher,
            trimming: Mutex::new(()),
            scrub,
            wake: Default::default(),
            room: Default::default(),
            stopped: Default::default(),
            stopping: AtomicBool::new(false),
            trims_early: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            flush_failures: AtomicU64::new(0),
            found: Mutex::new((WalCondition::default(), damage)),
        }
    }

    /// The dataset's id; a new dataset is made durable first.
    pub(super) fn dataset_id(&self, name: &DatasetName) -> Result<DatasetId, StoreError> {
        self.dataset_id_up_to(name, self.limits.datasets_max)
    }

    /// The same for the dataset that takes what would be one too many.
    pub(super) fn dataset_id_beyond_limit(&self, name: &DatasetName) -> Result<DatasetId, StoreError> {
        self.dataset_id_up_to(name, usize::MAX)
    }

    fn dataset_id_up_to(&self, name: &DatasetName, datasets_max: usize) -> Result<DatasetId, StoreError> {
        let find =
            |datasets: &BTreeMap<DatasetId, DatasetState>| datasets.values().find(|d| d.name == *name).map(|d| d.id);
        let known = find(&self.datasets());
        if let Some(id) = known {
            return self.settled(id);
        }
        // The catalog's lock makes one creator of two that come at once.
        let mut catalog = held(&self.catalog);
        let datasets = self.datasets();
        if let Some(id) = find(&datasets) {
            return Ok(id);
        }
        if datasets.len() >= datasets_max {
            return Err(StoreError::TooManyDatasets(datasets.len()));
        }
        drop(datasets);
        let id = catalog.create_dataset(name, self.clock.now())?;
        let row = DatasetRow {
            id,
            name: name.clone(),
            watermark: 0,
            cluster_field: None,
            retention: None,
            fields: FieldTable::default(),
        };
        let state = DatasetState::new(&row, Vec::new(), Vec::new());
        self.datasets_mut().insert(id, state);
        Ok(id)
    }

    /// The batch with the values of fields that get no column in the overflow column.
    pub(super) fn place_fields(&self, dataset: DatasetId, events: EventBatch) -> Result<EventBatch, StoreError> {
        let without = self.fields_without_column(dataset, &events);
        if without.is_empty() { Ok(events) } else { overflow::fold(events, |field| without.contains(field)) }
    }

    /// The fields of a batch that have no column and get none at sight; the others have one from now on.
    fn fields_without_column(&self, dataset: DatasetId, events: &EventBatch) -> HashSet<FieldName> {
        let at_sight = self.limits.fields_at_sight_max.min(self.limits.fields_max);
        let mut names = held(&self.names);
        let known = names.entry(dataset).or_insert_with(|| self.fields_with_column(dataset));
        let mut without = HashSet::new();
        for field in events.columns().iter().map(|c| &c.field) {
            if known.contains(field) {
                continue;
            }
            let place = if known.len() < at_sight { &mut *known } else { &mut without };
            place.insert(field.clone());
        }
        without
    }

    fn fields_with_column(&self, dataset: DatasetId) -> HashSet<FieldName> {
        let datasets = self.datasets();
        let Some(state) = datasets.get(&dataset) else { return HashSet::new() };
        let given = state.fields.overflow().iter().filter(|(_, entry)| entry.has_column).map(|(name, _)| name.clone());
        let recent = state.memtable.batches();
        let recent = recent.iter().flat_map(|b| b.events().columns()).map(|c| c.field.clone());
        let mut fields: HashSet<FieldName> =
            state.fields.iter().map(|(name, _)| name.clone()).chain(given).chain(recent).collect();
        fields.remove(reserved::OVERFLOW);
        fields
    }

    /// Gives columns to the overflow fields that came often, while there is room.
    fn give_columns(&self, dataset: DatasetId, counted: &Counted, fields: &mut FieldTable) -> Vec<FieldName> {
        let mut names = held(&self.names);
        let known = names.entry(dataset).or_insert_with(|| self.fields_with_column(dataset));
        let mut given = Vec::new();
        for field in counted.frequent(limits::COLUMN_EVENTS_MIN) {
            if known.contains(&field) || known.len() < self.limits.fields_max {
                known.insert(field.clone());
                fields.overflow_mut().give_column(&field);
                given.push(field);
            }
        }
        given
    }

    pub(super) fn watermark(&self, dataset: DatasetId) -> Option<u64> {
        let live = self.datasets().get(&dataset).map(|d| d.watermark);
        live.or_else(|| held(&self.dropped).contains(&dataset).then_some(WATERMARK_OF_DROPPED))
    }

    /// Takes what a frame has made durable: first what is acknowledged with it, because what is shown may be flushed and
    /// its log file removed at any moment.
    pub(super) fn publish_frame(&self, durable: Durable) {
        if !durable.content.acknowledgements.is_empty() {
            self.acknowledged.remember(durable.file, durable.content.acknowledgements, self.clock.now());
            self.acknowledgements.resize(self.acknowledged.memory_bytes());
        }
        self.show(durable.content.batches);
    }

    /// Shows durable batches to readers: all of a frame at once.
    fn show(&self, batches: Vec<FrameBatch>) {
        let stored: Vec<(DatasetId, StoredBatch)> = batches
            .into_iter()
            .map(|b| (b.target.id, StoredBatch::new(b.events, b.first_sequence, b.received)))
            .collect();
        if let Some((_, last)) = stored.last() {
            let next = last.sequence().values().last().map_or(0, |s| s + 1);
            self.next_sequence.fetch_max(next, Ordering::SeqCst);
        }
        let mut datasets = self.datasets_mut();
        let mut wanted = false;
        for (dataset, batch) in stored {
            let Some(state) = datasets.get_mut(&dataset) else { continue };
            self.push(state, batch);
            wanted |= flush::due(&state.memtable, self.clock.now(), &self.limits);
        }
        drop(datasets);
        if wanted {
            self.wake_upkeep();
        }
    }

    pub(super) fn show_one(&self, dataset: DatasetId, batch: StoredBatch) {
        let mut datasets = self.datasets_mut();
        if let Some(state) = datasets.get_mut(&dataset) {
            self.push(state, batch);
        }
    }

    /// Adds to a memtable and to the account of its bytes, which joining batches changes too.
    fn push(&self, state: &mut DatasetState, batch: StoredBatch) {
        let before = state.memtable.memory_bytes();
        if let Err(error) = state.memtable.push(batch) {
            self.note_damage(error.to_string());
        }
        let after = state.memtable.memory_bytes();
        // All pushes hold the lock of the datasets.
        self.memtables.resize(self.memtables.bytes() + after - before);
    }

    /// Waits until the memtables are not full, so long at most; whether they have room.
    pub(super) fn wait_for_room(&self, patience: Duration) -> bool {
        let full = |_: &mut ()| self.memory.is_full(Pool::Memtables) && !self.stopping.load(Ordering::SeqCst);
        if full(&mut ()) {
            self.wake_upkeep();
            drop(self.room.1.wait_timeout_while(held(&self.room.0), patience, full));
        }
        !full(&mut ())
    }

    /// Memory for events on their way into the memtables, waiting a little for it.
    pub(super) fn take_room(&self, bytes: usize) -> Result<Reservation, StoreError> {
        let taken = self.memory.admit(Pool::Memtables, bytes);
        if let Ok(room) = taken {
            return Ok(room);
        }
        self.wake_upkeep();
        let mut room = None;
        let none_yet = |_: &mut ()| {
            room = self.memory.admit(Pool::Memtables, bytes).ok();
            room.is_none() && !self.stopping.load(Ordering::SeqCst)
        };
        drop(self.room.1.wait_timeout_while(held(&self.room.0), ROOM_WAIT, none_yet));
        if self.stopping.load(Ordering::SeqCst) {
            return Err(StoreError::Closed);
        }
        room.ok_or(StoreError::Busy)
    }

    /// Whether the device has space for so many bytes of log.
    pub(super) fn admit_bytes(&self, bytes: u64) -> Result<(), StoreError> {
        self.space.admit(bytes, self.owed_bytes())
    }

    /// Bytes that flushing the memtables may take on the device: what they hold in memory, which is more.
    pub(super) fn owed_bytes(&self) -> u64 {
        self.memory.used(Pool::Memtables) as u64
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let datasets = self.datasets();
        let datasets = datasets.values().map(|state| DatasetSnapshot {
            id: state.id,
            name: state.name.clone(),
            fields: Arc::clone(&state.fields),
            segments: Arc::clone(&state.segments),
            set_aside: Arc::clone(&state.set_aside),
            memtable: state.memtable.batches(),
            overflow_fields_listed_max: self.limits.overflow_fields_listed_max,
        });
        Snapshot { datasets: datasets.collect() }
    }

    /// Wakes those who wait for room, holding its lock, or one who is about to wait would miss it.
    pub(super) fn wake_waiting(&self) {
        let _room = held(&self.room.0);
        self.room.1.notify_all();
    }

    fn wake_upkeep(&self) {
        *held(&self.wake.0) = true;
        self.wake.1.notify_all();
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        drop(held(&self.stopped.0));
        self.stopped.1.notify_all();
        self.wake_upkeep();
        self.wake_waiting();
    }

    pub(super) fn flush(&self, dataset: DatasetId) -> Result<(), StoreError> {
        let _one = held(&self.flushing);
        let mut watched = Watched::new(UpkeepKind::Flush, self.clock.now());
        let flushed = self.flush_locked(dataset, &mut watched);
        match &flushed {
            Ok(()) => self.flushes.fetch_add(1, Ordering::Relaxed),
            Err(_) => {
                let mut datasets = self.datasets_mut();
                if let Some(state) = datasets.get_mut(&dataset) {
                    state.memtable.thaw();
                }
                self.flush_failures.fetch_add(1, Ordering::Relaxed)
            }
        };
        watched.ended(&self.watcher, &flushed);
        flushed
    }

    fn flush_locked(&self, dataset: DatasetId, watched: &mut Watched) -> Result<(), StoreError> {
        let mut datasets = self.datasets_mut();
        let Some(state) = datasets.get_mut(&dataset) else { return Ok(()) };
        let batches = state.memtable.freeze();
        let (name, mut cluster_field) = (state.name.clone(), state.cluster_field.clone());
        let mut fields = FieldTable::clone(&state.fields);
        drop(datasets);
        let Some(last) = batches.iter().filter_map(|b| b.sequence().values().last()).max() else { return Ok(()) };
        let watermark = last + 1;
        watched.dataset = Some(name.clone());
        watched.wrote.events_in = batches.iter().map(|b| b.rows() as u64).sum();
        self.settle_unsure()?;

        if cluster_field.is_none() {
            cluster_field = flush::choose_cluster_field(&batches).map(str::to_owned);
        }
        let folder = self.data_dir.dataset(dataset);
        let made =
            self.disk.create_directory(&folder).and_then(|()| self.disk.sync_directory(&self.data_dir.segments()));
        made.map_err(|e| StoreError::io("create", &folder, e))?;

        let counted = fields.count_overflow(&batches, self.limits.overflow_fields_listed_max);
        let given = self.give_columns(dataset, &counted, &mut fields);
        let mut infos = Vec::new();
        let mut touched = counted.listed;
        touched.extend(given);
        for segment in flush::plan(&batches, cluster_field.as_deref()) {
            if self.stopping.load(Ordering::SeqCst) {
                // The log still has everything; what was written so far is swept at the next start.
                return Err(StoreError::Closed);
            }
            let id = self.next_segment_id();
            let plan = SegmentPlan {
                head: Head {
                    store_id: self.store_id,
                    dataset,
                    dataset_name: &name,
                    id,
                    level: LEVEL_FLUSHED,
                    replaces: Vec::new(),
                    cluster_field: cluster_field.as_deref(),
                },
                batches: &batches,
                rows: &segment.rows,
                columns: flush::columns(&batches, &segment.rows, &mut fields),
            };
            let written = writer::write(&self.disk, &self.data_dir, &plan).and_then(|(info, seen)| {
                self.add_evidence(&info, &|| self.stopping.load(Ordering::SeqCst))?;
                Ok((info, seen))
            });
            let (info, seen) = written.inspect_err(|_| {
                self.remove_segments(dataset, infos.iter().map(|i: &SegmentInfo| i.id).chain([id]));
            })?;
            count(&mut fields, &seen);
            touched.extend(seen.into_iter().map(|s| s.field));
            watched.wrote.add(&info);
            infos.push(info);
        }
        let touched: Vec<FieldName> = touched.into_iter().collect();
        self.publish_in_catalog(&Publication {
            dataset,
            segments: &infos,
            removed: &[],
            watermark,
            cluster_field: cluster_field.as_deref(),
            next_segment: self.next_segment.load(Ordering::SeqCst),
            next_sequence: self.next_sequence.load(Ordering::SeqCst),
            fields: &fields,
            touched: &touched,
        })?;
        self.publish(dataset, infos, watermark, cluster_field, fields);
        self.trim_wal();
        Ok(())
    }

    /// One change of the catalog. After an error the new segments stay: the change may have reached the disk all the same.
    pub(super) fn publish_in_catalog(&self, publication: &Publication<'_>) -> Result<(), StoreError> {
        let published = held(&self.catalog).publish(publication);
        published.inspect_err(|_| {
            held(&self.unsure).extend(publication.segments.iter().map(|info| (info.dataset, info.id)));
        })
    }

    /// Removes the segments of failed publications, once the catalog has proven that it takes changes and does not list
    /// them: every attempt on a full disk would leave a copy otherwise.
    pub(super) fn settle_unsure(&self) -> Result<(), StoreError> {
        let mut unsure = held(&self.unsure);
        if unsure.is_empty() {
            return Ok(());
        }
        let ids: Vec<SegmentId> = unsure.iter().map(|(_, id)| *id).collect();
        let mut catalog = held(&self.catalog);
        catalog.prove(self.next_sequence.load(Ordering::SeqCst))?;
        let listed = catalog.listed(&ids)?;
        drop(catalog);
        unsure.retain(|(dataset, id)| !listed.contains(id) && self.remove_files(*dataset, *id).is_err());
        Ok(())
    }

    /// The same, with nothing left. Whatever is about to end events for good must ask for it: a copy that a failed flush
    /// has left would bring them back to a catalog that is made anew from files.
    pub(super) fn settle_leftovers(&self) -> Result<(), StoreError> {
        self.settle_unsure()?;
        let Some((dataset, id)) = held(&self.unsure).first().copied() else { return Ok(()) };
        let why = std::io::Error::other("a failed flush or merge has left it, and it cannot be removed");
        Err(StoreError::io("remove", &self.data_dir.segment(dataset, id), why))
    }

    /// Removes segments that were never published, so that failing flushes do not fill the disk. What cannot be removed now
    /// is tried again.
    pub(super) fn remove_segments(&self, dataset: DatasetId, ids: impl Iterator<Item = SegmentId>) {
        for id in ids {
            if self.remove_files(dataset, id).is_err() {
                held(&self.unsure).push((dataset, id));
            }
        }
    }

    /// Removes the files of a segment, the note that it is retired last.
    pub(super) fn remove_files(&self, dataset: DatasetId, id: SegmentId) -> std::io::Result<()> {
        let remove = |path: &std::path::Path| match self.disk.remove(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        // What is left half removed looks like what was never finished.
        remove(&self.data_dir.sums(dataset, id))?;
        remove(&self.data_dir.sidecar(dataset, id))?;
        remove(&self.data_dir.segment(dataset, id))?;
        let retired = self.data_dir.retired(dataset, id);
        if self.disk.length(&retired).is_ok() {
            self.disk.sync_directory(&self.data_dir.dataset(dataset))?;
            remove(&retired)?;
        }
        Ok(())
    }

    pub(super) fn next_segment_id(&self) -> SegmentId {
        SegmentId(self.next_segment.fetch_add(1, Ordering::SeqCst))
    }

    pub(super) fn segment(&self, info: SegmentInfo) -> Segment {
        Segment::new(info, Arc::clone(&self.disk), self.data_dir.clone(), &self.footers)
    }

    pub(super) fn datasets(&self) -> Reading<'_, BTreeMap<DatasetId, DatasetState>> {
        self.datasets.read()
    }

    pub(super) fn datasets_mut(&self) -> Changing<'_, BTreeMap<DatasetId, DatasetState>> {
        self.datasets.write()
    }

    /// In one step: the segments are there and the frozen batches are not.
    fn publish(
        &self,
        dataset: DatasetId,
        infos: Vec<SegmentInfo>,
        watermark: u64,
        cluster_field: Option<String>,
        fields: FieldTable,
    ) {
        let new = infos.into_iter().map(|info| Arc::new(self.segment(info)));
        let mut datasets = self.datasets_mut();
        if let Some(state) = datasets.get_mut(&dataset) {
            Arc::make_mut(&mut state.segments).extend(new);
            state.memtable.drop_frozen();
            state.watermark = watermark;
            state.cluster_field = cluster_field;
            state.fields = Arc::new(fields);
        }
        self.account(datasets);
    }

    /// Takes the account of the memtables anew after one has become smaller, and wakes those who wait for that.
    pub(super) fn account(&self, datasets: Changing<'_, BTreeMap<DatasetId, DatasetState>>) {
        let bytes: usize = datasets.values().map(|d| d.memtable.memory_bytes()).sum();
        self.memtables.resize(bytes);
        drop(datasets);
        self.wake_waiting();
    }

    pub(super) fn watermarks(&self) -> BTreeMap<DatasetId, u64> {
        let datasets = self.datasets();
        let live = datasets.values().map(|d| (d.id, d.watermark));
        held(&self.dropped).iter().map(|id| (*id, WATERMARK_OF_DROPPED)).chain(live).collect()
    }

    pub(super) fn note_damage(&self, what: String) {
        held(&self.found).1.push(what);
    }

    /// The store id as footers have it.
    pub(super) fn store_name(&self) -> String {
        store_name(self.store_id)
    }

    /// Leaves the numbers up to `used` to the files that have them.
    pub(super) fn skip_segments(&self, used: Option<SegmentId>) {
        self.next_segment.fetch_max(used.map_or(1, |id| id.0 + 1), Ordering::SeqCst);
    }

    pub(super) fn set_replay(&self, condition: WalCondition) {
        held(&self.found).0 = condition;
    }

    /// Makes the catalog behave as on a full disk, until it is given more pages.
    #[cfg(test)]
    pub(super) fn set_catalog_pages_max(&self, pages: u32) {
        held(&self.catalog).set_pages_max(pages);
    }

    pub(super) fn health(&self) -> StoreHealth {
        let (replay, mut damage) = held(&self.found).clone();
        let (of_segments, damaged_segments, damaged_events) = self.segment_damage();
        damage.extend(of_segments);
        // Before the lock: who reads it twice waits for a writer who waits for the first reading.
        let scrub = self.scrub_health();
        let datasets = self.datasets();
        let segments = || datasets.values().flat_map(|d| d.segments.iter());
        damage.extend(segments().filter_map(|segment| segment.sidecar_damage()));
        StoreHealth {
            ingest_down: self.wal.down.load(Ordering::Relaxed),
            memtable_bytes: self.memtables.bytes() as u64,
            footer_cache_bytes: self.footers.bytes() as u64,
            wal_bytes: self.wal.closed().iter().map(|f| f.bytes).sum(),
            wal_frames_total: self.wal.frames.load(Ordering::Relaxed),
            wal_bytes_total: self.wal.bytes.load(Ordering::Relaxed),
            acknowledgements: self.acknowledged.len() as u64,
            wal_poisoned_files_total: self.wal.poisoned_files.load(Ordering::Relaxed),
            flushes_total: self.flushes.load(Ordering::Relaxed),
            flush_failures_total: self.flush_failures.load(Ordering::Relaxed),
            compactions_total: self.upkeep_counts.compactions.load(Ordering::Relaxed),
            compaction_failures_total: self.upkeep_counts.compaction_failures.load(Ordering::Relaxed),
            sidecar_failures_total: self.upkeep_counts.sidecar_failures.load(Ordering::Relaxed),
            segments_retired_total: self.upkeep_counts.retired.load(Ordering::Relaxed),
            events_removed_total: self.upkeep_counts.removed_events.load(Ordering::Relaxed),
            segments: segments().count() as u64,
            segment_bytes: segments().map(|s| s.info().bytes).sum(),
            damaged_segments,
            damaged_events,
            scrub,
            space: self.space.health(self.owed_bytes()),
            replay,
            damage,
        }
    }
}

fn count(fields: &mut FieldTable, seen: &[ColumnSeen]) {
    for column in seen {
        let range = (column.seen.first, column.seen.last);
        fields.count(&column.field, column.field_type, column.seen.events, range, &column.distinct);
    }
}
