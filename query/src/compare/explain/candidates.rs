//! Which single conditions are worth combining: of each field the best raised values and ranges, and having it or not.
//!
//! Values are judged from their sums alone; only what is kept becomes bits. Conditions that hold for the same rows are
//! one: the plainest of them stays and the others are named beside it.

use super::super::score::{self, Mass, Verdict};
use super::super::table::{CELLS, Cell, Table, TableField, bin_of};
use super::bits::{Arranged, Bits, RowMass};
use super::judge::{Judge, Sums};

/// Conditions of one field, at most.
const FIELD_CANDIDATES_MAX: usize = 8;
/// Selected events that must have been seen of a condition.
pub(crate) const SELECTED_EVENTS_MIN: f64 = 3.0;
/// The z that a single condition needs to be tried in conjunctions.
pub(crate) const SINGLE_Z_MIN: f64 = 1.5;
/// How much better a range bounded on both sides must be than one that is not, and any than one of its values.
const RANGE_GAIN: f64 = 1.1;
/// Conditions whose rows agree in this share of weight are one.
pub(crate) const SAME_SHARE: f64 = 0.98;

/// A test of one field of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Test {
    Equals(u32),
    /// The bins from the first to the last.
    Range {
        first: u32,
        last: u32,
    },
    Exists,
    Absent,
}

impl Test {
    /// The plainer, the smaller.
    fn plainness(self) -> u8 {
        match self {
            Test::Equals(_) => 0,
            Test::Range { .. } => 1,
            Test::Exists => 2,
            Test::Absent => 3,
        }
    }

    /// What saying it costs: that a field is there or not says less than any value.
    pub(crate) fn cost(self) -> i32 {
        if matches!(self, Test::Absent | Test::Exists) { 2 } else { 1 }
    }
}

/// A condition with its rows.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) field: usize,
    pub(crate) test: Test,
    pub(crate) bits: Bits,
    pub(crate) sums: Sums,
    /// See [`Judge::single_rate`].
    pub(crate) rate: f64,
    pub(crate) verdict: Verdict,
    /// Fields with a condition of the same rows.
    pub(crate) same_as: Vec<usize>,
}

/// The conditions kept, best first, and how many values were looked at.
#[derive(Debug)]
pub(crate) struct Candidates {
    pub(crate) kept: Vec<Candidate>,
    pub(crate) examined: usize,
}

struct Found {
    field: usize,
    test: Test,
    sums: Sums,
    verdict: Verdict,
}

/// Where candidates are searched: the fields that may be named, and the rows.
pub(crate) struct Place<'a> {
    pub(crate) table: &'a Table,
    pub(crate) arranged: &'a Arranged,
    pub(crate) masses: &'a [RowMass],
    /// By field: whether conditions may name it.
    pub(crate) allowed: &'a [bool],
}

/// The best conditions inside `within`, judged by what is inside; at most so many.
pub(crate) fn candidates(place: &Place<'_>, judge: &Judge, within: Option<&Bits>, kept_max: usize) -> Candidates {
    let mut found = Vec::new();
    let mut examined = 0;
    for (at, field) in place.table.fields.iter().enumerate().filter(|(at, _)| place.allowed[*at]) {
        let (mut of_field, values) = field_candidates(place, at, field, judge, within);
        examined += values;
        found.append(&mut of_field);
    }
    found.sort_by(|a, b| {
        by_score(a.verdict, b.verdict).then_with(|| plainer(place.table, (a.field, a.test), (b.field, b.test)))
    });
    Candidates { kept: distinct(place, judge, found, kept_max), examined }
}

fn by_score(a: Verdict, b: Verdict) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score)
}

/// A fixed order of conditions: fields of fewer values first, then shorter names.
fn plainer(table: &Table, a: (usize, Test), b: (usize, Test)) -> std::cmp::Ordering {
    let field = |at: usize| {
        let field = &table.fields[at];
        (field.variety(), field.name.len(), &field.name)
    };
    let value = |(at, test): (usize, Test)| match test {
        Test::Equals(code) => Some(&table.fields[at].values[code as usize]),
        _ => None,
    };
    let bounds = |test: Test| match test {
        Test::Range { first, last } => (first, last),
        _ => (0, 0),
    };
    field(a.0)
        .cmp(&field(b.0))
        .then_with(|| a.1.plainness().cmp(&b.1.plainness()))
        .then_with(|| value(a).cmp(&value(b)))
        .then_with(|| bounds(a.1).cmp(&bounds(b.1)))
}

