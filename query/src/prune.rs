//! Here are the predicates; which segments and rows could match?
//!
//! 1. A segment whose time range does not touch the question's is skipped without opening a file.
//! 2. Its sidecar says which rows may pass the predicates ([`screen`]): none, and the segment is skipped before its footer
//!    is read, or ranges of rows. A segment without a sidecar keeps all of them.
//! 3. A segment that lacks every column of a predicate is skipped if the predicate fails for absent values.
//! 4. Row groups are skipped by their statistics, then pages by theirs: what is left is a selection of row ranges.
//!
//! Pruning may keep too much and never too little; [`fate`] is why each segment was kept or not. It must not read data
//! pages.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt64Array, new_null_array};
use arrow::datatypes::{DataType, Int64Type, SchemaRef, TimestampNanosecondType};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, ScalarValue};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use outcrop_storage::event::{FieldName, FieldType, reserved};
use outcrop_storage::index::RowSet;
use outcrop_storage::{DatasetSnapshot, OpenSegment, Segment, StoreError, StoredBatch};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

use crate::missing;
use crate::scope::{ScanColumn, schema_of};
use crate::spec::TimeRange;

mod fate;
mod screen;
#[cfg(test)]
mod tests;

pub(crate) use fate::{Fate, SegmentFate};
use screen::{Screen, hold_all};

/// One conjunct of the filter over columns of its own.
#[derive(Clone, Debug)]
pub(crate) struct Predicate {
    pub(crate) columns: Vec<ScanColumn>,
    pub(crate) schema: SchemaRef,
    /// Its column indexes are those of `schema`.
    pub(crate) expression: Arc<dyn PhysicalExpr>,
    evidence: Option<Arc<PruningPredicate>>,
    screen: Screen,
    /// Whether this is the question's time range, which a row group may lie within.
    pub(crate) time_range: bool,
}

impl Predicate {
    pub(crate) fn new(columns: Vec<ScanColumn>, expression: Arc<dyn PhysicalExpr>, time_range: bool) -> Predicate {
        let schema = schema_of(&columns);
        let evidence = PruningPredicateBuilder::new()
            .with_file_schema(Arc::clone(&schema))
            .try_build(Arc::clone(&expression))
            .ok();
        let evidence = evidence.filter(|e| !e.always_true()).map(Arc::new);
        let screen = Screen::new(&expression, &columns);
        Predicate { columns, schema, expression, evidence, screen, time_range }
    }

    /// Which of a batch's rows pass; the batch has this predicate's columns.
    pub(crate) fn passes(&self, batch: &RecordBatch) -> datafusion::common::Result<BooleanArray> {
        let value = self.expression.evaluate(batch)?.into_array(batch.num_rows())?;
        Ok(value.as_boolean().clone())
    }

    /// Whether an event passes that has none of the columns.
    fn passes_absent(&self) -> bool {
        let nulls: Vec<ArrayRef> = self.schema.fields().iter().map(|f| new_null_array(f.data_type(), 1)).collect();
        let fields: Vec<_> = self.schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
        let batch = RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(fields)), nulls);
        let Ok(batch) = batch else { return true };
        self.passes(&batch).map_or(true, |passes| passes.is_valid(0) && passes.value(0))
    }
}

/// A piece of work for the scan.
#[derive(Debug)]
pub(crate) enum Unit {
    Memory { dataset: usize, batch: Arc<StoredBatch> },
    RowGroup { dataset: usize, segment: Arc<OpenSegment>, row_group: usize, selection: Option<RowSelection> },
}

/// What is left to read, and what became of every segment.
#[derive(Debug, Default)]
pub(crate) struct Pruned {
    pub(crate) units: VecDeque<Unit>,
    pub(crate) segments: Vec<SegmentFate>,
    /// Segments that may match and cannot be read.
    pub(crate) missing: u64,
}

impl Pruned {
    pub(crate) fn skipped_by_time(&self) -> u64 {
        self.count(|fate| matches!(fate, Fate::OutsideTime))
    }

    pub(crate) fn scanned(&self) -> u64 {
        self.count(|fate| matches!(fate, Fate::Kept { .. }))
    }

    pub(crate) fn skipped_by_index(&self) -> u64 {
        self.segments.len() as u64 - self.skipped_by_time() - self.scanned()
    }

    fn count(&self, which: impl Fn(&Fate) -> bool) -> u64 {
        self.segments.iter().filter(|segment| which(&segment.fate)).count() as u64
    }
}

