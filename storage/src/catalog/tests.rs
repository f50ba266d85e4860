//! The catalog keeps what it was told, all of a change or nothing, in the tables that its document lists.

mod distinct;
mod fields;
mod fuzz;
mod rows;

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::*;
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName, FieldName, FieldType};
use crate::paths::SegmentId;
use crate::segment::SegmentInfo;
use crate::upkeep::retain::Retention;

const STORE: [u8; 16] = [0xa5; 16];

fn make(path: &Path) -> Catalog {
    Catalog::open(path, || Ok(STORE)).unwrap()
}

fn reopen(path: &Path) -> Catalog {
    Catalog::open(path, || Err(StoreError::Closed)).unwrap()
}

fn directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("catalog.sqlite");
    (directory, path)
}

fn info(id: u64, dataset: DatasetId) -> SegmentInfo {
    SegmentInfo {
        id: SegmentId(id),
        dataset,
        rows: 3,
        bytes: 4_000,
        time_min: 0,
        time_max: i64::MAX,
        received_max: 8,
        sequence_min: 5,
        sequence_max: u64::MAX >> 1,
        sampled: id % 2 == 1,
        level: (id % 2) as u8,
        cluster_field: id.is_multiple_of(2).then(|| "service.name".to_owned()),
    }
}

fn name(text: &str) -> DatasetName {
    DatasetName::new(text).unwrap()
}

/// A table that has counted `values` texts of one field.
fn counted(values: u64) -> FieldTable {
    let mut fields = FieldTable::default();
    let field = FieldName::new("f").unwrap();
    let mut distinct = Distinct::default();
    (0..values).for_each(|v| distinct.add(Distinct::hash_text(&v.to_string())));
    fields.assign(&field, FieldType::String);
    fields.assign(&field, FieldType::Integer);
    fields.count(&field, FieldType::String, values, (1, 9), &distinct);
    fields
}

fn change<'a>(
    dataset: DatasetId,
    segments: &'a [SegmentInfo],
    watermark: u64,
    fields: &'a FieldTable,
    touched: &'a [FieldName],
) -> Publication<'a> {
    let cluster_field = Some("name");
    Publication {
        dataset,
        segments,
        removed: &[],
        watermark,
        cluster_field,
        next_segment: 7,
        next_sequence: 99,
        fields,
        touched,
    }
}

#[test]
fn what_was_published_is_there_after_a_restart() {
    let (_directory, path) = directory();
    let mut catalog = make(&path);
    let (shop, other) = (name("shop"), name("Ünï"));
    let id = catalog.create_dataset(&shop, 5).unwrap();
    let second = catalog.create_dataset(&other, 6).unwrap();
    let (fields, touched) = (counted(100), [FieldName::new("f").unwrap()]);
    let segments = [info(1, id), info(2, id)];
    catalog.publish(&change(id, &segments, 50, &fields, &touched)).unwrap();
    drop(catalog);
    let image = reopen(&path).load().unwrap();
    assert_eq!((image.store_id, image.next_segment, image.next_sequence), (STORE, 7, 99));
    assert_eq!(image.segments, segments);
    let datasets: Vec<_> = image.datasets.iter().map(|d| (d.id, d.name.clone(), d.watermark)).collect();
    assert_eq!(datasets, [(id, shop, 50), (second, other, 0)]);
    assert_eq!(image.datasets[0].cluster_field.as_deref(), Some("name"));
    assert_eq!(image.datasets[1].cluster_field, None);
    let entry = image.datasets[0].fields.get("f").unwrap();
    assert_eq!(entry.types().collect::<Vec<_>>(), fields.get("f").unwrap().types().collect::<Vec<_>>());
    assert_eq!(entry.distinct.estimate(), fields.get("f").unwrap().distinct.estimate());
    let inspected = Catalog::inspect(&path).unwrap().load().unwrap();
    assert_eq!(inspected.segments, segments);
}

#[test]
fn a_watermark_never_goes_back_and_the_cluster_field_stays() {
    let (_directory, path) = directory();
    let mut catalog = make(&path);
    let id = catalog.create_dataset(&name("shop"), 5).unwrap();
    let fields = FieldTable::default();
    catalog.publish(&change(id, &[], 50, &fields, &[])).unwrap();
    let back = Publication { cluster_field: Some("level"), ..change(id, &[], 20, &fields, &[]) };
    catalog.publish(&back).unwrap();
    let image = catalog.load().unwrap();
    assert_eq!(image.datasets[0].watermark, 50);
    assert_eq!(image.datasets[0].cluster_field.as_deref(), Some("name"));
}

#[test]
fn a_change_is_made_whole_or_not_at_all() {
    let (_directory, path) = directory();
    let mut catalog = make(&path);
    let id = catalog.create_dataset(&name("shop"), 5).unwrap();
    let fields = counted(1);
    catalog.publish(&change(id, &[info(1, id)], 10, &FieldTable::default(), &[])).unwrap();
    // Segment 1 is listed already: the change fails after segment 2 was inserted.
    let twice = [info(2, id), info(1, id)];
    let touched = [FieldName::new("f").unwrap()];
    assert!(catalog.publish(&change(id, &twice, 99, &fields, &touched)).is_err());
    let image = catalog.load().unwrap();
    assert_eq!((image.segments.len(), image.datasets[0].watermark, image.datasets[0].fields.len()), (1, 10, 0));
    catalog.publish(&change(id, &twice[..1], 99, &fields, &touched)).unwrap();
    assert_eq!(catalog.load().unwrap().datasets[0].watermark, 99);
}

