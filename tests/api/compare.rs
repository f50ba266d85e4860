//! What is different, from outside: the answer's shape, events on the way, refusals, deadlines, the command line.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{refused, refused_naming};
use crate::harness::{Body, Random, Request, Server, process, wait_until};

/// Events of a shop in which build b7 in region eu fails often.
fn shop(server: &Server, count: u64) {
    let mut random = Random(7);
    let mut lines = String::new();
    for at in 0..count {
        let (build, region) = (random.below(10), ["eu", "us", "ap"][random.below(3) as usize]);
        let bad = build == 7 && region == "eu";
        let failed = random.below(100) < if bad { 60 } else { 2 };
        let ms = 5 + random.below(1_000) + if failed { 100 } else { 0 };
        let _ = writeln!(
            lines,
            "{{\"build\":\"b{build}\",\"region\":\"{region}\",\"failed\":{failed},\"ms\":{ms},\"id\":\"{at:x}\",\"code\":{}}}",
            if failed { 500 } else { 200 }
        );
    }
    server.load("shop", lines);
}

fn failed() -> Value {
    json!({ "selection": { "filters": [{ "column": "failed", "op": "=", "value": true }] } })
}

const PATH: &str = "/api/v1/compare/shop";

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Whether these are the conditions of an explanation, in any order.
fn says(explanation: &Value, conditions: &[(&str, Value)]) -> bool {
    let filters = explanation["filters"].as_array().unwrap();
    let has = |(column, value): &(&str, Value)| {
        filters.iter().any(|f| f["column"] == *column && f["op"] == "=" && f["value"] == *value)
    };
    filters.len() == conditions.len() && conditions.iter().all(has)
}

#[test]
fn the_answer_has_the_shape_of_the_contract() {
    let server = Server::with(&["--flush-age-seconds-max", "0"]);
    shop(&server, 6_000);
    server.wait_for_flush();
    shop(&server, 2_000);
    let mut spec = failed();
    spec["fields"] = json!(["build", "region", "ms", "id"]);
    let answer = server.post(PATH, &spec).ok();
    let expected = [
        "baseline",
        "exact",
        "explanations",
        "fields",
        "fields_compared",
        "question",
        "restated",
        "sampled_fraction",
        "selection",
        "stats",
    ];
    assert_eq!(keys(&answer), expected);
    let events = |side: &str| answer[side]["events"].as_u64().unwrap();
    assert_eq!(events("selection") + events("baseline"), 8_000);
    assert_eq!((&answer["exact"], &answer["sampled_fraction"]), (&json!(true), &json!(1.0)));
    assert_eq!((&answer["question"], &answer["stats"]["baseline"]), (&json!("share"), &json!("scan")));
    assert_eq!(answer["stats"]["rows_scanned"], 8_000);
    assert_eq!(answer["stats"]["segments"]["scanned"], 1);

    let first = &answer["explanations"][0];
    assert!(says(first, &[("build", json!("b7")), ("region", json!("eu"))]), "{first}");
    for (at, key) in ["selection", "baseline", "score"].iter().enumerate() {
        assert!((0.0..=1.0).contains(&first[key].as_f64().unwrap()), "{at}: {first}");
    }
    assert!(first["rivals"].as_array().unwrap().len() <= 2);

    let build = &answer["fields"].as_array().unwrap().iter().find(|f| f["field"] == "build").unwrap();
    assert_eq!(build["kind"], "categorical");
    assert_eq!(build["distinct"], json!({ "selection": 10, "baseline": 10 }));
    let value = &build["values"][0];
    assert_eq!(keys(value), ["baseline", "baseline_events", "selection", "selection_events", "value"]);
    assert_eq!(value["value"], "b7");
    let ms = &answer["fields"].as_array().unwrap().iter().find(|f| f["field"] == "ms").unwrap();
    assert_eq!(ms["kind"], "numeric");
    let share: f64 = ms["bins"].as_array().unwrap().iter().map(|b| b["selection"].as_f64().unwrap()).sum();
    assert!((share - 1.0).abs() < 1e-9);
    assert_eq!(keys(&ms["bins"][0]), ["baseline", "max", "min", "selection"]);
    assert!(ms["p50"]["selection"].as_f64() > ms["p50"]["baseline"].as_f64());
}

