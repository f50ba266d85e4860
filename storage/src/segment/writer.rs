//! Writes one segment: gathers rows of many batches in segment order, column by column, into a Parquet file.
//!
//! 1. The caller chose the rows, their order and the physical columns.
//! 2. Rows are gathered a chunk at a time, so that memory stays that of one row group being encoded.
//! 3. While gathering, each column is counted: events, first and last time, distinct values.
//! 4. The file and its checksums are durable, names included, before [`write`] returns.
//!
//! It must not know the catalog or why these rows are one segment.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Float64Array, Float64Builder, Int64Array, Int64Builder, RecordBatch,
    StringBuilder, TimestampNanosecondArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::SegmentInfo;
use super::blocks::BlockWriter;
use super::footer::{FORMAT_VERSION, FooterField, METADATA_KEY, SegmentFooter, ranges, store_name};
use crate::catalog::Distinct;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName, FieldName, FieldType, TimestampNs, reserved};
use crate::limits;
use crate::memtable::StoredBatch;
use crate::paths::{DataDir, SegmentId};

/// A row of the batches: (batch, row).
pub(crate) type RowAt = (u32, u32);

/// Rows × columns gathered at a time, and the rows of that.
const CHUNK_CELLS: usize = 16 << 20;
const CHUNK_ROWS_MIN: usize = 64;
const CHUNK_ROWS_MAX: usize = 16 << 10;
/// Values looked at to tell whether text repeats at all.
const UNIQUE_SAMPLE_VALUES: usize = 1_024;

/// Everything that makes a segment but its bytes.
pub(crate) struct SegmentPlan<'a> {
    pub(crate) store_id: [u8; 16],
    pub(crate) dataset: DatasetId,
    pub(crate) dataset_name: &'a DatasetName,
    pub(crate) id: SegmentId,
    pub(crate) cluster_field: Option<&'a str>,
    pub(crate) batches: &'a [Arc<StoredBatch>],
    pub(crate) rows: &'a [RowAt],
    pub(crate) columns: Vec<ColumnPlan<'a>>,
}

/// One physical column and where its values come from.
pub(crate) struct ColumnPlan<'a> {
    pub(crate) field: FieldName,
    pub(crate) field_type: FieldType,
    pub(crate) physical: Arc<str>,
    /// For each batch.
    pub(crate) sources: Vec<Source<'a>>,
}

/// The values of a column in one batch.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Absent,
    Values(&'a ArrayRef),
    /// Integers that are stored as floats, beside floats where the batch has both.
    AsFloats {
        integers: &'a Int64Array,
        floats: Option<&'a Float64Array>,
    },
}

/// What was seen of a column while it was written.
pub(crate) struct ColumnSeen {
    pub(crate) field: FieldName,
    pub(crate) field_type: FieldType,
    pub(crate) physical: Arc<str>,
    pub(crate) events: u64,
    pub(crate) first_seen: TimestampNs,
    pub(crate) last_seen: TimestampNs,
    pub(crate) distinct: Distinct,
}

