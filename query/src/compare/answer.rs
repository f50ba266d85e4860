//! What a compare answers, as the contract writes it. It must not know how anything was found.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::answer::{AnswerStats, Warning};
use crate::spec::FilterSpec;

/// What is different about the selection.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CompareAnswer {
    pub selection: SideAnswer,
    pub baseline: SideAnswer,
    /// What was asked, by the sides given: `share` (these against others), `rate` (the same filters at another time, as
    /// a part of what there was) or `count` (all events at another time, by number).
    pub question: &'static str,
    /// The fields that differ most first. Those without a difference score 0.
    pub fields: Vec<FieldAnswer>,
    /// How many fields were compared.
    pub fields_compared: usize,
    /// Fields that the sides' own filters name. They differ by definition and are not explained with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restated: Vec<String>,
    /// Conjunctions of one to three conditions that tell the selection from the baseline, best first.
    pub explanations: Vec<ExplanationAnswer>,
    /// `weak` if sample rates are plainly counts of alike events and few of them make up the selection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<&'static str>,
    /// Whether every number shown counts every event.
    pub exact: bool,
    /// The part of both sides' events that numbers come from.
    pub sampled_fraction: f64,
    pub stats: CompareStats,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SideAnswer {
    /// Events, by their sample rates.
    pub events: u64,
}

/// One field on both sides. Shares are of all events of a side.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldAnswer {
    pub field: String,
    /// `categorical` or `numeric`.
    pub kind: &'static str,
    /// 0 to 1; 0 is what chance explains.
    pub score: f64,
    /// The share of events that have the field.
    pub selection_present: f64,
    pub baseline_present: f64,
    /// The values that differ most, raised ones first; null is the absence of the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<ValueAnswer>>,
    /// Different values; estimates where `stats.approximate` says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct: Option<DistinctAnswer>,
    /// The distribution of numbers: `min` ≤ v < `max`, the last bin closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bins: Option<Vec<BinAnswer>>,
    /// The medians of numbers, within 0.8 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<MedianAnswer>,
    /// Fields that say the same and are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub same_as: Vec<String>,
    /// The largest share that a value can have that was not told apart, because there were too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_bound: Option<SharesAnswer>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ValueAnswer {
    #[schema(value_type = Value)]
    pub value: Value,
    /// Shares of all events of a side.
    pub selection: f64,
    pub baseline: f64,
    pub selection_events: u64,
    pub baseline_events: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DistinctAnswer {
    pub selection: u64,
    pub baseline: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SharesAnswer {
    pub selection: f64,
    pub baseline: f64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BinAnswer {
    #[schema(value_type = f64)]
    pub min: Value,
    #[schema(value_type = f64)]
    pub max: Value,
    pub selection: f64,
    pub baseline: f64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MedianAnswer {
    #[schema(value_type = Option<f64>)]
    pub selection: Value,
    #[schema(value_type = Option<f64>)]
    pub baseline: Value,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExplanationAnswer {
    /// The conditions, the most telling first; a range may take two filters.
    pub filters: Vec<FilterSpec>,
    /// Shares of all events of a side that meet all of them.
    pub selection: f64,
    pub baseline: f64,
    pub selection_events: u64,
    pub baseline_events: u64,
    pub score: f64,
    /// The conjunctions that came closest.
    pub rivals: Vec<RivalAnswer>,
    /// Fields with a condition that holds for the same events as one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub same_as: Vec<String>,
    /// Set where it holds for the selected events of a cause as often as for all of them: what happened to these events
    /// rather than why, such as how long they took. Such explanations come last, whatever their score.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub symptom: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RivalAnswer {
    pub filters: Vec<FilterSpec>,
    pub selection: f64,
    pub baseline: f64,
    pub score: f64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CompareStats {
    #[serde(flatten)]
    pub scan: AnswerStats,
    /// Where the baseline's numbers come from: `scan` or `sample`.
    pub baseline: &'static str,
}
