//! What senders were told of the requests that have an id: a request that comes again is told the same and not stored
//! again, and of two that come at once the second waits for the first.
//!
//! In memory only. The ids are durable in log files; each entry knows the file that has it, so that whoever removes files
//! can carry over what is still young. It must not know how that is done.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use hashbrown::HashTable;

use crate::acknowledgement::{Acknowledgement, BatchId, Outcome};
use crate::error::StoreError;
use crate::event::TimestampNs;
use crate::limits;

#[cfg(test)]
mod tests;

const KEPT_NS: i64 = limits::ACKNOWLEDGEMENT_SECONDS_MAX as i64 * 1_000_000_000;
/// How often a request waits for another of its id before it is shed: each time may take as long as a full store lets it
/// wait.
const WAITS_MAX: usize = 2;
/// Entries that are looked at while nobody else can.
const STEP_ENTRIES: usize = if cfg!(test) { 3 } else { 1 << 14 };
/// Below this many entries memory is not given back.
const SHRINK_ENTRIES_MIN: usize = 1 << 12;

type Key = [u8; 16];

/// Whether what was acknowledged at `received` is still to be known at `now`.
pub(super) fn is_young(received: TimestampNs, now: TimestampNs) -> bool {
    now.saturating_sub(received) < KEPT_NS
}

/// See the module.
#[derive(Debug)]
pub(super) struct Acknowledged {
    state: Mutex<State>,
    /// A request under way has come to its end.
    ended: Condvar,
}

#[derive(Debug)]
struct State {
    kept: Kept,
    /// The claims that are held, each with a number of its own.
    under_way: HashMap<Key, u64>,
    claims: u64,
    /// Replay is done: every acknowledgement in a log file is here.
    restored: bool,
}

/// The right to store a request. Whoever lets go of it has stored the request or leaves it to the next.
#[derive(Debug)]
pub(super) struct Claim {
    table: Arc<Acknowledged>,
    key: Key,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.table.lock().under_way.remove(&self.key);
        self.table.ended.notify_all();
    }
}

/// What is known of a request that wants to be stored.
#[derive(Debug)]
pub(super) enum Known {
    Nothing(Claim),
    Acknowledged(Outcome),
}

