//! Memtable → segments: which rows make which segment, in which order, with which columns.
//!
//! 1. [`due`] says whether a memtable is to be flushed.
//! 2. [`plan`] cuts the rows: one segment per UTC day, ordered by (cluster value, timestamp, sequence). When events of
//!    very many days arrive at once, the stray rest is one segment.
//! 3. [`columns`] chooses the physical columns of one segment.
//!
//! It must not know the WAL or the catalog: the store publishes what comes out.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};

use crate::catalog::FieldTable;
use crate::event::{FieldName, FieldType, TimestampNs};
use crate::limits::{self, StoreLimits};
use crate::memtable::{Memtable, StoredBatch};
use crate::segment::DAY_NS;
use crate::segment::writer::{ColumnPlan, RowAt, Source};

/// The fields that may cluster a dataset, best first.
const CLUSTER_CANDIDATES: [&str; 4] = ["service.name", "name", "http.route", "level"];
/// Integers beyond this are not exact as floats.
const EXACT_FLOAT_MAX: u64 = 1 << 53;

/// Whether a memtable should be flushed now.
pub(crate) fn due(memtable: &Memtable, now: TimestampNs, limits: &StoreLimits) -> bool {
    let old = memtable.since().is_some_and(|since| {
        now.saturating_sub(since) / 1_000_000_000 >= i64::try_from(limits.flush_age_seconds_max).unwrap_or(i64::MAX)
    });
    old || large(memtable, limits)
}

/// Whether a memtable is worth a segment whatever its age.
pub(crate) fn large(memtable: &Memtable, limits: &StoreLimits) -> bool {
    memtable.active_bytes() >= limits.flush_bytes_max || memtable.active_rows() >= limits::SEGMENT_ROWS_MAX
}

/// The rows of one segment, in its order.
#[derive(Debug)]
pub(crate) struct SegmentRows {
    pub(crate) rows: Vec<RowAt>,
}

/// Cuts the batches into segments.
pub(crate) fn plan(batches: &[Arc<StoredBatch>], cluster_field: Option<&str>) -> Vec<SegmentRows> {
    let clusters: Vec<Option<&StringArray>> =
        batches.iter().map(|b| cluster_field.and_then(|field| text_column(b, field))).collect();
    let ranks = rank(&clusters);
    let mut days: BTreeMap<i64, Vec<(u32, i64, RowAt)>> = BTreeMap::new();
    for (at, batch) in batches.iter().enumerate() {
        for (row, time) in batch.events().timestamp().values().iter().enumerate() {
            let value = clusters[at].filter(|a| a.is_valid(row)).map(|a| a.value(row));
            let rank = value.map_or(u32::MAX, |v| ranks.get(v).copied().unwrap_or(u32::MAX));
            days.entry(time / DAY_NS).or_default().push((rank, *time, (at as u32, row as u32)));
        }
    }
    let mut segments = Vec::new();
    for mut day in with_stray_days_joined(days) {
        // Batches are in sequence order, so (batch, row) orders as the sequence does.
        day.sort_unstable();
        for rows in day.chunks(limits::SEGMENT_ROWS_MAX) {
            segments.push(SegmentRows { rows: rows.iter().map(|r| r.2).collect() });
        }
    }
    segments
}

/// A sender of made-up times must not make a file for each of a hundred thousand days: the days with most events keep a
/// segment of their own, the rest share one.
fn with_stray_days_joined<T>(days: BTreeMap<i64, Vec<T>>) -> Vec<Vec<T>> {
    let mut days: Vec<Vec<T>> = days.into_values().collect();
    if days.len() <= limits::FLUSH_DAYS_MAX {
        return days;
    }
    days.sort_by_key(|day| std::cmp::Reverse(day.len()));
    let stray: Vec<T> = days.split_off(limits::FLUSH_DAYS_MAX - 1).into_iter().flatten().collect();
    days.push(stray);
    days
}

/// The field to cluster by: the first candidate with a fitting number of values.
pub(crate) fn choose_cluster_field(batches: &[Arc<StoredBatch>]) -> Option<&'static str> {
    CLUSTER_CANDIDATES.into_iter().find(|field| {
        let mut values = HashSet::new();
        for array in batches.iter().filter_map(|b| text_column(b, field)) {
            values.extend(array.iter().flatten());
            if values.len() > *limits::CLUSTER_VALUES.end() {
                return false;
            }
        }
        limits::CLUSTER_VALUES.contains(&values.len())
    })
}

