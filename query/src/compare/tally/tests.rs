//! Tallies against a map that forgets nothing.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn any_value() -> impl Strategy<Value = EventValue> {
    prop_oneof![
        any::<bool>().prop_map(EventValue::Boolean),
        (-5..5i64).prop_map(EventValue::Integer),
        (-20..20i64).prop_map(|v| EventValue::float(v as f64 / 4.0)),
        "[a-c0-2]{0,2}".prop_map(|v| EventValue::Text(v.into())),
        prop_oneof![Just(i64::MAX), Just(i64::MIN), Just((1 << 53) + 1)].prop_map(EventValue::Integer),
    ]
}

fn put(tally: &mut Tally, value: &EventValue, weights: [u64; 2]) {
    match value {
        EventValue::Boolean(value) => tally.add_boolean(*value, weights),
        EventValue::Integer(value) => tally.add_integer(*value, weights),
        EventValue::Float(value) => tally.add_float(*value, weights),
        EventValue::Text(value) => tally.add_text(value, weights),
    }
}

proptest! {
    #[test]
    fn weights_are_those_of_each_value(
        events in prop::collection::vec((any_value(), 0..2usize, 1..5u64), 0..200),
        given in prop::collection::vec(any_value(), 0..5),
        edges in prop::collection::btree_set(-4..4i32, 0..4),
    ) {
        let edges: Vec<f64> = edges.into_iter().map(|e| f64::from(e) / 2.0).collect();
        let mut tally = Tally::new(&given, Some(edges.clone().into()), false);
        let mut model: HashMap<EventValue, [f64; 2]> = HashMap::new();
        let mut bins = vec![[0.0; 2]; edges.len() + 1];
        for (value, side, weight) in &events {
            let mut weights = [0; 2];
            weights[*side] = *weight;
            put(&mut tally, value, weights);
            model.entry(value.clone()).or_default()[*side] += *weight as f64;
            if let Some(number) = value.number() {
                bins[edges.iter().filter(|e| **e <= number).count()][*side] += *weight as f64;
            }
        }
        let counts = tally.finish("f".into());
        prop_assert_eq!(counts.values.len(), model.len());
        for value in &counts.values {
            prop_assert_eq!(Some(&value.weight), model.get(&value.value));
        }
        let present: f64 = model.values().flatten().sum();
        prop_assert!((counts.present[0] + counts.present[1] - present).abs() < 1e-9);
        for side in 0..2 {
            prop_assert_eq!(counts.distinct[side], model.values().filter(|w| w[side] > 0.0).count() as u64);
        }
        let numeric = model.keys().any(|v| v.number().is_some());
        prop_assert_eq!(counts.numbers.is_some(), numeric);
        if let Some(numbers) = counts.numbers {
            prop_assert_eq!(numbers.bins, bins);
        }
        prop_assert!(counts.untold.is_none());
    }
}

#[test]
fn beyond_the_bound_nothing_is_heavier_than_it_says() {
    let heavy = EventValue::Integer(7_000_001);
    let late = VALUES_MAX as i64 + 3_000;
    let mut tally = Tally::new(std::slice::from_ref(&heavy), None, false);
    for value in 0..VALUES_MAX as i64 + 5_000 {
        tally.add_integer(value, [0, 1]);
        if value == late {
            tally.add_integer(late, [0, 500]);
        }
        if value % 100 == 0 {
            tally.add_integer(7_000_001, [1, 0]);
        }
    }
    let counts = tally.finish("f".into());
    let weight = |wanted: &EventValue| counts.values.iter().find(|v| v.value == *wanted).map(|v| v.weight);
    assert_eq!(weight(&heavy), Some([706.0, 0.0]), "a value given beforehand is counted from the first to the last");
    assert_eq!(weight(&EventValue::Integer(5)), Some([0.0, 1.0]));
    assert_eq!(weight(&EventValue::Integer(late)), None);
    let untold = counts.untold.unwrap();
    assert!((501.0..600.0).contains(&untold[1]) && untold[0] == 0.0, "{untold:?}");
    let distinct = counts.distinct[1] as f64 / (VALUES_MAX as f64 + 5_000.0);
    assert!((0.97..1.03).contains(&distinct), "{distinct}");
}

#[test]
fn a_closed_tally_tells_the_given_values_only() {
    let given = [EventValue::Text("a".into())];
    let mut tally = Tally::new(&given, None, true);
    for text in ["a", "b", "a", "c"] {
        tally.add_text(text, [1, 0]);
    }
    let counts = tally.finish("f".into());
    assert_eq!(counts.values, [ValueCount { value: given[0].clone(), weight: [2.0, 0.0] }]);
    assert_eq!(counts.present, [4.0, 0.0]);
    assert!(Tally::new(&[], None, true).is_presence_only() && !Tally::new(&given, None, true).is_presence_only());
}

#[test]
fn integers_that_floats_cannot_hold_lie_on_the_right_side_of_edges() {
    let edge = (1i64 << 53) as f64;
    let mut tally = Tally::new(&[], Some(vec![edge].into()), false);
    tally.add_integer((1 << 53) - 1, [1, 0]);
    tally.add_integer(1 << 53, [0, 1]);
    tally.add_integer((1 << 53) + 1, [0, 1]);
    assert_eq!(tally.finish("f".into()).numbers.unwrap().bins, [[1.0, 0.0], [0.0, 2.0]]);
}
