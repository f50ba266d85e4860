//! Batches → the answer of the contract. [`value`] writes single values, [`heatmap`] turns sketches into bins.
//!
//! It must not know plans or segments.

mod heatmap;
#[cfg(test)]
mod tests;
mod value;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::explain::Explanation;

pub(crate) use heatmap::heatmap;
pub(crate) use value::{cell, float, integer, key, scalar, time};

/// The answer to a query.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Answer {
    /// The breakdowns, then the calculations.
    pub columns: Vec<AnswerColumn>,
    /// The groups in order.
    #[schema(value_type = Vec<Vec<Value>>)]
    pub rows: Vec<Vec<Value>>,
    /// Absent if disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
    pub heatmaps: Vec<Heatmap>,
    /// The same groups `compare_time_offset_seconds` earlier. Absent if that is not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare: Option<Compared>,
    /// Every calculation over all events. Absent if disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HashMap<String, Value>>)]
    pub total: Option<Map<String, Value>>,
    /// Every calculation over the groups beyond the limit; null if there are none, absent if disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HashMap<String, Value>>)]
    pub other: Option<Option<Map<String, Value>>>,
    pub stats: AnswerStats,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// How the answer came about, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<Explanation>,
}

/// The groups of an answer at an earlier time, in their order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Compared {
    /// Keys and values, as in the answer's `rows`; values of groups that were not there then are null.
    #[schema(value_type = Vec<Vec<Value>>)]
    pub rows: Vec<Vec<Value>>,
    /// Absent if disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AnswerColumn {
    pub name: String,
    /// boolean, integer, float, string, time, mixed, or null where nothing has a value.
    #[serde(rename = "type")]
    pub type_label: &'static str,
}

/// Every calculation by time bucket, for the groups of `rows`, in their order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Series {
    /// Start of the first bucket.
    pub start: String,
    pub step_seconds: i64,
    pub buckets: usize,
    pub groups: Vec<SeriesGroup>,
    /// Whether later groups were left out.
    pub truncated: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SeriesGroup {
    #[schema(value_type = Vec<Value>)]
    pub key: Vec<Value>,
    /// For each calculation a number for each bucket.
    #[schema(value_type = HashMap<String, Value>)]
    pub values: Map<String, Value>,
}

/// How often each value range occurs in each time bucket, over all groups together.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Heatmap {
    pub name: String,
    pub column: String,
    pub scale: &'static str,
    /// The edges of the bins, one more than bins.
    pub bounds: Vec<f64>,
    /// By time bucket, then by bin.
    pub counts: Vec<Vec<u64>>,
    pub start: String,
    pub step_seconds: i64,
}

#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct AnswerStats {
    pub elapsed_ms: f64,
    pub rows_total: u64,
    pub rows_scanned: u64,
    pub bytes_scanned: u64,
    pub segments: SegmentStats,
    /// The calculations that are estimates.
    pub approximate: Vec<String>,
    /// Whether events are missing; a warning says which.
    pub partial: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SegmentStats {
    pub total: u64,
    pub skipped_by_time: u64,
    pub skipped_by_index: u64,
    pub scanned: u64,
}

/// Something that was answered, but perhaps not as meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Warning {
    /// No event has a field of this name.
    UnknownField {
        field: String,
        /// Names that exist and look alike.
        similar: Vec<String>,
    },
    /// Fields without columns of their own are compared only when they are named.
    FieldsNotCompared {
        fields: usize,
        /// For people: what to do to compare them.
        message: String,
    },
    /// Events are missing, because the segments that hold them are damaged.
    DamagedSegment {
        dataset: String,
        segments: usize,
        /// Events of those segments; the question may not be about all of them. Null if nobody knows.
        events: Option<u64>,
        /// The earliest and latest time of those events.
        first_event: Option<String>,
        last_event: Option<String>,
        /// For people: what is missing and what to do.
        message: String,
    },
}
