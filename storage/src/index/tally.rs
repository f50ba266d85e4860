//! The values of one block of a column, counted: each distinct value once, with its events and summed sample rate.
//!
//! A block has at most [`BLOCK_ROWS_MAX`](super::layout::BLOCK_ROWS_MAX) rows, so that this stays small whatever is sent.
//! A column of ids has nothing worth counting: once there are many different values and none is common, counting ends until
//! the next block.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

/// Values after which it is seen whether counting them tells anything, and again; the first trial is shorter where the
/// block before told nothing.
const TRIALS: [u32; 2] = [4_096, 16_384];
const TRIAL_AFTER_VAIN: u32 = 1_024;
/// It does not if more than one in so many is different, and the most common has less than one in so many.
const VAIN_VALUES_PER_DISTINCT: usize = 4;
const VAIN_VALUES_PER_COMMON: u32 = 512;
/// Events of a value that make it common in a short trial.
const VAIN_COMMON_MIN: u32 = 8;
/// Values that are found again without asking the map, by some bits of their hash.
const RECENT_BITS: u32 = 10;
/// Bytes of a text that is kept; longer ones are counted among the rest.
pub(super) const TEXT_BYTES_MAX: usize = 256;
/// Bytes of texts kept in one block.
const ARENA_BYTES_MAX: usize = 4 << 20;

/// The hashes are hashes already.
#[derive(Default)]
pub(super) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

pub(super) type ByHash<T> = HashMap<u64, T, BuildHasherDefault<Identity>>;

/// A value as it is seen: a number by its bits, a text by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen<'a> {
    Bits(u64),
    Text(&'a [u8]),
}

/// A value as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Bits(u64),
    Text {
        from: u32,
        length: u32,
    },
    /// Too long, or another value has the same hash: it is counted and has no name.
    Nameless,
}

/// One distinct value.
#[derive(Clone, Debug)]
pub(super) struct Count {
    pub(super) hash: u64,
    pub(super) events: u32,
    pub(super) weight: u64,
    kept: Kept,
    /// The slice in which it was last seen.
    pub(super) slice: u32,
    /// Its place among the column's postings.
    pub(super) posting: u32,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    index: ByHash<u32>,
    counts: Vec<Count>,
    arena: Vec<u8>,
    recent: Vec<u32>,
    values: u32,
    /// Nothing is counted any more.
    pub(super) gave_up: bool,
    gave_up_before: bool,
}

impl Tally {
    /// The place of a value among the counts, and whether it is new in this block.
    pub(super) fn place(&mut self, hash: u64, value: Seen<'_>) -> (u32, bool) {
        let slot = (hash >> (64 - RECENT_BITS)) as usize;
        let recent = self.recent.get(slot).copied().unwrap_or(u32::MAX);
        if self.counts.get(recent as usize).is_some_and(|count| count.hash == hash) {
            self.name(recent, value);
            return (recent, false);
        }
        let next = self.counts.len() as u32;
        let (place, fresh) = match self.index.entry(hash) {
            Entry::Occupied(known) => (*known.get(), false),
            Entry::Vacant(free) => (*free.insert(next), true),
        };
        if fresh {
            let kept = keep(&mut self.arena, value);
            self.counts.push(Count { hash, events: 0, weight: 0, kept, slice: u32::MAX, posting: u32::MAX });
        } else {
            self.name(place, value);
        }
        self.recent.resize(1 << RECENT_BITS, u32::MAX);
        self.recent[slot] = place;
        (place, fresh)
    }

    /// Takes the name from a count that belongs to two values.
    fn name(&mut self, place: u32, value: Seen<'_>) {
        let count = &mut self.counts[place as usize];
        if !is(&self.arena, count.kept, value) {
            count.kept = Kept::Nameless;
        }
    }

    /// Counts a value by its place.
    pub(super) fn count(&mut self, place: u32, weight: u64) -> &mut Count {
        self.values += 1;
        let count = &mut self.counts[place as usize];
        count.events += 1;
        count.weight += weight;
        count
    }

    /// Whether counting so far has shown that it tells nothing.
    pub(super) fn is_vain(&self) -> bool {
        let early = self.gave_up_before && self.values == TRIAL_AFTER_VAIN;
        if !early && !TRIALS.contains(&self.values) {
            return false;
        }
        let common = self.counts.iter().map(|count| count.events).max().unwrap_or(0);
        self.counts.len() > self.values as usize / VAIN_VALUES_PER_DISTINCT
            && common < (self.values / VAIN_VALUES_PER_COMMON).max(VAIN_COMMON_MIN)
    }

    pub(super) fn counts(&self) -> &[Count] {
        &self.counts
    }

    /// The value, if it was kept.
    pub(super) fn value(&self, count: &Count) -> Option<Seen<'_>> {
        match count.kept {
            Kept::Bits(bits) => Some(Seen::Bits(bits)),
            Kept::Text { from, length } => Some(Seen::Text(&self.arena[from as usize..][..length as usize])),
            Kept::Nameless => None,
        }
    }

    pub(super) fn clear(&mut self) {
        self.index.clear();
        self.counts.clear();
        self.arena.clear();
        self.values = 0;
        self.gave_up_before = self.gave_up;
        self.gave_up = false;
    }
}

fn keep(arena: &mut Vec<u8>, value: Seen<'_>) -> Kept {
    match value {
        Seen::Bits(bits) => Kept::Bits(bits),
        Seen::Text(text) if text.len() > TEXT_BYTES_MAX || arena.len() + text.len() > ARENA_BYTES_MAX => Kept::Nameless,
        Seen::Text(text) => {
            let from = arena.len() as u32;
            arena.extend_from_slice(text);
            Kept::Text { from, length: text.len() as u32 }
        }
    }
}

fn is(arena: &[u8], kept: Kept, value: Seen<'_>) -> bool {
    match (kept, value) {
        (Kept::Bits(bits), Seen::Bits(other)) => bits == other,
        (Kept::Text { from, length }, Seen::Text(text)) => {
            length as usize == text.len() && arena[from as usize..][..length as usize] == *text
        }
        _ => false,
    }
}
