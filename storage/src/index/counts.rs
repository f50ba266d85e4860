//! Value counts of a column, block by block: what "what is different" takes its baseline from.
//!
//! For each block the values with most events are listed, as far as a budget of bytes goes; the others are summed by what is
//! missing from the block's total, so that totals stay true. Numbers have a histogram besides. A listed count is exact. It
//! must not know how a block is cut.

use super::codec::{Cursor, put_varint, unzigzag, zigzag};
use super::histogram::{BucketCount, Histogram};
use super::tally::{ByHash, Count, Seen, Tally};
use crate::event::FieldType;

/// Values that one block lists.
pub(super) const LISTED_MAX: usize = 1_024;
/// Bytes that a block's list may take: some for each event with a value, and some for a block of few events.
pub(super) const LIST_BYTES_PER_EVENT: f64 = 0.125;
pub(super) const LIST_BYTES_MIN: usize = 16;
/// Bytes of a value that is listed in another block too, about.
const LISTED_BYTES: usize = 3;
/// The least share of a block's values that a value must have to be listed for its own sake: rarer ones are noise. Of
/// numbers, whose histogram says more, only the common ones are listed.
pub(super) const SHARE_MIN_TEXT: u32 = 4_096;
pub(super) const SHARE_MIN_NUMBER: u32 = 256;
/// So few different values are listed although each may be there once.
const FEW_VALUES: usize = 8;

/// A value that some block lists.
#[derive(Clone, Debug, PartialEq)]
pub enum ListedValue {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

/// How often a block has a value. `value` is its place in [`ColumnCounts::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueCount {
    pub value: u32,
    pub events: u32,
    pub weight: u64,
}

/// One column in one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockCounts {
    pub block: u32,
    /// Events with a value.
    pub events: u32,
    /// Summed sample rate of those.
    pub weight: u64,
    /// By value.
    pub listed: Vec<ValueCount>,
    /// By bucket; empty unless the values are numbers.
    pub histogram: Vec<BucketCount>,
}

impl BlockCounts {
    /// Events and summed sample rate of the values that are not listed.
    pub fn other(&self) -> (u64, u64) {
        let listed = self.listed.iter().fold((0, 0), |sum, v| (sum.0 + u64::from(v.events), sum.1 + v.weight));
        (u64::from(self.events).saturating_sub(listed.0), self.weight.saturating_sub(listed.1))
    }
}

/// A column's counts. Blocks in which it has no value are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnCounts {
    pub values: Vec<ListedValue>,
    pub blocks: Vec<BlockCounts>,
}

/// Writes the counts of one column.
#[derive(Debug)]
pub(super) struct CountsBuilder {
    field_type: FieldType,
    sampled: bool,
    known: ByHash<u32>,
    values: Vec<u8>,
    blocks: Vec<u8>,
    block_count: u32,
    next_block: u32,
}

impl CountsBuilder {
    pub(super) fn new(field_type: FieldType, sampled: bool) -> CountsBuilder {
        CountsBuilder {
            field_type,
            sampled,
            known: ByHash::default(),
            values: Vec::new(),
            blocks: Vec::new(),
            block_count: 0,
            next_block: 0,
        }
    }

    /// Adds a block that has `events` values. `tally` has counted them, unless it gave up.
    pub(super) fn add(&mut self, block: u32, (events, weight): (u32, u64), tally: &Tally, histogram: &mut Histogram) {
        let listed = if tally.gave_up { Vec::new() } else { self.list(events, tally) };
        put_varint(&mut self.blocks, u64::from(block - self.next_block));
        self.next_block = block + 1;
        self.block_count += 1;
        self.put(events, weight);
        put_varint(&mut self.blocks, listed.len() as u64);
        let mut next = 0;
        for count in listed {
            put_varint(&mut self.blocks, u64::from(count.value - next));
            next = count.value + 1;
            self.put(count.events, count.weight);
        }
        if matches!(self.field_type, FieldType::Integer | FieldType::Float) {
            self.put_histogram(&histogram.take());
        }
    }

    /// Events, and what their sample rates add to them.
    fn put(&mut self, events: u32, weight: u64) {
        put_varint(&mut self.blocks, u64::from(events));
        if self.sampled {
            put_varint(&mut self.blocks, weight - u64::from(events));
        }
    }

    fn put_histogram(&mut self, buckets: &[BucketCount]) {
        put_varint(&mut self.blocks, buckets.len() as u64);
        let mut before = 0;
        for count in buckets {
            put_varint(&mut self.blocks, zigzag(i64::from(count.bucket - before)));
            before = count.bucket;
            self.put(count.events, count.weight);
        }
    }

