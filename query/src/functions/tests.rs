//! Sketches, sums and distinct counts against their definitions.

use proptest::prelude::*;

use super::sketch::bucket;
use super::{Sketch, bucket_start};

fn sketch_of(values: &[(f64, u64)]) -> Sketch {
    let mut sketch = Sketch::default();
    for (value, weight) in values {
        sketch.add(*value, *weight);
    }
    Sketch::from_bytes(&sketch.encode()).unwrap()
}

/// The least value with at least `share` of the weight at or below it.
fn exact_quantile(values: &[(f64, u64)], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: u64 = sorted.iter().map(|v| v.1).sum();
    let rank = (share * total as f64).ceil().max(1.0) as u64;
    let mut below = 0;
    for (value, weight) in &sorted {
        below += weight;
        if below >= rank {
            return *value;
        }
    }
    f64::NAN
}

fn numbers() -> impl Strategy<Value = f64> {
    prop_oneof![
        -1e6..1e6f64,
        (-300i32..300).prop_map(|e| 10f64.powi(e)),
        (-200i64..200).prop_map(|i| i as f64),
        Just(0.0),
        Just(f64::MAX),
        Just(f64::MIN),
    ]
}

proptest! {
    #[test]
    fn a_bucket_holds_its_values(value in numbers()) {
        let at = bucket(value);
        if value >= 0.0 {
            prop_assert!(bucket_start(at) <= value);
            prop_assert!(value < bucket_start(at + 1) || value == 0.0);
        } else {
            prop_assert!(bucket_start(at) <= value && value < bucket_start(at + 1));
        }
    }

    #[test]
    fn buckets_are_in_the_order_of_values(a in numbers(), b in numbers()) {
        if a < b {
            prop_assert!(bucket(a) <= bucket(b));
        }
    }

    #[test]
    fn quantiles_are_within_one_per_cent(
        values in prop::collection::vec((numbers(), 1u64..50), 1..300),
        share in prop::sample::select(vec![0.001, 0.05, 0.25, 0.5, 0.9, 0.99, 0.999]),
    ) {
        let found = sketch_of(&values).quantile(share).unwrap();
        let exact = exact_quantile(&values, share);
        prop_assert!((found - exact).abs() <= 0.01 * exact.abs(), "{found} instead of {exact}");
    }

    #[test]
    fn merging_is_adding(
        left in prop::collection::vec((numbers(), 1u64..5), 0..200),
        right in prop::collection::vec((numbers(), 1u64..5), 0..200),
    ) {
        let mut merged = sketch_of(&left);
        merged.merge(&sketch_of(&right));
        let all: Vec<(f64, u64)> = left.into_iter().chain(right).collect();
        let (merged, all) = (Sketch::from_bytes(&merged.encode()).unwrap(), sketch_of(&all));
        prop_assert_eq!(merged.buckets(), all.buckets());
    }
}

#[test]
fn many_buckets_count_as_few_do() {
    // Enough to become an array, then values far outside of it, then again enough of those.
    let values: Vec<(f64, u64)> = (1..5_000)
        .map(|i| (f64::from(i) * 0.37, 1 + i as u64 % 3))
        .chain((0..200).map(|i| (1e200 * f64::from(1 + i), 2)))
        .chain((0..200).map(|i| (-1e-200 * f64::from(1 + i), 5)))
        .chain((1..5_000).map(|i| (f64::from(i) * 0.11, 1)))
        .collect();
    let sketch = sketch_of(&values);
    let mut expected = std::collections::BTreeMap::new();
    for (value, weight) in &values {
        *expected.entry(bucket(*value)).or_insert(0) += weight;
    }
    assert_eq!(sketch.buckets(), expected.into_iter().collect::<Vec<_>>());
    for share in [0.001, 0.01, 0.5, 0.95, 0.999] {
        let (found, exact) = (sketch.quantile(share).unwrap(), exact_quantile(&values, share));
        assert!((found - exact).abs() <= 0.01 * exact.abs(), "{found} instead of {exact}");
    }
}

#[test]
fn small_integers_are_exact() {
    for value in -127..=127i64 {
        let values: Vec<(f64, u64)> = vec![(value as f64, 1), (value as f64 + 1.0, 1), (value as f64 - 1.0, 1)];
        assert_eq!(sketch_of(&values).quantile(0.5), Some(value as f64));
    }
}

#[test]
fn an_empty_sketch_has_no_quantile() {
    assert_eq!(sketch_of(&[]).quantile(0.5), None);
    assert_eq!(Sketch::from_bytes(b"short"), None);
}
