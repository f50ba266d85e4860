//! Which rows are drawn: some pages of every cell, spread over all parts, or single rows of all of them.
//!
//! Reading a page costs the same for one of its rows as for all, so a quick sample draws pages; where everything is read
//! anyway, rows are drawn one by one. What is drawn depends on the data alone, so that the same question gets the same
//! answer. A drawn row stands for its cell's weight divided by what was drawn of it. It must not know fields.

use super::sides::{NOWHERE, Sides};
use super::table::{CELLS, Cell, Row};
use crate::limits;

#[cfg(test)]
mod tests;

/// Selected rows that a sample by pages wants, if reading more pages can find them.
const SELECTED_ROWS_WANTED: f64 = 4_000.0;

/// Drawn rows, in the order of parts and rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drawn {
    /// By part: the rows drawn.
    pub(crate) places: Vec<Vec<u32>>,
    pub(crate) rows: Vec<Row>,
    /// By part: the number of its first drawn row.
    pub(crate) firsts: Vec<usize>,
    /// By cell: the part of its events that was drawn.
    pub(crate) fractions: [f64; CELLS],
}

/// How the rows of a cell are drawn, and how many at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Draw {
    None,
    Pages(usize),
    Rows(usize),
}

/// Rows of each cell, drawn as asked.
pub(crate) fn draw(sides: &Sides, draws: [Draw; CELLS]) -> Drawn {
    let mut wanted = vec![Vec::new(); sides.parts.len()];
    for cell in Cell::ALL {
        match draws[cell as usize] {
            Draw::None => {}
            Draw::Pages(most) => by_pages(sides, cell, most, &mut wanted),
            Draw::Rows(most) => by_rows(sides, cell, most, &mut wanted),
        }
    }
    wanted.iter_mut().for_each(|rows| rows.sort_unstable());
    weigh(sides, wanted)
}

/// A number that looks random and belongs to the row: SplitMix64 of its place.
fn lot(part: usize, row: usize) -> u64 {
    let mut z = ((part as u64) << 32 | row as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn by_rows(sides: &Sides, cell: Cell, most: usize, wanted: &mut [Vec<u32>]) {
    let bar = bar(most, sides.total(cell).rows as usize);
    for (at, part) in sides.parts.iter().enumerate() {
        let rows = part.cells.iter().enumerate().filter(|(row, c)| **c == cell as u8 && lot(at, *row) <= bar);
        wanted[at].extend(rows.map(|(row, _)| row as u32));
    }
}

/// The lot up to which a row is taken so that about `most` of `rows` are.
fn bar(most: usize, rows: usize) -> u64 {
    if rows <= most { u64::MAX } else { (most as f64 / rows as f64 * u64::MAX as f64) as u64 }
}

fn by_pages(sides: &Sides, cell: Cell, most: usize, wanted: &mut [Vec<u32>]) {
    // Pages that have the cell, with how many rows of it.
    let mut pages: Vec<(usize, usize, usize)> = Vec::new();
    for (at, part) in sides.parts.iter().enumerate() {
        for (page, cells) in part.cells.chunks(limits::COMPARE_PAGE_ROWS).enumerate() {
            let rows = cells.iter().filter(|c| **c == cell as u8).count();
            if rows > 0 {
                pages.push((at, page, rows));
            }
        }
    }
    if pages.is_empty() {
        return;
    }
    let count = page_count(cell, pages.len(), sides.total(cell).rows as f64);
    let chosen: Vec<(usize, usize, usize)> =
        (0..count).map(|i| pages[(2 * i + 1) * pages.len() / (2 * count)]).collect();
    let bar = bar(most, chosen.iter().map(|c| c.2).sum());
    for (at, page, _) in chosen {
        let first = page * limits::COMPARE_PAGE_ROWS;
        let cells = sides.parts[at].cells[first..].iter().take(limits::COMPARE_PAGE_ROWS).enumerate();
        let rows = cells.map(|(row, c)| (first + row, *c)).filter(|(row, c)| *c == cell as u8 && lot(at, *row) <= bar);
        wanted[at].extend(rows.map(|(row, _)| row as u32));
    }
}

/// How many of the pages that have a cell are read.
fn page_count(cell: Cell, pages: usize, rows: f64) -> usize {
    let mut count = pages / limits::COMPARE_PAGES_PART;
    if cell == Cell::Selected {
        count = count.max((SELECTED_ROWS_WANTED / (rows / pages as f64)).ceil() as usize);
    }
    count.clamp(limits::COMPARE_PAGES_MIN, limits::COMPARE_PAGES_MAX).min(pages)
}

fn weigh(sides: &Sides, places: Vec<Vec<u32>>) -> Drawn {
    let mut drawn = Drawn { firsts: Vec::with_capacity(places.len()), ..Drawn::default() };
    let mut weights = [0.0; CELLS];
    for (part, rows) in sides.parts.iter().zip(&places) {
        for row in rows {
            let row = *row as usize;
            debug_assert_ne!(part.cells[row], NOWHERE);
            weights[usize::from(part.cells[row])] += f64::from(part.weight(row));
        }
    }
    let mut gains = [1.0; CELLS];
    for cell in Cell::ALL {
        let total = sides.total(cell).weight as f64;
        if weights[cell as usize] > 0.0 {
            gains[cell as usize] = total / weights[cell as usize];
            drawn.fractions[cell as usize] = weights[cell as usize] / total;
        }
    }
    for (part, rows) in sides.parts.iter().zip(&places) {
        drawn.firsts.push(drawn.rows.len());
        for row in rows {
            let row = *row as usize;
            let cell = Cell::ALL[usize::from(part.cells[row])];
            let gain = gains[cell as usize];
            drawn.rows.push(Row { cell, weight: f64::from(part.weight(row)) * gain, gain });
        }
    }
    drawn.places = places;
    drawn
}
