//! A check compares whatever two places say, and counts again what one claims.

use std::fs;

use super::*;
use crate::catalog::{Catalog, FieldTable};
use crate::check::{CheckReport, check};
use crate::event::{FieldName, FieldType};
use crate::paths::SegmentId;
use crate::segment::SegmentInfo;
use crate::segment::blocks::BlockWriter;
use crate::segment::file::Head;
use crate::segment::writer::{self, SegmentPlan};
use crate::upkeep::flush;

fn checked(bench: &Bench) -> CheckReport {
    let before = bench.files();
    let report = check(&bench.data_dir(), |_, _| ()).unwrap();
    assert_eq!(bench.files(), before, "a check changes nothing");
    report
}

/// The one problem that there must be.
fn problem(bench: &Bench) -> String {
    let [problem] = checked(bench).problems.try_into().unwrap();
    problem
}

/// Two datasets, a merged segment of each and one that is not, events in the log, and nothing wrong.
fn bench() -> Bench {
    let bench = Bench { upkeep: false, ..Bench::new() };
    let store = bench.open();
    for n in 0..6 {
        append(&store, "shop", n * 10..n * 10 + 10).unwrap();
        append(&store, "web", 100 + n * 10..105 + n * 10).unwrap();
        store.flush().unwrap();
        if n == 3 {
            store.compact().unwrap();
        }
    }
    append(&store, "shop", 60..67).unwrap();
    drop(store);
    let report = checked(&bench);
    assert_eq!((report.notes, report.problems), (Vec::new(), Vec::new()));
    assert_eq!((report.datasets, report.segments, report.segment_events), (2, 6, 90));
    assert_eq!((report.wal_events, report.wal_events_pending), (97, 7));
    bench
}

fn catalog(bench: &Bench) -> Catalog {
    Catalog::open(&bench.data_dir().catalog(), || Err(StoreError::Closed)).unwrap()
}

fn infos(bench: &Bench) -> Vec<SegmentInfo> {
    catalog(bench).load().unwrap().segments
}

#[test]
fn rows_that_contradict_the_segments_are_found() {
    for (column, value) in [
        ("rows", 3),
        ("time_min", 0),
        ("time_max", i64::MAX),
        ("received_max", 7),
        ("sequence_min", 0),
        ("sampled", 1),
        ("level", 0),
        ("bytes", 5),
    ] {
        let bench = bench();
        let first = infos(&bench)[0].id;
        catalog(&bench).falsify("segments", first.0 as i64, column, value);
        assert!(problem(&bench).contains(&format!("{:012}.parquet", first.0)), "{column}");
    }
}

#[test]
fn numbers_that_would_be_used_twice_are_found() {
    let bench = bench();
    let image = catalog(&bench).load().unwrap();
    let dataset = image.datasets[0].id;
    catalog(&bench).falsify("datasets", dataset.0.into(), "watermark", 5);
    let report = checked(&bench);
    let says = |words: &str| report.problems.iter().filter(|p| p.contains(words)).count();
    assert_eq!(says("the watermark of dataset 1 is 5"), 3, "{:?}", report.problems);
    assert!(says("the next start would double them") > 0, "the log still has them");
    catalog(&bench).falsify("datasets", dataset.0.into(), "watermark", i64::MAX);
    assert!(problem(&bench).contains("the next event would be"));
}

#[test]
fn a_row_that_fails_its_checksum_is_found() {
    for change in [
        "segments SET rows = 3 WHERE id = (SELECT min(id) FROM segments)",
        "field_types SET events = 3 WHERE name = 'id' AND dataset = 1",
    ] {
        let bench = bench();
        let connection = rusqlite::Connection::open(bench.data_dir().catalog()).unwrap();
        assert_eq!(connection.execute(&format!("UPDATE {change}"), []).unwrap(), 1);
        drop(connection);
        let problems = checked(&bench).problems;
        assert!(problems[0].contains("fails its checksum"), "{problems:?}");
    }
    let bench = bench();
    rusqlite::Connection::open(bench.data_dir().catalog())
        .unwrap()
        .execute("UPDATE datasets SET created = 3", [])
        .unwrap();
    let report = checked(&bench);
    assert_eq!((report.segments, report.segment_events), (6, 90), "the files at least are looked at");
    assert!(report.problems[0].contains("dataset 1 fails its checksum"), "{:?}", report.problems);
}

