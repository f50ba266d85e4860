//! The process is killed at random moments while four senders send. What was acknowledged is readable exactly once; what
//! was not is there whole or not at all, and stays as it was found.
//!
//! 1. A round starts the server on the same directory and checks the round before.
//! 2. Four senders send requests of one to many events, each with a name of its own, until the server is gone. Half of
//!    them are sent with a batch id: what became of them is not left to chance, they are sent again, after this kill and
//!    the next, until they are acknowledged, and some even then.
//! 3. Meanwhile events of an earlier round are deleted, or segments are merged, or a backup is taken by a process of its own,
//!    which may be killed too.
//! 4. After a random number of acknowledgements, or while it is still starting, the server gets SIGKILL.
//! 5. What was deleted is gone for good, all of it or none; a backup that was taken to its end has what was acknowledged
//!    before it ([`saved`]), however many were killed after it.
//!
//! `OUTCROP_CRASH_KILLS` and `OUTCROP_CRASH_SEED` repeat or lengthen a run. It must not know how anything is stored.

mod saved;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::harness::{Body, Random, Request, Server, Setup, from_environment, wait_until};
use saved::Saved;

const KILLS_DEFAULT: u64 = 50;
const SENDERS: u64 = 4;
const DATASETS: [&str; 2] = ["red", "blue"];
/// The smallest memtable there is, so that flushes happen under fire.
const SETTINGS: [&str; 4] = ["--flush-bytes-max", "65536", "--flush-age-seconds-max", "1"];
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a round waits for segments to be merged, if it does.
const MERGE_PATIENCE: Duration = Duration::from_secs(8);

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
    fn send(&self, address: SocketAddr, key: &str) -> std::io::Result<bool> {
        let path = format!("/api/v1/events/{}", DATASETS[self.dataset]);
        let mut request = Request::post(&path, body(&self.id, self.round, self.events)).header("X-Outcrop-Key", key);
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

/// What became of the events of a round in one dataset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fate {
    #[default]
    Kept,
    /// Their deletion was begun, and nobody said how it ended.
    Doubtful,
    Deleted,
}

/// The requests of a round.
#[derive(Clone, Debug, Default)]
struct Round {
    sent: Vec<Sent>,
    /// By dataset.
    fates: [Fate; DATASETS.len()],
}

/// What happens beside the senders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// The events of an earlier round in one dataset are deleted.
    Deletion(usize, usize),
    Merge,
    Backup,
}

/// How often what happened.
#[derive(Debug, Default)]
struct Counts {
    deletions: u64,
    deletions_killed: u64,
    merges: u64,
    backups: u64,
    backups_killed: u64,
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
    let key = setup.create_key(&["ingest", "query", "admin"]);
    let setup = setup.with_key(&key);
    let mut counts = Counts::default();
    let mut rounds: Vec<Round> = Vec::new();
    let mut saved: Option<Saved> = None;
    while (rounds.len() as u64) < kills {
        if random.below(8) == 0 {
            kill_while_starting(&setup, random.below(60));
        }
        let server = setup.start();
        settle_open(&server, &mut rounds);
        let beside = choose(&rounds, &mut random);
        let again = again(&rounds, &mut random);
        // What is acknowledged from here on may be too late for a backup.
        let before = rounds.clone();
        let mut fire = Fire { round: rounds.len(), key: &key, again, beside, counts: &mut counts };
        let (mut sent, taken) = fire.until_killed(server, &mut rounds, &mut random);
        note_acknowledged(&mut rounds, &sent);
        let round = rounds.len();
        sent.retain(|s| s.round == round);
        if let Some(backup) = taken {
            saved = Some(backup.of(before, &sent));
        }
        // Now and then, and always after one that was killed: that one must have left it alone.
        if let Some(backup) = saved.take_if(|_| beside == Beside::Backup && random.below(2) == 0) {
            backup.verify(&setup);
        }
        rounds.push(Round { sent, ..Round::default() });
    }
    if let Some(backup) = saved {
        backup.verify(&setup);
    }
    println!("{counts:?}");
    verify_everything(&setup, &key, &mut rounds, &mut random);
}

/// What is to happen beside the next round.
fn choose(rounds: &[Round], random: &mut Random) -> Beside {
    match random.below(8) {
        0..=1 => {
            // Nothing of it may be sent again afterwards.
            let closed = |round: &Round| round.sent.iter().all(|s| s.acknowledged);
            let of = |(at, round): (usize, &Round)| {
                (0..DATASETS.len())
                    .map(move |d| (at, d))
                    .filter(|(_, d)| {
                        closed(round) && round.fates[*d] == Fate::Kept && round.sent.iter().any(|s| s.dataset == *d)
                    })
                    .collect::<Vec<_>>()
            };
            let candidates: Vec<(usize, usize)> = rounds.iter().enumerate().flat_map(of).collect();
            match candidates.len() as u64 {
                0 => Beside::Nothing,
                count => {
                    let (round, dataset) = candidates[random.below(count) as usize];
                    Beside::Deletion(round, dataset)
                }
            }
        }
        2..=3 => Beside::Merge,
        4..=5 => Beside::Backup,
        _ => Beside::Nothing,
    }
}

