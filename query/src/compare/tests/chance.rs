//! Without a cause nothing is shown, whatever the sizes and weights.

use serde_json::json;

use super::bed::{Bed, told, where_is};
use super::shop::{REPETITIONS, Random, events, sized};

/// The largest score of a field that chance may reach.
const SCORE_MAX: f64 = 0.05;

fn nothing_shows(seed: u64, count: u64, share: f64, rates: &[u32]) {
    let mut random = Random::new(seed + 1_000);
    let mut events = events(seed, count, |_| share);
    for event in &mut events {
        event.rate = rates[random.below(rates.len() as u64) as usize];
    }
    let answer = Bed::of(&events).ask(json!({ "selection": where_is("error", true), "max_fields": 100 }));
    let setting = format!("seed {seed}, {count} rows, {share}, {rates:?}");
    for explanation in answer["explanations"].as_array().unwrap() {
        // One time in some fifty chance makes a narrow conjunction; it is never a strong one.
        assert!(seed > 20 && explanation["score"].as_f64() < Some(SCORE_MAX), "{setting}: {:?}", told(&answer));
    }
    for field in answer["fields"].as_array().unwrap() {
        let score = field["score"].as_f64().unwrap();
        assert!(score == 0.0 || (seed > 20 && score < SCORE_MAX), "{setting}: {field}");
    }
}

/// How often a setting is repeated: a few times, or as often as the environment says.
fn repetitions(few: u64) -> std::ops::Range<u64> {
    0..std::env::var(REPETITIONS).map_or(few, |many| many.parse().unwrap())
}

#[test]
fn halves_of_600_rows() {
    repetitions(4).for_each(|seed| nothing_shows(seed, 600, 0.5, &[1]));
}

#[test]
fn halves_of_10_000_rows() {
    repetitions(1).for_each(|seed| nothing_shows(seed, 10_000, 0.5, &[1]));
}

#[test]
fn one_in_a_hundred() {
    repetitions(1).for_each(|seed| nothing_shows(seed, 20_000, 0.01, &[1]));
}

#[test]
fn sixty_rows() {
    repetitions(6).for_each(|seed| nothing_shows(seed, 60, 0.5, &[1]));
}

#[test]
fn weights_of_sampling() {
    for rates in [&[1, 5, 20][..], &[1, 100], &[100]] {
        repetitions(1).for_each(|seed| nothing_shows(seed, sized(10_000), 0.05, rates));
    }
}
