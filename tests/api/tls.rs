//! TLS: every address speaks it and nothing else, whoever is slow or wrong is let go, and a new certificate is taken while
//! everything goes on.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::grpc::TRACES;
use super::keys::create_key;
use super::refused;
use crate::harness::grpc::Call;
use crate::harness::postgres::Client;
use crate::harness::{Body, Request, Server, Setup, process, tls, wait_until};

const CERTIFICATE: [&str; 4] = ["--tls-certificate", "certificate.pem", "--tls-key", "key.pem"];
/// Patience for a certificate to be seen.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than a handshake may take, and shorter than anything else that ends by itself.
const HANDSHAKE_ENDED: Duration = Duration::from_secs(30);
/// A resource with a scope with a span that says nothing.
const ONE_SPAN: [u8; 6] = [0x0a, 0x04, 0x12, 0x02, 0x12, 0x00];

/// A directory with the first certificate in it.
fn setup() -> Setup {
    let setup = Setup::new();
    tls::install(setup.home(), "first");
    setup
}

fn start() -> Server {
    setup().with(&CERTIFICATE).start()
}

fn log(server: &Server) -> String {
    fs::read_to_string(server.setup.home().join("log")).unwrap()
}

fn count(server: &Server, dataset: &str) -> u64 {
    server.query(dataset, &json!({ "disable_series": true, "start_time": 0 }))["rows"][0][0].as_u64().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn events_and_questions_go_over_tls_and_cookies_nowhere_else() {
    let setup = setup();
    let key = create_key(&setup, &["query", "ingest"]);
    let server = setup.with_key(&key).with(&CERTIFICATE).start();
    assert!(server.is_tls(), "it says http://");
    server.load("shop", "{\"n\":1}\n{\"n\":2}");
    // Larger than what TLS encrypts at once, both ways.
    server.load("wide", format!("{{\"text\":\"{}\"}}\n", "x".repeat(60_000)).repeat(20));
    assert_eq!(count(&server, "shop"), 2);
    let rows = server.rows("wide", &json!({ "start_time": 0, "columns": ["text"] }));
    assert_eq!(rows["rows"].as_array().unwrap().len(), 20);
    let signed_in = server.post("/api/v1/session", &json!({ "key": key }));
    assert!(signed_in.header("set-cookie").unwrap().ends_with("; Secure"), "{signed_in:?}");
    // Other services of this host may be reached without TLS.
    assert_eq!(signed_in.header("strict-transport-security"), None);
    let of_page = |scheme: &str| {
        let origin = format!("{scheme}://{}", server.address);
        server.send(&Request::get("/api/v1/datasets").header("Origin", &origin))
    };
    assert_eq!(of_page("https").status, 200);
    refused(&of_page("http"), 403);
    let query = server.post("/1/queries/shop", &json!({})).ok()["id"].clone();
    let result = server.post("/1/query_results/shop", &json!({ "query_id": query })).json();
    let link = result["links"]["query_url"].as_str().unwrap_or_default();
    assert!(link.starts_with("https://"), "{result}");
}

#[test]
fn the_best_protocol_that_both_know_is_spoken() {
    let server = start();
    for (offered, spoken) in
        [(&["h2", "http/1.1"][..], Some(&b"h2"[..])), (&["http/1.1"], Some(b"http/1.1")), (&[], None)]
    {
        let stream = tls::connect(server.address, offered).unwrap();
        assert_eq!(stream.conn.alpn_protocol(), spoken, "{offered:?}");
    }
    assert!(tls::connect(server.address, &["spdy/1"]).is_err());
}

#[test]
fn calls_and_statements_go_over_tls_and_not_without() {
    let setup = setup();
    let key = create_key(&setup, &["query", "ingest"]);
    let arguments = [&CERTIFICATE[..], &["--postgres", "127.0.0.1:0"]].concat();
    let server = setup.with_key(&key).with(&arguments).start();
    Call::new(TRACES, &ONE_SPAN).header("x-honeycomb-team", &key).to_tls(server.grpc).ok();
    assert_eq!(count(&server, "unknown_service"), 1);
    let mut plain = TcpStream::connect(server.grpc).unwrap();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    assert_eq!(plain.read(&mut [0; 16]).unwrap_or(0), 0);

    let address = server.said("PostgreSQL at ").unwrap();
    let mut client = Client::connect_tls(address, &key).unwrap();
    assert_eq!(client.values("SELECT count(*) FROM unknown_service"), ["1"]);
    let (code, message) = Client::connect(address, &key).unwrap_err().error.unwrap();
    assert_eq!(code, "28000");
    assert!(message.contains("sslmode=require"), "{message}");
    let wrong = Client::connect_tls(address, "wrong").unwrap_err();
    assert_eq!(wrong.error.unwrap().0, "28P01");
}

/// The protocol's loop reads nothing while a statement runs, and TLS hides a farewell.
#[test]
fn a_statement_over_tls_ends_with_its_asker() {
    let arguments = [&CERTIFICATE[..], &["--postgres", "127.0.0.1:0"]].concat();
    let server = setup().with(&arguments).start();
    let lines: Vec<String> = (0..3_000).map(|n| format!("{{\"n\":{n}}}")).collect();
    server.load("shop", lines.join("\n"));
    let mut client = Client::connect_tls(server.said("PostgreSQL at ").unwrap(), "").unwrap();
    client.begin("SELECT count(*) FROM shop a, shop b, shop c WHERE a.n + b.n + c.n = 7");
    let running = || server.metric("outcrop_queries_running");
    wait_until("the statement runs", PATIENCE, || running() == 1.0);
    client.leave();
    // Long before its deadline.
    wait_until("the statement ends", Duration::from_secs(10), || running() == 0.0);
}

#[test]
fn a_request_without_tls_is_told_so_and_closed() {
    let server = start();
    for body in [Body::None, Body::Sized(vec![b'x'; 300_000])] {
        let told = Request::new("POST", "/api/v1/events/shop").body(body).to(server.address);
        let error = refused(&told, 400);
        assert_eq!(error["code"], "tls_needed");
        assert!(error["message"].as_str().unwrap().contains("https://"), "{error}");
        assert_eq!(told.header("connection"), Some("close"));
    }
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn whoever_does_not_finish_a_handshake_is_let_go() {
    let server = start();
    let begun = Instant::now();
    let silent = TcpStream::connect(server.address).unwrap();
    let mut halting = TcpStream::connect(server.grpc).unwrap();
    // A record that is begun, and its rest byte by byte: each of them is no new patience.
    halting.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]).unwrap();
    let mut dripping = halting.try_clone().unwrap();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::SeqCst) && dripping.write_all(&[3]).is_ok() {
                std::thread::park_timeout(Duration::from_millis(200));
            }
        });
        assert_eq!(server.get("/healthz").status, 200, "others are served meanwhile");
        for (name, mut stream) in [("silent", silent), ("halting", halting)] {
            stream.set_read_timeout(Some(HANDSHAKE_ENDED)).unwrap();
            let end = stream.read(&mut [0; 16]);
            let is_closed = match &end {
                Ok(bytes) => *bytes == 0,
                Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
            };
            assert!(is_closed && begun.elapsed() < HANDSHAKE_ENDED, "{name}: {end:?} after {:?}", begun.elapsed());
        }
        ended.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_handshake_under_way_does_not_hold_up_the_end() {
    let server = start();
    let _silent = TcpStream::connect(server.address).unwrap();
    assert_eq!(server.get("/healthz").status, 200, "the connection before it was accepted");
    let begun = Instant::now();
    let (_, status) = server.terminate();
    assert!(status.success());
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[test]
fn a_new_certificate_is_taken_and_a_bad_one_is_not_while_everything_goes_on() {
    let server = start();
    let home = server.setup.home().to_owned();
    let (first, second) = (tls::certificate("first"), tls::certificate("second"));
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut long_lived = tls::connect(server.address, &["http/1.1"]).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    acknowledged.fetch_add(server.load("shop", "{\"n\":1}\n".repeat(20)), Ordering::SeqCst);
                }
            });
        }
        // However a test ends, its senders do.
        let _stopping = Stop(&stop);
        let presents = |what: &str, certificate: &_| {
            wait_until(what, PATIENCE, || tls::presented(server.address) == *certificate);
            assert_eq!(tls::presented(server.grpc), *certificate, "{what}: gRPC");
        };
        presents("the first certificate", &first);
        tls::install(&home, "second");
        presents("the second certificate", &second);
        for (file, bytes, words) in [
            ("certificate.pem", &b"nothing"[..], "has no certificate that can be read"),
            ("key.pem", b"nothing", "has no certificate that can be read"),
            ("certificate.pem", &fs::read(tls::file("first.pem")).unwrap(), "has no key that can be read"),
            ("key.pem", &fs::read(tls::file("second.key")).unwrap(), "do not go together"),
        ] {
            let refusals = |log: &str| log.matches("is refused, the one before stays").count();
            let before = refusals(&log(&server));
            tls::put(&home, file, bytes);
            wait_until("a refusal", PATIENCE, || refusals(&log(&server)) > before);
            assert!(log(&server).lines().rfind(|line| refusals(line) == 1).unwrap().contains(words), "{words}");
            assert_eq!(tls::presented(server.address), second, "{words}");
        }
        tls::put(&home, "key.pem", &fs::read(tls::file("first.key")).unwrap());
        process::hang_up(server.pid());
        presents("the first certificate again", &first);
    });
    assert_eq!(count(&server, "shop"), acknowledged.load(Ordering::SeqCst));
    let reply = Request::get("/healthz").over(server.address, &mut long_lived).unwrap();
    assert_eq!(reply.status, 200, "a connection from before all that");
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn commands_trust_the_authorities_that_they_are_told() {
    let server = start();
    fs::write(server.setup.home().join("events"), "{\"n\":1}\n{\"n\":2}\n").unwrap();
    let url = format!("https://{}", server.address);
    let authority = tls::file("authority.pem");
    let authority = authority.to_str().unwrap();
    let run = |arguments: &[&str]| server.setup.command(arguments).output().unwrap();
    let sent = run(&["send", "events", "--dataset", "shop", "--url", &url, "--ca", authority]);
    assert!(sent.status.success(), "{sent:?}");
    let asked = run(&["query", "--dataset", "shop", "--calc", "COUNT", "--csv", "--url", &url, "--ca", authority]);
    assert_eq!(String::from_utf8_lossy(&asked.stdout).lines().last(), Some("2"), "{asked:?}");
    let strange = run(&["query", "--dataset", "shop", "--url", &url]);
    assert!(!strange.status.success() && said(&strange).contains("--ca"), "{strange:?}");
    let plain = run(&["query", "--dataset", "shop", "--url", &url.replace("https", "http")]);
    assert!(!plain.status.success() && said(&plain).contains("https://"), "{plain:?}");
    let nothing = run(&["query", "--dataset", "shop", "--url", &url, "--ca", "events"]);
    assert!(!nothing.status.success() && said(&nothing).contains("certificate"), "{nothing:?}");
}