/// Replay, too, may be killed at any moment.
fn kill_while_starting(setup: &Setup, milliseconds: u64) {
    let mut child = setup.serve_command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::park_timeout(Duration::from_millis(milliseconds));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The requests with a batch id that nobody has acknowledged, and some of the last round whatever became of them.
fn again(rounds: &[Round], random: &mut Random) -> Vec<Sent> {
    let open = rounds.iter().flat_map(|round| &round.sent).filter(|s| s.once && !s.acknowledged);
    let last = rounds.last().into_iter().flat_map(|round| &round.sent).filter(|s| s.once && s.acknowledged);
    open.chain(last.filter(|_| random.below(8) == 0)).cloned().collect()
}

fn note_acknowledged(rounds: &mut [Round], sent: &[Sent]) {
    for acknowledged in sent.iter().filter(|s| s.acknowledged) {
        let of_round = rounds.get_mut(acknowledged.round).into_iter().flat_map(|round| &mut round.sent);
        of_round.filter(|s| s.id == acknowledged.id).for_each(|s| s.acknowledged = true);
    }
}

/// A round under way.
struct Fire<'a> {
    round: usize,
    key: &'a str,
    /// Requests of earlier rounds, which are sent first.
    again: Vec<Sent>,
    beside: Beside,
    counts: &'a mut Counts,
}

impl Fire<'_> {
    /// What was sent until the server was killed, each as far as it is acknowledged, and a backup if one was taken to its end.
    fn until_killed(
        &mut self,
        server: Server,
        rounds: &mut [Round],
        random: &mut Random,
    ) -> (Vec<Sent>, Option<Saved>) {
        let acknowledged = Mutex::new(Vec::new());
        let enough = random.below(120) as usize;
        let after_microseconds = random.below(3_000);
        let seeds: Vec<u64> = (0..SENDERS).map(|_| random.next()).collect();
        let address = server.address;
        let (round, key, again) = (self.round, self.key, self.again.clone());
        std::thread::scope(|scope| {
            let (acknowledged, again) = (&acknowledged, &again);
            let senders = seeds.into_iter().enumerate().map(|(sender, seed)| {
                // Every sender sends all of them again, so that the same id comes from several at once.
                scope.spawn(move || {
                    let name = format!("{round}-{sender}");
                    send_until_gone(address, key, &name, round, again, Random(seed), acknowledged)
                })
            });
            let senders: Vec<_> = senders.collect();
            let count = || held(acknowledged).len();
            wait_until("enough is acknowledged", PATIENCE, || count() >= enough);
            let mut taken = None;
            match self.beside {
                Beside::Nothing => kill_after(server, after_microseconds),
                Beside::Deletion(of, dataset) => {
                    let deletion = scope.spawn(move || delete(address, key, of, dataset));
                    if random.below(2) == 0 {
                        wait_until("the deletion ends", PATIENCE, || deletion.is_finished());
                    }
                    // A deletion takes longer than a request.
                    kill_after(server, after_microseconds * 40);
                    rounds[of].fates[dataset] = deletion.join().unwrap();
                    self.counts.deletions += u64::from(rounds[of].fates[dataset] == Fate::Deleted);
                    self.counts.deletions_killed += u64::from(rounds[of].fates[dataset] == Fate::Doubtful);
                }
                Beside::Merge => {
                    let merges = || server.metric("outcrop_compactions") as u64;
                    let deadline = Instant::now() + MERGE_PATIENCE;
                    while merges() == 0 && Instant::now() < deadline {
                        std::thread::park_timeout(Duration::from_millis(10));
                    }
                    self.counts.merges += merges();
                    kill_after(server, after_microseconds);
                }
                Beside::Backup => {
                    let certain: BTreeSet<String> = held(acknowledged).iter().cloned().collect();
                    taken = saved::take(server, certain, random);
                    self.counts.backups += u64::from(taken.is_some());
                    self.counts.backups_killed += u64::from(taken.is_none());
                }
            }
            let sent = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
            (sent, taken)
        })
    }
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kill_after(server: Server, microseconds: u64) {
    std::thread::park_timeout(Duration::from_micros(microseconds));
    server.kill();
}

