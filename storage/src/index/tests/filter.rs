//! A filter finds every slice of every value, and hardly anything else, in the bits it may take.

use std::collections::BTreeMap;
use std::convert::Infallible;

use proptest::prelude::*;

use crate::catalog::Distinct;
use crate::event::FieldType;
use crate::index::filter::{build, find, key};

fn slices_of(filter: &[u8], hash: u64) -> Option<u64> {
    let read = |from: usize, length: usize| Ok::<_, Infallible>(&filter[from..from + length]);
    let Ok(slices) = find(hash, filter.len(), read);
    slices
}

/// Values in slices, as keys, and what must be found.
fn keys(pairs: impl IntoIterator<Item = (i64, u32)>) -> (Vec<u64>, BTreeMap<u64, u64>, u64) {
    let mut keys = Vec::new();
    let mut wanted: BTreeMap<u64, u64> = BTreeMap::new();
    let mut present = 0;
    for (value, slice) in pairs {
        let hash = Distinct::hash_integer(value);
        keys.push(key(hash, slice));
        *wanted.entry(hash).or_default() |= 1 << slice;
        present |= 1 << slice;
    }
    (keys, wanted, present)
}

proptest! {
    #[test]
    fn every_value_is_found_in_all_its_slices(
        pairs in prop::collection::vec((0..40i64, 0..64u32), 0..300),
        of_type in prop::sample::select(&FieldType::ALL[..]),
    ) {
        let (keys, wanted, present) = keys(pairs.iter().copied());
        let built = build(keys, pairs.len() as u32, present, of_type);
        prop_assert_eq!(built.distinct as usize, wanted.len());
        for (hash, slices) in wanted {
            let found = slices_of(&built.bytes, hash).unwrap();
            prop_assert_eq!(found & slices, slices);
        }
    }

    #[test]
    fn bytes_that_are_no_filter_are_refused_or_harmless(
        pairs in prop::collection::vec((any::<i64>(), 0..64u32), 1..200),
        at in any::<prop::sample::Index>(),
        flip in 1..=255u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let (keys, wanted, present) = keys(pairs.iter().copied());
        let whole = build(keys, pairs.len() as u32, present, FieldType::String).bytes;
        let mut changed = whole.clone();
        changed[at.index(whole.len())] ^= flip;
        for bytes in [&changed[..], &whole[..cut.index(whole.len())]] {
            for hash in wanted.keys().copied().chain([0, u64::MAX]) {
                let _no_panic = slices_of(bytes, hash);
            }
        }
    }
}

#[test]
fn few_values_are_told_exactly() {
    let (keys, wanted, present) = keys((0..1_000).map(|n| (n, (n % 64) as u32)));
    let built = build(keys, 1_000, present, FieldType::Integer);
    let wrong = wanted.iter().filter(|(hash, slices)| slices_of(&built.bytes, **hash) != Some(**slices)).count();
    assert!(wrong < 10, "{wrong} values are in slices that they are not in");
    let strangers = (1_000..101_000).filter(|n| slices_of(&built.bytes, Distinct::hash_integer(*n)) != Some(0)).count();
    assert!(strangers < 250, "{strangers} of 100,000 absent values seem to be there");
}

/// What a filter of a text column costs and says: bits a row, mean slices a value, and how many of 100,000 absent values seem to be
/// there.
fn quality(values: i64, repeats: i64, place: impl Fn(i64, i64) -> u32) -> (f64, f64, usize) {
    let rows = values * repeats;
    let pairs = (0..values).flat_map(|value| (0..repeats).map(move |n| (value, n)));
    let (keys, wanted, present) = keys(pairs.map(|(value, n)| (value, place(value, n))));
    let built = build(keys, rows as u32, present, FieldType::String);
    let mut slices = 0;
    for (hash, wanted) in &wanted {
        let found = slices_of(&built.bytes, *hash).unwrap();
        assert_eq!(found & wanted, *wanted);
        slices += u64::from(found.count_ones());
    }
    let absent = (values..values + 100_000).map(Distinct::hash_integer);
    let wrong = absent.filter(|hash| slices_of(&built.bytes, *hash) != Some(0)).count();
    (built.bytes.len() as f64 * 8.0 / rows as f64, slices as f64 / values as f64, wrong)
}

#[test]
fn unique_ids_are_found_in_few_slices_for_few_bits() {
    let (bits, slices, wrong) = quality(200_000, 1, |value, _| ((value * 7_919) % 64) as u32);
    assert!(bits <= 10.5, "{bits} bits a row");
    assert!((7.9..8.4).contains(&slices), "a value seems to be in {slices} slices");
    assert!((2_000..4_500).contains(&wrong), "{wrong} absent values seem to be there");
}

#[test]
fn ids_of_a_few_rows_are_found_in_their_slices_for_few_bits() {
    let (bits, slices, wrong) = quality(40_000, 8, |value, n| (((value * 7_919) % 64 + n % 3 * 21) % 64) as u32);
    assert!(bits <= 5.1, "{bits} bits a row");
    assert!((3.0..3.2).contains(&slices), "a value seems to be in {slices} slices");
    // The entries of a value share their remainder.
    assert!((500..2_000).contains(&wrong), "{wrong} absent values seem to be there");
}

#[test]
fn slices_are_not_told_where_they_tell_nothing() {
    let everywhere = || (0..100).flat_map(|value| (0..64).map(move |slice| (value, slice)));
    let (keys, _, present) = keys(everywhere());
    let built = build(keys, 1_000_000, present, FieldType::String);
    assert!(built.bytes.len() < 250, "{} bytes", built.bytes.len());
    assert_eq!(slices_of(&built.bytes, Distinct::hash_integer(5)), Some(u64::MAX));
    assert_eq!(slices_of(&built.bytes, Distinct::hash_integer(100_000)), Some(0));
}

#[test]
fn measures_have_no_filter_unless_they_have_few_values() {
    let (many, _, present) = keys((0..50_000).map(|n| (n, (n % 64) as u32)));
    let built = build(many, 50_000, present, FieldType::Float);
    assert_eq!((built.bytes.len(), built.distinct), (0, 50_000));
    let (few, _, present) = keys((0..500).map(|n| (n, (n % 64) as u32)));
    assert!(!build(few, 50_000, present, FieldType::Float).bytes.is_empty());
}

#[test]
fn a_column_without_values_has_a_filter_that_finds_nothing() {
    let built = build(Vec::new(), 0, 0, FieldType::String);
    assert_eq!(slices_of(&built.bytes, 0), Some(0));
    assert_eq!(slices_of(&built.bytes, u64::MAX), Some(0));
}
