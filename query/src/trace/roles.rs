//! Roles: which field of a dataset says what about a span. Must not know events.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::scope::Scope;

/// The fields that make traces. A role that is null has the first of the usual fields that the dataset has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Roles {
    /// Usually `trace.trace_id`, `trace_id` or `traceId`.
    pub trace_id: Option<String>,
    /// Usually `trace.span_id`, `span_id` or `spanId`.
    pub span_id: Option<String>,
    /// Usually `trace.parent_id`, `parent_id`, `parentId`, `parent_span_id` or `parentSpanId`. Roots have none, or an
    /// empty one.
    pub parent_id: Option<String>,
    /// Usually `name`.
    pub name: Option<String>,
    /// Usually `service.name` or `service`.
    pub service: Option<String>,
    /// Milliseconds; usually `duration_ms`.
    pub duration_ms: Option<String>,
    /// Usually `error`.
    pub error: Option<String>,
    /// Usually `span.kind` or `kind`.
    pub kind: Option<String>,
}

pub(crate) const TRACE_ID: [&str; 3] = ["trace.trace_id", "trace_id", "traceId"];
pub(crate) const SPAN_ID: [&str; 3] = ["trace.span_id", "span_id", "spanId"];
const PARENT_ID: [&str; 5] = ["trace.parent_id", "parent_id", "parentId", "parent_span_id", "parentSpanId"];
const NAME: [&str; 1] = ["name"];
const SERVICE: [&str; 2] = ["service.name", "service"];
const DURATION_MS: [&str; 1] = ["duration_ms"];
const ERROR: [&str; 1] = ["error"];
const KIND: [&str; 2] = ["span.kind", "kind"];

impl Roles {
    /// With a field for each role that some field of the dataset has.
    pub(super) fn resolved(&self, scope: &Scope) -> Roles {
        let role = |own: &Option<String>, usual: &[&str]| {
            own.clone().or_else(|| usual.iter().find(|name| scope.knows(name)).map(|name| (*name).to_owned()))
        };
        Roles {
            trace_id: role(&self.trace_id, &TRACE_ID),
            span_id: role(&self.span_id, &SPAN_ID),
            parent_id: role(&self.parent_id, &PARENT_ID),
            name: role(&self.name, &NAME),
            service: role(&self.service, &SERVICE),
            duration_ms: role(&self.duration_ms, &DURATION_MS),
            error: role(&self.error, &ERROR),
            kind: role(&self.kind, &KIND),
        }
    }

    /// Every field that has a role.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let all = [
            &self.trace_id,
            &self.span_id,
            &self.parent_id,
            &self.name,
            &self.service,
            &self.duration_ms,
            &self.error,
            &self.kind,
        ];
        all.into_iter().filter_map(|field| field.as_deref())
    }
}
