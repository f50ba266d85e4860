//! The bytes of a sidecar, locked to `format/index.md`. A test that fails here is a new format version.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::event::{DatasetId, FieldType};
use crate::index::column::{ColumnIndexer, PieceRows};
use crate::index::layout::{self, BlockLayout, LayoutBuilder};
use crate::index::writer::{FORMAT_VERSION, IndexWriter, MAGIC, SidecarOf};
use crate::index::{bounds, counts, filter, postings, tally};
use crate::limits;
use crate::paths::{DataDir, SegmentId};
use crate::testing::{Event, Value, batch, event};

const DOCUMENT: &str = include_str!("../../../format/index.md");

/// The columns of these events as a sidecar.
fn file(events: &[Event]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(directory.path());
    let disk: std::sync::Arc<dyn crate::disk::Disk> = std::sync::Arc::new(crate::disk::RealDisk);
    disk.create_directory(&data_dir.dataset(DatasetId(7))).unwrap();
    let of = SidecarOf { store_id: [0xa5; 16], dataset: DatasetId(7), segment: SegmentId(9) };
    let layout = cut(events);
    let mut writer = IndexWriter::create(&*disk, &data_dir, of, &layout).unwrap();
    let times: Vec<i64> = events.iter().map(|e| e.time).collect();
    let rates: Vec<u32> = events.iter().map(|e| e.rate).collect();
    for column in batch(events).columns() {
        let mut indexer = ColumnIndexer::new(column.field.clone(), column.field_type, &layout);
        let rows = PieceRows { times: &times, rates: layout.sampled.then_some(&rates) };
        indexer.add(&column.values, rows).unwrap();
        writer.column(indexer.finish()).unwrap();
    }
    let length = writer.finish(1_234).unwrap();
    let bytes = std::fs::read(data_dir.sidecar(of.dataset, of.segment)).unwrap();
    assert_eq!(length, bytes.len() as u64);
    bytes
}

fn cut(events: &[Event]) -> BlockLayout {
    let mut builder = LayoutBuilder::default();
    for event in events {
        let cluster = event.fields.get("c").map(|value| match value {
            Value::Text(text) => text.as_str(),
            _ => panic!("c is text"),
        });
        builder.push(cluster, event.time, event.rate);
    }
    builder.finish()
}

fn sample() -> Vec<Event> {
    let mut events = vec![
        event(10, &[("c", Value::text("a")), ("n", Value::Integer(-3)), ("f", Value::float(1.5))]),
        event(11, &[("c", Value::text("a")), ("n", Value::Integer(-3)), ("b", Value::Boolean(true))]),
        event(5, &[("c", Value::text("b")), ("n", Value::Integer(300))]),
        event(7, &[]),
    ];
    events[2].rate = 20;
    events
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().unwrap())
}

fn usize_at(bytes: &[u8], at: usize) -> usize {
    u64_at(bytes, at) as usize
}

fn content(bytes: &[u8]) -> &[u8] {
    let sums = usize_at(bytes, bytes.len() - 8);
    &bytes[..bytes.len() - 8 - sums]
}

#[test]
fn never_change_these_constants() {
    assert_eq!((MAGIC, FORMAT_VERSION), (*b"OUTCRIDX", 1));
    assert_eq!((layout::BLOCK_ROWS_MAX, layout::SLICES_MAX, layout::BLOCKS_OWN_MAX), (65_536, 64, 512));
    assert_eq!((limits::PAGE_ROWS_MAX, limits::CHECKSUM_BLOCK_BYTES), (4_096, 65_536));
    assert_eq!((filter::REMAINDER_BITS_FEW, filter::FEW_ENTRIES, filter::REMAINDER_BITS), (10, 4_096, 5));
    assert_eq!((filter::ID_BITS_MAX, filter::TEXT_BITS_MAX, filter::NUMBER_BITS_MAX), (10.5, 6.5, 1.0));
    assert_eq!((filter::GROUP_BUCKETS, postings::VALUES_MAX, postings::ROWS_PER_RARE_ROW), (256, 256, 8_192));
    assert_eq!((counts::LISTED_MAX, counts::LIST_BYTES_PER_EVENT, counts::LIST_BYTES_MIN), (1_024, 0.125, 16));
    assert_eq!((counts::SHARE_MIN_TEXT, counts::SHARE_MIN_NUMBER), (4_096, 256));
    assert_eq!((bounds::TEXT_BYTES_MAX, tally::TEXT_BYTES_MAX), (32, 256));
    let said = [
        "magic \"OUTCRIDX\"",
        "format version, 1",
        "pages of 4,096 rows",
        "at most 64 slices",
        "at most 65,536 rows",
        "After 512 blocks",
        "header 16 bytes",
        "end 88 bytes",
        "record 96 bytes",
        "the first 32 bytes are kept",
        "seeded with 4, 2, 3, 1",
        "every 256th bucket",
        "r is 10 up to 4,096 entries, else 5",
        "most 10.5 bits for each value",
        "if there are at most 256",
        "one row in 8,192",
        "(6.5 of text and 1 of numbers",
        "an eighth of a byte for each event",
        "(and 16 bytes) goes, at most 1,024; of texts those with at least one event in 4,096, of numbers in 256",
        "Texts over 256 bytes",
        "16 buckets an octave",
    ];
    let document = DOCUMENT.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in said {
        assert!(document.contains(said), "format/index.md no longer says {said:?}");
    }
}

