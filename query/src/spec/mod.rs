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
    CalculatedFieldSpec, CalculationSpec, DeletionSpec, FilterCombination, FilterSpec, HavingSpec, Options,
    OrderDirection, OrderSpec, QueryOptions, QuerySpec, RowsSpec, TimeSpec,
};

pub(crate) use parse::{calculated_fields, filters, parse_deletion, parse_query, parse_rows};
pub(crate) use time::{open_range, parse_rfc3339, replaced, rfc3339, time_literal, time_range};

use outcrop_storage::event::TimestampNs;

use std::sync::Arc;

use crate::error::QueryError;
use crate::expression::{CalculatedFields, Expression};

/// Refuses a question that no dataset could answer.
pub fn check_spec(spec: &QuerySpec, now: TimestampNs) -> Result<(), QueryError> {
    parse_query(spec, now).map(drop)
}

/// A question, checked.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) calculated: CalculatedFields,
    pub(crate) calculations: Vec<Calculation>,
    pub(crate) filter: Filter,
    pub(crate) breakdowns: Vec<String>,
    /// What is shown instead of calculations, by name; its inputs are names of calculations.
    pub(crate) formulas: Vec<(String, Arc<Expression>)>,
    pub(crate) orders: Vec<Order>,
    pub(crate) havings: Vec<Having>,
    pub(crate) limit: usize,
    pub(crate) range: TimeRange,
    pub(crate) step_seconds: i64,
    /// Nanoseconds between the range and the times that its buckets are named after.
    pub(crate) shift: i64,
    /// Nanoseconds by which an earlier range is asked about too.
    pub(crate) compare_offset: Option<i64>,
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

impl Query {
    /// The same question about an earlier time. Its buckets have the numbers of those of this one.
    pub(crate) fn earlier(&self, offset: i64) -> Query {
        let range = TimeRange { start: self.range.start - offset, end: self.range.end - offset };
        Query { range, shift: offset, ..self.clone() }
    }

    /// The times from the first to the last that anything is asked about.
    pub(crate) fn times(&self) -> TimeRange {
        TimeRange { start: self.range.start - self.compare_offset.unwrap_or(0), end: self.range.end }
    }

    /// The calculation of this name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.calculations.iter().position(|c| c.name == name)
    }

    /// What the answer shows, by place: the calculations that have values, or the formulas, which come after them.
    pub(crate) fn shown(&self) -> impl Iterator<Item = usize> + '_ {
        let (calculations, formulas) = (self.calculations.len(), self.formulas.len());
        let has_value = move |at: usize| at >= calculations || self.calculations[at].op != CalculationOp::Heatmap;
        let places = if formulas > 0 { calculations..calculations + formulas } else { 0..calculations };
        places.filter(move |at| has_value(*at))
    }

    /// The name of something shown.
    pub(crate) fn shown_name(&self, at: usize) -> &str {
        match at.checked_sub(self.calculations.len()) {
            Some(formula) => &self.formulas[formula].0,
            None => &self.calculations[at].name,
        }
    }

    /// From the start of one time bucket to that of the next.
    pub(crate) fn step(&self) -> i64 {
        self.step_seconds.saturating_mul(1_000_000_000)
    }

    /// The number of the first time bucket, and how many there are.
    pub(crate) fn buckets(&self) -> (i64, usize) {
        let number = |time: i64| (time.saturating_add(self.shift)).div_euclid(self.step());
        let (first, last) = (number(self.range.start), number(self.range.end - 1));
        (first, (last - first + 1) as usize)
    }

    /// When the first time bucket starts.
    pub(crate) fn buckets_start(&self) -> TimestampNs {
        (self.buckets().0.saturating_mul(self.step())).saturating_sub(self.shift)
    }
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
    CountDistinct {
        exact: bool,
    },
    Percentile(f64),
    Heatmap,
    /// How many spans run at a time.
    Concurrency,
    /// How much a value changes from one time bucket to the next.
    Rate(RateOf),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RateOf {
    Sum,
    Avg,
    Max,
}

/// Where spans say how long they ran, in milliseconds.
pub(crate) const DURATION_FIELD: &str = "duration_ms";

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
    /// A calculation, or after all of them a formula.
    Value(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Having {
    /// A calculation, or after all of them a formula.
    pub(crate) value_of: usize,
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
    pub(crate) calculated: CalculatedFields,
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
    pub(crate) calculated: CalculatedFields,
    pub(crate) filter: Filter,
    pub(crate) range: TimeRange,
}
