//! Damaged segments: everything else is answered, every answer says what it lacks, and what is put back comes back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Server, Setup, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
/// 2026-11-01 and the day after.
const DAYS: [u64; 2] = [1_793_491_200, 1_793_577_600];

/// A server with five events on the first day and seven on the second, each day in a segment of its own.
fn loaded(arguments: &[&str]) -> Server {
    let always = ["--flush-age-seconds-max", "1"];
    let server = Setup::new().with(&[&always, arguments].concat()).start();
    let event = |day: usize, n: u64| {
        let time = DAYS[day] + n;
        format!("{{\"timestamp\":{time},\"service.name\":\"shop\",\"n\":{n},\"day\":\"{day}\",\"only{day}\":true}}\n")
    };
    let body: String = (0..5).map(|n| event(0, n)).chain((0..7).map(|n| event(1, n))).collect();
    assert_eq!(server.load("shop", body), 12);
    assert_eq!(server.load("other", "{\"a\":1}"), 1);
    server.wait_for_flush();
    server
}

/// The segments of the first dataset, oldest first.
fn segments(setup: &Setup) -> Vec<PathBuf> {
    let folder = setup.home().join("data/segments/000001");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "parquet"));
    files.sort();
    assert_eq!(files.len(), 2);
    files
}

/// Turns a bit of a file as it is on the disk.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[60] ^= 4;
    let turned = path.with_extension("turned");
    std::fs::write(&turned, bytes).unwrap();
    std::fs::rename(turned, path).unwrap();
}

fn count(server: &Server, dataset: &str, start: u64, end: u64) -> Value {
    server.query(dataset, &json!({ "start_time": start, "end_time": end, "disable_series": true }))
}

/// What an answer must say when the first day cannot be read.
fn lacks_the_first_day(answer: &Value) {
    let [warning] = answer["warnings"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    for (key, value) in [
        ("code", json!("damaged_segment")),
        ("dataset", json!("shop")),
        ("segments", json!(1)),
        ("events", json!(5)),
        ("first_event", json!("2026-11-01T00:00:00Z")),
        ("last_event", json!("2026-11-01T00:00:04Z")),
    ] {
        assert_eq!(warning[key], value, "{warning}");
    }
    let message = warning["message"].as_str().unwrap();
    assert!(message.contains("5 events") && message.contains("backup"), "{message}");
}

fn everything_says_so(server: &Server) {
    let all = count(server, "shop", DAYS[0], DAYS[1] + 100);
    assert_eq!((&all["rows"], &all["stats"]["partial"]), (&json!([[7]]), &json!(true)));
    assert_eq!(all["stats"]["rows_total"], 7);
    lacks_the_first_day(&all);
    let of_all = count(server, "*", DAYS[0], DAYS[1] + 100);
    assert_eq!(of_all["rows"], json!([[7]]));
    lacks_the_first_day(&of_all);
    for (dataset, start) in [("shop", DAYS[1]), ("other", 0)] {
        let whole = count(server, dataset, start, DAYS[1] + 100);
        assert_eq!((&whole["stats"]["partial"], &whole["warnings"]), (&json!(false), &Value::Null), "{whole}");
    }
    let rows = server.rows("shop", &json!({ "start_time": 0, "end_time": DAYS[1] + 100 }));
    assert_eq!((rows["rows"].as_array().unwrap().len(), &rows["stats"]["partial"]), (7, &json!(true)));
    lacks_the_first_day(&rows);
    let values = server.get("/api/v1/values/shop/day").ok();
    assert_eq!(values["values"], json!([{ "value": "1", "events": 7 }]));
    lacks_the_first_day(&values);
    let fields = server.get("/api/v1/fields/shop").ok();
    lacks_the_first_day(&fields);
    let names: Vec<&str> = fields["fields"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["day", "n", "only0", "only1", "service.name"], "what may come back keeps its name");
    assert_eq!(server.get("/api/v1/fields/other").ok()["warnings"], Value::Null);
    let datasets = server.get("/api/v1/datasets").ok();
    let missing: Vec<_> =
        datasets["datasets"].as_array().unwrap().iter().map(|d| d["missing_events"].clone()).collect();
    assert_eq!(missing.iter().filter_map(Value::as_u64).collect::<Vec<_>>().iter().sum::<u64>(), 5, "{datasets}");
    assert_eq!(server.metric("outcrop_damaged_segments"), 1.0);
    assert_eq!(server.metric("outcrop_damaged_events"), 5.0);
    let ready = server.get("/readyz").ok();
    assert_eq!((&ready["ready"], ready["damage"].as_array().unwrap().len()), (&json!(true), 1));
    let damage = ready["damage"][0].as_str().unwrap();
    assert!(damage.contains(".parquet") && damage.contains("5 events") && damage.contains("shop"), "{damage}");
}

#[test]
fn the_first_question_that_meets_damage_is_answered_from_the_rest() {
    let server = loaded(&[]);
    flip(&segments(&server.setup)[0]);
    everything_says_so(&server);
    wait_until("the log says so", PATIENCE, || {
        let log = std::fs::read_to_string(server.setup.home().join("log")).unwrap();
        log.lines().any(|line| line.contains("WARN") && line.contains("fails its checksum"))
    });
    assert_eq!(server.load("shop", "{\"n\":1}"), 1, "and events are taken");
}

#[test]
fn rows_that_meet_damage_first_are_answered_from_the_rest() {
    let server = loaded(&[]);
    flip(&segments(&server.setup)[0]);
    let rows = server.rows("shop", &json!({ "start_time": 0, "end_time": DAYS[1] + 100, "order": "ascending" }));
    assert_eq!((rows["rows"].as_array().unwrap().len(), &rows["stats"]["partial"]), (7, &json!(true)));
    lacks_the_first_day(&rows);
}

#[test]
fn a_restart_knows_and_what_was_put_back_comes_back() {
    let setup = loaded(&[]).kill();
    let damaged = segments(&setup)[0].clone();
    let whole = std::fs::read(&damaged).unwrap();
    flip(&damaged);
    let server = setup.start();
    everything_says_so(&server);
    wait_until("it is noted", PATIENCE, || server.get("/readyz").ok()["damage"][0].as_str().unwrap().contains("block"));
    let (setup, _) = server.terminate();
    let server = setup.start();
    everything_says_so(&server);
    let checked = setup.command(&["check", "--data-dir", "data"]).output().unwrap();
    assert!(!checked.status.success(), "the directory is in use");
    let (setup, _) = server.terminate();
    std::fs::write(&damaged, whole).unwrap();
    let server = setup.start();
    wait_until("it is read again", PATIENCE, || count(&server, "shop", 0, DAYS[1] + 100)["rows"] == json!([[12]]));
    let all = count(&server, "shop", 0, DAYS[1] + 100);
    assert_eq!((&all["stats"]["partial"], &all["warnings"]), (&json!(false), &Value::Null));
    assert_eq!(server.get("/readyz").ok()["damage"], json!([]));
}

#[test]
fn a_lost_file_is_no_reason_not_to_start() {
    let setup = loaded(&[]).kill();
    std::fs::remove_file(&segments(&setup)[0]).unwrap();
    everything_says_so(&setup.start());
}

#[test]
fn the_scrub_finds_what_nobody_asks_for() {
    let server = loaded(&["--scrub-bytes-per-second", "100000000"]);
    wait_until("everything was read", PATIENCE, || server.metric("outcrop_scrub_passes") >= 1.0);
    flip(&segments(&server.setup)[0]);
    wait_until("it is found", PATIENCE, || server.metric("outcrop_damaged_segments") == 1.0);
    everything_says_so(&server);
}
