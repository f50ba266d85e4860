//! One column of a segment, told from front to back, becomes its evidence.
//!
//! Whoever writes a segment knows its [`BlockLayout`] first and then has the columns one after the other, each in pieces:
//! [`ColumnIndexer::add`] takes a piece, [`ColumnIndexer::finish`] gives the bytes for the file. Memory is that of one
//! column: a word for each value, and the different values of one block. It must not know where rows come from or why they
//! are written.

use std::sync::Arc;

use arrow::array::{Array, ArrayAccessor, ArrayRef, AsArray, DictionaryArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};

use super::bounds::{Bounds, BoundsBuilder};
use super::counts::CountsBuilder;
use super::filter;
use super::histogram::Histogram;
use super::layout::BlockLayout;
use super::postings::PostingsBuilder;
use super::tally::{Seen, Tally};
use crate::catalog::Distinct;
use crate::error::StoreError;
use crate::event::{FieldName, FieldType, TimestampNs};

/// What belongs to the rows of a piece besides the column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PieceRows<'a> {
    pub(crate) times: &'a [TimestampNs],
    /// None: every event stands for itself.
    pub(crate) rates: Option<&'a [u32]>,
}

/// A column's evidence, ready to be written.
#[derive(Debug)]
pub(crate) struct ColumnIndex {
    pub(super) field: FieldName,
    pub(super) field_type: FieldType,
    pub(super) statistics: Statistics,
    pub(super) filter: Vec<u8>,
    pub(super) postings: Vec<u8>,
    pub(super) counts: Vec<u8>,
}

/// What a sidecar says of a whole column.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Events with a value.
    pub events: u32,
    /// Summed `sample_rate` of those.
    pub weight: u64,
    pub first_seen: TimestampNs,
    pub last_seen: TimestampNs,
    /// Different values.
    pub distinct: u32,
    /// The slices with a value, a bit each.
    pub slices: u64,
    /// None if some value cannot be compared.
    pub bounds: Option<Bounds>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct ColumnIndexer<'a> {
    layout: &'a BlockLayout,
    field: FieldName,
    field_type: FieldType,
    /// The next row, and the block it is in.
    row: u32,
    block: usize,
    /// Events with a value in this block, and their summed sample rate.
    block_sum: (u32, u64),
    statistics: Statistics,
    bounds: BoundsBuilder,
    keys: Vec<u64>,
    tally: Tally,
    codes: Codes,
    histogram: Histogram,
    postings: PostingsBuilder,
    counts: CountsBuilder,
}

/// What is known of the dictionary that pieces come with.
#[derive(Debug, Default)]
struct Codes {
    dictionary: Option<ArrayRef>,
    hashes: Vec<u64>,
    /// The place of each value in the tally of this block.
    places: Vec<u32>,
}

const NO_PLACE: u32 = u32::MAX;

/// A stretch of rows of one block and one slice.
struct Stretch {
    from: usize,
    to: usize,
    first_row: u32,
    slice: u32,
}

impl Stretch {
    fn row(&self, at: usize) -> u32 {
        self.first_row + (at - self.from) as u32
    }
}

