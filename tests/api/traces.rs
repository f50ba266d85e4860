//! Traces as waterfalls, whatever their ids say; the roles of fields; events by number.

use serde_json::{Value, json};

use super::{refused, refused_naming};
use crate::harness::{Body, Request, Server, Setup};

/// Spans a second apart, written as `id<parent`.
fn spans(trace: &str, written: &str) -> String {
    let span = |(at, text): (usize, &str)| {
        let (id, parent) = text.split_once('<').unwrap();
        json!({ "timestamp": 1_700_000_000 + at, "trace.trace_id": trace, "trace.span_id": id, "trace.parent_id": parent,
                "name": format!("work {id}"), "service.name": "shop", "duration_ms": 1_500.0, "note": at })
        .to_string()
    };
    written.split_whitespace().enumerate().map(span).collect::<Vec<_>>().join("\n")
}

/// The spans of an answer as `id depth`, with a mark for those without their parent and for repeated ids.
fn shape(trace: &Value) -> String {
    let spans = trace["spans"].as_array().unwrap().iter().map(|span| {
        let marks = [("missing_parent", "?"), ("repeated_id", "=")]
            .map(|(key, mark)| if span[key] == true { mark } else { "" });
        format!("{}{}{}", span["span_id"].as_str().unwrap_or("-"), span["depth"], marks.concat())
    });
    spans.collect::<Vec<_>>().join(" ")
}

fn trace(server: &Server, path: &str) -> Value {
    server.get(&format!("/api/v1/traces/{path}")).ok()
}

#[test]
fn a_trace_is_a_waterfall_across_datasets_wherever_its_events_lie() {
    let server = Setup::new().with(&["--flush-age-seconds-max", "0"]).start();
    server.load("web", spans("t1", "a<  b<a c<a d<gone"));
    server.load("web", spans("t2", "a<"));
    server.wait_for_flush();
    server.load("jobs", "{\"timestamp\":1700000001,\"trace_id\":\"t1\",\"span_id\":\"j\",\"parentId\":\"b\",\"service\":\"mail\",\"name\":\"send\",\"duration_ms\":3,\"error\":\"it is full\",\"kind\":\"client\"}");
    for server in [server, Server::start()] {
        if server.get("/api/v1/datasets").ok()["datasets"] == json!([]) {
            // The second time everything is in memory.
            server.load("web", spans("t1", "a<  b<a c<a d<gone"));
            server.load("jobs", "{\"timestamp\":1700000001,\"trace_id\":\"t1\",\"span_id\":\"j\",\"parentId\":\"b\",\"service\":\"mail\",\"name\":\"send\",\"duration_ms\":3,\"error\":\"it is full\",\"kind\":\"client\"}");
        }
        let all = trace(&server, "t1");
        assert_eq!(shape(&all), "a0 b1 j2 c1 d0?");
        assert_eq!(
            (&all["trace_id"], &all["start"], &all["duration_ms"]),
            (&json!("t1"), &json!("2023-11-14T22:13:20Z"), &json!(4_500.0))
        );
        assert_eq!((&all["truncated"], &all["fields_truncated"]), (&json!(false), &json!(false)));
        let (root, sent) = (&all["spans"][0], &all["spans"][2]);
        assert_eq!(
            (&root["parent_id"], &root["name"], &root["service"]),
            (&Value::Null, &json!("work a"), &json!("shop"))
        );
        assert_eq!((&root["error"], &root["offset_ms"], &root["dataset"]), (&json!(false), &json!(0.0), &json!("web")));
        assert_eq!(root["fields"]["note"], 0);
        assert_eq!((&sent["error"], &sent["kind"], &sent["service"]), (&json!(true), &json!("client"), &json!("mail")));
        assert_eq!(
            (&sent["duration_ms"], &sent["offset_ms"], &sent["dataset"]),
            (&json!(3.0), &json!(1_000.0), &json!("jobs"))
        );
        assert_eq!(shape(&trace(&server, "t1?dataset=web")), "a0 b1 c1 d0?");
        assert_eq!(shape(&trace(&server, "t1?dataset=jobs")), "j0?");
        assert_eq!(shape(&trace(&server, "t1?start=1700000001&end=2023-11-14T22:13:22Z")), "b0? j1");
        let some = trace(&server, "t1?fields=note,nothing");
        assert_eq!((&some["spans"][0]["fields"], &some["spans"][2]["fields"]), (&json!({ "note": 0 }), &json!({})));
        assert_eq!(some["spans"][0]["name"], "work a");
        assert_eq!(trace(&server, "t1?fields=")["spans"][0]["fields"], json!({}));
    }
}

