//! One batch as bytes: the block of the WAL format. Knows columns; must not know frames or files.
//!
//! Values are packed: rows without a value cost a bit, so that one event with a few fields of a wide dataset stays
//! about as small as it was sent.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray, UInt32Array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowPrimitiveType, Float64Type, Int64Type};

use crate::event::{EventBatch, EventColumn, FieldName, FieldType};
use crate::limits;

const VERSION: u8 = 1;

/// A block that cannot be read: damage, or a newer writer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the block {0}")]
pub(crate) struct BadBlock(&'static str);

/// Bytes of the block of `batch`.
pub(crate) fn length(batch: &EventBatch) -> usize {
    let rates = batch.sample_rate().map_or(0, |_| 4 * batch.rows());
    10 + 8 * batch.rows() + rates + batch.columns().iter().map(column_length).sum::<usize>()
}

fn column_length(column: &EventColumn) -> usize {
    let (rows, nulls) = (column.values.len(), column.values.null_count());
    let present = rows - nulls;
    let values = match column.field_type {
        FieldType::Boolean => present.div_ceil(8),
        FieldType::Integer | FieldType::Float => 8 * present,
        FieldType::String => {
            let values: &StringArray = column.values.as_string();
            4 * present + stretches(values.nulls(), rows).map(|rows| text(values, rows).len()).sum::<usize>()
        }
    };
    4 + column.field.as_str().len() + if nulls > 0 { rows.div_ceil(8) } else { 0 } + values
}

/// Appends the block of `batch` to `out`.
pub(crate) fn encode(batch: &EventBatch, out: &mut Vec<u8>) {
    out.push(VERSION);
    out.extend((batch.rows() as u32).to_le_bytes());
    out.extend((batch.columns().len() as u32).to_le_bytes());
    out.push(u8::from(batch.sample_rate().is_some()));
    put_all(out, batch.timestamp().values(), |v| v.to_le_bytes());
    if let Some(rates) = batch.sample_rate() {
        put_all(out, rates.values(), |v| v.to_le_bytes());
    }
    for column in batch.columns() {
        encode_column(column, out);
    }
}

fn encode_column(column: &EventColumn, out: &mut Vec<u8>) {
    let name = column.field.as_str().as_bytes();
    out.extend((name.len() as u16).to_le_bytes());
    out.extend(name);
    out.push(column.field_type as u8);
    let nulls = column.values.nulls().filter(|n| n.null_count() > 0);
    out.push(u8::from(nulls.is_none()));
    if let Some(nulls) = nulls {
        put_packed(out, nulls.inner());
    }
    match column.field_type {
        FieldType::Boolean => {
            let values = column.values.as_boolean();
            let present = values.len() - values.null_count();
            put_bits(out, (0..values.len()).filter(|i| values.is_valid(*i)).map(|i| values.value(i)), present);
        }
        FieldType::Integer => put_present::<Int64Type, 8>(out, &column.values, nulls, i64::to_le_bytes),
        FieldType::Float => put_present::<Float64Type, 8>(out, &column.values, nulls, f64::to_le_bytes),
        FieldType::String => encode_strings(column.values.as_string(), nulls, out),
    }
}

fn encode_strings(values: &StringArray, nulls: Option<&NullBuffer>, out: &mut Vec<u8>) {
    let offsets = values.value_offsets();
    out.reserve(4 * (values.len() - values.null_count()));
    for rows in stretches(nulls, values.len()) {
        for pair in offsets[rows.start..=rows.end].windows(2) {
            out.extend(((pair[1] - pair[0]) as u32).to_le_bytes());
        }
    }
    for rows in stretches(nulls, values.len()) {
        out.extend(text(values, rows));
    }
}

/// The rows that have a value, as many at a time as lie together.
fn stretches(nulls: Option<&NullBuffer>, rows: usize) -> impl Iterator<Item = Range<usize>> {
    let whole = nulls.is_none().then_some(0..rows);
    let parts = nulls.into_iter().flat_map(|nulls| nulls.valid_slices().map(|(start, end)| start..end));
    whole.into_iter().chain(parts)
}

/// The bytes of rows that lie together.
fn text(values: &StringArray, rows: Range<usize>) -> &[u8] {
    let offsets = values.value_offsets();
    &values.value_data()[offsets[rows.start] as usize..offsets[rows.end] as usize]
}

fn put_all<T: Copy, const N: usize>(out: &mut Vec<u8>, values: &[T], bytes: impl Fn(T) -> [u8; N]) {
    out.reserve(values.len() * N);
    for value in values {
        out.extend(bytes(*value));
    }
}

fn put_present<T: ArrowPrimitiveType, const N: usize>(
    out: &mut Vec<u8>,
    values: &ArrayRef,
    nulls: Option<&NullBuffer>,
    bytes: impl Fn(T::Native) -> [u8; N],
) {
    let values = values.as_primitive::<T>().values();
    for rows in stretches(nulls, values.len()) {
        put_all(out, &values[rows], &bytes);
    }
}

/// Bits as they lie in memory; those behind the last are 0.
fn put_packed(out: &mut Vec<u8>, bits: &BooleanBuffer) {
    let packed = bits.sliced();
    out.extend(&packed[..bits.len().div_ceil(8)]);
    let behind = out.len() * 8 - bits.len();
    if let (Some(last), 1..8) = (out.last_mut(), behind % 8) {
        *last &= 0xff >> (behind % 8);
    }
}

fn put_bits(out: &mut Vec<u8>, bits: impl Iterator<Item = bool>, count: usize) {
    let start = out.len();
    out.resize(start + count.div_ceil(8), 0);
    for (i, bit) in bits.enumerate() {
        out[start + i / 8] |= u8::from(bit) << (i % 8);
    }
}

/// The batch of a block. Never panics and never allocates more than a small multiple of what the block holds.
pub(crate) fn decode(block: &[u8]) -> Result<EventBatch, BadBlock> {
    let mut input = Input(block);
    if input.u8()? != VERSION {
        return Err(BadBlock("has an unknown version"));
    }
    let rows = input.u32()? as usize;
    let columns = input.u32()? as usize;
    let sampled = input.flag()?;
    let timestamp = Int64Array::from(input.numbers(rows, i64::from_le_bytes)?);
    let sample_rate = if sampled { Some(UInt32Array::from(input.numbers(rows, u32::from_le_bytes)?)) } else { None };
    let mut decoded = Vec::with_capacity(columns.min(limits::BATCH_COLUMNS_MAX));
    for _ in 0..columns {
        decoded.push(decode_column(&mut input, rows)?);
    }
    if !input.0.is_empty() {
        return Err(BadBlock("has bytes behind its last column"));
    }
    EventBatch::new(timestamp, sample_rate, decoded).map_err(|_| BadBlock("breaks an invariant of batches"))
}

fn decode_column(input: &mut Input<'_>, rows: usize) -> Result<EventColumn, BadBlock> {
    let length = u16::from_le_bytes(input.array()?) as usize;
    let name = std::str::from_utf8(input.take(length)?).map_err(|_| BadBlock("has a field name that is not UTF-8"))?;
    let field = FieldName::new(name).map_err(|_| BadBlock("has a bad field name"))?;
    let field_type = FieldType::from_code(input.u8()?).ok_or(BadBlock("has an unknown type"))?;
    let nulls = if input.flag()? { None } else { Some(NullBuffer::new(input.bits(rows)?)) };
    let present = rows - nulls.as_ref().map_or(0, NullBuffer::null_count);
    let values: ArrayRef = match field_type {
        FieldType::Boolean => {
            let bits = input.bits(present)?;
            let bits = match &nulls {
                None => bits,
                Some(nulls) => BooleanBuffer::from(spread(nulls, rows, bits.iter())),
            };
            Arc::new(BooleanArray::new(bits, nulls))
        }
        FieldType::Integer => {
            let values = input.numbers(present, i64::from_le_bytes)?;
            Arc::new(Int64Array::new(spread_numbers(values, nulls.as_ref(), rows), nulls))
        }
        FieldType::Float => {
            let values = input.numbers(present, f64::from_le_bytes)?;
            Arc::new(Float64Array::new(spread_numbers(values, nulls.as_ref(), rows), nulls))
        }
        FieldType::String => Arc::new(decode_strings(input, rows, nulls, present)?),
    };
    Ok(EventColumn { field, field_type, values })
}

fn decode_strings(
    input: &mut Input<'_>,
    rows: usize,
    nulls: Option<NullBuffer>,
    present: usize,
) -> Result<StringArray, BadBlock> {
    let lengths = input.numbers(present, u32::from_le_bytes)?;
    let total: u64 = lengths.iter().map(|l| u64::from(*l)).sum();
    let total = usize::try_from(total).ok().filter(|t| *t <= i32::MAX as usize).ok_or(BadBlock("is too long"))?;
    let bytes = input.take(total)?;
    let mut offsets = Vec::with_capacity(rows + 1);
    let mut lengths = lengths.into_iter();
    let mut end = 0i32;
    offsets.push(0);
    for row in 0..rows {
        if nulls.as_ref().is_none_or(|n| n.is_valid(row)) {
            end += lengths.next().unwrap_or(0) as i32;
        }
        offsets.push(end);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    StringArray::try_new(offsets, Buffer::from(bytes), nulls).map_err(|_| BadBlock("has text that is not UTF-8"))
}

/// Packed values put back on the rows that have one.
fn spread<T: Copy + Default>(nulls: &NullBuffer, rows: usize, packed: impl Iterator<Item = T>) -> Vec<T> {
    let mut values = vec![T::default(); rows];
    for (row, value) in nulls.valid_indices().zip(packed) {
        values[row] = value;
    }
    values
}

fn spread_numbers<T>(packed: Vec<T>, nulls: Option<&NullBuffer>, rows: usize) -> ScalarBuffer<T>
where
    T: arrow::datatypes::ArrowNativeType,
{
    match nulls {
        None => packed.into(),
        Some(nulls) => spread(nulls, rows, packed.into_iter()).into(),
    }
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], BadBlock> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(BadBlock("ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadBlock> {
        self.take(N)?.try_into().map_err(|_| BadBlock("ends too early"))
    }

    fn u8(&mut self) -> Result<u8, BadBlock> {
        Ok(self.array::<1>()?[0])
    }

    fn flag(&mut self) -> Result<bool, BadBlock> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(BadBlock("has a flag that is neither 0 nor 1")),
        }
    }

    fn u32(&mut self) -> Result<u32, BadBlock> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn numbers<T, const N: usize>(&mut self, count: usize, from: impl Fn([u8; N]) -> T) -> Result<Vec<T>, BadBlock> {
        let bytes = self.take(count.checked_mul(N).ok_or(BadBlock("is too long"))?)?;
        Ok(bytes.as_chunks::<N>().0.iter().map(|c| from(*c)).collect())
    }

    fn bits(&mut self, count: usize) -> Result<BooleanBuffer, BadBlock> {
        let bytes = self.take(count.div_ceil(8))?;
        Ok(BooleanBuffer::new(Buffer::from(bytes), 0, count))
    }
}
