//! Runs questions: on threads of their own, under a deadline and a memory budget, until the asker goes away.
//!
//! Reading segments blocks on page faults, so that questions have their own runtime: a heavy one never delays an
//! acknowledgement. Dropping the future that waits for an answer aborts the work. It must not know JSON specs' keys.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Int64Type, Schema};
use datafusion::common::exec_err;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{collect, execute_stream};
use datafusion::prelude::{SessionConfig, SessionContext};
use outcrop_storage::event::TimestampNs;
use outcrop_storage::limits::QUESTION_NICENESS;
use outcrop_storage::memory::{Memory, Pool};
use outcrop_storage::{Snapshot, machine};
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Semaphore, TryAcquireError};
use tokio::task::{JoinError, JoinHandle};

use crate::answer::{self, Answer, AnswerColumn, AnswerStats, Heatmap, SegmentStats, Warning};
use crate::error::{QueryError, QueryErrorKind};
use crate::explain;
use crate::export::{Export, Format};
use crate::functions::Sketch;
use crate::limits;
use crate::memory::QueryPool;
use crate::missing;
use crate::plan::{self, Aggregates, BUCKET, GROUP, Planner, SKETCH, group_key};
use crate::related::Asked;
use crate::scan::ScanStats;
use crate::scope::Scope;
use crate::spec::{CalculationOp, Options, Query, QueryOptions, QuerySpec, parse_query, rfc3339};
use crate::watch::{AnswerEvent, Watch};

mod series;
#[cfg(test)]
mod tests;

/// What the engine needs.
#[derive(Clone, Debug)]
pub struct QuerySettings {
    /// Threads that read and calculate.
    pub threads: usize,
    /// The account that questions draw on; beyond its ceiling for them they spill.
    pub memory: Memory,
    /// Where they spill.
    pub spill_directory: PathBuf,
    /// Questions that run at once.
    pub concurrency_max: usize,
    /// Questions that wait for their turn; more are refused.
    pub queue_max: usize,
}

/// Questions under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryCounts {
    pub running: u64,
    pub waiting: u64,
}

/// Answers questions about snapshots.
#[derive(Debug)]
pub struct QueryEngine {
    settings: QuerySettings,
    /// What a running question holds beside its operators.
    question_bytes: usize,
    environment: Arc<RuntimeEnv>,
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    runtime: Option<Runtime>,
}

/// Tells work that does not yield that nobody waits for it any more.
#[derive(Debug, Default)]
pub(crate) struct Cancelled(Arc<AtomicBool>);

/// The flag of [`Cancelled`] as a context carries it to scans.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(pub(crate) Arc<AtomicBool>);

impl Stop {
    /// That of whoever made the context; one that is never set if nobody did.
    pub(crate) fn of(config: &SessionConfig) -> Stop {
        config.get_extension::<Stop>().map_or_else(Stop::default, |stop| stop.as_ref().clone())
    }

    /// An error once nobody waits any more. Nobody reads it.
    pub(crate) fn check(&self) -> datafusion::common::Result<()> {
        if self.0.load(Ordering::Relaxed) { exec_err!("cancelled") } else { Ok(()) }
    }
}

impl Cancelled {
    /// To be held by whoever waits for what runs in this context.
    pub(crate) fn of(context: &SessionContext) -> Cancelled {
        Cancelled(
            context.state_ref().read().config().get_extension::<Stop>().map_or_else(Arc::default, |s| Arc::clone(&s.0)),
        )
    }

