//! Whole events by time, a page at a time.
//!
//! 1. *Find*: time, sequence and the filter's columns are read, newest row group first, and the page's rows are kept in a
//!    heap; row groups that cannot reach the page any more are not read.
//! 2. *Fetch*: every field of those rows alone.
//!
//! It must not know aggregation.

mod cells;
mod export;
mod whole;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use arrow::array::{Array, AsArray, UInt32Array};
use arrow::datatypes::{Field, FieldRef as ArrowFieldRef, Int64Type};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use datafusion::prelude::SessionContext;
use outcrop_storage::event::{FieldName, FieldType, TimestampNs, reserved};
use outcrop_storage::overflow::{OverflowValue, entries};
use outcrop_storage::{OpenSegment, Snapshot, StoredBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::RowNumber;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowFilter, RowSelection, RowSelector,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::answer::{self, AnswerColumn, AnswerStats, Warning};
use crate::error::QueryError;
use crate::execute::{Cancelled, QueryEngine, Stop, answer_stats};
use crate::plan::collect_names;
use crate::prune::{self, Predicate, Unit};
use crate::related::Asked;
use crate::scan::{self, MemoryRows, ScanStats, indexes, memory_column, memory_columns, segment_column};
use crate::scope::{FieldRef, ScanColumn, Scope};
use crate::spec::{Options, RowsQuery, RowsSpec, parse_rows};
use crate::{filter, missing};
use cells::Cells;
pub(crate) use whole::{WholeEvent, WholeEvents, WholeQuery, read_whole};

/// A page of raw events.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RowsAnswer {
    pub columns: Vec<AnswerColumn>,
    #[schema(value_type = Vec<Vec<Value>>)]
    pub rows: Vec<Vec<Value>>,
    /// Ask for the next page with it; null at the end.
    pub cursor: Option<String>,
    pub stats: AnswerStats,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

pub(crate) fn parse_cursor(text: &str) -> Result<(TimestampNs, u64), QueryError> {
    let bad = || QueryError::malformed("the cursor is not one of ours; ask for the first page without one");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
    let (time, sequence) = bytes.split_first_chunk::<8>().ok_or_else(bad)?;
    let sequence: [u8; 8] = sequence.try_into().map_err(|_| bad())?;
    Ok((i64::from_be_bytes(*time), u64::from_be_bytes(sequence)))
}

fn write_cursor((time, sequence): (TimestampNs, u64)) -> String {
    let mut bytes = time.to_be_bytes().to_vec();
    bytes.extend(sequence.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

impl QueryEngine {
    /// Answers a page of rows. Dropping the future cancels it.
    pub async fn rows(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        spec: &RowsSpec,
        options: &Options,
        now: TimestampNs,
    ) -> Result<RowsAnswer, QueryError> {
        let query = parse_rows(spec, now)?;
        let scope = Scope::new(snapshot, datasets)?;
        let (context, partitions, strict) = (self.context(), self.threads(), options.strict);
        let ask = move |mut scope: Scope| {
            let (context, mut query) = (context.clone(), query.clone());
            async move {
                let warnings = resolve_names(&context, partitions, &mut scope, &mut query, strict).await?;
                let cancelled = Cancelled::default();
                let stop = cancelled.flag();
                let work = tokio::task::spawn_blocking(move || Pager { context, scope, query, warnings, stop }.page());
                let page = work.await.map_err(|_| QueryError::internal("the query panicked; this is a bug"))?;
                drop(cancelled);
                page
            }
        };
        self.run(options, missing::answer_without_damaged(scope, ask)).await
    }
}

/// Finds out what the question's names mean.
async fn resolve_names(
    context: &SessionContext,
    partitions: usize,
    scope: &mut Scope,
    query: &mut RowsQuery,
    strict: bool,
) -> Result<Vec<Warning>, QueryError> {
    *scope = scope.clone().with_calculated(&query.calculated);
    let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
    let (names, values) = (owned(names(query)), query.columns.iter().flatten().cloned().collect());
    let (range, filters) = (query.range, vec![&mut query.filter]);
    Asked { context, partitions, range, filters, names, values }.resolve(scope, strict).await
}

/// The names of fields that a question has in any place.
fn names(query: &RowsQuery) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    collect_names(&query.filter, &mut names);
    match &query.columns {
        Some(columns) => names.extend(columns.iter().map(String::as_str)),
        None => names.extend(query.calculated.names()),
    }
    names
}

/// (timestamp, sequence): the order of events.
type EventKey = (TimestampNs, u64);

/// Where a found event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    unit: usize,
    /// In the memtable batch, or in the segment's file.
    row: usize,
}

/// The places of a page's events, and of one more if there are more, in units of work.
struct Searched {
    units: Vec<Unit>,
    places: Vec<(EventKey, Place)>,
    /// Events that were found to match; those that cannot reach the page need not be looked at.
    matched: u64,
}

struct Pager {
    context: SessionContext,
    scope: Scope,
    query: RowsQuery,
    warnings: Vec<Warning>,
    stop: Arc<AtomicBool>,
}

/// The best events so far, at most one more than a page.
struct Page {
    descending: bool,
    limit: usize,
    after: Option<EventKey>,
    newest: BinaryHeap<Reverse<(EventKey, Place)>>,
    oldest: BinaryHeap<(EventKey, Place)>,
    /// Events that were offered.
    offered: u64,
}

impl Page {
    fn offer(&mut self, key: EventKey, place: Place) {
        self.offered += 1;
        let seen = |after: EventKey| if self.descending { key >= after } else { key <= after };
        if self.after.is_some_and(seen) {
            return;
        }
        if self.descending {
            self.newest.push(Reverse((key, place)));
            if self.newest.len() > self.limit + 1 {
                self.newest.pop();
            }
        } else {
            self.oldest.push((key, place));
            if self.oldest.len() > self.limit + 1 {
                self.oldest.pop();
            }
        }
    }

    /// Whether events of this time range can still come into the page.
    fn wants(&self, min: TimestampNs, max: TimestampNs) -> bool {
        if self.descending {
            let full = self.newest.len() > self.limit;
            let reached = full && self.newest.peek().is_some_and(|Reverse((worst, _))| max < worst.0);
            !reached && self.after.is_none_or(|after| min <= after.0)
        } else {
            let full = self.oldest.len() > self.limit;
            let reached = full && self.oldest.peek().is_some_and(|(worst, _)| min > worst.0);
            !reached && self.after.is_none_or(|after| max >= after.0)
        }
    }

    fn into_sorted(self) -> Vec<(EventKey, Place)> {
        if self.descending {
            let mut found: Vec<_> = self.newest.into_iter().map(|Reverse(found)| found).collect();
            found.sort_unstable_by(|a, b| b.cmp(a));
            return found;
        }
        self.oldest.into_sorted_vec()
    }
}

impl Pager {
    fn page(self) -> Result<RowsAnswer, QueryError> {
        let began = Instant::now();
        let stats = ScanStats::default();
        let wanted = self.wanted();
        let Searched { units, places: mut found, .. } = self.search(&wanted, &stats)?;
        let more = found.len() > self.query.limit;
        found.truncate(self.query.limit);
        let (columns, rows) = self.fetch(&units, &found, &wanted)?;
        let cut = rows.len() < found.len();
        let last = rows.len().checked_sub(1).map(|at| found[at].0);
        let cursor = last.filter(|_| more || cut).map(write_cursor);
        let stats = answer_stats(&self.scope, &stats, began, Vec::new());
        Ok(RowsAnswer { columns, rows, cursor, stats, warnings: self.warnings })
    }

    /// The places of the page's events in their order.
    fn search(&self, wanted: &Wanted, stats: &ScanStats) -> Result<Searched, QueryError> {
        let mut used = BTreeSet::new();
        let filter = filter::expression(&self.query.filter, &self.scope, &mut used)?;
        let used: Vec<ScanColumn> = used.into_iter().collect();
        let predicates = scan::predicates(&self.context.state(), &used, self.query.range, &[filter])?;
        let pruned = prune::prune(&self.scope.datasets, self.query.range, &predicates, &wanted.columns())?;
        stats.note_pruned(&pruned);
        let units: Vec<Unit> = pruned.units.into();
        let (places, matched) = self.find(&units, &predicates, stats)?;
        Ok(Searched { units, places, matched })
    }

    fn check(&self) -> Result<(), QueryError> {
        if self.stop.load(Ordering::Relaxed) { Err(QueryError::internal("cancelled")) } else { Ok(()) }
    }

    fn dataset(&self, unit: &Unit) -> &str {
        let (Unit::Memory { dataset, .. } | Unit::RowGroup { dataset, .. }) = unit;
        self.scope.datasets[*dataset].name.as_str()
    }

    fn find(
        &self,
        units: &[Unit],
        predicates: &[Predicate],
        stats: &ScanStats,
    ) -> Result<(Vec<(EventKey, Place)>, u64), QueryError> {
        let mut page = Page {
            descending: self.query.descending,
            limit: self.query.limit,
            after: self.query.after,
            newest: BinaryHeap::new(),
            oldest: BinaryHeap::new(),
            offered: 0,
        };
        let mut order: Vec<(TimestampNs, TimestampNs, usize)> = units
            .iter()
            .enumerate()
            .map(|(at, unit)| time_range(unit).map(|(min, max)| (min, max, at)))
            .collect::<Option<_>>()
            .ok_or_else(|| QueryError::internal("a row group has no time statistics"))?;
        if self.query.descending {
            order.sort_unstable_by_key(|(_, max, at)| (Reverse(*max), *at));
        } else {
            order.sort_unstable_by_key(|(min, _, at)| (*min, *at));
        }
        for (min, max, at) in order {
            if !page.wants(min, max) {
                continue;
            }
            self.check()?;
            let dataset = self.dataset(&units[at]);
            match &units[at] {
                Unit::Memory { batch, .. } => find_in_memory(batch, dataset, predicates, at, stats, &mut page)?,
                Unit::RowGroup { segment, row_group, selection, .. } => {
                    let part = Part { segment, row_group: *row_group, selection: selection.clone(), dataset, unit: at };
                    self.find_in_row_group(&part, predicates, stats, &mut page)?;
                }
            }
        }
        let matched = page.offered;
        Ok((page.into_sorted(), matched))
    }

    fn find_in_row_group(
        &self,
        part: &Part<'_>,
        predicates: &[Predicate],
        stats: &ScanStats,
        page: &mut Page,
    ) -> Result<(), QueryError> {
        let metadata = with_row_numbers(part.segment)?;
        let output = indexes(part.segment, &[ScanColumn::Timestamp, ScanColumn::Sequence]);
        let group = part.segment.metadata().metadata().row_group(part.row_group);
        let selected = part.selection.as_ref().map_or(group.num_rows() as usize, RowSelection::row_count);
        let filtered = predicates.iter().flat_map(|p| indexes(part.segment, &p.columns));
        let read: Vec<usize> = output.iter().copied().chain(filtered).collect();
        let batch_rows = scan::batch_rows(group, &read);
        stats.note_row_group(group, selected, read);
        let filters = predicates.iter().map(|p| {
            let stop = Stop(Arc::clone(&self.stop));
            scan::row_filter(p.clone(), Arc::clone(part.segment), part.dataset.to_owned(), stop)
        });
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(part.segment.bytes(), metadata)
            .with_row_groups(vec![part.row_group])
            .with_batch_size(batch_rows)
            .with_projection(ProjectionMask::roots(part.segment.metadata().parquet_schema(), output))
            .with_row_filter(RowFilter::new(filters.collect()));
        if let Some(selection) = &part.selection {
            builder = builder.with_row_selection(selection.clone());
        }
        for batch in builder.build()? {
            self.check()?;
            let batch = batch?;
            let times = segment_column(&batch, part.segment, part.dataset, &ScanColumn::Timestamp)?;
            let sequences = segment_column(&batch, part.segment, part.dataset, &ScanColumn::Sequence)?;
            let numbers = batch.column_by_name(ROW_NUMBER).ok_or_else(|| QueryError::internal("no row numbers"))?;
            let (times, sequences) = (times.as_primitive::<Int64Type>(), sequences.as_primitive::<Int64Type>());
            let numbers = numbers.as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let place = Place { unit: part.unit, row: numbers.value(row) as usize };
                page.offer((times.value(row), sequences.value(row) as u64), place);
            }
        }
        Ok(())
    }

    /// Every field of the rows found, in their order; only the first of them if all would be too many cells.
    fn fetch(
        &self,
        units: &[Unit],
        found: &[(EventKey, Place)],
        wanted: &Wanted,
    ) -> Result<(Vec<AnswerColumn>, Vec<Vec<Value>>), QueryError> {
        let mut cells = Cells::default();
        // All at once, unless that is so much that the answer will have only the first of them anyway.
        let mut at_once = found.len();
        while cells.rows() < found.len() {
            let before = cells.rows();
            let some = &found[before..found.len().min(before + at_once)];
            self.fetch_some(units, some, wanted, &mut cells)?;
            if cells.is_full() && some.len() > 1 {
                cells.truncate(before);
                at_once = some.len() / 2;
            } else if cells.fitting(self.query.columns.as_deref()) < cells.rows() {
                break;
            }
        }
        cells.truncate(cells.fitting(self.query.columns.as_deref()));
        let names = self.query.columns.clone().unwrap_or_else(|| cells.names());
        Ok(cells.into_rows(&names))
    }

    /// Adds the rows of `found` to the cells.
    fn fetch_some(
        &self,
        units: &[Unit],
        found: &[(EventKey, Place)],
        wanted: &Wanted,
        cells: &mut Cells,
    ) -> Result<(), QueryError> {
        // Row groups of one segment are fetched together: their rows are numbered through the file.
        let mut by_source: BTreeMap<usize, (&Unit, Vec<RowPair>)> = BTreeMap::new();
        for (at, (_, place)) in found.iter().enumerate() {
            let unit = &units[place.unit];
            let pair = (place.row, cells.rows() + at);
            by_source.entry(address(unit)).or_insert((unit, Vec::new())).1.push(pair);
        }
        cells.add_rows(found.len());
        for (unit, mut rows) in by_source.into_values() {
            self.check()?;
            rows.sort_unstable();
            match unit {
                Unit::Memory { batch, .. } => fetch_from_memory(batch, self.dataset(unit), wanted, &rows, cells)?,
                Unit::RowGroup { segment, .. } => {
                    fetch_from_segment(segment, self.dataset(unit), wanted, &rows, cells)?;
                }
            }
        }
        Ok(())
    }

    /// What to show: chosen fields, or everything a sender sent, with its dataset where several are addressed.
    fn wanted(&self) -> Wanted {
        match &self.query.columns {
            Some(names) => Wanted {
                fields: Some(names.iter().map(|n| (n.clone(), self.scope.resolve(n))).collect()),
                system: Vec::new(),
                calculated: Vec::new(),
            },
            None => {
                let mut system = vec![ScanColumn::Timestamp, ScanColumn::SampleRate];
                if self.scope.datasets.len() > 1 {
                    system.push(ScanColumn::Dataset);
                }
                let calculated = self.query.calculated.names().map(|n| (n.to_owned(), self.scope.resolve(n))).collect();
                Wanted { fields: None, system, calculated }
            }
        }
    }
}

