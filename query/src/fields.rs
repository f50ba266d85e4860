//! What there is to ask about: datasets, their fields, and the values of a field.
//!
//! Counts come from the catalog for segments and are counted for the memtable, so that a list is true the moment an event
//! is acknowledged.

use std::collections::{BTreeMap, HashSet};

use arrow::array::Array;
use outcrop_storage::event::{EventColumn, FieldName, FieldType, TimestampNs, reserved};
use outcrop_storage::{Distinct, Snapshot, StoredBatch};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::answer::Warning;
use crate::error::QueryError;
use crate::execute::QueryEngine;
use crate::limits;
use crate::scope::{self, Scope};
use crate::spec::{CalculationSpec, FilterSpec, Options, QueryOptions, QuerySpec, TimeRange, TimeSpec, rfc3339};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DatasetList {
    pub datasets: Vec<DatasetSummary>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DatasetSummary {
    pub name: String,
    pub events: u64,
    /// Events beside those, in damaged segments: answers lack them.
    pub missing_events: u64,
    /// On disk, and in memory for what is not there yet.
    pub bytes: u64,
    pub fields: usize,
    /// The earliest and latest event time; null without events.
    pub first_event: Option<String>,
    pub last_event: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldList {
    pub fields: Vec<FieldSummary>,
    /// About how many further fields there are in overflow that are not listed one by one; they can be asked for by name
    /// all the same. Absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlisted_estimate: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldSummary {
    pub name: String,
    /// Events with a value of each type.
    pub types: BTreeMap<&'static str, u64>,
    pub events: u64,
    /// Different values, within some per cent.
    pub distinct_estimate: u64,
    pub first_seen: String,
    pub last_seen: String,
    /// Whether the dataset had too many fields to give this one a column of its own. Questions about it are answered all
    /// the same, and read more.
    pub overflow: bool,
    /// Whether further events may have the field, from when it was not listed one by one. Absent if none have.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ValueList {
    pub values: Vec<ValueCount>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ValueCount {
    #[schema(value_type = Value)]
    pub value: Value,
    pub events: Value,
}

/// What is known of one field.
#[derive(Default)]
struct Tally {
    types: [u64; 4],
    distinct: Distinct,
    first_seen: TimestampNs,
    last_seen: TimestampNs,
    overflow: bool,
    uncounted: bool,
}

impl Tally {
    fn see(&mut self, first: TimestampNs, last: TimestampNs) {
        let fresh = self.types.iter().all(|t| *t == 0);
        self.first_seen = if fresh { first } else { self.first_seen.min(first) };
        self.last_seen = if fresh { last } else { self.last_seen.max(last) };
    }
}

impl QueryEngine {
    pub fn datasets(&self, snapshot: &Snapshot) -> DatasetList {
        let datasets = snapshot.datasets.iter().map(|dataset| {
            let mut dataset = dataset.clone();
            dataset.set_aside_damaged();
            let overflow = dataset.overflow();
            let fields = scope::named_fields(&dataset, &overflow).len() + overflow.unlisted_estimate() as usize;
            let times = dataset.time_range();
            DatasetSummary {
                name: dataset.name.as_str().to_owned(),
                events: dataset.events(),
                missing_events: dataset.set_aside.iter().map(|s| s.info().rows).sum(),
                bytes: dataset.bytes(),
                fields,
                first_event: times.map(|t| rfc3339(t.0)),
                last_event: times.map(|t| rfc3339(t.1)),
            }
        });
        DatasetList { datasets: datasets.collect() }
    }

    /// The fields whose name contains `search`, by name.
    pub async fn fields(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        search: Option<&str>,
    ) -> Result<FieldList, QueryError> {
        let scope = Scope::new(snapshot, datasets)?;
        let search = search.map(str::to_lowercase).filter(|s| !s.is_empty());
        self.run(&Options::default(), async move {
            let wanted =
                |name: &FieldName| search.as_ref().is_none_or(|s| name.as_str().to_lowercase().contains(s.as_str()));
            Ok(list_fields(&scope, wanted))
        })
        .await
    }

    /// The most common values of a field, of all time, whose text begins with `prefix`.
    pub async fn values(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        field: &str,
        prefix: Option<&str>,
        limit: Option<usize>,
        now: TimestampNs,
    ) -> Result<ValueList, QueryError> {
        let limit = limit.unwrap_or(20);
        if !(1..=limits::VALUES_MAX).contains(&limit) {
            return Err(QueryError::malformed(format!("limit must be between 1 and {}", limits::VALUES_MAX)));
        }
        let condition = |op: &str, value: Option<&str>| FilterSpec {
            column: field.to_owned(),
            op: op.to_owned(),
            value: value.map(Value::from),
        };
        let spec = QuerySpec {
            calculations: vec![CalculationSpec {
                op: "COUNT".into(),
                name: Some("events\u{0}".into()),
                ..CalculationSpec::default()
            }],
            filters: vec![match prefix.filter(|p| !p.is_empty()) {
                Some(prefix) => condition("starts-with", Some(prefix)),
                None => condition("exists", None),
            }],
            breakdowns: vec![field.to_owned()],
            limit: Some(limit),
            start_time: Some(TimeSpec::Seconds(0)),
            end_time: Some(TimeSpec::Seconds(i64::MAX / 1_000_000_000)),
            granularity: None,
            disable_series: true,
            disable_total_by_aggregate: true,
            disable_other_by_aggregate: true,
            ..QuerySpec::default()
        };
        let answer = self.query(snapshot, datasets, &spec, &QueryOptions::default(), now).await?;
        let values = answer.rows.into_iter().filter_map(|row| {
            let [value, events] = <[Value; 2]>::try_from(row).ok()?;
            Some(ValueCount { value, events })
        });
        Ok(ValueList { values: values.collect(), warnings: answer.warnings })
    }
}

fn list_fields(scope: &Scope, wanted: impl Fn(&FieldName) -> bool) -> FieldList {
    let mut tallies: BTreeMap<FieldName, Tally> = BTreeMap::new();
    let mut unlisted = 0;
    for dataset in scope.datasets.iter() {
        let range = dataset.time_range().unwrap_or((i64::MIN, i64::MAX));
        for (name, entry) in dataset.fields.iter().filter(|(name, _)| wanted(name)) {
            let types = entry.types().map(|(t, seen)| (t, seen.events, (seen.first_seen, seen.last_seen)));
            if let Some(tally) = count_types(&mut tallies, name, types, range) {
                tally.distinct.merge(&entry.distinct);
            }
        }
        let columns =
            |batch| StoredBatch::events(batch).columns().iter().enumerate().map(move |(at, c)| (batch, at, c));
        let recent = dataset.memtable.iter().flat_map(|batch| columns(batch));
        let recent =
            recent.filter(|(_, _, column)| column.field.as_str() != reserved::OVERFLOW && wanted(&column.field));
        let mut with_column: HashSet<&FieldName> = HashSet::new();
        for (batch, at, column) in recent {
            count_column(tallies.entry(column.field.clone()).or_default(), batch, at, column);
            with_column.insert(&column.field);
        }
        let overflow = dataset.overflow();
        for (name, entry) in overflow.iter().filter(|(name, _)| wanted(name)) {
            let types = entry.types().map(|(t, seen)| (t, seen.events, (seen.first_seen, seen.last_seen)));
            let Some(tally) = count_types(&mut tallies, name, types, range) else { continue };
            tally.distinct.merge(&entry.distinct);
            tally.uncounted |= entry.uncounted;
            let kept = dataset.fields.get(name.as_str()).is_some();
            tally.overflow |= !entry.has_column && !kept && !with_column.contains(name);
        }
        unlisted += overflow.unlisted_estimate();
    }
    FieldList {
        fields: tallies.into_iter().map(|(name, tally)| summary(&name, &tally)).collect(),
        unlisted_estimate: Some(unlisted).filter(|count| *count > 0),
        warnings: scope.missing(TimeRange { start: TimestampNs::MIN, end: TimestampNs::MAX }),
    }
}

/// Adds events of a field by type, with the times they were counted in, of which those in `range` are left. None if there
/// are none: what had a field may be gone, and what was given a column may not have come yet.
fn count_types<'t>(
    tallies: &'t mut BTreeMap<FieldName, Tally>,
    name: &FieldName,
    types: impl Iterator<Item = (FieldType, u64, (TimestampNs, TimestampNs))>,
    range: (TimestampNs, TimestampNs),
) -> Option<&'t mut Tally> {
    let mut there = types.filter(|(_, events, _)| *events > 0).peekable();
    there.peek()?;
    let tally = tallies.entry(name.clone()).or_default();
    for (field_type, events, (first, last)) in there {
        tally.see(first.max(range.0), last.min(range.1));
        tally.types[field_type as usize] += events;
    }
    Some(tally)
}

fn count_column(tally: &mut Tally, batch: &StoredBatch, at: usize, column: &EventColumn) {
    let (first, last) = batch.time_range();
    tally.see(first, last);
    tally.types[column.field_type as usize] += (column.values.len() - column.values.null_count()) as u64;
    match batch.distinct() {
        Some(distinct) => tally.distinct.merge(&distinct[at]),
        None => tally.distinct.add_column(column),
    }
}

fn summary(name: &FieldName, tally: &Tally) -> FieldSummary {
    let types =
        FieldType::ALL.into_iter().map(|t| (t.label(), tally.types[t as usize])).filter(|(_, events)| *events > 0);
    FieldSummary {
        name: name.as_str().to_owned(),
        types: types.collect(),
        events: tally.types.iter().sum(),
        distinct_estimate: tally.distinct.estimate(),
        first_seen: rfc3339(tally.first_seen),
        last_seen: rfc3339(tally.last_seen),
        overflow: tally.overflow,
        at_least: tally.uncounted,
    }
}
