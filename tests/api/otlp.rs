//! OTLP over HTTP: requests that others wrote, answers in the form of the request, and what is refused.

use std::io::{Read, Write};
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::harness::{Reply, Request, Server, process};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
/// What the server may hold whatever it is sent.
const MEMORY_BYTES_MAX: u64 = 1 << 30;

fn payloads() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/payloads/otlp")
}

fn read(path: &str) -> Vec<u8> {
    std::fs::read(payloads().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn export(server: &Server, signal: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
    server.send(&Request::post(&format!("/v1/{signal}"), body).header("Content-Type", content_type))
}

/// The largest sequence there is.
fn newest(server: &Server) -> i64 {
    let spec = json!({ "calculations": [{ "op": "MAX", "column": "meta.sequence" }], "start_time": 0,
                       "end_time": "2262-01-01T00:00:00Z", "disable_series": true });
    let reply = server.post("/api/v1/query/*", &spec);
    reply.ok()["rows"][0][0].as_i64().unwrap_or(-1)
}

/// What was stored after this sequence, as objects in that order, without the time of receipt.
fn stored_since(server: &Server, sequence: i64) -> Vec<Value> {
    let spec = |columns: Value| {
        json!({ "filters": [{ "column": "meta.sequence", "op": ">", "value": sequence }], "columns": columns, "limit": 10_000,
                "start_time": 0, "end_time": "2262-01-01T00:00:00Z", "order": "ascending" })
    };
    let names = server.rows("*", &spec(Value::Null))["columns"].clone();
    let mut columns: Vec<String> =
        names.as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap().to_owned()).collect();
    columns.extend(["meta.dataset", "meta.sequence", "meta.received", "sample_rate"].map(str::to_owned));
    columns.sort();
    columns.dedup();
    let answer = server.rows("*", &spec(json!(columns)));
    let mut rows: Vec<(i64, Value)> = answer["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let cells = columns.iter().cloned().zip(row.as_array().unwrap().iter().cloned());
            let mut object: Map<String, Value> = cells.filter(|(_, value)| !value.is_null()).collect();
            let sequence = object.remove("meta.sequence").unwrap();
            if object["sample_rate"] == 1 {
                object.remove("sample_rate");
            }
            // Decoding and the log look at the clock one after the other.
            let received = object.remove("meta.received").unwrap();
            let hour = |time: &Value| time.as_str().unwrap()[..13].to_owned();
            if hour(&object["timestamp"]) == hour(&received) {
                object["timestamp"] = json!("received");
            }
            (sequence.as_i64().unwrap(), Value::Object(object))
        })
        .collect();
    rows.sort_by_key(|(sequence, _)| *sequence);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Every request of the collection, by path.
fn index() -> Vec<Value> {
    serde_json::from_slice::<Vec<Value>>(&read("index.json")).unwrap()
}

#[test]
fn requests_that_others_wrote_become_the_same_events_from_protobuf_and_json() {
    let server = Server::start();
    let golden_path = payloads().join("rows.json");
    let golden: Map<String, Value> =
        std::fs::read(&golden_path).map(|bytes| serde_json::from_slice(&bytes).unwrap()).unwrap_or_default();
    let mut found = Map::new();
    for payload in index() {
        let signal = payload["signal"].as_str().unwrap();
        let mut forms = Vec::new();
        for (key, content_type) in [("pb", PROTOBUF), ("json", JSON)] {
            let Some(path) = payload[key].as_str() else { continue };
            let before = newest(&server);
            let mut body = read(path);
            if key == "json"
                && let answer @ Value::Object(_) = serde_json::from_slice::<Value>(&body).unwrap()["result"].take()
            {
                // One is the answer of a query service, with what would be a request inside.
                body = answer.to_string().into_bytes();
            }
            let reply = export(&server, signal, content_type, body);
            assert_eq!(
                (reply.status, reply.header("content-type")),
                (200, Some(content_type)),
                "{path}: {}",
                reply.text()
            );
            let nothing: &[u8] = if content_type == JSON { b"{}" } else { b"" };
            assert_eq!(reply.body, nothing, "{path}: something was rejected: {}", reply.text());
            let rows = stored_since(&server, before);
            if signal != "metrics"
                && let Some(items) = payload["items"].as_u64()
            {
                let own = rows.iter().filter(|row| row["meta.annotation_type"].is_null() || signal == "logs").count();
                assert_eq!(own as u64, items, "{path}");
            }
            forms.push(rows);
        }
        assert!(forms.windows(2).all(|pair| pair[0] == pair[1]), "{payload}: the forms differ:\n{forms:#?}");
        found.insert(payload["pb"].as_str().unwrap().to_owned(), json!(forms[0]));
    }
    if std::env::var_os("OUTCROP_WRITE_GOLDEN").is_some() {
        std::fs::write(&golden_path, lines(&found)).unwrap();
    }
    assert_eq!(found.len(), 92);
    for (path, rows) in &found {
        assert_eq!(Some(rows), golden.get(path), "{path} is not as in rows.json");
    }
}

/// JSON with one event a line.
fn lines(found: &Map<String, Value>) -> String {
    let payload = |(path, rows): (&String, &Value)| {
        let rows: Vec<String> = rows.as_array().unwrap().iter().map(|row| format!("  {row}")).collect();
        format!("{}: [\n{}\n]", json!(path), rows.join(",\n"))
    };
    let payloads: Vec<String> = found.iter().map(payload).collect();
    format!("{{\n{}\n}}\n", payloads.join(",\n"))
}

#[test]
fn requests_of_a_real_system_are_counted() {
    let server = Server::start();
    let traces = gunzip(&read("nezha/traces-00000.pb.gz"));
    assert_eq!(export(&server, "traces", PROTOBUF, traces.clone()).status, 200);
    let logs = gunzip(&read("nezha/logs-00005.pb.gz"));
    let compressed =
        Request::post("/v1/logs", gzip(&logs)).header("Content-Type", PROTOBUF).header("Content-Encoding", "gzip");
    assert_eq!(server.send(&compressed).status, 200);
    let count = |signal: &str| {
        let spec = json!({ "start_time": 0, "filters": [{ "column": "meta.signal_type", "op": "=", "value": signal }],
                           "calculations": [{ "op": "COUNT" }, { "op": "COUNT_DISTINCT", "column": "trace.trace_id" }] });
        server.query("*", &spec)["rows"][0].clone()
    };
    let spans = count("trace");
    let zstd = Request::post("/v1/traces/", zstd::encode_all(&traces[..], 3).unwrap())
        .header("Content-Type", "application/protobuf; a=b")
        .header("Content-Encoding", "zstd");
    assert_eq!(server.send(&zstd).status, 200);
    let again = count("trace");
    assert_eq!((again[0].as_u64(), &again[1]), (spans[0].as_u64().map(|n| n * 2), &spans[1]));
    assert_eq!((spans, count("log")), (json!([SPANS, TRACES]), json!([LOGS, LOG_TRACES])));
}

/// What OpenTelemetry's own messages for Python count in the two requests.
const SPANS: u64 = 1_000;
const TRACES: u64 = 12;
const LOGS: u64 = 1_000;
const LOG_TRACES: u64 = 28;

fn span(name: &str) -> String {
    format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{{\"name\":{name}}},{{\"name\":\"good\"}}]}}]}}]}}")
}

#[test]
fn what_was_rejected_is_a_partial_success() {
    let server = Server::start();
    let body = span("\"\\ud800\"");
    let answer = export(&server, "traces", JSON, body).ok();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1", "{answer}");
    assert!(answer["partialSuccess"]["errorMessage"].as_str().unwrap().contains("UTF-8"), "{answer}");
    // Resource > scope > a span whose name is not UTF-8, and one without anything.
    let spans = [0x12, 0x03, 0x2a, 0x01, 0xff, 0x12, 0x00];
    let body = [&[0x0a, 0x09, 0x12, 0x07][..], &spans].concat();
    let reply = export(&server, "traces", PROTOBUF, body);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(PROTOBUF)));
    assert!(reply.body.len() > 10 && reply.body[0] == 0x0a && reply.body[2..4] == [0x08, 1], "{:?}", reply.body);
    assert_eq!(server.query("unknown_service", &json!({}))["rows"], json!([[2]]));
    let log = "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"attributes\":[{\"key\":\"a\\n\",\"value\":{\"intValue\":1}}]}]}]}]}";
    assert_eq!(export(&server, "logs", JSON, log).ok()["partialSuccess"]["rejectedLogRecords"], "1");
    let metric = "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"\",\"gauge\":{\"dataPoints\":[{\"asInt\":1}]}}]}]}]}";
    assert_eq!(export(&server, "metrics", JSON, metric).ok()["partialSuccess"]["rejectedDataPoints"], "1");
}

