//! Intents as they are answered. Must not know how they are judged.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Every intent, what got worse first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IntentList {
    pub start: String,
    pub end: String,
    /// What `before` means.
    pub before_start: String,
    pub before_end: String,
    #[serde(rename = "items")]
    pub intents: Vec<IntentAnswer>,
    /// Always null: there is one page.
    pub cursor: Option<String>,
    /// Whether there are more intents, places or versions than a question answers.
    pub truncated: bool,
}

/// What code is meant to do, and whether it did.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct IntentAnswer {
    pub name: String,
    pub text: Option<String>,
    pub owner: Option<String>,
    /// Where it is declared, as `code.file.path` and `code.line.number` say.
    pub file: Option<String>,
    pub line: Option<u64>,
    pub services: Vec<String>,
    /// The datasets of its events.
    pub datasets: Vec<String>,
    /// Everything expected, if some program declared it.
    pub expectations: Vec<String>,
    /// `worse`, `new`, `holding`, `better`, `quiet` (exercised before and not now), `never_exercised`, `gone`.
    pub state: &'static str,
    pub now: IntentShare,
    pub before: IntentShare,
    /// What is met now less what was met before, in points of 1; null without both.
    pub change: Option<f64>,
    /// The same question by version, in the order in which they first came.
    pub versions: Vec<IntentVersion>,
    pub series: IntentSeries,
    /// Whether some program said at its start that it has it.
    pub declared: bool,
    /// Whether the newest version of a service declares it and no earlier one does.
    pub new: bool,
    /// Whether an earlier version of its services declares it and no newest one does.
    pub gone: bool,
}

/// Counts are weighted by sample rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct IntentShare {
    pub events: u64,
    pub unmet: u64,
    /// The part that was met; null without events.
    pub met: Option<f64>,
}

impl IntentShare {
    pub(super) fn new(events: u64, unmet: u64) -> IntentShare {
        let met = (events > 0).then(|| events.saturating_sub(unmet) as f64 / events as f64);
        IntentShare { events, unmet, met }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IntentVersion {
    /// Null for events without one.
    pub version: Option<String>,
    #[serde(flatten)]
    pub share: IntentShare,
}

/// How often it was exercised and not met, by time.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct IntentSeries {
    pub start: String,
    pub step_seconds: i64,
    #[schema(value_type = Vec<Value>)]
    pub events: Vec<Value>,
    #[schema(value_type = Vec<Value>)]
    pub unmet: Vec<Value>,
}

/// One intent, with what does not hold about it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IntentDetail {
    pub start: String,
    pub end: String,
    pub before_start: String,
    pub before_end: String,
    #[serde(flatten)]
    pub intent: IntentAnswer,
    /// What did not hold, the most often first.
    pub unmet: Vec<UnmetAnswer>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UnmetAnswer {
    /// One expectation.
    pub expectation: String,
    pub events: u64,
}