#[test]
fn what_is_no_trace_is_refused() {
    let server = Server::start();
    server.load("web", spans("t1", "a<"));
    refused_naming(&server.get("/api/v1/traces/t2"), 404, "trace id");
    refused(&server.get("/api/v1/traces/t1?dataset=nowhere"), 404);
    refused(&server.get("/api/v1/traces/t1?end=1600000000"), 404);
    refused(&server.get("/api/v1/traces/t1?start=soon"), 400);
    refused(&server.get("/api/v1/traces/t1?when=now"), 400);
    refused(&server.get("/api/v1/traces/t1?start=2&end=1"), 400);
    refused(&server.get(&format!("/api/v1/traces/{}", "x".repeat(300))), 400);
    refused(&server.get(&format!("/api/v1/traces/t1?fields={}", "a,".repeat(101) + "b")), 400);
}

#[test]
fn ids_that_are_numbers_rings_and_twins_are_no_matter() {
    let server = Server::start();
    let number = "{\"trace_id\":7,\"span_id\":1,\"duration_ms\":1}\n{\"trace_id\":\"7\",\"span_id\":\"2\",\"parent_id\":1,\"duration_ms\":1}";
    server.load("numbers", number);
    assert_eq!(trace(&server, "7")["spans"].as_array().unwrap().len(), 2);
    server.load("web", spans("ring", "x<b a<b b<a"));
    assert_eq!(shape(&trace(&server, "ring")), "a0? b1 x2");
    server.load("web", spans("twins", "a< b<a b<a c<b"));
    assert_eq!(shape(&trace(&server, "twins")), "a0 b1 c2 b1=");
}

#[test]
fn span_events_links_and_logs_are_in_their_spans() {
    let server = Server::start();
    let (trace_id, span, other) = ("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "00f067aa0ba902b7");
    let body = json!({ "resourceSpans": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "web" } }] },
        "scopeSpans": [{ "spans": [{
            "traceId": trace_id, "spanId": span, "name": "GET /", "kind": 2, "startTimeUnixNano": "1700000000000000000",
            "endTimeUnixNano": "1700000001000000000",
            "events": [{ "name": "retry", "timeUnixNano": "1700000000500000000",
                         "attributes": [{ "key": "attempt", "value": { "intValue": "2" } }] }],
            "links": [{ "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": other }]
        }] }]
    }] });
    let post = |path: &str, body: &Value| server.send(&Request::json(path, body)).ok();
    post("/v1/traces", &body);
    let log = |span: &str, text: &str| {
        json!({ "resourceLogs": [{
            "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "web" } }] },
            "scopeLogs": [{ "logRecords": [{ "traceId": trace_id, "spanId": span, "timeUnixNano": "1700000000600000000",
                                             "body": { "stringValue": text } }] }]
        }] })
    };
    post("/v1/logs", &log(span, "the cart is empty"));
    post("/v1/logs", &log(other, "nobody heard me"));
    // A log line with the id of the span that wrote it.
    let line = json!({ "timestamp": "2023-11-14T22:13:20.7Z", "trace_id": trace_id, "span_id": span, "message": "and a line" });
    server.load("lines", line.to_string());

    let found = trace(&server, trace_id);
    assert_eq!(shape(&found), format!("{span}0"));
    let only = &found["spans"][0];
    assert_eq!((&only["kind"], &only["duration_ms"]), (&json!("server"), &json!(1_000.0)));
    let events: Vec<(&Value, &Value)> =
        only["events"].as_array().unwrap().iter().map(|event| (&event["name"], &event["offset_ms"])).collect();
    let expected = [
        (json!("retry"), json!(500.0)),
        (json!("the cart is empty"), json!(600.0)),
        (json!("and a line"), json!(700.0)),
    ];
    assert_eq!(events, expected.iter().map(|(name, at)| (name, at)).collect::<Vec<_>>());
    assert_eq!(only["events"][0]["fields"]["attempt"], 2);
    assert_eq!(
        (&only["links"][0]["trace_id"], &only["links"][0]["span_id"]),
        (&json!("4bf92f3577b34da6a3ce929d0e0e4736"), &json!(other))
    );
    assert_eq!(
        (&found["events"][0]["name"], &found["events"][0]["span_id"]),
        (&json!("nobody heard me"), &json!(other))
    );
}

#[test]
fn thirty_thousand_spans_are_answered_and_more_than_a_hundred_thousand_are_cut() {
    let server = Server::start();
    let chain = |trace: &str, from: u32, to: u32| {
        let span = |at: u32| {
            format!(
                "{{\"timestamp\":{},\"trace_id\":\"{trace}\",\"span_id\":\"{at}\",\"parent_id\":\"{}\"}}",
                1_700_000_000 + at,
                at.wrapping_sub(1)
            )
        };
        (from..to).map(span).collect::<Vec<_>>().join("\n")
    };
    server.load("deep", chain("deep", 0, 30_000));
    let deep = trace(&server, "deep");
    let spans = deep["spans"].as_array().unwrap();
    assert_eq!((spans.len(), &spans[29_999]["depth"], &deep["truncated"]), (30_000, &json!(29_999), &json!(false)));
    for part in 0..6 {
        server.load("deep", chain("deeper", part * 20_000, (part + 1) * 20_000));
    }
    let deeper = trace(&server, "deeper?fields=");
    let spans = deeper["spans"].as_array().unwrap();
    assert_eq!((spans.len(), &deeper["truncated"]), (100_000, &json!(true)));
    assert_eq!(spans[99_999]["span_id"], "99999", "the earliest are there");
}

