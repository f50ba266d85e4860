//! The names on disk are those of the drawing, and nothing that merely looks like them is ours.

use super::*;

const DRAWING: &str = include_str!("../../format/data_directory.md");

/// The names drawn, with their directories, as (path, number of digits drawn at its end or in the middle).
fn drawn() -> Vec<String> {
    let drawing = DRAWING.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let mut directories: Vec<&str> = Vec::new();
    let mut names = Vec::new();
    for line in drawing.lines() {
        let depth = (line.len() - line.trim_start().len()) / 4;
        let name = line.split_whitespace().next().unwrap();
        directories.truncate(depth);
        names.push(format!("{}{name}", directories.concat()));
        if name.ends_with('/') {
            directories.push(name);
        }
    }
    names
}

/// A path as the drawing has it: digits as `N`.
fn as_drawn(dir: &DataDir, path: PathBuf) -> String {
    let path = path.strip_prefix(dir.root()).unwrap().to_str().unwrap().to_owned();
    path.chars().map(|c| if c.is_ascii_digit() { 'N' } else { c }).collect()
}

#[test]
fn the_drawing_has_the_names_that_are_made() {
    let dir = DataDir::new("/data");
    let (dataset, segment) = (DatasetId(7), SegmentId(123));
    let made = [
        as_drawn(&dir, dir.lock()),
        as_drawn(&dir, dir.restoring()),
        as_drawn(&dir, dir.catalog()),
        as_drawn(&dir, dir.catalog()) + "-wal",
        as_drawn(&dir, dir.catalog()) + "-shm",
        as_drawn(&dir, dir.workspace()),
        as_drawn(&dir, dir.workspace()) + "-wal",
        as_drawn(&dir, dir.workspace()) + "-shm",
        as_drawn(&dir, dir.audit()) + "/",
        as_drawn(&dir, dir.audit_chain(AuditChain::Changes)) + "/",
        as_drawn(&dir, dir.audit_ends(AuditChain::Changes)),
        as_drawn(&dir, dir.audit_file(AuditChain::Changes, 5)),
        as_drawn(&dir, dir.audit_chain(AuditChain::Questions)) + "/",
        as_drawn(&dir, dir.audit_ends(AuditChain::Questions)),
        as_drawn(&dir, dir.audit_file(AuditChain::Questions, 5)),
        as_drawn(&dir, dir.wal()) + "/",
        as_drawn(&dir, dir.wal_file(5)),
        as_drawn(&dir, dir.segments()) + "/",
        as_drawn(&dir, dir.dataset(dataset)) + "/",
        as_drawn(&dir, dir.segment(dataset, segment)),
        as_drawn(&dir, dir.sums(dataset, segment)),
        as_drawn(&dir, dir.sidecar(dataset, segment)),
        as_drawn(&dir, dir.retired(dataset, segment)),
        as_drawn(&dir, dir.spill()) + "/",
        as_drawn(&dir, dir.probe()),
    ];
    assert_eq!(drawn(), made);
}

#[test]
fn a_name_gives_its_number_back() {
    let dir = DataDir::new("/data");
    for number in [0, 1, 999_999, u64::MAX] {
        assert_eq!(wal_number(&dir.wal_file(number)), Some(number));
        let (dataset, segment) = (DatasetId(number as u32), SegmentId(number));
        assert_eq!(dataset_of(&dir.dataset(dataset)), Some(dataset));
        assert_eq!(segment_of(&dir.segment(dataset, segment)), Some(segment));
        assert_eq!(segment_of(&dir.sums(dataset, segment)), Some(segment));
        assert_eq!(segment_of(&dir.sidecar(dataset, segment)), Some(segment));
        assert_eq!(segment_of(&dir.retired(dataset, segment)), Some(segment));
    }
}

#[test]
fn what_merely_looks_alike_is_not_ours() {
    for name in ["1.wal", "+000000000000001.wal", "00000000000000001.wal", "0000000000000001.WAL", "x.wal", ".wal"] {
        assert_eq!(wal_number(Path::new(name)), None, "{name}");
    }
    for name in
        ["1.parquet", "000000000001.parquet.bak", "00000000001a.sums", "000000000001", "+00000000001.sums", "1.index"]
    {
        assert_eq!(segment_of(Path::new(name)), None, "{name}");
    }
    for name in ["1", "0000001", "+00001", "lost+found", "00001x"] {
        assert_eq!(dataset_of(Path::new(name)), None, "{name}");
    }
}