#[test]
fn a_sidecar_has_these_bytes() {
    let bytes = file(&sample());
    let content = content(&bytes);
    assert_eq!(content[..16], *b"OUTCRIDX\x01\0\0\0\0\0\0\0");
    let sums = &bytes[content.len()..];
    assert_eq!(sums[..8], *b"OUTCRSUM");
    assert_eq!((u64_at(sums, 16), u64_at(sums, 24)), (content.len() as u64, xxh3_64(content)));
    assert_eq!(sums.len(), 40 + 8, "one block, and the length of the sums");

    let end = &content[content.len() - 88..];
    let [records, keys, blocks, spans] = [0, 8, 16, 24].map(|at| usize_at(end, at));
    assert_eq!((u64_at(end, 32), u64_at(end, 40)), (1_234, 9));
    assert_eq!([48, 52, 56, 60].map(|at| u32_at(end, at)), [7, 4, 4_096, 4]);
    assert_eq!(end[64..], [[0xa5; 16].as_slice(), &[1, 0, 0, 0, 0, 0, 0, 0]].concat());

    assert_eq!((u64_at(content, spans), u64_at(content, spans + 8), spans + 16), (5, 11, content.len() - 88));
    let block = |kind: &[u8], rows: u8, times: [i64; 2], weight: u64, squares: f64| {
        let times = times.map(i64::to_le_bytes).concat();
        [kind, &[rows], &times, &weight.to_le_bytes(), &squares.to_le_bytes()].concat()
    };
    let wanted = [
        vec![3],
        block(b"\x01\x01a", 2, [10, 11], 2, 2.0),
        block(b"\x01\x01b", 1, [5, 5], 20, 400.0),
        block(b"\0", 1, [7, 7], 1, 1.0),
    ];
    assert_eq!(content[blocks..spans], wanted.concat());

    let columns =
        [("c", FieldType::String), ("n", FieldType::Integer), ("f", FieldType::Float), ("b", FieldType::Boolean)];
    let mut wanted = columns.map(|(name, of_type)| (xxh3_64_with_seed(name.as_bytes(), of_type as u64), name));
    wanted.sort_unstable();
    assert_eq!((blocks - keys, keys - records), (4 * 8, 4 * 96));
    for (at, (key, name)) in wanted.into_iter().enumerate() {
        assert_eq!(u64_at(content, keys + 8 * at), key);
        let record = &content[records + 96 * at..][..96];
        assert_eq!(content[usize_at(record, 0)..][..1], *name.as_bytes());
    }
}

/// The record of a column, and its parts.
fn column<'a>(content: &'a [u8], name: &str) -> (&'a [u8], [&'a [u8]; 3]) {
    let end = &content[content.len() - 88..];
    let records = content[usize_at(end, 0)..usize_at(end, 8)].as_chunks::<96>().0;
    let record = records.iter().find(|r| content[usize_at(*r, 0)..].starts_with(name.as_bytes())).unwrap();
    let mut from = usize_at(record, 72);
    let parts = [80, 84, 88].map(|at| {
        let length = u32_at(record, at) as usize;
        from += length;
        &content[from - length..from]
    });
    (record, parts)
}

