//! The bytes of the log, locked to `format/wal.md`. A test that fails here is a new format version, not a new test.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{STORE, acknowledgement, encoded};
use crate::event::FieldType;
use crate::testing::{Value, batch, event};
use crate::wal::{block, frame, header};

const DOCUMENT: &str = include_str!("../../../format/wal.md");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A frame around `body`, made from the document and not by the code.
pub(super) fn frame_around((batches, acknowledgements): (u32, u32), first_sequence: u64, body: &[u8]) -> Vec<u8> {
    frame_of_kind(0, (batches, acknowledgements), first_sequence, body)
}

fn frame_of_kind(kind: u32, counts: (u32, u32), first_sequence: u64, body: &[u8]) -> Vec<u8> {
    let mut frame = b"FRME".to_vec();
    frame.extend(kind.to_le_bytes());
    frame.extend(counts.0.to_le_bytes());
    frame.extend(counts.1.to_le_bytes());
    frame.extend((body.len() as u64).to_le_bytes());
    frame.extend(first_sequence.to_le_bytes());
    frame.extend(crate::testing::START.to_le_bytes());
    frame.extend(xxh3_64(body).to_le_bytes());
    let seed = u64::from_le_bytes(STORE[..8].try_into().unwrap());
    frame.extend(xxh3_64_with_seed(&frame, seed).to_le_bytes());
    frame.extend(body);
    frame
}

#[test]
fn never_change_these_constants() {
    assert_eq!(&header::FILE_MAGIC, b"OUTCRWAL");
    assert_eq!(&frame::FRAME_MAGIC, b"FRME");
    assert_eq!(header::FORMAT_VERSION, 2);
    assert_eq!(frame::FRAME_HEADER_BYTES, 56);
    assert_eq!(FieldType::ALL.map(|t| t as u8), [0, 1, 2, 3]);
    for drawn in [
        "header  48 bytes + 16 for each cut",
        "magic \"OUTCRWAL\"",
        "format version, 2",
        "frame   56 bytes + body",
        "magic \"FRME\"",
        "0: requests, 1: end of the file",
        "batch   24 bytes + name + block",
        "acknowledgement   48 bytes + details",
        "version, 1",
        "0: plain, 1: lz4",
        "0 boolean, 1 integer, 2 float, 3 string",
    ] {
        assert!(DOCUMENT.contains(drawn), "format/wal.md no longer says {drawn:?}");
    }
}

fn tiny() -> crate::event::EventBatch {
    let mut second = event(2, &[("i", Value::Integer(-2)), ("t", Value::text("é"))]);
    second.rate = 5;
    batch(&[event(1, &[("b", Value::Boolean(true)), ("f", Value::float(1.5)), ("t", Value::text(""))]), second])
}

#[rustfmt::skip]
#[test]
fn a_block_has_these_bytes() {
    let wanted = concat!(
        "01", "02000000", "04000000", "01", // version, rows, columns, sample rates follow
        "0100000000000000", "0200000000000000", // timestamps
        "01000000", "05000000", // sample rates
        "0100", "62", "00", "00", "01", "01", // b: boolean, in row 0 only, true
        "0100", "66", "02", "00", "01", "000000000000f83f", // f: float, in row 0 only, 1.5
        "0100", "69", "01", "00", "02", "feffffffffffffff", // i: integer, in row 1 only, -2
        "0100", "74", "03", "01", "00000000", "02000000", "c3a9", // t: string, in both rows, "" and "é"
    );
    let mut bytes = Vec::new();
    block::encode(&tiny(), &mut bytes);
    assert_eq!(hex(&bytes), wanted);
}

#[rustfmt::skip]
#[test]
fn a_file_header_has_these_bytes() {
    let wanted = concat!(
        "4f555443", "5257414c", // OUTCRWAL
        "02000000", "01000000", // version 2, one cut
        "612073746f7265206f66207465737473", // the store id
        "747816c7bb98fbe1", // checksum of these
        "0700000000000000", "9001000000000000", // file 7 ends at 400
        "b877b9e12c5588e1", // checksum of the cut
    );
    let bytes = header::encode(STORE, &[header::Cut { file: 7, bytes: 400 }]);
    assert_eq!(bytes[32..40], xxh3_64(&bytes[..32]).to_le_bytes());
    assert_eq!(bytes[56..], xxh3_64(&bytes[40..56]).to_le_bytes());
    assert_eq!(hex(&bytes), wanted);
    let none = header::encode(STORE, &[]);
    assert_eq!((none.len(), &none[40..]), (48, &xxh3_64(b"").to_le_bytes()[..]));
}

#[test]
fn a_frame_has_these_bytes() {
    let mut block = Vec::new();
    block::encode(&tiny(), &mut block);
    let mut body = Vec::new();
    for number in [7, 2] {
        body.extend(u32::to_le_bytes(number));
    }
    body.extend((block.len() as u64).to_le_bytes());
    body.extend((block.len() as u32).to_le_bytes());
    body.extend([0, 2, 0, 0]);
    body.extend(b"d7");
    body.extend(&block);
    let acknowledged = acknowledgement(5);
    body.extend(acknowledged.id.key);
    body.extend(xxh3_64(b"a body").to_le_bytes());
    body.extend((crate::testing::START + 5).to_le_bytes());
    for number in [5, 7, 16, 0] {
        body.extend(u32::to_le_bytes(number));
    }
    body.extend(b"nothing\nnothing\n");
    let bytes = frame::encode(STORE, 9, crate::testing::START, &[encoded(7, &tiny())], &[acknowledged]);
    assert_eq!(hex(&bytes), hex(&frame_around((1, 1), 9, &body)));
    assert_eq!(
        hex(&bytes[..56]),
        "46524d45000000000100000001000000ae0000000000000009000000000000000000faed51728618c03bc7a45a25e212f16cd902ca1f847f"
    );
}

#[test]
fn an_end_has_these_bytes() {
    let end = frame::encode_end(STORE, 9, crate::testing::START);
    assert_eq!(hex(&end), hex(&frame_of_kind(1, (0, 0), 9, b"")));
}
