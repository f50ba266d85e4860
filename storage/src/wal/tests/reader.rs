//! Reading a file back: torn tails, damage, strangers.

use std::path::PathBuf;

use xxhash_rust::xxh3::xxh3_64;

use super::{STORE, encoded, small};
use crate::disk::RealDisk;
use crate::error::StoreError;
use crate::testing::{START, Value, batch, event, events};
use crate::wal::frame::{FILE_HEADER_BYTES, encode, file_header};
use crate::wal::reader::{WalCondition, read};

/// A file of bytes in a directory of its own.
struct TestFile(tempfile::TempDir, PathBuf);

fn file(bytes: &[u8]) -> TestFile {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0000000000000001.wal");
    std::fs::write(&path, bytes).unwrap();
    TestFile(dir, path)
}

/// The first sequences of the frames that are read, and the condition.
fn frames(bytes: &[u8]) -> Result<(Vec<u64>, WalCondition), StoreError> {
    let TestFile(_dir, path) = &file(bytes);
    let mut found = Vec::new();
    let condition = read(&RealDisk, path, STORE, |batches| {
        found.push(batches[0].first_sequence);
        Ok(())
    })?;
    assert_eq!(std::fs::read(path).unwrap(), bytes, "a reader never writes");
    Ok((found, condition))
}

fn frame(sequence: u64) -> Vec<u8> {
    encode(STORE, sequence, START, &[encoded(1, &batch(&small(sequence as i64, 1)))])
}

fn three() -> (Vec<u8>, usize) {
    let mut bytes = file_header(STORE);
    for sequence in 1..=3 {
        bytes.extend(frame(sequence));
    }
    (bytes, frame(1).len())
}

#[test]
fn a_whole_file_is_read() {
    let (bytes, _) = three();
    let whole = WalCondition { frames: 3, events: 3, torn_at: None, damaged_bytes: 0 };
    assert_eq!(frames(&bytes).unwrap(), (vec![1, 2, 3], whole));
}

#[test]
fn a_torn_tail_costs_only_itself() {
    let (bytes, frame) = three();
    let last = bytes.len() - frame;
    for length in last..bytes.len() {
        let (found, condition) = frames(&bytes[..length]).unwrap();
        assert_eq!(found, [1, 2]);
        let torn_at = (length > last).then_some(last as u64);
        assert_eq!(condition, WalCondition { frames: 2, events: 2, torn_at, damaged_bytes: 0 }, "{length}");
    }
    for length in 0..FILE_HEADER_BYTES {
        assert_eq!(
            frames(&bytes[..length]).unwrap(),
            (vec![], WalCondition { torn_at: Some(0), ..Default::default() })
        );
    }
}

#[test]
fn zeros_behind_the_last_frame_are_a_torn_tail() {
    let (mut bytes, _) = three();
    let end = bytes.len();
    bytes.resize(end + 10_000, 0);
    let (found, condition) = frames(&bytes).unwrap();
    assert_eq!((found.len(), condition.torn_at, condition.damaged_bytes), (3, Some(end as u64), 0));
}

#[test]
fn damage_in_the_middle_costs_only_itself() {
    let (mut bytes, frame) = three();
    for at in FILE_HEADER_BYTES + frame..FILE_HEADER_BYTES + 2 * frame {
        bytes[at] ^= 0x10;
        let (found, condition) = frames(&bytes).unwrap();
        assert_eq!(found, [1, 3], "{at}");
        assert_eq!(condition, WalCondition { frames: 2, events: 2, torn_at: None, damaged_bytes: frame as u64 });
        bytes[at] ^= 0x10;
    }
}

#[test]
fn a_damaged_header_costs_only_itself() {
    let (mut bytes, _) = three();
    bytes[FILE_HEADER_BYTES - 1] ^= 1;
    let (found, condition) = frames(&bytes).unwrap();
    assert_eq!((found, condition.damaged_bytes), (vec![1, 2, 3], FILE_HEADER_BYTES as u64));
}

#[test]
fn a_sound_frame_that_cannot_be_read_is_damage_also_at_the_end() {
    let (mut bytes, _) = three();
    let newer = super::format::frame_of(1, 4, b"what a newer version writes");
    bytes.extend(&newer);
    let (found, condition) = frames(&bytes).unwrap();
    assert_eq!((found, condition.torn_at, condition.damaged_bytes), (vec![1, 2, 3], None, newer.len() as u64));
}

#[test]
fn text_that_looks_like_a_frame_is_not_one() {
    // A frame whose text is another frame, as bytes, cut: the inner one must not be taken for the next good one.
    let inner = encode([0; 16], 1_000, START, &[encoded(1, &batch(&small(0, 1)))]);
    let mut torn = frame(1);
    let half = torn.len() - 1;
    torn.truncate(half);
    let bytes = [file_header(STORE), torn, inner].concat();
    let (found, condition) = frames(&bytes).unwrap();
    assert_eq!((found, condition.torn_at), (vec![], Some(FILE_HEADER_BYTES as u64)));
    let magic = batch(&[event(START, &[("s", Value::text(&"FRME".repeat(1_000)))])]);
    let torn = encode(STORE, 9, START, &[encoded(1, &magic)]);
    let bytes = [file_header(STORE), torn[..torn.len() - 1].to_vec(), frame(2)].concat();
    let (found, condition) = frames(&bytes).unwrap();
    assert_eq!((found, condition.damaged_bytes), (vec![2], torn.len() as u64 - 1));
}

#[test]
fn files_of_others_are_refused() {
    let foreign = file_header(*b"another one here");
    assert!(matches!(frames(&foreign), Err(StoreError::Foreign { .. })));
    let mut newer = file_header(STORE);
    newer[8] = 2;
    let checksum = xxh3_64(&newer[..32]);
    newer[32..].copy_from_slice(&checksum.to_le_bytes());
    assert!(matches!(frames(&newer), Err(StoreError::UnknownFormat { version: 2, .. })));
}

#[test]
fn an_error_of_the_taker_ends_the_reading() {
    let TestFile(_dir, path) = &file(&three().0);
    let mut taken = Vec::new();
    let result = read(&RealDisk, path, STORE, |batches| {
        taken.extend(events(&batches[0].events));
        Err(StoreError::Closed)
    });
    assert!(matches!(result, Err(StoreError::Closed)));
    assert_eq!(taken, small(1, 1));
}
