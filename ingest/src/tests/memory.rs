//! What a body becomes is reserved before it is there, and refused where there is no memory for it.

use std::io::Write;

use outcrop_storage::memory::Ceilings;

use super::*;

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
