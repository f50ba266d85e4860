//! Records as Firehose sends them.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_storage::event::DatasetName;
use serde_json::{Value, json};

use crate::tests::{RECEIVED, memory, rejected, rows};
use crate::{Context, DecodeError, Decoded, Encoding, Limits, Protocol, decode};

fn deliver_raw(body: &[u8], limits: &Limits) -> Result<Decoded, DecodeError> {
    let dataset = DatasetName::new("tests").unwrap();
    let memory = memory();
    let context = Context { dataset: &dataset, received: RECEIVED, limits, memory: &memory, redaction: None };
    decode(&Protocol::Firehose, Encoding::Identity, body, &context)
}

fn deliver(records: &[&[u8]]) -> Result<Decoded, DecodeError> {
    let records: Vec<Value> = records.iter().map(|record| json!({ "data": STANDARD.encode(record) })).collect();
    let body = json!({ "requestId": "r", "timestamp": 1, "records": records }).to_string();
    deliver_raw(body.as_bytes(), &Limits::default())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn records_hold_objects_one_behind_the_other() {
    let packed = gzip(b"{\"a\":4}");
    let decoded = deliver(&[
        b"{\"a\":1,\"time\":5}",
        b"{\"a\":2}\n {\"a\":{\"b\":3}}{\"c\":\"\\u00e9\"}\n",
        &packed,
        b"",
        b" \n",
    ])
    .unwrap();
    assert_eq!(decoded.items, 5);
    assert_eq!(
        rows(&decoded),
        [
            json!({ "a": 1, "timestamp": 5_000_000_000_u64 }),
            json!({ "a": 2 }),
            json!({ "a.b": 3 }),
            json!({ "c": "é" }),
            json!({ "a": 4 })
        ]
    );
}

#[test]
fn cloudwatch_lines_are_events() {
    let envelope = |kind: &str| {
        json!({ "messageType": kind, "owner": "123", "logGroup": "/app", "logStream": "s-1", "subscriptionFilters": ["f"],
                "logEvents": [{ "id": "e1", "timestamp": 1_700_000_000_123_u64, "message": "hello \"x\"" }, { "timestamp": -1, "message": "old" }] })
        .to_string()
    };
    let decoded =
        deliver(&[&gzip(envelope("DATA_MESSAGE").as_bytes()), envelope("CONTROL_MESSAGE").as_bytes()]).unwrap();
    let common = |row: Value| {
        let mut row = row;
        for (name, value) in [
            ("cloud.account.id", "123"),
            ("aws.log.group.name", "/app"),
            ("aws.log.stream.name", "s-1"),
            ("meta.signal_type", "log"),
        ] {
            row[name] = json!(value);
        }
        row
    };
    assert_eq!(
        rows(&decoded),
        [
            common(
                json!({ "timestamp": 1_700_000_000_123_000_000_u64, "aws.log.event.id": "e1", "body": "hello \"x\"" })
            ),
            common(json!({ "meta.invalid_timestamp": "-1", "body": "old" })),
        ]
    );
}

#[test]
fn what_cannot_be_read_is_rejected_by_itself() {
    let decoded = deliver(&[b"{\"a\":1}7{\"\":2}{\"a\":3}{\"a\":", b"nonsense", b"{\"a\":\"\xff\"}{\"a\":4}"]).unwrap();
    let kept: Vec<Value> = rows(&decoded).iter().map(|row| row["a"].clone()).collect();
    assert_eq!((kept, rejected(&decoded)), (vec![json!(1), json!(3), json!(4)], vec![1, 2, 4, 5, 6]));
    let lines = br#"{"messageType":"DATA_MESSAGE","logEvents":[{"message":"\ud800"},7,{"message":"good"}]}"#;
    let decoded = deliver(&[lines]).unwrap();
    assert_eq!((rows(&decoded)[0]["body"].clone(), rejected(&decoded)), (json!("good"), vec![0, 1]));
}

#[test]
fn what_is_no_request_is_refused_whole() {
    let limits = Limits { body_bytes_max: 1_000, ..Limits::default() };
    for body in [
        "",
        "[]",
        "{",
        "{}x",
        "{\"records\":{}}",
        "{\"records\":[7]}",
        "{\"records\":[{\"data\":7}]}",
        "{\"records\":[{\"data\":\"%\"}]}",
        "{\"records\":[{\"data\":\"H4sI\"}]}",
    ] {
        assert!(matches!(deliver_raw(body.as_bytes(), &limits), Err(DecodeError::Malformed { .. })), "{body}");
    }
    let bomb = format!("{{\"records\":[{{\"data\":\"{}\"}}]}}", STANDARD.encode(gzip(&[b' '; 100_000])));
    assert!(bomb.len() < 1_000);
    assert!(matches!(deliver_raw(bomb.as_bytes(), &limits), Err(DecodeError::TooLarge { .. })));
    assert_eq!(deliver_raw(b"{\"records\":[{}]}", &limits).unwrap().items, 0);
}