fn text_column<'a>(batch: &'a StoredBatch, field: &str) -> Option<&'a StringArray> {
    let column =
        batch.events().columns().iter().find(|c| c.field_type == FieldType::String && c.field.as_str() == field);
    column.map(|c| c.values.as_string())
}

/// The place of each value in byte order.
fn rank<'a>(clusters: &[Option<&'a StringArray>]) -> HashMap<&'a str, u32> {
    let mut values: Vec<&str> =
        clusters.iter().flatten().flat_map(|a| a.iter().flatten()).collect::<HashSet<_>>().into_iter().collect();
    values.sort_unstable();
    values.into_iter().enumerate().map(|(rank, value)| (value, rank as u32)).collect()
}

/// Where the batches have one field, by type.
type Places<'a> = [Vec<Option<&'a ArrayRef>>; 4];

/// The physical columns of a segment made of `rows`. New fields and types get their names in `table`.
pub(crate) fn columns<'a>(
    batches: &'a [Arc<StoredBatch>],
    rows: &[RowAt],
    table: &mut FieldTable,
) -> Vec<ColumnPlan<'a>> {
    let mut fields: BTreeMap<&FieldName, Places<'a>> = BTreeMap::new();
    for (at, batch) in batches.iter().enumerate() {
        for column in batch.events().columns() {
            let places = fields.entry(&column.field).or_default();
            let of_type = &mut places[column.field_type as usize];
            of_type.resize(batches.len(), None);
            of_type[at] = Some(&column.values);
        }
    }
    let whole = rows.len() == batches.iter().map(|b| b.rows()).sum::<usize>();
    let mut columns = Vec::new();
    for (field, mut places) in fields {
        if !whole {
            for of_type in &mut places {
                keep_if_used(of_type, rows);
            }
        }
        columns.extend(columns_of_field(field, &places, rows, table));
    }
    columns
}

/// Empties `of_type` if none of `rows` has a value in it.
fn keep_if_used(of_type: &mut Vec<Option<&ArrayRef>>, rows: &[RowAt]) {
    let used = |at: &RowAt| of_type[at.0 as usize].is_some_and(|a| a.is_valid(at.1 as usize));
    if !of_type.is_empty() && !rows.iter().any(used) {
        of_type.clear();
    }
}

fn columns_of_field<'a>(
    field: &FieldName,
    places: &Places<'a>,
    rows: &[RowAt],
    table: &mut FieldTable,
) -> Vec<ColumnPlan<'a>> {
    let [_, integers, floats, _] = places;
    let merge = !integers.is_empty() && !floats.is_empty() && exact_as_floats(integers, rows);
    let mut columns = Vec::new();
    for field_type in FieldType::ALL {
        let of_type = &places[field_type as usize];
        if of_type.is_empty() || (merge && field_type == FieldType::Integer) {
            continue;
        }
        let sources: Vec<Source<'a>> = if merge && field_type == FieldType::Float {
            integers.iter().zip(floats).map(|(i, f)| float_source(*i, *f)).collect()
        } else {
            of_type.iter().map(|place| place.map_or(Source::Absent, Source::Values)).collect()
        };
        let physical = table.assign(field, field_type);
        columns.push(ColumnPlan { field: field.clone(), field_type, physical, sources });
    }
    columns
}

fn float_source<'a>(integers: Option<&'a ArrayRef>, floats: Option<&'a ArrayRef>) -> Source<'a> {
    match (integers, floats) {
        (None, None) => Source::Absent,
        (None, Some(floats)) => Source::Values(floats),
        (Some(integers), floats) => Source::AsFloats {
            integers: integers.as_primitive::<Int64Type>(),
            floats: floats.map(|f| f.as_primitive::<Float64Type>()),
        },
    }
}

/// Whether every integer that `rows` have is exact as a float.
fn exact_as_floats(integers: &[Option<&ArrayRef>], rows: &[RowAt]) -> bool {
    let arrays: Vec<Option<&Int64Array>> = integers.iter().map(|place| place.map(|a| a.as_primitive())).collect();
    rows.iter().all(|at| {
        let array = arrays[at.0 as usize].filter(|a| a.is_valid(at.1 as usize));
        array.is_none_or(|a| a.value(at.1 as usize).unsigned_abs() <= EXACT_FLOAT_MAX)
    })
}
