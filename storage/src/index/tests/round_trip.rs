//! Random events as segments with sidecars, and every statement of a sidecar against the events themselves.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::indexed;
use crate::event::FieldType;
use crate::index::{BlockCounts, Bounds, Cluster, ColumnEvidence, ListedValue, Probe, RowSet, Sidecar, bucket};
use crate::segment::tests::{Bench, batches};
use crate::testing::{DAY, Event, Numbered, START, Value, any_events, event, probe, read};

fn holds(set: &RowSet, row: u32) -> bool {
    let ranges = set.ranges();
    ranges.get(ranges.partition_point(|range| range.end <= row)).is_some_and(|range| range.contains(&row))
}

fn is_within(set: &RowSet, other: &RowSet) -> bool {
    set.clone().intersect(other) == *set
}

/// The rows that have a value of one field and type, with it.
type Column = BTreeMap<u32, Value>;

fn columns(events: &[Numbered]) -> BTreeMap<(String, FieldType), Column> {
    let mut columns: BTreeMap<(String, FieldType), Column> = BTreeMap::new();
    for (row, event) in events.iter().enumerate() {
        for (name, value) in &event.event.fields {
            columns.entry((name.clone(), value.field_type())).or_default().insert(row as u32, value.clone());
        }
    }
    columns
}

fn check(sidecar: &Sidecar, events: &[Numbered], cluster: Option<&str>) {
    assert_eq!(u64::from(sidecar.grid().rows), events.len() as u64);
    check_blocks(sidecar, events, cluster);
    let wanted = columns(events);
    for ((name, field_type), column) in &wanted {
        let evidence = sidecar.column(name, *field_type).unwrap().unwrap();
        check_statistics(&evidence, column, events);
        check_rows(&evidence, column, &wanted);
        check_counts(sidecar, &evidence, column, events);
    }
    assert_eq!(sidecar.columns().count(), wanted.len());
    for name in ["absent", "x", "rare"] {
        for field_type in FieldType::ALL {
            let known = wanted.contains_key(&(name.to_owned(), field_type));
            assert_eq!(sidecar.column(name, field_type).unwrap().is_some(), known, "{name} {field_type:?}");
        }
    }
    assert_eq!(sidecar.damage(), None);
    sidecar.scrub().unwrap();
}

fn check_blocks(sidecar: &Sidecar, events: &[Numbered], cluster: Option<&str>) {
    let mut next = 0;
    for block in sidecar.blocks().unwrap() {
        assert_eq!(block.first_row, next);
        let own = &events[next as usize..(next + block.rows) as usize];
        next += block.rows;
        let times = || own.iter().map(|e| e.event.time);
        assert_eq!((block.time_min, block.time_max), (times().min().unwrap(), times().max().unwrap()));
        assert_eq!(block.weight, own.iter().map(|e| u64::from(e.event.rate)).sum::<u64>());
        for event in own {
            let value = match cluster.and_then(|field| event.event.fields.get(field)) {
                Some(Value::Text(text)) => Cluster::Value(text.clone()),
                _ => Cluster::Absent,
            };
            assert!(block.cluster == value || block.cluster == Cluster::Mixed);
        }
    }
    assert_eq!(next as usize, events.len());
    for row in (0..events.len()).step_by(1 + events.len() / 20) {
        let time = events[row].event.time;
        assert!(holds(&sidecar.rows_in_time(time, time + 1), row as u32));
    }
    assert!(sidecar.rows_in_time(START - DAY, START - DAY + 1).is_empty());
}

fn check_statistics(evidence: &ColumnEvidence<'_>, column: &Column, events: &[Numbered]) {
    let statistics = &evidence.statistics;
    let own = || column.keys().map(|row| &events[*row as usize].event);
    assert_eq!(statistics.events as usize, column.len());
    assert_eq!(statistics.weight, own().map(|e| u64::from(e.rate)).sum::<u64>());
    assert_eq!(statistics.first_seen, own().map(|e| e.time).min().unwrap());
    assert_eq!(statistics.last_seen, own().map(|e| e.time).max().unwrap());
    let distinct = column.values().map(|value| format!("{:?}", probe(value)).replace("-0.0", "0.0"));
    assert_eq!(statistics.distinct as usize, distinct.collect::<BTreeSet<_>>().len());
    for value in column.values() {
        let within = match (&statistics.bounds, probe(value)) {
            (None, _) => true,
            (Some(Bounds::Boolean(low, high)), Probe::Boolean(value)) => *low <= value && value <= *high,
            (Some(Bounds::Integer(low, high)), Probe::Integer(value)) => *low <= value && value <= *high,
            (Some(Bounds::Float(low, high)), Probe::Float(value)) => *low <= value && value <= *high,
            (Some(Bounds::Text(low, high)), Probe::Text(text)) => {
                low.as_slice() <= text.as_bytes() && text.as_bytes() <= high.as_slice()
            }
            other => panic!("{other:?}"),
        };
        assert!(within && evidence.may_hold(probe(value)), "{value:?} is not in {:?}", statistics.bounds);
    }
}

