//! The file of a segment while it is written: how columns are laid out, what the footer says, and when it is durable.
//!
//! Memtables and merges fill it with rows. It must not know where those come from, or the catalog.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::blocks::BlockWriter;
use super::footer::{FORMAT_VERSION, FooterField, METADATA_KEY, SegmentFooter, store_name};
use super::sequences::Sequences;
use super::{LEVEL_FLUSHED, SegmentInfo};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName, FieldName, FieldType, TimestampNs, reserved};
use crate::limits;
use crate::paths::{DataDir, SegmentId};

/// What a segment is, whatever is in it.
#[derive(Clone, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) store_id: [u8; 16],
    pub(crate) dataset: DatasetId,
    pub(crate) dataset_name: &'a DatasetName,
    pub(crate) id: SegmentId,
    pub(crate) level: u8,
    /// The segments whose events this one holds instead.
    pub(crate) replaces: Vec<SegmentId>,
    pub(crate) cluster_field: Option<&'a str>,
}

/// One column of a field's values of one type.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) field: FieldName,
    pub(crate) field_type: FieldType,
    /// Its name in the file.
    pub(crate) physical: Arc<str>,
    /// Whether values repeat, so that a dictionary pays.
    pub(crate) repeats: bool,
}

/// What was seen of a column while it was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) events: u64,
    pub(crate) first: TimestampNs,
    pub(crate) last: TimestampNs,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen { events: 0, first: i64::MAX, last: i64::MIN }
    }
}

impl Seen {
    pub(crate) fn note(&mut self, time: TimestampNs) {
        self.events += 1;
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }
}

/// What was seen of all rows.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) rows: u64,
    pub(crate) time_min: TimestampNs,
    pub(crate) time_max: TimestampNs,
    pub(crate) received_max: TimestampNs,
    pub(crate) sequences: Sequences,
    pub(crate) sampled: bool,
}

/// Places of the store's own columns, which come first.
pub(crate) const SYSTEM_COLUMNS: usize = 3;

fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

/// The columns of the file: the store's own, then the fields'.
pub(crate) fn schema(columns: &[Column], sampled: bool) -> Arc<Schema> {
    let mut fields = vec![
        Field::new(reserved::TIMESTAMP, timestamp_type(), false),
        Field::new(reserved::SEQUENCE, DataType::UInt64, false),
        Field::new(reserved::RECEIVED, timestamp_type(), false),
    ];
    if sampled {
        fields.push(Field::new(reserved::SAMPLE_RATE, DataType::UInt32, false));
    }
    for column in columns {
        fields.push(Field::new(column.physical.as_ref(), column.field_type.data_type(), true));
    }
    Arc::new(Schema::new(fields))
}

/// Rows of a row group of a file with so many columns.
pub(crate) fn row_group_rows(columns: usize) -> usize {
    if columns > limits::WIDE_COLUMNS { limits::SEGMENT_ROWS_MAX } else { limits::ROW_GROUP_ROWS_MAX }
}

fn properties(columns: &[Column], level: u8) -> WriterProperties {
    // What a flush writes is soon merged: lz4 costs a third of zstd.
    let compression = if level == LEVEL_FLUSHED {
        Compression::LZ4_RAW
    } else {
        Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default())
    };
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("outcrop ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(compression)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(row_group_rows(columns.len())))
        .set_data_page_row_count_limit(limits::PAGE_ROWS_MAX)
        .set_write_batch_size(limits::WRITE_BATCH_ROWS)
        .set_dictionary_page_size_limit(limits::DICTIONARY_BYTES_MAX);
    for name in [reserved::TIMESTAMP, reserved::SEQUENCE] {
        builder = without_dictionary(builder, name, Some(Encoding::DELTA_BINARY_PACKED));
    }
    for column in columns {
        match column.field_type {
            FieldType::Boolean => {}
            FieldType::Float => builder = without_dictionary(builder, &column.physical, None),
            FieldType::Integer if !column.repeats => {
                builder = without_dictionary(builder, &column.physical, Some(Encoding::DELTA_BINARY_PACKED));
            }
            FieldType::String if !column.repeats => builder = without_dictionary(builder, &column.physical, None),
            FieldType::Integer | FieldType::String => {}
        }
    }
    builder.build()
}

