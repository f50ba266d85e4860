//! Which conjunctions of conditions tell the selection from the baseline, best first, several only for several causes.
//!
//! 1. [`candidates`]: the single conditions worth combining.
//! 2. [`search`]: the best conjunction above chance, none of whose conditions is superfluous.
//! 3. What it explains is taken as expected ([`judge`]), and the search goes on in what is left; under what may be a
//!    symptom ([`symptoms`]) it goes on for a cause.
//!
//! Everything works on a table of rows drawn beforehand ([`super::table`]); it must not know where they came from.

mod bits;
mod candidates;
mod judge;
mod mirrors;
mod search;
mod symptoms;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::score::Mass;
use super::table::{CELLS, Cell, Table};
use super::value::EventValue;
pub(crate) use bits::Evidence;
use bits::{Arranged, Bits};
use candidates::{Place, Test, candidates};
pub(crate) use judge::Question;
use judge::{Judge, Levels, Sums};
pub(crate) use mirrors::{Folded, fold};
use symptoms::Symptom;

/// Single conditions that conjunctions are made of, in the first search and in later ones.
const CANDIDATES_FIRST: usize = 64;
const CANDIDATES_LATER: usize = 32;
/// Conjunctions that came closest, of each explanation.
pub(crate) const RIVALS: usize = 2;
/// A rival whose rows agree in this share of weight with one that was told says nothing new.
const RIVAL_SHARE: f64 = 0.999;
/// A further explanation scores at least this, and at least this share of the first.
const SCORE_MIN: f64 = 0.01;
const FIRST_SHARE_MIN: f64 = 0.05;
/// The share of a further explanation's selected weight that no earlier one has.
const NEW_SHARE_MIN: f64 = 0.5;
/// Distinct weights from which on they may be counts, is the square root of the rows; and their effective size is below this.
const WEAK_EVENTS_MAX: f64 = 100.0;

/// A test of one field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    pub(crate) field: Arc<str>,
    pub(crate) test: ConditionTest,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ConditionTest {
    Equals(EventValue),
    /// `from` ≤ v < `to`.
    Range {
        from: Option<f64>,
        to: Option<f64>,
    },
    Exists,
    Absent,
}

/// A conjunction with its score, and what of each cell meets it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scored {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) score: f64,
    pub(crate) cells: Cells,
}

/// By cell.
pub(crate) type Cells = [Mass; CELLS];

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Explanation {
    /// What its scores answer: a further cause may be one of shares only.
    pub(crate) question: Question,
    pub(crate) best: Scored,
    pub(crate) rivals: Vec<Scored>,
    /// Fields with a condition that holds for the same events as one of these.
    pub(crate) same_as: Vec<Arc<str>>,
    /// Whether it holds as often for the events of a cause that is told before it, see [`symptoms`].
    pub(crate) symptom: bool,
}

/// Best first, what may be a symptom last.
pub(crate) fn order(explanations: &mut [Explanation]) {
    explanations.sort_by(|a, b| a.symptom.cmp(&b.symptom).then_with(|| b.best.score.total_cmp(&a.best.score)));
}

/// Whether the weights of these selected rows are plainly counts: few rows outweigh all others, by ever different weights.
pub(crate) fn evidence(table: &Table) -> Evidence {
    let weights = table.rows.iter().filter(|r| r.cell == Cell::Selected).map(|r| r.weight / r.gain);
    let mut weights: Vec<f64> = weights.collect();
    let (sum, squares): (f64, f64) = (weights.iter().sum(), weights.iter().map(|w| w * w).sum());
    let rows = weights.len() as f64;
    weights.sort_by(f64::total_cmp);
    weights.dedup();
    let effective = if squares > 0.0 { sum * sum / squares } else { 0.0 };
    let weak = effective < rows / 2.0 && effective < WEAK_EVENTS_MAX && weights.len() as f64 >= rows.sqrt();
    if weak { Evidence::Weak } else { Evidence::Sampling }
}

/// What is searched, and under which bounds.
pub(crate) struct Search<'a> {
    pub(crate) question: Question,
    pub(crate) evidence: Evidence,
    /// By field: whether conditions may name it.
    pub(crate) allowed: &'a [bool],
    pub(crate) explanations_max: usize,
    /// Set when nobody waits any more: then what was found so far comes back.
    pub(crate) stop: &'a AtomicBool,
}