/// Keeps the best, and of those that hold for the same rows the plainest.
fn distinct(place: &Place<'_>, judge: &Judge, found: Vec<Found>, kept_max: usize) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::new();
    for found in found {
        let twin = kept.iter().position(|k| alike(&k.sums, &found.sums, &judge.sides()));
        let bits = (twin.is_some() || kept.len() < kept_max).then(|| bits_of(place, found.field, found.test));
        let Some(bits) = bits else { continue };
        let twin = kept.iter().position(|k| {
            same_rows(place.arranged, &judge.sides(), (&k.sums, &k.bits), (&found.sums, &bits), SAME_SHARE)
        });
        if let Some(twin) = twin {
            join(place.table, &mut kept[twin], found, bits);
        } else if kept.len() < kept_max {
            let rate = judge.single_rate(&found.sums);
            kept.push(Candidate {
                field: found.field,
                test: found.test,
                bits,
                rate,
                sums: found.sums,
                verdict: found.verdict,
                same_as: Vec::new(),
            });
        }
    }
    kept
}

/// Whether two conditions could hold for the same rows, by their weights.
fn alike(a: &Sums, b: &Sums, cells: &[Cell]) -> bool {
    cells.iter().all(|cell| {
        let (a, b) = (a.cell(*cell).weight, b.cell(*cell).weight);
        a.min(b) >= SAME_SHARE * a.max(b)
    })
}

/// Whether two conditions hold for the same rows of these cells, but for a share of weight.
pub(crate) fn same_rows(arranged: &Arranged, cells: &[Cell], a: (&Sums, &Bits), b: (&Sums, &Bits), share: f64) -> bool {
    if !alike(a.0, b.0, cells) {
        return false;
    }
    let shared = arranged.sums_of_both(a.1, b.1);
    cells.iter().all(|cell| {
        let both = shared.cell(*cell).weight;
        let either = a.0.cell(*cell).weight + b.0.cell(*cell).weight - both;
        both >= share * either
    })
}

fn join(table: &Table, kept: &mut Candidate, found: Found, bits: Bits) {
    if kept.field != found.field {
        let other = if plainer(table, (found.field, found.test), (kept.field, kept.test)).is_lt() {
            let replaced = kept.field;
            kept.same_as.retain(|f| *f != found.field);
            (kept.field, kept.test, kept.bits, kept.sums) = (found.field, found.test, bits, found.sums);
            replaced
        } else {
            found.field
        };
        if other != kept.field && !kept.same_as.contains(&other) {
            kept.same_as.push(other);
        }
    } else if found.test.plainness() < kept.test.plainness() {
        (kept.test, kept.bits, kept.sums) = (found.test, bits, found.sums);
    }
}

/// The rows for which a condition holds.
pub(crate) fn bits_of(place: &Place<'_>, field: usize, test: Test) -> Bits {
    let field = &place.table.fields[field];
    let arranged = place.arranged;
    let mut bits = arranged.empty();
    match test {
        Test::Equals(wanted) => field.each(|row, code| {
            if code == wanted {
                arranged.set(&mut bits, row);
            }
        }),
        Test::Range { first, last } => {
            if let Some(bins) = &field.bins {
                bins.each(|row, bin| {
                    if (first..=last).contains(&bin) {
                        arranged.set(&mut bits, row);
                    }
                });
            }
        }
        Test::Exists => field.each(|row, _| arranged.set(&mut bits, row)),
        Test::Absent => {
            field.each(|row, _| arranged.set(&mut bits, row));
            let all = arranged.all();
            bits.iter_mut().zip(all).for_each(|(bits, all)| *bits = all & !*bits);
        }
    }
    bits
}

