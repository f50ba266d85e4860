//! Every cut and every flipped bit of a small file: noticed or harmless, and never a panic.

use super::reader::{frames, frames_up_to};
use super::{STORE, acknowledgement, encoded, small};
use crate::testing::{START, batch};
use crate::wal::frame::{encode, encode_end};
use crate::wal::header::{self, Cut};

/// A header with a cut, three frames with names and acknowledgements, and where each of them ends.
fn file() -> (Vec<u8>, Vec<usize>) {
    let mut bytes = header::encode(STORE, &[Cut { file: 3, bytes: 200 }]);
    let mut ends = vec![bytes.len()];
    for n in 1..=3 {
        let batches = [encoded(1, &batch(&small(n, 1))), encoded(2, &batch(&small(n, 2)))];
        bytes.extend(encode(STORE, n as u64 * 3, START, &batches, &[acknowledgement(n as u64)]));
        ends.push(bytes.len());
    }
    (bytes, ends)
}

fn sequences(frames: usize) -> Vec<u64> {
    (1..=frames as u64).map(|n| 3 * n).collect()
}

#[test]
fn every_cut_leaves_the_frames_before_it_and_is_no_damage() {
    let (mut bytes, ends) = file();
    bytes.extend(encode_end(STORE, 12, START));
    for length in 0..bytes.len() {
        let (found, condition) = frames(&bytes[..length]).unwrap();
        let whole = ends.iter().skip(1).filter(|end| **end <= length).count();
        assert_eq!(found, sequences(whole), "{length}");
        assert_eq!((condition.damaged_bytes, condition.suspect_tail, condition.closed), (0, None, false), "{length}");
        assert_eq!(condition.torn_at.is_none(), ends.contains(&length), "{length}");
    }
}

/// Flips every bit; what is read must be the frames that the bit is not in, and the flip must be noticed.
fn flip_every_bit(mut bytes: Vec<u8>, ends: &[usize], end: Option<u64>) {
    let whole = frames_up_to(&bytes, end).unwrap();
    assert_eq!((&whole.0, whole.1.damaged_bytes, whole.1.suspect_tail), (&sequences(3), 0, None));
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (found, condition) = frames_up_to(&bytes, end).unwrap();
        let hit = ends.iter().position(|end| bit / 8 < *end);
        let wanted: Vec<u64> = (1..=3).filter(|n| hit != Some(*n)).map(|n| 3 * n as u64).collect();
        assert_eq!(found, wanted, "bit {bit}");
        let noticed = condition.damaged_bytes > 0 || condition.suspect_tail.is_some();
        let counts = end.is_none_or(|end| (bit / 8) < end as usize);
        assert_eq!(noticed, counts, "bit {bit}: {condition:?}");
        // Where the end is known, nobody need wonder whether it was a power cut.
        assert!(end.is_none() || condition.suspect_tail.is_none(), "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn every_flipped_bit_of_an_open_file_is_noticed() {
    let (bytes, ends) = file();
    flip_every_bit(bytes, &ends, None);
}

#[test]
fn every_flipped_bit_of_a_closed_file_is_noticed() {
    let (mut bytes, ends) = file();
    bytes.extend(encode_end(STORE, 12, START));
    flip_every_bit(bytes, &ends, None);
}

#[test]
fn every_flipped_bit_of_a_cut_file_is_noticed_or_behind_its_end() {
    let (mut bytes, ends) = file();
    let end = bytes.len() as u64;
    bytes.extend(encode(STORE, 12, START, &[encoded(1, &batch(&small(9, 1)))], &[]));
    flip_every_bit(bytes, &ends, Some(end));
}
