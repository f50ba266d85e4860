//! What the conformance cases cannot say of Rust: the attribute, `tracing` around it, panics.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use flate2::read::GzDecoder;
use outcrop::{Settings, expect, intent, note};
use serde_json::{Value, json};
use tracing::Instrument;

/// A store that keeps the events of every request.
#[derive(Clone)]
struct Receiver {
    url: String,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    fn new() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Receiver { url: format!("http://{}", listener.local_addr().unwrap()), events: Arc::default() };
        let events = receiver.events.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let events = events.clone();
                std::thread::spawn(move || answer(&stream, &events));
            }
        });
        receiver
    }

    fn unit(&self, name: &str) -> Value {
        let events = self.events.lock().unwrap();
        let found = events.iter().find(|event| event["name"] == name && !event["duration_ms"].is_null());
        found.cloned().unwrap_or_else(|| panic!("no {name} among {}", events.len()))
    }
}

/// Takes requests of one connection until it closes.
fn answer(stream: &TcpStream, events: &Mutex<Vec<Value>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let mut text = String::new();
        GzDecoder::new(body.as_slice()).read_to_string(&mut text).ok()?;
        let new: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let said = format!("{{\"accepted\":{},\"rejected\":[],\"rejected_total\":0}}", new.len());
        events.lock().unwrap().extend(new);
        let mut writer = stream;
        write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{said}", said.len()).ok()?;
    }
}

/// The tests of one process share a subscriber, and tell their events by name.
fn receiver() -> &'static Receiver {
    static RECEIVER: OnceLock<Receiver> = OnceLock::new();
    RECEIVER.get_or_init(|| {
        let receiver = Receiver::new();
        let mut settings = Settings::new("tests");
        settings.url.clone_from(&receiver.url);
        settings.flush = Duration::from_millis(20);
        outcrop::init_with(settings).unwrap();
        receiver
    })
}

fn unit(name: &str) -> Value {
    assert!(outcrop::flush(Duration::from_secs(20)));
    receiver().unit(name)
}

#[derive(Debug, PartialEq)]
struct Declined;

impl std::fmt::Display for Declined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the card was declined")
    }
}

/// Says nothing but its `Debug`.
#[derive(Debug)]
struct Bare;

#[intent(
    "Charge the card",
    name = "charge",
    owner = "Team Payments",
    within = "1 min",
    expects("charged once", "receipt sent")
)]
fn charge(amount: u32) -> Result<u32, Declined> {
    note!(charge.amount = amount, charge.by = %"card", charge.debug = ?Some(1), "quoted name" = 1.5,);
    if amount > 100 {
        return Err(Declined);
    }
    expect!(amount > 0, "charged once");
    let doubled = double(amount)?;
    Ok(doubled)
}

#[intent("Double", name = "double", ensures("is larger" = |r: &Result<u32, Declined>| r.as_ref().is_ok_and(|d| *d > 10)))]
fn double(amount: u32) -> Result<u32, Declined> {
    Ok(amount * 2)
}

#[test]
fn functions_are_units_and_stay_what_they_were() {
    receiver();
    assert_eq!(charge(3), Ok(6));
    let (outer, inner) = (unit("charge"), unit("double"));
    assert_eq!(outer["intent.met"], true);
    assert_eq!(outer["intent.unchecked"], "receipt sent");
    assert_eq!(outer["intent.owner"], "Team Payments");
    assert_eq!(outer["charge.amount"], 3);
    assert_eq!(outer["charge.by"], "card");
    assert_eq!(outer["charge.debug"], "Some(1)");
    assert_eq!(outer["quoted name"], 1.5);
    assert_eq!(outer["code.function.name"], "sdk::charge");
    assert!(outer["code.file.path"].as_str().unwrap().ends_with("tests/sdk.rs"));
    assert_eq!(inner["intent.unmet"], "is larger");
    assert_eq!(inner["trace.parent_id"], outer["trace.span_id"]);
}

#[intent("Refuse", name = "refuse")]
fn refuse() -> Result<(), Declined> {
    Err(Declined)
}

#[intent("Refuse barely", name = "refuse_barely")]
fn refuse_barely() -> Result<(), Bare> {
    Err(Bare)
}

