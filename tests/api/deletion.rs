//! Deletion of chosen events: those that the filter means everywhere else, of those acknowledged before; all or none.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::keys::create_key;
use super::{refused, refused_naming};
use crate::harness::{Body, Random, Reply, Request, Server, Setup, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

struct Bench {
    server: Server,
    key: String,
}

impl Bench {
    fn new() -> Bench {
        Bench::on(Setup::new())
    }

    fn on(setup: Setup) -> Bench {
        let key = create_key(&setup, &["ingest", "query", "admin"]);
        Bench { server: setup.start(), key }
    }

    fn send(&self, request: Request) -> Reply {
        self.server.send(&request.header("X-Outcrop-Key", &self.key))
    }

    fn load(&self, dataset: &str, body: impl Into<Vec<u8>>) {
        let answer = self.send(Request::post(&format!("/api/v1/events/{dataset}"), body)).ok();
        assert_eq!(answer["rejected_total"], 0, "{answer}");
    }

    fn delete(&self, dataset: &str, spec: &Value) -> Reply {
        let request = Request::new("DELETE", &format!("/api/v1/events/{dataset}"));
        self.send(request.body(Body::Sized(spec.to_string().into())))
    }

    fn dry_run(&self, dataset: &str, spec: &Value) -> u64 {
        let mut spec = spec.clone();
        spec["dry_run"] = json!(true);
        let answer = self.delete(dataset, &spec).ok();
        assert_eq!(answer["task"], json!(null));
        answer["matching"].as_u64().unwrap()
    }

    fn task(&self, id: &str) -> Value {
        self.send(Request::get(&format!("/api/v1/tasks/{id}"))).ok()
    }

    /// Begins a deletion: its task, and how many events match.
    fn begin(&self, dataset: &str, spec: &Value) -> (String, u64) {
        let reply = self.delete(dataset, spec);
        assert_eq!(reply.status, 202, "{}", reply.text());
        let answer = reply.json();
        (answer["task"].as_str().unwrap().to_owned(), answer["matching"].as_u64().unwrap())
    }

    /// Deletes and waits until that is done; the task.
    fn delete_now(&self, dataset: &str, spec: &Value) -> Value {
        let (id, matching) = self.begin(dataset, spec);
        let task = self.wait_for_end(&id);
        assert_eq!((&task["state"], &task["matching"]), (&json!("done"), &json!(matching)), "{task}");
        task
    }

    fn wait_for_end(&self, id: &str) -> Value {
        let mut task = Value::Null;
        wait_until("the task ends", PATIENCE, || {
            task = self.task(id);
            task["finished"].is_string()
        });
        task
    }

    fn count(&self, dataset: &str, spec: &Value) -> u64 {
        let mut query = json!({ "start_time": 0, "end_time": "2200-01-01T00:00:00Z", "disable_series": true });
        query["usage_mode"] = json!(true);
        query.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let answer = self.send(Request::json(&format!("/api/v1/query/{dataset}"), &query)).ok();
        answer["rows"][0][0].as_u64().unwrap()
    }

    fn ids(&self, dataset: &str) -> BTreeSet<u64> {
        let spec = json!({ "start_time": 0, "end_time": "2200-01-01T00:00:00Z", "columns": ["id"], "limit": 10_000 });
        let answer = self.send(Request::json(&format!("/api/v1/rows/{dataset}"), &spec)).ok();
        let rows = answer["rows"].as_array().unwrap();
        let ids: BTreeSet<u64> = rows.iter().map(|row| row[0].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), rows.len(), "an event is there twice");
        ids
    }
}

/// Events of all kinds of values, in an hour of one day and an hour of the next.
fn dirty(ids: std::ops::Range<u64>) -> String {
    let event = |id: u64| {
        let value = match id % 7 {
            0 => json!(id / 7),
            1 => json!(id as f64 / 2.0),
            2 => json!(format!("text {}", id % 3)),
            3 => json!(id.is_multiple_of(2)),
            4 => json!((id % 5).to_string()),
            _ => Value::Null,
        };
        let time = 1_793_491_200 + (id % 2) * 86_400 + id;
        let mut event = json!({ "timestamp": time, "id": id, "v": value, "service.name": format!("s{}", id % 4) });
        if id.is_multiple_of(11) {
            event["sample_rate"] = json!(20);
            event["rare"] = json!("x");
        }
        event.to_string() + "\n"
    };
    ids.map(event).collect()
}

