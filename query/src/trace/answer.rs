//! A trace as it is answered. Must not know where it came from.

use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::ToSchema;

use crate::answer::{AnswerStats, Warning};
use crate::rows::WholeEvent;
use crate::spec::rfc3339;

/// Fields and their values, as an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields(pub(super) Vec<(Arc<str>, Value)>);

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(&**name, value)?;
        }
        map.end()
    }
}

/// The spans of a trace.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct TraceAnswer {
    pub trace_id: String,
    /// When the first of it began.
    pub start: String,
    /// Until the last of it ended.
    pub duration_ms: f64,
    /// In the order of a waterfall: each span, then those below it by their start.
    pub spans: Vec<SpanAnswer>,
    /// Span events and log records of spans that are not there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<SpanEventAnswer>,
    /// Links of spans that are not there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkAnswer>,
    /// Whether there are later spans than these.
    pub truncated: bool,
    /// Whether there are too many spans to have all of their fields: they have those that were named, or none. Ask for one
    /// event whole by its number.
    pub fields_truncated: bool,
    pub stats: AnswerStats,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

impl TraceAnswer {
    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.events.is_empty() && self.links.is_empty()
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SpanAnswer {
    pub span_id: Option<String>,
    /// Null for a root.
    pub parent_id: Option<String>,
    pub name: Option<String>,
    pub service: Option<String>,
    pub start: String,
    /// From the start of the trace.
    pub offset_ms: f64,
    /// Null if the event has none.
    pub duration_ms: Option<f64>,
    pub error: bool,
    pub kind: Option<String>,
    pub depth: u32,
    /// It names a parent and stands at the top: the parent is not there, or is itself below it.
    pub missing_parent: bool,
    /// An earlier span has the same id; what is below that id stands there.
    pub repeated_id: bool,
    pub dataset: String,
    /// The event's number: `/api/v1/events/{dataset}/{sequence}` has all of it.
    #[schema(value_type = u64)]
    pub sequence: u64,
    #[schema(value_type = HashMap<String, Value>)]
    pub(super) fields: Fields,
    pub events: Vec<SpanEventAnswer>,
    pub links: Vec<LinkAnswer>,
}

/// What happened in a span: one of its span events, or a log record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SpanEventAnswer {
    /// The span that it is of.
    pub span_id: Option<String>,
    pub name: Option<String>,
    pub time: String,
    /// From the start of the trace.
    pub offset_ms: f64,
    pub dataset: String,
    pub sequence: u64,
    #[schema(value_type = HashMap<String, Value>)]
    pub(super) fields: Fields,
}

/// A span of this or another trace that a span points to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LinkAnswer {
    pub trace_id: Option<String>,
    pub span_id: Option<String>,
    pub dataset: String,
    pub sequence: u64,
    #[schema(value_type = HashMap<String, Value>)]
    pub(super) fields: Fields,
}

/// One event, whole.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventAnswer {
    pub dataset: String,
    pub sequence: u64,
    pub timestamp: String,
    #[schema(value_type = HashMap<String, Value>)]
    pub(super) fields: Fields,
}

impl EventAnswer {
    pub(crate) fn new(dataset: String, event: WholeEvent) -> EventAnswer {
        EventAnswer { dataset, sequence: event.sequence, timestamp: rfc3339(event.time), fields: Fields(event.fields) }
    }
}
