//! Which segments hold which events, when no catalog says so: every event once.
//!
//! A segment accounts for sequences: those that it holds, and those that were removed when it was written out of others.
//! What was written later knows better, so the segments are asked from the last to the first, and one that accounts for
//! anything that is accounted for already was replaced, or is a leftover of a merge that did not come about. It must
//! not know files.

use crate::segment::sequences::Sequences;

/// What of a segment matters here.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Its number; larger ones were written later.
    pub(super) id: u64,
    pub(super) sequences: Sequences,
    /// Whether every block of it is as it was written.
    pub(super) sound: bool,
}

/// What becomes of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// It is listed.
    Listed,
    /// Others account for all of its events.
    Replaced,
    /// Others account for some of its events, and for the rest nobody else does.
    Overlapping,
}

/// The choice for each candidate, in their order, and what the listed ones account for.
pub(super) fn choose(candidates: &[Candidate]) -> (Vec<Choice>, Sequences) {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    // A damaged one is better than none, and worse than any other.
    order.sort_by_key(|at| std::cmp::Reverse((candidates[*at].sound, candidates[*at].id)));
    let mut accounted = Sequences::default();
    let mut choices = vec![Choice::Replaced; candidates.len()];
    for at in &order {
        if candidates[*at].sequences.apart(&accounted) {
            accounted.merge(&candidates[*at].sequences);
            choices[*at] = Choice::Listed;
        }
    }
    for (candidate, choice) in candidates.iter().zip(&mut choices) {
        if *choice == Choice::Replaced && !candidate.sequences.within(&accounted) {
            *choice = Choice::Overlapping;
        }
    }
    (choices, accounted)
}
