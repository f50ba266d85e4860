//! What must not be kept: no byte of it reaches the data directory, whatever spoke of it and wherever it stood.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Request, Server, Setup, wait_until};

const REDACTED: &str = "meta.redacted";
const CARD: &str = "4539578763621486";
const SPACED: &str = "5425 2334 3010 9903";
const TOKEN: &str = "xoxb-123456789012-abcdefGHIJKL";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----";
const SECRETS: [&str; 4] = [CARD, SPACED, TOKEN, "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"];
/// What is no secret is found in the files by the same search.
const PLAIN: &str = "plainly-visible-marker";

/// Whether some file below the directory holds these bytes.
fn holds(directory: &Path, bytes: &[u8]) -> bool {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().any(|path| {
        if path.is_dir() {
            return holds(&path, bytes);
        }
        let content = std::fs::read(&path).unwrap_or_default();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

/// A body of each protocol with secrets in values, names and nested things.
fn requests() -> Vec<Request> {
    let all = format!("{PLAIN} {CARD}, {SPACED}; {TOKEN} {KEY}");
    let event = json!({
        "a": all, "list": [1, all], "deep": { (format!("of {CARD}")): all, "n": CARD.parse::<i64>().unwrap() },
        (format!("name {TOKEN}")): 1.5,
    });
    let attribute = |key: &str| json!({ "key": key, "value": { "stringValue": all } });
    let attributes = json!([attribute("a"), attribute(&format!("of {SPACED}"))]);
    let span = json!({
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": all,
        "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000001000000000", "attributes": attributes,
        "events": [{ "timeUnixNano": "1700000000500000000", "name": all, "attributes": attributes }],
        "status": { "message": all, "code": 2 },
    });
    let log =
        json!({ "timeUnixNano": "1700000000000000000", "body": { "stringValue": all }, "attributes": attributes });
    let point = json!({ "timeUnixNano": "1700000000000000000", "asDouble": 1.0, "attributes": attributes });
    let resource = json!({ "attributes": attributes });
    vec![
        Request::post("/api/v1/events/shop", event.to_string()),
        Request::post(&format!("/api/v1/events/of-{TOKEN}"), json!({ "a": 1 }).to_string()),
        Request::json("/1/batch/shop", &json!([{ "data": event, "time": "2026-01-01T00:00:00Z" }])),
        Request::json("/1/events/shop", &event),
        Request::json(
            "/v1/traces",
            &json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "spans": [span] }] }] }),
        ),
        Request::json(
            "/v1/logs",
            &json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [{ "logRecords": [log] }] }] }),
        ),
        Request::json(
            "/v1/metrics",
            &json!({ "resourceMetrics": [{ "resource": resource, "scopeMetrics": [{ "metrics": [
                { "name": "m", "description": all, "gauge": { "dataPoints": [point] } }] }] }] }),
        ),
        Request::post("/_bulk", format!("{}\n{event}\n", json!({ "create": { "_index": "shop", "_id": CARD } })))
            .header("Content-Type", "application/x-ndjson"),
        Request::json(
            "/loki/api/v1/push",
            &json!({ "streams": [{ "stream": { "app": "shop", "of": all }, "values": [["1700000000000000005", all]] }] }),
        ),
    ]
}

#[test]
fn no_byte_of_a_secret_reaches_the_data_directory() {
    let setup = Setup::new();
    let server = setup.start();
    for request in requests() {
        let reply = server.send(&request);
        assert!(matches!(reply.status, 200 | 202 | 204), "{} {}", reply.status, reply.text());
        assert!(!SECRETS.iter().any(|secret| reply.text().contains(secret)), "{}", reply.text());
    }
    let asked = json!({ "start_time": 0, "filters": [{ "column": "a", "op": "contains", "value": "[card]" }] });
    assert_eq!(server.rows("shop", &asked)["rows"].as_array().unwrap().len(), 4);
    let note = json!({ "start_time": 0, "breakdowns": [REDACTED], "disable_series": true });
    let notes = server.query("*", &note)["rows"].to_string();
    assert!(notes.contains("a: private_key, a: token, a: card") && notes.contains("deep.of [card]: name"), "{notes}");
    assert!(notes.contains("deep.n: card") && notes.contains("name [token]: name"), "{notes}");
    let names = server.get("/api/v1/datasets").ok()["datasets"].to_string();
    assert!(names.contains("of-[token]"), "{names}");
    let (setup, status) = server.terminate();
    assert!(status.success());
    let reached = SECRETS.map(|secret| holds(setup.home(), secret.as_bytes()));
    assert_eq!(reached, [false; 4], "{SECRETS:?}");
    assert!(holds(setup.home(), PLAIN.as_bytes()), "the search finds nothing at all");
}