#[test]
fn fields_that_were_miscounted_are_found() {
    let bench = bench();
    let mut catalog = catalog(&bench);
    let image = catalog.load().unwrap();
    let miscount = |table: &FieldTable, name: &str, by: u64| {
        let mut table = table.clone();
        table.recount(&FieldName::new(name).unwrap(), FieldType::Integer, by);
        table
    };
    catalog.rewrite_fields(image.datasets[0].id, &miscount(&image.datasets[0].fields, "id", 1)).unwrap();
    let found = problem(&bench);
    assert!(found.contains("field id (integer)") && found.contains("61 events, the segments 60"), "{found}");
    catalog.rewrite_fields(image.datasets[0].id, &FieldTable::default()).unwrap();
    let problems = checked(&bench).problems;
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().all(|p| p.contains("is in segments and not in the catalog")));
}

#[test]
fn what_nobody_lists_is_told_apart() {
    let bench = bench();
    let folder = bench.data_dir().dataset(infos(&bench)[0].dataset);
    fs::write(folder.join("notes.txt"), "x").unwrap();
    fs::create_dir(bench.data_dir().segments().join("lost+found")).unwrap();
    fs::write(folder.join("000000000900.parquet"), "half").unwrap();
    let listed = infos(&bench)[0].clone();
    fs::write(bench.data_dir().retired(listed.dataset, listed.id), "").unwrap();
    fs::write(bench.data_dir().retired(listed.dataset, SegmentId(901)), "").unwrap();
    let report = checked(&bench);
    assert_eq!((report.notes.len(), report.problems.len()), (5, 0), "{report:?}");
    for words in
        ["notes.txt is not ours", "lost+found is not ours", "900.parquet was never finished", "901.parquet is noted"]
    {
        assert!(report.notes.iter().any(|note| note.contains(words)), "{words}: {:?}", report.notes);
    }
}

#[test]
fn a_segment_that_an_old_catalog_does_not_list_is_a_problem() {
    let bench = bench();
    let old = fs::read(bench.data_dir().catalog()).unwrap();
    let store = bench.open();
    store.flush().unwrap();
    drop(store);
    drop(bench.open());
    fs::write(bench.data_dir().catalog(), old).unwrap();
    assert!(problem(&bench).contains("the catalog does not know"));
}

/// Changes text of a segment that has the same length, and its checksums, as a mistake of ours would.
fn falsify(bench: &Bench, info: &SegmentInfo, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let (path, sums) = (bench.data_dir().segment(info.dataset, info.id), bench.data_dir().sums(info.dataset, info.id));
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    fs::remove_file(&path).unwrap();
    let mut writer = BlockWriter::new(RealDisk.create(&path).unwrap());
    std::io::Write::write_all(&mut writer, &bytes).unwrap();
    fs::write(sums, writer.finish().unwrap().1).unwrap();
}

#[test]
fn claims_of_a_footer_are_counted_again() {
    for (from, to, words) in [
        ("\"events\":10", "\"events\":11", "it says 11"),
        ("\"sampled\":false", "\"sampled\":true ", "not the file"),
        ("\"dataset\":\"shop\"", "\"dataset\":\"ship\"", ""),
        ("\"store\":\"", "\"stora\":\"", "its own metadata"),
    ] {
        let bench = bench();
        let of_shop = |info: &&SegmentInfo| info.dataset.0 == 1 && info.rows == 10;
        let info = infos(&bench).iter().find(of_shop).unwrap().clone();
        falsify(&bench, &info, from, to);
        let report = checked(&bench);
        let said = [report.problems.concat(), report.notes.concat()];
        if words.is_empty() {
            assert!(report.problems.is_empty() && said[1].contains("\"ship\""), "{said:?}");
        } else {
            assert!(said[0].contains(words), "{said:?}");
        }
    }
}

#[test]
fn a_segment_that_was_set_aside_is_told_of_either_way() {
    let bench = bench();
    let info = infos(&bench)[0].clone();
    let path = bench.data_dir().segment(info.dataset, info.id);
    flip(&path, 100);
    let store = bench.open();
    while store.scrub_next().unwrap() != ScrubStep::PassDone {}
    drop(store);
    let report = checked(&bench);
    assert!(report.problems[0].contains("it is set aside") && report.problems.len() == 1, "{:?}", report.problems);
    assert!(report.notes[0].contains("were not counted"), "{:?}", report.notes);
    flip(&path, 100);
    let report = checked(&bench);
    assert!(report.problems.is_empty() && report.notes[0].contains("the next start reads it again"), "{report:?}");
}

