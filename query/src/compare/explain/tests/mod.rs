//! Bits and judges against models that look at one row after the other.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use super::super::score::Mass;
use super::super::table::{CELLS, Cell, FieldBuilder, Row, Table};
use super::super::value::EventValue;
use super::bits::{Arranged, Evidence};
use super::judge::{Judge, Levels, Question, Sums};
use super::{ConditionTest, Search, explain, score};

fn any_row() -> impl Strategy<Value = (usize, u32, u16, bool, bool)> {
    (0..CELLS, prop_oneof![4 => 1..4u32, 1 => 1..5_000u32], 0..3u16, any::<bool>(), any::<bool>())
}

fn table(rows: &[(usize, u32)]) -> Table {
    let row = |(cell, weight): &(usize, u32)| Row { cell: Cell::ALL[*cell], weight: f64::from(*weight), gain: 1.0 };
    Table { rows: rows.iter().map(row).collect(), fields: Vec::new() }
}

proptest! {
    #[test]
    fn sums_of_bits_are_those_of_rows(rows in prop::collection::vec(any_row(), 1..300), weak in any::<bool>()) {
        let evidence = if weak { Evidence::Weak } else { Evidence::Sampling };
        let combination: Vec<u16> = rows.iter().map(|r| r.2).collect();
        let cells: Vec<(usize, u32)> = rows.iter().map(|r| (r.0, r.1)).collect();
        let arranged = Arranged::new(&table(&cells), &combination, evidence);
        let (mut a, mut b) = (arranged.empty(), arranged.empty());
        let mut expected = Sums::zero(arranged.combinations);
        for (at, (cell, weight, combination, in_a, in_b)) in rows.iter().enumerate() {
            if *in_a {
                arranged.set(&mut a, at);
            }
            if *in_b {
                arranged.set(&mut b, at);
            }
            let weight = f64::from(*weight);
            let (squares, seen) = if weak { (weight, weight) } else { (weight * weight, 1.0) };
            if *in_a && *in_b {
                expected.0[usize::from(*combination)][*cell].add(Mass { weight, squares, seen });
            }
            prop_assert_eq!(arranged.has(&a, at), *in_a);
        }
        let sums = arranged.sums_of_both(&a, &b);
        for (found, expected) in sums.0.iter().flatten().zip(expected.0.iter().flatten()) {
            prop_assert!((found.weight - expected.weight).abs() < 1e-6 * (1.0 + expected.weight));
            prop_assert!((found.squares - expected.squares).abs() < 1e-6 * (1.0 + expected.squares));
            prop_assert!((found.seen - expected.seen).abs() < 1e-6 * (1.0 + expected.seen));
        }
    }
}

fn unit(weight: f64) -> Mass {
    Mass { weight, squares: weight, seen: weight }
}

fn cells(selected: f64, rest: f64, before: f64, rest_before: f64) -> [Mass; CELLS] {
    [unit(selected), unit(rest), unit(before), unit(rest_before)]
}

#[test]
fn a_rate_is_expected_of_what_there_is() {
    let totals = cells(500.0, 9_500.0, 100.0, 9_900.0);
    let judge = Judge::new(Question::Rate, Sums(vec![totals]), Levels::even(1));
    // Three times the traffic at the old rate is what was to be expected.
    let shifted = Sums(vec![cells(30.0, 2_970.0, 10.0, 990.0)]);
    let expected = judge.expected(&shifted, judge.single_rate(&shifted));
    assert!((expected.weight / 30.0 - 1.0).abs() < 0.02, "{expected:?}");
    assert_eq!(score(Question::Rate, totals, cells(30.0, 2_970.0, 10.0, 990.0), &[shifted.0[0]]), 0.0);
    assert!(
        score(Question::Rate, totals, cells(300.0, 2_700.0, 10.0, 990.0), &[cells(300.0, 2_700.0, 10.0, 990.0)]) > 0.2
    );
}

#[test]
fn a_count_is_expected_by_the_ratio_of_durations() {
    let totals = cells(400.0, 0.0, 1_000.0, 0.0);
    let judge = Judge::new(Question::Count { ratio: 0.1 }, Sums(vec![totals]), Levels::even(1));
    let sums = Sums(vec![cells(50.0, 0.0, 500.0, 0.0)]);
    assert!((judge.expected(&sums, 0.0).weight - 50.0).abs() < 1e-9);
    assert_eq!(judge.judge(&sums, 0.0).score, 0.0);
}

#[test]
fn what_an_accepted_explanation_explains_is_expected_afterwards() {
    // Two combinations: outside and inside of an explanation that raised its events fivefold.
    let totals = Sums(vec![cells(500.0, 5_000.0, 0.0, 0.0), cells(500.0, 1_000.0, 0.0, 0.0)]);
    let levels = Levels { share: vec![0.6, 3.0], count: vec![1.0, 1.0] };
    let judge = Judge::new(Question::Share, totals, levels);
    let half = Sums(vec![cells(0.0, 0.0, 0.0, 0.0), cells(250.0, 500.0, 0.0, 0.0)]);
    assert!(judge.judge(&half, 0.0).score < 1e-3, "half of it is raised as much as all of it");
}

#[test]
fn two_witnesses_must_both_say_so() {
    let totals = cells(500.0, 9_500.0, 500.0, 9_500.0);
    let old = cells(300.0, 700.0, 300.0, 700.0);
    let new = cells(300.0, 700.0, 10.0, 990.0);
    assert_eq!(score(Question::TwoWitnesses, totals, old, &[old]), 0.0);
    assert!(score(Question::TwoWitnesses, totals, new, &[new]) > 0.2);
}

#[test]
fn a_range_is_told_by_its_edges() {
    let mut builder = FieldBuilder::default();
    let mut rows = Vec::new();
    for at in 0..4_000u32 {
        let selected = at >= 3_500;
        let code = builder.code(EventValue::Integer(i64::from(at)));
        builder.put(at as usize, code);
        builder.put_number(at as usize, f64::from(at));
        rows.push(Row { cell: if selected { Cell::Selected } else { Cell::Rest }, weight: 1.0, gain: 1.0 });
    }
    let field = builder.finish(Arc::from("n"), &rows, Cell::Rest).unwrap();
    let table = Table { rows, fields: vec![field] };
    let search = |allowed: bool, most: usize, stopped: bool| {
        let stop = AtomicBool::new(stopped);
        let (question, evidence) = (Question::Share, Evidence::Sampling);
        explain(&table, &Search { question, evidence, allowed: &[allowed], explanations_max: most, stop: &stop })
    };
    let found = search(true, 5, false);
    let [only] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(only.best.conditions[0].test, ConditionTest::Range { from: Some(3_500.0), to: None });
    assert!(search(false, 5, false).is_empty(), "a field that may not be named");
    assert!(search(true, 0, false).is_empty() && search(true, 5, true).is_empty());
}