fn check_rows(evidence: &ColumnEvidence<'_>, column: &Column, all: &BTreeMap<(String, FieldType), Column>) {
    let present = evidence.present().unwrap();
    let ranges = present.ranges();
    let known = column.keys().all(|row| {
        ranges.get(ranges.partition_point(|range| range.end <= *row)).is_some_and(|range| range.contains(row))
    });
    assert!(known);
    let mut values: BTreeMap<&Value, BTreeSet<u32>> = BTreeMap::new();
    for (row, value) in column {
        values.entry(value).or_default().insert(*row);
    }
    for (value, rows) in values.iter().take(500) {
        let found = evidence.find(probe(value)).unwrap();
        assert!(rows.iter().all(|row| holds(&found, *row)), "{value:?} is in rows that were not found");
        assert!(is_within(&found, &present));
    }
    let others = all.iter().filter(|((_, field_type), _)| *field_type == evidence.field_type);
    let strangers = others.flat_map(|(_, column)| column.values()).filter(|value| !values.contains_key(value)).take(50);
    strangers.for_each(|value| assert!(is_within(&evidence.find(probe(value)).unwrap(), &present)));
}

fn listed(value: &ListedValue) -> Value {
    match value {
        ListedValue::Boolean(value) => Value::Boolean(*value),
        ListedValue::Integer(value) => Value::Integer(*value),
        ListedValue::Float(value) => Value::float(*value),
        ListedValue::Text(text) => Value::text(text),
    }
}

/// Minus zero is zero.
fn unsigned_zero(value: &Value) -> Value {
    match probe(value) {
        Probe::Float(float) => Value::float(float + 0.0),
        _ => value.clone(),
    }
}

fn check_counts(sidecar: &Sidecar, evidence: &ColumnEvidence<'_>, column: &Column, events: &[Numbered]) {
    let counts = evidence.counts().unwrap();
    let distinct: BTreeSet<String> = counts.values.iter().map(|value| format!("{value:?}")).collect();
    assert_eq!(distinct.len(), counts.values.len(), "a value is listed under two numbers");
    let mut by_block: BTreeMap<u32, &BlockCounts> = counts.blocks.iter().map(|b| (b.block, b)).collect();
    assert_eq!(by_block.len(), counts.blocks.len());
    for (number, block) in sidecar.blocks().unwrap().iter().enumerate() {
        let own: Vec<(&Value, u64)> = column
            .range(block.first_row..block.first_row + block.rows)
            .map(|(row, value)| (value, u64::from(events[*row as usize].event.rate)))
            .collect();
        let Some(counted) = by_block.remove(&(number as u32)) else {
            assert!(own.is_empty());
            continue;
        };
        let weight: u64 = own.iter().map(|(_, rate)| rate).sum();
        assert_eq!((counted.events as usize, counted.weight), (own.len(), weight));
        let mut wanted: BTreeMap<Value, (u32, u64)> = BTreeMap::new();
        for (value, rate) in &own {
            let sum = wanted.entry(unsigned_zero(value)).or_default();
            *sum = (sum.0 + 1, sum.1 + rate);
        }
        let mut told = (0, 0);
        for count in &counted.listed {
            let value = listed(&counts.values[count.value as usize]);
            let (events, weight) = wanted.get(&value).copied().unwrap_or_default();
            assert_eq!((count.events, count.weight), (events, weight), "{value:?} of {}", evidence.field);
            assert!(events > 0);
            told = (told.0 + u64::from(events), told.1 + weight);
        }
        assert_eq!(counted.other(), (own.len() as u64 - told.0, weight - told.1));
        check_histogram(counted, &own);
    }
    assert!(by_block.is_empty());
}

fn check_histogram(counted: &BlockCounts, own: &[(&Value, u64)]) {
    let mut wanted: BTreeMap<i32, (u32, u64)> = BTreeMap::new();
    for (value, rate) in own {
        let number = match probe(value) {
            Probe::Integer(value) => value as f64,
            Probe::Float(value) if !value.is_nan() => value,
            _ => continue,
        };
        let count = wanted.entry(bucket(number)).or_default();
        *count = (count.0 + 1, count.1 + rate);
    }
    let told: BTreeMap<i32, (u32, u64)> = counted.histogram.iter().map(|b| (b.bucket, (b.events, b.weight))).collect();
    assert_eq!(told, wanted);
}

