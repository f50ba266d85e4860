//! One Parquet file: written once, read through a mapping, never changed.
//!
//! 1. [`footer`] is what the file says of itself, in Parquet's key-value metadata.
//! 2. [`blocks`] checks every 64 KiB block of the file before it is used for the first time.
//! 3. [`file`] is the file while it is written; [`writer`] fills it from memtables, [`merge`] from other segments.
//! 4. [`evidence`] writes the sidecar of a finished file.
//! 5. [`reader`] is the handle that queries read columns from; [`decode`] reads footers, [`cache`] keeps them within a bound,
//!    [`damage`] is what was found wrong.
//! 6. [`walk`] shows all of it to whoever looks for something, [`verify`] reads it for no other reason than to know that it is
//!    sound.
//!
//! It must not know the catalog, the WAL or what is asked.
#![doc = include_str!("../../format/segment.md")]

pub(crate) mod blocks;
pub(crate) mod cache;
pub(crate) mod damage;
mod decode;
pub(crate) mod evidence;
pub(crate) mod file;
pub(crate) mod footer;
pub(crate) mod merge;
pub(crate) mod reader;
pub(crate) mod sequences;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod verify;
pub(crate) mod walk;
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
    /// A segment of which only the number is known, if that: it may hold events of any time.
    pub(crate) fn unknown(dataset: DatasetId, id: SegmentId) -> SegmentInfo {
        SegmentInfo {
            id,
            dataset,
            rows: 0,
            bytes: 0,
            time_min: TimestampNs::MIN,
            time_max: TimestampNs::MAX,
            received_max: TimestampNs::MAX,
            sequence_min: 0,
            sequence_max: u64::MAX,
            sampled: false,
            level: LEVEL_FLUSHED,
            cluster_field: None,
        }
    }

    /// Whether it is one of which nothing is known.
    pub fn is_unknown(&self) -> bool {
        self.rows == 0
    }

    /// What `other` says differently, in words.
    pub(crate) fn difference(&self, other: &SegmentInfo) -> Option<String> {
        let pairs = [
            ("rows", self.rows, other.rows),
            ("bytes", self.bytes, other.bytes),
            ("time_min", self.time_min as u64, other.time_min as u64),
            ("time_max", self.time_max as u64, other.time_max as u64),
            ("received_max", self.received_max as u64, other.received_max as u64),
            ("sequence_min", self.sequence_min, other.sequence_min),
            ("sequence_max", self.sequence_max, other.sequence_max),
            ("sampled", u64::from(self.sampled), u64::from(other.sampled)),
            ("level", u64::from(self.level), u64::from(other.level)),
        ];
        let number = pairs.into_iter().find(|(_, own, others)| own != others);
        let number = number.map(|(name, own, others)| format!("{name} {others} instead of {own}"));
        let cluster = (self.cluster_field != other.cluster_field)
            .then(|| format!("cluster_field {:?} instead of {:?}", other.cluster_field, self.cluster_field));
        let place = ((self.dataset, self.id) != (other.dataset, other.id))
            .then(|| format!("segment {} of dataset {}", other.id.0, other.dataset));
        place.or(number).or(cluster)
    }

    /// The UTC day of its events, if they are of one.
    pub fn day(&self) -> Option<i64> {
        let day = self.time_min.div_euclid(DAY_NS);
        (day == self.time_max.div_euclid(DAY_NS)).then_some(day)
    }
}
