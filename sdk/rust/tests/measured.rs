//! Units that were measured elsewhere, in a program that leaves `tracing` alone and has a way of its own to its store.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use outcrop::{Batch, Delivery, Settings, declare};
use serde_json::Value;

/// What came, batch by batch: the id and the events.
type Came = Arc<Mutex<Vec<(String, Vec<Value>)>>>;

/// Is busy at first, then takes everything but what comes fourth, at which it fails.
fn store(came: &Came, batch: &Batch<'_>) -> Delivery {
    let events: Vec<Value> = batch
        .ndjson
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| serde_json::from_slice(l).unwrap())
        .collect();
    assert_eq!((batch.dataset, batch.most), ("own", Duration::from_secs(7)));
    let mut came = came.lock().unwrap();
    came.push((batch.id.to_owned(), events));
    let nth = came.len();
    drop(came);
    match nth {
        1 => Delivery::Again { wait: Some(Duration::from_millis(1)), maybe_stored: false },
        4 => panic!("the program's own way fails"),
        _ => Delivery::Stored { accepted: 1, rejected: 0 },
    }
}

#[test]
fn batches_go_the_programs_own_way_and_are_sent_again_as_they_were() {
    let came = Came::default();
    let mut settings = Settings::new("own");
    (settings.flush, settings.request_max) = (Duration::from_millis(5), Duration::from_secs(7));
    let kept = Arc::clone(&came);
    settings.deliver = Some(Box::new(move |batch| store(&kept, batch)));
    // Nobody listens: what ends before the beginning is lost, and hurts nobody.
    let intent = declare("Write what came").name("write").within("2 s").expects(["all of it"]).intent();
    intent.measured(UNIX_EPOCH, Duration::ZERO).end();
    outcrop::init_measured(settings).unwrap();

    let unit = || intent.measured(UNIX_EPOCH + Duration::from_secs(1_700_000_000), Duration::from_millis(2));
    unit().expect("all of it", true).note("n", 1).end();
    assert!(outcrop::flush(Duration::from_secs(20)));
    unit().expect("all of it", true).note("n", 2).end();
    assert!(outcrop::flush(Duration::from_secs(20)));
    let stats = outcrop::stats();
    assert_eq!((stats.retries, stats.dropped_by_reason.get("refused")), (1, Some(&1)), "{stats:?}");

    let came = came.lock().unwrap();
    let [again, first, ..] = came.as_slice() else { panic!("{came:?}") };
    assert_eq!(again, first, "the same id and the same events");
    assert_eq!(first.1[0]["name"], "intent.declared");
    let done = &came[2].1[0];
    assert_eq!((&done["intent.name"], &done["n"], &done["intent.met"]), (&"write".into(), &1.into(), &true.into()));
    assert_eq!((&done["timestamp"], &done["duration_ms"]), (&1_700_000_000_000_000_000_u64.into(), &2.0.into()));
    drop(came);
    // A span of `tracing` is nobody's unit here.
    tracing::info_span!("request").in_scope(|| outcrop::note("n", 3));
    outcrop::shutdown(Duration::from_secs(5));
    assert_eq!(outcrop::stats().notes_outside, 1);
}
