//! Damage in the files of a segment is an error or changes nothing.

use std::path::Path;
use std::sync::Arc;

use super::Bench;
use crate::disk::{FailingDisk, Fault};
use crate::error::StoreError;
use crate::segment::SegmentInfo;
use crate::segment::cache::FooterCache;
use crate::testing::{Numbered, START, Value, event, read};

/// Reads everything anew, as after a restart.
fn read_all(bench: &Bench, info: &SegmentInfo) -> Result<Vec<Numbered>, String> {
    read(&*bench.segment(info).open().map_err(|e| e.to_string())?)
}

fn flip(path: &Path, bit: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    std::fs::write(path, bytes).unwrap();
}

/// A bench with one segment of a few blocks.
fn bench() -> (Bench, SegmentInfo) {
    let mut bench = Bench::new();
    let text =
        |n: i64| (0..40).map(|k| format!("{:x}", (n * 6_364_136 + k * 1_442_695) % 1_000_003)).collect::<String>();
    let events: Vec<_> = (0..1_500).map(|n| event(START + n, &[("t", Value::text(&text(n)))])).collect();
    let info = bench.one(&events).info().clone();
    assert!(info.bytes > 2 * 65_536, "{} bytes are too few blocks", info.bytes);
    (bench, info)
}

#[test]
fn flipped_bits_are_noticed() {
    let (bench, info) = bench();
    let whole = read_all(&bench, &info).unwrap();
    let segment = bench.path(1);
    let bits = info.bytes as usize * 8;
    let sample = (0..40).map(|n| n * bits / 40 + n % 8).chain(bits - 200 * 8..bits - 190 * 8).chain([0, bits - 1]);
    for bit in sample {
        flip(&segment, bit);
        // Every block is touched, so that nothing is harmless here but gaps that are never read.
        let after = read_all(&bench, &info);
        assert!(after.is_err() || after.as_ref() == Ok(&whole), "bit {bit} changed the data");
        assert!(bench.segment(&info).open().and_then(|open| open.scrub()).is_err(), "scrub missed bit {bit}");
        flip(&segment, bit);
    }
    assert_eq!(read_all(&bench, &info).unwrap(), whole);
}

#[test]
fn flipped_bits_of_the_sums_are_noticed() {
    let (bench, info) = bench();
    let sums = bench.sums(1);
    let length = std::fs::read(&sums).unwrap().len();
    for bit in 0..length * 8 {
        flip(&sums, bit);
        assert!(matches!(bench.segment(&info).open(), Err(StoreError::Damaged { .. })), "bit {bit}");
        flip(&sums, bit);
    }
    assert!(bench.segment(&info).open().is_ok());
}

#[test]
fn files_that_were_cut_or_lost_are_noticed() {
    let (bench, info) = bench();
    for path in [bench.path(1), bench.sums(1)] {
        let bytes = std::fs::read(&path).unwrap();
        for length in [0, 1, 7, 23, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(matches!(bench.segment(&info).open(), Err(StoreError::Damaged { .. })), "{length}");
        }
        std::fs::write(&path, [&bytes[..], &[0]].concat()).unwrap();
        assert!(matches!(bench.segment(&info).open(), Err(StoreError::Damaged { .. })));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(bench.segment(&info).open(), Err(StoreError::Io { .. })));
        std::fs::write(&path, bytes).unwrap();
    }
    assert!(bench.segment(&info).open().is_ok());
}

#[test]
fn a_file_under_the_name_of_another_is_noticed() {
    let mut bench = Bench::new();
    let first = bench.one(&[event(START, &[])]).info().clone();
    let second = bench.one(&[event(START + 1, &[])]).info().clone();
    std::fs::copy(bench.path(1), bench.path(2)).unwrap();
    std::fs::copy(bench.sums(1), bench.sums(2)).unwrap();
    assert!(matches!(bench.segment(&second).open(), Err(StoreError::Damaged { .. })));
    let fewer = SegmentInfo { rows: 2, ..first.clone() };
    assert!(matches!(bench.segment(&fewer).open(), Err(StoreError::Damaged { .. })));
    assert!(bench.segment(&first).open().is_ok());
}

#[test]
fn an_open_segment_is_verified_once_and_scrubbed_anew() {
    let (mut bench, info) = bench();
    bench.footers = Arc::new(FooterCache::new(1 << 20));
    let segment = bench.segment(&info);
    let open = segment.open().unwrap();
    open.scrub().unwrap();
    assert!(Arc::ptr_eq(&open, &segment.open().unwrap()), "it is opened once");
    flip(&bench.path(1), 8 * 70_000);
    assert!(open.scrub().is_err());
    assert!(read(&open).is_err(), "the first touch of a block compares it");
}

#[test]
fn every_fault_while_writing_is_an_error_of_its_kind() {
    let mut bench = Bench::new();
    let failing = FailingDisk::new();
    bench.disk = Arc::new(failing.clone());
    let events = [event(START, &[("t", Value::text("a"))])];
    bench.one(&events);
    let operations = failing.operations();
    assert!(operations >= 7, "create, write, sync, twice, and the names: {operations}");
    let batches = super::batches(&[events.to_vec()]);
    for (n, fault) in (0..operations).flat_map(|n| [(n, Fault::Full), (n, Fault::Error)]) {
        let id = 100 + 2 * n + u64::from(fault == Fault::Full);
        failing.fault(n, fault);
        match (fault, bench.write(&batches, &[(0, 0)], None, id)) {
            (Fault::Full, Err(StoreError::DiskFull { .. })) | (Fault::Error, Err(StoreError::Io { .. })) => {}
            (_, other) => panic!("operation {n}, {fault:?}: {:?}", other.map(|made| made.0)),
        }
    }
}
