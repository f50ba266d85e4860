//! What a client writes: the keys of the contract, and no others. Must not know what they mean.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::QueryError;
use crate::limits;

/// The query spec. Every key is optional; `{}` counts the events of the last two hours.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QuerySpec {
    /// What to calculate; COUNT when empty.
    pub calculations: Vec<CalculationSpec>,
    /// Fields of this query, calculated from those that were sent. Every other key may name them.
    pub calculated_fields: Vec<CalculatedFieldSpec>,
    pub filters: Vec<FilterSpec>,
    pub filter_combination: FilterCombination,
    /// The fields to group by.
    pub breakdowns: Vec<String>,
    /// What to show instead of the calculations, out of them: `$COUNT`, `$name`, `$"P99(duration_ms)"`.
    pub formulas: Vec<CalculatedFieldSpec>,
    pub orders: Vec<OrderSpec>,
    pub havings: Vec<HavingSpec>,
    /// Groups in the answer: 1 to 10,000, default 100.
    pub limit: Option<usize>,
    /// Seconds, relative to now or to the start or end given.
    pub time_range: Option<i64>,
    pub start_time: Option<TimeSpec>,
    pub end_time: Option<TimeSpec>,
    /// Seconds of a time bucket; 0 or absent chooses.
    pub granularity: Option<i64>,
    /// Ask about the time so much earlier as well: `compare` in the answer.
    pub compare_time_offset_seconds: Option<i64>,
    /// Count events as they were stored, without their sample rates.
    pub usage_mode: bool,
    pub disable_series: bool,
    pub disable_total_by_aggregate: bool,
    pub disable_other_by_aggregate: bool,
}

/// Epoch seconds or an RFC 3339 time.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, ToSchema)]
#[serde(untagged)]
pub enum TimeSpec {
    Seconds(i64),
    FractionalSeconds(f64),
    Text(String),
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalculationSpec {
    /// COUNT, SUM, AVG, MIN, MAX, COUNT_DISTINCT, P001 to P999, HEATMAP, CONCURRENCY, RATE_SUM, RATE_AVG, RATE_MAX.
    pub op: String,
    #[serde(default)]
    pub column: Option<String>,
    /// The name of the answer's column; otherwise `OP(column)` or `OP`.
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub filters: Vec<FilterSpec>,
    #[serde(default)]
    pub filter_combination: FilterCombination,
    /// COUNT_DISTINCT only: never estimate.
    #[serde(default)]
    pub exact: bool,
}

/// A name for what an expression gives, such as `IF($status >= 500, "bad", "good")`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalculatedFieldSpec {
    pub name: String,
    pub expression: String,
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FilterSpec {
    /// A field, or `*` for any text field.
    pub column: String,
    pub op: String,
    /// Absent for `exists` and `does-not-exist`, an array for `in` and `not-in`.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub value: Option<Value>,
}

/// A value that is written down, null too.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, ToSchema)]
pub enum FilterCombination {
    #[default]
    #[serde(rename = "AND")]
    And,
    #[serde(rename = "OR")]
    Or,
}

/// A breakdown (`column`) or a calculation (`op`, `column`) of the spec.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OrderSpec {
    pub column: Option<String>,
    pub op: Option<String>,
    pub order: OrderDirection,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OrderDirection {
    #[default]
    Ascending,
    Descending,
}

#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HavingSpec {
    pub calculate_op: String,
    #[serde(default)]
    pub column: Option<String>,
    pub op: String,
    pub value: f64,
}

/// A page of raw events.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RowsSpec {
    /// Fields of this question, calculated from those that were sent: `filters` and `columns` may name them.
    pub calculated_fields: Vec<CalculatedFieldSpec>,
    pub filters: Vec<FilterSpec>,
    pub filter_combination: FilterCombination,
    pub time_range: Option<i64>,
    pub start_time: Option<TimeSpec>,
    pub end_time: Option<TimeSpec>,
    /// The fields to show; null shows every field that has a value in the page.
    pub columns: Option<Vec<String>>,
    /// By time; default descending.
    pub order: Option<OrderDirection>,
    pub limit: Option<usize>,
    /// From the page before.
    pub cursor: Option<String>,
}

/// The events of a dataset that are to be deleted. Without times they are those of all times.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeletionSpec {
    /// Fields of this choice, calculated from those that were sent: `filters` may name them.
    pub calculated_fields: Vec<CalculatedFieldSpec>,
    pub filters: Vec<FilterSpec>,
    pub filter_combination: FilterCombination,
    pub start_time: Option<TimeSpec>,
    pub end_time: Option<TimeSpec>,
    /// Only count them.
    pub dry_run: bool,
}

/// What stands in the query string of the query routes.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Make unknown fields an error.
    pub strict: bool,
    /// 1 to 600, default 30.
    pub timeout_seconds: Option<u64>,
}

/// The same of `/query`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QueryOptions {
    pub strict: bool,
    pub timeout_seconds: Option<u64>,
    /// Say how the answer came about.
    pub explain: bool,
}

impl QueryOptions {
    pub fn common(&self) -> Options {
        Options { strict: self.strict, timeout_seconds: self.timeout_seconds }
    }
}

impl From<&Options> for QueryOptions {
    fn from(options: &Options) -> QueryOptions {
        QueryOptions { strict: options.strict, timeout_seconds: options.timeout_seconds, explain: false }
    }
}

impl Options {
    /// Seconds that the question may take, checked.
    pub(crate) fn seconds(&self) -> Result<u64, QueryError> {
        let seconds = self.timeout_seconds.unwrap_or(limits::TIMEOUT_DEFAULT_SECONDS);
        if (1..=limits::TIMEOUT_SECONDS_MAX).contains(&seconds) {
            return Ok(seconds);
        }
        Err(QueryError::malformed(format!("timeout_seconds must be between 1 and {}", limits::TIMEOUT_SECONDS_MAX)))
    }
}
