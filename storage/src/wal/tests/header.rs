//! The header of a log file: whole, or known not to be.

use super::STORE;
use crate::wal::header::{Cut, Header, decode, encode};

fn cuts(count: u64) -> Vec<Cut> {
    (0..count).map(|n| Cut { file: n + 1, bytes: 1_000 * n }).collect()
}

#[test]
fn a_header_comes_back() {
    for count in [0, 1, 2, 500] {
        let bytes = encode(STORE, &cuts(count));
        let wanted = Header::Good { bytes: bytes.len(), cuts: cuts(count) };
        assert_eq!(decode(STORE, &bytes), wanted);
        assert_eq!(decode(STORE, &[&bytes[..], b"FRME"].concat()), wanted, "what follows is not looked at");
    }
}

#[test]
fn a_header_that_was_cut_off_is_a_beginning() {
    let bytes = encode(STORE, &cuts(3));
    for length in 0..bytes.len() {
        assert_eq!(decode(STORE, &bytes[..length]), Header::Beginning, "{length}");
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let mut bytes = encode(STORE, &cuts(3));
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(decode(STORE, &bytes), Header::Damaged, "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn other_stores_and_versions_are_told_apart() {
    assert_eq!(decode(*b"another one here", &encode(STORE, &[])), Header::Foreign);
    assert_eq!(decode(STORE, b"something else"), Header::Damaged);
}
