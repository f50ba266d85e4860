//! A fault, a full disk or the end of everything at every single operation of a run, then a restart.

use std::collections::BTreeSet;

use super::*;
use crate::disk::Fault;

/// One request: (dataset, its ids) for each of its batches.
type Request = Vec<(&'static str, std::ops::Range<i64>)>;

enum Step {
    Append(Request),
    Flush,
}

fn script() -> Vec<Step> {
    vec![
        Step::Append(vec![("shop", 0..2)]),
        Step::Append(vec![("shop", 2..3), ("web", 3..5)]),
        Step::Append(vec![("shop", 5..80)]),
        Step::Flush,
        Step::Append(vec![("web", 80..81)]),
        Step::Append(vec![("web", 81..83), ("shop", 83..150)]),
        Step::Flush,
        Step::Append(vec![("shop", 150..151)]),
    ]
}

/// Every request and whether it was acknowledged; after each step, what is acknowledged is there.
fn run(store: &Store) -> Vec<(Request, bool)> {
    let mut requests: Vec<(Request, bool)> = Vec::new();
    for step in script() {
        match step {
            Step::Append(request) => {
                let batches = request.iter().map(|(dataset, ids)| super::request(dataset, ids.clone())).collect();
                let acknowledged = store.append(batches).is_ok();
                requests.push((request, acknowledged));
            }
            // One that fails must lose nothing.
            Step::Flush => drop(store.flush()),
        }
        verify(store, &requests);
    }
    requests
}

/// What is acknowledged is there once, anything else whole or not at all.
fn verify(store: &Store, requests: &[(Request, bool)]) {
    let mut sequences = BTreeSet::new();
    let mut found = BTreeSet::new();
    for dataset in ["shop", "web"] {
        for numbered in content(store, dataset) {
            let id = id(&numbered);
            assert_eq!(numbered.event, tagged(id));
            assert!(sequences.insert(numbered.sequence), "sequence {} is there twice", numbered.sequence);
            assert!(found.insert((dataset, id)), "event {id} is there twice");
        }
    }
    let mut known = 0;
    for (request, acknowledged) in requests {
        let events = || request.iter().flat_map(|(dataset, ids)| ids.clone().map(move |id| (*dataset, id)));
        let there = events().filter(|event| found.contains(event)).count();
        assert!(there == 0 || there == events().count(), "{there} of {} events of {request:?}", events().count());
        assert!(there > 0 || !acknowledged, "{request:?} was acknowledged and is lost");
        known += there;
    }
    assert_eq!(known, found.len(), "there are events that nobody sent");
}

/// The ids of all datasets.
fn all_ids(store: &Store) -> Vec<Vec<i64>> {
    ["shop", "web"].map(|dataset| ids(store, dataset)).to_vec()
}

/// Runs the script with faults planted by `plant`, restarts on a sound disk, and goes on.
fn crash(plant: impl Fn(&FailingDisk), power_cut: bool) {
    let bench = Bench::with_limits(StoreLimits { wal_file_bytes_max: 600, ..StoreLimits::default() });
    plant(&bench.disk);
    let requests = bench.try_open().map(|store| run(&store)).unwrap_or_default();
    if power_cut {
        bench.disk.cut_power().unwrap();
    }
    let store = bench.open_real();
    assert_eq!(store.health().damage, [""; 0]);
    verify(&store, &requests);
    let before = all_ids(&store);
    let highest = ["shop", "web"].iter().flat_map(|d| content(&store, d)).map(|e| e.sequence).max();
    append(&store, "shop", 200..201).unwrap();
    assert!(content(&store, "shop").last().map(|e| e.sequence) > highest, "a sequence was used again");
    store.flush().unwrap();
    drop(store);
    let store = bench.open_real();
    let mut wanted = before;
    wanted[0].push(200);
    assert_eq!(all_ids(&store), wanted);
    assert!(bench.wal_files().is_empty(), "everything is in segments");
    let listed: u64 = store.health().segments;
    assert_eq!(bench.segment_files().len() as u64, 2 * listed, "nothing is left of what failed");
}

/// Changing operations of a run without faults.
fn operations() -> u64 {
    let bench = Bench::with_limits(StoreLimits { wal_file_bytes_max: 600, ..StoreLimits::default() });
    let store = bench.open();
    let requests = run(&store);
    assert!(requests.iter().all(|(_, acknowledged)| *acknowledged));
    drop(store);
    bench.disk.operations()
}

#[test]
fn nothing_acknowledged_is_lost_by_an_error() {
    for n in 0..operations() {
        crash(|disk| disk.fault(n, Fault::Error), n % 2 == 0);
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_a_torn_write() {
    for n in 0..operations() {
        crash(|disk| disk.fault(n, Fault::Torn), n % 2 == 1);
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_a_full_disk() {
    for n in 0..operations() {
        crash(|disk| disk.fault_from(n, Fault::Full), n % 2 == 0);
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_the_end_of_the_process() {
    for n in 0..operations() {
        crash(|disk| disk.fault_from(n, Fault::Torn), false);
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_the_end_of_the_power() {
    for n in 0..operations() {
        crash(|disk| disk.fault_from(n, Fault::Error), true);
    }
}

#[test]
fn a_restart_that_fails_can_be_repeated() {
    let limits = StoreLimits { wal_file_bytes_max: 600, flush_bytes_max: 1_000, ..StoreLimits::default() };
    for n in 0.. {
        // Replay flushes as it reads, so there is much that can fail.
        let bench = Bench::new();
        let requests = run(&bench.open());
        let bench = Bench { limits: limits.clone(), ..bench };
        let before = bench.disk.operations();
        bench.disk.fault_from(n, Fault::Error);
        let opened = bench.try_open();
        if let Ok(store) = &opened {
            verify(store, &requests);
        }
        let through = bench.disk.operations() <= before + n;
        drop(opened);
        bench.disk.cut_power().unwrap();
        let store = bench.open_real();
        verify(&store, &requests);
        assert_eq!(store.health().damage, [""; 0]);
        if through {
            return;
        }
    }
}
