//! The front door: open, append, snapshot, close.
//!
//! Appends go to the WAL writer's thread and come back with a [`Receipt`]; readers take a [`Snapshot`]; a thread of the
//! store's own turns memtables into segments. It must not know what the events mean or how they arrived.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use roaring::RoaringBitmap;

use crate::acknowledgement::{BatchId, Once, Outcome};
use crate::clock::{Clock, SystemClock};
use crate::disk::{Disk, RealDisk};
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName, EventBatch};
use crate::limits::{self, StoreLimits};
use crate::machine;
use crate::memory::{Ceilings, Memory, Pool, Reservation};
use crate::memtable::StoredBatch;
use crate::paths::{DataDir, SegmentId};
use crate::snapshot::Snapshot;
use crate::upkeep::retain::Retention;
use crate::upkeep::told::Watcher;
use crate::wal::block;
use crate::wal::frame::{EncodedBatch, Target};
use crate::wal::reader::WalCondition;
use crate::wal::writer::{Append, AppendBatch, Receipt, Request, WalWriter};

mod acknowledged;
mod aside;
mod datasets;
mod evidence;
mod inner;
mod load;
mod open;
mod recount;
mod replace;
mod scrub;
mod shared;
mod space;
mod sweep;
#[cfg(test)]
mod tests;
mod threads;
mod trim;

use acknowledged::{Claim, Known};
pub use datasets::DatasetInfo;
use inner::Inner;
pub(crate) use open::{lock as lock_for_check, take_log};
pub use scrub::{ScrubHealth, ScrubStep};
pub use space::SpaceHealth;
pub(crate) use sweep::{Leftover, list};

/// What a store needs to open.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    pub data_dir: DataDir,
    pub limits: StoreLimits,
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    /// Whether the store flushes, merges, retires and scrubs by itself. Without, it does so when it is told, as tests need it.
    pub upkeep: bool,
    /// Whether a catalog that is gone, damaged or half rebuilt is rebuilt at start.
    pub repair: bool,
    /// Called with what the operator should know as soon as the store does.
    pub tell: fn(&str),
    /// Told of each flush and each merge.
    pub watcher: Watcher,
}

impl StoreSettings {
    /// The machine's disk and clock, and default limits.
    pub fn new(data_dir: DataDir) -> StoreSettings {
        StoreSettings {
            data_dir,
            limits: StoreLimits::default(),
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock),
            upkeep: true,
            repair: true,
            tell: |_| (),
            watcher: Watcher::nobody(),
        }
    }
}

/// Numbers and conditions for `/readyz` and `/metrics`.
#[derive(Clone, Debug, Default)]
pub struct StoreHealth {
    /// No WAL file can be opened: nothing can be acknowledged.
    pub ingest_down: bool,
    pub memtable_bytes: u64,
    pub footer_cache_bytes: u64,
    pub wal_bytes: u64,
    pub wal_frames_total: u64,
    pub wal_bytes_total: u64,
    pub wal_poisoned_files_total: u64,
    /// Acknowledgements of requests with an id that are known.
    pub acknowledgements: u64,
    pub flushes_total: u64,
    pub flush_failures_total: u64,
    pub compactions_total: u64,
    pub compaction_failures_total: u64,
    pub sidecar_failures_total: u64,
    pub segments_retired_total: u64,
    pub events_removed_total: u64,
    pub segments: u64,
    pub segment_bytes: u64,
    /// Segments that cannot be read, and the events in them: answers lack those.
    pub damaged_segments: u64,
    pub damaged_events: u64,
    pub scrub: ScrubHealth,
    pub space: SpaceHealth,
    /// What start-up found in the log.
    pub replay: WalCondition,
    /// What was found missing or damaged, in words.
    pub damage: Vec<String>,
}

/// Events on their way into the log. Dropping it gives up the receipt, not the events.
#[derive(Debug)]
pub struct Submitted {
    inner: Arc<Inner>,
    /// None if there was nothing to make durable. The memory is held until the memtable accounts for the events itself.
    pending: Option<(Receiver<Result<Receipt, StoreError>>, Reservation)>,
    /// Others with the same id wait for it.
    _claim: Option<Claim>,
}

impl Submitted {
    /// Blocks until an fsync covers the events.
    pub fn wait(self) -> Result<Receipt, StoreError> {
        match &self.pending {
            Some((answer, _)) => answer.recv().map_err(|_| StoreError::Closed)?,
            None => Ok(Receipt::nothing()),
        }
    }
}

impl Drop for Submitted {
    fn drop(&mut self) {
        if self.pending.take().is_some() {
            self.inner.wake_waiting();
        }
    }
}

