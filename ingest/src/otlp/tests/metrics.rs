//! Data points and what they become together.

use serde_json::{Value, json};

use super::super::{Format, Signal};
use super::{decode_as, picked, request, rows_of};
use crate::protobuf::testing::{M, attribute, text};
use crate::tests::{rejected, rows};

const TIME: u64 = 1_700_000_000_000_000_000;

/// A metric whose points are in this field.
fn metric(name: &str, kind: u32, points: &[M]) -> M {
    M::new().text(1, name).message(kind, &points.iter().fold(M::new(), |all, point| all.message(1, point)))
}

fn integer(time: u64, value: i64) -> M {
    M::new().fixed64(3, time).fixed64(6, value as u64)
}

#[test]
fn points_of_one_second_with_the_same_attributes_are_one_event() {
    let with = |point: M, attributes: &[(&str, &str)]| {
        attributes.iter().fold(point, |point, (key, value)| point.message(7, &attribute(key, &text(value))))
    };
    let metrics = [
        metric(
            "used",
            5,
            &[
                with(integer(TIME, 1), &[("a", "1"), ("b", "2")]),
                with(integer(TIME, 2), &[("a", "other")]),
                with(integer(TIME + 1_000_000_000, 3), &[("a", "1"), ("b", "2")]),
            ],
        ),
        metric("free", 7, &[with(M::new().fixed64(3, TIME + 999_999_999).double(4, 0.5), &[("b", "2"), ("a", "1")])]),
    ];
    assert_eq!(
        rows_of(Signal::Metrics, &metrics),
        [
            json!({ "timestamp": TIME, "a": "1", "b": "2", "used": 1, "free": 0.5, "meta.signal_type": "metric" }),
            json!({ "timestamp": TIME, "a": "other", "used": 2, "meta.signal_type": "metric" }),
            json!({ "timestamp": TIME + 1_000_000_000, "a": "1", "b": "2", "used": 3, "meta.signal_type": "metric" }),
        ]
    );
}

#[test]
fn a_metric_that_comes_again_begins_another_event_and_nothing_is_lost() {
    let rows = rows_of(
        Signal::Metrics,
        &[
            metric("m", 5, &[integer(TIME, 1), integer(TIME, 2), integer(TIME + 5, 3)]),
            metric("n", 5, &[integer(TIME, 9)]),
        ],
    );
    let found: Vec<Value> = rows.iter().map(|row| json!([row["m"], row["n"]])).collect();
    assert_eq!(found, [json!([1, null]), json!([2, null]), json!([3, 9])]);
}

#[test]
fn scopes_are_apart() {
    let scope =
        |name: &str| M::new().message(1, &M::new().text(1, name)).message(2, &metric("m", 5, &[integer(TIME, 1)]));
    let body = M::new().message(1, &M::new().message(2, &scope("a")).message(2, &scope("b"))).0;
    let decoded = decode_as(Signal::Metrics, Some(Format::Protobuf), &body).unwrap();
    assert_eq!((decoded.items, decoded.accepted), (2, 2));
}

#[test]
fn histograms_are_totals_and_percentiles() {
    let point = M::new()
        .fixed64(3, TIME)
        .fixed64(4, 4)
        .double(5, 10.0)
        .packed64(6, &[0, 4, 0])
        .packed_doubles(7, &[0.0, 4.0])
        .double(11, 1.0)
        .double(12, 4.0);
    let row = &rows_of(Signal::Metrics, &[metric("h", 9, std::slice::from_ref(&point))])[0];
    let expected = json!({ "h.count": 4, "h.sum": 10.0, "h.avg": 2.5, "h.min": 1.0, "h.max": 4.0, "h.p001": 1.0, "h.p50": 2.0, "h.p99": 3.96 });
    let names: Vec<&str> = expected.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(picked(row, &names), expected);
    // Numbers that are not packed, a point without buckets or sum, one that is empty.
    let unpacked = M::new().fixed64(4, 2).fixed64(6, 2).fixed64(6, 0).double(7, 8.0);
    let row = &rows_of(Signal::Metrics, &[metric("h", 9, &[unpacked])])[0];
    assert_eq!(picked(row, &["h.count", "h.p50", "h.sum"]), json!({ "h.count": 2, "h.p50": 4.0, "h.sum": null }));
    let rows = rows_of(Signal::Metrics, &[metric("h", 9, &[M::new().fixed64(4, u64::MAX), M::new().double(5, 0.0)])]);
    assert_eq!(
        (&rows[0]["h.count"], &rows[1]["h.count"], &rows[1]["h.avg"]),
        (&json!("18446744073709551615"), &json!(0), &json!(null))
    );
}

