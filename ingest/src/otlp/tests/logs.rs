//! Log records.

use serde_json::json;

use super::super::Signal;
use super::{picked, rows_of};
use crate::protobuf::testing::{M, array, attribute, list, text};

const TIME: u64 = 1_700_000_000_000_000_000;

#[test]
fn a_log_record_is_an_event_at_its_time() {
    let log = M::new()
        .fixed64(1, TIME)
        .fixed64(11, TIME + 5)
        .varint(2, 9)
        .text(3, "Information")
        .message(5, &text("hello"))
        .message(6, &attribute("user", &text("u-1")))
        .fixed32(8, 1)
        .bytes(9, &[1; 16])
        .bytes(10, &[2; 8])
        .text(12, "login");
    assert_eq!(
        rows_of(Signal::Logs, &[log]),
        [json!({
            "timestamp": TIME, "severity": "info", "severity_code": 9, "severity_text": "Information", "body": "hello", "user": "u-1",
            "flags": 1, "trace.trace_id": "01010101010101010101010101010101", "trace.parent_id": "0202020202020202",
            "meta.annotation_type": "span_event", "meta.signal_type": "log", "event.name": "login"
        })]
    );
    assert_eq!(
        rows_of(Signal::Logs, &[M::new()]),
        [json!({ "severity": "unspecified", "severity_code": 0, "flags": 0, "meta.signal_type": "log" })]
    );
}

#[test]
fn the_time_observed_stands_in_for_the_time() {
    let rows = rows_of(Signal::Logs, &[M::new().fixed64(11, TIME), M::new().fixed64(1, u64::MAX).fixed64(11, TIME)]);
    assert_eq!(rows[0]["timestamp"], TIME);
    assert_eq!(
        picked(&rows[1], &["timestamp", "meta.invalid_timestamp"]),
        json!({ "timestamp": null, "meta.invalid_timestamp": "18446744073709551615" })
    );
}

#[test]
fn severities_have_words() {
    let words = [
        (0, "unspecified"),
        (1, "trace"),
        (4, "trace"),
        (5, "debug"),
        (8, "debug"),
        (9, "info"),
        (12, "info"),
        (13, "warn"),
        (16, "warn"),
        (17, "error"),
        (20, "error"),
        (21, "fatal"),
        (24, "fatal"),
        (25, "unspecified"),
    ];
    for (number, word) in words {
        assert_eq!(rows_of(Signal::Logs, &[M::new().varint(2, number)])[0]["severity"], word, "{number}");
    }
}

#[test]
fn bodies_of_every_type() {
    let body = |value: &M| rows_of(Signal::Logs, &[M::new().message(5, value)]).remove(0);
    for (value, expected) in [
        (M::new().varint(3, 7), json!(7)),
        (M::new().double(4, 0.5), json!(0.5)),
        (M::new().varint(2, 1), json!(true)),
        (M::new().bytes(7, &[1, 2, 3]), json!("AQID")),
        (array(&[&text("a"), &M::new().varint(3, 1)]), json!("[\"a\",1]")),
        (list(&[]), json!("{}")),
        (text(""), json!("")),
        (M::new(), json!(null)),
    ] {
        assert_eq!(body(&value)["body"], expected);
    }
    let nested = body(&list(&[("a", &text("x")), ("b", &list(&[("c", &M::new().varint(3, 2))]))]));
    assert_eq!(
        picked(&nested, &["body", "body.a", "body.b.c"]),
        json!({ "body": "{\"a\":\"x\",\"b\":{\"c\":2}}", "body.a": "x", "body.b.c": 2 })
    );
}

#[test]
fn an_attribute_named_body_wins_over_the_body() {
    let log = M::new().message(5, &text("the body")).message(6, &attribute("body", &text("the attribute")));
    assert_eq!(rows_of(Signal::Logs, &[log])[0]["body"], "the attribute");
}
