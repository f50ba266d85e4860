//! A calculation as aggregates and the expression that makes one value of them.
//!
//! Calculations share aggregates: three percentiles of a field are one sketch. Weighted by sample rate where the question
//! asks for it and some event has one. It must not know groups or time.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::functions_aggregate::expr_fn::{avg, count, max, min, sum};
use datafusion::logical_expr::{Expr, ExprFunctionExt, Operator, binary_expr, cast, lit, when};
use datafusion::prelude::coalesce;
use outcrop_storage::event::FieldType;

use super::col;
use crate::error::QueryError;
use crate::filter;
use crate::functions::{DistinctFlag, change, distinct_count, integer_sum, quantile, rate, sketch};
use crate::scope::{FieldRef, ScanColumn, Scope};
use crate::spec::{Calculation, CalculationOp, DURATION_FIELD, Query, RateOf};

/// How a value is written in an answer, and what an empty bucket has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueKind {
    /// 0 where there is nothing.
    Zero,
    /// null where there is nothing.
    Null,
    /// Has no value in rows.
    Heatmap,
}

impl ValueKind {
    pub(crate) fn of(op: CalculationOp) -> ValueKind {
        match op {
            CalculationOp::Count
            | CalculationOp::Sum
            | CalculationOp::CountDistinct { .. }
            | CalculationOp::Concurrency => ValueKind::Zero,
            CalculationOp::Avg
            | CalculationOp::Min
            | CalculationOp::Max
            | CalculationOp::Percentile(_)
            | CalculationOp::Rate(_) => ValueKind::Null,
            CalculationOp::Heatmap => ValueKind::Heatmap,
        }
    }
}

/// What the values are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Of all time that is asked about.
    Whole,
    /// Of one time bucket. CONCURRENCY is none of them, because spans run through several; a RATE is what it is the
    /// change of.
    Bucket,
}

/// The aggregates of all calculations of a question, each once, and the values made of them.
#[derive(Debug, Default)]
pub(crate) struct Aggregates {
    expressions: Vec<Expr>,
    /// For each calculation but heatmaps: its position and its value.
    values: Vec<(usize, Expr)>,
}

impl Aggregates {
    pub(crate) fn new(
        query: &Query,
        scope: &Scope,
        weight: Option<Expr>,
        flag: &DistinctFlag,
        extent: Extent,
        used: &mut BTreeSet<ScanColumn>,
    ) -> Result<Aggregates, QueryError> {
        let mut aggregates = Aggregates::default();
        for (at, calculation) in query.calculations.iter().enumerate() {
            if calculation.op == CalculationOp::Heatmap {
                if let Some(filter) = &calculation.filter {
                    filter::expression(filter, scope, used)?;
                }
                continue;
            }
            let field = calculation.field(scope);
            if let Some(field) = &field {
                used.extend(field.columns());
            }
            if calculation.op == CalculationOp::Concurrency && extent == Extent::Bucket {
                continue;
            }
            let filter = calculation.filter.as_ref().map(|f| filter::expression(f, scope, used)).transpose()?;
            let mut builder =
                ValueBuilder { aggregates: &mut aggregates, filter, weight: weight.clone(), flag, query, extent };
            let value = builder.value(calculation, field.as_ref())?;
            aggregates.values.push((at, value.alias(Aggregates::value_name(at))));
        }
        if aggregates.expressions.is_empty() {
            // A plan needs something to aggregate, also when only heatmaps are asked for.
            aggregates.expressions.push(count(lit(1i64)).alias("aggregate0"));
        }
        Ok(aggregates)
    }

    pub(crate) fn expressions(&self) -> Vec<Expr> {
        self.expressions.clone()
    }

    pub(crate) fn values(&self) -> Vec<Expr> {
        self.values.iter().map(|(_, value)| value.clone()).collect()
    }

    /// The positions of the calculations that have values.
    pub(crate) fn calculations(&self) -> impl Iterator<Item = usize> + '_ {
        self.values.iter().map(|(at, _)| *at)
    }

    pub(crate) fn value_name(calculation: usize) -> String {
        format!("value{calculation}")
    }

    /// The column of an aggregate, added if it is not there yet.
    fn column(&mut self, aggregate: Expr) -> Expr {
        let same = |e: &Expr| matches!(e, Expr::Alias(alias) if *alias.expr == aggregate);
        let at = self.expressions.iter().position(same).unwrap_or_else(|| {
            let name = format!("aggregate{}", self.expressions.len());
            self.expressions.push(aggregate.clone().alias(name));
            self.expressions.len() - 1
        });
        col(&format!("aggregate{at}"))
    }
}

