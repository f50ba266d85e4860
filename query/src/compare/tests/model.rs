//! Exact means exact: every number of an answer against a model that looks at one event after the other.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::bed::{Bed, Event, START};
use crate::compare::value::EventValue;

const FIELDS: [&str; 5] = ["a", "b", "mixed", "number", "rare"];

fn any_value() -> impl Strategy<Value = EventValue> {
    prop_oneof![
        3 => (0..4i64).prop_map(EventValue::Integer),
        2 => (0..4i64).prop_map(|v| EventValue::Text(v.to_string().into())),
        1 => any::<bool>().prop_map(EventValue::Boolean),
        2 => (0..40i64).prop_map(|v| EventValue::float(v as f64 / 8.0)),
        1 => "[a-c]{0,2}".prop_map(|v| EventValue::Text(v.into())),
        1 => Just(EventValue::Integer((1 << 53) + 1)),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    let rate = prop_oneof![4 => Just(1u32), 1 => 1..50u32];
    let fields = prop::collection::btree_map(prop::sample::select(&FIELDS[..]), any_value(), 0..5);
    (0..600i64, rate, fields).prop_map(|(second, rate, fields)| Event {
        second,
        rate,
        fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    })
}

/// Weights by value, absence as null, of the events of a side.
fn weights<'e>(events: impl Iterator<Item = &'e Event>, field: &str) -> BTreeMap<String, u64> {
    let mut weights = BTreeMap::new();
    for event in events {
        let value = event.fields.get(field).map_or(Value::Null, EventValue::json);
        *weights.entry(value.to_string()).or_default() += u64::from(event.rate);
    }
    weights
}

fn near(a: &Value, b: f64) -> bool {
    (a.as_f64().unwrap() - b).abs() < 1e-12
}

fn check(answer: &Value, events: &[Event], selected: impl Fn(&Event) -> bool, based: impl Fn(&Event) -> bool) {
    let (selected, based) = (&selected, &based);
    let side = |yes: bool| events.iter().filter(move |e| if yes { selected(e) } else { !selected(e) && based(e) });
    let total = |yes: bool| side(yes).map(|e| u64::from(e.rate)).sum::<u64>();
    let (s, b) = (total(true), total(false));
    assert_eq!((answer["selection"]["events"].as_u64(), answer["baseline"]["events"].as_u64()), (Some(s), Some(b)));
    if s == 0 || b == 0 {
        assert_eq!((&answer["fields"], &answer["explanations"]), (&json!([]), &json!([])));
        return;
    }
    for field in answer["fields"].as_array().unwrap() {
        let name = field["field"].as_str().unwrap();
        let [ours, theirs] = [weights(side(true), name), weights(side(false), name)];
        let share = |weights: &BTreeMap<String, u64>, value: &str, total: u64| {
            *weights.get(value).unwrap_or(&0) as f64 / total as f64
        };
        assert!(near(&field["selection_present"], 1.0 - share(&ours, "null", s)), "{field}");
        assert!(near(&field["baseline_present"], 1.0 - share(&theirs, "null", b)), "{field}");
        let shown = field["values"].as_array().map_or(&[][..], Vec::as_slice);
        for value in shown {
            let key = value["value"].to_string();
            assert!(near(&value["selection"], share(&ours, &key, s)), "{name} {value}");
            assert!(near(&value["baseline"], share(&theirs, &key, b)), "{name} {value}");
            assert_eq!(value["selection_events"].as_u64(), Some(*ours.get(&key).unwrap_or(&0)), "{name} {value}");
        }
        if field["kind"] == "categorical" {
            let all: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            assert_eq!(shown.len(), all.len(), "{name}: {field}");
            let distinct = |w: &BTreeMap<String, u64>| w.keys().filter(|k| *k != "null").count() as u64;
            assert_eq!(field["distinct"]["selection"].as_u64(), Some(distinct(&ours)), "{name}");
            assert_eq!(field["distinct"]["baseline"].as_u64(), Some(distinct(&theirs)), "{name}");
        }
        check_bins(field, name, side(true).collect(), side(false).collect(), (s, b));
    }
}

fn check_bins(field: &Value, name: &str, ours: Vec<&Event>, theirs: Vec<&Event>, (s, b): (u64, u64)) {
    let Some(bins) = field["bins"].as_array() else { return };
    let last = bins.len() - 1;
    for (at, bin) in bins.iter().enumerate() {
        let (min, max) = (bin["min"].as_f64().unwrap(), bin["max"].as_f64().unwrap());
        let inside = |e: &&Event| {
            let number = e.fields.get(name).and_then(EventValue::number);
            number.is_some_and(|v| min <= v && (v < max || (at == last && v <= max)))
        };
        let share = |events: &[&Event], total: u64| {
            events.iter().copied().filter(inside).map(|e| u64::from(e.rate)).sum::<u64>() as f64 / total as f64
        };
        assert!(near(&bin["selection"], share(&ours, s)) && near(&bin["baseline"], share(&theirs, b)), "{name} {bin}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_share_is_that_of_the_events(events in prop::collection::vec(any_event(), 0..300), flushed in 0..300usize) {
        let bed = Bed::new();
        let flushed = flushed.min(events.len());
        bed.load("shop", &[Event::new(0).with("a", 1i64)]);
        bed.load("shop", &events[..flushed]);
        bed.flush();
        bed.load("shop", &events[flushed..]);
        let mut all = vec![Event::new(0).with("a", 1i64)];
        all.extend(events);
        let limits = json!({ "max_fields": 100, "max_values": 100 });
        let ask = |spec: Value| {
            let mut whole = limits.clone();
            whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
            bed.ask(whole)
        };
        let one = |e: &Event| e.is("a", 1i64) || e.is("a", "1");

        let a = json!([{ "column": "a", "op": "=", "value": "1" }]);
        check(&ask(json!({ "selection": { "filters": a } })), &all, one, |_| true);

        let window = json!({ "start_time": START + 100, "end_time": START + 300 });
        let within = |e: &Event| (100..300).contains(&e.second);
        check(&ask(json!({ "selection": window })), &all, within, |_| true);

        let both = json!({ "filters": a, "start_time": START + 100, "end_time": START + 300 });
        let other = json!({ "filters": [{ "column": "b", "op": "exists" }] });
        let answer = ask(json!({ "selection": both, "baseline": other }));
        check(&answer, &all, |e| one(e) && within(e), |e| e.fields.contains_key("b"));

        let earlier = json!({ "filters": a, "start_time": START, "end_time": START + 100 });
        let answer = ask(json!({ "selection": both, "baseline": earlier }));
        check(&answer, &all, |e| one(e) && within(e), |e| one(e) && e.second < 100);

        let absent = json!({ "filters": [{ "column": "rare", "op": "=", "value": null }], "filter_combination": "OR" });
        check(&ask(json!({ "selection": absent })), &all, |e| !e.fields.contains_key("rare"), |_| true);
    }
}
