//! Rows in other forms than JSON, of SQL, of queries and of raw events: all of them, in bounded memory, and broken off if
//! they cannot be whole.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use serde_json::{Value, json};

use super::refused;
use crate::harness::postgres::Client;
use crate::harness::{Reply, Request, Server, process, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

fn csv(server: &Server, path: &str, spec: &Value) -> String {
    let reply = server.send(&Request::json(path, spec).header("Accept", "text/csv"));
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/csv")), "{}", reply.text());
    reply.text()
}

fn sql(server: &Server, sql: &str, format: &str) -> Reply {
    server.post("/api/v1/sql", &json!({ "sql": sql, "format": format }))
}

#[test]
fn sql_in_every_form() {
    let server = Server::start();
    server.load("d", "{\"timestamp\":\"2026-11-01T00:00:00.5Z\",\"a\":\"x,\\\"y\\\"\",\"n\":1,\"f\":1.5,\"b\":true}\n{\"timestamp\":\"2026-11-01T00:00:01Z\"}");
    let all = "SELECT timestamp, a, n, f, b FROM d ORDER BY timestamp";
    let text = sql(&server, all, "csv").text();
    assert_eq!(
        text,
        "timestamp,a,n,f,b\n2026-11-01T00:00:00.500Z,\"x,\"\"y\"\"\",1,1.5,true\n2026-11-01T00:00:01Z,,,,\n"
    );
    assert_eq!(sql(&server, "SELECT a FROM d WHERE n = 7", "csv").text(), "a\n", "no rows have a header too");
    let parquet = sql(&server, all, "parquet");
    assert_eq!(parquet.header("content-type"), Some("application/vnd.apache.parquet"));
    assert!(parquet.body.starts_with(b"PAR1") && parquet.body.ends_with(b"PAR1"));
    let arrow = sql(&server, all, "arrow");
    assert_eq!(arrow.header("content-type"), Some("application/vnd.apache.arrow.stream"));
    let end = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    assert!(arrow.body.starts_with(&end[..4]) && arrow.body.ends_with(&end), "a stream with an end");
    refused(&sql(&server, "SELECT nothing FROM d", "csv"), 422);
    refused(&sql(&server, "SELECT 1 / 0", "parquet"), 422);
}

#[test]
fn a_query_has_all_of_its_groups() {
    let server = Server::start();
    let lines: String = (0..12_000).map(|n| format!("{{\"k\":\"k{n:05}\",\"n\":{n}}}\n")).collect();
    server.load("d", lines);
    let spec = json!({ "breakdowns": ["k"], "orders": [{ "column": "k" }],
                       "calculations": [{ "op": "COUNT" }, { "op": "SUM", "column": "n" }, { "op": "P50", "column": "n" }] });
    let text = csv(&server, "/api/v1/query/d", &spec);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (12_001, "k,COUNT,SUM(n),P50(n)"));
    assert!(lines[1].starts_with("k00000,1,0,") && lines[12_000].starts_with("k11999,1,11999,"), "{}", lines[12_000]);
    let some = json!({ "breakdowns": ["k"], "limit": 11_000 });
    assert_eq!(csv(&server, "/api/v1/query/d", &some).lines().count(), 11_001, "more than a page may have");
    server.load("m", "{\"k\":1,\"at\":1}\n{\"k\":true}\n{\"k\":\"one\"}\n{}");
    assert_eq!(csv(&server, "/api/v1/query/m", &json!({ "breakdowns": ["k"] })), "k,COUNT\ntrue,1\n1,1\none,1\n,1\n");
}

