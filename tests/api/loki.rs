//! Loki's push requests as its senders make them.

use serde_json::json;

use crate::harness::{Reply, Request, Server};

const PUSH: &str = r#"{"streams":[{"stream":{"app":"Web","level":"info"},"values":[["1700000000000000005","hello",{"trace_id":"t1"}],["1700000001000000005","world"]]}]}"#;

fn push(server: &Server, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Reply {
    let request = Request::post(path, body);
    server.send(&headers.iter().fold(request, |request, (name, value)| request.header(name, value)))
}

/// Snappy's block format without any compression: a length, then literals.
fn snappy(bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() < 60);
    let mut block = vec![bytes.len() as u8];
    block.push(((bytes.len() - 1) << 2) as u8);
    block.extend_from_slice(bytes);
    block
}

#[test]
fn entries_are_there() {
    let server = Server::start();
    let json = ("Content-Type", "application/json");
    let reply = push(&server, "/loki/api/v1/push", &[json], PUSH);
    assert_eq!((reply.status, reply.body.len()), (204, 0), "{}", reply.text());
    let columns =
        json!({ "start_time": 0, "order": "ascending", "columns": ["timestamp", "app", "level", "body", "trace_id"] });
    assert_eq!(
        server.rows("web", &columns)["rows"],
        json!([
            ["2023-11-14T22:13:20.000000005Z", "Web", "info", "hello", "t1"],
            ["2023-11-14T22:13:21.000000005Z", "Web", "info", "world", null]
        ])
    );
    let gzip = zstd::encode_all(PUSH.as_bytes(), 3).unwrap();
    assert_eq!(
        push(
            &server,
            "/api/prom/push",
            &[("Content-Type", "application/json; charset=utf-8"), ("Content-Encoding", "zstd")],
            gzip
        )
        .status,
        204
    );
    // PushRequest { streams: [{ labels: "{app=\"pb\"}", entries: [{ timestamp: { seconds: 1 }, line: "x" }] }] }
    let message = [&[0x0a, 21, 0x0a, 10][..], b"{app=\"pb\"}", &[0x12, 7, 0x0a, 2, 0x08, 1, 0x12, 1, b'x']].concat();
    for headers in [
        &[][..],
        &[("Content-Type", "application/x-protobuf")],
        &[("Content-Type", "application/x-protobuf"), ("Content-Encoding", "snappy"), ("X-Scope-OrgID", "tenant")],
    ] {
        let reply = push(&server, "/loki/api/v1/push", headers, snappy(&message));
        assert_eq!(reply.status, 204, "{headers:?}: {}", reply.text());
    }
    assert_eq!(server.query("pb", &json!({ "start_time": 0 }))["rows"], json!([[3]]));
    assert_eq!(server.get("/ready").text(), "ready\n");
}

#[test]
fn what_was_rejected_is_said_and_the_rest_is_kept() {
    let server = Server::start();
    let body = r#"{"streams":[{"stream":{"app":"web"},"values":[["1","good"],["2","bad",{"\n":"x"}]]}]}"#;
    let reply = push(&server, "/loki/api/v1/push", &[("Content-Type", "application/json")], body);
    assert_eq!(reply.status, 400);
    assert!(reply.text().starts_with("1 of 2 entries were rejected"), "{}", reply.text());
    assert_eq!(server.query("web", &json!({ "start_time": 0 }))["rows"], json!([[1]]));
}

#[test]
fn what_cannot_be_read_is_refused_in_text() {
    let server = Server::with(&["--body-bytes-max", "1024"]);
    for (content_type, encoding, body, status) in [
        ("application/json", None, b"{".to_vec(), 400),
        ("application/json", None, vec![b' '; 2_000], 413),
        ("application/json", Some("snappy"), b"{}".to_vec(), 415),
        ("application/x-protobuf", None, b"{}".to_vec(), 400),
        ("application/x-protobuf", None, vec![0x80, 0x80, 0x80, 0x20, 0], 413),
    ] {
        let mut headers = vec![("Content-Type", content_type)];
        headers.extend(encoding.map(|encoding| ("Content-Encoding", encoding)));
        let reply = push(&server, "/loki/api/v1/push", &headers, body);
        assert_eq!(reply.status, status, "{}", reply.text());
        assert!(
            reply.header("content-type").is_some_and(|value| value.starts_with("text/plain"))
                && reply.text().len() > 20
        );
    }
}
