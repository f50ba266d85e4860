//! Honeycomb's calls as its senders make them: answers in their shapes, traps included.

use std::io::Write;

use serde_json::{Value, json};

use crate::harness::{Body, Reply, Request, Server};

fn batch(server: &Server, body: impl Into<Vec<u8>>) -> Reply {
    server.send(&Request::post("/1/batch/shop", body))
}

fn refused(reply: &Reply, status: u16) -> String {
    assert_eq!(reply.status, status, "{}", reply.text());
    let body = reply.json();
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(1), "{body}");
    body["error"].as_str().unwrap().to_owned()
}

fn rows(server: &Server, dataset: &str, columns: &[&str]) -> Value {
    let spec = json!({ "start_time": 0, "columns": columns, "order": "ascending" });
    server.rows(dataset, &spec)["rows"].clone()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const BATCH: &str = r#"[{"time":"2006-01-02T15:04:05.99Z","samplerate":2,"data":{"method":"GET","duration_ms":32}},
                        {"data":{"":"no name"}},
                        {"time":"2006-01-02T15:04:06Z","data":{"some":{"other":"value"}}}]"#;

#[test]
fn a_batch_is_answered_event_by_event_and_is_there() {
    let server = Server::start();
    let answer = batch(&server, BATCH).ok();
    assert_eq!((&answer[0], &answer[2]), (&json!({ "status": 202 }), &json!({ "status": 202 })));
    assert_eq!(answer[1]["status"], 400);
    assert!(answer[1]["error"].as_str().unwrap().contains("field name"), "{answer}");
    assert_eq!(answer.as_array().unwrap().len(), 3);
    assert_eq!(
        rows(&server, "shop", &["timestamp", "sample_rate", "method", "duration_ms", "some.other"]),
        json!([["2006-01-02T15:04:05.990Z", 2, "GET", 32, null], ["2006-01-02T15:04:06Z", 1, null, null, "value"]])
    );
    assert_eq!(server.query("shop", &json!({ "start_time": 0 }))["rows"], json!([[3]]), "a rate of 2 counts twice");
}

#[test]
fn the_empty_batch_of_vectors_health_check_is_400_in_known_words() {
    let server = Server::start();
    for body in ["[]", "", " [ ]\n"] {
        assert_eq!(refused(&batch(&server, body), 400), "Request body should not be empty.", "{body:?}");
    }
    assert_eq!(refused(&server.send(&Request::post("/1/events/shop", "")), 400), "Request body should not be empty.");
    assert_eq!(server.get("/api/v1/datasets").ok()["datasets"], json!([]));
}

#[test]
fn bodies_come_with_any_content_type_or_none_gzip_or_zstd_sized_or_chunked() {
    let server = Server::start();
    let body = br#"[{"data":{"a":1}}]"#;
    let mut expected = 0;
    for content_type in [None, Some("application/json"), Some("application/octet-stream"), Some("text/plain")] {
        for (encoding, bytes) in
            [(None, body.to_vec()), (Some("gzip"), gzip(body)), (Some("zstd"), zstd::encode_all(&body[..], 3).unwrap())]
        {
            for whole in [Body::Sized(bytes.clone()), Body::Chunked(bytes)] {
                let mut request = Request::new("POST", "/1/batch/shop").body(whole);
                if let Some(content_type) = content_type {
                    request = request.header("Content-Type", content_type);
                }
                if let Some(encoding) = encoding {
                    request = request.header("Content-Encoding", encoding);
                }
                assert_eq!(server.send(&request).ok(), json!([{ "status": 202 }]), "{request:?}");
                expected += 1;
            }
        }
    }
    assert_eq!(server.query("shop", &json!({}))["rows"], json!([[expected]]));
}

#[test]
fn message_pack_is_answered_in_json() {
    let server = Server::start();
    // [{"time": <ext -1: 1700000000>, "samplerate": 3, "data": {"a": 1}}, 7]
    let mut body = vec![0x92, 0x83, 0xa4];
    body.extend(b"time");
    body.extend([0xd6, 0xff]);
    body.extend(1_700_000_000_u32.to_be_bytes());
    body.push(0xaa);
    body.extend(b"samplerate");
    body.extend([3, 0xa4]);
    body.extend(b"data");
    body.extend([0x81, 0xa1, b'a', 1, 7]);
    let packed = |body: Vec<u8>| {
        server.send(&Request::post("/1/batch/shop", body).header("Content-Type", "application/msgpack"))
    };
    let reply = packed(body.clone());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let answer = reply.ok();
    assert_eq!((&answer[0], &answer[1]["status"]), (&json!({ "status": 202 }), &json!(400)));
    assert_eq!(rows(&server, "shop", &["timestamp", "sample_rate", "a"]), json!([["2023-11-14T22:13:20Z", 3, 1]]));
    body.pop();
    assert!(refused(&packed(body), 400).starts_with("Request body is malformed"));
}