/// The units are opened for `columns` and those of the predicates.
pub(crate) fn prune(
    datasets: &[DatasetSnapshot],
    range: TimeRange,
    predicates: &[Predicate],
    columns: &[ScanColumn],
) -> Result<Pruned, StoreError> {
    let mut pruned = Pruned::default();
    let opened = physical(columns.iter().chain(predicates.iter().flat_map(|p| &p.columns)));
    for (at, dataset) in datasets.iter().enumerate() {
        for batch in &dataset.memtable {
            let (min, max) = batch.time_range();
            if range.overlaps(min, max) {
                pruned.units.push_back(Unit::Memory { dataset: at, batch: Arc::clone(batch) });
            }
        }
        pruned.missing += missing::set_aside(dataset, range).count() as u64;
        for segment in dataset.segments.iter() {
            let (fate, units) = match prune_segment(at, segment, range, predicates, &opened)? {
                Ok(units) => (Fate::Kept { rows: selected(&units), of: segment.info().rows }, units),
                Err(fate) => (fate, Vec::new()),
            };
            pruned.units.extend(units);
            pruned.segments.push(SegmentFate { dataset: at, segment: segment.info().id, fate });
        }
    }
    Ok(pruned)
}

fn selected(units: &[Unit]) -> u64 {
    let rows = |unit: &Unit| match unit {
        Unit::Memory { batch, .. } => batch.rows() as u64,
        Unit::RowGroup { segment, row_group, selection, .. } => match selection {
            Some(selection) => selection.row_count() as u64,
            None => segment.metadata().metadata().row_group(*row_group).num_rows() as u64,
        },
    };
    units.iter().map(rows).sum()
}

/// What is left of one segment, or why nothing is.
fn prune_segment(
    dataset: usize,
    segment: &Segment,
    range: TimeRange,
    predicates: &[Predicate],
    opened: &[(FieldName, FieldType)],
) -> Result<Result<Vec<Unit>, Fate>, StoreError> {
    let info = segment.info();
    if !range.overlaps(info.time_min, info.time_max) {
        return Ok(Err(Fate::OutsideTime));
    }
    let kept = match by_sidecar(segment, range, predicates) {
        Ok(kept) => kept,
        Err(fate) => return Ok(Err(fate)),
    };
    let units = segment_units(dataset, &segment.open_columns(opened)?, predicates, kept.as_ref());
    Ok(if units.is_empty() { Err(Fate::Statistics) } else { Ok(units) })
}

/// The rows that the evidence leaves; `None` if there is no evidence, or none that helps. A sidecar that turns out damaged is
/// none: the store reports it.
fn by_sidecar(segment: &Segment, range: TimeRange, predicates: &[Predicate]) -> Result<Option<RowSet>, Fate> {
    let screens = || predicates.iter().map(|p| &p.screen).filter(|screen| !screen.is_any());
    if screens().next().is_none() {
        return Ok(None);
    }
    let Some(sidecar) = segment.sidecar() else { return Ok(None) };
    let in_time = sidecar.rows_in_time(range.start, range.end);
    if in_time.is_empty() {
        return Err(Fate::OutsideTime);
    }
    let parts = std::iter::once(Ok(Ok(in_time))).chain(screens().map(|screen| screen.hold(&sidecar)));
    match hold_all(parts, &sidecar) {
        Ok(Ok(rows)) => Ok((!rows.is_all()).then_some(rows)),
        Ok(Err(fate)) => Err(fate),
        Err(_damage) => Ok(None),
    }
}

fn segment_units(
    dataset: usize,
    segment: &Arc<OpenSegment>,
    predicates: &[Predicate],
    kept: Option<&RowSet>,
) -> Vec<Unit> {
    for predicate in predicates {
        let has_column = predicate.columns.iter().any(|c| !is_absent(segment, c));
        if !has_column && !predicate.passes_absent() {
            return Vec::new();
        }
    }
    let selections = by_row_group(segment, kept);
    let mut kept: Vec<bool> = selections.iter().map(|s| s.as_ref().is_none_or(RowSelection::selects_any)).collect();
    for evidence in predicates.iter().filter_map(|p| Some((p, p.evidence.as_ref()?))) {
        let statistics = RowGroups { segment, columns: &evidence.0.columns };
        if let Ok(passes) = evidence.1.prune(&statistics) {
            kept.iter_mut().zip(passes).for_each(|(kept, passes)| *kept &= passes);
        }
    }
    let row_groups = selections.into_iter().enumerate().filter(|(group, _)| kept[*group]);
    row_groups.filter_map(|(group, rows)| row_group_unit(dataset, segment, group, rows, predicates)).collect()
}

