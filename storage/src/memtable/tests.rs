//! The memtable loses nothing, doubles nothing, keeps the order, and stays small in number.

use proptest::prelude::*;

use super::*;
use crate::testing::{Event, START, Value, any_events, batch, event};

fn stored(events: &[Event], first_sequence: u64, received: i64) -> StoredBatch {
    StoredBatch::new(batch(events), first_sequence, received)
}

/// Everything in the memtable: (sequence, received, event).
fn content(batches: &[Arc<StoredBatch>]) -> Vec<(u64, i64, Event)> {
    let numbered = batches.iter().flat_map(|b| crate::testing::stored(b));
    numbered.map(|n| (n.sequence, n.received, n.event)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_event_is_there_once_and_in_order(requests in prop::collection::vec(any_events(2, 1..12), 1..60)) {
        let mut memtable = Memtable::default();
        let mut wanted = Vec::new();
        for (at, events) in requests.iter().enumerate() {
            let (first, received) = (wanted.len() as u64 + 1, START + at as i64);
            wanted.extend(events.iter().zip(first..).map(|(e, sequence)| (sequence, received, e.clone())));
            memtable.push(stored(events, first, received)).unwrap();
        }
        let batches = memtable.batches();
        prop_assert_eq!(content(&batches), wanted);
        prop_assert_eq!(memtable.active_rows(), batches.iter().map(|b| b.rows()).sum::<usize>());
        for stored in &batches {
            let times = stored.events().timestamp().values();
            prop_assert_eq!(stored.time_range(), (*times.iter().min().unwrap(), *times.iter().max().unwrap()));
        }
    }
}

#[test]
fn ten_thousand_pushes_are_few_batches() {
    let mut memtable = Memtable::default();
    let mut most = 0;
    for n in 0..10_000 {
        memtable.push(stored(&[event(START, &[("n", Value::Integer(n))])], n as u64 + 1, START)).unwrap();
        most = most.max(memtable.batches().len());
    }
    assert!(most <= 4 * limits::COALESCE_BATCHES + 3, "{most} batches");
    let sequences = content(&memtable.batches()).into_iter().map(|(sequence, ..)| sequence);
    assert!(sequences.eq(1..=10_000));
}

#[test]
fn made_up_names_are_not_padded_without_end() {
    let mut memtable = Memtable::default();
    for n in 0..200 {
        let names: Vec<String> = (0..300).map(|field| format!("{n}-{field}")).collect();
        let fields: Vec<(&str, Value)> = names.iter().map(|name| (name.as_str(), Value::Integer(1))).collect();
        memtable.push(stored(&[event(START, &fields)], n + 1, START)).unwrap();
    }
    let batches = memtable.batches();
    assert!(batches.iter().all(|b| b.events().columns().len() <= limits::BATCH_COLUMNS_MAX));
    let cells: usize = batches.iter().map(|b| b.rows() * b.events().columns().len()).sum();
    assert!(cells < 200 * limits::BATCH_COLUMNS_MAX, "{cells} cells for {} values", 200 * 300);
}

#[test]
fn a_flush_takes_everything_and_what_comes_meanwhile_stays() {
    let mut memtable = Memtable::default();
    let one = |n: u64| stored(&[event(START, &[("n", Value::Integer(n as i64))])], n, START + n as i64);
    memtable.push(one(1)).unwrap();
    memtable.push(one(2)).unwrap();
    assert_eq!(memtable.since(), Some(START + 1));
    let frozen = memtable.freeze();
    assert_eq!((content(&frozen).len(), memtable.since(), memtable.active_rows()), (2, None, 0));
    memtable.push(one(3)).unwrap();
    assert_eq!(memtable.since(), Some(START + 3));
    assert_eq!(content(&memtable.batches()).iter().map(|e| e.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(memtable.memory_bytes() > memtable.active_bytes());
    memtable.drop_frozen();
    assert_eq!(content(&memtable.batches()).iter().map(|e| e.0).collect::<Vec<_>>(), [3]);
    assert_eq!(memtable.memory_bytes(), memtable.active_bytes());
}

#[test]
fn after_a_failed_flush_everything_is_as_before() {
    let mut memtable = Memtable::default();
    memtable.push(stored(&[event(START, &[])], 1, START)).unwrap();
    memtable.freeze();
    memtable.push(stored(&[event(START, &[])], 2, START + 5)).unwrap();
    memtable.thaw();
    assert_eq!((memtable.since(), memtable.active_rows()), (Some(START), 2));
    assert_eq!(content(&memtable.freeze()).iter().map(|e| e.0).collect::<Vec<_>>(), [1, 2]);
    memtable.thaw();
    memtable.thaw();
    assert_eq!(memtable.active_rows(), 2);
}