    /// Another that tells the same work.
    pub(crate) fn sharing(other: &Cancelled) -> Cancelled {
        Cancelled(other.flag())
    }

    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Aborts its task when nobody waits for it any more.
#[derive(Debug)]
pub(crate) struct Abandoned<T>(pub(crate) JoinHandle<T>);

impl<T> Drop for Abandoned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How a task ended.
pub(crate) fn outcome<T>(ended: Result<Result<T, QueryError>, JoinError>) -> Result<T, QueryError> {
    match ended {
        Ok(answer) => answer,
        Err(error) if error.is_panic() => Err(QueryError::internal("the query panicked; this is a bug")),
        Err(_) => Err(QueryError::internal("the query was stopped")),
    }
}

impl QueryEngine {
    pub fn new(settings: QuerySettings) -> Result<QueryEngine, QueryError> {
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![settings.spill_directory.clone()]));
        let part =
            settings.memory.ceiling(Pool::Queries) / limits::QUESTIONS_PART_MAX / settings.concurrency_max.max(1);
        let question_bytes = limits::QUESTION_BYTES.min(part);
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(QueryPool::new(&settings.memory, question_bytes * settings.concurrency_max))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(settings.threads)
            .thread_stack_size(limits::STACK_BYTES)
            .thread_name("outcrop-query")
            .on_thread_start(|| machine::give_way(QUESTION_NICENESS))
            .enable_time()
            .build()
            .map_err(|e| QueryError::internal(format!("cannot start the query threads: {e}")))?;
        Ok(QueryEngine {
            running: Arc::new(Semaphore::new(settings.concurrency_max)),
            admitted: Arc::new(Semaphore::new(settings.concurrency_max + settings.queue_max)),
            settings,
            question_bytes,
            environment,
            runtime: Some(runtime),
        })
    }

    /// Answers a query. Dropping the future cancels it.
    pub async fn query(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        spec: &QuerySpec,
        options: &QueryOptions,
        now: TimestampNs,
    ) -> Result<Answer, QueryError> {
        self.query_watched(snapshot, datasets, spec, options, now, Watch::default()).await
    }

    /// The same, with progress on the way.
    pub async fn query_with_events(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        spec: &QuerySpec,
        options: &QueryOptions,
        now: TimestampNs,
        watch: impl Fn(AnswerEvent<Answer>) + Send + Sync + 'static,
    ) -> Result<Answer, QueryError> {
        let watch = Watch::telling(move |done, total| watch(AnswerEvent::Progress { done, total }));
        self.query_watched(snapshot, datasets, spec, options, now, watch).await
    }

    async fn query_watched(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        spec: &QuerySpec,
        options: &QueryOptions,
        now: TimestampNs,
        watch: Watch,
    ) -> Result<Answer, QueryError> {
        let query = parse_query(spec, now)?;
        let scope = Scope::new(snapshot, datasets)?;
        let watch = Arc::new(watch);
        let config = self.config().with_extension(Arc::clone(&watch));
        let context = SessionContext::new_with_config_rt(config, Arc::clone(&self.environment));
        let _cancelled = Cancelled::of(&context);
        let (partitions, strict) = (self.settings.threads, options.strict);
        let explain = options.explain.then(|| datasets.to_owned());
        let ask = move |scope| {
            let (context, query, watch) = (context.clone(), query.clone(), Arc::clone(&watch));
            Run { context, partitions, scope, query, strict, explain: explain.clone(), watch }.answer()
        };
        self.run(&options.common(), missing::answer_without_damaged(scope, ask)).await
    }

    /// The groups of a query in a form of their own. Without a limit all of them.
    pub async fn export_query(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        spec: &QuerySpec,
        options: &Options,
        format: Format,
        now: TimestampNs,
    ) -> Result<Export, QueryError> {
        let mut query = parse_query(&QuerySpec { limit: None, ..spec.clone() }, now)?;
        query.limit = limits::export_limit(spec.limit)?;
        let mut scope = Scope::new(snapshot, datasets)?;
        let (context, partitions, strict) = (self.ordered_context(), self.settings.threads, options.strict);
        let cancelled = Cancelled::of(&context);
        self.export(options, format, cancelled, async move {
            let warnings = resolve_names(&context, partitions, &mut scope, &mut query, strict).await?;
            let groups = Planner::new(&scope, &query, partitions)?.typed_groups(&Arc::default())?;
            let groups =
                LogicalPlanBuilder::from(groups).limit(0, query.limit.checked_add(1).map(|more| more - 1))?.build()?;
            let groups = context.state().create_physical_plan(&groups).await?;
            Ok((execute_stream(groups, context.task_ctx())?, warnings))
        })
        .await
    }

    /// Runs `work` on the engine's threads, in turn and under the deadline.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        options: &Options,
        work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
    ) -> Result<T, QueryError> {
        let seconds = options.seconds()?;
        let mut task = self.spawn(work)?;
        // The deadline is kept by the engine's own clock thread, so that it holds while the rim is busy.
        match tokio::time::timeout(Duration::from_secs(seconds), &mut task.0).await {
            Ok(ended) => outcome(ended),
            Err(_) => Err(QueryError::deadline(seconds)),
        }
    }

    /// Starts `work` on the engine's threads as soon as its turn comes.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
    ) -> Result<Abandoned<Result<T, QueryError>>, QueryError> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|error| match error {
            TryAcquireError::NoPermits => QueryError::new(
                QueryErrorKind::Busy,
                "too_many_queries",
                "too many queries wait already; ask again in a moment",
            ),
            TryAcquireError::Closed => QueryError::internal("the engine is closed"),
        })?;
        let (running, memory) = (Arc::clone(&self.running), self.settings.memory.clone());
        let question_bytes = self.question_bytes;
        let task = self.handle()?.spawn(async move {
            let _admitted = admitted;
            let Ok(_turn) = running.acquire_owned().await else {
                return Err(QueryError::internal("the engine is closed"));
            };
            let Ok(_held) = memory.try_reserve(Pool::Queries, question_bytes) else {
                return Err(QueryError::new(
                    QueryErrorKind::Busy,
                    "no_memory_for_queries",
                    "other queries hold all memory that queries may have; ask again in a moment",
                ));
            };
            work.await
        });
        Ok(Abandoned(task))
    }

    /// How much questions may spill from now on. A question that needs more fails; those who keep the disk need the rest.
    pub fn limit_spill(&self, bytes: u64) {
        // Only a disk manager without directories refuses, and this one has one.
        let _cannot_fail = self.environment.disk_manager.set_max_temp_directory_size(bytes);
    }

    pub fn counts(&self) -> QueryCounts {
        let QuerySettings { concurrency_max, queue_max, .. } = self.settings;
        let running = concurrency_max.saturating_sub(self.running.available_permits());
        let admitted = (concurrency_max + queue_max).saturating_sub(self.admitted.available_permits());
        QueryCounts { running: running as u64, waiting: admitted.saturating_sub(running) as u64 }
    }

    pub(crate) fn threads(&self) -> usize {
        self.settings.threads
    }

    fn handle(&self) -> Result<Handle, QueryError> {
        self.runtime.as_ref().map(|r| r.handle().clone()).ok_or_else(|| QueryError::internal("the engine is closed"))
    }

    /// What one question runs in.
    pub(crate) fn context(&self) -> SessionContext {
        SessionContext::new_with_config_rt(self.config(), Arc::clone(&self.environment))
    }

    /// The same for what must come out in the order of its sort: no operator above it may deal rows out to several threads.
    pub(crate) fn ordered_context(&self) -> SessionContext {
        SessionContext::new_with_config_rt(self.ordered_config(), Arc::clone(&self.environment))
    }

    pub(crate) fn ordered_config(&self) -> SessionConfig {
        self.config().with_round_robin_repartition(false)
    }

    pub(crate) fn environment(&self) -> &Arc<RuntimeEnv> {
        &self.environment
    }

    fn config(&self) -> SessionConfig {
        let mut config = SessionConfig::new()
            .with_target_partitions(self.settings.threads)
            .with_batch_size(limits::BATCH_ROWS)
            .with_information_schema(false)
            .with_extension(Arc::new(Stop::default()));
        config.options_mut().execution.collect_statistics = false;
        config
    }
}

