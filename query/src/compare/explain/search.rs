//! The best conjunction of one to three conditions: every single, every pair, triples of the best pairs, then the same
//! again with what shows only inside the best one.

use std::sync::atomic::{AtomicBool, Ordering};

use super::super::score::{self, Verdict};
use super::super::table::Cell;
use super::bits::{Bits, both};
use super::candidates::{Candidate, Candidates, Place, SELECTED_EVENTS_MIN, SINGLE_Z_MIN, bits_of, candidates};
use super::judge::{Judge, Question, Sums};

/// Conditions of a conjunction.
const CONDITIONS_MAX: usize = 3;
/// Pairs that are extended to triples.
const BEAM: usize = 100;
/// What each further condition costs, as a factor on the score.
const LENGTH_FACTOR: f64 = 0.95;
/// Searches inside the best conjunction, and conditions that one adds.
const DRILL_ROUNDS: usize = 2;
const DRILL_CANDIDATES: usize = 16;
/// The z by which what a removed condition would let in must be less raised than the rest.
const NEEDED_Z: f64 = 1.5;
/// Conjunctions tried until one has something to say.
const TRIES_MAX: usize = 50;

/// A conjunction of candidates, by position, in order.
#[derive(Clone, Debug)]
pub(crate) struct Conjunction {
    pub(crate) parts: Vec<usize>,
    pub(crate) sums: Sums,
    pub(crate) verdict: Verdict,
    /// The score with the cost of its length, by which conjunctions are ranked.
    pub(crate) rank: f64,
    /// Whether chance is ruled out.
    pub(crate) sure: bool,
}

/// What a search found: its candidates, the best conjunction made minimal, and all in order.
pub(crate) struct Found {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) best: Conjunction,
    pub(crate) ranked: Vec<Conjunction>,
}

/// Searches, inside the best ones too if `drill`; none if nothing is above chance and more raised than what is around it.
pub(crate) fn search(
    place: &Place<'_>,
    judge: &Judge,
    first: Candidates,
    drill: bool,
    stop: &AtomicBool,
) -> Option<Found> {
    let Candidates { mut kept, mut examined } = first;
    let mut ranked = beam(place, judge, &kept, examined);
    let mut best = first_needed(place, judge, &kept, &ranked, examined)?;
    for _ in 0..if drill { DRILL_ROUNDS } else { 0 } {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let inside = rows_of(&kept, &best.parts)?;
        let more = drilled(place, judge, &inside, &mut kept);
        if more == 0 {
            break;
        }
        examined += more;
        ranked = beam(place, judge, &kept, examined);
        let Some(next) = first_needed(place, judge, &kept, &ranked, examined) else { break };
        let better = next.rank > best.rank;
        best = next;
        if !better {
            break;
        }
    }
    Some(Found { candidates: kept, best, ranked })
}

/// Adds conditions that are raised inside the conjunction; how many were new.
fn drilled(place: &Place<'_>, judge: &Judge, inside: &Bits, kept: &mut Vec<Candidate>) -> usize {
    let within = Judge::new(judge.question, place.arranged.sums(inside), judge.levels.clone());
    let found = candidates(place, &within, Some(inside), DRILL_CANDIDATES);
    let before = kept.len();
    for mut candidate in found.kept {
        if kept.iter().any(|k| k.field == candidate.field && k.test == candidate.test) {
            continue;
        }
        // What was judged inside is a condition on all rows.
        candidate.bits = bits_of(place, candidate.field, candidate.test);
        candidate.sums = place.arranged.sums(&candidate.bits);
        candidate.rate = judge.single_rate(&candidate.sums);
        candidate.verdict = judge.judge(&candidate.sums, candidate.rate);
        candidate.same_as.clear();
        kept.push(candidate);
    }
    kept.len() - before
}

pub(crate) fn rows_of(kept: &[Candidate], parts: &[usize]) -> Option<Bits> {
    let (first, rest) = parts.split_first()?;
    Some(rest.iter().fold(kept[*first].bits.clone(), |bits, at| both(&bits, &kept[*at].bits)))
}

/// The z that rules out chance over all that is compared: every further condition is chosen among all that were kept.
fn z_min(kept: &[Candidate], examined: usize, conditions: usize) -> f64 {
    score::threshold(examined as f64 * (kept.len() as f64).powi(conditions as i32 - 1))
}

