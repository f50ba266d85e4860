//! Reads events: segments and memtables of every dataset addressed, in one scan, with one schema.
//!
//! The provider's schema is narrowed to the columns that a question names, so that planning costs what is asked and not
//! what is stored. Filters are evaluated here and nowhere else: inside parquet's reader for segments, so that columns
//! of rows that fail are not decoded. Partitions take pieces of work from one queue, so that both cores end together.
//! It opens no file: [`prune`] says what to read, storage's segments hand out checked bytes.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringViewArray, UInt32Array,
    new_null_array,
};
use arrow::compute::{and, cast, filter_record_batch, prep_null_mask_filter, take};
use arrow::datatypes::{DataType, Int64Type, SchemaRef, TimestampNanosecondType};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::Stream;
use outcrop_storage::event::{FieldType, reserved};
use outcrop_storage::{DatasetSnapshot, OpenSegment, StoredBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowFilter, RowSelection,
};

use parquet::file::metadata::RowGroupMetaData;

use crate::execute::Stop;
use crate::expression::deliver;
use crate::prune::{self, Predicate, Pruned, Unit, column_index, overflow_of};
use crate::scope::{ScanColumn, Scope, schema_of};
use crate::spec::TimeRange;
use crate::texts::{LastDictionary, Texts};
use crate::watch::Watch;
use crate::{limits, overflow};

pub(crate) mod coded;
mod filters;

pub(crate) use filters::row_filter;
use filters::{Filter, filtered};

/// What a scan read and skipped.
#[derive(Debug, Default)]
pub(crate) struct ScanStats {
    pub(crate) rows: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) segments: AtomicU64,
    pub(crate) skipped_by_time: AtomicU64,
    pub(crate) skipped_by_index: AtomicU64,
    pub(crate) scanned: AtomicU64,
    pub(crate) missing: AtomicU64,
}

impl ScanStats {
    /// Which segments are read and which are not.
    pub(crate) fn note_pruned(&self, pruned: &Pruned) {
        self.segments.store(pruned.segments.len() as u64, Ordering::Relaxed);
        self.skipped_by_time.store(pruned.skipped_by_time(), Ordering::Relaxed);
        self.skipped_by_index.store(pruned.skipped_by_index(), Ordering::Relaxed);
        self.scanned.store(pruned.scanned(), Ordering::Relaxed);
        self.missing.store(pruned.missing, Ordering::Relaxed);
    }

    /// A row group of which `selected` rows are read in `columns`, given by position; one may come twice.
    pub(crate) fn note_row_group(&self, group: &RowGroupMetaData, selected: usize, columns: Vec<usize>) {
        self.rows.fetch_add(selected as u64, Ordering::Relaxed);
        self.note_bytes(group, selected, columns);
    }

    /// Further columns of rows that were noted before.
    pub(crate) fn note_bytes(&self, group: &RowGroupMetaData, selected: usize, mut columns: Vec<usize>) {
        columns.sort_unstable();
        columns.dedup();
        let bytes: u64 = columns.into_iter().map(|at| group.column(at).compressed_size() as u64).sum();
        self.bytes.fetch_add(bytes * selected as u64 / (group.num_rows() as u64).max(1), Ordering::Relaxed);
    }
}

/// The events of a scope and time range as a table of the columns named.
#[derive(Debug)]
pub(crate) struct EventTable {
    scope: Scope,
    columns: Vec<ScanColumn>,
    schema: SchemaRef,
    range: TimeRange,
    partitions: usize,
    stats: Arc<ScanStats>,
    texts: Vec<Arc<Texts>>,
}

impl EventTable {
    pub(crate) fn new(
        scope: Scope,
        columns: Vec<ScanColumn>,
        range: TimeRange,
        partitions: usize,
        stats: Arc<ScanStats>,
    ) -> EventTable {
        let schema = schema_of(&columns);
        EventTable { scope, columns, schema, range, partitions, stats, texts: Vec::new() }
    }

    /// With the texts of every field of which only numbers are wanted.
    pub(crate) fn with_texts(mut self, texts: impl IntoIterator<Item = Arc<Texts>>) -> EventTable {
        self.texts = texts.into_iter().collect();
        self
    }

    /// The texts of a column that is delivered by numbers.
    fn texts_of(&self, column: &ScanColumn) -> Option<Arc<Texts>> {
        let ScanColumn::Numbered(field) = column else { return None };
        self.texts.iter().find(|texts| texts.field() == field).cloned()
    }
}

