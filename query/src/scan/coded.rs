//! Text that a row group stores as codes of a dictionary: a predicate is asked once for each value, and rows are looked up.
//!
//! Comparing the texts of a million rows costs more than reading them; a column that repeats has a few hundred values.
//! It must not know what is asked, nor which row groups are read.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use datafusion::common::{DataFusionError, Result};
use outcrop_storage::OpenSegment;
use outcrop_storage::event::FieldType;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Encoding;
use parquet::file::metadata::ColumnChunkMetaData;

use super::{column_index, record_batch};
use crate::prune::Predicate;
use crate::scope::ScanColumn;

/// What to read a row group with: the texts that predicates look at alone, and those of which only numbers are wanted, come
/// as codes, if all of their pages have codes. Of a page without, codes would first have to be made.
pub(crate) fn metadata(
    segment: &OpenSegment,
    row_group: usize,
    columns: &[ScanColumn],
    predicates: &[&Predicate],
) -> Result<ArrowReaderMetadata> {
    let metadata = segment.metadata();
    let group = metadata.metadata().row_group(row_group);
    let text = |predicate: &&Predicate| match predicate.columns.as_slice() {
        [column @ ScanColumn::Field(_, FieldType::String)] => column_index(segment, column),
        _ => None,
    };
    let numbered = columns.iter().filter(|column| matches!(column, ScanColumn::Numbered(_)));
    let numbered = numbered.filter_map(|column| column_index(segment, column));
    let texts = predicates.iter().filter_map(text).chain(numbered);
    let coded: Vec<usize> = texts.filter(|at| is_coded(group.column(*at))).collect();
    if coded.is_empty() {
        return Ok(metadata.clone());
    }
    with_codes(segment, |at| coded.contains(&at)).map_err(|e| DataFusionError::External(Box::new(e)))
}

/// The file's columns, those texts as codes, given by position, that are wanted so.
pub(crate) fn with_codes(
    segment: &OpenSegment,
    is_wanted: impl Fn(usize) -> bool,
) -> parquet::errors::Result<ArrowReaderMetadata> {
    let metadata = segment.metadata();
    let codes = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let field = |(at, field): (usize, &Arc<Field>)| match is_wanted(at) {
        true => Arc::new(field.as_ref().clone().with_data_type(codes.clone())),
        false => Arc::clone(field),
    };
    let fields: Vec<Arc<Field>> = metadata.schema().fields().iter().enumerate().map(field).collect();
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
}

fn is_coded(column: &ColumnChunkMetaData) -> bool {
    column.page_encoding_stats_mask().is_some_and(|pages| pages.is_only(Encoding::RLE_DICTIONARY))
}

/// A column as the scan delivers it, which knows no codes.
pub(crate) fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Dictionary(..) => Ok(cast(array, &DataType::Utf8View)?),
        _ => Ok(Arc::clone(array)),
    }
}

/// What a predicate says of each value of the dictionary that it met last.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    values: Option<ArrayRef>,
    /// By code; behind them that of no value at all. None: some value is an error, perhaps one that no row asks for.
    passes: Option<Vec<bool>>,
}

impl Verdicts {
    /// Which rows pass; `array` is the same rows.
    pub(crate) fn of(
        &mut self,
        predicate: &Predicate,
        rows: &DictionaryArray<Int32Type>,
        array: &ArrayRef,
    ) -> Result<BooleanArray> {
        if !self.values.as_ref().is_some_and(|known| is_same(known, rows.values())) {
            self.passes = verdicts(predicate, rows.values()).ok();
            self.values = Some(Arc::clone(rows.values()));
        }
        let Some(verdicts) = &self.passes else {
            return predicate.passes(&record_batch(&predicate.schema, vec![plain(array)?], array.len())?);
        };
        let codes = rows.keys().values();
        let absent = verdicts.last().copied().unwrap_or(false);
        let passes = |code: i32| verdicts.get(code as usize).copied().unwrap_or(false);
        let passes = match rows.keys().nulls() {
            None => BooleanBuffer::collect_bool(codes.len(), |row| passes(codes[row])),
            Some(nulls) => BooleanBuffer::collect_bool(codes.len(), |row| match nulls.is_valid(row) {
                true => passes(codes[row]),
                false => absent,
            }),
        };
        Ok(BooleanArray::new(passes, None::<NullBuffer>))
    }
}

/// Whether two batches have the same dictionary, and with that the same codes, as those of one row group do.
pub(crate) fn is_same(one: &ArrayRef, other: &ArrayRef) -> bool {
    let (one, other) = (one.as_string::<i32>(), other.as_string::<i32>());
    one.len() == other.len() && one.value_data().as_ptr() == other.value_data().as_ptr()
}

fn verdicts(predicate: &Predicate, values: &ArrayRef) -> Result<Vec<bool>> {
    let texts = values.as_string::<i32>().iter().chain(std::iter::once(None));
    let texts: ArrayRef = Arc::new(texts.collect::<arrow::array::StringViewArray>());
    let rows = texts.len();
    let passes = predicate.passes(&record_batch(&predicate.schema, vec![texts], rows)?)?;
    Ok((0..rows).map(|row| passes.is_valid(row) && passes.value(row)).collect())
}
