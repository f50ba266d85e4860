//! Writes one segment out of memtable batches: gathers their rows in segment order, column by column.
//!
//! 1. The caller chose the rows, their order and the physical columns.
//! 2. Rows are gathered a chunk at a time, so that memory stays that of one row group being encoded, and encoded on a
//!    thread beside.
//! 3. While gathering, each column is counted: events, first and last time, distinct values.
//! 4. The file and its checksums are durable, names included, before [`write`] returns.
//!
//! It must not know the catalog or why these rows are one segment.

use std::collections::HashSet;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use arrow::array::{
    Array, ArrayAccessor, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Float64Array, Float64Builder, Int64Array,
    Int64Builder, RecordBatch, StringArray, StringBuilder, TimestampNanosecondArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{Float64Type, Int64Type, Schema};
use parquet::arrow::ArrowWriter;

use super::SegmentInfo;
use super::blocks::BlockWriter;
use super::file::{self, Column, Head, Rows, Seen};
use crate::catalog::Distinct;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::{FieldName, FieldType, TimestampNs};
use crate::memtable::StoredBatch;
use crate::paths::DataDir;

/// A row of the batches: (batch, row).
pub(crate) type RowAt = (u32, u32);

/// Rows × columns gathered at a time, and the rows of that.
const CHUNK_CELLS: usize = 16 << 20;
const CHUNK_BYTES: usize = 32 << 20;
const CHUNK_ROWS_MIN: usize = 64;
const CHUNK_ROWS_MAX: usize = 16 << 10;
/// Values looked at to tell whether text repeats at all.
const UNIQUE_SAMPLE_VALUES: usize = 1_024;

/// Everything that makes a segment but its bytes.
pub(crate) struct SegmentPlan<'a> {
    pub(crate) head: Head<'a>,
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
    pub(crate) seen: Seen,
    pub(crate) distinct: Distinct,
    /// The value before: many come several times in a row.
    last: Option<u64>,
}

/// Writes the segment durably. On an error a file without meaning may be left; start-up removes it.
pub(crate) fn write(
    disk: &Arc<dyn Disk>,
    data_dir: &DataDir,
    plan: &SegmentPlan<'_>,
) -> Result<(SegmentInfo, Vec<ColumnSeen>), StoreError> {
    let path = data_dir.segment(plan.head.dataset, plan.head.id);
    let sampled = plan.rows.iter().any(|at| plan.batches[at.0 as usize].events().sample_rate_at(at.1 as usize) > 1);
    let columns: Vec<Column> = plan.columns.iter().map(ColumnPlan::column).collect();
    let mut seen: Vec<ColumnSeen> = columns.iter().map(ColumnSeen::new).collect();
    let mut writer = file::begin(&**disk, &path, plan.head.level, &columns, sampled)?;
    let schema = file::schema(&columns, sampled);
    let chunks = plan.rows.chunks(chunk_rows(plan));
    encode(&mut writer, &path, chunks.map(|rows| gather(plan, rows, sampled, &schema, &mut seen)))?;
    let fields = columns.into_iter().zip(&seen).map(|(column, seen)| (column, seen.seen));
    let footer = file::footer(&plan.head, rows_seen(plan, sampled), fields);
    writer.append_key_value_metadata(file::entry(&footer)?);
    let blocks = writer.into_inner().map_err(|e| file::failed(&path, e))?;
    let info = file::seal(&**disk, data_dir, blocks, &footer)?;
    Ok((info, seen))
}

/// Encodes on a thread beside while the next rows are gathered: each is about half of the work.
fn encode(
    writer: &mut ArrowWriter<BlockWriter>,
    path: &Path,
    batches: impl Iterator<Item = Result<RecordBatch, StoreError>>,
) -> Result<(), StoreError> {
    thread::scope(|scope| {
        let (hand, handed) = sync_channel::<RecordBatch>(0);
        let encoding = thread::Builder::new()
            .name("encoding".into())
            .spawn_scoped(scope, move || handed.into_iter().try_for_each(|batch| writer.write(&batch)))
            .map_err(|e| StoreError::io("write", path, e))?;
        for batch in batches {
            if hand.send(batch?).is_err() {
                // The encoder has ended by an error, which it tells now.
                break;
            }
        }
        drop(hand);
        encoding.join().unwrap_or_else(|panic| resume_unwind(panic)).map_err(|e| file::failed(path, e))
    })
}

