//! Groups by texts: the same whether there are few of them or more than a question numbers, wherever the
//! events lie.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::Server;

const EVENTS: usize = 72_000;
/// What the first event of a text and each further one of it have: a field is absent, empty, a number or a text.
const KINDS: [&str; 4] = ["", ",\"k\":\"\"", ",\"k\":7", ",\"k\":\"seven\""];

/// More texts than a question numbers; every hundredth event has one of seven.
fn text(at: usize) -> String {
    if at.is_multiple_of(100) { format!("hot {}", at / 100 % 7) } else { format!("cold {at}") }
}

fn loaded() -> Server {
    let server = Server::with(&["--flush-age-seconds-max", "0"]);
    for part in 0..3 {
        let own = part * EVENTS / 3..(part + 1) * EVENTS / 3;
        let line = |at: usize| format!("{{\"timestamp\":1793491200,\"u\":\"{}\"{}}}\n", text(at), KINDS[at / 100 % 4]);
        server.load("d", own.map(line).collect::<String>());
        server.wait_for_flush();
    }
    server
}

fn asked(server: &Server, breakdowns: &[&str], filters: Value) -> Vec<Value> {
    let spec = json!({ "breakdowns": breakdowns, "filters": filters, "limit": 40, "start_time": 1_793_491_200, "time_range": 60 });
    server.query("d", &spec)["rows"].as_array().unwrap().clone()
}

/// Counted by hand: largest first, then by value.
fn counted(key: impl Fn(usize) -> Option<Vec<Value>>) -> Vec<Value> {
    let mut counts: BTreeMap<String, (Vec<Value>, u64)> = BTreeMap::new();
    for key in (0..EVENTS).filter_map(key) {
        counts.entry(json!(key).to_string()).or_insert((key, 0)).1 += 1;
    }
    let mut groups: Vec<(Vec<Value>, u64)> = counts.into_values().collect();
    groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let row = |(key, count): (Vec<Value>, u64)| Value::Array(key.into_iter().chain([json!(count)]).collect());
    groups.into_iter().map(row).collect()
}

fn kind(at: usize) -> Value {
    [Value::Null, json!(""), json!(7), json!("seven")][at / 100 % 4].clone()
}

#[test]
fn they_are_the_same_by_numbers_of_texts_and_by_texts() {
    let server = loaded();
    let hot = |at: usize| at.is_multiple_of(100).then(|| vec![json!(text(at))]);
    let all = asked(&server, &["u"], json!([]));
    assert_eq!(all[..7], counted(hot));
    assert_eq!((all.len(), &all[7][1]), (40, &json!(1)), "{all:?}");

    let few = json!([{ "column": "u", "op": "starts-with", "value": "hot" }]);
    assert_eq!(asked(&server, &["u"], few.clone()), counted(hot));

    let mut kinds = asked(&server, &["k", "u", "nothing"], few);
    let mut expected = counted(|at| hot(at).map(|key| vec![kind(at), key[0].clone(), Value::Null]));
    assert_eq!(kinds.len(), 28);
    kinds.sort_by_key(Value::to_string);
    expected.sort_by_key(Value::to_string);
    assert_eq!(kinds, expected);
}

#[test]
fn what_passes_is_the_same_before_and_after_most_have_passed() {
    let server = loaded();
    let of_kind = |at: usize| (at / 100 % 4 == 3).then(|| vec![json!("seven")]);
    assert_eq!(asked(&server, &["k"], json!([{ "column": "k", "op": "=", "value": "seven" }])), counted(of_kind));
    let filters = json!([{ "column": "k", "op": "exists" }, { "column": "k", "op": "!=", "value": 7 },
                         { "column": "u", "op": "matches", "value": "^cold .*[02468]$" }]);
    let passing = |at: usize| {
        let passes = !at.is_multiple_of(100) && at.is_multiple_of(2) && !matches!(at / 100 % 4, 0 | 2);
        passes.then(|| vec![kind(at)])
    };
    assert_eq!(asked(&server, &["k"], filters), counted(passing));
}