#[test]
fn exponential_histograms_too() {
    let buckets = |offset: i64, counts: &[u64]| M::new().zigzag(1, offset).packed_varints(2, counts);
    let point = M::new()
        .message(1, &attribute("route", &text("/")))
        .fixed64(3, TIME)
        .fixed64(4, 10)
        .double(5, 50.0)
        .zigzag(6, 0)
        .fixed64(7, 2)
        .message(8, &buckets(1, &[4, 0, 4]))
        .message(9, &buckets(0, &[0]))
        .double(13, 12.0)
        .double(14, 0.001);
    let row = &rows_of(Signal::Metrics, &[metric("e", 10, &[point])])[0];
    let expected =
        json!({ "route": "/", "e.count": 10, "e.avg": 5.0, "e.max": 12.0, "e.p50": 3.5, "e.p99": 12.0, "e.min": null });
    let names: Vec<&str> = expected.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(picked(row, &names), expected);
}

#[test]
fn summaries_have_the_quantiles_they_were_sent_with() {
    let quantile = |quantile: f64, value: f64| M::new().double(1, quantile).double(2, value);
    let point = M::new()
        .fixed64(4, 2)
        .double(5, 3.0)
        .message(6, &quantile(0.0, 1.0))
        .message(6, &quantile(0.5, 1.5))
        .message(6, &quantile(0.999, 1.9))
        .message(6, &quantile(1.0, 2.0));
    assert_eq!(
        rows_of(Signal::Metrics, &[metric("s", 11, &[point])]),
        [
            json!({ "s.count": 2, "s.sum": 3.0, "s.avg": 1.5, "s.min": 1.0, "s.p50": 1.5, "s.p999": 1.9, "s.max": 2.0, "meta.signal_type": "metric" })
        ]
    );
}

#[test]
fn points_without_a_recorded_value_make_no_event() {
    let none = |flags: u32| M::new().fixed64(3, TIME).varint(flags, 1);
    let metrics = [
        metric("n", 5, &[none(8)]),
        metric("h", 9, &[none(10)]),
        metric("e", 10, &[none(10)]),
        metric("s", 11, &[none(8).message(6, &M::new().double(1, 0.5))]),
        metric("nothing", 5, &[M::new().fixed64(3, TIME)]),
    ];
    let decoded = decode_as(Signal::Metrics, Some(Format::Protobuf), &request(&M::new(), &M::new(), &metrics)).unwrap();
    assert_eq!((decoded.items, decoded.accepted, decoded.rejects.total), (5, 0, 0));
    let beside = [metric("n", 5, &[none(8)]), metric("m", 5, &[integer(TIME, 3)])];
    assert_eq!(rows_of(Signal::Metrics, &beside), [json!({ "timestamp": TIME, "m": 3, "meta.signal_type": "metric" })]);
}

#[test]
fn messages_of_before_version_1_are_read() {
    let label = M::new().text(1, "host").text(2, "h");
    let old = M::new().message(1, &label).fixed64(3, TIME);
    for (kind, point, expected) in [
        (4, old.clone().fixed64(4, (-3_i64) as u64), json!({ "m": -3 })),
        (6, old.clone().fixed64(4, 9), json!({ "m": 9 })),
        (5, old.clone().double(4, 1.5), json!({ "m": 1.5 })),
        (
            8,
            old.clone().fixed64(4, 2).fixed64(5, 10).packed64(6, &[2, 0]).packed_doubles(7, &[10.0]),
            json!({ "m.count": 2, "m.sum": 10.0, "m.p50": 5.0 }),
        ),
    ] {
        let row = &rows_of(Signal::Metrics, &[metric("m", kind, &[point])])[0];
        let names: Vec<&str> = expected.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!((picked(row, &names), &row["host"]), (expected, &json!("h")), "{kind}");
    }
}

#[test]
fn bad_points_are_rejected_with_those_that_share_their_event() {
    let bad = integer(TIME, 1).message(7, &attribute("a\n", &text("x")));
    let metrics = [
        metric("m", 5, &[bad.clone(), integer(TIME, 2)]),
        metric("n", 5, &[bad]),
        metric("", 5, &[integer(TIME + 2_000_000_000, 1)]),
    ];
    let decoded = decode_as(Signal::Metrics, Some(Format::Protobuf), &request(&M::new(), &M::new(), &metrics)).unwrap();
    assert_eq!((decoded.items, decoded.accepted, rejected(&decoded).len()), (4, 1, 3));
    assert_eq!(rows(&decoded)[0]["m"], 2);
}
