//! From what a client wrote to a checked query. Every refusal says what to write instead.

use std::sync::Arc;

use outcrop_storage::event::TimestampNs;
use serde_json::Value;

use super::wire::{
    CalculatedFieldSpec, CalculationSpec, FilterCombination, FilterSpec, HavingSpec, OrderDirection, OrderSpec,
};
use super::{
    Calculation, CalculationOp, Choice, Comparison, Condition, DURATION_FIELD, DeletionSpec, Filter, Having, HavingOp,
    INTEGERS_END, Literal, Order, OrderBy, Query, QuerySpec, RateOf, RowsQuery, RowsSpec, Test, TimeRange, time,
};
use crate::error::QueryError;
use crate::expression::{self, CalculatedFields, Expression};
use crate::{limits, rows};

const CALCULATIONS: &str = "COUNT, SUM, AVG, MIN, MAX, COUNT_DISTINCT, HEATMAP, CONCURRENCY, RATE_SUM, RATE_AVG, RATE_MAX, P001, P01, P05, P10, P20, P25, P50, \
                            P75, P80, P90, P95, P99 or P999";
const FILTERS: &str = "=, !=, >, >=, <, <=, starts-with, does-not-start-with, ends-with, does-not-end-with, exists, \
                       does-not-exist, contains, does-not-contain, in, not-in, matches or does-not-match";

pub(crate) fn parse_query(spec: &QuerySpec, now: TimestampNs) -> Result<Query, QueryError> {
    for (clause, length) in [
        ("calculations", spec.calculations.len()),
        ("breakdowns", spec.breakdowns.len()),
        ("orders", spec.orders.len()),
        ("havings", spec.havings.len()),
        ("formulas", spec.formulas.len()),
    ] {
        at_most(clause, length, limits::CLAUSES_MAX)?;
    }
    let calculations = calculations(&spec.calculations)?;
    let breakdowns = breakdowns(&spec.breakdowns, &calculations)?;
    let formulas = formulas(&spec.formulas, &breakdowns, &calculations)?;
    let named = Named { calculations: &calculations, formulas: &formulas };
    let orders = spec.orders.iter().map(|o| order(o, &breakdowns, &named)).collect::<Result<_, _>>()?;
    let havings = spec.havings.iter().map(|h| having(h, &named)).collect::<Result<_, _>>()?;
    let range = time::time_range(spec.time_range, spec.start_time.as_ref(), spec.end_time.as_ref(), now)?;
    Ok(Query {
        calculated: calculated_fields(&spec.calculated_fields)?,
        filter: filters(&spec.filters, spec.filter_combination)?,
        breakdowns,
        orders,
        havings,
        shift: 0,
        compare_offset: spec.compare_time_offset_seconds.map(|seconds| compare_offset(seconds, range)).transpose()?,
        formulas,
        limit: limit(spec.limit)?,
        step_seconds: time::granularity(spec.granularity, range)?,
        range,
        weighted: !spec.usage_mode,
        series: !spec.disable_series,
        total: !spec.disable_total_by_aggregate,
        other: !spec.disable_other_by_aggregate,
        calculations,
    })
}

pub(crate) fn parse_rows(spec: &RowsSpec, now: TimestampNs) -> Result<RowsQuery, QueryError> {
    Ok(RowsQuery {
        calculated: calculated_fields(&spec.calculated_fields)?,
        filter: filters(&spec.filters, spec.filter_combination)?,
        range: time::time_range(spec.time_range, spec.start_time.as_ref(), spec.end_time.as_ref(), now)?,
        columns: spec.columns.clone(),
        descending: spec.order.unwrap_or(OrderDirection::Descending) == OrderDirection::Descending,
        limit: limit(spec.limit)?,
        after: spec.cursor.as_deref().map(rows::parse_cursor).transpose()?,
    })
}

pub(crate) fn parse_deletion(spec: &DeletionSpec) -> Result<Choice, QueryError> {
    if spec.filters.is_empty() && spec.start_time.is_none() && spec.end_time.is_none() {
        return Err(QueryError::impossible(
            "everything",
            "this chooses every event of the dataset; give filters, start_time or end_time, or drop the dataset",
        ));
    }
    Ok(Choice {
        calculated: calculated_fields(&spec.calculated_fields)?,
        filter: filters(&spec.filters, spec.filter_combination)?,
        range: time::open_range(spec.start_time.as_ref(), spec.end_time.as_ref())?,
    })
}

pub(crate) fn calculated_fields(specs: &[CalculatedFieldSpec]) -> Result<CalculatedFields, QueryError> {
    at_most("calculated_fields", specs.len(), limits::CLAUSES_MAX)?;
    CalculatedFields::new(specs)
}