#[async_trait]
impl TableProvider for EventTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let projected: Vec<ScanColumn> = match projection {
            Some(projection) => projection.iter().map(|at| self.columns[*at].clone()).collect(),
            None => self.columns.clone(),
        };
        let (range, filters) = narrowed(self.range, filters);
        let predicates = predicates(state, &self.columns, range, &filters)?;
        let pruned = prune::prune(&self.scope.datasets, range, &predicates, &projected)
            .map_err(|e| DataFusionError::External(Box::new(e)))?;
        self.stats.note_pruned(&pruned);
        if let Some(watch) = state.config().get_extension::<Watch>() {
            watch.begin_scan(&pruned);
        }
        let schema = schema_of(&projected);
        let partitions = self.partitions.min(pruned.units.len()).max(1);
        let work = Arc::new(Work {
            datasets: Arc::clone(&self.scope.datasets),
            texts: projected.iter().map(|column| self.texts_of(column)).collect(),
            columns: projected,
            schema: Arc::clone(&schema),
            predicates,
            range,
            units: Mutex::new(pruned.units),
            stats: Arc::clone(&self.stats),
            asked: AtomicU64::new(0),
            passed: AtomicU64::new(0),
        });
        let partitions: Vec<Arc<dyn PartitionStream>> =
            (0..partitions).map(|_| Arc::new(Partition(Arc::clone(&work))) as Arc<dyn PartitionStream>).collect();
        Ok(Arc::new(StreamingTableExec::try_new(schema, partitions, None, None, false, None)?))
    }
}

/// The range that is left of `range` by what filters say of the time, and the filters that say more: segments are skipped
/// by the range without a file being opened.
fn narrowed(mut range: TimeRange, filters: &[Expr]) -> (TimeRange, Vec<Expr>) {
    let conjuncts = filters.iter().flat_map(|f| split_conjunction_owned(f.clone()));
    let left = conjuncts.filter(|conjunct| match time_bound(conjunct) {
        Some(within) => {
            range = TimeRange { start: range.start.max(within.start), end: range.end.min(within.end) };
            false
        }
        None => true,
    });
    let left = left.collect();
    (range, left)
}

/// The times that a comparison of the time with a literal leaves.
fn time_bound(conjunct: &Expr) -> Option<TimeRange> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = conjunct else { return None };
    let (Expr::Column(column), Expr::Literal(ScalarValue::Int64(Some(time)), _)) = (left.as_ref(), right.as_ref())
    else {
        return None;
    };
    if column.name != ScanColumn::Timestamp.name() {
        return None;
    }
    let (start, end) = match op {
        Operator::Gt => (time.checked_add(1)?, i64::MAX),
        Operator::GtEq => (*time, i64::MAX),
        Operator::Lt => (i64::MIN, *time),
        Operator::LtEq => (i64::MIN, time.checked_add(1)?),
        Operator::Eq => (*time, time.checked_add(1)?),
        _ => return None,
    };
    Some(TimeRange { start, end })
}

/// The conjuncts of the filter and the time range, each over its own columns; cheap ones first.
pub(crate) fn predicates(
    state: &dyn Session,
    columns: &[ScanColumn],
    range: TimeRange,
    filters: &[Expr],
) -> Result<Vec<Predicate>> {
    let time = crate::filter::column(&ScanColumn::Timestamp);
    let mut all: Vec<ScanColumn> = columns.to_vec();
    if !all.contains(&ScanColumn::Timestamp) {
        all.push(ScanColumn::Timestamp);
    }
    let schema = schema_of(&all);
    let df_schema = DFSchema::try_from(Arc::clone(&schema))?;
    let in_range =
        time.clone().gt_eq(datafusion::prelude::lit(range.start)).and(time.lt(datafusion::prelude::lit(range.end)));
    let conjuncts = filters.iter().flat_map(|f| split_conjunction_owned(f.clone()));
    let mut predicates = Vec::new();
    for (at, conjunct) in std::iter::once(in_range).chain(conjuncts).enumerate() {
        let physical = state.create_physical_expr(conjunct, &df_schema)?;
        let mut used: Vec<usize> = collect_columns(&physical).iter().map(|c| c.index()).collect();
        used.sort_unstable();
        let own: Vec<ScanColumn> = used.into_iter().map(|at| all[at].clone()).collect();
        let physical = reassign_expr_columns(physical, &schema_of(&own))?;
        predicates.push(Predicate::new(own, physical, at == 0));
    }
    predicates.sort_by_key(|p| p.columns.iter().map(cost).sum::<usize>());
    Ok(predicates)
}

