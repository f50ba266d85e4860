//! The decoder against a model that is as plain as can be: a tree of values, flattened into a map, rule by rule.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{decode_json, rows};

/// JSON as it was written: tokens, repeated keys and order kept.
#[derive(Clone, Debug)]
enum Sent {
    Null,
    Boolean(bool),
    Number(String),
    Text { value: String, token: String },
    Array(Vec<Sent>),
    Object(Vec<(String, Sent)>),
}

/// The text of a value, with `space` around each of its tokens.
fn write(sent: &Sent, space: &str) -> String {
    let list = |items: Vec<String>| items.join(&format!("{space},{space}"));
    match sent {
        Sent::Null => "null".into(),
        Sent::Boolean(value) => value.to_string(),
        Sent::Number(token) | Sent::Text { token, .. } => token.clone(),
        Sent::Array(items) => {
            format!("[{space}{}{space}]", list(items.iter().map(|item| write(item, space)).collect()))
        }
        Sent::Object(members) => {
            let member =
                |(key, value): &(String, Sent)| format!("{}{space}:{space}{}", json!(key), write(value, space));
            format!("{{{space}{}{space}}}", list(members.iter().map(member).collect()))
        }
    }
}

/// A value of the model: a JSON value that is no array, object or null.
fn leaf(sent: &Sent) -> Value {
    match sent {
        Sent::Null => Value::Null,
        Sent::Boolean(value) => json!(value),
        Sent::Number(token) if token.contains(['.', 'e']) => match token.parse::<f64>().unwrap() {
            0.0 => json!(0.0),
            value if value.is_finite() => json!(value),
            _ => json!(token),
        },
        Sent::Number(token) => token.parse::<i64>().map_or(json!(token), |value| json!(value)),
        Sent::Text { value, .. } => json!(value),
        Sent::Array(_) | Sent::Object(_) => json!(write(sent, "")),
    }
}

fn flatten(prefix: &str, members: &[(String, Sent)], out: &mut Vec<(String, Value)>) {
    for (key, value) in members {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Sent::Object(inner) if !inner.is_empty() => flatten(&name, inner, out),
            other => out.push((name, leaf(other))),
        }
    }
}

/// The row of an event whose times are whole seconds and whose sample rates are whole, if they are numbers.
fn model(members: &[(String, Sent)]) -> Value {
    let mut pairs = Vec::new();
    flatten("", members, &mut pairs);
    let mut fields: BTreeMap<String, Value> = BTreeMap::new();
    for (name, value) in pairs {
        let name = match name.as_str() {
            "meta.sequence" | "meta.received" => format!("meta.sent.{name}"),
            _ => name,
        };
        fields.insert(name, value);
    }
    fields.retain(|_, value| !value.is_null());
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut first = |names: &[&str]| names.iter().find_map(|name| fields.remove(*name));
    let time = first(&["timestamp", "@timestamp", "time", "_time"]);
    let rate = first(&["sample_rate", "samplerate", "SampleRate"]);
    while first(&["sample_rate", "samplerate", "SampleRate"]).is_some() {}
    match time.as_ref().map(|time| (time.as_i64(), text(time))) {
        Some((Some(seconds @ 0..9_000_000_000), _)) => {
            fields.insert("timestamp".into(), json!(seconds * 1_000_000_000))
        }
        Some((_, original)) => fields.insert("meta.invalid_timestamp".into(), json!(original)),
        None => None,
    };
    match rate.as_ref().map(|rate| (rate.as_i64(), text(rate))) {
        Some((Some(1), _)) | None => None,
        Some((Some(rate @ 2..=2_147_483_647), _)) => fields.insert("sample_rate".into(), json!(rate)),
        Some((_, original)) => fields.insert("meta.invalid_sample_rate".into(), json!(original)),
    };
    json!(fields)
}

fn key() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "a",
        "b",
        "a.b",
        "b.a",
        "c",
        "meta",
        "sequence",
        "received",
        "é\"\\",
        "time",
        "_time",
        "timestamp",
        "samplerate",
        "SampleRate",
    ];
    prop_oneof![8 => prop::sample::select(KNOWN).prop_map(str::to_owned), 1 => "[a-z]{1,3}"]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_i64..10_000).prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        "-?[1-9][0-9]{17,25}",
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(|value| format!("{value:e}")),
        "-?(0|[1-9][0-9]{0,12})\\.[0-9]{1,14}",
        "-?(0|[1-9][0-9]{0,3})e[+-]?[0-9]{1,3}",
    ]
}

fn text() -> impl Strategy<Value = Sent> {
    (prop_oneof!["[ -~]{0,12}", "\\PC{0,6}", any::<String>()], any::<bool>()).prop_map(|(value, escape)| {
        let escaped = || value.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
        let token = if escape { format!("\"{}\"", escaped()) } else { json!(value).to_string() };
        Sent::Text { value, token }
    })
}

fn value() -> impl Strategy<Value = Sent> {
    let leaf =
        prop_oneof![Just(Sent::Null), any::<bool>().prop_map(Sent::Boolean), number().prop_map(Sent::Number), text(),];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Sent::Array),
            prop::collection::vec((key(), inner), 0..4).prop_map(Sent::Object),
        ]
    })
}

/// Times and rates of the model are integers, plain words or anything that is no number.
fn modelled((key, value): (String, Sent)) -> (String, Sent) {
    let special = ["time", "_time", "timestamp", "samplerate", "SampleRate"].contains(&key.as_str());
    let value = match value {
        Sent::Number(token) if special => Sent::Number((token.len() * 1_000).to_string()),
        Sent::Text { .. } if special => Sent::Text { value: "word".into(), token: "\"word\"".into() },
        other => other,
    };
    (key, value)
}

fn event() -> impl Strategy<Value = Vec<(String, Sent)>> {
    prop::collection::vec((key(), value()).prop_map(modelled), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn rows_are_the_models(events in prop::collection::vec(event(), 1..6), space in "[ \t\r]{0,2}") {
        let expected: Vec<Value> = events.iter().map(|event| model(event)).collect();
        let texts: Vec<String> = events.iter().map(|event| write(&Sent::Object(event.clone()), &space)).collect();
        let lines = decode_json(texts.join("\n")).unwrap();
        prop_assert_eq!(rows(&lines), expected.clone());
        let array = decode_json(format!("[{}]", texts.join(" ,\n"))).unwrap();
        prop_assert_eq!(rows(&array), expected);
        prop_assert_eq!(array.repeated_keys, lines.repeated_keys);
    }

    #[test]
    fn spoiled_bodies_are_answered(events in prop::collection::vec(event(), 1..4), spots in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let texts: Vec<String> = events.iter().map(|event| write(&Sent::Object(event.clone()), " ")).collect();
        for mut body in [texts.join("\n").into_bytes(), format!("[{}]", texts.join(",")).into_bytes()] {
            for (spot, byte) in &spots {
                let at = spot.index(body.len());
                body[at] = *byte;
            }
            if let Ok(decoded) = decode_json(&body) {
                prop_assert_eq!(rows(&decoded).len(), decoded.accepted);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(decoded) = decode_json(&body) {
            prop_assert_eq!(rows(&decoded).len(), decoded.accepted);
        }
    }
}
