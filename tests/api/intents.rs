//! Intents: what is meant to be, and whether it is, as senders that follow `docs/intent.md` tell it.

use std::process::Output;

use serde_json::{Value, json};

use super::refused;
use crate::harness::{Server, Setup};

const NOW: i64 = 1_700_000_000;
/// The hour before is 1,699,992,800 up to 1,699,996,400, this hour up to 1,700,000,000.
const HOUR: &str = "start=1699996400&end=1700000000";

/// `count` events of an intent, the first `unmet` of them unmet.
fn exercised(name: &str, version: &str, at: i64, count: usize, unmet: usize, more: &Value) -> String {
    let event = |n: usize| {
        let mut event = json!({
            "timestamp": at + n as i64 % 3_000, "intent.name": name, "intent.met": n >= unmet, "service.name": "shop",
            "service.version": version, "intent.text": format!("Text of {name}"), "name": name,
        });
        if n < unmet {
            event["intent.unmet"] =
                json!(if n.is_multiple_of(2) { "charged once" } else { "charged once; within 2 s" });
            event["region"] = json!("eu");
        } else {
            event["region"] = json!("us");
        }
        for (key, value) in more.as_object().into_iter().flatten() {
            event[key] = value.clone();
        }
        event.to_string()
    };
    (0..count).map(event).collect::<Vec<_>>().join("\n")
}

fn declared(names: &[&str], version: &str, at: i64) -> String {
    let event = |name: &&str| {
        json!({ "timestamp": at, "name": "intent.declared", "intent.declared": true, "intent.name": name, "service.name": "shop",
                "intent.text": format!("Text of {name} in {version}"), "service.version": version, "intent.owner": "payments",
                "code.file.path": "src/checkout.rs", "code.line.number": 42, "intent.expectations": "charged once; no error; not cancelled" })
        .to_string()
    };
    names.iter().map(event).collect::<Vec<_>>().join("\n")
}

fn fill(server: &Server) {
    let none = json!({});
    server.load("shop", declared(&["order", "refund", "search", "old"], "a", NOW - 9_000));
    server.load("shop", exercised("order", "a", NOW - 7_000, 500, 1, &none));
    server.load("shop", exercised("search", "a", NOW - 7_000, 500, 5, &none));
    server.load("shop", exercised("idle", "a", NOW - 7_000, 5, 0, &none));
    server.load("shop", declared(&["order", "refund", "search", "gift"], "b", NOW - 3_500));
    server.load("shop", exercised("order", "a", NOW - 3_400, 300, 0, &none));
    server.load("shop", exercised("order", "b", NOW - 3_400, 200, 50, &none));
    server.load("shop", exercised("search", "b", NOW - 3_400, 500, 6, &none));
    server.load("shop", exercised("gift", "b", NOW - 3_400, 10, 0, &json!({ "sample_rate": 10 })));
}

fn states(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| format!("{} {}", item["name"].as_str().unwrap(), item["state"].as_str().unwrap())).collect()
}

fn item<'a>(list: &'a Value, name: &str) -> &'a Value {
    list["items"].as_array().unwrap().iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn what_got_worse_comes_first_and_what_nobody_exercised_is_there() {
    let server = Setup::new().with(&["--flush-age-seconds-max", "0"]).start();
    fill(&server);
    server.wait_for_flush();
    let list = server.get(&format!("/api/v1/intents?{HOUR}")).ok();
    let expected = ["order worse", "gift new", "search holding", "idle quiet", "refund never_exercised", "old gone"];
    assert_eq!(states(&list), expected);
    assert_eq!((&list["before_start"], &list["truncated"]), (&json!("2023-11-14T20:13:20Z"), &json!(false)));
    let order = item(&list, "order");
    assert_eq!(
        (&order["now"], &order["before"]),
        (&json!({ "events": 500, "unmet": 50, "met": 0.9 }), &json!({ "events": 500, "unmet": 1, "met": 0.998 }))
    );
    assert!((order["change"].as_f64().unwrap() + 0.098).abs() < 1e-9);
    assert_eq!(
        (&order["text"], &order["owner"]),
        (&json!("Text of order in b"), &json!("payments")),
        "the newest declaration"
    );
    assert_eq!((&order["file"], &order["line"]), (&json!("src/checkout.rs"), &json!(42)));
    assert_eq!(order["expectations"], json!(["charged once", "no error", "not cancelled"]));
    let versions = json!([{ "version": "a", "events": 300, "unmet": 0, "met": 1.0 }, { "version": "b", "events": 200, "unmet": 50, "met": 0.75 }]);
    assert_eq!(
        (&order["versions"], &order["services"], &order["datasets"]),
        (&versions, &json!(["shop"]), &json!(["shop"]))
    );
    let sum = |key: &str| order["series"][key].as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>();
    assert_eq!((sum("events"), sum("unmet")), (500, 50));
    let gift = item(&list, "gift");
    assert_eq!(
        (&gift["now"]["events"], &gift["new"], &gift["gone"]),
        (&json!(100), &json!(true), &json!(false)),
        "weighted"
    );
    assert_eq!((&item(&list, "old")["gone"], &item(&list, "old")["declared"]), (&json!(true), &json!(true)));
    assert_eq!(item(&list, "idle")["declared"], false);
}

