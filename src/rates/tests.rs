//! Limits hold over time, say truly when there is room again, and are one key's own.

use super::*;

const REQUESTS: KeyLimits = KeyLimits { requests_per_second: Some(5), events_per_second: None };
const EVENTS: KeyLimits = KeyLimits { requests_per_second: None, events_per_second: Some(100) };

fn at(began: Instant, milliseconds: u64) -> Instant {
    began + Duration::from_millis(milliseconds)
}

#[test]
fn requests_are_let_in_as_fast_as_they_may_come() {
    let (rates, began) = (Rates::default(), Instant::now());
    let let_in = (0..10_000).filter(|ms| rates.enter("k", REQUESTS, false, at(began, *ms)).is_ok()).count();
    assert!((54..=55).contains(&let_in), "five at once and five a second for ten seconds: {let_in}");
}

#[test]
fn after_the_wait_that_was_said_there_is_room_and_not_long_before() {
    let (rates, now) = (Rates::default(), Instant::now());
    (0..5).for_each(|_| rates.enter("k", REQUESTS, true, now).unwrap());
    let refused = rates.enter("k", REQUESTS, true, now).unwrap_err();
    assert_eq!((refused.what, refused.per_second, refused.wait), ("requests", 5, Duration::from_millis(200)));
    assert!(rates.enter("k", REQUESTS, true, now + Duration::from_millis(190)).is_err());
    rates.enter("k", REQUESTS, true, now + Duration::from_millis(201)).unwrap();
}

#[test]
fn one_request_may_hold_more_than_a_second_has_and_is_waited_for() {
    let (rates, now) = (Rates::default(), Instant::now());
    rates.enter("k", EVENTS, true, now).unwrap();
    rates.draw("k", EVENTS, 1_100, now);
    let refused = rates.enter("k", EVENTS, true, now).unwrap_err();
    assert_eq!((refused.what, refused.wait.as_secs()), ("events", 10));
    rates.enter("k", EVENTS, false, now).expect("who asks sends no events");
    assert!(rates.enter("k", EVENTS, true, at(now, 9_990)).is_err());
    rates.enter("k", EVENTS, true, at(now, 10_010)).unwrap();
}

#[test]
fn a_key_has_its_own_and_one_without_limits_has_none() {
    let (rates, now) = (Rates::default(), Instant::now());
    while rates.enter("a", REQUESTS, true, now).is_ok() {}
    rates.enter("b", REQUESTS, true, now).unwrap();
    (0..1_000).for_each(|_| rates.enter("c", KeyLimits::default(), true, now).unwrap());
    rates.draw("c", KeyLimits::default(), u64::MAX, now);
    rates.enter("c", KeyLimits::default(), true, now).unwrap();
    assert!(rates.enter("a", REQUESTS, true, now).is_err());
    assert_eq!(rates.buckets().len(), 2);
}

#[test]
fn a_clock_that_stands_still_and_endless_debts_are_no_matter() {
    let (rates, now) = (Rates::default(), Instant::now());
    rates.enter("k", EVENTS, true, now).unwrap();
    rates.draw("k", EVENTS, u64::MAX, now);
    let wait = rates.enter("k", EVENTS, true, now).unwrap_err().wait;
    assert_eq!(wait.as_secs(), u64::from(u32::MAX));
    assert!(rates.enter("k", EVENTS, true, at(now, 1)).is_err());
}

#[test]
fn what_is_known_does_not_grow_without_bound() {
    let (rates, now) = (Rates::default(), Instant::now());
    for n in 0..10 * KEYS_MAX as u64 {
        rates.enter(&n.to_string(), REQUESTS, true, at(now, n)).unwrap();
    }
    assert!(rates.buckets().len() <= KEYS_MAX);
}