fn field_candidates(
    place: &Place<'_>,
    at: usize,
    field: &TableField,
    judge: &Judge,
    within: Option<&Bits>,
) -> (Vec<Found>, usize) {
    let inside = |row: usize| within.is_none_or(|bits| place.arranged.has(bits, row));
    let groups = judge.totals.0.len() * CELLS;
    let mut selected = vec![0.0; field.values.len()];
    let mut present = vec![Mass::default(); groups];
    field.each(|row, code| {
        if inside(row) {
            let mass = &place.masses[row];
            mass.add_to(&mut present);
            if mass.is_selected()
                && let Some(selected) = selected.get_mut(code as usize)
            {
                *selected += mass.seen;
            }
        }
    });
    let raised = |test: Test, sums: Sums| {
        let verdict = judge.judge(&sums, judge.single_rate(&sums));
        let raised = verdict.z > SINGLE_Z_MIN && verdict.score > 0.0;
        let told = raised && tells(judge, &sums) && sums.cell(Cell::Selected).seen >= SELECTED_EVENTS_MIN;
        told.then_some(Found { field: at, test, sums, verdict })
    };
    let mut found = Vec::new();
    // Values.
    let mut slots = vec![u32::MAX; field.values.len()];
    let mut codes = Vec::new();
    for (code, _) in selected.iter().enumerate().filter(|(_, seen)| **seen >= SELECTED_EVENTS_MIN) {
        slots[code] = codes.len() as u32;
        codes.push(code as u32);
    }
    let mut sums = vec![Mass::default(); codes.len() * groups];
    field.each(|row, code| {
        let slot = slots.get(code as usize).copied().unwrap_or(u32::MAX);
        if slot != u32::MAX && inside(row) {
            let from = slot as usize * groups;
            place.masses[row].add_to(&mut sums[from..from + groups]);
        }
    });
    for (slot, code) in codes.iter().enumerate() {
        found.extend(raised(Test::Equals(*code), to_sums(&sums[slot * groups..(slot + 1) * groups])));
    }
    let mut examined = codes.len() + 2;
    // Ranges.
    if let Some((test, sums, ranges)) = best_range(place, field, judge, &inside) {
        examined += ranges;
        let range = raised(test, sums).filter(|range| !one_value_says_it(field, judge, (range, ranges), &found));
        found.extend(range);
    }
    // Having a value or not.
    let present = to_sums(&present);
    let absent = judge.totals.minus(&present);
    found.extend(raised(Test::Exists, present));
    found.extend(raised(Test::Absent, absent));
    found.sort_by(|a, b| by_score(a.verdict, b.verdict).then_with(|| plainer(place.table, (at, a.test), (at, b.test))));
    found.truncate(FIELD_CANDIDATES_MAX);
    (found, examined)
}

/// Whether some events of either side do not meet the condition: else it is no condition.
fn tells(judge: &Judge, sums: &Sums) -> bool {
    let outside = judge.totals.minus(sums);
    [Cell::Selected, judge.baseline()].into_iter().any(|cell| outside.cell(cell).seen > 0.0)
}

fn to_sums(masses: &[Mass]) -> Sums {
    Sums(masses.chunks(CELLS).map(|cells| std::array::from_fn(|cell| cells[cell])).collect())
}

/// Whether one value says as much as the best of so many ranges: nearly as good, or nothing else in the range is raised
/// by more than chance.
fn one_value_says_it(field: &TableField, judge: &Judge, (range, ranges): (&Found, usize), values: &[Found]) -> bool {
    let (Some(bins), Test::Range { first, last }) = (&field.bins, range.test) else { return false };
    let inside = |f: &&Found| match f.test {
        Test::Equals(code) => {
            let number = field.values[code as usize].number();
            number.is_some_and(|n| (first..=last).contains(&bin_of(&bins.edges, n)))
        }
        _ => false,
    };
    let best = values.iter().filter(inside).max_by(|a, b| a.verdict.score.total_cmp(&b.verdict.score));
    best.is_some_and(|best| {
        let rest = range.sums.minus(&best.sums);
        let nearly = range.verdict.score < best.verdict.score * RANGE_GAIN;
        nearly || judge.judge(&rest, judge.single_rate(&rest)).z < score::threshold(ranges as f64)
    })
}

/// The range of a numeric field that tells most, with its sums, and among how many it is the best.
fn best_range(
    place: &Place<'_>,
    field: &TableField,
    judge: &Judge,
    inside: &impl Fn(usize) -> bool,
) -> Option<(Test, Sums, usize)> {
    let binned = field.bins.as_ref()?;
    let groups = judge.totals.0.len() * CELLS;
    let mut sums = vec![Mass::default(); binned.count() * groups];
    binned.each(|row, bin| {
        if inside(row) {
            let from = bin as usize * groups;
            place.masses[row].add_to(&mut sums[from..from + groups]);
        }
    });
    let bins: Vec<Sums> = sums.chunks(groups).map(to_sums).collect();
    let end = bins.len() - 1;
    let mut best: Option<(f64, Test, Sums)> = None;
    for first in 0..=end {
        let mut running = Sums::zero(judge.totals.0.len());
        for (last, bin) in bins.iter().enumerate().skip(first) {
            add(&mut running, bin);
            if first == 0 && last == end {
                continue;
            }
            let gain = if first > 0 && last < end { RANGE_GAIN } else { 1.0 };
            let score = judge.judge(&running, judge.single_rate(&running)).score / gain;
            if score > best.as_ref().map_or(0.0, |b| b.0) {
                best = Some((score, Test::Range { first: first as u32, last: last as u32 }, running.clone()));
            }
        }
    }
    best.map(|(_, test, sums)| (test, sums, bins.len() * (bins.len() + 1) / 2))
}

fn add(sums: &mut Sums, other: &Sums) {
    for (cells, more) in sums.0.iter_mut().zip(&other.0) {
        cells.iter_mut().zip(more).for_each(|(cell, more)| cell.add(*more));
    }
}