#[test]
fn what_cannot_be_used_is_refused_at_the_start() {
    let setup = setup();
    tls::put(setup.home(), "other.key", &fs::read(tls::file("second.key")).unwrap());
    for (arguments, words) in [
        (&CERTIFICATE[..2], "name tls_key too"),
        (&CERTIFICATE[2..], "name tls_certificate too"),
        (&["--tls-certificate", "nothing.pem", "--tls-key", "key.pem"], "tls_certificate: cannot read nothing.pem"),
        (&["--tls-certificate", "key.pem", "--tls-key", "key.pem"], "has no certificate that can be read"),
        (&["--tls-certificate", "certificate.pem", "--tls-key", "certificate.pem"], "has no key that can be read"),
        (&["--tls-certificate", "certificate.pem", "--tls-key", "other.key"], "do not go together"),
    ] {
        let output = setup.with(arguments).serve_command().output().unwrap();
        assert!(!output.status.success() && said(&output).contains(words), "{arguments:?}: {output:?}");
    }
    // Nobody is served elsewhere without a key, with TLS or without.
    let open = [&CERTIFICATE[..], &["--http", "0.0.0.0:0"]].concat();
    let output = setup.command(&[&["serve", "--data-dir", "data"], &open[..]].concat()).output().unwrap();
    assert!(!output.status.success() && said(&output).contains("without a key"), "{output:?}");
}
