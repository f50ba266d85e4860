//! Syslog over TCP and UDP, where nobody is told that a message arrived.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use serde_json::{Value, json};

use super::keys::create_key;
use crate::harness::{Request, Server, wait_until};

const PATIENCE: Duration = Duration::from_secs(30);
const BOTH: [&str; 4] = ["--syslog-tcp", "127.0.0.1:0", "--syslog-udp", "127.0.0.1:0"];

fn tcp(server: &Server) -> SocketAddr {
    server.said("syslog over TCP at ").expect("no address for TCP")
}

fn udp(server: &Server) -> SocketAddr {
    server.said("syslog over UDP at ").expect("no address for UDP")
}

fn bodies(server: &Server, dataset: &str) -> Vec<String> {
    let spec = json!({ "start_time": 0, "end_time": "2262-01-01T00:00:00Z", "columns": ["body"], "limit": 10_000 });
    let reply = server.post(&format!("/api/v1/rows/{dataset}"), &spec);
    if reply.status == 404 {
        return Vec::new();
    }
    let mut bodies: Vec<String> = reply.ok()["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[0].as_str().unwrap_or_default().to_owned())
        .collect();
    bodies.sort();
    bodies
}

fn wait_for(server: &Server, dataset: &str, expected: &[&str]) {
    wait_until("the messages are there", PATIENCE, || bodies(server, dataset).len() >= expected.len());
    assert_eq!(bodies(server, dataset), expected);
}

#[test]
fn it_needs_no_key_and_other_machines_only_if_that_is_meant() {
    let everywhere = ["--syslog-tcp", "0.0.0.0:0", "--syslog-udp", "0.0.0.0:0", "--syslog-from-everywhere", "true"];
    let server = Server::with(&everywhere);
    let key = create_key(&server.setup, &["query"]);
    let mut stream = TcpStream::connect(("127.0.0.1", tcp(&server).port())).unwrap();
    stream.write_all(b"<13>1 - h a - - - one\n").unwrap();
    let count = Request::json("/api/v1/query/syslog", &json!({ "start_time": 0 })).header("X-Outcrop-Key", &key);
    wait_until("the message is there", PATIENCE, || server.send(&count).status == 200);
    assert_eq!(server.send(&count).ok()["rows"], json!([[1]]));
}

#[test]
fn it_is_off_unless_asked_for() {
    let server = Server::start();
    assert_eq!((server.said("syslog over TCP at "), server.said("syslog over UDP at ")), (None, None));
}

#[test]
fn both_framings_over_one_connection() {
    let server = Server::with(&BOTH);
    let mut stream = TcpStream::connect(tcp(&server)).unwrap();
    stream.write_all(b"<13>1 2026-11-20T08:40:00Z web-1 nginx 7 - [a@1 k=\"v\"] one\n").unwrap();
    stream.write_all(b"<13>Nov 20 08:40:01 web-1 cron[9]: two\r\n25 <11>1 - h a - - - three\nx").unwrap();
    stream.write_all(b"<11>1 - h a - - - unfin").unwrap();
    wait_for(&server, "syslog", &["one", "three\nx", "two"]);
    drop(stream);
    wait_for(&server, "syslog", &["one", "three\nx", "two", "unfin"]);
    let spec = json!({ "start_time": 0, "filters": [{ "column": "body", "op": "=", "value": "one" }],
                       "columns": ["timestamp", "host.name", "service.name", "process.pid", "severity", "syslog.a@1.k", "meta.signal_type"] });
    assert_eq!(
        server.rows("syslog", &spec)["rows"],
        json!([["2026-11-20T08:40:00Z", "web-1", "nginx", 7, "info", "v", "log"]])
    );
}

#[test]
fn datagrams() {
    let server = Server::with(&[&BOTH[..], &["--syslog-dataset", "Devices"]].concat());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for message in ["<13>1 - h a - - - one\nwith a line", "two", "3 three"] {
        socket.send_to(message.as_bytes(), udp(&server)).unwrap();
    }
    wait_for(&server, "devices", &["3 three", "one\nwith a line", "two"]);
    assert_eq!(server.metric("outcrop_syslog_dropped_total"), 0.0);
}

#[test]
fn a_message_that_is_too_long_ends_its_connection_and_no_other() {
    let server = Server::with(&[&BOTH[..], &["--event-bytes-max", "1024"]].concat());
    let mut long = TcpStream::connect(tcp(&server)).unwrap();
    long.write_all(b"<13>1 - h a - - - before\n").unwrap();
    // The server may close while this is on its way.
    let _refused = long.write_all(&[b'x'; 4_000]);
    long.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(matches!(long.read(&mut [0; 1]), Ok(0) | Err(_)));
    wait_until("the loss is counted", PATIENCE, || server.metric("outcrop_syslog_dropped_total") == 1.0);
    let mut other = TcpStream::connect(tcp(&server)).unwrap();
    other.write_all(b"<13>1 - h a - - - after\n").unwrap();
    wait_for(&server, "syslog", &["after", "before"]);
}

#[test]
fn what_has_come_is_kept_by_sigterm() {
    let server = Server::with(&BOTH);
    let mut stream = TcpStream::connect(tcp(&server)).unwrap();
    let message = "<13>1 - h a - - - x\n";
    stream.write_all(message.repeat(5_000).as_bytes()).unwrap();
    wait_until("the first are there", PATIENCE, || !bodies(&server, "syslog").is_empty());
    let (setup, status) = server.terminate();
    assert_eq!(status.code(), Some(0));
    let server = setup.start();
    let count = server.query("syslog", &json!({ "start_time": 0 }))["rows"][0][0].clone();
    assert!(count.as_u64().is_some_and(|count| (1..=5_000).contains(&count)), "{count}");
    let kept: Vec<Value> =
        server.rows("syslog", &json!({ "start_time": 0, "columns": ["body"] }))["rows"].as_array().unwrap().clone();
    assert!(kept.iter().all(|row| row[0] == "x"), "half a message was kept");
}
