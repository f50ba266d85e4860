//! More than there is room for: memory, connections, open files. What is refused is told when to come again, costs nothing,
//! and leaves the connection usable; what was taken is kept; and it is over when the cause is.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::grpc::{TRACES, has_delay};
use super::routes::{Names, Needs, ROUTES};
use super::{refused, refused_naming};
use crate::harness::grpc::Call;
use crate::harness::{Body, Reply, Request, Server, Setup, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
const MIB: usize = 1 << 20;
/// 256 MiB, of which bodies have 32.
const LITTLE: [&str; 2] = ["--memory-bytes-max", "268435456"];

fn count(server: &Server, dataset: &str) -> u64 {
    server.query(dataset, &json!({ "start_time": 0, "disable_series": true }))["rows"][0][0].as_u64().unwrap()
}

/// A body of so many bytes that holds one event.
fn padded(bytes: usize) -> Vec<u8> {
    let mut body = b"{\"a\":1}".to_vec();
    body.resize(bytes, b' ');
    body
}

/// A connection that is kept.
struct Kept(BufReader<TcpStream>);

impl Kept {
    fn open(server: &Server) -> Kept {
        let stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Kept(BufReader::new(stream))
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// The head of an event request of so many bytes.
    fn announce(&mut self, bytes: usize) {
        self.write(
            format!("POST /api/v1/events/d HTTP/1.1\r\nHost: localhost\r\nContent-Length: {bytes}\r\n\r\n").as_bytes(),
        );
    }

    /// Whether there is something to read already.
    fn was_told(&self) -> bool {
        self.0.get_ref().set_nonblocking(true).unwrap();
        self.0.get_ref().peek(&mut [0]).is_ok_and(|bytes| bytes > 0)
    }

    fn read(&mut self) -> Reply {
        Reply::read(&mut self.0).unwrap()
    }
}

#[test]
fn a_body_without_memory_for_it_is_429_and_its_connection_stays() {
    let server = Server::with(&LITTLE);
    let mut first = Kept::open(&server);
    first.announce(20 * MIB);
    wait_until("its memory is reserved", PATIENCE, || server.metric("outcrop_in_flight_bytes") >= 20.0 * MIB as f64);
    let mut second = Kept::open(&server);
    second.announce(20 * MIB);
    second.write(&padded(20 * MIB));
    let reply = second.read();
    assert_eq!(refused(&reply, 429)["code"], "busy");
    assert_eq!(reply.header("retry-after"), Some("1"));
    second.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(second.read().status, 200, "the same connection");
    // A small one still finds room.
    assert_eq!(server.load("d", "{\"a\":1}"), 1);
    first.write(&padded(20 * MIB));
    assert_eq!(first.read().ok()["accepted"], 1, "what was let in is taken");
    wait_until("its memory is given back", PATIENCE, || server.metric("outcrop_in_flight_bytes") == 0.0);
    second.announce(20 * MIB);
    second.write(&padded(20 * MIB));
    assert_eq!(second.read().ok()["accepted"], 1);
    assert_eq!(count(&server, "d"), 3);
    let text = server.get("/metrics").text();
    assert!(text.contains("outcrop_shed_requests_total{reason=\"bodies\"} 1\n"), "{text}");
    assert!(text.contains("outcrop_memory_refusals_total{pool=\"bodies\"} 1\n"), "{text}");
}

#[test]
fn every_protocol_says_in_its_own_words_when_to_come_again() {
    let server = Server::with(&LITTLE);
    let mut first = Kept::open(&server);
    first.announce(20 * MIB);
    wait_until("its memory is reserved", PATIENCE, || server.metric("outcrop_in_flight_bytes") >= 20.0 * MIB as f64);
    for route in ROUTES.iter().filter(|route| route.needs == Needs::Ingest) {
        let names = Names { dataset: "d", id: "", key: "" };
        let reply = server.send(&route.request(&names).body(Body::Sized(padded(13 * MIB))));
        assert!(route.refused(&reply, 429).contains("again"), "{}", reply.text());
        assert_eq!(reply.header("retry-after"), Some("1"), "{route:?}");
    }
    let call = Call::new(TRACES, &padded(13 * MIB)).to(server.grpc);
    assert_eq!(call.status(), 8, "{call:?}");
    assert!(has_delay(&call), "{call:?}");
    assert_eq!(server.get("/api/v1/datasets").ok()["datasets"], json!([]));
}

#[test]
fn who_asks_before_sending_is_answered_without_having_sent() {
    let server = Server::with(&LITTLE);
    let mut first = Kept::open(&server);
    first.announce(20 * MIB);
    wait_until("its memory is reserved", PATIENCE, || server.metric("outcrop_in_flight_bytes") >= 20.0 * MIB as f64);
    let mut second = Kept::open(&server);
    let head = format!("Host: localhost\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n", 20 * MIB);
    second.write(format!("POST /api/v1/events/d HTTP/1.1\r\n{head}").as_bytes());
    refused(&second.read(), 429);
}

#[test]
fn memory_is_given_back_when_a_sender_goes() {
    let server = Server::with(&LITTLE);
    let mut gone = Kept::open(&server);
    gone.announce(30 * MIB);
    gone.write(&padded(MIB));
    wait_until("its memory is reserved", PATIENCE, || server.metric("outcrop_in_flight_bytes") >= 30.0 * MIB as f64);
    drop(gone);
    wait_until("it is given back", PATIENCE, || server.metric("outcrop_in_flight_bytes") == 0.0);
    assert_eq!(server.load("d", padded(30 * MIB)), 1);
}

#[test]
fn a_body_that_never_fits_is_413() {
    let server = Server::with(&LITTLE);
    let reply = server.send(&Request::post("/api/v1/events/d", padded(40 * MIB)));
    refused(&reply, 413);
    // 400 fields an event, and each event has only one of them: a lot of columns for few bytes.
    let sparse: String = (0..400_000).map(|n| format!("{{\"f{}\":1}}\n", n % 400)).collect();
    let reply = server.send(&Request::post("/api/v1/events/d", sparse));
    refused_naming(&reply, 413, "memory");
    assert_eq!(server.metric("outcrop_in_flight_bytes"), 0.0);
    assert_eq!(server.load("d", "{\"a\":1}"), 1);
}

#[test]
fn memory_is_bounded_where_it_is_said_and_parts_must_fit() {
    let setup = Setup::new();
    for (arguments, named) in [
        (vec!["--memory-bytes-max", "1000000"], "memory_bytes_max"),
        (vec!["--memory-bytes-max", "268435456", "--query-memory-bytes-max", "268435456"], "memory_bytes_max"),
        (vec!["--memory-bytes-max", "67108864", "--query-memory-bytes-max", "1000"], "query_memory_bytes_max"),
    ] {
        let output = setup.with(&arguments).serve_command().output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(named), "{arguments:?}: {said}");
    }
    let server = setup.with(&["--memory-bytes-max", "268435456", "--memtable-bytes-max", "50000000"]).start();
    let pools = server.get("/readyz").ok()["memory"].clone();
    let limits: Vec<u64> = pools.as_array().unwrap().iter().map(|pool| pool["limit_bytes"].as_u64().unwrap()).collect();
    let sum: u64 = limits.iter().sum();
    assert!(limits.contains(&50_000_000) && sum <= 268_435_456 && sum > 268_435_000, "{pools}");
}

#[test]
fn readiness_says_how_it_stands() {
    let server = Server::start();
    server.load("d", "{\"a\":1}");
    let body = server.get("/readyz").ok();
    assert_eq!((&body["ready"], &body["reasons"]), (&json!(true), &json!([])));
    let disk = &body["disk"];
    let number = |key: &str| disk[key].as_u64().unwrap();
    assert!(number("total_bytes") > number("available_bytes") && number("reserve_bytes") > 0, "{disk}");
    assert!(number("used_percent") <= 100 && number("headroom_bytes") < number("available_bytes"), "{disk}");
    let memtables = body["memory"].as_array().unwrap().iter().find(|pool| pool["pool"] == "memtables").unwrap();
    assert!(memtables["used_bytes"].as_u64() > Some(0) && memtables["limit_bytes"].as_u64() > Some(0), "{memtables}");
    assert!(body["limits"]["open_files_limit"].as_u64() > Some(8) && body["limits"]["maps_limit"].as_u64() > Some(8));
    for name in ["outcrop_disk_available_bytes", "outcrop_open_files", "outcrop_anonymous_memory_bytes"] {
        assert!(server.metric(name) > 0.0, "{name}");
    }
}

#[test]
fn connections_leave_files_for_the_store() {
    let setup = Setup::new().with(&["--flush-age-seconds-max", "0"]).with_open_files(300);
    let server = setup.start();
    server.load("d", "{\"a\":1}");
    let others: Vec<Kept> = (0..100).map(|_| Kept::open(&server)).collect();
    // Those beyond the limit are told so; the others are waited for.
    let told = || others.iter().filter(|kept| kept.was_told()).count();
    wait_until("some are refused", PATIENCE, || told() >= 50);
    assert!(told() < 80, "{} of 100 were refused", told());
    drop(others);
    wait_until("there is room again", PATIENCE, || {
        Request::get("/healthz").try_to(server.address).is_ok_and(|r| r.status == 200)
    });
    assert_eq!(server.load("d", "{\"a\":1}"), 1);
    server.wait_for_flush();
    assert_eq!(count(&server, "d"), 2);
    assert!(server.metric("outcrop_open_files") < 200.0);
    let log = std::fs::read_to_string(server.setup.home().join("log")).unwrap();
    assert!(log.contains("few files may be open"), "{log}");
}

#[test]
fn more_segments_than_open_files_are_no_matter() {
    const SEGMENTS: u64 = 80;
    let setup = Setup::new().with(&["--flush-age-seconds-max", "0"]).with_open_files(64);
    let server = setup.start();
    // A dataset each, or some would be merged.
    for n in 0..SEGMENTS {
        server.load(&format!("d{n}"), json!({ "n": n }).to_string());
        server.wait_for_flush();
    }
    assert_eq!(server.metric("outcrop_segments"), SEGMENTS as f64);
    let spec = json!({ "start_time": 0, "disable_series": true, "calculations": [{ "op": "SUM", "column": "n" }] });
    assert_eq!(server.query("*", &spec)["rows"], json!([[(0..SEGMENTS).sum::<u64>()]]));
    let server = server.kill().start();
    assert_eq!(server.query("*", &spec)["rows"], json!([[(0..SEGMENTS).sum::<u64>()]]));
    assert_eq!(
        server.rows("*", &json!({ "start_time": 0, "limit": 100 }))["rows"].as_array().unwrap().len() as u64,
        SEGMENTS
    );
}
