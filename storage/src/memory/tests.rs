//! The account against the simplest model: a list of what everybody holds.

use proptest::prelude::*;

use super::*;

const LIMIT: usize = 16_000;

fn memory() -> Memory {
    Memory::new(Ceilings::cut(LIMIT, &[], 0).unwrap())
}

fn used(memory: &Memory) -> [usize; Pool::ALL.len()] {
    memory.usage().map(|u| u.used_bytes)
}

#[test]
fn the_ceilings_together_are_the_limit() {
    let sum = |c: &Ceilings| Pool::ALL.iter().map(|pool| c.of(*pool)).sum::<usize>();
    let even = Ceilings::cut(LIMIT, &[], 0).unwrap();
    assert_eq!(sum(&even), LIMIT);
    assert_eq!((even.of(Pool::Memtables), even.of(Pool::Queries)), (4_000, 5_000));
    let given = Ceilings::cut(LIMIT, &[(Pool::Queries, 9_000), (Pool::Memtables, 0)], 7_000).unwrap();
    assert_eq!((given.of(Pool::Queries), given.of(Pool::Memtables), sum(&given)), (9_000, 0, LIMIT));
    assert_eq!(given.of(Pool::Bodies), 2_000, "two sevenths of the rest");
    let refused = Ceilings::cut(LIMIT, &[(Pool::Queries, 9_001)], 7_000);
    assert_eq!(refused, Err(NothingLeft { given: 9_001, limit: LIMIT, left_min: 7_000 }));
    assert!(Ceilings::cut(LIMIT, &[(Pool::Queries, usize::MAX), (Pool::Memtables, 2)], 0).is_err());
}

#[test]
fn a_full_pool_refuses_and_the_others_do_not() {
    let memory = memory();
    let held = memory.try_reserve(Pool::Bodies, 2_000).unwrap();
    assert!(memory.is_full(Pool::Bodies));
    let refused = memory.try_reserve(Pool::Bodies, 1).unwrap_err();
    assert_eq!(refused, Exhausted { pool: Pool::Bodies, wanted: 1, used: 2_000, ceiling: 2_000 });
    assert!(memory.try_reserve(Pool::Bodies, 0).is_ok());
    assert!(Pool::ALL.iter().filter(|p| **p != Pool::Bodies).all(|p| memory.try_reserve(*p, 1_000).is_ok()));
    drop(held);
    assert_eq!(used(&memory), [0; Pool::ALL.len()]);
    assert!(memory.try_reserve(Pool::Bodies, 2_000).is_ok());
    assert_eq!(memory.usage()[Pool::Bodies as usize].refused_total, 1);
}

#[test]
fn what_is_larger_than_its_pool_gets_through_alone() {
    let memory = memory();
    let small = memory.admit(Pool::Memtables, 2_000).unwrap();
    let large = memory.admit(Pool::Memtables, 50_000).unwrap();
    assert_eq!(memory.used(Pool::Memtables), 52_000);
    assert!(memory.admit(Pool::Memtables, 1).is_err());
    drop(large);
    let _more = memory.admit(Pool::Memtables, 1).unwrap();
    assert!(memory.admit(Pool::Memtables, 50_000).is_err(), "more than half is in use");
    drop(small);
    assert!(memory.try_reserve(Pool::Memtables, usize::MAX).is_err(), "sums do not overflow");
}

/// What one of several threads does with its reservations.
#[derive(Clone, Debug)]
enum Step {
    Reserve(usize, usize),
    Admit(usize, usize),
    Grow(usize, usize),
    Shrink(usize, usize),
    Resize(usize, usize),
    Release(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    let (pool, at, bytes) = (0..Pool::ALL.len(), 0..8_usize, prop_oneof![0..300_usize, 0..6_000_usize]);
    prop_oneof![
        4 => (pool.clone(), bytes.clone()).prop_map(|(p, b)| Step::Reserve(p, b)),
        1 => (pool, bytes.clone()).prop_map(|(p, b)| Step::Admit(p, b)),
        2 => (at.clone(), bytes.clone()).prop_map(|(a, b)| Step::Grow(a, b)),
        2 => (at.clone(), bytes.clone()).prop_map(|(a, b)| Step::Shrink(a, b)),
        1 => (at.clone(), bytes).prop_map(|(a, b)| Step::Resize(a, b)),
        2 => at.prop_map(Step::Release),
    ]
}

/// Does one step; what was not refused is in the list with its bytes.
fn take(memory: &Memory, list: &mut Vec<(Reservation, usize)>, step: &Step) {
    match *step {
        Step::Reserve(pool, bytes) => list.extend(memory.try_reserve(Pool::ALL[pool], bytes).ok().map(|r| (r, bytes))),
        Step::Admit(pool, bytes) => list.extend(memory.admit(Pool::ALL[pool], bytes).ok().map(|r| (r, bytes))),
        Step::Release(at) if at < list.len() => drop(list.swap_remove(at)),
        Step::Grow(at, bytes) => {
            if let Some((reservation, held)) = list.get_mut(at) {
                *held += reservation.try_grow(bytes).map_or(0, |()| bytes);
            }
        }
        Step::Shrink(at, bytes) => {
            if let Some((reservation, held)) = list.get_mut(at) {
                reservation.shrink(bytes);
                *held = held.saturating_sub(bytes);
            }
        }
        Step::Resize(at, bytes) => {
            if let Some((reservation, held)) = list.get_mut(at) {
                reservation.resize(bytes);
                *held = bytes;
            }
        }
        Step::Release(_) => {}
    }
}

fn held_by(lists: &[&Vec<(Reservation, usize)>]) -> [usize; Pool::ALL.len()] {
    let mut sums = [0; Pool::ALL.len()];
    for (reservation, bytes) in lists.iter().flat_map(|list| list.iter()) {
        assert_eq!(reservation.bytes(), *bytes);
        sums[reservation.pool() as usize] += bytes;
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_pool_is_the_sum_of_what_is_held(steps in prop::collection::vec(any_step(), 0..80)) {
        let memory = memory();
        let mut list = Vec::new();
        for step in &steps {
            let before = used(&memory);
            take(&memory, &mut list, step);
            prop_assert_eq!(used(&memory), held_by(&[&list]));
            let grown = (0..Pool::ALL.len()).find(|at| used(&memory)[*at] > before[*at]);
            if let (Some(at), Step::Reserve(..) | Step::Grow(..)) = (grown, step) {
                prop_assert!(used(&memory)[at] <= memory.ceiling(Pool::ALL[at]), "past its ceiling");
            }
        }
        drop(list);
        prop_assert_eq!(used(&memory), [0; Pool::ALL.len()]);
    }

    #[test]
    fn threads_lose_nothing_and_make_nothing_up(
        scripts in prop::collection::vec(prop::collection::vec(any_step(), 0..60), 2..5),
    ) {
        let memory = memory();
        let lists: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = scripts
                .iter()
                .map(|script| {
                    let memory = memory.clone();
                    scope.spawn(move || {
                        let mut list = Vec::new();
                        for step in script {
                            take(&memory, &mut list, step);
                            // A sum that went below nothing would be a very large one.
                            assert!(used(&memory).iter().all(|bytes| *bytes < 100 * LIMIT));
                        }
                        list
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        prop_assert_eq!(used(&memory), held_by(&lists.iter().collect::<Vec<_>>()));
        drop(lists);
        prop_assert_eq!(used(&memory), [0; Pool::ALL.len()]);
    }
}
