//! What events mean, sentence by sentence, through the front door; and the means to look at what was decoded.

mod fuzz;
mod hostile;
mod memory;
mod model;
mod protocols;
mod sentences;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use outcrop_storage::event::{DatasetName, FieldType, reserved};
use outcrop_storage::memory::{Memory, Pool, Reservation};
use serde_json::{Map, Value, json};

use self::sentences::{BODIES, CONSUMED, MALFORMED, VALUES};
use crate::{Context, DecodeError, Decoded, Encoding, Limits, Protocol, decode};

/// The time of receipt in all tests; rows that have it show no `timestamp`.
pub(crate) const RECEIVED: i64 = 7;

/// Memory without an end.
pub(crate) fn memory() -> Reservation {
    Memory::unlimited().reservation(Pool::Decoding)
}

pub(crate) fn decode_with(body: &[u8], limits: &Limits) -> Result<Decoded, DecodeError> {
    decode_within(Encoding::Identity, body, limits, &memory())
}

fn decode_within(
    encoding: Encoding,
    body: &[u8],
    limits: &Limits,
    memory: &Reservation,
) -> Result<Decoded, DecodeError> {
    let dataset = DatasetName::new("tests").unwrap();
    decode(
        &Protocol::Json,
        encoding,
        body,
        &Context { dataset: &dataset, received: RECEIVED, limits, memory, redaction: None },
    )
}

pub(crate) fn decode_json(body: impl AsRef<[u8]>) -> Result<Decoded, DecodeError> {
    decode_with(body.as_ref(), &Limits::default())
}

/// Rows as JSON objects, integers and floats told apart; `timestamp` and `sample_rate` only where they are not the default.
pub(crate) fn rows(decoded: &Decoded) -> Vec<Value> {
    let mut rows = Vec::new();
    for (_, batch) in &decoded.batches {
        for row in 0..batch.rows() {
            let mut object = Map::new();
            let mut set =
                |name: &str, value: Value| assert!(object.insert(name.into(), value).is_none(), "{name} twice");
            if batch.timestamp().value(row) != RECEIVED {
                set(reserved::TIMESTAMP, json!(batch.timestamp().value(row)));
            }
            if let Some(rate) = batch.sample_rate().map(|rate| rate.value(row)).filter(|rate| *rate != 1) {
                set(reserved::SAMPLE_RATE, json!(rate));
            }
            for column in batch.columns().iter().filter(|column| column.values.is_valid(row)) {
                let value = match column.field_type {
                    FieldType::Boolean => json!(column.values.as_boolean().value(row)),
                    FieldType::Integer => {
                        json!(column.values.as_primitive::<Int64Type>().value(row))
                    }
                    FieldType::Float => {
                        json!(column.values.as_primitive::<Float64Type>().value(row))
                    }
                    FieldType::String => json!(column.values.as_string::<i32>().value(row)),
                };
                set(column.field.as_str(), value);
            }
            rows.push(Value::Object(object));
        }
    }
    assert_eq!(rows.len(), decoded.accepted);
    rows
}

pub(crate) fn rejected(decoded: &Decoded) -> Vec<usize> {
    assert_eq!(decoded.rejects.listed.len(), decoded.rejects.total.min(100));
    decoded.rejects.listed.iter().map(|reject| reject.index).collect()
}

#[test]
fn every_sentence_about_events_holds() {
    for (sentence, body, expected, rejects) in VALUES.iter().chain(CONSUMED).chain(BODIES) {
        let decoded = decode_json(body).unwrap_or_else(|error| panic!("{sentence}: {error}"));
        let expected: Vec<Value> = serde_json::from_str(expected).unwrap_or_else(|error| panic!("{sentence}: {error}"));
        assert_eq!(rows(&decoded), expected, "{sentence}");
        assert_eq!(rejected(&decoded), *rejects, "{sentence}: {:?}", decoded.rejects);
    }
}