/// What reading a column costs, about: text is dear.
fn cost(column: &ScanColumn) -> usize {
    match column {
        ScanColumn::Dataset => 0,
        ScanColumn::Field(_, FieldType::String) => 8,
        ScanColumn::Overflowing(..) | ScanColumn::Overflow => 32,
        // Calculating costs more than reading: what other predicates leave is enough.
        ScanColumn::Calculated(calculated, _) => 64 + calculated.columns().iter().map(cost).sum::<usize>(),
        ScanColumn::Field(_, FieldType::Boolean) => 1,
        _ => 2,
    }
}

/// A scan shared by its partitions.
pub(crate) struct Work {
    datasets: Arc<Vec<DatasetSnapshot>>,
    columns: Vec<ScanColumn>,
    /// By column: those of the columns that are delivered by numbers.
    texts: Vec<Option<Arc<Texts>>>,
    schema: SchemaRef,
    predicates: Vec<Predicate>,
    range: TimeRange,
    units: Mutex<VecDeque<Unit>>,
    stats: Arc<ScanStats>,
    /// Rows of row groups that were begun, and those of them that passed so far.
    asked: AtomicU64,
    passed: AtomicU64,
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("columns", &self.columns)
            .field("predicates", &self.predicates.len())
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Partition(Arc<Work>);

impl PartitionStream for Partition {
    fn schema(&self) -> &SchemaRef {
        &self.0.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let stop = Stop::of(context.session_config());
        let watch = context.session_config().get_extension::<Watch>();
        Box::pin(ScanStream { work: Arc::clone(&self.0), reading: None, stop, watch })
    }
}

/// What a stream is in the middle of.
enum Reading {
    /// Batches still to be delivered, last first.
    Batches(Vec<RecordBatch>),
    RowGroup {
        dataset: usize,
        segment: Arc<OpenSegment>,
        reader: ParquetRecordBatchReader,
        /// What rows must pass that the reader has not asked.
        filters: Vec<Filter>,
        numbering: Numbering,
    },
}

/// By column.
type Numbering = Vec<LastDictionary>;

struct ScanStream {
    work: Arc<Work>,
    reading: Option<Reading>,
    /// Rows that fail are read without an end of a poll: whoever asked may have gone away meanwhile.
    stop: Stop,
    watch: Option<Arc<Watch>>,
}

impl ScanStream {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            self.stop.check()?;
            let batch = match &mut self.reading {
                None => {
                    let unit = self.work.units.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(unit) = unit else { return Ok(None) };
                    self.reading = Some(self.work.begin(unit, &self.stop)?);
                    continue;
                }
                Some(Reading::Batches(batches)) => batches.pop(),
                Some(Reading::RowGroup { dataset, segment, reader, filters, numbering }) => match reader.next() {
                    Some(batch) => {
                        let batch = filtered(batch?, filters, segment, self.work.name(*dataset))?;
                        self.work.passed.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
                        Some(self.work.deliver(*dataset, segment, &batch, numbering)?)
                    }
                    None => None,
                },
            };
            match batch {
                Some(batch) if batch.num_rows() > 0 => return Ok(Some(batch)),
                Some(_) => {}
                None => {
                    self.reading = None;
                    self.watch.iter().for_each(|watch| watch.unit_done());
                }
            }
        }
    }
}

impl Stream for ScanStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.next_batch().transpose())
    }
}

impl RecordBatchStream for ScanStream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.work.schema)
    }
}

impl Work {
    fn begin(&self, unit: Unit, stop: &Stop) -> Result<Reading> {
        match unit {
            Unit::Memory { dataset, batch } => Ok(Reading::Batches(self.read_memory(dataset, &batch, stop)?)),
            Unit::RowGroup { dataset, segment, row_group, selection } => {
                self.begin_row_group(dataset, segment, row_group, selection, stop)
            }
        }
    }

    fn name(&self, dataset: usize) -> &str {
        self.datasets[dataset].name.as_str()
    }