/// Every conjunction that is raised, best first.
fn beam(place: &Place<'_>, judge: &Judge, kept: &[Candidate], examined: usize) -> Vec<Conjunction> {
    let mut all: Vec<Conjunction> = Vec::new();
    for (at, candidate) in kept.iter().enumerate() {
        all.push(judged(judge, kept, vec![at], candidate.sums.clone()));
    }
    let mut pairs = Vec::new();
    for a in 0..kept.len() {
        for b in a + 1..kept.len() {
            if kept[a].field != kept[b].field {
                let sums = place.arranged.sums_of_both(&kept[a].bits, &kept[b].bits);
                if sums.cell(Cell::Selected).seen >= SELECTED_EVENTS_MIN {
                    pairs.push(judged(judge, kept, vec![a, b], sums));
                }
            }
        }
    }
    sort(&mut pairs);
    let mut seen = std::collections::HashSet::new();
    for pair in pairs.iter().take(BEAM) {
        let Some(bits) = rows_of(kept, &pair.parts) else { continue };
        for c in 0..kept.len() {
            if pair.parts.iter().any(|p| kept[*p].field == kept[c].field) {
                continue;
            }
            let mut parts = pair.parts.clone();
            parts.push(c);
            parts.sort_unstable();
            debug_assert!(parts.len() <= CONDITIONS_MAX);
            if seen.insert(parts.clone()) {
                let sums = place.arranged.sums_of_both(&bits, &kept[c].bits);
                if sums.cell(Cell::Selected).seen >= SELECTED_EVENTS_MIN {
                    all.push(judged(judge, kept, parts, sums));
                }
            }
        }
    }
    all.append(&mut pairs);
    all.retain(|c| c.verdict.z > SINGLE_Z_MIN && c.verdict.score > 0.0);
    all.iter_mut().for_each(|c| c.sure = c.verdict.z > z_min(kept, examined, c.parts.len()));
    sort(&mut all);
    all
}

/// Best first; ties by length, then by the order of candidates, which is fixed.
fn sort(all: &mut [Conjunction]) {
    all.sort_by(|a, b| {
        b.rank.total_cmp(&a.rank).then_with(|| a.parts.len().cmp(&b.parts.len())).then_with(|| a.parts.cmp(&b.parts))
    });
}

fn judged(judge: &Judge, kept: &[Candidate], parts: Vec<usize>, sums: Sums) -> Conjunction {
    let rate = parts.iter().map(|p| kept[*p].rate).fold(0.0, f64::max);
    let verdict = judge.judge(&sums, rate);
    let cost: i32 = parts.iter().map(|p| kept[*p].test.cost()).sum();
    Conjunction { rank: verdict.score * LENGTH_FACTOR.powi(cost - 1), parts, sums, verdict, sure: false }
}

/// The first of the ranked that has a needed condition, without those it does not need.
///
/// Where everything is raised (more traffic, another mix) every broad condition is; the best of many must then be more
/// raised than what is around it by more than chance makes of so many.
fn first_needed(
    place: &Place<'_>,
    judge: &Judge,
    kept: &[Candidate],
    ranked: &[Conjunction],
    examined: usize,
) -> Option<Conjunction> {
    let sure = ranked.iter().filter(|c| c.sure).take(TRIES_MAX);
    sure.filter_map(|c| minimal(place, judge, kept, c.clone())).find(|c| match judge.question {
        Question::Share | Question::TwoWitnesses => true,
        Question::Rate | Question::Count { .. } => {
            more_raised(judge, kept, c, &judge.totals) > z_min(kept, examined, c.parts.len())
        }
    })
}

/// Takes away conditions, the weakest first, as long as what they shut out is not clearly less raised than the rest.
fn minimal(place: &Place<'_>, judge: &Judge, kept: &[Candidate], mut c: Conjunction) -> Option<Conjunction> {
    loop {
        let weakest = (0..c.parts.len())
            .map(|at| (need(place, judge, kept, &c, at), at))
            .min_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))?;
        if weakest.0 > NEEDED_Z {
            return Some(c);
        }
        let mut parts = c.parts.clone();
        parts.remove(weakest.1);
        let sums = place.arranged.sums(&rows_of(kept, &parts)?);
        c = judged(judge, kept, parts, sums);
    }
}

/// How much less raised (z) is what the conjunction would let in without one of its conditions.
fn need(place: &Place<'_>, judge: &Judge, kept: &[Candidate], c: &Conjunction, at: usize) -> f64 {
    let mut parts = c.parts.clone();
    parts.remove(at);
    let wider = rows_of(kept, &parts).map_or_else(|| judge.totals.clone(), |bits| place.arranged.sums(&bits));
    more_raised(judge, kept, c, &wider)
}

/// How much more raised (z) a conjunction is than the rest of something wider.
fn more_raised(judge: &Judge, kept: &[Candidate], c: &Conjunction, wider: &Sums) -> f64 {
    let rest = wider.minus(&c.sums);
    let rate = c.parts.iter().map(|p| kept[*p].rate).fold(0.0, f64::max);
    let lift = |sums: &Sums, rate| score::log_lift(sums.cell(Cell::Selected), judge.expected(sums, rate));
    let (inside, inside_variance) = lift(&c.sums, rate);
    let (outside, outside_variance) = lift(&rest, judge.single_rate(&rest));
    (inside - outside) / (inside_variance + outside_variance).sqrt()
}
