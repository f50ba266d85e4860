//! The questions that tell what is known of intents, and their answers as tables. Must not know what is made of them.

use outcrop_storage::Snapshot;
use outcrop_storage::event::TimestampNs;
use serde_json::{Value, json};

use super::IntentsSpec;
use crate::answer::Answer;
use crate::error::QueryError;
use crate::execute::QueryEngine;
use crate::limits;
use crate::spec::{Options, QuerySpec, TimeRange, rfc3339};

/// How far back programs are believed to have said what they declare: they do so at their start.
const DECLARED_NS: i64 = 30 * 86_400 * 1_000_000_000;

pub(super) const EVENTS: &str = "events";
pub(super) const UNMET: &str = "unmet";
pub(super) const FIRST: &str = "first";
pub(super) const LAST: &str = "last";

/// Somebody who wants to know.
pub(super) struct Asking<'a> {
    pub(super) engine: &'a QueryEngine,
    pub(super) snapshot: Snapshot,
    pub(super) datasets: &'a str,
    pub(super) spec: &'a IntentsSpec,
    pub(super) name: Option<&'a str>,
    pub(super) range: TimeRange,
    pub(super) before: TimeRange,
    pub(super) options: &'a Options,
    pub(super) now: TimestampNs,
}

/// What the questions found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// By name, with series.
    pub(super) now: Answer,
    pub(super) before: Answer,
    /// By name and version.
    pub(super) versions: Answer,
    /// By name and everything that says where it is; the newest first.
    pub(super) places: Answer,
    /// What programs declared, by the same, service and version.
    pub(super) declared: Answer,
}

impl Asking<'_> {
    pub(super) async fn everything(&self) -> Result<Found, QueryError> {
        let version =
            |op: &str| self.spec.version.as_ref().map(|version| condition("service.version", op, json!(version)));
        let since =
            TimeRange { start: self.before.start.min(self.range.start), end: self.range.end.max(self.before.end) };
        let shares = [counted(EVENTS, None), counted(UNMET, Some(false))];
        let exercised = |more: Option<Value>| [Some(exists("intent.met")), more];
        let now = self.ask(self.range, &exercised(version("=")), &["intent.name"], &shares, true).await?;
        let before = self.ask(self.before, &exercised(version("!=")), &["intent.name"], &shares, false).await?;
        let ordered = [shares[0].clone(), shares[1].clone(), sequence("MIN", FIRST)];
        let versions =
            self.ask(self.range, &exercised(None), &["intent.name", "service.version"], &ordered, false).await?;
        let last = [sequence("MAX", LAST)];
        let places = self.ask(since, &exercised(None), &PLACES, &last, false).await?;
        let first_and_last = [sequence("MIN", FIRST), sequence("MAX", LAST)];
        let declared = TimeRange { start: self.range.end.saturating_sub(DECLARED_NS), end: self.range.end };
        let is_declared = [Some(condition("intent.declared", "=", json!(true)))];
        let declared = self.ask(declared, &is_declared, &DECLARED, &first_and_last, false).await?;
        Ok(Found { now, before, versions, places, declared })
    }

    /// What did not hold, as it was written.
    pub(super) async fn unmet(&self) -> Result<Answer, QueryError> {
        let version = self.spec.version.as_ref().map(|version| condition("service.version", "=", json!(version)));
        let unmet = [Some(condition("intent.met", "=", json!(false))), version];
        self.ask(self.range, &unmet, &["intent.unmet"], &[counted(EVENTS, None)], false).await
    }

    async fn ask(
        &self,
        range: TimeRange,
        conditions: &[Option<Value>],
        breakdowns: &[&str],
        calculations: &[Value],
        series: bool,
    ) -> Result<Answer, QueryError> {
        let name = self.name.map_or_else(|| exists("intent.name"), |name| condition("intent.name", "=", json!(name)));
        let service = self.spec.service.as_ref().map(|service| condition("service.name", "=", json!(service)));
        let filters: Vec<&Value> = std::iter::once(&name).chain(&service).chain(conditions.iter().flatten()).collect();
        let newest = calculations.last().and_then(|c| c["name"].as_str()).unwrap_or(EVENTS);
        let spec = json!({
            "filters": filters,
            "breakdowns": breakdowns,
            "calculations": calculations,
            "orders": [{ "column": newest, "order": "descending" }],
            "start_time": rfc3339(range.start),
            "end_time": rfc3339(range.end),
            "limit": limits::LIMIT_MAX,
            "disable_series": !series,
            "disable_total_by_aggregate": true,
            "disable_other_by_aggregate": true,
        });
        let spec: QuerySpec =
            serde_json::from_value(spec).map_err(|e| QueryError::internal(format!("a question of intents: {e}")))?;
        self.engine.query(self.snapshot.clone(), self.datasets, &spec, &self.options.into(), self.now).await
    }
}

/// What says where an intent is.
pub(super) const PLACES: [&str; 7] = [
    "intent.name",
    "intent.text",
    "code.file.path",
    "code.line.number",
    "intent.owner",
    "service.name",
    "meta.dataset",
];
const DECLARED: [&str; 9] = [
    "intent.name",
    "intent.text",
    "code.file.path",
    "code.line.number",
    "intent.owner",
    "service.name",
    "meta.dataset",
    "service.version",
    "intent.expectations",
];

fn condition(column: &str, op: &str, value: Value) -> Value {
    json!({ "column": column, "op": op, "value": value })
}

fn exists(column: &str) -> Value {
    json!({ "column": column, "op": "exists" })
}

/// How many events; of those that were met or not, only these.
fn counted(name: &str, met: Option<bool>) -> Value {
    let filters: Vec<Value> = met.into_iter().map(|met| condition("intent.met", "=", json!(met))).collect();
    json!({ "op": "COUNT", "name": name, "filters": filters })
}

/// The number of an event: numbers go by when events came in.
fn sequence(op: &str, name: &str) -> Value {
    json!({ "op": op, "column": "meta.sequence", "name": name })
}

/// The rows of an answer, by the names of their columns.
pub(super) fn rows(answer: &Answer) -> impl Iterator<Item = Row<'_>> {
    answer.rows.iter().map(|values| Row { answer, values })
}

pub(super) struct Row<'a> {
    answer: &'a Answer,
    values: &'a [Value],
}

impl Row<'_> {
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        let at = self.answer.columns.iter().position(|column| column.name == name)?;
        self.values.get(at).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    /// Large numbers are answered as text.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let value = self.value(name)?;
        value.as_u64().or_else(|| value.as_f64().map(|f| f as u64)).or_else(|| value.as_str()?.parse().ok())
    }
}