    /// The rows of a memtable batch that pass, at most [`limits::BATCH_ROWS`] at a time, last first.
    fn read_memory(&self, dataset: usize, batch: &StoredBatch, stop: &Stop) -> Result<Vec<RecordBatch>> {
        self.stats.rows.fetch_add(batch.rows() as u64, Ordering::Relaxed);
        let name = self.name(dataset);
        let mut batches = Vec::new();
        for from in (0..batch.rows()).step_by(limits::BATCH_ROWS) {
            stop.check()?;
            let rows = limits::BATCH_ROWS.min(batch.rows() - from);
            let mut passing: Option<BooleanArray> = None;
            for predicate in &self.predicates {
                let arrays = memory_columns(batch, name, &predicate.columns, MemoryRows::Range(from, rows))?;
                let passes = predicate.passes(&record_batch(&predicate.schema, arrays, rows)?)?;
                let passes = if passes.null_count() > 0 { prep_null_mask_filter(&passes) } else { passes };
                passing = Some(match passing {
                    Some(before) => and(&before, &passes)?,
                    None => passes,
                });
                if passing.as_ref().is_some_and(|p| p.true_count() == 0) {
                    break;
                }
            }
            if passing.as_ref().is_some_and(|p| p.true_count() == 0) {
                continue;
            }
            let arrays = memory_columns(batch, name, &self.columns, MemoryRows::Range(from, rows))?;
            let whole = self.batch(arrays, rows, &mut Numbering::default())?;
            batches.push(match passing {
                Some(passing) => filter_record_batch(&whole, &passing)?,
                None => whole,
            });
        }
        batches.reverse();
        Ok(batches)
    }

    fn begin_row_group(
        &self,
        dataset: usize,
        segment: Arc<OpenSegment>,
        row_group: usize,
        selection: Option<RowSelection>,
        stop: &Stop,
    ) -> Result<Reading> {
        let group = segment.metadata().metadata().row_group(row_group);
        let rows = group.num_rows() as usize;
        let selected = selection.as_ref().map_or(rows, RowSelection::row_count);
        let predicates: Vec<&Predicate> =
            self.predicates.iter().filter(|p| !always_in_range(p, &segment, row_group, self.range)).collect();
        let output = indexes(&segment, &self.columns);
        let filtered = predicates.iter().flat_map(|p| indexes(&segment, &p.columns));
        let read: Vec<usize> = output.iter().copied().chain(filtered).collect();
        let batch_rows = batch_rows(group, &read);
        let afterwards = self.do_many_pass();
        let projected = if afterwards { read.clone() } else { output.clone() };
        self.stats.note_row_group(group, selected, read);
        if predicates.is_empty() && output.is_empty() {
            let arrays = deliver(&self.columns, selected, |c| absent_column(c, self.name(dataset), selected))?;
            return Ok(Reading::Batches(vec![self.batch(arrays, selected, &mut Numbering::default())?]));
        }
        let metadata = coded::metadata(&segment, row_group, &self.columns, &predicates)?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(segment.bytes(), metadata)
            .with_row_groups(vec![row_group])
            .with_batch_size(batch_rows)
            .with_projection(ProjectionMask::roots(segment.metadata().parquet_schema(), projected));
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        let mut filters = Vec::new();
        self.asked.fetch_add(selected as u64, Ordering::Relaxed);
        if afterwards {
            filters = predicates.into_iter().cloned().map(Filter::new).collect();
        } else if !predicates.is_empty() {
            let name = self.name(dataset);
            let asked = predicates
                .into_iter()
                .map(|p| row_filter(p.clone(), Arc::clone(&segment), name.to_owned(), stop.clone()));
            builder = builder.with_row_filter(RowFilter::new(asked.collect()));
        }
        let reader = builder.build().map_err(|e| DataFusionError::External(Box::new(e)))?;
        Ok(Reading::RowGroup { dataset, segment, reader, filters, numbering: Numbering::default() })
    }

