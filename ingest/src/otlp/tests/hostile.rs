//! Requests made to break the decoder: each ends in an answer, none in a panic or in memory without bound.

use proptest::prelude::*;

use super::super::{Format, Signal};
use super::{decode_as, decode_with, request};
use crate::protobuf::testing::{M, array, attribute, list, text};
use crate::tests::{rejected, rows};
use crate::{DecodeError, Limits};

const SIGNALS: [Signal; 3] = [Signal::Traces, Signal::Logs, Signal::Metrics];

fn protobuf(signal: Signal, body: &[u8]) -> Result<crate::Decoded, DecodeError> {
    decode_as(signal, Some(Format::Protobuf), body)
}

/// A request of each signal with a bit of everything.
fn samples() -> Vec<(Signal, Vec<u8>)> {
    let resource =
        M::new().message(1, &attribute("service.name", &text("shop"))).message(1, &attribute("sampleRate", &text("2")));
    let scope = M::new()
        .text(1, "lib")
        .text(2, "1")
        .message(3, &attribute("s", &array(&[&text("x"), &list(&[("k", &M::new().double(4, 1.5))])])));
    let event = M::new().fixed64(1, 5).text(2, "exception").message(3, &attribute("exception.message", &text("m")));
    let span = M::new()
        .bytes(1, &[1; 16])
        .bytes(2, &[2; 8])
        .text(3, "ot=th:8")
        .text(5, "n")
        .varint(6, 2)
        .fixed64(7, 4)
        .fixed64(8, 9)
        .message(9, &attribute("a", &list(&[("b", &text("c"))])))
        .message(11, &event)
        .message(13, &M::new().bytes(1, &[3; 16]))
        .message(15, &M::new().varint(3, 2));
    let log = M::new()
        .fixed64(1, 5)
        .varint(2, 9)
        .message(5, &list(&[("x", &text("y"))]))
        .message(6, &attribute("a", &M::new().varint(3, 300)))
        .fixed32(8, 1)
        .bytes(9, &[1; 16]);
    let number = M::new().text(1, "n").message(
        5,
        &M::new().message(1, &M::new().fixed64(3, 5).fixed64(6, 7).message(7, &attribute("a", &text("b")))),
    );
    let histogram = M::new()
        .text(1, "h")
        .message(9, &M::new().message(1, &M::new().fixed64(4, 2).packed64(6, &[1, 1]).packed_doubles(7, &[1.0])));
    let exponential = M::new().text(1, "e").message(
        10,
        &M::new().message(
            1,
            &M::new().fixed64(4, 2).zigzag(6, 2).message(8, &M::new().zigzag(1, -1).packed_varints(2, &[1, 300])),
        ),
    );
    let summary = M::new()
        .text(1, "s")
        .message(11, &M::new().message(1, &M::new().message(6, &M::new().double(1, 0.5).double(2, 1.0))));
    vec![
        (Signal::Traces, request(&resource, &scope, &[span])),
        (Signal::Logs, request(&resource, &scope, &[log])),
        (Signal::Metrics, request(&resource, &scope, &[number, histogram, exponential, summary])),
    ]
}

#[test]
fn every_prefix_and_every_spoiled_byte_is_answered() {
    for (signal, body) in samples() {
        assert_eq!(protobuf(signal, &body).unwrap().rejects.total, 0);
        for at in 0..body.len() {
            assert!(at == 0 || protobuf(signal, &body[..at]).is_err(), "{signal:?}: a request without its end at {at}");
            for byte in
                [0x00, 0x01, 0x0a, 0x12, 0x7f, 0x80, 0xff, body[at] ^ 1, body[at] ^ 2, body[at] ^ 4, body[at] ^ 0x80]
            {
                let mut spoiled = body.clone();
                spoiled[at] = byte;
                for signal in SIGNALS {
                    if let Ok(decoded) = protobuf(signal, &spoiled) {
                        assert_eq!(rows(&decoded).len(), decoded.accepted);
                    }
                }
            }
        }
    }
}

