//! What a disk turns in the catalog is noticed, row by row and bit by bit.

use super::*;

/// A catalog with two datasets, segments and fields.
fn filled(path: &Path) -> DatasetId {
    let mut catalog = make(path);
    let id = catalog.create_dataset(&name("shop"), 5).unwrap();
    catalog.create_dataset(&name("other"), 6).unwrap();
    let gone = catalog.create_dataset(&name("gone"), 7).unwrap();
    catalog.drop_dataset(gone, 1, 8).unwrap();
    let (fields, touched) = (counted(100), [FieldName::new("f").unwrap()]);
    catalog.publish(&change(id, &[info(1, id), info(2, id), info(3, id)], 50, &fields, &touched)).unwrap();
    catalog.set_damage(&[(SegmentId(2), Some("torn"))]).unwrap();
    id
}

/// Every column of every row but the checksum, by table: how to change it.
fn changes(path: &Path) -> Vec<(String, String)> {
    let connection = Connection::open(path).unwrap();
    let mut changes = Vec::new();
    for table in ["meta", "datasets", "dropped_datasets", "segments", "fields", "field_types"] {
        let mut columns = connection.prepare("SELECT name, type FROM pragma_table_info(?)").unwrap();
        let columns =
            columns.query_map([table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap();
        for (column, of_type) in columns.map(Result::unwrap) {
            let key = if table == "meta" {
                "key = 'next_sequence'"
            } else if table == "segments" {
                "id = 2"
            } else {
                "1"
            };
            let to = match of_type.as_str() {
                "INTEGER" => format!("(coalesce({column}, 0) | 4096) - (coalesce({column}, 0) & 4096)"),
                "TEXT" => format!("coalesce({column}, '') || 'a'"),
                _ => format!("cast({column} || x'00' AS BLOB)"),
            };
            let row = format!("rowid IN (SELECT rowid FROM {table} WHERE {key} LIMIT 1)");
            let row = if table.starts_with("field") { key.to_owned() } else { row };
            changes.push((table.to_owned(), format!("UPDATE {table} SET {column} = {to} WHERE {row}")));
        }
    }
    changes
}

#[test]
fn a_changed_row_is_not_believed() {
    let (directory, path) = directory();
    filled(&path);
    let changes = changes(&path);
    assert!(changes.len() > 30, "{changes:?}");
    for (at, (table, change)) in changes.iter().enumerate() {
        let copy = directory.path().join(format!("{at}.sqlite"));
        std::fs::copy(&path, &copy).unwrap();
        assert_eq!(Connection::open(&copy).unwrap().execute(change, []).unwrap().min(1), 1, "{change}");
        let loaded = Catalog::inspect(&copy).and_then(|catalog| catalog.load());
        match table.as_str() {
            "segments" => {
                let image = loaded.unwrap();
                assert_eq!((image.segments.len(), image.unsound.len()), (2, 1), "{change}");
            }
            "fields" | "field_types" => {
                assert!(!loaded.unwrap().fields_lost.is_empty(), "{change}");
            }
            _ => assert!(matches!(loaded, Err(StoreError::Damaged { .. })), "{change}"),
        }
    }
}

#[test]
fn rows_that_were_written_anew_are_believed() {
    let (_directory, path) = directory();
    let id = filled(&path);
    let connection = Connection::open(&path).unwrap();
    connection.execute("UPDATE segments SET rows = rows + 1 WHERE id = 3", []).unwrap();
    connection.execute("UPDATE field_types SET events = events + 1", []).unwrap();
    drop(connection);
    let mut catalog = reopen(&path);
    let image = catalog.load().unwrap();
    assert_eq!(image.unsound, [(id, SegmentId(3))]);
    assert_eq!(image.damage, [(SegmentId(2), "torn".to_owned())].into());
    assert_eq!(image.fields_lost.len(), 2);
    catalog.rewrite_segments(&[info(3, id)]).unwrap();
    catalog.rewrite_fields(id, &counted(7)).unwrap();
    catalog.set_damage(&[(SegmentId(2), None), (SegmentId(9), Some("not listed"))]).unwrap();
    let image = catalog.load().unwrap();
    assert_eq!(image.segments, [info(1, id), info(2, id), info(3, id)]);
    assert!(image.unsound.is_empty() && image.damage.is_empty() && image.fields_lost.is_empty());
    let entry = image.datasets[0].fields.get("f").unwrap().clone();
    assert_eq!(entry.get(FieldType::String).unwrap().events, 7);
}

#[test]
fn a_row_that_is_not_believed_is_not_changed() {
    let (_directory, path) = directory();
    let id = filled(&path);
    let connection = Connection::open(&path).unwrap();
    connection.execute("UPDATE segments SET rows = rows + 1 WHERE id = 3", []).unwrap();
    let mut catalog = reopen(&path);
    catalog.set_damage(&[(SegmentId(3), Some("torn"))]).unwrap();
    assert_eq!(catalog.load().unwrap().unsound, [(id, SegmentId(3))], "a note would make it look sound");
    connection.execute("UPDATE datasets SET watermark = 7 WHERE id = 1", []).unwrap();
    let fields = FieldTable::default();
    assert!(matches!(catalog.publish(&change(id, &[], 60, &fields, &[])), Err(StoreError::Damaged { .. })));
    assert!(matches!(catalog.set_retention(id, None), Err(StoreError::Damaged { .. })));
}

#[test]
fn every_turned_bit_is_noticed_or_harmless() {
    let (_directory, path) = directory();
    let id = filled(&path);
    // All pages in one file.
    Connection::open(&path).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let load = |path: &Path| Catalog::inspect(path).and_then(|catalog| catalog.load());
    let wanted = load(&path).unwrap();
    let watermarks = |image: &CatalogImage| image.datasets.iter().map(|d| (d.id, d.watermark)).collect::<Vec<_>>();
    let copy = path.with_file_name("copy.sqlite");
    let bits = whole.len() * 8;
    for n in 0..4_000 {
        let bit = n * 7_919 % bits;
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&copy, &bytes).unwrap();
        let Ok(image) = load(&copy) else { continue };
        assert_eq!((image.next_segment, image.next_sequence), (wanted.next_segment, wanted.next_sequence), "bit {bit}");
        assert_eq!(watermarks(&image), watermarks(&wanted), "bit {bit}");
        let lost = image.unsound.len();
        assert_eq!(image.segments.len() + lost, wanted.segments.len(), "bit {bit}");
        assert_eq!(image.dropped, wanted.dropped, "bit {bit}");
        assert!(image.segments.iter().all(|s| wanted.segments.contains(s)), "bit {bit}");
        let fields = |image: &CatalogImage| {
            let types = image.datasets[0].fields.get("f").map(|f| f.types().map(|t| t.1.clone()).collect::<Vec<_>>());
            types.unwrap_or_default()
        };
        assert!(fields(&image) == fields(&wanted) || !image.fields_lost.is_empty(), "bit {bit}");
        assert_eq!(image.datasets[0].id, id);
    }
}
