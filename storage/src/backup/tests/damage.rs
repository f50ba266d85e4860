//! Damage of a backup is noticed and named, and damage of the store does not reach what was saved before.

use super::*;
use crate::store::ScrubStep;

/// A store with events of every kind, and a backup of it.
fn bench() -> (Bench, Content) {
    let bench = Bench::new();
    let store = bench.open();
    fill(&store);
    bench.backup();
    let wanted = content(&store);
    drop(store);
    (bench, wanted)
}

#[test]
fn every_file_of_a_backup_is_verified() {
    let (bench, _) = bench();
    let files: Vec<PathBuf> = bench.files("").into_iter().filter(|path| !path.ends_with("lock")).collect();
    assert!(files.len() > 10, "{files:?}");
    for path in files {
        let whole = std::fs::read(&path).unwrap();
        for byte in [0, whole.len() / 2, whole.len() - 1] {
            flip(&path, byte);
            let wrong = bench.verify();
            assert_eq!(wrong.len(), 1, "{wrong:?}");
            assert!(wrong[0].contains(path.file_name().unwrap().to_str().unwrap()), "{} {wrong:?}", path.display());
            std::fs::write(&path, &whole).unwrap();
        }
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(bench.verify().len(), 1, "{} was cut off", path.display());
        std::fs::remove_file(&path).unwrap();
        let missing = verify(&bench.backups(), &real(), |_, _| ());
        assert!(missing.is_err() || missing.unwrap().len() == 1, "{} is gone", path.display());
        std::fs::write(&path, &whole).unwrap();
    }
    assert_eq!(bench.verify(), [""; 0]);
}

#[test]
fn what_of_a_damaged_backup_can_be_restored_is_restored() {
    let (bench, wanted) = bench();
    let files = bench.files("");
    for (at, path) in files.iter().filter(|path| !path.ends_with("lock")).enumerate() {
        let whole = std::fs::read(path).unwrap();
        flip(path, whole.len() - 10);
        let to = format!("restored-{at}");
        let restored = bench.try_restore(None, &to);
        std::fs::write(path, &whole).unwrap();
        let kind = path.extension().unwrap().to_str().unwrap();
        if ["sqlite", "json"].contains(&kind) {
            let error = restored.unwrap_err();
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
            assert!(!bench.path(&to).exists(), "nothing was begun");
            continue;
        }
        let problems = restored.unwrap().problems;
        assert!(problems.len() == 1 && problems[0].contains(path.to_str().unwrap()), "{problems:?}");
        let store = bench.open_at(DataDir::new(bench.path(&to))).unwrap();
        while store.scrub_next().unwrap() != ScrubStep::PassDone {}
        let (held, all) = (content(&store), wanted.values().map(Vec::len).sum::<usize>());
        let there = held.values().map(Vec::len).sum::<usize>();
        assert!(held.iter().all(|(dataset, held)| held.iter().all(|e| wanted[dataset].contains(e))));
        match kind {
            "index" => assert_eq!(there, all, "nobody needs it"),
            _ => assert!(there < all && there > 0, "{there} of {all} without {}", path.display()),
        }
        assert_eq!(store.health().damage.is_empty(), kind == "index", "the store says what it lacks");
    }
}

#[test]
fn a_damaged_file_of_a_backup_is_copied_again_when_it_is_removed() {
    let (bench, wanted) = bench();
    let segment = bench.files("segments").remove(0);
    flip(&segment, 40);
    let wrong = bench.verify();
    assert!(wrong[0].contains("remove it, and the next backup copies it again"), "{wrong:?}");
    std::fs::remove_file(&segment).unwrap();
    let report = bench.backup();
    assert_eq!(bench.verify(), [""; 0], "for every generation: {report:?}");
    assert_eq!((bench.restored(Some(1)), bench.restored(Some(2))), (wanted.clone(), wanted));
}

/// The first segment of the store.
fn segment(bench: &Bench) -> PathBuf {
    let mut files = Vec::new();
    walk(&bench.data_dir().segments(), &mut files);
    files.into_iter().find(|path| path.extension().is_some_and(|e| e == "parquet")).unwrap()
}

#[test]
fn a_segment_that_is_damaged_in_the_store_stays_as_it_was_saved() {
    let (bench, wanted) = bench();
    let path = segment(&bench);
    for damage in [
        |path: &Path| flip(path, 50),
        |path: &Path| std::fs::write(path, "short").unwrap(),
        |path: &Path| {
            std::fs::remove_file(path).unwrap();
        },
    ] {
        damage(&path);
        let report = bench.backup();
        assert_eq!(bench.restored(None), wanted, "{report:?}");
    }
}

#[test]
fn a_segment_that_was_damaged_before_it_was_saved_is_named() {
    for removed in [false, true] {
        let bench = Bench::new();
        let store = bench.open();
        fill(&store);
        let path = segment(&bench);
        if removed {
            std::fs::remove_file(&path).unwrap()
        } else {
            flip(&path, 50)
        }
        for _ in 0..2 {
            let report = bench.try_backup(real()).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(report.problems.len() == 1 && report.problems[0].contains(name), "{:?}", report.problems);
            assert_eq!((report.segments, bench.verify().len()), (2, report.generation as usize));
        }
        assert_eq!(bench.try_restore(None, "restored").unwrap().problems.len(), 1);
        let restored = bench.open_at(DataDir::new(bench.path("restored"))).unwrap();
        assert!(content(&restored).values().map(Vec::len).sum::<usize>() > 10);
        assert_eq!(restored.health().damaged_segments, 1);
    }
}

#[test]
fn a_catalog_that_no_store_opens_does_not_become_a_backup() {
    let (bench, wanted) = bench();
    let catalog = rusqlite::Connection::open(bench.data_dir().catalog()).unwrap();
    catalog.execute("UPDATE datasets SET watermark = 1", []).unwrap();
    let error = bench.try_backup(real()).unwrap_err().to_string();
    assert!(error.contains(bench.data_dir().catalog().to_str().unwrap()) && error.contains("outcrop check"), "{error}");
    assert_eq!(bench.restored(None), wanted);
}
