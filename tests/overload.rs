//! Ten times more than it can take: what is accepted is accepted soon and kept, questions are answered, memory is bounded.
//!
//! The server has one core. 1. Questions about a fixed dataset are timed while it is quiet. 2. A closed loop finds the rate
//! that it accepts. 3. An open loop offers ten times that rate, while the same questions are timed again. 4. Every
//! acknowledged event is there once and no refused one is, before and after a restart.
//!
//! `OUTCROP_OVERLOAD_SECONDS` makes it a proof: so long, with the bounds that are promised. Without it it is short and
//! its bounds are wide, because other tests run beside it. It must not know how requests are shed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::ledger::Ledger;
use crate::harness::load::{self, Outcome, Schedule, percentile};
use crate::harness::{Server, Setup, from_environment, process};

const SECONDS_DEFAULT: u64 = 8;
/// Of the rate that is accepted.
const TIMES: f64 = 10.0;
const EVENTS_EACH: u64 = 200;
/// Requests of the open loop that may be under way at once.
const LANES: usize = 256;
/// Events in the dataset that is asked about.
const QUIET_EVENTS: u64 = 20_000;
const QUESTION_INTERVAL: Duration = Duration::from_millis(250);
const MEMORY_BYTES_MAX: u64 = 2 << 30;
const START: u64 = 1_793_491_200;

/// What is promised, or what a short run among other tests must keep.
struct Bounds {
    accepted_p99: Duration,
    /// p95 of questions, in times of that when it is quiet.
    question_times: f64,
}

const PROMISED: Bounds = Bounds { accepted_p99: Duration::from_secs(2), question_times: 5.0 };
const SHORT: Bounds = Bounds { accepted_p99: Duration::from_secs(8), question_times: 25.0 };

