//! Random questions over random events, and a model that answers them by looking at one event after the other.
//!
//! [`world`] makes events and stores them in many ways, [`specs`] makes questions, [`model`] answers them, [`expressions`] are
//! calculated fields, twice: as text for the engine and as a tree for the model. The model uses nothing of the engine.
//! `OUTCROP_QUERY_CASES` says how many questions, `OUTCROP_QUERY_SEED` where they begin; a failure names its seed.

mod expressions;
mod model;
mod rng;
mod specs;
mod world;

use serde_json::{Value, json};

use model::{Expected, compare};
use rng::Rng;
use specs::Question;
use world::World;

const CASES: u64 = 200;
/// Questions of one store.
const CASES_OF_WORLD: u64 = 20;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn answers_are_those_of_the_model() {
    let (cases, first) = (setting("OUTCROP_QUERY_CASES", CASES), setting("OUTCROP_QUERY_SEED", 1));
    let mut failures = Vec::new();
    for seed in first..first + cases.div_ceil(CASES_OF_WORLD) {
        let mut rng = Rng::new(seed);
        let world = World::random(&mut rng);
        for case in 0..CASES_OF_WORLD {
            let question = Question::random(&mut rng);
            if let Err(difference) = check(&world, &question) {
                let spec = question.spec();
                failures.push(format!("seed {seed}, case {case}, {}: {difference}\n{spec}", world.layout));
            }
        }
        assert!(failures.len() < 5, "{}", failures.join("\n\n"));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn pages_of_rows_are_those_of_the_model() {
    let (cases, first) = (setting("OUTCROP_QUERY_CASES", CASES) / 5, setting("OUTCROP_QUERY_SEED", 1));
    for seed in first..first + cases.div_ceil(CASES_OF_WORLD) {
        let mut rng = Rng::new(seed);
        let world = World::random(&mut rng);
        for case in 0..CASES_OF_WORLD {
            let question = Question::random(&mut rng);
            let (spec, descending) = question.rows(&mut rng);
            let found = pages(&world, &question, &spec);
            let expected = model::rows(&world, &question, descending);
            assert_eq!(found, expected, "seed {seed}, case {case}, {}:\n{spec}", world.layout);
        }
    }
}

/// The ids of all pages.
fn pages(world: &World, question: &Question, spec: &Value) -> Vec<i64> {
    let mut ids = Vec::new();
    let mut spec = spec.clone();
    loop {
        let page = world.rows(question.datasets, &spec);
        let rows = page["rows"].as_array().unwrap();
        ids.extend(rows.iter().map(|row| row[0].as_i64().unwrap()));
        if page["cursor"].is_null() {
            return ids;
        }
        assert!(!rows.is_empty(), "an empty page with a cursor");
        spec["cursor"] = page["cursor"].clone();
    }
}

fn check(world: &World, question: &Question) -> Result<(), String> {
    let answer = world.query(question.datasets, &question.spec())?;
    let expected = Expected::new(world, question);
    compare("rows", &expected.rows, &answer["rows"], question)?;
    for (name, values) in [("total", &expected.total), ("other", &expected.other)] {
        let Some(values) = values else { continue };
        for (at, name_of) in question.shown_names().iter().enumerate() {
            question
                .compare_value(at, &values[at], &answer[name][name_of])
                .map_err(|e| format!("{name}: {name_of}: {e}"))?;
        }
    }
    if expected.other.is_none() && question.havings.is_empty() && !answer["other"].is_null() {
        return Err(format!("other: expected none, got {}", answer["other"]));
    }
    for (group, series) in expected.series.iter().enumerate() {
        for (at, name) in question.shown_names().iter().enumerate() {
            let found = &answer["series"]["groups"][group]["values"][name];
            let expected = series.iter().map(|bucket| &bucket[at]);
            if found.as_array().map(Vec::len) != Some(series.len()) {
                return Err(format!("series of group {group}: {name}: {found} instead of {} buckets", series.len()));
            }
            for (bucket, expected) in expected.enumerate() {
                let place = || format!("series of group {group}, bucket {bucket}: {name}");
                question.compare_value(at, expected, &found[bucket]).map_err(|e| format!("{}: {e}", place()))?;
            }
        }
    }
    if let Some(earlier) = &expected.compared {
        compare("compare", earlier, &answer["compare"]["rows"], question)?;
    }
    model::check_heatmaps(world, question, &answer)
}

/// The canary: a model that agreed with this would agree with anything.
#[test]
fn a_wrong_answer_is_found() {
    let mut rng = Rng::new(7);
    let world = World::random(&mut rng);
    let wrong = (0..60).filter(|_| {
        let question = Question::random(&mut rng);
        let mut expected = Expected::new(&world, &question);
        let Some(cell) = expected.rows.first_mut().and_then(|row| row.last_mut()) else { return false };
        *cell = model::Cell::Int(987_654_321);
        let answer = world.query(question.datasets, &question.spec()).unwrap_or(json!({}));
        compare("rows", &expected.rows, &answer["rows"], &question).is_err()
    });
    assert!(wrong.count() > 20);
}
