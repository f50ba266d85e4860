//! The JSON form against the protobuf one.

use serde_json::{Value, json};

use super::super::{Format, Signal};
use super::decode_as;
use crate::DecodeError;
use crate::tests::{rejected, rows};

fn spans(spans: &str) -> String {
    format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":{spans}}}]}}]}}")
}

fn rows_of(signal: Signal, body: &str) -> Vec<Value> {
    let decoded =
        decode_as(signal, Some(Format::Json), body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"));
    assert_eq!(decoded.rejects.total, 0, "{:?}", decoded.rejects);
    rows(&decoded)
}

#[test]
fn a_span_with_everything() {
    let body = json!({ "resourceSpans": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "cart" } }] },
        "schemaUrl": "urn:r",
        "scopeSpans": [{ "scope": { "name": "lib", "version": "1" }, "schemaUrl": "urn:s", "spans": [{
            "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174", "parentSpanId": "", "traceState": "a=b",
            "name": "op", "kind": 3, "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": 1_700_000_000_001_000_000_u64,
            "attributes": [
                { "key": "s", "value": { "stringValue": "x\n\u{e9}" } }, { "key": "b", "value": { "boolValue": true } },
                { "key": "i", "value": { "intValue": "-9" } }, { "key": "j", "value": { "intValue": 8 } },
                { "key": "d", "value": { "doubleValue": 1.5 } }, { "key": "n", "value": { "doubleValue": "NaN" } },
                { "key": "y", "value": { "bytesValue": "/wA=" } }, { "key": "e", "value": {} }, { "key": "z", "value": null },
                { "key": "l", "value": { "arrayValue": { "values": [{ "intValue": "1" }, { "stringValue": "q" }] } } },
                { "key": "k", "value": { "kvlistValue": { "values": [{ "key": "in", "value": { "boolValue": false } }] } } },
            ],
            "events": [{ "timeUnixNano": "1700000000000500000", "name": "ev", "attributes": [{ "key": "a", "value": { "intValue": 1 } }] }],
            "links": [{ "traceId": "01", "spanId": "02", "attributes": [] }],
            "status": { "code": 2, "message": "bad" }, "droppedAttributesCount": 3, "somethingNew": [{ "x": {} }],
        }] }]
    }]}).to_string();
    let rows = rows_of(Signal::Traces, &body);
    assert_eq!(
        rows[0],
        json!({
            "timestamp": 1_700_000_000_000_000_000_u64, "service.name": "cart", "resource.schema_url": "urn:r", "scope.schema_url": "urn:s",
            "library.name": "lib", "library.version": "1", "trace.trace_id": "5b8efff798038103d269b633813fc60c", "trace.span_id": "eee19b7ec3c1b174",
            "trace.trace_state": "a=b", "name": "op", "type": "client", "span.kind": "client", "duration_ms": 1.0, "status_code": 2, "status_message": "bad",
            "error": true, "span.num_events": 1, "span.num_links": 1, "meta.signal_type": "trace",
            "s": "x\né", "b": true, "i": -9, "j": 8, "d": 1.5, "n": "NaN", "y": "/wA=", "l": "[1,\"q\"]", "k.in": false
        })
    );
    assert_eq!(
        (&rows[1]["name"], &rows[1]["a"], &rows[2]["trace.link.trace_id"]),
        (&json!("ev"), &json!(1), &json!("01"))
    );
}

#[test]
fn names_and_numbers_that_only_some_senders_write() {
    let body = r#"{"resource_spans":[{"instrumentation_library_spans":[{"instrumentation_library":{"name":"old"},"spans":[
        {"trace_id":"AAECAwQFBgcICQoLDA0ODw==","span_id":"","kind":"SPAN_KIND_SERVER","start_time_unix_nano":1.7e18,
         "status":{"code":"STATUS_CODE_ERROR"},"attributes":[{"key":"x","value":{"string_value":"y"}}]}]}]}]}"#;
    let row = &rows_of(Signal::Traces, body)[0];
    assert_eq!(
        (&row["trace.trace_id"], &row["span.kind"], &row["timestamp"]),
        (&json!("000102030405060708090a0b0c0d0e0f"), &json!("server"), &json!(1_700_000_000_000_000_000_u64))
    );
    assert_eq!(
        (&row["error"], &row["x"], &row["library.name"], &row["trace.span_id"]),
        (&json!(true), &json!("y"), &json!("old"), &Value::Null)
    );
    let log = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":"SEVERITY_NUMBER_ERROR2","flags":1,"observedTimeUnixNano":"5","eventName":"e"}]}]}]}"#;
    let row = &rows_of(Signal::Logs, log)[0];
    assert_eq!(
        row,
        &json!({ "timestamp": 5, "severity": "error", "severity_code": 18, "flags": 1, "event.name": "e", "meta.signal_type": "log" })
    );
}

