//! The vocabulary of the house: what an event, a field, a type, a dataset and a batch are.
//!
//! Every room speaks in these nouns. This file knows arrow arrays and nothing of files, protocols or queries.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringArray, UInt32Array, new_null_array};
use arrow::compute::{self, concat};
use arrow::datatypes::{DataType, Int64Type, UInt32Type};
use arrow::error::ArrowError;

use crate::limits;

#[cfg(test)]
mod tests;

/// An event's time: nanoseconds since 1970-01-01 UTC, never negative (1970 to 2262).
pub type TimestampNs = i64;

/// Names that the store itself gives a meaning to. A sender's field of such a name is kept as `meta.sent.<name>`.
pub mod reserved {
    pub const TIMESTAMP: &str = "timestamp";
    pub const SAMPLE_RATE: &str = "sample_rate";
    pub const SEQUENCE: &str = "meta.sequence";
    pub const RECEIVED: &str = "meta.received";
    pub const DATASET: &str = "meta.dataset";
    pub const TRUNCATED: &str = "meta.truncated";
    pub const OVERFLOW: &str = "meta.overflow";
    pub const REDACTED: &str = "meta.redacted";
    pub const INVALID_TIMESTAMP: &str = "meta.invalid_timestamp";
    pub const INVALID_SAMPLE_RATE: &str = "meta.invalid_sample_rate";
    pub const INVALID_PREFIX: &str = "meta.invalid_";
    pub const SENT_PREFIX: &str = "meta.sent.";

    /// Whether a sender may not use `name` for a field of its own.
    pub fn is_reserved(name: &str) -> bool {
        matches!(name, TIMESTAMP | SAMPLE_RATE | SEQUENCE | RECEIVED | DATASET | TRUNCATED | OVERFLOW | REDACTED)
            || name.starts_with(INVALID_PREFIX)
    }
}

/// The type of one value. A field may hold values of several types; each is a column of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum FieldType {
    Boolean = 0,
    Integer = 1,
    Float = 2,
    String = 3,
}

impl FieldType {
    pub const ALL: [FieldType; 4] = [FieldType::Boolean, FieldType::Integer, FieldType::Float, FieldType::String];

    /// The word used in answers, in physical column names and in the catalog.
    pub fn label(self) -> &'static str {
        match self {
            FieldType::Boolean => "boolean",
            FieldType::Integer => "integer",
            FieldType::Float => "float",
            FieldType::String => "string",
        }
    }

    pub fn from_label(label: &str) -> Option<FieldType> {
        FieldType::ALL.into_iter().find(|t| t.label() == label)
    }

    pub fn from_code(code: u8) -> Option<FieldType> {
        FieldType::ALL.into_iter().find(|t| *t as u8 == code)
    }

    /// The arrow type of a batch's column.
    pub fn data_type(self) -> DataType {
        match self {
            FieldType::Boolean => DataType::Boolean,
            FieldType::Integer => DataType::Int64,
            FieldType::Float => DataType::Float64,
            FieldType::String => DataType::Utf8,
        }
    }
}

/// A flattened field name: 1 to 256 bytes of UTF-8 without control characters, case-sensitive.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldName(Arc<str>);

impl FieldName {
    pub fn new(name: &str) -> Result<FieldName, InvalidName> {
        if name.is_empty() || name.len() > limits::FIELD_NAME_BYTES_MAX {
            return Err(InvalidName::FieldLength(name.len()));
        }
        if name.chars().any(char::is_control) {
            return Err(InvalidName::FieldControl);
        }
        Ok(FieldName(name.into()))
    }

