//! Streams and entries in both forms.

use outcrop_storage::event::DatasetName;
use serde_json::{Value, json};

use super::Format;
use crate::protobuf::testing::M;
use crate::tests::{RECEIVED, memory, rejected, rows};
use crate::{Context, DecodeError, Decoded, Encoding, Limits, Protocol, decode};

fn push(format: Format, body: &[u8]) -> Result<Decoded, DecodeError> {
    let dataset = DatasetName::new("elsewhere").unwrap();
    let limits = Limits::default();
    let memory = memory();
    let context = Context { dataset: &dataset, received: RECEIVED, limits: &limits, memory: &memory, redaction: None };
    decode(&Protocol::Loki(format), Encoding::Identity, body, &context)
}

fn json_push(body: impl AsRef<[u8]>) -> Result<Decoded, DecodeError> {
    push(Format::Json, body.as_ref())
}

fn protobuf_push(message: &M) -> Result<Decoded, DecodeError> {
    push(Format::Protobuf, &snap::raw::Encoder::new().compress_vec(&message.0).unwrap())
}

fn by_dataset(decoded: &Decoded) -> Vec<(String, usize)> {
    decoded.batches.iter().map(|(dataset, batch)| (dataset.to_string(), batch.rows())).collect()
}

fn entry(seconds: u64, line: &str) -> M {
    M::new().message(1, &M::new().varint(1, seconds).varint(2, 5)).text(2, line)
}

fn stream(labels: &str, entries: &[M]) -> M {
    let stream = entries.iter().fold(M::new().text(1, labels), |stream, entry| stream.message(2, entry));
    M::new().message(1, &stream)
}

#[test]
fn entries_become_events_from_both_forms() {
    let expected = [
        json!({ "timestamp": 1_700_000_000_000_000_005_u64, "app": "Web", "path": "/a\"b", "body": "hello {\"x\":1}", "trace_id": "t1", "meta.signal_type": "log" }),
        json!({ "timestamp": 1_700_000_001_000_000_005_u64, "app": "Web", "path": "/a\"b", "body": "", "meta.signal_type": "log" }),
    ];
    let body = r#" {"streams":[{"stream":{"app":"Web","path":"/a\"b"},"values":[["1700000000000000005","hello {\"x\":1}",{"trace_id":"t1"}],[1700000001000000005,""]]},{"stream":{}}],"x":[1]} "#;
    let decoded = json_push(body).unwrap();
    assert_eq!((rows(&decoded), decoded.items), (expected.to_vec(), 2));
    assert_eq!(by_dataset(&decoded), [("web".to_owned(), 2)]);
    let metadata = M::new().text(1, "trace_id").text(2, "t1");
    let message = stream(
        "{app=\"Web\", path=\"/a\\\"b\"}",
        &[entry(1_700_000_000, "hello {\"x\":1}").message(3, &metadata), entry(1_700_000_001, "")],
    );
    let decoded = protobuf_push(&message).unwrap();
    assert_eq!((rows(&decoded), decoded.items), (expected.to_vec(), 2));
    assert_eq!(by_dataset(&decoded), [("web".to_owned(), 2)]);
}

#[test]
fn the_dataset_is_the_service() {
    for (labels, dataset) in [
        (json!({ "job": "j", "container": "c", "app": "a" }), "a"),
        (json!({ "job": "j", "service_name": "S/1" }), "s-1"),
        (json!({ "app": " ", "job": "j" }), "j"),
        (json!({ "host": "h" }), "elsewhere"),
        (json!({}), "elsewhere"),
        (json!(null), "elsewhere"),
    ] {
        let body = json!({ "streams": [{ "stream": labels, "values": [["1", "x"]] }] }).to_string();
        assert_eq!(by_dataset(&json_push(body).unwrap()), [(dataset.to_owned(), 1)], "{labels}");
    }
    let streams: Vec<Value> =
        (0..6).map(|at| json!({ "stream": { "app": format!("a{}", at % 2) }, "values": [["1", "x"]] })).collect();
    let decoded = json_push(json!({ "streams": streams }).to_string()).unwrap();
    assert_eq!(by_dataset(&decoded), [("a0".to_owned(), 3), ("a1".to_owned(), 3)]);
}

#[test]
fn the_line_wins_over_metadata_and_metadata_over_labels() {
    let body = r#"{"streams":[{"stream":{"body":"label","level":"label","timestamp":"7","n":"a"},"values":[["1","line",{"level":"metadata","body":"metadata","n":5}]]}]}"#;
    assert_eq!(
        rows(&json_push(body).unwrap()),
        [
            json!({ "timestamp": 1, "body": "line", "level": "metadata", "meta.sent.timestamp": "7", "n": "5", "meta.signal_type": "log" })
        ]
    );
}

