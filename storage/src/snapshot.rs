//! Memtables and segments at one instant: all that a reader ever sees. Holding one keeps its data readable.

use std::sync::Arc;

use crate::catalog::FieldTable;
use crate::event::{DatasetId, DatasetName, FieldType, TimestampNs, reserved};
use crate::memtable::StoredBatch;
use crate::overflow::{FieldFinder, OverflowTable};
use crate::segment::reader::Segment;

#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub datasets: Vec<DatasetSnapshot>,
}

#[derive(Clone, Debug)]
pub struct DatasetSnapshot {
    pub id: DatasetId,
    pub name: DatasetName,
    /// Fields of the segments; the memtable's come on top.
    pub fields: Arc<FieldTable>,
    pub segments: Arc<Vec<Arc<Segment>>>,
    /// Segments that cannot be read: what is answered lacks their events.
    pub set_aside: Arc<Vec<Arc<Segment>>>,
    pub memtable: Vec<Arc<StoredBatch>>,
    /// Overflow fields that are counted one by one.
    pub(crate) overflow_fields_listed_max: usize,
}

/// What is known of the values that a field has in overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InOverflow {
    /// The types that it surely has there, in the order of [`FieldType::ALL`].
    pub types: [bool; 4],
    /// Whether segments may hold values of further types.
    pub uncounted: bool,
    /// No event outside of this time range has a value there.
    pub time_min: TimestampNs,
    pub time_max: TimestampNs,
}

impl InOverflow {
    fn see(&mut self, field_type: FieldType, first: TimestampNs, last: TimestampNs) {
        self.types[field_type as usize] = true;
        self.time_min = self.time_min.min(first);
        self.time_max = self.time_max.max(last);
    }
}

impl Snapshot {
    pub fn dataset(&self, name: &str) -> Option<&DatasetSnapshot> {
        self.datasets.iter().find(|d| d.name.as_str() == name)
    }
}

impl DatasetSnapshot {
    /// Sets aside the segments in which somebody has met damage since; whether there were any.
    pub fn set_aside_damaged(&mut self) -> bool {
        if self.segments.iter().all(|s| s.damage().is_none()) {
            return false;
        }
        let (sound, damaged) = self.segments.iter().cloned().partition(|s| s.damage().is_none());
        self.segments = Arc::new(sound);
        let damaged: Vec<Arc<Segment>> = damaged;
        Arc::make_mut(&mut self.set_aside).extend(damaged);
        true
    }

    pub fn events(&self) -> u64 {
        let segments: u64 = self.segments.iter().map(|s| s.info().rows).sum();
        segments + self.memtable.iter().map(|b| b.rows() as u64).sum::<u64>()
    }

    /// The number after that of the last event: whatever is acknowledged later has a larger one.
    pub fn sequence_end(&self) -> u64 {
        let segments = self.segments.iter().map(|s| s.info().sequence_max);
        let memtable = self.memtable.iter().filter_map(|b| b.sequence().values().last().copied());
        segments.chain(memtable).max().map_or(0, |last| last + 1)
    }

    /// Bytes of the segments on disk and of the memtable in memory.
    pub fn bytes(&self) -> u64 {
        let segments: u64 = self.segments.iter().map(|s| s.info().bytes).sum();
        segments + self.memtable.iter().map(|b| b.memory_bytes() as u64).sum::<u64>()
    }

    /// What is known of the values that `field` has in overflow; none if it has none.
    pub fn in_overflow(&self, field: &str) -> Option<InOverflow> {
        let table = self.fields.overflow();
        let entry = table.get(field);
        if self.fields.get(field).is_some() && entry.is_none() {
            return None;
        }
        let mut found =
            InOverflow { types: [false; 4], uncounted: false, time_min: TimestampNs::MAX, time_max: TimestampNs::MIN };
        for (field_type, count) in entry.iter().flat_map(|e| e.types()) {
            found.see(field_type, count.first_seen, count.last_seen);
        }
        if self.is_uncounted(field) {
            (found.uncounted, found.time_min, found.time_max) = (true, TimestampNs::MIN, TimestampNs::MAX);
        }
        self.find_in_memtable(field, &mut found);
        (found.uncounted || found.types.contains(&true)).then_some(found)
    }

    /// Whether segments may hold overflow values of `field` that nobody has counted: only reading them tells.
    pub fn is_uncounted(&self, field: &str) -> bool {
        let table = self.fields.overflow();
        match table.get(field) {
            Some(entry) => entry.uncounted,
            None => self.fields.get(field).is_none() && table.may_hide(field),
        }
    }

    /// What the memtable holds is not counted anywhere yet.
    fn find_in_memtable(&self, field: &str, found: &mut InOverflow) {
        let batches = || self.memtable.iter().filter_map(|batch| Some((batch, batch.events().overflow()?)));
        if batches().next().is_none() {
            return;
        }
        let finder = FieldFinder::new(field);
        for (batch, texts) in batches() {
            let (min, max) = batch.time_range();
            for value in texts.iter().flatten().filter_map(|text| finder.find(text)) {
                found.see(value.field_type(), min, max);
            }
        }
    }

    /// The overflow fields of segments and memtable.
    pub fn overflow(&self) -> Arc<OverflowTable> {
        if self.memtable.iter().all(|b| b.events().overflow().is_none()) {
            return Arc::clone(self.fields.overflow());
        }
        let mut table = OverflowTable::clone(self.fields.overflow());
        let has_column = |field: &str| self.fields.get(field).is_some();
        table.count(&self.memtable, self.overflow_fields_listed_max, has_column);
        Arc::new(table)
    }

    /// Whether some event may have overflow fields.
    pub fn has_overflow(&self) -> bool {
        self.fields.get(reserved::OVERFLOW).is_some() || self.memtable.iter().any(|b| b.events().overflow().is_some())
    }

    /// The earliest and latest event time, if there is an event.
    pub fn time_range(&self) -> Option<(TimestampNs, TimestampNs)> {
        let segments = self.segments.iter().map(|s| (s.info().time_min, s.info().time_max));
        let memtable = self.memtable.iter().map(|b| b.time_range());
        segments.chain(memtable).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }
}
