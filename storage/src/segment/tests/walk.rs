//! Going through a segment shows every value once, with the time of its event, and no more than somebody wants to see.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Bench, batches};
use crate::event::EventBatch;
use crate::segment::reader::OpenSegment;
use crate::testing::{Event, START, Value, event, events, read};

/// How often each event has each of its values.
type Seen = BTreeMap<(i64, String, String), usize>;

fn note(seen: &mut Seen, events: &[Event]) {
    for event in events {
        for (name, value) in &event.fields {
            *seen.entry((event.time, name.clone(), format!("{value:?}"))).or_default() += 1;
        }
    }
}

pub(super) fn check(open: &Arc<OpenSegment>) {
    let (mut shown, mut stored) = (Seen::new(), Seen::new());
    let ended = open.walk(&mut |batch: &EventBatch| {
        note(&mut shown, &events(batch));
        true
    });
    assert!(ended.unwrap());
    let all: Vec<Event> = read(open).unwrap().into_iter().map(|numbered| numbered.event).collect();
    note(&mut stored, &all);
    assert_eq!(shown, stored);
}

/// A segment, and where it lies.
fn segment(fields: usize, rows: i64) -> (Bench, Arc<OpenSegment>) {
    let mut bench = Bench::new();
    let value = |row: i64, at: usize| match at % 4 {
        0 => Value::text(&format!("text {row}")),
        1 => Value::Integer(row),
        2 => Value::float(row as f64 + 0.5),
        _ => Value::Boolean(row % 2 == 0),
    };
    let made: Vec<Event> = (0..rows)
        .map(|row| {
            let names: Vec<String> =
                (0..fields).filter(|at| !(row as usize + at).is_multiple_of(3)).map(|at| format!("f{at:03}")).collect();
            let fields: Vec<(&str, Value)> =
                names.iter().map(|name| (name.as_str(), value(row, name[1..].parse().unwrap()))).collect();
            event(START + row, &fields)
        })
        .collect();
    let made = bench.flush(&batches(&[made]), None);
    assert_eq!(made.len(), 1);
    let open = bench.segment(&made[0].0).open().unwrap();
    (bench, open)
}

#[test]
fn every_value_is_shown_once() {
    for (fields, rows) in [(1, 1), (50, 200), (3, 20_000)] {
        let (_bench, open) = segment(fields, rows);
        check(&open);
    }
}

#[test]
fn nobody_is_shown_more_than_they_want_to_see() {
    let (_bench, open) = segment(50, 100);
    let mut shown = 0;
    let ended = open.walk(&mut |_| {
        shown += 1;
        shown < 2
    });
    assert_eq!((ended.unwrap(), shown), (false, 2));
}
