//! Heatmap bins hold what their edges say, and values are written as the contract writes them.

use proptest::prelude::*;
use serde_json::json;

use super::heatmap;
use super::value::{float, integer};
use crate::functions::Sketch;
use crate::limits::HEATMAP_BINS_MAX;

fn sketch_of(values: &[f64]) -> Option<Sketch> {
    let mut sketch = Sketch::default();
    values.iter().for_each(|v| sketch.add(*v, 1));
    if sketch.is_empty() { None } else { Sketch::from_bytes(&sketch.encode()) }
}

/// The counts of values by the edges alone.
fn counted(values: &[f64], bounds: &[f64]) -> Vec<u64> {
    let mut counts = vec![0; bounds.len() - 1];
    for value in values {
        let last = counts.len() - 1;
        let bin = (0..=last).find(|i| bounds[*i] <= *value && (*value < bounds[i + 1] || *i == last)).unwrap();
        counts[bin] += 1;
    }
    counts
}

fn numbers() -> impl Strategy<Value = f64> {
    prop_oneof![
        0.01..1e5f64,
        -1e4..1e4f64,
        (-300i32..300).prop_map(|e| 10f64.powi(e)),
        (-300i32..300).prop_map(|e| -(10f64.powi(e))),
        Just(0.0),
        Just(f64::MAX),
        Just(f64::MIN),
    ]
}

proptest! {
    #[test]
    fn bins_count_what_lies_between_their_edges(
        columns in prop::collection::vec(prop::collection::vec(numbers(), 0..40), 1..5),
    ) {
        let sketches: Vec<Option<Sketch>> = columns.iter().map(|c| sketch_of(c)).collect();
        let (bounds, counts) = heatmap(&sketches);
        prop_assert_eq!(counts.len(), columns.len());
        if columns.iter().all(Vec::is_empty) {
            prop_assert!(bounds.is_empty());
            return Ok(());
        }
        prop_assert!(bounds.len() >= 2 && bounds.len() <= HEATMAP_BINS_MAX + 1, "{} edges", bounds.len());
        prop_assert!(bounds.windows(2).all(|w| w[0] < w[1]), "{bounds:?}");
        for (column, counts) in columns.iter().zip(&counts) {
            prop_assert_eq!(counts, &counted(column, &bounds));
        }
    }
}

#[test]
fn one_value_is_one_bin() {
    let (bounds, counts) = heatmap(&[sketch_of(&[5.0, 5.0]), None]);
    assert_eq!(counts, vec![vec![2], vec![0]]);
    assert!(bounds[0] <= 5.0 && 5.0 < bounds[1]);
}

#[test]
fn zero_has_a_bin_of_its_own() {
    let (bounds, counts) = heatmap(&[sketch_of(&[0.0, 0.0, 100.0])]);
    assert_eq!(bounds[0], 0.0);
    assert_eq!(counts[0][0], 2);
}

#[test]
fn numbers_as_json() {
    assert_eq!(integer(9_007_199_254_740_991), json!(9_007_199_254_740_991i64));
    assert_eq!(integer(9_007_199_254_740_992), json!("9007199254740992"));
    assert_eq!(integer(-9_007_199_254_740_992), json!("-9007199254740992"));
    assert_eq!(float(3.0), json!(3));
    assert_eq!(float(3.5), json!(3.5));
    assert_eq!(float(1e300), json!(1e300));
}
