//! The files of a segment, locked to `format/segment.md`. A test that fails here is a new format version.

use parquet::basic::{Compression, LogicalType, Type};
use xxhash_rust::xxh3::xxh3_64;

use super::Bench;
use crate::limits;
use crate::segment::blocks::BlockWriter;
use crate::segment::footer;
use crate::segment::sequences::Sequences;
use crate::testing::{START, Value, event};

const DOCUMENT: &str = include_str!("../../../format/segment.md");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The sums file of a file with this content.
fn sums_of(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let directory = tempfile::tempdir().unwrap();
    let file = crate::disk::Disk::create(&crate::disk::RealDisk, &directory.path().join("file")).unwrap();
    let mut writer = BlockWriter::new(file);
    for part in content.chunks(50_000) {
        writer.write_all(part).unwrap();
    }
    let (bytes, sums) = writer.finish().unwrap();
    assert_eq!(bytes, content.len() as u64);
    assert_eq!(std::fs::read(directory.path().join("file")).unwrap(), content);
    sums
}

#[test]
fn never_change_these_constants() {
    assert_eq!(limits::CHECKSUM_BLOCK_BYTES, 65_536);
    assert_eq!(limits::FOOTER_RANGES_MAX, 4_096);
    assert_eq!(limits::ROW_GROUP_ROWS_MAX, 131_072);
    assert_eq!(limits::PAGE_ROWS_MAX, 4_096);
    assert_eq!((footer::METADATA_KEY, footer::FORMAT_VERSION), ("outcrop", 2));
    for drawn in ["65536", "\"OUTCRSUM\"", "format version, 1", "131,072 rows", "at most 4,096", "one entry, `outcrop`"]
    {
        assert!(DOCUMENT.contains(drawn), "format/segment.md no longer says {drawn:?}");
    }
}

#[rustfmt::skip]
#[test]
fn a_sums_file_has_these_bytes() {
    let sums = sums_of(b"abc");
    let wanted = concat!(
        "4f55544352", "53554d", // OUTCRSUM
        "01000000", "00000100", // version 1, blocks of 65,536 bytes
        "0300000000000000", // bytes of the file
    );
    assert_eq!(hex(&sums[..24]), wanted);
    assert_eq!(sums[24..32], xxh3_64(b"abc").to_le_bytes());
    assert_eq!(sums[32..], xxh3_64(&sums[..32]).to_le_bytes());
    // The first half is the published xxh3 of "abc", 78af5f94892f3950.
    assert_eq!(hex(&sums[24..]), "50392f89945faf78a95881a8d083671d");
}

#[test]
fn a_sums_file_has_a_sum_for_each_block() {
    let block = limits::CHECKSUM_BLOCK_BYTES;
    for (length, blocks) in [(0, 0), (1, 1), (block - 1, 1), (block, 1), (block + 1, 2), (3 * block, 3)] {
        let content: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        let sums = sums_of(&content);
        assert_eq!(sums.len(), 24 + 8 * blocks + 8);
        for (n, part) in content.chunks(block).enumerate() {
            assert_eq!(sums[24 + 8 * n..32 + 8 * n], xxh3_64(part).to_le_bytes());
        }
    }
}

#[test]
fn the_footer_has_the_keys_of_the_document() {
    let mut bench = Bench::new();
    let open = bench.one(&[event(START, &[("x", Value::Integer(1))])]).open().unwrap();
    let entries = open.metadata().metadata().file_metadata().key_value_metadata().unwrap();
    assert_eq!(entries.len(), 1);
    let footer: serde_json::Value = serde_json::from_str(entries[0].value.as_ref().unwrap()).unwrap();
    let drawn = DOCUMENT.split("```text\n").nth(2).unwrap().split("```").next().unwrap();
    let mut wanted: Vec<&str> =
        drawn.lines().flat_map(|line| line.split("  ").next().unwrap().split(", ")).map(str::trim).collect();
    wanted.sort_unstable();
    let mut keys: Vec<&str> = footer.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, wanted);
    let field = footer["fields"][0].as_object().unwrap();
    assert!(field.keys().all(|key| drawn.contains(key.as_str())));
    assert_eq!(footer["sequences"], serde_json::json!([[1, 1]]));
    assert_eq!(footer["fields"][0]["type"], "integer");
}

#[test]
fn the_columns_are_those_of_the_document() {
    let mut bench = Bench::new();
    let values = [Value::Boolean(true), Value::Integer(1), Value::float(0.5), Value::text("a")];
    let names = ["b", "i", "f", "s"];
    let fields: Vec<(&str, Value)> = names.into_iter().zip(values).collect();
    let mut sampled = event(START, &fields);
    sampled.rate = 2;
    let open = bench.one(&[sampled]).open().unwrap();
    let metadata = open.metadata().metadata();
    let schema = metadata.file_metadata().schema_descr();
    let columns: Vec<(&str, Type, bool)> =
        schema.columns().iter().map(|c| (c.name(), c.physical_type(), c.self_type().is_optional())).collect();
    let wanted = [
        ("timestamp", Type::INT64, false),
        ("meta.sequence", Type::INT64, false),
        ("meta.received", Type::INT64, false),
        ("sample_rate", Type::INT32, false),
        ("b", Type::BOOLEAN, true),
        ("f", Type::DOUBLE, true),
        ("i", Type::INT64, true),
        ("s", Type::BYTE_ARRAY, true),
    ];
    assert_eq!(columns, wanted);
    let sequence = schema.column(1).logical_type_ref().cloned();
    assert_eq!(sequence, Some(LogicalType::integer(64, false)));
    assert!(metadata.row_groups().iter().all(|g| g.columns().iter().all(|c| c.compression() == Compression::LZ4_RAW)));
    assert!(metadata.column_index().is_some() && metadata.offset_index().is_some(), "the page index is written");
}

#[test]
fn sequences_are_ranges_while_those_are_few() {
    let written = |sequences: Sequences| serde_json::to_value(&sequences).unwrap();
    assert_eq!(written([1, 2, 3, 5, 7, 8].into_iter().collect()), serde_json::json!([[1, 3], [5, 5], [7, 8]]));
    assert_eq!(written(Sequences::default()), serde_json::json!([]));
    let every_other = |count: u64| (0..count).map(|n| n * 2).collect::<Sequences>();
    assert_eq!(written(every_other(4_096)).as_array().unwrap().len(), 4_096);
    assert!(written(every_other(4_097)).is_string());
    for sequences in [every_other(4_096), every_other(4_097), [u64::MAX, 0].into_iter().collect()] {
        assert_eq!(serde_json::from_value::<Sequences>(written(sequences.clone())).unwrap(), sequences);
    }
    for bad in [serde_json::json!("###"), serde_json::json!("AAAA"), serde_json::json!(7)] {
        assert!(serde_json::from_value::<Sequences>(bad).is_err());
    }
}

#[test]
fn sequences_that_cannot_be_are_refused() {
    let read = |text: &str| serde_json::from_str::<Sequences>(text);
    // From one half of the bits to the other, and in no time.
    let long = format!("[[5,{}]]", (1_u64 << 35) + 5);
    assert_eq!(serde_json::to_string(&read(&long).unwrap()).unwrap(), long);
    assert_eq!(serde_json::to_string(&read("[[1,9],[10,4294967296]]").unwrap()).unwrap(), "[[1,4294967296]]");
    for nonsense in
        ["[[0,18446744073709551615]]", "[[1,68719476737],[68719476738,68719476740]]", "[[2,1]]", "\"AAA\"", "\"!\""]
    {
        assert!(read(nonsense).is_err(), "{nonsense}");
    }
}