/// One row group to be searched.
struct Part<'a> {
    segment: &'a Arc<OpenSegment>,
    row_group: usize,
    selection: Option<RowSelection>,
    dataset: &'a str,
    unit: usize,
}

struct Wanted {
    /// None: every field.
    fields: Option<Vec<(String, FieldRef)>>,
    system: Vec<ScanColumn>,
    /// The question's own fields, where every field is wanted.
    calculated: Vec<(String, FieldRef)>,
}

/// Rows of a page that are decoded at a time: all of their columns are.
const FETCH_BATCH_ROWS: usize = 1_024;

impl Wanted {
    /// The columns of chosen fields; none where every field is wanted.
    fn columns(&self) -> Vec<ScanColumn> {
        self.fields.iter().flatten().chain(&self.calculated).flat_map(|(_, field)| field.columns()).collect()
    }
}

/// A row of a source, and its row of the page.
type RowPair = (usize, usize);

/// Tells one file or batch from another.
fn address(unit: &Unit) -> usize {
    match unit {
        Unit::Memory { batch, .. } => Arc::as_ptr(batch) as usize,
        Unit::RowGroup { segment, .. } => Arc::as_ptr(segment) as usize,
    }
}

fn time_range(unit: &Unit) -> Option<(TimestampNs, TimestampNs)> {
    match unit {
        Unit::Memory { batch, .. } => Some(batch.time_range()),
        Unit::RowGroup { segment, row_group, .. } => {
            let index = segment.system_column(reserved::TIMESTAMP)?;
            match segment.metadata().metadata().row_group(*row_group).column(index).statistics()? {
                parquet::file::statistics::Statistics::Int64(s) => Some((*s.min_opt()?, *s.max_opt()?)),
                _ => None,
            }
        }
    }
}

