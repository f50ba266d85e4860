//! What the store may hold, judged from what was sent and answered. Knows events and answers; nothing of files.

use std::collections::{BTreeMap, BTreeSet};

use crate::testing::{DAY, Event, Numbered, START, Value, event};

/// One request: events with ids of their own, all to one dataset.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) dataset: usize,
    pub(super) ids: std::ops::Range<i64>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Acknowledged,
    /// An error was answered: it may have become durable all the same, as the next start will show.
    Doubtful,
    /// It was not there after a start, so it never may be.
    Lost,
}

/// What happened to an event after it was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// A policy allows it to go, or a removal of it failed: it may be there or not.
    Optional,
    /// It must not be there.
    Removed,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) requests: Vec<Request>,
    fates: BTreeMap<i64, Fate>,
    next_id: i64,
}

/// The event with this id: always the same, and unlike its neighbours in time, fields and types.
pub(super) fn made(id: i64) -> Event {
    let spread = id.wrapping_mul(2_654_435_761).rem_euclid(1 << 31);
    let day = if spread % 41 == 0 { spread % 400 } else { spread % 3 };
    let mut fields = vec![("id", Value::Integer(id))];
    match spread % 7 {
        0 => fields.push(("x", Value::Integer(spread))),
        1 => fields.push(("x", Value::float(spread as f64 / 7.0))),
        2 => fields.push(("x", Value::text(&format!("text {spread}")))),
        3 => fields.push(("x", Value::Boolean(spread % 2 == 0))),
        _ => {}
    }
    if spread % 5 != 0 {
        fields.push(("service.name", Value::text(["cart", "shop", "find", "pay"][(spread % 4) as usize])));
    }
    let mut event = event(START + day * DAY + spread * 1_000, &fields);
    event.rate = if spread % 11 == 0 { 20 } else { 1 };
    event
}

/// The event with all numbers as floats: beside floats the store keeps integers so.
fn by_value(event: &Event) -> Event {
    let value = |value: &Value| match value {
        Value::Integer(number) => Value::float(*number as f64),
        other => other.clone(),
    };
    Event { fields: event.fields.iter().map(|(name, v)| (name.clone(), value(v))).collect(), ..event.clone() }
}

impl Model {
    pub(super) fn begin(&mut self, dataset: usize, events: i64) -> usize {
        let ids = self.next_id..self.next_id + events;
        self.next_id = ids.end;
        self.requests.push(Request { dataset, ids, state: State::Doubtful });
        self.requests.len() - 1
    }

    pub(super) fn acknowledged(&mut self, request: usize) {
        self.requests[request].state = State::Acknowledged;
    }

    /// Whatever a policy allows to go at `now` may be gone. `received` says when an event arrived.
    pub(super) fn expired(&mut self, ids: impl Iterator<Item = i64>) {
        for id in ids {
            self.fates.entry(id).or_insert(Fate::Optional);
        }
    }

    pub(super) fn removed(&mut self, ids: &[i64]) {
        self.fates.extend(ids.iter().map(|id| (*id, Fate::Removed)));
    }

    /// Judges what a dataset holds.
    pub(super) fn judge(&self, dataset: usize, held: &[Numbered]) {
        let mut sequences = BTreeSet::new();
        let mut found = BTreeSet::new();
        for numbered in held {
            let Some(Value::Integer(id)) = numbered.event.fields.get("id") else { panic!("an event without id") };
            assert_eq!(by_value(&numbered.event), by_value(&made(*id)), "event {id} has changed");
            assert!(sequences.insert(numbered.sequence), "sequence {} is there twice", numbered.sequence);
            assert!(found.insert(*id), "event {id} is there twice");
            assert_ne!(self.fates.get(id), Some(&Fate::Removed), "event {id} was removed and is back");
        }
        for request in self.requests.iter().filter(|r| r.dataset == dataset) {
            let sure: Vec<i64> = request.ids.clone().filter(|id| !self.fates.contains_key(id)).collect();
            let there = sure.iter().filter(|id| found.contains(*id)).count();
            match request.state {
                State::Acknowledged => {
                    assert_eq!(there, sure.len(), "acknowledged events of {:?} are lost", request.ids)
                }
                State::Doubtful => assert!(there == 0 || there == sure.len(), "{:?} is there in part", request.ids),
                State::Lost => assert_eq!(there, 0, "{:?} was lost and is back", request.ids),
            }
            request.ids.clone().for_each(|id| {
                found.remove(&id);
            });
        }
        assert!(found.is_empty(), "nobody sent {found:?} to this dataset");
    }

    /// After a start: what was doubtful is decided.
    pub(super) fn settle(&mut self, dataset: usize, held: &[Numbered]) {
        let found: BTreeSet<i64> = held.iter().map(id).collect();
        for request in self.requests.iter_mut().filter(|r| r.dataset == dataset && r.state == State::Doubtful) {
            let there = request.ids.clone().any(|id| found.contains(&id));
            request.state = if there { State::Acknowledged } else { State::Lost };
        }
    }
}

pub(super) fn id(numbered: &Numbered) -> i64 {
    match numbered.event.fields["id"] {
        Value::Integer(id) => id,
        ref other => panic!("{other:?}"),
    }
}
