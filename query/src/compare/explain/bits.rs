//! Rows as bits: sorted by combination, cell and weight, so that a sum of weights is a few counts of ones.
//!
//! Rows of one combination, cell and weight make a block of whole words. Where nearly every row has a weight of its own,
//! neighbours in the order of weights share a block and its mean weight: ranking bears that, and numbers that are shown
//! are counted from all events later. It must not know what a condition scores.

use super::super::score::Mass;
use super::super::table::{CELLS, Cell, Table};
use super::judge::Sums;

/// Blocks of one cell of one combination, at most: each costs up to a word in every bitmap.
const BLOCKS_MAX: usize = 1_024;

/// A set of rows.
pub(crate) type Bits = Vec<u64>;

/// Whether weights are sampling (a row stands for `w` alike events) or plainly counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    Sampling,
    Weak,
}

#[derive(Debug)]
struct Block {
    first: usize,
    end: usize,
    combination: usize,
    cell: Cell,
    weight: f64,
    squares: f64,
    seen: f64,
}

/// What one row adds to the sums of its combination and cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowMass {
    pub(crate) group: u16,
    pub(crate) weight: f64,
    pub(crate) squares: f64,
    pub(crate) seen: f64,
}

impl RowMass {
    pub(crate) fn is_selected(&self) -> bool {
        usize::from(self.group).is_multiple_of(CELLS)
    }

    pub(crate) fn add_to(&self, sums: &mut [Mass]) {
        sums[usize::from(self.group)].add(Mass { weight: self.weight, squares: self.squares, seen: self.seen });
    }
}

/// The rows of a table in an order that makes sums cheap.
#[derive(Debug)]
pub(crate) struct Arranged {
    /// The bit of each row.
    place: Vec<u32>,
    blocks: Vec<Block>,
    words: usize,
    pub(crate) combinations: usize,
}

impl Arranged {
    /// `combination` says for each row which of the accepted explanations it is in.
    pub(crate) fn new(table: &Table, combination: &[u16], evidence: Evidence) -> Arranged {
        let combinations = combination.iter().max().map_or(1, |most| *most as usize + 1);
        let mut order: Vec<u32> = (0..table.rows.len() as u32).collect();
        let key = |row: u32| {
            let at = &table.rows[row as usize];
            (combination[row as usize], at.cell, at.weight)
        };
        order.sort_unstable_by(|a, b| {
            let (x, y) = (key(*a), key(*b));
            (x.0, x.1).cmp(&(y.0, y.1)).then(x.2.total_cmp(&y.2)).then(a.cmp(b))
        });
        let mut arranged = Arranged { place: vec![0; order.len()], blocks: Vec::new(), words: 0, combinations };
        for group in order.chunk_by(|a, b| (key(*a).0, key(*a).1) == (key(*b).0, key(*b).1)) {
            arranged.add_group(table, group, combination[group[0] as usize], evidence);
        }
        arranged
    }

    fn add_group(&mut self, table: &Table, group: &[u32], combination: u16, evidence: Evidence) {
        let weight = |row: u32| table.rows[row as usize].weight;
        let distinct = group.chunk_by(|a, b| weight(*a) == weight(*b)).count();
        if distinct <= BLOCKS_MAX {
            group
                .chunk_by(|a, b| weight(*a) == weight(*b))
                .for_each(|rows| self.add_block(table, rows, combination, evidence));
        } else {
            group
                .chunks(group.len().div_ceil(BLOCKS_MAX))
                .for_each(|rows| self.add_block(table, rows, combination, evidence));
        }
    }

    fn add_block(&mut self, table: &Table, rows: &[u32], combination: u16, evidence: Evidence) {
        let first = self.words;
        let (mut weight, mut squares, mut seen) = (0.0, 0.0, 0.0);
        for (at, row) in rows.iter().enumerate() {
            self.place[*row as usize] = (first * 64 + at) as u32;
            let row = &table.rows[*row as usize];
            weight += row.weight;
            let (variance, events) = match evidence {
                Evidence::Sampling => (row.weight * row.weight, 1.0),
                Evidence::Weak => (row.weight * row.gain, row.weight / row.gain),
            };
            squares += variance;
            seen += events;
        }
        self.words += rows.len().div_ceil(64);
        let count = rows.len() as f64;
        self.blocks.push(Block {
            first,
            end: self.words,
            combination: combination as usize,
            cell: table.rows[rows[0] as usize].cell,
            weight: weight / count,
            squares: squares / count,
            seen: seen / count,
        });
    }

    pub(crate) fn empty(&self) -> Bits {
        vec![0; self.words]
    }

    pub(crate) fn set(&self, bits: &mut Bits, row: usize) {
        let at = self.place[row] as usize;
        bits[at / 64] |= 1 << (at % 64);
    }

    pub(crate) fn has(&self, bits: &Bits, row: usize) -> bool {
        let at = self.place[row] as usize;
        bits[at / 64] >> (at % 64) & 1 == 1
    }

    /// Every row.
    pub(crate) fn all(&self) -> Bits {
        let mut bits = self.empty();
        (0..self.place.len()).for_each(|row| self.set(&mut bits, row));
        bits
    }

    /// For each row, what it adds to sums and where.
    pub(crate) fn row_masses(&self) -> Vec<RowMass> {
        let mut masses = Vec::with_capacity(self.place.len());
        for place in &self.place {
            let word = *place as usize / 64;
            let block = &self.blocks[self.blocks.partition_point(|b| b.end <= word)];
            masses.push(RowMass {
                group: (block.combination * CELLS + block.cell as usize) as u16,
                weight: block.weight,
                squares: block.squares,
                seen: block.seen,
            });
        }
        masses
    }

    pub(crate) fn sums(&self, bits: &Bits) -> Sums {
        self.sum_words(|word| bits[word])
    }

    pub(crate) fn sums_of_both(&self, a: &Bits, b: &Bits) -> Sums {
        self.sum_words(|word| a[word] & b[word])
    }

    fn sum_words(&self, word: impl Fn(usize) -> u64) -> Sums {
        let mut sums = Sums::zero(self.combinations);
        for block in &self.blocks {
            let count: u32 = (block.first..block.end).map(|at| word(at).count_ones()).sum();
            if count > 0 {
                let rows = f64::from(count);
                sums.0[block.combination][block.cell as usize].add(Mass {
                    weight: block.weight * rows,
                    squares: block.squares * rows,
                    seen: block.seen * rows,
                });
            }
        }
        sums
    }
}

pub(crate) fn both(a: &Bits, b: &Bits) -> Bits {
    a.iter().zip(b).map(|(a, b)| a & b).collect()
}
