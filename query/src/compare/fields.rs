//! How much each field differs between the sides, out of its counts: a score in [0, 1] that chance does not reach.
//!
//! A field is compared by values, absent being one, and numbers as a distribution too. What chance explains of a
//! difference is taken off before it counts, which brings ids to 0. It must not know where counts come from.

use std::sync::Arc;

use super::score;
use super::table::NUMBER_CODES_MAX;
use super::value::EventValue;

#[cfg(test)]
mod tests;

/// Values that make a field's score, of the raised and of the lowered ones: what is spread over more is an id.
const SCORED_VALUES: usize = 10;
/// Numbers of more different values than this are no codes.
const NUMBER_VALUES_MAX: usize = 256;
/// The mean of Kuiper's statistic without a difference, in units of the root of the harmonic sizes: sqrt(pi / 2).
const KUIPER_MEAN: f64 = 1.2533;
const KUIPER_MARGIN: f64 = 1.25;

/// Two sides' numbers: selection, baseline.
pub(crate) type Both = [f64; 2];

/// A value's weight on either side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValueCount {
    pub(crate) value: EventValue,
    pub(crate) weight: Both,
}

/// A field's numbers as a distribution.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NumberCounts {
    /// Bin i holds `edges[i - 1]` ≤ v < `edges[i]`, the first and last are open.
    pub(crate) edges: Arc<[f64]>,
    pub(crate) bins: Vec<Both>,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
    /// How many different ones there are, as far as they were told apart.
    pub(crate) different: usize,
}

/// What was counted of one field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldCounts {
    pub(crate) name: Arc<str>,
    /// Weight with a value.
    pub(crate) present: Both,
    pub(crate) values: Vec<ValueCount>,
    pub(crate) numbers: Option<NumberCounts>,
    /// Different values; estimates if some are untold.
    pub(crate) distinct: [u64; 2],
    /// Weight that no value can have that is not among `values`; none if all are.
    pub(crate) untold: Option<Both>,
}

impl FieldCounts {
    /// Of a field that no event has.
    pub(crate) fn none(name: Arc<str>) -> FieldCounts {
        FieldCounts { name, present: [0.0; 2], values: Vec::new(), numbers: None, distinct: [0; 2], untold: None }
    }
}

impl NumberCounts {
    /// The start of the bin that either side's median lies in.
    pub(crate) fn medians(&self) -> [Option<f64>; 2] {
        [0, 1].map(|side| {
            let total: f64 = self.bins.iter().map(|b| b[side]).sum();
            let mut below = 0.0;
            let bin = self.bins.iter().position(|b| {
                below += b[side];
                total > 0.0 && below * 2.0 >= total
            })?;
            Some(bin.checked_sub(1).map_or(self.least, |at| self.edges[at]))
        })
    }
}

/// The sides that counts are shares of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sizes {
    pub(crate) weight: Both,
    /// How many unit events the weights are worth.
    pub(crate) effective: Both,
}

impl Sizes {
    pub(crate) fn shares(&self, weight: Both) -> Both {
        [score::share(weight[0], self.weight[0]), score::share(weight[1], self.weight[1])]
    }
}

/// A field's score, and whether it is told as a distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FieldScore {
    pub(crate) score: f64,
    pub(crate) numeric: bool,
}

/// The score of a field among so many.
pub(crate) fn score_field(counts: &FieldCounts, sizes: &Sizes, fields: usize) -> FieldScore {
    let by_value = score_values(counts, sizes, fields);
    let Some(numbers) = counts.numbers.as_ref().filter(|n| n.different > NUMBER_CODES_MAX) else {
        return FieldScore { score: by_value, numeric: false };
    };
    let by_number = score_numbers(numbers, sizes, fields);
    let codes = numbers.different <= NUMBER_VALUES_MAX && by_value > by_number;
    FieldScore { score: by_value.max(by_number), numeric: !codes }
}

