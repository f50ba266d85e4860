//! Random batches through plan, columns and writer into files, and back through parquet's own reader.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::{Bench, batches};
use crate::event::FieldType;
use crate::memtable::StoredBatch;
use crate::segment::SegmentInfo;
use crate::segment::writer::ColumnSeen;
use crate::testing::{DAY, Numbered, START, Value, any_events, event, read, stored};

const EXACT: u64 = 1 << 53;

/// The events as the segment that holds `events` must give them back: integers of a field are floats where it also has
/// floats and no integer is beyond 2^53.
fn as_stored(events: &[Numbered]) -> Vec<Numbered> {
    let mut floats = BTreeSet::new();
    let mut beyond = BTreeSet::new();
    for (name, value) in events.iter().flat_map(|e| &e.event.fields) {
        match value {
            Value::Float(_) => floats.insert(name.clone()),
            Value::Integer(i) if i.unsigned_abs() > EXACT => beyond.insert(name.clone()),
            _ => false,
        };
    }
    let mut stored = events.to_vec();
    for (name, value) in stored.iter_mut().flat_map(|e| &mut e.event.fields) {
        if let (Value::Integer(i), true, false) = (&*value, floats.contains(name), beyond.contains(name)) {
            *value = Value::float(*i as f64);
        }
    }
    stored
}

fn cluster_value<'a>(event: &'a Numbered, field: Option<&str>) -> Option<&'a str> {
    match event.event.fields.get(field?)? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// The place of an event in its segment: without a cluster value it is behind those with one.
fn place<'a>(event: &'a Numbered, field: Option<&str>) -> (bool, Option<&'a str>, i64, u64) {
    let value = cluster_value(event, field);
    (value.is_none(), value, event.event.time, event.sequence)
}

fn check_segment(bench: &Bench, info: &SegmentInfo, seen: &[ColumnSeen], events: &[Numbered], cluster: Option<&str>) {
    let mut wanted = as_stored(events);
    wanted.sort_by(|a, b| place(a, cluster).cmp(&place(b, cluster)));
    let open = bench.segment(info).open().unwrap();
    assert_eq!(read(&open).unwrap(), wanted);
    open.scrub().unwrap();
    super::walk::check(&open);
    check_info(info, &wanted);
    check_footer(&open, info, &wanted, cluster);
    check_columns(&open, seen, &wanted);
}

fn check_info(info: &SegmentInfo, wanted: &[Numbered]) {
    let times = || wanted.iter().map(|e| e.event.time);
    let sequences = || wanted.iter().map(|e| e.sequence);
    assert_eq!(info.rows, wanted.len() as u64);
    assert_eq!((info.time_min, info.time_max), (times().min().unwrap(), times().max().unwrap()));
    assert_eq!(info.received_max, wanted.iter().map(|e| e.received).max().unwrap());
    assert_eq!((info.sequence_min, info.sequence_max), (sequences().min().unwrap(), sequences().max().unwrap()));
    assert_eq!(info.sampled, wanted.iter().any(|e| e.event.rate > 1));
    assert_eq!(info.time_min / DAY, info.time_max / DAY, "a segment holds one day");
}

fn check_footer(
    open: &crate::segment::reader::OpenSegment,
    info: &SegmentInfo,
    wanted: &[Numbered],
    cluster: Option<&str>,
) {
    let footer = open.footer();
    assert_eq!((footer.format, footer.dataset_id, footer.dataset.as_str()), (2, 7, "shop"));
    assert_eq!((footer.store.as_str(), footer.segment), ("a5".repeat(16).as_str(), info.id.0));
    assert_eq!((footer.rows, footer.replaces.len()), (info.rows, 0));
    assert_eq!((footer.time_min, footer.time_max), (info.time_min, info.time_max));
    assert_eq!(footer.cluster_field.as_deref(), cluster);
    assert_eq!(footer.sequences, wanted.iter().map(|e| e.sequence).collect());
}

