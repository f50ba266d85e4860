//! The table against a list, and who waits for whom.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::event::DatasetName;

const START: i64 = crate::testing::START;

fn id(n: u8, body: u8) -> BatchId {
    BatchId::new([0; 16], "", &DatasetName::new("d").unwrap(), &n.to_string(), &[body])
}

fn acknowledgement(n: u8, body: u8, received: TimestampNs, details: usize) -> Acknowledgement {
    let outcome = Outcome { accepted: u32::from(n), rejected: u32::from(body), details: vec![n; details] };
    Acknowledgement { id: id(n, body), received, outcome }
}

#[derive(Clone, Debug)]
enum Step {
    /// Seconds since the last, id, body, bytes of details.
    Insert(i64, u8, u8, usize),
    Forget(i64),
    /// Everything of these files goes to a new one.
    Move(BTreeSet<u64>),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..200i64, 0..12u8, 0..2u8, prop_oneof![3 => Just(0), 1 => 1..40usize])
            .prop_map(|(seconds, n, body, details)| Step::Insert(seconds, n, body, details)),
        1 => (0..2_000i64).prop_map(Step::Forget),
        1 => proptest::collection::btree_set(0..6u64, 0..4).prop_map(Step::Move),
    ]
}

/// What the table should be: every acknowledgement that came, oldest first.
#[derive(Debug, Default)]
struct Model(Vec<(u64, Acknowledgement)>);

const MAX: usize = 8;
const DETAILS_MAX: usize = 100;

impl Model {
    fn insert(&mut self, file: u64, acknowledgement: Acknowledgement) {
        self.0.push((file, acknowledgement));
        let mut bytes: usize = self.0.iter().map(|(_, a)| a.outcome.details.len()).sum();
        for (_, oldest) in &mut self.0 {
            if bytes > DETAILS_MAX {
                bytes -= std::mem::take(&mut oldest.outcome.details).len();
            }
        }
        self.0.drain(..self.0.len().saturating_sub(MAX));
    }

    fn forget(&mut self, now: i64) {
        let young = self.0.iter().position(|(_, a)| is_young(a.received, now));
        self.0.drain(..young.unwrap_or(self.0.len()));
    }

    /// The newest of each id.
    fn current(&self) -> impl Iterator<Item = &(u64, Acknowledgement)> {
        let newer = |at: usize| self.0[at + 1..].iter().any(|(_, a)| a.id.key == self.0[at].1.id.key);
        self.0.iter().enumerate().filter(move |(at, _)| !newer(*at)).map(|(_, a)| a)
    }

    fn in_files(&self, files: &BTreeSet<u64>, now: i64) -> Vec<Acknowledgement> {
        let wanted = self.current().filter(|(file, a)| files.contains(file) && is_young(a.received, now));
        wanted.map(|(_, a)| a.clone()).collect()
    }
}

proptest! {
    #[test]
    fn the_table_is_the_list(steps in proptest::collection::vec(any_step(), 1..80), wraps in any::<bool>()) {
        let table = Acknowledged::new();
        table.restore(Found::default());
        table.lock().kept = Kept::new(MAX, DETAILS_MAX);
        table.lock().kept.left = if wraps { u32::MAX - 10 } else { 0 };
        let mut model = Model::default();
        let (mut now, mut file) = (START, 0);
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert(seconds, n, body, details) => {
                    now += seconds * 1_000_000_000;
                    file = at as u64 / 4;
                    table.lock().kept.insert(file, acknowledgement(n, body, now, details));
                    model.insert(file, acknowledgement(n, body, now, details));
                }
                Step::Forget(seconds) => {
                    now += seconds * 1_000_000_000;
                    table.forget_old(now);
                    model.forget(now);
                }
                Step::Move(files) => {
                    table.moved(&files, file + 1);
                    model.0.iter_mut().filter(|(f, _)| files.contains(f)).for_each(|(f, _)| *f = file + 1);
                }
            }
            let state = table.lock();
            let kept = &state.kept;
            prop_assert_eq!(kept.places.len(), model.current().count());
            prop_assert!(kept.details_bytes <= DETAILS_MAX && kept.ring.len() <= MAX);
            for n in 0..12 {
                let known = model.current().find(|(_, a)| a.id.key == id(n, 0).key).map(|(_, a)| a);
                let known = known.filter(|a| is_young(a.received, now));
                for body in 0..2 {
                    match (kept.find(&id(n, body), now), known) {
                        (Ok(None), None) => {}
                        (Ok(Some(outcome)), Some(a)) if a.id.body == id(n, body).body => {
                            prop_assert_eq!(&outcome, &a.outcome);
                        }
                        (Err(StoreError::BatchIdTaken), Some(a)) if a.id.body != id(n, body).body => {}
                        other => prop_assert!(false, "{:?}", other),
                    }
                }
            }
            drop(state);
            let some = BTreeSet::from([file, file + 1]);
            prop_assert_eq!(table.in_files(&some, now), Some(model.in_files(&some, now)));
        }
    }
}