struct ValueBuilder<'a> {
    aggregates: &'a mut Aggregates,
    filter: Option<Expr>,
    weight: Option<Expr>,
    flag: &'a DistinctFlag,
    query: &'a Query,
    extent: Extent,
}

impl ValueBuilder<'_> {
    fn add(&mut self, aggregate: Expr) -> Result<Expr, QueryError> {
        let aggregate = match &self.filter {
            Some(filter) => aggregate.filter(filter.clone()).build()?,
            None => aggregate,
        };
        Ok(self.aggregates.column(aggregate))
    }

    fn weight(&self) -> Expr {
        self.weight.clone().unwrap_or_else(|| lit(1i64))
    }

    fn value(&mut self, calculation: &Calculation, field: Option<&FieldRef>) -> Result<Expr, QueryError> {
        match (calculation.op, field) {
            (CalculationOp::Count, None) => self.count_all(),
            (CalculationOp::Count, Some(field)) => self.count_present(field),
            (CalculationOp::Sum, Some(field)) => self.sum(field),
            (CalculationOp::Avg, Some(field)) => self.average(field),
            (CalculationOp::Min, Some(field)) => self.extreme(field, min),
            (CalculationOp::Max, Some(field)) => self.extreme(field, max),
            (CalculationOp::CountDistinct { exact }, Some(field)) => self.distinct(field, exact),
            (CalculationOp::Percentile(share), Some(field)) => match number(field) {
                Some(number) => {
                    let sketch = self.add(sketch(number, self.weight()))?;
                    Ok(quantile(sketch, share))
                }
                None => Ok(null(DataType::Float64)),
            },
            (CalculationOp::Concurrency, Some(field)) => self.concurrency(field),
            (CalculationOp::Rate(of), Some(field)) if self.extent == Extent::Whole => match number(field) {
                Some(number) => {
                    let state = self.add(change(bucket(self.query), number, self.weight()))?;
                    Ok(rate(state, of))
                }
                None => Ok(null(DataType::Float64)),
            },
            (CalculationOp::Rate(RateOf::Avg), Some(field)) => self.average(field),
            (CalculationOp::Rate(RateOf::Max), Some(field)) => Ok(cast(self.extreme(field, max)?, DataType::Float64)),
            (CalculationOp::Rate(RateOf::Sum), Some(field)) => match number(field) {
                Some(number) => self.add(sum(number * cast(self.weight(), DataType::Float64))),
                None => Ok(null(DataType::Float64)),
            },
            (op, _) => Err(QueryError::internal(format!("{op:?} without a column"))),
        }
    }

    fn count_all(&mut self) -> Result<Expr, QueryError> {
        match self.weight.clone() {
            None => self.add(count(lit(1i64))),
            Some(weight) => Ok(coalesce(vec![self.add(sum(weight))?, lit(0i64)])),
        }
    }

    fn count_present(&mut self, field: &FieldRef) -> Result<Expr, QueryError> {
        if matches!(field, FieldRef::System(_)) {
            return self.count_all();
        }
        let columns = field.columns();
        if let ([only], None) = (columns.as_slice(), &self.weight) {
            return self.add(count(filter::column(only)));
        }
        let present = columns.iter().map(|c| filter::column(c).is_not_null()).collect();
        let Some(present) = filter::balanced(present, Operator::Or) else { return Ok(lit(0i64)) };
        let counted = when(present, self.weight()).otherwise(lit(0i64))?;
        Ok(coalesce(vec![self.add(sum(counted))?, lit(0i64)]))
    }

    fn sum(&mut self, field: &FieldRef) -> Result<Expr, QueryError> {
        let (integer, float) = numbers(field);
        let integers = match integer {
            Some(integer) => Some(self.add(integer_sum(integer, self.weight()))?),
            None => None,
        };
        let floats = match float {
            Some(float) => {
                let weighted = match &self.weight {
                    Some(weight) => float * cast(weight.clone(), DataType::Float64),
                    None => float,
                };
                Some(self.add(sum(weighted))?)
            }
            None => None,
        };
        Ok(match (integers, floats) {
            (None, None) => lit(0i64),
            (Some(integers), None) => coalesce(vec![integers, lit(ScalarValue::Decimal128(Some(0), 38, 0))]),
            (None, Some(floats)) => coalesce(vec![floats, lit(0f64)]),
            (Some(integers), Some(floats)) => {
                coalesce(vec![cast(integers, DataType::Float64), lit(0f64)]) + coalesce(vec![floats, lit(0f64)])
            }
        })
    }

    fn average(&mut self, field: &FieldRef) -> Result<Expr, QueryError> {
        let Some(number) = number(field) else { return Ok(null(DataType::Float64)) };
        let Some(weight) = self.weight.clone() else { return self.add(avg(number)) };
        let weight = cast(weight, DataType::Float64);
        let weighted = self.add(sum(number.clone() * weight.clone()))?;
        let weights = self.add(sum(when(number.is_not_null(), weight).end()?))?;
        Ok(weighted / weights)
    }

    /// The time that spans ran within the range, by the length of the range.
    fn concurrency(&mut self, field: &FieldRef) -> Result<Expr, QueryError> {
        let Some(duration) = duration(field) else { return Ok(lit(0f64)) };
        let range = self.query.range;
        let left = cast(lit(range.end) - filter::column(&ScanColumn::Timestamp), DataType::Float64);
        let within = when(duration.clone().gt(left.clone()), left).when(duration.clone().gt(lit(0f64)), duration);
        let weighted = within.end()? * cast(self.weight(), DataType::Float64);
        let ran = self.add(sum(weighted))?;
        Ok(coalesce(vec![ran, lit(0f64)]) / lit((range.end as f64 - range.start as f64).max(1.0)))
    }

    fn extreme(&mut self, field: &FieldRef, of: fn(Expr) -> Expr) -> Result<Expr, QueryError> {
        match numbers(field) {
            (Some(integer), None) => self.add(of(integer)),
            _ => match number(field) {
                Some(number) => self.add(of(number)),
                None => Ok(null(DataType::Float64)),
            },
        }
    }

    fn distinct(&mut self, field: &FieldRef, exact: bool) -> Result<Expr, QueryError> {
        let columns: Vec<Expr> = field.columns().iter().map(filter::column).collect();
        if columns.is_empty() {
            return Ok(lit(0i64));
        }
        self.add(distinct_count(columns, exact, self.flag.clone()))
    }
}

