//! A filter as an expression over the scan's columns: the table of `semantics.md`, "Comparing".
//!
//! A test becomes one predicate per type that can pass it, joined by OR. A null predicate does not pass; negation is
//! "is not true", so that an absent value passes every negative operator. It must not know segments or batches.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, Operator, binary_expr, cast, lit};
use datafusion::prelude::starts_with;
use outcrop_storage::event::FieldType;

use crate::error::QueryError;
use crate::functions::{self, TextTest};
use crate::scope::{FieldRef, ScanColumn, Scope};
use crate::spec::{Comparison, Condition, Filter, INTEGERS_END, Literal, Test, rfc3339, time_literal};
use crate::text;

pub(crate) fn column(column: &ScanColumn) -> Expr {
    Expr::Column(Column::new_unqualified(column.name()))
}

/// The expression of a filter, and into `used` the columns it reads.
pub(crate) fn expression(filter: &Filter, scope: &Scope, used: &mut BTreeSet<ScanColumn>) -> Result<Expr, QueryError> {
    match filter {
        Filter::All(parts) => Ok(balanced(parts_of(parts, scope, used)?, Operator::And).unwrap_or_else(|| lit(true))),
        Filter::Any(parts) => Ok(balanced(parts_of(parts, scope, used)?, Operator::Or).unwrap_or_else(|| lit(false))),
        Filter::Condition(condition) => condition_expression(condition, scope, used),
    }
}

fn parts_of(parts: &[Filter], scope: &Scope, used: &mut BTreeSet<ScanColumn>) -> Result<Vec<Expr>, QueryError> {
    parts.iter().map(|part| expression(part, scope, used)).collect()
}

/// Joins expressions as a balanced tree: thousands in a chain would exhaust a stack.
pub(crate) fn balanced(mut parts: Vec<Expr>, operator: Operator) -> Option<Expr> {
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        count => {
            let right = balanced(parts.split_off(count / 2), operator)?;
            Some(binary_expr(balanced(parts, operator)?, operator, right))
        }
    }
}

fn condition_expression(
    condition: &Condition,
    scope: &Scope,
    used: &mut BTreeSet<ScanColumn>,
) -> Result<Expr, QueryError> {
    let alternatives = if condition.column == "*" {
        let mut any = Vec::new();
        for field in scope.text_fields() {
            // As any other filter on the field has it: one column of the scan cannot be there twice.
            let Some(column) = scope.resolve_sent(field.as_str()).column(FieldType::String) else { continue };
            any.extend(field_test(&column, FieldType::String, &condition.test)?);
            used.insert(column);
        }
        if let Some(test) = overflow_test(&condition.test)?.filter(|_| scope.has_overflow()) {
            any.push(functions::any_text(column(&ScanColumn::Overflow), test));
            used.insert(ScanColumn::Overflow);
        }
        any
    } else {
        match scope.resolve(&condition.column) {
            FieldRef::System(column) => {
                let alternative = system_test(&column, &condition.test)?;
                used.insert(column);
                vec![alternative]
            }
            field => {
                let mut any = Vec::new();
                for field_type in field.types() {
                    let Some(column) = field.column(*field_type) else { continue };
                    if let Some(alternative) = field_test(&column, *field_type, &condition.test)? {
                        used.insert(column);
                        any.push(alternative);
                    }
                }
                any
            }
        }
    };
    let passes = balanced(alternatives, Operator::Or);
    Ok(match (passes, condition.negated) {
        (Some(passes), false) => passes,
        (Some(passes), true) => functions::is_not_true(passes),
        (None, negated) => lit(negated),
    })
}

/// What some text in overflow must be for `*` to pass; none if no text can.
fn overflow_test(test: &Test) -> Result<Option<TextTest>, QueryError> {
    Ok(match test {
        Test::Equals(Literal::Text(text)) => Some(TextTest::Equals(text.clone())),
        Test::Contains(part) => Some(TextTest::Contains(part.clone())),
        Test::Matches(pattern) => Some(TextTest::pattern(pattern)?),
        Test::Equals(_) | Test::Compare(..) | Test::In(_) | Test::StartsWith(_) | Test::EndsWith(_) | Test::Exists => {
            None
        }
    })
}

