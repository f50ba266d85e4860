//! What one field's values weigh on either side, counted row by row in bounded memory.
//!
//! Values are told apart up to a bound; those that were seen first (above all, those of a sample) are counted exactly, and
//! for the others there is a bound on what any of them can weigh. It must not know where rows come from.

use std::sync::Arc;

use hashbrown::HashTable;
use outcrop_storage::Distinct;
use xxhash_rust::xxh3::xxh3_64;

use super::fields::{FieldCounts, NumberCounts, ValueCount};
use super::table::bin_of;
use super::value::EventValue;

#[cfg(test)]
mod tests;

/// Values of one field that are told apart, beside those given.
const VALUES_MAX: usize = 64 << 10;
/// Counters that values beyond that share: what one of them says bounds each of its values.
const SHARED_COUNTERS: usize = 4_096;

/// Counts one field.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    index: HashTable<u32>,
    hashes: Vec<u64>,
    values: Vec<EventValue>,
    weights: Vec<[u64; 2]>,
    given: usize,
    closed: bool,
    present: [u64; 2],
    beyond: Option<Box<Beyond>>,
    numbers: Option<Numbers>,
}

/// Values that are not told apart.
#[derive(Debug)]
struct Beyond {
    shared: Vec<[u64; 2]>,
    distinct: [Distinct; 2],
}

#[derive(Debug)]
struct Numbers {
    edges: Arc<[f64]>,
    bins: Vec<[u64; 2]>,
    least: f64,
    greatest: f64,
    /// The least integers of the bins.
    integer_edges: Vec<i64>,
}