    /// Whether so many rows pass that the reader has nothing to skip: then it costs more to tell it which ones they are than
    /// to decode the others too.
    fn do_many_pass(&self) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        asked > 0 && self.passed.load(Ordering::Relaxed) * limits::ROWS_A_PASSING_ROW_MAX >= asked
    }

    fn deliver(
        &self,
        dataset: usize,
        segment: &OpenSegment,
        batch: &RecordBatch,
        numbering: &mut Numbering,
    ) -> Result<RecordBatch> {
        let arrays = segment_columns(batch, segment, self.name(dataset), &self.columns)?;
        self.batch(arrays, batch.num_rows(), numbering)
    }

    /// The columns as they are delivered: texts become numbers where only numbers are wanted.
    fn batch(&self, mut arrays: Vec<ArrayRef>, rows: usize, numbering: &mut Numbering) -> Result<RecordBatch> {
        numbering.resize_with(self.columns.len(), LastDictionary::default);
        for ((texts, array), last) in self.texts.iter().zip(&mut arrays).zip(numbering) {
            if let Some(texts) = texts {
                *array = texts.numbers(array, last)?;
            }
        }
        record_batch(&self.schema, arrays, rows)
    }
}

/// Rows to decode at a time of these columns, given by position: fewer where values are long.
pub(crate) fn batch_rows(group: &RowGroupMetaData, columns: &[usize]) -> usize {
    let bytes: i64 = columns.iter().map(|at| group.column(*at).uncompressed_size()).sum();
    let row_bytes = (bytes / group.num_rows().max(1)).max(1);
    (limits::BATCH_BYTES / row_bytes as usize).clamp(limits::BATCH_ROWS_MIN, limits::BATCH_ROWS)
}

/// Whether a predicate is the time range and a row group lies within it.
fn always_in_range(predicate: &Predicate, segment: &OpenSegment, row_group: usize, range: TimeRange) -> bool {
    if !predicate.time_range {
        return false;
    }
    let Some(index) = column_index(segment, &ScanColumn::Timestamp) else { return false };
    let statistics = segment.metadata().metadata().row_group(row_group).column(index).statistics();
    match statistics {
        Some(parquet::file::statistics::Statistics::Int64(s)) => {
            s.min_opt().zip(s.max_opt()).is_some_and(|(min, max)| range.contains(*min, *max))
        }
        _ => false,
    }
}

/// The positions in the file of what the columns are made of.
pub(crate) fn indexes(segment: &OpenSegment, columns: &[ScanColumn]) -> Vec<usize> {
    let read = columns.iter().flat_map(ScanColumn::read);
    read.flat_map(|c| column_index(segment, c).into_iter().chain(overflow_of(segment, c))).collect()
}

pub(crate) fn record_batch(schema: &SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
}

/// Scan columns out of what parquet's reader delivered.
fn segment_columns(
    batch: &RecordBatch,
    segment: &OpenSegment,
    dataset: &str,
    columns: &[ScanColumn],
) -> Result<Vec<ArrayRef>> {
    deliver(columns, batch.num_rows(), |c| segment_column(batch, segment, dataset, c))
}

/// Scan columns of rows of a memtable batch.
pub(crate) fn memory_columns(
    batch: &StoredBatch,
    dataset: &str,
    columns: &[ScanColumn],
    rows: MemoryRows<'_>,
) -> Result<Vec<ArrayRef>> {
    deliver(columns, rows.count(), |c| memory_column(batch, dataset, c, rows))
}

/// A scan column out of what parquet's reader delivered; of one whose numbers are wanted, the texts or their codes.
pub(crate) fn segment_column(
    batch: &RecordBatch,
    segment: &OpenSegment,
    dataset: &str,
    column: &ScanColumn,
) -> Result<ArrayRef> {
    let read = |index: usize| {
        let name = segment.metadata().schema().field(index).name();
        batch.column_by_name(name).ok_or_else(|| DataFusionError::Internal(format!("{name} was not read")))
    };
    let own = column_index(segment, column).map(read).transpose()?;
    if let (ScanColumn::Overflowing(field, field_type, _), Some(texts)) = (column, overflow_of(segment, column)) {
        return Ok(overflow::values(own, read(texts)?.as_string_view(), field, *field_type));
    }
    if let ScanColumn::Calculated(calculated, field_type) = column {
        return calculated.column(*field_type, batch.num_rows(), |c| segment_column(batch, segment, dataset, c));
    }
    let Some(array) = own else { return absent_column(column, dataset, batch.num_rows()) };
    Ok(match column {
        ScanColumn::Timestamp | ScanColumn::Received => {
            Arc::new(array.as_primitive::<TimestampNanosecondType>().reinterpret_cast::<Int64Type>())
        }
        ScanColumn::Sequence => cast(array, &DataType::Int64)?,
        ScanColumn::SampleRate => cast(array, &DataType::Int64)?,
        ScanColumn::Dataset
        | ScanColumn::Field(..)
        | ScanColumn::Overflowing(..)
        | ScanColumn::Overflow
        | ScanColumn::Calculated(..) => coded::plain(array)?,
        ScanColumn::Numbered(_) => Arc::clone(array),
    })
}

