//! An answer in the words of Honeycomb's Query Data API, written piece by piece: a large one is nowhere twice. It must not know
//! how it is kept.

use std::io;

use axum::http::StatusCode;
use outcrop_query::{Answer, Series};
use serde::ser::{Error, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::http::ApiError;
use crate::times::{Moment, rfc3339};

const SECOND_NS: i64 = 1_000_000_000;

/// Where the totals of each time bucket are.
#[derive(Debug)]
pub(super) enum Totals {
    /// Nobody wants any.
    None,
    /// In the series of the answer, which has no groups.
    Same,
    /// In those of an answer without groups.
    Apart(Box<Answer>),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) id: &'a str,
    pub(super) query: &'a Value,
    pub(super) links: &'a Value,
    pub(super) answer: &'a Answer,
    pub(super) totals: &'a Totals,
    pub(super) breakdowns: usize,
}

/// The text of it, if it is not too long.
pub(super) fn written(document: &Document<'_>, bytes_max: usize) -> Result<Vec<u8>, ApiError> {
    let mut bounded = Bounded { bytes: Vec::new(), bytes_max };
    serde_json::to_writer(&mut bounded, document).map_err(|_| {
        ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "answer_too_large",
            "the answer is too large to be kept; disable the series, or ask for fewer groups or a coarser granularity",
        )
    })?;
    Ok(bounded.bytes)
}

struct Bounded {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.bytes_max {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.id)?;
        map.serialize_entry("complete", &true)?;
        map.serialize_entry("query", self.query)?;
        map.serialize_entry("data", &Data(self))?;
        map.serialize_entry("links", self.links)?;
        map.end()
    }
}

struct Data<'a>(&'a Document<'a>);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Document { answer, totals, breakdowns, .. } = self.0;
        let mut map = serializer.serialize_map(None)?;
        let names: Vec<&str> = answer.columns.iter().map(|column| column.name.as_str()).collect();
        if let Some(series) = &answer.series {
            map.serialize_entry("series", &Points { series, keys: &names[..*breakdowns] })?;
        }
        map.serialize_entry("results", &Groups { names: &names, rows: &answer.rows })?;
        if let Some(total) = &answer.total {
            map.serialize_entry("total_by_aggregate", total)?;
        }
        let of_totals = match totals {
            Totals::None => None,
            Totals::Same => answer.series.as_ref(),
            Totals::Apart(answer) => answer.series.as_ref(),
        };
        if let Some(series) = of_totals {
            map.serialize_entry("total_by_aggregate_series", &Points { series, keys: &[] })?;
        }
        if let Some(other) = &answer.other {
            map.serialize_entry("other_by_aggregate", other)?;
        }
        if !answer.heatmaps.is_empty() {
            map.serialize_entry("heatmaps", &answer.heatmaps)?;
        }
        if !answer.warnings.is_empty() {
            map.serialize_entry("warnings", &answer.warnings)?;
        }
        map.end()
    }
}

/// The groups, each as `{"data": {…}}`.
struct Groups<'a> {
    names: &'a [&'a str],
    rows: &'a [Vec<Value>],
}

impl Serialize for Groups<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.rows.len()))?;
        for row in self.rows {
            list.serialize_element(&json!({ "data": object(self.names.iter().copied().zip(row)) }))?;
        }
        list.end()
    }
}

/// Groups by time bucket, each as `{"time": …, "data": {…}}`; none where a group has no value at all.
struct Points<'a> {
    series: &'a Series,
    keys: &'a [&'a str],
}

impl Serialize for Points<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Series { start, step_seconds, buckets, groups, .. } = self.series;
        let start = Moment::read(start).map_err(S::Error::custom)?.0;
        let mut list = serializer.serialize_seq(None)?;
        for bucket in 0..*buckets {
            let time = rfc3339(start.saturating_add((bucket as i64).saturating_mul(step_seconds * SECOND_NS)));
            for group in groups {
                let values =
                    group.values.iter().filter_map(|(name, values)| Some((name.as_str(), values.get(bucket)?)));
                let values = object(values);
                if values.values().all(Value::is_null) {
                    continue;
                }
                let mut data = object(self.keys.iter().copied().zip(&group.key));
                data.extend(values);
                list.serialize_element(&json!({ "time": time, "data": data }))?;
            }
        }
        list.end()
    }
}

fn object<'a>(entries: impl Iterator<Item = (&'a str, &'a Value)>) -> Map<String, Value> {
    entries.map(|(name, value)| (name.to_owned(), value.clone())).collect()
}
