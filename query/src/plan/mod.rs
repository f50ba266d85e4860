//! Query → LogicalPlan, with the expression builder; no SQL text is ever made.
//!
//! One question is up to five plans over the same snapshot: the groups, their series, the total, the other groups, and
//! one for each heatmap. [`keys`] says how a breakdown becomes columns, [`calculation`] how a calculation becomes
//! aggregates. Groups are chosen before series are built. It must not know how an answer is written.

mod calculation;
mod keys;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr, cast, lit,
};

use calculation::Extent;
pub(crate) use calculation::{Aggregates, ValueKind};
pub(crate) use keys::{KeyPart, KeyParts};

use crate::error::QueryError;
use crate::expression::formula;
use crate::filter;
use crate::functions::{Buckets, DistinctFlag, PACKED_MAX, concurrency, pack, sketch, unpack};
use crate::scan::{EventTable, ScanStats};
use crate::scope::{ScanColumn, Scope};
use crate::spec::{Calculation, CalculationOp, Comparison, DURATION_FIELD, HavingOp, OrderBy, Query};
use crate::texts::Texts;
use crate::typed;

/// Plans of one question.
pub(crate) struct Planner<'a> {
    scope: &'a Scope,
    query: &'a Query,
    partitions: usize,
    filter: Expr,
    columns: Vec<ScanColumn>,
    pub(crate) keys: Vec<KeyParts>,
    pub(crate) aggregates: Aggregates,
    /// The same by time bucket.
    bucketed: Aggregates,
    pub(crate) flag: DistinctFlag,
    weight: Expr,
}

pub(crate) const BUCKET: &str = "bucket";
pub(crate) const GROUP: &str = "group";
pub(crate) const SKETCH: &str = "sketch";
pub(crate) const CONCURRENCY: &str = "concurrency";

fn packed_name(at: usize) -> String {
    format!("packed{at}")
}