/// See the module.
pub(crate) fn explain(table: &Table, search: &Search<'_>) -> Vec<Explanation> {
    let mut question = search.question;
    let mut explanations: Vec<Explanation> = Vec::new();
    let mut allowed = search.allowed.to_vec();
    let mut combination = vec![0u16; table.rows.len()];
    let mut levels = Levels::even(1);
    let mut covered = vec![false; table.rows.len()];
    let mut first_score = 0.0;
    let mut aside: Option<(usize, Symptom)> = None;
    while explanations.len() < search.explanations_max && !search.stop.load(Ordering::Relaxed) {
        // The score of what is set aside is no measure of causes.
        let first = first_score == 0.0;
        let arranged = Arranged::new(table, &combination, search.evidence);
        let masses = arranged.row_masses();
        let place = Place { table, arranged: &arranged, masses: &masses, allowed: &allowed };
        let totals = arranged.sums(&arranged.all());
        let judge = Judge::new(question, totals, levels.clone());
        let kept_max = if first { CANDIDATES_FIRST } else { CANDIDATES_LATER };
        let mut found = candidates(&place, &judge, None, kept_max);
        if !first {
            add_uncovered(&place, &judge, &covered, kept_max, &mut found);
        }
        let found = search::search(&place, &judge, found, first, search.stop);
        let least = (FIRST_SHARE_MIN * first_score).max(SCORE_MIN);
        let found = match found.filter(|f| f.best.verdict.score >= least) {
            Some(found) => found,
            None if question == Question::TwoWitnesses => {
                question = Question::Share;
                continue;
            }
            None => break,
        };
        let Some(bits) = search::rows_of(&found.candidates, &found.best.parts) else { break };
        let told = told(table, &arranged, &judge, &found);
        if let Some(symptom) = Symptom::of(&judge, &found).filter(|_| aside.is_none()) {
            symptom.fields(&judge, &found).for_each(|field| allowed[field] = false);
            if !symptom.restates {
                accept(&arranged, &judge, &found, &bits, &mut combination, &mut levels);
            }
            aside = Some((explanations.len(), symptom));
            explanations.push(told);
            continue;
        }
        let news = new_share(&arranged, &masses, &bits, &covered);
        if news < NEW_SHARE_MIN || (!first && told.best.score < SCORE_MIN) {
            break;
        }
        if first {
            first_score = found.best.verdict.score;
        }
        if let Some((at, symptom)) = &aside {
            explanations[*at].symptom |= symptom.comes_after() && symptom.follows(&place, &bits);
        }
        explanations.push(told);
        accept(&arranged, &judge, &found, &bits, &mut combination, &mut levels);
        for (row, covered) in covered.iter_mut().enumerate() {
            *covered |= arranged.has(&bits, row);
        }
    }
    order(&mut explanations);
    explanations
}

/// Candidates from the rows that no explanation has yet.
fn add_uncovered(
    place: &Place<'_>,
    judge: &Judge,
    covered: &[bool],
    kept_max: usize,
    found: &mut candidates::Candidates,
) {
    let mut outside = place.arranged.empty();
    covered.iter().enumerate().filter(|(_, c)| !**c).for_each(|(row, _)| place.arranged.set(&mut outside, row));
    let within = Judge::new(judge.question, place.arranged.sums(&outside), judge.levels.clone());
    let more = candidates(place, &within, Some(&outside), kept_max / 2);
    found.examined += more.examined;
    for mut candidate in more.kept {
        if !found.kept.iter().any(|k| k.field == candidate.field && k.test == candidate.test) {
            candidate.bits = candidates::bits_of(place, candidate.field, candidate.test);
            candidate.sums = place.arranged.sums(&candidate.bits);
            candidate.rate = judge.single_rate(&candidate.sums);
            candidate.verdict = judge.judge(&candidate.sums, candidate.rate);
            found.kept.push(candidate);
        }
    }
}

/// The share of the conjunction's selected weight that is not covered yet.
fn new_share(arranged: &Arranged, masses: &[bits::RowMass], bits: &Bits, covered: &[bool]) -> f64 {
    let (mut new, mut all) = (0.0, 0.0);
    for (row, mass) in masses.iter().enumerate() {
        if mass.is_selected() && arranged.has(bits, row) {
            all += mass.weight;
            if !covered[row] {
                new += mass.weight;
            }
        }
    }
    if all > 0.0 { new / all } else { 0.0 }
}

/// The score of a conjunction by what meets it of all cells, and of a question of rates what meets each of its conditions.
pub(crate) fn score(question: Question, totals: Cells, conjunction: Cells, singles: &[Cells]) -> f64 {
    let judge = Judge::new(question, Sums(vec![totals]), Levels::even(1));
    let rate = singles.iter().map(|single| judge.single_rate(&Sums(vec![*single]))).fold(0.0, f64::max);
    judge.judge(&Sums(vec![conjunction]), rate).score
}

