//! The process is killed at random moments while four senders send. What was acknowledged is readable exactly once; what
//! was not is there whole or not at all, and stays as it was found.
//!
//! 1. A round starts the server on the same directory and checks the round before.
//! 2. Four senders send requests of one to many events, each with a name of its own, until the server is gone. Half of
//!    them are sent with a batch id: what became of them is not left to chance, they are sent again, after this kill and
//!    the next, until they are acknowledged, and some even then.
//! 3. After a random number of acknowledgements, or while it is still starting, the server gets SIGKILL.
//!
//! `OUTCROP_CRASH_KILLS` and `OUTCROP_CRASH_SEED` repeat or lengthen a run. It must not know how anything is stored.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::harness::{Random, Request, Server, Setup, from_environment, wait_until};

const KILLS_DEFAULT: u64 = 50;
const SENDERS: u64 = 4;
const DATASETS: [&str; 2] = ["red", "blue"];
/// The smallest memtable there is, so that flushes happen under fire.
const SETTINGS: [&str; 4] = ["--flush-bytes-max", "65536", "--flush-age-seconds-max", "1"];
const PATIENCE: Duration = Duration::from_secs(60);

/// A request that was sent.
#[derive(Clone, Debug)]
struct Sent {
    id: String,
    round: usize,
    dataset: usize,
    events: u64,
    /// It has a batch id.
    once: bool,
    acknowledged: bool,
}

impl Sent {
    /// Sends it, perhaps again; whether it was acknowledged, or no answer.
    fn send(&self, address: SocketAddr) -> std::io::Result<bool> {
        let path = format!("/api/v1/events/{}", DATASETS[self.dataset]);
        let mut request = Request::post(&path, body(&self.id, self.round, self.events));
        if self.once {
            request = request.header("X-Outcrop-Batch-Id", &self.id);
        }
        let reply = request.try_to(address)?;
        // A full memtable is no acknowledgement, and no failure.
        let taken = reply.status == 200;
        assert!(!taken || reply.json()["accepted"] == json!(self.events), "{}: {}", self.id, reply.text());
        Ok(taken)
    }
}

/// What a dataset holds of one request: events, and different numbers among them.
type Found = BTreeMap<String, (u64, u64)>;

#[test]
fn acknowledged_events_survive_kills_exactly_once() {
    let kills = from_environment("OUTCROP_CRASH_KILLS").unwrap_or(KILLS_DEFAULT);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = from_environment("OUTCROP_CRASH_SEED").unwrap_or(time);
    println!("repeat with OUTCROP_CRASH_SEED={seed} OUTCROP_CRASH_KILLS={kills}");
    let mut random = Random(seed);
    let setup = Setup::new().with(&SETTINGS);
    let mut rounds: Vec<Vec<Sent>> = Vec::new();
    while (rounds.len() as u64) < kills {
        if random.below(8) == 0 {
            kill_while_starting(&setup, random.below(60));
        }
        let server = setup.start();
        if let Some((round, sent)) = rounds.iter_mut().enumerate().next_back() {
            settle(&server, round, sent);
        }
        let round = rounds.len();
        let again = again(&rounds, &mut random);
        let mut sent = fire_and_kill(server, round, again, &mut random);
        note_acknowledged(&mut rounds, &sent);
        sent.retain(|s| s.round == round);
        rounds.push(sent);
    }
    verify_everything(&setup, &mut rounds, &mut random);
}

