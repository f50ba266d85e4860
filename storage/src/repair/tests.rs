//! Which segments a repair lists.

use super::choose::{Candidate, Choice, choose};
use Choice::{Listed, Overlapping, Replaced};

fn candidate(id: u64, sequences: &[u64], sound: bool) -> Candidate {
    Candidate { id, sequences: sequences.iter().copied().collect(), sound }
}

fn chosen(candidates: &[Candidate]) -> Vec<Choice> {
    choose(candidates).0
}

#[test]
fn what_was_written_later_replaces_what_it_was_made_of() {
    let [a, b, merged] = [candidate(1, &[1, 2], true), candidate(2, &[3], true), candidate(3, &[1, 2, 3], true)];
    assert_eq!(chosen(&[a.clone(), b.clone()]), [Listed, Listed]);
    assert_eq!(chosen(&[a.clone(), b.clone(), merged.clone()]), [Replaced, Replaced, Listed]);
    assert_eq!(chosen(&[merged, b, a]), [Listed, Replaced, Replaced], "the order of files means nothing");
}

#[test]
fn a_leftover_of_a_failed_merge_is_passed_over() {
    // 5 was to be 1 + 2 and never counted; 6 is 2 + 3.
    let files = [candidate(1, &[1], true), candidate(5, &[1, 2], true), candidate(6, &[2, 3], true)];
    assert_eq!(chosen(&files), [Listed, Replaced, Listed]);
    assert_eq!(chosen(&files[1..]), [Overlapping, Listed], "event 1 is in no other file: somebody must be told");
}

#[test]
fn a_sound_original_is_better_than_a_damaged_copy() {
    let files = [candidate(1, &[1], true), candidate(2, &[2], true), candidate(3, &[1, 2], false)];
    assert_eq!(chosen(&files), [Listed, Listed, Replaced]);
    assert_eq!(chosen(&files[1..]), [Listed, Overlapping]);
    assert_eq!(chosen(&files[2..]), [Listed], "better than nothing");
}

#[test]
fn nothing_is_nothing() {
    assert_eq!(chosen(&[]), []);
}
