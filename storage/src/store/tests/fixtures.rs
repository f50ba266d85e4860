//! Data directories of every format there has been, kept in `storage/fixtures`: each opens for ever and says the same.
//!
//! A change of format adds a directory and never touches one. `OUTCROP_FIXTURE=NAME cargo test -p outcrop-storage
//! a_fixture_is_made` makes it.

use std::fs;

use super::*;
use crate::check;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// What the fixtures hold: flushed, merged and logged events, of two datasets and two days, of every type.
fn batches() -> Vec<Vec<(&'static str, Event)>> {
    let value = |n: i64| match n % 3 {
        0 => Value::Integer(n),
        1 => Value::text(&format!("text {n} ünï")),
        _ => Value::Boolean(n % 2 == 0),
    };
    let event = |n: i64| {
        let mut event = Event { time: START + (n % 2) * testing::DAY + n, ..tagged(n) };
        event.fields.insert("mixed".to_owned(), value(n));
        event.fields.insert("ratio".to_owned(), Value::float(n as f64 / 7.0));
        event.rate = if n % 5 == 0 { 10 } else { 1 };
        (if n % 7 == 0 { "web" } else { "shop" }, event)
    };
    (0..8).map(|request| (request * 10..request * 10 + 10).map(event).collect()).collect()
}

fn send(store: &Store, events: &[(&'static str, Event)]) {
    for dataset in ["shop", "web"] {
        let own: Vec<Event> = events.iter().filter(|(of, _)| *of == dataset).map(|(_, e)| e.clone()).collect();
        store.append(vec![(name(dataset), testing::batch(&own))]).unwrap();
    }
}

fn wanted(dataset: &str) -> Vec<Event> {
    let mut events: Vec<Event> =
        batches().into_iter().flatten().filter(|(of, _)| *of == dataset).map(|(_, event)| event).collect();
    events.sort_by_key(|e| e.fields["id"].clone());
    events
}

#[test]
fn a_fixture_is_made() {
    let Ok(named) = std::env::var("OUTCROP_FIXTURE") else { return };
    let target = fixtures().join(named);
    assert!(!target.exists(), "{} is there already, and is never changed", target.display());
    let bench = Bench { upkeep: false, ..Bench::new() };
    let store = bench.open();
    let batches = batches();
    for events in &batches[..5] {
        send(&store, events);
        store.flush().unwrap();
    }
    store.compact().unwrap();
    send(&store, &batches[5]);
    store.flush().unwrap();
    let dataset = store.snapshot().dataset("web").unwrap().id;
    store.set_retention(dataset, Some(Retention { age_seconds_max: Some(1 << 40), bytes_max: None })).unwrap();
    batches[6..].iter().for_each(|events| send(&store, events));
    drop(store);
    copy(bench.data_dir().root(), &target);
    fs::remove_file(target.join("lock")).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { drop(fs::copy(&path, &target).unwrap()) }
    }
}

#[test]
fn every_fixture_opens_and_says_the_same() {
    let mut seen = 0;
    for fixture in fs::read_dir(fixtures()).unwrap().map(|e| e.unwrap().path()).filter(|path| path.is_dir()) {
        let bench = Bench { upkeep: false, ..Bench::new() };
        copy(&fixture, bench.data_dir().root());
        let checked = check::check(&bench.data_dir(), |_, _| ()).unwrap();
        assert_eq!(checked.problems, [""; 0], "{}", fixture.display());
        for round in 0..2 {
            let store = bench.open();
            assert_eq!(store.health().damage, [""; 0]);
            for dataset in ["shop", "web"] {
                let mut events: Vec<Event> = content(&store, dataset).into_iter().map(|e| e.event).collect();
                events.sort_by_key(|e| e.fields["id"].clone());
                assert_eq!(events, wanted(dataset), "{dataset} of {} in round {round}", fixture.display());
            }
            store.flush().unwrap();
        }
        seen += 1;
    }
    assert!(seen > 0, "there is no fixture");
}
