//! One Parquet file: written once, read through a mapping, never changed.
//!
//! 1. [`footer`] is what the file says of itself, in Parquet's key-value metadata.
//! 2. [`blocks`] checks every 64 KiB block of the file before it is used for the first time.
//! 3. [`file`] is the file while it is written; [`writer`] fills it from memtables, [`merge`] from other segments.
//! 4. [`evidence`] writes the sidecar of a finished file.
//! 5. [`reader`] is the handle that queries read columns from; [`decode`] reads footers, [`cache`] keeps them within a bound.
//!
//! It must not know the catalog, the WAL or what is asked.
#![doc = include_str!("../../format/segment.md")]

pub(crate) mod blocks;
pub(crate) mod cache;
mod decode;
pub(crate) mod evidence;
pub(crate) mod file;
pub(crate) mod footer;
pub(crate) mod merge;
pub(crate) mod reader;
pub(crate) mod sequences;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod writer;

use crate::event::{DatasetId, TimestampNs};
use crate::paths::SegmentId;

pub(crate) const DAY_NS: i64 = 86_400_000_000_000;

/// What the catalog knows of a segment: enough to skip it without touching the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    pub id: SegmentId,
    pub dataset: DatasetId,
    pub rows: u64,
    /// Length of the Parquet file.
    pub bytes: u64,
    pub time_min: TimestampNs,
    pub time_max: TimestampNs,
    /// The latest receive time.
    pub received_max: TimestampNs,
    pub sequence_min: u64,
    pub sequence_max: u64,
    /// Whether some event stands for more than itself.
    pub sampled: bool,
    /// [`LEVEL_FLUSHED`] or [`LEVEL_COMPACTED`].
    pub level: u8,
    /// The field that its rows are ordered by before time, if there is one.
    pub cluster_field: Option<String>,
}

/// A segment as a flush wrote it: quickly compressed, and as small as the flush was.
pub const LEVEL_FLUSHED: u8 = 0;
/// A segment that was written out of others.
pub const LEVEL_COMPACTED: u8 = 1;

impl SegmentInfo {
    /// The UTC day of its events, if they are of one.
    pub fn day(&self) -> Option<i64> {
        let day = self.time_min.div_euclid(DAY_NS);
        (day == self.time_max.div_euclid(DAY_NS)).then_some(day)
    }
}