#[test]
fn an_explanation_is_a_filter_of_a_query() {
    let server = Server::start();
    shop(&server, 8_000);
    let answer = server.post(PATH, &failed()).ok();
    let count = |filters: &Value, failed: bool| {
        let mut filters = filters.as_array().unwrap().clone();
        filters.push(json!({ "column": "failed", "op": "=", "value": failed }));
        server.query("shop", &json!({ "filters": filters }))["rows"][0][0].as_u64().unwrap()
    };
    for explanation in answer["explanations"].as_array().unwrap() {
        let events = |side: &str| explanation[format!("{side}_events")].as_u64().unwrap();
        assert_eq!(events("selection"), count(&explanation["filters"], true), "{explanation}");
        assert_eq!(events("baseline"), count(&explanation["filters"], false), "{explanation}");
        for rival in explanation["rivals"].as_array().unwrap() {
            let selected = answer["selection"]["events"].as_f64().unwrap();
            let share = count(&rival["filters"], true) as f64 / selected;
            assert!((rival["selection"].as_f64().unwrap() - share).abs() < 1e-12, "{rival}");
        }
    }
}

/// The events of an answer as (name, data).
fn told(text: &str) -> Vec<(String, Value)> {
    let line = |event: &str, key: &str| event.lines().find_map(|l| l.strip_prefix(key)).unwrap_or_default().to_owned();
    let events = text.split("\n\n").filter(|e| e.contains("event:"));
    events.map(|e| (line(e, "event: "), serde_json::from_str(&line(e, "data: ")).unwrap())).collect()
}

#[test]
fn events_tell_the_progress_a_first_answer_and_the_exact_one() {
    let server = Server::start();
    shop(&server, 8_000);
    let request = Request::json(PATH, &failed()).header("Accept", "text/event-stream");
    let reply = server.send(&request);
    assert_eq!(reply.status, 200);
    assert!(reply.header("content-type").unwrap().starts_with("text/event-stream"));
    let events = told(&reply.text());
    let answers: Vec<&Value> = events.iter().filter(|(name, _)| name == "answer").map(|(_, data)| data).collect();
    let [first, last] = answers.as_slice() else { panic!("{events:?}") };
    assert_eq!((&first["exact"], &last["exact"]), (&json!(false), &json!(true)));
    assert_eq!(keys(first), keys(last), "one shape");
    assert_eq!(first["explanations"][0]["filters"], last["explanations"][0]["filters"]);
    let progress: Vec<(u64, u64)> = events
        .iter()
        .filter(|(name, _)| name == "progress")
        .map(|(_, data)| (data["done"].as_u64().unwrap(), data["total"].as_u64().unwrap()))
        .collect();
    assert!(!progress.is_empty() && progress.iter().all(|(done, total)| done <= total), "{progress:?}");
    assert_eq!(events.last().unwrap().0, "answer");

    let plain = server.post(PATH, &failed()).ok();
    let without_stats = |answer: &Value| {
        let mut answer = answer.clone();
        answer.as_object_mut().unwrap().remove("stats");
        answer
    };
    assert_eq!(without_stats(last), without_stats(&plain), "the exact answer is the same either way");
}

#[test]
fn what_goes_wrong_before_the_first_event_has_a_status() {
    let server = Server::start();
    shop(&server, 100);
    let ask = |path: &str, spec: &Value| server.send(&Request::json(path, spec).header("Accept", "text/event-stream"));
    refused_naming(&ask(PATH, &json!({ "extra_key": 1 })), 400, "extra_key");
    refused_naming(&ask("/api/v1/compare/nowhere", &failed()), 404, "nowhere");
    refused(&ask(&format!("{PATH}?timeout_seconds=0"), &failed()), 400);
}

