//! Values of fields that have no column: found in the overflow texts that segments and memtables deliver.
//!
//! [`values`] makes a typed column out of texts. [`look_up`] finds the types of names that were never counted, by reading
//! the overflow of segments. It must not know filters or plans.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringViewArray, StringViewBuilder,
};
use arrow::datatypes::{Float64Type, Int64Type};
use outcrop_storage::OpenSegment;
use outcrop_storage::event::{FieldName, FieldType, reserved};
use outcrop_storage::overflow::{FieldFinder, OverflowValue};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::QueryError;
use crate::scan::batch_rows;
use crate::scope::Scope;
use crate::spec::TimeRange;

/// A field's values of one type: those of its own column, and beside them those found in `texts`.
pub(crate) fn values(
    own: Option<&ArrayRef>,
    texts: &StringViewArray,
    field: &FieldName,
    field_type: FieldType,
) -> ArrayRef {
    let finder = FieldFinder::new(field.as_str());
    let find = |row: usize| if texts.is_valid(row) { finder.find(texts.value(row)) } else { None };
    let has_own = |row: usize| own.is_some_and(|array| array.is_valid(row));
    macro_rules! of {
        ($array:ty, $own:expr, $variant:ident) => {{
            let own = own.map($own);
            let value = |row| match own {
                Some(own) if own.is_valid(row) => Some(own.value(row)),
                _ => match find(row) {
                    Some(OverflowValue::$variant(value)) => Some(value),
                    _ => None,
                },
            };
            Arc::new((0..texts.len()).map(value).collect::<$array>())
        }};
    }
    match field_type {
        FieldType::Boolean => of!(BooleanArray, |a| a.as_boolean(), Boolean),
        FieldType::Integer => of!(Int64Array, |a| a.as_primitive::<Int64Type>(), Integer),
        FieldType::Float => of!(Float64Array, |a| a.as_primitive::<Float64Type>(), Float),
        FieldType::String => {
            let own = own.map(|a| a.as_string_view());
            let mut builder = StringViewBuilder::with_capacity(texts.len());
            for row in 0..texts.len() {
                match (own, find(row)) {
                    (Some(own), _) if has_own(row) => builder.append_value(own.value(row)),
                    (_, Some(OverflowValue::Text(text))) => builder.append_value(text),
                    _ => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
    }
}

/// Finds the types that `names` have in segments of the range as far as nobody has counted them.
pub(crate) async fn look_up(scope: &mut Scope, names: &BTreeSet<&str>, range: TimeRange) -> Result<(), QueryError> {
    let mut wanted: Vec<Wanted<'_>> =
        names.iter().filter(|name| scope.is_uncounted(name)).map(|name| Wanted::new(name)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let overflow = FieldName::trusted(reserved::OVERFLOW);
    for segment in scope.datasets.iter().flat_map(|d| d.segments.iter()) {
        if !range.overlaps(segment.info().time_min, segment.info().time_max) {
            continue;
        }
        let open = segment.open_columns(&[(overflow.clone(), FieldType::String)])?;
        let Some(column) = open.column(&overflow, FieldType::String) else { continue };
        for row_group in 0..open.metadata().metadata().num_row_groups() {
            look_up_in(&open, row_group, column, &mut wanted)?;
            // Whoever asked may have gone away meanwhile.
            tokio::task::yield_now().await;
        }
    }
    let found: HashMap<String, [bool; 4]> = wanted.into_iter().map(|w| (w.name.to_owned(), w.types)).collect();
    scope.set_looked_up(found);
    Ok(())
}

/// A name whose types are looked for.
struct Wanted<'n> {
    name: &'n str,
    finder: FieldFinder,
    types: [bool; 4],
}

impl<'n> Wanted<'n> {
    fn new(name: &'n str) -> Wanted<'n> {
        Wanted { name, finder: FieldFinder::new(name), types: [false; 4] }
    }
}

fn look_up_in(
    segment: &OpenSegment,
    row_group: usize,
    column: usize,
    wanted: &mut [Wanted<'_>],
) -> Result<(), QueryError> {
    let group = segment.metadata().metadata().row_group(row_group);
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(segment.bytes(), segment.metadata().clone())
        .with_row_groups(vec![row_group])
        .with_batch_size(batch_rows(group, &[column]))
        .with_projection(ProjectionMask::roots(segment.metadata().parquet_schema(), [column]))
        .build()?;
    for batch in reader {
        let batch = batch?;
        let texts = batch.column(0).as_string_view();
        for wanted in wanted.iter_mut().filter(|w| w.types != [true; 4]) {
            for value in texts.iter().flatten().filter_map(|text| wanted.finder.find(text)) {
                wanted.types[value.field_type() as usize] = true;
            }
        }
    }
    Ok(())
}
