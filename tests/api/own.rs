//! Outcrop as its own customer: what it did stands as intents in a dataset of its own, where somebody asked for that; a
//! deadline that passed is unmet; and nothing goes round in circles.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::refused;
use crate::harness::{Server, Setup, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than own events wait for others, and than a flush waits for its turn.
const STILL: Duration = Duration::from_secs(3);
/// One request of ingest in twenty is recorded: that none of these is has a chance of one in five million.
const REQUESTS: u64 = 300;
const ASKED_FOR: [&str; 4] = ["--own-events", "true", "--flush-age-seconds-max", "0"];

fn intents(server: &Server) -> Vec<Value> {
    let list = server.get("/api/v1/intents?dataset=outcrop");
    let items = if list.status == 200 { list.ok()["items"].take() } else { Value::Null };
    items.as_array().cloned().unwrap_or_default()
}

fn intent(server: &Server, name: &str) -> Value {
    intents(server).into_iter().find(|item| item["name"] == name).unwrap_or_default()
}

/// Counts of the datasets there are. The list is no question, and is not recorded.
fn datasets(server: &Server) -> Vec<(String, u64)> {
    let list = server.get("/api/v1/datasets").ok();
    let datasets = list["datasets"].as_array().unwrap().iter();
    datasets.map(|d| (d["name"].as_str().unwrap().to_owned(), d["events"].as_u64().unwrap())).collect()
}

fn own_events(server: &Server) -> u64 {
    datasets(server).iter().find(|(name, _)| name == "outcrop").map_or(0, |(_, events)| *events)
}

fn send(server: &Server) {
    for n in 0..REQUESTS {
        server.load("shop", format!("{{\"n\":{n}}}"));
    }
}

#[test]
fn what_outcrop_did_stands_as_intents_that_are_met() {
    let server = Server::with(&ASKED_FOR);
    send(&server);
    server.wait_for_flush();
    server.query("shop", &json!({ "calculations": [{ "op": "COUNT" }] }));
    server.rows("shop", &json!({ "limit": 1 }));
    server.post("/api/v1/sql", &json!({ "sql": "SELECT count(*) FROM shop" })).ok();
    let some = json!({ "filters": [{ "column": "n", "op": "<", "value": 9 }] });
    server.post("/api/v1/compare/shop", &json!({ "selection": some, "baseline": null })).ok();
    refused(&server.post("/api/v1/query/shop", &json!({ "calculations": 1 })), 400);
    refused(&server.post("/api/v1/query/nowhere", &json!({})), 404);
    for name in ["ingest.acknowledge", "storage.flush", "query.answer"] {
        wait_until(&format!("{name} is recorded"), PATIENCE, || {
            intent(&server, name)["now"]["events"].as_u64() > Some(0)
        });
        let intent = intent(&server, name);
        assert_eq!((&intent["now"]["met"], &intent["declared"]), (&json!(1.0), &json!(true)), "{intent}");
        assert_eq!((&intent["owner"], &intent["services"]), (&json!("Outcrop"), &json!(["outcrop"])));
    }
    let ingest = intent(&server, "ingest.acknowledge");
    assert_eq!(ingest["now"]["events"].as_u64().unwrap() % 20, 0, "weighted: {ingest}");
    assert_eq!(ingest["expectations"], json!(["let in", "durable", "within 2 s", "no error", "not cancelled"]));
    assert_eq!(intent(&server, "storage.compact")["declared"], true);
    // What own events cause is not recorded.
    let spec = json!({ "calculations": [{ "op": "COUNT" }], "breakdowns": ["storage.dataset", "query.kind"] });
    wait_until("a refused question is recorded too", PATIENCE, || {
        let spec =
            json!({ "calculations": [{ "op": "COUNT" }], "filters": [{ "column": "query.refusal", "op": "exists" }] });
        server.query("outcrop", &spec)["rows"][0][0].as_u64() == Some(1)
    });
    let rows = server.query("outcrop", &spec)["rows"].as_array().cloned().unwrap();
    assert!(rows.iter().all(|row| row[0].is_null() || row[0] == "shop"), "{rows:?}");
    for kind in ["query", "rows", "compare", "sql"] {
        assert!(rows.iter().any(|row| row[1] == kind), "{kind} in {rows:?}");
    }
}

#[test]
fn a_question_beyond_its_deadline_is_unmet() {
    let server = Server::with(&["--own-events", "true", "--own-events-dataset", "about-us"]);
    let text = "ab".repeat(40);
    for part in 0..4_u64 {
        let lines = (part * 20_000..(part + 1) * 20_000).map(|at| format!("{{\"t\":\"{text}{at}\"}}\n"));
        server.load("d", lines.collect::<String>());
    }
    let slow = |at: u64| json!({ "column": "t", "op": "matches", "value": format!("[ab]+[n-z]{{2}}{at}") });
    let filters: Vec<Value> = (0..8).map(slow).collect();
    let spec = json!({ "filters": filters, "filter_combination": "OR", "breakdowns": ["t"] });
    refused(&server.post("/api/v1/query/d?timeout_seconds=1", &spec), 504);
    let unmet = || {
        let answer = server.get("/api/v1/intents/query.answer?dataset=about-us");
        if answer.status == 200 { answer.ok()["unmet"].take() } else { json!([]) }
    };
    wait_until("it is recorded", PATIENCE, || unmet() != json!([]));
    assert_eq!(unmet(), json!([{ "expectation": "before its deadline", "events": 1 }]));
}

#[test]
fn nothing_is_recorded_unless_somebody_asks() {
    let server = Server::with(&["--flush-age-seconds-max", "0"]);
    send(&server);
    server.wait_for_flush();
    server.query("shop", &json!({ "calculations": [{ "op": "COUNT" }] }));
    assert_eq!(datasets(&server), [("shop".to_owned(), REQUESTS)]);
    assert_eq!(server.get("/api/v1/intents").ok()["items"], json!([]));
}

#[test]
fn it_comes_to_rest_when_nothing_happens() {
    let server = Server::with(&ASKED_FOR);
    send(&server);
    let mut last = (0, Instant::now());
    wait_until("own events come to rest", PATIENCE, || {
        let now = own_events(&server);
        if now != last.0 {
            last = (now, Instant::now());
        }
        now > 0 && last.1.elapsed() > STILL
    });
    // The register, a unit for each flush of the shop, and a twentieth of the requests.
    let flushes = server.metric("outcrop_flushes") as u64;
    assert!(last.0 < 10 + flushes + REQUESTS / 4, "{} own events, {flushes} flushes", last.0);
}

#[test]
fn the_last_of_it_is_there_after_an_end_in_order_and_needs_no_key() {
    let setup = Setup::new();
    let key = setup.create_key(&["query", "ingest"]);
    let server = setup.with_key(&key).with(&ASKED_FOR).start();
    server.load("shop", "{\"n\":1}");
    for _ in 0..5 {
        server.query("shop", &json!({ "calculations": [{ "op": "COUNT" }] }));
    }
    let began = Instant::now();
    let (setup, status) = server.terminate();
    assert!(status.success() && began.elapsed() < Duration::from_secs(20), "{status} after {:?}", began.elapsed());
    let server = setup.with(&[]).start();
    let queries = json!([{ "column": "query.kind", "op": "=", "value": "query" }]);
    let spec = json!({ "calculations": [{ "op": "COUNT" }], "filters": queries });
    assert_eq!(server.query("outcrop", &spec)["rows"][0][0], 5);
}
