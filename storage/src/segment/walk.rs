//! Everything that a dataset holds, in batches of a few columns each: for whoever looks at all of it and keeps little. What is
//! held meanwhile is a batch. It must not know what is looked for.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::reader::{OpenSegment, Segment};
use crate::error::StoreError;
use crate::event::{EventBatch, EventColumn, FieldName, FieldType, reserved};
use crate::snapshot::DatasetSnapshot;

/// Columns that are read at a time: a footer's worth of readers is not opened at once, and times are not read for each.
const COLUMNS_AT_ONCE: usize = 16;
/// Rows that are read at a time, and the bytes that lower them where values are long.
const CHUNK_ROWS: RangeInclusive<usize> = 64..=8_192;
const CHUNK_BYTES: usize = 8 << 20;

/// Is shown a batch, and says whether to go on.
pub type Each<'a> = &'a mut dyn FnMut(&EventBatch) -> bool;

/// A memtable's batch or a segment, to be gone through.
#[derive(Clone, Debug)]
pub struct WalkPart(Source);

#[derive(Clone, Debug)]
enum Source {
    Memory(Arc<crate::memtable::StoredBatch>),
    Segment(Arc<Segment>),
}

impl DatasetSnapshot {
    /// What there is to go through, without the segments that are set aside.
    pub fn walk_parts(&self) -> Vec<WalkPart> {
        let memory = self.memtable.iter().map(|batch| WalkPart(Source::Memory(Arc::clone(batch))));
        memory.chain(self.segments.iter().map(|segment| WalkPart(Source::Segment(Arc::clone(segment))))).collect()
    }
}

impl WalkPart {
    pub fn is_in_memory(&self) -> bool {
        matches!(self.0, Source::Memory(_))
    }

    /// Shows every value once, each batch with the times of its events. Whether it came to the end.
    pub fn walk(&self, each: Each<'_>) -> Result<bool, StoreError> {
        match &self.0 {
            Source::Memory(batch) => Ok(each(batch.events())),
            Source::Segment(segment) => segment.open()?.walk(each),
        }
    }
}

type Column = (usize, FieldName, FieldType);

impl OpenSegment {
    pub(super) fn walk(&self, each: Each<'_>) -> Result<bool, StoreError> {
        let Some(time) = self.system_column(reserved::TIMESTAMP) else { return Ok(true) };
        let mut columns: Vec<Column> = Vec::new();
        for field in &self.footer().fields {
            let key = FieldType::from_label(&field.type_label).map(|t| (FieldName::trusted(&field.name), t));
            let place = key.and_then(|(name, field_type)| Some((self.column(&name, field_type)?, name, field_type)));
            columns.extend(place);
        }
        columns.sort_unstable();
        for row_group in 0..self.metadata().metadata().num_row_groups() {
            for some in columns.chunks(COLUMNS_AT_ONCE) {
                if !self.walk_columns(row_group, time, some, each)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn walk_columns(
        &self,
        row_group: usize,
        time: usize,
        columns: &[Column],
        each: Each<'_>,
    ) -> Result<bool, StoreError> {
        let group = self.metadata().metadata().row_group(row_group);
        let bytes: i64 = columns.iter().map(|(at, ..)| group.column(*at).uncompressed_size()).sum();
        let row_bytes = usize::try_from(bytes / group.num_rows().max(1)).unwrap_or_default().max(1);
        let rows = (CHUNK_BYTES / row_bytes).clamp(*CHUNK_ROWS.start(), *CHUNK_ROWS.end());
        let read = std::iter::once(time).chain(columns.iter().map(|(at, ..)| *at));
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes(), self.metadata().clone())
            .with_row_groups(vec![row_group])
            .with_batch_size(rows)
            .with_projection(ProjectionMask::roots(self.metadata().parquet_schema(), read))
            .build();
        // Columns come in the order of the file.
        let before = columns.partition_point(|(at, ..)| *at < time);
        for batch in reader.map_err(|e| self.unreadable(&e))? {
            let batch = batch.map_err(|e| self.unreadable(&e))?;
            let times = batch.column(before).as_primitive::<TimestampNanosecondType>().reinterpret_cast::<Int64Type>();
            let mut shown = Vec::with_capacity(columns.len());
            for (at, (_, field, field_type)) in columns.iter().enumerate() {
                let values = batch.column(if at < before { at } else { at + 1 });
                if values.null_count() < values.len() {
                    let values = cast(values, &field_type.data_type()).map_err(|e| self.unreadable(&e))?;
                    shown.push(EventColumn { field: field.clone(), field_type: *field_type, values });
                }
            }
            let shown = EventBatch::new(times, None, shown).map_err(|e| self.unreadable(&e))?;
            if !each(&shown) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
