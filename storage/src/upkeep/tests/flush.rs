//! What is flushed when, cut where, and ordered how.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use crate::catalog::FieldTable;
use crate::limits::{self, StoreLimits};
use crate::memtable::{Memtable, StoredBatch};
use crate::testing::{DAY, Event, START, Value, any_events, batch, event};
use crate::upkeep::flush::{choose_cluster_field, columns, due, large, plan};

fn stored(events: &[Event], first_sequence: u64) -> Arc<StoredBatch> {
    Arc::new(StoredBatch::new(batch(events), first_sequence, START))
}

fn memtable(events: &[Event], received: i64) -> Memtable {
    let mut memtable = Memtable::default();
    memtable.push(StoredBatch::new(batch(events), 1, received)).unwrap();
    memtable
}

/// Events of one text field that has `values` different values.
fn texts(field: &str, values: usize) -> Vec<Event> {
    (0..values).map(|n| event(START, &[(field, Value::text(&format!("{n:03}")))])).collect()
}

#[test]
fn a_memtable_is_due_when_it_is_old_or_large() {
    let limits = StoreLimits { flush_age_seconds_max: 10, ..StoreLimits::default() };
    let one = memtable(&[event(START, &[])], START);
    assert!(!due(&one, START, &limits));
    assert!(!due(&one, START + 9_999_999_999, &limits));
    assert!(due(&one, START + 10_000_000_000, &limits));
    assert!(!due(&one, 0, &limits), "a clock that went back");
    assert!(!large(&one, &limits));
    assert!(large(&one, &StoreLimits { flush_bytes_max: one.active_bytes(), ..limits.clone() }));
    assert!(!due(&Memtable::default(), i64::MAX, &limits), "there is nothing to flush");
    let mut frozen = memtable(&[event(START, &[])], START);
    frozen.freeze();
    assert!(!due(&frozen, i64::MAX, &limits), "it is being flushed");
    frozen.thaw();
    assert!(due(&frozen, i64::MAX, &limits), "its flush has failed");
}

#[test]
fn the_first_field_with_a_fitting_number_of_values_clusters() {
    let chosen = |batches: &[Vec<Event>]| {
        let batches: Vec<_> = batches.iter().map(|events| stored(events, 1)).collect();
        choose_cluster_field(&batches)
    };
    assert_eq!(chosen(&[texts("service.name", 2), texts("level", 3)]), Some("service.name"));
    assert_eq!(chosen(&[texts("service.name", 1), texts("level", 3)]), Some("level"));
    assert_eq!(chosen(&[texts("service.name", 257), texts("name", 256)]), Some("name"));
    assert_eq!(chosen(&[texts("service.name", 1), texts("service.name", 2)]), Some("service.name"), "over all batches");
    assert_eq!(chosen(&[texts("other", 5)]), None);
    let numbers: Vec<_> = (0..5).map(|n| event(START, &[("level", Value::Integer(n))])).collect();
    assert_eq!(chosen(&[numbers]), None, "only text clusters");
}

#[test]
fn a_segment_holds_so_many_rows_at_most() {
    let rows = limits::SEGMENT_ROWS_MAX + 1;
    let times = arrow::array::Int64Array::from_iter_values((0..rows as i64).rev().map(|n| START + n));
    let events = crate::event::EventBatch::new(times, None, vec![]).unwrap();
    let segments = plan(&[Arc::new(StoredBatch::new(events, 1, START))], None);
    let counts: Vec<usize> = segments.iter().map(|s| s.rows.len()).collect();
    assert_eq!(counts, [rows - 1, 1]);
    assert_eq!(segments[1].rows, [(0, 0)], "the latest comes last");
}

#[test]
fn very_many_days_do_not_make_very_many_segments() {
    let mut events: Vec<_> = (0..300).map(|day| event(START + day * DAY, &[("a", Value::Integer(day))])).collect();
    events.extend((0..5).map(|_| event(START + 7 * DAY, &[("a", Value::Integer(7))])));
    let batches = [stored(&events, 1)];
    let segments = plan(&batches, None);
    assert_eq!(segments.len(), limits::FLUSH_DAYS_MAX);
    assert_eq!(segments[0].rows.len(), 6, "the fullest day has a segment of its own");
    let rows: BTreeSet<_> = segments.iter().flat_map(|s| &s.rows).collect();
    assert_eq!(rows.len(), events.len());
    let stray = &segments[limits::FLUSH_DAYS_MAX - 1].rows;
    let time = |at: &(u32, u32)| batches[0].events().timestamp().value(at.1 as usize);
    assert!(stray.windows(2).all(|w| time(&w[0]) <= time(&w[1])));
}

#[test]
fn columns_are_those_with_a_value_in_the_rows() {
    let batches =
        [stored(&[event(START, &[("a", Value::Integer(1))]), event(START + DAY, &[("b", Value::Boolean(true))])], 1)];
    let names = |rows: &[(u32, u32)]| -> Vec<String> {
        let made = columns(&batches, rows, &mut FieldTable::default());
        made.iter().map(|c| c.physical.to_string()).collect()
    };
    assert_eq!(names(&[(0, 0)]), ["a"]);
    assert_eq!(names(&[(0, 1)]), ["b"]);
    assert_eq!(names(&[(0, 0), (0, 1)]), ["a", "b"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_row_is_in_one_segment(requests in prop::collection::vec(any_events(3, 1..20), 1..4)) {
        let batches: Vec<_> = requests.iter().enumerate().map(|(n, events)| stored(events, 1 + n as u64 * 20)).collect();
        let mut rows = BTreeSet::new();
        let mut days = BTreeSet::new();
        for segment in plan(&batches, Some("x")) {
            let day = |at: &(u32, u32)| batches[at.0 as usize].events().timestamp().value(at.1 as usize) / DAY;
            let first = day(&segment.rows[0]);
            prop_assert!(segment.rows.iter().all(|at| day(at) == first));
            prop_assert!(days.insert(first), "few events of one day are one segment");
            for at in segment.rows {
                prop_assert!(rows.insert(at));
            }
        }
        prop_assert_eq!(rows.len(), requests.iter().map(Vec::len).sum::<usize>());
    }
}
