//! What the store's own threads do, over and over: flush what is due, merge and retire, watch the space on the device.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::inner::{Inner, RETRY_WAIT, UPKEEP_INTERVAL, held};
use crate::error::StoreError;
use crate::event::DatasetId;
use crate::limits;
use crate::memory::Pool;
use crate::memtable::Memtable;
use crate::upkeep::flush;

impl Inner {
    /// The upkeep thread: flushes what is due until the store closes.
    pub(super) fn run_upkeep(&self) {
        while !self.stopping.load(Ordering::SeqCst) {
            let waited = self.wake.1.wait_timeout_while(held(&self.wake.0), UPKEEP_INTERVAL, |woken| !*woken);
            if let Ok((mut woken, _)) = waited {
                *woken = false;
            }
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            // Acknowledgements grow old without a flush, and what could not be removed may be removable now.
            self.trim_wal();
            self.acknowledgements.resize(self.acknowledged.memory_bytes());
            let relieved = self.watch_space();
            // A failed flush is counted and tried again, but not at once whoever asks: its events stay in the log and
            // in the memtable.
            if relieved.and(self.flush_due()).is_err() {
                let stopping = |_: &mut bool| !self.stopping.load(Ordering::SeqCst);
                drop(self.wake.1.wait_timeout_while(held(&self.wake.0), RETRY_WAIT, stopping));
            }
        }
    }

    /// The compaction thread: merges what is due and lets go of what nobody needs, until the store closes.
    pub(super) fn run_compaction(&self) {
        while !self.stopping.load(Ordering::SeqCst) {
            let done = self.retain().and_then(|_| self.compact_next());
            self.bury();
            let pause = match done {
                Ok(true) => continue,
                Ok(false) => UPKEEP_INTERVAL,
                Err(_) => RETRY_WAIT,
            };
            self.wait_unless_stopped(pause);
        }
        self.bury();
    }

    pub(super) fn wait_unless_stopped(&self, pause: Duration) {
        let stopping = |(): &mut ()| !self.stopping.load(Ordering::SeqCst);
        drop(self.stopped.1.wait_timeout_while(held(&self.stopped.0), pause, stopping));
    }

    /// Looks how much space is left. When it runs short, what is in memtables becomes segments early: they are smaller than
    /// the log, which can go then. When there is space again, a log that could not be opened is tried.
    fn watch_space(&self) -> Result<(), StoreError> {
        let owed = self.owed_bytes();
        self.space.measure(owed);
        if self.wal.down.load(Ordering::Relaxed) && !self.space.is_full() && self.prove_disk().is_ok() {
            self.wal.down.store(false, Ordering::Relaxed);
        }
        let worth_it = if self.space.is_full() { owed > 0 } else { owed >= limits::SPACE_FLUSH_BYTES_MIN };
        if !worth_it || !self.space.is_tight(owed) {
            return Ok(());
        }
        let flushed = self.flush_all();
        self.space.measure(self.owed_bytes());
        flushed
    }

    /// Whether the disk takes a file and an fsync. Without it nobody would try a log that is down: who asks whether the
    /// store is ready sends nothing before it is.
    fn prove_disk(&self) -> std::io::Result<()> {
        let path = self.data_dir.probe();
        let _old = self.disk.remove(&path);
        let proven = self.disk.create(&path).and_then(|mut file| {
            file.write_all(&[0; 4096])?;
            file.sync()
        });
        let _later = self.disk.remove(&path);
        proven
    }

    pub(super) fn flush_due(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.flush_where(|memtable| flush::due(memtable, now, &self.limits))
    }

    /// Flushes what memory asks for, however old the rest is.
    pub(super) fn flush_large(&self) -> Result<(), StoreError> {
        self.flush_where(|memtable| flush::large(memtable, &self.limits))
    }

    fn flush_where(&self, due: impl Fn(&Memtable) -> bool) -> Result<(), StoreError> {
        let full = self.memory.used(Pool::Memtables) >= self.memory.ceiling(Pool::Memtables) / 2;
        let datasets = self.datasets();
        let largest = datasets.values().max_by_key(|d| d.memtable.memory_bytes()).map(|d| d.id);
        let due: Vec<DatasetId> =
            datasets.values().filter(|d| due(&d.memtable) || (full && Some(d.id) == largest)).map(|d| d.id).collect();
        drop(datasets);
        self.flush_each(due)
    }

    /// Flushes each of them, whatever becomes of the others; the first error.
    fn flush_each(&self, datasets: Vec<DatasetId>) -> Result<(), StoreError> {
        datasets.into_iter().map(|dataset| self.flush(dataset)).fold(Ok(()), Result::and)
    }

    pub(super) fn flush_all(&self) -> Result<(), StoreError> {
        let datasets = self.datasets();
        let all: Vec<DatasetId> = datasets.keys().copied().collect();
        drop(datasets);
        self.flush_each(all)
    }
}
