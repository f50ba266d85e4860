//! Changed bytes for the sketches in the catalog: an estimate or an empty sketch, never a panic and never nonsense.

use crate::catalog::Distinct;
use crate::testing::fuzz::fuzz;

fn of(values: std::ops::Range<i64>) -> Distinct {
    let mut distinct = Distinct::default();
    values.for_each(|v| distinct.add(Distinct::hash_integer(v)));
    distinct
}

#[test]
fn fuzz_sketches() {
    let corpus: Vec<Vec<u8>> = [0, 1, 2, 3, 9, 100, 128, 129, 500, 50_000].map(|n| of(0..n).to_bytes()).to_vec();
    let (some, more) = (of(0..200), of(0..300));
    fuzz(&corpus, &[], |bytes| {
        let mut read = Distinct::from_bytes(bytes);
        let again = Distinct::from_bytes(&read.to_bytes());
        assert_eq!(again.estimate(), read.estimate());
        read.merge(&some);
        read.merge(&again);
        more.clone().merge(&read);
        read.add(7);
        // Whatever else is in it, these are.
        assert!(read.estimate() >= 150, "{}", read.estimate());
    });
}
