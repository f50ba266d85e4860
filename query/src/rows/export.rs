//! Whole events by time, however many: one slice of time after the other, each sorted by itself, so that what is held is a
//! slice and not the answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt, stream};
use outcrop_storage::Snapshot;
use outcrop_storage::event::TimestampNs;

use super::resolve_names;
use crate::error::QueryError;
use crate::execute::{Cancelled, QueryEngine};
use crate::export::{Export, Format, Rows};
use crate::scan::EventTable;
use crate::scope::{ScanColumn, Scope};
use crate::spec::{Options, RowsQuery, RowsSpec, TimeRange, parse_rows};
use crate::typed::{self, TypedColumn};
use crate::{filter, limits};

impl QueryEngine {
    /// Raw events in a form of their own. Without a limit all of them.
    pub async fn export_rows(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        spec: &RowsSpec,
        options: &Options,
        format: Format,
        now: TimestampNs,
    ) -> Result<Export, QueryError> {
        if spec.cursor.is_some() {
            return Err(QueryError::malformed("rows that are sent as a whole have no pages; leave the cursor out"));
        }
        let (all, limit) = (RowsSpec { limit: None, ..spec.clone() }, limits::export_limit(spec.limit)?);
        let query = parse_rows(&all, now)?;
        let scope = Scope::new(snapshot, datasets)?;
        let (context, strict, partitions) = (self.ordered_context(), options.strict, self.threads());
        let cancelled = Cancelled::of(&context);
        self.export(options, format, cancelled, async move {
            ExportedRows::new(scope, query, strict, context, partitions).await?.rows(limit)
        })
        .await
    }
}

struct ExportedRows {
    scope: Scope,
    query: RowsQuery,
    columns: Vec<TypedColumn>,
    warnings: Vec<crate::answer::Warning>,
    context: SessionContext,
    partitions: usize,
}

impl ExportedRows {
    async fn new(
        mut scope: Scope,
        mut query: RowsQuery,
        strict: bool,
        context: SessionContext,
        partitions: usize,
    ) -> Result<ExportedRows, QueryError> {
        let warnings = resolve_names(&context, partitions, &mut scope, &mut query, strict).await?;
        let named = |name: &str| typed::column_or_absent(&scope, name);
        let columns = match &query.columns {
            Some(names) => names.iter().map(|name| named(name)).collect(),
            None => typed::all(&scope).into_iter().chain(query.calculated.names().map(named)).collect(),
        };
        Ok(ExportedRows { scope, query, columns, warnings, context, partitions })
    }

    fn rows(mut self, limit: usize) -> Result<Rows, QueryError> {
        let warnings = std::mem::take(&mut self.warnings);
        let mut slices = slices(&self.scope, self.query.range);
        if self.query.descending {
            slices.reverse();
        }
        let schema: SchemaRef = Arc::new(self.plan(self.query.range)?.schema().as_arrow().clone());
        let this = Arc::new(self);
        let batches = stream::iter(slices).then(move |slice| {
            let this = Arc::clone(&this);
            async move { this.slice(slice).await }
        });
        let batches = batches.try_flatten().scan(limit, |left, batch| {
            let batch = batch.map(|batch| {
                let rows = batch.num_rows().min(*left);
                *left -= rows;
                batch.slice(0, rows)
            });
            let is_over = batch.as_ref().is_ok_and(|batch| batch.num_rows() == 0);
            std::future::ready((!is_over).then_some(batch))
        });
        Ok((Box::pin(RecordBatchStreamAdapter::new(schema, batches)), warnings))
    }

    /// The events of a slice in order.
    async fn slice(&self, slice: TimeRange) -> Result<SendableRecordBatchStream, DataFusionError> {
        let plan = self.context.state().create_physical_plan(&self.plan(slice)?).await?;
        let batches = execute_stream(plan, self.context.task_ctx())?;
        let schema = batches.schema();
        // An empty batch would look like the end.
        let some = batches.try_filter(|batch| std::future::ready(batch.num_rows() > 0));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, some)))
    }

    fn plan(&self, range: TimeRange) -> Result<LogicalPlan, QueryError> {
        let mut used: BTreeSet<ScanColumn> = self.columns.iter().flat_map(|c| c.made_of.iter().cloned()).collect();
        let filter = filter::expression(&self.query.filter, &self.scope, &mut used)?;
        used.extend([ScanColumn::Timestamp, ScanColumn::Sequence]);
        let events =
            EventTable::new(self.scope.clone(), used.into_iter().collect(), range, self.partitions, Arc::default());
        let order = [ScanColumn::Timestamp, ScanColumn::Sequence]
            .map(|column| filter::column(&column).sort(!self.query.descending, false));
        let named = self.columns.iter().map(|column| column.expression.clone().alias(&column.name));
        let plan = LogicalPlanBuilder::scan("events", provider_as_source(Arc::new(events)), None)?.filter(filter)?;
        Ok(plan.sort(order)?.project(named.collect::<Vec<_>>())?.build()?)
    }
}

/// The range cut into slices of few enough events, as far as segments say how many there are when.
fn slices(scope: &Scope, range: TimeRange) -> Vec<TimeRange> {
    let segments = scope.datasets.iter().flat_map(|d| d.segments.iter()).map(|s| s.info());
    let segments = segments.map(|info| (info.time_min, info.time_max, info.rows as usize));
    let batches = scope.datasets.iter().flat_map(|d| &d.memtable).map(|batch| {
        let (min, max) = batch.time_range();
        (min, max, batch.rows())
    });
    let spans: Vec<(TimestampNs, TimestampNs, usize)> =
        segments.chain(batches).filter(|(min, max, _)| range.overlaps(*min, *max)).collect();
    let mut cuts = BTreeSet::new();
    for (min, max, rows) in &spans {
        let parts = rows.div_ceil(limits::EXPORT_SLICE_ROWS).max(1) as i64;
        let step = ((max - min) / parts).max(1);
        cuts.extend((0..parts).map(|part| min + part * step));
    }
    let first = spans.iter().map(|span| span.0).min();
    let Some(first) = first else { return Vec::new() };
    let end = spans.iter().map(|span| span.1).max().map_or(range.end, |last| last.saturating_add(1).min(range.end));
    let expected = |from: TimestampNs, to: TimestampNs| -> usize {
        let part = |(min, max, rows): &(TimestampNs, TimestampNs, usize)| {
            let length = (max - min).max(1) as f64;
            let common = (to.min(*max) - from.max(*min)).max(0) as f64;
            (*rows as f64 * (common / length).min(1.0)) as usize
        };
        spans.iter().map(part).sum()
    };
    let mut slices = Vec::new();
    let mut from = first.max(range.start);
    let mut last = from;
    let begin = from;
    for cut in cuts.into_iter().filter(|cut| *cut > begin && *cut < end) {
        if expected(from, cut) > limits::EXPORT_SLICE_ROWS && last > from {
            slices.push(TimeRange { start: from, end: last });
            from = last;
        }
        last = cut;
    }
    slices.push(TimeRange { start: from, end });
    slices
}
