//! Columns → the overflow column: whole columns are moved, in time proportional to the values in them.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, AsArray, StringBuilder};
use arrow::datatypes::{Float64Type, Int64Type};

use super::text::{write_float, write_text};
use crate::error::StoreError;
use crate::event::{EventBatch, EventColumn, FieldName, FieldType, reserved};
use crate::limits;

/// The batch with every column of a field that `overflows` moved into the overflow column.
pub(crate) fn fold(events: EventBatch, overflows: impl Fn(&FieldName) -> bool) -> Result<EventBatch, StoreError> {
    let bug = |e: crate::event::InvalidBatch| StoreError::Bug(e.to_string());
    let (timestamp, sample_rate, columns) = events.into_parts();
    let (moved, mut kept): (Vec<_>, Vec<_>) = columns.into_iter().partition(|c| overflows(&c.field));
    if !moved.is_empty() {
        kept.push(overflow_column(moved, timestamp.len())?);
    }
    EventBatch::new(timestamp, sample_rate, kept).map_err(bug)
}

/// A column and its name as it is written, with the colon.
struct Moved {
    name: String,
    column: EventColumn,
}

fn overflow_column(columns: Vec<EventColumn>, rows: usize) -> Result<EventColumn, StoreError> {
    let mut moved: Vec<Moved> = columns.into_iter().map(Moved::new).collect();
    moved.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let cells = Cells::new(&moved, rows);
    let mut builder = StringBuilder::with_capacity(rows, 0);
    let mut text = String::new();
    for row in 0..rows {
        text.clear();
        for column in cells.of(row) {
            text.push(if text.is_empty() { '{' } else { ',' });
            moved[*column as usize].write(&mut text, row);
        }
        if text.is_empty() {
            builder.append_null();
            continue;
        }
        text.push('}');
        // Names stand in every event, so that this may be much more than the columns were.
        let bytes = builder.values_slice().len() + text.len();
        if bytes > limits::FRAME_BYTES_MAX {
            return Err(StoreError::TooLarge { bytes, max: limits::FRAME_BYTES_MAX });
        }
        builder.append_value(&text);
    }
    let mut texts = builder.finish();
    texts.shrink_to_fit();
    let field = FieldName::trusted(reserved::OVERFLOW);
    Ok(EventColumn { field, field_type: FieldType::String, values: Arc::new(texts) })
}

impl Moved {
    fn new(column: EventColumn) -> Moved {
        let mut name = String::with_capacity(column.field.as_str().len() + 3);
        write_text(&mut name, column.field.as_str());
        name.push(':');
        Moved { name, column }
    }

    fn write(&self, out: &mut String, row: usize) {
        out.push_str(&self.name);
        let values = &self.column.values;
        match self.column.field_type {
            FieldType::Boolean => out.push_str(if values.as_boolean().value(row) { "true" } else { "false" }),
            FieldType::Integer => {
                let _never_fails = write!(out, "{}", values.as_primitive::<Int64Type>().value(row));
            }
            FieldType::Float => write_float(out, values.as_primitive::<Float64Type>().value(row)),
            FieldType::String => write_text(out, values.as_string::<i32>().value(row)),
        }
    }

    /// Calls `each` with the rows that have a value.
    fn rows(&self, mut each: impl FnMut(usize)) {
        match self.column.values.nulls() {
            Some(nulls) => nulls.valid_indices().for_each(each),
            None => (0..self.column.values.len()).for_each(&mut each),
        }
    }
}

/// The columns that have a value in each row, row after row.
struct Cells {
    columns: Vec<u32>,
    /// Where the cells of each row end.
    ends: Vec<usize>,
}

impl Cells {
    fn new(moved: &[Moved], rows: usize) -> Cells {
        let mut next = vec![0usize; rows];
        for column in moved {
            column.rows(|row| next[row] += 1);
        }
        let mut total = 0;
        for count in &mut next {
            (*count, total) = (total, total + *count);
        }
        let mut columns = vec![0; total];
        for (at, column) in moved.iter().enumerate() {
            column.rows(|row| {
                columns[next[row]] = at as u32;
                next[row] += 1;
            });
        }
        Cells { columns, ends: next }
    }

    fn of(&self, row: usize) -> &[u32] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.columns[start..self.ends[row]]
    }
}
