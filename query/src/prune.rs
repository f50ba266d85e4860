//! Here are the predicates; which segments and rows could match?
//!
//! 1. A segment whose time range does not touch the question's is skipped without opening its file.
//! 2. A segment that lacks every column of a predicate is skipped if the predicate fails for absent values.
//! 3. Row groups are skipped by their statistics, then pages by theirs: what is left is a selection of row ranges.
//!
//! Pruning may keep too much and never too little. It must not read data pages.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt64Array, new_null_array};
use arrow::datatypes::{DataType, Int64Type, SchemaRef, TimestampNanosecondType};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, ScalarValue};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use outcrop_storage::event::{FieldName, FieldType, reserved};
use outcrop_storage::{DatasetSnapshot, OpenSegment, StoreError, StoredBatch};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

use crate::scope::{ScanColumn, schema_of};
use crate::spec::TimeRange;

/// One conjunct of the filter over columns of its own.
#[derive(Clone, Debug)]
pub(crate) struct Predicate {
    pub(crate) columns: Vec<ScanColumn>,
    pub(crate) schema: SchemaRef,
    /// Its column indexes are those of `schema`.
    pub(crate) expression: Arc<dyn PhysicalExpr>,
    evidence: Option<Arc<PruningPredicate>>,
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
        Predicate { columns, schema, expression, evidence, time_range }
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

/// What is left to read, and how much was not.
#[derive(Debug, Default)]
pub(crate) struct Pruned {
    pub(crate) units: VecDeque<Unit>,
    pub(crate) segments: u64,
    pub(crate) skipped_by_time: u64,
    pub(crate) skipped_by_index: u64,
    pub(crate) scanned: u64,
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
        for segment in dataset.segments.iter() {
            pruned.segments += 1;
            let info = segment.info();
            if !range.overlaps(info.time_min, info.time_max) {
                pruned.skipped_by_time += 1;
                continue;
            }
            let units = segment_units(at, &segment.open_columns(&opened)?, predicates);
            if units.is_empty() {
                pruned.skipped_by_index += 1;
            } else {
                pruned.scanned += 1;
                pruned.units.extend(units);
            }
        }
    }
    Ok(pruned)
}

fn segment_units(dataset: usize, segment: &Arc<OpenSegment>, predicates: &[Predicate]) -> Vec<Unit> {
    for predicate in predicates {
        let has_column = predicate.columns.iter().any(|c| !is_absent(segment, c));
        if !has_column && !predicate.passes_absent() {
            return Vec::new();
        }
    }
    let groups = segment.metadata().metadata().num_row_groups();
    let mut kept = vec![true; groups];
    for evidence in predicates.iter().filter_map(|p| Some((p, p.evidence.as_ref()?))) {
        let statistics = RowGroups { segment, columns: &evidence.0.columns };
        if let Ok(passes) = evidence.1.prune(&statistics) {
            kept.iter_mut().zip(passes).for_each(|(kept, passes)| *kept &= passes);
        }
    }
    let row_groups = (0..groups).filter(|g| kept[*g]);
    row_groups.filter_map(|row_group| row_group_unit(dataset, segment, row_group, predicates)).collect()
}

fn row_group_unit(
    dataset: usize,
    segment: &Arc<OpenSegment>,
    row_group: usize,
    predicates: &[Predicate],
) -> Option<Unit> {
    let mut selection: Option<RowSelection> = None;
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
fn physical<'c>(columns: impl Iterator<Item = &'c ScanColumn>) -> Vec<(FieldName, FieldType)> {
    let overflow = || Some((FieldName::trusted(reserved::OVERFLOW), FieldType::String));
    let parts = columns.flat_map(|column| match column {
        ScanColumn::Field(field, field_type) => [Some((field.clone(), *field_type)), None],
        ScanColumn::Overflowing(field, field_type, _) => [Some((field.clone(), *field_type)), overflow()],
        ScanColumn::Overflow => [overflow(), None],
        ScanColumn::Timestamp
        | ScanColumn::Sequence
        | ScanColumn::Received
        | ScanColumn::Dataset
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
        ScanColumn::Dataset => None,
        ScanColumn::Field(field, field_type) | ScanColumn::Overflowing(field, field_type, _) => {
            segment.column(field, *field_type)
        }
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