    /// The values that are worth their bytes, by their place among the column's values.
    fn list(&mut self, events: u32, tally: &Tally) -> Vec<ValueCount> {
        let share = if matches!(self.field_type, FieldType::Integer | FieldType::Float) {
            SHARE_MIN_NUMBER
        } else {
            SHARE_MIN_TEXT
        };
        let least = if tally.counts().len() <= FEW_VALUES { 1 } else { (events / share).max(2) };
        let wanted = |count: &&Count| count.events >= least || self.known.contains_key(&count.hash);
        let mut candidates: Vec<&Count> = tally.counts().iter().filter(wanted).collect();
        // Stable, so that among equals the one seen first goes first.
        candidates.sort_by_key(|count| std::cmp::Reverse(count.events));
        let mut room = LIST_BYTES_MIN + (f64::from(events) * LIST_BYTES_PER_EVENT) as usize;
        let mut listed = Vec::new();
        for count in candidates.into_iter().take(LISTED_MAX) {
            let Some(value) = tally.value(count) else { continue };
            let place = self.known.get(&count.hash).copied();
            let cost = LISTED_BYTES + if place.is_some() { 0 } else { bytes_of(value) };
            if cost > room {
                break;
            }
            room -= cost;
            let value = place.unwrap_or_else(|| self.learn(count.hash, value));
            listed.push(ValueCount { value, events: count.events, weight: count.weight });
        }
        listed.sort_unstable_by_key(|count| count.value);
        listed
    }

    fn learn(&mut self, hash: u64, value: Seen<'_>) -> u32 {
        match (value, self.field_type) {
            (Seen::Text(text), _) => {
                put_varint(&mut self.values, text.len() as u64);
                self.values.extend_from_slice(text);
            }
            (Seen::Bits(bits), FieldType::Integer) => put_varint(&mut self.values, zigzag(bits as i64)),
            (Seen::Bits(bits), FieldType::Boolean) => self.values.push(bits as u8),
            (Seen::Bits(bits), _) => self.values.extend(bits.to_le_bytes()),
        }
        let place = self.known.len() as u32;
        self.known.insert(hash, place);
        place
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.values.len() + self.blocks.len() + 20);
        put_varint(&mut out, self.known.len() as u64);
        out.extend(self.values);
        put_varint(&mut out, u64::from(self.block_count));
        out.extend(self.blocks);
        out
    }
}

fn bytes_of(value: Seen<'_>) -> usize {
    match value {
        Seen::Text(text) => 1 + text.len(),
        Seen::Bits(_) => 8,
    }
}

/// Reads what [`CountsBuilder`] wrote; nothing if it did not.
pub(super) fn read(bytes: &[u8], field_type: FieldType, sampled: bool) -> Option<ColumnCounts> {
    let mut cursor = Cursor(bytes);
    let mut counts = ColumnCounts::default();
    for _ in 0..cursor.count()? {
        counts.values.push(read_value(&mut cursor, field_type)?);
    }
    let mut next_block = 0u32;
    for _ in 0..cursor.count()? {
        let block = next_block.checked_add(cursor.varint32()?)?;
        next_block = block.checked_add(1)?;
        counts.blocks.push(read_block(&mut cursor, block, field_type, sampled, counts.values.len())?);
    }
    cursor.is_empty().then_some(counts)
}

fn read_value(cursor: &mut Cursor<'_>, field_type: FieldType) -> Option<ListedValue> {
    Some(match field_type {
        FieldType::Boolean => ListedValue::Boolean(cursor.u8()? != 0),
        FieldType::Integer => ListedValue::Integer(unzigzag(cursor.varint()?)),
        FieldType::Float => ListedValue::Float(cursor.f64()?),
        FieldType::String => {
            let length = cursor.count()?;
            ListedValue::Text(std::str::from_utf8(cursor.take(length)?).ok()?.to_owned())
        }
    })
}

fn read_block(
    cursor: &mut Cursor<'_>,
    block: u32,
    field_type: FieldType,
    sampled: bool,
    values: usize,
) -> Option<BlockCounts> {
    let both = |cursor: &mut Cursor<'_>| {
        let events = cursor.varint32()?;
        let more = if sampled { cursor.varint()? } else { 0 };
        Some((events, u64::from(events).checked_add(more)?))
    };
    let (events, weight) = both(cursor)?;
    let mut counts = BlockCounts { block, events, weight, ..BlockCounts::default() };
    let mut next = 0u32;
    for _ in 0..cursor.count()? {
        let value = next.checked_add(cursor.varint32()?).filter(|value| (*value as usize) < values)?;
        next = value + 1;
        let (events, weight) = both(cursor)?;
        counts.listed.push(ValueCount { value, events, weight });
    }
    if matches!(field_type, FieldType::Integer | FieldType::Float) {
        let mut before = 0i32;
        for _ in 0..cursor.count()? {
            let bucket = i32::try_from(i64::from(before).checked_add(unzigzag(cursor.varint()?))?).ok()?;
            before = bucket;
            let (events, weight) = both(cursor)?;
            counts.histogram.push(BucketCount { bucket, events, weight });
        }
    }
    Some(counts)
}