impl Drop for QueryEngine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One question being answered.
struct Run {
    context: SessionContext,
    partitions: usize,
    scope: Scope,
    query: Query,
    strict: bool,
    /// The datasets as they were asked for, if the answer is to be explained.
    explain: Option<String>,
    watch: Arc<Watch>,
}

/// Finds out what the question's names mean where that takes reading.
async fn resolve_names(
    context: &SessionContext,
    partitions: usize,
    scope: &mut Scope,
    query: &mut Query,
    strict: bool,
) -> Result<Vec<Warning>, QueryError> {
    *scope = scope.clone().with_calculated(&query.calculated);
    let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
    let (names, values, range) = (owned(plan::names(query)), owned(plan::value_names(query)), query.times());
    let of_calculations = query.calculations.iter_mut().filter_map(|c| c.filter.as_mut());
    let filters = std::iter::once(&mut query.filter).chain(of_calculations).collect();
    Asked { context, partitions, range, filters, names, values }.resolve(scope, strict).await
}

impl Run {
    async fn answer(mut self) -> Result<Answer, QueryError> {
        let began = Instant::now();
        let warnings =
            resolve_names(&self.context, self.partitions, &mut self.scope, &mut self.query, self.strict).await?;
        let planner = Planner::new(&self.scope, &self.query, self.partitions)?;

        self.watch.expect(self.scans());
        let (mut groups, stats) = self.groups(&planner).await?;
        let more = groups.num_rows() > self.query.limit;
        if more {
            groups = groups.slice(0, self.query.limit);
        }
        let rows = self.rows(&planner, &groups);
        let total = match self.query.total {
            true if self.query.breakdowns.is_empty() && self.query.havings.is_empty() => Some(self.values(&groups)),
            true => Some(self.values(&self.collect(planner.total()?).await?)),
            false => None,
        };
        let other = match (self.query.other, more) {
            (true, true) => {
                let keys = self.numbered(&planner, &groups, groups.num_rows())?;
                Some(Some(self.values(&self.collect(planner.other(keys)?).await?)))
            }
            (true, false) => Some(None),
            (false, _) => None,
        };
        let series = match self.query.series {
            true => Some(self.series(&self.query, &planner, &groups).await?),
            false => None,
        };
        let heatmaps = self.heatmaps(&planner).await?;
        let compare = match self.query.compare_offset {
            Some(offset) => Some(self.compared(offset, &groups).await?),
            None => None,
        };
        let explain = match &self.explain {
            Some(datasets) => {
                let numbered = planner.numbered_groups(&Arc::default())?.filter(|_| !planner.has_too_many_texts());
                let plan = numbered.map_or_else(|| planner.groups(&Arc::default()), Ok)?;
                Some(explain::explain(&self.context, &self.scope, &self.query, datasets, &plan, &self.watch).await?)
            }
            None => None,
        };
        Ok(Answer {
            columns: self.columns(&planner, &groups),
            rows,
            series,
            heatmaps,
            compare,
            total,
            other,
            stats: self.stats(&planner, &stats, began),
            warnings,
            explain,
        })
    }

