//! Requests that give themselves an id are stored once, however often they are sent, and told the same each time.

use std::sync::Barrier;

use super::*;
use crate::disk::Fault;
use crate::store::acknowledged::is_young;

const MINUTE: i64 = 60_000_000_000;

/// Sends a request that must have been stored before.
fn repeat(store: &Store, id: &str, dataset: &str, ids: std::ops::Range<i64>) {
    let wanted = Outcome { accepted: ids.clone().count() as u32, rejected: 1, details: id.as_bytes().to_vec() };
    assert_eq!(store.acknowledged(&batch_id(store, id, dataset, &ids)).unwrap(), Some(wanted.clone()), "{id}");
    assert_eq!(append_once(store, id, dataset, ids).unwrap(), Once::Repeated(wanted), "{id}");
}

fn stored(store: &Store, id: &str, dataset: &str, ids: std::ops::Range<i64>) {
    let events = ids.clone().count() as u64;
    match append_once(store, id, dataset, ids).unwrap() {
        Once::Stored(receipt) => assert_eq!(receipt.events(), events),
        Once::Repeated(outcome) => panic!("{id} was there: {outcome:?}"),
    }
}

#[test]
fn a_request_is_stored_once_and_told_the_same_again() {
    let bench = Bench::new();
    let store = bench.open();
    assert_eq!(store.acknowledged(&batch_id(&store, "a", "shop", &(0..3))).unwrap(), None);
    stored(&store, "a", "shop", 0..3);
    stored(&store, "b", "shop", 3..100);
    let check = |store: &Store| {
        for _ in 0..2 {
            repeat(store, "a", "shop", 0..3);
            repeat(store, "b", "shop", 3..100);
        }
        assert_eq!(ids(store, "shop"), (0..100).collect::<Vec<_>>());
    };
    check(&store);
    drop(store);
    let store = bench.open();
    check(&store);
    store.flush().unwrap();
    check(&store);
    store.rotate_wal().unwrap();
    store.trim_wal();
    check(&store);
    drop(store);
    for _ in 0..3 {
        check(&bench.open());
    }
}

#[test]
fn an_id_is_of_one_principal_dataset_and_body() {
    let bench = Bench::new();
    let store = bench.open();
    stored(&store, "a", "shop", 0..1);
    stored(&store, "a", "web", 0..1);
    let other = store.batch_id("somebody else", &name("shop"), "a", b"0..1");
    let outcome = Outcome::default();
    assert!(matches!(store.append_once(&other, vec![request("shop", 1..2)], outcome), Ok(Once::Stored(_))));
    let check = |store: Store| {
        assert!(matches!(append_once(&store, "a", "shop", 5..6), Err(StoreError::BatchIdTaken)));
        let taken = store.acknowledged(&batch_id(&store, "a", "shop", &(5..6)));
        assert!(matches!(taken, Err(StoreError::BatchIdTaken)));
        repeat(&store, "a", "shop", 0..1);
        assert_eq!((ids(&store, "shop"), ids(&store, "web")), (vec![0, 1], vec![0]));
    };
    check(store);
    check(bench.open());
}

#[test]
fn a_request_without_events_is_told_the_same_again_too() {
    let bench = Bench::new();
    let store = bench.open();
    stored(&store, "nothing", "never", 0..0);
    let empty = batch_id(&store, "empty", "never", &(0..0));
    store.append_once(&empty, vec![], Outcome::default()).unwrap();
    drop(store);
    let store = bench.open();
    repeat(&store, "nothing", "never", 0..0);
    assert_eq!(store.acknowledged(&empty).unwrap(), Some(Outcome::default()));
    assert!(store.snapshot().dataset("never").is_none());
}

#[test]
fn details_that_are_too_long_are_left_out() {
    let bench = Bench::new();
    let store = bench.open();
    let id = batch_id(&store, "a", "shop", &(0..1));
    let outcome = |bytes| Outcome { accepted: 1, rejected: 9, details: vec![b'x'; bytes] };
    store.append_once(&id, vec![request("shop", 0..1)], outcome((64 << 10) + 1)).unwrap();
    assert_eq!(store.acknowledged(&id).unwrap(), Some(outcome(0)));
}

