//! What counts as worse, and what is chance.

use super::judge::state;

#[test]
fn worse_is_what_chance_does_not_make() {
    for (now, before, expected) in [
        ((1_000, 100), (1_000, 1), "worse"),
        ((1_000, 1), (1_000, 100), "better"),
        ((1_000, 12), (1_000, 10), "holding"),
        ((10_000, 100), (1_000_000, 1_000), "worse"),
        ((1_000, 0), (1_000, 0), "holding"),
        ((10, 10), (10, 10), "holding"),
        ((5, 1), (5, 0), "holding"),
        ((0, 0), (5, 0), "quiet"),
        ((5, 0), (0, 0), "new"),
        ((0, 0), (0, 0), "never_exercised"),
    ] {
        assert_eq!(state(now, before), expected, "{now:?} after {before:?}");
    }
}
