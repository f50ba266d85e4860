//! Spans, their events and their links.

use serde_json::json;

use super::super::{Format, Signal};
use super::{decode_as, picked, request, rows_of};
use crate::protobuf::testing::{M, attribute, text};
use crate::tests::{rejected, rows};

const START: u64 = 1_700_000_000_000_000_000;

fn span() -> M {
    M::new()
        .bytes(1, &(0..16).collect::<Vec<u8>>())
        .bytes(2, &[0xab; 8])
        .bytes(4, &[0xcd; 8])
        .text(5, "GET /cart")
        .varint(6, 2)
        .fixed64(7, START)
        .fixed64(8, START + 12_500_000)
}

#[test]
fn a_span_is_an_event_at_its_start() {
    let whole = span()
        .text(3, "vendor=1")
        .message(9, &attribute("http.route", &text("/cart")))
        .message(15, &M::new().text(2, "broken").varint(3, 2));
    assert_eq!(
        rows_of(Signal::Traces, &[whole]),
        [json!({
            "timestamp": START, "trace.trace_id": "000102030405060708090a0b0c0d0e0f", "trace.span_id": "abababababababab",
            "trace.parent_id": "cdcdcdcdcdcdcdcd", "trace.trace_state": "vendor=1", "name": "GET /cart", "type": "server",
            "span.kind": "server", "status_code": 2, "status_message": "broken", "error": true, "duration_ms": 12.5,
            "span.num_events": 0, "span.num_links": 0, "meta.signal_type": "trace", "http.route": "/cart"
        })]
    );
}

#[test]
fn a_span_that_says_nothing_has_what_can_be_said() {
    assert_eq!(
        rows_of(Signal::Traces, &[M::new()]),
        [json!({ "name": "", "type": "unspecified", "span.kind": "unspecified", "status_code": 0, "duration_ms": 0.0,
                 "span.num_events": 0, "span.num_links": 0, "meta.signal_type": "trace" })]
    );
}

#[test]
fn kinds_and_status_codes() {
    for (kind, word) in [
        (0, "unspecified"),
        (1, "internal"),
        (2, "server"),
        (3, "client"),
        (4, "producer"),
        (5, "consumer"),
        (6, "unspecified"),
        (u64::MAX, "unspecified"),
    ] {
        let rows = rows_of(Signal::Traces, &[M::new().varint(6, kind)]);
        assert_eq!(picked(&rows[0], &["type", "span.kind"]), json!({ "type": word, "span.kind": word }), "{kind}");
    }
    for (code, error) in [(0, json!(null)), (1, json!(null)), (2, json!(true))] {
        let rows = rows_of(Signal::Traces, &[M::new().message(15, &M::new().varint(3, code))]);
        assert_eq!(picked(&rows[0], &["status_code", "error"]), json!({ "status_code": code, "error": error }));
    }
}

#[test]
fn ids_without_their_padding() {
    let padded = [vec![0; 8], vec![0xaa; 8]].concat();
    for (id, hex) in [
        (padded.as_slice(), json!("aaaaaaaaaaaaaaaa")),
        (&[0; 16], json!(null)),
        (&[], json!(null)),
        (&[0, 0, 0, 0, 0, 0, 0, 1], json!("0000000000000001")),
        (&[1, 2, 3], json!("010203")),
    ] {
        let row = &rows_of(Signal::Traces, &[M::new().bytes(1, id).bytes(4, id)])[0];
        assert_eq!((&row["trace.trace_id"], &row["trace.parent_id"]), (&hex, &hex), "{id:?}");
    }
}

#[test]
fn times_that_are_odd() {
    let at = |start: u64, end: u64| rows_of(Signal::Traces, &[M::new().fixed64(7, start).fixed64(8, end)]).remove(0);
    let names = ["timestamp", "duration_ms", "meta.invalid_duration", "meta.invalid_timestamp"];
    for (start, end, expected) in [
        (START, START, json!([START, 0.0, null, null])),
        (START, START - 1, json!([START, 0.0, true, null])),
        (START, 0, json!([START, 0.0, true, null])),
        (0, 5_000_000, json!([null, 5.0, null, null])),
        (u64::MAX, u64::MAX, json!([null, 0.0, null, "18446744073709551615"])),
        (1, u64::MAX, json!([1, (u64::MAX - 1) as f64 / 1e6, null, null])),
    ] {
        let row = at(start, end);
        assert_eq!(json!(names.map(|name| row[name].clone())), expected, "{start} {end}");
    }
}

