//! Sides without events, names that nobody sent, very many fields, very many values, lists of ids.

use serde_json::{Value, json};

use super::bed::{Bed, Event, SECONDS, START, field, score, told, where_is};
use super::shop::{Random, events};

fn some() -> Vec<Event> {
    events(50, 3_000, |e| if e.is("build", "b1") { 0.5 } else { 0.02 })
}

fn is_empty(answer: &Value) -> bool {
    answer["fields"] == json!([]) && answer["explanations"] == json!([]) && answer["exact"] == true
}

#[test]
fn sides_without_events_are_empty_lists() {
    let bed = Bed::of(&some());
    for spec in [
        json!({ "selection": where_is("error", "nobody") }),
        json!({ "selection": {} }),
        json!({ "selection": where_is("error", true), "baseline": where_is("error", true) }),
        json!({ "selection": where_is("error", true), "baseline": where_is("error", "nobody") }),
        json!({ "selection": { "start_time": START + SECONDS + 10, "end_time": START + SECONDS + 20 } }),
    ] {
        let answer = bed.ask(spec.clone());
        assert!(is_empty(&answer), "{spec}: {answer}");
    }
    assert!(is_empty(&Bed::of(&[Event::new(0).with("a", 1i64)]).ask(json!({ "selection": {} }))));
}

#[test]
fn one_event_is_compared_and_proves_nothing() {
    let bed = Bed::of(&some());
    let id = some()[17].fields["id"].json();
    let answer = bed.ask(json!({ "selection": where_is("id", id) }));
    assert_eq!(answer["selection"]["events"], 1);
    assert_eq!(told(&answer), Vec::<String>::new());
    assert!(answer["fields"].as_array().unwrap().iter().all(|f| f["score"] == 0.0));
}

#[test]
fn an_event_on_both_sides_is_selected_only() {
    let answer = Bed::of(&some()).ask(json!({ "selection": where_is("error", true), "baseline": {} }));
    let (s, b) = (answer["selection"]["events"].as_u64().unwrap(), answer["baseline"]["events"].as_u64().unwrap());
    assert_eq!(s + b, 3_000);
    assert_eq!(told(&answer), ["build = b1"]);
}

#[test]
fn typed_values_are_three_values() {
    let mut events = Vec::new();
    for at in 0..3_000i64 {
        let failed = at % 10 == 0;
        let event = Event::new(at % SECONDS).with("error", failed);
        events.push(match at % 3 {
            _ if failed => event.with("kind", "1"),
            0 => event.with("kind", 1i64),
            1 => event.with("kind", "1"),
            _ => event.with("kind", true),
        });
    }
    let answer = Bed::of(&events).ask(json!({ "selection": where_is("error", true) }));
    let values = field(&answer, "kind")["values"].as_array().unwrap();
    let share = |value: &Value| values.iter().find(|v| v["value"] == *value).map(|v| v["selection"].as_f64().unwrap());
    assert_eq!(share(&json!("1")), Some(1.0));
    assert_eq!(share(&json!(1)), Some(0.0));
    assert_eq!(share(&json!(true)), Some(0.0));
}

#[test]
fn ten_thousand_ids_are_a_selection() {
    let mut events = events(51, 12_000, |_| 0.0);
    for event in events.iter_mut().take(9_000) {
        event.set("flag", true);
    }
    let ids: Vec<Value> = events.iter().take(9_000).map(|e| e.fields["id"].json()).collect();
    let more = (0..1_000).map(|at| json!(format!("nobody-{at}")));
    let ids: Vec<Value> = ids.into_iter().chain(more).collect();
    let spec = |ids: &[Value]| json!({ "selection": { "filters": [{ "column": "id", "op": "in", "value": ids }] } });
    let bed = Bed::of(&events);
    let answer = bed.ask(spec(&ids));
    assert_eq!(answer["selection"]["events"], 9_000);
    assert_eq!(answer["fields"][0]["field"], "flag");
    assert_eq!(answer["restated"], json!(["id"]));
    let too_many: Vec<Value> = ids.iter().cloned().chain([json!("one more")]).collect();
    assert_eq!(bed.try_ask("shop", &spec(&too_many)).unwrap_err().code, "too_many");
}

#[test]
fn a_thousand_fields_most_of_them_nearly_empty() {
    let mut random = Random::new(52);
    let mut events = events(52, 2_000, |e| if e.is("build", "b1") { 0.5 } else { 0.05 });
    for event in &mut events {
        for _ in 0..3 {
            event.set(&format!("sparse.{:03}", random.below(700)), random.below(100) as i64);
        }
        for at in 0..300 {
            event.set(&format!("dense.{at:03}"), random.below(5) as i64);
        }
    }
    let answer = Bed::of(&events).ask(json!({ "selection": where_is("error", true), "max_fields": 1_000 }));
    assert!(answer["fields_compared"].as_u64() > Some(1_000), "{}", answer["fields_compared"]);
    for field in answer["fields"].as_array().unwrap() {
        let name = field["field"].as_str().unwrap();
        assert!(!name.starts_with("sparse.") || field["score"] == 0.0, "{field}");
    }
    assert_eq!(told(&answer), ["build = b1"]);
}

