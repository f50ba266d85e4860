//! Columns of parts as arrays, batch by batch: text as dictionaries where the file has them, so that codes are counted and
//! not strings. It must not know what is counted.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use outcrop_storage::paths::SegmentId;
use outcrop_storage::{OpenSegment, Segment};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::file::metadata::RowGroupMetaData;

use super::sides::{Sides, Source};
use super::workers::Workers;
use crate::error::QueryError;
use crate::limits;
use crate::prune::{self, column_index};
use crate::scan::{MemoryRows, ScanStats, coded, indexes, memory_column, record_batch, segment_column};
use crate::scope::{ScanColumn, Scope};

/// Columns as filters see them, by name.
pub(crate) type Arrays = HashMap<ScanColumn, ArrayRef>;

/// Calls with batches of a source's columns, as filters see them, and the rows that each has.
pub(crate) fn scan(
    source: &Source,
    dataset: &str,
    columns: &[ScanColumn],
    selection: Option<&RowSelection>,
    workers: &Workers,
    mut call: impl FnMut(&Arrays, &[usize]) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let pieces = |rows: usize| {
        let pieces = |range: Range<usize>| {
            let end = range.end;
            range.step_by(limits::BATCH_ROWS).map(move |from| from..end.min(from + limits::BATCH_ROWS))
        };
        ranges(selection, rows).into_iter().flat_map(pieces)
    };
    match source {
        Source::Memory(batch) => {
            for rows in pieces(batch.rows()) {
                workers.check()?;
                let array =
                    |c: &ScanColumn| memory_column(batch, dataset, c, MemoryRows::Range(rows.start, rows.len()));
                call(&arrays(columns, array)?, &rows.collect::<Vec<usize>>())?;
            }
        }
        Source::RowGroup { open: segment, row_group, .. } => {
            let rows = segment.metadata().metadata().row_group(*row_group).num_rows() as usize;
            let in_file = indexes(segment, columns);
            if in_file.is_empty() {
                for rows in pieces(rows) {
                    workers.check()?;
                    let nothing = record_batch(&Arc::new(Schema::empty()), Vec::new(), rows.len())?;
                    let array = |c: &ScanColumn| segment_column(&nothing, segment, dataset, c);
                    call(&arrays(columns, array)?, &rows.collect::<Vec<usize>>())?;
                }
                return Ok(());
            }
            let metadata = segment.metadata();
            let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(segment.bytes(), metadata.clone())
                .with_row_groups(vec![*row_group])
                .with_batch_size(limits::BATCH_ROWS)
                .with_projection(ProjectionMask::roots(metadata.parquet_schema(), in_file));
            if let Some(selection) = selection {
                builder = builder.with_row_selection(selection.clone());
            }
            let mut places = ranges(selection, rows).into_iter().flatten();
            for batch in builder.build()? {
                workers.check()?;
                let batch = batch?;
                let array = |c: &ScanColumn| segment_column(&batch, segment, dataset, c);
                let rows: Vec<usize> = places.by_ref().take(batch.num_rows()).collect();
                call(&arrays(columns, array)?, &rows)?;
            }
        }
    }
    Ok(())
}

fn arrays(
    columns: &[ScanColumn],
    array: impl Fn(&ScanColumn) -> datafusion::common::Result<ArrayRef>,
) -> Result<Arrays, QueryError> {
    columns.iter().map(|c| Ok((c.clone(), array(c)?))).collect()
}

/// The ranges of rows that a selection selects.
fn ranges(selection: Option<&RowSelection>, rows: usize) -> Vec<Range<usize>> {
    let Some(selection) = selection else { return std::iter::once(0..rows).collect() };
    let mut at = 0;
    let mut ranges = Vec::new();
    for selector in selection.iter() {
        if !selector.skip {
            ranges.push(at..at + selector.row_count);
        }
        at += selector.row_count;
    }
    ranges
}

/// A source opened for these columns: of a wide segment only those can be read.
pub(crate) fn opened(source: &Source, columns: &[ScanColumn]) -> Result<Source, QueryError> {
    let Source::RowGroup { segment, row_group, .. } = source else { return Ok(source.clone()) };
    let open = segment.open_columns(&prune::physical(columns.iter()))?;
    Ok(Source::RowGroup { segment: Arc::clone(segment), open, row_group: *row_group })
}

/// Columns of parts, read for counting.
#[derive(Debug)]
pub(crate) struct Columns<'a> {
    scope: &'a Scope,
    sides: &'a Sides,
    stats: &'a ScanStats,
    /// By segment, of those that were opened whole: how to read its columns with dictionaries.
    metadata: Mutex<HashMap<SegmentId, ArrowReaderMetadata>>,
}