#[test]
fn an_event_has_its_time_and_rate_in_headers() {
    let server = Server::start();
    let event = |headers: &[(&str, &str)]| {
        let request = Request::post("/1/events/shop", r#"{"a":1}"#);
        server.send(&headers.iter().fold(request, |request, (name, value)| request.header(name, value))).ok()
    };
    event(&[("X-Honeycomb-Event-Time", "2006-01-02T15:04:05Z"), ("X-Honeycomb-Samplerate", "5")]);
    event(&[("X-Honeycomb-Event-Time", "1535589382.641"), ("X-Honeycomb-Samplerate", "x")]);
    event(&[("X-Honeycomb-Event-Time", "nonsense")]);
    assert_eq!(
        rows(&server, "shop", &["sample_rate", "meta.invalid_sample_rate", "meta.invalid_timestamp"]),
        json!([[5, null, null], [1, "x", null], [1, null, "nonsense"]])
    );
    let rejected = server.send(&Request::post("/1/events/shop", r#"{"":1}"#));
    assert!(refused(&rejected, 400).contains("field name"));
}

#[test]
fn dataset_names_are_url_decoded_and_made_to_fit() {
    let server = Server::start();
    for (sent, kept) in [
        ("My%20Service", "my service"),
        ("a%2Fb%2Cc*", "a-b-c-"),
        ("Gr%C3%BC%C3%9Fe", "grüße"),
        (&"x".repeat(200), &"x".repeat(128)),
    ] {
        let reply = server.send(&Request::post(&format!("/1/batch/{sent}"), r#"[{"data":{"a":1}}]"#));
        assert_eq!(reply.ok(), json!([{ "status": 202 }]), "{sent}");
        let names = server.get("/api/v1/datasets").ok();
        assert!(names["datasets"].as_array().unwrap().iter().any(|d| d["name"] == kept), "{sent}: {names}");
    }
    for bad in ["%20", "__all__"] {
        refused(&server.send(&Request::post(&format!("/1/batch/{bad}"), r#"[{"data":{"a":1}}]"#)), 400);
    }
}

#[test]
fn a_body_that_cannot_be_taken_is_refused_whole() {
    let server = Server::with(&["--body-bytes-max", "1024", "--datasets-max", "1"]);
    assert_eq!(batch(&server, r#"[{"data":{"a":1}}]"#).status, 200);
    for (body, status) in [
        (r#"[{"data":{"a":1}},"#.to_owned(), 400),
        (r#"{"data":{"a":1}}"#.to_owned(), 400),
        ("nonsense".to_owned(), 400),
        (format!("[{}{{}}]", "7,".repeat(600)), 413),
    ] {
        refused(&batch(&server, body.clone()), status);
    }
    let encoded = Request::post("/1/batch/shop", "x").header("Content-Encoding", "br");
    refused(&server.send(&encoded), 415);
    refused(&server.send(&Request::post("/1/batch/other", r#"[{"data":{"a":1}}]"#)), 422);
    assert_eq!(server.query("shop", &json!({}))["rows"], json!([[1]]));
}

#[test]
fn auth_describes_what_a_sender_without_a_key_may_do() {
    let server = Server::start();
    let plain = server.get("/1/auth").ok();
    for key in ["type", "id", "api_key_access", "environment", "team"] {
        assert!(!plain[key].is_null(), "no {key} in {plain}");
    }
    for place in ["environment", "team"] {
        assert!(plain[place]["slug"].as_str().is_some_and(|slug| !slug.is_empty()), "{plain}");
    }
    let access = plain["api_key_access"].as_object().unwrap();
    assert!(access.values().all(Value::is_boolean), "{plain}");
    for allowed in ["events", "createDatasets", "create_datasets", "queries"] {
        assert_eq!(access[allowed], true, "{allowed}");
    }
    let with_key = server.send(&Request::get("/1/auth").header("X-Honeycomb-Team", "hcaik_anything"));
    assert_eq!(with_key.ok(), plain);
}

#[test]
fn every_event_of_a_batch_has_a_status_also_when_hundreds_are_rejected() {
    let server = Server::start();
    let elements: Vec<&str> = (0..600).map(|at| if at % 2 == 0 { "7" } else { r#"{"data":{"a":1}}"# }).collect();
    let answer = batch(&server, format!("[{}]", elements.join(","))).ok();
    let statuses: Vec<u64> = answer.as_array().unwrap().iter().map(|entry| entry["status"].as_u64().unwrap()).collect();
    let expected: Vec<u64> = (0..600).map(|at| if at % 2 == 0 { 400 } else { 202 }).collect();
    assert_eq!(statuses, expected);
    assert!(answer.as_array().unwrap().iter().all(|entry| entry["status"] == 202 || entry["error"].is_string()));
}

#[test]
fn what_firehose_delivers_is_taken_and_its_request_named_again() {
    let server = Server::start();
    let deliver = |dataset: &str, body: &str| {
        let request = Request::post(&format!("/1/kinesis_events/{dataset}"), body);
        server.send(&request.header("X-Amz-Firehose-Request-Id", "r-1").header("X-Amz-Firehose-Access-Key", "any"))
    };
    // {"a":1} and nonsense
    let body =
        r#"{"requestId":"r-1","timestamp":1578090901599,"records":[{"data":"eyJhIjoxfQ=="},{"data":"bm9uc2Vuc2U="}]}"#;
    let answer = deliver("Stream", body).ok();
    assert_eq!((&answer["requestId"], answer["errorMessage"].is_null()), (&json!("r-1"), true), "{answer}");
    assert!(answer["timestamp"].as_i64().is_some_and(|now| now > 1_600_000_000_000), "{answer}");
    assert_eq!(rows(&server, "stream", &["a"]), json!([[1]]));
    let refused = deliver("stream", "{");
    assert_eq!((refused.status, &refused.json()["requestId"]), (400, &json!("r-1")));
    assert!(refused.json()["errorMessage"].as_str().is_some_and(|message| message.len() > 20));
}
