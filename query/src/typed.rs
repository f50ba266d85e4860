//! A field as one column of one type, for whoever cannot have several: SQL, and rows in forms whose columns have types.
//!
//! | the field has | the column is |
//! |---|---|
//! | booleans only | BOOLEAN |
//! | integers only | BIGINT |
//! | floats, or integers and floats | DOUBLE |
//! | strings only | TEXT |
//! | anything else | TEXT, the text form of each value |
//!
//! It must not know statements or specs.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, cast, lit};
use datafusion::prelude::coalesce;
use outcrop_storage::event::{FieldType, reserved};

use crate::filter::{self, text_of};
use crate::plan::{KeyPart, KeyParts};
use crate::scope::{FieldRef, ScanColumn, Scope};

/// A field as a column.
#[derive(Clone, Debug)]
pub(crate) struct TypedColumn {
    pub(crate) name: String,
    /// As SQL says it.
    pub(crate) type_name: &'static str,
    /// Over columns of the scan.
    pub(crate) expression: Expr,
    pub(crate) made_of: Vec<ScanColumn>,
}

/// The type of times: instants, which every client shows in its own zone.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into()))
}

/// The column of a name; none if no event has such a field.
pub(crate) fn column(scope: &Scope, name: &str) -> Option<TypedColumn> {
    let field = scope.resolve(name);
    let (type_name, expression) = match &field {
        FieldRef::System(column) => system(column)?,
        _ => own(&field)?,
    };
    Some(TypedColumn { name: name.to_owned(), type_name, expression, made_of: field.columns() })
}

/// Every field, as a `*` has them: time and sample rate first, and the dataset where there are several.
pub(crate) fn all(scope: &Scope) -> Vec<TypedColumn> {
    let several = scope.datasets.len() > 1;
    let system = [Some(reserved::TIMESTAMP), Some(reserved::SAMPLE_RATE), several.then_some(reserved::DATASET)];
    let mut columns: Vec<TypedColumn> = system.into_iter().flatten().filter_map(|name| column(scope, name)).collect();
    columns.extend(scope.all_fields().iter().filter_map(|field| column(scope, field.as_str())));
    columns
}

/// The column of a name; without a value anywhere if no event has the field.
pub(crate) fn column_or_absent(scope: &Scope, name: &str) -> TypedColumn {
    column(scope, name).unwrap_or_else(|| absent(name, "TEXT", ScalarValue::Utf8View(None)))
}

/// The numbers of a sender's field under another name.
pub(crate) fn numbers(scope: &Scope, field: &str, name: &str) -> TypedColumn {
    let field = scope.resolve(field);
    match number(&field) {
        Some((type_name, expression)) => {
            TypedColumn { name: name.to_owned(), type_name, expression, made_of: field.columns() }
        }
        None => absent(name, "DOUBLE", ScalarValue::Float64(None)),
    }
}

/// The text form of every value of a sender's field under another name.
pub(crate) fn texts(scope: &Scope, field: &str, name: &str) -> TypedColumn {
    let field = scope.resolve(field);
    match text(&field) {
        Some((type_name, expression)) => {
            TypedColumn { name: name.to_owned(), type_name, expression, made_of: field.columns() }
        }
        None => absent(name, "TEXT", ScalarValue::Utf8View(None)),
    }
}

fn absent(name: &str, type_name: &'static str, value: ScalarValue) -> TypedColumn {
    TypedColumn { name: name.to_owned(), type_name, expression: lit(value), made_of: Vec::new() }
}

fn system(column: &ScanColumn) -> Option<(&'static str, Expr)> {
    let value = filter::column(column);
    match column {
        ScanColumn::Timestamp | ScanColumn::Received => Some(("TIMESTAMP", cast(value, time_type()))),
        ScanColumn::Dataset => Some(("TEXT", value)),
        ScanColumn::SampleRate | ScanColumn::Sequence => Some(("BIGINT", value)),
        ScanColumn::Field(..)
        | ScanColumn::Numbered(_)
        | ScanColumn::Overflowing(..)
        | ScanColumn::Overflow
        | ScanColumn::Calculated(..) => None,
    }
}

fn own(field: &FieldRef) -> Option<(&'static str, Expr)> {
    match field.types() {
        [] => None,
        [FieldType::Boolean] => Some(("BOOLEAN", of_type(field, FieldType::Boolean)?)),
        types if types.iter().all(|t| matches!(t, FieldType::Integer | FieldType::Float)) => number(field),
        _ => text(field),
    }
}

fn of_type(field: &FieldRef, field_type: FieldType) -> Option<Expr> {
    field.column(field_type).map(|column| filter::column(&column))
}

fn number(field: &FieldRef) -> Option<(&'static str, Expr)> {
    match (of_type(field, FieldType::Integer), of_type(field, FieldType::Float)) {
        (Some(integer), Some(float)) => Some(("DOUBLE", coalesce(vec![float, cast(integer, DataType::Float64)]))),
        (Some(integer), None) => Some(("BIGINT", integer)),
        (None, Some(float)) => Some(("DOUBLE", float)),
        (None, None) => None,
    }
}

fn text(field: &FieldRef) -> Option<(&'static str, Expr)> {
    one_of(field.types().iter().filter_map(|t| Some(text_of(of_type(field, *t)?, *t))).collect())
}

fn one_of(mut forms: Vec<Expr>) -> Option<(&'static str, Expr)> {
    match forms.len() {
        0 => None,
        1 => forms.pop().map(|form| ("TEXT", form)),
        _ => Some(("TEXT", coalesce(forms))),
    }
}

/// A breakdown's key as one column, over the columns that it was grouped by.
pub(crate) fn key(key: &KeyParts) -> Expr {
    let parts = || key.parts.iter().map(|(part, _)| *part).zip(key.names());
    let value = |name: &str| crate::plan::col(name);
    let numeric = |part: KeyPart| matches!(part, KeyPart::Integer | KeyPart::Float);
    let mut all = parts();
    match (all.next(), all.next()) {
        (Some((KeyPart::Absent, _)) | None, _) => lit(ScalarValue::Utf8View(None)),
        (Some((KeyPart::Time, name)), None) => cast(value(&name), time_type()),
        (Some((_, name)), None) => value(&name),
        _ if parts().all(|(part, _)| numeric(part)) => {
            coalesce(parts().map(|(_, name)| cast(value(&name), DataType::Float64)).collect())
        }
        _ => {
            let form = |(part, name): (KeyPart, String)| match part {
                KeyPart::Boolean => text_of(value(&name), FieldType::Boolean),
                KeyPart::Integer => text_of(value(&name), FieldType::Integer),
                KeyPart::Float => text_of(value(&name), FieldType::Float),
                _ => value(&name),
            };
            coalesce(parts().map(form).collect())
        }
    }
}