fn filter(column: &str, op: &str, value: Value) -> Value {
    let mut filter = json!({ "column": column, "op": op });
    if !value.is_null() {
        filter["value"] = value;
    }
    filter
}

/// Questions of every operator, and times.
fn choices() -> Vec<Value> {
    let one = |column: &str, op: &str, value: Value| json!({ "filters": [filter(column, op, value)] });
    vec![
        one("v", "=", json!(2)),
        one("v", "=", json!("2")),
        one("v", "!=", json!(2)),
        one("v", ">", json!(10.5)),
        one("v", "<=", json!(3)),
        one("v", "<", json!("text 1")),
        one("v", "in", json!([1, "text 2", true])),
        one("v", "not-in", json!([1, "text 2", true])),
        one("v", "starts-with", json!("text")),
        one("v", "does-not-contain", json!("t")),
        one("v", "matches", json!("^t.*1$")),
        one("v", "exists", json!(null)),
        one("v", "does-not-exist", json!(null)),
        one("rare", "does-not-exist", json!(null)),
        one("*", "contains", json!("xt 2")),
        one("sample_rate", ">=", json!(2)),
        one("meta.dataset", "=", json!("kept")),
        one("timestamp", "<", json!("2026-11-01T00:05:00Z")),
        json!({ "filter_combination": "OR", "filters": [filter("v", "=", json!(1)), filter("rare", "exists", json!(null))] }),
        json!({ "filters": [filter("service.name", "=", json!("s1")), filter("id", "<", json!(50))] }),
        json!({ "calculated_fields": [{ "name": "parity", "expression": "IF(MOD($id, 2) = 1, \"odd\", \"even\")" }],
                "filters": [filter("parity", "=", json!("odd")), filter("id", "<", json!(40))] }),
        json!({ "calculated_fields": [{ "name": "either", "expression": "COALESCE($rare, $v)" }],
                "filters": [filter("either", "exists", json!(null))] }),
        json!({ "calculated_fields": [{ "name": "spoken", "expression": "CONCAT($service.name, \"-\", $v)" }],
                "filters": [filter("spoken", "starts-with", json!("s1-text"))] }),
        json!({ "start_time": "2026-11-01T00:01:00Z", "end_time": "2026-11-01T00:02:00Z" }),
        json!({ "end_time": "2026-11-01T12:00:00Z", "filters": [filter("v", "exists", json!(null))] }),
    ]
}

#[test]
fn a_filter_chooses_what_it_means_in_every_question() {
    // Some events in segments of two flushes, some in memory.
    let bench = Bench::on(Setup::new().with(&["--flush-bytes-max", "65536"]));
    bench.load("kept", dirty(0..900));
    bench.load("kept", dirty(900..1_000));
    for choice in choices() {
        let (counted, expected) = (bench.dry_run("kept", &choice), bench.count("kept", &choice));
        assert_eq!(counted, expected, "{choice}");
        assert!(counted > 0, "{choice} chooses nothing");
    }
    assert_eq!(bench.ids("kept").len(), 1_000, "a dry run counts only");
    for (at, choice) in choices().into_iter().enumerate() {
        let dataset = format!("d{at}");
        bench.load(&dataset, dirty(0..150));
        bench.load(&dataset, dirty(150..300));
        let kept = bench.count(&dataset, &json!({})) - bench.count(&dataset, &choice);
        let task = bench.delete_now(&dataset, &choice);
        assert_eq!(task["removed"], 300 - kept, "{choice}");
        assert_eq!((bench.count(&dataset, &choice), bench.count(&dataset, &json!({}))), (0, kept), "{choice}");
        assert_eq!(bench.ids(&dataset).len() as u64, kept);
    }
    assert_eq!(bench.ids("kept").len(), 1_000, "others are not touched");
    let ids: Vec<BTreeSet<u64>> = (0..choices().len()).map(|at| bench.ids(&format!("d{at}"))).collect();
    let bench = Bench { server: bench.server.kill().start(), key: bench.key };
    for (at, ids) in ids.into_iter().enumerate() {
        assert_eq!(bench.ids(&format!("d{at}")), ids, "nothing comes back with a restart");
    }
}

