//! Reading a file back: torn tails, damage, strangers.

use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::{STORE, encoded, frame_of_batches, small};
use crate::disk::RealDisk;
use crate::error::StoreError;
use crate::testing::{START, Value, batch, event, events};
use crate::wal::frame::{encode, encode_end};
use crate::wal::header::{self, Cut};
use crate::wal::reader::{SuspectTail, WalCondition, WalFiles, read, scan};

/// Bytes of a header without cuts.
const HEADER: usize = 48;

/// The first sequences of the frames that are read, and the condition.
pub(super) fn frames(bytes: &[u8]) -> Result<(Vec<u64>, WalCondition), StoreError> {
    frames_up_to(bytes, None)
}

pub(super) fn frames_up_to(bytes: &[u8], end: Option<u64>) -> Result<(Vec<u64>, WalCondition), StoreError> {
    let mut found = Vec::new();
    let condition = scan(bytes, Path::new("some.wal"), STORE, end, |content| {
        found.push(content.batches[0].first_sequence);
        Ok(())
    })?;
    Ok((found, condition))
}

pub(super) fn frame(sequence: u64) -> Vec<u8> {
    frame_of_batches(sequence, &[encoded(1, &batch(&small(sequence as i64, 1)))])
}

/// A file of three frames, and the length of each.
pub(super) fn three() -> (Vec<u8>, usize) {
    let mut bytes = header::encode(STORE, &[]);
    for sequence in 1..=3 {
        bytes.extend(frame(sequence));
    }
    (bytes, frame(1).len())
}

/// The condition of a file with so many frames of one event, and nothing wrong.
fn sound(frames: u64) -> WalCondition {
    WalCondition { frames, events: frames, ..WalCondition::default() }
}

#[test]
fn a_whole_file_is_read() {
    let (mut bytes, _) = three();
    assert_eq!(frames(&bytes).unwrap(), (vec![1, 2, 3], sound(3)));
    bytes.extend(encode_end(STORE, 4, START));
    assert_eq!(frames(&bytes).unwrap(), (vec![1, 2, 3], WalCondition { closed: true, ..sound(3) }));
}

#[test]
fn a_torn_tail_costs_only_itself() {
    let (bytes, frame) = three();
    let last = bytes.len() - frame;
    for length in last..bytes.len() {
        let torn_at = (length > last).then_some(last as u64);
        let wanted = WalCondition { torn_at, ..sound(2) };
        assert_eq!(frames(&bytes[..length]).unwrap(), (vec![1, 2], wanted), "{length}");
    }
    for length in 0..HEADER {
        let wanted = WalCondition { torn_at: Some(0), ..sound(0) };
        assert_eq!(frames(&bytes[..length]).unwrap(), (vec![], wanted), "{length}");
    }
}

#[test]
fn what_no_killed_process_leaves_is_a_suspect_tail() {
    let (bytes, frame) = three();
    let (end, last) = (bytes.len(), bytes.len() - frame);
    let suspect = |bytes: &[u8], at: usize| {
        let (found, condition) = frames(bytes).unwrap();
        let tail = Some(SuspectTail { at: at as u64, bytes: (bytes.len() - at) as u64 });
        assert_eq!(condition, WalCondition { suspect_tail: tail, ..sound(found.len() as u64) });
        assert_eq!(condition.problems(Path::new("some.wal")).len(), 1);
    };
    suspect(&[&bytes[..], &[0; 10_000]].concat(), end);
    suspect(&[&bytes[..], &[0]].concat(), end);
    suspect(&[&bytes[..], b"FRMX"].concat(), end);
    for at in last..end {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        suspect(&flipped, last);
    }
    // Pages of the last frame that were not written before the power failed.
    let mut zeroed = bytes.clone();
    zeroed[last + 60..].fill(0);
    suspect(&zeroed, last);
    suspect(&[0; 4_096], 0);
}

#[test]
fn nothing_of_a_closed_file_may_be_missing() {
    let (mut bytes, frame) = three();
    bytes.extend(encode_end(STORE, 4, START));
    let last = bytes.len() - 56 - frame;
    bytes[last + 60] ^= 1;
    let wanted = WalCondition { closed: true, damaged_bytes: frame as u64, ..sound(2) };
    assert_eq!(frames(&bytes).unwrap(), (vec![1, 2], wanted));
    bytes[last + 60] ^= 1;
    let end = bytes.len();
    bytes.extend(b"FRME");
    let wanted = WalCondition { closed: true, damaged_bytes: 4, ..sound(3) };
    assert_eq!(frames(&bytes).unwrap(), (vec![1, 2, 3], wanted), "not even what a frame begins with is behind it");
    bytes[end - 1] ^= 1;
    let (found, condition) = frames(&bytes).unwrap();
    assert_eq!((found.len(), condition.closed, condition.suspect_tail.is_some()), (3, false, true));
}

#[test]
fn a_file_counts_up_to_where_it_was_cut() {
    let (bytes, frame) = three();
    let last = (bytes.len() - frame) as u64;
    let wanted = WalCondition { closed: true, ..sound(2) };
    for length in [bytes.len(), bytes.len() - 1, last as usize] {
        assert_eq!(frames_up_to(&bytes[..length], Some(last)).unwrap(), (vec![1, 2], wanted));
    }
    let garbage = [&bytes[..last as usize], &[0; 100]].concat();
    assert_eq!(frames_up_to(&garbage, Some(last)).unwrap(), (vec![1, 2], wanted));
    let short = frames_up_to(&bytes[..last as usize - 1], Some(last)).unwrap();
    let wanted = WalCondition { closed: true, damaged_bytes: frame as u64, ..sound(1) };
    assert_eq!(short, (vec![1], wanted), "one byte is gone, and the frame with it");
    let header_alone = frames_up_to(&bytes, Some(HEADER as u64)).unwrap();
    assert_eq!(header_alone, (vec![], WalCondition { closed: true, ..sound(0) }));
}

