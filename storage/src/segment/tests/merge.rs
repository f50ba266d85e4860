//! Merging keeps every event but the dropped ones, in the order of segments, and says what it did.

use std::collections::BTreeSet;

use proptest::prelude::*;
use roaring::RoaringBitmap;

use super::{Bench, DATASET, STORE, batches};
use crate::error::StoreError;
use crate::event::DatasetName;
use crate::paths::SegmentId;
use crate::segment::file::Head;
use crate::segment::merge::{Input, merge};
use crate::segment::{LEVEL_COMPACTED, SegmentInfo};
use crate::testing::{DAY, Event, Numbered, START, Value, any_events, event, read};

fn head<'a>(name: &'a DatasetName, id: u64, inputs: &[Input], cluster_field: Option<&'a str>) -> Head<'a> {
    Head {
        store_id: STORE,
        dataset: DATASET,
        dataset_name: name,
        id: SegmentId(id),
        level: LEVEL_COMPACTED,
        replaces: inputs.iter().map(|i| SegmentId(i.segment.footer().segment)).collect(),
        cluster_field,
    }
}

fn merged(bench: &Bench, inputs: &[Input], cluster_field: Option<&str>) -> Result<Option<SegmentInfo>, StoreError> {
    let name = DatasetName::new("shop").unwrap();
    merge(&*bench.disk, &bench.data_dir(), &head(&name, 900, inputs, cluster_field), inputs, &|| false)
}

/// The segments of the requests, with the rows to drop from each.
fn inputs(bench: &mut Bench, requests: &[Vec<Event>], cluster: Option<&str>, drop: impl Fn(u64) -> bool) -> Vec<Input> {
    let all = batches(requests);
    let mut inputs = Vec::new();
    for batch in all {
        for (info, _) in bench.flush(&[batch], cluster) {
            let segment = bench.segment(&info).open().unwrap();
            let rows = read(&segment).unwrap();
            let dropped = rows.iter().enumerate().filter(|(_, e)| drop(e.sequence)).map(|(row, _)| row as u32);
            inputs.push(Input { segment, dropped: dropped.collect::<RoaringBitmap>() });
        }
    }
    inputs
}

fn cluster_value<'a>(event: &'a Numbered, field: Option<&str>) -> Option<&'a str> {
    match field.and_then(|field| event.event.fields.get(field)) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn check(bench: &Bench, inputs: &[Input], info: Option<SegmentInfo>, cluster: Option<&str>) {
    let mut wanted: Vec<Numbered> = Vec::new();
    for input in inputs {
        let rows = read(&input.segment).unwrap().into_iter().enumerate();
        wanted.extend(rows.filter(|(row, _)| !input.dropped.contains(*row as u32)).map(|(_, e)| e));
    }
    wanted.sort_by(|a, b| {
        let place = |e: &Numbered| (e.event.time, e.sequence);
        let (x, y) = (cluster_value(a, cluster), cluster_value(b, cluster));
        x.is_none().cmp(&y.is_none()).then_with(|| x.cmp(&y)).then_with(|| place(a).cmp(&place(b)))
    });
    let Some(info) = info else {
        assert!(wanted.is_empty(), "events are gone");
        return;
    };
    let open = bench.segment(&info).open().unwrap();
    open.scrub().unwrap();
    assert_eq!(read(&open).unwrap(), wanted);
    let footer = open.footer();
    assert_eq!((info.rows, info.level), (wanted.len() as u64, LEVEL_COMPACTED));
    assert_eq!(footer.info(info.bytes), info);
    assert_eq!(info.time_min, wanted.iter().map(|e| e.event.time).min().unwrap());
    assert_eq!(info.time_max, wanted.iter().map(|e| e.event.time).max().unwrap());
    for input in inputs {
        let accounted = read(&input.segment).unwrap();
        assert!(accounted.iter().all(|e| footer.sequences.contains(e.sequence)), "dropped ones are accounted for");
    }
    let mut counted = BTreeSet::new();
    for field in &footer.fields {
        let (name, field_type) = field.key().unwrap();
        let having = || {
            wanted
                .iter()
                .filter(|e| e.event.fields.get(name.as_str()).is_some_and(|value| stored_as(value, field_type)))
        };
        assert!(counted.insert((name.clone(), field_type)));
        assert_eq!(field.events, having().count() as u64, "{name} {field_type:?}");
        assert_eq!(field.first_seen, having().map(|e| e.event.time).min().unwrap());
        assert_eq!(field.last_seen, having().map(|e| e.event.time).max().unwrap());
    }
}

