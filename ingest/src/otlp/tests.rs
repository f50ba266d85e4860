//! OTLP sentence by sentence, from messages that are written byte by byte.

mod hostile;
mod json;
mod logs;
mod metrics;
mod traces;

use outcrop_storage::event::DatasetName;
use serde_json::{Value, json};

use super::{Format, Otlp, Signal};
use crate::protobuf::testing::{M, array, attribute, list, text};
use crate::tests::{RECEIVED, memory, rows};
use crate::{Context, DecodeError, Decoded, Encoding, Limits, Protocol, decode};

pub(super) fn decode_as(signal: Signal, format: Option<Format>, body: &[u8]) -> Result<Decoded, DecodeError> {
    decode_with(signal, format, body, &Limits::default())
}

pub(super) fn decode_with(
    signal: Signal,
    format: Option<Format>,
    body: &[u8],
    limits: &Limits,
) -> Result<Decoded, DecodeError> {
    let dataset = DatasetName::new("elsewhere").unwrap();
    let memory = memory();
    let context = Context { dataset: &dataset, received: RECEIVED, limits, memory: &memory, redaction: None };
    decode(&Protocol::Otlp(Otlp { signal, format }), Encoding::Identity, body, &context)
}

/// A request of one resource with one scope with these items.
pub(super) fn request(resource: &M, scope: &M, items: &[M]) -> Vec<u8> {
    let scope = items.iter().fold(M::new().message(1, scope), |scope, item| scope.message(2, item));
    M::new().message(1, &M::new().message(1, resource).message(2, &scope)).0
}

/// The rows of items without resource and scope; all items must be accepted.
pub(super) fn rows_of(signal: Signal, items: &[M]) -> Vec<Value> {
    let decoded = decode_as(signal, Some(Format::Protobuf), &request(&M::new(), &M::new(), items)).unwrap();
    assert_eq!(decoded.rejects.total, 0, "{:?}", decoded.rejects);
    rows(&decoded)
}

/// What an object has under these names, null for none.
pub(super) fn picked(row: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| ((*name).to_owned(), row[*name].clone())).collect::<serde_json::Map<_, _>>().into()
}

fn datasets(decoded: &Decoded) -> Vec<(String, usize)> {
    decoded.batches.iter().map(|(dataset, batch)| (dataset.to_string(), batch.rows())).collect()
}

#[test]
fn an_empty_body_is_a_request_without_items() {
    for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
        for (format, body) in [(Some(Format::Protobuf), ""), (None, ""), (Some(Format::Json), "{}"), (None, " {}")] {
            let decoded = decode_as(signal, format, body.as_bytes()).unwrap();
            assert_eq!((decoded.items, decoded.accepted, decoded.batches.len()), (0, 0, 0), "{signal:?} {body:?}");
        }
    }
}

#[test]
fn datasets_are_services() {
    let service = |value: &M| M::new().message(1, &attribute("service.name", value));
    let resource = |resource: &M| M::new().message(1, resource).message(2, &M::new().message(2, &M::new()));
    for (what, sent, traces) in [
        ("a name", service(&text(" Cart/API ")), "cart-api"),
        ("none", M::new(), "elsewhere"),
        ("blank", service(&text("  ")), "elsewhere"),
        ("unknown", service(&text("unknown_service:java")), "elsewhere"),
        ("a number", service(&M::new().varint(3, 5)), "elsewhere"),
        ("no value", service(&M::new()), "elsewhere"),
        (
            "the last of two",
            M::new()
                .message(1, &attribute("service.name", &text("a")))
                .message(1, &attribute("service.name", &text("b"))),
            "b",
        ),
        ("long", service(&text(&"x".repeat(300))), &"x".repeat(128)),
    ] {
        let body = M::new().message(1, &resource(&sent)).0;
        for (signal, expected) in [(Signal::Traces, traces), (Signal::Logs, traces)] {
            let decoded = decode_as(signal, Some(Format::Protobuf), &body).unwrap();
            assert_eq!(datasets(&decoded), [(expected.to_owned(), 1)], "{what}");
        }
    }
    let several = M::new()
        .message(1, &resource(&service(&text("a"))))
        .message(1, &resource(&service(&text("b"))))
        .message(1, &resource(&service(&text("A"))))
        .message(1, &resource(&M::new()));
    let decoded = decode_as(Signal::Logs, Some(Format::Protobuf), &several.0).unwrap();
    assert_eq!(datasets(&decoded), [("a".into(), 2), ("b".into(), 1), ("elsewhere".into(), 1)]);
    assert_eq!(decoded.items, 4);
}

