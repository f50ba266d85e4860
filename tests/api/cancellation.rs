//! Whoever goes away leaves nothing behind: the processor is free within a second, wherever the work was.

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::postgres::Client;
use crate::harness::{Request, Server, process, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
/// Processor time from the end of a connection to that of its work, which is what others wait for. By the clock it is as much
/// where nothing else runs; here other tests do. The engine sorts what it holds in memory in one go, which takes a build
/// without optimization several times as long.
const FREE_MAX: Duration = Duration::from_secs(if cfg!(debug_assertions) { 3 } else { 1 });
/// Ticks of processor time in a second.
const TICKS: u64 = 100;

/// Texts that no pattern matches, in one segment.
fn loaded() -> Server {
    let server = Server::with(&["--flush-age-seconds-max", "0", "--postgres", "127.0.0.1:0"]);
    let text = "ab".repeat(40);
    let line = |at: u64| format!("{{\"t\":\"{text}{at}\",\"k\":\"{at}\"}}\n");
    for part in 0..8 {
        server.load("d", (part * 20_000..(part + 1) * 20_000).map(line).collect::<String>());
    }
    server.wait_for_flush();
    server
}

/// Waits until work is under way, leaves, and says how much processor time the work went on for.
fn time_to_stop(server: &Server, what: &str, begin: impl FnOnce() -> Box<dyn std::any::Any>) -> Duration {
    let before = process::processor_ticks(server.pid());
    let connection = begin();
    wait_until(&format!("{what} runs"), PATIENCE, || process::processor_ticks(server.pid()) > before + 50);
    assert_eq!(server.metric("outcrop_queries_running"), 1.0, "{what} is too quick");
    drop(connection);
    let left = process::processor_ticks(server.pid());
    let mut last = (left, Instant::now());
    wait_until(&format!("{what} stops"), PATIENCE, || {
        let now = process::processor_ticks(server.pid());
        if now > last.0 {
            last = (now, Instant::now());
        }
        last.1.elapsed() > Duration::from_millis(400)
    });
    assert_eq!(server.metric("outcrop_queries_running"), 0.0, "{what}");
    Duration::from_millis((last.0 - left) * 1_000 / TICKS)
}

#[test]
fn closing_the_connection_frees_the_processor_within_a_second() {
    let server = loaded();
    let filter = |at: u64| json!({ "column": "t", "op": "matches", "value": format!("[ab]+[n-z]{{2}}{at}") });
    let filters: Vec<Value> = (0..4).map(filter).collect();
    // No row passes: a row group is decoded to its end before anything comes of it.
    let decode = json!({ "filters": filters, "filter_combination": "OR", "breakdowns": ["k"] });
    let rows = json!({ "filters": filters, "filter_combination": "OR" });
    let sort =
        "SELECT max(x) FROM (SELECT row_number() OVER (ORDER BY md5(t || g.value)) x FROM d, generate_series(1, 60) g)";
    let http = |path: &str, body: &Value| -> Box<dyn std::any::Any> {
        Box::new(Request::json(path, body).begin(server.address))
    };
    let postgres = || -> Box<dyn std::any::Any> {
        let mut client = Client::connect(server.said("PostgreSQL at ").unwrap(), "").unwrap();
        client.begin(sort);
        Box::new(client)
    };
    for (what, took) in [
        ("a decode", time_to_stop(&server, "a decode", || http("/api/v1/query/d?timeout_seconds=600", &decode))),
        (
            "a page of rows",
            time_to_stop(&server, "a page of rows", || http("/api/v1/rows/d?timeout_seconds=600", &rows)),
        ),
        (
            "a sort",
            time_to_stop(&server, "a sort", || http("/api/v1/sql?timeout_seconds=600", &json!({ "sql": sort }))),
        ),
        ("a statement over PostgreSQL", time_to_stop(&server, "a statement over PostgreSQL", postgres)),
    ] {
        println!("{what} went on for {took:?}");
        assert!(took < FREE_MAX, "{what} went on for {took:?}");
    }
}

/// Bytes that questions have spilled and not yet removed.
fn spilled_bytes(server: &Server) -> u64 {
    let mut folders = vec![server.setup.home().join("data/spill")];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        // What is looked at may be gone a moment later.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(about) if about.is_dir() => folders.push(entry.path()),
                about => bytes += about.map_or(0, |about| about.len()),
            }
        }
    }
    bytes
}

#[test]
fn an_export_that_is_left_gives_back_its_turn_its_memory_and_what_it_spilled() {
    let server = Server::with(&["--flush-age-seconds-max", "0", "--query-memory-bytes-max", "67108864"]);
    let text = "ab".repeat(40);
    for part in 0..4 {
        let line = |at: u64| format!("{{\"t\":\"{text}{at}\",\"k\":\"{at}\"}}\n");
        server.load("d", (part * 20_000..(part + 1) * 20_000).map(line).collect::<String>());
    }
    server.wait_for_flush();
    let sql = json!({ "sql": "SELECT t, k FROM d, generate_series(1, 5) g ORDER BY k", "format": "csv" });
    let groups = json!({ "breakdowns": ["k"], "orders": [{ "column": "k" }] });
    let rows = json!({ "columns": ["t", "k"] });
    let asked = [("/api/v1/sql", &sql), ("/api/v1/query/d", &groups), ("/api/v1/rows/d", &rows)];
    let is_free = || {
        let ready = server.get("/readyz").ok();
        let pool = ready["memory"].as_array().unwrap().iter().find(|pool| pool["pool"] == "queries").unwrap().clone();
        server.metric("outcrop_queries_running") == 0.0 && pool["used_bytes"] == 0 && spilled_bytes(&server) == 0
    };
    for (path, spec) in asked {
        for read_bytes in [0, 1, 256 << 10] {
            let request = Request::json(&format!("{path}?timeout_seconds=600"), spec).header("Accept", "text/csv");
            let mut stream = request.begin(server.address);
            if read_bytes == 0 {
                // Before the first byte, in the middle of the sort.
                wait_until("it runs", PATIENCE, || server.metric("outcrop_queries_running") == 1.0);
                wait_until("it spills", PATIENCE, || path != "/api/v1/sql" || spilled_bytes(&server) > 0);
            }
            let mut read = vec![0; read_bytes];
            stream.read_exact(&mut read).unwrap();
            assert!(read.is_empty() || read[0] == b'H', "{path}");
            if path == "/api/v1/sql" {
                assert!(spilled_bytes(&server) > 0, "what is read comes from what was spilled");
            }
            drop(stream);
            wait_until(&format!("{path}, left after {read_bytes} bytes, is over"), PATIENCE, is_free);
        }
    }
}