#[test]
fn cuts_are_found_before_anything_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = |n: u64| dir.path().join(format!("{n:016}.wal"));
    let cuts = [Cut { file: 1, bytes: 100 }, Cut { file: 2, bytes: 48 }];
    std::fs::write(path(1), three().0).unwrap();
    std::fs::write(path(2), b"OUTC").unwrap();
    std::fs::write(path(3), header::encode(STORE, &cuts[..1])).unwrap();
    std::fs::write(path(4), [header::encode(STORE, &cuts), frame(7)].concat()).unwrap();
    std::fs::write(dir.path().join("notes.txt"), "not ours").unwrap();
    let listed = WalFiles::list(&RealDisk, dir.path(), STORE).unwrap();
    assert_eq!(listed.files.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4].map(|n| (n, path(n))));
    assert_eq!(listed.ends.into_iter().collect::<Vec<_>>(), [(1, 100), (2, 48)]);
    assert_eq!(listed.cuts[&3], [1]);
    assert_eq!(listed.cuts[&4], [1, 2]);
    assert!(listed.cuts[&1].is_empty() && listed.cuts[&2].is_empty());
}

#[test]
fn damage_in_the_middle_costs_only_itself() {
    let (mut bytes, frame) = three();
    for at in HEADER + frame..HEADER + 2 * frame {
        bytes[at] ^= 0x10;
        let wanted = WalCondition { damaged_bytes: frame as u64, ..sound(2) };
        assert_eq!(frames(&bytes).unwrap(), (vec![1, 3], wanted), "{at}");
        bytes[at] ^= 0x10;
    }
}

#[test]
fn a_damaged_header_costs_only_itself() {
    let (bytes, _) = three();
    for at in 0..HEADER {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        let wanted = WalCondition { damaged_bytes: HEADER as u64, ..sound(3) };
        assert_eq!(frames(&bytes).unwrap(), (vec![1, 2, 3], wanted), "{at}");
    }
}

#[test]
fn a_sound_frame_that_cannot_be_read_is_damage_also_at_the_end() {
    let (mut bytes, _) = three();
    let newer = super::format::frame_around((1, 0), 4, b"what a newer version writes");
    bytes.extend(&newer);
    let wanted = WalCondition { damaged_bytes: newer.len() as u64, ..sound(3) };
    assert_eq!(frames(&bytes).unwrap(), (vec![1, 2, 3], wanted));
}

#[test]
fn text_that_looks_like_a_frame_is_not_one() {
    // A frame whose text is another frame, as bytes, cut: the inner one must not be taken for the next good one.
    let inner = encode([0; 16], 1_000, START, &[encoded(1, &batch(&small(0, 1)))], &[]);
    let mut torn = encode(STORE, 1, START, &[encoded(1, &batch(&small(0, 500)))], &[]);
    torn.truncate(60);
    let bytes = [header::encode(STORE, &[]), torn, inner].concat();
    assert_eq!(frames(&bytes).unwrap(), (vec![], WalCondition { torn_at: Some(HEADER as u64), ..sound(0) }));
    let magic = batch(&[event(START, &[("s", Value::text(&"FRME".repeat(1_000)))])]);
    let torn = frame_of_batches(9, &[encoded(1, &magic)]);
    let bytes = [header::encode(STORE, &[]), torn[..torn.len() - 1].to_vec(), frame(2)].concat();
    let wanted = WalCondition { damaged_bytes: torn.len() as u64 - 1, ..sound(1) };
    assert_eq!(frames(&bytes).unwrap(), (vec![2], wanted));
}

#[test]
fn files_of_others_are_refused() {
    let foreign = header::encode(*b"another one here", &[]);
    assert!(matches!(frames(&foreign), Err(StoreError::Foreign { .. })));
    let mut newer = header::encode(STORE, &[]);
    newer[8] = 3;
    let checksum = xxh3_64(&newer[..32]);
    newer[32..40].copy_from_slice(&checksum.to_le_bytes());
    assert!(matches!(frames(&newer), Err(StoreError::UnknownFormat { version: 3, .. })));
}

#[test]
fn an_error_of_the_taker_ends_the_reading_and_the_file_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0000000000000001.wal");
    let (bytes, _) = three();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let mut taken = Vec::new();
    let result = read(&RealDisk, &path, STORE, None, |content| {
        taken.extend(events(&content.batches[0].events));
        Err(StoreError::Closed)
    });
    assert!(matches!(result, Err(StoreError::Closed)));
    assert_eq!(taken, small(1, 1));
    assert_eq!(read(&RealDisk, &path, STORE, None, |_| Ok(())).unwrap().frames, 2);
    assert_eq!(std::fs::read(&path).unwrap(), bytes[..bytes.len() - 1], "a reader never writes");
    let missing = read(&RealDisk, &dir.path().join("missing"), STORE, None, |_| Ok(()));
    assert!(matches!(missing, Err(StoreError::Io { .. })));
}
