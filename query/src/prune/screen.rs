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
use outcrop_storage::index::{Bounds, Probe, RowSet, Sidecar};

use super::fate::Fate;
use crate::scope::{ScanColumn, Times};

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Screen {
    /// Every row may pass.
    Any,
    /// Rows with a value of this type pass.
    Present(FieldName, FieldType),
    /// Rows with one of these values pass.
    OneOf(FieldName, FieldType, Vec<ScalarValue>),
    /// Rows with a value on this side of a limit pass.
    Compare(FieldName, FieldType, Operator, ScalarValue),
    /// The same, of a field that may have values in overflow at these times: rows with anything there may pass too.
    OrOverflow(Box<Screen>, Times),
    All(Vec<Screen>),
    AnyOf(Vec<Screen>),
}

impl Screen {
    /// The screen of a predicate over these columns.
    pub(super) fn new(expression: &Arc<dyn PhysicalExpr>, columns: &[ScanColumn]) -> Screen {
        let field = |expression| field(expression, columns);
        let boolean = |found: Option<Found>, value: bool| match found {
            Some(found) if found.of_type == FieldType::Boolean => {
                found.screen(|name, of_type| Screen::OneOf(name, of_type, vec![ScalarValue::Boolean(Some(value))]))
            }
            _ => Screen::Any,
        };
        if expression.downcast_ref::<Column>().is_some() {
            return boolean(field(expression), true);
        }
        if let Some(not) = expression.downcast_ref::<NotExpr>() {
            return boolean(field(not.arg()), false);
        }
        if let Some(exists) = expression.downcast_ref::<IsNotNullExpr>() {
            return field(exists.arg()).map_or(Screen::Any, |found| found.screen(Screen::Present));
        }
        if let Some(list) = expression.downcast_ref::<InListExpr>() {
            let values: Option<Vec<ScalarValue>> = list.list().iter().map(literal).collect();
            return match (field(list.expr()), values, list.negated()) {
                (Some(found), Some(values), false) => {
                    found.screen(|name, of_type| Screen::OneOf(name, of_type, values))
                }
                _ => Screen::Any,
            };
        }
        match expression.downcast_ref::<BinaryExpr>() {
            Some(binary) => Screen::binary(binary, columns),
            None => Screen::Any,
        }
    }

    fn binary(binary: &BinaryExpr, columns: &[ScanColumn]) -> Screen {
        let of = |side| Screen::new(side, columns);
        match binary.op() {
            Operator::And => return Screen::All(vec![of(binary.left()), of(binary.right())]),
            Operator::Or => return Screen::AnyOf(vec![of(binary.left()), of(binary.right())]),
            _ => {}
        }
        let straight = field(binary.left(), columns).zip(literal(binary.right())).map(|found| (found, *binary.op()));
        let turned = || {
            let found = field(binary.right(), columns).zip(literal(binary.left()))?;
            Some((found, binary.op().swap()?))
        };
        let Some(((found, value), operator)) = straight.or_else(turned) else { return Screen::Any };
        match operator {
            Operator::Eq => found.screen(|name, of_type| Screen::OneOf(name, of_type, vec![value])),
            Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
                found.screen(|name, of_type| Screen::Compare(name, of_type, operator, value))
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
            Screen::Present(..) | Screen::OneOf(..) | Screen::Compare(..) | Screen::OrOverflow(..) => false,
        }
    }

    /// The rows that may pass; if there is none, why.
    pub(super) fn hold(&self, sidecar: &Sidecar) -> Result<Result<RowSet, Fate>, StoreError> {
        match self {
            Screen::Any => Ok(Ok(RowSet::all(sidecar.grid()))),
            Screen::All(parts) => hold_all(parts.iter().map(|part| part.hold(sidecar)), sidecar),
            Screen::AnyOf(parts) => hold_any(parts.iter().map(|part| part.hold(sidecar))),
            Screen::Present(name, of_type) => match sidecar.column(name.as_str(), *of_type)? {
                Some(column) => some_of(column.present()?, || Fate::FieldAbsent(name.clone())),
                None => Ok(Err(Fate::FieldAbsent(name.clone()))),
            },
            Screen::Compare(name, of_type, operator, limit) => match sidecar.column(name.as_str(), *of_type)? {
                Some(column) if reaches(column.statistics.bounds.as_ref(), *operator, limit) => {
                    some_of(column.present()?, || Fate::FieldAbsent(name.clone()))
                }
                Some(_) => Ok(Err(Fate::OutOfBounds(name.clone()))),
                None => Ok(Err(Fate::FieldAbsent(name.clone()))),
            },
            Screen::OneOf(name, of_type, values) => hold_values(name, *of_type, values, sidecar),
            Screen::OrOverflow(screen, times) => {
                hold_any([in_overflow(sidecar, *times), screen.hold(sidecar)].into_iter())
            }
        }
    }
}

/// The rows that have something in overflow at these times.
fn in_overflow(sidecar: &Sidecar, (min, max): Times) -> Held {
    let absent = || Fate::FieldAbsent(FieldName::trusted(reserved::OVERFLOW));
    let Some(column) = sidecar.column(reserved::OVERFLOW, FieldType::String)? else { return Ok(Err(absent())) };
    let rows = column.present()?.intersect(&sidecar.rows_in_time(min, max.saturating_add(1)));
    some_of(rows, absent)
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

fn hold_values(name: &FieldName, of_type: FieldType, values: &[ScalarValue], sidecar: &Sidecar) -> Held {
    let Some(column) = sidecar.column(name.as_str(), of_type)? else { return Ok(Err(Fate::FieldAbsent(name.clone()))) };
    let mut kept = RowSet::none(sidecar.grid());
    let mut in_bounds = false;
    for value in values {
        if value.is_null() {
            continue;
        }
        let Some(probe) = probe(value, of_type) else {
            return some_of(column.present()?, || Fate::FieldAbsent(name.clone()));
        };
        in_bounds |= column.may_hold(probe);
        kept = kept.union(&column.find(probe)?);
        if kept.is_all() {
            break;
        }
    }
    some_of(kept, || if in_bounds { Fate::ValueAbsent(name.clone()) } else { Fate::OutOfBounds(name.clone()) })
}

/// A sender's field, and when it may have values in overflow.
struct Found {
    name: FieldName,
    of_type: FieldType,
    overflow: Option<Times>,
}

impl Found {
    fn screen(self, of: impl FnOnce(FieldName, FieldType) -> Screen) -> Screen {
        let screen = of(self.name, self.of_type);
        match self.overflow {
            Some(times) => Screen::OrOverflow(Box::new(screen), times),
            None => screen,
        }
    }
}

/// A sender's field that an expression is, without anything around it.
fn field(expression: &Arc<dyn PhysicalExpr>, columns: &[ScanColumn]) -> Option<Found> {
    let column = expression.downcast_ref::<Column>()?;
    match columns.get(column.index())? {
        ScanColumn::Field(name, of_type) => Some(Found { name: name.clone(), of_type: *of_type, overflow: None }),
        ScanColumn::Overflowing(name, of_type, times) => {
            Some(Found { name: name.clone(), of_type: *of_type, overflow: Some(*times) })
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