/// Writes the segment durably. On an error a file without meaning may be left; start-up removes it.
pub(crate) fn write(
    disk: &Arc<dyn Disk>,
    data_dir: &DataDir,
    plan: &SegmentPlan<'_>,
) -> Result<(SegmentInfo, Vec<ColumnSeen>), StoreError> {
    let path = data_dir.segment(plan.dataset, plan.id);
    let sums_path = data_dir.sums(plan.dataset, plan.id);
    let sampled = plan.rows.iter().any(|at| plan.batches[at.0 as usize].events().sample_rate_at(at.1 as usize) > 1);
    let schema = file_schema(plan, sampled);
    let mut seen: Vec<ColumnSeen> = plan.columns.iter().map(ColumnSeen::new).collect();

    let file = disk.create(&path).map_err(|e| StoreError::io("create", &path, e))?;
    let failed = |e: ParquetError| match e {
        ParquetError::External(source) if source.is::<std::io::Error>() => match source.downcast::<std::io::Error>() {
            Ok(source) => StoreError::io("write", &path, *source),
            Err(other) => StoreError::Bug(other.to_string()),
        },
        other => StoreError::Bug(format!("cannot write a segment: {other}")),
    };
    let options = ArrowWriterOptions::new().with_properties(properties(plan)).with_skip_arrow_metadata(true);
    let mut writer =
        ArrowWriter::try_new_with_options(BlockWriter::new(file), Arc::clone(&schema), options).map_err(failed)?;
    let chunk_rows = (CHUNK_CELLS / (plan.columns.len() + 4)).clamp(CHUNK_ROWS_MIN, CHUNK_ROWS_MAX);
    for rows in plan.rows.chunks(chunk_rows) {
        let batch = gather(plan, rows, sampled, &schema, &mut seen)?;
        writer.write(&batch).map_err(failed)?;
    }
    let footer = footer(plan, &seen);
    let text = serde_json::to_string(&footer).map_err(|e| StoreError::Bug(e.to_string()))?;
    writer.append_key_value_metadata(KeyValue::new(METADATA_KEY.to_owned(), text));
    let blocks = writer.into_inner().map_err(failed)?;
    let (bytes, sums) = blocks.finish().map_err(|e| StoreError::io("write", &path, e))?;

    let write_sums = || {
        let mut file = disk.create(&sums_path)?;
        file.write_all(&sums)?;
        file.sync()?;
        disk.sync_directory(&data_dir.dataset(plan.dataset))
    };
    write_sums().map_err(|e| StoreError::io("write", &sums_path, e))?;

    let (sequence_min, sequence_max) =
        (footer.sequences.first().map_or(0, |r| r.0), footer.sequences.last().map_or(0, |r| r.1));
    let info = SegmentInfo {
        id: plan.id,
        dataset: plan.dataset,
        rows: footer.rows,
        bytes,
        time_min: footer.time_min,
        time_max: footer.time_max,
        sequence_min,
        sequence_max,
        sampled,
    };
    Ok((info, seen))
}

fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

fn file_schema(plan: &SegmentPlan<'_>, sampled: bool) -> Arc<Schema> {
    let mut fields = vec![
        Field::new(reserved::TIMESTAMP, timestamp_type(), false),
        Field::new(reserved::SEQUENCE, DataType::UInt64, false),
        Field::new(reserved::RECEIVED, timestamp_type(), false),
    ];
    if sampled {
        fields.push(Field::new(reserved::SAMPLE_RATE, DataType::UInt32, false));
    }
    for column in &plan.columns {
        fields.push(Field::new(column.physical.as_ref(), column.field_type.data_type(), true));
    }
    Arc::new(Schema::new(fields))
}