#[test]
fn a_version_stands_against_all_others() {
    let server = Server::start();
    fill(&server);
    let list = server.get(&format!("/api/v1/intents?{HOUR}&version=b&service=shop")).ok();
    let order = item(&list, "order");
    assert_eq!((&order["now"]["events"], &order["before"]["events"]), (&json!(200), &json!(800)));
    assert_eq!(order["state"], "worse");
    assert_eq!(server.get(&format!("/api/v1/intents?{HOUR}&service=other")).ok()["items"], json!([]));
}

#[test]
fn one_intent_says_what_does_not_hold() {
    let server = Server::start();
    fill(&server);
    let order = server.get(&format!("/api/v1/intents/order?{HOUR}")).ok();
    assert_eq!(
        order["unmet"],
        json!([{ "expectation": "charged once", "events": 50 }, { "expectation": "within 2 s", "events": 25 }])
    );
    assert_eq!((&order["name"], &order["now"]["met"]), (&json!("order"), &json!(0.9)));
    refused(&server.get(&format!("/api/v1/intents/nothing?{HOUR}")), 404);
    refused(&server.get("/api/v1/intents?since=1"), 400);
    refused(&server.get("/api/v1/intents?start=2&end=1"), 400);
    refused(&server.get("/api/v1/intents?dataset=nowhere"), 404);
}

#[test]
fn nothing_is_said_where_nothing_is_declared() {
    let server = Server::start();
    assert_eq!(server.get("/api/v1/intents").ok()["items"], json!([]));
    server.load("plain", "{\"a\":1}");
    assert_eq!(server.get("/api/v1/intents").ok()["items"], json!([]));
}

fn run(server: &Server, arguments: &[&str]) -> (Option<i32>, String, String) {
    let url = format!("http://{}", server.address);
    let times = ["--start", "2023-11-14T21:13:20Z", "--end", "2023-11-14T22:13:20Z"];
    let Output { status, stdout, stderr } =
        server.setup.command(&["intents", "--url", &url]).args(times).args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_deployment_is_stopped_by_intent_and_told_why() {
    let server = Server::start();
    fill(&server);
    let (code, said, _) = run(&server, &[]);
    assert!(
        code == Some(0) && said.contains("order") && said.contains("90.00 %") && said.contains("never exercised"),
        "{said}"
    );
    let (code, said, why) = run(&server, &["--fail-under", "99.5", "--version", "b"]);
    assert_eq!(code, Some(1), "{said}{why}");
    assert!(
        why.contains("order") && why.contains("75.00 %") && why.contains("charged once") && why.contains("region = eu"),
        "{why}"
    );
    assert!(!why.contains("gift"), "{why}");
    assert_eq!(run(&server, &["--fail-under", "99.5", "--version", "b", "--name", "gift"]).0, Some(0));
    assert_eq!(run(&server, &["--fail-under", "70"]).0, Some(0));
    let (code, _, why) = run(&server, &["--fail-under", "99.5", "--version", "c"]);
    assert!(code == Some(2) && why.contains("nothing"), "no evidence is no proof: {why}");
    let (code, said, _) = run(&server, &["--json"]);
    assert_eq!(
        (code, serde_json::from_str::<Value>(&said).unwrap()["items"][0]["name"].clone()),
        (Some(0), json!("order"))
    );
    assert_eq!(run(&server, &["--fail-under", "101"]).0, Some(2));
}
