//! Datasets with more fields than have columns: everything is taken, found by name, and listed as what it is.

use serde_json::{Value, json};

use crate::harness::json::difference;
use crate::harness::{Server, Setup};

fn check(server: &Server, path: &str, expected: &Value) {
    assert_eq!(difference(expected, Some(&server.get(path).ok())), None, "{path}");
}

/// The rows of a query about all times.
fn ask(server: &Server, mut spec: Value) -> Value {
    spec["start_time"] = json!(0);
    spec["disable_series"] = json!(true);
    server.query("d", &spec)["rows"].clone()
}

fn page(server: &Server, spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec["start_time"] = json!(0);
    server.rows("d", &spec)
}

/// Events with made-up names `{prefix}0`, `{prefix}1`, … one each.
fn made_up(prefix: &str, count: usize) -> String {
    (0..count).map(|at| format!("{{\"{prefix}{at}\":{at}}}\n")).collect()
}

/// Sends, and waits until it is in a segment.
fn flush(server: &Server, body: String) {
    server.load("d", body);
    server.wait_for_flush();
}

#[test]
fn fields_without_a_column_are_listed_and_found_wherever_they_lie() {
    let setup = Setup::new().with(&["--fields-max", "2"]);
    let server = setup.start();
    server.load("d", "{\"timestamp\":1793491200,\"a\":1,\"b\":\"x\",\"c\":true,\"d.e\":1.5}");
    server.load("d", "{\"timestamp\":1793491260,\"a\":2,\"c\":\"needle in\",\"f\":7,\"d.e\":2}");
    let check_all = |server: &Server| {
        check(
            server,
            "/api/v1/fields/d",
            &json!({ "unlisted_estimate": "$absent", "fields": [
            { "name": "a", "types": { "integer": 2 }, "events": 2, "overflow": false, "at_least": "$absent" },
            { "name": "b", "types": { "string": 1 }, "events": 1, "overflow": false },
            { "name": "c", "types": { "boolean": 1, "string": 1 }, "events": 2, "overflow": true, "distinct_estimate": 2,
              "first_seen": "2026-11-01T00:00:00Z", "last_seen": "2026-11-01T00:01:00Z", "at_least": "$absent" },
            { "name": "d.e", "types": { "float": 1, "integer": 1 }, "events": 2, "overflow": true },
            { "name": "f", "types": { "integer": 1 }, "events": 1, "overflow": true,
              "first_seen": "2026-11-01T00:01:00Z", "last_seen": "2026-11-01T00:01:00Z" },
        ] }),
        );
        check(server, "/api/v1/fields/d?q=F", &json!({ "fields": [{ "name": "f" }] }));
        check(server, "/api/v1/datasets", &json!({ "datasets": [{ "name": "d", "events": 2, "fields": 5 }] }));
        let values = json!({ "values": [{ "value": true, "events": 1 }, { "value": "needle in", "events": 1 }] });
        check(server, "/api/v1/values/d/c", &values);
        let all = page(server, &json!({ "order": "ascending" }));
        let names: Vec<&str> = all["columns"].as_array().unwrap().iter().filter_map(|c| c["name"].as_str()).collect();
        assert_eq!(names, ["timestamp", "a", "b", "c", "d.e", "f"], "fields are shown, not how they are stored");
        assert_eq!(all["rows"][0], json!(["2026-11-01T00:00:00Z", 1, "x", true, 1.5, null]));
        assert_eq!(all["columns"][3]["type"], "mixed");
        let needle = json!({ "filters": [{ "column": "*", "op": "contains", "value": "needle" }] });
        assert_eq!(ask(server, needle), json!([[1]]));
        let sums = json!({ "calculations": [{ "op": "SUM", "column": "d.e" }, { "op": "MAX", "column": "f" }] });
        assert_eq!(ask(server, sums), json!([[3.5, 7]]));
        let unknown = server.query("d", &json!({ "start_time": 0, "breakdowns": ["nothing"] }));
        assert_eq!(unknown["warnings"][0]["field"], "nothing");
    };
    check_all(&server);
    let server = server.kill().with(&["--fields-max", "2", "--flush-age-seconds-max", "0"]).start();
    server.wait_for_flush();
    check_all(&server);
    check_all(&server.kill().with(&["--fields-max", "2"]).start());
}

