//! `X-Outcrop-Batch-Id`: a body that is sent again is answered the same and not stored again, whatever happened between.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use serde_json::{Value, json};

use super::refused;
use crate::harness::{Reply, Request, Server, Setup};

fn request(dataset: &str, id: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::post(&format!("/api/v1/events/{dataset}"), body).header("X-Outcrop-Batch-Id", id)
}

fn send(server: &Server, id: &str, body: impl Into<Vec<u8>>) -> Reply {
    server.send_until_taken(&request("d", id, body))
}

fn stored(server: &Server, dataset: &str) -> u64 {
    let reply = server.post(&format!("/api/v1/query/{dataset}"), &json!({ "start_time": 0, "disable_series": true }));
    if reply.status == 404 { 0 } else { reply.ok()["rows"][0][0].as_u64().unwrap() }
}

#[test]
fn the_same_body_is_answered_the_same_and_stored_once() {
    let server = Server::start();
    let body = "{\"a\":1}\nnonsense\n{\"a\":2}\n[3]\n";
    let first = send(&server, "one", body).ok();
    assert_eq!((&first["accepted"], &first["rejected_total"]), (&json!(2), &json!(2)));
    assert_eq!(first["rejected"].as_array().unwrap().len(), 2);
    for _ in 0..3 {
        assert_eq!(send(&server, "one", body).ok(), first);
    }
    assert_eq!(stored(&server, "d"), 2);
    assert_eq!(server.metric("outcrop_ingest_repeated_bodies_total"), 3.0);
    assert_eq!(server.metric("outcrop_ingest_events_total"), 2.0);
    assert_eq!(server.metric("outcrop_batch_ids"), 1.0);
    assert_eq!(send(&server, "two", body).ok(), first, "another id is another request");
    assert_eq!(stored(&server, "d"), 4);
}

#[test]
fn ids_survive_kills_and_flushes() {
    let body = |n: u64| (0..=n).map(|at| format!("{{\"n\":{at}}}\n")).chain(["?\n".to_owned()]).collect::<String>();
    let server = Server::with(&["--flush-age-seconds-max", "0"]);
    let answers: Vec<Value> = (0..5).map(|n| send(&server, &n.to_string(), body(n)).ok()).collect();
    let check = |server: &Server| {
        for (n, answer) in answers.iter().enumerate() {
            assert_eq!(&send(server, &n.to_string(), body(n as u64)).ok(), answer);
        }
        assert_eq!(stored(server, "d"), 15);
    };
    let server = server.kill().start();
    check(&server);
    server.wait_for_flush();
    check(&server);
    let server = server.kill().start();
    check(&server);
    let (setup, status) = server.terminate();
    assert_eq!(status.code(), Some(0));
    check(&setup.start());
}

#[test]
fn another_body_under_the_same_id_is_a_409_and_stores_nothing() {
    let server = Server::start();
    send(&server, "one", "{\"a\":1}").ok();
    let error = refused(&send(&server, "one", "{\"a\":2}"), 409);
    assert_eq!(error["code"], "batch_id_taken");
    assert_eq!(stored(&server, "d"), 1);
    server.send(&request("e", "one", "{\"a\":2}")).ok();
    assert_eq!((stored(&server, "d"), stored(&server, "e")), (1, 1), "an id is of one dataset");
    assert_eq!(send(&server, "one", "{\"a\":1}").ok()["accepted"], 1);
    let server = server.kill().start();
    refused(&send(&server, "one", "{\"a\":2}"), 409);
    assert_eq!(stored(&server, "d"), 1);
}

#[test]
fn bodies_without_a_single_event_are_remembered_too() {
    let server = Server::start();
    let nonsense = send(&server, "nonsense", "{\"\":1}").ok();
    assert_eq!((&nonsense["accepted"], &nonsense["rejected_total"]), (&json!(0), &json!(1)));
    let empty = send(&server, "empty", "[]").ok();
    let server = server.kill().start();
    assert_eq!(send(&server, "nonsense", "{\"\":1}").ok(), nonsense);
    assert_eq!(send(&server, "empty", "[]").ok(), empty);
    refused(&send(&server, "empty", "{\"a\":1}"), 409);
    assert_eq!(stored(&server, "d"), 0);
}