    /// For names that were checked before: read back from our own files, or constants of ours.
    pub fn trusted(name: &str) -> FieldName {
        FieldName(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for FieldName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A dataset's name: trimmed, lower-case, 1 to 128 bytes of UTF-8 without control characters and without `,` `*` `/` `\`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatasetName(Arc<str>);

impl DatasetName {
    pub fn new(name: &str) -> Result<DatasetName, InvalidName> {
        let name = name.trim().to_lowercase();
        if name.is_empty() || name.len() > limits::DATASET_NAME_BYTES_MAX {
            return Err(InvalidName::DatasetLength(name.len()));
        }
        if let Some(bad) = name.chars().find(|c| c.is_control() || matches!(c, ',' | '*' | '/' | '\\')) {
            return Err(InvalidName::DatasetCharacter(bad));
        }
        Ok(DatasetName(name.as_str().into()))
    }

    /// For constants of ours, which keep the rules.
    pub fn trusted(name: &'static str) -> DatasetName {
        DatasetName(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a name cannot be a field's or a dataset's. The message says what to do and never repeats the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    #[error("a field name has {0} bytes; it must have 1 to {max}", max = limits::FIELD_NAME_BYTES_MAX)]
    FieldLength(usize),
    #[error("a field name holds a control character; remove it")]
    FieldControl,
    #[error("a dataset name has {0} bytes; it must have 1 to {max}", max = limits::DATASET_NAME_BYTES_MAX)]
    DatasetLength(usize),
    #[error("a dataset name holds {0:?}; use letters, digits, '.', '-' or '_' instead")]
    DatasetCharacter(char),
}

/// A dataset's number: what files, WAL and catalog say instead of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatasetId(pub u32);

impl fmt::Display for DatasetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One field × type of a batch. Rows without a value of this type are null.
#[derive(Clone, Debug)]
pub struct EventColumn {
    pub field: FieldName,
    pub field_type: FieldType,
    pub values: ArrayRef,
}

/// Events of one dataset as columns, as they were decoded and before the store has numbered them.
///
/// Invariants, checked by [`EventBatch::new`]:
/// - `timestamp.len() == rows`, no nulls, every value ≥ 0
/// - `sample_rate` is `None` (every event stands for itself) or has `rows` values ≥ 1, no nulls
/// - every column has `rows` values of its type's arrow type and at least one value that is not null
/// - (field, type) is unique among the columns
/// - in one row a field has a value of at most one type (the decoder's promise; not checked)
#[derive(Clone, Debug)]
pub struct EventBatch {
    timestamp: Int64Array,
    sample_rate: Option<UInt32Array>,
    columns: Vec<EventColumn>,
    /// Which of the columns is the overflow column.
    overflow: Option<usize>,
}

/// A batch that breaks one of its invariants: our mistake, never the sender's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("BUG: {0}")]
pub struct InvalidBatch(pub String);

impl EventBatch {
    pub fn new(
        timestamp: Int64Array,
        sample_rate: Option<UInt32Array>,
        columns: Vec<EventColumn>,
    ) -> Result<EventBatch, InvalidBatch> {
        let rows = timestamp.len();
        let fail = |what: String| Err(InvalidBatch(what));
        if timestamp.null_count() > 0 || timestamp.values().iter().any(|t| *t < 0) {
            return fail("a timestamp is absent or before 1970".into());
        }
        let bad_rate = |r: &UInt32Array| r.len() != rows || r.null_count() > 0 || r.values().contains(&0);
        if sample_rate.as_ref().is_some_and(bad_rate) {
            return fail("sample_rate must have a value of at least 1 for every event".into());
        }
        let mut seen = HashSet::with_capacity(columns.len());
        for column in &columns {
            if column.values.len() != rows {
                return fail(format!("{} has {} of {rows} rows", column.field, column.values.len()));
            }
            if column.values.data_type() != &column.field_type.data_type() {
                return fail(format!("{} is {}", column.field, column.values.data_type()));
            }
            if column.values.null_count() == rows {
                return fail(format!("{} has no value", column.field));
            }
            if !seen.insert((column.field.as_str(), column.field_type)) {
                return fail(format!("{} {} twice", column.field, column.field_type.label()));
            }
        }
        let is_overflow = |c: &EventColumn| c.field_type == FieldType::String && c.field.as_str() == reserved::OVERFLOW;
        let overflow = columns.iter().position(is_overflow);
        Ok(EventBatch { timestamp, sample_rate, columns, overflow })
    }

    pub fn rows(&self) -> usize {
        self.timestamp.len()
    }

    pub fn timestamp(&self) -> &Int64Array {
        &self.timestamp
    }

    pub fn sample_rate(&self) -> Option<&UInt32Array> {
        self.sample_rate.as_ref()
    }

    pub fn columns(&self) -> &[EventColumn] {
        &self.columns
    }

    /// The values that a field has of one type.
    pub fn column(&self, field: &str, field_type: FieldType) -> Option<&ArrayRef> {
        let found = self.columns.iter().find(|c| c.field_type == field_type && c.field.as_str() == field);
        found.map(|c| &c.values)
    }

    /// The fields that have no column of their own, as texts: see [`crate::overflow`].
    pub fn overflow(&self) -> Option<&StringArray> {
        self.overflow.map(|at| self.columns[at].values.as_string())
    }

    pub(crate) fn into_parts(self) -> (Int64Array, Option<UInt32Array>, Vec<EventColumn>) {
        (self.timestamp, self.sample_rate, self.columns)
    }

    /// How many of the first `batches` may become one: it never has more than [`limits::BATCH_COLUMNS_MAX`] columns, or
    /// senders that make names up would be paid for with rows × columns of padding.
    pub fn joinable<'a>(batches: impl Iterator<Item = &'a EventBatch>) -> usize {
        let mut columns = HashSet::new();
        let fits = |batch: &&'a EventBatch| {
            columns.extend(batch.columns.iter().map(|c| (&c.field, c.field_type)));
            columns.len() <= limits::BATCH_COLUMNS_MAX
        };
        batches.take_while(fits).count()
    }

    /// The events of all `batches`, one after the other.
    pub fn join(batches: &[EventBatch]) -> Result<EventBatch, InvalidBatch> {
        if let [only] = batches {
            return Ok(only.clone());
        }
        let fail = |e: ArrowError| InvalidBatch(e.to_string());
        let timestamps: Vec<&dyn Array> = batches.iter().map(|b| &b.timestamp as &dyn Array).collect();
        let timestamp = concat(&timestamps).map_err(fail)?.as_primitive::<Int64Type>().clone();
        let sample_rate = batches.iter().any(|b| b.sample_rate.is_some()).then(|| {
            let rates = batches.iter().flat_map(|b| (0..b.rows()).map(move |row| b.sample_rate_at(row)));
            UInt32Array::from_iter_values(rates)
        });
        // Where each batch has each column: a batch without it gives nulls.
        let mut places: Vec<(&EventColumn, Vec<Option<&ArrayRef>>)> = Vec::new();
        let mut index: HashMap<(&FieldName, FieldType), usize> = HashMap::new();
        for (at, batch) in batches.iter().enumerate() {
            for column in &batch.columns {
                let place = *index.entry((&column.field, column.field_type)).or_insert_with(|| {
                    places.push((column, vec![None; batches.len()]));
                    places.len() - 1
                });
                places[place].1[at] = Some(&column.values);
            }
        }
        let mut columns = Vec::with_capacity(places.len());
        for (column, parts) in places {
            let data_type = column.field_type.data_type();
            let parts: Vec<ArrayRef> = parts
                .into_iter()
                .zip(batches)
                .map(|(part, batch)| part.cloned().unwrap_or_else(|| new_null_array(&data_type, batch.rows())))
                .collect();
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            let values = concat(&parts).map_err(fail)?;
            columns.push(EventColumn { field: column.field.clone(), field_type: column.field_type, values });
        }
        EventBatch::new(timestamp, sample_rate, columns)
    }

    /// The events that are `kept`, with the columns that still have a value.
    pub(crate) fn filter(&self, kept: &BooleanArray) -> Result<EventBatch, InvalidBatch> {
        let of = |array: &dyn Array| compute::filter(array, kept).map_err(|e| InvalidBatch(e.to_string()));
        let timestamp = of(&self.timestamp)?.as_primitive::<Int64Type>().clone();
        let sample_rate = self.sample_rate.as_ref().map(|rates| of(rates)).transpose()?;
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let values = of(&*column.values)?;
            if values.null_count() < values.len() {
                columns.push(EventColumn { field: column.field.clone(), field_type: column.field_type, values });
            }
        }
        EventBatch::new(timestamp, sample_rate.map(|rates| rates.as_primitive::<UInt32Type>().clone()), columns)
    }

    /// How many events the event at `row` stands for.
    pub fn sample_rate_at(&self, row: usize) -> u32 {
        self.sample_rate.as_ref().map_or(1, |rates| rates.value(row))
    }

    /// Bytes held by the arrays.
    pub fn memory_bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(|c| c.values.get_array_memory_size()).sum();
        columns
            + self.timestamp.get_array_memory_size()
            + self.sample_rate.as_ref().map_or(0, |r| r.get_array_memory_size())
    }
}
