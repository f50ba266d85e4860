//! One Parquet file: written once, read through a mapping, never changed.
//!
//! 1. [`footer`] is what the file says of itself, in Parquet's key-value metadata.
//! 2. [`blocks`] checks every 64 KiB block of the file before it is used for the first time.
//! 3. [`writer`] orders events and writes a file with its checksums.
//! 4. [`reader`] is the handle that queries read columns from.
//!
//! It must not know the catalog, the WAL or what is asked.
#![doc = include_str!("../../format/segment.md")]

pub(crate) mod blocks;
pub(crate) mod footer;
pub(crate) mod reader;
#[cfg(test)]
mod tests;
pub(crate) mod writer;

use crate::event::{DatasetId, TimestampNs};
use crate::paths::SegmentId;

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
    pub sequence_min: u64,
    pub sequence_max: u64,
    /// Whether some event stands for more than itself.
    pub sampled: bool,
}
