//! Specs of queries and pages: what is wrong is refused with a 4xx that says what to do.

use serde_json::{Value, json};

use super::{refused, refused_naming};
use crate::harness::{Body, Request, Server, process};

fn shop() -> Server {
    let server = Server::start();
    server.load("shop", "{\"name\":\"a\",\"v\":1}\n{\"name\":\"b\",\"v\":2.5,\"name2\":true}");
    server
}

/// Every filter in a spec of its own.
fn filter(column: &str, op: &str, value: Value) -> Value {
    json!({ "filters": [{ "column": column, "op": op, "value": value }] })
}

#[test]
fn what_cannot_be_read_is_400() {
    let server = shop();
    for path in ["/api/v1/query/shop", "/api/v1/rows/shop"] {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let deep_value = format!("{{\"filters\":[{{\"column\":\"a\",\"op\":\"=\",\"value\":{deep}}}]}}");
        for body in ["{", "[]", "nonsense", "{}{}", "{\"limit\":}", "\"\"", "1", deep.as_str(), deep_value.as_str()] {
            refused(&server.send(&Request::post(path, body).header("Content-Type", "application/json")), 400);
        }
        refused(&server.send(&Request::post(path, vec![b'{', 0xff, b'}'])), 400);
    }
}

#[test]
fn unknown_keys_are_400_and_named() {
    let server = shop();
    for spec in [
        json!({ "extra_key": 1 }),
        json!({ "filters": [{ "column": "a", "op": "=", "value": 1, "extra_key": 1 }] }),
        json!({ "calculations": [{ "op": "COUNT", "extra_key": 1 }] }),
        json!({ "orders": [{ "op": "COUNT", "extra_key": 1 }] }),
        json!({ "havings": [{ "calculate_op": "COUNT", "op": ">", "value": 1, "extra_key": 1 }] }),
    ] {
        refused_naming(&server.post("/api/v1/query/shop", &spec), 400, "extra_key");
    }
    refused_naming(&server.post("/api/v1/rows/shop", &json!({ "extra_key": 1 })), 400, "extra_key");
    refused_naming(&server.post("/api/v1/rows/shop", &json!({ "breakdowns": [] })), 400, "breakdowns");
    refused_naming(&server.post("/api/v1/query/shop?extra_key=1", &json!({})), 400, "extra_key");
    refused_naming(&server.get("/api/v1/fields/shop?extra_key=1"), 400, "extra_key");
}

#[test]
fn unknown_words_are_400_and_named() {
    let server = shop();
    for (spec, named) in [
        (json!({ "calculations": [{ "op": "MEDIAN", "column": "v" }] }), "MEDIAN"),
        (json!({ "calculations": [{ "op": "count" }] }), "count"),
        (json!({ "calculations": [{ "op": "P98", "column": "v" }] }), "P98"),
        (filter("v", "==", json!(1)), "=="),
        (filter("v", "like", json!("a")), "like"),
        (json!({ "filter_combination": "XOR" }), "XOR"),
        (json!({ "orders": [{ "op": "COUNT", "order": "up" }] }), "up"),
        (json!({ "havings": [{ "calculate_op": "COUNT", "op": "in", "value": 1 }] }), "in"),
    ] {
        refused_naming(&server.post("/api/v1/query/shop", &spec), 400, named);
    }
    refused_naming(&server.post("/api/v1/rows/shop", &json!({ "order": "sideways" })), 400, "sideways");
}

