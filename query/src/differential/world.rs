//! Events with fields of several types, nulls, weights and times in no order, stored in the memtable, in segments and half
//! and half, in columns and in overflow.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, UInt32Array};
use outcrop_storage::event::{DatasetName, EventBatch, EventColumn, FieldName, FieldType};
use outcrop_storage::memory::Memory;
use outcrop_storage::paths::DataDir;
use outcrop_storage::{Store, StoreSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;

use super::rng::Rng;
use crate::{Options, QueryEngine, QueryOptions, QuerySettings, QuerySpec, RowsSpec, read_spec};

/// 2026-11-01 UTC, in seconds, and how long events go on.
pub(super) const START: i64 = 1_793_491_200;
pub(super) const SECONDS: i64 = 3_600;
const SECOND_NS: i64 = 1_000_000_000;

pub(super) const DATASETS: [&str; 2] = ["one", "two"];

#[derive(Clone, Debug, PartialEq)]
pub(super) enum V {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) id: i64,
    pub(super) dataset: &'static str,
    pub(super) time: i64,
    pub(super) rate: u32,
    pub(super) fields: BTreeMap<&'static str, V>,
}

pub(super) struct World {
    /// In the order in which they were acknowledged.
    pub(super) events: Vec<Event>,
    pub(super) layout: String,
    store: Store,
    engine: QueryEngine,
    runtime: tokio::runtime::Runtime,
    _home: TempDir,
}

/// A value of a field; what is not listed here no event has.
fn value(field: &str, rng: &mut Rng) -> V {
    let eighths = |rng: &mut Rng| V::Float(rng.between(-80, 80) as f64 / 8.0);
    match field {
        "a" if rng.once_in(3) => V::Text(rng.between(0, 3).to_string()),
        "a" => V::Int(rng.between(0, 4)),
        "mixed" => match rng.below(5) {
            0 => V::Bool(rng.once_in(2)),
            1 => V::Text((rng.pick(&["", "1", "true", "x", "-2.5", "1e3"])).to_owned()),
            2 => eighths(rng),
            _ => V::Int(rng.between(-3, 3)),
        },
        "t" => V::Text((rng.pick(&["", "a", "ab", "b", "B", "ä", "cart/1", "cart/22"])).to_owned()),
        "n" if rng.once_in(2) => eighths(rng),
        "n" => V::Int(rng.between(-100, 1_000)),
        "i" => V::Int(rng.between(-5, 200)),
        "big" => V::Int(rng.pick(&[(1 << 53) + 1, 1 << 53, -(1 << 53) - 1, i64::MAX, i64::MIN, 7])),
        "flag" => V::Bool(rng.once_in(2)),
        "duration_ms" => V::Float(rng.between(-8, 4_000_000) as f64 / 8.0),
        _ => V::Text("rare".to_owned()),
    }
}

pub(super) const FIELDS: [&str; 9] = ["a", "mixed", "t", "n", "i", "big", "flag", "duration_ms", "x y"];

fn event(id: i64, rng: &mut Rng) -> Event {
    let mut fields = BTreeMap::from([("id", V::Int(id))]);
    for field in FIELDS {
        let absent = if field == "x y" { !rng.once_in(30) } else { rng.once_in(4) };
        if !absent {
            fields.insert(field, value(field, rng));
        }
    }
    if !rng.once_in(4) {
        // Spans name each other at random: parents that are nowhere, that come later, that lie in the other dataset.
        let trace = id / 8;
        let span = |id: i64| V::Text(format!("s{id}"));
        fields.insert("trace.trace_id", V::Text(format!("t{trace}")));
        fields.insert(rng.pick(&["trace.span_id", "span_id"]), span(id));
        match rng.below(6) {
            0 | 1 => {}
            2 => drop(fields.insert("trace.parent_id", V::Text(String::new()))),
            _ => drop(fields.insert("trace.parent_id", span(trace * 8 + rng.between(0, 7)))),
        }
    }
    Event {
        id,
        // Both datasets are there from the beginning.
        dataset: if id < 2 { DATASETS[id as usize] } else { rng.pick(&DATASETS) },
        time: START * SECOND_NS + rng.between(0, SECONDS * 1_000 - 1) * 1_000_000,
        rate: if rng.once_in(3) { rng.between(2, 40) as u32 } else { 1 },
        fields,
    }
}

impl Event {
    /// The first of these that it has with more than nothing in it.
    pub(super) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| match self.fields.get(*name) {
            Some(V::Text(text)) if !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
    }

    pub(super) fn span(&self) -> Option<&str> {
        self.first(&["trace.span_id", "span_id"])
    }

    pub(super) fn trace(&self) -> Option<&str> {
        self.first(&["trace.trace_id"])
    }

