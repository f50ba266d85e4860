//! A segment gives back what was put in, in its order, under names that never clash, and notices every changed bit.

mod cache;
mod damage;
mod format;
mod fuzz;
mod merge;
mod names;
mod round_trip;
mod walk;

use std::path::PathBuf;
use std::sync::Arc;

use crate::catalog::FieldTable;
use crate::disk::{Disk, RealDisk};
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName};
use crate::memtable::StoredBatch;
use crate::paths::{DataDir, SegmentId};
use crate::testing::{Event, START, batch};
use crate::upkeep::flush;

use super::cache::FooterCache;
use super::evidence;
use super::file::Head;
use super::reader::Segment;
use super::writer::{ColumnSeen, RowAt, SegmentPlan, write};
use super::{LEVEL_FLUSHED, SegmentInfo};

pub(crate) const STORE: [u8; 16] = [0xa5; 16];
const DATASET: DatasetId = DatasetId(7);

/// A data directory for the segments of one dataset.
pub(crate) struct Bench {
    directory: tempfile::TempDir,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) fields: FieldTable,
    pub(super) footers: Arc<FooterCache>,
    next: u64,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench::at(tempfile::tempdir().unwrap())
    }

    /// In memory where there is such a thing, for tests that write thousands of files.
    pub(super) fn in_memory() -> Bench {
        Bench::at(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap())
    }

    fn at(directory: tempfile::TempDir) -> Bench {
        std::fs::create_dir_all(DataDir::new(directory.path()).dataset(DATASET)).unwrap();
        let footers = Arc::new(FooterCache::new(0));
        Bench { directory, disk: Arc::new(RealDisk), fields: FieldTable::default(), footers, next: 1 }
    }

    pub(crate) fn data_dir(&self) -> DataDir {
        DataDir::new(self.directory.path())
    }

    pub(crate) fn path(&self, id: u64) -> PathBuf {
        self.data_dir().segment(DATASET, SegmentId(id))
    }

    pub(crate) fn sums(&self, id: u64) -> PathBuf {
        self.data_dir().sums(DATASET, SegmentId(id))
    }

    pub(crate) fn sidecar(&self, id: u64) -> PathBuf {
        self.data_dir().sidecar(DATASET, SegmentId(id))
    }

    /// Writes the batches as a flush does.
    pub(crate) fn flush(
        &mut self,
        batches: &[Arc<StoredBatch>],
        cluster_field: Option<&str>,
    ) -> Vec<(SegmentInfo, Vec<ColumnSeen>)> {
        let mut made = Vec::new();
        for segment in flush::plan(batches, cluster_field) {
            let id = self.next;
            self.next += 1;
            made.push(self.write(batches, &segment.rows, cluster_field, id).unwrap());
        }
        made
    }

    pub(crate) fn write(
        &mut self,
        batches: &[Arc<StoredBatch>],
        rows: &[RowAt],
        cluster_field: Option<&str>,
        id: u64,
    ) -> Result<(SegmentInfo, Vec<ColumnSeen>), StoreError> {
        let plan = SegmentPlan {
            head: Head {
                store_id: STORE,
                dataset: DATASET,
                dataset_name: &DatasetName::new("shop").unwrap(),
                id: SegmentId(id),
                level: LEVEL_FLUSHED,
                replaces: Vec::new(),
                cluster_field,
            },
            batches,
            rows,
            columns: flush::columns(batches, rows, &mut self.fields),
        };
        write(&self.disk, &self.data_dir(), &plan)
    }

    /// Writes the sidecar of a segment.
    pub(crate) fn index(&self, info: &SegmentInfo) {
        evidence::write(&self.disk, &self.data_dir(), STORE, info, &|| false).unwrap();
    }

    pub(crate) fn segment(&self, info: &SegmentInfo) -> Segment {
        Segment::new(info.clone(), Arc::clone(&self.disk), self.data_dir(), &self.footers)
    }

    /// Writes events of one day that arrived as one batch, numbered from 1.
    pub(crate) fn one(&mut self, events: &[Event]) -> Segment {
        let made = self.flush(&batches(&[events.to_vec()]), None);
        assert_eq!(made.len(), 1);
        self.segment(&made[0].0)
    }
}

/// The batches numbered from 1 on.
pub(crate) fn batches(requests: &[Vec<Event>]) -> Vec<Arc<StoredBatch>> {
    let mut next = 1;
    let number = |(at, events): (usize, &Vec<Event>)| {
        let first = next;
        next += events.len() as u64;
        Arc::new(StoredBatch::new(batch(events), first, START + at as i64))
    };
    requests.iter().enumerate().map(number).collect()
}
