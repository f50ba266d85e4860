//! Sample rates at their edges; the meaning of events as a whole is in the crate's tests.

use super::{from_float, from_integer, from_text};

#[test]
fn rates_at_their_edges() {
    assert_eq!(
        [0, 1, 2_147_483_647, 2_147_483_648, -1, i64::MIN].map(from_integer),
        [None, Some(1), Some(2_147_483_647), None, None, None]
    );
    let float = |value| from_float(value, b"event");
    assert_eq!([0.0, 0.999, -2.0, f64::NAN, f64::INFINITY, 2_147_483_647.5].map(float), [None; 6]);
    assert_eq!([1.0, 10.0, 2_147_483_647.0].map(float), [Some(1), Some(10), Some(2_147_483_647)]);
    let text = |value| from_text(value, b"event");
    assert_eq!(["1", "20", "20.0", "2e1"].map(text), [Some(1), Some(20), Some(20), Some(20)]);
    assert_eq!(
        ["", "+1", "0", "-5", "0.5", "nan", "inf", "1 ", ".5e9", "ten", "99999999999999999999"].map(text),
        [None; 11]
    );
}

#[test]
fn the_mean_of_a_fraction_is_right_at_any_fraction() {
    for rate in [1.01, 1.5, 3.999, 12_345.75] {
        let total: u64 = (0..40_000_u32).map(|id| u64::from(from_float(rate, &id.to_le_bytes()).unwrap())).sum();
        let mean = total as f64 / 40_000.0;
        assert!((mean - rate).abs() < 0.01, "{rate}: {mean}");
    }
}