impl Calculation {
    /// The field that it is calculated from.
    pub(super) fn field(&self, scope: &Scope) -> Option<FieldRef> {
        let duration = (self.op == CalculationOp::Concurrency).then_some(DURATION_FIELD);
        self.column.as_deref().or(duration).map(|name| scope.resolve(name))
    }
}

/// How long a span ran, in nanoseconds.
pub(super) fn duration(field: &FieldRef) -> Option<Expr> {
    number(field).map(|milliseconds| milliseconds * lit(1e6))
}

/// The number of the time bucket that an event is in.
pub(super) fn bucket(query: &Query) -> Expr {
    let time = filter::column(&ScanColumn::Timestamp);
    let shifted = if query.shift == 0 { time } else { time + lit(query.shift) };
    binary_expr(shifted, Operator::Divide, lit(query.step()))
}

fn null(data_type: DataType) -> Expr {
    cast(lit(ScalarValue::Null), data_type)
}

/// A field's integers and floats.
fn numbers(field: &FieldRef) -> (Option<Expr>, Option<Expr>) {
    match field {
        FieldRef::System(column @ (ScanColumn::SampleRate | ScanColumn::Sequence)) => {
            (Some(filter::column(column)), None)
        }
        FieldRef::System(_) => (None, None),
        FieldRef::Field(..) | FieldRef::Overflowing(..) | FieldRef::Calculated(_) => {
            let column = |t| field.column(t).map(|c| filter::column(&c));
            (column(FieldType::Integer), column(FieldType::Float))
        }
    }
}

/// A field's numbers as floats.
pub(super) fn number(field: &FieldRef) -> Option<Expr> {
    match numbers(field) {
        (None, None) => None,
        (Some(integer), None) => Some(cast(integer, DataType::Float64)),
        (None, Some(float)) => Some(float),
        (Some(integer), Some(float)) => Some(coalesce(vec![float, cast(integer, DataType::Float64)])),
    }
}