#[test]
fn what_cannot_be_compared_is_refused_by_name() {
    let server = Server::start();
    shop(&server, 100);
    for (spec, named) in [
        (json!({}), "selection"),
        (json!({ "selection": null }), "selection"),
        (json!({ "selection": {}, "extra_key": 1 }), "extra_key"),
        (json!({ "selection": { "extra_key": 1 } }), "extra_key"),
        (json!({ "selection": {}, "baseline": { "extra_key": 1 } }), "extra_key"),
        (
            json!({ "selection": { "filters": [{ "column": "a", "op": "=", "value": 1, "extra_key": 1 }] } }),
            "extra_key",
        ),
        (json!({ "selection": {}, "max_values": -1 }), "-1"),
        (json!({ "selection": {}, "max_fields": 1_001 }), "max_fields"),
        (json!({ "selection": {}, "exact": "yes" }), "yes"),
        (json!({ "selection": { "time_range": 60 } }), "time_range"),
        (json!({ "selection": "all" }), "selection"),
        (json!({ "selection": { "start_time": 200, "end_time": 100 } }), "start_time"),
    ] {
        refused_naming(&server.post(PATH, &spec), 400, named);
    }
    refused(&server.send(&Request::post(PATH, "{")), 400);
    refused_naming(&server.post("/api/v1/compare/nowhere", &failed()), 404, "nowhere");
    refused_naming(&server.post("/api/v1/compare/shop,nowhere", &failed()), 404, "nowhere");
    refused(&server.post("/api/v1/compare/%20", &failed()), 400);
    let unknown = json!({ "selection": {}, "filters": [{ "column": "biuld", "op": "exists" }] });
    assert_eq!(server.post(PATH, &unknown).ok()["warnings"][0]["similar"], json!(["build"]));
    refused_naming(&server.post(&format!("{PATH}?strict=true"), &unknown), 422, "biuld");
    refused_naming(&server.post(&format!("{PATH}?extra_key=1"), &failed()), 400, "extra_key");
    refused_naming(&server.post(PATH, &json!({ "selection": {}, "fields": ["timestamp"] })), 422, "timestamp");
    refused_naming(
        &server
            .post(PATH, &json!({ "selection": {}, "calculated_fields": [{ "name": "x", "expression": "MULT(1)" }] })),
        400,
        "did you mean MUL",
    );
    let too_long = format!("{{\"fields\":[\"{}\"]}}", "x".repeat(1 << 20));
    refused(&server.send(&Request::new("POST", PATH).body(Body::Chunked(too_long.into_bytes()))), 413);
}

#[test]
fn sides_without_events_are_answered() {
    let server = Server::start();
    shop(&server, 200);
    let nobody = json!({ "filters": [{ "column": "build", "op": "=", "value": "nobody" }] });
    for spec in [
        json!({ "selection": nobody }),
        json!({ "selection": {} }),
        json!({ "selection": failed()["selection"], "baseline": nobody }),
        json!({ "selection": failed()["selection"], "baseline": failed()["selection"] }),
    ] {
        let answer = server.post(PATH, &spec).ok();
        assert_eq!((&answer["fields"], &answer["explanations"]), (&json!([]), &json!([])), "{spec}");
        assert_eq!(answer["exact"], true);
    }
    let nothing = server.send(&Request::json(PATH, &json!({ "selection": {} })).header("Accept", "text/event-stream"));
    assert_eq!(told(&nothing.text()).len(), 1);
}

#[test]
fn traces_and_patterns_select() {
    let server = Server::start();
    shop(&server, 12_000);
    let ids = |count: u64| (0..count).map(|at| json!(format!("{at:x}"))).collect::<Vec<Value>>();
    let spec = |ids: Vec<Value>| json!({ "selection": { "filters": [{ "column": "id", "op": "in", "value": ids }] } });
    assert_eq!(server.post(PATH, &spec(ids(10_000))).ok()["selection"]["events"], 10_000);
    refused_naming(&server.post(PATH, &spec(ids(10_001))), 422, "10000");
    let pattern = |pattern: &str| json!({ "selection": { "filters": [{ "column": "build", "op": "matches", "value": pattern }] } });
    let answer = server.post(PATH, &pattern("^b[0-4]$")).ok();
    assert!(answer["selection"]["events"].as_u64() > Some(5_000), "{}", answer["selection"]);
    for pattern_text in ["(", "(a{1000}){1000}", "(?=x)"] {
        refused(&server.post(PATH, &pattern(pattern_text)), 400);
    }
}

