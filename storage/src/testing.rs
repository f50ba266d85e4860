//! Events as a test writes and compares them: rows of named values, made into batches and read back from anywhere.
//!
//! It turns columns into rows value by value, apart from the code under test.

pub(crate) mod fuzz;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, UInt32Array,
};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampNanosecondType, UInt32Type, UInt64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use crate::error::StoreError;
use crate::event::{EventBatch, EventColumn, FieldName, FieldType, reserved};
use crate::index::Probe;
use crate::memtable::StoredBatch;
use crate::segment::reader::{OpenSegment, Segment};
use crate::snapshot::DatasetSnapshot;

/// 2026-01-01 UTC.
pub(crate) const START: i64 = 1_767_225_600_000_000_000;
pub(crate) const DAY: i64 = 86_400_000_000_000;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Boolean(bool),
    Integer(i64),
    /// The bits, so that every float equals itself.
    Float(u64),
    Text(String),
}

impl Value {
    pub(crate) fn float(value: f64) -> Value {
        Value::Float(value.to_bits())
    }

    pub(crate) fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    pub(crate) fn field_type(&self) -> FieldType {
        match self {
            Value::Boolean(_) => FieldType::Boolean,
            Value::Integer(_) => FieldType::Integer,
            Value::Float(_) => FieldType::Float,
            Value::Text(_) => FieldType::String,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) time: i64,
    pub(crate) rate: u32,
    pub(crate) fields: BTreeMap<String, Value>,
}

/// An event with its number and receive time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) sequence: u64,
    pub(crate) received: i64,
    pub(crate) event: Event,
}

/// An event at `time` with these fields.
pub(crate) fn event(time: i64, fields: &[(&str, Value)]) -> Event {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Event { time, rate: 1, fields }
}

pub(crate) fn batch(events: &[Event]) -> EventBatch {
    let mut keys: Vec<(&str, FieldType)> =
        events.iter().flat_map(|e| e.fields.iter().map(|(name, v)| (name.as_str(), v.field_type()))).collect();
    keys.sort_unstable();
    keys.dedup();
    let columns = keys.into_iter().map(|(name, field_type)| {
        let of_type = |e: &Event| e.fields.get(name).filter(|v| v.field_type() == field_type).cloned();
        let values = column(field_type, events.iter().map(of_type));
        EventColumn { field: FieldName::new(name).unwrap(), field_type, values }
    });
    let rates = events.iter().any(|e| e.rate > 1).then(|| UInt32Array::from_iter_values(events.iter().map(|e| e.rate)));
    let times = Int64Array::from_iter_values(events.iter().map(|e| e.time));
    EventBatch::new(times, rates, columns.collect()).unwrap()
}

fn column(field_type: FieldType, values: impl Iterator<Item = Option<Value>>) -> ArrayRef {
    let values: Vec<Option<Value>> = values.collect();
    macro_rules! of {
        ($array:ty, $variant:ident, $value:ident => $made:expr) => {
            Arc::new(<$array>::from_iter(values.into_iter().map(|v| match v {
                Some(Value::$variant($value)) => Some($made),
                _ => None,
            })))
        };
    }
    match field_type {
        FieldType::Boolean => of!(BooleanArray, Boolean, v => v),
        FieldType::Integer => of!(Int64Array, Integer, v => v),
        FieldType::Float => of!(Float64Array, Float, v => f64::from_bits(v)),
        FieldType::String => of!(StringArray, Text, v => v),
    }
}

fn value(array: &ArrayRef, row: usize) -> Option<Value> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Boolean => Value::Boolean(array.as_boolean().value(row)),
        DataType::Int64 => Value::Integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Value::text(array.as_string::<i32>().value(row)),
        DataType::Utf8View => Value::text(array.as_string_view().value(row)),
        other => panic!("a column is {other}"),
    })
}

/// The events of a batch.
pub(crate) fn events(batch: &EventBatch) -> Vec<Event> {
    let event = |row: usize| Event {
        time: batch.timestamp().value(row),
        rate: batch.sample_rate_at(row),
        fields: fields(batch.columns().iter().map(|c| (c.field.as_str(), &c.values)), row),
    };
    (0..batch.rows()).map(event).collect()
}

fn fields<'a>(columns: impl Iterator<Item = (&'a str, &'a ArrayRef)>, row: usize) -> BTreeMap<String, Value> {
    let mut fields = BTreeMap::new();
    for (name, array) in columns {
        let own = match value(array, row) {
            Some(Value::Text(text)) if name == reserved::OVERFLOW => overflow_fields(&text),
            Some(value) => vec![(name.to_owned(), value)],
            None => vec![],
        };
        for (name, value) in own {
            assert_eq!(fields.insert(name.clone(), value), None, "{name} has two values");
        }
    }
    fields
}

/// The fields of an overflow text, read with another's JSON reader.
pub(crate) fn overflow_fields(text: &str) -> Vec<(String, Value)> {
    let fields: BTreeMap<String, &serde_json::value::RawValue> = serde_json::from_str(text).unwrap();
    let read = |written: &str| match written {
        "true" | "false" => Value::Boolean(written == "true"),
        string if string.starts_with('"') => Value::Text(serde_json::from_str(string).unwrap()),
        float if float.contains(['.', 'e']) => Value::float(float.parse().unwrap()),
        integer => Value::Integer(integer.parse().unwrap()),
    };
    fields.into_iter().map(|(name, value)| (name, read(value.get()))).collect()
}

/// The events of a memtable's batch.
pub(crate) fn stored(batch: &StoredBatch) -> Vec<Numbered> {
    let number =
        |(row, event)| Numbered { sequence: batch.sequence().value(row), received: batch.received().value(row), event };
    events(batch.events()).into_iter().enumerate().map(number).collect()
}

