//! What may have happened to the selected events rather than caused it: slow requests take long, failed ones carry a
//! message.
//!
//! A range of a number, or having a field or not, that holds for most selected events is such a condition; so is a value
//! that is the selection under another name. The first one found is set aside, fields that say the same with it, and the
//! search goes on for what the events under it have in common. What is found then is told before it if it holds for the
//! selected events of that cause as much as for all others; two causes would share the events between them.

use super::super::score::share;
use super::super::table::Cell;
use super::bits::Bits;
use super::candidates::{Place, SAME_SHARE, Test, bits_of};
use super::judge::Judge;
use super::search::Found;

/// The share of the selection that a range, or having a field, holds for at least.
const SYMPTOM_SHARE_MIN: f64 = 0.5;
/// Baseline events under a condition that tell what is raised among them; with fewer it is the selection itself.
const BASELINE_EVENTS_MIN: f64 = 20.0;
/// A condition holds for a cause's events as it does for all, and another says the same, from this part on.
const AS_OFTEN: f64 = 0.9;

/// A condition set aside.
#[derive(Debug)]
pub(super) struct Symptom {
    field: usize,
    test: Test,
    share: f64,
    /// Whether the baseline's events under it are too few to compare with.
    pub(super) restates: bool,
}

impl Symptom {
    /// The best conjunction, if it is one condition of this kind.
    pub(super) fn of(judge: &Judge, found: &Found) -> Option<Symptom> {
        let [part] = found.best.parts.as_slice() else { return None };
        let candidate = &found.candidates[*part];
        let share = selected_share(judge, &candidate.sums);
        let restates = candidate.sums.cell(judge.baseline()).effective() < BASELINE_EVENTS_MIN;
        let symptom = match candidate.test {
            Test::Equals(_) => restates && share >= SAME_SHARE,
            Test::Range { .. } | Test::Exists | Test::Absent => share >= SYMPTOM_SHARE_MIN,
        };
        symptom.then_some(Symptom { field: candidate.field, test: candidate.test, share, restates })
    }

    /// Whether it is told after the causes found: a value may be the cause itself.
    pub(super) fn comes_after(&self) -> bool {
        !matches!(self.test, Test::Equals(_))
    }

    /// Fields that are not searched any more: its own, and those with such a condition that holds nearly as often.
    pub(super) fn fields<'a>(&'a self, judge: &'a Judge, found: &'a Found) -> impl Iterator<Item = usize> + 'a {
        let alike = found.candidates.iter().filter(|c| {
            let restates = c.sums.cell(judge.baseline()).effective() < BASELINE_EVENTS_MIN;
            let kind = !matches!(c.test, Test::Equals(_)) || (self.restates && restates);
            kind && selected_share(judge, &c.sums) >= AS_OFTEN * self.share
        });
        std::iter::once(self.field).chain(alike.flat_map(|c| c.same_as.iter().copied().chain([c.field])))
    }

    /// Whether it holds for the selected events among these as often as for all.
    pub(super) fn follows(&self, place: &Place<'_>, cause: &Bits) -> bool {
        let own = bits_of(place, self.field, self.test);
        let all = place.arranged.sums(cause).cell(Cell::Selected).weight;
        let both = place.arranged.sums_of_both(cause, &own).cell(Cell::Selected).weight;
        share(both, all) >= AS_OFTEN * self.share
    }
}

fn selected_share(judge: &Judge, sums: &super::judge::Sums) -> f64 {
    share(sums.cell(Cell::Selected).weight, judge.totals.cell(Cell::Selected).weight)
}