/// What becomes of a request that may have been sent before.
#[derive(Debug)]
pub enum Begun {
    Submitted(Submitted),
    /// It was acknowledged already, with this outcome.
    Repeated(Outcome),
}

/// The memory of a store that shares it with nobody.
fn own_memory(limits: &StoreLimits) -> Result<Memory, StoreError> {
    let ceilings = Ceilings::cut(usize::MAX, &[(Pool::Memtables, limits.memtable_bytes_max)], 0);
    ceilings.map(Memory::new).map_err(|e| StoreError::Bug(e.to_string()))
}

/// An open data directory. Dropping it without [`Store::close`] is like a crash: nothing acknowledged is lost.
#[derive(Debug)]
pub struct Store {
    inner: Arc<Inner>,
    queue: Mutex<Option<SyncSender<Request>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    _lock: File,
}

impl Store {
    /// Opens the directory, replays its log, and starts the store's threads. The memory is the store's own.
    pub fn open(settings: StoreSettings) -> Result<Store, StoreError> {
        let memory = own_memory(&settings.limits)?;
        Store::open_within(settings, memory)
    }

    /// As [`Store::open`], within an account of memory that others draw on too. Its ceiling for memtables is the limit.
    pub fn open_within(settings: StoreSettings, memory: Memory) -> Result<Store, StoreError> {
        let lock = open::lock(&settings.data_dir)?;
        let (background, tell) = (settings.upkeep, settings.tell);
        let inner = Arc::new(open::open_repaired(settings, memory)?);
        let writer = WalWriter::new(
            Arc::clone(&inner.disk),
            Arc::clone(&inner.clock),
            inner.data_dir.clone(),
            inner.store_id,
            inner.next_sequence.load(Ordering::SeqCst),
            inner.space.wal_file_bytes_max(inner.limits.wal_file_bytes_max),
            Arc::clone(&inner.wal),
        );
        let (queue, requests) = sync_channel(limits::APPEND_QUEUE_REQUESTS);
        let shown = Arc::clone(&inner);
        let wal = spawn("outcrop-wal", move || writer.run(&requests, |durable| shown.publish_frame(durable)))?;
        let mut threads = vec![wal];
        if background {
            let (flushing, merging) = (Arc::clone(&inner), Arc::clone(&inner));
            threads.push(spawn("outcrop-upkeep", move || {
                machine::give_way(limits::FLUSH_NICENESS);
                flushing.run_upkeep();
            })?);
            threads.push(spawn("outcrop-compaction", move || {
                machine::give_way(limits::COMPACTION_NICENESS);
                merging.run_compaction();
            })?);
            let scrubbing = Arc::clone(&inner);
            threads.push(spawn("outcrop-scrub", move || {
                machine::give_way(limits::COMPACTION_NICENESS);
                scrubbing.run_scrub(tell);
            })?);
        }
        Ok(Store { inner, queue: Mutex::new(Some(queue)), threads: Mutex::new(threads), _lock: lock })
    }

    /// Makes the batches durable and visible, all of them or none, and returns when that is done.
    ///
    /// Blocks for an fsync, and a little longer while the memtable is full ([`StoreError::Busy`] after that).
    pub fn append(&self, batches: Vec<(DatasetName, EventBatch)>) -> Result<Receipt, StoreError> {
        self.submit(batches)?.wait()
    }

    /// The part of [`Store::append`] that takes processor time: the batches are encoded and in the queue of the log when it
    /// returns. They are acknowledged by [`Submitted::wait`] and by nothing else.
    pub fn submit(&self, batches: Vec<(DatasetName, EventBatch)>) -> Result<Submitted, StoreError> {
        self.submit_with_overflow(batches, None)
    }

    /// Like [`Store::submit`]; events of datasets that cannot be made because there are too many go to `overflow`, which can
    /// always be made.
    pub fn submit_with_overflow(
        &self,
        batches: Vec<(DatasetName, EventBatch)>,
        overflow: Option<&DatasetName>,
    ) -> Result<Submitted, StoreError> {
        let (batches, room) = self.prepare(batches, overflow)?;
        if batches.is_empty() {
            return Ok(Submitted { inner: Arc::clone(&self.inner), pending: None, _claim: None });
        }
        self.enqueue(batches, room, None, None)
    }

    /// The same, for a request that may be sent again: it is stored once, and `outcome` is what its sender is told each
    /// time. While a request of the same id is under way, this waits for it. A request that failed may be sent again.
    pub fn append_once(
        &self,
        id: &BatchId,
        batches: Vec<(DatasetName, EventBatch)>,
        outcome: Outcome,
    ) -> Result<Once, StoreError> {
        match self.submit_once(id, batches, outcome)? {
            Begun::Submitted(submitted) => submitted.wait().map(Once::Stored),
            Begun::Repeated(outcome) => Ok(Once::Repeated(outcome)),
        }
    }

