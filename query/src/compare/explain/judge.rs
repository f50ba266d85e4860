//! One question's score of a condition, out of the condition's sums by cell, with accepted explanations accounted for.
//!
//! Accepted explanations split the rows into combinations: those in none of them, in the first only, and so on. In each
//! combination the expectation is multiplied by what was observed there (its level), so that a second cause is searched
//! in what the first leaves unexplained. It must not know rows or bitmaps.

use super::super::score::{self, Expected, Mass, Verdict};
use super::super::table::{CELLS, Cell};

/// What is asked, and therefore what was to be expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Question {
    /// These against others: as large a share as among the others.
    Share,
    /// The same, and as many as there were of each kind in the window before.
    TwoWitnesses,
    /// The same filters earlier: the same rate of what there is in the scope.
    Rate,
    /// No filters: as many as earlier, times the ratio of durations.
    Count { ratio: f64 },
}

/// A condition's masses by combination and cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sums(pub(crate) Vec<[Mass; CELLS]>);

impl Sums {
    pub(crate) fn zero(combinations: usize) -> Sums {
        Sums(vec![[Mass::default(); CELLS]; combinations])
    }

    /// All combinations together.
    pub(crate) fn cell(&self, cell: Cell) -> Mass {
        let mut total = Mass::default();
        self.0.iter().for_each(|cells| total.add(cells[cell as usize]));
        total
    }

    pub(crate) fn minus(&self, other: &Sums) -> Sums {
        let subtract = |(a, b): (&[Mass; CELLS], &[Mass; CELLS])| std::array::from_fn(|cell| a[cell].minus(b[cell]));
        Sums(self.0.iter().zip(&other.0).map(subtract).collect())
    }
}

/// Earlier events that a rate is shrunk with: a rate of fewer is mostly the rate of a broader condition.
const SHRINK_EVENTS: f64 = 20.0;
/// The least z of each of two witnesses.
pub(crate) const WITNESS_Z_MIN: f64 = 1.5;

/// By combination, what was observed divided by what was expected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Levels {
    pub(crate) share: Vec<f64>,
    pub(crate) count: Vec<f64>,
}

impl Levels {
    pub(crate) fn even(combinations: usize) -> Levels {
        Levels { share: vec![1.0; combinations], count: vec![1.0; combinations] }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    pub(crate) question: Question,
    pub(crate) totals: Sums,
    pub(crate) levels: Levels,
}

impl Judge {
    pub(crate) fn new(question: Question, totals: Sums, levels: Levels) -> Judge {
        Judge { question, totals, levels }
    }

    /// The cell that the selection is compared with.
    pub(crate) fn baseline(&self) -> Cell {
        match self.question {
            Question::Share | Question::TwoWitnesses => Cell::Rest,
            Question::Rate | Question::Count { .. } => Cell::SelectedBefore,
        }
    }

    /// The cells whose shares are shown.
    pub(crate) fn sides(&self) -> [Cell; 2] {
        [Cell::Selected, self.baseline()]
    }

    /// The cells that what is said of a condition depends on: a rate is one of all there is.
    pub(crate) fn cells(&self) -> &'static [Cell] {
        match self.question {
            Question::Share => &[Cell::Selected, Cell::Rest],
            Question::Count { .. } => &[Cell::Selected, Cell::SelectedBefore],
            Question::Rate | Question::TwoWitnesses => &Cell::ALL,
        }
    }

    /// `rate`: of a rate or two witnesses, the highest of the condition's single ones, see [`Judge::single_rate`].
    pub(crate) fn judge(&self, sums: &Sums, rate: f64) -> Verdict {
        let selection = self.totals.cell(Cell::Selected);
        match self.question {
            Question::Share => self.judge_share(sums),
            Question::Rate | Question::Count { .. } => {
                score::judge_count(sums.cell(Cell::Selected), self.expected(sums, rate), selection.weight)
            }
            Question::TwoWitnesses => {
                let shares = self.judge_share(sums);
                let rates =
                    score::judge_count(sums.cell(Cell::Selected), self.expected_by_rate(sums, rate), selection.weight);
                let both = shares.z > WITNESS_Z_MIN && rates.z > WITNESS_Z_MIN;
                Verdict {
                    score: if both { (shares.score * rates.score).sqrt() } else { 0.0 },
                    z: if both { shares.z.max(rates.z) } else { 0.0 },
                }
            }
        }
    }

