//! What is said of a file is what was written to it; where it is damaged the damage is named, and no bytes do any harm. What
//! is said of files with one of everything is in `storage/fixtures`.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::clock::OwnedClock;
use crate::event::DatasetName;
use crate::paths::DataDir;
use crate::store::{Store, StoreSettings};
use crate::testing::fuzz::fuzz;
use crate::testing::{START, Value, batch, event};

/// A file of each kind.
struct Files {
    _directory: tempfile::TempDir,
    of: Vec<(FileKind, PathBuf)>,
}

impl Files {
    fn path(&self, kind: FileKind) -> &Path {
        &self.of.iter().find(|(of, _)| *of == kind).unwrap().1
    }

    fn inspect(&self, kind: FileKind) -> Facts {
        inspect(kind, self.path(kind)).unwrap()
    }
}

fn files() -> Files {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(directory.path().join("data"));
    let clock = Arc::new(OwnedClock::new(START));
    let store = Store::open(StoreSettings { clock, upkeep: false, ..StoreSettings::new(data_dir.clone()) }).unwrap();
    let append = |ids: std::ops::Range<i64>| {
        let made =
            |id| event(START + id, &[("id", Value::Integer(id)), ("name", Value::text(["a", "b"][id as usize % 2]))]);
        store.append(vec![(DatasetName::new("shop").unwrap(), batch(&ids.map(made).collect::<Vec<_>>()))]).unwrap();
    };
    for part in 0..4 {
        append(part * 10..part * 10 + 10);
        store.flush().unwrap();
    }
    store.compact().unwrap();
    append(40..43);
    append(43..45);
    let snapshot = store.snapshot();
    let shop = snapshot.dataset("shop").unwrap();
    let segment = shop.segments[0].info().id;
    assert_eq!(shop.segments.len(), 1);
    let wal = std::fs::read_dir(data_dir.wal()).unwrap().next().unwrap().unwrap().path();
    let of = vec![
        (FileKind::Wal, wal),
        (FileKind::Segment, data_dir.segment(shop.id, segment)),
        (FileKind::Sidecar, data_dir.sidecar(shop.id, segment)),
        (FileKind::Sums, data_dir.sums(shop.id, segment)),
        (FileKind::Catalog, data_dir.catalog()),
    ];
    drop(snapshot);
    drop(store);
    Files { _directory: directory, of }
}

fn list<'a>(facts: &'a Facts, name: &str) -> &'a [Facts] {
    match facts.get(name) {
        Some(Fact::List(list)) => list,
        other => panic!("{name} is {other:?}"),
    }
}

fn number(facts: &Facts, name: &str) -> i128 {
    match facts.get(name) {
        Some(Fact::Number(number)) => *number,
        other => panic!("{name} is {other:?}"),
    }
}

fn flip(path: &Path, byte: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[byte] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_file_says_what_was_written_to_it() {
    let files = files();
    let wal = files.inspect(FileKind::Wal);
    assert_eq!((number(&wal, "frames"), number(&wal, "events")), (7, 45), "six of requests, and the end");
    assert_eq!(list(&wal, "parts").last().unwrap().get("kind"), Some(&"end".into()));
    let segment = files.inspect(FileKind::Segment);
    assert_eq!((number(&segment, "rows"), list(&segment, "columns").len()), (40, 5), "{segment:?}");
    let Some(Fact::Facts(checksums)) = segment.get("checksums") else { panic!("{segment:?}") };
    assert_eq!(checksums.get("state"), Some(&"all hold".into()));
    let sidecar = files.inspect(FileKind::Sidecar);
    assert_eq!((number(&sidecar, "rows"), number(&sidecar, "segment_bytes")), (40, number(&segment, "bytes")));
    assert_eq!(sidecar.get("checksums"), Some(&"all hold".into()));
    let id = list(&sidecar, "columns").iter().find(|column| column.get("field") == Some(&"id".into())).unwrap();
    assert_eq!((number(id, "least"), number(id, "greatest"), number(id, "different")), (0, 39, 40));
    let sums = files.inspect(FileKind::Sums);
    assert_eq!((number(&sums, "file_bytes"), list(&sums, "blocks").len()), (number(&segment, "bytes"), 1));
    let catalog = files.inspect(FileKind::Catalog);
    assert_eq!((catalog.get("structure"), list(&catalog, "segments").len()), (Some(&"ok".into()), 1));
    assert_eq!(number(&list(&catalog, "segments")[0], "bytes"), number(&segment, "bytes"));
}

#[test]
fn damage_is_named_where_it_is() {
    let files = files();
    flip(files.path(FileKind::Wal), 200);
    let parts = files.inspect(FileKind::Wal);
    assert_eq!(list(&parts, "parts")[0].get("kind"), Some(&"damage: a good frame follows".into()));
    assert_eq!(number(&parts, "frames"), 6);
    flip(files.path(FileKind::Segment), 10);
    let segment = files.inspect(FileKind::Segment);
    let Some(Fact::Facts(checksums)) = segment.get("checksums") else { panic!("{segment:?}") };
    assert_eq!(checksums.get("state"), Some(&"some do not hold".into()));
    assert_eq!(list(&files.inspect(FileKind::Sums), "blocks")[0].get("holds"), Some(&Fact::Flag(false)));
    let catalog = rusqlite::Connection::open(files.path(FileKind::Catalog)).unwrap();
    catalog.execute("UPDATE segments SET rows = 7", []).unwrap();
    let catalog = files.inspect(FileKind::Catalog);
    assert_eq!(list(&catalog, "segments")[0].get("checksum_holds"), Some(&Fact::Flag(false)));
    assert_eq!(list(&catalog, "datasets")[0].get("checksum_holds"), Some(&Fact::Flag(true)));
    let sidecar = files.path(FileKind::Sidecar);
    let length = std::fs::metadata(sidecar).unwrap().len() as usize;
    flip(sidecar, length / 2);
    let said = inspect(FileKind::Sidecar, sidecar).map(|facts| facts.get("checksums").cloned());
    assert!(matches!(&said, Err(StoreError::Damaged { path, .. }) if path == sidecar), "{said:?}");
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let files = files();
    for (kind, path) in &files.of {
        for (other, _) in files.of.iter().filter(|(other, _)| other != kind) {
            match inspect(*other, path) {
                // Any bytes may be a log that is damaged from its first byte on.
                Ok(facts) => assert_eq!((*other, number(&facts, "frames")), (FileKind::Wal, 0), "{}", path.display()),
                Err(error) => assert!(error.to_string().contains(path.to_str().unwrap()), "{error}"),
            }
        }
        let missing = inspect(*kind, &path.with_extension("missing")).unwrap_err();
        assert!(missing.to_string().contains(".missing"), "{missing}");
        assert!(!path.with_extension("missing").exists(), "nothing is made");
    }
}

#[test]
fn fuzz_inspections() {
    let files = files();
    for (kind, path) in &files.of {
        let whole = std::fs::read(path).unwrap();
        let apart = tempfile::tempdir().unwrap();
        let path = apart.path().join(path.file_name().unwrap());
        fuzz(&[whole], &[], |bytes| {
            std::fs::write(&path, bytes).unwrap();
            if let Ok(facts) = inspect(*kind, &path) {
                serde_json::to_string(&facts).unwrap();
            }
            for suffix in ["-wal", "-shm"] {
                let _absent = std::fs::remove_file(path.with_file_name(format!("catalog.sqlite{suffix}")));
            }
        });
    }
}