#[test]
fn metrics_go_where_the_request_says_whatever_their_service() {
    let resource = M::new().message(1, &attribute("service.name", &text("cart")));
    let metric = M::new().text(1, "m").message(5, &M::new().message(1, &M::new().fixed64(6, 7)));
    let decoded =
        decode_as(Signal::Metrics, Some(Format::Protobuf), &request(&resource, &M::new(), &[metric])).unwrap();
    assert_eq!(datasets(&decoded), [("elsewhere".into(), 1)]);
    assert_eq!(rows(&decoded)[0]["service.name"], "cart");
}

#[test]
fn datasets_beyond_a_thousand_share_the_one_of_the_request() {
    let body = (0..1_100).fold(M::new(), |body, at| {
        let resource = M::new().message(1, &attribute("service.name", &text(&format!("s{at}"))));
        body.message(1, &M::new().message(1, &resource).message(2, &M::new().message(2, &M::new().text(5, "x"))))
    });
    let decoded = decode_as(Signal::Traces, Some(Format::Protobuf), &body.0).unwrap();
    let datasets = datasets(&decoded);
    assert_eq!((datasets.len(), decoded.accepted), (1_001, 1_100));
    assert!(datasets.contains(&("elsewhere".into(), 100)) && datasets.contains(&("s999".into(), 1)));
}

#[test]
fn the_innermost_level_wins_and_the_next_item_begins_anew() {
    let level = |name: &str| {
        [("all", name), (name, name)].iter().fold(Vec::new(), |mut all, (key, value)| {
            all.push(attribute(key, &text(value)));
            all
        })
    };
    let resource = level("resource").iter().fold(M::new(), |m, a| m.message(1, a));
    let resource = resource.message(1, &attribute("name", &text("of the resource")));
    let scope = level("scope").iter().fold(M::new(), |m, a| m.message(3, a)).text(1, "lib").text(2, "1.2");
    let span = level("span").iter().fold(M::new().text(5, "generated"), |m, a| m.message(9, a));
    let plain = M::new().text(5, "generated");
    let body = request(&resource, &scope, &[span.clone(), plain.clone(), span]);
    let decoded = decode_as(Signal::Traces, Some(Format::Protobuf), &body).unwrap();
    assert_eq!(decoded.repeated_keys, 0, "levels are no repetitions");
    let rows = rows(&decoded);
    let names = ["all", "resource", "scope", "span", "name", "library.name", "library.version"];
    let of_the_span = json!({"all":"span","resource":"resource","scope":"scope","span":"span","name":"of the resource","library.name":"lib","library.version":"1.2"});
    let without = json!({"all":"scope","resource":"resource","scope":"scope","span":null,"name":"of the resource","library.name":"lib","library.version":"1.2"});
    let found: Vec<Value> = rows.iter().map(|row| picked(row, &names)).collect();
    assert_eq!(found, [of_the_span.clone(), without, of_the_span]);
}

