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

/// When a batch is closed and a further one begun, and when a body is too wide altogether.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Columns of one batch, unless a single event has more.
    pub(crate) batch_columns_max: usize,
    /// Columns × rows of one batch.
    pub(crate) batch_cells_max: usize,
    /// Bytes of text in one batch.
    pub(crate) batch_text_bytes_max: usize,
    /// Columns of all batches of one body.
    pub(crate) body_columns_max: usize,
    /// Names known at once.
    pub(crate) names_max: usize,
}

/// Padding costs at most 8 bytes a cell: 64 MiB a batch. With 170 columns that is 49,000 rows.
pub(crate) const BATCH_CELLS_MAX: usize = 8 << 20;

/// Arrow's string offsets are 31 bit; a batch is closed well before them, whatever an operator sets as body limit.
pub(crate) const BATCH_TEXT_BYTES_MAX: usize = 1 << 30;

/// An event is never longer than this, whatever the settings say, for the same reason.
pub(crate) const EVENT_BYTES_CEILING: usize = 512 << 20;

/// An Arrow column costs some 600 bytes however few values it has, so a body in which every event has names of its own
/// would become a hundred times its size. A body that stays below this is below about 1 GiB.
pub(crate) const BODY_COLUMNS_MAX: usize = 1_500_000;

/// Names are forgotten between events beyond this, so that names without a value (nulls) are bounded too.
pub(crate) const NAMES_MAX: usize = 4 * limits::BATCH_COLUMNS_MAX;

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            batch_columns_max: limits::BATCH_COLUMNS_MAX,
            batch_cells_max: BATCH_CELLS_MAX,
            batch_text_bytes_max: BATCH_TEXT_BYTES_MAX,
            body_columns_max: BODY_COLUMNS_MAX,
            names_max: NAMES_MAX,
        }
    }
}