#[test]
fn values_beyond_what_is_told_apart_have_a_bound() {
    // More different users than one field may hold, each twice, and one that fails.
    let mut events = Vec::new();
    for at in 0..160_000i64 {
        let user = if at % 100 == 0 { "heavy".to_owned() } else { format!("user-{}", at % 80_000) };
        let failed = at % 200 == 0;
        events.push(Event::new(at % SECONDS).with("user", user).with("error", failed));
    }
    let answer = Bed::of(&events).ask(json!({ "selection": where_is("error", true) }));
    let user = field(&answer, "user");
    assert_eq!((&user["values"][0]["value"], &user["values"][0]["selection"]), (&json!("heavy"), &json!(1.0)));
    let heavy = user["values"][0]["baseline_events"].as_u64().unwrap();
    assert_eq!(heavy, events.iter().filter(|e| e.is("user", "heavy") && e.is("error", false)).count() as u64);
    assert_eq!(told(&answer), ["user = heavy"]);
    let distinct = user["distinct"]["baseline"].as_f64().unwrap();
    assert!((distinct / 79_200.0 - 1.0).abs() < 0.1, "{distinct}");
    let bound = user["error_bound"]["baseline"].as_f64().unwrap();
    assert!(bound > 0.0 && bound < 0.01, "{bound}");
    assert!(answer["stats"]["approximate"].as_array().unwrap().contains(&json!("distinct(user)")));
}

#[test]
fn chosen_fields_only() {
    let bed = Bed::of(&some());
    let answer =
        bed.ask(json!({ "selection": where_is("error", true), "fields": ["build", "cdn", "error", "nobody"] }));
    assert_eq!(answer["fields_compared"], 3);
    assert!(score(&answer, "error") > 0.9, "a field that is asked for is shown");
    assert_eq!(answer["warnings"][0]["field"], "nobody");
    let limited = bed
        .ask(json!({ "selection": where_is("error", true), "max_fields": 1, "max_values": 2, "max_explanations": 0 }));
    assert_eq!(limited["fields"].as_array().unwrap().len(), 1);
    assert_eq!(limited["fields"][0]["values"].as_array().unwrap().len(), 2);
    assert_eq!(limited["explanations"], json!([]));
}

#[test]
fn datasets_together_are_told_apart() {
    let bed = Bed::new();
    let many = |failed: bool, count: i64| -> Vec<Event> {
        (0..count).map(|at| Event::new(at).with("error", failed && at % 2 == 0).with("n", at % 7)).collect()
    };
    bed.load("good", &many(false, 3_000));
    bed.load("bad", &many(true, 1_000));
    bed.flush();
    let spec = json!({ "start_time": START, "end_time": START + SECONDS, "selection": where_is("error", true) });
    let answer = bed.try_ask("*", &spec).unwrap();
    assert_eq!(told(&answer), ["meta.dataset = bad"]);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let bed = Bed::of(&some());
    let refused = |spec: Value| bed.try_ask("shop", &spec).unwrap_err();
    for (spec, code, named) in [
        (json!({}), "malformed_spec", "selection"),
        (json!({ "selection": [] }), "malformed_spec", "selection"),
        (json!({ "selection": { "filters": [[]] } }), "malformed_spec", "filters"),
        (json!({ "selection": { "limit": 1 } }), "malformed_spec", "limit"),
        (json!({ "selection": {}, "breakdowns": [] }), "malformed_spec", "breakdowns"),
        (json!({ "selection": {}, "fields": ["*"] }), "malformed_spec", "fields"),
        (json!({ "selection": {}, "max_fields": 1_001 }), "malformed_spec", "max_fields"),
        (json!({ "selection": {}, "max_explanations": 11 }), "malformed_spec", "max_explanations"),
        (json!({ "selection": { "start_time": 200, "end_time": 100 } }), "malformed_spec", "start_time"),
        (json!({ "selection": {}, "fields": ["timestamp"] }), "not_a_field", "timestamp"),
        (json!({ "selection": {}, "calculated_fields": [{}] }), "malformed_spec", "name"),
        (
            json!({ "selection": {}, "calculated_fields": [{ "name": "x", "expression": "1 +" }] }),
            "malformed_expression",
            "character 4",
        ),
        (json!({ "selection": {}, "fields": ["none.a"] }), "no_value", "none."),
        (
            json!({ "selection": { "filters": [{ "column": "a", "op": "matches", "value": "(" }] } }),
            "malformed_spec",
            "matches",
        ),
    ] {
        let error = refused(spec.clone());
        assert!(error.code == code && error.message.contains(named), "{spec}: {error:?}");
    }
}

#[test]
fn fields_that_are_not_compared_are_said() {
    let mut events = events(53, 3_000, |e| if e.is("build", "b1") { 0.5 } else { 0.05 });
    for (at, event) in events.iter_mut().enumerate() {
        for rare in [2 * at, 2 * at + 1] {
            event.set(&format!("rare.{:04}", rare % 5_000), at as i64);
        }
    }
    let bed = Bed::of(&events);
    let answer = bed.ask(json!({ "selection": where_is("error", true) }));
    assert_eq!(told(&answer), ["build = b1"]);
    let warning = &answer["warnings"][0];
    assert_eq!((&warning["code"], answer["warnings"].as_array().unwrap().len()), (&json!("fields_not_compared"), 1));
    let compared = answer["fields_compared"].as_u64().unwrap();
    assert!(warning["fields"].as_u64().unwrap() + compared >= 5_000, "{warning}, {compared}");
    let named = bed.ask(json!({ "selection": where_is("error", true), "fields": ["build", "rare.4999"] }));
    assert_eq!((&named["fields_compared"], &named["warnings"]), (&json!(2), &Value::Null));
}
