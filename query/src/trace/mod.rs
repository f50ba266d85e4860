//! Traces: the events that share an id, as a waterfall; and one event by its number.
//!
//! [`roles`] says which fields make a trace, [`assemble`] tells spans from what happened in them, [`tree`] puts them in
//! order. Reading is that of whole rows. It must not know HTTP, or where roles are kept.

mod answer;
mod assemble;
pub(crate) mod roles;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use outcrop_storage::Snapshot;
use outcrop_storage::event::{DatasetId, TimestampNs, reserved};

pub use answer::{EventAnswer, LinkAnswer, SpanAnswer, SpanEventAnswer, TraceAnswer};
pub use roles::Roles;

use crate::error::{QueryError, QueryErrorKind};
use crate::execute::{Cancelled, QueryEngine, answer_stats};
use crate::rows::{WholeQuery, read_whole};
use crate::scan::ScanStats;
use crate::scope::Scope;
use crate::spec::{Condition, Filter, Literal, Options, Test, TimeRange, TimeSpec, open_range};
use crate::{limits, missing, overflow};

/// What to read of a trace, or of one event.
#[derive(Clone, Debug, Default)]
pub struct TraceSpec {
    pub start_time: Option<TimeSpec>,
    pub end_time: Option<TimeSpec>,
    /// The fields that spans carry; none for all of them.
    pub fields: Option<Vec<String>>,
}

/// The roles that datasets have of their own, by number.
pub type OwnRoles = HashMap<DatasetId, Roles>;

impl QueryEngine {
    /// The spans of a trace in the order of a waterfall. Dropping the future cancels it.
    pub async fn trace(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        trace_id: &str,
        spec: &TraceSpec,
        roles: OwnRoles,
        options: &Options,
    ) -> Result<TraceAnswer, QueryError> {
        let range = open_range(spec.start_time.as_ref(), spec.end_time.as_ref())?;
        if trace_id.is_empty() || trace_id.len() > limits::TRACE_ID_BYTES_MAX {
            return Err(QueryError::malformed(format!(
                "a trace id has 1 to {} bytes, this one has {}",
                limits::TRACE_ID_BYTES_MAX,
                trace_id.len()
            )));
        }
        if spec.fields.as_ref().is_some_and(|fields| fields.len() > limits::CLAUSES_MAX) {
            return Err(QueryError::malformed(format!("fields names more than {} fields", limits::CLAUSES_MAX)));
        }
        let asked = Arc::new(Asked { trace_id: trace_id.to_owned(), fields: spec.fields.clone(), range, roles });
        let scope = Scope::new(snapshot, datasets)?;
        let context = self.context();
        let ask = move |scope: Scope| {
            let (context, asked) = (context.clone(), Arc::clone(&asked));
            async move {
                let began = Instant::now();
                let (parts, roles) = asked.parts(&scope).await?;
                let cancelled = Cancelled::default();
                let stop = cancelled.flag();
                let work = tokio::task::spawn_blocking(move || {
                    let stats = ScanStats::default();
                    let query = asked.query(parts, &roles);
                    let found = read_whole(&context, &query, &stop, &stats)?;
                    let mut answer =
                        assemble::assemble(&asked.trace_id, found, &query, &roles, asked.fields.as_deref());
                    answer.warnings = scope.missing(asked.range);
                    answer.stats = answer_stats(&scope, &stats, began, Vec::new());
                    Ok(answer)
                });
                let answer = work.await.map_err(|_| QueryError::internal("the query panicked; this is a bug"))?;
                drop(cancelled);
                answer
            }
        };
        let answer: TraceAnswer = self.run(options, missing::answer_without_damaged(scope, ask)).await?;
        if answer.is_empty() {
            let message = "no event that you may read has this trace id; ask without start and end, name other datasets, or \
                           see /api/v1/datasets/{name}/roles for the field that holds trace ids";
            return Err(QueryError::new(QueryErrorKind::NotFound, "unknown_trace", message));
        }
        Ok(answer)
    }