#[test]
fn without_a_secret_nothing_is_asked_for_by_its_hash() {
    let server = Server::start();
    server.load("shop", "{\"a\":1}");
    let asked = |value: Value| {
        let filter = json!({ "column": "user.email", "op": "=", "value": value, "hashed": true });
        server.post("/api/v1/query/shop", &json!({ "filters": [filter] }))
    };
    let reply = asked(json!("jane@example.com"));
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (422, &json!("cannot_hash")));
    assert_eq!(asked(json!({ "no": "text" })).status, 422);
}

#[test]
fn a_secret_counts_before_there_is_any_rule() {
    let server = Setup::new().with(&["--redaction-secret", "a secret of its own"]).start();
    server.load("shop", "{\"user.email\":\"jane@example.com\"}");
    let filter = json!({ "column": "user.email", "op": "=", "value": "jane@example.com", "hashed": true });
    let reply = server.post("/api/v1/query/shop", &json!({ "filters": [filter] }));
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[test]
fn rules_hold_from_the_next_request_on() {
    let setup = Setup::new().with(&["--redaction-secret", "a secret of its own"]);
    let admin = setup.create_key(&["ingest", "query", "admin"]);
    let server = setup.with_key(&admin).start();
    let make = |rule: Value| server.post("/api/v1/redactions", &rule);
    let event = json!({ "user.email": "jane@example.com", "password": "hunter2", "note": format!("card {CARD}") });
    server.load("before", event.to_string());
    let made = make(json!({ "fields": ["user.email"], "action": "hash" }));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(make(json!({ "fields": ["*password*"], "action": "drop" })).status, 201);
    let kept = json!({ "datasets": ["test-*"], "detector": "card", "action": "keep", "description": "made-up cards" });
    assert_eq!(make(kept).status, 201);
    server.load("shop", event.to_string());
    server.load("test-1", event.to_string());
    let columns = json!({ "start_time": 0, "columns": ["user.email", "password", "note"] });
    let row = |dataset: &str| server.rows(dataset, &columns)["rows"][0].clone();
    assert_eq!(row("before"), json!(["jane@example.com", "hunter2", "card [card]"]));
    assert_eq!(row("test-1")[2], json!(format!("card {CARD}")));
    let shop = row("shop");
    assert!(shop[0].as_str().unwrap().starts_with("hashed:"), "{shop}");
    assert_eq!((&shop[1], &shop[2]), (&Value::Null, &json!("card [card]")));

    let filter = json!({ "column": "user.email", "op": "=", "value": "jane@example.com", "hashed": true });
    let found = server.query("shop", &json!({ "start_time": 0, "filters": [filter], "disable_series": true }));
    assert_eq!(found["rows"], json!([[1]]));

    let one = format!("/api/v1/redactions/{}", made.json()["id"].as_str().unwrap());
    let tag = server.get(&one).header("etag").unwrap().to_owned();
    assert_eq!(server.send(&Request::new("DELETE", &one).header("If-Match", &tag)).status, 204);
    server.load("later", event.to_string());
    assert_eq!(row("later")[0], "jane@example.com");
    let bad = make(json!({ "fields": [], "action": "mask" }));
    assert_eq!(bad.status, 422, "{}", bad.text());
    assert_eq!(make(json!({ "action": "burn" })).status, 400);
}

#[test]
fn what_cannot_be_hashed_is_refused() {
    let setup = Setup::new();
    let admin = setup.create_key(&["admin"]);
    let server = setup.with_key(&admin).start();
    let reply = server.post("/api/v1/redactions", &json!({ "fields": ["a"], "action": "hash" }));
    assert_eq!(reply.status, 422);
    assert!(reply.text().contains("redaction_secret"), "{}", reply.text());
}

#[test]
fn what_is_remembered_of_a_question_holds_no_secret() {
    let setup = Setup::new();
    let server = setup.start();
    server.load("shop", "{\"a\":1}");
    server.query("shop", &json!({ "filters": [{ "column": "a", "op": "=", "value": CARD }] }));
    wait_until("the question is remembered", Duration::from_secs(20), || {
        server.get("/api/v1/history").text().contains("[card]")
    });
    let (setup, _) = server.terminate();
    assert!(!holds(setup.home(), CARD.as_bytes()));
}