#[test]
fn a_record_has_these_bytes() {
    let bytes = file(&sample());
    let (record, _) = column(content(&bytes), "n");
    assert_eq!((record[8], record[9], record[10], record[11]), (1, 0, 0, 0));
    assert_eq!(record[12..16], [1, 1, 0, 0], "an integer with bounds");
    assert_eq!([16, 32, 40, 48].map(|at| u64_at(record, at)), [1, 22, 5, 11]);
    assert_eq!([24, 28].map(|at| u32_at(record, at)), [3, 2]);
    assert_eq!([56, 64].map(|at| u64_at(record, at) as i64), [-3, 300]);
    let (record, _) = column(content(&bytes), "c");
    let name = usize_at(record, 0);
    assert_eq!((&content(&bytes)[name..name + 3], &record[10..14]), (&b"cab"[..], &[1, 1, 3, 1][..]));
    let long = file(&[event(1, &[("c", Value::text(&"x".repeat(40)))])]);
    let (record, _) = column(content(&long), "c");
    let name = usize_at(record, 0);
    let wanted = format!("c{}{}y", "x".repeat(32), "x".repeat(31));
    assert_eq!(content(&long)[name..name + 65], *wanted.as_bytes());
}

#[test]
fn a_filter_has_these_bytes() {
    let bytes = file(&sample());
    let (_, [filter, ..]) = column(content(&bytes), "n");
    // Two values in the one slice there is: two entries of ten bits in two buckets.
    assert_eq!(filter[..8], [2, 0, 0, 0, 10, 0, 6, 0]);
    assert_eq!((u32_at(filter, 8), u32_at(filter, 12)), (0, 2));
    let mut hashes = [-3i64, 300].map(|value| xxh3_64_with_seed(&value.to_le_bytes(), 2));
    hashes.sort_unstable();
    let buckets = hashes.map(|hash| ((hash >> 32) * 2) >> 32);
    let unary: u8 = match buckets {
        [0, 0] => 0b0011,
        [0, 1] => 0b0101,
        [1, 1] => 0b0110,
        other => panic!("{other:?}"),
    };
    let entries = hashes.iter().enumerate().fold(0, |all, (at, hash)| all | ((hash >> 6) & 0x3ff) << (10 * at));
    assert_eq!(filter[16], unary);
    assert_eq!(filter[17..], entries.to_le_bytes()[..3]);
}

#[test]
fn counts_have_these_bytes() {
    let bytes = file(&sample());
    let (_, [_, postings, counts]) = column(content(&bytes), "n");
    assert!(postings.is_empty(), "nothing is rare among four rows");
    let bucket = |value: f64| (value.abs().to_bits() >> 48) as i64 + 1;
    // The magnitude of -3 is no bucket's edge but for one.
    let low = -(((3f64.to_bits() - 1) >> 48) as i64 + 1);
    let zigzag = |value: i64| {
        let unsigned = if value < 0 { (-2 * value - 1) as u64 } else { (2 * value) as u64 };
        assert!((0x4000..0x20_0000).contains(&unsigned));
        vec![unsigned as u8 | 0x80, (unsigned >> 7) as u8 | 0x80, (unsigned >> 14) as u8]
    };
    let wanted = [
        // The values -3 and 300.
        vec![2, 5, 0xd8, 4],
        // Block 0: two events; one value, twice; one bucket.
        vec![2, 0, 2, 0, 1, 0, 2, 0, 1],
        zigzag(low),
        vec![2, 0],
        // Block 1: one event that stands for 20.
        vec![0, 1, 19, 1, 1, 1, 19, 1],
        zigzag(bucket(300.0)),
        vec![1, 19],
    ];
    assert_eq!(counts, wanted.concat());
}

#[test]
fn postings_have_these_bytes() {
    let rows = 64 * 4_096 + 1;
    let marked = |n: i64| (n == 5_000).then_some(("x", Value::Integer(1)));
    let events: Vec<Event> = (0..rows).map(|n| event(n, &marked(n).into_iter().collect::<Vec<_>>())).collect();
    let bytes = file(&events);
    let (_, [_, postings, _]) = column(content(&bytes), "x");
    let mut bitmap = Vec::new();
    roaring::RoaringBitmap::from_iter([5_000]).serialize_into(&mut bitmap).unwrap();
    let hash = xxh3_64_with_seed(&1i64.to_le_bytes(), 2);
    let length = bitmap.len() as u32;
    let wanted =
        [&1u32.to_le_bytes()[..], &length.to_le_bytes(), &hash.to_le_bytes(), &length.to_le_bytes(), &bitmap, &bitmap];
    assert_eq!(postings, wanted.concat());
}

#[test]
fn the_same_events_give_the_same_bytes() {
    assert_eq!(file(&sample()), file(&sample()));
}