#[test]
fn too_many_values_leave_the_fields_that_were_named() {
    let server = Server::start();
    let wide: String = (0..400).map(|f| format!(",\"f{f}\":{f}")).collect();
    for part in 0..6 {
        let lines: Vec<String> = (0..2_000)
            .map(|at| format!("{{\"trace_id\":\"w\",\"span_id\":\"{part}-{at}\",\"name\":\"n\"{wide}}}"))
            .collect();
        server.load("wide", lines.join("\n"));
    }
    let all = trace(&server, "w");
    assert_eq!((all["spans"].as_array().unwrap().len(), &all["fields_truncated"]), (12_000, &json!(true)));
    assert_eq!((&all["spans"][0]["name"], &all["spans"][0]["fields"]), (&json!("n"), &json!({})));
    let some = trace(&server, "w?fields=f7");
    assert_eq!((&some["fields_truncated"], &some["spans"][5]["fields"]), (&json!(false), &json!({ "f7": 7 })));
}

#[test]
fn fields_have_the_roles_that_somebody_gave_them() {
    let setup = Setup::new();
    let key = setup.create_key(&["ingest", "query", "admin"]);
    let server = setup.with_key(&key).start();
    server.load(
        "web",
        "{\"request\":\"r1\",\"step\":\"s\",\"trace_id\":\"t\",\"what\":\"pay\",\"timestamp\":1700000000}",
    );
    let path = "/api/v1/datasets/web/roles";
    let usual = server.get(path);
    assert_eq!(usual.ok()["roles"]["trace_id"], "trace_id");
    assert_eq!((&usual.json()["roles"]["span_id"], &usual.json()["own"]["trace_id"]), (&Value::Null, &Value::Null));
    let put = |body: &str, tag: Option<&str>| {
        let request = Request::new("PUT", path).body(Body::Sized(body.into()));
        server.send(&tag.iter().fold(request, |request, tag| request.header("If-Match", tag)))
    };
    let roles = "{\"trace_id\":\"request\",\"span_id\":\"step\",\"name\":\"what\"}";
    refused(&put(roles, None), 409);
    refused(&put(roles, Some("\"9\"")), 412);
    refused(&put("{\"trace\":\"request\"}", Some("*")), 400);
    refused(&put("{\"trace_id\":\"\"}", Some("*")), 422);
    let set = put(roles, usual.header("etag"));
    assert_eq!((&set.ok()["roles"]["trace_id"], &set.ok()["own"]["name"]), (&json!("request"), &json!("what")));
    refused(&put(roles, usual.header("etag")), 412);
    let found = trace(&server, "r1");
    assert_eq!((&found["spans"][0]["name"], &found["spans"][0]["span_id"]), (&json!("pay"), &json!("s")));
    refused(&server.get("/api/v1/traces/t"), 404);
    let server = server.kill().start();
    assert_eq!(shape(&trace(&server, "r1")), "s0");
    let rename = Request::new("PATCH", "/api/v1/datasets/web").header("If-Match", "*");
    assert_eq!(server.send(&rename.body(Body::Sized("{\"name\":\"site\"}".into()))).status, 200);
    assert_eq!(shape(&trace(&server, "r1")), "s0");
    refused(&server.get("/api/v1/datasets/nowhere/roles"), 404);
}

#[test]
fn an_event_is_found_by_its_number() {
    let server = Setup::new().with(&["--flush-age-seconds-max", "0"]).start();
    server.load(
        "web",
        "{\"timestamp\":1700000000,\"a\":1,\"sample_rate\":5}\n{\"timestamp\":1700000001,\"b\":{\"c\":\"x\"}}",
    );
    server.load("jobs", "{\"a\":3}");
    server.wait_for_flush();
    let spec = json!({ "columns": ["meta.sequence"], "start_time": 0, "order": "ascending" });
    let rows = server.rows("web", &spec);
    let number = |at: usize| rows["rows"][at][0].as_u64().unwrap();
    let expected = json!({ "dataset": "web", "sequence": number(0), "timestamp": "2023-11-14T22:13:20Z", "fields": { "a": 1, "sample_rate": 5 } });
    assert_eq!(server.get(&format!("/api/v1/events/web/{}", number(0))).ok(), expected);
    assert_eq!(server.get(&format!("/api/v1/events/*/{}", number(1))).ok()["fields"], json!({ "b.c": "x" }));
    refused(&server.get(&format!("/api/v1/events/jobs/{}", number(0))), 404);
    refused(&server.get("/api/v1/events/web/99999999999"), 404);
    refused(&server.get("/api/v1/events/web/one"), 400);
}
