//! What is durable in the WAL and not yet in a segment; queryable at once.
//!
//! A memtable has two lists of immutable batches: *active*, to which the WAL writer adds, and *frozen*, which a flush
//! is turning into segments. Small batches of the active list are joined in size classes, so that a thousand requests
//! of one event each do not stay a thousand batches. It must not know files.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, UInt64Array};
use arrow::compute::{concat, filter};
use arrow::datatypes::{Int64Type, UInt64Type};

use crate::catalog::Distinct;
use crate::event::{EventBatch, InvalidBatch, TimestampNs};
use crate::limits;
use crate::segment::sequences::Sequences;

#[cfg(test)]
mod tests;

/// Events with their numbers and receive times.
#[derive(Debug)]
pub struct StoredBatch {
    events: EventBatch,
    sequence: UInt64Array,
    received: Int64Array,
    time_min: TimestampNs,
    time_max: TimestampNs,
    memory_bytes: usize,
    distinct: OnceLock<Vec<Distinct>>,
}

impl StoredBatch {
    /// The different values of each column, in their order, counted when somebody first asks. Few events are counted anew
    /// each time: what is kept is at most a tenth of what the batch holds.
    pub fn distinct(&self) -> Option<&[Distinct]> {
        let of = |column| {
            let mut distinct = Distinct::default();
            distinct.add_column(column);
            distinct
        };
        let count = || self.events.columns().iter().map(of).collect();
        (self.rows() >= limits::DISTINCT_KEPT_ROWS_MIN).then(|| self.distinct.get_or_init(count).as_slice())
    }

    /// Numbers `events` from `first_sequence` on.
    pub fn new(events: EventBatch, first_sequence: u64, received: TimestampNs) -> StoredBatch {
        let rows = events.rows();
        let sequence = UInt64Array::from_iter_values(first_sequence..first_sequence + rows as u64);
        let received = Int64Array::from_value(received, rows);
        StoredBatch::with(events, sequence, received)
    }

    fn with(events: EventBatch, sequence: UInt64Array, received: Int64Array) -> StoredBatch {
        let times = events.timestamp().values();
        let time_min = times.iter().copied().min().unwrap_or(i64::MAX);
        let time_max = times.iter().copied().max().unwrap_or(i64::MIN);
        let memory_bytes = StoredBatch::memory_bytes_of(&events);
        StoredBatch { events, sequence, received, time_min, time_max, memory_bytes, distinct: OnceLock::new() }
    }

    /// What a stored batch of these events holds: sequences and receive times come on top.
    pub(crate) fn memory_bytes_of(events: &EventBatch) -> usize {
        events.memory_bytes() + 16 * events.rows()
    }

    fn join(batches: &[Arc<StoredBatch>]) -> Result<StoredBatch, InvalidBatch> {
        let events: Vec<EventBatch> = batches.iter().map(|b| b.events.clone()).collect();
        let sequences: Vec<&dyn Array> = batches.iter().map(|b| &b.sequence as &dyn Array).collect();
        let received: Vec<&dyn Array> = batches.iter().map(|b| &b.received as &dyn Array).collect();
        let one = |parts: &[&dyn Array]| -> Result<ArrayRef, InvalidBatch> {
            concat(parts).map_err(|e| InvalidBatch(e.to_string()))
        };
        let sequence = one(&sequences)?.as_primitive::<UInt64Type>().clone();
        let received = one(&received)?.as_primitive::<Int64Type>().clone();
        Ok(StoredBatch::with(EventBatch::join(&events)?, sequence, received))
    }

    /// The events whose sequences are not in `known`; none if all are.
    pub(crate) fn without(self, known: &Sequences) -> Result<Option<StoredBatch>, InvalidBatch> {
        let unknown: BooleanArray = self.sequence.values().iter().map(|s| Some(!known.contains(*s))).collect();
        match unknown.true_count() {
            0 => return Ok(None),
            left if left == self.rows() => return Ok(Some(self)),
            _ => {}
        }
        let kept = |array: &dyn Array| filter(array, &unknown).map_err(|e| InvalidBatch(e.to_string()));
        let sequence = kept(&self.sequence)?.as_primitive::<UInt64Type>().clone();
        let received = kept(&self.received)?.as_primitive::<Int64Type>().clone();
        Ok(Some(StoredBatch::with(self.events.filter(&unknown)?, sequence, received)))
    }

    pub fn rows(&self) -> usize {
        self.events.rows()
    }

    pub fn events(&self) -> &EventBatch {
        &self.events
    }

    pub fn sequence(&self) -> &UInt64Array {
        &self.sequence
    }

    pub fn received(&self) -> &Int64Array {
        &self.received
    }

    /// The earliest and latest event time.
    pub fn time_range(&self) -> (TimestampNs, TimestampNs) {
        (self.time_min, self.time_max)
    }

    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

/// One dataset's memtable. See the module.
#[derive(Debug, Default)]
pub(crate) struct Memtable {
    frozen: Vec<Arc<StoredBatch>>,
    active: Vec<Arc<StoredBatch>>,
    /// Receive time of the oldest active event.
    since: Option<TimestampNs>,
}

impl Memtable {
    pub(crate) fn push(&mut self, batch: StoredBatch) -> Result<(), InvalidBatch> {
        if self.since.is_none() {
            self.since = batch.received.values().first().copied();
        }
        self.active.push(Arc::new(batch));
        self.coalesce()
    }

    /// Joins the youngest batches while enough of them are of one size class, and their columns are not too many.
    fn coalesce(&mut self) -> Result<(), InvalidBatch> {
        let mut class_rows = limits::COALESCE_BATCHES;
        while class_rows <= limits::COALESCE_ROWS_MAX {
            let alike = self.active.iter().rev().take_while(|b| b.rows() < class_rows);
            let alike = EventBatch::joinable(alike.map(|b| &b.events));
            if alike >= limits::COALESCE_BATCHES {
                let from = self.active.len() - alike;
                let joined = StoredBatch::join(&self.active[from..])?;
                self.active.truncate(from);
                self.active.push(Arc::new(joined));
            }
            class_rows *= limits::COALESCE_BATCHES;
        }
        Ok(())
    }

    /// Moves everything active into the frozen list, and returns that list.
    pub(crate) fn freeze(&mut self) -> Vec<Arc<StoredBatch>> {
        self.since = None;
        self.frozen.append(&mut self.active);
        self.frozen.clone()
    }

    /// Makes the frozen batches active again, as they were: they could not be flushed and are due as before.
    pub(crate) fn thaw(&mut self) {
        self.frozen.append(&mut self.active);
        self.active = std::mem::take(&mut self.frozen);
        self.since = self.active.first().and_then(|b| b.received.values().first().copied());
    }

    /// Forgets the frozen batches: they are in segments now.
    pub(crate) fn drop_frozen(&mut self) {
        self.frozen.clear();
    }

    pub(crate) fn batches(&self) -> Vec<Arc<StoredBatch>> {
        self.frozen.iter().chain(&self.active).cloned().collect()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.frozen.iter().chain(&self.active).map(|b| b.memory_bytes).sum()
    }

    pub(crate) fn active_bytes(&self) -> usize {
        self.active.iter().map(|b| b.memory_bytes).sum()
    }

    pub(crate) fn active_rows(&self) -> usize {
        self.active.iter().map(|b| b.rows()).sum()
    }

    /// Receive time of the oldest active event.
    pub(crate) fn since(&self) -> Option<TimestampNs> {
        self.since
    }
}
