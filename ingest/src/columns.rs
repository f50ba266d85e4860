//! Rows in, Arrow columns out: one builder for each (field, type) of the batch that is being made.
//!
//! Columns are padded lazily: a null is written only when a later value needs its place, or at the end, so that a column
//! which is present in one event of a thousand costs one event's work. Must not know protocols or the rules of events.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayBuilder, ArrayRef, BooleanBuilder, Float64Builder, Int64Array, Int64Builder, StringBuilder, UInt32Array,
};
use outcrop_storage::event::{EventBatch, EventColumn, FieldName, FieldType, InvalidBatch, TimestampNs};

use crate::limits::COLUMN_BYTES;

/// One value on its way into a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(&'a str),
}

impl Cell<'_> {
    #[inline]
    pub(crate) fn field_type(self) -> FieldType {
        match self {
            Cell::Boolean(_) => FieldType::Boolean,
            Cell::Integer(_) => FieldType::Integer,
            Cell::Float(_) => FieldType::Float,
            Cell::Text(_) => FieldType::String,
        }
    }
}

/// The columns of one batch while it grows.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    timestamp: Vec<TimestampNs>,
    /// Empty until an event stands for more than itself.
    sample_rate: Vec<u32>,
    columns: Vec<Column>,
    text_bytes: usize,
    values: usize,
}

#[derive(Debug)]
struct Column {
    field: FieldName,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
}

impl Columns {
    /// Finished rows.
    pub(crate) fn rows(&self) -> usize {
        self.timestamp.len()
    }

    /// Columns that have a value.
    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    /// Bytes of all string values.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Values that are not padding.
    pub(crate) fn values(&self) -> usize {
        self.values
    }

    /// No less than the columns will hold when they are finished: 8 bytes for each value and for each that is padding.
    pub(crate) fn memory_bytes_max(&self) -> usize {
        let rows = self.rows() + 1;
        self.width() * (8 * rows + COLUMN_BYTES) + 12 * rows + self.text_bytes
    }

    /// Starts a column and gives its number. The caller puts a value into it at once: no column is without one.
    pub(crate) fn open(&mut self, field: FieldName, field_type: FieldType) -> usize {
        // No capacity up front: most columns of a hostile body hold one value.
        let values = match field_type {
            FieldType::Boolean => Values::Boolean(BooleanBuilder::with_capacity(0)),
            FieldType::Integer => Values::Integer(Int64Builder::with_capacity(0)),
            FieldType::Float => Values::Float(Float64Builder::with_capacity(0)),
            FieldType::String => Values::Text(StringBuilder::with_capacity(0, 0)),
        };
        self.columns.push(Column { field, values });
        self.columns.len() - 1
    }

    /// Puts a value of the column's type into the row that is being made, at most one for each row.
    #[inline]
    pub(crate) fn put(&mut self, column: usize, cell: Cell<'_>) {
        let row = self.timestamp.len();
        self.values += 1;
        // Padding and appending in one step, since this is where an event's time goes. Nothing to pad must not reach the
        // builder: it would begin to keep validity for a column that has all its values.
        macro_rules! append {
            ($builder:ident, $value:ident) => {{
                if $builder.len() < row {
                    $builder.append_nulls(row - $builder.len());
                }
                $builder.append_value($value);
            }};
        }
        match (&mut self.columns[column].values, cell) {
            (Values::Boolean(builder), Cell::Boolean(value)) => append!(builder, value),
            (Values::Integer(builder), Cell::Integer(value)) => append!(builder, value),
            (Values::Float(builder), Cell::Float(value)) => append!(builder, value),
            (Values::Text(builder), Cell::Text(value)) => {
                append!(builder, value);
                self.text_bytes += value.len();
            }
            // The caller chose the column by the cell's type.
            _ => debug_assert!(false, "a cell of another type than its column"),
        }
    }

    /// Ends the row.
    pub(crate) fn end_row(&mut self, timestamp: TimestampNs, sample_rate: u32) {
        if sample_rate != 1 && self.sample_rate.is_empty() {
            self.sample_rate.resize(self.timestamp.len(), 1);
            self.sample_rate.push(sample_rate);
        } else if !self.sample_rate.is_empty() {
            self.sample_rate.push(sample_rate);
        }
        self.timestamp.push(timestamp);
    }

    /// The batch, leaving none of it behind.
    pub(crate) fn finish(&mut self) -> Result<EventBatch, InvalidBatch> {
        let Columns { timestamp, sample_rate, columns, .. } = std::mem::take(self);
        let rows = timestamp.len();
        let sample_rate = (!sample_rate.is_empty()).then(|| UInt32Array::from(sample_rate));
        let columns = columns.into_iter().map(|column| column.finish(rows)).collect();
        EventBatch::new(Int64Array::from(timestamp), sample_rate, columns)
    }
}

impl Column {
    fn finish(mut self, rows: usize) -> EventColumn {
        self.values.pad(rows);
        let (field_type, values) = match self.values {
            Values::Boolean(mut builder) => (FieldType::Boolean, shrunk(builder.finish())),
            Values::Integer(mut builder) => (FieldType::Integer, shrunk(builder.finish())),
            Values::Float(mut builder) => (FieldType::Float, shrunk(builder.finish())),
            Values::Text(mut builder) => (FieldType::String, shrunk(builder.finish())),
        };
        EventColumn { field: self.field, field_type, values }
    }
}

/// Builders double their buffers; what is left over would stay in memory as long as the batch does.
fn shrunk(mut array: impl Array + 'static) -> ArrayRef {
    array.shrink_to_fit();
    Arc::new(array)
}

impl Values {
    /// Nulls up to `row`.
    fn pad(&mut self, row: usize) {
        match self {
            Values::Boolean(builder) if builder.len() < row => builder.append_nulls(row - builder.len()),
            Values::Integer(builder) if builder.len() < row => builder.append_nulls(row - builder.len()),
            Values::Float(builder) if builder.len() < row => builder.append_nulls(row - builder.len()),
            Values::Text(builder) if builder.len() < row => builder.append_nulls(row - builder.len()),
            _ => {}
        }
    }
}
