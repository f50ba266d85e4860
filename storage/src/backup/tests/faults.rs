//! The disk of the backups fails, is full, or loses its power at every single operation.

use super::*;
use crate::disk::Fault;

/// Ways to fail at an operation: for good or not, how, and whether the power goes with it. Two of five at each.
fn ways(n: u64) -> [(bool, Fault, bool); 2] {
    let all = [
        (false, Fault::Error, n.is_multiple_of(2)),
        (false, Fault::Torn, n.is_multiple_of(3)),
        (true, Fault::Full, false),
        (true, Fault::Torn, false),
        (true, Fault::Error, true),
    ];
    [all[n as usize % 5], all[(n as usize + 2) % 5]]
}

fn plant(disk: &FailingDisk, n: u64, (lasting, fault, _): (bool, Fault, bool)) {
    if lasting { disk.fault_from(n, fault) } else { disk.fault(n, fault) }
}

#[test]
fn a_backup_that_fails_leaves_the_one_before() {
    let mut outcomes = [0, 0];
    for n in 0.. {
        let mut through = true;
        for way in ways(n) {
            let bench = Bench::new();
            let store = bench.open();
            fill(&store);
            let disk = FailingDisk::new();
            let before = content(&store);
            // One that is kept, and one that goes when the next is there.
            backup(&bench.data_dir(), &bench.backups(), 1, &(Arc::new(disk.clone()) as _), &*bench.clock, |_, _| ())
                .unwrap();
            append(&store, "shop", 50..60);
            store.flush().unwrap();
            store.compact().unwrap();
            append(&store, "shop", 60..61);
            let after = content(&store);
            plant(&disk, n, way);
            let at = disk.operations();
            let to: Arc<dyn Disk> = Arc::new(disk.clone());
            let taken = backup(&bench.data_dir(), &bench.backups(), 1, &to, &*bench.clock, |_, _| ());
            through &= disk.operations() <= at + n;
            if way.2 {
                disk.cut_power().unwrap();
            }
            disk.heal();
            assert_eq!(bench.verify(), [""; 0], "{way:?} after {n}");
            let restored = bench.restored(None);
            match taken {
                Ok(report) => assert_eq!((restored, report.problems), (after.clone(), vec![]), "{way:?} after {n}"),
                // It may have been whole already.
                Err(_) => assert!(restored == before || restored == after, "{way:?} after {n}"),
            }
            outcomes[usize::from(bench.backups().join("generations/00000002/manifest.json").exists())] += 1;
            let report = backup(&bench.data_dir(), &bench.backups(), 1, &to, &*bench.clock, |_, _| ()).unwrap();
            assert_eq!((bench.restored(None), report.generations), (after, 1), "{way:?} after {n}");
            let named = 2 * report.segments + sidecars(&bench);
            assert_eq!(bench.files("segments").len() as u64, named, "nothing is left of what failed");
        }
        if through {
            break;
        }
    }
    assert!(outcomes.iter().all(|count| *count > 10), "{outcomes:?}");
}

fn sidecars(bench: &Bench) -> u64 {
    bench.files("segments").iter().filter(|path| path.extension().is_some_and(|e| e == "index")).count() as u64
}

#[test]
fn a_restore_that_fails_is_no_store() {
    let bench = Bench::new();
    let store = bench.open();
    fill(&store);
    let wanted = content(&store);
    bench.backup();
    for n in 0.. {
        let mut through = true;
        for (at, way) in ways(n).into_iter().enumerate() {
            let to = DataDir::new(bench.path(&format!("restored-{n}-{at}")));
            let disk = FailingDisk::new();
            plant(&disk, n, way);
            let restored = restore(&bench.backups(), None, &to, &(Arc::new(disk.clone()) as _), |_, _| ());
            through &= disk.operations() <= n;
            let failed = restored.is_err();
            if way.2 {
                disk.cut_power().unwrap();
            }
            let whole = || bench.open_at(to.clone()).map(|store| content(&store));
            if !failed {
                assert_eq!(whole().unwrap(), wanted, "{way:?} after {n}");
            } else if to.restoring().exists() {
                let error = whole().unwrap_err();
                assert!(matches!(error, StoreError::RestoreUnfinished { .. }), "{error}: {way:?} after {n}");
                assert!(error.to_string().contains("remove it, and run `outcrop restore` again"), "{error}");
                assert!(matches!(check::check(&to, |_, _| ()), Err(StoreError::RestoreUnfinished { .. })));
                assert!(matches!(
                    backup(&to, &bench.path("other"), 1, &real(), &*bench.clock, |_, _| ()),
                    Err(StoreError::RestoreUnfinished { .. })
                ));
            } else if to.catalog().exists() {
                assert_eq!(whole().unwrap(), wanted, "the last that failed was the last of all: {way:?} after {n}");
            } else {
                let left = RealDisk.list(to.root()).unwrap_or_default();
                let begun = |path: &PathBuf| path.to_string_lossy().ends_with("restoring.unfinished");
                assert!(left.iter().all(begun), "nothing was begun: {left:?}, {way:?} after {n}");
            }
            let _removed = std::fs::remove_dir_all(to.root());
        }
        if through {
            return;
        }
    }
}

/// What the disk of the backups does must not be taken for damage of the store.
#[test]
fn a_backup_on_a_failing_disk_lacks_nothing_or_fails() {
    for n in 0..60 {
        let bench = Bench::new();
        let store = bench.open();
        fill(&store);
        let disk = FailingDisk::new();
        disk.fault(n, Fault::Error);
        if let Ok(report) = bench.try_backup(Arc::new(disk)) {
            assert_eq!(report.problems, [""; 0], "after {n}");
            assert_eq!(bench.restored(None), content(&store));
        }
    }
}