#[test]
fn names_that_are_not_listed_are_found_all_the_same() {
    let few = ["--fields-max", "1", "--overflow-fields-listed-max", "3"];
    let server = Setup::new().with(&few).start();
    server.load("d", "{\"a\":1}");
    server.load("d", made_up("id", 1_000));
    let check_all = |server: &Server| {
        let list = server.get("/api/v1/fields/d").ok();
        assert_eq!(list["fields"].as_array().unwrap().len(), 4, "a column and three of the others: {list}");
        let unlisted = list["unlisted_estimate"].as_u64().unwrap();
        assert!((950..1_050).contains(&unlisted), "{unlisted} of 997 names are not listed");
        for at in [0, 7, 500, 999] {
            let filter = json!({ "filters": [{ "column": format!("id{at}"), "op": "=", "value": at }] });
            assert_eq!(ask(server, filter), json!([[1]]), "id{at}");
            let maximum = json!({ "calculations": [{ "op": "MAX", "column": format!("id{at}") }], "start_time": 0 });
            let answer = server.query("d", &maximum);
            assert_eq!((&answer["rows"], &answer["columns"][0]["type"]), (&json!([[at]]), &json!("integer")));
            assert!(answer.get("warnings").is_none(), "a field that was sent is known: {answer}");
        }
        let unknown = server.query("d", &json!({ "start_time": 0, "breakdowns": ["never sent"] }));
        assert_eq!(unknown["warnings"][0]["code"], "unknown_field");
        let chosen = page(server, &json!({ "columns": ["id5"], "filters": [{ "column": "id5", "op": "exists" }] }));
        assert_eq!(chosen["rows"], json!([[5]]));
    };
    check_all(&server);
    let server = server.kill().with(&[&few[..], &["--flush-age-seconds-max", "0"]].concat()).start();
    server.wait_for_flush();
    check_all(&server);
}

#[test]
fn a_field_that_comes_often_gets_a_column_and_keeps_its_past() {
    let server = Server::with(&["--fields-at-sight-max", "1", "--flush-age-seconds-max", "0"]);
    flush(&server, "{\"a\":1}\n".to_owned());
    flush(&server, "{\"often\":1}\n".repeat(150) + "{\"rare\":1}");
    let listed = |overflow: bool| json!({ "fields": [{ "name": "often", "overflow": overflow }] });
    check(&server, "/api/v1/fields/d?q=often", &listed(false));
    flush(&server, "{\"often\":2.5,\"rare\":2}\n".repeat(10));
    check(
        &server,
        "/api/v1/fields/d",
        &json!({ "fields": [
        { "name": "a", "overflow": false },
        { "name": "often", "types": { "integer": 150, "float": 10 }, "events": 160, "overflow": false },
        { "name": "rare", "types": { "integer": 11 }, "events": 11, "overflow": true },
    ] }),
    );
    let both = json!({ "calculations": [{ "op": "COUNT", "column": "often" }, { "op": "SUM", "column": "often" },
                                        { "op": "SUM", "column": "rare" }] });
    assert_eq!(ask(&server, both), json!([[160, 175, 21]]));
    assert_eq!(ask(&server, json!({ "breakdowns": ["often"] })), json!([[1, 150], [2.5, 10], [null, 2]]));
}

#[test]
fn made_up_names_leave_room_for_others() {
    let server = Server::with(&["--flush-age-seconds-max", "0"]);
    for turn in 0..5 {
        server.load("d", made_up(&format!("session-{turn}-"), 1_500));
    }
    server.wait_for_flush();
    flush(&server, "{\"honest\":1}\n".repeat(200));
    let list = server.get("/api/v1/fields/d?q=honest").ok();
    assert_eq!(list["fields"][0]["overflow"], false, "it came often, the others once: {list}");
    let all = server.get("/api/v1/fields/d").ok();
    let columns = all["fields"].as_array().unwrap().iter().filter(|f| f["overflow"] == false).count();
    assert_eq!((columns, all["fields"].as_array().unwrap().len()), (2_001, 7_501));
}

#[test]
fn a_page_of_very_many_fields_has_fewer_rows_and_a_cursor() {
    let server = Server::with(&["--fields-max", "1"]);
    server.load("d", made_up("id", 3_000));
    let (mut seen, mut cursor, mut pages) = (0, Value::Null, 0);
    while pages < 10 {
        let page = page(&server, &json!({ "limit": 10_000, "order": "ascending", "cursor": cursor }));
        let (rows, columns) = (page["rows"].as_array().unwrap(), page["columns"].as_array().unwrap());
        assert!(rows.len() * columns.len() <= 2_000_000, "{} rows of {}", rows.len(), columns.len());
        assert_eq!(columns.len(), rows.len() + 1, "a column for each name on the page, and the time");
        seen += rows.len();
        pages += 1;
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!((seen, pages), (3_000, 3));
}
