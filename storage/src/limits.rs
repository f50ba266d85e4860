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
/// Events of a memtable batch from which on its sketches of distinct values are kept: 3 kB a column at most, of 32 kB and more.
pub const DISTINCT_KEPT_ROWS_MIN: usize = 4_096;
/// Datasets of one store; a sender that makes names up must not fill the catalog.
pub const DATASETS_MAX: usize = 1_000;
/// Fields of one dataset that have columns; a sender that makes names up must not make every flush a million columns wide.
pub const FIELDS_MAX: usize = 10_000;
/// Fields of one dataset that get a column when they first come: as many as one event may have. The rest of
/// [`FIELDS_MAX`] is for fields that come often, whoever sends the others.
pub const FIELDS_AT_SIGHT_MAX: usize = EVENT_FIELDS_MAX;
/// Events of one flush that a field must be in to be given a column: below it a column costs more than it saves.
pub const COLUMN_EVENTS_MIN: u64 = 100;
/// Overflow fields of one dataset that are counted one by one. Each costs some hundred bytes of memory for ever.
pub const OVERFLOW_FIELDS_LISTED_MAX: usize = 10_000;
/// Overflow names of one flush whose events are counted to find those that come often.
pub const FREQUENT_NAMES_MAX: usize = 16_384;

/// Rows of one segment: what one footer, one sidecar and one compaction step are sized for.
pub const SEGMENT_ROWS_MAX: usize = 1 << 20;
/// Segments that one flush makes of days; the rest of the days share the last of them.
pub const FLUSH_DAYS_MAX: usize = 16;
/// Rows of one row group: the unit of work of a scan, small enough that two cores share one segment.
pub const ROW_GROUP_ROWS_MAX: usize = 128 << 10;
/// Columns above which a segment is wide: it has one row group, or the footer would outgrow what it describes, and its
/// footer is decoded for the columns asked for.
pub const WIDE_COLUMNS: usize = 1_000;
/// Bytes of memory that a column takes in a decoded footer beside what parquet's metadata says of itself, about.
pub const FOOTER_COLUMN_BYTES: usize = 600;
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

/// Sequences that the ranges of a footer may name, removed events included: more is nonsense that would fill the memory
/// (some 64 MB for so many).
pub const FOOTER_SEQUENCES_MAX: u64 = 1 << 36;
/// Seconds from the beginning of one pass of the scrub to the next: damage is found while last week's backup is there.
pub const SCRUB_PASS_SECONDS: i64 = 7 * 86_400;
/// Seconds between the beginnings of passes when the operator says how fast the scrub reads.
pub const SCRUB_REST_SECONDS: i64 = 1;
/// Bytes a second that the scrub reads at least, unless the operator says otherwise.
pub const SCRUB_BYTES_PER_SECOND_MIN: u64 = 1 << 20;
/// Bytes that the scrub reads at a time.
pub const SCRUB_STEP_BYTES: usize = 1 << 20;
/// Bytes that the scrub may have to read again after a restart.
pub const SCRUB_SAVE_BYTES: u64 = 64 << 20;

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

/// Bytes of the id that a sender gives a body.
pub const BATCH_ID_BYTES_MAX: usize = 64;
/// Acknowledgements that are kept, the newest, so that a body sent again is not stored again. Each takes 69 bytes of
/// memory when there are so many (an entry of 56, room to grow, its place in a table: 138 MB) and 48 on disk.
pub const ACKNOWLEDGEMENTS_MAX: usize = 2_000_000;
/// Seconds for which they are kept.
pub const ACKNOWLEDGEMENT_SECONDS_MAX: u64 = 15 * 60;
/// Bytes of what one of them says of rejected events; more is not kept.
pub const ACKNOWLEDGEMENT_DETAILS_BYTES_MAX: usize = 64 << 10;
/// Bytes of what all of them say of rejected events. A sender of nonsense must not fill the memory; numbers and ids
/// stay when the oldest of these go.
pub const ACKNOWLEDGEMENTS_DETAILS_BYTES_MAX: usize = 64 << 20;
/// Bytes of acknowledgements that one frame carries over from files that go.
pub const CARRIED_FRAME_BYTES: usize = 1 << 20;
/// Log files that hold nothing but carried acknowledgements before they are made into one.
pub const CARRIED_FILES_MAX: usize = 8;

