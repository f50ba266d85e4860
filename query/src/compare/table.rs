//! Rows drawn for explaining, as codes: for each row its cell and weight, for each field the code of its value.
//!
//! A field's codes number its values; numbers have a bin besides. Fields that most rows lack are kept as a list of the rows
//! that have them, so that a thousand nearly empty fields cost what they hold. Values beyond a bound are there without
//! being told apart. It must not know files, batches or how rows were drawn.

use std::collections::HashMap;
use std::sync::Arc;

use super::value::EventValue;

#[cfg(test)]
mod tests;

/// Where a row stands. Share questions have the first two, counts the first and third, rates and two witnesses all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Cell {
    Selected = 0,
    /// In the scope at the same time, and not selected.
    Rest = 1,
    /// The selection's filters at the other time.
    SelectedBefore = 2,
    /// In the scope at the other time, and not of the selection's filters.
    RestBefore = 3,
}

pub(crate) const CELLS: usize = 4;

impl Cell {
    pub(crate) const ALL: [Cell; CELLS] = [Cell::Selected, Cell::Rest, Cell::SelectedBefore, Cell::RestBefore];
}

/// A row without its fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) cell: Cell,
    /// How many events the row stands for: its sample rate times `gain`.
    pub(crate) weight: f64,
    /// One divided by the fraction of its cell that was drawn.
    pub(crate) gain: f64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    /// In the order of their names.
    pub(crate) fields: Vec<TableField>,
}

impl Table {
    /// The position of a field.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.fields.binary_search_by(|f| (*f.name).cmp(name)).ok()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct TableField {
    pub(crate) name: Arc<str>,
    /// By code.
    pub(crate) values: Vec<EventValue>,
    /// Whether some row has a value that is not among them.
    others: bool,
    codes: Codes,
    /// Of numbers of more than two values.
    pub(crate) bins: Option<Bins>,
}

/// Numbers by where they lie: bin i holds `edges[i - 1]` ≤ v < `edges[i]`, the first and last are open.
#[derive(Clone, Debug)]
pub(crate) struct Bins {
    pub(crate) edges: Arc<[f64]>,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
    codes: Codes,
}

/// The code of each row that has one.
#[derive(Clone, Debug)]
enum Codes {
    Dense(Vec<u32>),
    /// Rows in order.
    Sparse(Vec<(u32, u32)>),
}

/// No value.
const ABSENT: u32 = u32::MAX;
/// A value that is not told apart from others.
pub(crate) const OTHER: u32 = u32::MAX - 1;
/// Values of one field that are told apart: the rest are too rare in the rows drawn to explain anything.
pub(crate) const VALUES_MAX: usize = 16 << 10;
/// Bins of equal weight, about: values that fill one are cut out.
pub(crate) const BINS: usize = 32;
/// Numbers with more different values than this are compared as distributions.
pub(crate) const NUMBER_CODES_MAX: usize = 20;

impl Codes {
    fn new(mut pairs: Vec<(u32, u32)>, rows: usize) -> Codes {
        pairs.sort_unstable();
        if pairs.len() * 2 < rows {
            return Codes::Sparse(pairs);
        }
        let mut codes = vec![ABSENT; rows];
        pairs.into_iter().for_each(|(row, code)| codes[row as usize] = code);
        Codes::Dense(codes)
    }

    fn bytes(&self) -> usize {
        match self {
            Codes::Dense(codes) => 4 * codes.len(),
            Codes::Sparse(pairs) => 8 * pairs.len(),
        }
    }

    fn each(&self, mut call: impl FnMut(usize, u32)) {
        match self {
            Codes::Dense(codes) => {
                codes.iter().enumerate().filter(|(_, c)| **c != ABSENT).for_each(|(row, code)| call(row, *code));
            }
            Codes::Sparse(pairs) => pairs.iter().for_each(|(row, code)| call(*row as usize, *code)),
        }
    }
}

impl TableField {
    /// Calls for every row that has a value: (row, code), the code perhaps [`OTHER`].
    pub(crate) fn each(&self, call: impl FnMut(usize, u32)) {
        self.codes.each(call);
    }

    /// Whether its numbers are too many to be codes.
    pub(crate) fn is_distribution(&self) -> bool {
        let many = || self.values.iter().filter(|v| v.number().is_some()).nth(NUMBER_CODES_MAX).is_some();
        self.bins.is_some() && (self.others || many())
    }

    /// Memory that it holds, about.
    pub(crate) fn bytes(&self) -> usize {
        let values: usize = self.values.iter().map(|v| size_of::<EventValue>() + v.text_bytes()).sum();
        values + self.codes.bytes() + self.bins.as_ref().map_or(0, |b| b.codes.bytes())
    }

    /// How many values it has, as far as they are told apart.
    pub(crate) fn variety(&self) -> usize {
        if self.others { usize::MAX } else { self.values.len() }
    }
}

impl Bins {
    /// Calls for every row that has a number: (row, bin).
    pub(crate) fn each(&self, call: impl FnMut(usize, u32)) {
        self.codes.each(call);
    }

    pub(crate) fn count(&self) -> usize {
        self.edges.len() + 1
    }
}

