//! Distinct counts: close enough, mergeable, and unharmed by bytes.

use proptest::prelude::*;

use crate::catalog::Distinct;

fn of(values: std::ops::Range<i64>) -> Distinct {
    let mut distinct = Distinct::default();
    values.for_each(|v| distinct.add(Distinct::hash_integer(v)));
    distinct
}

fn assert_about(distinct: &Distinct, wanted: u64) {
    let (estimate, error) = (distinct.estimate(), wanted / 20);
    assert!(estimate.abs_diff(wanted) <= error, "{estimate} for {wanted}");
}

#[test]
fn estimates_are_within_five_percent() {
    for count in [0, 1, 10, 1_000, 100_000] {
        assert_about(&of(0..count), count as u64);
        let mut texts = Distinct::default();
        (0..count).for_each(|v| texts.add(Distinct::hash_text(&format!("/users/{v}"))));
        assert_about(&texts, count as u64);
    }
}

#[test]
fn repeated_values_count_once() {
    let mut distinct = of(0..1_000);
    (0..1_000).for_each(|v| distinct.add(Distinct::hash_integer(v)));
    assert_about(&distinct, 1_000);
}

#[test]
fn merging_counts_the_union() {
    for (one, other, both) in [(0..0, 0..10, 10), (0..10, 5..15, 15), (0..1_000, 500..100_000, 100_000)] {
        let mut merged = of(one.clone());
        merged.merge(&of(other.clone()));
        assert_about(&merged, both);
        let mut merged = of(other);
        merged.merge(&of(one));
        assert_about(&merged, both);
    }
}

#[test]
fn bytes_give_the_same_sketch() {
    for count in [0, 1, 2, 10, 100, 1_000, 100_000] {
        let bytes = of(0..count).to_bytes();
        let mut read = Distinct::from_bytes(&bytes);
        assert_eq!(read.estimate(), of(0..count).estimate());
        assert_eq!(read.to_bytes(), bytes);
        assert!(bytes.len() < 4_096, "{count} values take {} bytes", bytes.len());
        read.merge(&of(0..count));
        assert_eq!(read.estimate(), of(0..count).estimate(), "it goes on as before");
    }
}

#[test]
fn numbers_are_counted_by_value() {
    assert_eq!(Distinct::hash_float(1.0), Distinct::hash_integer(1));
    assert_eq!(Distinct::hash_float(-0.0), Distinct::hash_integer(0));
    assert_eq!(Distinct::hash_float(-9_223_372_036_854_775_808.0), Distinct::hash_integer(i64::MIN));
    assert_ne!(Distinct::hash_float(9_223_372_036_854_775_808.0), Distinct::hash_integer(i64::MAX));
    assert_ne!(Distinct::hash_float(1.5), Distinct::hash_integer(1));
    assert_ne!(Distinct::hash_text("1"), Distinct::hash_integer(1));
    assert_ne!(Distinct::hash_boolean(true), Distinct::hash_integer(1));
}

#[test]
fn never_change_these_constants() {
    // They are in the sketches of every catalog.
    let hashes = [
        Distinct::hash_text("value"),
        Distinct::hash_integer(42),
        Distinct::hash_float(0.5),
        Distinct::hash_boolean(true),
    ];
    assert_eq!(hashes, [5231068307864332104, 2783878954237670974, 6663966866564686770, 1011239658257257836]);
    assert_eq!(of(0..1).to_bytes(), [136, 212, 217, 246, 13, 0]);
    assert_eq!(of(0..3).to_bytes(), [1, 1, 3, 130, 181, 214, 189, 3, 193, 136, 237, 154, 6, 131, 185, 181, 167, 1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_are_a_problem(noise in prop::collection::vec(any::<u8>(), 0..300), more in 0..300i64) {
        let mut read = Distinct::from_bytes(&noise);
        read.merge(&of(0..more));
        let _about = read.estimate();
    }

    #[test]
    fn damaged_bytes_are_no_problem(count in 0..3_000i64, at: prop::sample::Index, byte: u8) {
        let mut bytes = of(0..count).to_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let mut read = Distinct::from_bytes(&bytes);
        read.merge(&of(0..100));
        read.add(7);
        let _about = read.estimate();
    }
}