pub(crate) const ROW_NUMBER: &str = "row number";

pub(crate) fn with_row_numbers(segment: &OpenSegment) -> Result<ArrowReaderMetadata, QueryError> {
    let field: ArrowFieldRef =
        Arc::new(Field::new(ROW_NUMBER, arrow::datatypes::DataType::Int64, false).with_extension_type(RowNumber));
    let options = ArrowReaderOptions::new()
        .with_schema(Arc::clone(segment.metadata().schema()))
        .with_virtual_columns(vec![field])?;
    Ok(ArrowReaderMetadata::try_new(Arc::clone(segment.metadata().metadata()), options)?)
}

fn find_in_memory(
    batch: &StoredBatch,
    dataset: &str,
    predicates: &[Predicate],
    unit: usize,
    stats: &ScanStats,
    page: &mut Page,
) -> Result<(), QueryError> {
    stats.rows.fetch_add(batch.rows() as u64, Ordering::Relaxed);
    let passing = passing(batch, dataset, predicates)?;
    for row in (0..batch.rows()).filter(|row| passing[*row]) {
        page.offer((batch.events().timestamp().value(row), batch.sequence().value(row)), Place { unit, row });
    }
    Ok(())
}

/// Which rows of a memtable batch pass all predicates.
pub(crate) fn passing(batch: &StoredBatch, dataset: &str, predicates: &[Predicate]) -> Result<Vec<bool>, QueryError> {
    let mut passing = vec![true; batch.rows()];
    for predicate in predicates {
        let arrays = memory_columns(batch, dataset, &predicate.columns, MemoryRows::Range(0, batch.rows()))?;
        let passes = predicate.passes(&scan::record_batch(&predicate.schema, arrays, batch.rows())?)?;
        for (row, passing) in passing.iter_mut().enumerate() {
            *passing &= passes.is_valid(row) && passes.value(row);
        }
    }
    Ok(passing)
}

