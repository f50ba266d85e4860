//! Dry runs of redaction: where stored events hold what rules would take out, how much and since when, and never what.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::keys::create_key;
use super::refused;
use crate::harness::{Reply, Request, Server, Setup, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
const CARD: &str = "4539578763621486";
const MAIL: &str = "jane.doe@example.com";

struct Bench {
    server: Server,
    key: String,
}

impl Bench {
    fn with(arguments: &[&str]) -> Bench {
        let setup = Setup::new();
        let key = create_key(&setup, &["ingest", "query", "admin"]);
        Bench { server: setup.with_key(&key).with(arguments).start(), key }
    }

    fn begin_as(&self, key: &str, dataset: &str, spec: &Value) -> Reply {
        let request = Request::json(&format!("/api/v1/redactions/dry_run/{dataset}"), spec);
        self.server.send(&request.header("X-Outcrop-Key", key))
    }

    fn begin(&self, dataset: &str, spec: &Value) -> String {
        let reply = self.begin_as(&self.key, dataset, spec);
        assert_eq!(reply.status, 202, "{}", reply.text());
        reply.json()["task"].as_str().unwrap().to_owned()
    }

    fn ended(&self, id: &str) -> Value {
        let mut task = Value::Null;
        wait_until("the dry run ends", PATIENCE, || {
            task = self.server.get(&format!("/api/v1/tasks/{id}")).ok();
            !task["finished"].is_null()
        });
        task
    }

    fn report(&self, dataset: &str, spec: &Value) -> Value {
        let task = self.ended(&self.begin(dataset, spec));
        assert_eq!((&task["state"], &task["kind"]), (&json!("done"), &json!("redaction_dry_run")), "{task}");
        for secret in [CARD, MAIL, "jane"] {
            assert!(!task.to_string().contains(secret), "{task}");
        }
        task["report"].clone()
    }

    fn add_rule(&self, rule: &Value) -> String {
        self.server.post("/api/v1/redactions", rule).json()["id"].as_str().unwrap().to_owned()
    }
}

/// What a report says, a line a finding.
fn lines(report: &Value) -> Vec<String> {
    let line = |finding: &Value| {
        let text = |name: &str| finding[name].as_str().unwrap();
        let times = [text("first_event"), text("last_event")].map(|time| time[14..19].to_owned()).join(" to ");
        let what = ["dataset", "field", "found", "action"].map(text).join(" ");
        format!("{what} {} {times}", finding["events"])
    };
    report["findings"].as_array().unwrap().iter().map(line).collect()
}

/// An event a minute; they have the same fields, but for what they hold.
fn event(minute: u64, fields: Value) -> String {
    let mut event = json!({ "timestamp": format!("2026-11-01T00:{minute:02}:00Z"), "a": 1, "b": "plain", "c": 0.5 });
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    event.to_string()
}

fn load(bench: &Bench) {
    let keep = bench.add_rule(&json!({ "detector": "card", "action": "keep" }));
    let events = [
        event(0, json!({ "user.email": MAIL, "note": "nothing" })),
        event(1, json!({ "user.email": "nobody", "note": format!("{MAIL} paid with {CARD}") })),
        event(2, json!({ "note": format!("again {MAIL}"), "n": CARD.parse::<u64>().unwrap() })),
        event(3, json!({ "n": 17, "list": [1, { "to": MAIL }], "trace_id": CARD })),
        event(4, json!({ "n": 4539578763621486.0, (format!("of {MAIL}")): true })),
        event(5, json!({ "password": true, "note": "" })),
        event(6, json!({ "password": 17 })),
    ];
    bench.server.load("shop", events.join("\n"));
    bench.server.load("other", event(7, json!({ "note": MAIL })));
    let gone =
        bench.server.send(&Request::new("DELETE", &format!("/api/v1/redactions/{keep}")).header("If-Match", "*"));
    assert!(matches!(gone.status, 200 | 204), "{}", gone.text());
}

#[test]
fn it_says_where_and_how_much_and_never_what() {
    let modes: [(&str, &[&str]); 3] = [
        ("in memory", &[]),
        ("in segments", &["--flush-age-seconds-max", "0"]),
        ("in overflow", &["--flush-age-seconds-max", "0", "--fields-max", "1", "--fields-at-sight-max", "1"]),
    ];
    for (mode, arguments) in modes {
        let bench = Bench::with(arguments);
        load(&bench);
        if !arguments.is_empty() {
            bench.server.wait_for_flush();
        }
        let of_standard = ["shop n card mask 2 02:00 to 04:00", "shop note card mask 1 01:00 to 01:00"];
        assert_eq!(lines(&bench.report("*", &json!({}))), of_standard, "{mode}");
        let rules = json!([
            { "detector": "email", "action": "mask" },
            { "fields": ["pass*"], "action": "drop" },
            { "fields": ["N"], "detector": "card", "action": "keep" },
        ]);
        let of_rules = [
            "other note email mask 1 07:00 to 07:00",
            "shop list email mask 1 03:00 to 03:00",
            "shop note card mask 1 01:00 to 01:00",
            "shop note email mask 2 01:00 to 02:00",
            "shop of [email] name mask 1 04:00 to 04:00",
            "shop password field drop 2 05:00 to 06:00",
            "shop user.email email mask 1 00:00 to 00:00",
        ];
        let report = bench.report("*", &json!({ "rules": rules }));
        assert_eq!(lines(&report), of_rules, "{mode}");
        assert_eq!((&report["truncated"], &report["segments_unread"]), (&json!(false), &json!(0)));
        assert_eq!(lines(&bench.report("other", &json!({ "rules": rules }))), of_rules[..1], "{mode}");
    }
}

#[test]
fn what_was_redacted_before_is_not_found_again() {
    let bench = Bench::with(&["--redaction-secret", "a secret of its own"]);
    bench.server.load("shop", event(0, json!({ "user": MAIL, "token": "old" })));
    bench.add_rule(&json!({ "fields": ["user"], "action": "hash" }));
    bench.add_rule(&json!({ "fields": ["token"], "action": "mask" }));
    bench.server.load("shop", event(1, json!({ "user": MAIL, "token": "new" })));
    let found = ["shop token field mask 1 00:00 to 00:00", "shop user field hash 1 00:00 to 00:00"];
    assert_eq!(lines(&bench.report("shop", &json!({}))), found);
}

#[test]
fn what_cannot_be_looked_for_is_refused() {
    let bench = Bench::with(&[]);
    bench.server.load("shop", "{\"a\":1}");
    let refuse = |dataset: &str, spec: Value, status: u16| refused(&bench.begin_as(&bench.key, dataset, &spec), status);
    refuse("nothing", json!({}), 404);
    refuse("shop,nothing", json!({}), 404);
    refuse("shop", json!({ "rule": [] }), 400);
    let without_secret = refuse("shop", json!({ "rules": [{ "fields": ["user"], "action": "hash" }] }), 422);
    assert!(without_secret["message"].as_str().unwrap().contains("redaction_secret"), "{without_secret}");
    let nothing = bench.report("*", &json!({ "rules": [] }));
    assert_eq!(nothing, json!({ "findings": [], "truncated": false, "segments_unread": 0 }));
}

#[test]
fn a_key_looks_through_its_own_datasets() {
    let bench = Bench::with(&[]);
    for dataset in ["mine", "yours"] {
        bench.server.load(dataset, event(0, json!({ "to": MAIL })));
    }
    let limited = create_key(&bench.server.setup, &["admin:mine"]);
    let rules = json!({ "rules": [{ "detector": "email", "action": "mask" }] });
    refused(&bench.begin_as(&limited, "yours", &rules), 403);
    refused(&bench.begin_as(&limited, "mine,yours", &rules), 403);
    refused(&bench.begin_as(&limited, "*", &rules), 403);
    let reply = bench.begin_as(&limited, "mine", &rules);
    let task = bench.ended(reply.json()["task"].as_str().unwrap());
    assert_eq!(lines(&task["report"]), ["mine to email mask 1 00:00 to 00:00"]);
    let all = bench.begin("*", &rules);
    let of_all = |key: &str| {
        bench.server.send(&Request::get(&format!("/api/v1/tasks/{all}")).header("X-Outcrop-Key", key)).status
    };
    assert_eq!((bench.ended(&all)["dataset"].clone(), of_all(&limited)), (json!("mine,yours"), 404));
}

#[test]
fn it_can_be_stopped_and_one_runs_at_a_time() {
    let bench = Bench::with(&["--flush-age-seconds-max", "0"]);
    let text = "10.0.0.1 a.b.c ".repeat(400);
    for _ in 0..20 {
        bench.server.load("shop", format!("{{\"text\":\"{text}\"}}\n").repeat(1_000));
    }
    let rules = json!({ "rules": [{ "detector": "ip", "action": "mask" }] });
    let state = |id: &str| bench.server.get(&format!("/api/v1/tasks/{id}")).ok()["state"].as_str().unwrap().to_owned();
    let mut ends = BTreeSet::new();
    for _ in 0..5 {
        let running = bench.begin("shop", &rules);
        wait_until("the first has begun", PATIENCE, || state(&running) != "waiting");
        let waiting = bench.begin("shop", &rules);
        let seen = (state(&waiting), state(&running));
        assert!(seen.0 == "waiting" || seen.1 != "running", "two run at a time: {seen:?}");
        for id in [&waiting, &running] {
            let cancel = bench.server.send(&Request::new("DELETE", &format!("/api/v1/tasks/{id}")));
            assert!(matches!(cancel.status, 202 | 409), "{}", cancel.text());
        }
        bench.ended(&waiting);
        let task = bench.ended(&running);
        if task["state"] == "cancelled" {
            assert_eq!((&task["report"], &task["error"]), (&json!(null), &json!(null)));
        }
        ends.insert(task["state"].as_str().unwrap().to_owned());
    }
    assert!(ends.contains("cancelled"), "each was too quick: {ends:?}");
}

#[test]
fn the_command_shows_a_table() {
    let bench = Bench::with(&[]);
    load(&bench);
    let url = format!("http://{}", bench.server.address);
    let rules = bench.server.setup.home().join("rules.json");
    std::fs::write(&rules, "[{\"detector\":\"email\",\"action\":\"drop\"}]").unwrap();
    let run = |more: &[&str]| {
        let arguments = [&["redactions", "dry-run", "--url", &url, "--key", &bench.key], more].concat();
        let output = bench.server.setup.command(&arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let table = run(&["--rules", rules.to_str().unwrap()]);
    let line = table.lines().find(|line| line.contains("other")).unwrap();
    assert_eq!(line.split_whitespace().take(5).collect::<Vec<_>>(), ["other", "note", "email", "drop", "1"]);
    assert!(!table.contains(MAIL), "{table}");
    let report: Value = serde_json::from_str(&run(&["--json", "--dataset", "shop"])).unwrap();
    assert_eq!(lines(&report).len(), 2);
    assert!(run(&["--dataset", "other"]).contains("nothing was found"));
}
