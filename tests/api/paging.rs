//! Pages of rows: following the cursor shows every event exactly once, in order, forwards and backwards, however many have
//! the same time and wherever they lie.

use serde_json::{Value, json};

use crate::harness::{Server, Setup};

const EVENTS: usize = 97;

/// Runs of equal times, not sent in order, over two days.
fn time(at: usize) -> i64 {
    1_793_491_200 + ((at * 31 % EVENTS / 7) as i64) * 12_345
}

fn lines(from: usize, to: usize) -> String {
    (from..to).map(|at| json!({ "id": at, "timestamp": time(at), "even": at % 2 == 0 }).to_string() + "\n").collect()
}

/// Ids in the order of events: by time, then as sent.
fn in_order() -> Vec<u64> {
    let mut ids: Vec<usize> = (0..EVENTS).collect();
    ids.sort_by_key(|at| (time(*at), *at));
    ids.into_iter().map(|id| id as u64).collect()
}

fn spec(order: &str, limit: usize, cursor: &Value, filters: &Value) -> Value {
    json!({ "columns": ["id"], "order": order, "limit": limit, "cursor": cursor, "filters": filters,
            "start_time": "2026-01-01T00:00:00Z", "end_time": "2027-01-01T00:00:00Z" })
}

/// Every id on every page, and how many pages there were.
fn follow(server: &Server, order: &str, limit: usize, filters: &Value) -> (Vec<u64>, usize) {
    let (mut ids, mut pages, mut cursor) = (Vec::new(), 0, Value::Null);
    loop {
        let page = server.rows("d", &spec(order, limit, &cursor, filters));
        let rows = page["rows"].as_array().unwrap();
        assert!(rows.len() <= limit, "{} rows on a page of {limit}", rows.len());
        ids.extend(rows.iter().map(|row| row[0].as_u64().unwrap()));
        pages += 1;
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            return (ids, pages);
        }
        assert!(pages <= 2 * EVENTS, "the cursor leads nowhere");
    }
}

fn check(server: &Server) {
    let ascending = in_order();
    let descending: Vec<u64> = ascending.iter().rev().copied().collect();
    let odd: Vec<u64> = ascending.iter().copied().filter(|id| id % 2 == 1).collect();
    for limit in [1, 2, 7, 10, EVENTS - 1, EVENTS, EVENTS + 1] {
        let pages = EVENTS.div_ceil(limit);
        assert_eq!(follow(server, "ascending", limit, &json!([])), (ascending.clone(), pages), "ascending by {limit}");
        assert_eq!(
            follow(server, "descending", limit, &json!([])),
            (descending.clone(), pages),
            "descending by {limit}"
        );
    }
    let filters = json!([{ "column": "even", "op": "=", "value": false }]);
    assert_eq!(follow(server, "ascending", 5, &filters).0, odd);
}

#[test]
fn in_memory() {
    let server = Server::start();
    server.load("d", lines(0, EVENTS));
    check(&server);
}

#[test]
fn in_several_segments_and_in_memory() {
    let setup = Setup::new();
    let flushing = setup.with(&["--flush-age-seconds-max", "0"]).start();
    for (from, to) in [(0, 30), (30, 60)] {
        flushing.load("d", lines(from, to));
        flushing.wait_for_flush();
    }
    flushing.terminate();
    let server = setup.start();
    server.load("d", lines(60, 80));
    server.load("d", lines(80, EVENTS));
    check(&server);
}

#[test]
fn what_arrives_between_pages_is_not_shown_twice_nor_hides_anything() {
    let server = Server::start();
    server.load("d", lines(0, EVENTS));
    let first = server.rows("d", &spec("ascending", 50, &Value::Null, &json!([])));
    server.load("d", lines(0, 10).replace("\"id\":", "\"id\":1000"));
    let (mut rest, mut cursor) = (Vec::new(), first["cursor"].clone());
    while !cursor.is_null() {
        let page =
            server.rows("d", &spec("ascending", 50, &cursor, &json!([{ "column": "id", "op": "<", "value": 1000 }])));
        rest.extend(page["rows"].as_array().unwrap().iter().map(|row| row[0].as_u64().unwrap()));
        cursor = page["cursor"].clone();
    }
    assert_eq!(rest, in_order()[50..]);
}

#[test]
fn a_page_without_columns_shows_every_field_that_has_a_value_in_it() {
    let server = Server::start();
    server.load("d", "{\"timestamp\":1,\"a\":1}\n{\"timestamp\":2,\"b\":\"x\"}");
    let page = server.rows("d", &json!({ "start_time": 0, "limit": 1 }));
    assert_eq!(page["columns"], json!([{ "name": "timestamp", "type": "time" }, { "name": "b", "type": "string" }]));
    assert_eq!(page["rows"], json!([["1970-01-01T00:00:02Z", "x"]]));
    let both = server.rows("d", &json!({ "start_time": 0 }));
    assert_eq!(both["rows"], json!([["1970-01-01T00:00:02Z", null, "x"], ["1970-01-01T00:00:01Z", 1, null]]));
    assert_eq!(both["cursor"], Value::Null);
}

#[test]
fn an_answer_has_two_million_cells_at_most_and_then_a_cursor() {
    let server = Server::start();
    let fields: String = (0..500).map(|at| format!("\"f{at}\":1,")).collect();
    let lines: String = (0..5_000).map(|at| format!("{{{fields}\"timestamp\":{at}}}\n")).collect();
    server.load("d", lines);
    let path = "/api/v1/rows/d?timeout_seconds=300";
    let page = server.post(path, &json!({ "start_time": 0, "limit": 10_000 })).ok();
    let cells = page["columns"].as_array().unwrap().len() * page["rows"].as_array().unwrap().len();
    assert!(cells <= 2_000_000, "{cells} cells");
    assert!(cells > 1_000_000, "{cells} cells are few");
    assert!(page["cursor"].is_string());
}