fn system_name(column: &ScanColumn) -> &'static str {
    match column {
        ScanColumn::Timestamp => reserved::TIMESTAMP,
        ScanColumn::Sequence => reserved::SEQUENCE,
        ScanColumn::Received => reserved::RECEIVED,
        ScanColumn::Dataset => reserved::DATASET,
        ScanColumn::Overflow => reserved::OVERFLOW,
        ScanColumn::SampleRate
        | ScanColumn::Field(..)
        | ScanColumn::Numbered(_)
        | ScanColumn::Overflowing(..)
        | ScanColumn::Calculated(..) => reserved::SAMPLE_RATE,
    }
}

fn put_column(
    cells: &mut Cells,
    name: &str,
    column: &ScanColumn,
    array: &arrow::array::ArrayRef,
    rows: impl Iterator<Item = RowPair>,
) {
    for (from, to) in rows {
        let (value, label) = match column {
            ScanColumn::Timestamp | ScanColumn::Received => {
                (answer::time(array.as_primitive::<Int64Type>().value(from)), "time")
            }
            ScanColumn::Dataset => (answer::scalar(array, from), "string"),
            ScanColumn::Sequence | ScanColumn::SampleRate => (answer::scalar(array, from), "integer"),
            ScanColumn::Field(_, field_type)
            | ScanColumn::Overflowing(_, field_type, _)
            | ScanColumn::Calculated(_, field_type) => (answer::scalar(array, from), field_type.label()),
            // Only groups are found by number.
            ScanColumn::Numbered(_) => continue,
            ScanColumn::Overflow => {
                if array.is_valid(from) {
                    put_overflow(cells, array.as_string_view().value(from), to);
                }
                continue;
            }
        };
        cells.put(name, label, to, value);
    }
}