/// A column that a file or batch does not have.
fn absent_column(column: &ScanColumn, dataset: &str, rows: usize) -> Result<ArrayRef> {
    Ok(match column {
        ScanColumn::Dataset => Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(dataset, rows))),
        ScanColumn::SampleRate => Arc::new(Int64Array::from_value(1, rows)),
        ScanColumn::Field(..) | ScanColumn::Overflowing(..) | ScanColumn::Overflow => {
            new_null_array(&column.data_type(), rows)
        }
        ScanColumn::Numbered(_) => new_null_array(&DataType::Utf8View, rows),
        ScanColumn::Calculated(calculated, field_type) => {
            calculated.column(*field_type, rows, |c| absent_column(c, dataset, rows))?
        }
        ScanColumn::Timestamp | ScanColumn::Sequence | ScanColumn::Received => {
            return Err(DataFusionError::Internal(format!("a segment has no column {}", column.name())));
        }
    })
}

/// Rows of a memtable batch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MemoryRows<'a> {
    /// So many from the first on.
    Range(usize, usize),
    These(&'a UInt32Array),
}

impl MemoryRows<'_> {
    fn count(self) -> usize {
        match self {
            MemoryRows::Range(_, rows) => rows,
            MemoryRows::These(rows) => rows.len(),
        }
    }

    fn of(self, whole: &dyn Array) -> Result<ArrayRef> {
        Ok(match self {
            MemoryRows::Range(from, rows) => whole.slice(from, rows),
            MemoryRows::These(rows) => take(whole, rows, None)?,
        })
    }
}

/// A scan column of rows of a memtable batch.
pub(crate) fn memory_column(
    batch: &StoredBatch,
    dataset: &str,
    column: &ScanColumn,
    rows: MemoryRows<'_>,
) -> Result<ArrayRef> {
    let events = batch.events();
    let absent = || absent_column(column, dataset, rows.count());
    Ok(match column {
        ScanColumn::Timestamp => rows.of(events.timestamp())?,
        ScanColumn::Received => rows.of(batch.received())?,
        ScanColumn::Sequence => cast(&rows.of(batch.sequence())?, &DataType::Int64)?,
        ScanColumn::SampleRate => match events.sample_rate() {
            Some(rates) => cast(&rows.of(rates)?, &DataType::Int64)?,
            None => absent()?,
        },
        ScanColumn::Dataset => absent()?,
        ScanColumn::Field(field, field_type) => {
            memory_field(batch, field.as_str(), *field_type, rows)?.map_or_else(absent, Ok)?
        }
        ScanColumn::Numbered(field) => {
            memory_field(batch, field.as_str(), FieldType::String, rows)?.map_or_else(absent, Ok)?
        }
        ScanColumn::Overflow => {
            memory_field(batch, reserved::OVERFLOW, FieldType::String, rows)?.map_or_else(absent, Ok)?
        }
        ScanColumn::Calculated(calculated, field_type) => {
            calculated.column(*field_type, rows.count(), |c| memory_column(batch, dataset, c, rows))?
        }
        ScanColumn::Overflowing(field, field_type, (min, max)) => {
            let own = memory_field(batch, field.as_str(), *field_type, rows)?;
            let (first, last) = batch.time_range();
            let texts = memory_field(batch, reserved::OVERFLOW, FieldType::String, rows)?;
            match texts.filter(|_| first <= *max && last >= *min) {
                Some(texts) => overflow::values(own.as_ref(), texts.as_string_view(), field, *field_type),
                None => own.map_or_else(absent, Ok)?,
            }
        }
    })
}

/// A field's values of one type in rows of a memtable batch, if the batch has any.
fn memory_field(
    batch: &StoredBatch,
    field: &str,
    field_type: FieldType,
    rows: MemoryRows<'_>,
) -> Result<Option<ArrayRef>> {
    let Some(whole) = batch.events().column(field, field_type) else { return Ok(None) };
    let values = rows.of(whole)?;
    Ok(Some(if field_type == FieldType::String { cast(&values, &DataType::Utf8View)? } else { values }))
}
