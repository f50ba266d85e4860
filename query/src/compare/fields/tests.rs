//! Scores of fields against what they must be, and Kuiper's statistic against all intervals.

use proptest::prelude::*;

use super::*;

fn sizes(s: f64, b: f64) -> Sizes {
    Sizes { weight: [s, b], effective: [s, b] }
}

fn counts(values: &[(i64, f64, f64)], present: Both) -> FieldCounts {
    let value = |(value, a, b): &(i64, f64, f64)| ValueCount { value: EventValue::Integer(*value), weight: [*a, *b] };
    let mut counts = FieldCounts::none("field".into());
    counts.values = values.iter().map(value).collect();
    counts.present = present;
    counts
}

fn numbers(bins: Vec<Both>) -> NumberCounts {
    let edges: Vec<f64> = (1..bins.len()).map(|at| at as f64).collect();
    NumberCounts { edges: edges.into(), greatest: bins.len() as f64, bins, least: 0.0, different: 1_000 }
}

/// Kuiper's statistic, interval by interval.
fn widest(bins: &[Both], sizes: &Sizes) -> f64 {
    let mut widest = 0.0f64;
    for from in 0..bins.len() {
        for to in from..bins.len() {
            let sum: f64 = bins[from..=to].iter().map(|bin| sizes.shares(*bin)).map(|[p, q]| p - q).sum();
            widest = widest.max(sum.abs());
        }
    }
    widest
}

proptest! {
    #[test]
    fn distributions_are_compared_by_the_widest_interval(
        bins in prop::collection::vec((0..300u32, 0..300u32), 1..33),
    ) {
        let bins: Vec<Both> = bins.into_iter().map(|(a, b)| [f64::from(a), f64::from(b)]).collect();
        let sum = |side: usize| bins.iter().map(|b| b[side]).sum::<f64>() + 50.0;
        let sizes = sizes(sum(0), sum(1));
        let score = score_numbers(&numbers(bins.clone()), &sizes, 10);
        let unit = (1.0 / sizes.effective[0] + 1.0 / sizes.effective[1]).sqrt();
        let widest = widest(&bins, &sizes);
        if score > 0.0 {
            let chance = KUIPER_MEAN * unit;
            prop_assert!((score - (widest - chance) / (1.0 - chance)).abs() < 1e-9);
        } else {
            prop_assert!(widest / unit <= KUIPER_MARGIN + (400f64.ln() / 2.0).sqrt() + 1e-9);
        }
    }

    #[test]
    fn the_same_on_both_sides_is_no_difference(weights in prop::collection::vec(1..500u32, 1..40)) {
        let values: Vec<(i64, f64, f64)> =
            weights.iter().enumerate().map(|(at, w)| (at as i64, f64::from(*w), f64::from(*w))).collect();
        let total: f64 = weights.iter().map(|w| f64::from(*w)).sum();
        let score = score_field(&counts(&values, [total; 2]), &sizes(total, total), 10);
        prop_assert_eq!(score, FieldScore { score: 0.0, numeric: false });
    }

    #[test]
    fn the_most_different_are_those_of_a_full_sort(
        weights in prop::collection::vec((0..50u32, 0..50u32), 0..40),
        most in 0..45usize,
    ) {
        let values: Vec<(i64, f64, f64)> =
            weights.iter().enumerate().map(|(at, (a, b))| (at as i64, f64::from(*a), f64::from(*b))).collect();
        let present = [values.iter().map(|v| v.1).sum(), values.iter().map(|v| v.2).sum()];
        let sizes = sizes(present[0] + 7.0, present[1] + 3.0);
        let counts = counts(&values, present);
        let found = most_different(&counts, &sizes, ValueOrder::Share, most);
        let difference = |at: usize| {
            let weight = counts.values.get(at).map_or([7.0, 3.0], |v| v.weight);
            sizes.shares(weight)[0] - sizes.shares(weight)[1]
        };
        prop_assert_eq!(found.len(), most.min(values.len() + 1));
        prop_assert!(found.windows(2).all(|w| difference(w[0]) >= difference(w[1])));
        let least = found.iter().map(|at| difference(*at).abs()).fold(f64::INFINITY, f64::min);
        let left = (0..=values.len()).filter(|at| !found.contains(at)).map(|at| difference(at).abs());
        prop_assert!(left.fold(0.0, f64::max) <= least + 1e-12);
    }
}

#[test]
fn what_only_one_side_has_is_nearly_everything() {
    let apart = counts(&[(1, 1_000.0, 0.0), (2, 0.0, 1_000.0)], [1_000.0; 2]);
    let score = score_field(&apart, &sizes(1_000.0, 1_000.0), 10).score;
    assert!((0.95..=1.0).contains(&score), "{score}");
}

#[test]
fn values_that_occur_once_are_explained_by_chance() {
    let ids: Vec<(i64, f64, f64)> = (0..2_000).map(|at| (at, f64::from(at < 500), f64::from(at >= 500))).collect();
    assert_eq!(score_field(&counts(&ids, [500.0, 1_500.0]), &sizes(500.0, 1_500.0), 10).score, 0.0);
}

#[test]
fn absence_is_a_value() {
    let lacking = counts(&[(1, 100.0, 1_000.0)], [100.0, 1_000.0]);
    let sizes = sizes(1_000.0, 1_000.0);
    assert!(score_field(&lacking, &sizes, 10).score > 0.8);
    assert_eq!(most_different(&lacking, &sizes, ValueOrder::Share, 2), [1, 0], "absence first, then the value");
}

#[test]
fn few_numbers_are_codes_and_many_are_a_distribution() {
    let mut codes = counts(&[(200, 10.0, 90.0), (503, 90.0, 10.0)], [100.0; 2]);
    codes.numbers = Some(NumberCounts { different: 2, ..numbers(vec![[10.0, 90.0], [90.0, 10.0]]) });
    assert!(!score_field(&codes, &sizes(100.0, 100.0), 10).numeric);
    codes.numbers = Some(numbers(vec![[10.0, 90.0], [90.0, 10.0]]));
    assert!(score_field(&codes, &sizes(100.0, 100.0), 10).numeric);
}

#[test]
fn counts_are_ordered_by_what_is_more_than_expected() {
    let twice = counts(&[(1, 100.0, 50.0), (2, 100.0, 10.0), (3, 0.0, 40.0)], [200.0, 100.0]);
    let order = most_different(&twice, &sizes(200.0, 100.0), ValueOrder::Count(2.0), 3);
    assert_eq!(order, [1, 0, 2]);
}

#[test]
fn medians_lie_in_the_bin_that_holds_half() {
    let found = numbers(vec![[10.0, 0.0], [5.0, 0.0], [5.0, 0.0]]).medians();
    assert_eq!(found, [Some(0.0), None]);
    assert_eq!(numbers(vec![[1.0, 1.0], [5.0, 1.0], [1.0, 9.0]]).medians(), [Some(1.0), Some(2.0)]);
}
