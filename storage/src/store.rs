//! The front door: open, append, snapshot, close.
//!
//! Appends go to the WAL writer's thread and come back with a [`Receipt`]; readers take a [`Snapshot`]; a thread of the
//! store's own turns memtables into segments. It must not know what the events mean or how they arrived.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use roaring::RoaringBitmap;

use crate::clock::{Clock, SystemClock};
use crate::disk::{Disk, RealDisk};
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName, EventBatch};
use crate::limits::{self, StoreLimits};
use crate::paths::{DataDir, SegmentId};
use crate::snapshot::Snapshot;
use crate::upkeep::retain::Retention;
use crate::wal::block;
use crate::wal::frame::EncodedBatch;
use crate::wal::reader::WalCondition;
use crate::wal::writer::{Append, Receipt, WalWriter};

mod evidence;
mod inner;
mod open;
mod replace;
mod sweep;
#[cfg(test)]
mod tests;

use inner::Inner;
pub(crate) use open::lock as lock_for_check;

/// What a store needs to open.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    pub data_dir: DataDir,
    pub limits: StoreLimits,
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    /// Whether the store flushes, merges and retires by itself. Without, it does so when it is told, as tests need it.
    pub upkeep: bool,
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
        }
    }
}

/// Numbers and conditions for `/readyz` and `/metrics`.
#[derive(Clone, Debug, Default)]
pub struct StoreHealth {
    /// No WAL file can be opened: nothing can be acknowledged.
    pub ingest_down: bool,
    pub memtable_bytes: u64,
    pub wal_bytes: u64,
    pub wal_frames_total: u64,
    pub wal_bytes_total: u64,
    pub wal_poisoned_files_total: u64,
    pub flushes_total: u64,
    pub flush_failures_total: u64,
    pub compactions_total: u64,
    pub compaction_failures_total: u64,
    pub sidecar_failures_total: u64,
    pub segments_retired_total: u64,
    pub events_removed_total: u64,
    pub segments: u64,
    pub segment_bytes: u64,
    /// What start-up found in the log.
    pub replay: WalCondition,
    /// What start-up found missing or damaged, in words.
    pub damage: Vec<String>,
}

/// An open data directory. Dropping it without [`Store::close`] is like a crash: nothing acknowledged is lost.
#[derive(Debug)]
pub struct Store {
    inner: Arc<Inner>,
    queue: Mutex<Option<SyncSender<Append>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    _lock: File,
}

impl Store {
    /// Opens the directory, replays its log, and starts the store's threads.
    pub fn open(settings: StoreSettings) -> Result<Store, StoreError> {
        let lock = open::lock(&settings.data_dir)?;
        let background = settings.upkeep;
        let (inner, next_file) = open::open(settings)?;
        let inner = Arc::new(inner);
        let writer = WalWriter {
            disk: Arc::clone(&inner.disk),
            clock: Arc::clone(&inner.clock),
            data_dir: inner.data_dir.clone(),
            store_id: inner.store_id,
            next_file,
            next_sequence: inner.next_sequence.load(Ordering::SeqCst),
            file_bytes_max: inner.limits.wal_file_bytes_max,
            state: Arc::clone(&inner.wal),
            file: None,
        };
        let (queue, requests) = sync_channel(limits::APPEND_QUEUE_REQUESTS);
        let shown = Arc::clone(&inner);
        let wal = spawn("outcrop-wal", move || writer.run(&requests, |batches| shown.show(batches)))?;
        let mut threads = vec![wal];
        if background {
            let (flushing, merging) = (Arc::clone(&inner), Arc::clone(&inner));
            threads.push(spawn("outcrop-upkeep", move || flushing.run_upkeep())?);
            threads.push(spawn("outcrop-compaction", move || merging.run_compaction())?);
        }
        Ok(Store { inner, queue: Mutex::new(Some(queue)), threads: Mutex::new(threads), _lock: lock })
    }

    /// Makes the batches durable and visible, all of them or none, and returns when that is done.
    ///
    /// Blocks for an fsync, and longer while the memtable is full ([`StoreError::Busy`] after some seconds).
    pub fn append(&self, batches: Vec<(DatasetName, EventBatch)>) -> Result<Receipt, StoreError> {
        let mut prepared = Vec::with_capacity(batches.len());
        let mut bytes = 0;
        for (name, events) in batches.into_iter().filter(|(_, events)| events.rows() > 0) {
            let dataset = self.inner.dataset_id(&name)?;
            // What replay could not read back must not be acknowledged, however well it compresses.
            let inflated = block::length(&events);
            if inflated > limits::FRAME_BYTES_MAX {
                return Err(StoreError::TooLarge { bytes: inflated, max: limits::FRAME_BYTES_MAX });
            }
            let encoded = (events.rows() >= limits::SMALL_BATCH_ROWS).then(|| EncodedBatch::new(&events));
            bytes += encoded.as_ref().map_or(events.memory_bytes(), EncodedBatch::frame_bytes);
            prepared.push((dataset, events, encoded));
        }
        if bytes > limits::FRAME_BYTES_MAX / 2 {
            return Err(StoreError::TooLarge { bytes, max: limits::FRAME_BYTES_MAX / 2 });
        }
        if prepared.is_empty() {
            return Ok(Receipt::nothing());
        }
        self.inner.wait_for_room()?;
        // Last of the checks: what is refused for another reason must not use up names.
        self.inner.admit_fields(prepared.iter().map(|(dataset, events, _)| (*dataset, events)))?;
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StoreError::Closed)?;
        let (reply, answer) = sync_channel(1);
        queue.send(Append { batches: prepared, reply }).map_err(|_| StoreError::Closed)?;
        drop(queue);
        answer.recv().map_err(|_| StoreError::Closed)?
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

    /// Sets how long a dataset keeps its events; without a policy of its own it has that of [`StoreLimits`].
    pub fn set_retention(&self, dataset: DatasetId, retention: Option<Retention>) -> Result<(), StoreError> {
        self.inner.set_retention(dataset, retention)
    }

    /// Removes events of a dataset's segments, all in one step, and returns how many. `rows` says where they are: it is
    /// called once no segment changes any more. Until `cancelled` says so, or an error, nothing has changed.
    ///
    /// Events in memtables are not reached: [`Store::flush`] first.
    pub fn remove_rows<E: From<StoreError>>(
        &self,
        dataset: DatasetId,
        rows: impl FnOnce() -> Result<BTreeMap<SegmentId, RoaringBitmap>, E>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<u64, E> {
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
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|e| StoreError::Bug(format!("cannot start the thread {name}: {e}")))
}
