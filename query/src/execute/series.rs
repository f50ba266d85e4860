//! What an answer shows by time bucket, and of an earlier time for comparison, for groups that were chosen before.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, UInt32Type};
use serde_json::{Value, json};

use super::{Run, column, value_at};
use crate::answer::{self, Compared, Series, SeriesGroup};
use crate::error::QueryError;
use crate::functions::{Buckets, Concurrency};
use crate::limits;
use crate::plan::{BUCKET, CONCURRENCY, GROUP, Planner, ValueKind};
use crate::spec::{CalculationOp, Query, rfc3339};

/// The values of a calculation in each time bucket.
type Values = Vec<Value>;

impl Run {
    /// The series of the first of `groups`, as many as an answer may have. `query` is the question or its earlier self.
    pub(super) async fn series(
        &self,
        query: &Query,
        planner: &Planner<'_>,
        groups: &RecordBatch,
    ) -> Result<Series, QueryError> {
        let (_, buckets) = query.buckets();
        let numbers = buckets * (query.calculations.len() + query.formulas.len());
        let count = groups.num_rows().min((limits::SERIES_NUMBERS_MAX / numbers.max(1)).max(1));
        let mut columns: Vec<Vec<Values>> = vec![empty(query, buckets); count];
        if count > 0 && query.shown().next().is_some() {
            let chosen = || match planner.keys.is_empty() {
                true => Ok(None),
                false => self.numbered(planner, groups, count).map(Some),
            };
            fill(query, &self.collect(planner.series(chosen()?)?).await?, &mut columns)?;
            for (at, calculation) in query.calculations.iter().enumerate() {
                if calculation.op == CalculationOp::Concurrency {
                    let counted = counted(query);
                    let batch = self.collect(planner.concurrency(calculation, counted, chosen()?)?).await?;
                    fill_concurrency(&batch, &counted, at, &mut columns)?;
                }
            }
        }
        let groups_out = columns.into_iter().enumerate().map(|(row, mut values)| {
            take_changes(query, &mut values);
            add_formulas(query, &mut values);
            let value = |at: usize| (query.shown_name(at).to_owned(), Value::Array(std::mem::take(&mut values[at])));
            SeriesGroup {
                key: planner.keys.iter().map(|key| answer::key(groups, key, row).0).collect(),
                values: query.shown().map(value).collect(),
            }
        });
        Ok(Series {
            start: rfc3339(query.buckets_start()),
            step_seconds: query.step_seconds,
            buckets,
            groups: groups_out.collect(),
            truncated: count < groups.num_rows(),
        })
    }

    /// The same groups, in their order, at an earlier time.
    pub(super) async fn compared(&self, offset: i64, groups: &RecordBatch) -> Result<Compared, QueryError> {
        let query = self.query.earlier(offset);
        let planner = Planner::new(&self.scope, &query, self.partitions)?;
        let chosen = match planner.keys.is_empty() {
            true => None,
            false => Some(self.numbered(&planner, groups, groups.num_rows())?),
        };
        let then = self.collect(planner.chosen(chosen)?).await?;
        let mut places: Vec<Option<usize>> = vec![None; groups.num_rows()];
        match then.column_by_name(GROUP).map(|g| g.as_primitive::<UInt32Type>()) {
            Some(numbers) => numbers.values().iter().enumerate().for_each(|(at, n)| places[*n as usize] = Some(at)),
            None => places.iter_mut().for_each(|place| *place = Some(0)),
        }
        let row = |(row, place): (usize, &Option<usize>)| {
            let keys = planner.keys.iter().map(|key| answer::key(groups, key, row).0);
            let values = query.shown().map(|at| place.map_or(Value::Null, |place| value_at(&then, at, place)));
            keys.chain(values).collect()
        };
        let rows = places.iter().enumerate().map(row).collect();
        let series = if query.series { Some(self.series(&query, &planner, groups).await?) } else { None };
        Ok(Compared { rows, series })
    }
}

/// What buckets have in which nothing happened.
fn empty(query: &Query, buckets: usize) -> Vec<Values> {
    let of = |op| if ValueKind::of(op) == ValueKind::Zero { json!(0) } else { Value::Null };
    query.calculations.iter().map(|calculation| vec![of(calculation.op); buckets]).collect()
}

fn counted(query: &Query) -> Buckets {
    let (start, end) = (query.range.start, query.range.end);
    Buckets { origin: query.buckets_start(), step: query.step(), count: query.buckets().1, start, end }
}

fn group_of(batch: &RecordBatch, row: usize) -> usize {
    batch.column_by_name(GROUP).map_or(0, |groups| groups.as_primitive::<UInt32Type>().value(row) as usize)
}

/// Puts the values of a plan by bucket and group into their places.
fn fill(query: &Query, batch: &RecordBatch, columns: &mut [Vec<Values>]) -> Result<(), QueryError> {
    let (first, _) = query.buckets();
    let bucket = column(batch, BUCKET)?.as_primitive::<Int64Type>();
    let apart = |op| matches!(op, CalculationOp::Heatmap | CalculationOp::Concurrency);
    for row in 0..batch.num_rows() {
        let Ok(place) = usize::try_from(bucket.value(row) - first) else { continue };
        for (at, values) in columns[group_of(batch, row)].iter_mut().enumerate() {
            if let Some(slot) = values.get_mut(place).filter(|_| !apart(query.calculations[at].op)) {
                *slot = value_at(batch, at, row);
            }
        }
    }
    Ok(())
}

fn fill_concurrency(
    batch: &RecordBatch,
    buckets: &Buckets,
    at: usize,
    columns: &mut [Vec<Values>],
) -> Result<(), QueryError> {
    let states = column(batch, CONCURRENCY)?.as_binary::<i32>();
    for row in (0..batch.num_rows()).filter(|row| states.is_valid(*row)) {
        let means = Concurrency::from_bytes(states.value(row)).map(|state| state.means(buckets));
        if let Some(means) = means {
            columns[group_of(batch, row)][at] = means.into_iter().map(answer::float).collect();
        }
    }
    Ok(())
}

/// A RATE is the change of what was calculated: null where a bucket or the one before has nothing.
fn take_changes(query: &Query, values: &mut [Values]) {
    for (values, calculation) in values.iter_mut().zip(&query.calculations) {
        if matches!(calculation.op, CalculationOp::Rate(_)) {
            let mut before = None;
            for value in values {
                let now = number(value);
                *value = now.zip(before).map_or(Value::Null, |(now, before): (f64, f64)| answer::float(now - before));
                before = now;
            }
        }
    }
}

/// Adds the formulas after the calculations that they are of.
fn add_formulas(query: &Query, values: &mut Vec<Values>) {
    let buckets = values.first().map_or(0, Vec::len);
    for (_, expression) in &query.formulas {
        let inputs: Vec<usize> = expression.inputs.iter().filter_map(|name| query.position(name)).collect();
        let in_bucket = |bucket: usize| {
            let value = expression.number(|input| number(&values[inputs[input]][bucket]));
            value.map_or(Value::Null, answer::float)
        };
        let of_formula = (0..buckets).map(in_bucket).collect();
        values.push(of_formula);
    }
}

/// A number of an answer; integers beyond JavaScript's are texts there.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}