fn score_values(counts: &FieldCounts, sizes: &Sizes, fields: usize) -> f64 {
    let [n_s, n_b] = sizes.effective;
    let values = counts.values.len().max(counts.distinct[0].max(counts.distinct[1]) as usize).max(1);
    let z_min = score::threshold(values as f64 * fields as f64);
    let absent = [sizes.weight[0] - counts.present[0], sizes.weight[1] - counts.present[1]];
    let (mut raised, mut lowered) = (Vec::new(), Vec::new());
    for weight in counts.values.iter().map(|v| v.weight).chain([absent]) {
        let [p, q] = sizes.shares(weight);
        let z = score::pooled_z(p, q, n_s, n_b).abs().min(score::arcsine_z(p, q, n_s, n_b).abs());
        if z > z_min {
            let left = ((p - q).abs() - score::chance_difference(p, q, n_s, n_b)).max(0.0);
            if p > q { &mut raised } else { &mut lowered }.push(left);
        }
    }
    sum_of_most(raised).max(sum_of_most(lowered)).min(1.0)
}

fn sum_of_most(mut differences: Vec<f64>) -> f64 {
    differences.sort_by(|a, b| b.total_cmp(a));
    // Not `sum`: that of nothing is -0.
    differences.iter().take(SCORED_VALUES).fold(0.0, |sum, difference| sum + difference)
}

/// Kuiper's statistic: the largest difference of an interval's share, less what chance makes of it.
fn score_numbers(numbers: &NumberCounts, sizes: &Sizes, fields: usize) -> f64 {
    let [n_s, n_b] = sizes.effective;
    if n_s <= 0.0 || n_b <= 0.0 {
        return 0.0;
    }
    let unit = (1.0 / n_s + 1.0 / n_b).sqrt();
    let (mut sum, mut least, mut greatest) = (0.0f64, 0.0f64, 0.0f64);
    for bin in &numbers.bins {
        let [p, q] = sizes.shares(*bin);
        sum += p - q;
        least = least.min(sum);
        greatest = greatest.max(sum);
    }
    let difference = greatest - least;
    if difference / unit <= KUIPER_MARGIN + ((40.0 * fields as f64).ln() / 2.0).sqrt() {
        return 0.0;
    }
    let by_chance = KUIPER_MEAN * unit;
    if by_chance >= 1.0 { 0.0 } else { ((difference - by_chance) / (1.0 - by_chance)).clamp(0.0, 1.0) }
}

/// How values inside a field are ordered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ValueOrder {
    /// By the difference of shares.
    Share,
    /// By how many more there are than baseline events times this.
    Count(f64),
}

/// The positions of the values that differ most, raised ones first. The position behind the last value is absence.
pub(crate) fn most_different(counts: &FieldCounts, sizes: &Sizes, order: ValueOrder, most: usize) -> Vec<usize> {
    let absent = [sizes.weight[0] - counts.present[0], sizes.weight[1] - counts.present[1]];
    let difference = |weight: Both| match order {
        ValueOrder::Share => {
            let [p, q] = sizes.shares(weight);
            p - q
        }
        ValueOrder::Count(ratio) => {
            let (a, e) = (weight[0].max(0.0), (weight[1] * ratio).max(0.0));
            (a.sqrt() - e.sqrt()).powi(2).copysign(a - e)
        }
    };
    let mut found: Vec<(f64, Both, usize)> =
        counts.values.iter().enumerate().map(|(at, v)| (difference(v.weight), v.weight, at)).collect();
    if absent[0] > 0.0 || absent[1] > 0.0 {
        found.push((difference(absent), absent, counts.values.len()));
    }
    let value = |at: usize| counts.values.get(at).map(|v| &v.value);
    // Absence has no value and comes after equals.
    let fixed = |a: usize, b: usize| value(a).is_none().cmp(&value(b).is_none()).then_with(|| value(a).cmp(&value(b)));
    let weights = |w: Both| (w[0], w[1]);
    let by_size = |a: &(f64, Both, usize), b: &(f64, Both, usize)| {
        b.0.abs().total_cmp(&a.0.abs()).then_with(|| {
            let (x, y) = (weights(a.1), weights(b.1));
            y.0.total_cmp(&x.0).then(y.1.total_cmp(&x.1)).then_with(|| fixed(a.2, b.2))
        })
    };
    if found.len() > most {
        found.select_nth_unstable_by(most, by_size);
        found.truncate(most);
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| by_size(a, b)));
    found.into_iter().map(|(_, _, at)| at).collect()
}