/// The events of a segment in the order of the file, read with parquet's own reader; the error in words.
pub(crate) fn read(open: &OpenSegment) -> Result<Vec<Numbered>, String> {
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(open.bytes(), open.metadata().clone());
    let mut all = Vec::new();
    for batch in reader.build().map_err(|e| e.to_string())? {
        all.extend(numbered(open, &batch.map_err(|e| e.to_string())?));
    }
    Ok(all)
}

fn numbered(open: &OpenSegment, batch: &RecordBatch) -> Vec<Numbered> {
    let system = |name: &str| open.system_column(name).map(|at| Arc::clone(batch.column(at)));
    let time = |name: &str, row| system(name).unwrap().as_primitive::<TimestampNanosecondType>().value(row);
    let rates = system(reserved::SAMPLE_RATE);
    let footer = open.footer();
    let columns: Vec<(&str, &ArrayRef)> = footer
        .fields
        .iter()
        .map(|f| {
            let (name, field_type) = f.key().unwrap();
            (f.name.as_str(), batch.column(open.column(&name, field_type).unwrap()))
        })
        .collect();
    let number = |row| Numbered {
        sequence: system(reserved::SEQUENCE).unwrap().as_primitive::<UInt64Type>().value(row),
        received: time(reserved::RECEIVED, row),
        event: Event {
            time: time(reserved::TIMESTAMP, row),
            rate: rates.as_ref().map_or(1, |r| r.as_primitive::<UInt32Type>().value(row)),
            fields: fields(columns.iter().copied(), row),
        },
    };
    (0..batch.num_rows()).map(number).collect()
}

/// A value to be looked up in a sidecar.
pub(crate) fn probe(value: &Value) -> Probe<'_> {
    match value {
        Value::Boolean(value) => Probe::Boolean(*value),
        Value::Integer(value) => Probe::Integer(*value),
        Value::Float(bits) => Probe::Float(f64::from_bits(*bits)),
        Value::Text(text) => Probe::Text(text),
    }
}

/// Fails if the sidecar of a segment rules out an event that is in it: `events` are its own, in its order. Whether it
/// could be asked everything.
pub(crate) fn check_evidence(segment: &Segment, events: &[Numbered]) -> bool {
    let Some(sidecar) = segment.sidecar() else { return false };
    let Ok(overflow) = in_overflow(segment) else { return false };
    for (row, event) in events.iter().enumerate() {
        for (name, value) in &event.event.fields {
            // Of what lies in overflow the evidence knows which events have any.
            let in_overflow = overflow.get(row).is_some_and(|names| names.contains(name));
            let known = if in_overflow { reserved::OVERFLOW } else { name };
            let field_type = if in_overflow { FieldType::String } else { value.field_type() };
            let Ok(column) = sidecar.column(known, field_type) else { return false };
            let column = column.unwrap_or_else(|| panic!("the evidence does not know {known}"));
            let found = if in_overflow { column.present() } else { column.find(probe(value)) };
            let Ok(found) = found else { return false };
            let holds = found.ranges().iter().any(|range| range.contains(&(row as u32)));
            assert!(holds, "the evidence rules out {known} = {value:?} in row {row}");
        }
    }
    true
}

/// The names of the fields that each event of a segment has in overflow; none if the segment has no such column.
fn in_overflow(segment: &Segment) -> Result<Vec<BTreeSet<String>>, StoreError> {
    let mut all = Vec::new();
    segment.open()?.read_overflow(|texts, _| {
        let names = |text: &str| overflow_fields(text).into_iter().map(|(name, _)| name).collect();
        all.extend(texts.iter().map(|text| text.map(names).unwrap_or_default()));
    })?;
    Ok(all)
}

/// Every event of a dataset, by sequence.
pub(crate) fn all(dataset: &DatasetSnapshot) -> Vec<Numbered> {
    let mut all: Vec<Numbered> = dataset.memtable.iter().flat_map(|b| stored(b)).collect();
    for segment in dataset.segments.iter() {
        all.extend(read(&segment.open().unwrap()).unwrap());
    }
    all.sort_by_key(|e| e.sequence);
    all
}

fn any_value() -> impl Strategy<Value = Value> {
    let edge = prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(1 << 53), Just((1 << 53) + 1), Just(0)];
    prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        any::<i8>().prop_map(|v| Value::Integer(v.into())),
        edge.prop_map(Value::Integer),
        any::<f64>().prop_map(Value::float),
        any::<i8>().prop_map(|v| Value::float(v.into())),
        "[a-d]{0,2}".prop_map(Value::Text),
        any::<String>().prop_map(Value::Text),
    ]
}

/// Field names, some of which look like physical columns or the store's own.
pub(crate) const NAMES: [&str; 10] = [
    "service.name",
    "x",
    "x:integer",
    "x:string",
    "y",
    "timestamp",
    "meta.sequence",
    "meta.truncated",
    "ünï code",
    "rare",
];

/// An event on one of `days` days.
pub(crate) fn any_event(days: i64) -> impl Strategy<Value = Event> {
    let rate = prop_oneof![4 => Just(1), 1 => 1..100u32];
    let field = (proptest::sample::select(&NAMES[..]), any_value()).prop_map(|(name, value)| (name.to_owned(), value));
    let fields = proptest::collection::btree_map(any::<u8>(), field, 0..6);
    (0..days, 0..DAY, rate, fields).prop_map(|(day, time, rate, fields)| Event {
        time: START + day * DAY + time,
        rate,
        fields: fields.into_values().collect(),
    })
}

pub(crate) fn any_events(days: i64, count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec(any_event(days), count)
}