/// The overflow fields of one event as fields like any others.
fn put_overflow(cells: &mut Cells, text: &str, row: usize) {
    if cells.is_full() {
        return;
    }
    for (name, value) in entries(text) {
        let label = value.field_type().label();
        let value = match value {
            OverflowValue::Boolean(value) => Value::Bool(value),
            OverflowValue::Integer(value) => answer::integer(value),
            OverflowValue::Float(value) => answer::float(value),
            OverflowValue::Text(value) => Value::String(value.into_owned()),
        };
        cells.put(&name, label, row, value);
    }
}

/// The columns to show of a source whose fields are `own`, with their names.
fn columns_of(wanted: &Wanted, own: impl Iterator<Item = (FieldName, FieldType)>) -> Vec<(String, ScanColumn)> {
    let mut columns: Vec<(String, ScanColumn)> =
        wanted.system.iter().map(|c| (system_name(c).to_owned(), c.clone())).collect();
    match &wanted.fields {
        Some(fields) => {
            let mut seen = BTreeSet::new();
            for (name, field) in fields.iter().filter(|(name, _)| seen.insert(name.clone())) {
                columns.extend(field.columns().into_iter().map(|c| (name.clone(), c)));
            }
        }
        None => {
            columns.extend(own.map(|(field, t)| match field.as_str() {
                reserved::OVERFLOW => (reserved::OVERFLOW.to_owned(), ScanColumn::Overflow),
                name => (name.to_owned(), ScanColumn::Field(field, t)),
            }));
            for (name, field) in &wanted.calculated {
                columns.retain(|(own, _)| own != name);
                columns.extend(field.columns().into_iter().map(|c| (name.clone(), c)));
            }
        }
    }
    columns
}