#[test]
fn times_that_cannot_be_read_are_kept() {
    let body = r#"{"streams":[{"values":[["soon","a"],["-5","b"],["99999999999999999999","c"],[1.5,"d"]]}]}"#;
    let found: Vec<Value> = rows(&json_push(body).unwrap())
        .iter()
        .map(|row| json!([row["timestamp"], row["meta.invalid_timestamp"]]))
        .collect();
    assert_eq!(found, ["soon", "-5", "99999999999999999999", "1.5"].map(|sent| json!([null, sent])));
    let before =
        stream("{}", &[M::new().message(1, &M::new().varint(1, (-3_i64) as u64)).text(2, "x"), M::new().text(2, "y")]);
    let found: Vec<Value> = rows(&protobuf_push(&before).unwrap())
        .iter()
        .map(|row| json!([row["timestamp"], row["meta.invalid_timestamp"]]))
        .collect();
    assert_eq!(found, [json!([null, "-3"]), json!([0, null])]);
}

#[test]
fn bad_entries_are_rejected_by_themselves() {
    let body = r#"{"streams":[{"stream":{"a":"b"},"values":[["1","\ud800"],["1","good"],["1","x",{"\n":"y"}],["1","x",{"k":"\udc00"}]]},{"stream":{"a\u0000":"b"},"values":[["1","x"],["2","y"]]}]}"#;
    let decoded = json_push(body).unwrap();
    assert_eq!((decoded.items, decoded.accepted, rejected(&decoded)), (6, 1, vec![0, 2, 3, 4, 5]));
    let message = M([
        stream(
            "{a=\"b\"}",
            &[M::new().bytes(2, &[0xff]), entry(1, "good"), entry(1, "x").message(3, &M::new().bytes(1, &[0xff]))],
        )
        .0,
        stream("{a=b}", &[entry(1, "x"), entry(2, "y")]).0,
    ]
    .concat());
    let decoded = protobuf_push(&message).unwrap();
    assert_eq!((decoded.items, decoded.accepted, rejected(&decoded)), (5, 1, vec![0, 2, 3, 4]));
    assert!(decoded.rejects.listed[2].error.contains("labels cannot be read"), "{:?}", decoded.rejects);
    let many: serde_json::Map<String, Value> = (0..5_000).map(|at| (format!("l{at}"), json!("x"))).collect();
    let decoded = json_push(json!({ "streams": [{ "stream": many, "values": [["1", "x"]] }] }).to_string()).unwrap();
    assert_eq!(decoded.rejects.total, 1);
}

#[test]
fn what_is_no_push_request_is_refused_whole() {
    for body in [
        "",
        "[]",
        "{",
        "{\"streams\":{}}",
        "{\"streams\":[1]}",
        "{\"streams\":[{\"stream\":1}]}",
        "{\"streams\":[{\"values\":{}}]}",
        "{\"streams\":[{\"values\":[[\"1\"]]}]}",
        "{\"streams\":[{\"values\":[[true,\"x\"]]}]}",
        "{\"streams\":[{\"values\":[[\"1\",2]]}]}",
        "{\"streams\":[{\"values\":[[\"1\",\"good\"],5]}]}",
        "{}x",
    ] {
        assert!(matches!(json_push(body), Err(DecodeError::Malformed { .. })), "{body}");
    }
    assert!(matches!(json_push(b"\xff"), Err(DecodeError::Malformed { .. })));
    for body in [&b""[..], b"x", b"{\"streams\":[]}", &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0x80, 0x80, 0x80, 0x10, 0x00]]
    {
        assert!(push(Format::Protobuf, body).is_err(), "{body:?}");
    }
    for message in [M(vec![0x0a, 5]), M::new().varint(1, 5), stream("{}", &[M::new().varint(2, 5)])] {
        assert!(matches!(protobuf_push(&message), Err(DecodeError::Malformed { .. })), "{message:?}");
    }
    assert_eq!(json_push("{}").unwrap().items, 0);
    assert_eq!(protobuf_push(&M::new()).unwrap().items, 0);
}

#[test]
fn streams_and_sizes_have_limits() {
    let streams = format!("{{\"streams\":[{}{{}}]}}", "{},".repeat(100_000));
    assert!(matches!(json_push(streams), Err(DecodeError::TooLarge { .. })));
    let bomb = snap::raw::Encoder::new().compress_vec(&vec![0; 65 << 20]).unwrap();
    assert!(matches!(push(Format::Protobuf, &bomb), Err(DecodeError::TooLarge { .. })));
    // Claims 64 MiB and holds nothing of it.
    assert!(matches!(push(Format::Protobuf, &[0x80, 0x80, 0x80, 0x20, 0x00]), Err(DecodeError::Malformed { .. })));
}

#[test]
fn every_prefix_and_every_spoiled_byte_is_answered() {
    let text = r#"{"streams":[{"stream":{"a":"b\u00e9"},"values":[["1","x",{"k":"v"}]]}]}"#;
    let packed = snap::raw::Encoder::new().compress_vec(&stream("{a=\"b\"}", &[entry(1, "line")]).0).unwrap();
    for (format, body) in [(Format::Json, text.as_bytes()), (Format::Protobuf, &packed[..])] {
        for at in 0..body.len() {
            let _ = push(format, &body[..at]);
            for byte in [0, b'"', b'{', b'[', b'\\', 0x80, 0xff, body[at] ^ 1] {
                let mut spoiled = body.to_vec();
                spoiled[at] = byte;
                if let Ok(decoded) = push(format, &spoiled) {
                    assert_eq!(rows(&decoded).len(), decoded.accepted);
                }
            }
        }
    }
}