/// An event of about 1.3 kB and sixty fields. The spaces before the 0 of `request` take its number.
fn event(n: u64) -> String {
    let service = ["cart", "search", "pay", "mail", "edge"][(n % 5) as usize];
    let mut text = format!(
        "{{\"timestamp\":{},\"request\":{:>12},\"n\":{n},\"service.name\":\"{service}\",\"duration_ms\":{}",
        START + n % 3_600,
        0,
        (n * 7_919 % 10_000) as f64 / 10.0
    );
    for field in 0..20 {
        write!(text, ",\"count.of.{field}\":{}", n * (field + 1) % 977).unwrap();
        write!(text, ",\"name.of.{field}\":\"value-{:06}\"", n * 31 * (field + 3) % 100_003).unwrap();
    }
    for field in 0..15 {
        write!(text, ",\"flag.{field}\":{}", (n + field).is_multiple_of(3)).unwrap();
    }
    writeln!(text, ",\"id\":\"{:016x}{:016x}\"}}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15), !n).unwrap();
    text
}

/// A request made once and sent often: only its number changes.
struct Template {
    bytes: Vec<u8>,
    places: Vec<usize>,
}

impl Template {
    fn new(path: &str) -> Template {
        let body: String = (0..EVENTS_EACH).map(event).collect();
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        let text = head + &body;
        let key = "\"request\":";
        let places = text.match_indices(key).map(|(at, _)| at + key.len()).collect();
        Template { bytes: text.into_bytes(), places }
    }

    fn write(&self, request: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
        let number = format!("{request:>12}");
        for place in &self.places {
            out[*place..*place + number.len()].copy_from_slice(number.as_bytes());
        }
    }
}

fn questions() -> [Value; 3] {
    let (start, end) = (START, START + 3_600);
    [
        json!({ "start_time": start, "end_time": end, "breakdowns": ["service.name"],
                "calculations": [{ "op": "COUNT" }, { "op": "P99", "column": "duration_ms" }] }),
        json!({ "start_time": start, "end_time": end, "breakdowns": ["name.of.2"], "limit": 10,
                "calculations": [{ "op": "AVG", "column": "count.of.3" }] }),
        json!({ "start_time": start, "end_time": end, "calculations": [{ "op": "COUNT" }],
                "filters": [{ "column": "flag.1", "op": "=", "value": true }] }),
    ]
}

/// Asks in turn, at fixed times, while `goes_on`; how long each answer took.
fn ask(server: &Server, goes_on: impl Fn() -> bool) -> Vec<Duration> {
    let (questions, began) = (questions(), Instant::now());
    let mut took = Vec::new();
    while goes_on() {
        load::wait_for(began + QUESTION_INTERVAL * took.len() as u32);
        let asked = Instant::now();
        server.query("quiet", &questions[took.len() % questions.len()]);
        took.push(asked.elapsed());
    }
    took
}

/// Looks at the server's memory while `goes_on`; the most it held.
fn watch_memory(server: &Server, goes_on: impl Fn() -> bool) -> u64 {
    let mut peak = 0;
    while goes_on() {
        peak = peak.max(process::anonymous_memory_bytes(server.pid()));
        std::thread::park_timeout(Duration::from_millis(50));
    }
    peak
}

#[test]
fn ten_times_too_much_is_survived() {
    let proof = from_environment("OUTCROP_OVERLOAD_SECONDS");
    let (seconds, bounds) = (proof.unwrap_or(SECONDS_DEFAULT), if proof.is_some() { PROMISED } else { SHORT });
    let server = Setup::new().pinned().start();
    for first in (0..QUIET_EVENTS).step_by(1_000) {
        server.load("quiet", (first..first + 1_000).map(event).collect::<String>());
    }
    let quiet_for = Duration::from_secs((seconds / 4).clamp(4, 30));
    let until = Instant::now() + quiet_for;
    let quiet = ask(&server, || Instant::now() < until);

    let keep_off = server.setup.processor();
    let mut ledger = Ledger::new("flood", EVENTS_EACH);
    let template = Template::new("/api/v1/events/flood");
    let closed = Schedule { lanes: 4, interval: None, duration: quiet_for, keep_off, first: 0 };
    let calibration = load::offer(server.address, closed, |request, out| template.write(request, out));
    let rate = accepted(&calibration).count() as f64 / quiet_for.as_secs_f64();
    note(&mut ledger, &calibration);

    let first = calibration.len() as u64;
    let interval = Some(Duration::from_secs_f64(1.0 / (rate * TIMES)));
    let open = Schedule { lanes: LANES, interval, duration: Duration::from_secs(seconds), keep_off, first };
    let done = AtomicBool::new(false);
    let goes_on = || !done.load(Ordering::SeqCst);
    let (flood, busy, peak) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| ask(&server, goes_on));
        let watching = scope.spawn(|| watch_memory(&server, goes_on));
        let flood = load::offer(server.address, open, |request, out| template.write(request, out));
        done.store(true, Ordering::SeqCst);
        (flood, asking.join().unwrap(), watching.join().unwrap())
    });
    note(&mut ledger, &flood);

    let p99 = percentile(accepted(&flood), 0.99);
    let (quiet_p95, busy_p95) = (percentile(quiet.iter().copied(), 0.95), percentile(busy.iter().copied(), 0.95));
    let goodput = accepted(&flood).count() as f64 / seconds as f64 / rate;
    let events = rate * EVENTS_EACH as f64;
    println!(
        "accepts {events:.0} events/s alone; offered {TIMES} times that for {seconds} s, it accepted {goodput:.2} of it"
    );
    report(&flood);
    println!("questions: p95 {quiet_p95:?} quiet, {busy_p95:?} under load; RssAnon at most {} MiB", peak >> 20);
    println!("shed: {}", shed_reasons(&server));
    assert!(accepted(&flood).count() > 0, "nothing was accepted");
    assert!(flood.iter().all(|o| matches!(o.status, Some(200 | 429))), "it answers 200 or 429 and never breaks off");
    assert!(peak <= MEMORY_BYTES_MAX, "{peak} bytes were held");
    assert!(p99 <= bounds.accepted_p99, "p99 of what was accepted is {p99:?}");
    let times = busy_p95.as_secs_f64() / quiet_p95.as_secs_f64();
    assert!(times <= bounds.question_times, "questions took {times:.1} times as long as when it was quiet");

    ledger.verify(&server);
    println!("{} requests are there, each once", ledger.acknowledged());
    let server = server.kill().start();
    ledger.verify(&server);
}

fn accepted(outcomes: &[Outcome]) -> impl Iterator<Item = Duration> {
    outcomes.iter().filter(|o| o.status == Some(200)).map(|o| o.latency)
}

fn note(ledger: &mut Ledger, outcomes: &[Outcome]) {
    outcomes.iter().for_each(|o| ledger.note(o.request, o.status));
}

/// Latencies by status.
fn report(outcomes: &[Outcome]) {
    let mut by_status: BTreeMap<Option<u16>, Vec<Duration>> = BTreeMap::new();
    for outcome in outcomes {
        by_status.entry(outcome.status).or_default().push(outcome.latency);
    }
    for (status, latencies) in by_status {
        let at = |share| percentile(latencies.iter().copied(), share);
        let status = status.map_or("broken off".to_owned(), |status| status.to_string());
        println!(
            "{status}: {} requests, p50 {:?}, p99 {:?}, at most {:?}",
            latencies.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}

fn shed_reasons(server: &Server) -> String {
    let text = server.get("/metrics").text();
    let lines = text.lines().filter_map(|line| line.strip_prefix("outcrop_shed_requests_total"));
    lines.collect::<Vec<_>>().join(" ")
}
