//! What was sent and what became of it, against what is there: every acknowledged event once, a refused one not at all.
//!
//! Requests have numbers, and each of their events says which request it is of and which event of that. It must not know
//! how requests are sent.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Value, json};

use super::Server;

/// Requests looked at by one query.
const REQUESTS_EACH: u64 = 5_000;

/// What its sender was told of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is durable: all of it must be there.
    Acknowledged,
    /// Nothing was stored.
    Refused,
    /// Nothing, or that the disk failed: it is there whole or not at all.
    Unknown,
}

/// Requests to one dataset, each of so many events.
#[derive(Debug)]
pub(crate) struct Ledger {
    dataset: String,
    events_each: u64,
    requests: BTreeMap<u64, Told>,
}

impl Ledger {
    pub(crate) fn new(dataset: &str, events_each: u64) -> Ledger {
        Ledger { dataset: dataset.to_owned(), events_each, requests: BTreeMap::new() }
    }

    /// Notes what a status says of a request; none if there was no answer.
    pub(crate) fn note(&mut self, request: u64, status: Option<u16>) {
        let told = match status {
            Some(200) => Told::Acknowledged,
            Some(429) => Told::Refused,
            Some(503) | None => Told::Unknown,
            Some(other) => panic!("request {request} was answered with {other}"),
        };
        assert!(self.requests.insert(request, told).is_none(), "request {request} was sent twice");
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.requests.values().filter(|told| **told == Told::Acknowledged).count() as u64
    }

    /// Everything that contradicts the ledger.
    pub(crate) fn contradictions(&self, server: &Server) -> Vec<String> {
        let (first, last) = match (self.requests.keys().next(), self.requests.keys().next_back()) {
            (Some(first), Some(last)) => (*first, *last),
            _ => return Vec::new(),
        };
        let mut wrong = Vec::new();
        for from in (first..=last).step_by(REQUESTS_EACH as usize) {
            let requests = from..from + REQUESTS_EACH;
            let found = self.found(server, requests.clone());
            wrong.extend(self.compare(requests, &found));
        }
        wrong
    }

    fn compare(&self, requests: Range<u64>, found: &BTreeMap<u64, (u64, u64)>) -> Vec<String> {
        let mut wrong: Vec<String> = Vec::new();
        let whole = (self.events_each, self.events_each);
        for (request, told) in self.requests.range(requests) {
            match (told, found.get(request)) {
                (Told::Acknowledged, None) => wrong.push(format!("{request} was acknowledged and is lost")),
                (Told::Refused, Some(_)) => wrong.push(format!("{request} was refused and is there")),
                (_, Some(counts)) if *counts != whole => wrong.push(format!("{request} has {counts:?} of {whole:?}")),
                _ => {}
            }
        }
        let strange = found.keys().filter(|request| !self.requests.contains_key(request));
        wrong.extend(strange.map(|request| format!("nobody sent {request}")));
        wrong
    }

    /// Events of each request, and how many different ones.
    fn found(&self, server: &Server, requests: Range<u64>) -> BTreeMap<u64, (u64, u64)> {
        let spec = json!({
            "calculations": [{ "op": "COUNT" }, { "op": "COUNT_DISTINCT", "column": "n", "exact": true }],
            "filters": [
                { "column": "request", "op": ">=", "value": requests.start },
                { "column": "request", "op": "<", "value": requests.end },
            ],
            "breakdowns": ["request"], "limit": REQUESTS_EACH * 2, "start_time": 0, "disable_series": true,
        });
        let answer = server.post(&format!("/api/v1/query/{}?timeout_seconds=300", self.dataset), &spec).ok();
        let number = |value: &Value| value.as_u64().unwrap();
        let rows = answer["rows"].as_array().unwrap().iter();
        rows.map(|row| (number(&row[0]), (number(&row[1]), number(&row[2])))).collect()
    }

    /// Fails unless everything is there as it was told.
    pub(crate) fn verify(&self, server: &Server) {
        let wrong = self.contradictions(server);
        let shown = wrong.len().min(10);
        assert!(wrong.is_empty(), "{} things, such as: {}", wrong.len(), wrong[..shown].join("; "));
    }
}

/// The canary: a ledger that finds nothing wrong here would find nothing wrong anywhere.
#[test]
fn contradictions_are_found() {
    let mut ledger = Ledger::new("d", 2);
    for (request, status) in [(1, Some(200)), (2, Some(200)), (3, Some(429)), (4, None), (5, Some(200)), (6, Some(503))]
    {
        ledger.note(request, status);
    }
    let found = [(1, (2, 2)), (3, (2, 2)), (4, (1, 1)), (5, (4, 2)), (7, (2, 2))].into_iter().collect();
    let wrong = ledger.compare(0..10, &found);
    let named =
        |request: u64| wrong.iter().any(|w| w.contains(&format!("{request} ")) || w.ends_with(&request.to_string()));
    assert_eq!((wrong.len(), [2, 3, 4, 5, 7].map(named)), (5, [true; 5]), "{wrong:?}");
    assert_eq!(ledger.acknowledged(), 3);
}