fn at_most(clause: &str, length: usize, max: usize) -> Result<(), QueryError> {
    if length <= max {
        return Ok(());
    }
    Err(QueryError::impossible("too_many", format!("{length} {clause} are given, {max} are allowed")))
}

/// Formulas over calculations; none may have the name of a column of the answer.
fn formulas(
    specs: &[CalculatedFieldSpec],
    breakdowns: &[String],
    calculations: &[Calculation],
) -> Result<Vec<(String, Arc<Expression>)>, QueryError> {
    if let Some(spec) = specs.iter().find(|spec| breakdowns.contains(&spec.name)) {
        return Err(QueryError::impossible(
            "duplicate_name",
            format!("{:?} is a breakdown and a formula; give the formula another name", spec.name),
        ));
    }
    let with_values = calculations.iter().filter(|c| c.op != CalculationOp::Heatmap);
    expression::formulas(specs, &with_values.map(|c| c.name.as_str()).collect::<Vec<_>>())
}

fn compare_offset(seconds: i64, range: TimeRange) -> Result<i64, QueryError> {
    let offset = seconds.checked_mul(1_000_000_000).filter(|offset| *offset > 0);
    let offset = offset.filter(|offset| range.start.checked_sub(*offset).is_some());
    offset.ok_or_else(|| {
        QueryError::malformed(
            "compare_time_offset_seconds must be a positive number of seconds, such as 86400 for a day",
        )
    })
}

fn limit(asked: Option<usize>) -> Result<usize, QueryError> {
    let limit = asked.unwrap_or(limits::LIMIT_DEFAULT);
    if (1..=limits::LIMIT_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(QueryError::malformed(format!("limit must be between 1 and {}", limits::LIMIT_MAX)))
}

fn calculations(specs: &[CalculationSpec]) -> Result<Vec<Calculation>, QueryError> {
    let count = CalculationSpec { op: "COUNT".into(), ..CalculationSpec::default() };
    let specs = if specs.is_empty() { std::slice::from_ref(&count) } else { specs };
    let calculations: Vec<Calculation> = specs.iter().map(calculation).collect::<Result<_, _>>()?;
    for (at, calculation) in calculations.iter().enumerate() {
        if calculations[..at].iter().any(|c| c.name == calculation.name) {
            return Err(QueryError::impossible(
                "duplicate_name",
                format!("two calculations are called {:?}; give one of them another name", calculation.name),
            ));
        }
    }
    Ok(calculations)
}

fn calculation(spec: &CalculationSpec) -> Result<Calculation, QueryError> {
    let op = match spec.op.as_str() {
        "COUNT" => CalculationOp::Count,
        "SUM" => CalculationOp::Sum,
        "AVG" => CalculationOp::Avg,
        "MIN" => CalculationOp::Min,
        "MAX" => CalculationOp::Max,
        "COUNT_DISTINCT" => CalculationOp::CountDistinct { exact: spec.exact },
        "HEATMAP" => CalculationOp::Heatmap,
        "CONCURRENCY" => CalculationOp::Concurrency,
        "RATE_SUM" => CalculationOp::Rate(RateOf::Sum),
        "RATE_AVG" => CalculationOp::Rate(RateOf::Avg),
        "RATE_MAX" => CalculationOp::Rate(RateOf::Max),
        other => CalculationOp::Percentile(percentile(other).ok_or_else(|| unknown_calculation(other))?),
    };
    if spec.exact && !matches!(op, CalculationOp::CountDistinct { .. }) {
        return Err(QueryError::malformed(format!("exact belongs to COUNT_DISTINCT, not to {}", spec.op)));
    }
    if op == CalculationOp::Concurrency && spec.column.is_some() {
        return Err(QueryError::malformed(format!(
            "CONCURRENCY takes no column: it counts spans by their time and {DURATION_FIELD}"
        )));
    }
    if spec.column.is_none() && !matches!(op, CalculationOp::Count | CalculationOp::Concurrency) {
        return Err(QueryError::malformed(format!("{} needs a column", spec.op)));
    }
    if spec.column.as_deref().is_some_and(|c| c.is_empty() || c == "*") {
        return Err(QueryError::malformed(format!("{} needs the name of a field as its column", spec.op)));
    }
    let name = match (&spec.name, &spec.column) {
        (Some(name), _) if !name.is_empty() => name.clone(),
        (_, Some(column)) => format!("{}({column})", spec.op),
        (_, None) => spec.op.clone(),
    };
    let filter = if spec.filters.is_empty() { None } else { Some(filters(&spec.filters, spec.filter_combination)?) };
    Ok(Calculation { name, op, column: spec.column.clone(), filter })
}

fn percentile(op: &str) -> Option<f64> {
    Some(match op {
        "P001" => 0.001,
        "P01" => 0.01,
        "P05" => 0.05,
        "P10" => 0.10,
        "P20" => 0.20,
        "P25" => 0.25,
        "P50" => 0.50,
        "P75" => 0.75,
        "P80" => 0.80,
        "P90" => 0.90,
        "P95" => 0.95,
        "P99" => 0.99,
        "P999" => 0.999,
        _ => return None,
    })
}

fn unknown_calculation(op: &str) -> QueryError {
    QueryError::malformed(format!("{op:?} is not a calculation; use {CALCULATIONS}"))
        .with(serde_json::json!({ "op": op }))
}

fn breakdowns(names: &[String], calculations: &[Calculation]) -> Result<Vec<String>, QueryError> {
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() || name == "*" {
            return Err(QueryError::malformed("a breakdown needs the name of a field"));
        }
        if names[..at].contains(name) {
            return Err(QueryError::impossible(
                "duplicate_name",
                format!("{name:?} is a breakdown twice; leave one out"),
            ));
        }
        if calculations.iter().any(|c| c.name == *name) {
            return Err(QueryError::impossible(
                "duplicate_name",
                format!("{name:?} is a breakdown and a calculation; give the calculation another name"),
            ));
        }
    }
    Ok(names.to_vec())
}

