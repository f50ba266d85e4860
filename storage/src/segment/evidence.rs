//! Writes the sidecar of a finished segment: reads its file back, one column after the other.
//!
//! A segment is written row group by row group. Evidence gathered meanwhile would be that of all columns at once, which is
//! as much as their values; read back, it is that of one column, and text comes with the dictionaries of the file. It must
//! not know what evidence is, or who wrote the segment.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, UInt32Array};
use arrow::datatypes::{DataType, Schema, TimestampNanosecondType, UInt32Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::SegmentInfo;
use super::merge::chunk_rows;
use super::reader::OpenSegment;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::{FieldName, FieldType, TimestampNs, reserved};
use crate::index::column::{ColumnIndexer, PieceRows};
use crate::index::layout::{BlockLayout, LayoutBuilder};
use crate::index::writer::{IndexWriter, SidecarOf};
use crate::paths::DataDir;

/// Writes the sidecar durably; its length. On an error a file without meaning may be left. `stopping` ends it early with
/// [`StoreError::Closed`].
pub(crate) fn write(
    disk: &Arc<dyn Disk>,
    data_dir: &DataDir,
    store_id: [u8; 16],
    info: &SegmentInfo,
    stopping: &dyn Fn() -> bool,
) -> Result<u64, StoreError> {
    let columns = Columns::open(disk, data_dir, info)?;
    let rows = columns.rows()?;
    let layout = columns.cut(&rows)?;
    let of = SidecarOf { store_id, dataset: info.dataset, segment: info.id };
    let mut writer = IndexWriter::create(&**disk, data_dir, of, &layout)?;
    for (field, field_type) in columns.segment.footer().fields.iter().filter_map(|field| field.key()) {
        if stopping() {
            return Err(StoreError::Closed);
        }
        let Some(index) = columns.segment.column(&field, field_type) else { continue };
        let is_overflow = field.as_str() == reserved::OVERFLOW;
        let mut indexer = ColumnIndexer::new(field, field_type, &layout);
        let mut at = 0;
        columns.read(index, |values| {
            let piece = at..at + values.len();
            at = piece.end;
            let times = rows.times.get(piece.clone()).unwrap_or_default();
            let rates = rows.rates.as_deref().map(|rates| rates.get(piece).unwrap_or_default());
            let pieces = PieceRows { times, rates };
            if is_overflow { indexer.add(&presence(values), pieces) } else { indexer.add(values, pieces) }
        })?;
        writer.column(indexer.finish())?;
    }
    let bytes = writer.finish(info.bytes)?;
    let directory = data_dir.dataset(info.dataset);
    disk.sync_directory(&directory).map_err(|e| StoreError::io("sync", &directory, e))?;
    Ok(bytes)
}

/// What overflow holds is no value of a field: the evidence is which events have something there.
fn presence(values: &ArrayRef) -> ArrayRef {
    let some = (0..values.len()).map(|row| values.is_valid(row).then_some(""));
    Arc::new(some.collect::<StringViewArray>())
}

/// What every column's rows have in common.
struct AllRows {
    times: Vec<TimestampNs>,
    /// None: every event stands for itself.
    rates: Option<Vec<u32>>,
}

/// The columns of a segment, to be read one after the other.
struct Columns {
    segment: Arc<OpenSegment>,
    metadata: ArrowReaderMetadata,
}

impl Columns {
    fn open(disk: &Arc<dyn Disk>, data_dir: &DataDir, info: &SegmentInfo) -> Result<Columns, StoreError> {
        let segment = OpenSegment::open(Arc::clone(disk), data_dir, info.dataset, info.id)?;
        let schema = with_dictionaries(&segment);
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(segment.metadata().metadata()), options);
        let metadata = metadata.map_err(|e| segment.unreadable(&e))?;
        Ok(Columns { segment, metadata })
    }

    /// Reads a column from front to back.
    fn read(&self, index: usize, mut each: impl FnMut(&ArrayRef) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let unreadable = |error: &dyn std::error::Error| self.segment.unreadable(error);
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(self.segment.bytes(), self.metadata.clone())
            .with_projection(ProjectionMask::roots(self.metadata.parquet_schema(), [index]))
            .with_batch_size(chunk_rows(self.metadata.metadata(), index))
            .build()
            .map_err(|e| unreadable(&e))?;
        for batch in reader {
            each(batch.map_err(|e| unreadable(&e))?.column(0))?;
        }
        Ok(())
    }

    fn rows(&self) -> Result<AllRows, StoreError> {
        let missing = || StoreError::Bug("a segment has no time".into());
        let mut times = Vec::new();
        self.read(self.segment.system_column(reserved::TIMESTAMP).ok_or_else(missing)?, |values| {
            times.extend_from_slice(values.as_primitive::<TimestampNanosecondType>().values());
            Ok(())
        })?;
        let Some(index) = self.segment.system_column(reserved::SAMPLE_RATE) else {
            return Ok(AllRows { times, rates: None });
        };
        let mut rates = Vec::with_capacity(times.len());
        self.read(index, |values| {
            let values: &UInt32Array = values.as_primitive::<UInt32Type>();
            rates.extend_from_slice(values.values());
            Ok(())
        })?;
        Ok(AllRows { times, rates: Some(rates) })
    }

    /// Cuts the rows into blocks and slices.
    fn cut(&self, rows: &AllRows) -> Result<BlockLayout, StoreError> {
        let mut builder = LayoutBuilder::default();
        let mut at = 0;
        let mut push = |cluster: Option<&str>| {
            let rate = rows.rates.as_ref().map_or(1, |rates| rates.get(at).copied().unwrap_or(1));
            if let Some(time) = rows.times.get(at) {
                builder.push(cluster, *time, rate);
            }
            at += 1;
        };
        let cluster = self.segment.footer().cluster_field.as_deref().map(FieldName::trusted);
        match cluster.and_then(|field| self.segment.column(&field, FieldType::String)) {
            Some(index) => self.read(index, |values| {
                let values = arrow::compute::cast(values, &DataType::Utf8View);
                let values = values.map_err(|e| StoreError::Bug(e.to_string()))?;
                let values: &StringViewArray = values.as_string_view();
                values.iter().for_each(&mut push);
                Ok(())
            })?,
            None => rows.times.iter().for_each(|_| push(None)),
        }
        Ok(builder.finish())
    }
}

/// The schema that columns are read with: text as dictionaries where the file has it so.
fn with_dictionaries(segment: &OpenSegment) -> Schema {
    let metadata = segment.metadata().metadata();
    let repeats = |index: usize| {
        let groups = metadata.row_groups();
        groups.iter().all(|group| group.column(index).dictionary_page_offset().is_some())
    };
    let fields = segment.metadata().schema().fields().iter().enumerate().map(|(index, field)| {
        let field = field.as_ref().clone();
        if *field.data_type() == DataType::Utf8View && repeats(index) {
            let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            return field.with_data_type(dictionary);
        }
        field
    });
    Schema::new(fields.collect::<Vec<_>>())
}
