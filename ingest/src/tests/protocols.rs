//! Changed bodies of every protocol: each ends in an answer whose numbers agree, and no batch breaks its own rules.

use std::cell::Cell;

use outcrop_storage::event::DatasetName;

use super::{RECEIVED, memory, rows};
use crate::honeycomb::{Call, Format};
use crate::mutation::fuzz;
use crate::otlp::Signal;
use crate::{Context, DecodeError, Encoding, Honeycomb, Limits, Otlp, Protocol, decode, loki, otlp, syslog};

macro_rules! payload {
    ($path:literal) => {
        include_bytes!(concat!("../../../tests/payloads/otlp/", $path)).to_vec()
    };
}

const JSON_TOKENS: [&[u8]; 16] = [
    b"{", b"}", b"[", b"]", b":", b",", b"\"", b"\\", b"\n", b"null", b"-1", b"1e400", b"\\ud800", b"\xff", b"\"\"",
    b"{}",
];
/// Keys and lengths of fields, numbers that are too long, groups.
const PROTOBUF_TOKENS: [&[u8]; 12] = [
    b"\x0a",
    b"\x12",
    b"\x0a\x00",
    b"\x12\x02\x0a\x00",
    b"\x1a\x05",
    b"\x08\x01",
    b"\x3b",
    b"\x3c",
    b"\x39",
    b"\xff\xff\xff\xff\x7f",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"\x4a\x05\x0a\x01a\x12\x00",
];

/// Decodes changed members of the corpus, and sees to it that some are still taken and some are not.
fn fuzz_protocol(protocol: &Protocol, corpus: &[Vec<u8>], tokens: &[&[u8]]) {
    fuzz_prepared(protocol, corpus, tokens, |body| body.to_vec());
}

/// The same for what lies in an envelope that stays right, so that nothing may ever be refused whole.
fn fuzz_inside(protocol: &Protocol, corpus: &[Vec<u8>], tokens: &[&[u8]], wrap: impl Fn(&[u8]) -> Vec<u8>) {
    fuzz_counted(protocol, corpus, tokens, wrap, |_, _| {});
}

fn fuzz_prepared(protocol: &Protocol, corpus: &[Vec<u8>], tokens: &[&[u8]], prepare: impl Fn(&[u8]) -> Vec<u8>) {
    fuzz_counted(protocol, corpus, tokens, prepare, |taken, refused| {
        assert!(taken > 0, "no changed body of {protocol:?} was taken");
        assert!(refused > 0 || *protocol == Protocol::Syslog, "no changed body of {protocol:?} was refused");
    });
}

fn fuzz_counted(
    protocol: &Protocol,
    corpus: &[Vec<u8>],
    tokens: &[&[u8]],
    prepare: impl Fn(&[u8]) -> Vec<u8>,
    check: impl Fn(u64, u64),
) {
    let dataset = DatasetName::new("tests").unwrap();
    let limits = Limits::default();
    let memory = memory();
    let context = Context { dataset: &dataset, received: RECEIVED, limits: &limits, memory: &memory, redaction: None };
    for body in corpus {
        let decoded = decode(protocol, Encoding::Identity, &prepare(body), &context);
        assert!(decoded.is_ok(), "{protocol:?}: {decoded:?}");
    }
    let (taken, refused) = (Cell::new(0_u64), Cell::new(0_u64));
    fuzz(corpus, tokens, |body| match decode(protocol, Encoding::Identity, &prepare(body), &context) {
        Ok(decoded) => {
            assert_eq!(rows(&decoded).len(), decoded.accepted);
            assert_eq!(decoded.rejects.listed.len(), decoded.rejects.total.min(100));
            assert!(decoded.rejects.listed.iter().all(|reject| reject.index < decoded.items.max(1)));
            taken.set(taken.get() + 1);
        }
        Err(DecodeError::Malformed { .. } | DecodeError::TooLarge { .. }) => refused.set(refused.get() + 1),
        Err(other) => panic!("{other}"),
    });
    check(taken.get(), refused.get());
}

