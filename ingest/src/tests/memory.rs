//! What a body becomes is reserved before it is there, and refused where there is no memory for it.

use std::io::Write;

use outcrop_storage::memory::Ceilings;

use super::*;
use crate::otlp::{self, Signal};
use crate::{Otlp, loki};

/// Memory for decoding, so many bytes.
fn memory_of(bytes: usize) -> Memory {
    Memory::new(Ceilings::cut(usize::MAX, &[(Pool::Decoding, bytes)], 0).unwrap())
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// Bodies of very different shapes: long texts, many columns, sparse columns, names of their own, numbers alone.
fn bodies() -> Vec<String> {
    let lines = |event: &dyn Fn(usize) -> String| (0..500).map(event).collect::<Vec<_>>().join("\n");
    vec![
        lines(&|n| format!("{{\"text\":\"{}\"}}", "x".repeat(n * 10))),
        lines(&|n| format!("{{{}}}", (0..100).map(|f| format!("\"f{f}\":{n}")).collect::<Vec<_>>().join(","))),
        lines(&|n| format!("{{\"a\":true,\"sparse{}\":\"v\",\"sample_rate\":2}}", n % 97)),
        lines(&|n| format!("{{\"own{n}\":{n}.5}}")),
        lines(&|n| format!("{{\"n\":{n}}}")),
    ]
}

#[test]
fn what_is_reserved_covers_what_comes_out() {
    for body in bodies() {
        for (encoding, sent) in
            [(Encoding::Identity, body.clone().into_bytes()), (Encoding::Gzip, gzip(body.as_bytes()))]
        {
            let memory = memory_of(usize::MAX / 2);
            let reservation = memory.reservation(Pool::Decoding);
            let decoded = decode_within(encoding, &sent, &Limits::default(), &reservation).unwrap();
            let inflated = if encoding == Encoding::Identity { 0 } else { body.len() };
            let held = inflated + decoded.batches.iter().map(|(_, batch)| batch.memory_bytes()).sum::<usize>();
            assert!(reservation.bytes() >= held, "{} bytes reserved for {held}: {body:.60}", reservation.bytes());
            assert!(reservation.bytes() < 8 * held + (1 << 20), "{} bytes for {held}: {body:.60}", reservation.bytes());
        }
    }
}

#[test]
fn a_body_waits_for_others_or_is_too_large_for_ever() {
    let limits = Limits::default();
    let body = bodies().remove(1);
    let memory = memory_of(2 << 20);
    let others = memory.try_reserve(Pool::Decoding, (2 << 20) - 1_000).unwrap();
    for (encoding, sent) in [(Encoding::Identity, body.clone().into_bytes()), (Encoding::Gzip, gzip(body.as_bytes()))] {
        let refused = decode_within(encoding, &sent, &limits, &memory.reservation(Pool::Decoding));
        assert!(matches!(refused, Err(DecodeError::NoMemory(_))), "{refused:?}");
    }
    drop(others);
    assert_eq!(
        decode_within(Encoding::Identity, body.as_bytes(), &limits, &memory.reservation(Pool::Decoding))
            .unwrap()
            .accepted,
        500
    );
    assert_eq!(memory.used(Pool::Decoding), 0);
    let little = memory_of(100_000);
    for sent in [body.as_bytes(), bodies()[3].as_bytes()] {
        let refused = decode_within(Encoding::Identity, sent, &limits, &little.reservation(Pool::Decoding));
        assert!(matches!(refused, Err(DecodeError::TooLarge { .. })), "{refused:?}");
    }
    let bomb = gzip(&vec![b' '; 10 << 20]);
    let refused = decode_within(Encoding::Gzip, &bomb, &limits, &little.reservation(Pool::Decoding));
    assert!(matches!(refused, Err(DecodeError::TooLarge { .. })), "{refused:?}");
}

/// A field of a protobuf message that holds bytes.
fn nested(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        field.push(length as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend_from_slice(content);
    field
}

/// Bodies that hold no events, or few, and what is kept of each all the same: at least so many bytes.
fn bodies_without_columns() -> Vec<(Protocol, Vec<u8>, usize)> {
    let otlp = |signal, format| Protocol::Otlp(Otlp { signal, format: Some(format) });
    let json = |begin: &str, item: &str, count: usize, end: &str| {
        format!("{begin}{}{end}", vec![item; count].join(",")).into_bytes()
    };
    let many = 50_000;
    let spoiled = [b"[\"\xff", vec![b'x'; 1 << 20].as_slice(), b"\"]"].concat();
    let points = nested(7, &nested(1, &[]).repeat(many));
    let metrics = nested(1, &nested(2, &nested(2, &points)));
    let zeros = snap::raw::Encoder::new().compress_vec(&nested(3, &vec![0; 1 << 20])).unwrap();
    let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, vec![b' '; 1 << 20]);
    let counts = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":["#;
    vec![
        (Protocol::Json, spoiled, 1 << 20),
        (Protocol::Loki(loki::Format::Json), json("{\"streams\":[", "{}", many, "]}"), many * 100),
        (Protocol::Loki(loki::Format::Protobuf), zeros, 1 << 20),
        (Protocol::Firehose, json("{\"records\":[", "{\"data\":\"\"}", many, "]}"), many * 64),
        (Protocol::Firehose, json("{\"records\":[", &format!("{{\"data\":\"{data}\"}}"), 2, "]}"), 2 << 20),
        (Protocol::Elasticsearch { index: None }, b"{\"delete\":{}}\n".repeat(many), many * 64),
        (otlp(Signal::Traces, otlp::Format::Protobuf), nested(1, &[]).repeat(many), many * 16),
        (otlp(Signal::Metrics, otlp::Format::Protobuf), metrics, many * 64),
        (otlp(Signal::Metrics, otlp::Format::Json), json(counts, "1", 500_000, "]}]}}]}]}]}"), 4_000_000),
    ]
}

#[test]
fn what_is_kept_beside_columns_is_reserved_too() {
    let dataset = DatasetName::new("tests").unwrap();
    for (protocol, body, kept) in bodies_without_columns() {
        let decode_in = |bytes: usize| {
            let memory = memory_of(bytes).reservation(Pool::Decoding);
            let context = Context {
                dataset: &dataset,
                received: RECEIVED,
                limits: &Limits::default(),
                memory: &memory,
                redaction: None,
            };
            (decode(&protocol, Encoding::Identity, &body, &context), memory.bytes())
        };
        let (decoded, reserved) = decode_in(usize::MAX / 2);
        assert!(decoded.is_ok(), "{protocol:?}: {decoded:?}");
        assert!(reserved >= kept, "{protocol:?}: {reserved} bytes reserved for {kept}");
        assert!(reserved < 20 * kept, "{protocol:?}: {reserved} bytes reserved for {kept}");
        let (refused, _) = decode_in(kept / 2);
        assert!(matches!(refused, Err(DecodeError::TooLarge { .. })), "{protocol:?}: {refused:.200?}");
    }
}
