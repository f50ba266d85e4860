//! Sidecars come and go with their segments, and nothing depends on them.

use std::fs;

use super::*;
use crate::check::check;
use crate::disk::Fault;
use crate::event::FieldType;
use crate::index::{Evidence, Probe};
use crate::segment::reader::Segment;

/// A store that does nothing by itself, and whose flushes write evidence.
fn by_hand() -> Bench {
    let limits = StoreLimits { flush_evidence: Evidence::Full, ..StoreLimits::default() };
    Bench { upkeep: false, limits, ..Bench::new() }
}

fn flushed(bench: &Bench, count: i64) -> Store {
    let store = bench.open();
    for n in 0..count {
        append(&store, "shop", n * 10..n * 10 + 10).unwrap();
        store.flush().unwrap();
    }
    store
}

fn segments(store: &Store) -> Vec<Arc<Segment>> {
    store.snapshot().dataset("shop").unwrap().segments.to_vec()
}

fn sidecars(bench: &Bench) -> Vec<PathBuf> {
    bench.segment_files().into_iter().filter(|path| path.extension().is_some_and(|e| e == "index")).collect()
}

/// How many rows the sidecar of a segment leaves for an id; none without a sidecar.
fn rows_with(segment: &Segment, id: i64) -> Option<u64> {
    let sidecar = segment.sidecar()?;
    let column = sidecar.column("id", FieldType::Integer).unwrap().unwrap();
    Some(column.find(Probe::Integer(id)).unwrap().count())
}

#[test]
fn a_flush_writes_the_evidence_it_is_told_to() {
    let quick = Bench { limits: StoreLimits::default(), ..by_hand() };
    let store = flushed(&quick, 1);
    assert_eq!((sidecars(&quick).len(), rows_with(&segments(&store)[0], 1)), (0, None));
    let full = by_hand();
    let store = flushed(&full, 2);
    assert_eq!(sidecars(&full).len(), 2);
    let found = segments(&store).iter().map(|segment| rows_with(segment, 15).unwrap()).collect::<Vec<_>>();
    assert_eq!(found, [0, 10]);
    drop(store);
    assert_eq!(rows_with(&segments(&full.open())[0], 5), Some(10), "it is there after a restart");
}

#[test]
fn merged_and_rewritten_segments_have_evidence_of_their_own() {
    let bench = by_hand();
    let store = flushed(&bench, 4);
    store.compact().unwrap();
    assert_eq!(sidecars(&bench).len(), 1);
    assert_eq!(rows_with(&segments(&store)[0], 35), Some(40));
    assert_eq!(rows_with(&segments(&store)[0], 40), Some(0));
    let segment = segments(&store).remove(0);
    let (dataset, id) = (segment.info().dataset, segment.info().id);
    drop(segment);
    let rows = BTreeMap::from([(id, (0..39).collect())]);
    let removed = store.remove_rows(dataset, || Ok::<_, StoreError>(rows), &|| false).unwrap();
    assert_eq!((removed, segments(&store)[0].info().rows), (39, 1));
    assert_eq!(segments(&store)[0].sidecar().unwrap().grid().rows, 1);
    store.compact().unwrap();
    assert_eq!(sidecars(&bench).len(), 1, "the values of removed events are not kept");
}

#[test]
fn a_reader_keeps_the_sidecar_it_asks() {
    let bench = by_hand();
    let store = flushed(&bench, 4);
    let sidecar = segments(&store)[0].sidecar().unwrap();
    store.compact().unwrap();
    assert_eq!(sidecars(&bench).len(), 2);
    assert!(sidecar.column("id", FieldType::Integer).unwrap().is_some());
    sidecar.scrub().unwrap();
    drop(sidecar);
    store.compact().unwrap();
    assert_eq!(sidecars(&bench).len(), 1);
}

#[test]
fn a_damaged_sidecar_is_reported_and_its_segment_served() {
    let bench = by_hand();
    drop(flushed(&bench, 2));
    let path = sidecars(&bench)[0].clone();
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let report = check(&bench.data_dir(), |_, _| ()).unwrap();
    assert_eq!((report.segments, report.problems.len()), (2, 1));
    assert!(report.problems[0].contains(path.file_name().unwrap().to_str().unwrap()), "{:?}", report.problems);
    let store = bench.open();
    assert_eq!(store.health().damage, [""; 0], "nobody has asked it yet");
    assert_eq!(rows_with(&segments(&store)[0], 1), None);
    assert_eq!(store.health().damage.len(), 1);
    assert_eq!(ids(&store, "shop"), (0..20).collect::<Vec<_>>());
    append(&store, "shop", 20..30).unwrap();
    append(&store, "shop", 30..40).unwrap();
    store.flush().unwrap();
    assert_eq!(rows_with(&segments(&store)[1], 15), Some(10), "the others are asked");
    drop(store);
    fs::remove_file(&path).unwrap();
    assert_eq!(check(&bench.data_dir(), |_, _| ()).unwrap().problems, [""; 0], "a segment need not have one");
}

/// Flushes with a fault at one operation; what became of it.
fn flushed_with(fault: Fault, at: u64) -> (bool, usize, u64) {
    let bench = by_hand();
    let store = bench.open();
    append(&store, "shop", 0..10).unwrap();
    bench.disk.fault(at, fault);
    let done = store.flush().is_ok();
    bench.disk.heal();
    assert_eq!(ids(&store, "shop"), (0..10).collect::<Vec<_>>());
    let health = store.health();
    assert_eq!(health.damage, [""; 0]);
    let listed = segments(&store).len();
    assert_eq!(listed, usize::from(done));
    let (sidecars, failures) = (sidecars(&bench).len(), health.sidecar_failures_total);
    assert_eq!(bench.segment_files().len(), 2 * listed + sidecars, "nothing is left of what failed");
    assert!(sidecars == 0 || segments(&store)[0].sidecar().unwrap().scrub().is_ok());
    (done, sidecars, failures)
}

#[test]
fn evidence_that_cannot_be_written_stands_in_nobodys_way() {
    let mut outcomes = BTreeMap::new();
    for fault in [Fault::Error, Fault::Full, Fault::Torn] {
        for at in 0..24 {
            *outcomes.entry(flushed_with(fault, at)).or_insert(0) += 1;
        }
    }
    let seen: Vec<_> = outcomes.keys().copied().collect();
    // The segment failed; it was written without a sidecar; with one.
    assert_eq!(seen, [(false, 0, 0), (true, 0, 1), (true, 1, 0)], "{outcomes:?}");
    assert!(outcomes.values().all(|count| *count >= 3), "{outcomes:?}");
}
