//! Messages as senders write them.

use outcrop_storage::event::DatasetName;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{FrameError, framed, whole_messages};
use crate::tests::{memory, rows};
use crate::{Context, DecodeError, Decoded, Encoding, Limits, Protocol, decode};

/// 2026-01-03T00:00:00Z
const RECEIVED: i64 = 1_767_398_400_000_000_000;

fn messages(body: impl AsRef<[u8]>) -> Result<Decoded, DecodeError> {
    let dataset = DatasetName::new("syslog").unwrap();
    let limits = Limits { event_bytes_max: 4_096, ..Limits::default() };
    let memory = memory();
    let context = Context { dataset: &dataset, received: RECEIVED, limits: &limits, memory: &memory, redaction: None };
    decode(&Protocol::Syslog, Encoding::Identity, body.as_ref(), &context)
}

/// The only event, without what every one has.
fn event(message: &str) -> Value {
    let decoded = messages(message).unwrap();
    assert_eq!((decoded.items, decoded.rejects.total), (1, 0), "{:?}", decoded.rejects);
    let mut row = rows(&decoded).remove(0);
    assert_eq!(row["meta.signal_type"], "log");
    row.as_object_mut().unwrap().remove("meta.signal_type");
    if row["timestamp"] == RECEIVED {
        row.as_object_mut().unwrap().remove("timestamp");
    }
    row
}

#[test]
fn rfc_5424() {
    assert_eq!(
        event(
            "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog 123 ID47 [exampleSDID@32473 iut=\"3\" eventSource=\"App \\\"x\\\"\"][other@1 a=\"b\"] \u{feff}An application event log entry"
        ),
        json!({
            "timestamp": 1_065_910_455_003_000_000_u64, "severity": "info", "severity_code": 10, "syslog.severity": "notice", "syslog.facility": "local4",
            "host.name": "mymachine.example.com", "service.name": "evntslog", "process.pid": 123, "syslog.msgid": "ID47",
            "syslog.exampleSDID@32473.iut": "3", "syslog.exampleSDID@32473.eventSource": "App \"x\"", "syslog.other@1.a": "b",
            "body": "An application event log entry"
        })
    );
    assert_eq!(
        event("<34>1 - - su worker-7 - - 'su root' failed"),
        json!({ "severity": "error", "severity_code": 18, "syslog.severity": "crit", "syslog.facility": "auth", "service.name": "su", "syslog.procid": "worker-7", "body": "'su root' failed" })
    );
}

#[test]
fn rfc_3164() {
    assert_eq!(
        event("<13>Jan  2 10:20:30 web-1 cron[42]: ran"),
        json!({ "timestamp": 1_767_349_230_000_000_000_u64, "severity": "info", "severity_code": 10, "syslog.severity": "notice", "syslog.facility": "user",
                "host.name": "web-1", "service.name": "cron", "process.pid": 42, "body": "ran" })
    );
    // A year is not said: December is last December when January has begun.
    assert_eq!(event("<13>Dec 31 23:59:59 h a: b")["timestamp"], 1_767_225_599_000_000_000_u64);
}

#[test]
fn what_is_neither_is_all_body() {
    for text in ["hello", "<999>hello", "<13 hello", "2026-01-02 hello", "{\"a\":1}"] {
        let row = event(text);
        assert!(row["body"].as_str().unwrap().contains(text.trim_start_matches("<999>")), "{row}");
    }
    assert_eq!(event("caf\u{e9}")["body"], "caf\u{e9}");
    assert_eq!(
        event("<34> plain text"),
        json!({ "severity": "error", "severity_code": 18, "syslog.severity": "crit", "syslog.facility": "auth", "body": "plain text" }),
        "of a header there is a priority"
    );
    assert_eq!(rows(&messages(b"<13>1 - h a - - - caf\xe9").unwrap())[0]["body"], "caf\u{fffd}");
}

#[test]
fn severities_have_words() {
    let expected = [
        (0, "fatal", 21),
        (1, "error", 19),
        (2, "error", 18),
        (3, "error", 17),
        (4, "warn", 13),
        (5, "info", 10),
        (6, "info", 9),
        (7, "debug", 5),
    ];
    for (severity, word, code) in expected {
        let row = event(&format!("<{}>1 - h a - - - x", 8 + severity));
        assert_eq!((&row["severity"], &row["severity_code"]), (&json!(word), &json!(code)));
    }
}

#[test]
fn times_outside_of_what_events_have() {
    let row = event("<13>1 1969-12-31T23:59:59Z h a - - - x");
    assert_eq!(
        (&row["timestamp"], &row["meta.invalid_timestamp"]),
        (&Value::Null, &json!("1969-12-31T23:59:59+00:00"))
    );
}

#[test]
fn a_stream_is_read_message_by_message() {
    let mut stream = b"<13>1 - h a - - - one\n\n \n5 <13>x<13>1 - h a - - - two\r\n".to_vec();
    framed(b"<13>1 - h a - - - three\nlines", &mut stream);
    let decoded = messages(&stream).unwrap();
    let bodies: Vec<Value> = rows(&decoded).iter().map(|row| row["body"].clone()).collect();
    assert_eq!(bodies, ["one", "x", "two", "three\nlines"]);
    assert_eq!(whole_messages(&stream, 100, false), Ok(stream.len()));
    stream.extend(b"<13>unfinished");
    assert_eq!(whole_messages(&stream, 100, false), Ok(stream.len() - 14));
    assert_eq!(whole_messages(&stream, 100, true), Ok(stream.len()));
    assert_eq!(whole_messages(b"<13>too long", 5, false), Err(FrameError::TooLong { max: 5 }));
    assert_eq!(whole_messages(b"ok\n<13>too long", 5, false), Ok(3), "what is whole is taken first");
    assert!(matches!(messages(vec![b'x'; 5_000]), Err(DecodeError::Malformed { .. })));
}

#[test]
fn a_message_that_breaks_a_rule_is_rejected_by_itself() {
    let long = "n".repeat(300);
    let body = format!("<13>1 - h a - - [id {long}=\"v\"] x\n<13>1 - h a - - - good\n");
    let decoded = messages(body).unwrap();
    assert_eq!((decoded.items, decoded.accepted, decoded.rejects.total), (2, 1, 1));
}

proptest! {
    #[test]
    fn any_message_is_an_event_or_rejected(message in prop_oneof!["<[0-9]{1,4}>1? ?\\PC{0,60}", "<13>1 [-0-9TZ:.+]{1,30} h a - - \\[[^\\n]{0,30}\\] x", "(Jan|Feb|Foo) [0-9 :]{0,20}.{0,20}", any::<String>()]) {
        let mut stream = Vec::new();
        framed(message.as_bytes(), &mut stream);
        let decoded = messages(&stream).unwrap();
        prop_assert_eq!(decoded.items, usize::from(!message.trim().is_empty()));
        prop_assert_eq!(rows(&decoded).len(), decoded.accepted);
    }

    #[test]
    fn any_stream_is_answered(stream in prop::collection::vec(any::<u8>(), 0..200)) {
        let whole = whole_messages(&stream, 4_096, true);
        prop_assert_eq!(whole, Ok(stream.len()));
        prop_assert!(messages(&stream).is_ok());
    }
}