/// The rows of a part that are read, in order.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// None reads all of them.
    pub(crate) selection: Option<RowSelection>,
    pub(crate) count: usize,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(scope: &'a Scope, sides: &'a Sides, stats: &'a ScanStats) -> Columns<'a> {
        Columns { scope, sides, stats, metadata: Mutex::default() }
    }

    /// Calls with batches of a part's columns, each with the number of its first row among those read. A column that the
    /// part does not have is none.
    pub(crate) fn read(
        &self,
        part: usize,
        columns: &[ScanColumn],
        rows: &Rows,
        workers: &Workers,
        mut call: impl FnMut(usize, &[Option<ArrayRef>]) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let part = &self.sides.parts[part];
        if columns.is_empty() || rows.count == 0 {
            return Ok(());
        }
        let source = opened(&part.source, columns)?;
        let made = columns.iter().any(|c| matches!(c, ScanColumn::Overflowing(..) | ScanColumn::Calculated(..)));
        match &source {
            Source::RowGroup { segment, open, row_group } if !made => {
                self.read_row_group((segment, open), *row_group, columns, rows, workers, call)
            }
            _ => {
                let has: Vec<bool> = columns.iter().map(|c| may_have(&source, c)).collect();
                if !has.contains(&true) {
                    return Ok(());
                }
                let read: Vec<ScanColumn> =
                    columns.iter().zip(&has).filter(|(_, has)| **has).map(|(c, _)| c.clone()).collect();
                let name = self.scope.datasets[part.dataset].name.as_str();
                let mut at = 0;
                scan(&source, name, &read, rows.selection.as_ref(), workers, |arrays, rows| {
                    let found: Vec<Option<ArrayRef>> = columns.iter().map(|c| arrays.get(c).cloned()).collect();
                    call(at, &found)?;
                    at += rows.len();
                    Ok(())
                })
            }
        }
    }

    fn read_row_group(
        &self,
        (segment, open): (&Segment, &OpenSegment),
        row_group: usize,
        columns: &[ScanColumn],
        rows: &Rows,
        workers: &Workers,
        mut call: impl FnMut(usize, &[Option<ArrayRef>]) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let group = open.metadata().metadata().row_group(row_group);
        // Chunks of this row group without a value are not worth reading.
        let filled = |index: &usize| nulls(group, *index).is_none_or(|nulls| nulls < group.num_rows() as u64);
        let indexes: Vec<Option<usize>> = columns.iter().map(|c| column_index(open, c).filter(filled)).collect();
        let in_file: Vec<usize> = indexes.iter().flatten().copied().collect();
        if in_file.is_empty() {
            return Ok(());
        }
        self.stats.note_bytes(group, rows.count, in_file.clone());
        let metadata = self.with_dictionaries(segment, open, columns.len())?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(open.bytes(), metadata.clone())
            .with_row_groups(vec![row_group])
            .with_batch_size(limits::BATCH_ROWS)
            .with_projection(ProjectionMask::roots(metadata.parquet_schema(), in_file));
        if let Some(selection) = &rows.selection {
            builder = builder.with_row_selection(selection.clone());
        }
        let mut at = 0;
        for batch in builder.build()? {
            workers.check()?;
            let batch: RecordBatch = batch?;
            let array = |index: &Option<usize>| {
                let name = metadata.schema().field((*index)?).name();
                batch.column_by_name(name).cloned()
            };
            let arrays: Vec<Option<ArrayRef>> = indexes.iter().map(array).collect();
            call(at, &arrays)?;
            at += batch.num_rows();
        }
        Ok(())
    }

    /// How to read a segment's columns, text that has dictionaries as such. Made once of a segment that was opened whole.
    fn with_dictionaries(
        &self,
        segment: &Segment,
        open: &OpenSegment,
        asked: usize,
    ) -> Result<ArrowReaderMetadata, QueryError> {
        if open.metadata().schema().fields().len() <= asked + STORE_COLUMNS {
            return with_dictionaries(open);
        }
        let mut known = self.metadata.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metadata) = known.get(&segment.info().id) {
            return Ok(metadata.clone());
        }
        let metadata = with_dictionaries(open)?;
        known.insert(segment.info().id, metadata.clone());
        Ok(metadata)
    }

    /// Whether every row of every part has a value in these columns, by the files' own statistics.
    pub(crate) fn always_present(&self, columns: &[ScanColumn]) -> Result<bool, QueryError> {
        let [column @ ScanColumn::Field(field, field_type)] = columns else { return Ok(false) };
        for part in &self.sides.parts {
            let present = match opened(&part.source, columns)? {
                Source::Memory(batch) => {
                    batch.events().column(field.as_str(), *field_type).is_some_and(|values| values.null_count() == 0)
                }
                Source::RowGroup { open, row_group, .. } => {
                    let group = open.metadata().metadata().row_group(row_group);
                    column_index(&open, column).is_some_and(|index| nulls(group, index) == Some(0))
                }
            };
            if !present {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The store's own columns of a segment, which are opened with any others.
const STORE_COLUMNS: usize = 4;

fn nulls(group: &RowGroupMetaData, column: usize) -> Option<u64> {
    group.column(column).statistics().and_then(|s| s.null_count_opt())
}

/// Whether a source may have values of a column.
fn may_have(source: &Source, column: &ScanColumn) -> bool {
    match (source, column) {
        (Source::Memory(batch), ScanColumn::Field(field, t)) => batch.events().column(field.as_str(), *t).is_some(),
        (Source::Memory(batch), ScanColumn::Overflowing(field, t, _)) => {
            batch.events().column(field.as_str(), *t).is_some() || batch.events().overflow().is_some()
        }
        (Source::RowGroup { open, .. }, ScanColumn::Field(..) | ScanColumn::Overflowing(..)) => {
            !indexes(open, std::slice::from_ref(column)).is_empty()
        }
        (_, ScanColumn::Calculated(..)) => true,
        _ => false,
    }
}

/// The file's columns, text that has dictionaries as such.
fn with_dictionaries(segment: &OpenSegment) -> Result<ArrowReaderMetadata, QueryError> {
    let (schema, groups) = (segment.metadata().schema(), segment.metadata().metadata().row_groups());
    Ok(coded::with_codes(segment, |at| {
        let text = matches!(schema.field(at).data_type(), DataType::Utf8 | DataType::Utf8View);
        text && groups.iter().any(|g| g.column(at).dictionary_page_offset().is_some())
    })?)
}
