//! The rows of one segment that may match: whole slices, or single rows where so much is known.

use std::ops::Range;

use roaring::RoaringBitmap;

use super::layout::Grid;

/// See the module. It may hold too many rows, never too few.
#[derive(Clone, Debug, PartialEq)]
pub struct RowSet {
    grid: Grid,
    /// The slices with such rows, a bit each.
    slices: u64,
    /// The rows themselves, where they are known.
    rows: Option<RoaringBitmap>,
}

impl RowSet {
    pub fn all(grid: Grid) -> RowSet {
        RowSet::of_slices(grid, grid.all())
    }

    pub fn none(grid: Grid) -> RowSet {
        RowSet::of_slices(grid, 0)
    }

    pub(crate) fn of_slices(grid: Grid, slices: u64) -> RowSet {
        RowSet { grid, slices: slices & grid.all(), rows: None }
    }

    /// Rows beyond the segment's end are left out.
    pub(crate) fn of_rows(grid: Grid, mut rows: RoaringBitmap) -> RowSet {
        rows.remove_range(grid.rows..);
        let slices = rows.iter().fold(0, |slices, row| slices | 1 << grid.slice_of(row));
        RowSet { grid, slices, rows: Some(rows) }
    }

    /// The slices with rows of it, a bit each.
    pub fn slices(&self) -> u64 {
        self.slices
    }

    pub fn is_empty(&self) -> bool {
        self.slices == 0
    }

    pub fn is_all(&self) -> bool {
        self.rows.is_none() && self.slices == self.grid.all()
    }

    #[must_use]
    pub fn intersect(self, other: &RowSet) -> RowSet {
        let slices = self.slices & other.slices;
        let within = |mut rows: RoaringBitmap| {
            rows.retain(|row| slices & 1 << self.grid.slice_of(row) != 0);
            rows
        };
        match (self.rows, &other.rows) {
            (None, None) => RowSet { grid: self.grid, slices, rows: None },
            (Some(rows), None) => RowSet::of_rows(self.grid, within(rows)),
            (None, Some(rows)) => RowSet::of_rows(self.grid, within(rows.clone())),
            (Some(rows), Some(others)) => RowSet::of_rows(self.grid, rows & others),
        }
    }

    #[must_use]
    pub fn union(self, other: &RowSet) -> RowSet {
        let slices = self.slices | other.slices;
        let empty = |set: &RowSet| set.slices == 0;
        let rows = match (self.rows, &other.rows) {
            (Some(rows), Some(others)) => Some(rows | others),
            (rows, _) if empty(other) => rows,
            (_, rows) if self.slices == 0 => rows.clone(),
            _ => None,
        };
        RowSet { grid: self.grid, slices, rows }
    }

    /// The rows as ranges in order, none touching the next.
    pub fn ranges(&self) -> Vec<Range<u32>> {
        let mut ranges: Vec<Range<u32>> = Vec::new();
        let mut add = |from: u32, to: u32| match ranges.last_mut() {
            Some(last) if last.end == from => last.end = to,
            _ => ranges.push(from..to),
        };
        match &self.rows {
            Some(rows) => rows.iter().for_each(|row| add(row, row + 1)),
            None => {
                let slices = (0..self.grid.slices()).filter(|slice| self.slices & 1 << slice != 0);
                slices.for_each(|slice| {
                    let from = slice * self.grid.slice_rows;
                    add(from, from.saturating_add(self.grid.slice_rows).min(self.grid.rows));
                });
            }
        }
        ranges
    }

    /// How many rows it holds.
    pub fn count(&self) -> u64 {
        self.ranges().iter().map(|range| u64::from(range.end - range.start)).sum()
    }
}