#[test]
fn it_covers_what_was_acknowledged_before_and_nothing_later() {
    let bench = Bench::new();
    let everything = json!({ "filters": [filter("id", "exists", json!(null))] });
    let mut next = 0;
    for _ in 0..10 {
        let first = next;
        bench.load("d", dirty(first..first + 20));
        let (task, matching) = bench.begin("d", &everything);
        // The same events by time and filter, but later.
        bench.load("d", dirty(first + 20..first + 25));
        let task = bench.wait_for_end(&task);
        assert_eq!((&task["state"], matching), (&json!("done"), if first == 0 { 20 } else { 25 }), "{task}");
        assert_eq!(task["removed"], matching);
        assert_eq!(bench.ids("d"), (first + 20..first + 25).collect());
        next = first + 25;
    }
}

/// Whether some file below the directory has these bytes.
fn is_on_disk(directory: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return is_on_disk(&path, bytes);
        }
        std::fs::read(&path).unwrap_or_default().windows(bytes.len()).any(|window| window == bytes)
    })
}

#[test]
fn what_is_deleted_is_on_the_disk_no_more() {
    let bench = Bench::new();
    let data = bench.server.setup.home().join("data");
    let secret = "b7e1c0ffee-a-secret-that-should-not-be-here";
    for at in 0..3 {
        bench.load("d", format!("{{\"id\":{at},\"token\":\"{secret}\"}}\n{{\"id\":{},\"token\":\"fine\"}}", at + 10));
        bench.load("other", format!("{{\"id\":{at}}}"));
    }
    assert!(is_on_disk(&data, secret.as_bytes()), "it was in the log");
    bench.delete_now("d", &json!({ "filters": [filter("token", "=", json!(secret))] }));
    wait_until("the replaced files are gone", PATIENCE, || !is_on_disk(&data, secret.as_bytes()));
    assert_eq!((bench.ids("d").len(), bench.ids("other").len()), (3, 3));
}

#[test]
fn a_choice_that_is_none_or_all_is_refused() {
    let bench = Bench::new();
    bench.load("d", dirty(0..10));
    for (spec, status) in [
        (json!({}), 422),
        (json!({ "dry_run": true }), 422),
        (json!({ "filters": [] }), 422),
        (json!({ "filters": [filter("vv", "!=", json!(1))] }), 422),
        (json!({ "filters": [filter("v", "==", json!(1))] }), 400),
        (json!({ "filters": [filter("v", "=", json!(1))], "limit": 1 }), 400),
        (json!({ "filters": [filter("v", "=", json!(1))], "time_range": 60 }), 400),
        (json!({ "start_time": 10, "end_time": 10 }), 400),
        (json!({ "start_time": "yesterday" }), 400),
        (json!([]), 400),
        (json!({ "filters": vec![filter("v", "=", json!(1)); 101] }), 422),
    ] {
        refused(&bench.delete("d", &spec), status);
    }
    refused_naming(&bench.delete("d", &json!({ "filters": [filter("vv", "!=", json!(1))] })), 422, "vv");
    let made_of = |expression: &str| json!({ "calculated_fields": [{ "name": "c", "expression": expression }], "filters": [filter("c", "exists", json!(null))] });
    refused_naming(&bench.delete("d", &made_of("COALESCE($vv, 1)")), 422, "vv");
    refused_naming(&bench.delete("d", &made_of("$root.v")), 422, "root.v");
    refused(&bench.delete("d", &made_of("IF($v")), 400);
    assert_eq!(bench.dry_run("d", &made_of("INT($id)")), 10);
    let fine = json!({ "start_time": 0 });
    refused(&bench.delete("nowhere", &fine), 404);
    for list in ["d,d", "*", "__all__,d"] {
        refused(&bench.delete(list, &fine), 400);
    }
    assert_eq!(bench.ids("d").len(), 10);
    assert_eq!(bench.dry_run("d", &fine), 10);
}