impl<'a> ColumnIndexer<'a> {
    pub(crate) fn new(field: FieldName, field_type: FieldType, layout: &'a BlockLayout) -> ColumnIndexer<'a> {
        ColumnIndexer {
            layout,
            field,
            field_type,
            row: 0,
            block: 0,
            block_sum: (0, 0),
            statistics: Statistics {
                events: 0,
                weight: 0,
                first_seen: TimestampNs::MAX,
                last_seen: TimestampNs::MIN,
                distinct: 0,
                slices: 0,
                bounds: None,
            },
            bounds: BoundsBuilder::default(),
            keys: Vec::new(),
            tally: Tally::default(),
            codes: Codes::default(),
            histogram: Histogram::default(),
            postings: PostingsBuilder::new(layout.grid),
            counts: CountsBuilder::new(field_type, layout.sampled),
        }
    }

    /// The next rows.
    pub(crate) fn add(&mut self, values: &ArrayRef, rows: PieceRows<'_>) -> Result<(), StoreError> {
        let length = values.len();
        let rates = rows.rates.map_or(length, <[u32]>::len);
        if rows.times.len() != length || rates != length || length as u64 > u64::from(self.layout.grid.rows - self.row)
        {
            return Err(StoreError::Bug(format!("{} is indexed with other rows than it has", self.field)));
        }
        if values.null_count() == length {
            self.skip(length);
            return Ok(());
        }
        match (self.field_type, values.data_type()) {
            (FieldType::Boolean, DataType::Boolean) => {
                let told = |value| (Distinct::hash_boolean(value), Seen::Bits(u64::from(value)));
                self.add_each(values.as_boolean(), rows, told);
            }
            (FieldType::Integer, DataType::Int64) => {
                let told = |value| (Distinct::hash_integer(value), Seen::Bits(value as u64));
                self.add_each(values.as_primitive::<Int64Type>(), rows, told);
            }
            (FieldType::Float, DataType::Float64) => {
                // Minus zero is zero.
                let told = |value: f64| (Distinct::hash_float(value), Seen::Bits((value + 0.0).to_bits()));
                self.add_each(values.as_primitive::<Float64Type>(), rows, told);
            }
            (FieldType::String, DataType::Utf8) => self.add_text(values.as_string::<i32>(), rows),
            (FieldType::String, DataType::Utf8View) => self.add_text(values.as_string_view(), rows),
            (FieldType::String, DataType::Dictionary(key, _)) if **key == DataType::Int32 => {
                self.add_dictionary(values.as_dictionary::<Int32Type>(), rows);
            }
            (field_type, _) => {
                let values = cast(values, &field_type.data_type()).map_err(|e| StoreError::Bug(e.to_string()))?;
                return self.add(&values, rows);
            }
        }
        Ok(())
    }

    /// The next rows have no value.
    pub(crate) fn skip(&mut self, rows: usize) {
        let mut rows = rows as u32;
        while rows > 0 && self.block < self.layout.blocks.len() {
            let now = rows.min(self.layout.blocks[self.block].end_row() - self.row);
            self.advance(now);
            rows -= now;
        }
    }

    fn add_text<'t, V: ArrayAccessor<Item = &'t str>>(&mut self, values: V, rows: PieceRows<'_>) {
        self.add_each(values, rows, |text| (Distinct::hash_text(text), Seen::Text(text.as_bytes())));
    }

    fn add_each<'t, V: ArrayAccessor>(
        &mut self,
        values: V,
        rows: PieceRows<'_>,
        told: impl Fn(V::Item) -> (u64, Seen<'t>),
    ) {
        self.add_stretches(values.nulls(), values.len(), rows, |indexer, at, row, slice, rate| {
            let (hash, value) = told(values.value(at));
            indexer.see(hash, value, row, slice, rate);
        });
    }

    /// Each different value is looked up once in a block.
    fn add_dictionary(&mut self, array: &DictionaryArray<Int32Type>, rows: PieceRows<'_>) {
        let Ok(dictionary) = cast(array.values(), &DataType::Utf8) else { return };
        let texts = dictionary.as_string::<i32>();
        if !self.codes.dictionary.as_ref().is_some_and(|known| Arc::ptr_eq(known, array.values())) {
            let hashes = texts.iter().map(|text| Distinct::hash_text(text.unwrap_or_default())).collect();
            let places = vec![NO_PLACE; texts.len()];
            self.codes = Codes { dictionary: Some(Arc::clone(array.values())), hashes, places };
        }
        let keys = array.keys().values();
        self.add_stretches(array.nulls(), array.len(), rows, |indexer, at, row, slice, rate| {
            let code = keys[at] as usize;
            let place = indexer.codes.places[code];
            if place != NO_PLACE && !indexer.tally.gave_up {
                indexer.see_again(place, row, slice, rate);
            } else if let Some(place) =
                indexer.see(indexer.codes.hashes[code], Seen::Text(texts.value(code).as_bytes()), row, slice, rate)
            {
                indexer.codes.places[code] = place;
            }
        });
    }

    /// Goes through the rows with a value, stretch by stretch.
    fn add_stretches(
        &mut self,
        nulls: Option<&NullBuffer>,
        length: usize,
        rows: PieceRows<'_>,
        mut see: impl FnMut(&mut Self, usize, u32, u32, u64),
    ) {
        let mut from = 0;
        while from < length {
            let stretch = self.stretch(from, length);
            let rate = |at: usize| rows.rates.map_or(1, |rates| u64::from(rates[at]));
            let before = self.statistics.events;
            match nulls.filter(|nulls| nulls.null_count() > 0) {
                None => {
                    self.see_events(&stretch, rows);
                    for at in stretch.from..stretch.to {
                        see(self, at, stretch.row(at), stretch.slice, rate(at));
                    }
                }
                Some(nulls) => {
                    let valid = nulls.inner().slice(stretch.from, stretch.to - stretch.from);
                    for at in valid.set_indices().map(|at| stretch.from + at) {
                        self.see_event(stretch.row(at), rows.times[at], rate(at));
                        see(self, at, stretch.row(at), stretch.slice, rate(at));
                    }
                }
            }
            if self.statistics.events > before {
                self.statistics.slices |= 1 << stretch.slice;
            }
            self.advance((stretch.to - stretch.from) as u32);
            from = stretch.to;
        }
    }

    fn stretch(&self, from: usize, end: usize) -> Stretch {
        let slice = self.layout.grid.slice_of(self.row);
        let slice_end = (slice + 1) * self.layout.grid.slice_rows;
        let rows = self.layout.blocks[self.block].end_row().min(slice_end) - self.row;
        Stretch { from, to: end.min(from + rows as usize), first_row: self.row, slice }
    }

    /// All rows of a stretch have a value.
    fn see_events(&mut self, stretch: &Stretch, rows: PieceRows<'_>) {
        let (from, to) = (stretch.from, stretch.to);
        let statistics = &mut self.statistics;
        statistics.events += (to - from) as u32;
        let times = rows.times[from..to].iter();
        let seen = times.fold((statistics.first_seen, statistics.last_seen), |s, t| (s.0.min(*t), s.1.max(*t)));
        (statistics.first_seen, statistics.last_seen) = seen;
        let weight = rows.rates.map_or((to - from) as u64, |rates| rates[from..to].iter().map(|r| u64::from(*r)).sum());
        self.block_sum = (self.block_sum.0 + (to - from) as u32, self.block_sum.1 + weight);
        for row in stretch.first_row..stretch.row(to) {
            if !self.postings.wants_present() {
                break;
            }
            self.postings.add_present(row);
        }
    }

    fn see_event(&mut self, row: u32, time: TimestampNs, rate: u64) {
        let statistics = &mut self.statistics;
        statistics.events += 1;
        statistics.first_seen = statistics.first_seen.min(time);
        statistics.last_seen = statistics.last_seen.max(time);
        self.block_sum = (self.block_sum.0 + 1, self.block_sum.1 + rate);
        if self.postings.wants_present() {
            self.postings.add_present(row);
        }
    }

    /// Counts a value; its place in the tally, unless nothing is counted.
    fn see(&mut self, hash: u64, value: Seen<'_>, row: u32, slice: u32, rate: u64) -> Option<u32> {
        if self.tally.gave_up {
            self.bounds.add(self.field_type, value);
            self.keys.push(filter::key(hash, slice));
            if let Some(number) = number(self.field_type, value) {
                self.histogram.add(number, 1, rate);
            }
            return None;
        }
        let (place, fresh) = self.tally.place(hash, value);
        if fresh {
            self.bounds.add(self.field_type, value);
        }
        self.see_again(place, row, slice, rate);
        Some(place)
    }

    fn see_again(&mut self, place: u32, row: u32, slice: u32, rate: u64) {
        let count = self.tally.count(place, rate);
        self.postings.add(count, row);
        if count.slice != slice {
            count.slice = slice;
            self.keys.push(filter::key(count.hash, slice));
        }
        if self.tally.is_vain() {
            self.fill_histogram();
            self.tally.gave_up = true;
            self.postings.give_up_values();
        }
    }

    fn fill_histogram(&mut self) {
        for count in self.tally.counts() {
            if let Some(number) = self.tally.value(count).and_then(|value| number(self.field_type, value)) {
                self.histogram.add(number, count.events, count.weight);
            }
        }
    }

    /// Moves on by rows that do not go beyond the block.
    fn advance(&mut self, rows: u32) {
        self.row += rows;
        if self.row == self.layout.blocks[self.block].end_row() {
            self.end_block();
        }
    }

    fn end_block(&mut self) {
        if self.block_sum.0 > 0 {
            if !self.tally.gave_up {
                self.fill_histogram();
            }
            self.counts.add(self.block as u32, self.block_sum, &self.tally, &mut self.histogram);
            self.statistics.weight += self.block_sum.1;
            self.tally.clear();
            self.codes.places.fill(NO_PLACE);
            self.block_sum = (0, 0);
        }
        self.block += 1;
    }

    /// The evidence. Rows that were not told have no value.
    pub(crate) fn finish(mut self) -> ColumnIndex {
        self.skip((self.layout.grid.rows - self.row) as usize);
        let mut statistics = self.statistics;
        let filter = filter::build(self.keys, statistics.events, statistics.slices, self.field_type);
        statistics.distinct = filter.distinct;
        statistics.bounds = self.bounds.finish();
        ColumnIndex {
            field: self.field,
            field_type: self.field_type,
            statistics,
            filter: filter.bytes,
            postings: self.postings.finish(),
            counts: self.counts.finish(),
        }
    }
}

fn number(field_type: FieldType, value: Seen<'_>) -> Option<f64> {
    match (field_type, value) {
        (FieldType::Integer, Seen::Bits(bits)) => Some(bits as i64 as f64),
        (FieldType::Float, Seen::Bits(bits)) => Some(f64::from_bits(bits)),
        _ => None,
    }
}