    pub(super) fn parent(&self) -> Option<&str> {
        self.first(&["trace.parent_id"])
    }
}

impl World {
    pub(super) fn random(rng: &mut Rng) -> World {
        let home = TempDir::new().unwrap();
        let mut settings = StoreSettings::new(DataDir::new(home.path()));
        settings.upkeep = false;
        if rng.once_in(3) {
            settings.limits.fields_max = rng.between(1, 6) as usize;
        }
        let fields_max = settings.limits.fields_max;
        let store = Store::open(settings).unwrap();
        let sampled = !rng.once_in(4);
        let mut events: Vec<Event> = Vec::new();
        let mut layout = format!("{fields_max} fields");
        for _ in 0..rng.between(1, 5) {
            let count = rng.between(2, 120);
            let mut batch: Vec<Event> = (0..count).map(|at| event(events.len() as i64 + at, rng)).collect();
            if !sampled {
                batch.iter_mut().for_each(|event| event.rate = 1);
            }
            let own = |dataset: &str| batch.iter().filter(|e| e.dataset == dataset).cloned().collect::<Vec<Event>>();
            let batches = DATASETS.map(|dataset| (dataset, own(dataset)));
            for (dataset, own) in batches.iter().filter(|(_, own)| !own.is_empty()) {
                store.append(vec![(DatasetName::new(dataset).unwrap(), columns(own))]).unwrap();
            }
            // As their sequences are.
            events.extend(batches.into_iter().flat_map(|(_, own)| own));
            let flushed = rng.once_in(2);
            if flushed {
                store.flush().unwrap();
            }
            layout += if flushed { ", to segments" } else { ", to memory" };
        }
        let settings = QuerySettings {
            threads: 2,
            memory: Memory::unlimited(),
            spill_directory: home.path().join("spill"),
            concurrency_max: 1,
            queue_max: 1,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        World { events, layout, store, engine: QueryEngine::new(settings).unwrap(), runtime, _home: home }
    }

    fn read<T: DeserializeOwned + Default>(spec: &Value) -> Result<T, String> {
        read_spec(spec.to_string().as_bytes()).map_err(|e| e.message)
    }

    pub(super) fn query(&self, datasets: &str, spec: &Value) -> Result<Value, String> {
        let (spec, options): (QuerySpec, _) = (World::read(spec)?, QueryOptions::default());
        let asked = self.engine.query(self.store.snapshot(), datasets, &spec, &options, 0);
        self.runtime.block_on(asked).map(|answer| serde_json::to_value(answer).unwrap()).map_err(|e| e.message)
    }

    pub(super) fn rows(&self, datasets: &str, spec: &Value) -> Value {
        let (spec, options): (RowsSpec, _) = (World::read(spec).unwrap(), Options::default());
        let asked = self.engine.rows(self.store.snapshot(), datasets, &spec, &options, 0);
        serde_json::to_value(self.runtime.block_on(asked).unwrap()).unwrap()
    }
}

fn columns(events: &[Event]) -> EventBatch {
    let mut keys: Vec<(&str, FieldType)> =
        events.iter().flat_map(|e| e.fields.iter().map(|(name, v)| (*name, field_type(v)))).collect();
    keys.sort_unstable();
    keys.dedup();
    let columns = keys.into_iter().map(|(name, t)| {
        let values = events.iter().map(|e| e.fields.get(name).filter(|v| field_type(v) == t));
        EventColumn { field: FieldName::new(name).unwrap(), field_type: t, values: array(t, values) }
    });
    let rates = events.iter().any(|e| e.rate > 1).then(|| UInt32Array::from_iter_values(events.iter().map(|e| e.rate)));
    let times = Int64Array::from_iter_values(events.iter().map(|e| e.time));
    EventBatch::new(times, rates, columns.collect()).unwrap()
}

fn field_type(value: &V) -> FieldType {
    match value {
        V::Bool(_) => FieldType::Boolean,
        V::Int(_) => FieldType::Integer,
        V::Float(_) => FieldType::Float,
        V::Text(_) => FieldType::String,
    }
}

fn array<'v>(field_type: FieldType, values: impl Iterator<Item = Option<&'v V>>) -> ArrayRef {
    macro_rules! of {
        ($array:ty, $variant:ident, $value:expr) => {
            Arc::new(<$array>::from_iter(values.map(|v| match v {
                Some(V::$variant(v)) => Some($value(v)),
                _ => None,
            })))
        };
    }
    match field_type {
        FieldType::Boolean => of!(BooleanArray, Bool, |v: &bool| *v),
        FieldType::Integer => of!(Int64Array, Int, |v: &i64| *v),
        FieldType::Float => of!(Float64Array, Float, |v: &f64| *v),
        FieldType::String => of!(StringArray, Text, String::clone),
    }
}
