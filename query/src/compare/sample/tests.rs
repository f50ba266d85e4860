//! What is drawn stands for everything, is spread over everything, and is the same every time.

use std::sync::Arc;

use arrow::array::{Int64Array, UInt32Array};
use outcrop_storage::StoredBatch;
use outcrop_storage::event::EventBatch;

use super::super::sides::{Part, Source, Total};
use super::*;

/// Parts whose rows have the cells that `cell` says, and a weight of 1 to 5.
fn sides(parts: usize, rows: usize, cell: impl Fn(usize, usize) -> Option<Cell>) -> Sides {
    let mut totals = [Total::default(); CELLS];
    let parts = (0..parts).map(|at| {
        let rates = UInt32Array::from_iter_values((0..rows as u32).map(|row| row % 5 + 1));
        let times = Int64Array::from_iter_values(0..rows as i64);
        let batch = EventBatch::new(times, Some(rates.clone()), Vec::new()).unwrap();
        let source = Source::Memory(Arc::new(StoredBatch::new(batch, 0, 0)));
        let cells: Vec<u8> = (0..rows).map(|row| cell(at, row).map_or(NOWHERE, |c| c as u8)).collect();
        let weights: Vec<u32> = rates.values().to_vec();
        for (cell, weight) in cells.iter().zip(&weights).filter(|(cell, _)| **cell != NOWHERE) {
            totals[usize::from(*cell)].add(*weight);
        }
        Part::new(0, source, cells, Some(weights))
    });
    Sides { parts: parts.collect(), totals }
}

fn mixed() -> Sides {
    sides(40, 9_000, |part, row| match (part * 9_000 + row) % 50 {
        0 => Some(Cell::Selected),
        1..40 => Some(Cell::Rest),
        _ => None,
    })
}

fn drawn_of(drawn: &Drawn, cell: Cell) -> Vec<&Row> {
    drawn.rows.iter().filter(|row| row.cell == cell).collect()
}

#[test]
fn drawn_weights_add_up_to_all_of_a_cell() {
    let sides = mixed();
    for draws in [
        [Draw::Pages(2_000), Draw::Pages(3_000), Draw::None, Draw::None],
        [Draw::Rows(50_000), Draw::Rows(5_000), Draw::None, Draw::None],
    ] {
        let drawn = draw(&sides, draws);
        for cell in [Cell::Selected, Cell::Rest] {
            let weight: f64 = drawn_of(&drawn, cell).iter().map(|row| row.weight).sum();
            assert!((weight / sides.total(cell).weight as f64 - 1.0).abs() < 1e-9, "{cell:?}");
        }
    }
}

#[test]
fn no_more_is_drawn_than_asked_and_all_if_it_fits() {
    let sides = mixed();
    let drawn = draw(&sides, [Draw::Rows(50_000), Draw::Rows(5_000), Draw::None, Draw::None]);
    assert_eq!(drawn_of(&drawn, Cell::Selected).len() as u64, sides.total(Cell::Selected).rows);
    assert_eq!(drawn.fractions[0], 1.0);
    let rest = drawn_of(&drawn, Cell::Rest).len();
    assert!((4_600..5_400).contains(&rest), "{rest}");
    assert!(drawn_of(&drawn, Cell::RestBefore).is_empty());
}

#[test]
fn pages_are_few_and_everywhere() {
    let sides = mixed();
    let drawn = draw(&sides, [Draw::None, Draw::Pages(50_000), Draw::None, Draw::None]);
    let pages: usize = drawn
        .places
        .iter()
        .map(|rows| {
            let mut pages: Vec<usize> = rows.iter().map(|r| *r as usize / limits::COMPARE_PAGE_ROWS).collect();
            pages.dedup();
            pages.len()
        })
        .sum();
    assert_eq!(pages, limits::COMPARE_PAGES_MIN);
    let first = drawn.places.iter().position(|p| !p.is_empty()).unwrap();
    let last = drawn.places.iter().rposition(|p| !p.is_empty()).unwrap();
    assert!(first < 4 && last > 35, "{first} {last}");
}

#[test]
fn rows_are_numbered_in_the_order_of_parts() {
    let sides = sides(3, 100, |part, row| (row % (part + 2) == 0).then_some(Cell::Selected));
    let drawn = draw(&sides, [Draw::Rows(1_000), Draw::None, Draw::None, Draw::None]);
    assert_eq!(drawn.firsts, [0, 50, 84]);
    for (part, places) in sides.parts.iter().zip(&drawn.places) {
        assert!(places.windows(2).all(|w| w[0] < w[1]));
        assert!(places.iter().all(|row| part.cells[*row as usize] == Cell::Selected as u8));
    }
    let again = draw(&sides, [Draw::Rows(1_000), Draw::None, Draw::None, Draw::None]);
    assert_eq!(drawn.places, again.places);
}