/// Deletes the events of a round, as far as the server lives.
fn delete(address: SocketAddr, key: &str, round: usize, dataset: usize) -> Fate {
    let spec = json!({ "filters": [{ "column": "round", "op": "=", "value": round }] });
    let request = Request::new("DELETE", &format!("/api/v1/events/{}", DATASETS[dataset]));
    let request = request.body(Body::Sized(spec.to_string().into())).header("X-Outcrop-Key", key);
    let Ok(begun) = request.try_to(address) else { return Fate::Doubtful };
    // It may have no time for that.
    if begun.status != 202 {
        assert!([429, 503].contains(&begun.status), "{}", begun.text());
        return Fate::Kept;
    }
    let task = format!("/api/v1/tasks/{}", begun.json()["task"].as_str().unwrap());
    let mut fate = Fate::Doubtful;
    wait_until("the deletion ends, or the server", PATIENCE, || {
        let Ok(reply) = Request::get(&task).header("X-Outcrop-Key", key).try_to(address) else { return true };
        let task = reply.json();
        if task["state"] == "done" {
            fate = Fate::Deleted;
        }
        task["finished"].is_string()
    });
    fate
}

fn send_until_gone(
    address: SocketAddr,
    key: &str,
    name: &str,
    round: usize,
    again: &[Sent],
    mut random: Random,
    acknowledged: &Mutex<Vec<String>>,
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
        let answer = next.send(address, key);
        let gone = answer.is_err();
        next.acknowledged = answer.unwrap_or(false);
        if next.acknowledged {
            held(acknowledged).push(next.id.clone());
        }
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

/// Checks the last round, and those of which something was being deleted.
fn settle_open(server: &Server, rounds: &mut [Round]) {
    let last = rounds.len().saturating_sub(1);
    for (at, round) in rounds.iter_mut().enumerate() {
        if at == last || round.fates.contains(&Fate::Doubtful) {
            settle(server, at, round);
        }
    }
}

/// Checks a round. What was not acknowledged but is there counts as acknowledged from now on; what is not there is forgotten,
/// and would be strange if it came back, unless it is sent again.
fn settle(server: &Server, at: usize, round: &mut Round) {
    for (dataset, name) in DATASETS.iter().enumerate() {
        let found = found(server, name, at);
        let fate = &mut round.fates[dataset];
        if *fate == Fate::Doubtful {
            *fate = if found.is_empty() { Fate::Deleted } else { Fate::Kept };
        }
        let there = *fate == Fate::Kept;
        let wrong = wrong(round.sent.iter().filter(|s| there && s.dataset == dataset), &found);
        assert!(wrong.is_empty(), "round {at}, dataset {name}, {fate:?}: {}", wrong.join("; "));
        let of_dataset = round.sent.iter_mut().filter(|s| s.dataset == dataset);
        of_dataset.for_each(|s| s.acknowledged |= found.contains_key(&s.id));
    }
    round.sent.retain(|s| s.acknowledged || s.once);
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

/// After the last kill: everything with a batch id that is open is sent again; then every round, sequences, `outcrop check`,
/// and a last backup.
fn verify_everything(setup: &Setup, key: &str, rounds: &mut [Round], random: &mut Random) {
    let server = setup.start();
    // Before anything is sent again to a round that was deleted.
    settle_open(&server, rounds);
    let mut again = again(rounds, random);
    for sent in &mut again {
        wait_until("it is taken", PATIENCE, || {
            sent.acknowledged = sent.send(server.address, key).unwrap();
            sent.acknowledged
        });
    }
    note_acknowledged(rounds, &again);
    let all = |rounds: &[Round]| rounds.iter().flat_map(|round| round.sent.clone()).collect::<Vec<Sent>>();
    assert!(all(rounds).iter().all(|s| s.acknowledged || !s.once), "what is sent again is taken in the end");
    for (at, round) in rounds.iter_mut().enumerate() {
        settle(&server, at, round);
    }
    let is_there = |round: &Round, sent: &Sent| round.fates[sent.dataset] == Fate::Kept;
    let there = |round: &Round| round.sent.iter().filter(|s| is_there(round, s)).map(|s| s.events).sum::<u64>();
    let events: u64 = rounds.iter().map(there).sum();
    let spec = json!({ "start_time": 0, "disable_series": true,
                       "calculations": [{ "op": "COUNT" }, { "op": "COUNT_DISTINCT", "column": "meta.sequence", "exact": true }] });
    assert_eq!(server.query("*", &spec)["rows"], json!([[events, events]]));
    println!(
        "{} requests, {} of them with a batch id; {events} events are there, in {} segments",
        all(rounds).len(),
        all(rounds).iter().filter(|s| s.once).count(),
        server.metric("outcrop_segments")
    );
    assert!(server.metric("outcrop_segments") > 0.0, "nothing was flushed under fire");
    assert_eq!(server.get("/readyz").ok()["damage"], json!([]));
    let last = saved::take_now(server, rounds);
    let checked = setup.command(&["check", "--data-dir", "data"]).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    last.verify(setup);
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