#[test]
fn after_fifteen_minutes_an_id_is_forgotten() {
    let bench = Bench::new();
    let store = bench.open();
    stored(&store, "a", "shop", 0..1);
    bench.clock.advance(14 * MINUTE);
    repeat(&store, "a", "shop", 0..1);
    stored(&store, "b", "shop", 1..2);
    store.flush().unwrap();
    drop(store);
    let store = bench.open();
    assert_eq!(store.health().acknowledgements, 2);
    assert!(bench.wal_files().len() == 1, "the events are in segments, the acknowledgements in a file of their own");
    repeat(&store, "a", "shop", 0..1);
    bench.clock.advance(MINUTE);
    stored(&store, "a", "shop", 0..1);
    repeat(&store, "a", "shop", 0..1);
    repeat(&store, "b", "shop", 1..2);
    assert_eq!(ids(&store, "shop"), [0, 1, 0]);
    store.flush().unwrap();
    store.rotate_wal().unwrap();
    bench.clock.advance(14 * MINUTE);
    store.trim_wal();
    repeat(&store, "a", "shop", 0..1);
    assert_eq!(store.health().acknowledgements, 1);
    drop(store);
    let store = bench.open();
    repeat(&store, "a", "shop", 0..1);
    bench.clock.advance(MINUTE);
    wait_until("nothing is left of the log", || bench.wal_files().is_empty());
    assert_eq!(store.health().acknowledgements, 0);
}

#[test]
fn young_is_less_than_fifteen_minutes_old_or_of_the_future() {
    assert!(is_young(START, START) && is_young(START, START + 15 * MINUTE - 1) && is_young(START, START - MINUTE));
    assert!(!is_young(START, START + 15 * MINUTE) && !is_young(i64::MIN, i64::MAX) && is_young(i64::MAX, 0));
}

#[test]
fn files_that_carry_acknowledgements_do_not_pile_up() {
    let bench = Bench::new();
    let mut store = bench.open();
    for n in 0..40 {
        stored(&store, &n.to_string(), "shop", n..n + 1);
        store.flush().unwrap();
        if n % 2 == 0 {
            store.rotate_wal().unwrap();
            store.trim_wal();
        } else {
            drop(store);
            store = bench.open();
        }
        assert!(bench.wal_files().len() <= limits::CARRIED_FILES_MAX + 2, "{:?}", bench.wal_files());
        bench.clock.advance(MINUTE / 10);
    }
    for n in 0..40 {
        repeat(&store, &n.to_string(), "shop", n..n + 1);
    }
    bench.clock.advance(12 * MINUTE);
    for n in 20..40 {
        repeat(&store, &n.to_string(), "shop", n..n + 1);
    }
    stored(&store, "0", "shop", 0..1);
}

#[test]
fn many_acknowledgements_are_carried_in_frames_of_modest_size() {
    let bench = Bench::new();
    let store = bench.open();
    let id = |n: usize| store.batch_id("", &name("shop"), &n.to_string(), b"");
    let outcome = |n: usize| Outcome { accepted: n as u32, rejected: 1, details: vec![b'x'; 60 << 10] };
    for n in 0..50 {
        store.append_once(&id(n), vec![], outcome(n)).unwrap();
    }
    stored(&store, "a", "shop", 0..1);
    store.flush().unwrap();
    store.rotate_wal().unwrap();
    store.trim_wal();
    let report = {
        store.close();
        drop(store);
        crate::check::check(&bench.data_dir(), |_, _| ()).unwrap()
    };
    assert_eq!((report.wal_files, report.wal_events, report.problems.len()), (1, 0, 0));
    assert_eq!(report.wal_frames, 3, "3 MB in frames of about one");
    let store = bench.open();
    let id = |n: usize| store.batch_id("", &name("shop"), &n.to_string(), b"");
    assert!((0..50).all(|n| store.acknowledged(&id(n)).unwrap() == Some(outcome(n))));
}