/// The predicate of one type, or none if no value of that type can pass.
fn field_test(scan_column: &ScanColumn, field_type: FieldType, test: &Test) -> Result<Option<Expr>, QueryError> {
    let value = column(scan_column);
    Ok(match test {
        Test::Exists => Some(value.is_not_null()),
        Test::Equals(literal) => equals(value, field_type, literal),
        Test::In(literals) => is_in(&value, field_type, literals),
        Test::Compare(comparison, literal) => compare(value, field_type, *comparison, literal),
        Test::StartsWith(prefix) => Some(starts_with(text_of(value, field_type), lit(prefix.clone()))),
        Test::EndsWith(suffix) => Some(datafusion::prelude::ends_with(text_of(value, field_type), lit(suffix.clone()))),
        Test::Contains(part) => Some(datafusion::prelude::contains(text_of(value, field_type), lit(part.clone()))),
        Test::Matches(pattern) => Some(functions::matches(text_of(value, field_type), pattern)?),
    })
}

/// The text form of a value.
pub(crate) fn text_of(value: Expr, field_type: FieldType) -> Expr {
    match field_type {
        FieldType::String => value,
        FieldType::Integer | FieldType::Boolean => cast(value, DataType::Utf8View),
        FieldType::Float => functions::float_text(value),
    }
}

fn equals(value: Expr, field_type: FieldType, literal: &Literal) -> Option<Expr> {
    scalar_equal_to(field_type, literal).map(|scalar| value.eq(Expr::Literal(scalar, None)))
}

fn is_in(value: &Expr, field_type: FieldType, literals: &[Literal]) -> Option<Expr> {
    let list: Vec<Expr> = literals
        .iter()
        .filter_map(|literal| scalar_equal_to(field_type, literal))
        .map(|scalar| Expr::Literal(scalar, None))
        .collect();
    (!list.is_empty()).then(|| value.clone().in_list(list, false))
}

/// The one value of a type that equals the literal, if there is one.
fn scalar_equal_to(field_type: FieldType, literal: &Literal) -> Option<ScalarValue> {
    match (field_type, literal) {
        (FieldType::Boolean, Literal::Boolean(value)) => Some(ScalarValue::Boolean(Some(*value))),
        (FieldType::Boolean, Literal::Text(text)) => match text.as_str() {
            "true" => Some(ScalarValue::Boolean(Some(true))),
            "false" => Some(ScalarValue::Boolean(Some(false))),
            _ => None,
        },
        (FieldType::Integer, Literal::Integer(value)) => Some(ScalarValue::Int64(Some(*value))),
        (FieldType::Integer, Literal::Text(text)) => text::integer_of(text).map(|v| ScalarValue::Int64(Some(v))),
        (FieldType::Float, Literal::Integer(value)) => {
            let float = *value as f64;
            (float < INTEGERS_END && float as i64 == *value).then_some(ScalarValue::Float64(Some(float)))
        }
        (FieldType::Float, Literal::Float(value)) => Some(ScalarValue::Float64(Some(*value))),
        (FieldType::Float, Literal::Text(text)) => text::float_of(text).map(|v| ScalarValue::Float64(Some(v))),
        (FieldType::String, Literal::Text(text)) => Some(ScalarValue::Utf8View(Some(text.clone()))),
        _ => None,
    }
}

fn operator(comparison: Comparison) -> Operator {
    match comparison {
        Comparison::Less => Operator::Lt,
        Comparison::LessOrEqual => Operator::LtEq,
        Comparison::Greater => Operator::Gt,
        Comparison::GreaterOrEqual => Operator::GtEq,
    }
}