#[test]
fn every_value_means_the_same_in_a_line_an_array_and_an_object_over_lines() {
    for (sentence, body, expected, rejects) in VALUES.iter().chain(CONSUMED) {
        if !body.starts_with('{') || body.contains('\n') || !rejects.is_empty() {
            continue;
        }
        let expected: Vec<Value> = serde_json::from_str(expected).unwrap();
        let twice = [expected.clone(), expected.clone()].concat();
        assert_eq!(rows(&decode_json(format!("{body}\n{body}\n")).unwrap()), twice, "{sentence}, lines");
        assert_eq!(rows(&decode_json(format!("[{body},{body}]")).unwrap()), twice, "{sentence}, array");
        let over_lines = body.replacen('{', "{\n", 1);
        assert_eq!(rows(&decode_json(over_lines).unwrap()), expected, "{sentence}, over lines");
    }
}

#[test]
fn a_malformed_body_is_an_error_and_says_where() {
    for (what, body) in MALFORMED {
        match decode_json(body) {
            Err(DecodeError::Malformed { message }) => {
                let located = message.starts_with("byte ") || message.starts_with("the body is empty");
                assert!(located && !message.contains("hello"), "{what}: {message}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn repeated_keys_are_counted_in_accepted_events_only() {
    let cases = [
        (r#"{"a":1,"a":2,"a":3}"#, 2),
        (r#"{"a":{"b":1},"a.b":2}"#, 1),
        (r#"{"a":null,"a":null}"#, 1),
        (r#"{"a":1}"#, 0),
        (r#"{"sample_rate":1,"SampleRate":2,"samplerate":null}"#, 1),
        (r#"[{"a":1,"a":2,"":1},{"a":1,"a":2}]"#, 1),
    ];
    for (body, expected) in cases {
        assert_eq!(decode_json(body).unwrap().repeated_keys, expected, "{body}");
    }
}

#[test]
fn objects_flatten_to_depth_16_and_nesting_ends_at_128() {
    let nested = |objects: usize| format!("{}1{}", "{\"a\":".repeat(objects), "}".repeat(objects));
    let name = |parts: usize| vec!["a"; parts].join(".");
    assert_eq!(rows(&decode_json(nested(16)).unwrap()), [json!({ name(16): 1 })]);
    assert_eq!(rows(&decode_json(nested(17)).unwrap()), [json!({ name(16): "{\"a\":1}" })]);
    assert_eq!(rows(&decode_json(nested(128)).unwrap()), [json!({ name(16): nested(112) })]);
    for deep in [nested(129), format!("{{\"a\":{}{}}}", "[".repeat(128), "]".repeat(128))] {
        for body in [format!("{{\"b\":1}}\n{deep}\n"), format!("[{{\"b\":1}},{deep}]")] {
            let decoded = decode_json(body).unwrap();
            assert_eq!((rows(&decoded), rejected(&decoded)), (vec![json!({"b": 1})], vec![1]));
            assert!(decoded.rejects.listed[0].error.contains("nested over 128 deep"), "{:?}", decoded.rejects);
        }
    }
    let widest = format!("{{\"a\":{}{}}}", "[".repeat(127), "]".repeat(127));
    assert_eq!(decode_json(widest).unwrap().accepted, 1);
}

#[test]
fn names_have_at_most_256_bytes() {
    let name = |bytes: usize| "é".repeat(bytes / 2);
    let body = format!(
        "[{{\"{}\":1}},{{\"{}\":1}},{{\"a\":{{\"{}\":1}}}},{{\"meta.invalid_{}\":1}}]",
        name(256),
        name(258),
        name(256),
        name(240)
    );
    let decoded = decode_json(body).unwrap();
    assert_eq!(rows(&decoded), [json!({ name(256): 1 })]);
    assert_eq!(rejected(&decoded), [1, 2, 3]);
    assert!(decoded.rejects.listed[0].error.contains("has 258 bytes"), "{:?}", decoded.rejects);
}

#[test]
fn bytes_that_are_not_utf8_reject_their_event_only() {
    let lines =
        decode_json(b"{\"a\":1}\n{\"a\":\"\xff\"}\n{\"a\":[\"\xc3\"]}\n{\"\xed\xa0\x80\":1}\n{\"a\":2}\n\xff\n")
            .unwrap();
    assert_eq!((rows(&lines), rejected(&lines)), (vec![json!({"a": 1}), json!({"a": 2})], vec![1, 2, 3, 5]));
    assert!(lines.rejects.listed[0].error.starts_with("byte 6 of the event: it is not UTF-8"), "{:?}", lines.rejects);
    let array = decode_json(b"[{\"a\":\"\xf0\x9f\"}, {\"a\":1}]").unwrap();
    assert_eq!((rows(&array), rejected(&array)), (vec![json!({"a": 1})], vec![0]));
    assert!(matches!(decode_json(b"[{\"a\":1},\xff]"), Err(DecodeError::Malformed { .. })));
    assert!(matches!(decode_json(b"\xff\xfe{\"a\":1}"), Err(DecodeError::Malformed { .. })));
}

#[test]
fn errors_give_position_and_field_and_never_a_value() {
    let cases: [(&str, &str); 6] = [
        (
            "{\"a\":1}\n{\"key\":\"se\\ud800cret\"}",
            "byte 10 of the event, field \"key\": a string has half of a surrogate pair",
        ),
        ("{\"a\":1}\n  {\"key\" \"secret\"}", "byte 7 of the event: ':' is expected after a field name"),
        ("[{}, {\"sec\\nret\":1}]", "byte 1 of the event: a field name holds a control character"),
        ("{\"a\":1}\n{\"key\":secret}", "byte 7 of the event: a value is expected"),
        ("{\"a\":1}\n{\"key\":\"secret", "byte 14 of the event, field \"key\": it ends in the middle"),
        ("{\"a\":1}\n{\"key\":0123}", "byte 8 of the event: a number must not begin with a further 0"),
    ];
    for (body, expected) in cases {
        let decoded = decode_json(body).unwrap();
        let error = &decoded.rejects.listed[0].error;
        assert!(error.starts_with(expected) && !error.contains("secret"), "{body}: {error}");
    }
}

#[test]
fn a_fraction_is_rounded_so_that_the_mean_is_right_and_the_same_each_time() {
    let body: String = (0..20_000).map(|id| format!("{{\"id\":{id},\"sample_rate\":2.25}}\n")).collect();
    let decoded = decode_json(&body).unwrap();
    let rates: Vec<u32> =
        decoded.batches.iter().flat_map(|(_, b)| b.sample_rate().unwrap().values().to_vec()).collect();
    assert!(rates.iter().all(|rate| matches!(rate, 2 | 3)));
    let mean = rates.iter().map(|rate| f64::from(*rate)).sum::<f64>() / rates.len() as f64;
    assert!((mean - 2.25).abs() < 0.02, "{mean}");
    assert_eq!(rows(&decode_json(&body).unwrap()), rows(&decoded));
}

#[test]
fn events_that_stand_for_themselves_need_no_sample_rates() {
    assert!(decode_json(r#"{"sample_rate":1}"#).unwrap().batches[0].1.sample_rate().is_none());
    assert!(decode_json("[]").unwrap().batches.is_empty());
}

#[test]
fn no_float_is_minus_zero_also_if_it_could_have_been_a_time() {
    let decoded = decode_json(r#"{"timestamp":1,"time":-0.0,"a":-0.0,"b":-1e-999}"#).unwrap();
    for column in decoded.batches[0].1.columns() {
        let value = column.values.as_primitive::<Float64Type>().value(0);
        assert_eq!(value.to_bits(), 0, "{}", column.field);
    }
}