    fn judge_share(&self, sums: &Sums) -> Verdict {
        score::judge_share(
            sums.cell(Cell::Selected),
            self.totals.cell(Cell::Selected),
            self.levelled(sums),
            self.levelled(&self.totals),
        )
    }

    /// The baseline's mass, each combination at its level.
    fn levelled(&self, sums: &Sums) -> Mass {
        let mut total = Mass::default();
        for (cells, level) in sums.0.iter().zip(&self.levels.share) {
            total.add(cells[Cell::Rest as usize].times(*level));
        }
        total
    }

    /// What was expected of the condition, in the selection's weight.
    pub(crate) fn expected(&self, sums: &Sums, rate: f64) -> Expected {
        match self.question {
            Question::Share | Question::TwoWitnesses => self.expected_by_share(sums),
            Question::Rate => self.expected_by_rate(sums, rate),
            Question::Count { ratio } => self.expected_by_count(sums, ratio),
        }
    }

    fn expected_by_share(&self, sums: &Sums) -> Expected {
        let whole = self.levelled(&self.totals);
        if whole.weight <= 0.0 {
            return Expected::default();
        }
        let scale = self.totals.cell(Cell::Selected).weight / whole.weight;
        let scaled = self.levelled(sums).times(scale);
        let level = self.mean_level(sums, &self.levels.share);
        let unit = self.totals.cell(Cell::Rest).unit();
        Expected { weight: scaled.weight, variance: scaled.squares, floor: unit * scale * level }
    }

    fn expected_by_count(&self, sums: &Sums, ratio: f64) -> Expected {
        let mut total = Mass::default();
        for (cells, level) in sums.0.iter().zip(&self.levels.count) {
            total.add(cells[Cell::SelectedBefore as usize].times(ratio * level));
        }
        let unit = self.totals.cell(Cell::SelectedBefore).unit();
        let floor = unit * ratio * self.mean_level(sums, &self.levels.count);
        Expected { weight: total.weight, variance: total.squares, floor }
    }

    pub(crate) fn expected_by_rate(&self, sums: &Sums, rate: f64) -> Expected {
        let unit_before = self.totals.cell(Cell::SelectedBefore).unit();
        let shrink = SHRINK_EVENTS * unit_before;
        let mut expected = Expected::default();
        let (mut floors, mut weights) = (0.0, 0.0);
        for (cells, level) in sums.0.iter().zip(&self.levels.count) {
            let [selected, rest, before, rest_before] = cells;
            let now = selected.weight + rest.weight;
            let earlier = before.weight + rest_before.weight;
            if now <= 0.0 {
                continue;
            }
            let scale = level * now / (earlier + shrink);
            let weight = scale * (before.weight + shrink * rate);
            let unit = if before.weight > 0.0 { before.unit() } else { unit_before };
            let known = scale * scale * before.squares;
            let least = weight * weight / (before.weight / unit + 0.5);
            expected.weight += weight;
            expected.variance += known.max(least);
            floors += selected.weight * scale * unit;
            weights += selected.weight;
        }
        expected.floor = if weights > 0.0 { floors / weights } else { 0.0 };
        expected
    }

    /// The share of all earlier events under the condition that were selected, shrunk to that of the whole scope.
    pub(crate) fn single_rate(&self, sums: &Sums) -> f64 {
        let rate = |sums: &Sums| {
            let before = sums.cell(Cell::SelectedBefore);
            (before, before.weight + sums.cell(Cell::RestBefore).weight)
        };
        let (all, all_earlier) = rate(&self.totals);
        let overall = score::share(all.weight, all_earlier);
        let (before, earlier) = rate(sums);
        let shrink = SHRINK_EVENTS * all.unit();
        if earlier + shrink > 0.0 { (before.weight + shrink * overall) / (earlier + shrink) } else { 0.0 }
    }

    /// The level where the condition's selected events are.
    fn mean_level(&self, sums: &Sums, levels: &[f64]) -> f64 {
        let (mut total, mut weights) = (0.0, 0.0);
        for (cells, level) in sums.0.iter().zip(levels) {
            total += level * cells[Cell::Selected as usize].weight;
            weights += cells[Cell::Selected as usize].weight;
        }
        if weights > 0.0 { total / weights } else { 1.0 }
    }
}
