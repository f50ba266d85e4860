//! SQL over HTTP: what it answers, in every form, and what it refuses. It reads, and reads only what the key may read.

use std::time::Duration;

use serde_json::{Value, json};

use super::{refused, refused_naming};
use crate::harness::{Reply, Request, Server, Setup, json::difference, wait_until};

const EVENTS: &str = r#"{"timestamp":"2026-11-01T00:00:00Z","http.route":"/cart","status":200,"ms":1.5,"mix":1,"ok":true,"userId":"a"}
{"timestamp":"2026-11-01T00:01:00Z","http.route":"/pay","status":500,"ms":2,"mix":"one","ok":false,"sample_rate":10}
{"timestamp":"2026-11-01T00:02:00.123456789Z","http.route":"/cart","status":9007199254740993,"ms":7.25,"mix":2.5}"#;

fn shop() -> Server {
    let server = Server::start();
    server.load("shop", EVENTS);
    server
}

fn ask(server: &Server, sql: &str) -> Reply {
    server.post("/api/v1/sql", &json!({ "sql": sql }))
}

fn rows(server: &Server, sql: &str) -> Value {
    let reply = ask(server, sql);
    assert_eq!(reply.status, 200, "{sql}: {}", reply.text());
    reply.json()["rows"].clone()
}

#[test]
fn a_dataset_is_a_table() {
    let server = shop();
    for (sql, expected) in [
        ("SELECT count(*), sum(sample_rate) FROM shop", json!([[3, 12]])),
        ("SELECT \"http.route\", count(*) n FROM shop GROUP BY 1 ORDER BY n DESC", json!([["/cart", 2], ["/pay", 1]])),
        ("SELECT s.\"userId\" FROM shop s WHERE s.ok", json!([["a"]])),
        ("SELECT status FROM shop WHERE ms > 2 ORDER BY 1", json!([["9007199254740993"]])),
        ("WITH slow AS (SELECT * FROM shop WHERE ms >= 2) SELECT count(*) FROM slow", json!([[2]])),
        ("SELECT a.ms FROM shop a JOIN shop b ON a.ms = b.ms AND b.status = 500", json!([[2]])),
        ("SELECT ms FROM shop WHERE timestamp = '2026-11-01T00:02:00.123456789Z'", json!([[7.25]])),
        (
            "SELECT count(*) FROM shop WHERE timestamp BETWEEN '2026-11-01T00:01:00Z' AND '2026-11-01T00:02:00Z'",
            json!([[1]]),
        ),
        ("SELECT timestamp FROM shop ORDER BY timestamp DESC LIMIT 1", json!([["2026-11-01T00:02:00.123456789Z"]])),
        (
            "SELECT date_bin(interval '2 minutes', timestamp) t, count(*) FROM shop GROUP BY t ORDER BY t",
            json!([["2026-11-01T00:00:00Z", 2], ["2026-11-01T00:02:00Z", 1]]),
        ),
        ("SELECT count(*) FROM (SELECT ms FROM shop UNION ALL SELECT ms FROM shop)", json!([[6]])),
        ("SELECT CAST('nan' AS DOUBLE), 1e308 * 10, NULL", json!([["NaN", "Infinity", null]])),
        ("VALUES (1), (2)", json!([[1], [2]])),
    ] {
        assert_eq!(rows(&server, sql), expected, "{sql}");
    }
}

