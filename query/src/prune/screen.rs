//! What a predicate asks of a segment's evidence: which rows could pass it at all?
//!
//! A screen is read off a predicate once and held against every sidecar. What it does not understand lets every row pass.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, InListExpr, IsNotNullExpr, Literal, NotExpr};
use outcrop_storage::StoreError;
use outcrop_storage::event::{FieldName, FieldType, reserved};
use outcrop_storage::index::{Bounds, ColumnEvidence, Probe, RowSet, Sidecar};

use super::fate::Fate;
use crate::scope::{ScanColumn, Times};

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Screen {
    /// Every row may pass.
    Any,
    /// Rows pass whose value of this field passes.
    Field(Subject, Test),
    All(Vec<Screen>),
    AnyOf(Vec<Screen>),
}

/// A field's values of one type.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Subject {
    name: FieldName,
    of_type: FieldType,
    /// The times of events that may have the value in overflow.
    overflow: Option<Times>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    Exists,
    OneOf(Vec<ScalarValue>),
    Compare(Operator, ScalarValue),
}

impl Screen {
    /// The screen of a predicate over these columns.
    pub(super) fn new(expression: &Arc<dyn PhysicalExpr>, columns: &[ScanColumn]) -> Screen {
        let is = |argument, value| match subject(argument, columns) {
            Some(field) if field.of_type == FieldType::Boolean => {
                Screen::Field(field, Test::OneOf(vec![ScalarValue::Boolean(Some(value))]))
            }
            _ => Screen::Any,
        };
        if let Some(not) = expression.downcast_ref::<NotExpr>() {
            return is(not.arg(), false);
        }
        if let Some(exists) = expression.downcast_ref::<IsNotNullExpr>() {
            return subject(exists.arg(), columns).map_or(Screen::Any, |field| Screen::Field(field, Test::Exists));
        }
        if let Some(list) = expression.downcast_ref::<InListExpr>() {
            let values: Option<Vec<ScalarValue>> = list.list().iter().map(literal).collect();
            return match (subject(list.expr(), columns), values, list.negated()) {
                (Some(field), Some(values), false) => Screen::Field(field, Test::OneOf(values)),
                _ => Screen::Any,
            };
        }
        match expression.downcast_ref::<BinaryExpr>() {
            Some(binary) => Screen::binary(binary, columns),
            None => is(expression, true),
        }
    }

    fn binary(binary: &BinaryExpr, columns: &[ScanColumn]) -> Screen {
        let of = |side| Screen::new(side, columns);
        match binary.op() {
            Operator::And => return Screen::All(vec![of(binary.left()), of(binary.right())]),
            Operator::Or => return Screen::AnyOf(vec![of(binary.left()), of(binary.right())]),
            _ => {}
        }
        let straight = subject(binary.left(), columns).zip(literal(binary.right())).map(|found| (found, *binary.op()));
        let turned = || {
            let found = subject(binary.right(), columns).zip(literal(binary.left()))?;
            Some((found, binary.op().swap()?))
        };
        let Some(((field, value), operator)) = straight.or_else(turned) else { return Screen::Any };
        match operator {
            Operator::Eq => Screen::Field(field, Test::OneOf(vec![value])),
            Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
                Screen::Field(field, Test::Compare(operator, value))
            }
            _ => Screen::Any,
        }
    }

    /// Whether it lets every row of every segment pass.
    pub(super) fn is_any(&self) -> bool {
        match self {
            Screen::Any => true,
            Screen::All(parts) => parts.iter().all(Screen::is_any),
            Screen::AnyOf(parts) => parts.iter().any(Screen::is_any),
            Screen::Field(..) => false,
        }
    }

    /// The rows that may pass; if there is none, why.
    pub(super) fn hold(&self, sidecar: &Sidecar) -> Result<Result<RowSet, Fate>, StoreError> {
        match self {
            Screen::Any => Ok(Ok(RowSet::all(sidecar.grid()))),
            Screen::All(parts) => hold_all(parts.iter().map(|part| part.hold(sidecar)), sidecar),
            Screen::AnyOf(parts) => hold_any(parts.iter().map(|part| part.hold(sidecar))),
            Screen::Field(field, test) => {
                let held = field.hold(test, sidecar)?;
                match field.overflowing(sidecar)? {
                    Some(rows) => Ok(Ok(held.map_or(rows.clone(), |own| own.union(&rows)))),
                    None => Ok(held),
                }
            }
        }
    }
}

impl Subject {
    /// The rows whose value in the field's own column may pass.
    fn hold(&self, test: &Test, sidecar: &Sidecar) -> Held {
        let absent = || Fate::FieldAbsent(self.name.clone());
        let Some(column) = sidecar.column(self.name.as_str(), self.of_type)? else { return Ok(Err(absent())) };
        match test {
            Test::Exists => some_of(column.present()?, absent),
            Test::Compare(operator, limit) if reaches(column.statistics.bounds.as_ref(), *operator, limit) => {
                some_of(column.present()?, absent)
            }
            Test::Compare(..) => Ok(Err(Fate::OutOfBounds(self.name.clone()))),
            Test::OneOf(values) => self.hold_values(values, &column, sidecar),
        }
    }

