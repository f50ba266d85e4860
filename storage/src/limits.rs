//! Every bound of the store in one place: value, unit, reason, and whether changing it changes the files.
//!
//! Bounds that an operator may turn are in [`StoreLimits`]; the rest are constants because nobody should.

use crate::index::Evidence;
use crate::upkeep::retain::Retention;

/// Bytes of a field name. Written into footers and the catalog; longer names are data that got into the key.
pub const FIELD_NAME_BYTES_MAX: usize = 256;
/// Bytes of a dataset name, after trimming and lower-casing.
pub const DATASET_NAME_BYTES_MAX: usize = 128;
/// Objects flatten to this depth; deeper ones become JSON text, so that a hostile event cannot make thousands of names.
pub const FLATTEN_DEPTH_MAX: usize = 16;
/// Nesting beyond this rejects the event: nobody reads it, and recursion must end.
pub const NESTING_DEPTH_MAX: usize = 128;
/// Fields of one event. More is a map of ids, not an event.
pub const EVENT_FIELDS_MAX: usize = 2_000;
/// Bytes of one event as sent.
pub const EVENT_BYTES_MAX: usize = 1 << 20;
/// Bytes of one string value; longer ones are cut and marked in `meta.truncated`.
pub const STRING_BYTES_MAX: usize = 64 << 10;
/// Bytes of an inflated request body.
pub const BODY_BYTES_MAX: usize = 64 << 20;
/// Different field × type columns of one batch. Beyond it events are put into a further batch, so that the padding
/// of sparse columns stays bounded however a sender names its fields.
pub const BATCH_COLUMNS_MAX: usize = 4_096;
/// Sample rates above this are not sampling.
pub const SAMPLE_RATE_MAX: u32 = i32::MAX as u32;
/// Rejected events that an answer lists; all are counted.
pub const REJECTS_LISTED_MAX: usize = 100;
/// Datasets of one store; a sender that makes names up must not fill the catalog.
pub const DATASETS_MAX: usize = 1_000;
/// Fields of one dataset; a sender that makes names up must not make every flush a million columns wide.
pub const FIELDS_MAX: usize = 10_000;

/// Rows of one segment: what one footer, one sidecar and one compaction step are sized for.
pub const SEGMENT_ROWS_MAX: usize = 1 << 20;
/// Segments that one flush makes of days; the rest of the days share the last of them.
pub const FLUSH_DAYS_MAX: usize = 16;
/// Rows of one row group: the unit of work of a scan, small enough that two cores share one segment.
pub const ROW_GROUP_ROWS_MAX: usize = 128 << 10;
/// Rows of one page: what the page index can skip.
pub const PAGE_ROWS_MAX: usize = 4_096;
/// Rows between the writer's looks at page sizes; above [`PAGE_ROWS_MAX`] pages would overshoot.
pub const WRITE_BATCH_ROWS: usize = 1_024;
/// Bytes of a dictionary page before the writer falls back to plain values.
pub const DICTIONARY_BYTES_MAX: usize = 4 << 20;
/// Values that a cluster field may have: fewer than two order nothing, more make runs too short to skip.
pub const CLUSTER_VALUES: std::ops::RangeInclusive<usize> = 2..=256;
/// Bytes that one checksum covers. Part of the segment format.
pub const CHECKSUM_BLOCK_BYTES: usize = 64 << 10;
/// Sequence ranges that a footer lists; more are written as a bitmap.
pub const FOOTER_RANGES_MAX: usize = 4_096;

/// Segments of like size that are merged: an event is written about once for every time its segment grows so much.
pub const COMPACTION_FAN_IN: usize = 4;
/// Rows of the segments of the lowest tier: what is smaller is all alike.
pub const COMPACTION_TIER_ROWS: u64 = 1_024;
/// Segments that one merge reads: each costs a decoder for the column being written.
pub const COMPACTION_INPUTS_MAX: usize = 32;
/// Bytes of the segments that one merge reads. Bounds its time, and what one column of its output may take in memory.
pub const COMPACTION_BYTES_MAX: u64 = 256 << 20;
/// Seconds without arrivals after which a day's last small segments are merged.
pub const COMPACTION_QUIET_SECONDS: i64 = 3_600;

/// Bytes of one WAL frame's body; a request that needs more is refused. Bounds what replay may allocate.
pub const FRAME_BYTES_MAX: usize = 512 << 20;
/// Bytes after which the writer stops adding requests to a frame.
pub const FRAME_GROUP_BYTES: usize = 16 << 20;
/// Requests that one fsync may cover.
pub const FRAME_GROUP_REQUESTS_MAX: usize = 1_024;
/// Batches below this many rows are joined with others of their dataset before they are encoded.
pub const SMALL_BATCH_ROWS: usize = 64;
/// Requests waiting for the WAL writer.
pub const APPEND_QUEUE_REQUESTS: usize = 1_024;
/// Batches of one size class that a memtable holds before they are joined into one of the next.
pub const COALESCE_BATCHES: usize = 8;
/// Rows from which memtable batches are left alone.
pub const COALESCE_ROWS_MAX: usize = 8_192;

/// What an operator may turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// Memtable bytes of one dataset that start a flush. Larger makes fewer, larger segments and needs more memory.
    pub flush_bytes_max: usize,
    /// Seconds after which a memtable is flushed however small, so that the WAL can be trimmed.
    pub flush_age_seconds_max: u64,
    /// Memtable bytes of all datasets; above it `append` waits for a flush and then sheds.
    pub memtable_bytes_max: usize,
    /// Bytes of a WAL file before the next one is begun.
    pub wal_file_bytes_max: usize,
    /// Datasets that may exist.
    pub datasets_max: usize,
    /// Fields that one dataset may have. Every flush, footer and field list costs what a dataset has.
    pub fields_max: usize,
    /// How long events of datasets without a policy of their own are kept.
    pub retention: Retention,
    /// The evidence that a flush writes.
    pub flush_evidence: Evidence,
}

impl Default for StoreLimits {
    fn default() -> StoreLimits {
        StoreLimits {
            flush_bytes_max: 192 << 20,
            flush_age_seconds_max: 600,
            memtable_bytes_max: 512 << 20,
            wal_file_bytes_max: 64 << 20,
            datasets_max: DATASETS_MAX,
            fields_max: FIELDS_MAX,
            retention: Retention::default(),
            flush_evidence: Evidence::None,
        }
    }
}