/// The code and message of a `google.rpc.Status` that is short enough for lengths of one byte, or of two.
fn status(body: &[u8]) -> (u8, String) {
    assert_eq!((body[0], body[2]), (0x08, 0x12), "{body:?}");
    let (length, start) = if body[3] < 0x80 {
        (usize::from(body[3]), 4)
    } else {
        (usize::from(body[3] & 0x7f) + usize::from(body[4]) * 128, 5)
    };
    (body[1], String::from_utf8(body[start..start + length].to_vec()).unwrap())
}

#[test]
fn refusals_are_in_the_form_of_the_request() {
    let server = Server::with(&["--body-bytes-max", "4096"]);
    for (body, encoding, http, code) in [
        (b"{".to_vec(), None, 400, 3),
        (vec![b'{'; 5_000], None, 413, 8),
        (b"x".to_vec(), Some("br"), 415, 12),
        (b"x".to_vec(), Some("gzip"), 400, 3),
        (zstd::encode_all(&[b' '; 10_000][..], 3).unwrap(), Some("zstd"), 413, 8),
    ] {
        for content_type in [PROTOBUF, JSON] {
            let mut request = Request::post("/v1/traces", body.clone()).header("Content-Type", content_type);
            if let Some(encoding) = encoding {
                request = request.header("Content-Encoding", encoding);
            }
            let reply = server.send(&request);
            assert_eq!((reply.status, reply.header("content-type")), (http, Some(content_type)), "{}", reply.text());
            let (found, message) = if content_type == JSON {
                let status = reply.json();
                (status["code"].as_u64().unwrap() as u8, status["message"].as_str().unwrap().to_owned())
            } else {
                status(&reply.body)
            };
            assert_eq!(found, code, "{message}");
            assert!(message.len() > 20, "{message}");
        }
    }
    assert_eq!(server.get("/api/v1/datasets").ok()["datasets"], json!([]));
}

