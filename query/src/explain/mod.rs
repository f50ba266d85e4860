//! How a query is answered: the SQL that says the same, the plan, and why each segment was read or not.

mod sql;

use std::sync::Arc;
use std::time::Instant;

use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::displayable;
use datafusion::prelude::SessionContext;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::QueryError;
use crate::limits;
use crate::prune::{Fate, SegmentFate};
use crate::scope::Scope;
use crate::spec::Query;
use crate::watch::Watch;

/// See the module.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Explanation {
    /// A statement for `/api/v1/sql` with the same groups.
    pub sql: String,
    /// Where the statement says something else than the query, if it does.
    pub sql_differs: Vec<String>,
    /// The plan of the groups.
    pub plan: String,
    /// Milliseconds that it takes to make it, with what each segment's evidence says.
    pub planning_ms: f64,
    /// At most 10,000.
    pub segments: Vec<SegmentExplanation>,
}

/// What became of one segment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SegmentExplanation {
    pub dataset: String,
    pub segment: u64,
    pub kept: bool,
    pub reason: String,
    /// Rows that are looked at, of those in the segment.
    pub rows: u64,
    pub rows_total: u64,
}

/// Explains a query that was answered. `datasets` are as they were asked for.
pub(crate) async fn explain(
    context: &SessionContext,
    scope: &Scope,
    query: &Query,
    datasets: &str,
    groups: &LogicalPlan,
    watch: &Arc<Watch>,
) -> Result<Explanation, QueryError> {
    let begun = Instant::now();
    let plan = context.state().create_physical_plan(groups).await?;
    let planning_ms = begun.elapsed().as_secs_f64() * 1e3;
    let (sql, sql_differs) = sql::statement(scope, query, datasets);
    let segments = watch.fates().into_iter().take(limits::EXPLAIN_SEGMENTS_MAX);
    Ok(Explanation {
        sql,
        sql_differs,
        plan: displayable(plan.as_ref()).indent(false).to_string(),
        planning_ms,
        segments: segments.map(|fate| segment(scope, &fate)).collect(),
    })
}

fn segment(scope: &Scope, fate: &SegmentFate) -> SegmentExplanation {
    let dataset = &scope.datasets[fate.dataset];
    let found = dataset.segments.iter().find(|segment| segment.info().id == fate.segment);
    let rows_total = found.map_or(0, |segment| segment.info().rows);
    let rows = if let Fate::Kept { rows, .. } = fate.fate { rows } else { 0 };
    let said = fate.fate.to_string();
    let reason = said.split_once(": ").map_or(said.as_str(), |(_, reason)| reason);
    SegmentExplanation {
        dataset: dataset.name.as_str().to_owned(),
        segment: fate.segment.0,
        kept: rows > 0,
        reason: reason.to_owned(),
        rows,
        rows_total,
    }
}
