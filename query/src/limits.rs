//! Every bound of a question and its answer: value, unit, reason.

use crate::error::QueryError;

/// Filters, calculations, breakdowns, orders and havings of one spec, each.
pub const CLAUSES_MAX: usize = 100;
/// Bytes of the text of one calculated field or formula: some pages.
pub const EXPRESSION_BYTES_MAX: usize = 16 << 10;
/// Parentheses within each other in one text.
pub const EXPRESSION_DEPTH_MAX: usize = 50;
/// Levels of an expression with everything that it names: each is a call on the stack.
pub const EXPRESSION_LEVELS_MAX: usize = 200;
/// Parts of an expression with everything that it names: some microseconds an event.
pub const EXPRESSION_NODES_MAX: usize = 2_000;
/// Bytes of a text that an expression makes: as many as a text may have that is sent.
pub const EXPRESSION_TEXT_BYTES_MAX: usize = 64 << 10;
/// Values of one `in` list.
pub const IN_LIST_MAX: usize = 10_000;
/// Groups of an answer, rows of a page.
pub const LIMIT_MAX: usize = 10_000;
/// Groups of an answer, rows of a page, when the spec does not say.
pub const LIMIT_DEFAULT: usize = 100;
/// Time buckets of an answer: more than any screen has points.
pub const BUCKETS_MAX: i64 = 2_000;
/// Time buckets that automatic granularity aims at, at most.
pub const BUCKETS_AUTOMATIC_MAX: i64 = 200;
/// Numbers in the series of one answer; beyond it fewer groups have one.
pub const SERIES_NUMBERS_MAX: usize = 500_000;
/// Cells of one page of rows; beyond it fewer rows and a cursor.
pub const ROWS_CELLS_MAX: usize = 2_000_000;
/// Spans of a trace's answer: three times what any screen can unfold.
pub const TRACE_SPANS_MAX: usize = 100_000;
/// Events of a trace that are read: its spans, and the events and links in them.
pub const TRACE_EVENTS_MAX: usize = 200_000;
/// Bytes of a trace id.
pub const TRACE_ID_BYTES_MAX: usize = 256;
/// Events that a tail takes at once; more is more than anybody reads.
pub const TAIL_EVENTS_MAX: usize = 500;
/// Bins of a heatmap.
pub const HEATMAP_BINS_MAX: usize = 64;
/// Seconds of the default time range.
pub const TIME_RANGE_DEFAULT_SECONDS: i64 = 7_200;
/// Distinct values of one group that are counted exactly.
pub const DISTINCT_EXACT_MAX: usize = 100_000;
/// Bytes of a compiled regular expression.
pub const REGEX_BYTES_MAX: usize = 1 << 20;
/// Names offered for one that is unknown.
pub const SIMILAR_NAMES_MAX: usize = 3;
/// Seconds a question may take when it does not say.
pub const TIMEOUT_DEFAULT_SECONDS: u64 = 30;
/// Seconds a question may ask for.
pub const TIMEOUT_SECONDS_MAX: u64 = 600;
/// Values offered for completion, at most.
pub const VALUES_MAX: usize = 1_000;
/// Datasets of one list.
pub const DATASETS_MAX: usize = 1_000;
/// Bytes of the texts of one field that a question knows by number: beyond it, or beyond 65,535 of them, it groups by the texts.
pub const NUMBERED_TEXTS_BYTES_MAX: usize = 8 << 20;
/// Rows a passing row, beyond which those that fail are better not decoded: a page has 4,096 and is skipped whole.
pub const ROWS_A_PASSING_ROW_MAX: u64 = 32;
/// Rows decoded at a time.
pub const BATCH_ROWS: usize = 8_192;
/// Bytes of the places of chosen events, a bit a row at most: of some thousand million events.
pub const MATCHING_BYTES_MAX: usize = 256 << 20;
/// Rows decoded at a time however long their values are.
pub const BATCH_ROWS_MIN: usize = 64;
/// Bytes decoded at a time, about: 8,192 events may have 500 MB of overflow fields.
pub const BATCH_BYTES: usize = 32 << 20;
/// Bytes that a running question holds beside its operators: decoded batches, pages of rows, its answer. Taken when its turn
/// comes.
pub const QUESTION_BYTES: usize = 32 << 20;
/// With little memory, what all running questions hold beside their operators is at most this part of it.
pub const QUESTIONS_PART_MAX: usize = 4;

/// Bytes of a statement of SQL.
pub const SQL_BYTES_MAX: usize = 256 << 10;
/// Operators of a statement: each may make an expression deeper by one, and depth is stack.
pub const SQL_OPERATORS_MAX: usize = 1_000;
/// Bytes of stack of each thread that answers, for statements that deep.
pub const STACK_BYTES: usize = 32 << 20;
/// Bytes of the rows of an answer in JSON to SQL; whoever wants more takes it in another form, in pieces.
pub const SQL_ANSWER_BYTES_MAX: usize = 64 << 20;
/// Segments that an explanation names.
pub const EXPLAIN_SEGMENTS_MAX: usize = 10_000;
/// Bytes of an export that are gathered before they are sent on.
pub const EXPORT_PIECE_BYTES: usize = 64 << 10;
/// Pieces of an export that wait for its reader.
pub const EXPORT_PIECES_MAX: usize = 2;
/// Rows and bytes of a row group of an export in Parquet: what is held until it is written.
pub const EXPORT_GROUP_ROWS: usize = 128 << 10;
pub const EXPORT_GROUP_BYTES: usize = 16 << 20;
/// Events of an export that are sorted at a time, about.
pub const EXPORT_SLICE_ROWS: usize = 200_000;

/// The rows of an export, which has all of them where nobody says how many.
pub(crate) fn export_limit(asked: Option<usize>) -> Result<usize, QueryError> {
    match asked {
        Some(0) => Err(QueryError::malformed("limit must be at least 1")),
        Some(limit) => Ok(limit),
        None => Ok(usize::MAX),
    }
}

/// Fields of a compare's answer.
pub const COMPARE_FIELDS_MAX: usize = 1_000;
/// Values of each of them.
pub const COMPARE_VALUES_MAX: usize = 1_000;
/// Explanations of a compare: each further one splits the rows in two.
pub const COMPARE_EXPLANATIONS_MAX: usize = 10;
/// Rows of each cell that explanations are searched in: more would not change their order.
pub const COMPARE_ROWS_MAX: usize = 50_000;
/// Values in all fields of those rows together, some 8 bytes each.
pub const COMPARE_CELLS_MAX: usize = 24_000_000;
/// Rows of the pages that a sample is drawn by.
pub const COMPARE_PAGE_ROWS: usize = 4_096;
/// Pages of one cell that a sample reads: at least, at most, and as a part of all.
pub const COMPARE_PAGES_MIN: usize = 16;
pub const COMPARE_PAGES_MAX: usize = 128;
pub const COMPARE_PAGES_PART: usize = 16;
