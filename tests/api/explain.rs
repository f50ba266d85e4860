//! How a query is answered: the SQL that says the same is answered the same, segments say why they were read, and events
//! say how far it is.

use serde_json::{Value, json};

use super::{refused, refused_naming};
use crate::harness::{Request, Server, json::difference};

fn explained(server: &Server, spec: &Value) -> Value {
    server.post("/api/v1/query/d?explain=true", spec).ok()
}

#[test]
fn the_sql_of_a_query_finds_the_same_groups() {
    let server = Server::with(&["--flush-age-seconds-max", "0"]);
    let event = |n: u64| {
        json!({ "timestamp": 1_790_000_000 + n, "route": format!("/r{}", n % 7), "status": 200 + n % 3 * 150, "ms": n as f64 / 4.0,
                "user.id": format!("u{}", n % 40), "ok": n.is_multiple_of(3), "mix": if n.is_multiple_of(2) { json!(n % 4) } else { json!("4'\"x") },
                "sample_rate": 1 + n % 5, "some": if n.is_multiple_of(10) { json!(n) } else { json!(null) } })
        .to_string()
            + "\n"
    };
    server.load("d", (0..500).map(event).collect::<String>());
    server.wait_for_flush();
    server.load("d", (500..700).map(event).collect::<String>());
    let filter = |column: &str, op: &str, value: Value| json!({ "column": column, "op": op, "value": value });
    let count = json!([{ "op": "COUNT" }]);
    for spec in [
        json!({}),
        json!({ "usage_mode": true }),
        json!({ "breakdowns": ["route"], "calculations": [{ "op": "COUNT" }, { "op": "SUM", "column": "status" },
            { "op": "AVG", "column": "ms" }, { "op": "MIN", "column": "ms" }, { "op": "MAX", "column": "status" },
            { "op": "COUNT_DISTINCT", "column": "user.id" }] }),
        json!({ "breakdowns": ["user.id", "ok"], "limit": 13, "orders": [{ "op": "COUNT", "order": "descending" }, { "column": "ok" }] }),
        json!({ "breakdowns": ["route"], "havings": [{ "calculate_op": "COUNT", "op": ">", "value": 290 }], "calculations": count }),
        json!({ "filters": [filter("status", ">=", json!(350)), filter("mix", "=", json!(2))] }),
        json!({ "filters": [filter("mix", "=", json!("4'\"x")), filter("ok", "=", json!(true))], "filter_combination": "OR" }),
        json!({ "filters": [filter("mix", "!=", json!("2"))], "breakdowns": ["some"] }),
        json!({ "filters": [filter("route", "in", json!(["/r1", "/r2"])), filter("some", "not-in", json!([10, 20]))] }),
        json!({ "filters": [filter("route", "starts-with", json!("/r")), filter("route", "does-not-end-with", json!("3"))] }),
        json!({ "filters": [filter("user.id", "contains", json!("1")), filter("user.id", "does-not-match", json!("^u1.$"))] }),
        json!({ "filters": [{ "column": "some", "op": "does-not-exist" }, filter("ms", "<", json!(60.5))] }),
        json!({ "filters": [filter("timestamp", "<", json!("2026-09-21T14:16:40Z"))] }),
        json!({ "filters": [filter("nothing", "!=", json!(1)), filter("nothing", "does-not-contain", json!("x"))], "breakdowns": ["nothing"] }),
        json!({ "calculations": [{ "op": "COUNT", "name": "slow", "filters": [filter("ms", ">", json!(100))] },
            { "op": "AVG", "column": "ms", "name": "a", "filters": [filter("ok", "=", json!(false))] }] }),
    ] {
        let mut spec = spec;
        spec["start_time"] = json!(1_790_000_000);
        spec["end_time"] = json!(1_790_000_690);
        let answer = explained(&server, &spec);
        let sql = answer["explain"]["sql"].as_str().unwrap();
        assert_eq!(answer["explain"]["sql_differs"], json!([]), "{sql}");
        let same = server.post("/api/v1/sql", &json!({ "sql": sql }));
        assert_eq!(same.status, 200, "{sql}\n{}", same.text());
        assert_eq!(difference(&answer["rows"], same.json().get("rows")), None, "{spec}\n{sql}");
        assert!(answer["explain"]["plan"].as_str().unwrap().contains("StreamingTableExec"), "{answer}");
        assert!(answer["explain"]["planning_ms"].as_f64().unwrap() > 0.0, "{answer}");
    }
    for (spec, differs) in [
        (json!({ "breakdowns": ["mix"] }), "mix"),
        (json!({ "calculations": [{ "op": "P99", "column": "ms" }] }), "percentiles"),
        (json!({ "calculations": [{ "op": "COUNT" }, { "op": "HEATMAP", "column": "ms" }] }), "HEATMAP(ms)"),
        (json!({ "filters": [filter("*", "contains", json!("r1"))] }), "any field"),
    ] {
        let explain = &explained(&server, &spec)["explain"];
        assert!(explain["sql_differs"].to_string().contains(differs), "{explain}");
        server.post("/api/v1/sql", &json!({ "sql": explain["sql"] })).ok();
    }
    assert_eq!(server.query("d", &json!({})).get("explain"), None);
    refused_naming(&server.post("/api/v1/rows/d?explain=true", &json!({})), 400, "explain");
    let csv = Request::json("/api/v1/query/d?explain=true", &json!({})).header("Accept", "text/csv");
    refused(&server.send(&csv), 400);
}