#[test]
fn a_field_with_several_types_is_text_and_reached_by_functions() {
    let server = shop();
    let sql = "SELECT mix, event_number(mix), event_text(ms) AS t FROM shop ORDER BY timestamp";
    let answer = ask(&server, sql).ok();
    assert_eq!(answer["rows"], json!([["1", 1, "1.5"], ["one", null, "2"], ["2.5", 2.5, "7.25"]]));
    let types = json!([{ "name": "mix", "type": "string" }, { "name": "event_number(mix)", "type": "float" },
                       { "name": "t", "type": "string" }]);
    assert_eq!(answer["columns"], types);
    assert_eq!(rows(&server, "SELECT event_number(s.mix) FROM shop s WHERE s.mix = 'one'"), json!([[null]]));
    assert_eq!(rows(&server, "SELECT sum(event_number(mix)) FROM shop"), json!([[3.5]]));
    refused_naming(&ask(&server, "SELECT event_number(mix + 1) FROM shop"), 400, "one field");
    refused_naming(&ask(&server, "SELECT event_number(nothing) FROM shop"), 422, "nothing");
    // What a name elsewhere in the statement brings in is not in `*`.
    let all = ask(&server, "SELECT * FROM shop WHERE event_number(mix) = 1 AND \"meta.sequence\" >= 0").ok();
    let names: Vec<&str> = all["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["timestamp", "sample_rate", "http.route", "mix", "ms", "ok", "status", "userId"]);
    let both = "SELECT *, event_text(mix) FROM shop ORDER BY timestamp";
    assert_eq!(rows(&server, both)[0], json!(["2026-11-01T00:00:00Z", 1, "/cart", "1", 1.5, true, 200, "a", "1"]));
}

#[test]
fn integers_beyond_53_bits_and_both_kinds_of_numbers_stay_apart() {
    let server = Server::start();
    server.load("d", "{\"n\":9007199254740993}\n{\"n\":0.5}");
    assert_eq!(rows(&server, "SELECT event_text(n) FROM d ORDER BY 1"), json!([["0.5"], ["9007199254740993"]]));
    assert_eq!(rows(&server, "SELECT count(*) FROM d WHERE event_text(n) = '9007199254740993'"), json!([[1]]));
}

#[test]
fn tables_and_columns_can_be_listed() {
    let server = shop();
    server.load("my-logs", "{\"body\":\"x\"}");
    assert_eq!(rows(&server, "SHOW TABLES"), json!([["my-logs", 1], ["shop", 3]]));
    let columns = json!([
        ["timestamp", "TIMESTAMP"],
        ["sample_rate", "BIGINT"],
        ["http.route", "TEXT"],
        ["mix", "TEXT"],
        ["ms", "DOUBLE"],
        ["ok", "BOOLEAN"],
        ["status", "BIGINT"],
        ["userId", "TEXT"]
    ]);
    assert_eq!(rows(&server, "SHOW COLUMNS FROM shop"), columns);
    assert_eq!(rows(&server, "DESCRIBE shop"), columns);
    let several = "SELECT \"meta.dataset\", count(*) FROM \"*\" GROUP BY 1 ORDER BY 1";
    assert_eq!(rows(&server, several), json!([["my-logs", 1], ["shop", 3]]));
    assert_eq!(rows(&server, "SELECT count(body), count(ms) FROM \"shop,my-logs\""), json!([[1, 3]]));
}

#[test]
fn segments_and_memtables_answer_as_one_and_time_skips_segments() {
    let server = Server::with(&["--flush-age-seconds-max", "0"]);
    for day in 1..=3 {
        server.load("d", format!("{{\"timestamp\":\"2026-11-0{day}T12:00:00Z\",\"level\":\"l{day}\",\"n\":{day}}}"));
        server.wait_for_flush();
    }
    assert_eq!(rows(&server, "SELECT sum(n) FROM d"), json!([[6]]));
    let answer = ask(&server, "SELECT n FROM d WHERE timestamp >= '2026-11-02' AND timestamp < '2026-11-03'").ok();
    assert_eq!(answer["rows"], json!([[2]]));
    let expected = json!({ "total": 3, "skipped_by_time": 2, "scanned": 1 });
    assert_eq!(difference(&expected, answer["stats"].get("segments")), None, "{answer}");
}

#[test]
fn what_is_no_question_is_refused() {
    let server = shop();
    for sql in [
        "CREATE TABLE x AS SELECT 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "CREATE VIEW v AS SELECT 1",
        "COPY shop TO '/tmp/outcrop.csv'",
        "COPY (SELECT 1) TO '/tmp/outcrop.parquet' STORED AS PARQUET",
        "INSERT INTO shop VALUES (1)",
        "UPDATE shop SET ms = 1",
        "DELETE FROM shop",
        "DROP TABLE shop",
        "TRUNCATE shop",
        "SET datafusion.execution.batch_size = 1",
        "RESET datafusion.execution.batch_size",
        "SHOW ALL",
        "BEGIN",
        "PREPARE p AS SELECT 1",
        "EXPLAIN DELETE FROM shop",
        "EXPLAIN COPY shop TO '/tmp/outcrop.csv'",
        "SELECT * INTO x FROM shop",
        "WITH x AS (DELETE FROM shop RETURNING *) SELECT * FROM x",
        "WITH x AS (INSERT INTO shop VALUES (1) RETURNING *) SELECT * FROM x",
    ] {
        let reply = ask(&server, sql);
        assert!(matches!(reply.status, 400 | 422), "{sql}: {} {}", reply.status, reply.text());
        refused(&reply, reply.status);
    }
    assert_eq!(rows(&server, "SELECT count(*) FROM shop"), json!([[3]]));
}

#[test]
fn no_statement_can_name_a_file() {
    let server = shop();
    let file = server.setup.home().join("rows.csv");
    std::fs::write(&file, "a,b\n1,2\n").unwrap();
    let path = file.to_str().unwrap();
    for sql in [
        format!("SELECT * FROM '{path}'"),
        format!("SELECT * FROM \"{path}\""),
        format!("SELECT * FROM \"file://{path}\""),
        "SELECT * FROM 'rows.csv'".to_owned(),
        format!("SELECT * FROM read_csv('{path}')"),
        format!("SELECT * FROM parquet_metadata('{path}')"),
        format!("SELECT pg_read_file('{path}')"),
        "SELECT * FROM datafusion.public.shop".to_owned(),
        "SELECT * FROM information_schema.df_settings".to_owned(),
    ] {
        let reply = ask(&server, &sql);
        assert!(matches!(reply.status, 400 | 404 | 422), "{sql}: {} {}", reply.status, reply.text());
        refused(&reply, reply.status);
    }
}

#[test]
fn a_key_reads_its_own_datasets_and_no_others() {
    let setup = Setup::new();
    let all = setup.with_key(&setup.create_key(&["ingest", "query"]));
    let server = all.start();
    server.load("mine", "{\"a\":1}");
    server.load("theirs", "{\"a\":2}\n{\"a\":3}");
    let key = setup.create_key(&["query:mine"]);
    let ask = |sql: &str| {
        Request::json("/api/v1/sql", &json!({ "sql": sql })).header("X-Outcrop-Key", &key).to(server.address)
    };
    assert_eq!(ask("SELECT a FROM mine").ok()["rows"], json!([[1]]));
    assert_eq!(ask("SELECT count(*) FROM \"*\"").ok()["rows"], json!([[1]]));
    assert_eq!(ask("SHOW TABLES").ok()["rows"], json!([["mine", 1]]));
    for sql in [
        "SELECT a FROM theirs",
        "SELECT a FROM \"mine,theirs\"",
        "DESCRIBE theirs",
        "SELECT (SELECT max(a) FROM theirs)",
    ] {
        refused(&ask(sql), 404);
    }
    let without = Request::json("/api/v1/sql", &json!({ "sql": "SELECT 1" })).to(server.address);
    refused(&without, 401);
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let server = shop();
    for (sql, status, named) in [
        ("", 400, "one statement"),
        ("SELEC 1", 400, "SELEC"),
        ("SELECT 1; SELECT 2", 400, "one statement"),
        ("SELECT userId FROM shop", 422, "\"userId\""),
        ("SELECT http.route FROM shop", 422, "double quotes"),
        ("SELECT a FROM nothing", 404, "nothing"),
        ("SELECT * FROM my-logs", 400, "read"),
        ("SELECT 1 / 0", 422, "zero"),
        ("SELECT CAST(\"http.route\" AS BIGINT) FROM shop", 422, "/"),
        ("SELECT nofunction(1)", 400, "nofunction"),
        ("SELECT repeat('x', 2000000000)", 400, "repeat"),
        ("SELECT range(0, 100000000000)", 400, "range"),
        ("WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT * FROM r) SELECT * FROM r", 422, "not supported"),
    ] {
        refused_naming(&ask(&server, sql), status, named);
    }
    for (body, named) in [
        (json!({ "sql": "SELECT 1", "format": "xml" }), "xml"),
        (json!({ "sql": "SELECT 1", "limit": 0 }), "limit"),
        (json!({ "sql": "SELECT 1", "limit": 10_001 }), "10000"),
        (json!({ "sql": "SELECT 1", "query": "SELECT 2" }), "query"),
    ] {
        refused_naming(&server.post("/api/v1/sql", &body), 400, named);
    }
}

#[test]
fn deep_and_long_statements_are_refused_or_answered_and_never_end_the_server() {
    let server = shop();
    let chain = |operator: &str, n: usize| format!("SELECT 1{}", format!("{operator}1").repeat(n));
    for sql in [
        chain("+", 100_000),
        chain(" AND ", 50_000),
        chain(" UNION ALL SELECT ", 10_000),
        format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("SELECT {}1", "-".repeat(100_000)),
        format!("SELECT {}1", "NOT ".repeat(50_000)),
        format!("SELECT '{}'", "x".repeat(1 << 19)),
    ] {
        refused(&ask(&server, &sql), 400);
    }
    assert_eq!(rows(&server, &chain("+", 1_000)), json!([[1_001]]));
    let list = format!("SELECT 1 IN ({})", (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    assert_eq!(rows(&server, &list), json!([[true]]));
}

#[test]
fn a_deadline_is_504_and_a_limit_is_told() {
    let server = shop();
    let endless = "SELECT count(*) FROM generate_series(1, 1000000000000) a";
    refused(&server.post("/api/v1/sql?timeout_seconds=1", &json!({ "sql": endless })), 504);
    let first = server
        .post("/api/v1/sql", &json!({ "sql": "SELECT * FROM generate_series(1, 1000000000000)", "limit": 2 }))
        .ok();
    assert_eq!((&first["rows"], &first["truncated"]), (&json!([[1], [2]]), &json!(true)));
    let whole = server.post("/api/v1/sql", &json!({ "sql": "SELECT * FROM generate_series(1, 2)", "limit": 2 })).ok();
    assert_eq!((&whole["rows"], &whole["truncated"]), (&json!([[1], [2]]), &json!(false)));
    wait_until("nothing runs", Duration::from_secs(10), || server.metric("outcrop_queries_running") == 0.0);
}

#[test]
fn a_plan_is_explained() {
    let server = shop();
    let plan = ask(&server, "EXPLAIN SELECT ms FROM shop WHERE status = 500").ok().to_string();
    assert!(plan.contains("full_filters=[events.integer:status = Int64(500)]"), "the filter reaches the scan: {plan}");
    assert!(ask(&server, "EXPLAIN ANALYZE SELECT count(*) FROM shop").ok().to_string().contains("output_rows"));
}

#[test]
fn a_sum_of_integers_is_exact_or_refused_and_never_another() {
    let server = Server::start();
    let event = |n: i64, group: &str| format!("{{\"n\":{n},\"g\":\"{group}\"}}\n");
    // Beyond 64 bits on the way, and not at the end.
    let there_and_back = [i64::MAX, i64::MAX, -i64::MAX, -i64::MAX, 7].map(|n| event(n, "fits")).concat();
    server.load("d", there_and_back.clone() + &event(i64::MAX, "bursts") + &event(1, "bursts"));
    let refusal = |sql: &str| refused(&ask(&server, sql), 422)["message"].as_str().unwrap().to_owned();
    assert_eq!(rows(&server, "SELECT sum(n) FROM d WHERE g = 'fits'"), json!([[7]]));
    assert_eq!(rows(&server, "SELECT g, sum(n) FROM d WHERE g = 'fits' GROUP BY g"), json!([["fits", 7]]));
    assert_eq!(rows(&server, "SELECT sum(n), count(*) FROM d WHERE n > 0 AND n < 0"), json!([[null, 0]]));
    assert_eq!(rows(&server, "SELECT sum(n) FILTER (WHERE n < 10) FROM d WHERE g = 'bursts'"), json!([[1]]));
    assert_eq!(rows(&server, "SELECT sum(DISTINCT n) FROM d WHERE g = 'fits'"), json!([[7]]));
    let running = "SELECT sum(n) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM d WHERE n BETWEEN 0 AND 10 ORDER BY n";
    assert_eq!(rows(&server, running), json!([[1], [8]]));
    for beyond in [
        "SELECT sum(n) FROM d",
        "SELECT g, sum(n) FROM d GROUP BY g",
        "SELECT sum(DISTINCT n) FROM d WHERE n > 0",
        "SELECT sum(n + 0) FROM d WHERE g = 'bursts'",
        "SELECT sum(n) OVER (ORDER BY n) FROM d WHERE n > 0",
    ] {
        assert!(refusal(beyond).contains("double precision"), "{beyond}");
    }
    let float = rows(&server, "SELECT sum(n::double precision) FROM d WHERE g = 'bursts'");
    assert!((float[0][0].as_f64().unwrap() / 9.223_372_036_854_776e18 - 1.0).abs() < 1e-9, "{float}");
    assert_eq!(
        rows(&server, "SELECT sum(n::numeric(38, 0))::text FROM d WHERE g = 'bursts'"),
        json!([["9223372036854775808"]])
    );
    assert_eq!(rows(&server, "SELECT sum(n::double precision / 2) FROM d WHERE n = 7"), json!([[3.5]]));
}