#[test]
fn of_many_at_once_one_is_stored() {
    const THREADS: usize = 8;
    let bench = Bench::with_limits(StoreLimits { wal_file_bytes_max: 2_000, ..StoreLimits::default() });
    let store = bench.open();
    for round in 0..20_i64 {
        let barrier = Barrier::new(THREADS);
        let events = round * 10..round * 10 + 1 + round % 3;
        let results: Vec<Once> = std::thread::scope(|scope| {
            let sender = || {
                barrier.wait();
                append_once(&store, &round.to_string(), "shop", events.clone()).unwrap()
            };
            let senders: Vec<_> = (0..THREADS).map(|_| scope.spawn(sender)).collect();
            if round % 4 == 0 {
                store.flush().unwrap();
            }
            senders.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|r| matches!(r, Once::Stored(_))).count(), 1, "{results:?}");
        repeat(&store, &round.to_string(), "shop", events);
    }
    let wanted: Vec<i64> = (0..20).flat_map(|round| round * 10..round * 10 + 1 + round % 3).collect();
    assert_eq!(ids(&store, "shop"), wanted);
    drop(store);
    assert_eq!(ids(&bench.open(), "shop"), wanted);
}

#[test]
fn when_all_fail_the_id_is_free() {
    let bench = Bench::new();
    let store = bench.open();
    append(&store, "shop", 0..1).unwrap();
    bench.disk.fault_from(0, Fault::Full);
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..6).map(|_| scope.spawn(|| append_once(&store, "a", "shop", 1..3))).collect();
        for sender in senders {
            let failed = sender.join().unwrap();
            assert!(matches!(failed, Err(StoreError::DiskFull { .. } | StoreError::Busy)), "{failed:?}");
        }
    });
    bench.disk.heal();
    assert_eq!(ids(&store, "shop"), [0]);
    stored(&store, "a", "shop", 1..3);
    repeat(&store, "a", "shop", 1..3);
    assert_eq!(ids(&store, "shop"), [0, 1, 2]);
}

/// The frame is on the disk when its fsync fails, the sender is refused, and sends it again.
#[test]
fn what_was_refused_does_not_come_back_beside_its_repetition() {
    let bench = Bench::new();
    let store = bench.open();
    append(&store, "shop", 0..1).unwrap();
    for n in 1..4 {
        bench.disk.fault(1, Fault::Error);
        append_once(&store, &n.to_string(), "shop", n..n + 1).unwrap_err();
        stored(&store, &n.to_string(), "shop", n..n + 1);
    }
    let check = |store: Store| {
        assert_eq!(ids(&store, "shop"), [0, 1, 2, 3]);
        assert_eq!(store.health().damage, [""; 0]);
    };
    check(store);
    check(bench.open());
    check(bench.open());
}

/// A process is killed between write and fsync; the next one takes what it reads for acknowledged.
#[test]
fn what_replay_found_is_durable_before_anybody_is_told_so() {
    let bench = Bench::new();
    let store = bench.open();
    stored(&store, "a", "shop", 0..1);
    bench.disk.fault_from(1, Fault::Error);
    append_once(&store, "b", "shop", 1..2).unwrap_err();
    drop(store);
    bench.disk.heal();
    let store = bench.open();
    repeat(&store, "b", "shop", 1..2);
    bench.disk.fault_from(0, Fault::Error);
    drop(store);
    bench.disk.cut_power().unwrap();
    let store = bench.open();
    repeat(&store, "b", "shop", 1..2);
    assert_eq!(ids(&store, "shop"), [0, 1]);
}

/// The same for a file that carries acknowledgements: killed at any moment of writing it and of removing what it replaces.
#[test]
fn what_replay_found_carried_is_durable_before_the_original_goes() {
    for n in 0..10 {
        let bench = Bench::new();
        let store = bench.open();
        stored(&store, "a", "shop", 0..1);
        store.flush().unwrap();
        bench.disk.fault_from(n, Fault::Error);
        store.rotate_wal().unwrap();
        store.trim_wal();
        drop(store);
        bench.disk.heal();
        let store = bench.open();
        repeat(&store, "a", "shop", 0..1);
        bench.disk.fault_from(0, Fault::Error);
        drop(store);
        bench.disk.cut_power().unwrap();
        repeat(&bench.open(), "a", "shop", 0..1);
    }
}

