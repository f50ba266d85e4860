//! The commands that save and look at a data directory: `backup` while a server runs, `restore`, `inspect`.

use std::collections::BTreeSet;
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Server, Setup, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
/// The smallest memtable there is, so that segments are made while backups are taken.
const SETTINGS: [&str; 4] = ["--flush-bytes-max", "65536", "--flush-age-seconds-max", "1"];

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a command that must end with this code; what it said.
fn run(setup: &Setup, arguments: &[&str], code: i32) -> String {
    let output = setup.command(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
    said(&output)
}

fn backup(setup: &Setup) -> String {
    run(setup, &["backup", "--data-dir", "data", "--to", "backups", "--verify"], 0)
}

fn restore(setup: &Setup, more: &[&str]) -> Setup {
    let elsewhere = Setup::new();
    let to = elsewhere.home().join("data");
    let all = [&["restore", "--from", "backups", "--to", to.to_str().unwrap()], more].concat();
    run(setup, &all, 0);
    elsewhere
}

fn numbers(server: &Server) -> BTreeSet<u64> {
    let spec = json!({ "columns": ["n"], "start_time": 0, "limit": 10_000 });
    let answer = server.rows("d", &spec);
    let rows = answer["rows"].as_array().unwrap();
    let numbers: BTreeSet<u64> = rows.iter().map(|row| row[0].as_u64().unwrap()).collect();
    assert_eq!(numbers.len(), rows.len(), "an event is there twice");
    numbers
}

/// Ten events to a request, of some size.
fn body(request: u64) -> String {
    let event = |n: u64| format!("{{\"n\":{n},\"pad\":\"{n:0>200}\"}}\n");
    (request * 10..request * 10 + 10).map(event).collect()
}

#[test]
fn a_server_under_load_is_saved_and_served_elsewhere() {
    let server = Setup::new().with(&SETTINGS).start();
    let (acknowledged, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let (mut first, mut last) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // As many events as one answer has.
            for request in 0..1_000 {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                server.load("d", body(request));
                acknowledged.store(request + 1, Ordering::SeqCst);
            }
        });
        let wait_for = |requests: u64| {
            wait_until("it is loaded", PATIENCE, || acknowledged.load(Ordering::SeqCst) >= requests);
            acknowledged.load(Ordering::SeqCst)
        };
        wait_until("a segment is made", PATIENCE, || wait_for(100) > 0 && server.metric("outcrop_segments") > 0.0);
        first = wait_for(100);
        let one = backup(&server.setup);
        assert!(one.starts_with("backup 1 in backups: ") && one.ends_with("1 backups are kept\n"), "{one}");
        last = wait_for(first + 50);
        let two = backup(&server.setup);
        assert!(two.starts_with("backup 2 in backups: "), "{two}");
        stop.store(true, Ordering::SeqCst);
    });
    let held = numbers(&server);
    for (generation, least) in [("1", first), ("2", last)] {
        let elsewhere = restore(&server.setup, &["--generation", generation]);
        run(&elsewhere, &["check", "--data-dir", "data"], 0);
        let restored = numbers(&elsewhere.start());
        let count = restored.len() as u64;
        assert!(count >= least * 10 && count.is_multiple_of(10), "{count} of {least} requests in {generation}");
        assert_eq!(restored, (0..count).collect(), "a request is there whole, and those before it");
        assert!(restored.is_subset(&held), "and nothing else");
    }
    let setup = server.kill();
    let again = backup(&setup);
    assert!(again.starts_with("backup 3 in backups: "), "{again}");
    assert_eq!(numbers(&restore(&setup, &[]).start()), held, "all of a server that was killed");
}

#[test]
fn keys_are_restored_with_the_events() {
    let setup = Setup::new();
    let key = setup.create_key(&["ingest", "query"]);
    let server = setup.with_key(&key).start();
    server.load("d", "{\"n\":1}");
    backup(&setup);
    let elsewhere = restore(&setup, &[]);
    let server = elsewhere.start();
    assert_eq!(server.post("/api/v1/query/d", &json!({})).status, 401, "nobody else may ask");
    drop(server);
    assert_eq!(numbers(&elsewhere.with_key(&key).start()), [1].into());
}