fn fetch_from_memory(
    batch: &StoredBatch,
    dataset: &str,
    wanted: &Wanted,
    rows: &[RowPair],
    cells: &mut Cells,
) -> Result<(), QueryError> {
    let own = batch.events().columns().iter().map(|c| (c.field.clone(), c.field_type));
    let these = UInt32Array::from_iter_values(rows.iter().map(|(from, _)| *from as u32));
    for (name, column) in columns_of(wanted, own) {
        if cells.is_full() {
            return Ok(());
        }
        let array = memory_column(batch, dataset, &column, MemoryRows::These(&these))?;
        put_column(cells, &name, &column, &array, rows.iter().enumerate().map(|(at, (_, to))| (at, *to)));
    }
    Ok(())
}

fn fetch_from_segment(
    segment: &Arc<OpenSegment>,
    dataset: &str,
    wanted: &Wanted,
    rows: &[RowPair],
    cells: &mut Cells,
) -> Result<(), QueryError> {
    let segment = &*if wanted.fields.is_none() { segment.whole()? } else { Arc::clone(segment) };
    let own = segment.footer().fields.iter().filter_map(|f| f.key());
    let mut columns = columns_of(wanted, own);
    columns.retain(|(_, column)| has_values(segment, column, rows));
    let (some, others) = columns.split_at(columns.len() / 2);
    let reader = |columns: &[(String, ScanColumn)]| {
        let scanned: Vec<ScanColumn> = columns.iter().map(|(_, c)| c.clone()).collect();
        let mask = ProjectionMask::roots(segment.metadata().parquet_schema(), indexes(segment, &scanned));
        // Batches of many rows cost their capacity in every column, however few rows come out.
        ParquetRecordBatchReaderBuilder::new_with_metadata(segment.bytes(), segment.metadata().clone())
            .with_projection(mask)
            .with_batch_size(rows.len().clamp(1, FETCH_BATCH_ROWS))
            .with_row_selection(select_rows(rows))
            .build()
    };
    let (mut some_reader, mut other_reader) = (reader(some)?, reader(others)?);
    let mut done = 0;
    while let (Some(some_batch), Some(other_batch)) = both(|| some_reader.next(), || other_reader.next()) {
        let (some_batch, other_batch) = (some_batch?, other_batch?);
        for (batch, columns) in [(&some_batch, some), (&other_batch, others)] {
            for (name, column) in columns {
                if cells.is_full() {
                    return Ok(());
                }
                let array = segment_column(batch, segment, dataset, column)?;
                put_column(cells, name, column, &array, (0..batch.num_rows()).map(|at| (at, rows[done + at].1)));
            }
        }
        done += some_batch.num_rows();
    }
    Ok(())
}

