//! Footers are kept within their bound, and a footer decoded for some columns reads these as the whole one does.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Bench;
use crate::event::{FieldName, FieldType};
use crate::limits;
use crate::segment::cache::FooterCache;
use crate::segment::reader::Segment;
use crate::testing::{Event, Numbered, START, Value, event, read};

fn field(name: &str) -> FieldName {
    FieldName::new(name).unwrap()
}

/// More fields than an ordinary segment has, each in every tenth event; `f7` has text beside numbers.
fn wide(fields: usize) -> Vec<Event> {
    let value = |row: usize, at: usize| {
        if at == 7 && row % 20 == 3 { Value::text("seven") } else { Value::Integer((row * at) as i64) }
    };
    let fields_of = |row: usize| (0..fields).filter(move |at| (row + at).is_multiple_of(10));
    let one = |row: usize| Event {
        fields: fields_of(row).map(|at| (format!("f{at}"), value(row, at))).collect::<BTreeMap<_, _>>(),
        ..event(START + row as i64, &[])
    };
    (0..50).map(one).collect()
}

fn footers(bytes_max: usize) -> Arc<FooterCache> {
    Arc::new(FooterCache::new(bytes_max))
}

/// What is left of events if only these fields are looked at.
fn only(events: &[Numbered], names: &[&str]) -> Vec<Numbered> {
    let mut events = events.to_vec();
    events.iter_mut().for_each(|e| e.event.fields.retain(|name, _| names.contains(&name.as_str())));
    events
}

#[test]
fn a_wide_segment_is_opened_for_what_is_asked() {
    let mut bench = Bench { footers: footers(64 << 20), ..Bench::new() };
    let segment = bench.one(&wide(limits::WIDE_COLUMNS + 50));
    let asked = [
        (field("f7"), FieldType::Integer),
        (field("f7"), FieldType::String),
        (field("f900"), FieldType::Integer),
        (field("f900"), FieldType::Float),
        (field("nothing"), FieldType::Integer),
    ];
    let narrow = segment.open_columns(&asked).unwrap();
    let whole = segment.open().unwrap();
    assert_eq!(read(&narrow).unwrap(), only(&read(&whole).unwrap(), &["f7", "f900"]));
    assert_eq!(narrow.metadata().schema().fields().len(), 3 + 3, "the store's own and three");
    assert!(narrow.column(&field("f900"), FieldType::Float).is_none());
    let file = narrow.metadata().metadata();
    assert!(file.column_index().is_some_and(|i| i[0].len() == 6) && file.offset_index().is_some());
    assert!(narrow.memory_bytes() * 20 < whole.memory_bytes(), "{} of {}", narrow.memory_bytes(), whole.memory_bytes());
    let again: Vec<_> = asked.iter().rev().cloned().collect();
    assert!(Arc::ptr_eq(&narrow, &segment.open_columns(&again).unwrap()), "the order does not matter");
    assert!(Arc::ptr_eq(&whole, &narrow.whole().unwrap()));
    let other = segment.open_columns(&[(field("f8"), FieldType::Integer)]).unwrap();
    assert_eq!(read(&other).unwrap(), only(&read(&whole).unwrap(), &["f8"]), "out of the whole footer");
    assert_eq!(narrow.footer().fields.len(), 3);
    assert_eq!(narrow.footer().sequences, whole.footer().sequences);
}

#[test]
fn an_ordinary_segment_is_opened_once_for_all() {
    let mut bench = Bench { footers: footers(64 << 20), ..Bench::new() };
    let segment = bench.one(&wide(50));
    let some = segment.open_columns(&[(field("f1"), FieldType::Integer)]).unwrap();
    assert!(Arc::ptr_eq(&some, &segment.open().unwrap()));
    assert!(Arc::ptr_eq(&some, &some.whole().unwrap()));
    assert!(Arc::ptr_eq(&some, &segment.open_columns(&[]).unwrap()));
}

#[test]
fn the_cache_keeps_to_its_bound_and_what_was_used_last() {
    let mut bench = Bench::new();
    let one = bench.one(&wide(50)).open().unwrap().memory_bytes();
    let footers = footers(3 * one + one / 2);
    bench.footers = Arc::clone(&footers);
    let segments: Vec<Segment> = (0..4).map(|_| bench.one(&wide(50))).collect();
    for segment in &segments[..3] {
        segment.open().unwrap();
    }
    let first = segments[0].open().unwrap();
    segments[3].open().unwrap();
    assert!((3 * one - 100..=3 * one + one / 2).contains(&footers.bytes()), "{} bytes", footers.bytes());
    assert!(Arc::ptr_eq(&first, &segments[0].open().unwrap()), "it was asked for after the second");
    assert!(footers.get(segments[1].info().id, &None).is_none(), "nobody asked for the second");
    let whole = read(&first).unwrap();
    let second = segments[1].open().unwrap();
    assert_eq!(read(&second).unwrap().len(), whole.len(), "what is gone is decoded again");
    for segment in &segments {
        footers.forget(segment.info().id);
    }
    assert_eq!(footers.bytes(), 0);
    assert_eq!(read(&first).unwrap(), whole, "a footer in use stays with its users");
}

#[test]
fn a_footer_beyond_the_bound_is_not_kept() {
    let mut bench = Bench { footers: footers(100), ..Bench::new() };
    let segment = bench.one(&wide(50));
    let open = segment.open().unwrap();
    assert_eq!(bench.footers.bytes(), 0);
    assert!(!Arc::ptr_eq(&open, &segment.open().unwrap()));
}

#[test]
fn a_segment_is_in_use_while_somebody_reads_it_and_not_because_its_footer_is_kept() {
    let mut bench = Bench { footers: footers(64 << 20), ..Bench::new() };
    let segment = Arc::new(bench.one(&wide(50)));
    let open = segment.open().unwrap();
    assert!(segment.in_use(), "its footer");
    let bytes = open.bytes();
    drop(open);
    assert!(segment.in_use(), "its bytes");
    drop(bytes);
    assert!(!segment.in_use());
    drop(segment.open().unwrap());
    assert!(!segment.in_use());
    let other = Arc::clone(&segment);
    assert!(segment.in_use(), "its handle");
    drop(other);
    let kept = Arc::downgrade(&segment.open().unwrap());
    assert!(kept.upgrade().is_some());
    bench.footers = footers(100);
    assert!(kept.upgrade().is_none(), "what is kept goes with the cache");
}