#[test]
fn scopes_and_resources_do_not_leak_into_each_other() {
    let scope = |name: &str, key: &str| {
        M::new()
            .message(1, &M::new().text(1, name).message(3, &attribute(key, &text(name))))
            .text(3, "urn:s")
            .message(2, &M::new().text(5, "span"))
    };
    let first = M::new()
        .message(1, &M::new().message(1, &attribute("r", &text("one"))).message(1, &attribute("only", &text("first"))))
        .message(2, &scope("a", "r"))
        .message(2, &scope("b", "x"))
        .message(2, &M::new().message(2, &M::new().text(5, "span")))
        .text(3, "urn:r");
    let second = M::new().message(1, &M::new().message(1, &attribute("r", &text("two")))).message(2, &scope("c", "y"));
    let decoded =
        decode_as(Signal::Traces, Some(Format::Protobuf), &M::new().message(1, &first).message(1, &second).0).unwrap();
    let names = ["r", "only", "x", "y", "library.name", "resource.schema_url", "scope.schema_url"];
    let found: Vec<Value> = rows(&decoded).iter().map(|row| picked(row, &names)).collect();
    assert_eq!(
        found,
        [
            json!({"r":"a","only":"first","x":null,"y":null,"library.name":"a","resource.schema_url":"urn:r","scope.schema_url":"urn:s"}),
            json!({"r":"one","only":"first","x":"b","y":null,"library.name":"b","resource.schema_url":"urn:r","scope.schema_url":"urn:s"}),
            json!({"r":"one","only":"first","x":null,"y":null,"library.name":null,"resource.schema_url":"urn:r","scope.schema_url":null}),
            json!({"r":"two","only":null,"x":null,"y":"c","library.name":"c","resource.schema_url":null,"scope.schema_url":"urn:s"}),
        ]
    );
}

#[test]
fn known_instrumentation_libraries_are_marked() {
    for (name, marked) in [
        ("io.opentelemetry.http", json!(true)),
        ("@opentelemetry/instrumentation-fs", json!(true)),
        ("go.opentelemetry.io/contrib/instrumentation/net/http", json!(true)),
        ("go.opentelemetry.io/otel", Value::Null),
        ("my.io.opentelemetry", Value::Null),
    ] {
        let body = request(&M::new(), &M::new().text(1, name), &[M::new()]);
        let decoded = decode_as(Signal::Traces, Some(Format::Protobuf), &body).unwrap();
        assert_eq!(rows(&decoded)[0]["telemetry.instrumentation_library"], marked, "{name}");
    }
}

#[test]
fn attributes_have_every_type() {
    let nested = list(&[
        ("deep", &list(&[("x", &text("y")), ("none", &M::new())])),
        (
            "array",
            &array(&[
                &text("q\""),
                &M::new().varint(3, 7),
                &M::new(),
                &M::new().double(4, 0.5),
                &M::new().bytes(7, &[0xff]),
                &list(&[("k", &M::new().varint(2, 1))]),
                &array(&[]),
            ]),
        ),
        ("empty", &list(&[])),
    ]);
    let deep = (0..20).fold(text("bottom"), |inner, _| list(&[("d", &inner)]));
    let span = [
        ("text", text("x")),
        ("yes", M::new().varint(2, 1)),
        ("no", M::new().varint(2, 0)),
        ("integer", M::new().varint(3, (-5_i64) as u64)),
        ("float", M::new().double(4, 2.5)),
        ("zero", M::new().double(4, -0.0)),
        ("nan", M::new().double(4, f64::NAN)),
        ("bytes", M::new().bytes(7, &[1, 2, 3])),
        ("nested", nested),
        ("d", deep),
        ("none", M::new()),
        ("", text("no key")),
        ("twice", text("first")),
        ("twice", M::new().varint(3, 2)),
        ("timestamp", text("reserved")),
        ("time", text("ordinary")),
        ("meta.sequence", M::new().varint(3, 1)),
    ]
    .iter()
    .fold(M::new(), |span, (key, value)| span.message(9, &attribute(key, value)));
    let decoded = decode_as(Signal::Traces, Some(Format::Protobuf), &request(&M::new(), &M::new(), &[span])).unwrap();
    assert_eq!(decoded.repeated_keys, 1);
    let row = &rows(&decoded)[0];
    let sixteen = vec!["d"; 16].join(".");
    let rest = (0..5).fold("\"bottom\"".to_owned(), |inner, _| format!("{{\"d\":{inner}}}"));
    let expected = json!({
        "text": "x", "yes": true, "no": false, "integer": -5, "float": 2.5, "zero": 0.0, "nan": "NaN", "bytes": "AQID",
        "nested.deep.x": "y", "nested.deep.none": null, "nested.empty": "{}",
        "nested.array": "[\"q\\\"\",7,null,0.5,\"/w==\",{\"k\":true},[]]",
        "twice": 2, "none": null, "": null, "meta.sent.timestamp": "reserved", "time": "ordinary", "meta.sent.meta.sequence": 1,
    });
    let names: Vec<&str> = expected.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(picked(row, &names), expected);
    assert_eq!(row[&sixteen], rest);
}