/// Replay, too, may be killed at any moment.
fn kill_while_starting(setup: &Setup, milliseconds: u64) {
    let mut child = setup.serve_command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::park_timeout(Duration::from_millis(milliseconds));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The requests with a batch id that nobody has acknowledged, and some of the last round whatever became of them.
fn again(rounds: &[Vec<Sent>], random: &mut Random) -> Vec<Sent> {
    let open = rounds.iter().flatten().filter(|s| s.once && !s.acknowledged);
    let last = rounds.last().into_iter().flatten().filter(|s| s.once && s.acknowledged);
    open.chain(last.filter(|_| random.below(8) == 0)).cloned().collect()
}

fn note_acknowledged(rounds: &mut [Vec<Sent>], sent: &[Sent]) {
    for acknowledged in sent.iter().filter(|s| s.acknowledged) {
        let of_round = rounds.get_mut(acknowledged.round).into_iter().flatten();
        of_round.filter(|s| s.id == acknowledged.id).for_each(|s| s.acknowledged = true);
    }
}

/// What was sent in this round: requests of earlier rounds first, each as far as it is acknowledged.
fn fire_and_kill(server: Server, round: usize, again: Vec<Sent>, random: &mut Random) -> Vec<Sent> {
    let acknowledged = AtomicU64::new(0);
    let enough = random.below(120);
    let after_microseconds = random.below(3_000);
    let seeds: Vec<u64> = (0..SENDERS).map(|_| random.next()).collect();
    let address = server.address;
    std::thread::scope(|scope| {
        let (acknowledged, again) = (&acknowledged, &again);
        let senders = seeds.into_iter().enumerate().map(|(sender, seed)| {
            // Every sender sends all of them again, so that the same id comes from several at once.
            scope.spawn(move || {
                send_until_gone(address, &format!("{round}-{sender}"), round, again, Random(seed), acknowledged)
            })
        });
        let senders: Vec<_> = senders.collect();
        wait_until("enough is acknowledged", PATIENCE, || acknowledged.load(Ordering::SeqCst) >= enough);
        std::thread::park_timeout(Duration::from_micros(after_microseconds));
        server.kill();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    })
}

fn send_until_gone(
    address: SocketAddr,
    name: &str,
    round: usize,
    again: &[Sent],
    mut random: Random,
    acknowledged: &AtomicU64,
) -> Vec<Sent> {
    let mut sent = Vec::new();
    loop {
        let mut next = again.get(sent.len()).cloned().unwrap_or_else(|| Sent {
            id: format!("{name}-{}", sent.len()),
            round,
            dataset: random.below(DATASETS.len() as u64) as usize,
            events: if random.below(10) == 0 { 1 + random.below(400) } else { 1 + random.below(12) },
            once: random.below(2) == 0,
            acknowledged: false,
        });
        let answer = next.send(address);
        let gone = answer.is_err();
        next.acknowledged = answer.unwrap_or(false);
        acknowledged.fetch_add(u64::from(next.acknowledged), Ordering::SeqCst);
        sent.push(next);
        if gone {
            return sent;
        }
    }
}

/// Events over two days, so that a flush makes more than one segment.
fn body(id: &str, round: usize, events: u64) -> String {
    let event = |n: u64| {
        let time = 1_793_491_200 + (n % 2) * 86_400;
        format!("{{\"timestamp\":{time},\"request\":\"{id}\",\"round\":{round},\"n\":{n},\"pad\":\"{n:0>64}\"}}\n")
    };
    (0..events).map(event).collect()
}

fn found(server: &Server, dataset: &str, round: usize) -> Found {
    let spec = json!({
        "calculations": [{ "op": "COUNT" }, { "op": "COUNT_DISTINCT", "column": "n" }],
        "filters": [{ "column": "round", "op": "=", "value": round }], "breakdowns": ["request"],
        "limit": 10_000, "start_time": 0, "disable_series": true,
    });
    let reply = server.post(&format!("/api/v1/query/{dataset}"), &spec);
    if reply.status == 404 {
        return Found::new();
    }
    let answer = reply.ok();
    let number = |value: &Value| value.as_u64().unwrap();
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.map(|row| (row[0].as_str().unwrap_or("(none)").to_owned(), (number(&row[1]), number(&row[2])))).collect()
}

/// Checks a round. What was not acknowledged but is there counts as acknowledged from now on; what is not there is forgotten,
/// and would be strange if it came back, unless it is sent again.
fn settle(server: &Server, round: usize, sent: &mut Vec<Sent>) {
    for (dataset, name) in DATASETS.iter().enumerate() {
        let found = found(server, name, round);
        let wrong = wrong(sent.iter().filter(|s| s.dataset == dataset), &found);
        assert!(wrong.is_empty(), "round {round}, dataset {name}: {}", wrong.join("; "));
        let of_dataset = sent.iter_mut().filter(|s| s.dataset == dataset);
        of_dataset.for_each(|s| s.acknowledged |= found.contains_key(&s.id));
    }
    sent.retain(|s| s.acknowledged || s.once);
}

/// What contradicts the promise.
fn wrong<'a>(sent: impl Iterator<Item = &'a Sent>, found: &Found) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut strange: BTreeMap<&String, &(u64, u64)> = found.iter().collect();
    for sent in sent {
        match strange.remove(&sent.id) {
            None if sent.acknowledged => wrong.push(format!("{} was acknowledged and is lost", sent.id)),
            None => {}
            Some(&(count, distinct)) if (count, distinct) == (sent.events, sent.events) => {}
            Some(counts) => wrong.push(format!("{} has {counts:?} of {} events", sent.id, sent.events)),
        }
    }
    wrong
        .extend(strange.iter().map(|(id, counts)| format!("nobody sent {id}: {counts:?}, or it was not there before")));
    wrong
}