/// Splits every combination by the conjunction and sets the level inside to what was observed.
fn accept(
    arranged: &Arranged,
    judge: &Judge,
    found: &search::Found,
    bits: &Bits,
    combination: &mut [u16],
    levels: &mut Levels,
) {
    let rate = found.best.parts.iter().map(|p| found.candidates[*p].rate).fold(0.0, f64::max);
    let sums = &found.best.sums;
    let observed = sums.cell(Cell::Selected).weight;
    let ratio =
        |expected: super::score::Expected| observed / expected.weight.max(expected.floor).max(f64::MIN_POSITIVE);
    let count = match judge.question {
        Question::TwoWitnesses => ratio(judge.expected_by_rate(sums, rate)),
        _ => ratio(judge.expected(sums, rate)),
    };
    let (share_in, share_out) = match judge.question {
        Question::Share | Question::TwoWitnesses => {
            let selection = judge.totals.cell(Cell::Selected).weight;
            let expected = judge.expected(sums, rate);
            let inside = ratio(expected);
            let outside = (selection - observed) / (selection - expected.weight).max(f64::MIN_POSITIVE);
            (inside, outside)
        }
        Question::Rate | Question::Count { .. } => (1.0, 1.0),
    };
    let mut numbers: Vec<(u16, bool)> = Vec::new();
    let (mut share, mut counts) = (Vec::new(), Vec::new());
    for (row, combination) in combination.iter_mut().enumerate() {
        let inside = arranged.has(bits, row);
        let key = (*combination, inside);
        let at = numbers.iter().position(|n| *n == key).unwrap_or_else(|| {
            let old = usize::from(*combination);
            numbers.push(key);
            share.push(levels.share[old] * if inside { share_in } else { share_out });
            counts.push(levels.count[old] * if inside { count } else { 1.0 });
            numbers.len() - 1
        });
        *combination = at as u16;
    }
    *levels = Levels { share, count: counts };
}

fn told(table: &Table, arranged: &Arranged, judge: &Judge, found: &search::Found) -> Explanation {
    let plain = Judge::new(judge.question, flat(&judge.totals), Levels::even(1));
    let scored = |c: &search::Conjunction| {
        let rate = c.parts.iter().map(|p| found.candidates[*p].rate).fold(0.0, f64::max);
        let mut parts: Vec<&candidates::Candidate> = c.parts.iter().map(|p| &found.candidates[*p]).collect();
        parts.sort_by(|a, b| b.verdict.score.total_cmp(&a.verdict.score).then_with(|| a.field.cmp(&b.field)));
        let conditions = parts.into_iter().map(|part| condition(table, part)).collect();
        let sums = flat(&c.sums);
        Scored { conditions, score: plain.judge(&sums, rate).score, cells: sums.0[0] }
    };
    let mut same_as: Vec<Arc<str>> = found
        .best
        .parts
        .iter()
        .flat_map(|p| &found.candidates[*p].same_as)
        .map(|field| Arc::clone(&table.fields[*field].name))
        .collect();
    same_as.sort();
    same_as.dedup();
    let rivals = rivals(arranged, judge, found);
    let rivals = rivals.into_iter().map(scored).collect();
    Explanation { question: judge.question, best: scored(&found.best), rivals, same_as, symptom: false }
}

/// The best other conjunctions that do not hold for the same rows as the best or one another.
fn rivals<'f>(arranged: &Arranged, judge: &Judge, found: &'f search::Found) -> Vec<&'f search::Conjunction> {
    let mut told: Vec<(&search::Conjunction, Bits)> = Vec::new();
    let bits = |c: &search::Conjunction| search::rows_of(&found.candidates, &c.parts).unwrap_or_default();
    told.push((&found.best, bits(&found.best)));
    for rival in &found.ranked {
        if told.len() > RIVALS {
            break;
        }
        let rows = bits(rival);
        let same = told.iter().any(|(t, b)| {
            candidates::same_rows(arranged, judge.cells(), (&t.sums, b), (&rival.sums, &rows), RIVAL_SHARE)
        });
        if !same {
            told.push((rival, rows));
        }
    }
    told.into_iter().skip(1).map(|(c, _)| c).collect()
}

/// All combinations as one.
fn flat(sums: &Sums) -> Sums {
    let mut cells = [Mass::default(); CELLS];
    for combination in &sums.0 {
        cells.iter_mut().zip(combination).for_each(|(cell, more)| cell.add(*more));
    }
    Sums(vec![cells])
}

fn condition(table: &Table, candidate: &candidates::Candidate) -> Condition {
    let field = &table.fields[candidate.field];
    let test = match candidate.test {
        Test::Equals(code) => ConditionTest::Equals(field.values[code as usize].clone()),
        Test::Range { first, last } => {
            let edge = |at: Option<usize>| field.bins.as_ref().and_then(|b| b.edges.get(at?).copied());
            ConditionTest::Range { from: edge((first as usize).checked_sub(1)), to: edge(Some(last as usize)) }
        }
        Test::Exists => ConditionTest::Exists,
        Test::Absent => ConditionTest::Absent,
    };
    Condition { field: Arc::clone(&field.name), test }
}
