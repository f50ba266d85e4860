//! The bytes of the log, locked to `format/wal.md`. A test that fails here is a new format version, not a new test.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{STORE, encoded};
use crate::event::FieldType;
use crate::testing::{Value, batch, event};
use crate::wal::{block, frame};

const DOCUMENT: &str = include_str!("../../../format/wal.md");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A frame around `body`, made from the document and not by the code.
pub(super) fn frame_of(batches: u32, first_sequence: u64, body: &[u8]) -> Vec<u8> {
    let mut frame = b"FRME".to_vec();
    frame.extend(batches.to_le_bytes());
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
    assert_eq!(&frame::FILE_MAGIC, b"OUTCRWAL");
    assert_eq!(&frame::FRAME_MAGIC, b"FRME");
    assert_eq!(frame::FORMAT_VERSION, 1);
    assert_eq!(frame::FILE_HEADER_BYTES, 40);
    assert_eq!(frame::FRAME_HEADER_BYTES, 48);
    assert_eq!(FieldType::ALL.map(|t| t as u8), [0, 1, 2, 3]);
    for drawn in [
        "header  40 bytes",
        "magic \"OUTCRWAL\"",
        "format version, 1",
        "frame   48 bytes + body",
        "magic \"FRME\"",
        "batch   24 bytes + block",
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
        "01000000", "00000000", // version 1, zero
        "612073746f7265206f66207465737473", // the store id
    );
    let header = frame::file_header(STORE);
    assert_eq!(hex(&header[..32]), wanted);
    assert_eq!(header[32..], xxh3_64(&header[..32]).to_le_bytes());
    assert_eq!(hex(&header[32..]), "0c02d7a3f47d25ec");
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
    body.extend([0; 4]);
    body.extend(&block);
    let bytes = frame::encode(STORE, 9, crate::testing::START, &[encoded(7, &tiny())]);
    assert_eq!(hex(&bytes), hex(&frame_of(1, 9, &body)));
    assert_eq!(
        hex(&bytes[..48]),
        "46524d45010000006c0000000000000009000000000000000000faed5172861840d002d2e6afd982b09c105cdc632294"
    );
}