/// What orders and havings can name: calculations, then formulas.
struct Named<'a> {
    calculations: &'a [Calculation],
    formulas: &'a [(String, Arc<Expression>)],
}

impl Named<'_> {
    fn by_name(&self, name: &str) -> Option<usize> {
        let formula = || self.formulas.iter().position(|(n, _)| n == name).map(|at| self.calculations.len() + at);
        self.calculations.iter().position(|c| c.name == name).or_else(formula)
    }

    fn find(&self, op: &str, column: Option<&str>) -> Option<usize> {
        let named = column.map_or_else(|| op.to_owned(), |column| format!("{op}({column})"));
        self.by_name(&named).or_else(|| {
            let spec =
                CalculationSpec { op: op.into(), column: column.map(str::to_owned), ..CalculationSpec::default() };
            let wanted = calculation(&spec).ok()?;
            self.calculations.iter().position(|c| c.column == wanted.column && same_op(c.op, wanted.op))
        })
    }

    fn is_heatmap(&self, at: usize) -> bool {
        self.calculations.get(at).is_some_and(|c| c.op == CalculationOp::Heatmap)
    }
}

/// Whether two operations are one, exact or not.
fn same_op(a: CalculationOp, b: CalculationOp) -> bool {
    match (a, b) {
        (CalculationOp::CountDistinct { .. }, CalculationOp::CountDistinct { .. }) => true,
        (a, b) => a == b,
    }
}

fn order(spec: &OrderSpec, breakdowns: &[String], named: &Named<'_>) -> Result<Order, QueryError> {
    let descending = spec.order == OrderDirection::Descending;
    let by = match (&spec.op, &spec.column) {
        (None, None) => {
            return Err(QueryError::malformed(
                "an order needs a column of the breakdowns or an op of the calculations",
            ));
        }
        (None, Some(column)) => {
            let breakdown = breakdowns.iter().position(|b| b == column).map(OrderBy::Breakdown);
            breakdown.or_else(|| named.by_name(column).map(OrderBy::Value))
        }
        (Some(op), column) => named.find(op, column.as_deref()).map(OrderBy::Value),
    };
    let by = by.ok_or_else(|| {
        QueryError::impossible(
            "unknown_order",
            "an order names neither a breakdown nor a calculation of this query; add it there first",
        )
    })?;
    if let OrderBy::Value(at) = by
        && named.is_heatmap(at)
    {
        return Err(QueryError::impossible(
            "unknown_order",
            "a HEATMAP has no value to order by; order by another calculation",
        ));
    }
    Ok(Order { by, descending })
}

fn having(spec: &HavingSpec, named: &Named<'_>) -> Result<Having, QueryError> {
    let op = match spec.op.as_str() {
        "=" => HavingOp::Equals,
        "!=" => HavingOp::NotEquals,
        other => HavingOp::Compare(comparison(other).ok_or_else(|| {
            QueryError::malformed(format!("{other:?} is not an operator of havings; use =, !=, >, >=, < or <="))
        })?),
    };
    let found = named.find(&spec.calculate_op, spec.column.as_deref()).filter(|at| !named.is_heatmap(*at));
    let value_of = found.ok_or_else(|| {
        QueryError::impossible(
            "unknown_having",
            "a having names no calculation of this query that has a value; add it to the calculations first",
        )
    })?;
    Ok(Having { value_of, op, value: spec.value })
}