fn hash_text(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

fn hash_integer(value: i64) -> u64 {
    let mut z = (value as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 29)
}

fn hash(value: &EventValue) -> u64 {
    match value {
        EventValue::Boolean(value) => u64::from(*value) + 1,
        EventValue::Integer(value) => hash_integer(*value),
        EventValue::Float(value) => hash_integer(value.to_bits() as i64) ^ 0x5555_5555_5555_5555,
        EventValue::Text(value) => hash_text(value),
    }
}

impl Tally {
    /// A tally that surely tells the given values apart, and whose numbers have these bins. If `closed`, it tells no
    /// others apart, because nearly every one differs.
    pub(crate) fn new(given: &[EventValue], edges: Option<Arc<[f64]>>, closed: bool) -> Tally {
        let numbers = edges.map(|edges| Numbers {
            bins: vec![[0; 2]; edges.len() + 1],
            integer_edges: edges.iter().map(|edge| edge.ceil() as i64).collect(),
            edges,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
        });
        let mut tally = Tally { numbers, ..Tally::default() };
        for value in given {
            tally.add(hash(value), |v| v == value, || value.clone(), [0; 2]);
        }
        tally.given = tally.values.len();
        tally.closed = closed;
        tally
    }

    /// Whether no value is told apart, so that there is no need to look at texts.
    pub(crate) fn is_blind(&self) -> bool {
        self.closed && self.values.is_empty()
    }

    /// Whether only events that have a value are counted.
    pub(crate) fn is_presence_only(&self) -> bool {
        self.is_blind() && self.numbers.is_none()
    }

    /// A value that needs no look.
    pub(crate) fn add_unseen(&mut self, weights: [u64; 2]) {
        self.present = sum(self.present, weights);
    }

    /// The most memory that a tally may hold, about.
    pub(crate) fn bytes_max() -> usize {
        VALUES_MAX * (size_of::<EventValue>() + 16 + 8 + 8 + 40) + SHARED_COUNTERS * 16
    }

    pub(crate) fn add_text(&mut self, text: &str, weights: [u64; 2]) {
        self.present = sum(self.present, weights);
        let same = |v: &EventValue| matches!(v, EventValue::Text(v) if **v == *text);
        self.add(hash_text(text), same, || EventValue::Text(text.into()), weights);
    }

    pub(crate) fn add_boolean(&mut self, value: bool, weights: [u64; 2]) {
        if weights != [0; 2] {
            self.present = sum(self.present, weights);
            let value = EventValue::Boolean(value);
            self.add(hash(&value), |v| *v == value, || value.clone(), weights);
        }
    }

    pub(crate) fn add_integer(&mut self, value: i64, weights: [u64; 2]) {
        self.present = sum(self.present, weights);
        if let Some(numbers) = &mut self.numbers {
            let bin: usize = numbers.integer_edges.iter().map(|edge| usize::from(value >= *edge)).sum();
            numbers.add(bin, value as f64, weights);
        }
        if !self.is_blind() {
            let same = |v: &EventValue| matches!(v, EventValue::Integer(v) if *v == value);
            self.add(hash_integer(value), same, || EventValue::Integer(value), weights);
        }
    }

    pub(crate) fn add_float(&mut self, value: f64, weights: [u64; 2]) {
        self.present = sum(self.present, weights);
        if let Some(numbers) = &mut self.numbers {
            numbers.add(bin_of(&numbers.edges, value) as usize, value, weights);
        }
        if !self.is_blind() {
            let value = EventValue::float(value);
            self.add(hash(&value), |v| *v == value, || value.clone(), weights);
        }
    }

    fn add(
        &mut self,
        hash: u64,
        same: impl Fn(&EventValue) -> bool,
        value: impl FnOnce() -> EventValue,
        weights: [u64; 2],
    ) {
        let (values, hashes) = (&self.values, &self.hashes);
        if let Some(at) = self.index.find(hash, |at| hashes[*at as usize] == hash && same(&values[*at as usize])) {
            let slot = &mut self.weights[*at as usize];
            *slot = sum(*slot, weights);
        } else if self.closed {
            // One of very many values, each about as rare as the next.
        } else if self.values.len() < self.given + VALUES_MAX {
            let at = self.values.len() as u32;
            self.values.push(value());
            self.hashes.push(hash);
            self.weights.push(weights);
            let hashes = &self.hashes;
            self.index.insert_unique(hash, at, |at| hashes[*at as usize]);
        } else {
            self.beyond.get_or_insert_with(Box::default).add(hash, weights);
        }
    }

    pub(crate) fn finish(self, name: Arc<str>) -> FieldCounts {
        let mut distinct = [0u64; 2];
        for weights in &self.weights {
            (0..2).for_each(|side| distinct[side] += u64::from(weights[side] > 0));
        }
        let mut untold = None;
        if let Some(beyond) = &self.beyond {
            (0..2).for_each(|side| distinct[side] += beyond.distinct[side].estimate());
            untold = Some([0, 1].map(|side| beyond.shared.iter().map(|s| s[side]).max().unwrap_or(0) as f64));
        }
        let weighed = self.values.into_iter().zip(self.weights).filter(|(_, weights)| *weights != [0; 2]);
        let values: Vec<ValueCount> =
            weighed.map(|(value, weights)| ValueCount { value, weight: both(weights) }).collect();
        let different = values.iter().filter(|v| v.value.number().is_some()).count();
        let different = if self.closed { usize::MAX } else { different };
        let numbers = self.numbers.filter(|n| n.least <= n.greatest).map(|n| NumberCounts {
            edges: n.edges,
            bins: n.bins.into_iter().map(both).collect(),
            least: n.least,
            greatest: n.greatest,
            different,
        });
        FieldCounts { name, present: both(self.present), values, numbers, distinct, untold }
    }
}

impl Numbers {
    fn add(&mut self, bin: usize, number: f64, weights: [u64; 2]) {
        self.bins[bin] = sum(self.bins[bin], weights);
        self.least = self.least.min(number);
        self.greatest = self.greatest.max(number);
    }
}

impl Default for Beyond {
    fn default() -> Beyond {
        Beyond { shared: vec![[0; 2]; SHARED_COUNTERS], distinct: [Distinct::default(), Distinct::default()] }
    }
}

impl Beyond {
    fn add(&mut self, hash: u64, weights: [u64; 2]) {
        let slot = &mut self.shared[hash as usize % SHARED_COUNTERS];
        *slot = sum(*slot, weights);
        for (side, weight) in weights.into_iter().enumerate() {
            if weight > 0 {
                self.distinct[side].add(hash);
            }
        }
    }
}

fn sum(a: [u64; 2], b: [u64; 2]) -> [u64; 2] {
    [a[0] + b[0], a[1] + b[1]]
}

fn both(weights: [u64; 2]) -> [f64; 2] {
    [weights[0] as f64, weights[1] as f64]
}
