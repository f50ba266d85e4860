//! Events of a trace → its spans, and what happened in them. Must not know how events are read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use outcrop_storage::event::TimestampNs;
use serde_json::Value;

use super::answer::{Fields, LinkAnswer, SpanAnswer, SpanEventAnswer, TraceAnswer};
use super::roles::Roles;
use super::tree::{Node, Placed, waterfall};
use crate::limits;
use crate::rows::{WholeEvent, WholeEvents, WholeQuery};
use crate::spec::rfc3339;

const ANNOTATION_TYPE: &str = "meta.annotation_type";
const LINK_TRACE_ID: &str = "trace.link.trace_id";
const LINK_SPAN_ID: &str = "trace.link.span_id";
/// What log records without a name say of themselves, best first.
const TOLD: [&str; 4] = ["event.name", "body", "message", "msg"];
/// Fields that are looked at beside those with roles.
pub(super) const FIELDS: [&str; 7] = [ANNOTATION_TYPE, LINK_TRACE_ID, LINK_SPAN_ID, TOLD[0], TOLD[1], TOLD[2], TOLD[3]];

const MILLISECOND_NS: f64 = 1e6;

/// An event with what its roles say.
struct Part<'r> {
    event: WholeEvent,
    roles: &'r Roles,
    dataset: &'r str,
    id: Option<String>,
    parent: Option<String>,
    duration_ms: Option<f64>,
}