#[test]
fn memory_of_a_burst_is_given_back() {
    let mut kept = Kept::new(100_000, DETAILS_MAX);
    for n in 0..50_000_u32 {
        let name = DatasetName::new("d").unwrap();
        let id = BatchId::new([0; 16], "", &name, &n.to_string(), b"");
        let outcome = Outcome::default();
        kept.insert(1, Acknowledgement { id, received: START + i64::from(n) * 1_000_000, outcome });
    }
    assert!(kept.ring.capacity() >= 50_000 && kept.places.capacity() >= 50_000);
    // All but the last second.
    kept.forget_old(START + 49 * 1_000_000_000 + KEPT_NS - 1);
    assert_eq!((kept.ring.len(), kept.places.len()), (1_000, 1_000));
    assert!(kept.ring.capacity() < 5_000 && kept.places.capacity() < 5_000);
    let name = DatasetName::new("d").unwrap();
    for n in 49_000..50_000_u32 {
        let id = BatchId::new([0; 16], "", &name, &n.to_string(), b"");
        assert!(kept.find(&id, START).unwrap().is_some(), "{n}");
    }
}

/// The documented price of an entry.
#[test]
fn an_entry_has_its_size() {
    assert_eq!(size_of::<Entry>(), 56);
    let entries = limits::ACKNOWLEDGEMENTS_MAX.next_power_of_two();
    let table = (limits::ACKNOWLEDGEMENTS_MAX * 8 / 7).next_power_of_two();
    let bytes = entries * size_of::<Entry>() + table * (size_of::<u32>() + 1);
    assert_eq!(bytes / limits::ACKNOWLEDGEMENTS_MAX, 69);
}

fn claimed(table: &Arc<Acknowledged>, id: &BatchId) -> Claim {
    match table.claim(id, || START) {
        Ok(Known::Nothing(claim)) => claim,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_second_waits_for_the_first_and_is_told_the_same() {
    let table = Acknowledged::new();
    let first = claimed(&table, &id(1, 0));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let second = |body| {
            let known = table.claim(&id(1, body), || START);
            assert!(done.load(Ordering::SeqCst), "it did not wait");
            known.map(|known| matches!(known, Known::Acknowledged(outcome) if outcome.accepted == 1))
        };
        let (same, other) = (scope.spawn(move || second(0)), scope.spawn(move || second(1)));
        drop(claimed(&table, &id(2, 0)));
        table.remember(7, vec![acknowledgement(1, 0, START, 3)], START);
        done.store(true, Ordering::SeqCst);
        drop(first);
        assert!(same.join().unwrap().unwrap());
        assert!(matches!(other.join().unwrap(), Err(StoreError::BatchIdTaken)));
    });
    assert_eq!(table.len(), 1);
}

#[test]
fn when_the_first_fails_the_second_goes_on() {
    let table = Acknowledged::new();
    let first = claimed(&table, &id(1, 0));
    std::thread::scope(|scope| {
        let second = scope.spawn(|| drop(claimed(&table, &id(1, 0))));
        drop(first);
        second.join().unwrap();
    });
    drop(claimed(&table, &id(1, 0)));
}

#[test]
fn nobody_waits_for_ever() {
    let table = Acknowledged::new();
    let looked = AtomicU64::new(0);
    let wait_until_looked = |times| {
        while looked.load(Ordering::SeqCst) < times {
            std::thread::yield_now();
        }
    };
    let claim = claimed(&table, &id(1, 0));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let now = || START + looked.fetch_add(1, Ordering::SeqCst) as i64;
            table.claim(&id(1, 0), now).map(|_| ())
        });
        // Twice a request fails, and another of the same id is quicker than the one that waits.
        for times in 1..=2 {
            wait_until_looked(times);
            // It looks and begins to wait in one step, so it is waiting now.
            table.lock().under_way.insert(id(1, 0).key, 100 + times);
            table.ended.notify_all();
        }
        assert!(matches!(waiting.join().unwrap(), Err(StoreError::Busy)));
    });
    drop(claim);
    drop(claimed(&table, &id(1, 0)));
}

#[test]
fn what_replay_finds_is_put_in_order() {
    let table = Acknowledged::new();
    assert_eq!(table.in_files(&BTreeSet::from([1]), START), None, "nobody knows yet");
    let mut found = Found::default();
    let later = START + 1_000_000_000;
    found.add(5, vec![acknowledgement(2, 0, later, 0), acknowledgement(1, 0, START - KEPT_NS, 0)], START);
    found.add(6, vec![acknowledgement(3, 0, START, 0), acknowledgement(2, 0, later, 0)], START);
    table.restore(found);
    let numbers = |file| {
        let held = table.in_files(&BTreeSet::from([file]), START).unwrap();
        held.iter().map(|a| a.outcome.accepted).collect::<Vec<_>>()
    };
    assert_eq!((numbers(5), numbers(6)), (vec![], vec![3, 2]), "the old one is forgotten, the last file counts");
    // The oldest is at the front whatever its file.
    table.forget_old(START + KEPT_NS);
    assert_eq!((table.len(), numbers(6)), (1, vec![2]));
}
