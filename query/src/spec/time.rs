//! Times and ranges: epoch numbers and RFC 3339 in, nanoseconds out, and back. Knows no fields.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use outcrop_storage::event::TimestampNs;

use super::{TimeRange, TimeSpec};
use crate::error::QueryError;
use crate::limits;

const SECOND_NS: i64 = 1_000_000_000;

/// The range that a spec's three time keys name.
pub(crate) fn time_range(
    range_seconds: Option<i64>,
    start: Option<&TimeSpec>,
    end: Option<&TimeSpec>,
    now: TimestampNs,
) -> Result<TimeRange, QueryError> {
    if range_seconds.is_some() && start.is_some() && end.is_some() {
        return Err(QueryError::malformed("time_range, start_time and end_time exclude each other; give at most two"));
    }
    if range_seconds.is_some_and(|seconds| seconds <= 0) {
        return Err(QueryError::malformed("time_range must be a positive number of seconds"));
    }
    let start = start.map(|t| point(t, "start_time")).transpose()?;
    let end = end.map(|t| point(t, "end_time")).transpose()?;
    let length = range_seconds.unwrap_or(limits::TIME_RANGE_DEFAULT_SECONDS).saturating_mul(SECOND_NS);
    let range = match (start, end) {
        (Some(start), Some(end)) => TimeRange { start, end },
        (Some(start), None) if range_seconds.is_some() => TimeRange { start, end: start.saturating_add(length) },
        (Some(start), None) => TimeRange { start, end: now },
        (None, Some(end)) => TimeRange { start: end.saturating_sub(length), end },
        (None, None) => TimeRange { start: now.saturating_sub(length), end: now },
    };
    checked(range)
}

/// The range between two times; without one of them it has no end on that side.
pub(crate) fn open_range(start: Option<&TimeSpec>, end: Option<&TimeSpec>) -> Result<TimeRange, QueryError> {
    replaced(TimeRange { start: TimestampNs::MIN, end: TimestampNs::MAX }, start, end)
}

/// A range with the bounds that are given in place of its own.
pub(crate) fn replaced(
    range: TimeRange,
    start: Option<&TimeSpec>,
    end: Option<&TimeSpec>,
) -> Result<TimeRange, QueryError> {
    let start = start.map(|t| point(t, "start_time")).transpose()?;
    let end = end.map(|t| point(t, "end_time")).transpose()?;
    checked(TimeRange { start: start.unwrap_or(range.start), end: end.unwrap_or(range.end) })
}

fn checked(range: TimeRange) -> Result<TimeRange, QueryError> {
    if range.start < range.end {
        return Ok(range);
    }
    Err(QueryError::malformed(format!(
        "the time range is empty: start_time {} is not before end_time {}",
        rfc3339(range.start),
        rfc3339(range.end)
    )))
}

impl TimeSpec {
    /// Since 1970-01-01 UTC; none if it is no time, or one that 64 bits do not hold.
    pub fn nanoseconds(&self) -> Option<TimestampNs> {
        match self {
            TimeSpec::Seconds(seconds) => seconds.checked_mul(SECOND_NS),
            TimeSpec::FractionalSeconds(seconds) => {
                let nanoseconds = seconds * SECOND_NS as f64;
                (nanoseconds.abs() < i64::MAX as f64).then_some(nanoseconds as i64)
            }
            TimeSpec::Text(text) => parse_rfc3339(text),
        }
    }
}

fn point(time: &TimeSpec, key: &str) -> Result<TimestampNs, QueryError> {
    time.nanoseconds().ok_or_else(|| {
        QueryError::malformed(format!("{key} must be epoch seconds or an RFC 3339 time such as 2026-11-01T00:00:00Z"))
    })
}

/// RFC 3339; without an offset UTC; the years that 64 bits of nanoseconds hold.
pub(crate) fn parse_rfc3339(text: &str) -> Option<TimestampNs> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return time.timestamp_nanos_opt();
    }
    let naive = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|f| NaiveDateTime::parse_from_str(text, f).ok());
    let naive = naive.or_else(|| chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
    naive?.and_utc().timestamp_nanos_opt()
}

/// A time in a filter on `timestamp`: text, or a number by its magnitude as in ingest.
pub(crate) fn time_literal(literal: &super::Literal) -> Option<TimestampNs> {
    match literal {
        super::Literal::Text(text) => parse_rfc3339(text),
        super::Literal::Integer(number) => {
            let unit = match number.unsigned_abs() {
                0..100_000_000_000 => SECOND_NS,
                100_000_000_000..100_000_000_000_000 => 1_000_000,
                100_000_000_000_000..100_000_000_000_000_000 => 1_000,
                _ => 1,
            };
            number.checked_mul(unit)
        }
        super::Literal::Float(seconds) if seconds.abs() < 1e11 => Some((seconds * SECOND_NS as f64) as i64),
        super::Literal::Float(_) | super::Literal::Boolean(_) => None,
    }
}

/// RFC 3339 in UTC with 0, 3, 6 or 9 decimals.
pub(crate) fn rfc3339(time: TimestampNs) -> String {
    DateTime::<Utc>::from_timestamp_nanos(time).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Steps that automatic granularity chooses from, in seconds; beyond them whole days.
const STEPS_SECONDS: [i64; 17] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200];
const DAY_SECONDS: i64 = 86_400;

/// The step of the time buckets, in seconds.
pub(crate) fn granularity(asked: Option<i64>, range: TimeRange) -> Result<i64, QueryError> {
    match asked {
        None | Some(0) => Ok(smallest_step(range, limits::BUCKETS_AUTOMATIC_MAX)),
        Some(step) if step < 0 => Err(QueryError::malformed("granularity must be a positive number of seconds")),
        Some(step) if buckets(range, step) <= limits::BUCKETS_MAX => Ok(step),
        Some(step) => {
            let smallest = smallest_exact(range);
            Err(QueryError::impossible(
                "too_many_buckets",
                format!(
                    "a granularity of {step} s makes {} buckets of this range, {} are allowed; use {smallest} s or more",
                    buckets(range, step),
                    limits::BUCKETS_MAX
                ),
            )
            .with(serde_json::json!({ "granularity_min": smallest })))
        }
    }
}

/// How many buckets of `step` seconds a range touches.
pub(crate) fn buckets(range: TimeRange, step: i64) -> i64 {
    let step = step.saturating_mul(SECOND_NS);
    (range.end - 1).div_euclid(step) - range.start.div_euclid(step) + 1
}

fn smallest_step(range: TimeRange, buckets_max: i64) -> i64 {
    let fits = |step: &i64| buckets(range, *step) <= buckets_max;
    STEPS_SECONDS.into_iter().find(fits).unwrap_or_else(|| {
        let mut days = ((range.end - range.start) / SECOND_NS / DAY_SECONDS / buckets_max).max(1);
        while !fits(&(days * DAY_SECONDS)) {
            days += 1;
        }
        days * DAY_SECONDS
    })
}

fn smallest_exact(range: TimeRange) -> i64 {
    let mut step = ((range.end - range.start) / SECOND_NS / limits::BUCKETS_MAX).max(1);
    while buckets(range, step) > limits::BUCKETS_MAX {
        step += 1;
    }
    step
}
