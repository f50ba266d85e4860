//! Writes one segment out of others: all their rows but the dropped ones, in one order, column by column.
//!
//! 1. The keys of all inputs (cluster value, timestamp, sequence) give the order, as runs of rows of one input.
//! 2. Each row group is written a column at a time, so that memory is that of one column whatever the schema is.
//! 3. Inputs are read forwards only: their own order is the same.
//!
//! It must not know the catalog or why these segments become one.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, MutableArrayData, StringArray, UInt32Array, make_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Schema, TimestampNanosecondType, UInt64Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, compute_leaves};
use parquet::file::metadata::ParquetMetaData;
use roaring::RoaringBitmap;

use super::SegmentInfo;
use super::file::{self, Column, Head, Rows, SYSTEM_COLUMNS, Seen};
use super::reader::OpenSegment;
use super::sequences::Sequences;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::{FieldName, FieldType, reserved};
use crate::paths::DataDir;

/// Rows decoded and written at a time, and the bytes that lower them where values are long.
const CHUNK_ROWS: std::ops::RangeInclusive<usize> = 64..=8_192;
const CHUNK_BYTES: usize = 8 << 20;

/// A segment to be merged, without the rows at these places of its file.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) segment: Arc<OpenSegment>,
    pub(crate) dropped: RoaringBitmap,
}

/// Writes the rows of `inputs` durably as one segment; `None`, and no file, if no row is left. On an error a file
/// without meaning may be left. `stopping` ends it early with [`StoreError::Closed`].
pub(crate) fn merge(
    disk: &dyn Disk,
    data_dir: &DataDir,
    head: &Head<'_>,
    inputs: &[Input],
    stopping: &dyn Fn() -> bool,
) -> Result<Option<SegmentInfo>, StoreError> {
    let order = Order::new(inputs, head.cluster_field)?;
    if order.times.is_empty() {
        return Ok(None);
    }
    let sampled = inputs.iter().any(|i| i.segment.system_column(reserved::SAMPLE_RATE).is_some());
    let columns = columns(inputs);
    let path = data_dir.segment(head.dataset, head.id);
    let writer = file::begin(disk, &path, head.level, &columns, sampled)?;
    let written = Merge { path: &path, inputs, order: &order, columns: &columns, sampled, stopping };
    let (mut writer, factory) = writer.into_serialized_writer().map_err(|e| file::failed(&path, e))?;
    let mut seen = vec![Seen::default(); columns.len()];
    for (at, rows) in order.row_groups(file::row_group_rows(columns.len())).enumerate() {
        let writers = factory.create_column_writers(at).map_err(|e| file::failed(&path, e))?;
        written.row_group(&mut writer, writers, &rows, &mut seen)?;
    }
    let mut sequences = Sequences::default();
    inputs.iter().for_each(|i| sequences.merge(&i.segment.footer().sequences));
    let rows = Rows {
        rows: order.times.len() as u64,
        time_min: order.times.iter().copied().min().unwrap_or(i64::MAX),
        time_max: order.times.iter().copied().max().unwrap_or(i64::MIN),
        received_max: inputs.iter().map(|i| i.segment.footer().received_max).max().unwrap_or(0),
        sequences,
        sampled,
    };
    let fields = columns.into_iter().zip(seen).filter(|(_, seen)| seen.events > 0);
    let footer = file::footer(head, rows, fields);
    writer.append_key_value_metadata(file::entry(&footer)?);
    let blocks = writer.into_inner().map_err(|e| file::failed(&path, e))?;
    file::seal(disk, data_dir, blocks, &footer).map(Some)
}

/// A stretch of rows of one input.
#[derive(Clone, Copy, Debug)]
struct Run {
    input: usize,
    from: usize,
    rows: usize,
}

/// The rows in their new order.
struct Order {
    runs: Vec<Run>,
    times: Vec<i64>,
}