/// The rows kept of each row group; `None` where all of them are.
fn by_row_group(segment: &OpenSegment, kept: Option<&RowSet>) -> Vec<Option<RowSelection>> {
    let groups = segment.metadata().metadata().row_groups().iter().map(|group| group.num_rows() as usize);
    let Some(kept) = kept else { return groups.map(|_| None).collect() };
    let ranges: Vec<Range<usize>> = kept.ranges().iter().map(|r| r.start as usize..r.end as usize).collect();
    let mut start = 0;
    let within = |rows: usize| {
        let end = start + rows;
        let first = ranges.partition_point(|range| range.end <= start);
        let own = ranges[first..].iter().take_while(|range| range.start < end);
        let own = own.map(|range| range.start.max(start) - start..range.end.min(end) - start);
        let selection = RowSelection::from_consecutive_ranges(own, rows);
        start = end;
        (selection.row_count() < rows).then_some(selection)
    };
    groups.map(within).collect()
}

fn row_group_unit(
    dataset: usize,
    segment: &Arc<OpenSegment>,
    row_group: usize,
    mut selection: Option<RowSelection>,
    predicates: &[Predicate],
) -> Option<Unit> {
    for predicate in predicates {
        let Some(pages) = page_selection(segment, row_group, predicate) else { continue };
        selection = Some(match selection {
            Some(selection) => selection.intersection(&pages),
            None => pages,
        });
    }
    if selection.as_ref().is_some_and(|s| !s.selects_any()) {
        return None;
    }
    Some(Unit::RowGroup { dataset, segment: Arc::clone(segment), row_group, selection })
}

/// The rows of pages that may match a predicate on one column; none if all may.
fn page_selection(segment: &OpenSegment, row_group: usize, predicate: &Predicate) -> Option<RowSelection> {
    let [column] = predicate.columns.as_slice() else { return None };
    let statistics = Pages::new(segment, row_group, column)?;
    let passes = predicate.evidence.as_ref()?.prune(&statistics).ok()?;
    if passes.iter().all(|p| *p) {
        return None;
    }
    let rows = statistics.rows.values();
    let selectors = passes.into_iter().zip(rows).map(|(passes, rows)| {
        let rows = *rows as usize;
        if passes { RowSelector::select(rows) } else { RowSelector::skip(rows) }
    });
    Some(RowSelection::from(selectors.collect::<Vec<_>>()))
}

/// The fields and types whose columns scan columns are made of.
pub(crate) fn physical<'c>(columns: impl Iterator<Item = &'c ScanColumn>) -> Vec<(FieldName, FieldType)> {
    let overflow = || Some((FieldName::trusted(reserved::OVERFLOW), FieldType::String));
    let parts = columns.flat_map(ScanColumn::read).flat_map(|column| match column {
        ScanColumn::Field(field, field_type) => [Some((field.clone(), *field_type)), None],
        ScanColumn::Numbered(field) => [Some((field.clone(), FieldType::String)), None],
        ScanColumn::Overflowing(field, field_type, _) => [Some((field.clone(), *field_type)), overflow()],
        ScanColumn::Overflow => [overflow(), None],
        ScanColumn::Timestamp
        | ScanColumn::Sequence
        | ScanColumn::Received
        | ScanColumn::Dataset
        | ScanColumn::Calculated(..)
        | ScanColumn::SampleRate => [None, None],
    });
    parts.flatten().collect()
}

/// The position of a scan column in a segment's file.
pub(crate) fn column_index(segment: &OpenSegment, column: &ScanColumn) -> Option<usize> {
    match column {
        ScanColumn::Timestamp => segment.system_column(reserved::TIMESTAMP),
        ScanColumn::Sequence => segment.system_column(reserved::SEQUENCE),
        ScanColumn::Received => segment.system_column(reserved::RECEIVED),
        ScanColumn::SampleRate => segment.system_column(reserved::SAMPLE_RATE),
        ScanColumn::Dataset | ScanColumn::Calculated(..) => None,
        ScanColumn::Field(field, field_type) | ScanColumn::Overflowing(field, field_type, _) => {
            segment.column(field, *field_type)
        }
        ScanColumn::Numbered(field) => segment.column(field, FieldType::String),
        ScanColumn::Overflow => overflow_index(segment),
    }
}

/// The position of the overflow column if a scan column's values may lie there, as far as the segment knows.
pub(crate) fn overflow_of(segment: &OpenSegment, column: &ScanColumn) -> Option<usize> {
    let ScanColumn::Overflowing(_, _, (min, max)) = column else { return None };
    let footer = segment.footer();
    let overlaps = footer.time_min <= *max && footer.time_max >= *min;
    overflow_index(segment).filter(|_| overlaps)
}

fn overflow_index(segment: &OpenSegment) -> Option<usize> {
    segment.column(&FieldName::trusted(reserved::OVERFLOW), FieldType::String)
}