#[test]
fn tasks_are_seen_by_those_who_may_ask_for_them() {
    let bench = Bench::new();
    bench.load("mine", dirty(0..3));
    bench.load("yours", dirty(0..3));
    let spec = json!({ "end_time": 1 });
    let (mine, yours) = (bench.begin("mine", &spec).0, bench.begin("yours", &spec).0);
    bench.wait_for_end(&mine);
    bench.wait_for_end(&yours);
    let listed = bench.send(Request::get("/api/v1/tasks")).ok();
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["cursor"]), (2, &json!(null)));
    let limited = create_key(&bench.server.setup, &["admin:mine"]);
    let with =
        |method: &str, path: &str| bench.server.send(&Request::new(method, path).header("X-Outcrop-Key", &limited));
    let seen = with("GET", "/api/v1/tasks").ok();
    assert_eq!((&seen["items"][0]["id"], seen["items"].as_array().unwrap().len()), (&json!(mine), 1));
    assert_eq!(with("GET", &format!("/api/v1/tasks/{mine}")).ok()["dataset"], "mine");
    for method in ["GET", "DELETE"] {
        refused(&with(method, &format!("/api/v1/tasks/{yours}")), 404);
        refused(&with(method, "/api/v1/tasks/nothing"), 404);
    }
    refused(&with("DELETE", &format!("/api/v1/tasks/{mine}")), 409);
}

/// Many segments, so that a deletion takes its time.
fn laborious() -> Bench {
    let bench = Bench::on(Setup::new().with(&["--flush-bytes-max", "65536", "--flush-age-seconds-max", "1"]));
    for part in 0..30 {
        bench.load("d", dirty(part * 300..part * 300 + 300));
    }
    bench
}

#[test]
fn a_cancelled_deletion_changes_nothing() {
    let bench = laborious();
    let before = bench.ids("d");
    let choice = json!({ "filters": [filter("v", "exists", json!(null))] });
    let mut ends = BTreeSet::new();
    for _ in 0..5 {
        let (id, _) = bench.begin("d", &choice);
        let cancel = bench.send(Request::new("DELETE", &format!("/api/v1/tasks/{id}")));
        assert!(matches!(cancel.status, 202 | 409), "{}", cancel.text());
        let task = bench.wait_for_end(&id);
        ends.insert(task["state"].as_str().unwrap().to_owned());
        match task["state"].as_str().unwrap() {
            "cancelled" => assert_eq!((bench.ids("d"), &task["removed"]), (before.clone(), &json!(null))),
            "done" => break,
            _ => panic!("{task}"),
        }
    }
    assert!(ends.contains("cancelled"), "each was too quick: {ends:?}");
}

#[test]
fn a_deletion_that_is_killed_is_done_or_not_begun() {
    let mut random = Random(0x5eed);
    let mut bench = laborious();
    let mut outcomes = BTreeSet::new();
    for round in 0..12 {
        let rest = round % 7;
        let choice = json!({ "filters": [filter("service.name", "=", json!(format!("s{}", round % 4))),
                                         filter("id", ">=", json!(rest * 1_000))] });
        let before = bench.ids("d");
        let chosen = |id: &u64| id % 4 == round % 4 && *id >= rest * 1_000;
        let after: BTreeSet<u64> = before.iter().copied().filter(|id| !chosen(id)).collect();
        let (task, _) = bench.begin("d", &choice);
        if random.below(2) == 0 {
            let rewriting = || bench.task(&task)["stage"] == "rewriting" || bench.task(&task)["finished"].is_string();
            wait_until("it rewrites", PATIENCE, rewriting);
        }
        std::thread::park_timeout(Duration::from_micros(random.below(60_000)));
        let key = bench.key.clone();
        bench = Bench { server: bench.server.kill().start(), key };
        let now = bench.ids("d");
        assert!(now == before || now == after, "round {round}: {} of {} and {}", now.len(), before.len(), after.len());
        outcomes.insert(now == before);
        refused(&bench.send(Request::get(&format!("/api/v1/tasks/{task}"))), 404);
    }
    println!("not begun and done: {outcomes:?}");
    let check = bench.server.kill().command(&["check", "--data-dir", "data"]).output().unwrap();
    assert!(check.status.success(), "{check:?}");
}