enum Step {
    Append(&'static str, &'static str, std::ops::Range<i64>),
    Flush,
    Rotate,
}

/// Flushes and rotations are such that acknowledgements are carried over, twice for some.
fn script() -> Vec<Step> {
    vec![
        Step::Append("a", "shop", 0..2),
        Step::Append("b", "web", 2..3),
        Step::Append("c", "shop", 3..80),
        Step::Append("d", "never", 80..80),
        Step::Rotate,
        Step::Flush,
        Step::Append("e", "web", 81..83),
        Step::Rotate,
        Step::Append("f", "shop", 83..84),
        Step::Flush,
        Step::Append("g", "web", 84..85),
    ]
}

/// Sends every request of the script, again when it is refused; what was told of those that were acknowledged.
fn run(store: &Store) -> BTreeMap<&'static str, Outcome> {
    let mut told = BTreeMap::new();
    for step in script() {
        match step {
            Step::Append(id, dataset, events) => {
                let wanted =
                    Outcome { accepted: events.clone().count() as u32, rejected: 1, details: id.as_bytes().to_vec() };
                let again = || append_once(store, id, dataset, events.clone());
                if let Ok(Once::Stored(_) | Once::Repeated(_)) = again().or_else(|_| again()) {
                    told.insert(id, wanted);
                }
            }
            Step::Flush => drop(store.flush()),
            Step::Rotate => drop(store.rotate_wal()),
        }
    }
    told
}

/// Sends everything again: what was acknowledged is repeated, all of it is stored, and nothing twice.
fn send_again(store: &Store, told: &BTreeMap<&'static str, Outcome>) {
    let mut wanted: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for step in script() {
        let Step::Append(id, dataset, events) = step else { continue };
        match (append_once(store, id, dataset, events.clone()).unwrap(), told.get(id)) {
            (Once::Repeated(outcome), Some(told)) => assert_eq!(&outcome, told),
            (Once::Stored(_), Some(_)) => panic!("{id} was acknowledged, and is stored again"),
            (_, None) => {}
        }
        wanted.entry(dataset).or_default().extend(events);
    }
    for (dataset, wanted) in wanted {
        let mut found = ids(store, dataset);
        found.sort_unstable();
        assert_eq!(found, wanted, "{dataset}");
    }
    assert_eq!(store.health().damage, [""; 0]);
}

/// Two lives with faults planted in the first, then one in which everything is sent again, and one to check that.
fn crash(plant: impl Fn(&FailingDisk), power_cut: bool) {
    let bench = Bench::new();
    plant(&bench.disk);
    let told = bench.try_open().map(|store| run(&store)).unwrap_or_default();
    if power_cut {
        bench.disk.cut_power().unwrap();
    }
    bench.disk.heal();
    let store = bench.open();
    send_again(&store, &told);
    let all = run(&store);
    assert_eq!(all.len(), 7);
    send_again(&store, &all);
    drop(store);
    bench.disk.cut_power().unwrap();
    send_again(&bench.open_real(), &all);
}

/// Changing operations of a run without faults.
fn operations() -> u64 {
    let bench = Bench::new();
    let store = bench.open();
    assert_eq!(run(&store).len(), 7);
    drop(store);
    bench.disk.operations()
}

#[test]
fn everything_is_stored_once_after_an_error() {
    for n in 0..operations() {
        crash(|disk| disk.fault(n, Fault::Error), n % 2 == 0);
        crash(|disk| disk.fault(n, Fault::Torn), n % 2 == 1);
    }
}

#[test]
fn everything_is_stored_once_after_a_full_disk_and_the_end_of_the_process() {
    for n in 0..operations() {
        crash(|disk| disk.fault_from(n, Fault::Full), n % 2 == 0);
        crash(|disk| disk.fault_from(n, Fault::Torn), false);
    }
}

#[test]
fn everything_is_stored_once_after_the_end_of_the_power() {
    for n in 0..operations() {
        crash(|disk| disk.fault_from(n, Fault::Error), true);
    }
}