#[test]
fn wrong_types_are_400() {
    let server = shop();
    for spec in [
        json!({ "calculations": "COUNT" }),
        json!({ "calculations": [{ "op": 1 }] }),
        json!({ "calculations": [{}] }),
        json!({ "calculations": [["COUNT"]] }),
        json!({ "filters": [["v", "=", 1]] }),
        json!({ "calculations": [{ "op": "SUM" }] }),
        json!({ "calculations": [{ "op": "SUM", "column": 1 }] }),
        json!({ "calculations": [{ "op": "SUM", "column": "" }] }),
        json!({ "calculations": [{ "op": "SUM", "column": "v", "exact": true }] }),
        json!({ "filters": {} }),
        json!({ "filters": [{ "op": "=", "value": 1 }] }),
        json!({ "filters": [{ "column": "v", "op": "=" }] }),
        json!({ "breakdowns": [1] }),
        json!({ "breakdowns": [""] }),
        json!({ "limit": "many" }),
        json!({ "limit": 1.5 }),
        json!({ "limit": -1 }),
        json!({ "granularity": "minute" }),
        json!({ "granularity": -60 }),
        json!({ "time_range": "2h" }),
        json!({ "time_range": -1 }),
        json!({ "time_range": 0 }),
        json!({ "start_time": "yesterday" }),
        json!({ "start_time": true }),
        json!({ "start_time": 1e300 }),
        json!({ "usage_mode": "yes" }),
        json!({ "havings": [{ "calculate_op": "COUNT", "op": ">", "value": "1" }] }),
        json!({ "orders": [{}] }),
        filter("", "=", json!(1)),
        filter("v", "=", json!(null)),
        filter("v", "=", json!([1])),
        filter("v", "=", json!({})),
        filter("v", "in", json!(1)),
        filter("v", "in", json!([[1]])),
        filter("v", "in", json!([null])),
        filter("v", "exists", json!(1)),
        filter("*", "!=", json!("a")),
        filter("*", ">", json!("a")),
    ] {
        let reply = server.post("/api/v1/query/shop", &spec);
        assert_eq!(reply.status, 400, "{spec}: {:.300}", reply.text());
        refused(&reply, 400);
    }
}

#[test]
fn times_that_make_no_range_are_400() {
    let server = shop();
    for spec in [
        json!({ "start_time": 200, "end_time": 100 }),
        json!({ "start_time": 100, "end_time": 100 }),
        json!({ "start_time": 4_102_444_800_i64 }),
        json!({ "start_time": 0, "end_time": 100, "time_range": 100 }),
    ] {
        refused(&server.post("/api/v1/query/shop", &spec), 400);
        refused(&server.post("/api/v1/rows/shop", &spec), 400);
    }
}

#[test]
fn limits_are_1_to_10_000() {
    let server = shop();
    for limit in [0, 10_001, 1_000_000_000] {
        refused_naming(&server.post("/api/v1/query/shop", &json!({ "limit": limit })), 400, "10000");
        refused_naming(&server.post("/api/v1/rows/shop", &json!({ "limit": limit })), 400, "10000");
    }
    for limit in [1, 10_000] {
        server.query("shop", &json!({ "limit": limit }));
        server.rows("shop", &json!({ "limit": limit }));
    }
}

#[test]
fn clauses_are_100_at_most() {
    let server = shop();
    let count =
        |n: usize| json!((0..n).map(|at| json!({ "op": "COUNT", "name": format!("c{at}") })).collect::<Vec<_>>());
    let filters = |n: usize| json!(vec![json!({ "column": "v", "op": "exists" }); n]);
    let names = |n: usize| json!((0..n).map(|at| format!("b{at}")).collect::<Vec<_>>());
    let orders = |n: usize| json!(vec![json!({ "op": "COUNT" }); n]);
    let havings = |n: usize| json!(vec![json!({ "calculate_op": "COUNT", "op": ">", "value": 0 }); n]);
    for n in [100, 101] {
        for spec in [
            json!({ "calculations": count(n) }),
            json!({ "filters": filters(n) }),
            json!({ "breakdowns": names(n) }),
            json!({ "orders": orders(n) }),
            json!({ "havings": havings(n) }),
        ] {
            let reply = server.post("/api/v1/query/shop", &spec);
            if n == 100 { drop(reply.ok()) } else { refused_naming(&reply, 422, "100") }
        }
    }
}

#[test]
fn an_in_list_has_10_000_values_at_most() {
    let server = shop();
    let list = |n: usize| filter("v", "in", json!((0..n).collect::<Vec<_>>()));
    assert_eq!(server.query("shop", &list(10_000))["rows"][0][0], 1);
    refused_naming(&server.post("/api/v1/query/shop", &list(10_001)), 422, "10000");
    refused_naming(&server.post("/api/v1/rows/shop", &list(10_001)), 422, "10000");
}

#[test]
fn a_spec_over_1_mib_is_413() {
    let server = shop();
    for bytes in [(1 << 20) + 1, 3 << 20, 64 << 20] {
        let spec = format!("{{\"breakdowns\":[\"{}\"]}}", "x".repeat(bytes));
        refused(&server.send(&Request::post("/api/v1/query/shop", spec.clone())), 413);
        refused(&server.send(&Request::new("POST", "/api/v1/rows/shop").body(Body::Chunked(spec.into_bytes()))), 413);
    }
}