fn stored_as(value: &Value, field_type: crate::event::FieldType) -> bool {
    value.field_type() == field_type
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_event_is_there_in_its_place(
        requests in proptest::collection::vec(any_events(1, 1..40), 1..6),
        clustered in any::<bool>(),
        drop in prop_oneof![Just(1u64 << 60), 1..6u64],
    ) {
        let cluster = clustered.then_some("service.name");
        let mut bench = Bench::new();
        let inputs = inputs(&mut bench, &requests, cluster, |sequence| sequence % drop == 0);
        let info = merged(&bench, &inputs, cluster).unwrap();
        check(&bench, &inputs, info, cluster);
    }
}

/// Events enough for several row groups, out of segments whose rows alternate.
#[test]
fn many_rows_cross_row_groups() {
    let mut bench = Bench::new();
    let service = |n: i64| Value::text(["cart", "shop", "find"][(n % 3) as usize]);
    let of = |n: i64, with: bool| {
        let mut fields = vec![("n", Value::Integer(n)), ("service.name", service(n))];
        if with {
            fields.push(("only", Value::text(&format!("text {n}"))));
        }
        event(START + n, &fields)
    };
    let requests: Vec<Vec<Event>> = vec![
        (0..150_000).step_by(2).map(|n| of(n, false)).collect(),
        (1..150_000).step_by(2).map(|n| of(n, true)).collect(),
        (150_000..160_000).map(|n| of(n, n % 2 == 0)).collect(),
    ];
    let inputs = inputs(&mut bench, &requests, Some("service.name"), |sequence| sequence == 7);
    let info = merged(&bench, &inputs, Some("service.name")).unwrap();
    assert_eq!(bench.segment(info.as_ref().unwrap()).open().unwrap().metadata().metadata().num_row_groups(), 2);
    check(&bench, &inputs, info, Some("service.name"));
}

#[test]
fn nothing_left_is_no_segment() {
    let mut bench = Bench::new();
    let inputs = inputs(&mut bench, &[vec![event(START, &[]), event(START + DAY, &[])]], None, |_| true);
    assert_eq!(merged(&bench, &inputs, None).unwrap(), None);
    assert!(!bench.path(900).exists());
}

#[test]
fn whoever_is_asked_to_stop_stops() {
    let mut bench = Bench::new();
    let inputs = inputs(&mut bench, &[vec![event(START, &[])]], None, |_| false);
    let name = DatasetName::new("shop").unwrap();
    let stopped = merge(&*bench.disk, &bench.data_dir(), &head(&name, 900, &inputs, None), &inputs, &|| true);
    assert!(matches!(stopped, Err(StoreError::Closed)));
}

#[test]
fn damage_in_an_input_is_an_error_of_that_file() {
    let mut bench = Bench::new();
    let text =
        |n: i64| (0..40).map(|k| format!("{:x}", (n * 6_364_136 + k * 1_442_695) % 1_000_003)).collect::<String>();
    let events: Vec<_> = (0..1_500).map(|n| event(START + n, &[("t", Value::text(&text(n)))])).collect();
    bench.one(&events);
    let mut bytes = std::fs::read(bench.path(1)).unwrap();
    bytes[70_000] ^= 1;
    std::fs::write(bench.path(1), bytes).unwrap();
    let info = SegmentInfo { id: SegmentId(1), ..bench.flush(&batches(&[vec![event(START, &[])]]), None)[0].0.clone() };
    let segment = crate::segment::reader::OpenSegment::open(bench.disk.clone(), &bench.data_dir(), DATASET, info.id);
    let inputs = [Input { segment: segment.unwrap(), dropped: RoaringBitmap::new() }];
    let failed = merged(&bench, &inputs, None);
    assert!(matches!(failed, Err(StoreError::Damaged { path, .. }) if path == bench.path(1)));
}
