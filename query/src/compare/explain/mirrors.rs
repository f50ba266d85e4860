//! Which fields say the same: their most telling values hold for the same rows on both sides.
//!
//! Of such fields the one with fewer values stays, then the one with the shorter name; the others are named beside it.

use super::super::table::{CELLS, Cell, Table, TableField};
use super::bits::{Arranged, Bits, Evidence, RowMass};
use super::candidates::{Place, SAME_SHARE, Test, bits_of, same_rows};
use super::judge::{Judge, Levels, Question, Sums};

/// Values that are compared, at most, and how telling they must be next to the most telling one.
const SIGNATURE_VALUES: usize = 3;
const SIGNATURE_SHARE: f64 = 1.0 / 3.0;

/// A field and those that say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folded {
    pub(crate) field: usize,
    pub(crate) same_as: Vec<usize>,
}

struct Kept {
    folded: Folded,
    signature: Vec<(Bits, Sums)>,
}

/// Folds ranked fields of the table until so many different ones are found.
pub(crate) fn fold(
    table: &Table,
    question: Question,
    evidence: Evidence,
    ranked: &[usize],
    wanted: usize,
) -> Vec<Folded> {
    let arranged = Arranged::new(table, &vec![0; table.rows.len()], evidence);
    let masses = arranged.row_masses();
    let allowed = vec![true; table.fields.len()];
    let place = Place { table, arranged: &arranged, masses: &masses, allowed: &allowed };
    let judge = Judge::new(question, arranged.sums(&arranged.all()), Levels::even(1));
    let mut kept: Vec<Kept> = Vec::new();
    for field in ranked {
        let signature = signature(&place, &judge, *field);
        match kept.iter().position(|k| agree(&place, &judge, &k.signature, &signature)) {
            Some(twin) => join(table, &mut kept[twin].folded, *field),
            None if kept.len() < wanted => {
                kept.push(Kept { folded: Folded { field: *field, same_as: Vec::new() }, signature });
            }
            None => break,
        }
    }
    kept.into_iter().map(|k| k.folded).collect()
}

fn join(table: &Table, folded: &mut Folded, field: usize) {
    let plain = |at: usize| {
        let field = &table.fields[at];
        (field.variety(), field.name.len(), &field.name)
    };
    let mut other = field;
    if plain(field) < plain(folded.field) {
        std::mem::swap(&mut folded.field, &mut other);
    }
    folded.same_as.push(other);
    folded.same_as.sort_by(|a, b| table.fields[*a].name.cmp(&table.fields[*b].name));
}

fn agree(place: &Place<'_>, judge: &Judge, a: &[(Bits, Sums)], b: &[(Bits, Sums)]) -> bool {
    let same = |x: &(Bits, Sums), y: &(Bits, Sums)| {
        same_rows(place.arranged, &judge.sides(), (&x.1, &x.0), (&y.1, &y.0), SAME_SHARE)
    };
    !a.is_empty() && a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| same(x, y)))
}

/// The rows of a field's most telling values, or of its most telling interval.
fn signature(place: &Place<'_>, judge: &Judge, at: usize) -> Vec<(Bits, Sums)> {
    let field = &place.table.fields[at];
    let differences = differences(field, place.masses, judge);
    let most = differences.first().map_or(0.0, |d| d.0);
    let telling = differences.into_iter().take(SIGNATURE_VALUES).filter(|d| d.0 >= most * SIGNATURE_SHARE && d.0 > 0.0);
    telling
        .map(|(_, test)| {
            let bits = bits_of(place, at, test);
            let sums = place.arranged.sums(&bits);
            (bits, sums)
        })
        .collect()
}

/// The differences of shares of values, most first; of numbers that are no codes the one interval of Kuiper's statistic.
fn differences(field: &TableField, masses: &[RowMass], judge: &Judge) -> Vec<(f64, Test)> {
    let sides = [Cell::Selected, judge.baseline()];
    let totals = sides.map(|cell| judge.totals.cell(cell).weight);
    let side = |row: usize| sides.iter().position(|cell| usize::from(masses[row].group) % CELLS == *cell as usize);
    let share = |weights: [f64; 2]| {
        let part = |at: usize| if totals[at] > 0.0 { weights[at] / totals[at] } else { 0.0 };
        part(0) - part(1)
    };
    if let Some(bins) = field.bins.as_ref().filter(|_| field.is_distribution()) {
        let mut weights = vec![[0.0; 2]; bins.count()];
        bins.each(|row, bin| {
            if let Some(side) = side(row) {
                weights[bin as usize][side] += masses[row].weight;
            }
        });
        return interval(&weights.into_iter().map(share).collect::<Vec<f64>>()).into_iter().collect();
    }
    let mut weights = vec![[0.0; 2]; field.values.len()];
    let mut present = [0.0; 2];
    field.each(|row, code| {
        if let Some(side) = side(row) {
            present[side] += masses[row].weight;
            if let Some(weights) = weights.get_mut(code as usize) {
                weights[side] += masses[row].weight;
            }
        }
    });
    let values = weights.into_iter().enumerate().map(|(code, w)| (share(w), Test::Equals(code as u32)));
    let mut all: Vec<(f64, Test)> = values.chain([(share(present), Test::Exists)]).collect();
    all.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()).then_with(|| (b.0 > 0.0).cmp(&(a.0 > 0.0))));
    all.into_iter().map(|(d, test)| (d.abs(), test)).collect()
}

/// The run of bins whose summed difference is the largest in size.
fn interval(differences: &[f64]) -> Option<(f64, Test)> {
    let mut sum = 0.0;
    let (mut least, mut greatest) = ((0.0, 0), (0.0, 0));
    for (at, difference) in differences.iter().enumerate() {
        sum += difference;
        if sum < least.0 {
            least = (sum, at + 1);
        }
        if sum > greatest.0 {
            greatest = (sum, at + 1);
        }
    }
    let (first, end) = (least.1.min(greatest.1), least.1.max(greatest.1));
    let test = Test::Range { first: first as u32, last: end.checked_sub(1)? as u32 };
    (end > first).then_some((greatest.0 - least.0, test))
}