#[test]
fn a_change_replaces_segments_in_one_step() {
    let (_directory, path) = directory();
    let mut catalog = make(&path);
    let id = catalog.create_dataset(&name("shop"), 5).unwrap();
    let fields = FieldTable::default();
    catalog.publish(&change(id, &[info(1, id), info(2, id), info(3, id)], 10, &fields, &[])).unwrap();
    let merged = [info(4, id)];
    let removed = [SegmentId(1), SegmentId(3)];
    catalog.publish(&Publication { removed: &removed, ..change(id, &merged, 0, &fields, &[]) }).unwrap();
    let ids = |catalog: &Catalog| catalog.load().unwrap().segments.iter().map(|s| s.id.0).collect::<Vec<_>>();
    assert_eq!(ids(&catalog), [2, 4]);
    assert_eq!(catalog.load().unwrap().datasets[0].watermark, 10);
    let again = [info(5, id)];
    assert!(catalog.publish(&Publication { removed: &removed, ..change(id, &again, 0, &fields, &[]) }).is_err());
    assert_eq!(ids(&catalog), [2, 4], "what is not listed cannot be replaced");
}

#[test]
fn a_policy_is_kept_and_taken_back() {
    let (_directory, path) = directory();
    let mut catalog = make(&path);
    let id = catalog.create_dataset(&name("shop"), 5).unwrap();
    let policy = Retention { age_seconds_max: Some(u64::MAX), bytes_max: None };
    catalog.set_retention(id, Some(policy)).unwrap();
    assert_eq!(reopen(&path).load().unwrap().datasets[0].retention, Some(policy));
    catalog.set_retention(id, None).unwrap();
    assert_eq!(reopen(&path).load().unwrap().datasets[0].retention, None);
}

#[test]
fn a_dataset_is_made_once() {
    let (_directory, path) = directory();
    let mut catalog = make(&path);
    catalog.create_dataset(&name("shop"), 5).unwrap();
    assert!(matches!(catalog.create_dataset(&name("shop"), 6), Err(StoreError::Catalog(_))));
    assert_eq!(catalog.load().unwrap().datasets.len(), 1);
}

#[test]
fn catalogs_that_cannot_be_used_are_refused() {
    let (_directory, path) = directory();
    drop(make(&path));
    let set = |key: &str, value: &str| {
        let mut connection = Connection::open(&path).unwrap();
        let transaction = connection.transaction().unwrap();
        sql::set_meta(&transaction, key, value).unwrap();
        transaction.commit().unwrap();
    };
    set("format_version", "3");
    let opened = Catalog::open(&path, || Ok(STORE));
    assert!(matches!(opened, Err(StoreError::UnknownFormat { version: 3, .. })));
    assert!(matches!(Catalog::inspect(&path), Err(StoreError::UnknownFormat { version: 3, .. })));
    set("format_version", "2");
    set("next_sequence", "many");
    assert!(matches!(reopen(&path).load(), Err(StoreError::Damaged { .. })), "a lost number is not 1");
    set("next_sequence", "1");
    set("store_id", "short");
    assert!(matches!(reopen(&path).load(), Err(StoreError::Damaged { .. })));
    Connection::open(&path).unwrap().execute_batch("ALTER TABLE meta DROP COLUMN checksum").unwrap();
    assert!(matches!(Catalog::open(&path, || Ok(STORE)), Err(StoreError::UnknownFormat { version: 2, .. })));
    std::fs::write(&path, "no database").unwrap();
    assert!(matches!(Catalog::open(&path, || Ok(STORE)), Err(StoreError::Damaged { .. })));
}

#[test]
fn an_error_while_making_leaves_no_catalog() {
    let (_directory, path) = directory();
    assert!(matches!(Catalog::open(&path, || Err(StoreError::Closed)), Err(StoreError::Closed)));
    assert_eq!(make(&path).load().unwrap().store_id, STORE, "there is still none");
}

#[test]
fn the_tables_are_those_of_the_document() {
    let document = include_str!("../../format/catalog.md");
    let drawn = document.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let mut wanted: Vec<(String, Vec<String>)> = Vec::new();
    for line in drawn.lines() {
        let (table, columns) = line.split_once(' ').unwrap();
        // What stands far to the right of the columns is a remark.
        let columns = columns.trim_start().split("  ").next().unwrap();
        wanted.push((table.to_owned(), columns.split(", ").map(str::to_owned).collect()));
    }
    wanted.sort();
    let (_directory, path) = directory();
    drop(make(&path));
    let connection = Connection::open(&path).unwrap();
    let mut made = Vec::new();
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    for table in tables.query_map([], |row| row.get::<_, String>(0)).unwrap() {
        let table = table.unwrap();
        let mut columns = connection.prepare("SELECT name FROM pragma_table_info(?)").unwrap();
        let columns = columns.query_map([&table], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        made.push((table, columns));
    }
    assert_eq!(made, wanted);
    let mut keys = connection.prepare("SELECT key FROM meta ORDER BY key").unwrap();
    let keys: Vec<String> = keys.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(keys, ["format_version", "next_segment", "next_sequence", "store_id"]);
    assert!(keys.iter().all(|key| drawn.contains(key.as_str())));
}

#[test]
fn never_change_these_constants() {
    let (_directory, path) = directory();
    drop(make(&path));
    let connection = Connection::open(&path).unwrap();
    let value = |key: &str| -> String {
        connection.query_row("SELECT value FROM meta WHERE key = ?", [key], |row| row.get(0)).unwrap()
    };
    assert_eq!(value("format_version"), "2");
    assert_eq!(value("store_id"), "a5".repeat(16));
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}
