//! The question as JSON, and the same question typed. Parsed once; everything after works on [`Query`].
//!
//! [`wire`] is what a client writes, [`parse`] checks it, [`time`] reads times and ranges. It must not know which
//! fields exist.

mod parse;
mod read;
#[cfg(test)]
mod tests;
mod time;
mod wire;

pub use read::read_spec;
pub use wire::{
    CalculationSpec, DeletionSpec, FilterCombination, FilterSpec, HavingSpec, Options, OrderDirection, OrderSpec,
    QueryOptions, QuerySpec, RowsSpec, TimeSpec,
};

pub(crate) use parse::{filters, parse_deletion, parse_query, parse_rows};
pub(crate) use time::{replaced, rfc3339, time_literal, time_range};

use outcrop_storage::event::TimestampNs;

/// A question, checked.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) calculations: Vec<Calculation>,
    pub(crate) filter: Filter,
    pub(crate) breakdowns: Vec<String>,
    pub(crate) orders: Vec<Order>,
    pub(crate) havings: Vec<Having>,
    pub(crate) limit: usize,
    pub(crate) range: TimeRange,
    pub(crate) step_seconds: i64,
    /// Whether an event counts for its sample rate.
    pub(crate) weighted: bool,
    pub(crate) series: bool,
    pub(crate) total: bool,
    pub(crate) other: bool,
}

/// `start` ≤ t < `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeRange {
    pub(crate) start: TimestampNs,
    pub(crate) end: TimestampNs,
}

impl TimeRange {
    pub(crate) fn overlaps(self, min: TimestampNs, max: TimestampNs) -> bool {
        min < self.end && max >= self.start
    }

    pub(crate) fn contains(self, min: TimestampNs, max: TimestampNs) -> bool {
        min >= self.start && max < self.end
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Calculation {
    pub(crate) name: String,
    pub(crate) op: CalculationOp,
    pub(crate) column: Option<String>,
    pub(crate) filter: Option<Filter>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum CalculationOp {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    CountDistinct { exact: bool },
    Percentile(f64),
    Heatmap,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Condition(Condition),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    /// `*` for any text field.
    pub(crate) column: String,
    pub(crate) test: Test,
    /// Whether the events that do *not* pass the test are meant.
    pub(crate) negated: bool,
}

/// A positive test; negative operators are [`Condition::negated`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    Equals(Literal),
    Compare(Comparison, Literal),
    In(Vec<Literal>),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
    Matches(String),
    Exists,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// 2^63 as a float: the first beyond 64-bit integers.
pub(crate) const INTEGERS_END: f64 = 9_223_372_036_854_775_808.0;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Boolean(bool),
    Integer(i64),
    /// Never integral within 64 bits: that is an integer.
    Float(f64),
    Text(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) by: OrderBy,
    pub(crate) descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderBy {
    Breakdown(usize),
    Calculation(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Having {
    pub(crate) calculation: usize,
    pub(crate) op: HavingOp,
    pub(crate) value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HavingOp {
    Equals,
    NotEquals,
    Compare(Comparison),
}

/// A page of events, checked.
#[derive(Clone, Debug)]
pub(crate) struct RowsQuery {
    pub(crate) filter: Filter,
    pub(crate) range: TimeRange,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) descending: bool,
    pub(crate) limit: usize,
    /// Where the page before ended: (timestamp, sequence).
    pub(crate) after: Option<(TimestampNs, u64)>,
}

/// Events by filter and time, checked.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) filter: Filter,
    pub(crate) range: TimeRange,
}
