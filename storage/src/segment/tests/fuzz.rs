//! Changed bytes for whoever opens a segment: refused, or read without a panic.

use arrow::datatypes::DataType;

use super::{Bench, batches};
use crate::error::StoreError;
use crate::event::FieldType;
use crate::limits;
use crate::segment::blocks::sums_of;
use crate::segment::footer::SegmentFooter;
use crate::testing::fuzz::fuzz;
use crate::testing::{START, Value, event, read};

/// A segment with every type, a field of two types, and more than one page.
fn bench() -> (Bench, crate::segment::SegmentInfo) {
    let mut bench = Bench::in_memory();
    let one = |n: i64| {
        let service = Value::text(["cart", "shop"][n as usize % 2]);
        let mut event =
            event(START + n, &[("service.name", service), ("n", Value::Integer(n)), ("b", Value::Boolean(n % 3 == 0))]);
        event.fields.insert("f".into(), Value::float(n as f64 / 7.0));
        event.fields.insert("x".into(), if n % 2 == 0 { Value::Integer(n) } else { Value::text("odd") });
        event.rate = 1 + n as u32 % 3;
        event
    };
    let made = bench.flush(&batches(&[(0..300).map(one).collect()]), Some("service.name"));
    let info = made[0].0.clone();
    (bench, info)
}

#[test]
fn fuzz_sums() {
    let (bench, info) = bench();
    let sums = std::fs::read(bench.sums(1)).unwrap();
    fuzz(std::slice::from_ref(&sums), &[b"OUTCRSUM"], |bytes| {
        std::fs::write(bench.sums(1), bytes).unwrap();
        match bench.segment(&info).open() {
            Ok(_) => assert_eq!(bytes, sums, "another file of sums was believed"),
            Err(StoreError::Damaged { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    });
}

/// Under sums that were not changed, every change is noticed.
#[test]
fn fuzz_segments() {
    let (bench, info) = bench();
    let segment = std::fs::read(bench.path(1)).unwrap();
    fuzz(std::slice::from_ref(&segment), &[b"PAR1"], |bytes| {
        std::fs::write(bench.path(1), bytes).unwrap();
        let read = bench.segment(&info).open().map_err(|e| e.to_string()).and_then(|open| read(&open));
        assert!(read.is_err() || bytes == segment, "changed bytes were read");
    });
}

/// Under sums that fit, the bytes are anybody's: what a bug in a writer would leave. Opening says what it is at least; the
/// pages are parquet's business.
#[test]
fn fuzz_footers() {
    let (bench, info) = bench();
    let segment = std::fs::read(bench.path(1)).unwrap();
    let length = segment.len() - 8;
    let footer = u32::from_le_bytes(segment[length..length + 4].try_into().unwrap()) as usize;
    // Page indexes stand before the footer.
    let (pages, footer) = segment.split_at(length - footer - 1_000);
    fuzz(&[footer.to_vec()], &[b"PAR1", b"outcrop", b"null", b"\"\""], |bytes| {
        let bytes = [pages, bytes].concat();
        std::fs::write(bench.path(1), &bytes).unwrap();
        std::fs::write(bench.sums(1), sums_of(&bytes)).unwrap();
        let open = match bench.segment(&info).open() {
            Ok(open) => open,
            Err(StoreError::Damaged { .. } | StoreError::UnknownFormat { .. }) => return,
            Err(other) => panic!("{other}"),
        };
        assert_eq!(open.footer().rows, info.rows);
        for (name, field_type) in open.footer().fields.iter().filter_map(|f| f.key()) {
            let column = open.column(&name, field_type).unwrap();
            let found = open.metadata().schema().field(column).data_type();
            let wanted = if field_type == FieldType::String { DataType::Utf8View } else { field_type.data_type() };
            assert_eq!(*found, wanted, "{name}");
        }
    });
}

/// The store's own part of a footer, as text.
#[test]
fn fuzz_footer_texts() {
    let (bench, info) = bench();
    let mut footer = bench.segment(&info).open().unwrap().footer().clone();
    let few = serde_json::to_vec(&footer).unwrap();
    // So scattered that they are written as a bitmap.
    footer.sequences = (0..limits::FOOTER_RANGES_MAX as u64 + 1).map(|n| n * n + 7).collect();
    let many = serde_json::to_vec(&footer).unwrap();
    assert!(many.len() > few.len() + 1_000);
    let tokens: [&[u8]; 8] =
        [b"0", b"9", b",", b"[1,18446744073709551615],", b"[7,50000000000],", b"null", b"\"\"", b"-"];
    fuzz(&[few, many], &tokens, |bytes| {
        let Ok(read) = serde_json::from_slice::<SegmentFooter>(bytes) else { return };
        let again = serde_json::to_vec(&read).unwrap();
        assert_eq!(serde_json::from_slice::<SegmentFooter>(&again).unwrap(), read);
    });
}