#[intent("Find nothing", name = "find_nothing")]
fn find_nothing<T: Clone>(among: &[T]) -> Option<T> {
    among.first().cloned()
}

#[test]
fn errors_are_unmet_and_nothing_else_is() {
    receiver();
    assert_eq!(refuse(), Err(Declined));
    assert!(refuse_barely().is_err());
    assert_eq!(find_nothing::<u8>(&[]), None);
    let refused = unit("refuse");
    assert_eq!([&refused["intent.unmet"], &refused["error.type"]], [&json!("no error"), &json!("Declined")]);
    assert_eq!(refused["exception.message"], "the card was declined");
    assert_eq!(unit("refuse_barely")["exception.message"], "Bare");
    assert_eq!(unit("find_nothing")["intent.met"], true);
}

struct Till(u32);

impl Till {
    #[intent("Take money", name = "take")]
    async fn take(&mut self, amount: u32) -> u32 {
        tokio::task::yield_now().await;
        self.0 += amount;
        note!(till.total = self.0);
        self.0
    }
}

#[intent("Wait for ever", name = "wait_for_ever")]
async fn wait_for_ever() {
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn futures_are_units_from_their_first_poll_to_their_end() {
    receiver();
    assert_eq!(Till(1).take(2).await, 3);
    let waiting = tokio::time::timeout(Duration::from_millis(5), wait_for_ever()).await;
    assert!(waiting.is_err());
    drop(wait_for_ever());
    assert_eq!(unit("take")["till.total"], 3);
    let cancelled = unit("wait_for_ever");
    assert_eq!([&cancelled["intent.unmet"], &cancelled["error.type"]], [&json!("not cancelled"), &json!("cancelled")]);
    let events = receiver().events.lock().unwrap();
    assert_eq!(events.iter().filter(|e| e["name"] == "wait_for_ever").count(), 1, "one was never polled");
}

#[intent("Panic", name = "panics")]
fn panics(message: &str) -> u32 {
    panic!("{message}")
}

#[test]
fn panics_are_unmet_and_go_on() {
    receiver();
    let payload = std::panic::catch_unwind(|| panics("out of cups")).unwrap_err();
    assert_eq!(payload.downcast_ref::<String>().unwrap(), "out of cups");
    let event = unit("panics");
    assert_eq!([&event["intent.unmet"], &event["error.type"]], [&json!("no error"), &json!("panic")]);
    assert_eq!(event["exception.message"], "out of cups");
}

#[intent("Answer a request", name = "answer_request")]
fn answer_request() {
    note!(below = "a plain span");
}

#[tokio::test]
async fn spans_of_tracing_are_units_of_the_same_trace() {
    receiver();
    let span = tracing::info_span!("request", http.route = "/cart", later = tracing::field::Empty);
    span.record("later", 7);
    async {
        note!(noted = true);
        tracing::debug_span!("chatter").in_scope(|| note!(also_noted = 1));
        answer_request();
    }
    .instrument(span)
    .await;
    let (outer, inner) = (unit("request"), unit("answer_request"));
    assert_eq!(outer["http.route"], "/cart");
    assert_eq!([&outer["later"], &outer["also_noted"]], [7, 1]);
    assert_eq!(outer["noted"], true);
    assert!(outer["intent.met"].is_null());
    assert_eq!(inner["trace.parent_id"], outer["trace.span_id"]);
    assert_eq!(inner["trace.trace_id"], outer["trace.trace_id"]);
}

#[intent("Never called", name = "never_called", within = "2s")]
fn never_called() {}

#[test]
fn what_is_never_called_is_declared_all_the_same() {
    receiver();
    let _: fn() = never_called;
    refuse_barely().unwrap_err();
    unit("refuse_barely");
    let events = receiver().events.lock().unwrap();
    let declared: Vec<_> = events.iter().filter(|e| e["intent.name"] == "never_called").collect();
    assert_eq!(declared.len(), 1);
    assert_eq!(declared[0]["intent.expectations"], "within 2 s; no error; not cancelled");
    assert_eq!(declared[0]["intent.declared"], true);
}
