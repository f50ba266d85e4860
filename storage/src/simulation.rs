//! The real store against a naive model, under one seed: owned clock, failing disk, crashes anywhere.
//!
//! 1. A seed makes limits and a run of steps: appends, flushes, merges, retention, removals, drops, backups, faults, crashes,
//!    power cuts.
//! 2. [`model`] is told what was sent and what was answered, and judges what the store holds.
//! 3. [`world`] carries steps out on the store; [`saved`] takes backups of it, and judges what is restored.
//!
//! `OUTCROP_SIMULATION_SEEDS` says how many seeds to run, `OUTCROP_SIMULATION_SEED` repeats one and says what it does.
//! It must not know how anything is stored.

mod model;
mod saved;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use world::{Planted, World};

const SEEDS_DEFAULT: u64 = 40;
const STEPS: std::ops::Range<usize> = 20..70;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

/// Runs one seed; what went wrong in words.
fn run(seed: u64, planted: Option<Planted>, talk: bool) -> Result<(), String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, planted, talk);
        for _ in 0..world.random.usize(STEPS) {
            world.step();
        }
        world.end();
    }));
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned())).unwrap_or_default()
    })
}

/// Runs the seeds on all cores until `stop` says that a failure is enough; the failures.
fn run_all(seeds: std::ops::Range<u64>, planted: Option<Planted>, stop: bool) -> Vec<(u64, String)> {
    let next = AtomicU64::new(seeds.start);
    let failures = std::sync::Mutex::new(Vec::new());
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    let enough = stop && !failures.lock().unwrap().is_empty();
                    if seed >= seeds.end || enough {
                        return;
                    }
                    if let Err(what) = run(seed, planted, false) {
                        failures.lock().unwrap().push((seed, what));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    failures
}

#[test]
fn nothing_is_lost_doubled_or_changed() {
    if let Some(seed) = from_environment("OUTCROP_SIMULATION_SEED") {
        run(seed, None, true).unwrap();
        return;
    }
    let seeds = from_environment("OUTCROP_SIMULATION_SEEDS").unwrap_or(SEEDS_DEFAULT);
    let failures = run_all(0..seeds, None, false);
    let failed: Vec<u64> = failures.iter().map(|(seed, _)| *seed).collect();
    assert!(failures.is_empty(), "seeds {failed:?} of {seeds} failed, first: {}", failures[0].1);
    println!("{seeds} seeds: nothing was lost, doubled or changed");
}

/// A simulation that finds nothing proves nothing.
#[test]
fn planted_bugs_are_found() {
    for planted in Planted::ALL {
        let failures = run_all(0..200, Some(planted), true);
        assert!(!failures.is_empty(), "{planted:?} was not found in 200 seeds");
        println!("{planted:?} was found by seed {}", failures[0].0);
    }
}