#[test]
fn sample_rates_come_from_the_innermost_level() {
    let rate = |key: &str, value: M| attribute(key, &value);
    let number = |value: u64| M::new().varint(3, value);
    let resource = M::new().message(1, &rate("sampleRate", number(2)));
    let scope = M::new().message(3, &rate("SampleRate", number(3)));
    let spans = [
        M::new()
            .message(9, &rate("samplerate", number(4)))
            .message(9, &rate("SampleRate", text("5")))
            .text(3, "ot=th:8"),
        M::new(),
        M::new().message(9, &rate("sampleRate", number(0))),
        M::new().message(9, &rate("sample_rate", M::new().double(4, 7.0))),
        M::new().message(9, &rate("sampleRate", text("often"))),
    ];
    let rates = |resource: &M, scope: &M| {
        let decoded = decode_as(Signal::Traces, Some(Format::Protobuf), &request(resource, scope, &spans)).unwrap();
        let rows = rows(&decoded);
        assert!(rows.iter().all(|row| {
            ["sampleRate", "SampleRate", "samplerate", "meta.sent.sample_rate"].iter().all(|name| row[name].is_null())
        }));
        rows.iter().map(|row| json!([row["sample_rate"], row["meta.invalid_sample_rate"]])).collect::<Vec<_>>()
    };
    let invalid = [json!([null, "0"]), json!([7, null]), json!([null, "often"])];
    let expected = |first: Value| [vec![json!([5, null]), first], invalid.to_vec()].concat();
    assert_eq!(rates(&resource, &scope), expected(json!([3, null])));
    assert_eq!(rates(&resource, &M::new()), expected(json!([2, null])));
    assert_eq!(rates(&M::new(), &M::new()), expected(json!([null, null])));
    let kept = rows_of(Signal::Traces, &[M::new().text(3, "vendor=x,ot=th:c")]);
    assert_eq!((&kept[0]["sample_rate"], &kept[0]["trace.trace_state"]), (&json!(4), &json!("vendor=x,ot=th:c")));
    let metric = M::new()
        .text(1, "m")
        .message(5, &M::new().message(1, &M::new().fixed64(6, 7).message(7, &rate("sampleRate", number(9)))));
    assert_eq!(rows_of(Signal::Metrics, &[metric])[0], json!({"m":7,"sampleRate":9,"meta.signal_type":"metric"}));
}

#[test]
fn a_fraction_of_a_trace_state_is_right_in_the_mean() {
    // A chance of 0.4: each stands for 2.5.
    let spans: Vec<M> =
        (0..4_000).map(|at| M::new().text(3, "ot=th:9999999999999a").text(5, &format!("{at}"))).collect();
    let rows = rows_of(Signal::Traces, &spans);
    let total: f64 = rows.iter().map(|row| row["sample_rate"].as_f64().unwrap_or(1.0)).sum();
    assert!((total / 4_000.0 - 2.5).abs() < 0.05, "{total}");
}
