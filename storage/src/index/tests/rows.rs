//! Sets of rows against sets of numbers: they may hold more, never less, and exactly that where rows are known.

use std::collections::BTreeSet;

use proptest::prelude::*;
use roaring::RoaringBitmap;

use crate::index::layout::Grid;
use crate::index::rows::RowSet;

const ROWS: u32 = 20_000;

fn grid() -> Grid {
    Grid::of(ROWS)
}

fn members(set: &RowSet) -> BTreeSet<u32> {
    let ranges = set.ranges();
    assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start), "ranges touch");
    let members: BTreeSet<u32> = ranges.into_iter().flatten().collect();
    assert_eq!(members.len() as u64, set.count());
    assert_eq!(members.is_empty(), set.is_empty());
    assert!(!set.is_all() || members.len() == ROWS as usize);
    members
}

fn any_set() -> impl Strategy<Value = (RowSet, bool)> {
    let rows = prop::collection::btree_set(0..ROWS + 100, 0..20);
    prop_oneof![
        (0..32u64).prop_map(|slices| (RowSet::of_slices(grid(), slices), false)),
        rows.prop_map(|rows| (RowSet::of_rows(grid(), rows.into_iter().collect()), true)),
    ]
}

proptest! {
    #[test]
    fn sets_of_rows_behave_as_sets((a, a_exact) in any_set(), (b, b_exact) in any_set()) {
        let (of_a, of_b) = (members(&a), members(&b));
        let both = members(&a.clone().intersect(&b));
        prop_assert_eq!(&both, &of_a.intersection(&of_b).copied().collect());
        let either = members(&a.union(&b));
        let wanted: BTreeSet<u32> = of_a.union(&of_b).copied().collect();
        prop_assert!(either.is_superset(&wanted));
        prop_assert!(either == wanted || (a_exact != b_exact), "nothing is lost between sets of a kind");
    }
}

#[test]
fn rows_beyond_the_segment_are_left_out() {
    let set = RowSet::of_rows(grid(), RoaringBitmap::from_iter([1, 2, ROWS, u32::MAX]));
    assert_eq!(set.ranges(), vec![1..3]);
    assert_eq!(RowSet::of_slices(grid(), u64::MAX).count(), u64::from(ROWS));
}
