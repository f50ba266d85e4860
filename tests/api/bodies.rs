//! `POST /api/v1/events/{dataset}`: every wrong body is answered as the contract says, stores what it must and no more,
//! and never costs a gibibyte of memory.

use std::io::Write;

use serde_json::{Value, json};

use super::{refused, refused_naming};
use crate::harness::{Body, Reply, Request, Server, process};

/// What the server may hold whatever it is sent.
const MEMORY_BYTES_MAX: u64 = 1 << 30;
const BODY_BYTES_MAX: usize = 64 << 20;

fn send(server: &Server, body: impl Into<Vec<u8>>) -> Reply {
    server.send(&Request::post("/api/v1/events/d", body))
}

fn send_encoded(server: &Server, encoding: &str, body: Vec<u8>) -> Reply {
    server.send(&Request::post("/api/v1/events/d", body).header("Content-Encoding", encoding))
}

/// Events in the dataset `d`; 0 if there is none.
fn stored(server: &Server) -> u64 {
    let reply = server.post("/api/v1/query/d", &json!({ "start_time": 0, "disable_series": true }));
    if reply.status == 404 { 0 } else { reply.ok()["rows"][0][0].as_u64().unwrap() }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// A value nested `depth` deep, the outermost object included.
fn nested(depth: usize) -> String {
    format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
}

fn wide(fields: usize) -> String {
    let fields: Vec<String> = (0..fields).map(|at| format!("\"f{at}\":{at}")).collect();
    format!("{{{}}}", fields.join(","))
}

#[test]
fn an_object_an_array_and_lines_are_taken_with_any_content_type_or_none() {
    let server = Server::start();
    let mut expected = 0;
    for (body, events) in
        [("{\"a\":1}", 1), ("[{\"a\":1},{\"a\":2}]", 2), ("{\"a\":1}\n{\"a\":2}\n\n{\"a\":3}\r\n", 3), ("[]", 0)]
    {
        for content_type in [None, Some("application/json"), Some("application/x-ndjson"), Some("text/plain")] {
            let mut request = Request::post("/api/v1/events/d", body);
            if let Some(content_type) = content_type {
                request = request.header("Content-Type", content_type);
            }
            let answer = server.send(&request).ok();
            assert_eq!(answer, json!({ "accepted": events, "rejected": [], "rejected_total": 0 }), "{body}");
            expected += events;
            assert_eq!(stored(&server), expected);
        }
    }
}

#[test]
fn gzip_zstd_and_chunked_bodies_are_taken() {
    let server = Server::start();
    let lines = b"{\"a\":1}\n{\"a\":2}\n";
    assert_eq!(send_encoded(&server, "gzip", gzip(lines)).ok()["accepted"], 2);
    assert_eq!(send_encoded(&server, "zstd", zstd(lines)).ok()["accepted"], 2);
    let chunked = Request::new("POST", "/api/v1/events/d").body(Body::Chunked(lines.to_vec()));
    assert_eq!(server.send(&chunked).ok()["accepted"], 2);
    let both =
        Request::new("POST", "/api/v1/events/d").body(Body::Chunked(gzip(lines))).header("Content-Encoding", "gzip");
    assert_eq!(server.send(&both).ok()["accepted"], 2);
    assert_eq!(stored(&server), 8);
}

#[test]
fn a_body_that_cannot_be_read_is_400_and_nothing_is_stored() {
    let server = Server::start();
    for body in [
        "",
        " \r\n\t",
        "null",
        "1",
        "\"text\"",
        "{",
        "{\"a\":",
        "{\"a\":1",
        "[",
        "[{\"a\":1}",
        "[{\"a\":1},",
        "[{\"a\":1}]]",
        "[{\"a\":1} {\"b\":2}]",
        "{\"a\":1}}",
        "{\n\"a\":1",
        "[{\"a\":1,}]",
        "nonsense",
    ] {
        refused(&send(&server, body), 400);
        assert_eq!(stored(&server), 0, "{body:?}");
    }
    refused(&send(&server, vec![0xff, 0xfe, 0x00]), 400);
    assert_eq!(stored(&server), 0);
}

#[test]
fn truncated_and_corrupt_compressed_bodies_are_400_and_nothing_is_stored() {
    let server = Server::start();
    let lines = "{\"a\":1}\n".repeat(1000);
    for (encoding, whole) in [("gzip", gzip(lines.as_bytes())), ("zstd", zstd(lines.as_bytes()))] {
        for length in [0, 1, 5, whole.len() / 2, whole.len() - 1] {
            refused(&send_encoded(&server, encoding, whole[..length].to_vec()), 400);
        }
        refused(&send_encoded(&server, encoding, lines.clone().into_bytes()), 400);
    }
    let mut flipped = gzip(lines.as_bytes());
    let at = flipped.len() - 6;
    flipped[at] ^= 1;
    refused(&send_encoded(&server, "gzip", flipped), 400);
    refused(&send_encoded(&server, "gzip", zstd(lines.as_bytes())), 400);
    assert_eq!(stored(&server), 0);
}

#[test]
fn an_encoding_that_is_not_understood_is_415() {
    let server = Server::start();
    for encoding in ["br", "deflate", "gzip, gzip", "nonsense"] {
        refused(&send_encoded(&server, encoding, b"{\"a\":1}".to_vec()), 415);
    }
    assert_eq!(send_encoded(&server, "identity", b"{\"a\":1}".to_vec()).ok()["accepted"], 1);
    assert_eq!(stored(&server), 1);
}

#[test]
fn a_bad_line_never_fails_the_others() {
    let server = Server::start();
    let body = b"{\"a\":1}\n{\"a\":\n{\"a\":\"\xff\"}\n[1]\n\n{\"a\":2} {\"a\":3}\n{\"a\":\"\\ud800\"}\n7\n{\"a\":4}";
    let answer = send(&server, body.to_vec()).ok();
    assert_eq!(answer["accepted"], 2);
    assert_eq!(answer["rejected_total"], 6);
    let indexes: Vec<u64> =
        answer["rejected"].as_array().unwrap().iter().map(|r| r["index"].as_u64().unwrap()).collect();
    assert_eq!(indexes, [1, 2, 3, 4, 5, 6], "blank lines are not counted");
    assert_eq!(stored(&server), 2);
}

#[test]
fn elements_of_an_array_are_rejected_one_by_one() {
    let server = Server::start();
    let answer = send(&server, "[{\"a\":1},2,{\"\":3},{\"a\":4},null]").ok();
    let rejected = answer["rejected"].as_array().unwrap();
    let indexes: Vec<&Value> = rejected.iter().map(|r| &r["index"]).collect();
    assert_eq!((&answer["accepted"], indexes), (&json!(2), vec![&json!(1), &json!(2), &json!(4)]));
    let nothing = send(&server, "{\"\":1}").ok();
    assert_eq!((&nothing["accepted"], &nothing["rejected_total"]), (&json!(0), &json!(1)), "all rejected is still 200");
}

#[test]
fn at_most_100_rejects_are_listed_and_all_are_counted() {
    let server = Server::start();
    let answer = send(&server, "nonsense\n".repeat(250) + "{\"a\":1}").ok();
    assert_eq!((&answer["accepted"], &answer["rejected_total"]), (&json!(1), &json!(250)));
    assert_eq!(answer["rejected"].as_array().unwrap().len(), 100);
    assert_eq!(answer["rejected"][99]["index"], 99);
}

#[test]
fn errors_never_repeat_a_value() {
    let server = Server::start();
    let secret = "hunter2";
    for body in [
        format!("{{\"password\":\"{secret}\\ud800\"}}"),
        format!("{{\"a\":1}}\n{secret}\n"),
        format!("[{{\"password\":{secret}}}]"),
        format!("{{\"password\":\"{secret}\""),
    ] {
        let text = send(&server, body.clone()).text();
        assert!(!text.contains(secret), "{body} is answered {text}");
    }
}

#[test]
fn nesting_up_to_128_is_taken_and_deeper_is_rejected() {
    let server = Server::start();
    for (depth, accepted) in [(127, 1), (128, 1), (129, 0), (100_000, 0)] {
        let answer = send(&server, format!("{}\n{{\"ok\":1}}", nested(depth))).ok();
        assert_eq!(answer["accepted"], accepted + 1, "depth {depth}: {answer:.300}");
    }
    let objects = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    assert_eq!(send(&server, objects).ok()["accepted"], 0);
    refused(&send(&server, "[".repeat(1_000_000)), 400);
}

#[test]
fn events_are_2000_fields_wide_at_most_and_1_mib_long() {
    let server = Server::start();
    for (fields, accepted) in [(2_000, 1), (2_001, 0), (10_000, 0)] {
        assert_eq!(send(&server, wide(fields)).ok()["accepted"], accepted, "{fields} fields");
    }
    for (bytes, accepted) in [(1 << 20, 1), ((1 << 20) + 1, 0)] {
        let event = format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
        assert_eq!(event.len(), bytes);
        assert_eq!(send(&server, event).ok()["accepted"], accepted, "{bytes} bytes");
    }
}

#[test]
fn a_string_over_64_kib_is_cut_and_marked() {
    let server = Server::start();
    let body = json!({ "id": "x", "long": "ä".repeat(40_000), "fits": "y".repeat(65_536) });
    assert_eq!(send(&server, body.to_string()).ok()["accepted"], 1);
    let answer = server.rows("d", &json!({ "start_time": 0, "columns": ["long", "fits", "meta.truncated"] }));
    let row = &answer["rows"][0];
    assert_eq!(row[0].as_str().unwrap().len(), 65_536);
    assert_eq!(row[1].as_str().unwrap().len(), 65_536);
    assert_eq!(row[2], "long");
}

#[test]
fn repeated_keys_are_counted() {
    let server = Server::start();
    let before = server.metric("outcrop_ingest_repeated_keys_total");
    send(&server, "{\"a\":1,\"a\":2}\n{\"b\":{\"c\":1},\"b.c\":2}").ok();
    assert_eq!(server.metric("outcrop_ingest_repeated_keys_total") - before, 2.0);
}

#[test]
fn a_body_over_the_limit_is_413_with_and_without_a_length() {
    let server = Server::start();
    let body = "{\"a\":1}\n".repeat(BODY_BYTES_MAX / 8 + 1).into_bytes();
    refused(&send(&server, body.clone()), 413);
    refused(&server.send(&Request::new("POST", "/api/v1/events/d").body(Body::Chunked(body))), 413);
    let announced = Request::new("POST", "/api/v1/events/d").header("Content-Length", "99999999999999");
    refused(&server.send(&announced), 413);
    assert_eq!(stored(&server), 0);
    assert!(process::peak_memory_bytes(server.pid()) < MEMORY_BYTES_MAX);
}

#[test]
fn bombs_are_413_and_cost_little() {
    let server = Server::start();
    let mebibyte = vec![b' '; 1 << 20];
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..1 << 10 {
        encoder.write_all(&mebibyte).unwrap();
        gzip.write_all(&mebibyte).unwrap();
    }
    let (small, large) = (encoder.finish().unwrap(), gzip.finish().unwrap());
    assert!(small.len() < 200_000, "no bomb: {} bytes", small.len());
    for _ in 0..3 {
        refused(&send_encoded(&server, "zstd", small.clone()), 413);
        refused(&send_encoded(&server, "gzip", large.clone()), 413);
    }
    assert_eq!(stored(&server), 0);
    let peak = process::peak_memory_bytes(server.pid());
    assert!(peak < MEMORY_BYTES_MAX, "{peak} bytes were held");
    assert!(process::anonymous_memory_bytes(server.pid()) < MEMORY_BYTES_MAX / 2);
    assert_eq!(send(&server, "{\"a\":1}").ok()["accepted"], 1);
}

#[test]
fn made_up_names_cost_little() {
    let server = Server::start();
    let events = 81_000;
    let body: String = (0..events).map(|at| format!("{{\"f{at}\":1}}\n")).collect();
    assert!(body.len() < 1 << 20);
    let reply = send(&server, body);
    let peak = process::peak_memory_bytes(server.pid());
    assert!(peak < MEMORY_BYTES_MAX, "{peak} bytes were held for a body of one mebibyte");
    if reply.status == 200 {
        assert_eq!(stored(&server), events);
    } else {
        refused(&reply, 413);
        assert_eq!(stored(&server), 0);
    }
}

#[test]
fn a_body_that_breaks_off_stores_nothing() {
    let server = Server::start();
    let short = Request::post("/api/v1/events/d", "{\"a\":1}\n{\"a\":").header("Content-Length", "1000");
    drop(short.begin(server.address));
    assert_eq!(send(&server, "{\"a\":1}").ok()["accepted"], 1);
    assert_eq!(stored(&server), 1);
}

#[test]
fn dataset_names() {
    let server = Server::start();
    for bad in ["", "%20", "a%2Fb", "a%5Cb", "a%2Cb", "a,b", "*", "%2A", "a%00b", "a%0Ab", "%FF", &"x".repeat(129)] {
        let reply = server.send(&Request::post(&format!("/api/v1/events/{bad}"), "{\"a\":1}"));
        let status = if bad.is_empty() { 404 } else { 400 };
        refused(&reply, status);
    }
    for (sent, kept) in
        [("A%20b", "a b"), ("%20Trim%20", "trim"), ("gr%C3%BC%C3%9Fe", "grüße"), (&"x".repeat(128), &"x".repeat(128))]
    {
        server.load(sent, "{\"a\":1}");
        let names = server.get("/api/v1/datasets").ok();
        let names: Vec<&str> =
            names["datasets"].as_array().unwrap().iter().filter_map(|d| d["name"].as_str()).collect();
        assert!(names.contains(&kept), "{sent} is not {kept:?} but {names:?}");
    }
}

#[test]
fn datasets_are_bounded() {
    let server = Server::with(&["--datasets-max", "2"]);
    server.load("a", "{\"n\":1}");
    server.load("b", "{\"n\":1}");
    refused(&server.send(&Request::post("/api/v1/events/c", "{\"n\":1}")), 422);
    server.load("a", "{\"n\":1}");
    let datasets = server.get("/api/v1/datasets").ok();
    assert_eq!(datasets["datasets"].as_array().unwrap().len(), 2);
}

#[test]
fn limits_are_settings() {
    let server = Server::with(&[
        "--body-bytes-max",
        "1024",
        "--event-bytes-max",
        "1024",
        "--event-fields-max",
        "3",
        "--string-bytes-max",
        "16",
    ]);
    refused_naming(&send(&server, "{\"a\":1}\n".repeat(129)), 413, "1024");
    assert_eq!(send(&server, "{\"a\":1}\n".repeat(128)).ok()["accepted"], 128);
    assert_eq!(send(&server, wide(4)).ok()["accepted"], 0);
    assert_eq!(send(&server, wide(3)).ok()["accepted"], 1);
}
