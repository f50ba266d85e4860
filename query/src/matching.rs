//! Which events a filter and a time range choose, as places: rows of segments. For whoever changes what is stored.
//!
//! The filter means what it means in every question: its expression, the pruning and the reading are theirs. It must not
//! know what becomes of the events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::prelude::{SessionContext, lit};
use outcrop_storage::paths::SegmentId;
use outcrop_storage::{OpenSegment, Snapshot};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowFilter, RowSelection};
use roaring::RoaringBitmap;

use crate::error::QueryError;
use crate::execute::{Cancelled, QueryEngine, Stop, warn_unknown};
use crate::plan::collect_names;
use crate::prune::{self, Predicate, Unit};
use crate::scan::{self, indexes};
use crate::scope::{ScanColumn, Scope};
use crate::spec::{Choice, DeletionSpec, Options, parse_deletion};
use crate::{filter, limits, rows};

/// A filter and a time range, checked, over what was acknowledged before some moment.
#[derive(Clone, Debug)]
pub struct ChosenEvents {
    choice: Choice,
    /// The number after the last event that may be chosen.
    sequence_end: u64,
}

/// Where chosen events are.
#[derive(Clone, Debug, Default)]
pub struct MatchingRows {
    /// By their place in the file.
    pub segments: BTreeMap<SegmentId, RoaringBitmap>,
    /// In segments and memtables.
    pub events: u64,
}

/// Told how many of how many parts are read; says whether to go on.
pub(crate) type Watch<'a> = &'a dyn Fn(u64, u64) -> bool;

impl QueryEngine {
    /// Checks what somebody wrote. A field that nobody ever sent is refused: most often it is a slip, and a negative
    /// filter on it would choose everything. The same goes for what a calculated field is made of, fields of other spans
    /// among it: whether an event is deleted depends on nothing but itself.
    pub fn choose(
        &self,
        snapshot: &Snapshot,
        spec: &DeletionSpec,
        sequence_end: u64,
    ) -> Result<ChosenEvents, QueryError> {
        let choice = parse_deletion(spec)?;
        let scope = Scope::new(snapshot.clone(), "*")?;
        let mut names = BTreeSet::new();
        collect_names(&choice.filter, &mut names);
        warn_unknown(&scope, choice.calculated.inputs_of(names), true)?;
        Ok(ChosenEvents { choice, sequence_end })
    }

    /// How many events of a snapshot are chosen. Dropping the future cancels it.
    pub async fn count_chosen(
        &self,
        snapshot: Snapshot,
        chosen: &ChosenEvents,
        options: &Options,
    ) -> Result<u64, QueryError> {
        let (context, chosen) = (self.context(), chosen.clone());
        self.run(options, async move {
            let cancelled = Cancelled::default();
            let stop = cancelled.flag();
            let count = move || find(&context, snapshot, &chosen, &|_, _| !is_set(&stop)).map(|found| found.events);
            let count = tokio::task::spawn_blocking(count).await;
            drop(cancelled);
            count.map_err(|_| QueryError::internal("the query panicked; this is a bug"))?
        })
        .await
    }

    /// Where the chosen events of a snapshot are. Reads on the thread that calls; has no deadline.
    pub fn matching_rows(
        &self,
        snapshot: Snapshot,
        chosen: &ChosenEvents,
        watch: Watch<'_>,
    ) -> Result<MatchingRows, QueryError> {
        find(&self.context(), snapshot, chosen, watch)
    }
}

fn is_set(stop: &AtomicBool) -> bool {
    stop.load(Ordering::Relaxed)
}

fn find(
    context: &SessionContext,
    snapshot: Snapshot,
    chosen: &ChosenEvents,
    watch: Watch<'_>,
) -> Result<MatchingRows, QueryError> {
    let scope = Scope::new(snapshot, "*")?.with_calculated(&chosen.choice.calculated);
    let predicates = predicates(context, &scope, chosen)?;
    let pruned = prune::prune(&scope.datasets, chosen.choice.range, &predicates, &[])?;
    let total = pruned.units.len() as u64;
    let mut found = MatchingRows::default();
    let mut bytes = 0;
    for (done, unit) in pruned.units.into_iter().enumerate() {
        let go_on = || watch(done as u64, total);
        match unit {
            Unit::Memory { dataset, batch } => {
                proceed(go_on())?;
                let name = scope.datasets[dataset].name.as_str();
                found.events +=
                    rows::passing(&batch, name, &predicates)?.iter().filter(|passes| **passes).count() as u64;
            }
            Unit::RowGroup { dataset, segment, row_group, selection } => {
                let name = scope.datasets[dataset].name.as_str();
                let part = Part { segment: &segment, row_group, selection, dataset: name };
                let mut matching = part.matching(&predicates, &go_on)?;
                matching.optimize();
                bytes += matching.serialized_size();
                found.events += matching.len();
                *found.segments.entry(SegmentId(segment.footer().segment)).or_default() |= matching;
            }
        }
        if bytes > limits::MATCHING_BYTES_MAX {
            return Err(QueryError::impossible(
                "too_many",
                "too many events in too many places are chosen at once; choose those of a shorter time, one after the other",
            ));
        }
    }
    proceed(watch(total, total))?;
    Ok(found)
}

fn proceed(go_on: bool) -> Result<(), QueryError> {
    if go_on { Ok(()) } else { Err(QueryError::internal("cancelled")) }
}

fn predicates(context: &SessionContext, scope: &Scope, chosen: &ChosenEvents) -> Result<Vec<Predicate>, QueryError> {
    let mut used = BTreeSet::from([ScanColumn::Sequence]);
    let filter = filter::expression(&chosen.choice.filter, scope, &mut used)?;
    let end = i64::try_from(chosen.sequence_end).unwrap_or(i64::MAX);
    let before = filter::column(&ScanColumn::Sequence).lt(lit(end));
    let used: Vec<ScanColumn> = used.into_iter().collect();
    Ok(scan::predicates(&context.state(), &used, chosen.choice.range, &[filter, before])?)
}

/// One row group to be searched.
struct Part<'a> {
    segment: &'a Arc<OpenSegment>,
    row_group: usize,
    selection: Option<RowSelection>,
    dataset: &'a str,
}

impl Part<'_> {
    fn matching(self, predicates: &[Predicate], go_on: &dyn Fn() -> bool) -> Result<RoaringBitmap, QueryError> {
        let metadata = rows::with_row_numbers(self.segment)?;
        let output = indexes(self.segment, &[ScanColumn::Sequence]);
        let filters = predicates
            .iter()
            .map(|p| scan::row_filter(p.clone(), Arc::clone(self.segment), self.dataset.to_owned(), Stop::default()));
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.segment.bytes(), metadata)
            .with_row_groups(vec![self.row_group])
            .with_batch_size(limits::BATCH_ROWS)
            .with_projection(ProjectionMask::roots(self.segment.metadata().parquet_schema(), output))
            .with_row_filter(RowFilter::new(filters.collect()));
        if let Some(selection) = self.selection {
            builder = builder.with_row_selection(selection);
        }
        let mut matching = RoaringBitmap::new();
        for batch in builder.build()? {
            proceed(go_on())?;
            let batch = batch?;
            let numbers = batch.column_by_name(rows::ROW_NUMBER);
            let numbers = numbers.ok_or_else(|| QueryError::internal("no row numbers"))?.as_primitive::<Int64Type>();
            for number in numbers.values() {
                let row = u32::try_from(*number).map_err(|_| QueryError::internal("a segment has too many rows"))?;
                matching.insert(row);
            }
        }
        Ok(matching)
    }
}