pub(crate) fn filters(specs: &[FilterSpec], combination: FilterCombination) -> Result<Filter, QueryError> {
    at_most("filters", specs.len(), limits::CLAUSES_MAX)?;
    let conditions: Vec<Filter> =
        specs.iter().map(|s| condition(s).map(Filter::Condition)).collect::<Result<_, _>>()?;
    Ok(match combination {
        FilterCombination::Or if !conditions.is_empty() => Filter::Any(conditions),
        FilterCombination::And | FilterCombination::Or => Filter::All(conditions),
    })
}

fn comparison(op: &str) -> Option<Comparison> {
    Some(match op {
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn condition(spec: &FilterSpec) -> Result<Condition, QueryError> {
    if spec.column.is_empty() {
        return Err(QueryError::malformed("a filter needs a column"));
    }
    let value = spec.value.as_ref().filter(|v| !v.is_null());
    let (test, negated) = match spec.op.as_str() {
        "exists" | "does-not-exist" => {
            if value.is_some() {
                return Err(QueryError::malformed(format!("{} takes no value; leave it out", spec.op)));
            }
            (Test::Exists, spec.op == "does-not-exist")
        }
        "=" => (Test::Equals(literal(spec, value)?), false),
        "!=" => (Test::Equals(literal(spec, value)?), true),
        "in" => (Test::In(list(spec, value)?), false),
        "not-in" => (Test::In(list(spec, value)?), true),
        "starts-with" => (Test::StartsWith(text(spec, value)?), false),
        "does-not-start-with" => (Test::StartsWith(text(spec, value)?), true),
        "ends-with" => (Test::EndsWith(text(spec, value)?), false),
        "does-not-end-with" => (Test::EndsWith(text(spec, value)?), true),
        "contains" => (Test::Contains(text(spec, value)?), false),
        "does-not-contain" => (Test::Contains(text(spec, value)?), true),
        "matches" => (Test::Matches(regex(spec, value)?), false),
        "does-not-match" => (Test::Matches(regex(spec, value)?), true),
        other => match comparison(other) {
            Some(comparison) => (Test::Compare(comparison, literal(spec, value)?), false),
            None => {
                return Err(QueryError::malformed(format!("{other:?} is not a filter operator; use {FILTERS}"))
                    .with(serde_json::json!({ "op": other })));
            }
        },
    };
    if spec.column == "*" && !matches!(spec.op.as_str(), "=" | "contains" | "matches") {
        return Err(QueryError::malformed(format!("the column \"*\" takes =, contains or matches, not {}", spec.op)));
    }
    Ok(Condition { column: spec.column.clone(), test, negated })
}

fn literal(spec: &FilterSpec, value: Option<&Value>) -> Result<Literal, QueryError> {
    let value = value.ok_or_else(|| QueryError::malformed(format!("{} needs a value", spec.op)))?;
    to_literal(value).ok_or_else(|| {
        QueryError::malformed(format!("{} needs a text, a number or a boolean as its value; for lists use in", spec.op))
    })
}

fn to_literal(value: &Value) -> Option<Literal> {
    match value {
        Value::Bool(value) => Some(Literal::Boolean(*value)),
        Value::String(value) => Some(Literal::Text(value.clone())),
        Value::Number(number) => Some(match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Literal::Integer(integer),
            (None, Some(float)) if float == float.trunc() && (-INTEGERS_END..INTEGERS_END).contains(&float) => {
                Literal::Integer(float as i64)
            }
            (None, float) => Literal::Float(float?),
        }),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn list(spec: &FilterSpec, value: Option<&Value>) -> Result<Vec<Literal>, QueryError> {
    let wrong =
        || QueryError::malformed(format!("{} needs an array of texts, numbers or booleans as its value", spec.op));
    let values = value.and_then(Value::as_array).ok_or_else(wrong)?;
    at_most("values of an in list", values.len(), limits::IN_LIST_MAX)?;
    values.iter().map(|v| to_literal(v).ok_or_else(wrong)).collect()
}

/// A number or boolean stands for its text form.
fn text(spec: &FilterSpec, value: Option<&Value>) -> Result<String, QueryError> {
    Ok(match literal(spec, value)? {
        Literal::Text(text) => text,
        Literal::Boolean(value) => value.to_string(),
        Literal::Integer(value) => value.to_string(),
        Literal::Float(value) => crate::text::float_text(value),
    })
}

fn regex(spec: &FilterSpec, value: Option<&Value>) -> Result<String, QueryError> {
    let pattern = text(spec, value)?;
    match crate::text::compile(&pattern) {
        Ok(_) => Ok(pattern),
        Err(error) => {
            Err(QueryError::malformed(format!("{} cannot be read as a regular expression: {error}", spec.op)))
        }
    }
}