#[test]
fn every_kind_of_metric() {
    let points = |points: &str| format!("{{\"dataPoints\":[{{\"timeUnixNano\":\"1700000000000000000\",{points}}}]}}");
    let metrics = [
        format!("{{\"name\":\"g\",\"gauge\":{}}}", points("\"asDouble\":0.5")),
        format!("{{\"name\":\"c\",\"sum\":{}}}", points("\"asInt\":\"-7\"")),
        format!(
            "{{\"name\":\"h\",\"histogram\":{}}}",
            points("\"count\":\"2\",\"sum\":4,\"bucketCounts\":[\"2\",0],\"explicitBounds\":[8],\"min\":1,\"max\":3")
        ),
        format!(
            "{{\"name\":\"e\",\"exponentialHistogram\":{}}}",
            points(
                "\"count\":2,\"scale\":-1,\"zeroCount\":0,\"positive\":{\"offset\":0,\"bucketCounts\":[2]},\"negative\":{\"offset\":-3,\"bucketCounts\":[]}"
            )
        ),
        format!(
            "{{\"name\":\"s\",\"summary\":{}}}",
            points("\"count\":1,\"sum\":2.5,\"quantileValues\":[{\"quantile\":0.5,\"value\":2.5}]")
        ),
    ];
    let body = format!("{{\"resourceMetrics\":[{{\"scopeMetrics\":[{{\"metrics\":[{}]}}]}}]}}", metrics.join(","));
    let rows = rows_of(Signal::Metrics, &body);
    assert_eq!(rows.len(), 1);
    let expected = json!({ "g": 0.5, "c": -7, "h.count": 2, "h.avg": 2.0, "h.min": 1.0, "h.p99": 3.0, "e.count": 2, "e.p50": 2.5, "s.p50": 2.5, "s.avg": 2.5 });
    let names: Vec<&str> = expected.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(super::picked(&rows[0], &names), expected);
}

#[test]
fn half_a_surrogate_pair_rejects_its_span_only() {
    let body = spans(
        r#"[{"name":"\ud83d"},{"name":"whole \ud83d\ude00"},{"name":"a","attributes":[{"key":"k","value":{"stringValue":"\ude00 \"x"}}]}]"#,
    );
    let decoded = decode_as(Signal::Traces, Some(Format::Json), body.as_bytes()).unwrap();
    assert_eq!((rejected(&decoded), decoded.items), (vec![0, 2], 3));
    assert_eq!(rows(&decoded)[0]["name"], "whole 😀");
}

#[test]
fn what_is_no_request_is_refused_whole() {
    for body in [
        "",
        "[]",
        "x",
        "{",
        "{\"resourceSpans\":",
        "{\"resourceSpans\":[}",
        "{}x",
        "{\"resourceSpans\":{}}x",
        "{\"resourceSpans\":[1]}",
        "{\"resourceSpans\":[[]]}",
        &spans("[{\"traceId\":\"xyz\"}]"),
        &spans("[{\"traceId\":\"abc\"}]"),
        &spans("[{\"traceId\":1}]"),
        &spans("[{\"name\":1}]"),
        &spans("[{\"kind\":\"SPAN_KIND_NONE\"}]"),
        &spans("[{\"startTimeUnixNano\":\"soon\"}]"),
        &spans("[{\"startTimeUnixNano\":1.5}]"),
        &spans("[{\"startTimeUnixNano\":\"99999999999999999999\"}]"),
        &spans("[{\"startTimeUnixNano\":true}]"),
        &spans("[{\"attributes\":[{\"key\":\"a\",\"value\":{\"boolValue\":\"true\"}}]}]"),
        &spans("[{\"attributes\":[{\"key\":\"a\",\"value\":{\"doubleValue\":\"x\"}}]}]"),
        &spans("[{\"attributes\":[{\"key\":\"a\",\"value\":{\"bytesValue\":\"%\"}}]}]"),
    ] {
        match decode_as(Signal::Traces, Some(Format::Json), body.as_bytes()) {
            Err(DecodeError::Malformed { message }) => {
                assert!(message.starts_with("failed to parse OTLP request body"), "{body}: {message}")
            }
            other => panic!("{body}: {other:?}"),
        }
    }
    assert!(matches!(
        decode_as(Signal::Traces, Some(Format::Json), b"{\"a\":\"\xff\"}"),
        Err(DecodeError::Malformed { .. })
    ));
}

#[test]
fn a_body_without_a_type_is_taken_for_what_it_looks_like() {
    for body in ["{}", " \n{\"resourceSpans\":[]}"] {
        assert_eq!(Format::of(body.as_bytes()), Format::Json);
    }
    for body in [&b""[..], b"\x0a\x00", b"x"] {
        assert_eq!(Format::of(body), Format::Protobuf);
    }
    assert_eq!(decode_as(Signal::Traces, None, spans("[{}]").as_bytes()).unwrap().accepted, 1);
}
