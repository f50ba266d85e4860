//! The bounds of decoding: those an operator may turn, and those that only keep memory in hand.
//!
//! Must not know protocols; the values that the files depend on are in `outcrop_storage::limits`.

use outcrop_storage::limits;

/// Bounds that are settings. The defaults are the store's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body, inflated.
    pub body_bytes_max: usize,
    /// Bytes of one event as sent.
    pub event_bytes_max: usize,
    /// Fields of one event.
    pub event_fields_max: usize,
    /// Bytes of one string value; longer ones are cut.
    pub string_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_bytes_max: limits::BODY_BYTES_MAX,
            event_bytes_max: limits::EVENT_BYTES_MAX,
            event_fields_max: limits::EVENT_FIELDS_MAX,
            string_bytes_max: limits::STRING_BYTES_MAX,
        }
    }
}

/// Rules of redaction: each is asked of every field of every batch.
pub(crate) const REDACTION_RULES_MAX: usize = 100;
/// Names in one of them.
pub(crate) const REDACTION_PATTERNS_MAX: usize = 20;

/// What a search for what must not be kept tells apart: more fields than anybody makes rules for.
pub(crate) const FINDINGS_MAX: usize = 1_000;

/// When a batch is closed and a further one begun, and when a body is too wide altogether.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Columns of one batch, unless a single event has more.
    pub(crate) batch_columns_max: usize,
    /// Columns × rows of one batch.
    pub(crate) batch_cells_max: usize,
    /// Bytes of text in one batch.
    pub(crate) batch_text_bytes_max: usize,
    /// Columns × rows of one batch for each value in it, beyond the first [`BATCH_CELLS_FREE`].
    pub(crate) batch_cells_per_value_max: usize,
    /// Columns of all batches of one body.
    pub(crate) body_columns_max: usize,
    /// Columns × rows of all batches of one body.
    pub(crate) body_cells_max: usize,
    /// Bytes of text in all batches of one body for each byte that a body may have.
    pub(crate) body_text_growth_max: usize,
    /// Names known at once.
    pub(crate) names_max: usize,
}

/// Padding costs at most 8 bytes a cell: 64 MiB a batch. With 170 columns that is 49,000 rows.
pub(crate) const BATCH_CELLS_MAX: usize = 8 << 20;

/// Arrow's string offsets are 31 bit; a batch is closed well before them, whatever an operator sets as body limit.
pub(crate) const BATCH_TEXT_BYTES_MAX: usize = 1 << 30;

/// An event is never longer than this, whatever the settings say, for the same reason.
pub(crate) const EVENT_BYTES_CEILING: usize = 512 << 20;

/// A batch in which most cells are padding is closed: events with names of their own would otherwise pay for each other's
/// columns. Wide but honest events have one value for every few cells.
pub(crate) const BATCH_CELLS_PER_VALUE_MAX: usize = 64;

/// So many cells may be padding whatever the values, 512 KiB: small batches have a price of their own.
pub(crate) const BATCH_CELLS_FREE: usize = 64 << 10;

/// An Arrow column costs some 600 bytes however few values it has: 60 MB. No dataset takes as many fields by far.
pub(crate) const BODY_COLUMNS_MAX: usize = 100_000;

/// At most 8 bytes a cell: 256 MiB. A body of 50,000 events may still have 670 columns.
pub(crate) const BODY_CELLS_MAX: usize = 32 << 20;

/// Where events have things in common, a body says them once and columns for each event: 256 MiB by default.
pub(crate) const BODY_TEXT_GROWTH_MAX: usize = 4;

/// What an Arrow column costs however few values it has.
pub(crate) const COLUMN_BYTES: usize = 600;

/// Memory is reserved at least so much at a time: a reservation takes a lock that all share.
pub(crate) const MEMORY_STEP_BYTES: usize = 256 << 10;

/// Names are forgotten between events beyond this, so that names without a value (nulls) are bounded too.
pub(crate) const NAMES_MAX: usize = 4 * limits::BATCH_COLUMNS_MAX;

/// Events of a body whose answer has a line for each: the answer stays below 64 MiB.
pub(crate) const ITEMS_MAX: usize = 250_000;

/// Datasets that one body may name; further ones go where events without a dataset go.
pub(crate) const BODY_DATASETS_MAX: usize = 1_000;

/// Resources of one request: two bytes of a hostile one each, twenty of memory.
pub(crate) const BODY_RESOURCES_MAX: usize = 100_000;

/// Data points of one request: they are sorted before they become events, which takes 60 bytes each.
pub(crate) const BODY_POINTS_MAX: usize = 1_000_000;

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            batch_columns_max: limits::BATCH_COLUMNS_MAX,
            batch_cells_max: BATCH_CELLS_MAX,
            batch_text_bytes_max: BATCH_TEXT_BYTES_MAX,
            batch_cells_per_value_max: BATCH_CELLS_PER_VALUE_MAX,
            body_columns_max: BODY_COLUMNS_MAX,
            body_cells_max: BODY_CELLS_MAX,
            body_text_growth_max: BODY_TEXT_GROWTH_MAX,
            names_max: NAMES_MAX,
        }
    }
}
