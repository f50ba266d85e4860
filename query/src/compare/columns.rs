//! Columns of parts as arrays, batch by batch: text as dictionaries where the file has them, so that codes are counted and
//! not strings. It must not know what is counted.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use outcrop_storage::OpenSegment;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};

use super::sides::{Sides, Source};
use super::workers::Workers;
use crate::error::QueryError;
use crate::limits;
use crate::prune::column_index;
use crate::scan::{ScanStats, indexes, memory_column, record_batch, segment_column};
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
                let array = |c: &ScanColumn| memory_column(batch, dataset, c, rows.start, rows.len());
                call(&arrays(columns, array)?, &rows.collect::<Vec<usize>>())?;
            }
        }
        Source::RowGroup { segment, row_group } => {
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
    let Some(selection) = selection else { return Vec::from([0..rows]) };
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

/// How each segment's columns are read.
#[derive(Debug)]
pub(crate) struct Columns<'a> {
    scope: &'a Scope,
    sides: &'a Sides,
    metadata: HashMap<usize, ArrowReaderMetadata>,
    stats: &'a ScanStats,
}

/// The rows of a part that are read, in order.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// None reads all of them.
    pub(crate) selection: Option<RowSelection>,
    pub(crate) count: usize,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(scope: &'a Scope, sides: &'a Sides, stats: &'a ScanStats) -> Result<Columns<'a>, QueryError> {
        let mut metadata = HashMap::new();
        for part in &sides.parts {
            if let Source::RowGroup { segment, .. } = &part.source
                && !metadata.contains_key(&address(segment))
            {
                metadata.insert(address(segment), with_dictionaries(segment)?);
            }
        }
        Ok(Columns { scope, sides, metadata, stats })
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
        match &part.source {
            Source::Memory(batch) => {
                let name = self.scope.datasets[part.dataset].name.as_str();
                let events = batch.events();
                let has = |column: &ScanColumn| match column {
                    ScanColumn::Field(field, t) => {
                        events.columns().iter().any(|c| c.field_type == *t && c.field == *field)
                    }
                    _ => true,
                };
                let present: Vec<bool> = columns.iter().map(has).collect();
                if !present.contains(&true) {
                    return Ok(());
                }
                let mut at = 0;
                for range in ranges(rows.selection.as_ref(), part.rows()) {
                    for from in range.clone().step_by(limits::BATCH_ROWS) {
                        workers.check()?;
                        let count = limits::BATCH_ROWS.min(range.end - from);
                        let array = |(c, present): (&ScanColumn, &bool)| {
                            present.then(|| memory_column(batch, name, c, from, count)).transpose()
                        };
                        let arrays: Vec<Option<ArrayRef>> =
                            columns.iter().zip(&present).map(array).collect::<Result<_, _>>()?;
                        call(at, &arrays)?;
                        at += count;
                    }
                }
                Ok(())
            }
            Source::RowGroup { segment, row_group } => {
                self.read_row_group(segment, *row_group, columns, rows, workers, call)
            }
        }
    }

    fn read_row_group(
        &self,
        segment: &Arc<OpenSegment>,
        row_group: usize,
        columns: &[ScanColumn],
        rows: &Rows,
        workers: &Workers,
        mut call: impl FnMut(usize, &[Option<ArrayRef>]) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let group = segment.metadata().metadata().row_group(row_group);
        // Chunks of this row group without a value are not worth opening.
        let filled = |index: &usize| {
            let statistics = group.column(*index).statistics();
            statistics.and_then(|s| s.null_count_opt()).is_none_or(|nulls| nulls < group.num_rows() as u64)
        };
        let indexes: Vec<Option<usize>> =
            columns.iter().map(|c| column_index(segment, c).filter(|index| filled(index))).collect();
        let in_file: Vec<usize> = indexes.iter().flatten().copied().collect();
        if in_file.is_empty() || rows.count == 0 {
            return Ok(());
        }
        self.stats.note_bytes(group, rows.count, in_file.clone());
        let metadata = self.metadata.get(&address(segment)).ok_or_else(|| QueryError::internal("no metadata"))?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(segment.bytes(), metadata.clone())
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

    /// Whether every row of every part has a value in these columns, by the files' own statistics.
    pub(crate) fn always_present(&self, columns: &[ScanColumn]) -> bool {
        let [column] = columns else { return false };
        self.sides.parts.iter().all(|part| match &part.source {
            Source::Memory(batch) => match column {
                ScanColumn::Field(field, t) => {
                    let mut own = batch.events().columns().iter();
                    own.any(|c| c.field_type == *t && c.field == *field && c.values.null_count() == 0)
                }
                _ => true,
            },
            Source::RowGroup { segment, row_group } => column_index(segment, column).is_some_and(|index| {
                let chunk = segment.metadata().metadata().row_group(*row_group).column(index);
                chunk.statistics().and_then(|s| s.null_count_opt()) == Some(0)
            }),
        })
    }
}

fn address(segment: &Arc<OpenSegment>) -> usize {
    Arc::as_ptr(segment) as usize
}

/// The file's columns, text that has dictionaries as such.
fn with_dictionaries(segment: &OpenSegment) -> Result<ArrowReaderMetadata, QueryError> {
    let metadata = segment.metadata();
    let groups = metadata.metadata().row_groups();
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let field = |(at, field): (usize, &Arc<Field>)| {
        let text = matches!(field.data_type(), DataType::Utf8 | DataType::Utf8View);
        let coded = text && groups.iter().any(|g| g.column(at).dictionary_page_offset().is_some());
        if coded { Arc::new(field.as_ref().clone().with_data_type(dictionary.clone())) } else { Arc::clone(field) }
    };
    let fields: Vec<Arc<Field>> = metadata.schema().fields().iter().enumerate().map(field).collect();
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    Ok(ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?)
}

/// Where a dictionary's values lie: two batches with the same ones have the same codes.
pub(crate) fn dictionary_identity(values: &ArrayRef) -> (usize, usize) {
    (values.as_string::<i32>().value_data().as_ptr() as usize, values.len())
}