fn compare(value: Expr, field_type: FieldType, comparison: Comparison, literal: &Literal) -> Option<Expr> {
    match (field_type, literal) {
        (FieldType::Integer, Literal::Integer(limit)) => Some(binary_expr(value, operator(comparison), lit(*limit))),
        (FieldType::Integer, Literal::Float(limit)) => compare_integer_with_float(value, comparison, *limit),
        (FieldType::Float, Literal::Float(limit)) => Some(binary_expr(value, operator(comparison), lit(*limit))),
        (FieldType::Float, Literal::Integer(limit)) => Some(compare_float_with_integer(value, comparison, *limit)),
        (FieldType::String, Literal::Text(limit)) => {
            let limit = Expr::Literal(ScalarValue::Utf8View(Some(limit.clone())), None);
            Some(binary_expr(value, operator(comparison), limit))
        }
        _ => None,
    }
}

/// An integer is below 3.5 if it is at most 3: exact for every float.
fn compare_integer_with_float(value: Expr, comparison: Comparison, limit: f64) -> Option<Expr> {
    let below = matches!(comparison, Comparison::Less | Comparison::LessOrEqual);
    if !(-INTEGERS_END..INTEGERS_END).contains(&limit) {
        let all = (limit > 0.0) == below;
        return all.then(|| value.is_not_null());
    }
    // The literal is not integral (that would be an integer literal), so `<` and `<=` are one.
    let floor = limit.floor() as i64;
    Some(if below { value.lt_eq(lit(floor)) } else { value.gt(lit(floor)) })
}

/// A float against an integer that a float may not hold: compare with the nearest float on the right side.
fn compare_float_with_integer(value: Expr, comparison: Comparison, limit: i64) -> Expr {
    let near = limit as f64;
    let exact = near < INTEGERS_END && near as i64 == limit;
    if exact {
        return binary_expr(value, operator(comparison), lit(near));
    }
    let near_is_above = near >= INTEGERS_END || near as i64 > limit;
    match (comparison, near_is_above) {
        (Comparison::Less | Comparison::LessOrEqual, true) => value.lt(lit(near)),
        (Comparison::Less | Comparison::LessOrEqual, false) => value.lt_eq(lit(near)),
        (Comparison::Greater | Comparison::GreaterOrEqual, true) => value.gt_eq(lit(near)),
        (Comparison::Greater | Comparison::GreaterOrEqual, false) => value.gt(lit(near)),
    }
}

/// The store's own columns are always there. Times meet times; the dataset meets text; the rest are integers.
fn system_test(scan_column: &ScanColumn, test: &Test) -> Result<Expr, QueryError> {
    let field_type = match scan_column {
        ScanColumn::Dataset => FieldType::String,
        ScanColumn::Timestamp | ScanColumn::Received => return time_test(scan_column, test),
        _ => FieldType::Integer,
    };
    Ok(field_test(scan_column, field_type, test)?.unwrap_or_else(|| lit(false)))
}

fn time_test(scan_column: &ScanColumn, test: &Test) -> Result<Expr, QueryError> {
    let value = column(scan_column);
    let time = |literal: &Literal| {
        time_literal(literal).map(lit).ok_or_else(|| {
            QueryError::malformed(format!(
                "a filter on a time needs an RFC 3339 time such as {} or an epoch number",
                rfc3339(0)
            ))
        })
    };
    let as_text = || functions::time_text(value.clone());
    Ok(match test {
        Test::Exists => lit(true),
        Test::Equals(literal) => value.eq(time(literal)?),
        Test::In(literals) => value.in_list(literals.iter().map(time).collect::<Result<_, _>>()?, false),
        Test::Compare(comparison, literal) => binary_expr(value, operator(*comparison), time(literal)?),
        Test::StartsWith(prefix) => starts_with(as_text(), lit(prefix.clone())),
        Test::EndsWith(suffix) => datafusion::prelude::ends_with(as_text(), lit(suffix.clone())),
        Test::Contains(part) => datafusion::prelude::contains(as_text(), lit(part.clone())),
        Test::Matches(pattern) => functions::matches(as_text(), pattern)?,
    })
}
