//! The question as JSON, and the same question typed: which events are selected, which they are compared with, and what
//! kind of question that makes. It must not know which fields exist.

use std::collections::BTreeSet;

use outcrop_storage::event::TimestampNs;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::QueryError;
use crate::expression::CalculatedFields;
use crate::limits;
use crate::plan::collect_names;
use crate::spec::{
    CalculatedFieldSpec, Filter, FilterCombination, FilterSpec, TimeRange, TimeSpec, calculated_fields, filters,
    replaced, time_range,
};

/// What is different about the selection. The outer keys are the scope of both sides.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CompareSpec {
    pub filters: Vec<FilterSpec>,
    pub filter_combination: FilterCombination,
    /// Seconds, relative to now or to the start or end given.
    pub time_range: Option<i64>,
    pub start_time: Option<TimeSpec>,
    pub end_time: Option<TimeSpec>,
    /// Fields of this question: filters and `fields` may name them.
    pub calculated_fields: Vec<CalculatedFieldSpec>,
    /// The events asked about.
    #[schema(required)]
    pub selection: Option<SideSpec>,
    /// What they are compared with; null is the rest of the scope.
    pub baseline: Option<SideSpec>,
    /// The fields to compare; null compares every one.
    pub fields: Option<Vec<String>>,
    /// Fields in the answer: 0 to 1,000, default 20.
    pub max_fields: Option<usize>,
    /// Values of a field in the answer: 0 to 1,000, default 10.
    pub max_values: Option<usize>,
    /// Explanations in the answer: 0 to 10, default 5.
    pub max_explanations: Option<usize>,
    /// Whether every event is counted; otherwise the answer may come from a sample. Default true.
    pub exact: Option<bool>,
}

/// One side: its filters on top of the scope's, and a time range that replaces the scope's. In a filter `=` null means
/// that the field does not exist, so that a group's key can be given as it is.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SideSpec {
    pub filters: Vec<FilterSpec>,
    pub filter_combination: FilterCombination,
    pub start_time: Option<TimeSpec>,
    pub end_time: Option<TimeSpec>,
}

/// The question, checked.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub(crate) calculated: CalculatedFields,
    pub(crate) scope: Side,
    pub(crate) selection: Side,
    pub(crate) baseline: Baseline,
    /// None compares every field.
    pub(crate) fields: Option<Vec<String>>,
    pub(crate) fields_max: usize,
    pub(crate) values_max: usize,
    pub(crate) explanations_max: usize,
    pub(crate) exact: bool,
}

/// Filters (of a side: on top of the scope's) and a time range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Side {
    pub(crate) filter: Filter,
    pub(crate) range: TimeRange,
}

/// What the selection is compared with, by the kind of question that makes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Baseline {
    /// The rest of the scope, by shares; and where there was something in the window before, by rates too.
    Rest { before: Option<TimeRange> },
    /// Other events, by shares.
    Others(Side),
    /// The selection's filters at another time, by rates.
    Earlier(TimeRange),
    /// No filters, another time: by counts.
    EarlierAll(TimeRange),
    /// No filters, the rest of the scope's time: by counts.
    RestOfTime,
}

pub(crate) fn parse_compare(spec: &CompareSpec, now: TimestampNs) -> Result<Comparison, QueryError> {
    let range = time_range(spec.time_range, spec.start_time.as_ref(), spec.end_time.as_ref(), now)?;
    let scope = Side { filter: filters(&spec.filters, spec.filter_combination)?, range };
    let selection = spec.selection.as_ref().ok_or_else(|| {
        QueryError::malformed(
            "the selection is missing; say which events to explain, such as \
             {\"selection\": {\"filters\": [{\"column\": \"error\", \"op\": \"=\", \"value\": true}]}}",
        )
    })?;
    let selection = side(selection, range)?;
    let baseline = baseline(&scope, &selection, spec.baseline.as_ref().map(|b| side(b, range)).transpose()?);
    if spec.fields.iter().flatten().any(|f| f.is_empty() || f == "*") {
        return Err(QueryError::malformed("fields must be names of fields; leave it out to compare every field"));
    }
    Ok(Comparison {
        calculated: calculated_fields(&spec.calculated_fields)?,
        scope,
        selection,
        baseline,
        fields: spec.fields.clone(),
        fields_max: bounded("max_fields", spec.max_fields, 20, limits::COMPARE_FIELDS_MAX)?,
        values_max: bounded("max_values", spec.max_values, 10, limits::COMPARE_VALUES_MAX)?,
        explanations_max: bounded("max_explanations", spec.max_explanations, 5, limits::COMPARE_EXPLANATIONS_MAX)?,
        exact: spec.exact.unwrap_or(true),
    })
}

fn bounded(key: &str, asked: Option<usize>, default: usize, most: usize) -> Result<usize, QueryError> {
    match asked.unwrap_or(default) {
        asked if asked <= most => Ok(asked),
        _ => Err(QueryError::malformed(format!("{key} must be between 0 and {most}"))),
    }
}