/// How many rows to gather at a time, about: neither cells nor texts may take any amount of memory, and a page is never
/// longer than what is gathered.
fn chunk_rows(plan: &SegmentPlan<'_>) -> usize {
    let (bytes, rows) =
        plan.batches.iter().fold((0, 0), |(bytes, rows), b| (bytes + b.memory_bytes(), rows + b.rows()));
    let row_bytes = (bytes / rows.max(1)).max(1);
    (CHUNK_CELLS / (plan.columns.len() + 4)).min(CHUNK_BYTES / row_bytes).clamp(CHUNK_ROWS_MIN, CHUNK_ROWS_MAX)
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
            let sources = values(&column.sources, |array| array.as_boolean());
            let builder = BooleanBuilder::with_capacity(rows.len());
            Arc::new(put(builder, rows, times, seen, |at| value(&sources, at), Distinct::hash_boolean))
        }
        FieldType::Integer => {
            let sources = values(&column.sources, |array| array.as_primitive::<Int64Type>());
            let builder = Int64Builder::with_capacity(rows.len());
            Arc::new(put(builder, rows, times, seen, |at| value(&sources, at), Distinct::hash_integer))
        }
        FieldType::Float => {
            let value = |at: &RowAt| float(column.sources[at.0 as usize], at.1 as usize);
            Arc::new(put(Float64Builder::with_capacity(rows.len()), rows, times, seen, value, Distinct::hash_float))
        }
        FieldType::String => {
            let sources = values(&column.sources, |array| array.as_string::<i32>());
            let builder = StringBuilder::with_capacity(rows.len(), rows.len() * 8);
            Arc::new(put(builder, rows, times, seen, |at| value(&sources, at), Distinct::hash_text))
        }
    }
}

/// The value of a row, if it has one.
fn value<A: ArrayAccessor>(sources: &[Option<A>], at: &RowAt) -> Option<A::Item> {
    let array = sources[at.0 as usize].as_ref().filter(|a| a.is_valid(at.1 as usize))?;
    Some(array.value(at.1 as usize))
}

fn float(source: Source<'_>, row: usize) -> Option<f64> {
    let float = |a: &Float64Array| a.is_valid(row).then(|| a.value(row));
    match source {
        Source::Absent => None,
        Source::Values(array) => float(array.as_primitive::<Float64Type>()),
        Source::AsFloats { integers, floats } => {
            floats.and_then(float).or_else(|| integers.is_valid(row).then(|| integers.value(row) as f64))
        }
    }
}

/// The values of `rows`, noted as they come. Most columns have none in most rows: nulls are put in one go.
fn put<B: Gather<V>, V: Copy>(
    mut builder: B,
    rows: &[RowAt],
    times: &[i64],
    seen: &mut ColumnSeen,
    value: impl Fn(&RowAt) -> Option<V>,
    hash: impl Fn(V) -> u64,
) -> B::Array {
    let mut nulls = 0;
    for (at, time) in rows.iter().zip(times) {
        let Some(value) = value(at) else {
            nulls += 1;
            continue;
        };
        if nulls > 0 {
            builder.put_nulls(nulls);
            nulls = 0;
        }
        seen.note(*time, hash(value));
        builder.put(value);
    }
    if nulls > 0 {
        builder.put_nulls(nulls);
    }
    builder.end()
}

/// What a builder of arrow does, of whatever type.
trait Gather<V> {
    type Array: Array + 'static;
    fn put(&mut self, value: V);
    fn put_nulls(&mut self, count: usize);
    fn end(self) -> Self::Array;
}

macro_rules! gather {
    ($builder:ty, $value:ty, $array:ty) => {
        impl Gather<$value> for $builder {
            type Array = $array;

            fn put(&mut self, value: $value) {
                self.append_value(value);
            }

            fn put_nulls(&mut self, count: usize) {
                self.append_nulls(count);
            }

            fn end(mut self) -> $array {
                self.finish()
            }
        }
    };
}
gather!(BooleanBuilder, bool, BooleanArray);
gather!(Int64Builder, i64, Int64Array);
gather!(Float64Builder, f64, Float64Array);
gather!(StringBuilder, &str, StringArray);

/// The array of each source that has one as it is.
fn values<'a, T>(sources: &[Source<'a>], of: impl Fn(&'a ArrayRef) -> T) -> Vec<Option<T>> {
    let array = |source: &Source<'a>| match source {
        Source::Values(array) => Some(of(array)),
        Source::Absent | Source::AsFloats { .. } => None,
    };
    sources.iter().map(array).collect()
}

impl ColumnSeen {
    fn new(column: &Column) -> ColumnSeen {
        ColumnSeen {
            field: column.field.clone(),
            field_type: column.field_type,
            seen: Seen::default(),
            distinct: Distinct::default(),
            last: None,
        }
    }

    fn note(&mut self, time: TimestampNs, hash: u64) {
        self.seen.note(time);
        if self.last.replace(hash) != Some(hash) {
            self.distinct.add(hash);
        }
    }
}

impl ColumnPlan<'_> {
    fn column(&self) -> Column {
        Column {
            field: self.field.clone(),
            field_type: self.field_type,
            physical: Arc::clone(&self.physical),
            repeats: !unique(self),
        }
    }
}

fn rows_seen(plan: &SegmentPlan<'_>, sampled: bool) -> Rows {
    let at = |at: &RowAt| (&plan.batches[at.0 as usize], at.1 as usize);
    let times = || plan.rows.iter().map(at).map(|(batch, row)| batch.events().timestamp().value(row));
    let mut sequences: Vec<u64> = plan.rows.iter().map(at).map(|(batch, row)| batch.sequence().value(row)).collect();
    sequences.sort_unstable();
    Rows {
        rows: plan.rows.len() as u64,
        time_min: times().min().unwrap_or(i64::MAX),
        time_max: times().max().unwrap_or(i64::MIN),
        received_max: plan.rows.iter().map(at).map(|(batch, row)| batch.received().value(row)).max().unwrap_or(0),
        sequences: sequences.into_iter().collect(),
        sampled,
    }
}