#[test]
fn unknown_fields_and_groups_are_passed_over() {
    // Field 100 of each wire type, and a group 101 with a group 102 in it.
    let unknown = [
        vec![0xa0, 0x06, 0x96, 0x01],
        [vec![0xa1, 0x06], vec![0; 8]].concat(),
        vec![0xa2, 0x06, 0x02, 0xff, 0xff],
        [vec![0xa5, 0x06], vec![0; 4]].concat(),
        vec![0xab, 0x06, 0xb3, 0x06, 0x08, 0x01, 0xb4, 0x06, 0xac, 0x06],
    ]
    .concat();
    let span = M([M::new().text(5, "before").0, unknown.clone(), M::new().varint(6, 2).0].concat());
    let body = [request(&M::new(), &M::new(), &[span]), unknown].concat();
    let decoded = protobuf(Signal::Traces, &body).unwrap();
    assert_eq!((&rows(&decoded)[0]["name"], &rows(&decoded)[0]["type"]), (&"before".into(), &"server".into()));
    for broken in [
        &[0xac, 0x06][..],
        &[0xab, 0x06],
        &[0xab, 0x06, 0xb4, 0x06],
        &[0x00, 0x00],
        &[0x0e],
        &[0x0f, 0x00],
        &[0x08],
        &[0x0a, 0x05, 0x00],
        &[0xff; 11],
    ] {
        assert!(matches!(protobuf(Signal::Traces, broken), Err(DecodeError::Malformed { .. })), "{broken:?}");
    }
    let groups = vec![0x0b; 1_000_000];
    assert!(matches!(protobuf(Signal::Traces, &groups), Err(DecodeError::Malformed { .. })));
}

#[test]
fn a_field_of_another_type_than_it_should_have_is_no_request() {
    for message in [
        M::new().varint(1, 5),
        M::new().message(1, &M::new().varint(2, 5)),
        M::new().message(1, &M::new().message(2, &M::new().varint(2, 1))),
    ] {
        for signal in SIGNALS {
            assert!(matches!(protobuf(signal, &message.0), Err(DecodeError::Malformed { .. })), "{message:?}");
        }
    }
    let span = |span: M| protobuf(Signal::Traces, &request(&M::new(), &M::new(), &[span]));
    for message in [
        M::new().varint(5, 1),
        M::new().text(6, "x"),
        M::new().varint(7, 1),
        M::new().varint(9, 1),
        M::new().varint(11, 1),
        M::new().varint(13, 1),
        M::new().varint(15, 1),
    ] {
        assert!(matches!(span(message.clone()), Err(DecodeError::Malformed { .. })), "{message:?}");
    }
}

#[test]
fn nesting_up_to_128_is_taken_and_deeper_is_rejected() {
    let nested = |depth: usize| (1..depth).fold(array(&[]), |inner, _| array(&[&inner]));
    let span = |depth: usize| M::new().text(5, "x").message(9, &attribute("a", &nested(depth)));
    let body = request(&M::new(), &M::new(), &[span(127), span(128), M::new()]);
    let decoded = protobuf(Signal::Traces, &body).unwrap();
    assert_eq!((decoded.accepted, rejected(&decoded)), (2, vec![1]));
    assert!(decoded.rejects.listed[0].error.contains("nested over 128"), "{:?}", decoded.rejects);
    for (open, close) in
        [("{\"arrayValue\":{\"values\":[", "]}}"), ("{\"kvlistValue\":{\"values\":[{\"key\":\"k\",\"value\":", "}]}}")]
    {
        for (depth, accepted) in [(100, 2), (10_000, 1)] {
            let value = format!("{}{{\"intValue\":1}}{}", open.repeat(depth), close.repeat(depth));
            let json = format!(
                "{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{{\"attributes\":[{{\"key\":\"a\",\"value\":{value}}}]}},{{}}]}}]}}]}}"
            );
            let decoded = decode_as(Signal::Traces, Some(Format::Json), json.as_bytes()).unwrap();
            assert_eq!((decoded.items, decoded.accepted), (2, accepted), "{depth}");
        }
    }
    let deep = (0..3_000).fold(text("x"), |inner, _| list(&[("k", &inner)]));
    let decoded = protobuf(Signal::Logs, &request(&M::new(), &M::new(), &[M::new().message(5, &deep)])).unwrap();
    assert_eq!(rejected(&decoded), [0]);
}

#[test]
fn limits_of_an_item() {
    let attributes =
        |count: usize| (0..count).fold(M::new(), |span, at| span.message(9, &attribute(&format!("a{at}"), &text(""))));
    let long = |bytes: usize| M::new().message(9, &attribute("a", &text(&"x".repeat(bytes))));
    let body = request(&M::new(), &M::new(), &[attributes(1_990), attributes(2_000), long(1 << 19), long(1 << 20)]);
    let decoded = protobuf(Signal::Traces, &body).unwrap();
    assert_eq!((decoded.accepted, rejected(&decoded)), (2, vec![1, 3]));
    assert_eq!(rows(&decoded)[1]["meta.truncated"], "a");
}