impl Acknowledged {
    pub(super) fn new() -> Arc<Acknowledged> {
        let kept = Kept::new(limits::ACKNOWLEDGEMENTS_MAX, limits::ACKNOWLEDGEMENTS_DETAILS_BYTES_MAX);
        let state = State { kept, under_way: HashMap::new(), claims: 0, restored: false };
        Arc::new(Acknowledged { state: Mutex::new(state), ended: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the sender of this request was told, if it was.
    pub(super) fn find(&self, id: &BatchId, now: TimestampNs) -> Result<Option<Outcome>, StoreError> {
        self.lock().kept.find(id, now)
    }

    /// Claims a request, or says what is known of it. While the same id is under way, this waits for the end of that.
    pub(super) fn claim(self: &Arc<Self>, id: &BatchId, now: impl Fn() -> TimestampNs) -> Result<Known, StoreError> {
        let mut state = self.lock();
        for waited in 0..=WAITS_MAX {
            if let Some(outcome) = state.kept.find(id, now())? {
                return Ok(Known::Acknowledged(outcome));
            }
            let Some(first) = state.under_way.get(&id.key).copied() else {
                state.claims += 1;
                let number = state.claims;
                state.under_way.insert(id.key, number);
                return Ok(Known::Nothing(Claim { table: Arc::clone(self), key: id.key }));
            };
            if waited < WAITS_MAX {
                let under_way = |state: &mut State| state.under_way.get(&id.key) == Some(&first);
                state = self.ended.wait_while(state, under_way).unwrap_or_else(PoisonError::into_inner);
            }
        }
        Err(StoreError::Busy)
    }

    /// Remembers what file `file` has made durable. Before anybody can be told, and before that file can go.
    pub(super) fn remember(&self, file: u64, acknowledgements: Vec<Acknowledgement>, now: TimestampNs) {
        if acknowledgements.is_empty() {
            return;
        }
        let mut state = self.lock();
        state.kept.forget_old(now);
        for acknowledgement in acknowledgements {
            state.kept.insert(file, acknowledgement);
        }
    }

    /// Takes over what replay has found, file by file in the order of their numbers.
    pub(super) fn restore(&self, mut found: Found) {
        // Files that carry the acknowledgements of older ones are younger than what they hold.
        found.0.sort_by_key(|(_, a)| a.received);
        let mut state = self.lock();
        for (file, acknowledgement) in found.0 {
            state.kept.insert(file, acknowledgement);
        }
        state.restored = true;
    }

    pub(super) fn forget_old(&self, now: TimestampNs) {
        self.lock().kept.forget_old(now);
    }

    /// What is young and in one of these files, which are closed; none while replay does not know it yet.
    pub(super) fn in_files(&self, files: &BTreeSet<u64>, now: TimestampNs) -> Option<Vec<Acknowledgement>> {
        if !self.lock().restored {
            return None;
        }
        let mut found = Vec::new();
        self.in_steps(|kept, range| found.extend(kept.in_files(range, files, now)));
        Some(found)
    }

    /// What was in `files` is in `file` now.
    pub(super) fn moved(&self, files: &BTreeSet<u64>, file: u64) {
        self.in_steps(|kept, range| {
            kept.ring.range_mut(range).filter(|e| files.contains(&e.file)).for_each(|e| e.file = file);
        });
    }

    /// Walks over the whole ring, and lets others in between: two millions take a while.
    fn in_steps(&self, mut visit: impl FnMut(&mut Kept, Range<usize>)) {
        let mut next = self.lock().kept.left;
        loop {
            let kept = &mut self.lock().kept;
            let gone = kept.left.wrapping_sub(next);
            // Either entries have left since, or this is as far behind the first as the walk has come.
            let from = if gone < u32::MAX / 2 { 0 } else { gone.wrapping_neg() as usize };
            let to = (from + STEP_ENTRIES).min(kept.ring.len());
            if from >= to {
                return;
            }
            visit(kept, from..to);
            next = kept.left.wrapping_add(to as u32);
        }
    }

    /// What it holds.
    pub(super) fn memory_bytes(&self) -> usize {
        let kept = &self.lock().kept;
        let place = size_of::<u32>() + 1;
        kept.ring.capacity() * size_of::<Entry>() + kept.places.capacity() * place + kept.details_bytes
    }

    pub(super) fn len(&self) -> usize {
        self.lock().kept.places.len()
    }
}

/// Acknowledgements that replay finds, each with the number of its file.
#[derive(Debug, Default)]
pub(super) struct Found(Vec<(u64, Acknowledgement)>);

impl Found {
    pub(super) fn add(&mut self, file: u64, acknowledgements: Vec<Acknowledgement>, now: TimestampNs) {
        self.0.extend(acknowledgements.into_iter().filter(|a| is_young(a.received, now)).map(|a| (file, a)));
        if self.0.len() > 2 * limits::ACKNOWLEDGEMENTS_MAX {
            self.0.sort_by_key(|(_, a)| a.received);
            self.0.drain(..self.0.len() - limits::ACKNOWLEDGEMENTS_MAX);
        }
    }
}

/// The newest acknowledgements, by key.
#[derive(Debug)]
struct Kept {
    max: usize,
    details_bytes_max: usize,
    /// In the order in which they came.
    ring: VecDeque<Entry>,
    /// How many have left the ring: the place of an entry is this and its index. Both wrap.
    left: u32,
    places: HashTable<u32>,
    details_bytes: usize,
    /// So many of the oldest have no details.
    bare: usize,
}

#[derive(Debug)]
struct Entry {
    id: BatchId,
    received: TimestampNs,
    /// The number of the log file that has it.
    file: u64,
    accepted: u32,
    rejected: u32,
    details: Option<Box<Details>>,
}

/// Boxed, because most entries have none.
#[derive(Debug)]
struct Details(Vec<u8>);

impl Entry {
    fn new(file: u64, acknowledgement: Acknowledgement) -> Entry {
        let Acknowledgement { id, received, outcome: Outcome { accepted, rejected, details } } = acknowledgement;
        let details = (!details.is_empty()).then(|| Box::new(Details(details)));
        Entry { id, received, file, accepted, rejected, details }
    }

    fn outcome(&self) -> Outcome {
        let details = self.details.as_ref().map_or_else(Vec::new, |details| details.0.clone());
        Outcome { accepted: self.accepted, rejected: self.rejected, details }
    }

    fn details_bytes(&self) -> usize {
        self.details.as_ref().map_or(0, |details| details.0.len())
    }
}

/// A key is a hash itself.
fn hash(key: &Key) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&key[..8]);
    u64::from_le_bytes(first)
}

impl Kept {
    fn new(max: usize, details_bytes_max: usize) -> Kept {
        let (ring, places) = (VecDeque::new(), HashTable::new());
        Kept { max, details_bytes_max, ring, left: 0, places, details_bytes: 0, bare: 0 }
    }