#[test]
fn what_cannot_be_saved_or_restored_is_said_with_what_to_do() {
    let server = Server::start();
    server.load("d", body(0));
    let setup = server.setup.clone();
    let refused = |arguments: &[&str], named: &[&str]| {
        let said = run(&setup, arguments, 2);
        named.iter().for_each(|named| assert!(said.contains(named), "{said:?} does not say {named:?}"));
    };
    refused(&["backup", "--data-dir", "nowhere", "--to", "backups"], &["nowhere"]);
    refused(
        &["backup", "--data-dir", "data", "--to", "data/backups"],
        &["inside of the data directory", "another disk"],
    );
    refused(&["backup", "--data-dir", "data", "--to", "."], &["choose a directory that is empty"]);
    refused(&["backup", "--data-dir", "data", "--to", "backups", "--keep", "0"], &["--keep"]);
    refused(&["restore", "--from", "backups", "--to", "restored"], &["backups", "no backup"]);
    backup(&setup);
    refused(&["restore", "--from", "backups", "--to", "data"], &["data", "is not empty"]);
    refused(&["restore", "--from", "backups", "--to", "restored", "--generation", "7"], &["7", "there are 1"]);
    assert!(!setup.home().join("restored").exists());
    // A restore that is killed leaves what no command takes for a store.
    run(&setup, &["restore", "--from", "backups", "--to", "restored"], 0);
    std::fs::write(setup.home().join("restored/restoring"), "").unwrap();
    for command in ["serve", "check", "repair"] {
        let output = setup.command(&[command, "--data-dir", "restored"]).output().unwrap();
        assert!(!output.status.success() && said(&output).contains("run `outcrop restore` again"), "{output:?}");
    }
    let log =
        std::fs::read_dir(setup.home().join("backups/generations/00000001/wal")).unwrap().next().unwrap().unwrap();
    let mut bytes = std::fs::read(log.path()).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(log.path(), bytes).unwrap();
    let damaged = run(&setup, &["backup", "--data-dir", "data", "--to", "backups", "--verify"], 1);
    assert!(damaged.contains(log.path().file_name().unwrap().to_str().unwrap()), "{damaged}");
    let half = run(&setup, &["restore", "--from", "backups", "--to", "half", "--generation", "1"], 1);
    assert!(half.contains("fails its checksum"), "{half}");
}

#[test]
fn every_file_of_a_data_directory_is_inspected() {
    let server = Server::with(&SETTINGS);
    for request in 0..5 {
        server.load("d", body(request));
    }
    server.wait_for_flush();
    server.load("d", body(5));
    let setup = server.kill();
    let mut seen = BTreeSet::new();
    let mut directories = vec![setup.home().join("data")];
    while let Some(directory) = directories.pop() {
        for path in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            let kind = match path.extension().and_then(|e| e.to_str()) {
                _ if path.is_dir() => {
                    directories.push(path);
                    continue;
                }
                Some("wal") => "wal",
                Some("parquet") => "segment",
                Some("index") => "sidecar",
                Some("sums") => "sums",
                Some("sqlite") if path.ends_with("catalog.sqlite") => "catalog",
                _ => continue,
            };
            let file = path.to_str().unwrap();
            let text = run(&setup, &["inspect", kind, file], 0);
            let json: Value = serde_json::from_str(&run(&setup, &["inspect", kind, file, "--json"], 0)).unwrap();
            let name = json.as_object().unwrap().keys().next().unwrap().clone();
            assert!(text.contains(&name) && text.lines().count() > 2, "{text}");
            if kind == "wal" {
                assert!(text.contains("requests") && text.contains("pad"), "{text}");
            }
            seen.insert(kind);
            let missing = setup.command(&["inspect", kind, "missing"]).output().unwrap();
            assert!(!missing.status.success() && said(&missing).contains("missing"), "{missing:?}");
        }
    }
    assert!(seen.is_superset(&["catalog", "segment", "sums", "wal"].into()), "{seen:?}");
}