impl<'r> Part<'r> {
    fn new(event: WholeEvent, roles: &'r Roles, dataset: &'r str) -> Part<'r> {
        let mut part = Part { event, roles, dataset, id: None, parent: None, duration_ms: None };
        part.id = part.text(&roles.span_id);
        part.parent = part.text(&roles.parent_id);
        let duration = roles.duration_ms.as_deref().and_then(|field| part.field(field)).and_then(number);
        part.duration_ms = duration.filter(|ms| ms.is_finite() && *ms >= 0.0);
        part
    }

    fn field(&self, name: &str) -> Option<&Value> {
        let at = self.event.fields.binary_search_by(|(field, _)| (**field).cmp(name)).ok()?;
        Some(&self.event.fields[at].1)
    }

    fn text_of(&self, name: &str) -> Option<String> {
        self.field(name).and_then(text)
    }

    fn text(&self, role: &Option<String>) -> Option<String> {
        self.text_of(role.as_deref()?)
    }

    fn end(&self) -> f64 {
        self.event.time as f64 + self.duration_ms.unwrap_or_default() * MILLISECOND_NS
    }

    fn is_error(&self) -> bool {
        self.roles.error.as_deref().and_then(|field| self.field(field)).is_some_and(|value| match value {
            Value::Bool(error) => *error,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !matches!(text.as_str(), "" | "false" | "0"),
            _ => false,
        })
    }

    /// The span that it happened in, if it is none itself.
    fn happened_in<'p>(&'p self, spans: &HashSet<&str>) -> Option<Option<&'p str>> {
        if self.field(ANNOTATION_TYPE).is_some() {
            return Some(self.parent.as_deref());
        }
        match self.id.as_deref() {
            None => Some(self.parent.as_deref()),
            // Structured logs carry the id of the span that wrote them.
            Some(id) if self.duration_ms.is_none() && spans.contains(id) => Some(Some(id)),
            Some(_) => None,
        }
    }

    fn fields(&mut self, asked: Option<&[String]>, fewer: bool) -> Fields {
        let mut fields = std::mem::take(&mut self.event.fields);
        match asked {
            Some(asked) => fields.retain(|(name, _)| asked.iter().any(|a| **a == **name)),
            None if fewer => fields.clear(),
            None => {}
        }
        Fields(fields)
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (!text.is_empty()).then(|| text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// What spans and what happened in them share.
struct Writer<'a> {
    start: TimestampNs,
    asked: Option<&'a [String]>,
    fewer: bool,
}

pub(super) fn assemble(
    trace_id: &str,
    found: WholeEvents,
    query: &WholeQuery,
    roles: &[Roles],
    asked: Option<&[String]>,
) -> TraceAnswer {
    let dataset = |part: usize| query.parts[part].0.datasets[0].name.as_str();
    let (mut truncated, fewer) = (found.more, found.fewer_fields);
    let parts: Vec<Part<'_>> = found
        .events
        .into_iter()
        .map(|event| (event.part, event))
        .map(|(at, event)| Part::new(event, &roles[at], dataset(at)))
        .collect();
    let Some(start) = parts.iter().map(|part| part.event.time).min() else {
        return TraceAnswer { trace_id: trace_id.to_owned(), ..TraceAnswer::default() };
    };
    let end = parts.iter().map(Part::end).fold(start as f64, f64::max);
    let timed: HashSet<&str> =
        parts.iter().filter(|part| part.duration_ms.is_some()).filter_map(|part| part.id.as_deref()).collect();
    let happened: Vec<Option<Option<String>>> =
        parts.iter().map(|part| part.happened_in(&timed).map(|span| span.map(str::to_owned))).collect();
    drop(timed);

    let (mut spans, mut others) = (Vec::new(), Vec::new());
    for (part, happened) in parts.into_iter().zip(happened) {
        match happened {
            Some(span) => others.push((span, part)),
            None if spans.len() < limits::TRACE_SPANS_MAX => spans.push(part),
            None => truncated = true,
        }
    }
    let writer = Writer { start, asked, fewer };
    let mut answer = TraceAnswer {
        trace_id: trace_id.to_owned(),
        start: rfc3339(start),
        duration_ms: (end - start as f64) / MILLISECOND_NS,
        spans: writer.spans(spans),
        truncated,
        fields_truncated: fewer,
        ..TraceAnswer::default()
    };
    writer.attach(&mut answer, others);
    answer
}

impl Writer<'_> {
    fn offset_ms(&self, time: TimestampNs) -> f64 {
        (time - self.start) as f64 / MILLISECOND_NS
    }

    fn spans(&self, parts: Vec<Part<'_>>) -> Vec<SpanAnswer> {
        let nodes: Vec<Node<'_>> =
            parts.iter().map(|part| Node { id: part.id.as_deref(), parent: part.parent.as_deref() }).collect();
        let order = waterfall(&nodes);
        let mut parts: Vec<Option<Part<'_>>> = parts.into_iter().map(Some).collect();
        order.into_iter().filter_map(|placed| Some(self.span(parts[placed.node].take()?, placed))).collect()
    }

    fn span(&self, mut part: Part<'_>, placed: Placed) -> SpanAnswer {
        SpanAnswer {
            name: part.text(&part.roles.name),
            service: part.text(&part.roles.service),
            kind: part.text(&part.roles.kind),
            error: part.is_error(),
            start: rfc3339(part.event.time),
            offset_ms: self.offset_ms(part.event.time),
            duration_ms: part.duration_ms,
            depth: placed.depth,
            missing_parent: placed.missing_parent,
            repeated_id: placed.repeated_id,
            dataset: part.dataset.to_owned(),
            sequence: part.event.sequence,
            fields: part.fields(self.asked, self.fewer),
            span_id: part.id,
            parent_id: part.parent,
            events: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Puts what happened into its span, or beside the spans.
    fn attach(&self, answer: &mut TraceAnswer, others: Vec<(Option<String>, Part<'_>)>) {
        let mut by_id: HashMap<Arc<str>, usize> = HashMap::new();
        for (at, span) in answer.spans.iter().enumerate().rev() {
            if let Some(id) = &span.span_id
                && !span.repeated_id
            {
                by_id.insert(id.as_str().into(), at);
            }
        }
        for (span_id, mut part) in others {
            let span = span_id.as_deref().and_then(|id| by_id.get(id).copied());
            if part.text_of(ANNOTATION_TYPE).as_deref() == Some("link") {
                let link = LinkAnswer {
                    trace_id: part.text_of(LINK_TRACE_ID),
                    span_id: part.text_of(LINK_SPAN_ID),
                    dataset: part.dataset.to_owned(),
                    sequence: part.event.sequence,
                    fields: part.fields(self.asked, self.fewer),
                };
                match span {
                    Some(at) => answer.spans[at].links.push(link),
                    None => answer.links.push(link),
                }
                continue;
            }
            let told = || TOLD.iter().find_map(|field| part.text_of(field));
            let event = SpanEventAnswer {
                name: part.text(&part.roles.name).or_else(told),
                span_id,
                time: rfc3339(part.event.time),
                offset_ms: self.offset_ms(part.event.time),
                dataset: part.dataset.to_owned(),
                sequence: part.event.sequence,
                fields: part.fields(self.asked, self.fewer),
            };
            match span {
                Some(at) => answer.spans[at].events.push(event),
                None => answer.events.push(event),
            }
        }
    }
}