#[test]
fn fuzz_honeycomb() {
    let batch = br#"[{"time":"2023-11-14T22:13:20.5Z","samplerate":4,"data":{"a":1,"b":{"c":"x"}}},{"data":{"k":[1,"\u00e9"]}}]"#;
    let json = Protocol::Honeycomb(Honeycomb { call: Call::Batch, format: Format::Json });
    fuzz_protocol(&json, &[batch.to_vec(), br#"[{"data":{"a":true}}]"#.to_vec()], &JSON_TOKENS);
    let event = Call::Event { time: Some("1700000000".to_owned()), sample_rate: Some("x".to_owned()) };
    let event = Protocol::Honeycomb(Honeycomb { call: event, format: Format::Json });
    fuzz_protocol(&event, &[br#"{"a":1,"b":{"c":"x"},"t":null}"#.to_vec()], &JSON_TOKENS);
    let packed = Protocol::Honeycomb(Honeycomb { call: Call::Batch, format: Format::MessagePack });
    let value = rmpv::decode::read_value(&mut &b"\x91\x83\xa4time\xd6\xff\x00\x00\x00\x05\xaasamplerate\x02\xa4data\x83\xa1a\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xa1b\x93\x01\xc0\xa1x\xa1c\x81\xa1d\xc4\x01\xff"[..]);
    let mut body = Vec::new();
    rmpv::encode::write_value(&mut body, &value.unwrap()).unwrap();
    fuzz_protocol(
        &packed,
        &[body],
        &[b"\x81\xa1a\x01", b"\xdc", b"\xdf\xff\xff\xff\xff", b"\xc1", b"\xd9\x01", b"\xc0", b"\x90"],
    );
}

#[test]
fn fuzz_otlp() {
    let corpora = [
        (
            Signal::Traces,
            vec![
                payload!("opentelemetry-proto/examples_trace.pb"),
                payload!("jaeger/internal_storage_integration_fixtures_traces_link_attributes_trace.pb"),
                payload!("jaeger/internal_storage_integration_fixtures_traces_log_tags_trace.pb"),
            ],
        ),
        (
            Signal::Logs,
            vec![payload!("opentelemetry-proto/examples_logs.pb"), payload!("opentelemetry-proto/examples_events.pb")],
        ),
        (
            Signal::Metrics,
            vec![
                payload!("opentelemetry-proto/examples_metrics.pb"),
                payload!("husky/otlp_compat07_testdata_mixed_07_1x.pb"),
                payload!("husky/otlp_compat07_testdata_summary_with_labels.pb"),
            ],
        ),
    ];
    for (signal, corpus) in corpora {
        let protocol = Protocol::Otlp(Otlp { signal, format: Some(otlp::Format::Protobuf) });
        fuzz_protocol(&protocol, &corpus, &PROTOBUF_TOKENS);
    }
}

#[test]
fn fuzz_otlp_json() {
    for (signal, body) in [
        (Signal::Traces, payload!("opentelemetry-proto/examples_trace.json")),
        (Signal::Logs, payload!("opentelemetry-proto/examples_logs.json")),
        (Signal::Metrics, payload!("opentelemetry-proto/examples_metrics.json")),
    ] {
        let protocol = Protocol::Otlp(Otlp { signal, format: Some(otlp::Format::Json) });
        fuzz_protocol(&protocol, &[body], &JSON_TOKENS);
    }
}

#[test]
fn fuzz_bulk() {
    let body = b"{\"create\":{\"_index\":\"web-2026.11.20\",\"_id\":\"a\\n\"}}\n{\"@timestamp\":5,\"a\":{\"b\":[1]}}\n{\"delete\":{\"_id\":\"1\"}}\n{\"index\":{}}\n{\"a\":1}\n";
    let protocol = Protocol::Elasticsearch { index: Some("web".to_owned()) };
    fuzz_protocol(&protocol, &[body.to_vec()], &JSON_TOKENS);
}

#[test]
fn fuzz_loki() {
    let body = br#"{"streams":[{"stream":{"app":"web","l":"\u00e9"},"values":[["1700000000000000005","line",{"k":"v"}],[1,""]]}]}"#;
    fuzz_protocol(&Protocol::Loki(loki::Format::Json), &[body.to_vec()], &JSON_TOKENS);
    let message =
        b"\x0a\x29\x0a\x0b{app=\"w\\\"\"}\x12\x1a\x0a\x04\x08\x05\x10\x07\x12\x0aline\nline2\x1a\x06\x0a\x01k\x12\x01v"
            .to_vec();
    let protocol = Protocol::Loki(loki::Format::Protobuf);
    let snappy = |message: &[u8]| snap::raw::Encoder::new().compress_vec(message).unwrap();
    fuzz_prepared(&protocol, std::slice::from_ref(&message), &PROTOBUF_TOKENS, snappy);
    fuzz_protocol(&protocol, &[snappy(&message), snappy(&message.repeat(20))], &[]);
}

#[test]
fn fuzz_firehose() {
    let records: [&[u8]; 2] = [
        br#"{"a":1}{"b":[2]}"#,
        br#"{"messageType":"DATA_MESSAGE","logGroup":"g","logEvents":[{"id":"1","timestamp":5,"message":"m\n"}]}"#,
    ];
    let request = |record: &[u8]| {
        let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, record);
        format!("{{\"requestId\":\"r\",\"records\":[{{\"data\":\"{data}\"}}]}}").into_bytes()
    };
    let corpus = records.map(<[u8]>::to_vec);
    fuzz_inside(&Protocol::Firehose, &corpus, &JSON_TOKENS, request);
    fuzz_protocol(&Protocol::Firehose, &records.map(request), &JSON_TOKENS);
}

#[test]
fn fuzz_syslog() {
    let mut corpus = vec![
        b"<165>1 2003-10-11T22:14:15.003Z host app 123 ID47 [id@1 a=\"b\\\"\"][c d=\"\"] text\n".to_vec(),
        b"<13>Jan  2 10:20:30 web-1 cron[42]: ran\r\n<14>plain\n".to_vec(),
    ];
    syslog::framed(b"<34>1 - h a - - - counted", &mut corpus[1]);
    fuzz_protocol(
        &Protocol::Syslog,
        &corpus,
        &[
            b"<",
            b">",
            b"<13>1 - - - - - - ",
            b"[",
            b"]",
            b"\"",
            b"\\",
            b" ",
            b"\n",
            b"9999999999 ",
            b"\xff",
            b"Feb 30 99:99:99 ",
        ],
    );
}