#[test]
fn raw_events_come_whole_and_in_order() {
    let server = Server::with(&["--flush-age-seconds-max", "0"]);
    let event = |n: u64| {
        format!("{{\"timestamp\":{},\"n\":{n},\"level\":\"l{}\"}}\n", 1_700_000_000 + n * 3_571 % 200_000, n % 5)
    };
    for part in 0..4 {
        server.load("d", (part * 8_000..(part + 1) * 8_000).map(event).collect::<String>());
    }
    server.wait_for_flush();
    server.load("d", (32_000..33_000).map(event).collect::<String>());
    let times = |order: &str, more: &Value| {
        let mut spec = json!({ "columns": ["timestamp", "n"], "order": order, "start_time": 1_600_000_000 });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let text = csv(&server, "/api/v1/rows/d", &spec);
        assert!(text.starts_with("timestamp,n\n"));
        text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let ascending = times("ascending", &json!({}));
    assert_eq!(ascending.len(), 33_000);
    assert!(ascending.is_sorted());
    let mut descending = times("descending", &json!({}));
    descending.reverse();
    assert_eq!(descending, ascending);
    assert_eq!(times("ascending", &json!({ "limit": 20_000 })), ascending[..20_000]);
    let some = json!({ "filters": [{ "column": "level", "op": "=", "value": "l3" }] });
    assert_eq!(times("ascending", &some).len(), 6_600);
    let all = csv(&server, "/api/v1/rows/d", &json!({ "start_time": 1_600_000_000, "limit": 1, "order": "ascending" }));
    assert_eq!(all, "timestamp,sample_rate,level,n\n2023-11-14T22:13:20Z,1,l0,0\n");
    let reply =
        server.send(&Request::json("/api/v1/rows/d", &json!({ "cursor": "AAAA" })).header("Accept", "text/csv"));
    refused(&reply, 400);
}

#[test]
fn a_slow_reader_holds_the_work_back_and_a_deadline_breaks_it_off() {
    let server = Server::start();
    let endless =
        json!({ "sql": "SELECT value, value + 1 AS next FROM generate_series(1, 1000000000000)", "format": "csv" });
    let stream = Request::json("/api/v1/sql?timeout_seconds=3", &endless).begin(server.address);
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains("200"), "{line}");
    // Nobody reads: the work stands still once a few pieces and the sockets are full.
    let mut last = (0, std::time::Instant::now());
    wait_until("the server stands still", PATIENCE, || {
        let now = process::processor_ticks(server.pid());
        if now > last.0 + 1 {
            last = (now, std::time::Instant::now());
        }
        last.1.elapsed() > Duration::from_millis(300)
    });
    assert!(process::peak_memory_bytes(server.pid()) < 600 << 20);
    let mut rest = Vec::new();
    let _broken = reader.read_to_end(&mut rest);
    assert!(!rest.ends_with(b"0\r\n\r\n"), "it must not look whole");
    wait_until("nothing runs", PATIENCE, || server.metric("outcrop_queries_running") == 0.0);
}

/// Less than a connection may leave an answer unread: what ends the work is its deadline, and nothing else.
const UNREAD: Duration = Duration::from_secs(30);

#[test]
fn a_deadline_counts_also_when_nobody_reads_any_more() {
    let server = Server::with(&["--postgres", "127.0.0.1:0"]);
    let endless = "SELECT value, value + 1 AS next FROM generate_series(1, 1000000000000)";
    let runs = |count: f64| server.metric("outcrop_queries_running") == count;
    let spec = json!({ "sql": endless, "format": "csv" });
    let unread = Request::json("/api/v1/sql?timeout_seconds=2", &spec).begin(server.address);
    wait_until("the export runs", PATIENCE, || runs(1.0));
    wait_until("an export that nobody reads ends", UNREAD, || runs(0.0));
    drop(unread);
    let mut client = Client::connect(server.said("PostgreSQL at ").unwrap(), "").unwrap();
    assert_eq!(client.ask("SET statement_timeout = 2000").error, None);
    client.begin(endless);
    wait_until("the statement runs", PATIENCE, || runs(1.0));
    wait_until("a statement that nobody reads ends", UNREAD, || runs(0.0));
}
