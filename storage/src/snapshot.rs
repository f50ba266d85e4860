//! Memtables and segments at one instant: all that a reader ever sees. Holding one keeps its data readable.

use std::sync::Arc;

use crate::catalog::FieldTable;
use crate::event::{DatasetId, DatasetName, TimestampNs};
use crate::memtable::StoredBatch;
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
    pub memtable: Vec<Arc<StoredBatch>>,
}

impl Snapshot {
    pub fn dataset(&self, name: &str) -> Option<&DatasetSnapshot> {
        self.datasets.iter().find(|d| d.name.as_str() == name)
    }
}

impl DatasetSnapshot {
    pub fn events(&self) -> u64 {
        let segments: u64 = self.segments.iter().map(|s| s.info().rows).sum();
        segments + self.memtable.iter().map(|b| b.rows() as u64).sum::<u64>()
    }

    /// Bytes of the segments on disk and of the memtable in memory.
    pub fn bytes(&self) -> u64 {
        let segments: u64 = self.segments.iter().map(|s| s.info().bytes).sum();
        segments + self.memtable.iter().map(|b| b.memory_bytes() as u64).sum::<u64>()
    }

    /// The earliest and latest event time, if there is an event.
    pub fn time_range(&self) -> Option<(TimestampNs, TimestampNs)> {
        let segments = self.segments.iter().map(|s| (s.info().time_min, s.info().time_max));
        let memtable = self.memtable.iter().map(|b| b.time_range());
        segments.chain(memtable).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }
}