pub(crate) fn col(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

impl<'a> Planner<'a> {
    pub(crate) fn new(scope: &'a Scope, query: &'a Query, partitions: usize) -> Result<Planner<'a>, QueryError> {
        let mut used = BTreeSet::new();
        let filter = filter::expression(&query.filter, scope, &mut used)?;
        let weighted = query.weighted && scope.sampled();
        let weight = if weighted {
            used.insert(ScanColumn::SampleRate);
            filter::column(&ScanColumn::SampleRate)
        } else {
            lit(1i64)
        };
        let keys: Vec<KeyParts> = query
            .breakdowns
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let field = scope.resolve(name);
                used.extend(field.columns());
                KeyParts::new(at, &field)
            })
            .collect();
        let flag = DistinctFlag::default();
        let of = |extent, used: &mut BTreeSet<ScanColumn>| {
            Aggregates::new(query, scope, weighted.then(|| weight.clone()), &flag, extent, used)
        };
        let aggregates = of(Extent::Whole, &mut used)?;
        let bucketed = of(Extent::Bucket, &mut used)?;
        for calculation in query.calculations.iter().filter(|c| c.op == CalculationOp::Heatmap) {
            if let Some(column) = &calculation.column {
                used.extend(scope.resolve(column).columns());
            }
        }
        used.insert(ScanColumn::Timestamp);
        let columns = used.into_iter().collect();
        Ok(Planner { scope, query, partitions, filter, columns, keys, aggregates, bucketed, flag, weight })
    }

    /// The events that pass the filter.
    fn events(&self, stats: &Arc<ScanStats>) -> Result<LogicalPlanBuilder, QueryError> {
        self.events_with(self.columns.clone(), stats)
    }

    fn events_with(&self, columns: Vec<ScanColumn>, stats: &Arc<ScanStats>) -> Result<LogicalPlanBuilder, QueryError> {
        // Names in our expressions are unqualified; a bare projection takes the table's name off.
        let bare: Vec<Expr> = columns.iter().map(|c| col_of("events", &c.name()).alias(c.name())).collect();
        let table = EventTable::new(self.scope.clone(), columns, self.query.range, self.partitions, Arc::clone(stats));
        let texts = self.keys.iter().filter_map(KeyParts::texts).cloned();
        let table: Arc<dyn TableProvider> = Arc::new(table.with_texts(texts));
        let scan = LogicalPlanBuilder::scan("events", provider_as_source(table), None)?;
        Ok(scan.project(bare)?.filter(self.filter.clone())?)
    }

    /// The groups in order, one more than the limit if there are more.
    pub(crate) fn groups(&self, stats: &Arc<ScanStats>) -> Result<LogicalPlan, QueryError> {
        let keys: Vec<Expr> = self.keys.iter().flat_map(KeyParts::aliased).collect();
        self.ordered(self.events(stats)?.aggregate(keys, self.aggregates.expressions())?)
    }

    /// The same by the numbers of texts, if there are any by which to group. It fails where there are too many of them:
    /// then [`Planner::has_too_many_texts`].
    pub(crate) fn numbered_groups(&self, stats: &Arc<ScanStats>) -> Result<Option<LogicalPlan>, QueryError> {
        let texts: Vec<&Arc<Texts>> = self.keys.iter().filter_map(KeyParts::texts).collect();
        if texts.is_empty() {
            return Ok(None);
        }
        let mut columns = self.columns.clone();
        columns.extend(texts.iter().map(|texts| ScanColumn::Numbered(texts.field().clone())));
        let number = |texts: &&Arc<Texts>| filter::column(&ScanColumn::Numbered(texts.field().clone()));
        let packed = texts.chunks(PACKED_MAX).map(|some| pack(some.iter().map(number).collect()));
        let packed = packed.enumerate().map(|(at, packed)| packed.alias(packed_name(at)));
        let keys: Vec<Expr> = packed.chain(self.keys.iter().flat_map(KeyParts::aliased_but_texts)).collect();
        let counted = keys.len();
        let plan = self.events_with(columns, stats)?.aggregate(keys, self.aggregates.expressions())?;
        let mut places = 0..;
        let mut unpacked = |texts: &Arc<Texts>| {
            let at: usize = places.next().unwrap_or_default();
            unpack(col(&packed_name(at / PACKED_MAX)), at % PACKED_MAX, Arc::clone(texts))
        };
        let mut named = Vec::new();
        for key in &self.keys {
            named.extend(key.named(key.texts().map(&mut unpacked)));
        }
        named.extend(plan.schema().columns().into_iter().skip(counted).map(Expr::Column));
        Ok(Some(self.ordered(plan.project(named)?)?))
    }

    /// Whether there are more texts to group by than can be numbered.
    pub(crate) fn has_too_many_texts(&self) -> bool {
        self.keys.iter().filter_map(KeyParts::texts).any(|texts| texts.are_too_many())
    }

    /// Groups with their aggregates as an answer has them.
    fn ordered(&self, plan: LogicalPlanBuilder) -> Result<LogicalPlan, QueryError> {
        let mut plan = self.valued(plan, self.keys.iter().flat_map(KeyParts::names).collect())?;
        if let Some(having) = self.having() {
            if self.keys.is_empty() {
                // Without columns of groups the engine would put a having that is always false below the aggregation,
                // which makes a row of nothing; it does not pass a limit.
                plan = plan.limit(0, Some(1))?;
            }
            plan = plan.filter(having)?;
        }
        if !self.keys.is_empty() {
            plan = plan.sort(self.order())?;
            if let Some(limit) = self.query.limit.checked_add(1) {
                plan = plan.limit(0, Some(limit))?;
            }
        }
        Ok(plan.build()?)
    }

    /// The values of calculations and formulas beside these columns.
    fn valued(&self, plan: LogicalPlanBuilder, beside: Vec<String>) -> Result<LogicalPlanBuilder, QueryError> {
        let mut columns: Vec<String> = beside;
        let names = columns.iter().map(|name| col(name));
        let plan = plan.project(names.chain(self.aggregates.values()).collect::<Vec<_>>())?;
        if self.query.formulas.is_empty() {
            return Ok(plan);
        }
        columns.extend(self.aggregates.calculations().map(Aggregates::value_name));
        let formulas = self.query.formulas.iter().enumerate().map(|(at, (_, expression))| {
            let values = expression.inputs.iter().filter_map(|name| self.query.position(name));
            let values = values.map(|of| cast(col(&Aggregates::value_name(of)), DataType::Float64)).collect();
            formula(expression, values).alias(Aggregates::value_name(self.query.calculations.len() + at))
        });
        Ok(plan.project(columns.iter().map(|name| col(name)).chain(formulas).collect::<Vec<_>>())?)
    }

    /// The groups in order, each key one column and each calculation another.
    pub(crate) fn typed_groups(&self, stats: &Arc<ScanStats>) -> Result<LogicalPlan, QueryError> {
        let keys = self.keys.iter().zip(&self.query.breakdowns).map(|(key, name)| typed::key(key).alias(name));
        let values = self.query.shown().map(|at| (col(&Aggregates::value_name(at)), self.query.shown_name(at)));
        let groups = LogicalPlanBuilder::from(self.groups(stats)?);
        let schema = Arc::clone(groups.schema());
        let values = values.map(|(value, name)| {
            // A sum beyond 64 bits fails rather than that it is cut.
            let is_sum = matches!(value.get_type(schema.as_ref()), Ok(DataType::Decimal128(..)));
            if is_sum { cast(value, DataType::Int64).alias(name) } else { value.alias(name) }
        });
        Ok(groups.project(keys.chain(values).collect::<Vec<_>>())?.build()?)
    }

    fn having(&self) -> Option<Expr> {
        let havings = self.query.havings.iter().map(|having| {
            let value = cast(col(&Aggregates::value_name(having.value_of)), DataType::Float64);
            let operator = match having.op {
                HavingOp::Equals => Operator::Eq,
                HavingOp::NotEquals => Operator::NotEq,
                HavingOp::Compare(Comparison::Less) => Operator::Lt,
                HavingOp::Compare(Comparison::LessOrEqual) => Operator::LtEq,
                HavingOp::Compare(Comparison::Greater) => Operator::Gt,
                HavingOp::Compare(Comparison::GreaterOrEqual) => Operator::GtEq,
            };
            binary_expr(value, operator, lit(having.value))
        });
        filter::balanced(havings.collect(), Operator::And)
    }

    /// The orders asked for, then the key; ties never stay.
    fn order(&self) -> Vec<Sort> {
        let mut sorts = Vec::new();
        for order in &self.query.orders {
            match order.by {
                OrderBy::Value(at) => {
                    sorts.push(col(&Aggregates::value_name(at)).sort(!order.descending, false));
                }
                OrderBy::Breakdown(at) => sorts.extend(self.keys[at].sorts(order.descending)),
            }
        }
        if self.query.orders.is_empty()
            && let Some(first) = self.query.shown().next()
        {
            sorts.push(col(&Aggregates::value_name(first)).sort(false, false));
        }
        sorts.extend(self.keys.iter().flat_map(|k| k.sorts(false)));
        sorts
    }

    fn bucket(&self) -> Expr {
        calculation::bucket(self.query).alias(BUCKET)
    }

    /// Every calculation and formula of these groups alone, by group number; without breakdowns of all events.
    pub(crate) fn chosen(&self, groups: Option<RecordBatch>) -> Result<LogicalPlan, QueryError> {
        let events = self.events(&Arc::default())?;
        let Some(groups) = groups else {
            let plan = events.aggregate(Vec::<Expr>::new(), self.aggregates.expressions())?;
            return Ok(self.valued(plan, Vec::new())?.build()?);
        };
        let events = self.join(events, groups, JoinType::Inner)?;
        let plan = events.aggregate(vec![col(GROUP)], self.aggregates.expressions())?;
        Ok(self.valued(plan, vec![GROUP.to_owned()])?.build()?)
    }

    /// The spans that run in each time bucket, by group number if there are breakdowns.
    pub(crate) fn concurrency(
        &self,
        calculation: &Calculation,
        buckets: Buckets,
        groups: Option<RecordBatch>,
    ) -> Result<LogicalPlan, QueryError> {
        let field = calculation.field(self.scope);
        let duration = field.as_ref().and_then(calculation::duration).unwrap_or_else(|| lit(0f64));
        let mut events = self.events(&Arc::default())?;
        if let Some(filter) = &calculation.filter {
            events = events.filter(filter::expression(filter, self.scope, &mut BTreeSet::new())?)?;
        }
        let (events, by) = match groups {
            Some(groups) => (self.join(events, groups, JoinType::Inner)?, vec![col(GROUP)]),
            None => (events, Vec::new()),
        };
        let start = filter::column(&ScanColumn::Timestamp);
        let state = concurrency(buckets, start, duration, self.weight.clone()).alias(CONCURRENCY);
        Ok(events.aggregate(by, vec![state])?.build()?)
    }

    /// Every calculation by time bucket, and by group number if there are breakdowns.
    pub(crate) fn series(&self, groups: Option<RecordBatch>) -> Result<LogicalPlan, QueryError> {
        let events = self.events(&Arc::default())?;
        let (events, mut by) = match groups {
            Some(groups) => (self.join(events, groups, JoinType::Inner)?, vec![col(GROUP)]),
            None => (events, Vec::new()),
        };
        by.push(self.bucket());
        let plan = events.aggregate(by.clone(), self.bucketed.expressions())?;
        let names = by.iter().map(|e| col(&e.schema_name().to_string()));
        Ok(plan.project(names.chain(self.bucketed.values()).collect::<Vec<_>>())?.build()?)
    }

    /// Every calculation over all events.
    pub(crate) fn total(&self) -> Result<LogicalPlan, QueryError> {
        let plan = self.events(&Arc::default())?.aggregate(Vec::<Expr>::new(), self.aggregates.expressions())?;
        Ok(self.valued(plan, Vec::new())?.build()?)
    }

    /// Every calculation over the events of groups other than `groups`.
    pub(crate) fn other(&self, groups: RecordBatch) -> Result<LogicalPlan, QueryError> {
        let events = self.join(self.events(&Arc::default())?, groups, JoinType::RightAnti)?;
        let plan = events.aggregate(Vec::<Expr>::new(), self.aggregates.expressions())?;
        Ok(self.valued(plan, Vec::new())?.build()?)
    }

    /// Events joined to groups by key, where an absent value equals an absent value. The groups come first: the engine keeps
    /// that side in memory, and they are few.
    fn join(
        &self,
        events: LogicalPlanBuilder,
        groups: RecordBatch,
        kind: JoinType,
    ) -> Result<LogicalPlanBuilder, QueryError> {
        let names: Vec<String> = self.keys.iter().flat_map(KeyParts::names).collect();
        if names.is_empty() {
            return Err(QueryError::internal("a join without keys"));
        }
        let columns = self.columns.iter().map(filter::column);
        let keyed = events.project(columns.chain(self.keys.iter().flat_map(KeyParts::aliased)).collect::<Vec<_>>())?;
        let schema = groups.schema();
        let table: Arc<dyn TableProvider> = Arc::new(MemTable::try_new(schema, vec![vec![groups]])?);
        let groups = LogicalPlanBuilder::scan("groups", provider_as_source(table), None)?.build()?;
        let left: Vec<Column> = names.iter().map(|n| Column::new(Some("groups"), group_key(n))).collect();
        let right: Vec<Column> = names.iter().map(Column::new_unqualified).collect();
        let groups = LogicalPlanBuilder::from(groups);
        let joined = groups.join_detailed(keyed.build()?, kind, (left, right), None, NullEquality::NullEqualsNull)?;
        if kind == JoinType::RightAnti {
            return Ok(joined);
        }
        let columns = self.columns.iter().map(filter::column);
        Ok(joined.project(columns.chain([col_of("groups", GROUP).alias(GROUP)]).collect::<Vec<_>>())?)
    }

    /// The sketch of a field by time bucket, over all groups together.
    pub(crate) fn heatmap(&self, calculation: usize) -> Result<LogicalPlan, QueryError> {
        let calculation = &self.query.calculations[calculation];
        let field = calculation.column.as_ref().map(|c| self.scope.resolve(c));
        let value = field
            .as_ref()
            .and_then(calculation::number)
            .unwrap_or_else(|| cast(lit(datafusion::common::ScalarValue::Null), DataType::Float64));
        let mut events = self.events(&Arc::default())?;
        if let Some(filter) = &calculation.filter {
            events = events.filter(filter::expression(filter, self.scope, &mut BTreeSet::new())?)?;
        }
        let sketch = sketch(value, self.weight.clone()).alias(SKETCH);
        Ok(events.aggregate(vec![self.bucket()], vec![sketch])?.build()?)
    }
}