#[test]
fn another_content_type_is_415_in_text_and_none_is_taken_for_what_it_looks_like() {
    let server = Server::start();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "", "application/grpc"] {
        let reply = export(&server, "traces", content_type, span("\"a\""));
        assert_eq!(reply.status, 415, "{content_type}");
        assert!(reply.text().starts_with("unsupported content-type, valid types are: application/protobuf"));
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        assert_eq!(export(&server, "traces", content_type, span("\"a\"")).status, 200, "{content_type}");
    }
    assert_eq!(server.send(&Request::post("/v1/traces", span("\"a\""))).status, 200);
    assert_eq!(server.send(&Request::post("/v1/traces", vec![0x0a, 0x04, 0x12, 0x02, 0x12, 0x00])).status, 200);
    assert_eq!(server.query("unknown_service", &json!({}))["rows"], json!([[7]]));
}

#[test]
fn datasets_are_services_and_what_the_header_says() {
    let server = Server::with(&["--datasets-max", "4"]);
    let log = |service: &str, dataset: Option<&str>| {
        let attribute = format!("{{\"key\":\"service.name\",\"value\":{{\"stringValue\":\"{service}\"}}}}");
        let body = format!(
            "{{\"resourceLogs\":[{{\"resource\":{{\"attributes\":[{attribute}]}},\"scopeLogs\":[{{\"logRecords\":[{{}}]}}]}}]}}"
        );
        let request = Request::post("/v1/logs", body).header("Content-Type", JSON);
        let request = dataset.iter().fold(request, |request, dataset| request.header("X-Honeycomb-Dataset", dataset));
        assert_eq!(server.send(&request).ok(), json!({}));
    };
    let datasets = || {
        let answer = server.get("/api/v1/datasets").ok();
        let mut all: Vec<(String, u64)> = answer["datasets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| (d["name"].as_str().unwrap().into(), d["events"].as_u64().unwrap()))
            .collect();
        all.sort();
        all
    };
    log("Cart", None);
    log("", None);
    log("unknown_service:node", Some("My Logs"));
    log("cart", Some("ignored"));
    let metric = "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"m\",\"gauge\":{\"dataPoints\":[{\"asInt\":1}]}}]}]}]}";
    assert_eq!(export(&server, "metrics", JSON, metric).ok(), json!({}));
    let expected = [("cart", 2), ("my logs", 1), ("unknown_log_source", 1), ("unknown_metrics", 1)];
    assert_eq!(datasets(), expected.map(|(name, events)| (name.to_owned(), events)));
    // The limit is reached: what would need a further dataset goes to one that is always there.
    log("a", None);
    log("b", None);
    log("cart", None);
    let expected =
        [("cart", 3), ("my logs", 1), ("unknown_log_source", 1), ("unknown_metrics", 1), ("unknown_service", 2)];
    assert_eq!(datasets(), expected.map(|(name, events)| (name.to_owned(), events)));
}

#[test]
fn hostile_requests_cost_little() {
    let server = Server::start();
    let empty = |field: u8, count: usize| [field, 0].repeat(count);
    let nested = |field: u8, inner: &[u8]| {
        let mut out = vec![field];
        let mut length = inner.len();
        while length >= 0x80 {
            out.push(length as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend_from_slice(inner);
        out
    };
    let million = 1 << 20;
    // Resources, scopes, attributes, spans, events, links, data points: two bytes each, up to millions of them: fewer where each
    // becomes an event, so that a slow build is done in time.
    let bodies = [
        ("traces", empty(0x0a, 8 * million)),
        ("traces", nested(0x0a, &empty(0x12, 8 * million))),
        ("traces", nested(0x0a, &[nested(0x0a, &empty(0x0a, 8 * million)), vec![0x12, 2, 0x12, 0]].concat())),
        ("traces", nested(0x0a, &nested(0x12, &empty(0x12, million / 4)))),
        ("traces", nested(0x0a, &nested(0x12, &nested(0x12, &empty(0x5a, million / 8))))),
        ("logs", nested(0x0a, &nested(0x12, &empty(0x12, million / 4)))),
        ("metrics", nested(0x0a, &nested(0x12, &nested(0x12, &nested(0x2a, &empty(0x0a, 8 * million)))))),
        (
            "metrics",
            nested(0x0a, &nested(0x12, &nested(0x12, &nested(0x4a, &nested(0x0a, &[0x31; 9].repeat(million)))))),
        ),
        ("logs", vec![0xff; million]),
        ("logs", vec![0x0b; million]),
    ];
    for (at, (signal, body)) in bodies.into_iter().enumerate() {
        let reply = export(&server, signal, PROTOBUF, body);
        assert!(matches!(reply.status, 200 | 400 | 413), "{at}: {}", reply.status);
        let peak = process::peak_memory_bytes(server.pid());
        assert!(peak < MEMORY_BYTES_MAX, "{at}: {peak} bytes were held");
    }
    let json = format!("{{\"resourceSpans\":[{}{{}}]}}", "{},".repeat(million));
    assert!(matches!(export(&server, "traces", JSON, json).status, 200 | 413));
    assert!(process::peak_memory_bytes(server.pid()) < MEMORY_BYTES_MAX);
}
