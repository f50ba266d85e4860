//! A dataset, or several, as a table: a projection over the scan, so that the engine pushes filters and columns through it.
//!
//! It must not know statements beyond the names in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use outcrop_storage::event::reserved;

use super::statement::{HIDDEN, View};
use crate::error::QueryError;
use crate::scan::{EventTable, ScanStats};
use crate::scope::{FieldRef, ScanColumn, Scope};
use crate::spec::TimeRange;
use crate::typed::{self, TypedColumn};

/// Before and after every event.
pub(super) const ALL_TIMES: TimeRange = TimeRange { start: i64::MIN, end: i64::MAX };

/// Every column that the words name, in the order of a `*`; all of them if everything is wanted.
pub(super) fn columns(
    scope: &Scope,
    words: &BTreeSet<String>,
    everything: bool,
    views: &BTreeMap<String, (String, View)>,
) -> Vec<TypedColumn> {
    let mut columns = typed_of(scope, words, everything);
    let named = HIDDEN.iter().filter(|name| words.contains(**name));
    columns.extend(named.filter_map(|name| typed::column(scope, name)));
    columns.retain(|column| !views.contains_key(&column.name));
    columns.extend(views.iter().map(|(name, (field, view))| match view {
        View::Number => typed::numbers(scope, field, name),
        View::Text => typed::texts(scope, field, name),
    }));
    columns
}

/// The columns of a `*`, or those of them that words name.
fn typed_of(scope: &Scope, words: &BTreeSet<String>, everything: bool) -> Vec<TypedColumn> {
    if everything {
        let dataset = words.contains(reserved::DATASET) && scope.datasets.len() < 2;
        let mut columns = typed::all(scope);
        columns.extend(dataset.then(|| typed::column(scope, reserved::DATASET)).flatten());
        return columns;
    }
    // Always: a table needs a column, however few are named.
    let system = [reserved::TIMESTAMP, reserved::SAMPLE_RATE];
    let mut columns: Vec<TypedColumn> = system.iter().filter_map(|name| typed::column(scope, name)).collect();
    let is_field = |name: &&String| !matches!(scope.resolve(name), FieldRef::System(_));
    columns.extend(words.iter().filter(is_field).filter_map(|name| typed::column(scope, name)));
    columns.extend(words.get(reserved::DATASET).and_then(|name| typed::column(scope, name)));
    columns
}

/// The table with these columns.
pub(super) fn table(
    scope: &Scope,
    columns: Vec<TypedColumn>,
    partitions: usize,
    stats: &Arc<ScanStats>,
) -> Result<Arc<dyn TableProvider>, QueryError> {
    let mut used: BTreeSet<ScanColumn> = columns.iter().flat_map(|column| column.made_of.iter().cloned()).collect();
    used.insert(ScanColumn::Timestamp);
    let used: Vec<ScanColumn> = used.into_iter().collect();
    let events = EventTable::new(scope.clone(), used, ALL_TIMES, partitions, Arc::clone(stats));
    let scan = LogicalPlanBuilder::scan("events", provider_as_source(Arc::new(events)), None)?;
    let named = columns.into_iter().map(|column| column.expression.alias(column.name));
    let plan = scan.project(named.collect::<Vec<_>>())?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}
