//! From start to end: what is acknowledged stays, SIGTERM drains, closing the connection stops the work.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Request, Server, Setup, process, wait_until};

fn count(server: &Server, dataset: &str) -> u64 {
    server.query(dataset, &json!({ "disable_series": true }))["rows"][0][0].as_u64().unwrap()
}

#[test]
fn sigterm_drains_with_exit_code_0_and_keeps_everything() {
    let server = Server::start();
    server.load("d", "{\"a\":1}\n{\"a\":2}");
    let (setup, status) = server.terminate();
    assert_eq!(status.code(), Some(0));
    let server = setup.start();
    assert_eq!(count(&server, "d"), 2);
}

#[test]
fn sigterm_in_the_middle_of_a_request_answers_it_first() {
    let server = Server::start();
    server.load("d", "{\"a\":1}");
    let body = "{\"a\":1}\n".repeat(200_000);
    let address = server.address;
    let sender = std::thread::spawn(move || Request::post("/api/v1/events/d", body).try_to(address));
    wait_until("the body is on its way", Duration::from_secs(30), || {
        server.metric("outcrop_in_flight_bytes") > 0.0 || sender.is_finished()
    });
    let (setup, status) = server.terminate();
    assert_eq!(status.code(), Some(0));
    let answer = sender.join().unwrap().unwrap().ok();
    assert_eq!(answer["accepted"], 200_000);
    assert_eq!(count(&setup.start(), "d"), 200_001);
}

#[test]
fn sigterm_does_not_wait_for_idle_connections() {
    let server = Server::start();
    let _idle = std::net::TcpStream::connect(server.address).unwrap();
    let began = Instant::now();
    let (_, status) = server.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn an_event_is_in_answers_the_moment_it_is_acknowledged() {
    let server = Server::with(&["--flush-age-seconds-max", "0"]);
    for at in 1..=50 {
        server.load("d", json!({ "n": at }).to_string());
        assert_eq!(count(&server, "d"), at);
        let rows = server.rows("d", &json!({ "columns": ["n"], "limit": 1 }));
        assert_eq!(rows["rows"], json!([[at]]));
    }
}

#[test]
fn sequences_are_never_used_again() {
    let mut setup = Setup::new();
    for round in 0..3 {
        let server = setup.start();
        server.load("d", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}");
        let spec =
            json!({ "calculations": [{ "op": "COUNT" }, { "op": "COUNT_DISTINCT", "column": "meta.sequence" }] });
        let expected = 3 * (round + 1);
        assert_eq!(server.query("d", &spec)["rows"], json!([[expected, expected]]));
        setup = server.kill();
    }
}

#[test]
fn one_request_has_one_time_of_receipt() {
    let server = Server::start();
    server.load("d", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}");
    server.load("d", "{\"a\":4}");
    let spec = json!({ "calculations": [{ "op": "COUNT" }], "breakdowns": ["meta.received"] });
    let counts: Vec<u64> =
        server.query("d", &spec)["rows"].as_array().unwrap().iter().map(|row| row[1].as_u64().unwrap()).collect();
    assert_eq!(counts, [3, 1]);
}

#[test]
fn closing_the_connection_stops_the_work() {
    let server = Server::start();
    // Work for some seconds, grouped by a field of many values: in text that is not ASCII patterns find a word's
    // boundary slowly.
    let text = "äb".repeat(130);
    for part in 0..10 {
        let lines: String = (0..5_000).map(|at| format!("{{\"t\":\"{text}{at}\",\"k\":\"{part}-{at}\"}}\n")).collect();
        server.load("d", lines);
    }
    let slow = json!({ "breakdowns": ["k"], "limit": 10_000, "granularity": 60,
                       "calculations": (0..40).map(|at| json!({ "op": "COUNT", "name": format!("c{at}"),
                           "filters": [{ "column": "t", "op": "matches", "value": format!("[äb]*\\b[^a-zä0-9-]c?{at}") }] })).collect::<Vec<_>>() });
    let request = Request::json("/api/v1/query/d?timeout_seconds=600", &slow);
    let before = process::processor_ticks(server.pid());
    let stream = request.begin(server.address);
    wait_until("the query runs", Duration::from_secs(30), || process::processor_ticks(server.pid()) > before + 30);
    drop(stream);
    let mut last = (process::processor_ticks(server.pid()), Instant::now());
    let began = Instant::now();
    wait_until("the server stands still for half a second", Duration::from_secs(10), || {
        let now = process::processor_ticks(server.pid());
        if now > last.0 + 1 {
            last = (now, Instant::now());
        }
        last.1.elapsed() > Duration::from_millis(500)
    });
    assert!(began.elapsed() < Duration::from_secs(3), "it went on for {:?}", began.elapsed());
    assert_eq!(count(&server, "d"), 50_000);
}

#[test]
fn a_deadline_is_504_and_soon() {
    let server = Server::start();
    let text = "äb".repeat(130);
    let lines: String = (0..40_000).map(|at| format!("{{\"t\":\"{text}{at}\",\"k\":{at}}}\n")).collect();
    server.load("d", lines);
    let slow = json!({ "breakdowns": ["k"], "calculations": (0..100).map(|at| json!({ "op": "COUNT", "name": format!("c{at}"),
                       "filters": [{ "column": "t", "op": "matches", "value": format!("[äb]*\\b[^a-zä0-9-]c?{at}") }] })).collect::<Vec<_>>() });
    let began = Instant::now();
    let reply = server.post("/api/v1/query/d?timeout_seconds=1", &slow);
    super::refused(&reply, 504);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
