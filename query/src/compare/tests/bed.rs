//! A store with events, and an engine to ask. Events are rows of named values; columns are made of them here, apart from
//! the code under test.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, UInt32Array};
use outcrop_storage::event::{DatasetName, EventBatch, EventColumn, FieldName, FieldType};
use outcrop_storage::memory::Memory;
use outcrop_storage::paths::DataDir;
use outcrop_storage::{Store, StoreSettings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::compare::value::EventValue;
use crate::{CompareSpec, Options, QueryEngine, QueryError, QuerySettings, read_spec};

/// 2026-11-01 UTC, in seconds.
pub(crate) const START: i64 = 1_793_491_200;
/// Seconds that generated events spread over.
pub(crate) const SECONDS: i64 = 3_600;
const SECOND_NS: i64 = 1_000_000_000;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// Seconds after [`START`].
    pub(crate) second: i64,
    pub(crate) rate: u32,
    pub(crate) fields: BTreeMap<String, EventValue>,
}

impl Event {
    pub(crate) fn new(second: i64) -> Event {
        Event { second, rate: 1, fields: BTreeMap::new() }
    }

    pub(crate) fn set(&mut self, field: &str, value: impl Into<EventValue>) {
        self.fields.insert(field.to_owned(), value.into());
    }

    pub(crate) fn with(mut self, field: &str, value: impl Into<EventValue>) -> Event {
        self.set(field, value);
        self
    }

    pub(crate) fn is(&self, field: &str, value: impl Into<EventValue>) -> bool {
        self.fields.get(field) == Some(&value.into())
    }
}

impl From<&str> for EventValue {
    fn from(value: &str) -> EventValue {
        EventValue::Text(value.into())
    }
}

impl From<String> for EventValue {
    fn from(value: String) -> EventValue {
        EventValue::Text(value.into())
    }
}

impl From<bool> for EventValue {
    fn from(value: bool) -> EventValue {
        EventValue::Boolean(value)
    }
}

impl From<i64> for EventValue {
    fn from(value: i64) -> EventValue {
        EventValue::Integer(value)
    }
}

impl From<f64> for EventValue {
    fn from(value: f64) -> EventValue {
        EventValue::float(value)
    }
}

fn field_type(value: &EventValue) -> FieldType {
    match value {
        EventValue::Boolean(_) => FieldType::Boolean,
        EventValue::Integer(_) => FieldType::Integer,
        EventValue::Float(_) => FieldType::Float,
        EventValue::Text(_) => FieldType::String,
    }
}

fn batch(events: &[Event]) -> EventBatch {
    let mut keys: Vec<(&str, FieldType)> =
        events.iter().flat_map(|e| e.fields.iter().map(|(name, v)| (name.as_str(), field_type(v)))).collect();
    keys.sort_unstable();
    keys.dedup();
    let columns = keys.into_iter().map(|(name, t)| {
        let values = events.iter().map(|e| e.fields.get(name).filter(|v| field_type(v) == t));
        EventColumn { field: FieldName::new(name).unwrap(), field_type: t, values: array(t, values) }
    });
    let rates = events.iter().any(|e| e.rate > 1).then(|| UInt32Array::from_iter_values(events.iter().map(|e| e.rate)));
    let times = Int64Array::from_iter_values(events.iter().map(|e| (START + e.second) * SECOND_NS));
    EventBatch::new(times, rates, columns.collect()).unwrap()
}

fn array<'v>(field_type: FieldType, values: impl Iterator<Item = Option<&'v EventValue>>) -> ArrayRef {
    match field_type {
        FieldType::Boolean => Arc::new(BooleanArray::from_iter(values.map(|v| match v {
            Some(EventValue::Boolean(v)) => Some(*v),
            _ => None,
        }))),
        FieldType::Integer => Arc::new(Int64Array::from_iter(values.map(|v| match v {
            Some(EventValue::Integer(v)) => Some(*v),
            _ => None,
        }))),
        FieldType::Float => Arc::new(Float64Array::from_iter(values.map(|v| match v {
            Some(EventValue::Float(v)) => Some(*v),
            _ => None,
        }))),
        FieldType::String => Arc::new(StringArray::from_iter(values.map(|v| match v {
            Some(EventValue::Text(v)) => Some(&**v),
            _ => None,
        }))),
    }
}

pub(crate) struct Bed {
    store: Store,
    engine: QueryEngine,
    runtime: tokio::runtime::Runtime,
    _home: TempDir,
}

impl Bed {
    pub(crate) fn new() -> Bed {
        let home = TempDir::new().unwrap();
        let store = Store::open(StoreSettings::new(DataDir::new(home.path()))).unwrap();
        let settings = QuerySettings {
            threads: 2,
            memory: Memory::unlimited(),
            spill_directory: home.path().join("spill"),
            concurrency_max: 4,
            queue_max: 4,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Bed { store, engine: QueryEngine::new(settings).unwrap(), runtime, _home: home }
    }

    /// The events in segments, if there are any.
    pub(crate) fn of(events: &[Event]) -> Bed {
        let bed = Bed::new();
        bed.load("shop", events);
        bed.flush();
        bed
    }

    pub(crate) fn load(&self, dataset: &str, events: &[Event]) {
        for events in events.chunks(20_000) {
            self.store.append(vec![(DatasetName::new(dataset).unwrap(), batch(events))]).unwrap();
        }
    }

    pub(crate) fn flush(&self) {
        self.store.flush().unwrap();
    }

    pub(crate) fn try_ask(&self, datasets: &str, spec: &Value) -> Result<Value, QueryError> {
        let spec: CompareSpec = read_spec(spec.to_string().as_bytes())?;
        let options = Options { timeout_seconds: Some(600), ..Options::default() };
        let now = (START + SECONDS) * SECOND_NS;
        let asked = self.engine.compare(self.store.snapshot(), datasets, &spec, &options, now);
        self.runtime.block_on(asked).map(|answer| serde_json::to_value(answer).unwrap())
    }

    /// The answer to a spec over all generated time.
    pub(crate) fn ask(&self, spec: Value) -> Value {
        let mut whole = json!({ "start_time": START, "end_time": START + SECONDS });
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        self.try_ask("shop", &whole).unwrap()
    }
}

/// A side of the events that meet one condition.
pub(crate) fn where_is(column: &str, value: impl Into<Value>) -> Value {
    json!({ "filters": [{ "column": column, "op": "=", "value": value.into() }] })
}

/// What the explanations say, each as its conditions in the order of fields.
pub(crate) fn told(answer: &Value) -> Vec<String> {
    answer["explanations"].as_array().unwrap().iter().map(conditions).collect()
}

pub(crate) fn conditions(explanation: &Value) -> String {
    let condition =
        |f: &Value| format!("{} {} {}", f["column"].as_str().unwrap(), f["op"].as_str().unwrap(), f["value"]);
    let mut conditions: Vec<String> = explanation["filters"].as_array().unwrap().iter().map(condition).collect();
    conditions.sort();
    conditions.join(" & ").replace(" null", "").replace('"', "")
}

/// One field of an answer.
pub(crate) fn field<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let fields = answer["fields"].as_array().unwrap();
    fields.iter().find(|f| f["field"] == name).unwrap_or_else(|| panic!("no field {name} in {answer}"))
}

pub(crate) fn score(answer: &Value, name: &str) -> f64 {
    field(answer, name)["score"].as_f64().unwrap()
}