/// Bytes of the device that ingest leaves free, unless 1 % is more; see `store/space.rs`.
pub const SPACE_RESERVE_BYTES: u64 = 256 << 20;
/// The reserve is at most this part of the device, so that a small one can be used at all.
pub const SPACE_RESERVE_PART_MAX: u64 = 16;
/// Ingest that was stopped goes on when this part of the reserve's size is free above it.
pub const SPACE_REOPEN_PART: u64 = 4;
/// Bytes let in between two looks at the device, as a part of the reserve.
pub const SPACE_LOOK_PART: u64 = 8;
/// A log file is at most this part of the device.
pub const SPACE_WAL_FILE_PART: u64 = 32;
/// Memtable bytes that are worth segments of their own when the device is nearly full.
pub const SPACE_FLUSH_BYTES_MIN: u64 = 1 << 20;
/// Niceness of the threads that answer questions, compared with those that only move bytes: taking a request in, writing the log
/// and sending an answer take little time each, and everybody waits for them.
pub const QUESTION_NICENESS: i32 = 2;
/// Niceness of the thread that flushes: it has no more to do than what was taken in, and when it lags behind everybody waits for
/// it.
pub const FLUSH_NICENESS: i32 = 5;
/// Niceness of the threads that decode bodies: of those there is no end.
pub const DECODING_NICENESS: i32 = 8;
/// Niceness of the thread that merges segments: nobody waits for it.
pub const COMPACTION_NICENESS: i32 = 10;

/// What an operator may turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// Memtable bytes of one dataset that start a flush. Larger makes fewer, larger segments and needs more memory.
    pub flush_bytes_max: usize,
    /// Seconds after which a memtable is flushed however small, so that the WAL can be trimmed.
    pub flush_age_seconds_max: u64,
    /// Memtable bytes of all datasets; above it `append` waits for a flush and then sheds. The ceiling of that pool in the
    /// process's memory.
    pub memtable_bytes_max: usize,
    /// Bytes of the device that ingest leaves free; none for [`SPACE_RESERVE_BYTES`] or what fits the device better.
    pub disk_reserve_bytes: Option<u64>,
    /// Bytes of a WAL file before the next one is begun.
    pub wal_file_bytes_max: usize,
    /// Bytes of decoded footers that are kept. A segment of 200 columns and a million rows takes 2 MB.
    pub footer_cache_bytes_max: usize,
    /// Datasets that may exist.
    pub datasets_max: usize,
    /// Fields of one dataset that have columns; further ones are in overflow. Every flush and footer costs what a
    /// dataset has.
    pub fields_max: usize,
    /// Fields of one dataset that get a column when they first come; later ones when they come often.
    pub fields_at_sight_max: usize,
    /// Overflow fields of one dataset that are counted one by one.
    pub overflow_fields_listed_max: usize,
    /// How long events of datasets without a policy of their own are kept.
    pub retention: Retention,
    /// The evidence that a flush writes.
    pub flush_evidence: Evidence,
    /// Bytes a second that the scrub reads; 0 for no scrub, none for a pass in about a week.
    pub scrub_bytes_per_second: Option<u64>,
}

impl Default for StoreLimits {
    fn default() -> StoreLimits {
        StoreLimits {
            flush_bytes_max: 192 << 20,
            flush_age_seconds_max: 600,
            memtable_bytes_max: 512 << 20,
            disk_reserve_bytes: None,
            wal_file_bytes_max: 64 << 20,
            footer_cache_bytes_max: 256 << 20,
            datasets_max: DATASETS_MAX,
            fields_max: FIELDS_MAX,
            fields_at_sight_max: FIELDS_AT_SIGHT_MAX,
            overflow_fields_listed_max: OVERFLOW_FIELDS_LISTED_MAX,
            retention: Retention::default(),
            flush_evidence: Evidence::None,
            scrub_bytes_per_second: None,
        }
    }
}