    fn entry(&self, key: &Key) -> Option<&Entry> {
        let at = |place: u32| &self.ring[place.wrapping_sub(self.left) as usize];
        self.places.find(hash(key), |place| at(*place).id.key == *key).map(|place| at(*place))
    }

    fn find(&self, id: &BatchId, now: TimestampNs) -> Result<Option<Outcome>, StoreError> {
        match self.entry(&id.key).filter(|entry| is_young(entry.received, now)) {
            None => Ok(None),
            Some(entry) if entry.id.body == id.body => Ok(Some(entry.outcome())),
            Some(_) => Err(StoreError::BatchIdTaken),
        }
    }

    fn insert(&mut self, file: u64, acknowledgement: Acknowledgement) {
        let key = acknowledgement.id.key;
        let place = self.left.wrapping_add(self.ring.len() as u32);
        self.ring.push_back(Entry::new(file, acknowledgement));
        let (ring, left) = (&self.ring, self.left);
        let key_at = |place: &u32| ring[place.wrapping_sub(left) as usize].id.key;
        match self.places.find_mut(hash(&key), |p| key_at(p) == key) {
            // The older one stays in the ring and counts no longer.
            Some(older) => *older = place,
            None => drop(self.places.insert_unique(hash(&key), place, |p| hash(&key_at(p)))),
        }
        self.details_bytes += self.ring.back().map_or(0, Entry::details_bytes);
        while self.details_bytes > self.details_bytes_max {
            self.details_bytes -= self.ring[self.bare].details_bytes();
            self.ring[self.bare].details = None;
            self.bare += 1;
        }
        while self.ring.len() > self.max {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let Some(first) = self.ring.pop_front() else { return };
        if let Ok(found) = self.places.find_entry(hash(&first.id.key), |place| *place == self.left) {
            found.remove();
        }
        self.details_bytes -= first.details_bytes();
        self.left = self.left.wrapping_add(1);
        self.bare = self.bare.saturating_sub(1);
    }

    fn forget_old(&mut self, now: TimestampNs) {
        while self.ring.front().is_some_and(|first| !is_young(first.received, now)) {
            self.forget_first();
        }
        if self.ring.capacity() > SHRINK_ENTRIES_MIN && self.ring.len() < self.ring.capacity() / 4 {
            self.ring.shrink_to(self.ring.len() * 2);
            let (ring, left) = (&self.ring, self.left);
            self.places.shrink_to(ring.len() * 2, |p| hash(&ring[p.wrapping_sub(left) as usize].id.key));
        }
    }

    fn in_files(&self, range: Range<usize>, files: &BTreeSet<u64>, now: TimestampNs) -> Vec<Acknowledgement> {
        let counts = |(at, entry): &(usize, &Entry)| {
            let place = self.left.wrapping_add(*at as u32);
            is_young(entry.received, now) && self.places.find(hash(&entry.id.key), |p| *p == place).is_some()
        };
        let entries = range.clone().zip(self.ring.range(range));
        let held = entries.filter(|(_, entry)| files.contains(&entry.file)).filter(counts);
        let whole = |(_, e): (usize, &Entry)| Acknowledgement { id: e.id, received: e.received, outcome: e.outcome() };
        held.map(whole).collect()
    }
}