/// Whether no event of a segment has a value in a scan column.
fn is_absent(segment: &OpenSegment, column: &ScanColumn) -> bool {
    if let ScanColumn::Calculated(calculated, field_type) = column {
        return !calculated.has_without(*field_type) && calculated.columns().iter().all(|c| is_absent(segment, c));
    }
    column.nullable() && column_index(segment, column).is_none() && overflow_of(segment, column).is_none()
}

fn find<'a>(columns: &'a [ScanColumn], column: &Column) -> Option<&'a ScanColumn> {
    columns.iter().find(|c| c.name() == column.name)
}

/// The statistics of a column; none where values may lie in overflow beside it.
fn converter<'a>(segment: &'a OpenSegment, column: &ScanColumn) -> Option<StatisticsConverter<'a>> {
    if overflow_of(segment, column).is_some() {
        return None;
    }
    let index = column_index(segment, column)?;
    let metadata = segment.metadata();
    StatisticsConverter::from_column_index(index, metadata.schema().field(index), metadata.parquet_schema()).ok()
}

/// Statistics in the type that the scan delivers the column in.
fn as_scanned(array: ArrayRef) -> Option<ArrayRef> {
    Some(match array.data_type() {
        DataType::Timestamp(..) => {
            Arc::new(array.as_primitive::<TimestampNanosecondType>().reinterpret_cast::<Int64Type>())
        }
        DataType::UInt64 | DataType::UInt32 => arrow::compute::cast(&array, &DataType::Int64).ok()?,
        _ => array,
    })
}

/// Every row group of a segment.
struct RowGroups<'a> {
    segment: &'a OpenSegment,
    columns: &'a [ScanColumn],
}

impl RowGroups<'_> {
    fn bound(
        &self,
        column: &Column,
        of: impl Fn(&StatisticsConverter<'_>) -> parquet::errors::Result<ArrayRef>,
    ) -> Option<ArrayRef> {
        let column = find(self.columns, column)?;
        match converter(self.segment, column) {
            Some(converter) => as_scanned(of(&converter).ok()?),
            None if is_absent(self.segment, column) => Some(new_null_array(&column.data_type(), self.num_containers())),
            None => None,
        }
    }
}

impl PruningStatistics for RowGroups<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bound(column, |c| c.row_group_mins(self.segment.metadata().metadata().row_groups()))
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bound(column, |c| c.row_group_maxes(self.segment.metadata().metadata().row_groups()))
    }

    fn num_containers(&self) -> usize {
        self.segment.metadata().metadata().num_row_groups()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let column = find(self.columns, column)?;
        match converter(self.segment, column) {
            Some(converter) => {
                Some(Arc::new(converter.row_group_null_counts(self.segment.metadata().metadata().row_groups()).ok()?))
            }
            None if is_absent(self.segment, column) => self.row_counts(),
            None => None,
        }
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let groups = self.segment.metadata().metadata().row_groups();
        Some(Arc::new(UInt64Array::from_iter_values(groups.iter().map(|g| g.num_rows() as u64))))
    }

    fn contained(&self, _: &Column, _: &std::collections::HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

/// The pages of one column in one row group.
struct Pages {
    mins: Option<ArrayRef>,
    maxes: Option<ArrayRef>,
    nulls: Option<ArrayRef>,
    rows: UInt64Array,
}

impl Pages {
    fn new(segment: &OpenSegment, row_group: usize, column: &ScanColumn) -> Option<Pages> {
        let metadata = segment.metadata().metadata();
        let converter = converter(segment, column)?;
        let (column_index, offset_index) = (metadata.column_index()?, metadata.offset_index()?);
        let groups = [row_group];
        let rows = converter.data_page_row_counts(offset_index, metadata.row_groups(), &groups).ok()??;
        let nulls = converter.data_page_null_counts(column_index, offset_index, &groups).ok();
        Some(Pages {
            mins: converter.data_page_mins(column_index, offset_index, &groups).ok().and_then(as_scanned),
            maxes: converter.data_page_maxes(column_index, offset_index, &groups).ok().and_then(as_scanned),
            nulls: nulls.map(|n| Arc::new(n) as ArrayRef),
            rows,
        })
    }
}

impl PruningStatistics for Pages {
    fn min_values(&self, _: &Column) -> Option<ArrayRef> {
        self.mins.clone()
    }

    fn max_values(&self, _: &Column) -> Option<ArrayRef> {
        self.maxes.clone()
    }

    fn num_containers(&self) -> usize {
        self.rows.len()
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        self.nulls.clone()
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(self.rows.clone()))
    }

    fn contained(&self, _: &Column, _: &std::collections::HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
