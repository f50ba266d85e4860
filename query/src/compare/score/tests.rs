//! The formulas against their definitions.

use proptest::prelude::*;

use super::*;

/// The probability of x of t.
fn binomial(t: u32, x: u32, pi: f64) -> f64 {
    let choose: f64 = (0..x).map(|at| f64::from(t - at) / f64::from(at + 1)).product();
    choose * pi.powi(x as i32) * (1.0 - pi).powi((t - x) as i32)
}

/// E|x/n_s - (t-x)/n_b|, summed up.
fn expected_difference(t: u32, n_s: f64, n_b: f64) -> f64 {
    let pi = n_s / (n_s + n_b);
    let difference = |x: u32| (f64::from(x) / n_s - f64::from(t - x) / n_b).abs();
    (0..=t).map(|x| binomial(t, x, pi) * difference(x)).sum()
}

fn mass(weight: f64, unit: f64) -> Mass {
    Mass { weight, squares: weight * unit, seen: weight / unit }
}

proptest! {
    #[test]
    fn chance_is_the_mean_of_all_ways_to_divide(t in 1..400u32, n_s in 20.0..5e3f64, ratio in 0.02..50.0f64) {
        let n_b = n_s * ratio;
        let shared = f64::from(t) / (n_s + n_b);
        prop_assume!(shared <= 1.0);
        let chance = chance_difference(shared, shared, n_s, n_b);
        let exact = expected_difference(t, n_s, n_b);
        // Exact for few events, the normal form for many.
        let tolerance = if t < 50 { 1e-9 } else { 0.1 };
        prop_assert!((chance / exact - 1.0).abs() < tolerance, "{chance} {exact}");
    }

    #[test]
    fn hellinger_is_half_the_squared_distance_of_roots(p in 0.0..=1.0f64, q in 0.0..=1.0f64) {
        let root = |a: f64, b: f64| (a.sqrt() - b.sqrt()).powi(2);
        let distance = (root(p, q) + root(1.0 - p, 1.0 - q)) / 2.0;
        let expected = if p > q { distance } else { 0.0 };
        prop_assert!((hellinger_share(p, q) - expected).abs() < 1e-12);
        let count = hellinger_count(p * 50.0, q * 50.0, 50.0);
        prop_assert!((0.0..=1.0).contains(&count) && (p > q || count == 0.0));
    }

    #[test]
    fn constant_weights_change_no_verdict(a in 1..200u32, b in 0..200u32, weight in 1.0..1e4f64) {
        let judge = |unit: f64| {
            let mass = |n: u32| mass(f64::from(n) * unit, unit);
            judge_share(mass(a), mass(200), mass(b), mass(200))
        };
        let (once, often) = (judge(1.0), judge(weight));
        prop_assert!((once.score - often.score).abs() < 1e-9 && (once.z - often.z).abs() < 1e-6 * once.z.abs().max(1.0));
        let count = |unit: f64| {
            let e = f64::from(b) * unit;
            judge_count(mass(f64::from(a) * unit, unit), Expected { weight: e, variance: e * unit, floor: unit }, 200.0 * unit)
        };
        let (once, often) = (count(1.0), count(weight));
        prop_assert!((once.score - often.score).abs() < 1e-9 && (once.z - often.z).abs() < 1e-6 * once.z.abs().max(1.0));
    }

    #[test]
    fn swapping_the_sides_turns_z_around(p in 0.0..=1.0f64, q in 0.0..=1.0f64, n in 1.0..1e4f64, m in 1.0..1e4f64) {
        prop_assert!((arcsine_z(p, q, n, m) + arcsine_z(q, p, m, n)).abs() < 1e-9);
        prop_assert!((pooled_z(p, q, n, m) + pooled_z(q, p, m, n)).abs() < 1e-9);
    }
}

#[test]
fn a_value_that_one_side_lacks_is_not_surer_than_tossing_coins() {
    // 14 of 14 coins on one side: 2^-14, which is 3.84 standard deviations.
    let verdict = judge_share(mass(14.0, 1.0), mass(300.0, 1.0), Mass::default(), mass(300.0, 1.0));
    assert!((3.0..3.9).contains(&verdict.z), "{verdict:?}");
    let expected = Expected { weight: 0.0, variance: 0.0, floor: 1.0 };
    let verdict = judge_count(mass(14.0, 1.0), expected, 300.0);
    assert!((3.0..3.9).contains(&verdict.z), "{verdict:?}");
}

#[test]
fn weights_are_worth_their_effective_size() {
    let mut some = Mass::default();
    for weight in [1.0, 1.0, 100.0] {
        some.add(Mass { weight, squares: weight * weight, seen: 1.0 });
    }
    assert!((some.effective() - 102.0 * 102.0 / 10_002.0).abs() < 1e-9);
    assert_eq!(mass(300.0, 100.0).effective(), 3.0);
    assert_eq!(Mass::default().effective(), 0.0);
}

#[test]
fn nothing_is_nothing() {
    let none = Mass::default();
    assert_eq!(judge_share(none, none, none, none), Verdict::default());
    assert_eq!(judge_count(none, Expected::default(), 0.0).score, 0.0);
    assert_eq!(chance_difference(0.0, 0.0, 0.0, 10.0), 0.0);
    assert_eq!((share(1.0, 0.0), ratio(1.0, 0.0)), (0.0, 1.0));
}

#[test]
fn more_comparisons_ask_for_more() {
    assert!(threshold(1.0) > 2.4 && threshold(1.0) < 2.5);
    assert!(threshold(1e6) > threshold(1e3) && threshold(0.0) == threshold(1.0));
}

#[test]
fn lift_is_the_logarithm_of_observed_to_expected() {
    let expected = Expected { weight: 100.0, variance: 100.0, floor: 1.0 };
    let (lift, variance) = log_lift(mass(400.0, 1.0), expected);
    assert!((lift - 4f64.ln()).abs() < 0.01 && (variance - (1.0 / 400.0 + 1.0 / 100.0)).abs() < 0.001);
    let (never, wide) = log_lift(mass(0.0, 1.0), Expected { weight: 0.0, variance: 0.0, floor: 1.0 });
    assert!(never.abs() < 1e-9 && wide > 1.0, "where nothing was seen nothing is known");
}
