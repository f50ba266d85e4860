//! The space of the device: how much is left, what of it is spoken for, and whether ingest may go on.
//!
//! ```text
//!  total ─┬───────────────────────────────────────────────┐
//!         │ used by anybody                               │
//!         ├───────────────────────────────────────────────┤ ← available
//!         │ headroom: what ingest may still write         │
//!         ├───────────────────────────────────────────────┤
//!         │ owed: what flushing the memtables may take    │
//!         ├───────────────────────────────────────────────┤
//!         │ reserve: catalog, compaction, other people    │
//!         └───────────────────────────────────────────────┘
//! ```
//!
//! Ingest is refused before a write can fail, and is let in again when a part of the reserve's size is free above what is
//! spoken for: at the very edge every freed byte would open and close it. It must not know what is written.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, Space};
use crate::error::StoreError;
use crate::limits;

/// What an operator sees of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpaceHealth {
    pub total_bytes: u64,
    pub available_bytes: u64,
    /// Bytes below which ingest stops, without what flushing the memtables may take.
    pub reserve_bytes: u64,
    /// Bytes that ingest may still write.
    pub headroom_bytes: u64,
    /// Ingest is refused until there is space.
    pub full: bool,
}

impl SpaceHealth {
    /// The share in use, in percent.
    pub fn used_percent(&self) -> u64 {
        let used = self.total_bytes - self.available_bytes;
        (used * 100).checked_div(self.total_bytes).unwrap_or(0)
    }
}

#[derive(Debug)]
pub(super) struct SpaceWatch {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    reserve_bytes: Option<u64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// As it was measured; none if the system does not say, and then only a failing write tells.
    space: Option<Space>,
    /// Bytes let in since then.
    taken: u64,
    full: bool,
}

impl State {
    /// What is left for ingest, with so much owed to the memtables.
    fn headroom(&self, reserve: u64, owed: u64) -> u64 {
        let available = self.space.map_or(u64::MAX, |space| space.available_bytes);
        available.saturating_sub(self.taken).saturating_sub(reserve).saturating_sub(owed)
    }
}

impl SpaceWatch {
    pub(super) fn new(disk: Arc<dyn Disk>, directory: PathBuf, reserve_bytes: Option<u64>) -> SpaceWatch {
        let watch = SpaceWatch { disk, directory, reserve_bytes, state: Mutex::default() };
        watch.measure(0);
        watch
    }

    /// Looks again, and opens or closes ingest. `owed` is what the memtables hold.
    pub(super) fn measure(&self, owed: u64) {
        let space = self.disk.space(&self.directory).ok();
        let mut state = self.lock();
        (state.space, state.taken) = (space, 0);
        let reserve = self.reserve(&state);
        let headroom = state.headroom(reserve, owed);
        state.full = if state.full { headroom <= reserve / limits::SPACE_REOPEN_PART } else { headroom == 0 };
    }

    /// Lets `bytes` in if there is space for them.
    pub(super) fn admit(&self, bytes: u64, owed: u64) -> Result<(), StoreError> {
        if !self.fits(bytes, owed) {
            self.measure(owed);
            if !self.fits(bytes, owed) {
                self.lock().full = true;
                return Err(self.error());
            }
        }
        self.lock().taken += bytes;
        Ok(())
    }

    fn fits(&self, bytes: u64, owed: u64) -> bool {
        let state = self.lock();
        let reserve = self.reserve(&state);
        // Others write too: what was let in since the last look is not to become all of the reserve.
        let fresh = state.taken <= reserve / limits::SPACE_LOOK_PART;
        !state.full && fresh && state.headroom(reserve, owed) > bytes
    }

    /// Whether there is room for what nobody waits for.
    pub(super) fn has_room(&self, bytes: u64, owed: u64) -> bool {
        let state = self.lock();
        !state.full && state.headroom(self.reserve(&state), owed) > bytes
    }

    pub(super) fn is_full(&self) -> bool {
        self.lock().full
    }

    /// Whether what the memtables hold should become segments now, because it takes less space there and its log can go.
    /// Retention may take the same sign to remove early what it may remove.
    pub(super) fn is_tight(&self, owed: u64) -> bool {
        let state = self.lock();
        state.full || state.headroom(self.reserve(&state), owed) < owed
    }

    pub(super) fn health(&self, owed: u64) -> SpaceHealth {
        let state = self.lock();
        let Some(space) = state.space else { return SpaceHealth::default() };
        let reserve_bytes = self.reserve(&state);
        SpaceHealth {
            total_bytes: space.total_bytes,
            available_bytes: space.available_bytes,
            reserve_bytes,
            headroom_bytes: state.headroom(reserve_bytes, owed),
            full: state.full,
        }
    }

    pub(super) fn error(&self) -> StoreError {
        StoreError::DiskFull { path: self.directory.clone() }
    }

    /// A log file is not to be a large part of a small device: it goes only when it is full and flushed.
    pub(super) fn wal_file_bytes_max(&self, wanted: usize) -> usize {
        let part = self.lock().space.map_or(u64::MAX, |space| space.total_bytes / limits::SPACE_WAL_FILE_PART);
        wanted.min(usize::try_from(part).unwrap_or(usize::MAX))
    }

    fn reserve(&self, state: &State) -> u64 {
        let total = state.space.map_or(0, |space| space.total_bytes);
        let usual = (total / 100).max(limits::SPACE_RESERVE_BYTES).min(total / limits::SPACE_RESERVE_PART_MAX);
        self.reserve_bytes.unwrap_or(usual)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