#[test]
fn two_columns_of_one_name_are_422() {
    let server = shop();
    for spec in [
        json!({ "calculations": [{ "op": "COUNT" }, { "op": "COUNT" }] }),
        json!({ "calculations": [{ "op": "SUM", "column": "v" }, { "op": "MAX", "column": "v", "name": "SUM(v)" }] }),
        json!({ "breakdowns": ["name", "name"] }),
        json!({ "breakdowns": ["COUNT"] }),
    ] {
        refused(&server.post("/api/v1/query/shop", &spec), 422);
    }
    let named = json!({ "calculations": [{ "op": "COUNT" }, { "op": "COUNT", "name": "again" }] });
    assert_eq!(server.query("shop", &named)["rows"], json!([[2, 2]]));
}

#[test]
fn orders_and_havings_must_name_something_of_the_query() {
    let server = shop();
    for spec in [
        json!({ "orders": [{ "column": "elsewhere" }] }),
        json!({ "orders": [{ "op": "SUM", "column": "v" }] }),
        json!({ "havings": [{ "calculate_op": "SUM", "column": "v", "op": ">", "value": 1 }] }),
        json!({ "calculations": [{ "op": "HEATMAP", "column": "v" }], "havings": [{ "calculate_op": "HEATMAP", "column": "v", "op": ">", "value": 1 }] }),
        json!({ "calculations": [{ "op": "HEATMAP", "column": "v" }], "orders": [{ "op": "HEATMAP", "column": "v" }] }),
    ] {
        refused(&server.post("/api/v1/query/shop", &spec), 422);
    }
}

#[test]
fn regular_expressions_that_are_bad_or_huge_are_400() {
    let server = shop();
    for pattern in ["(", "[a-", "a{1000000000}", "(?<x", "\\", "(?=look)", "(a{1000}){1000}", &"\\pL{50}".repeat(2_000)]
    {
        refused(&server.post("/api/v1/query/shop", &filter("name", "matches", json!(pattern))), 400);
        refused(&server.post("/api/v1/rows/shop", &filter("name", "does-not-match", json!(pattern))), 400);
    }
    assert_eq!(server.query("shop", &filter("name", "matches", json!("(a*)*(a*)*(a*)*b")))["rows"][0][0], 1);
    assert!(process::peak_memory_bytes(server.pid()) < 1 << 30);
}

#[test]
fn timeouts_are_1_to_600_seconds() {
    let server = shop();
    for bad in ["0", "601", "-1", "1.5", "soon", ""] {
        for route in ["query", "rows"] {
            refused(&server.post(&format!("/api/v1/{route}/shop?timeout_seconds={bad}"), &json!({})), 400);
        }
    }
    for good in ["1", "600"] {
        server.post(&format!("/api/v1/query/shop?timeout_seconds={good}"), &json!({})).ok();
    }
}

#[test]
fn names_in_paths_that_are_none_are_refused() {
    let server = shop();
    for name in ["%20", "a%2Fb", "%00", "shop,%20", "%FF", "shop,*"] {
        for route in ["query", "rows"] {
            refused(&server.post(&format!("/api/v1/{route}/{name}"), &json!({})), 400);
        }
        refused(&server.get(&format!("/api/v1/fields/{name}")), 400);
        refused(&server.get(&format!("/api/v1/values/{name}/v")), 400);
    }
    for limit in ["0", "-1", "1001", "x"] {
        refused(&server.get(&format!("/api/v1/values/shop/v?limit={limit}")), 400);
    }
    refused(&server.post("/api/v1/rows/shop", &json!({ "cursor": "not ours" })), 400);
    refused(&server.post("/api/v1/rows/shop", &json!({ "cursor": "" })), 400);
}

#[test]
fn names_of_fields_may_be_anything() {
    let server = Server::start();
    for name in [
        "a\"b",
        "a'b",
        "a`b",
        "sel ect",
        "x:integer",
        "integer:x",
        "timestamp ",
        "COUNT(*)",
        "日本",
        "a\\b",
        "%s",
        "null",
    ] {
        server.load("odd", json!({ name: 7 }).to_string());
        let spec = json!({ "breakdowns": [name], "filters": [{ "column": name, "op": "=", "value": 7 }],
                           "calculations": [{ "op": "SUM", "column": name }, { "op": "COUNT_DISTINCT", "column": name }] });
        assert_eq!(server.query("odd", &spec)["rows"], json!([[7, 7, 1]]), "{name}");
        let rows = server.rows("odd", &json!({ "columns": [name], "filters": spec["filters"] }));
        assert_eq!(rows["rows"], json!([[7]]), "{name}");
    }
}