/// Does two things at once: whole events have hundreds of columns, and each is decompressed by itself.
fn both<A, B: Send>(one: impl FnOnce() -> A, other: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|scope| {
        let other = scope.spawn(other);
        (one(), other.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Whether one of the pages that sorted rows of a file lie in has a value of a column, as far as the page index says:
/// whole events have few of the fields that all have together, and every page that is read is decompressed.
fn has_values(segment: &OpenSegment, column: &ScanColumn, rows: &[RowPair]) -> bool {
    let ScanColumn::Field(field, field_type) = column else { return true };
    let Some(index) = segment.column(field, *field_type) else { return true };
    let metadata = segment.metadata().metadata();
    let (Some(pages), Some(places)) = (metadata.column_index(), metadata.offset_index()) else { return true };
    let mut rows = rows.iter().map(|(row, _)| *row).peekable();
    let mut group_begin = 0;
    for (at, group) in metadata.row_groups().iter().enumerate() {
        let group_end = group_begin + group.num_rows() as usize;
        let (locations, pages) = (places[at][index].page_locations(), &pages[at][index]);
        if matches!(pages, ColumnIndexMetaData::NONE) || pages.num_pages() != locations.len() as u64 {
            return true;
        }
        while let Some(row) = rows.next_if(|row| *row < group_end) {
            let row = (row - group_begin) as i64;
            let page = locations.partition_point(|page| page.first_row_index <= row).saturating_sub(1);
            if !pages.is_null_page(page) {
                return true;
            }
        }
        group_begin = group_end;
    }
    false
}

/// The selection of sorted rows of a file.
fn select_rows(rows: &[RowPair]) -> RowSelection {
    let mut selectors = Vec::with_capacity(2 * rows.len());
    let mut at = 0;
    for (row, _) in rows {
        if *row > at {
            selectors.push(RowSelector::skip(row - at));
        }
        selectors.push(RowSelector::select(1));
        at = row + 1;
    }
    RowSelection::from(selectors)
}