    /// One event, whole.
    pub async fn event(
        &self,
        snapshot: Snapshot,
        dataset: &str,
        sequence: u64,
        options: &Options,
    ) -> Result<EventAnswer, QueryError> {
        let mut scope = Scope::new(snapshot, dataset)?;
        scope.keep_segments(|segment| (segment.sequence_min..=segment.sequence_max).contains(&sequence));
        let context = self.context();
        let ask = move |scope: Scope| {
            let context = context.clone();
            async move {
                let cancelled = Cancelled::default();
                let stop = cancelled.flag();
                let query = one_event(&scope, sequence);
                let name = move |part: usize| scope.datasets[part].name.as_str().to_owned();
                let work = tokio::task::spawn_blocking(move || {
                    let found = read_whole(&context, &query, &stop, &ScanStats::default())?;
                    Ok(found.events.into_iter().next().map(|event| EventAnswer::new(name(event.part), event)))
                });
                let answer = work.await.map_err(|_| QueryError::internal("the query panicked; this is a bug"))?;
                drop(cancelled);
                answer
            }
        };
        let found: Option<EventAnswer> = self.run(options, missing::answer_without_damaged(scope, ask)).await?;
        found.ok_or_else(|| {
            let message = format!("there is no event with the sequence {sequence} here; it may have been removed");
            QueryError::new(QueryErrorKind::NotFound, "unknown_event", message)
        })
    }

    /// The roles that a dataset's fields have: its own, and the first of the usual ones that are there.
    pub fn roles(&self, snapshot: Snapshot, dataset: &str, own: &Roles) -> Result<Roles, QueryError> {
        Ok(own.resolved(&Scope::new(snapshot, dataset)?))
    }
}

/// A trace that somebody asked for.
struct Asked {
    trace_id: String,
    fields: Option<Vec<String>>,
    range: TimeRange,
    roles: OwnRoles,
}

impl Asked {
    /// The datasets that may have events of the trace, and their roles.
    async fn parts(&self, scope: &Scope) -> Result<(Vec<(Scope, Filter)>, Vec<Roles>), QueryError> {
        let none = Roles::default();
        let mut parts = Vec::new();
        let mut found = Vec::new();
        for dataset in scope.datasets.iter() {
            let own = self.roles.get(&dataset.id).unwrap_or(&none);
            let mut part = Scope::of(vec![dataset.clone()]);
            let roles = own.resolved(&part);
            let Some(field) = roles.trace_id.as_deref().filter(|field| part.knows(field)) else { continue };
            let names: BTreeSet<&str> =
                roles.fields().chain(self.fields.iter().flatten().map(String::as_str)).collect();
            overflow::look_up(&mut part, &names, self.range).await?;
            let filter = equals(field, ids(&self.trace_id));
            parts.push((part, filter));
            found.push(roles);
        }
        Ok((parts, found))
    }

    fn query(&self, parts: Vec<(Scope, Filter)>, roles: &[Roles]) -> WholeQuery {
        let needed: BTreeSet<&str> = roles.iter().flat_map(Roles::fields).chain(assemble::FIELDS).collect();
        let asked = self.fields.iter().flatten().map(String::as_str);
        let least: BTreeSet<&str> = needed.into_iter().chain(asked).collect();
        let least: Vec<String> = least.into_iter().map(str::to_owned).collect();
        let fields = self.fields.as_ref().map(|_| least.clone());
        WholeQuery {
            parts,
            range: self.range,
            events_max: limits::TRACE_EVENTS_MAX,
            newest: false,
            fields,
            fields_least: least,
        }
    }
}

/// An id as text, and as the number that senders may have written.
fn ids(text: &str) -> Vec<Literal> {
    let number = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
    std::iter::once(Literal::Text(text.to_owned())).chain(number.map(Literal::Integer)).collect()
}

fn equals(field: &str, mut values: Vec<Literal>) -> Filter {
    let test = match (values.len(), values.pop()) {
        (1, Some(only)) => Test::Equals(only),
        (_, last) => Test::In(values.into_iter().chain(last).collect()),
    };
    Filter::Condition(Condition { column: field.to_owned(), test, negated: false })
}

fn one_event(scope: &Scope, sequence: u64) -> WholeQuery {
    let number = i64::try_from(sequence).unwrap_or(i64::MAX);
    let filter = equals(reserved::SEQUENCE, vec![Literal::Integer(number)]);
    let parts = scope.datasets.iter().map(|d| (Scope::of(vec![d.clone()]), filter.clone())).collect();
    let range = TimeRange { start: TimestampNs::MIN, end: TimestampNs::MAX };
    WholeQuery { parts, range, events_max: 1, newest: false, fields: None, fields_least: Vec::new() }
}
