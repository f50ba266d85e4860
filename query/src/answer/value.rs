//! Single values as JSON: integers beyond 2^53 as text, integral floats without a fraction, times as RFC 3339.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Number, Value};

use crate::plan::{KeyPart, KeyParts};
use crate::spec::rfc3339;

/// JavaScript's largest exact integer.
const SAFE_INTEGER_MAX: i64 = (1 << 53) - 1;

pub(crate) fn integer(value: i64) -> Value {
    if value.unsigned_abs() > SAFE_INTEGER_MAX as u64 { Value::String(value.to_string()) } else { Value::from(value) }
}

pub(crate) fn float(value: f64) -> Value {
    if value == value.trunc() && value.abs() <= SAFE_INTEGER_MAX as f64 {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

pub(crate) fn time(value: i64) -> Value {
    Value::String(rfc3339(value))
}

/// One value of a column of the kinds that plans deliver.
pub(crate) fn scalar(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int64 => integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) => {
            let value = array.as_primitive::<Decimal128Type>().value(row);
            i64::try_from(value).map_or_else(|_| float(value as f64), integer)
        }
        DataType::Utf8View => Value::String(array.as_string_view().value(row).to_owned()),
        DataType::Utf8 => Value::String(array.as_string::<i32>().value(row).to_owned()),
        _ => Value::Null,
    }
}

/// The value of one breakdown in a row of groups, and the part it came from.
pub(crate) fn key(batch: &RecordBatch, key: &KeyParts, row: usize) -> (Value, Option<KeyPart>) {
    for ((part, _), name) in key.parts.iter().zip(key.names()) {
        let Some(array) = batch.column_by_name(&name).filter(|a| a.is_valid(row)) else { continue };
        let value = match part {
            KeyPart::Absent => return (Value::Null, None),
            KeyPart::Time => time(array.as_primitive::<Int64Type>().value(row)),
            _ => scalar(array, row),
        };
        return (value, Some(*part));
    }
    (Value::Null, None)
}

/// One value of a column of any kind, such as SQL makes.
pub(crate) fn cell(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        return Value::Null;
    }
    let cast_to = |wanted: &DataType| cast(&array.slice(row, 1), wanted).ok();
    match array.data_type() {
        DataType::Float64 => special(array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean | DataType::Int64 | DataType::Utf8View | DataType::Utf8 => scalar(array, row),
        DataType::Timestamp(..) => match cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, None)) {
            Some(nanoseconds) => time(nanoseconds.as_primitive::<TimestampNanosecondType>().value(0)),
            None => Value::Null,
        },
        DataType::UInt64 => {
            let value = array.as_primitive::<UInt64Type>().value(row);
            i64::try_from(value).map_or_else(|_| Value::String(value.to_string()), integer)
        }
        integers if integers.is_integer() => cast_to(&DataType::Int64).map_or(Value::Null, |a| scalar(&a, 0)),
        numbers if numbers.is_numeric() => {
            cast_to(&DataType::Float64).map_or(Value::Null, |a| special(a.as_primitive::<Float64Type>().value(0)))
        }
        _ => {
            let options = FormatOptions::default();
            let text = ArrayFormatter::try_new(array, &options).map(|formatter| formatter.value(row).to_string());
            text.map_or(Value::Null, Value::String)
        }
    }
}

/// A float, of which JSON does not have all.
fn special(value: f64) -> Value {
    match value {
        value if value.is_nan() => Value::from("NaN"),
        f64::INFINITY => Value::from("Infinity"),
        f64::NEG_INFINITY => Value::from("-Infinity"),
        value => float(value),
    }
}