impl Order {
    fn new(inputs: &[Input], cluster_field: Option<&str>) -> Result<Order, StoreError> {
        let keys: Vec<Keys> = inputs.iter().map(|i| Keys::read(&i.segment, cluster_field)).collect::<Result<_, _>>()?;
        let mut values: Vec<&str> =
            keys.iter().flat_map(|k| k.cluster.iter().flat_map(|a| a.iter().flatten())).collect();
        values.sort_unstable();
        values.dedup();
        let mut rows: Vec<(u32, i64, u64, u32, u32)> = Vec::new();
        for (at, (keys, input)) in keys.iter().zip(inputs).enumerate() {
            // Neighbours nearly always share their cluster value.
            let mut last: Option<(&str, u32)> = None;
            for row in (0..keys.times.len()).filter(|row| !input.dropped.contains(*row as u32)) {
                let value = keys.cluster.as_ref().filter(|a| a.is_valid(row)).map(|a| a.value(row));
                let rank = match (value, last) {
                    (None, _) => u32::MAX,
                    (Some(value), Some((known, rank))) if known == value => rank,
                    (Some(value), _) => values.partition_point(|v| *v < value) as u32,
                };
                last = value.map(|value| (value, rank));
                rows.push((rank, keys.times[row], keys.sequences[row], at as u32, row as u32));
            }
        }
        rows.sort_unstable();
        let mut order = Order { runs: Vec::new(), times: Vec::with_capacity(rows.len()) };
        let mut next = vec![0; inputs.len()];
        for (_, time, _, input, row) in rows {
            let (input, row) = (input as usize, row as usize);
            if row < next[input] {
                return Err(StoreError::Bug("a segment is not in the order it says".into()));
            }
            next[input] = row + 1;
            order.times.push(time);
            match order.runs.last_mut() {
                Some(run) if run.input == input && run.from + run.rows == row => run.rows += 1,
                _ => order.runs.push(Run { input, from: row, rows: 1 }),
            }
        }
        Ok(order)
    }

    /// The runs of each row group, with the place of its first row.
    fn row_groups(&self, rows_max: usize) -> impl Iterator<Item = (usize, Vec<Run>)> {
        let mut runs = self.runs.iter().copied().peekable();
        let mut part: Option<Run> = None;
        let mut start = 0;
        std::iter::from_fn(move || {
            let mut group = Vec::new();
            let mut room = rows_max;
            while room > 0 {
                let Some(mut run) = part.take().or_else(|| runs.next()) else { break };
                if run.rows > room {
                    part = Some(Run { from: run.from + room, rows: run.rows - room, ..run });
                    run.rows = room;
                }
                room -= run.rows;
                group.push(run);
            }
            let first = start;
            start += rows_max - room;
            (!group.is_empty()).then_some((first, group))
        })
    }
}

/// What the rows of one input are ordered by.
struct Keys {
    cluster: Option<StringArray>,
    times: Vec<i64>,
    sequences: Vec<u64>,
}

impl Keys {
    fn read(segment: &OpenSegment, cluster_field: Option<&str>) -> Result<Keys, StoreError> {
        let system = |name: &str| {
            let index =
                segment.system_column(name).ok_or_else(|| StoreError::Bug(format!("a segment has no {name}")))?;
            whole(segment, index)
        };
        let times = system(reserved::TIMESTAMP)?;
        let sequences = system(reserved::SEQUENCE)?;
        let cluster = cluster_field.and_then(|f| segment.column(&FieldName::trusted(f), FieldType::String));
        let cluster = cluster.map(|index| whole(segment, index)).transpose()?;
        let cluster = cluster.map(|array| arrow::compute::cast(&array, &DataType::Utf8)).transpose();
        Ok(Keys {
            cluster: cluster.map_err(|e| StoreError::Bug(e.to_string()))?.map(|a| a.as_string().clone()),
            times: times.as_primitive::<TimestampNanosecondType>().values().to_vec(),
            sequences: sequences.as_primitive::<UInt64Type>().values().to_vec(),
        })
    }
}

/// Reads a whole column, a portion at a time.
pub(crate) fn whole_column(segment: &OpenSegment, index: usize) -> Result<ParquetRecordBatchReader, StoreError> {
    let rows = segment.metadata().metadata().file_metadata().num_rows() as usize;
    reader(segment, index, 0..rows)
}