/// The bin of a number.
pub(crate) fn bin_of(edges: &[f64], number: f64) -> u32 {
    edges.iter().map(|edge| u32::from(number >= *edge)).sum()
}

/// Collects one field's values row by row.
#[derive(Debug, Default)]
pub(crate) struct FieldBuilder {
    values: Vec<EventValue>,
    codes: HashMap<EventValue, u32>,
    pairs: Vec<(u32, u32)>,
    numbers: Vec<(u32, f64)>,
    binned: Vec<(u32, u32)>,
    /// The least and the greatest number.
    bounds: Option<(f64, f64)>,
    edges: Option<Arc<[f64]>>,
    closed: bool,
}

impl FieldBuilder {
    /// A field whose bins are known, and some of its values; if `closed`, no others are told apart.
    pub(crate) fn known(given: &[EventValue], edges: Option<Arc<[f64]>>, closed: bool) -> FieldBuilder {
        let mut builder = FieldBuilder { edges, ..FieldBuilder::default() };
        for value in given {
            builder.code(value.clone());
        }
        builder.closed = closed;
        builder
    }

    /// The code of a value.
    pub(crate) fn code(&mut self, value: EventValue) -> u32 {
        if self.closed || self.values.len() >= VALUES_MAX {
            return self.codes.get(&value).copied().unwrap_or(OTHER);
        }
        let next = self.values.len() as u32;
        *self.codes.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            next
        })
    }

    /// Whether no value has a code, so that there is no need to look at them.
    pub(crate) fn is_blind(&self) -> bool {
        self.closed && self.values.is_empty()
    }

    /// A row has the value of this code.
    pub(crate) fn put(&mut self, row: usize, code: u32) {
        self.pairs.push((row as u32, code));
    }

    /// And it is this number.
    pub(crate) fn put_number(&mut self, row: usize, number: f64) {
        let (least, greatest) = self.bounds.unwrap_or((number, number));
        self.bounds = Some((least.min(number), greatest.max(number)));
        match &self.edges {
            Some(edges) => self.binned.push((row as u32, bin_of(edges, number))),
            None => self.numbers.push((row as u32, number)),
        }
    }

    /// The field of a table of these rows; none if no row has a value. `baseline` is the cell that bins also fit.
    pub(crate) fn finish(mut self, name: Arc<str>, rows: &[Row], baseline: Cell) -> Option<TableField> {
        if self.pairs.is_empty() {
            return None;
        }
        if self.edges.is_none() {
            self.edges = pooled_edges(&self.numbers, rows, baseline);
            if let Some(edges) = &self.edges {
                self.binned = self.numbers.iter().map(|(row, number)| (*row, bin_of(edges, *number))).collect();
            }
        }
        let binned = self.binned;
        let bins = self.edges.zip(self.bounds).map(|(edges, (least, greatest))| {
            let codes = Codes::new(binned, rows.len());
            Bins { edges, least, greatest, codes }
        });
        let others = self.pairs.iter().any(|(_, code)| *code == OTHER);
        Some(TableField { name, values: self.values, others, codes: Codes::new(self.pairs, rows.len()), bins })
    }
}

/// Values that cut the pooled weight of both sides, each side counting half, into bins of equal weight; none for fewer
/// than three different numbers.
fn pooled_edges(numbers: &[(u32, f64)], rows: &[Row], baseline: Cell) -> Option<Arc<[f64]>> {
    let side = |row: u32| match rows[row as usize].cell {
        Cell::Selected => Some(0),
        cell if cell == baseline => Some(1),
        _ => None,
    };
    let mut totals = [0.0f64; 2];
    for (row, _) in numbers {
        if let Some(side) = side(*row) {
            totals[side] += rows[*row as usize].weight;
        }
    }
    let pooled = |row: u32| side(row).map(|side| rows[row as usize].weight / totals[side]);
    let mut ordered: Vec<(f64, f64)> = numbers.iter().filter_map(|(row, v)| Some((*v, pooled(*row)?))).collect();
    ordered.sort_by(|a, b| a.0.total_cmp(&b.0));
    ordered.dedup_by(|later, first| {
        let same = later.0 == first.0;
        if same {
            first.1 += later.1;
        }
        same
    });
    (ordered.len() > 2).then(|| cut(&ordered, BINS).into())
}

/// The values at which a sorted distribution is cut into so many bins of equal weight. A value that fills a bin or more
/// has one of its own, so that what is rare beside it does not hide there.
fn cut(ordered: &[(f64, f64)], bins: usize) -> Vec<f64> {
    if ordered.len() <= bins {
        return ordered.iter().skip(1).map(|o| o.0).collect();
    }
    let total: f64 = ordered.iter().map(|o| o.1).sum();
    let width = total / bins as f64;
    let fills = |at: usize| ordered[at].1 >= width;
    let mut edges = Vec::new();
    let (mut below, mut next) = (0.0, width);
    for (at, (value, weight)) in ordered.iter().enumerate() {
        let full = below >= next * (1.0 - 1e-12);
        if at > 0 && (full || fills(at) || fills(at - 1)) {
            edges.push(*value);
        }
        if full {
            next = (below / width + 1e-9).floor() * width + width;
        }
        below += weight;
    }
    edges
}
