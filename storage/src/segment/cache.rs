//! Decoded footers within a bound of bytes: when there are too many, those go that nobody asked for longest.
//!
//! A footer that is gone is decoded again when somebody asks; one that is in use stays with its users. Must not know how
//! footers are decoded.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::reader::OpenSegment;
use crate::event::{FieldName, FieldType};
use crate::memory::{Memory, Pool, Reservation};
use crate::paths::SegmentId;

/// Which columns a footer was decoded for: all, or these in order.
pub(crate) type Columns = Option<Arc<[(FieldName, FieldType)]>>;

/// See the module. Shared by all segments of a store.
#[derive(Debug)]
pub(crate) struct FooterCache {
    bytes_max: usize,
    memory: Memory,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    footers: HashMap<Key, Cached>,
    /// When each was last asked for, by a count of questions.
    used: BTreeMap<u64, Key>,
    questions: u64,
    bytes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    segment: SegmentId,
    columns: Columns,
}

#[derive(Debug)]
struct Cached {
    footer: Arc<OpenSegment>,
    bytes: usize,
    used: u64,
    _memory: Reservation,
}

impl FooterCache {
    pub(crate) fn new(bytes_max: usize) -> FooterCache {
        FooterCache::within(&Memory::unlimited(), bytes_max)
    }

    /// One that shares the memory for caches with others.
    pub(crate) fn within(memory: &Memory, bytes_max: usize) -> FooterCache {
        FooterCache { bytes_max, memory: memory.clone(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, segment: SegmentId, columns: &Columns) -> Option<Arc<OpenSegment>> {
        self.state().touch(&Key { segment, columns: columns.clone() })
    }

    /// Keeps a footer, unless it alone is more than the bound, or others hold the memory for caches.
    pub(crate) fn put(&self, segment: SegmentId, columns: Columns, footer: &Arc<OpenSegment>) {
        let bytes = footer.memory_bytes();
        if bytes > self.bytes_max {
            return;
        }
        let mut state = self.state();
        let key = Key { segment, columns };
        state.remove(&key);
        while state.bytes + bytes > self.bytes_max {
            let Some((_, oldest)) = state.used.pop_first() else { break };
            state.remove(&oldest);
        }
        let Some(memory) = self.reserve(&mut state, bytes) else { return };
        state.questions += 1;
        let used = state.questions;
        state.used.insert(used, key.clone());
        state.footers.insert(key, Cached { footer: Arc::clone(footer), bytes, used, _memory: memory });
        state.bytes += bytes;
    }

    /// Memory for one more, at the cost of the oldest.
    fn reserve(&self, state: &mut State, bytes: usize) -> Option<Reservation> {
        loop {
            if let Ok(memory) = self.memory.try_reserve(Pool::Caches, bytes) {
                return Some(memory);
            }
            let (_, oldest) = state.used.pop_first()?;
            state.remove(&oldest);
        }
    }

    /// Forgets what it has of a segment that goes.
    pub(crate) fn forget(&self, segment: SegmentId) {
        let mut state = self.state();
        let keys: Vec<Key> = state.footers.keys().filter(|key| key.segment == segment).cloned().collect();
        keys.iter().for_each(|key| state.remove(key));
    }

    pub(crate) fn bytes(&self) -> usize {
        self.state().bytes
    }
}

impl State {
    fn touch(&mut self, key: &Key) -> Option<Arc<OpenSegment>> {
        self.questions += 1;
        let cached = self.footers.get_mut(key)?;
        self.used.remove(&cached.used);
        cached.used = self.questions;
        self.used.insert(cached.used, key.clone());
        Some(Arc::clone(&cached.footer))
    }

    fn remove(&mut self, key: &Key) {
        if let Some(cached) = self.footers.remove(key) {
            self.used.remove(&cached.used);
            self.bytes -= cached.bytes;
        }
    }
}