    /// To [`Store::append_once`] what [`Store::submit`] is to [`Store::append`].
    pub fn submit_once(
        &self,
        id: &BatchId,
        batches: Vec<(DatasetName, EventBatch)>,
        mut outcome: Outcome,
    ) -> Result<Begun, StoreError> {
        let claim = match self.inner.acknowledged.claim(id, || self.inner.clock.now())? {
            Known::Acknowledged(outcome) => return Ok(Begun::Repeated(outcome)),
            Known::Nothing(claim) => claim,
        };
        if outcome.details.len() > limits::ACKNOWLEDGEMENT_DETAILS_BYTES_MAX {
            outcome.details.clear();
        }
        let (batches, room) = self.prepare(batches, None)?;
        self.enqueue(batches, room, Some((*id, outcome)), Some(claim)).map(Begun::Submitted)
    }

    /// The identity of a request: who sent which body under which id to which dataset.
    pub fn batch_id(&self, principal: &str, dataset: &DatasetName, id: &str, body: &[u8]) -> BatchId {
        BatchId::new(self.inner.store_id, principal, dataset, id, body)
    }

    /// What became of a request that was acknowledged, as [`Store::append_once`] would say it. Waits for nobody.
    pub fn acknowledged(&self, id: &BatchId) -> Result<Option<Outcome>, StoreError> {
        self.inner.acknowledged.find(id, self.inner.clock.now())
    }

    /// What the log writer needs, if there is room for it, and that room.
    fn prepare(
        &self,
        batches: Vec<(DatasetName, EventBatch)>,
        overflow: Option<&DatasetName>,
    ) -> Result<(Vec<AppendBatch>, Reservation), StoreError> {
        self.check_space()?;
        let mut placed = Vec::with_capacity(batches.len());
        for (name, events) in batches.into_iter().filter(|(_, events)| events.rows() > 0) {
            let target = match (self.inner.dataset_id(&name), overflow) {
                (Err(StoreError::TooManyDatasets(_)), Some(overflow)) => {
                    Target { id: self.inner.dataset_id_beyond_limit(overflow)?, name: overflow.clone() }
                }
                (id, _) => Target { id: id?, name },
            };
            check_length(&events)?;
            placed.push((target, events));
        }
        self.inner.admit_bytes(placed.iter().map(|(_, events)| block::length(events) as u64).sum())?;
        let room = self.inner.take_room(placed.iter().map(|(_, events)| StoredBatch::memory_bytes_of(events)).sum())?;
        let mut prepared = Vec::with_capacity(placed.len());
        let (mut bytes, mut memory_bytes) = (0, 0);
        for (target, events) in placed {
            // After the other checks: what is refused for another reason must not use up columns.
            let events = self.inner.place_fields(target.id, events)?;
            check_length(&events)?;
            let encoded = (events.rows() >= limits::SMALL_BATCH_ROWS).then(|| EncodedBatch::new(&events));
            bytes += encoded.as_ref().map_or(events.memory_bytes(), EncodedBatch::frame_bytes);
            memory_bytes += StoredBatch::memory_bytes_of(&events);
            prepared.push(AppendBatch { target, events, encoded });
        }
        if bytes > limits::FRAME_BYTES_MAX / 2 {
            return Err(StoreError::TooLarge { bytes, max: limits::FRAME_BYTES_MAX / 2 });
        }
        // Until it is written it is there twice.
        room.resize(bytes + memory_bytes);
        Ok((prepared, room))
    }