#[test]
fn every_segment_says_why_it_was_read_or_not() {
    let server = Server::with(&["--flush-age-seconds-max", "0"]);
    for day in 1..=3 {
        server.load("d", format!("{{\"timestamp\":\"2026-11-0{day}T12:00:00Z\",\"level\":\"l{day}\",\"n\":{day}}}"));
        server.wait_for_flush();
    }
    let spec = json!({ "start_time": "2026-11-02T00:00:00Z", "end_time": "2026-11-04T00:00:00Z",
                       "filters": [{ "column": "n", "op": ">", "value": 2 }] });
    let answer = explained(&server, &spec);
    let expected = json!([
        { "dataset": "d", "kept": false, "reason": "no event in the time range", "rows": 0, "rows_total": 1 },
        { "dataset": "d", "kept": false, "reason": "$any", "rows": 0, "rows_total": 1 },
        { "dataset": "d", "kept": true, "reason": "1 of 1 rows", "rows": 1, "rows_total": 1 },
    ]);
    assert_eq!(difference(&expected, answer["explain"].get("segments")), None, "{answer}");
}

/// The events of a stream, name and data.
fn events(text: &str) -> Vec<(String, Value)> {
    let line = |part: &str, key: &str| part.lines().find_map(|line| Some(line.strip_prefix(key)?.trim().to_owned()));
    let event = |part: &str| Some((line(part, "event:")?, serde_json::from_str(&line(part, "data:")?).unwrap()));
    text.split("\n\n").filter_map(event).collect()
}

#[test]
fn a_query_tells_how_far_it_is_and_then_the_answer() {
    let server = Server::with(&["--flush-age-seconds-max", "0"]);
    for day in 1..=4 {
        server.load("d", format!("{{\"timestamp\":\"2026-11-0{day}T12:00:00Z\",\"k\":\"k{day}\"}}"));
        server.wait_for_flush();
    }
    let spec = json!({ "breakdowns": ["k"], "limit": 2, "start_time": "2026-11-01T00:00:00Z", "end_time": "2026-11-09T00:00:00Z" });
    let ask = |spec: &Value| server.send(&Request::json("/api/v1/query/d", spec).header("Accept", "text/event-stream"));
    let reply = ask(&spec);
    assert!(reply.header("content-type").unwrap().starts_with("text/event-stream"));
    let told = events(&reply.text());
    let (last, progress) = told.split_last().unwrap();
    let plain = server.query("d", &spec);
    assert_eq!((last.0.as_str(), &last.1["rows"], &last.1["other"]), ("answer", &plain["rows"], &plain["other"]));
    assert!(progress.len() > 3 && progress.iter().all(|(name, _)| name == "progress"), "{told:?}");
    let done: Vec<u64> = progress.iter().map(|(_, data)| data["done"].as_u64().unwrap()).collect();
    assert!(done.is_sorted(), "{done:?}");
    // Groups, total, other groups and series: each reads four segments.
    assert_eq!(progress.last().unwrap().1, json!({ "done": 16, "total": 16 }), "{told:?}");
    refused(&ask(&json!({ "limit": 0 })), 400);
    refused(&server.send(&Request::json("/api/v1/query/no", &json!({})).header("Accept", "text/event-stream")), 404);
}
