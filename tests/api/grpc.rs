//! OTLP over gRPC: the same requests, other frames, gRPC's statuses.

use std::io::Write;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::json;

use super::keys::create_key;
use crate::harness::grpc::{Call, Outcome, framed};
use crate::harness::{Request, Server, wait_until};

pub(super) const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
pub(super) const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
pub(super) const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// A resource with a scope with an item that says nothing.
const ONE_ITEM: [u8; 6] = [0x0a, 0x04, 0x12, 0x02, 0x12, 0x00];
/// A metric named `m` with one point, 7.
const ONE_POINT: [u8; 22] =
    [0x0a, 20, 0x12, 18, 0x12, 16, 0x0a, 1, b'm', 0x2a, 11, 0x0a, 9, 0x31, 7, 0, 0, 0, 0, 0, 0, 0];

fn count(server: &Server, dataset: &str) -> u64 {
    let reply = server.post(&format!("/api/v1/query/{dataset}"), &json!({ "disable_series": true }));
    if reply.status == 404 { 0 } else { reply.ok()["rows"][0][0].as_u64().unwrap() }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Whether the details of a refusal, which are a `google.rpc.Status`, say when to send again.
pub(super) fn has_delay(outcome: &Outcome) -> bool {
    let Some(details) = outcome.header("grpc-status-details-bin") else { return false };
    let details = STANDARD_NO_PAD.decode(details.trim_end_matches('=')).unwrap();
    details.windows(9).any(|part| part == b"RetryInfo")
}

#[test]
fn every_signal_is_taken_plain_gzip_and_zstd() {
    let server = Server::start();
    for (path, message, dataset) in [
        (TRACES, &ONE_ITEM[..], "unknown_service"),
        (LOGS, &ONE_ITEM, "unknown_log_source"),
        (METRICS, &ONE_POINT, "unknown_metrics"),
    ] {
        let call = Call::new(path, message);
        assert_eq!(call.to(server.grpc).ok(), b"", "{path}");
        assert_eq!(call.clone().header("content-type", "application/grpc+proto").to(server.grpc).ok(), b"");
        assert_eq!(call.clone().compressed("gzip", &gzip(message)).to(server.grpc).ok(), b"");
        assert_eq!(call.clone().compressed("zstd", &zstd::encode_all(message, 3).unwrap()).to(server.grpc).ok(), b"");
        // An encoding may be named and not used.
        assert_eq!(call.clone().header("grpc-encoding", "gzip").to(server.grpc).ok(), b"");
        let frame = framed(false, message);
        let bytewise: Vec<&[u8]> = frame.chunks(1).collect();
        assert_eq!(call.clone().bytes(&bytewise).to(server.grpc).ok(), b"");
        assert_eq!(count(&server, dataset), 6, "{path}");
    }
    assert_eq!(Call::new(TRACES, b"").to(server.grpc).ok(), b"", "an empty request is one without items");
    let named = Call::new(LOGS, &ONE_ITEM).header("x-honeycomb-dataset", "Mine");
    named.to(server.grpc).ok();
    assert_eq!(count(&server, "mine"), 1);
}

#[test]
fn what_was_rejected_is_a_partial_success() {
    let server = Server::start();
    // Two spans, the name of the first not UTF-8.
    let message = [0x0a, 0x09, 0x12, 0x07, 0x12, 0x03, 0x2a, 0x01, 0xff, 0x12, 0x00];
    let outcome = Call::new(TRACES, &message).to(server.grpc);
    let answer = outcome.ok();
    assert!(answer.len() > 10 && answer[0] == 0x0a && answer[2..4] == [0x08, 1], "{answer:?}");
    assert_eq!(count(&server, "unknown_service"), 1);
}

#[test]
fn refusals_have_grpcs_statuses() {
    let server = Server::with(&["--body-bytes-max", "4096"]);
    let call = Call::new(TRACES, &ONE_ITEM);
    let one = framed(false, &ONE_ITEM);
    let long = [&[0][..], &8_u32.to_be_bytes(), &ONE_ITEM].concat();
    let flag = [&[7][..], &6_u32.to_be_bytes(), &ONE_ITEM].concat();
    let bomb = zstd::encode_all(&[b' '; 100_000][..], 3).unwrap();
    for (what, call, status) in [
        ("no request", Call::new(TRACES, b"nonsense"), 3),
        ("no frame", call.clone().bytes(&[b"abc"]), 3),
        ("no bytes", call.clone().bytes(&[b""]), 3),
        ("a message without its end", call.clone().bytes(&[&long]), 3),
        ("more than the message", call.clone().bytes(&[&one, b"x"]), 3),
        ("two messages", call.clone().bytes(&[&one, &one]), 3),
        ("compressed, nobody says how", call.clone().bytes(&[&framed(true, &ONE_ITEM)]), 3),
        ("a flag that is none", call.clone().bytes(&[&flag]), 3),
        ("no gzip", call.clone().compressed("gzip", &ONE_ITEM), 3),
        ("an unknown encoding", call.clone().compressed("br", &ONE_ITEM), 12),
        ("too long", Call::new(TRACES, &[0; 5_000]), 8),
        ("too long when inflated", call.clone().compressed("zstd", &bomb), 8),
        ("too long, says the frame", call.clone().bytes(&[&[0, 0xff, 0xff, 0xff, 0xff]]), 8),
        ("an unknown service", Call::new("/opentelemetry.proto.collector.profiles.v1.ProfilesService/Export", b""), 12),
        ("an unknown method", Call::new("/opentelemetry.proto.collector.trace.v1.TraceService/Import", b""), 12),
    ] {
        let outcome = call.to(server.grpc);
        assert_eq!((outcome.http_status, outcome.status()), (200, status), "{what}: {outcome:?}");
        assert!(outcome.header("grpc-message").is_some_and(|message| message.len() > 15), "{what}: {outcome:?}");
        assert!(!has_delay(&outcome), "{what} is not to be sent again: {outcome:?}");
        if what == "an unknown encoding" {
            assert_eq!(outcome.header("grpc-accept-encoding"), Some("identity,gzip,zstd"));
        }
    }
    assert_eq!(count(&server, "unknown_service"), 0);
    assert_eq!(call.to(server.grpc).ok(), b"", "and the server goes on");
}

/// A span of the service `name`.
fn span_of(name: &str) -> Vec<u8> {
    let nested = |number: u8, content: &[u8]| [&[number << 3 | 2, content.len() as u8], content].concat();
    let value = nested(2, &nested(1, name.as_bytes()));
    let attribute = nested(1, &[nested(1, b"service.name"), value].concat());
    nested(1, &[nested(1, &attribute), nested(2, &nested(2, &[]))].concat())
}

#[test]
fn keys_are_metadata_and_datasets_are_services() {
    let server = Server::start();
    let (everywhere, mine) = (create_key(&server.setup, &["ingest"]), create_key(&server.setup, &["ingest:mine"]));
    let query = create_key(&server.setup, &["query"]);
    let both = [span_of("mine"), span_of("yours")].concat();
    let base64 = |text: &str| STANDARD.encode(text);
    for path in [TRACES, LOGS, METRICS] {
        for (what, headers, status) in [
            ("no key", vec![], 16),
            ("a wrong key", vec![("x-honeycomb-team", "wrong".to_owned())], 16),
            ("a key that may only ask", vec![("x-honeycomb-team", query.clone())], 7),
            ("a key", vec![("x-honeycomb-team", everywhere.clone())], 0),
            ("a key", vec![("authorization", format!("Bearer {everywhere}"))], 0),
            ("a key", vec![("authorization", format!("Basic {}", base64(&format!("user:{everywhere}"))))], 0),
        ] {
            let call = headers.iter().fold(Call::new(path, b""), |call, (name, value)| call.header(name, value));
            let outcome = call.to(server.grpc);
            assert_eq!((outcome.http_status, outcome.status()), (200, status), "{path}, {what}: {outcome:?}");
        }
    }
    let send = |message: &[u8]| Call::new(TRACES, message).header("x-honeycomb-team", &mine).to(server.grpc).status();
    assert_eq!((send(&span_of("mine")), send(&span_of("yours")), send(&both), send(&ONE_ITEM)), (0, 7, 7, 7));
    let ask = |dataset: &str| {
        let path = format!("/api/v1/query/{dataset}");
        server.send(&Request::json(&path, &json!({})).header("X-Outcrop-Key", &query))
    };
    assert_eq!(ask("mine").ok()["rows"], json!([[1]]));
    assert_eq!(
        (ask("yours").status, ask("unknown_service").status),
        (404, 404),
        "nothing of what was refused is there"
    );
}

#[test]
fn nothing_but_grpc_is_spoken() {
    let server = Server::start();
    let text = Call::new(TRACES, &ONE_ITEM).header("content-type", "text/plain").to(server.grpc);
    assert_eq!(text.http_status, 415, "what a page could send without being asked for leave");
    assert!(
        Request::post(TRACES, framed(false, &ONE_ITEM)).try_to(server.grpc).is_err(),
        "HTTP/1 is what browsers speak"
    );
    assert_eq!(count(&server, "unknown_service"), 0);
}

#[test]
fn sigterm_answers_calls_under_way_and_keeps_them() {
    let server = Server::start();
    let items = [0x12, 0x00].repeat(60_000);
    let scope = [&[0x12, 0xc0, 0xa9, 0x07][..], &items].concat();
    let message = [&[0x0a, 0xc4, 0xa9, 0x07][..], &scope].concat();
    let address = server.grpc;
    let sender = std::thread::spawn(move || Call::new(TRACES, &message).to(address));
    wait_until("the call is on its way", Duration::from_secs(30), || {
        server.metric("outcrop_in_flight_bytes") > 0.0 || sender.is_finished()
    });
    let (setup, status) = server.terminate();
    assert_eq!(status.code(), Some(0));
    assert_eq!(sender.join().unwrap().ok(), b"");
    assert_eq!(count(&setup.start(), "unknown_service"), 60_000);
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let server = Server::start();
    let _idle = std::net::TcpStream::connect(server.grpc).unwrap();
    let (_, status) = server.terminate();
    assert_eq!(status.code(), Some(0));
}
