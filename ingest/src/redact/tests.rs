//! What is found, what becomes of it, and that nothing else is touched.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use outcrop_storage::event::{DatasetName, EventBatch, FieldType, reserved};
use outcrop_storage::memory::{Ceilings, Memory, Pool};
use proptest::prelude::*;

use super::*;
use crate::{Context, Encoding, Limits, Protocol, decode};

const CARD: &str = "4539578763621486";

fn rule(fields: &[&str], detector: Option<Detector>, action: Action) -> Rule {
    let fields = fields.iter().map(|f| (*f).to_owned()).collect();
    Rule { datasets: vec!["*".to_owned()], fields, detector, action }
}

fn redaction(rules: Vec<Rule>) -> Redaction {
    Redaction::new(rules, Some(b"a secret")).unwrap()
}

fn all_masked() -> Redaction {
    redaction(Detector::ALL.map(|d| rule(&["*"], Some(d), Action::Mask)).to_vec())
}

fn decoded(body: &str, redaction: &Redaction) -> (DatasetName, EventBatch) {
    decoded_to("shop", body, redaction)
}

fn decoded_to(dataset: &str, body: &str, redaction: &Redaction) -> (DatasetName, EventBatch) {
    let memory = Memory::new(Ceilings::cut(1 << 30, &[], 1 << 30).unwrap()).reservation(Pool::Decoding);
    let (dataset, limits) = (DatasetName::new(dataset).unwrap(), Limits::default());
    let context =
        Context { dataset: &dataset, received: 5, limits: &limits, memory: &memory, redaction: Some(redaction) };
    let mut decoded = decode(&Protocol::Json, Encoding::Identity, body.as_bytes(), &context).unwrap();
    assert_eq!((decoded.batches.len(), decoded.rejects.total), (1, 0), "{:?}", decoded.rejects);
    decoded.batches.remove(0)
}

/// The events as text, field by field.
fn events(batch: &EventBatch) -> Vec<BTreeMap<String, String>> {
    let mut events = vec![BTreeMap::new(); batch.rows()];
    for column in batch.columns() {
        for row in (0..batch.rows()).filter(|row| column.values.is_valid(*row)) {
            let text = match column.field_type {
                FieldType::String => column.values.as_string::<i32>().value(row).to_owned(),
                FieldType::Integer => column.values.as_primitive::<Int64Type>().value(row).to_string(),
                FieldType::Float => column.values.as_primitive::<Float64Type>().value(row).to_string(),
                FieldType::Boolean => column.values.as_boolean().value(row).to_string(),
            };
            let before = events[row].insert(column.field.to_string(), text);
            assert!(before.is_none(), "{} has two values in event {row}", column.field);
        }
    }
    events
}

fn one(body: &str, redaction: &Redaction) -> BTreeMap<String, String> {
    events(&decoded(body, redaction).1).remove(0)
}

fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn what_is_found_in_a_text() {
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----";
    let github = format!("ghp_{}", "aB3".repeat(12));
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    let table = [
        // Cards: issuers' prefixes, lengths and check digits, with separators.
        ("paid with 4539 5787 6362 1486 today", "paid with [card] today"),
        ("4539-5787-6362-1486", "[card]"),
        ("card=4539578763621486;", "card=[card];"),
        ("378282246310005", "[card]"),
        ("30569309025904", "[card]"),
        ("6200000000000005", "[card]"),
        ("4539578763621487", "4539578763621487"),
        ("0000000000000000", "0000000000000000"),
        ("1732110000000000000", "1732110000000000000"),
        ("x4539578763621486", "x4539578763621486"),
        ("45395787636214860000001", "45395787636214860000001"),
        ("4539  5787  6362  1486", "4539  5787  6362  1486"),
        // Addresses.
        ("mail to jane.doe+x@shop.example.com now", "mail to [email] now"),
        ("user%40example.org", "[email]"),
        ("git@host", "git@host"),
        ("from 192.168.7.1 to 2001:db8::1", "from [ip] to [ip]"),
        ("version 1.2.3", "version 1.2.3"),
        ("999.1.1.1", "999.1.1.1"),
        ("at 12:34:56", "at 12:34:56"),
        // Credentials.
        (&format!("token {github}!"), "token [token]!"),
        (&format!("x=AKIAIOSFODNN7EXAMPLE&y={jwt}"), "x=[token]&y=[token]"),
        ("Authorization: Bearer abcdef0123456789abcdef", "Authorization: [token]"),
        ("MYAKIAIOSFODNN7EXAMPLE", "MYAKIAIOSFODNN7EXAMPLE"),
        (&format!("key:\n{key}\nend"), "key:\n[private_key]\nend"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEow cut here", "[private_key]"),
        // Text like any other.
        ("GET /cart/12 took 30.5 ms", "GET /cart/12 took 30.5 ms"),
        ("", ""),
    ];
    let redaction = all_masked();
    let shop = DatasetName::trusted("shop");
    for (text, wanted) in table {
        assert_eq!(redaction.text(Some(&shop), text), wanted, "{text}");
        // What a pass over all bytes rules out is in none of them.
        let sought = redaction.plan(&shop).of_names();
        let before = format!("some other value{text}and one more");
        if text != wanted {
            assert!(DETECTORS.may_hold(before.as_bytes(), &sought), "{text}");
        }
    }
}

#[test]
fn values_of_every_type_names_and_arrays_are_looked_at() {
    let body =
        format!(r#"{{"a":"x {CARD}","n":{CARD},"f":{CARD}.0,"list":["{CARD}","b"],"deep":{{"pan {CARD}":1}},"ok":7}}"#);
    let found = one(&body, &Redaction::standard(None));
    assert!(!format!("{found:?}").contains(CARD), "{found:?}");
    assert_eq!(found["a"], "x [card]");
    assert_eq!((found["n"].as_str(), found["f"].as_str()), ("[card]", "[card]"));
    assert_eq!(found["list"], r#"["[card]","b"]"#);
    assert_eq!((found["deep.pan [card]"].as_str(), found["ok"].as_str()), ("1", "7"));
    let note = &found[reserved::REDACTED];
    for part in ["a: card", "n: card", "f: card", "list: card", "deep.pan [card]: name"] {
        assert!(note.split(", ").any(|p| p == part), "{part} in {note}");
    }
}

#[test]
fn other_events_of_the_batch_are_as_they_were() {
    let body = format!("{{\"a\":\"x\",\"n\":1,\"b\":true}}\n{{\"a\":\"{CARD}\",\"n\":{CARD}}}\n{{\"n\":2}}");
    let found = events(&decoded(&body, &Redaction::standard(None)).1);
    assert_eq!(found[0], fields(&[("a", "x"), ("n", "1"), ("b", "true")]));
    assert_eq!(found[1], fields(&[("a", "[card]"), ("n", "[card]"), ("meta.redacted", "a: card, n: card")]));
    assert_eq!(found[2], fields(&[("n", "2")]));
}

#[test]
fn fields_are_dropped_masked_and_hashed_by_name() {
    let rules = vec![
        rule(&["user.email"], None, Action::Hash),
        rule(&["*password*", "secret.*"], None, Action::Drop),
        rule(&["user.*"], None, Action::Mask),
    ];
    let redaction = redaction(rules);
    let body = r#"{"user.email":"jane@example.com","user.id":7,"user.vip":true,"Old_Password":"x","secret.a":1,"b":2}"#;
    let found = one(body, &redaction);
    let hashed = redaction.hash("jane@example.com").unwrap();
    let note = "user.email: field, user.id: field, user.vip: field, Old_Password: field, secret.a: field";
    let wanted = [
        ("user.email", hashed.as_str()),
        ("user.id", "[masked]"),
        ("user.vip", "[masked]"),
        ("b", "2"),
        (reserved::REDACTED, note),
    ];
    assert_eq!(found, fields(&wanted));
    assert!(hashed.starts_with("hashed:") && hashed.len() == 39, "{hashed}");
}

#[test]
fn equal_values_have_equal_hashes_whatever_their_type_was() {
    let redaction = redaction(vec![rule(&["id"], None, Action::Hash)]);
    let [a, b, c] = [r#"{"id":7}"#, r#"{"id":"7"}"#, r#"{"id":7.0}"#].map(|body| one(body, &redaction)["id"].clone());
    assert_eq!((&a, &b), (&b, &c));
    let other = Redaction::new(vec![rule(&["id"], None, Action::Hash)], Some(b"another secret")).unwrap();
    assert_ne!(one(r#"{"id":7}"#, &other)["id"], a);
}

#[test]
fn the_first_rule_that_fits_wins() {
    let mut first = rule(&["card.*"], Some(Detector::Card), Action::Keep);
    first.datasets = vec!["test-*".to_owned()];
    let redaction = redaction([vec![first], Rule::standard()].concat());
    let body = format!(r#"{{"card.number":"{CARD}","other":"{CARD}"}}"#);
    let (_, kept) = decoded_to("test-1", &body, &redaction);
    let wanted = [("card.number", CARD), ("other", "[card]"), (reserved::REDACTED, "other: card")];
    assert_eq!(events(&kept)[0], fields(&wanted));
    assert_eq!(one(&body, &redaction)["card.number"], "[card]");
}

#[test]
fn names_that_become_one_hold_what_came_first() {
    let body = r#"{"of a@example.com":1,"of b@example.com":"two","of [email]":true}
{"of b@example.com":"three"}"#;
    let found = events(&decoded(body, &all_masked()).1);
    assert_eq!(found[0]["of [email]"], "1");
    assert_eq!(found[1]["of [email]"], "three");
}

#[test]
fn the_name_of_a_dataset_is_a_text_too() {
    let (dataset, _) = decoded_to("of jane@example.com", r#"{"a":1}"#, &all_masked());
    assert_eq!(dataset.as_str(), "of [email]");
}

#[test]
fn ids_of_spans_are_not_taken_for_cards() {
    let body = format!(r#"{{"trace.span_id":"{CARD}","trace.trace_id":"{CARD}{CARD}","span":"{CARD}"}}"#);
    let found = one(&body, &Redaction::standard(None));
    assert_eq!((found["trace.span_id"].as_str(), found["span"].as_str()), (CARD, "[card]"));
}

#[test]
fn what_holds_nothing_is_not_touched() {
    let body = r#"{"a":"x","timestamp":"2026-01-01T00:00:00Z","n":1732110000000}"#;
    let (_, batch) = decoded(body, &Redaction::standard(None));
    assert!(batch.column(reserved::REDACTED, FieldType::String).is_none());
}

#[test]
fn rules_that_cannot_be_followed_are_refused() {
    let with = |rules: Vec<Rule>, secret: Option<&[u8]>| Redaction::new(rules, secret).unwrap_err();
    assert_eq!(with(vec![rule(&["a"], None, Action::Hash)], None), RuleError::NoSecret);
    assert_eq!(with(vec![rule(&[], None, Action::Mask)], None), RuleError::Names(0));
    assert_eq!(with(vec![rule(&[""], None, Action::Mask)], None), RuleError::Name(0));
    assert_eq!(with(vec![rule(&["a"], None, Action::Mask); 101], None), RuleError::TooMany(101));
    let long: Vec<String> = (0..20).map(|n| format!("{n}{}", "é*".repeat(80))).collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    // Refused or followed, and never left out.
    match Redaction::new(vec![rule(&long, None, Action::Mask); 100], None) {
        Ok(redaction) => {
            assert!(!redaction.plan(&DatasetName::trusted("shop")).of_field(&long[3].replace('*', "x")).is_nothing())
        }
        Err(error) => assert_eq!(error, RuleError::TooLarge),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Wherever a secret stands, nothing of what is kept holds it.
    #[test]
    fn no_secret_is_left(
        place in 0..5usize, which in 0..4usize, before in "[a-zA-Z0-9 .,:@%-]{0,20}", after in "[a-zA-Z0-9 .,:@%-]{0,20}",
    ) {
        let secrets = ["4539578763621486", "AKIAIOSFODNN7EXAMPLE", "jane.doe@example.com", "xoxb-1234567890-abcdefghij"];
        let secret = secrets[which];
        let text = format!("{before} {secret} {after}");
        let body = match place {
            0 => serde_json::json!({ "a": text }),
            1 => serde_json::json!({ "a": [1, { "b": text }] }),
            2 => serde_json::json!({ text.as_str(): 1 }),
            3 => serde_json::json!({ "a": { text.as_str(): [text, true] } }),
            _ => serde_json::json!({ "a": "x", "b": { "c": text } }),
        };
        let (_, batch) = decoded(&body.to_string(), &all_masked());
        prop_assert!(!format!("{:?}", events(&batch)).contains(secret), "{:?}", events(&batch));
    }

    /// Each text alone is judged as it is in a column with others.
    #[test]
    fn a_pass_over_all_bytes_misses_nothing(texts in proptest::collection::vec("[0-9 -]{0,24}|[a-z@.%]{0,12}|[A-Z0-9]{0,22}", 1..20)) {
        let redaction = all_masked();
        let shop = DatasetName::trusted("shop");
        let body: String = texts.iter().map(|text| serde_json::json!({ "a": text, "x": 1 }).to_string() + "\n").collect();
        let (_, batch) = decoded(&body, &redaction);
        for (event, text) in events(&batch).iter().zip(&texts) {
            prop_assert_eq!(event.get("a").map(String::as_str), Some(&*redaction.text(Some(&shop), text)));
        }
    }
}