    fn enqueue(
        &self,
        batches: Vec<AppendBatch>,
        room: Reservation,
        once: Option<(BatchId, Outcome)>,
        claim: Option<Claim>,
    ) -> Result<Submitted, StoreError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StoreError::Closed)?;
        let (reply, answer) = sync_channel(1);
        queue.try_send(Request::Append(Append { batches, once, reply })).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })?;
        Ok(Submitted { inner: Arc::clone(&self.inner), pending: Some((answer, room)), _claim: claim })
    }

    /// Whether the device has space for more events. Cheap: for the door.
    pub fn check_space(&self) -> Result<(), StoreError> {
        if self.inner.space.is_full() { Err(self.inner.space.error()) } else { Ok(()) }
    }

    /// Waits until the memtables have room for more events, so long at most; whether they have.
    pub fn wait_for_room(&self, patience: Duration) -> bool {
        self.inner.wait_for_room(patience)
    }

    /// The account that the store draws on.
    pub fn memory(&self) -> &Memory {
        &self.inner.memory
    }

    fn ask(&self, request: Request) -> Result<(), StoreError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StoreError::Closed)?;
        queue.send(request).map_err(|_| StoreError::Closed)
    }

    /// Closes the current log file, so that it can go as soon as its events are in segments: everything acknowledged
    /// before is in closed files when this returns.
    pub fn rotate_wal(&self) -> Result<(), StoreError> {
        let (reply, answer) = sync_channel(1);
        self.ask(Request::Rotate(reply))?;
        answer.recv().map_err(|_| StoreError::Closed)
    }

    /// Removes the log files that nobody needs any more, as every flush does.
    pub fn trim_wal(&self) {
        self.inner.trim_wal();
    }

    /// Everything acknowledged so far.
    pub fn snapshot(&self) -> Snapshot {
        self.inner.snapshot()
    }

    /// Turns every memtable into segments now.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.inner.flush_all()
    }

    /// Merges every segment that is due now.
    pub fn compact(&self) -> Result<(), StoreError> {
        while self.inner.compact_next()? {}
        self.inner.bury();
        Ok(())
    }

    /// Lets go of the segments that no policy keeps any more; how many there were. The store does so by itself; this
    /// is for whoever cannot wait.
    pub fn retain(&self) -> Result<usize, StoreError> {
        let retired = self.inner.retain()?;
        self.inner.bury();
        Ok(retired)
    }

    #[cfg(test)]
    pub(crate) fn id(&self) -> [u8; 16] {
        self.inner.store_id
    }

    /// Makes the store trim its log a frame of so many events early: a mistake that tests must find.
    #[cfg(test)]
    pub(crate) fn trim_early(&self, events: u64) {
        self.inner.trims_early.store(events, Ordering::SeqCst);
    }

    /// Does a little of the scrub, and sets aside what anybody has found damaged. The store does so by itself.
    pub fn scrub_next(&self) -> Result<ScrubStep, StoreError> {
        let step = self.inner.scrub_next()?;
        self.inner.set_aside_damaged()?;
        Ok(step)
    }

    /// Sets how long a dataset keeps its events; without a policy of its own it has that of [`StoreLimits`].
    pub fn set_retention(&self, dataset: DatasetId, retention: Option<Retention>) -> Result<(), StoreError> {
        self.inner.set_retention(dataset, retention)
    }

    /// What is known of a dataset beside its events.
    pub fn dataset(&self, name: &DatasetName) -> Option<DatasetInfo> {
        self.inner.dataset(name)
    }

    /// Gives a dataset another name. Events on their way under the old one still arrive in it.
    pub fn rename_dataset(&self, dataset: DatasetId, name: &DatasetName) -> Result<(), StoreError> {
        self.inner.rename_dataset(dataset, name)
    }

    /// Drops a dataset with all of its events, in one step; how many there were. A later dataset of the same name is
    /// another one. After an error it is there as before, though a crash may turn out to have dropped it.
    pub fn drop_dataset(&self, dataset: DatasetId) -> Result<u64, StoreError> {
        self.empty_log()?;
        let dropped = self.inner.drop_dataset(dataset)?;
        self.inner.bury();
        Ok(dropped)
    }

    /// Puts everything acknowledged into segments, and the log behind it out of the way.
    fn empty_log(&self) -> Result<(), StoreError> {
        // What comes meanwhile goes into a file of its own, which would keep the others.
        self.rotate_wal()?;
        self.flush()?;
        self.inner.trim_wal();
        self.inner.sync_wal_directory()
    }

    /// Removes events of a dataset, all in one step, and returns how many. Everything is flushed first, so that the log
    /// does not have them either; then, once no segment changes any more, `rows` says where they are. If `cancelled` says
    /// so before the step, or after an error, nothing has changed.
    pub fn remove_rows<E: From<StoreError>>(
        &self,
        dataset: DatasetId,
        rows: impl FnOnce() -> Result<BTreeMap<SegmentId, RoaringBitmap>, E>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<u64, E> {
        self.empty_log()?;
        let removed = self.inner.remove_rows(dataset, rows, cancelled)?;
        self.inner.bury();
        Ok(removed)
    }

    pub fn health(&self) -> StoreHealth {
        self.inner.health()
    }

    /// The clock that numbers receive times.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub fn data_dir(&self) -> &DataDir {
        &self.inner.data_dir
    }

    /// Ends the threads; everything acknowledged is in the log or in segments already.
    pub fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.inner.stop();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _panicked = thread.join();
        }
        self.inner.leave_scrub();
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// What replay could not read back must not be acknowledged, however well it compresses.
fn check_length(events: &EventBatch) -> Result<(), StoreError> {
    let (bytes, max) = (block::length(events), limits::FRAME_BYTES_MAX);
    if bytes > max { Err(StoreError::TooLarge { bytes, max }) } else { Ok(()) }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|e| StoreError::Bug(format!("cannot start the thread {name}: {e}")))
}