fn check_all(requests: &[Vec<Event>], cluster: Option<&str>) {
    let mut bench = Bench::new();
    for (info, _) in bench.flush(&batches(requests), cluster) {
        bench.index(&info);
        let segment = bench.segment(&info);
        let events = read(&segment.open().unwrap()).unwrap();
        let sidecar = segment.sidecar().unwrap();
        check(&sidecar, &events, cluster);
        assert_eq!(sidecar.bytes(), std::fs::metadata(bench.sidecar(info.id.0)).unwrap().len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_sidecar_says_what_is_in_its_segment(
        requests in prop::collection::vec(any_events(2, 1..60), 1..4),
        cluster in prop::sample::select(vec![None, Some("service.name"), Some("x"), Some("absent")]),
    ) {
        check_all(&requests, cluster);
    }
}

/// An event of a service with ids, measures, common and rare values.
fn plausible(n: i64) -> Event {
    let chance = |tag: i64, many: i64| {
        (n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(tag * 1_442_695_041) >> 33).rem_euclid(many)
    };
    let text = |prefix: &str, number: i64| Value::text(&format!("{prefix}{number}"));
    let mut fields = vec![
        ("service.name", text("service-", chance(1, 5))),
        ("id", Value::text(&format!("{:016x}", chance(2, i64::MAX)))),
        ("trace", text("trace-", n / 7)),
        ("user", text("user-", chance(3, 1 + chance(4, 5_000)))),
        ("number", Value::Integer(chance(5, i64::MAX))),
        ("status", Value::Integer(if chance(6, 3_000) == 0 { 503 } else { 200 })),
        ("duration", Value::float(chance(7, 1_000_000) as f64 / 7.0)),
        ("ok", Value::Boolean(chance(8, 4_000) != 0)),
        ("city", text("city-", chance(9, 400))),
    ];
    if chance(10, 9_000) == 0 {
        fields.push(("error", text("error-", chance(11, 3))));
    }
    Event { rate: if n % 3 == 0 { 1 } else { 10 }, ..event(START + n * 1_000, &fields) }
}

#[test]
fn a_large_sidecar_says_what_is_in_its_segment() {
    let requests: Vec<Vec<Event>> = (0..20).map(|r| (r * 1_500..(r + 1) * 1_500).map(plausible).collect()).collect();
    check_all(&requests, Some("service.name"));
    check_all(&requests, None);
}

#[test]
fn floats_that_do_not_compare_are_told_too() {
    let floats = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, f64::MIN_POSITIVE, 1.0];
    for count in 1..=floats.len() {
        let own = |floats: &[f64]| floats.iter().map(|f| event(START, &[("f", Value::float(*f))])).collect::<Vec<_>>();
        let mut bench = Bench::new();
        let segment = indexed(&mut bench, &own(&floats[..count]));
        let sidecar = segment.sidecar().unwrap();
        let evidence = sidecar.column("f", FieldType::Float).unwrap().unwrap();
        for (row, float) in floats[..count].iter().enumerate() {
            assert!(holds(&evidence.find(Probe::Float(*float)).unwrap(), row as u32), "{float}");
        }
    }
}

#[test]
fn long_and_odd_texts_are_found() {
    let texts = [
        "",
        "\u{10ffff}",
        &"\u{10ffff}".repeat(100),
        &"é".repeat(5_000),
        "\0",
        &"x".repeat(64 << 10),
        &"x".repeat(256),
    ];
    check_all(&[texts.map(|t| event(START, &[("t", Value::text(t))])).to_vec()], None);
    check_all(&[texts.map(|t| event(START, &[("t", Value::text(t))])).to_vec()], Some("t"));
}

#[test]
fn values_on_edges_of_slices_and_blocks_are_found() {
    let rows = 64 * 4_096 + 2;
    let edges = [0, 8_191, 8_192, 16_383, 65_535, 65_536, rows - 1];
    let one = |n: i64| {
        let mark = edges.contains(&n).then_some(("mark", Value::Integer(n)));
        let fields: Vec<_> = mark.into_iter().chain([("same", Value::Boolean(true))]).collect();
        event(START + n, &fields)
    };
    let mut bench = Bench::new();
    let segment = indexed(&mut bench, &(0..rows).map(one).collect::<Vec<_>>());
    let sidecar = segment.sidecar().unwrap();
    let marks = sidecar.column("mark", FieldType::Integer).unwrap().unwrap();
    for edge in edges {
        assert_eq!(marks.find(Probe::Integer(edge)).unwrap().ranges(), vec![edge as u32..edge as u32 + 1]);
    }
    assert_eq!(marks.present().unwrap().count(), edges.len() as u64);
    assert!(sidecar.column("same", FieldType::Boolean).unwrap().unwrap().present().unwrap().is_all());
    let blocks: Vec<u32> = marks.counts().unwrap().blocks.iter().map(|b| b.events).collect();
    assert_eq!(blocks, [5, 1, 1]);
}