fn properties(plan: &SegmentPlan<'_>) -> WriterProperties {
    let wide = plan.columns.len() > 1_000;
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("outcrop ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::LZ4_RAW)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(if wide { limits::SEGMENT_ROWS_MAX } else { limits::ROW_GROUP_ROWS_MAX }))
        .set_data_page_row_count_limit(limits::PAGE_ROWS_MAX)
        .set_write_batch_size(limits::WRITE_BATCH_ROWS)
        .set_dictionary_page_size_limit(limits::DICTIONARY_BYTES_MAX);
    for name in [reserved::TIMESTAMP, reserved::SEQUENCE] {
        builder = without_dictionary(builder, name, Some(Encoding::DELTA_BINARY_PACKED));
    }
    for column in &plan.columns {
        match column.field_type {
            FieldType::Boolean => {}
            FieldType::Float => builder = without_dictionary(builder, &column.physical, None),
            FieldType::Integer if unique(column) => {
                builder = without_dictionary(builder, &column.physical, Some(Encoding::DELTA_BINARY_PACKED));
            }
            FieldType::String if unique(column) => builder = without_dictionary(builder, &column.physical, None),
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

/// Whether a column's values hardly repeat, judged by its first ones: a dictionary of those is a detour.
fn unique(column: &ColumnPlan<'_>) -> bool {
    let mut values = HashSet::new();
    let mut looked = 0;
    for source in &column.sources {
        let Source::Values(array) = source else { continue };
        for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
            let hash = match column.field_type {
                FieldType::String => Distinct::hash_text(array.as_string::<i32>().value(row)),
                FieldType::Integer => Distinct::hash_integer(array.as_primitive::<Int64Type>().value(row)),
                FieldType::Boolean | FieldType::Float => return false,
            };
            values.insert(hash);
            looked += 1;
            if looked == UNIQUE_SAMPLE_VALUES {
                return values.len() * 10 > looked * 9;
            }
        }
    }
    false
}

fn gather(
    plan: &SegmentPlan<'_>,
    rows: &[RowAt],
    sampled: bool,
    schema: &Arc<Schema>,
    seen: &mut [ColumnSeen],
) -> Result<RecordBatch, StoreError> {
    let batch = |at: &RowAt| &plan.batches[at.0 as usize];
    let times: Vec<i64> = rows.iter().map(|at| batch(at).events().timestamp().value(at.1 as usize)).collect();
    let sequences = UInt64Array::from_iter_values(rows.iter().map(|at| batch(at).sequence().value(at.1 as usize)));
    let received = rows.iter().map(|at| batch(at).received().value(at.1 as usize));
    let received = TimestampNanosecondArray::from_iter_values(received).with_timezone("UTC");
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(plan.columns.len() + 4);
    arrays.push(Arc::new(TimestampNanosecondArray::from(times.clone()).with_timezone("UTC")));
    arrays.push(Arc::new(sequences));
    arrays.push(Arc::new(received));
    if sampled {
        let rates = rows.iter().map(|at| batch(at).events().sample_rate_at(at.1 as usize));
        arrays.push(Arc::new(UInt32Array::from_iter_values(rates)));
    }
    for (column, seen) in plan.columns.iter().zip(seen) {
        arrays.push(gather_column(column, rows, &times, seen));
    }
    RecordBatch::try_new(Arc::clone(schema), arrays).map_err(|e| StoreError::Bug(e.to_string()))
}

fn gather_column(column: &ColumnPlan<'_>, rows: &[RowAt], times: &[i64], seen: &mut ColumnSeen) -> ArrayRef {
    match column.field_type {
        FieldType::Boolean => {
            let sources = typed(&column.sources, |s| match s {
                Source::Values(array) => Some(array.as_boolean()),
                _ => None,
            });
            let mut builder = BooleanBuilder::with_capacity(rows.len());
            for (at, time) in rows.iter().zip(times) {
                let array = sources[at.0 as usize].filter(|a| a.is_valid(at.1 as usize));
                let value = array.map(|a| a.value(at.1 as usize));
                if let Some(value) = value {
                    seen.note(*time, Distinct::hash_boolean(value));
                }
                builder.append_option(value);
            }
            Arc::new(builder.finish())
        }
        FieldType::Integer => {
            let sources = typed(&column.sources, |s| match s {
                Source::Values(array) => Some(array.as_primitive::<Int64Type>()),
                _ => None,
            });
            let mut builder = Int64Builder::with_capacity(rows.len());
            for (at, time) in rows.iter().zip(times) {
                let array = sources[at.0 as usize].filter(|a| a.is_valid(at.1 as usize));
                let value = array.map(|a| a.value(at.1 as usize));
                if let Some(value) = value {
                    seen.note(*time, Distinct::hash_integer(value));
                }
                builder.append_option(value);
            }
            Arc::new(builder.finish())
        }
        FieldType::Float => gather_floats(column, rows, times, seen),
        FieldType::String => gather_strings(column, rows, times, seen),
    }
}

fn gather_floats(column: &ColumnPlan<'_>, rows: &[RowAt], times: &[i64], seen: &mut ColumnSeen) -> ArrayRef {
    let mut builder = Float64Builder::with_capacity(rows.len());
    for (at, time) in rows.iter().zip(times) {
        let row = at.1 as usize;
        let float = |a: &Float64Array| a.is_valid(row).then(|| a.value(row));
        let value = match column.sources[at.0 as usize] {
            Source::Absent => None,
            Source::Values(array) => float(array.as_primitive::<Float64Type>()),
            Source::AsFloats { integers, floats } => {
                floats.and_then(float).or_else(|| integers.is_valid(row).then(|| integers.value(row) as f64))
            }
        };
        if let Some(value) = value {
            seen.note(*time, Distinct::hash_float(value));
        }
        builder.append_option(value);
    }
    Arc::new(builder.finish())
}

fn gather_strings(column: &ColumnPlan<'_>, rows: &[RowAt], times: &[i64], seen: &mut ColumnSeen) -> ArrayRef {
    let sources = typed(&column.sources, |s| match s {
        Source::Values(array) => Some(array.as_string::<i32>()),
        _ => None,
    });
    let mut builder = StringBuilder::with_capacity(rows.len(), rows.len() * 8);
    for (at, time) in rows.iter().zip(times) {
        let array = sources[at.0 as usize].filter(|a| a.is_valid(at.1 as usize));
        let value = array.map(|a| a.value(at.1 as usize));
        if let Some(value) = value {
            seen.note(*time, Distinct::hash_text(value));
        }
        builder.append_option(value);
    }
    Arc::new(builder.finish())
}

fn typed<'a, T>(sources: &[Source<'a>], get: impl Fn(Source<'a>) -> Option<T>) -> Vec<Option<T>> {
    sources.iter().map(|source| get(*source)).collect()
}

impl ColumnSeen {
    fn new(plan: &ColumnPlan<'_>) -> ColumnSeen {
        ColumnSeen {
            field: plan.field.clone(),
            field_type: plan.field_type,
            physical: Arc::clone(&plan.physical),
            events: 0,
            first_seen: i64::MAX,
            last_seen: i64::MIN,
            distinct: Distinct::default(),
        }
    }

    fn note(&mut self, time: TimestampNs, hash: u64) {
        self.events += 1;
        self.first_seen = self.first_seen.min(time);
        self.last_seen = self.last_seen.max(time);
        self.distinct.add(hash);
    }
}

fn footer(plan: &SegmentPlan<'_>, seen: &[ColumnSeen]) -> SegmentFooter {
    let times = plan.rows.iter().map(|at| plan.batches[at.0 as usize].events().timestamp().value(at.1 as usize));
    let (time_min, time_max) = times.fold((i64::MAX, i64::MIN), |(low, high), t| (low.min(t), high.max(t)));
    let mut sequences: Vec<u64> =
        plan.rows.iter().map(|at| plan.batches[at.0 as usize].sequence().value(at.1 as usize)).collect();
    sequences.sort_unstable();
    SegmentFooter {
        format: FORMAT_VERSION,
        store: store_name(plan.store_id),
        dataset_id: plan.dataset.0,
        dataset: plan.dataset_name.as_str().to_owned(),
        segment: plan.id.0,
        replaces: Vec::new(),
        rows: plan.rows.len() as u64,
        time_min,
        time_max,
        sequences: ranges(sequences.into_iter()),
        cluster_field: plan.cluster_field.map(str::to_owned),
        fields: seen
            .iter()
            .map(|s| FooterField {
                name: s.field.as_str().to_owned(),
                type_label: s.field_type.label().to_owned(),
                column: s.physical.to_string(),
                events: s.events,
                first_seen: s.first_seen,
                last_seen: s.last_seen,
            })
            .collect(),
    }
}