#[test]
fn what_failed_leaves_its_id_free() {
    let server = Server::with(&["--body-bytes-max", "1024"]);
    refused(&send(&server, "one", "{\"a\":"), 400);
    refused(&send(&server, "one", format!("{{\"a\":\"{}\"}}", "x".repeat(2_000))), 413);
    assert_eq!(send(&server, "one", "{\"a\":1}").ok()["accepted"], 1);
    assert_eq!(stored(&server, "d"), 1);
}

#[test]
fn ids_that_are_none_are_400() {
    let server = Server::start();
    let long = "x".repeat(65);
    for id in ["", &long, "é".repeat(33).as_str()] {
        assert_eq!(refused(&send(&server, id, "{\"a\":1}"), 400)["code"], "bad_batch_id");
    }
    refused(&server.send(&request("d", "a", "{\"a\":1}").header("X-Outcrop-Batch-Id", "b")), 400);
    assert_eq!(stored(&server, "d"), 0);
    for id in ["x", &"y".repeat(64), "é".repeat(32).as_str(), "a b"] {
        send(&server, id, "{\"a\":1}").ok();
    }
    assert_eq!(stored(&server, "d"), 4);
}

#[test]
fn of_many_at_once_one_is_stored_and_all_are_answered_the_same() {
    const SENDERS: usize = 12;
    let server = Server::start();
    for round in 0..5_u64 {
        let events = 1 + 10_000 * (round % 2);
        let body: String = (0..events).map(|n| format!("{{\"n\":{n}}}\n")).collect();
        let (barrier, before) = (Barrier::new(SENDERS), stored(&server, "d"));
        let answers: Vec<Value> = std::thread::scope(|scope| {
            let sender = || {
                barrier.wait();
                send(&server, &round.to_string(), body.clone()).ok()
            };
            let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(sender)).collect();
            senders.into_iter().map(|sender| sender.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|answer| answer["accepted"] == events), "{answers:?}");
        assert_eq!(stored(&server, "d"), before + events);
    }
    assert_eq!(server.metric("outcrop_ingest_repeated_bodies_total"), 5.0 * (SENDERS as f64 - 1.0));
}

/// Passes requests on, and loses the answers to all but every third.
fn forgetful_proxy(server: SocketAddr) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answered = counted.fetch_add(1, Ordering::SeqCst) % 3 == 2;
            let _gone = pass_on(&stream, server, answered);
            let _gone = stream.shutdown(Shutdown::Both);
        }
    });
    (address, requests)
}

fn pass_on(stream: &TcpStream, server: SocketAddr, answered: bool) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut upstream = TcpStream::connect(server)?;
    upstream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    upstream.write_all(&body)?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    let mut stream = stream;
    if answered { stream.write_all(&answer) } else { Ok(()) }
}

#[test]
fn outcrop_send_is_exact_though_answers_get_lost() {
    let server = Server::start();
    let lines: String = (0..100).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    std::fs::write(server.setup.home().join("events.ndjson"), lines).unwrap();
    let (proxy, requests) = forgetful_proxy(server.address);
    let url = format!("http://{proxy}");
    let sent = server
        .setup
        .command(&["send", "events.ndjson", "--dataset", "d", "--url", &url, "--batch", "25", "--connections", "2"])
        .output()
        .unwrap();
    assert!(sent.status.success(), "{sent:?}");
    let said = String::from_utf8_lossy(&sent.stdout).into_owned();
    assert!(said.starts_with("100 events accepted, 0 rejected"), "{said}");
    assert!(requests.load(Ordering::SeqCst) >= 10, "too few answers were lost");
    let spec = json!({ "disable_series": true, "calculations": [{ "op": "COUNT" },
                       { "op": "COUNT_DISTINCT", "column": "n", "exact": true }] });
    assert_eq!(server.query("d", &spec)["rows"], json!([[100, 100]]));
    assert!(server.metric("outcrop_ingest_repeated_bodies_total") >= 6.0);
}

#[test]
fn outcrop_send_gives_up_soon_where_nobody_is() {
    let setup = Setup::new();
    std::fs::write(setup.home().join("events.ndjson"), "{\"n\":1}\n").unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let began = std::time::Instant::now();
    let url = format!("http://{nobody}");
    let sent = setup.command(&["send", "events.ndjson", "--dataset", "d", "--url", &url]).output().unwrap();
    assert!(!sent.status.success());
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
}