#[test]
fn span_events_and_links_are_events_of_their_own() {
    let event = M::new()
        .fixed64(1, START + 2_000_000)
        .text(2, "retry")
        .message(3, &attribute("attempt", &M::new().varint(3, 2)));
    let link =
        M::new().bytes(1, &[1; 16]).bytes(2, &[2; 8]).text(3, "s=1").message(4, &attribute("why", &text("batch")));
    let whole = span()
        .message(13, &link)
        .message(11, &event)
        .message(9, &attribute("own", &text("span's")))
        .message(9, &attribute("sampleRate", &M::new().varint(3, 3)))
        .message(15, &M::new().varint(3, 2));
    let body = request(&M::new().message(1, &attribute("host", &text("h"))), &M::new().text(1, "lib"), &[whole]);
    let decoded = decode_as(Signal::Traces, Some(Format::Protobuf), &body).unwrap();
    assert_eq!((decoded.items, decoded.accepted), (1, 3));
    let rows = rows(&decoded);
    assert_eq!(
        picked(&rows[0], &["span.num_events", "span.num_links", "sample_rate"]),
        json!({ "span.num_events": 1, "span.num_links": 1, "sample_rate": 3 })
    );
    assert_eq!(
        rows[1..],
        [
            json!({ "timestamp": START, "sample_rate": 3, "trace.trace_id": "000102030405060708090a0b0c0d0e0f", "trace.parent_id": "abababababababab",
                    "trace.link.trace_id": "01010101010101010101010101010101", "trace.link.span_id": "0202020202020202", "trace.link.trace_state": "s=1",
                    "parent_name": "GET /cart", "meta.annotation_type": "link", "meta.signal_type": "trace", "error": true, "why": "batch",
                    "host": "h", "library.name": "lib" }),
            json!({ "timestamp": START + 2_000_000, "sample_rate": 3, "trace.trace_id": "000102030405060708090a0b0c0d0e0f", "trace.parent_id": "abababababababab",
                    "name": "retry", "parent_name": "GET /cart", "meta.annotation_type": "span_event", "meta.signal_type": "trace",
                    "meta.time_since_span_start_ms": 2.0, "error": true, "attempt": 2, "host": "h", "library.name": "lib" }),
        ]
    );
}

#[test]
fn span_events_before_the_span_or_without_a_time() {
    let rows = rows_of(Signal::Traces, &[span().message(11, &M::new().fixed64(1, START - 1)).message(11, &M::new())]);
    let names = ["timestamp", "meta.time_since_span_start_ms", "meta.invalid_time_since_span_start"];
    assert_eq!(
        picked(&rows[1], &names),
        json!({ "timestamp": START - 1, "meta.time_since_span_start_ms": 0.0, "meta.invalid_time_since_span_start": true })
    );
    assert_eq!(
        picked(&rows[2], &names),
        json!({ "timestamp": START, "meta.time_since_span_start_ms": 0.0, "meta.invalid_time_since_span_start": null })
    );
}

#[test]
fn the_first_exception_is_the_spans_too() {
    let exception = |message: &str| {
        M::new()
            .text(2, "exception")
            .message(3, &attribute("exception.message", &text(message)))
            .message(3, &attribute("exception.type", &text("E")))
            .message(3, &attribute("exception.escaped", &M::new().varint(2, 1)))
            .message(3, &attribute("exception.other", &text("only the event's")))
    };
    let other = M::new().text(2, "other").message(3, &attribute("exception.message", &text("no exception")));
    let span = span()
        .message(11, &other)
        .message(11, &exception("first"))
        .message(11, &exception("second"))
        .message(9, &attribute("exception.type", &text("the span's")));
    let rows = rows_of(Signal::Traces, &[span]);
    let names = ["exception.message", "exception.type", "exception.escaped", "exception.stacktrace", "exception.other"];
    assert_eq!(
        picked(&rows[0], &names),
        json!({ "exception.message": "first", "exception.type": "the span's", "exception.escaped": true, "exception.stacktrace": null, "exception.other": null })
    );
    assert_eq!(rows[3]["exception.message"], "second");
}

#[test]
fn a_bad_span_event_is_rejected_without_its_span_and_a_bad_span_with_its_events() {
    let bad = M::new().text(2, "bad").message(3, &attribute("a\nb", &text("x")));
    let good = M::new().text(2, "good");
    let spans = [
        span().message(11, &bad).message(11, &good),
        span().message(11, &good).message(9, &M::new().text(1, "k").message(2, &M::new().bytes(1, &[0xff]))),
        span(),
    ];
    let decoded = decode_as(Signal::Traces, Some(Format::Protobuf), &request(&M::new(), &M::new(), &spans)).unwrap();
    assert_eq!((decoded.items, decoded.accepted, rejected(&decoded)), (3, 3, vec![0, 1]));
    assert_eq!(rows(&decoded)[1]["name"], "good");
    assert!(decoded.rejects.listed[0].error.contains("control character"), "{:?}", decoded.rejects);
    assert!(
        decoded.rejects.listed[1].error.contains("\"k\"") && decoded.rejects.listed[1].error.contains("UTF-8"),
        "{:?}",
        decoded.rejects
    );
}