#[test]
fn a_thousand_fields_stay_within_time_and_memory() {
    let server = Server::start();
    let mut random = Random(3);
    for part in 0..4 {
        let mut lines = String::new();
        for at in 0..500 {
            let failed = random.below(10) == 0;
            let _ = write!(lines, "{{\"failed\":{failed},\"kind\":\"{}\"", if failed { "odd" } else { "even" });
            for _ in 0..60 {
                let _ = write!(lines, ",\"field.{}\":\"{}\"", random.below(1_500), random.below(50) + part + at % 2);
            }
            lines.push_str("}\n");
        }
        server.load("shop", lines);
    }
    let began = Instant::now();
    let answer = server.post(PATH, &failed()).ok();
    assert!(answer["fields_compared"].as_u64() > Some(1_400), "{}", answer["fields_compared"]);
    assert!(says(&answer["explanations"][0], &[("kind", json!("odd"))]), "{:#}", answer["explanations"]);
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    assert!(process::peak_memory_bytes(server.pid()) < 1 << 30);
}

/// Events whose text patterns work on for some ten seconds: in text that is not ASCII they find a word's boundary
/// slowly.
fn slow(server: &Server) -> Value {
    let text = "äb".repeat(300);
    for part in 0..10 {
        let lines: String = (0..5_000).map(|at| format!("{{\"t\":\"{text}{part}-{at}\"}}\n")).collect();
        server.load("shop", lines);
    }
    let filters: Vec<Value> = (0..90)
        .map(|at| json!({ "column": "t", "op": "matches", "value": format!("[äb]*\\b[^a-zä0-9-]c?{at}") }))
        .collect();
    json!({ "selection": { "filters": filters, "filter_combination": "OR" } })
}

#[test]
fn a_deadline_is_504_and_soon() {
    let server = Server::start();
    let slow = slow(&server);
    let began = Instant::now();
    refused(&server.post(&format!("{PATH}?timeout_seconds=1"), &slow), 504);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[test]
fn closing_the_connection_stops_the_work() {
    let server = Server::start();
    let slow = slow(&server);
    for accept in ["application/json", "text/event-stream"] {
        let request = Request::json(&format!("{PATH}?timeout_seconds=600"), &slow).header("Accept", accept);
        let before = process::processor_ticks(server.pid());
        let stream = request.begin(server.address);
        wait_until("the compare runs", Duration::from_secs(60), || {
            process::processor_ticks(server.pid()) > before + 30
        });
        drop(stream);
        let mut last = (process::processor_ticks(server.pid()), Instant::now());
        wait_until("the server stands still for half a second", Duration::from_secs(10), || {
            let now = process::processor_ticks(server.pid());
            if now > last.0 + 1 {
                last = (now, Instant::now());
            }
            last.1.elapsed() > Duration::from_millis(500)
        });
    }
}

#[test]
fn the_command_line_tells_it_in_sentences() {
    let server = Server::start();
    shop(&server, 8_000);
    let url = format!("http://{}", server.address);
    let compare = |arguments: &[&str]| {
        let fixed = ["compare", "--url", &url, "--dataset", "shop", "--select", "failed = true"];
        let output = server.setup.command(&[&fixed, arguments].concat()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = compare(&[]);
    for part in ["selected, compared with", "1. ", "build = b7", "region = eu", "█", "Fields that differ", "failed"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let answer: Value =
        serde_json::from_str(&compare(&["--json", "--field", "build", "--against", "failed = false"])).unwrap();
    assert_eq!(answer["fields_compared"], 1);
    let nowhere = server.setup.command(&["compare", "--url", &url, "--dataset", "nowhere"]).output().unwrap();
    assert!(!nowhere.status.success() && String::from_utf8_lossy(&nowhere.stderr).contains("nowhere"), "{nowhere:?}");
}
