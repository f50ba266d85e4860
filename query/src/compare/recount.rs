//! Numbers that are shown of a few conditions and fields, out of all events: what the ordinary filters say of each
//! conjunction, and medians. It must not know how the conditions were found.

use std::collections::BTreeSet;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::execution::SessionState;
use parquet::arrow::arrow_reader::RowSelection;

use super::columns::{self, Columns, Rows};
use super::measure::Field;
use super::sides::{Clause, NOWHERE, Part, Sides, Source, Total};
use super::table::{CELLS, Cell};
use super::workers::Workers;
use crate::error::QueryError;
use crate::functions::Sketch;
use crate::limits;
use crate::scan::{ScanStats, indexes};
use crate::scope::{ScanColumn, Scope};
use crate::spec::Filter;

/// What of each cell meets each conjunction of these filters, given by position.
pub(crate) fn recount(
    filters: &[Filter],
    conjunctions: &[Vec<usize>],
    (scope, sides): (&Scope, &Sides),
    state: &SessionState,
    workers: &Workers,
    stats: &ScanStats,
) -> Result<Vec<[Total; CELLS]>, QueryError> {
    let clauses: Vec<Clause> = filters.iter().map(|f| Clause::new(f, scope, state)).collect::<Result<_, _>>()?;
    let used: BTreeSet<ScanColumn> = clauses.iter().flat_map(|c| c.columns().cloned()).collect();
    let used: Vec<ScanColumn> = used.into_iter().collect();
    let by_part = workers.each(sides.parts.len(), |at| {
        let part = &sides.parts[at];
        let name = scope.datasets[part.dataset].name.as_str();
        let selection = pages(part, |cell| cell != NOWHERE);
        let source = columns::opened(&part.source, &used)?;
        if let Source::RowGroup { open, row_group, .. } = &source {
            let group = open.metadata().metadata().row_group(*row_group);
            let selected = selection.as_ref().map_or(part.rows(), RowSelection::row_count);
            stats.note_bytes(group, selected, indexes(open, &used));
        }
        let mut counts = vec![[Total::default(); CELLS]; conjunctions.len()];
        columns::scan(&source, name, &used, selection.as_ref(), workers, |arrays, rows| {
            let passes: Vec<Option<Vec<bool>>> =
                clauses.iter().map(|c| c.evaluate(arrays, rows.len(), workers)).collect::<Result<_, _>>()?;
            for (conjunction, counts) in conjunctions.iter().zip(&mut counts) {
                let meets = |i: usize| conjunction.iter().all(|at| passes[*at].as_ref().is_none_or(|p| p[i]));
                for (i, row) in rows.iter().enumerate() {
                    let cell = part.cells[*row];
                    if cell != NOWHERE && meets(i) {
                        counts[usize::from(cell)].add(part.weight(*row));
                    }
                }
            }
            Ok(())
        })?;
        Ok(counts)
    })?;
    let mut totals = vec![[Total::default(); CELLS]; conjunctions.len()];
    for counts in by_part {
        for (totals, counts) in totals.iter_mut().zip(counts) {
            totals.iter_mut().zip(counts).for_each(|(total, more)| total.join(more));
        }
    }
    Ok(totals)
}

/// The pages of a part that have a row of some cells; none if that is all.
fn pages(part: &Part, wanted: impl Fn(u8) -> bool) -> Option<RowSelection> {
    let ranges = page_ranges(part, wanted);
    let count: usize = ranges.iter().map(ExactSizeIterator::len).sum();
    (count < part.rows()).then(|| RowSelection::from_consecutive_ranges(ranges.into_iter(), part.rows()))
}

fn page_ranges(part: &Part, wanted: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
    let chunks = part.cells.chunks(limits::COMPARE_PAGE_ROWS).enumerate();
    chunks
        .filter(|(_, cells)| cells.iter().any(|cell| wanted(*cell)))
        .map(|(page, cells)| page * limits::COMPARE_PAGE_ROWS..page * limits::COMPARE_PAGE_ROWS + cells.len())
        .collect()
}

/// The median of each field's numbers on either side, within 0.8 %.
pub(crate) fn medians(
    fields: &[&Field],
    baseline: Cell,
    sides: &Sides,
    columns: &Columns<'_>,
    workers: &Workers,
) -> Result<Vec<[Option<f64>; 2]>, QueryError> {
    let side = |cell: u8| [Cell::Selected, baseline].iter().position(|c| *c as u8 == cell);
    workers.each(fields.len(), |at| {
        let mut sketches = [Sketch::default(), Sketch::default()];
        for (number, part) in sides.parts.iter().enumerate() {
            let places: Vec<usize> = page_ranges(part, |cell| side(cell).is_some()).into_iter().flatten().collect();
            let rows = Rows { selection: pages(part, |cell| side(cell).is_some()), count: places.len() };
            columns.read(number, &fields[at].columns, &rows, workers, |first, arrays| {
                for array in arrays.iter().flatten() {
                    each_number(array, |row, value| {
                        let place = places[first + row];
                        if let Some(side) = side(part.cells[place]) {
                            sketches[side].add(value, u64::from(part.weight(place)));
                        }
                    });
                }
                Ok(())
            })?;
        }
        Ok(sketches.map(|mut sketch| Sketch::from_bytes(&sketch.encode()).and_then(|s| s.quantile(0.5))))
    })
}

fn each_number(array: &ArrayRef, mut call: impl FnMut(usize, f64)) {
    match array.data_type() {
        DataType::Int64 => {
            let values = array.as_primitive::<Int64Type>();
            (0..values.len()).filter(|row| values.is_valid(*row)).for_each(|row| call(row, values.value(row) as f64));
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>();
            (0..values.len()).filter(|row| values.is_valid(*row)).for_each(|row| call(row, values.value(row)));
        }
        _ => {}
    }
}