#[test]
fn what_resource_and_scope_spoil_is_rejected_item_by_item() {
    let wide = (0..2_100).fold(M::new(), |m, at| m.message(1, &attribute(&format!("a{at}"), &text(""))));
    let items = vec![M::new(); 300];
    let decoded = protobuf(Signal::Logs, &request(&wide, &M::new(), &items)).unwrap();
    assert_eq!(
        (decoded.items, decoded.accepted, decoded.rejects.total, decoded.rejects.listed.len()),
        (300, 0, 300, 100)
    );
    let scope = M::new().message(3, &attribute("x\n", &text("")));
    let decoded = protobuf(Signal::Traces, &request(&M::new(), &scope, &items)).unwrap();
    assert_eq!((decoded.items, decoded.rejects.total), (300, 300));
    let metric = M::new()
        .text(1, "m")
        .message(5, &M::new().message(1, &M::new().fixed64(6, 1)).message(1, &M::new().fixed64(6, 2)));
    let decoded = protobuf(Signal::Metrics, &request(&wide, &M::new(), &[metric.clone(), metric])).unwrap();
    assert_eq!((decoded.items, decoded.rejects.total), (4, 4));
}

#[test]
fn what_is_said_once_is_not_repeated_without_end() {
    let limits = Limits { body_bytes_max: 1 << 20, ..Limits::default() };
    let resource = M::new().message(1, &attribute("a", &text(&"x".repeat(60_000))));
    let body = |spans: usize| request(&resource, &M::new(), &vec![M::new(); spans]);
    assert_eq!(decode_with(Signal::Traces, Some(Format::Protobuf), &body(50), &limits).unwrap().accepted, 50);
    let error = decode_with(Signal::Traces, Some(Format::Protobuf), &body(1_000), &limits);
    assert!(matches!(error, Err(DecodeError::TooLarge { .. })), "{error:?}");
    let cells = (0..1_900).fold(M::new(), |m, at| m.message(1, &attribute(&format!("a{at}"), &M::new().varint(2, 1))));
    let error = protobuf(Signal::Traces, &request(&cells, &M::new(), &vec![M::new(); 20_000]));
    assert!(matches!(error, Err(DecodeError::TooLarge { .. })));
}

#[test]
fn two_bytes_of_a_request_cost_little_whatever_they_are() {
    let empty = |number: u32, count: usize| M((0..count).flat_map(|_| [(number << 3 | 2) as u8, 0]).collect());
    assert!(matches!(protobuf(Signal::Traces, &empty(1, 100_001).0), Err(DecodeError::TooLarge { .. })));
    let points = M::new().message(
        1,
        &M::new().message(2, &M::new().message(2, &M::new().text(1, "m").message(5, &empty(1, 1_000_001)))),
    );
    assert!(matches!(protobuf(Signal::Metrics, &points.0), Err(DecodeError::TooLarge { .. })));
    // A million scopes, attributes, and unpacked counts: passed over without a trace.
    let scopes = M::new().message(1, &empty(2, 1_000_000));
    assert_eq!(protobuf(Signal::Traces, &scopes.0).unwrap().items, 0);
    let attributes = request(&empty(1, 500_000), &M::new(), &[M::new()]);
    assert_eq!(protobuf(Signal::Traces, &attributes).unwrap().accepted, 1);
    let attributes = request(&empty(1, 600_000), &M::new(), &[M::new()]);
    assert_eq!(protobuf(Signal::Traces, &attributes).unwrap().rejects.total, 1, "a resource is a part of an event");
    let annotations = request(&M::new(), &M::new(), &[empty(11, 100_000)]);
    assert_eq!(protobuf(Signal::Traces, &annotations).unwrap().accepted, 100_001);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..80), signal in prop::sample::select(&SIGNALS[..])) {
        for format in [Some(Format::Protobuf), Some(Format::Json), None] {
            if let Ok(decoded) = decode_as(signal, format, &body) {
                prop_assert_eq!(rows(&decoded).len(), decoded.accepted);
            }
        }
    }

    #[test]
    fn spliced_requests_are_answered(at in any::<prop::sample::Index>(), from in any::<prop::sample::Index>(), length in 0_usize..40, which in 0_usize..3, other in 0_usize..3) {
        let samples = samples();
        let (signal, mut body) = samples[which].clone();
        let donor = &samples[other].1;
        let from = from.index(donor.len());
        let part = &donor[from..(from + length).min(donor.len())];
        let at = at.index(body.len());
        body.splice(at..at, part.iter().copied());
        if let Ok(decoded) = protobuf(signal, &body) {
            prop_assert_eq!(rows(&decoded).len(), decoded.accepted);
        }
    }
}