    /// The groups in order, and what was read for them.
    async fn groups(&self, planner: &Planner<'_>) -> Result<(RecordBatch, Arc<ScanStats>), QueryError> {
        let stats = Arc::default();
        if let Some(plan) = planner.numbered_groups(&stats)? {
            match self.collect(plan).await {
                // It was noticed after a few thousand rows.
                Err(_) if planner.has_too_many_texts() => self.watch.expect(1 + self.scans()),
                groups => return Ok((groups?, stats)),
            }
        }
        let stats = Arc::default();
        Ok((self.collect(planner.groups(&stats)?).await?, stats))
    }

    /// How often the events are read, at most.
    fn scans(&self) -> u64 {
        let grouped = !self.query.breakdowns.is_empty();
        let total = self.query.total && (grouped || !self.query.havings.is_empty());
        let heatmaps = self.query.calculations.iter().filter(|c| c.op == CalculationOp::Heatmap).count() as u64;
        1 + u64::from(total) + u64::from(self.query.other && grouped) + u64::from(self.query.series) + heatmaps
    }

    /// Runs a plan; all of its rows as one batch.
    async fn collect(&self, plan: LogicalPlan) -> Result<RecordBatch, QueryError> {
        let state = self.context.state();
        let plan = state.create_physical_plan(&plan).await?;
        let schema = plan.schema();
        let batches = collect(plan, self.context.task_ctx()).await?;
        Ok(concat_batches(&schema, &batches)?)
    }

    fn columns(&self, planner: &Planner<'_>, groups: &RecordBatch) -> Vec<AnswerColumn> {
        let mut columns = Vec::new();
        for (key, name) in planner.keys.iter().zip(&self.query.breakdowns) {
            let mut types: Vec<&'static str> = (0..groups.num_rows())
                .filter_map(|row| answer::key(groups, key, row).1.map(|part| part.type_label()))
                .collect();
            types.sort_unstable();
            types.dedup();
            let type_label = match (types.as_slice(), key.parts.as_slice()) {
                ([only], _) => only,
                ([], [(only, _)]) => only.type_label(),
                ([], _) => "null",
                _ => "mixed",
            };
            columns.push(AnswerColumn { name: name.clone(), type_label });
        }
        for at in self.query.shown() {
            let array = groups.column_by_name(&Aggregates::value_name(at));
            let float = array.is_none_or(|a| {
                matches!(a.data_type(), arrow::datatypes::DataType::Float64)
                    || (0..a.len()).any(|row| answer::scalar(a, row).is_f64())
            });
            let type_label = if float { "float" } else { "integer" };
            columns.push(AnswerColumn { name: self.query.shown_name(at).to_owned(), type_label });
        }
        columns
    }

    fn rows(&self, planner: &Planner<'_>, groups: &RecordBatch) -> Vec<Vec<Value>> {
        (0..groups.num_rows())
            .map(|row| {
                let keys = planner.keys.iter().map(|key| answer::key(groups, key, row).0);
                let values = self.query.shown().map(|at| value_at(groups, at, row));
                keys.chain(values).collect()
            })
            .collect()
    }

    /// The one row of a plan without groups, by name.
    fn values(&self, batch: &RecordBatch) -> Map<String, Value> {
        let name = |at: usize| self.query.shown_name(at).to_owned();
        self.query.shown().map(|at| (name(at), value_at(batch, at, 0))).collect()
    }