#[test]
fn rows_out_of_order_are_found() {
    let bench = Bench { upkeep: false, ..Bench::new() };
    let store = bench.open();
    append(&store, "shop", 0..10).unwrap();
    store.flush().unwrap();
    drop(store);
    let info = infos(&bench)[0].clone();
    let write = |rows: Vec<(u32, u32)>| {
        bench.segment_files().iter().for_each(|path| fs::remove_file(path).unwrap());
        let events = testing::batch(&(0..10).map(tagged).collect::<Vec<_>>());
        let batches = [Arc::new(StoredBatch::new(events, info.sequence_min, START))];
        let image = catalog(&bench).load().unwrap();
        let mut fields = image.datasets[0].fields.clone();
        let plan = SegmentPlan {
            head: Head {
                store_id: image.store_id,
                dataset: info.dataset,
                dataset_name: &name("shop"),
                id: info.id,
                level: info.level,
                replaces: Vec::new(),
                cluster_field: info.cluster_field.as_deref(),
            },
            batches: &batches,
            rows: &rows,
            columns: flush::columns(&batches, &rows, &mut fields),
        };
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let (written, _) = writer::write(&disk, &bench.data_dir(), &plan).unwrap();
        catalog(&bench).falsify("segments", info.id.0 as i64, "bytes", written.bytes as i64);
    };
    let mut rows: Vec<(u32, u32)> = (0..10).map(|row| (0, row)).collect();
    rows.sort_by_key(|(_, row)| {
        (["cart", "find", "shop"].iter().position(|s| *s == ["cart", "shop", "find"][*row as usize % 3]), *row)
    });
    write(rows.clone());
    assert_eq!(checked(&bench).problems, [""; 0]);
    rows.swap(3, 4);
    write(rows);
    assert!(problem(&bench).contains("row 3 is out of order") || problem(&bench).contains("row 4 is out of order"));
}

/// Drops `web`, and puts back what it had, as a reader that the process ended with leaves it, and a log that could not be
/// removed.
fn drop_web(bench: &Bench) -> DatasetId {
    let store = bench.open();
    let web = store.dataset(&name("web")).unwrap().id;
    append(&store, "web", 200..203).unwrap();
    let kept: Vec<(PathBuf, Vec<u8>)> =
        bench.all_files().into_iter().map(|p| (p.clone(), fs::read(p).unwrap())).collect();
    let of_web =
        |path: &Path| path.starts_with(bench.data_dir().dataset(web)) || path.starts_with(bench.data_dir().wal());
    store.drop_dataset(web).unwrap();
    drop(store);
    kept.iter().filter(|(path, _)| of_web(path)).for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    web
}

#[test]
fn what_is_left_of_a_dropped_dataset_is_no_problem() {
    let bench = bench();
    let web = drop_web(&bench);
    let report = checked(&bench);
    assert_eq!(report.problems, [""; 0]);
    let notes = |words: &str| report.notes.iter().filter(|note| note.contains(words)).count();
    assert_eq!(notes("is of a dropped dataset: the next start removes it"), 3, "{:?}", report.notes);
    assert!(notes("events of dropped datasets: no start reads them back") > 0, "{:?}", report.notes);
    let store = bench.open();
    assert_eq!((store.health().damage, content(&store, "web")), (vec![], vec![]));
    assert!(bench.segment_files().iter().all(|path| !path.starts_with(bench.data_dir().dataset(web))), "it did");
}

#[test]
fn a_table_of_dropped_datasets_that_cannot_be_true_is_found() {
    let bench = bench();
    let web = drop_web(&bench);
    catalog(&bench).falsify("dropped_datasets", web.0.into(), "id", 1);
    let problems = checked(&bench).problems;
    assert!(problems[0].contains("dataset 1 (shop) is there, and among the dropped ones too"), "{problems:?}");
    let connection = rusqlite::Connection::open(bench.data_dir().catalog()).unwrap();
    connection.execute("DELETE FROM dropped_datasets WHERE id = 1", []).unwrap();
    assert_eq!(checked(&bench).problems, [""; 0]);
    let listed = infos(&bench)[0].id.0 as i64;
    catalog(&bench).falsify("segments", listed, "dataset", web.0.into());
    let problems = checked(&bench).problems;
    assert!(problems.iter().any(|problem| problem.contains("which was dropped (as web)")), "{problems:?}");
    connection.execute("UPDATE dropped_datasets SET dropped = 3", []).unwrap();
    let problems = checked(&bench).problems;
    assert!(problems[0].contains("the row of dropped dataset 2 fails its checksum"), "{problems:?}");
    assert!(matches!(bench.try_open(), Err(StoreError::Damaged { .. })), "nor is it believed");
}
