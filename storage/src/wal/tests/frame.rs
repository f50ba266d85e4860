//! Frames: whole, sound and ours, or nothing.

use proptest::prelude::*;

use super::{STORE, acknowledgement, encoded, frame_of_batches, plain, small};
use crate::testing::{START, any_events, batch};
use crate::wal::frame::{FRAME_HEADER_BYTES, encode, encode_end, find, is_beginning};

fn tiny() -> Vec<u8> {
    let batches = [encoded(3, &batch(&small(0, 2))), encoded(4, &batch(&small(9, 1)))];
    encode(STORE, 41, START, &batches, &[acknowledgement(1), acknowledgement(3)])
}

#[test]
fn a_frame_comes_back() {
    let large = small(0, 3_000);
    let batches = [encoded(1, &batch(&large)), encoded(2, &batch(&small(7, 1))), encoded(1, &batch(&small(8, 2)))];
    let acknowledged = [acknowledgement(5), acknowledgement(6)];
    let bytes = encode(STORE, 100, START, &batches, &acknowledged);
    let found = find(STORE, &bytes).unwrap();
    assert_eq!((found.bytes(), found.is_end()), (bytes.len(), false));
    let content = found.content().unwrap();
    let wanted = [(1, 100, START, large), (2, 3_100, START, small(7, 1)), (1, 3_101, START, small(8, 2))];
    assert_eq!(plain(&content.batches), wanted);
    assert_eq!(content.acknowledgements, acknowledged);
    let dense: usize = 3_000 * 16;
    assert!(bytes.len() < dense, "a large block is compressed: {}", bytes.len());
}

#[test]
fn frames_without_events_and_ends_come_back() {
    let bytes = encode(STORE, 7, START, &[], &[acknowledgement(2)]);
    let content = find(STORE, &bytes).unwrap().content().unwrap();
    assert_eq!((content.batches.len(), content.acknowledgements), (0, vec![acknowledgement(2)]));
    let end = encode_end(STORE, 7, START);
    let found = find(STORE, &end).unwrap();
    assert!(found.is_end() && end.len() == FRAME_HEADER_BYTES);
    assert!(!find(STORE, &tiny()).unwrap().is_end());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_frame_comes_back(
        batches in proptest::collection::vec((0..5u32, any_events(3, 1..20)), 0..6),
        acknowledged in proptest::collection::vec(any::<u32>(), 0..6),
        first in 0..u64::MAX / 2,
    ) {
        let encoded: Vec<_> = batches.iter().map(|(dataset, events)| encoded(*dataset, &batch(events))).collect();
        let acknowledged: Vec<_> = acknowledged.into_iter().map(|n| acknowledgement(n.into())).collect();
        let bytes = encode(STORE, first, START, &encoded, &acknowledged);
        let content = find(STORE, &bytes).unwrap().content().unwrap();
        let mut sequence = first;
        let wanted = batches.into_iter().map(|(dataset, events)| {
            let count = events.len() as u64;
            sequence += count;
            (dataset, sequence - count, START, events)
        });
        prop_assert_eq!(plain(&content.batches), wanted.collect::<Vec<_>>());
        prop_assert_eq!(content.acknowledgements, acknowledged);
    }
}

#[test]
fn a_frame_that_was_cut_is_none_and_its_beginning() {
    for whole in [tiny(), encode_end(STORE, 7, START)] {
        for length in 0..whole.len() {
            assert!(find(STORE, &whole[..length]).is_none(), "{length}");
            assert!(is_beginning(STORE, &whole[..length]), "{length}");
        }
        let behind = [&whole[..], b"FRME"].concat();
        assert_eq!(find(STORE, &behind).unwrap().bytes(), whole.len());
    }
}

#[test]
fn what_no_frame_begins_with_is_no_beginning() {
    let whole = tiny();
    for length in FRAME_HEADER_BYTES..whole.len() {
        let mut bytes = whole[..length].to_vec();
        bytes[FRAME_HEADER_BYTES - 20] ^= 1;
        assert!(!is_beginning(STORE, &bytes), "an unsound header and {length} bytes");
    }
    let mut complete = whole.clone();
    complete[whole.len() - 1] ^= 1;
    assert!(!is_beginning(STORE, &complete), "all bytes are there and wrong");
    for garbage in [&[0][..], &[0; 10], &[0; 56], &[0; 5_000], b"FRMF", b"FRME\x02\0\0\0", b"FRME\0\0\0\x01"] {
        assert!(!is_beginning(STORE, garbage), "{garbage:?}");
    }
    assert!(!is_beginning(*b"another one here", &whole[..whole.len() - 1]));
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
    // 24 bytes of batch, 2 of name, block; 24, 2, block; 48 of acknowledgement, 8 of details; 48.
    let first_block = encoded(3, &batch(&small(0, 2))).1.frame_bytes() - 24;
    let details = tiny().len() - FRAME_HEADER_BYTES - 48 - 8;
    let rewritten = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut body = tiny().split_off(FRAME_HEADER_BYTES);
        change(&mut body);
        let bytes = super::format::frame_around((2, 2), 41, &body);
        find(STORE, &bytes).unwrap().content().is_none()
    };
    assert!(!rewritten(&|_| ()));
    assert!(rewritten(&|body| body[4] = 3), "rows");
    assert!(rewritten(&|body| body[16] += 1), "stored bytes");
    assert!(rewritten(&|body| body[20] = 2), "an unknown compression");
    assert!(rewritten(&|body| body[20] = 1), "not lz4");
    assert!(rewritten(&|body| body[21] = 0), "no name");
    assert!(rewritten(&|body| body[21] = 255), "a name that reaches into the block");
    assert!(rewritten(&|body| body[24] = b'D'), "a name in upper case");
    assert!(rewritten(&|body| body[24] = 0xff), "a name that is not UTF-8");
    assert!(rewritten(&|body| body[26] = 9), "a newer block");
    assert!(rewritten(&|body| body[26 + first_block + 4] = 9), "rows of the second batch");
    assert!(rewritten(&|body| body[details - 8] += 1), "details that reach too far");
    assert!(rewritten(&|body| body.push(0)), "bytes behind");
    assert!(rewritten(&|body| body.truncate(30)), "too short");
    assert!(rewritten(&|body| body.truncate(body.len() - 1)), "an acknowledgement too short");
}

#[test]
fn sequences_do_not_overflow() {
    let bytes = frame_of_batches(u64::MAX, &[encoded(1, &batch(&small(0, 2)))]);
    assert!(find(STORE, &bytes).unwrap().content().is_none());
}