fn side(spec: &SideSpec, outer: TimeRange) -> Result<Side, QueryError> {
    let specs: Vec<FilterSpec> = spec.filters.iter().map(group_key).collect();
    let filter = filters(&specs, spec.filter_combination)?;
    let range = replaced(outer, spec.start_time.as_ref(), spec.end_time.as_ref())?;
    Ok(Side { filter, range })
}

/// A group's key as a filter: null is the group of events without the field.
fn group_key(spec: &FilterSpec) -> FilterSpec {
    let exists = match (spec.op.as_str(), &spec.value) {
        ("=", Some(Value::Null)) => "does-not-exist",
        ("!=", Some(Value::Null)) => "exists",
        _ => return spec.clone(),
    };
    FilterSpec { column: spec.column.clone(), op: exists.to_owned(), value: None }
}

fn baseline(scope: &Side, selection: &Side, given: Option<Side>) -> Baseline {
    let unfiltered = is_empty(&selection.filter);
    let Some(given) = given else {
        if unfiltered && selection.range != scope.range {
            return Baseline::RestOfTime;
        }
        return Baseline::Rest {
            before: before(scope.range).filter(|_| !unfiltered && selection.range == scope.range),
        };
    };
    if given.range == selection.range || !same(&given.filter, &selection.filter) {
        Baseline::Others(given)
    } else if unfiltered {
        Baseline::EarlierAll(given.range)
    } else {
        Baseline::Earlier(given.range)
    }
}

/// The window of the same length that ends where this one starts.
fn before(range: TimeRange) -> Option<TimeRange> {
    let start = range.start.saturating_sub(range.end.saturating_sub(range.start));
    (start < range.start).then_some(TimeRange { start, end: range.start })
}

fn is_empty(filter: &Filter) -> bool {
    matches!(filter, Filter::All(parts) if parts.is_empty())
}

/// Whether two filters are the same, whatever the order of their conditions.
fn same(a: &Filter, b: &Filter) -> bool {
    // Any of one is all of one.
    let all = |filter: &Filter| !matches!(filter, Filter::Any(parts) if parts.len() > 1);
    all(a) == all(b) && parts(a).iter().all(|p| parts(b).contains(p)) && parts(b).iter().all(|p| parts(a).contains(p))
}

fn parts(filter: &Filter) -> &[Filter] {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts,
        Filter::Condition(_) => std::slice::from_ref(filter),
    }
}

impl Comparison {
    /// The fields that one side's filters name and the other's do not: that they differ is not news.
    pub(crate) fn restated(&self) -> BTreeSet<String> {
        let none = Filter::All(Vec::new());
        let other = match &self.baseline {
            Baseline::Rest { .. } | Baseline::RestOfTime => &none,
            Baseline::Others(side) => &side.filter,
            Baseline::Earlier(_) | Baseline::EarlierAll(_) => return BTreeSet::new(),
        };
        let (selection, other) = (parts(&self.selection.filter), parts(other));
        let mut names = BTreeSet::new();
        selection.iter().filter(|part| !other.contains(part)).for_each(|part| collect_names(part, &mut names));
        other.iter().filter(|part| !selection.contains(part)).for_each(|part| collect_names(part, &mut names));
        names.into_iter().filter(|name| *name != "*").map(str::to_owned).collect()
    }

    /// The times from the first to the last of all sides.
    pub(crate) fn times(&self) -> TimeRange {
        let other = match &self.baseline {
            Baseline::Rest { before } => before.unwrap_or(self.scope.range),
            Baseline::Others(side) => side.range,
            Baseline::Earlier(range) | Baseline::EarlierAll(range) => *range,
            Baseline::RestOfTime => self.scope.range,
        };
        let all = [self.scope.range, self.selection.range, other];
        let (starts, ends) = (all.iter().map(|r| r.start), all.iter().map(|r| r.end));
        TimeRange { start: starts.fold(i64::MAX, i64::min), end: ends.fold(i64::MIN, i64::max) }
    }

    /// Those of the scope first: all events are of it.
    pub(crate) fn filters(&mut self) -> Vec<&mut Filter> {
        let other = match &mut self.baseline {
            Baseline::Others(side) => Some(&mut side.filter),
            Baseline::Rest { .. } | Baseline::Earlier(_) | Baseline::EarlierAll(_) | Baseline::RestOfTime => None,
        };
        [&mut self.scope.filter, &mut self.selection.filter].into_iter().chain(other).collect()
    }

    /// Every field that is named anywhere.
    pub(crate) fn named(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        collect_names(&self.scope.filter, &mut names);
        collect_names(&self.selection.filter, &mut names);
        if let Baseline::Others(side) = &self.baseline {
            collect_names(&side.filter, &mut names);
        }
        let named = names.into_iter().map(str::to_owned);
        named.chain(self.fields.iter().flatten().cloned()).collect()
    }
}
