//! What upkeep has done, told piece by piece to whoever watches. It must not know what becomes of it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::StoreError;
use crate::event::{DatasetName, TimestampNs};
use crate::segment::SegmentInfo;

/// What kind of work it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpkeepKind {
    /// A memtable became segments.
    Flush,
    /// Segments became one.
    Compaction,
}

/// A piece of work that has ended, well or not. What a closing store gives up is not told.
#[derive(Debug)]
pub struct UpkeepDone<'a> {
    pub kind: UpkeepKind,
    pub dataset: &'a DatasetName,
    /// When it began, by the store's clock.
    pub began: TimestampNs,
    pub took: Duration,
    pub wrote: Wrote,
    pub error: Option<&'a StoreError>,
}

/// What went in, and what came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrote {
    pub events_in: u64,
    pub events_out: u64,
    /// None for what came out of memory.
    pub segments_in: u64,
    pub segments_out: u64,
    pub bytes_out: u64,
}

impl Wrote {
    pub(crate) fn add(&mut self, segment: &SegmentInfo) {
        self.events_out += segment.rows;
        self.segments_out += 1;
        self.bytes_out += segment.bytes;
    }
}

/// Somebody who is told. Called in the thread that did the work, between two pieces of it: it must not wait.
#[derive(Clone)]
pub struct Watcher(Arc<dyn Fn(&UpkeepDone<'_>) + Send + Sync>);

impl Watcher {
    pub fn new(watch: impl Fn(&UpkeepDone<'_>) + Send + Sync + 'static) -> Watcher {
        Watcher(Arc::new(watch))
    }

    /// Nobody watches.
    pub fn nobody() -> Watcher {
        Watcher::new(|_| ())
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

/// A piece of work under way.
#[derive(Debug)]
pub(crate) struct Watched {
    kind: UpkeepKind,
    began: TimestampNs,
    since: Instant,
    /// None until there is anything to do.
    pub(crate) dataset: Option<DatasetName>,
    pub(crate) wrote: Wrote,
}

impl Watched {
    pub(crate) fn new(kind: UpkeepKind, began: TimestampNs) -> Watched {
        Watched { kind, began, since: Instant::now(), dataset: None, wrote: Wrote::default() }
    }

    /// Tells how it ended.
    pub(crate) fn ended(self, watcher: &Watcher, ended: &Result<(), StoreError>) {
        let (Some(dataset), error) = (&self.dataset, ended.as_ref().err()) else { return };
        if !matches!(error, Some(StoreError::Closed)) {
            let Watched { kind, began, since, wrote, .. } = self;
            (watcher.0)(&UpkeepDone { kind, dataset, began, took: since.elapsed(), wrote, error });
        }
    }
}
