//! Lists of datasets, fields and values are true in the moment an event is acknowledged, wherever events lie.

use serde_json::{Value, json};

use crate::harness::json::difference;
use crate::harness::{Server, Setup};

fn load(server: &Server) {
    server.load("web", "{\"timestamp\":\"2026-11-01T00:00:00Z\",\"status\":200,\"route\":\"/cart\"}\n{\"timestamp\":\"2026-11-02T00:00:00.5Z\",\"status\":\"ok\",\"route\":\"/card\"}");
    server.load("web", "{\"timestamp\":\"2026-11-03T00:00:00Z\",\"status\":404,\"route\":\"/cart\"}");
    server.load("jobs", "{\"timestamp\":\"2026-11-01T00:00:00Z\",\"queue\":\"mail\",\"route\":7}");
}

fn check(server: &Server, path: &str, expected: &Value) {
    let mut got = server.get(path).ok();
    if let Some(datasets) = got.get_mut("datasets").and_then(Value::as_array_mut) {
        // The contract says nothing of their order.
        datasets.sort_by_key(|dataset| dataset["name"].to_string());
    }
    assert_eq!(difference(expected, Some(&got)), None, "{path}");
}

fn check_all(server: &Server) {
    check(
        server,
        "/api/v1/datasets",
        &json!({ "datasets": [
        { "name": "jobs", "events": 1, "fields": 2, "bytes": "$any", "first_event": "2026-11-01T00:00:00Z", "last_event": "2026-11-01T00:00:00Z" },
        { "name": "web", "events": 3, "fields": 2, "bytes": "$any", "first_event": "2026-11-01T00:00:00Z", "last_event": "2026-11-03T00:00:00Z" },
    ] }),
    );
    check(
        server,
        "/api/v1/fields/web",
        &json!({ "fields": [
        { "name": "route", "types": { "string": 3 }, "events": 3, "distinct_estimate": 2, "overflow": false,
          "first_seen": "2026-11-01T00:00:00Z", "last_seen": "2026-11-03T00:00:00Z" },
        { "name": "status", "types": { "integer": 2, "string": 1 }, "events": 3, "distinct_estimate": 3 },
    ] }),
    );
    check(server, "/api/v1/fields/web?q=TAT", &json!({ "fields": [{ "name": "status" }] }));
    check(
        server,
        "/api/v1/fields/*?q=rout",
        &json!({ "fields": [{ "name": "route", "types": { "string": 3, "integer": 1 }, "events": 4 }] }),
    );
    check(
        server,
        "/api/v1/values/web/route",
        &json!({ "values": [{ "value": "/cart", "events": 2 }, { "value": "/card", "events": 1 }] }),
    );
    check(server, "/api/v1/values/web/route?limit=1", &json!({ "values": [{ "value": "/cart", "events": 2 }] }));
    check(server, "/api/v1/values/web/route?prefix=/card", &json!({ "values": [{ "value": "/card", "events": 1 }] }));
    check(server, "/api/v1/values/web/status?prefix=4", &json!({ "values": [{ "value": 404, "events": 1 }] }));
    check(server, "/api/v1/values/web,jobs/route?prefix=7", &json!({ "values": [{ "value": 7, "events": 1 }] }));
}

#[test]
fn in_memory() {
    let server = Server::start();
    load(&server);
    check_all(&server);
}

#[test]
fn in_segments_and_after_a_restart() {
    let server = Setup::new().with(&["--flush-age-seconds-max", "0"]).start();
    load(&server);
    check_all(&server);
    server.wait_for_flush();
    check_all(&server);
    let server = server.kill().start();
    check_all(&server);
}

#[test]
fn values_count_every_event_once_in_spite_of_sampling_or_with_it() {
    let server = Server::start();
    server.load("s", "{\"k\":\"a\",\"sample_rate\":5}\n{\"k\":\"b\"}\n{\"k\":\"b\"}");
    let values = server.get("/api/v1/values/s/k").ok();
    let of = |value: &str| {
        values["values"].as_array().unwrap().iter().find(|v| v["value"] == value).unwrap()["events"].clone()
    };
    assert_eq!(of("b"), 2);
    assert!(of("a") == 5 || of("a") == 1, "{values}");
}

#[test]
fn names_with_signs_are_reached_by_their_percent_form() {
    let server = Server::start();
    server.load("d", "{\"a/b\":1,\"c d\":2,\"ü\":3,\"?\":4}");
    for (path, value) in [("a%2Fb", 1), ("c%20d", 2), ("%C3%BC", 3), ("%3F", 4)] {
        check(&server, &format!("/api/v1/values/d/{path}"), &json!({ "values": [{ "value": value, "events": 1 }] }));
    }
}