/// The names of fields whose values a question groups and calculates.
pub(crate) fn value_names(query: &Query) -> BTreeSet<&str> {
    let columns = query.calculations.iter().filter_map(|calculation| calculation.column.as_deref());
    query.breakdowns.iter().map(String::as_str).chain(columns).collect()
}

/// The names of fields that a question has in any place.
pub(crate) fn names(query: &Query) -> BTreeSet<&str> {
    let mut named: BTreeSet<&str> = query.breakdowns.iter().map(String::as_str).collect();
    collect_names(&query.filter, &mut named);
    for calculation in &query.calculations {
        named.extend(calculation.column.as_deref());
        named.extend((calculation.op == CalculationOp::Concurrency).then_some(DURATION_FIELD));
        if let Some(filter) = &calculation.filter {
            collect_names(filter, &mut named);
        }
    }
    named
}

/// Those of `names` that no dataset addressed has ever seen.
pub(crate) fn unknown(scope: &Scope, names: BTreeSet<&str>) -> Vec<String> {
    names.into_iter().filter(|name| *name != "*" && !scope.knows(name)).map(str::to_owned).collect()
}

pub(crate) fn collect_names<'f>(filter: &'f crate::spec::Filter, names: &mut BTreeSet<&'f str>) {
    match filter {
        crate::spec::Filter::All(parts) | crate::spec::Filter::Any(parts) => {
            parts.iter().for_each(|part| collect_names(part, names));
        }
        crate::spec::Filter::Condition(condition) => {
            names.insert(&condition.column);
        }
    }
}

/// The name of a key column on the side of the chosen groups: on the side of the events it has its own.
pub(crate) fn group_key(name: &str) -> String {
    format!("group {name}")
}

fn col_of(table: &str, name: &str) -> Expr {
    Expr::Column(Column::new(Some(table), name))
}
