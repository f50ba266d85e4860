//! Predicates over what parquet's reader delivers: inside the reader, where most rows fail and their other columns need not be
//! decoded, or after it. It must not know which of the two is better.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int32Type;
use datafusion::common::Result;
use outcrop_storage::OpenSegment;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicate, ArrowPredicateFn};

use super::coded::Verdicts;
use super::{indexes, record_batch, segment_columns};
use crate::execute::Stop;
use crate::prune::{Predicate, column_index};
use crate::scope::ScanColumn;

/// A predicate, and what it said of the dictionary that it met last.
pub(super) struct Filter {
    predicate: Predicate,
    verdicts: Verdicts,
}

impl Filter {
    pub(super) fn new(predicate: Predicate) -> Filter {
        Filter { predicate, verdicts: Verdicts::default() }
    }

    fn passes(&mut self, batch: &RecordBatch, segment: &OpenSegment, dataset: &str) -> Result<BooleanArray> {
        if let [column @ ScanColumn::Field(..)] = self.predicate.columns.as_slice()
            && let Some(index) = column_index(segment, column)
            && let Some(array) = batch.column_by_name(segment.metadata().schema().field(index).name())
            && let Some(codes) = array.as_dictionary_opt::<Int32Type>()
        {
            return self.verdicts.of(&self.predicate, codes, array);
        }
        let arrays = segment_columns(batch, segment, dataset, &self.predicate.columns)?;
        self.predicate.passes(&record_batch(&self.predicate.schema, arrays, batch.num_rows())?)
    }
}

/// A predicate inside parquet's reader.
pub(crate) fn row_filter(
    predicate: Predicate,
    segment: Arc<OpenSegment>,
    dataset: String,
    stop: Stop,
) -> Box<dyn ArrowPredicate> {
    let mask = ProjectionMask::roots(segment.metadata().parquet_schema(), indexes(&segment, &predicate.columns));
    let mut filter = Filter::new(predicate);
    Box::new(ArrowPredicateFn::new(mask, move |batch| {
        let passes = stop.check().and_then(|()| filter.passes(&batch, &segment, &dataset));
        passes.map_err(|e| arrow::error::ArrowError::ExternalError(Box::new(e)))
    }))
}

/// The rows of a batch that pass all filters. Each is asked about what those before it have left.
pub(super) fn filtered(
    mut batch: RecordBatch,
    filters: &mut [Filter],
    segment: &OpenSegment,
    dataset: &str,
) -> Result<RecordBatch> {
    for filter in filters {
        let passes = filter.passes(&batch, segment, dataset)?;
        match passes.true_count() {
            0 => return Ok(batch.slice(0, 0)),
            all if all == batch.num_rows() => {}
            _ => batch = filter_record_batch(&batch, &passes)?,
        }
    }
    Ok(batch)
}