    fn hold_values(&self, values: &[ScalarValue], column: &ColumnEvidence<'_>, sidecar: &Sidecar) -> Held {
        let mut kept = RowSet::none(sidecar.grid());
        let mut in_bounds = false;
        for value in values.iter().filter(|value| !value.is_null()) {
            let Some(probe) = probe(value, self.of_type) else { return Ok(Ok(column.present()?)) };
            in_bounds |= column.may_hold(probe);
            kept = kept.union(&column.find(probe)?);
            if kept.is_all() {
                break;
            }
        }
        let fate = if in_bounds { Fate::ValueAbsent } else { Fate::OutOfBounds };
        some_of(kept, || fate(self.name.clone()))
    }

    /// The rows that may have a value in overflow, whatever it is; none if no row does.
    fn overflowing(&self, sidecar: &Sidecar) -> Result<Option<RowSet>, StoreError> {
        let Some((min, max)) = self.overflow else { return Ok(None) };
        let Some(column) = sidecar.column(reserved::OVERFLOW, FieldType::String)? else { return Ok(None) };
        let rows = column.present()?.intersect(&sidecar.rows_in_time(min, max.saturating_add(1)));
        Ok((!rows.is_empty()).then_some(rows))
    }
}

type Held = Result<Result<RowSet, Fate>, StoreError>;

fn some_of(rows: RowSet, fate: impl FnOnce() -> Fate) -> Held {
    Ok(if rows.is_empty() { Err(fate()) } else { Ok(rows) })
}

/// The rows that pass all of them.
pub(super) fn hold_all(parts: impl Iterator<Item = Held>, sidecar: &Sidecar) -> Held {
    let mut kept = RowSet::all(sidecar.grid());
    for part in parts {
        match part? {
            Ok(rows) => kept = kept.intersect(&rows),
            Err(fate) => return Ok(Err(fate)),
        }
    }
    some_of(kept, || Fate::NothingInCommon)
}

/// The rows that pass any of them. If none does, the reason is that of the part that came nearest.
fn hold_any(parts: impl Iterator<Item = Held>) -> Held {
    let mut kept: Option<RowSet> = None;
    let mut reason: Option<Fate> = None;
    for part in parts {
        match part? {
            Ok(rows) => kept = Some(kept.map_or(rows.clone(), |kept| kept.union(&rows))),
            Err(fate) => {
                if reason.as_ref().is_none_or(|known| matches!(known, Fate::FieldAbsent(_))) {
                    reason = Some(fate);
                }
            }
        }
    }
    Ok(kept.ok_or(reason.unwrap_or(Fate::NothingInCommon)))
}

/// A sender's field that an expression is, without anything around it.
fn subject(expression: &Arc<dyn PhysicalExpr>, columns: &[ScanColumn]) -> Option<Subject> {
    let column = expression.downcast_ref::<Column>()?;
    match columns.get(column.index())? {
        ScanColumn::Field(name, of_type) => Some(Subject { name: name.clone(), of_type: *of_type, overflow: None }),
        ScanColumn::Overflowing(name, of_type, times) => {
            Some(Subject { name: name.clone(), of_type: *of_type, overflow: Some(*times) })
        }
        _ => None,
    }
}

fn literal(expression: &Arc<dyn PhysicalExpr>) -> Option<ScalarValue> {
    expression.downcast_ref::<Literal>().map(|literal| literal.value().clone())
}

/// A literal as a value of the column's type; none if it has another.
fn probe(value: &ScalarValue, of_type: FieldType) -> Option<Probe<'_>> {
    match (of_type, value) {
        (FieldType::Boolean, ScalarValue::Boolean(Some(value))) => Some(Probe::Boolean(*value)),
        (FieldType::Integer, ScalarValue::Int64(Some(value))) => Some(Probe::Integer(*value)),
        (FieldType::Float, ScalarValue::Float64(Some(value))) => Some(Probe::Float(*value)),
        (FieldType::String, _)
            if matches!(value.data_type(), DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8) =>
        {
            value.try_as_str().flatten().map(Probe::Text)
        }
        _ => None,
    }
}

/// Whether a column with these bounds may have a value on this side of the limit.
fn reaches(bounds: Option<&Bounds>, operator: Operator, limit: &ScalarValue) -> bool {
    fn side<T: PartialOrd + ?Sized>(least: &T, greatest: &T, operator: Operator, limit: &T) -> bool {
        match operator {
            Operator::Lt => least < limit,
            Operator::LtEq => least <= limit,
            Operator::Gt => greatest > limit,
            Operator::GtEq => greatest >= limit,
            _ => true,
        }
    }
    match (bounds, limit) {
        (Some(Bounds::Boolean(least, greatest)), ScalarValue::Boolean(Some(limit))) => {
            side(least, greatest, operator, limit)
        }
        (Some(Bounds::Integer(least, greatest)), ScalarValue::Int64(Some(limit))) => {
            side(least, greatest, operator, limit)
        }
        (Some(Bounds::Float(least, greatest)), ScalarValue::Float64(Some(limit))) if !limit.is_nan() => {
            side(least, greatest, operator, limit)
        }
        (Some(Bounds::Text(least, greatest)), text) => match text.try_as_str().flatten() {
            Some(text) => side(least.as_slice(), greatest.as_slice(), operator, text.as_bytes()),
            None => true,
        },
        _ => true,
    }
}