    /// The keys of the first `count` groups, numbered.
    fn numbered(&self, planner: &Planner<'_>, groups: &RecordBatch, count: usize) -> Result<RecordBatch, QueryError> {
        let mut fields = Vec::new();
        let mut arrays = Vec::new();
        for name in planner.keys.iter().flat_map(|k| k.names()) {
            let array = groups.column_by_name(&name).ok_or_else(|| QueryError::internal(format!("no key {name}")))?;
            fields.push(Field::new(group_key(&name), array.data_type().clone(), true));
            arrays.push(array.slice(0, count));
        }
        fields.push(Field::new(GROUP, arrow::datatypes::DataType::UInt32, false));
        arrays.push(Arc::new(UInt32Array::from_iter_values(0..count as u32)));
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
    }

    async fn heatmaps(&self, planner: &Planner<'_>) -> Result<Vec<Heatmap>, QueryError> {
        let (first, buckets) = self.query.buckets();
        let mut heatmaps = Vec::new();
        for (at, calculation) in self.query.calculations.iter().enumerate() {
            if calculation.op != CalculationOp::Heatmap {
                continue;
            }
            let batch = self.collect(planner.heatmap(at)?).await?;
            let bucket = column(&batch, BUCKET)?.as_primitive::<Int64Type>();
            let sketch = column(&batch, SKETCH)?.as_binary::<i32>();
            let mut sketches = vec![None; buckets];
            for row in (0..batch.num_rows()).filter(|row| sketch.is_valid(*row)) {
                let place = usize::try_from(bucket.value(row) - first).ok();
                if let Some(slot) = place.and_then(|place| sketches.get_mut(place)) {
                    *slot = Sketch::from_bytes(sketch.value(row));
                }
            }
            let (bounds, counts) = answer::heatmap(&sketches);
            heatmaps.push(Heatmap {
                name: calculation.name.clone(),
                column: calculation.column.clone().unwrap_or_default(),
                scale: "log",
                bounds,
                counts,
                start: rfc3339(self.query.buckets_start()),
                step_seconds: self.query.step_seconds,
            });
        }
        Ok(heatmaps)
    }

    fn stats(&self, planner: &Planner<'_>, stats: &ScanStats, began: Instant) -> AnswerStats {
        let estimated = |op: CalculationOp| match op {
            CalculationOp::Percentile(_) => true,
            CalculationOp::CountDistinct { exact } => !exact && planner.flag.is_set(),
            _ => false,
        };
        let approximate = self.query.calculations.iter().filter(|c| estimated(c.op)).map(|c| c.name.clone());
        answer_stats(&self.scope, stats, began, approximate.collect())
    }
}

/// What an answer says of how it came about.
pub(crate) fn answer_stats(scope: &Scope, stats: &ScanStats, began: Instant, approximate: Vec<String>) -> AnswerStats {
    AnswerStats {
        elapsed_ms: began.elapsed().as_secs_f64() * 1_000.0,
        rows_total: scope.events(),
        rows_scanned: stats.rows.load(Ordering::Relaxed),
        bytes_scanned: stats.bytes.load(Ordering::Relaxed),
        segments: SegmentStats {
            total: stats.segments.load(Ordering::Relaxed),
            skipped_by_time: stats.skipped_by_time.load(Ordering::Relaxed),
            skipped_by_index: stats.skipped_by_index.load(Ordering::Relaxed),
            scanned: stats.scanned.load(Ordering::Relaxed),
        },
        approximate,
        partial: stats.missing.load(Ordering::Relaxed) > 0,
    }
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b arrow::array::ArrayRef, QueryError> {
    batch.column_by_name(name).ok_or_else(|| QueryError::internal(format!("no column {name}")))
}

fn value_at(batch: &RecordBatch, calculation: usize, row: usize) -> Value {
    batch.column_by_name(&Aggregates::value_name(calculation)).map_or(Value::Null, |array| answer::scalar(array, row))
}

/// A warning for each of `names` that nobody has seen, or an error if the asker wants none.
pub(crate) fn warn_unknown(scope: &Scope, names: BTreeSet<&str>, strict: bool) -> Result<Vec<Warning>, QueryError> {
    let unknown = plan::unknown(scope, names);
    match unknown.first() {
        Some(first) if strict => Err(QueryError::impossible(
            "unknown_field",
            format!("no event has a field {first:?}; use one of those listed at /api/v1/fields, or ask without strict"),
        )
        .with(json!({ "field": first, "similar": scope.similar(first) }))),
        _ => {
            let warning = |field: String| Warning::UnknownField { similar: scope.similar(&field), field };
            Ok(unknown.into_iter().map(warning).collect())
        }
    }
}