/// One column for each field and type that has a value, counted rightly, and none besides.
fn check_columns(open: &crate::segment::reader::OpenSegment, seen: &[ColumnSeen], wanted: &[Numbered]) {
    let mut counts: BTreeMap<(String, FieldType), (u64, i64, i64)> = BTreeMap::new();
    let mut values: BTreeMap<(String, FieldType), BTreeSet<Value>> = BTreeMap::new();
    for e in wanted {
        for (name, value) in &e.event.fields {
            let key = (name.clone(), value.field_type());
            let count = counts.entry(key.clone()).or_insert((0, i64::MAX, i64::MIN));
            *count = (count.0 + 1, count.1.min(e.event.time), count.2.max(e.event.time));
            values.entry(key).or_default().insert(value.clone());
        }
    }
    let footer: BTreeMap<_, _> = open
        .footer()
        .fields
        .iter()
        .map(|f| {
            let field_type = FieldType::from_label(&f.type_label).unwrap();
            ((f.name.clone(), field_type), (f.events, f.first_seen, f.last_seen))
        })
        .collect();
    assert_eq!(footer, counts);
    assert_eq!(seen.len(), counts.len());
    for column in seen {
        let key = (column.field.as_str().to_owned(), column.field_type);
        assert_eq!((column.seen.events, column.seen.first, column.seen.last), counts[&key]);
        let exact = values[&key].len() as u64;
        assert!(column.distinct.estimate().abs_diff(exact) <= 1 + exact / 20, "{key:?}: {exact}");
    }
    let columns = 3 + usize::from(wanted.iter().any(|e| e.event.rate > 1)) + counts.len();
    assert_eq!(open.metadata().schema().fields().len(), columns);
}

fn check(requests: &[Vec<crate::testing::Event>], cluster: Option<&str>) {
    let mut bench = Bench::new();
    let batches: Vec<Arc<StoredBatch>> = batches(requests);
    let mut days: BTreeMap<i64, Vec<Numbered>> = BTreeMap::new();
    for e in batches.iter().flat_map(|b| stored(b)) {
        days.entry(e.event.time / DAY).or_default().push(e);
    }
    let made = bench.flush(&batches, cluster);
    assert_eq!(made.len(), days.len());
    for ((info, seen), events) in made.iter().zip(days.values()) {
        check_segment(&bench, info, seen, events, cluster);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_event_comes_back(
        requests in prop::collection::vec(any_events(3, 1..30), 1..4),
        cluster in prop::sample::select(vec![None, Some("service.name"), Some("x"), Some("absent")]),
    ) {
        check(&requests, cluster);
    }
}

#[test]
fn large_segments_come_back() {
    let events = |from: i64| -> Vec<_> {
        let one = |n: i64| {
            let level = ["info", "warn", "error"][(n % 3) as usize];
            let fields =
                [("level", Value::text(level)), ("id", Value::text(&format!("{n:x}"))), ("n", Value::Integer(n))];
            event(START + (n * 7_919) % 1_000_000, &fields)
        };
        (from..from + 20_000).map(one).collect()
    };
    check(&[events(0), events(20_000)], Some("level"));
}

#[test]
fn integers_are_exact_up_to_two_to_the_53() {
    let day = |n: i64, integer: i64| {
        let at = START + n * DAY;
        [event(at, &[("x", Value::Integer(integer))]), event(at + 1, &[("x", Value::float(0.5))])]
    };
    // What one day holds does not change how another is stored.
    let requests = [day(0, 1 << 53), day(1, (1 << 53) + 1), day(2, -(1 << 53)), day(3, i64::MIN)].concat();
    let requests = [requests];
    check(&requests, None);
    let mut bench = Bench::new();
    let types: Vec<usize> = bench.flush(&batches(&requests), None).iter().map(|(_, seen)| seen.len()).collect();
    assert_eq!(types, [1, 2, 1, 2]);
}

#[test]
fn floats_that_do_not_compare_come_back() {
    let floats = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, f64::MIN_POSITIVE];
    for count in [1, 2, floats.len()] {
        let events: Vec<_> = floats[..count].iter().map(|f| event(START, &[("f", Value::float(*f))])).collect();
        check(&[events], None);
    }
}

#[test]
fn texts_at_the_edges_come_back() {
    let texts = ["", "\u{10ffff}", &"\u{10ffff}".repeat(100), &"é".repeat(5_000), "\0", &"x".repeat(64 << 10)];
    for text in texts {
        check(&[vec![event(START, &[("t", Value::text(text))])]], None);
    }
    check(&[texts.map(|t| event(START, &[("t", Value::text(t))])).to_vec()], Some("t"));
}

#[test]
fn events_without_fields_come_back() {
    check(&[vec![event(0, &[]), event(i64::MAX, &[])]], None);
}

#[test]
fn thousands_of_columns_come_back() {
    let wide = |n: usize| {
        let names: Vec<String> = (0..600).map(|field| format!("{}", n * 600 + field)).collect();
        let fields: Vec<(&str, Value)> = names.iter().map(|name| (name.as_str(), Value::Integer(1))).collect();
        event(START, &fields)
    };
    check(&[(0..5).map(wide).collect()], None);
}