/// A whole column.
pub(crate) fn whole(segment: &OpenSegment, index: usize) -> Result<ArrayRef, StoreError> {
    let mut parts = Vec::new();
    for batch in whole_column(segment, index)? {
        let batch = batch.map_err(|e| segment.unreadable(&e))?;
        parts.push(Arc::clone(batch.column(0)));
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    concat(&parts).map_err(|e| StoreError::Bug(e.to_string()))
}

/// Reads some rows of one column.
pub(crate) fn reader(
    segment: &OpenSegment,
    index: usize,
    rows: Range<usize>,
) -> Result<ParquetRecordBatchReader, StoreError> {
    let metadata = segment.metadata().metadata();
    let mut groups = Vec::new();
    let mut skip = 0;
    let mut at = 0;
    for (group, meta) in metadata.row_groups().iter().enumerate() {
        let end = at + meta.num_rows() as usize;
        if at < rows.end && end > rows.start {
            if groups.is_empty() {
                skip = rows.start - at;
            }
            groups.push(group);
        }
        at = end;
    }
    let selection = RowSelection::from(vec![RowSelector::skip(skip), RowSelector::select(rows.len())]);
    ParquetRecordBatchReaderBuilder::new_with_metadata(segment.bytes(), segment.metadata().clone())
        .with_projection(ProjectionMask::roots(segment.metadata().parquet_schema(), [index]))
        .with_row_groups(groups)
        .with_row_selection(selection)
        .with_batch_size(chunk_rows(metadata, index))
        .build()
        .map_err(|e| segment.unreadable(&e))
}

/// How many rows of a column to hold at a time.
pub(super) fn chunk_rows(metadata: &ParquetMetaData, index: usize) -> usize {
    let bytes: i64 = metadata.row_groups().iter().map(|g| g.column(index).uncompressed_size()).sum();
    let rows = metadata.file_metadata().num_rows().max(1);
    (CHUNK_BYTES / (bytes / rows).max(1) as usize).clamp(*CHUNK_ROWS.start(), *CHUNK_ROWS.end())
}

/// The columns of all inputs. A field's values of one type have the same column name in every segment of a dataset.
fn columns(inputs: &[Input]) -> Vec<Column> {
    let mut columns: BTreeMap<(FieldName, FieldType), (Arc<str>, i64)> = BTreeMap::new();
    for input in inputs {
        let metadata = input.segment.metadata().metadata();
        for field in &input.segment.footer().fields {
            let Some(key) = field.key() else { continue };
            let index = input.segment.column(&key.0, key.1);
            let repeats = index.is_some_and(|index| {
                metadata.row_groups().first().is_some_and(|g| g.column(index).dictionary_page_offset().is_some())
            });
            let rows = field.events as i64;
            let entry = columns.entry(key).or_insert_with(|| (field.column.as_str().into(), 0));
            entry.1 += if repeats { rows } else { -rows };
        }
    }
    let column =
        |((field, field_type), (physical, repeats))| Column { field, field_type, physical, repeats: repeats > 0 };
    columns.into_iter().map(column).collect()
}

/// One merge while its file is written.
struct Merge<'a> {
    path: &'a Path,
    inputs: &'a [Input],
    order: &'a Order,
    columns: &'a [Column],
    sampled: bool,
    stopping: &'a dyn Fn() -> bool,
}

/// Where one column's values come from: for each input the reader of its rows, if it has the column.
struct Feeds {
    feeds: Vec<Option<Feed>>,
    absent: Absent,
}

/// What a row has for a column that its segment does not have.
enum Absent {
    Null,
    /// Events of a segment without sample rates stand for themselves.
    One(ArrayRef),
}

impl Merge<'_> {
    fn row_group(
        &self,
        writer: &mut parquet::file::writer::SerializedFileWriter<super::blocks::BlockWriter>,
        writers: Vec<ArrowColumnWriter>,
        (first, runs): &(usize, Vec<Run>),
        seen: &mut [Seen],
    ) -> Result<(), StoreError> {
        let failed = |e| file::failed(self.path, e);
        let system = SYSTEM_COLUMNS + usize::from(self.sampled);
        let schema = as_read(&file::schema(self.columns, self.sampled));
        let mut group = writer.next_row_group().map_err(failed)?;
        for (at, mut column) in writers.into_iter().enumerate() {
            if (self.stopping)() {
                return Err(StoreError::Closed);
            }
            let field = schema.field(at);
            let index = |segment: &OpenSegment| match at.checked_sub(system) {
                None => segment.system_column(field.name()),
                Some(at) => segment.column(&self.columns[at].field, self.columns[at].field_type),
            };
            let mut feeds = self.feeds(runs, field, index)?;
            let mut row = *first;
            for chunk in chunks(runs, feeds.chunk_rows()) {
                let array = feeds.take(&chunk, field.data_type())?;
                if let Some(seen) = at.checked_sub(system).map(|at| &mut seen[at]) {
                    let times = &self.order.times[row..row + array.len()];
                    times.iter().enumerate().filter(|(i, _)| array.is_valid(*i)).for_each(|(_, time)| seen.note(*time));
                }
                row += array.len();
                for leaf in compute_leaves(field, &array).map_err(failed)? {
                    column.write(&leaf).map_err(failed)?;
                }
            }
            let chunk = column.close().map_err(failed)?;
            chunk.append_to_row_group(&mut group).map_err(failed)?;
        }
        group.close().map_err(failed)?;
        Ok(())
    }

    fn feeds(
        &self,
        runs: &[Run],
        field: &Field,
        index: impl Fn(&OpenSegment) -> Option<usize>,
    ) -> Result<Feeds, StoreError> {
        let mut feeds = Vec::with_capacity(self.inputs.len());
        for (at, input) in self.inputs.iter().enumerate() {
            let own = || runs.iter().filter(|r| r.input == at);
            let rows = own().next().map(|r| r.from).zip(own().next_back().map(|r| r.from + r.rows));
            let feed = match (index(&input.segment), rows) {
                (Some(index), Some((from, to))) => Some(Feed::new(Arc::clone(&input.segment), index, from..to)?),
                _ => None,
            };
            feeds.push(feed);
        }
        let absent = match field.data_type() {
            DataType::UInt32 => Absent::One(Arc::new(UInt32Array::from_value(1, *CHUNK_ROWS.end()))),
            _ => Absent::Null,
        };
        Ok(Feeds { feeds, absent })
    }
}