fn without_dictionary(
    builder: WriterPropertiesBuilder,
    column: &str,
    encoding: Option<Encoding>,
) -> WriterPropertiesBuilder {
    let path = ColumnPath::new(vec![column.to_owned()]);
    let builder = builder.set_column_dictionary_enabled(path.clone(), false);
    match encoding {
        Some(encoding) => builder.set_column_encoding(path, encoding),
        None => builder,
    }
}

/// A new, empty file.
pub(crate) fn begin(
    disk: &dyn Disk,
    path: &Path,
    level: u8,
    columns: &[Column],
    sampled: bool,
) -> Result<ArrowWriter<BlockWriter>, StoreError> {
    let file = disk.create(path).map_err(|e| StoreError::io("create", path, e))?;
    let options = ArrowWriterOptions::new().with_properties(properties(columns, level)).with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(BlockWriter::new(file), schema(columns, sampled), options)
        .map_err(|e| failed(path, e))
}

/// What went wrong under parquet's hands.
pub(crate) fn failed(path: &Path, error: ParquetError) -> StoreError {
    match error {
        ParquetError::External(source) if source.is::<std::io::Error>() => match source.downcast::<std::io::Error>() {
            Ok(source) => StoreError::io("write", path, *source),
            Err(other) => StoreError::Bug(other.to_string()),
        },
        ParquetError::External(source) if source.is::<StoreError>() => match source.downcast::<StoreError>() {
            Ok(source) => *source,
            Err(other) => StoreError::Bug(other.to_string()),
        },
        other => StoreError::Bug(format!("cannot write a segment: {other}")),
    }
}

/// What the file says of itself.
pub(crate) fn footer(head: &Head<'_>, rows: Rows, fields: impl Iterator<Item = (Column, Seen)>) -> SegmentFooter {
    let field = |(column, seen): (Column, Seen)| FooterField {
        name: column.field.as_str().to_owned(),
        type_label: column.field_type.label().to_owned(),
        column: column.physical.to_string(),
        events: seen.events,
        first_seen: seen.first,
        last_seen: seen.last,
    };
    SegmentFooter {
        format: FORMAT_VERSION,
        store: store_name(head.store_id),
        dataset_id: head.dataset.0,
        dataset: head.dataset_name.as_str().to_owned(),
        segment: head.id.0,
        replaces: head.replaces.iter().map(|id| id.0).collect(),
        level: head.level,
        rows: rows.rows,
        time_min: rows.time_min,
        time_max: rows.time_max,
        received_max: rows.received_max,
        sequences: rows.sequences,
        cluster_field: head.cluster_field.map(str::to_owned),
        sampled: rows.sampled,
        fields: fields.map(field).collect(),
    }
}

/// The entry of the file's metadata that holds the footer.
pub(crate) fn entry(footer: &SegmentFooter) -> Result<KeyValue, StoreError> {
    let text = serde_json::to_string(footer).map_err(|e| StoreError::Bug(e.to_string()))?;
    Ok(KeyValue::new(METADATA_KEY.to_owned(), text))
}

/// Makes the file, its checksums and their names durable.
pub(crate) fn seal(
    disk: &dyn Disk,
    data_dir: &DataDir,
    blocks: BlockWriter,
    footer: &SegmentFooter,
) -> Result<SegmentInfo, StoreError> {
    let (dataset, id) = (DatasetId(footer.dataset_id), SegmentId(footer.segment));
    let path = data_dir.segment(dataset, id);
    let (bytes, sums) = blocks.finish().map_err(|e| StoreError::io("write", &path, e))?;
    let sums_path = data_dir.sums(dataset, id);
    let write_sums = || {
        let mut file = disk.create(&sums_path)?;
        file.write_all(&sums)?;
        file.sync()?;
        disk.sync_directory(&data_dir.dataset(dataset))
    };
    write_sums().map_err(|e| StoreError::io("write", &sums_path, e))?;
    Ok(footer.info(bytes))
}
