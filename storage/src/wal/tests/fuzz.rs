//! Changed bytes for every reader of the log: none makes it panic, and what it reads was written.

use std::path::Path;

use super::{PlainBatch, STORE, acknowledgement, encoded, plain, small};
use crate::acknowledgement::Acknowledgement;
use crate::error::StoreError;
use crate::event::EventBatch;
use crate::testing::fuzz::fuzz;
use crate::testing::{START, Value, batch, event};
use crate::wal::frame::{FRAME_HEADER_BYTES, FrameContent, encode, encode_end, find, is_beginning};
use crate::wal::header::{self, Cut, Header};
use crate::wal::reader::scan;
use crate::wal::{block, frame};

/// By columns: bytes that were made up may give one field values of two types in one row, and the helper that reads events
/// is right to refuse that.
fn assert_same(one: &EventBatch, other: &EventBatch) {
    assert_eq!((one.timestamp(), one.sample_rate()), (other.timestamp(), other.sample_rate()));
    let columns = |batch: &EventBatch| {
        batch.columns().iter().map(|c| (c.field.clone(), c.field_type, c.values.to_data())).collect::<Vec<_>>()
    };
    assert_eq!(columns(one), columns(other));
}

type PlainFrame = (Vec<PlainBatch>, Vec<Acknowledgement>);

fn plain_frame(content: &FrameContent) -> PlainFrame {
    (plain(&content.batches), content.acknowledgements.clone())
}

/// Batches of all types: sparse, dense, sampled, with long texts.
fn batches() -> Vec<EventBatch> {
    let mixed = |n: i64| {
        let text = Value::text(&"long ".repeat(n as usize % 40));
        let mut event = event(START + n, &[("n", Value::Integer(n)), ("t", text), ("é", Value::Boolean(n % 2 == 0))]);
        event.fields.retain(|name, _| name == "n" || n % 3 != 0);
        event.fields.insert(format!("f{}", n % 5), Value::float(n as f64 / 3.0));
        event.rate = 1 + n as u32 % 2;
        event
    };
    let of = |range: std::ops::Range<i64>| batch(&range.map(mixed).collect::<Vec<_>>());
    vec![batch(&small(0, 1)), batch(&small(5, 3)), of(0..7), of(7..80)]
}

fn batch_of(n: i64) -> EventBatch {
    batch(&small(n, 1))
}

fn frames() -> Vec<Vec<u8>> {
    let frame = |(at, batch): (usize, EventBatch)| {
        let n = at as u64;
        let both = [encoded(at as u32, &batch), encoded(9, &batch_of(n as i64))];
        encode(STORE, 100 * n, START, &both[..1 + at % 2], &[acknowledgement(n), acknowledgement(n + 1)][..at % 3])
    };
    let frames = batches().into_iter().enumerate().map(frame);
    frames.chain([encode(STORE, 7, START, &[], &[acknowledgement(3)])]).collect()
}

#[test]
fn fuzz_files() {
    let frames = frames();
    let written: Vec<PlainFrame> =
        frames.iter().map(|f| plain_frame(&find(STORE, f).unwrap().content().unwrap())).collect();
    let cuts = [Cut { file: 1, bytes: 400 }, Cut { file: 3, bytes: 48 }];
    let open = [&[header::encode(STORE, &cuts)], &frames[..]].concat().concat();
    let closed = [&open[..], &encode_end(STORE, 900, START)].concat();
    let one = [header::encode(STORE, &[]), frames[0].clone()].concat();
    fuzz(&[open, closed, one], &[b"FRME", b"OUTCRWAL"], |bytes| {
        for end in [None, Some(bytes.len() as u64 / 2), Some(u64::MAX)] {
            let mut read = 0;
            let condition = scan(bytes, Path::new("some.wal"), STORE, end, |content| {
                assert!(written.contains(&plain_frame(&content)), "it was never written");
                read += 1;
                Ok(())
            });
            match condition {
                Ok(condition) => assert_eq!(condition.frames, read),
                Err(StoreError::Foreign { .. } | StoreError::UnknownFormat { .. }) => {
                    panic!("the checksum of the header holds and it is another one");
                }
                Err(other) => panic!("{other}"),
            }
        }
    });
}

#[test]
fn fuzz_headers() {
    let cuts: Vec<Cut> = (0..20).map(|n| Cut { file: n, bytes: 48 + n }).collect();
    let corpus: Vec<Vec<u8>> = [0, 1, 3, 20].map(|count| header::encode(STORE, &cuts[..count])).to_vec();
    fuzz(&corpus, &[b"OUTCRWAL"], |bytes| match header::decode(STORE, bytes) {
        Header::Good { bytes: length, .. } => assert!(corpus.contains(&bytes[..length].to_vec())),
        Header::Beginning | Header::Damaged => {}
        other => panic!("{other:?}"),
    });
}

/// Bodies that are wrong under checksums that are right: what a bug would write.
#[test]
fn fuzz_frames() {
    let bodies: Vec<Vec<u8>> = frames().into_iter().map(|f| f[FRAME_HEADER_BYTES..].to_vec()).collect();
    fuzz(&bodies, &[], |body| {
        for counts in [(1, 0), (2, 1), (1, 2), (0, 1)] {
            let bytes = super::format::frame_around(counts, u64::MAX - 1_000, body);
            let Some(content) = find(STORE, &bytes).unwrap().content() else { continue };
            assert_eq!((content.batches.len(), content.acknowledgements.len()), (counts.0 as usize, counts.1 as usize));
            let again: Vec<_> =
                content.batches.iter().map(|b| (b.target.clone(), frame::EncodedBatch::new(&b.events))).collect();
            let again = encode(STORE, u64::MAX - 1_000, START, &again, &content.acknowledgements);
            let again = find(STORE, &again).unwrap().content().unwrap();
            assert_eq!(again.acknowledgements, content.acknowledgements);
            for (one, other) in again.batches.iter().zip(&content.batches) {
                assert_eq!(one.target, other.target);
                assert_same(&one.events, &other.events);
            }
        }
    });
}

#[test]
fn fuzz_ends_of_files() {
    let frames = frames();
    fuzz(&frames, &[b"FRME"], |bytes| {
        // What may be the beginning of a frame holds none, and no more of it would do.
        if is_beginning(STORE, bytes) {
            assert!(find(STORE, bytes).is_none());
        }
    });
}

/// A block may be a bug's or an attacker's: it is read or refused, and costs no more than its length allows.
#[test]
fn fuzz_blocks() {
    let encode = |batch: &EventBatch| {
        let mut out = Vec::new();
        block::encode(batch, &mut out);
        out
    };
    let corpus: Vec<Vec<u8>> = batches().iter().map(encode).collect();
    fuzz(&corpus, &[], |bytes| {
        let Ok(batch) = block::decode(bytes) else { return };
        // An absent value costs a bit in a block and up to eight bytes in memory.
        assert!(batch.memory_bytes() <= 64 * bytes.len() + 65_536, "{} of {}", batch.memory_bytes(), bytes.len());
        let again = encode(&batch);
        assert_eq!(block::length(&batch), again.len());
        assert_same(&block::decode(&again).unwrap(), &batch);
    });
}