/// The schema as [`OpenSegment`] decodes it: text as views, which are not copied on their way.
fn as_read(schema: &Schema) -> Schema {
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 => field.as_ref().clone().with_data_type(DataType::Utf8View),
        _ => field.as_ref().clone(),
    };
    Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>())
}

/// The runs in portions of at most `rows` rows.
fn chunks(runs: &[Run], rows: usize) -> impl Iterator<Item = Vec<Run>> {
    let order = Order { runs: runs.to_vec(), times: Vec::new() };
    let mut parts = Vec::new();
    parts.extend(order.row_groups(rows).map(|(_, runs)| runs));
    parts.into_iter()
}

/// Reads one column of one input forwards.
struct Feed {
    segment: Arc<OpenSegment>,
    reader: ParquetRecordBatchReader,
    array: ArrayRef,
    /// Which row of the file the array begins with.
    start: usize,
    chunk_rows: usize,
}

impl Feed {
    fn new(segment: Arc<OpenSegment>, index: usize, rows: Range<usize>) -> Result<Feed, StoreError> {
        let start = rows.start;
        let reader = reader(&segment, index, rows)?;
        let chunk_rows = chunk_rows(segment.metadata().metadata(), index);
        Ok(Feed { segment, reader, array: Arc::new(UInt32Array::from_value(0, 0)), start, chunk_rows })
    }

    /// The array that holds `row`, and the place of `row` in it.
    fn seek(&mut self, row: usize) -> Result<(&ArrayRef, usize), StoreError> {
        while row >= self.start + self.array.len() {
            self.start += self.array.len();
            let batch = self.reader.next().ok_or_else(|| StoreError::Bug("a segment ends before its rows".into()))?;
            let batch = batch.map_err(|e| self.segment.unreadable(&e))?;
            self.array = Arc::clone(batch.column(0));
        }
        Ok((&self.array, row - self.start))
    }
}

impl Feeds {
    /// How many rows to write at a time: long texts would make pages and portions of any size.
    fn chunk_rows(&self) -> usize {
        self.feeds.iter().flatten().map(|feed| feed.chunk_rows).min().unwrap_or(*CHUNK_ROWS.end())
    }

    /// The values of the runs, one after the other.
    fn take(&mut self, runs: &[Run], data_type: &DataType) -> Result<ArrayRef, StoreError> {
        let mut arrays: Vec<ArrayRef> = Vec::new();
        // For each input the last of `arrays` that is its own.
        let mut last = vec![None; self.feeds.len()];
        let mut parts: Vec<(Option<usize>, usize, usize)> = Vec::with_capacity(runs.len());
        for run in runs {
            let (mut from, end) = (run.from, run.from + run.rows);
            let Some(feed) = &mut self.feeds[run.input] else {
                match &self.absent {
                    Absent::Null => parts.push((None, 0, run.rows)),
                    Absent::One(ones) => {
                        arrays.push(Arc::clone(ones));
                        parts.push((Some(arrays.len() - 1), 0, run.rows));
                    }
                }
                continue;
            };
            while from < end {
                let (array, at) = feed.seek(from)?;
                let rows = (array.len() - at).min(end - from);
                let known = last[run.input].filter(|known: &usize| Arc::ptr_eq(&arrays[*known], array));
                let place = known.unwrap_or_else(|| {
                    arrays.push(Arc::clone(array));
                    arrays.len() - 1
                });
                last[run.input] = Some(place);
                parts.push((Some(place), at, at + rows));
                from += rows;
            }
        }
        if arrays.is_empty() {
            let rows = parts.iter().map(|part| part.2).sum();
            return Ok(arrow::array::new_null_array(data_type, rows));
        }
        if let [(Some(place), from, to)] = parts.as_slice() {
            return Ok(arrays[*place].slice(*from, to - from));
        }
        let data: Vec<_> = arrays.iter().map(|a| a.to_data()).collect();
        let rows = runs.iter().map(|r| r.rows).sum();
        let mut taken = MutableArrayData::new(data.iter().collect(), true, rows);
        for (place, from, to) in parts {
            match place {
                Some(place) => taken.try_extend(place, from, to),
                None => taken.try_extend_nulls(to),
            }
            .map_err(|e| StoreError::Bug(e.to_string()))?;
        }
        Ok(make_array(taken.freeze()))
    }
}
