//! Frames: whole, sound and ours, or nothing.

use super::{STORE, encoded, plain, small};
use crate::testing::{START, batch};
use crate::wal::frame::{self, FRAME_HEADER_BYTES, encode, find};

fn tiny() -> Vec<u8> {
    encode(STORE, 41, START, &[encoded(3, &batch(&small(0, 2))), encoded(4, &batch(&small(9, 1)))])
}

#[test]
fn a_frame_comes_back() {
    let large = small(0, 3_000);
    let batches = [encoded(1, &batch(&large)), encoded(2, &batch(&small(7, 1))), encoded(1, &batch(&small(8, 2)))];
    let bytes = encode(STORE, 100, START, &batches);
    let found = find(STORE, &bytes).unwrap();
    assert_eq!(found.bytes(), bytes.len());
    let read = plain(&found.batches().unwrap());
    let wanted = [(1, 100, START, large), (2, 3_100, START, small(7, 1)), (1, 3_101, START, small(8, 2))];
    assert_eq!(read, wanted);
    let dense: usize = 3_000 * 16;
    assert!(bytes.len() < dense, "a large block is compressed: {}", bytes.len());
}

#[test]
fn a_frame_that_was_cut_is_none() {
    let whole = tiny();
    for length in 0..whole.len() {
        assert!(find(STORE, &whole[..length]).is_none(), "{length}");
    }
    let behind = [&whole[..], b"FRME"].concat();
    assert_eq!(find(STORE, &behind).unwrap().bytes(), whole.len());
}

#[test]
fn every_flipped_bit_is_noticed() {
    let mut bytes = tiny();
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(find(STORE, &bytes).is_none(), "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(find(STORE, &bytes).is_some());
}

#[test]
fn a_frame_of_another_store_is_none() {
    assert!(find(*b"another one here", &tiny()).is_none());
}

#[test]
fn bodies_that_lie_are_none() {
    let rewritten = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut body = tiny().split_off(FRAME_HEADER_BYTES);
        change(&mut body);
        let bytes = super::format::frame_of(2, 41, &body);
        find(STORE, &bytes).unwrap().batches().is_none()
    };
    assert!(!rewritten(&|_| ()));
    assert!(rewritten(&|body| body[4] = 3), "rows");
    assert!(rewritten(&|body| body[16] += 1), "stored bytes");
    assert!(rewritten(&|body| body[20] = 2), "an unknown compression");
    assert!(rewritten(&|body| body[20] = 1), "not lz4");
    assert!(rewritten(&|body| body[24] = 9), "a newer block");
    assert!(rewritten(&|body| body.push(0)), "bytes behind");
    assert!(rewritten(&|body| body.truncate(30)), "too short");
}

#[test]
fn sequences_do_not_overflow() {
    let bytes = encode(STORE, u64::MAX, START, &[encoded(1, &batch(&small(0, 2)))]);
    assert!(find(STORE, &bytes).unwrap().batches().is_none());
}

#[test]
fn the_file_header_has_its_length() {
    assert_eq!(frame::file_header(STORE).len(), frame::FILE_HEADER_BYTES);
}