/// After the last kill: everything with a batch id that is open is sent again; then every round, sequences, and
/// `outcrop check`.
fn verify_everything(setup: &Setup, rounds: &mut [Vec<Sent>], random: &mut Random) {
    let server = setup.start();
    let mut again = again(rounds, random);
    for sent in &mut again {
        wait_until("it is taken", PATIENCE, || {
            sent.acknowledged = sent.send(server.address).unwrap();
            sent.acknowledged
        });
    }
    note_acknowledged(rounds, &again);
    assert!(rounds.iter().flatten().all(|s| s.acknowledged || !s.once), "what is sent again is taken in the end");
    for (round, sent) in rounds.iter_mut().enumerate() {
        settle(&server, round, sent);
    }
    let events: u64 = rounds.iter().flatten().map(|s| s.events).sum();
    let spec = json!({ "start_time": 0, "disable_series": true,
                       "calculations": [{ "op": "COUNT" }, { "op": "COUNT_DISTINCT", "column": "meta.sequence", "exact": true }] });
    assert_eq!(server.query("*", &spec)["rows"], json!([[events, events]]));
    let requests = rounds.iter().flatten();
    println!(
        "{} requests with {events} events, {} of them with a batch id, in {} segments",
        requests.clone().count(),
        requests.filter(|s| s.once).count(),
        server.metric("outcrop_segments")
    );
    assert!(server.metric("outcrop_segments") > 0.0, "nothing was flushed under fire");
    assert_eq!(server.get("/readyz").ok()["damage"], json!([]));
    let checked = server.kill().command(&["check", "--data-dir", "data"]).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
}

/// The canary: a check that finds nothing wrong here would find nothing wrong anywhere.
#[test]
fn broken_promises_are_found() {
    let sent = |id: &str, events, acknowledged| Sent {
        id: id.into(),
        round: 0,
        dataset: 0,
        events,
        once: false,
        acknowledged,
    };
    let all = [
        sent("kept", 2, true),
        sent("lost", 2, true),
        sent("gone", 2, false),
        sent("half", 2, false),
        sent("twice", 2, true),
    ];
    let found = [("kept", (2, 2)), ("half", (1, 1)), ("twice", (4, 2)), ("revived", (1, 1))];
    let found: Found = found.into_iter().map(|(id, counts)| (id.to_owned(), counts)).collect();
    let wrong = wrong(all.iter(), &found);
    let names: Vec<bool> =
        ["lost", "half", "twice", "revived"].iter().map(|id| wrong.iter().any(|w| w.contains(id))).collect();
    assert_eq!((wrong.len(), names), (4, vec![true; 4]), "{wrong:?}");
}
