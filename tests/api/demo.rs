//! The demo as somebody meets it: its incident is an unmet intent, and what is different about that names the cause.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Server, Setup, wait_until};

/// A hundred thousand events, in a build without optimisations.
const PATIENCE: Duration = Duration::from_secs(300);
/// What must come together for a checkout to be slow; build, version and revision are one thing.
const PLANTED: [(&str, &str); 5] = [
    ("build_id", "\"b-0037\""),
    ("service.version", "\"4.37.0\""),
    ("vcs.ref.head.revision", "\"e2a05f1c7d94\""),
    ("region", "\"eu-west-1\""),
    ("flags.new_checkout", "true"),
];

fn intent(server: &Server, name: &str) -> Option<Value> {
    let list = server.get("/api/v1/intents?dataset=shop");
    let items = if list.status == 200 { list.ok()["items"].take() } else { Value::Null };
    items.as_array()?.iter().find(|item| item["name"] == name).cloned()
}

/// Unmet against met, as the console's page asks: without what says how the work ended.
fn different(server: &Server, name: &str) -> Value {
    let fields = server.get("/api/v1/fields/shop").ok();
    let names = fields["fields"].as_array().unwrap().iter().filter_map(|field| field["name"].as_str());
    let ends = ["intent.met", "intent.unmet", "intent.unchecked", "duration_ms", "error", "error.type"];
    let fields: Vec<&str> = names.filter(|name| !ends.contains(name) && !name.starts_with("exception.")).collect();
    let spec = json!({
        "fields": fields,
        "filters": [{ "column": "intent.name", "op": "=", "value": name }, { "column": "intent.met", "op": "exists" }],
        "selection": { "filters": [{ "column": "intent.met", "op": "=", "value": false }] },
        "baseline": null,
    });
    server.post("/api/v1/compare/shop", &spec).ok()
}

#[test]
fn the_incident_is_an_unmet_intent_and_one_question_names_its_cause() {
    let server = Setup::new().demo().with(&["--load", "0.06"]).start();
    let mut order = Value::Null;
    wait_until("the order holds less often than before", PATIENCE, || {
        order = intent(&server, "checkout.place_order").unwrap_or_default();
        order["state"] == "worse"
    });
    assert!(order["now"]["met"].as_f64() < Some(0.97), "{order}");
    let versions = order["versions"].as_array().unwrap();
    let (new, old): (Vec<_>, Vec<_>) = versions.iter().partition(|version| version["version"] == "4.37.0");
    assert!(new[0]["met"].as_f64() < Some(0.9), "{new:?}");
    assert!(old.iter().all(|v| v["met"].as_f64() > Some(0.93) || v["events"].as_u64() < Some(200)), "{old:?}");

    let answer = different(&server, "checkout.place_order");
    let first = &answer["explanations"][0];
    let filters = first["filters"].as_array().unwrap();
    let planted = |filter: &Value| {
        let value = filter["value"].to_string();
        filter["op"] == "=" && PLANTED.iter().any(|(column, planted)| filter["column"] == *column && value == *planted)
    };
    assert!(filters.len() >= 2 && filters.iter().all(planted), "{first:#}");
    assert!(first["selection"].as_f64() > Some(0.75) && first["baseline"].as_f64() < Some(0.2), "{first:#}");
    assert_eq!(intent(&server, "checkout.refund").unwrap()["state"], "never_exercised");
}
