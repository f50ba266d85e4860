//! Generated causes and what must come out: the table of the method, row by row.

use serde_json::{Value, json};

use super::bed::{Bed, Event, SECONDS, START, conditions, field, score, told, where_is};
use super::shop::{REPETITIONS, Random, event, events, sized};

const FAILED: &str = "error";

fn failures(events: &[Event]) -> Value {
    Bed::of(events).ask(json!({ "selection": where_is(FAILED, true) }))
}

/// Every explanation's shares, by brute force.
fn check_shares(answer: &Value, events: &[Event]) {
    let meets = |e: &Event, f: &Value| {
        let own = e.fields.get(f["column"].as_str().unwrap());
        let number = || own.and_then(|v| v.number());
        match f["op"].as_str().unwrap() {
            "=" => own.is_some_and(|v| v.json() == f["value"]),
            ">=" => number().is_some_and(|v| v >= f["value"].as_f64().unwrap()),
            "<" => number().is_some_and(|v| v < f["value"].as_f64().unwrap()),
            "exists" => own.is_some(),
            _ => own.is_none(),
        }
    };
    for explanation in answer["explanations"].as_array().unwrap() {
        for (side, failed) in [("selection", true), ("baseline", false)] {
            let all = || events.iter().filter(|e| e.is(FAILED, true) == failed);
            let meeting = all().filter(|e| explanation["filters"].as_array().unwrap().iter().all(|f| meets(e, f)));
            let weight = |events: &mut dyn Iterator<Item = &Event>| events.map(|e| f64::from(e.rate)).sum::<f64>();
            let share = weight(&mut meeting.into_iter()) / weight(&mut all());
            assert!((explanation[side].as_f64().unwrap() - share).abs() < 1e-12, "{side}: {share} but {explanation}");
        }
    }
}

#[test]
fn one_value_is_one_explanation() {
    let events = events(1, sized(20_000), |e| if e.is("build", "b3") { 0.3 } else { 0.01 });
    let answer = failures(&events);
    assert_eq!(told(&answer), ["build = b3"]);
    check_shares(&answer, &events);
    assert_eq!(answer["fields"][0]["field"], "build");
    assert_eq!(answer["fields"][0]["values"][0]["value"], "b3");
    assert_eq!(answer["restated"], json!(["error"]));
}

#[test]
fn two_conditions_are_found_whatever_fails() {
    for (seed, rate) in [(1, 0.1), (2, 0.3), (3, 0.9)] {
        let bad = |e: &Event| e.is("service", "s1") && e.is("region", "r2");
        let events = events(seed, sized(30_000), |e| if bad(e) { rate } else { 0.01 });
        let answer = failures(&events);
        assert_eq!(told(&answer), ["region = r2 & service = s1"], "{rate}");
        check_shares(&answer, &events);
    }
}

#[test]
fn three_conditions_are_found() {
    for (seed, rate) in [(1, 0.3), (2, 0.9)] {
        let bad = |e: &Event| e.is("service", "s1") && e.is("region", "r2") && e.is("flag", true);
        let answer = failures(&events(seed, sized(40_000), |e| if bad(e) { rate } else { 0.01 }));
        assert_eq!(told(&answer), ["flag = true & region = r2 & service = s1"], "{rate}");
    }
}

#[test]
fn a_range_of_a_number_and_a_value() {
    let bad = |e: &Event| e.fields["size"].number().is_some_and(|v| v >= 85_000.0) && e.is("platform", "p1");
    let events = events(4, sized(30_000), |e| if bad(e) { 0.4 } else { 0.01 });
    let answer = failures(&events);
    let [only] = answer["explanations"].as_array().unwrap().as_slice() else { panic!("{:?}", told(&answer)) };
    let filters = only["filters"].as_array().unwrap();
    let range = filters.iter().find(|f| f["column"] == "size").unwrap();
    assert_eq!(range["op"], ">=");
    // Bins of pooled weight: about half of the selection is in the top 15 %, so that a bin is about 1.6 % wide there.
    let edge = range["value"].as_f64().unwrap();
    assert!((82_000.0..88_000.0).contains(&edge), "{edge}");
    assert!(filters.iter().any(|f| f["column"] == "platform" && f["value"] == "p1"));
    check_shares(&answer, &events);
}

#[test]
fn a_shifted_distribution_is_first() {
    let mut random = Random::new(9);
    let shifted = |at: u64| {
        let mut event = event(&mut random, at);
        let failed = at.is_multiple_of(20);
        if failed {
            let cpu = event.fields["cpu_ms"].number().unwrap();
            event.set("cpu_ms", (cpu * 3_000.0).round() / 1_000.0);
        }
        event.with(FAILED, failed)
    };
    let answer = failures(&(0..sized(20_000)).map(shifted).collect::<Vec<_>>());
    let first = &answer["fields"][0];
    assert_eq!((&first["field"], &first["kind"]), (&json!("cpu_ms"), &json!("numeric")));
    let (ours, theirs) = (first["p50"]["selection"].as_f64().unwrap(), first["p50"]["baseline"].as_f64().unwrap());
    assert!((2.5..3.5).contains(&(ours / theirs)), "{}", first["p50"]);
}

/// Builds of one region fail; failed events are slow as often as `slow`, others as often as `otherwise`.
fn slow_failures(seed: u64, slow: f64, otherwise: f64, cause: impl Fn(&Event) -> f64) -> Vec<Event> {
    let mut random = Random::new(seed + 77);
    let mut all = events(seed, sized(30_000), cause);
    for event in &mut all {
        let share = if event.is(FAILED, true) { slow } else { otherwise };
        let late = if random.chance(share) { 400 } else { 0 };
        event.set("ms", 5 + random.below(100) as i64 + late);
    }
    all
}

#[test]
fn a_symptom_comes_after_its_cause() {
    let cause = |e: &Event| if e.is("build", "b3") && e.is("region", "r2") { 0.6 } else { 0.01 };
    for (seed, slow, otherwise) in [(60, 1.0, 0.0), (61, 1.0, 0.01), (62, 0.95, 0.01)] {
        let answer = failures(&slow_failures(seed, slow, otherwise, cause));
        let told = told(&answer);
        assert_eq!(told[0], "build = b3 & region = r2", "{slow} {otherwise}: {told:?}");
        let [cause, symptom] = answer["explanations"].as_array().unwrap().as_slice() else { panic!("{told:?}") };
        assert!(told[1].starts_with("ms >= "), "{told:?}");
        assert_eq!((&cause["symptom"], &symptom["symptom"]), (&Value::Null, &json!(true)));
        assert!(symptom["score"].as_f64() > cause["score"].as_f64());
    }
}

#[test]
fn a_range_without_a_cause_is_told_itself() {
    let answer = failures(&slow_failures(63, 1.0, 0.0, |_| 0.05));
    let [only] = answer["explanations"].as_array().unwrap().as_slice() else { panic!("{:?}", told(&answer)) };
    assert_eq!((&only["filters"][0]["column"], &only["symptom"]), (&json!("ms"), &Value::Null));
}

#[test]
fn another_name_of_the_selection_does_not_hide_its_cause() {
    let cause = |e: &Event| if e.is("build", "b3") && e.is("region", "r2") { 0.6 } else { 0.01 };
    let mut some = events(65, sized(30_000), cause);
    for event in &mut some {
        let failed = event.is(FAILED, true);
        event.set("code", if failed { 500i64 } else { 200 });
    }
    assert_eq!(told(&failures(&some)), ["code = 500", "build = b3 & region = r2"]);
    // Having a message says less than a value: it may not come first.
    for event in &mut some {
        event.fields.remove("code");
        if event.is(FAILED, true) {
            event.set("message", format!("after {} s", event.second % 5));
        }
    }
    assert_eq!(told(&failures(&some)), ["build = b3 & region = r2", "message exists"]);
}

#[test]
fn the_narrower_or_the_wider_place_as_it_is() {
    let az = failures(&events(5, sized(30_000), |e| if e.is("az", "r1-1") { 0.3 } else { 0.01 }));
    assert_eq!(told(&az), ["az = r1-1"]);
    let region = failures(&events(6, sized(30_000), |e| if e.is("region", "r2") { 0.3 } else { 0.01 }));
    assert_eq!(told(&region), ["region = r2"]);
}

#[test]
fn mirrors_are_folded_and_said() {
    let answer = failures(&events(7, sized(20_000), |e| if e.is("region", "r2") { 0.3 } else { 0.01 }));
    assert_eq!(field(&answer, "region")["same_as"], json!(["region_name"]));
    assert_eq!(answer["explanations"][0]["same_as"], json!(["region_name"]));
    let names: Vec<&str> = answer["fields"].as_array().unwrap().iter().map(|f| f["field"].as_str().unwrap()).collect();
    assert!(!names.contains(&"region_name"), "{names:?}");
    let answer = failures(&events(8, sized(20_000), |e| if e.is("build", "b2") { 0.3 } else { 0.01 }));
    assert_eq!(told(&answer), ["build = b2"]);
    assert_eq!(answer["explanations"][0]["same_as"], json!(["version"]));
}

#[test]
fn ids_score_nothing_and_one_user_does() {
    let cause = |e: &Event| if e.is("build", "b3") { 0.3 } else { 0.01 };
    let mut some = events(9, sized(20_000), cause);
    let answer = Bed::of(&some).ask(json!({ "selection": where_is(FAILED, true), "max_fields": 100 }));
    for id in ["id", "trace", "session", "user"] {
        assert_eq!(score(&answer, id), 0.0, "{id}");
    }
    for (at, event) in some.iter_mut().enumerate().filter(|(_, e)| e.is(FAILED, true)) {
        if at % 10 != 0 {
            event.set("user", "u777");
        }
    }
    let answer = failures(&some);
    assert_eq!(told(&answer)[0], "user = u777");
    assert_eq!(answer["fields"][0]["field"], "user");
}

#[test]
fn presence_is_a_difference() {
    let mut only_there = events(10, sized(10_000), |_| 0.05);
    for (at, event) in only_there.iter_mut().enumerate().filter(|(_, e)| e.is(FAILED, true)) {
        event.set("error.reason", format!("reason {}", at % 5));
    }
    let answer = failures(&only_there);
    assert_eq!(told(&answer)[0], "error.reason exists");
    assert_eq!(score(&answer, "error.reason"), score(&answer, answer["fields"][0]["field"].as_str().unwrap()));

    let mut absent_there = events(11, sized(10_000), |_| 0.05);
    absent_there.iter_mut().filter(|e| e.is(FAILED, true)).for_each(|e| drop(e.fields.remove("tier")));
    let answer = failures(&absent_there);
    assert_eq!(told(&answer), ["tier does-not-exist"]);
    let tier = field(&answer, "tier");
    assert_eq!((tier["selection_present"].as_f64(), tier["baseline_present"].as_f64()), (Some(0.0), Some(1.0)));
    assert!(tier["values"].as_array().unwrap().iter().any(|v| v["value"].is_null() && v["selection"] == 1.0));
}

#[test]
fn what_says_it_with_a_value_comes_before_an_absence() {
    // The cause is a build that does not send a field: the build says it.
    let mut some = events(12, sized(20_000), |e| if e.is("build", "b3") { 0.3 } else { 0.005 });
    some.iter_mut().filter(|e| e.is("build", "b3")).for_each(|e| drop(e.fields.remove("x00")));
    assert_eq!(told(&failures(&some)), ["build = b3"]);
}

#[test]
fn two_causes_are_two_explanations() {
    let equal = |e: &Event| if e.is("service", "s1") || e.is("build", "b4") { 0.3 } else { 0.005 };
    let mut both = told(&failures(&events(13, sized(30_000), equal)));
    both.sort();
    assert_eq!(both, ["build = b4", "service = s1"]);

    let unequal = |e: &Event| {
        if e.is("platform", "p1") {
            0.3
        } else if e.is("build", "b9") {
            0.4
        } else {
            0.005
        }
    };
    assert_eq!(told(&failures(&events(14, sized(40_000), unequal))), ["platform = p1", "build = b9"]);
}

#[test]
fn three_causes_are_three_explanations() {
    let cause = |e: &Event| {
        let first = e.is("service", "s1") && e.is("region", "r2");
        let third = e.is("cdn", "c5") && e.is("tier", "t1");
        if first {
            0.4
        } else if e.is("build", "b4") || third {
            0.3
        } else {
            0.005
        }
    };
    let mut three = told(&failures(&events(15, sized(60_000), cause)));
    three.sort();
    assert_eq!(three, ["build = b4", "cdn = c5 & tier = t1", "region = r2 & service = s1"]);
}

#[test]
fn a_cause_that_does_not_show_singly_is_found() {
    // What fails when both are alike or both are not: neither value is raised on its own.
    let cause = |e: &Event| {
        let (a, b) = (e.is("platform", "p1"), e.is("flag", true));
        match (a, b) {
            (true, true) => 0.4,
            (true, false) | (false, true) => 0.0,
            (false, false) => 0.03,
        }
    };
    assert_eq!(told(&failures(&events(16, sized(40_000), cause)))[0], "flag = true & platform = p1");
}

#[test]
fn a_sampled_baseline_gives_the_same_answer() {
    let bad = |e: &Event| e.is("service", "s1") && e.is("region", "r2");
    let whole = events(17, sized(40_000), |e| if bad(e) { 0.3 } else { 0.01 });
    let mut random = Random::new(99);
    let sampled: Vec<Event> = whole
        .iter()
        .filter(|e| e.is(FAILED, true) || random.chance(0.1))
        .map(|e| Event { rate: if e.is(FAILED, true) { 1 } else { 10 }, ..e.clone() })
        .collect();
    let (a, b) = (failures(&whole), failures(&sampled));
    assert_eq!(told(&a), told(&b));
    check_shares(&b, &sampled);
    let (a, b) = (&a["explanations"][0], &b["explanations"][0]);
    assert_eq!(a["selection"], b["selection"]);
    let baselines = (a["baseline"].as_f64().unwrap(), b["baseline"].as_f64().unwrap());
    assert!((baselines.0 / baselines.1 - 1.0).abs() < 0.15, "{baselines:?}");
}

#[test]
fn everything_kept_one_in_ten_gives_the_same_answer() {
    let whole = events(18, sized(60_000), |e| if e.is("build", "b3") { 0.3 } else { 0.01 });
    let kept = |(at, e): (usize, &Event)| (at % 10 == 3).then(|| Event { rate: 10, ..e.clone() });
    let sampled: Vec<Event> = whole.iter().enumerate().filter_map(kept).collect();
    let (a, b) = (failures(&whole), failures(&sampled));
    assert_eq!(told(&a), told(&b));
    let share = |answer: &Value| answer["explanations"][0]["selection"].as_f64().unwrap();
    assert!((share(&a) - share(&b)).abs() < 0.1, "{} {}", share(&a), share(&b));
    let (whole, kept) = (a["selection"]["events"].as_f64().unwrap(), b["selection"]["events"].as_f64().unwrap());
    assert!((whole / kept - 1.0).abs() < 0.25, "{whole} {kept}");
}

#[test]
fn doubled_rows_give_the_same_answer() {
    let once = events(19, sized(15_000), |e| if e.is("build", "b3") { 0.3 } else { 0.01 });
    let twice: Vec<Event> = once.iter().chain(&once).cloned().collect();
    let (a, b) = (failures(&once), failures(&twice));
    assert_eq!(told(&a), told(&b));
    assert_eq!(a["explanations"][0]["selection"], b["explanations"][0]["selection"]);
    assert_eq!(a["explanations"][0]["score"], b["explanations"][0]["score"]);
    assert!(score(&b, "build") >= score(&a, "build") && score(&b, "build") < score(&a, "build") + 0.05);
}

/// Events of two equal windows; `cause` says how likely one fails, given whether it is of the later window.
fn two_windows(
    seed: u64,
    counts: [u64; 2],
    keep: impl Fn(&Event, bool) -> f64,
    cause: impl Fn(&Event, bool) -> f64,
) -> Vec<Event> {
    let mut random = Random::new(seed);
    let mut all = Vec::new();
    for (window, count) in counts.map(sized).into_iter().enumerate() {
        let mut made = 0;
        while made < count {
            let mut event = event(&mut random, made);
            if random.chance(keep(&event, window == 1)) {
                event.second = window as i64 * SECONDS / 2 + (made as i64 * 7) % (SECONDS / 2);
                let failed = random.chance(cause(&event, window == 1));
                all.push(event.with(FAILED, failed));
                made += 1;
            }
        }
    }
    all
}

/// The failures of the later window against those of the earlier one.
fn later_against_earlier(events: &[Event]) -> Value {
    let middle = START + SECONDS / 2;
    let mut now = where_is(FAILED, true);
    now["start_time"] = json!(middle);
    let mut before = where_is(FAILED, true);
    before["end_time"] = json!(middle);
    let answer = Bed::of(events).ask(json!({ "selection": now, "baseline": before }));
    assert_eq!(answer["question"], "rate");
    answer
}

#[test]
fn another_mix_of_the_same_traffic_is_no_cause() {
    // Services fail at rates of their own, and one of them doubles its traffic.
    let rate = |e: &Event, _: bool| {
        if e.is("service", "s0") {
            0.1
        } else if e.is("service", "s1") {
            0.05
        } else {
            0.01
        }
    };
    let shift = |e: &Event, later: bool| if later && e.is("service", "s0") { 1.0 } else { 0.5 };
    for (seed, counts) in [(20, [12_000, 12_000]), (21, [16_000, 8_000]), (22, [8_000, 16_000])] {
        let answer = later_against_earlier(&two_windows(seed, counts, shift, rate));
        assert_eq!(told(&answer), Vec::<String>::new(), "{counts:?}");
    }
}

#[test]
fn a_cause_is_found_in_another_mix() {
    let rate = |e: &Event, later: bool| {
        let bad = later && e.is("build", "b3");
        if bad {
            0.3
        } else if e.is("service", "s0") {
            0.1
        } else {
            0.01
        }
    };
    let shift = |e: &Event, later: bool| if later && e.is("service", "s0") { 1.0 } else { 0.5 };
    for (seed, counts) in [(23, [12_000, 12_000]), (24, [16_000, 8_000]), (25, [8_000, 16_000])] {
        let answer = later_against_earlier(&two_windows(seed, counts, shift, rate));
        assert_eq!(told(&answer), ["build = b3"], "{counts:?}");
    }
}

#[test]
fn more_of_everything_is_no_cause_and_more_of_one_is() {
    let compare = |events: &[Event]| {
        let middle = START + SECONDS / 2;
        let spec = json!({ "selection": { "start_time": middle }, "baseline": { "end_time": middle } });
        let answer = Bed::of(events).ask(spec);
        assert_eq!(answer["question"], "count");
        answer
    };
    let calm = |_: &Event, _: bool| 0.0;
    let doubled = two_windows(26, [8_000, 16_000], |_, _| 1.0, calm);
    assert_eq!(told(&compare(&doubled)), Vec::<String>::new());
    let more = |e: &Event, later: bool| if later && e.is("build", "b3") { 1.0 } else { 0.25 };
    let one = two_windows(27, [8_000, 9_500], more, calm);
    assert_eq!(told(&compare(&one)), ["build = b3"]);
    // The same without a baseline: the rest of the scope's time.
    let answer = Bed::of(&one).ask(json!({ "selection": { "start_time": START + SECONDS / 2 } }));
    assert_eq!((answer["question"].as_str(), told(&answer)), (Some("count"), vec!["build = b3".to_owned()]));
}

#[test]
fn a_new_cause_comes_before_an_old_difference() {
    // Half of the failures are as old as the data; what is new is smaller.
    let rate = |e: &Event, later: bool| {
        if later && e.is("build", "b3") {
            0.25
        } else if e.is("service", "s0") {
            0.08
        } else {
            0.005
        }
    };
    let events = two_windows(28, [20_000, 20_000], |_, _| 1.0, rate);
    let spec = json!({ "start_time": START + SECONDS / 2, "selection": where_is(FAILED, true) });
    assert_eq!(told(&Bed::of(&events).ask(spec))[0], "build = b3");
}

#[test]
fn a_cause_as_old_as_the_data_is_found() {
    let rate = |e: &Event, _: bool| if e.is("build", "b3") { 0.3 } else { 0.01 };
    let events = two_windows(29, [10_000, 10_000], |_, _| 1.0, rate);
    let spec = json!({ "start_time": START + SECONDS / 2, "selection": where_is(FAILED, true) });
    assert_eq!(told(&Bed::of(&events).ask(spec)), ["build = b3"]);
}

#[test]
fn services_of_different_rates_and_one_cause() {
    let rate = |e: &Event| {
        if e.is("build", "b4") {
            return 0.5;
        }
        if e.is("service", "s0") { 0.03 } else { 0.01 }
    };
    assert_eq!(told(&failures(&events(30, sized(40_000), rate)))[0], "build = b4");
}

#[test]
fn the_same_question_has_the_same_answer() {
    let events = events(31, sized(20_000), |e| if e.is("build", "b3") { 0.3 } else { 0.01 });
    let bed = Bed::of(&events);
    let ask = |exact: bool| {
        let mut answer = bed.ask(json!({ "selection": where_is(FAILED, true), "exact": exact }));
        answer.as_object_mut().unwrap().remove("stats");
        answer.to_string()
    };
    for exact in [true, false] {
        let first = ask(exact);
        assert!((0..3).all(|_| ask(exact) == first), "exact: {exact}");
    }
}

#[test]
fn rivals_come_close_and_score_less_or_alike() {
    let bad = |e: &Event| e.is("service", "s1") && e.is("region", "r2");
    let answer = failures(&events(32, sized(30_000), |e| if bad(e) { 0.3 } else { 0.01 }));
    let rivals = answer["explanations"][0]["rivals"].as_array().unwrap();
    assert_eq!(rivals.len(), 2);
    let best = conditions(&answer["explanations"][0]);
    assert!(rivals.iter().all(|r| conditions(r) != best && r["score"].as_f64() > Some(0.0)), "{rivals:?}");
}

/// Events whose fields differ by degrees: builds, services and networks fail more often, the one less than the other.
fn graded(seed: u64) -> Vec<Event> {
    let cause = |e: &Event| match (e.is("build", "b3"), e.is("service", "s1"), e.is("cdn", "c5")) {
        (true, ..) => 0.3,
        (_, true, _) => 0.1,
        (_, _, true) => 0.06,
        _ => 0.01,
    };
    events(seed, sized(160_000), cause)
}

/// The fields that differ most, in order.
fn first_five(answer: &Value) -> Vec<String> {
    let differing = answer["fields"].as_array().unwrap().iter().filter(|f| f["score"].as_f64() > Some(0.0));
    differing.take(5).map(|f| f["field"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_sample_names_the_same_cause_and_says_what_it_is() {
    let bed = Bed::of(&graded(40));
    let answer = bed.ask(json!({ "selection": where_is(FAILED, true), "exact": false }));
    let fraction = answer["sampled_fraction"].as_f64().unwrap();
    assert!(answer["exact"] == false && fraction > 0.0 && fraction < 1.0, "{fraction}");
    assert_eq!(answer["stats"]["baseline"], "sample");
    assert_eq!(told(&answer)[0], "build = b3");
    let exact = bed.ask(json!({ "selection": where_is(FAILED, true) }));
    assert_eq!((&exact["exact"], &exact["sampled_fraction"]), (&json!(true), &json!(1.0)));
    assert_eq!(answer["selection"], exact["selection"], "sizes are exact even in a sample");
    let share = |a: &Value| a["explanations"][0]["selection"].as_f64().unwrap();
    assert!((share(&answer) - share(&exact)).abs() < 0.1);
    assert_eq!(first_five(&answer), first_five(&exact));
}

#[test]
fn samples_rank_fields_as_all_events_do() {
    // The test above is one seed of these.
    if std::env::var_os(REPETITIONS).is_none() {
        return;
    }
    let alike = |seed: &u64| {
        let bed = Bed::of(&graded(*seed));
        let ask = |exact: bool| first_five(&bed.ask(json!({ "selection": where_is(FAILED, true), "exact": exact })));
        ask(false) == ask(true)
    };
    let alike = (100..140).filter(alike).count();
    assert!(alike >= 38, "{alike} of 40");
}

#[test]
fn calculated_fields_and_other_spans_tell_sides_apart_and_are_compared() {
    let event = |at: i64| {
        let bad = (at / 4) % 5 == 0;
        let mut event =
            Event::new(at).with("ms", if bad { 200 } else { 50 }).with("trace.trace_id", format!("t{}", at / 4));
        event.set("build", if bad { "b1" } else { "b2" });
        if bad && at % 4 == 3 {
            event.set("error", true);
        }
        event
    };
    let bed = Bed::of(&(0..400).map(event).collect::<Vec<Event>>());
    let answer = bed.ask(json!({
        "calculated_fields": [{ "name": "slow", "expression": "$ms > 100" }, { "name": "odd", "expression": "$ms % 2" }],
        "filters": [{ "column": "odd", "op": "=", "value": 0 }],
        "selection": { "filters": [{ "column": "any.error", "op": "=", "value": true }] },
        "fields": ["build", "slow"],
    }));
    assert_eq!((&answer["selection"]["events"], &answer["baseline"]["events"]), (&json!(80), &json!(320)));
    let slow = &field(&answer, if answer["fields"][0]["field"] == "slow" { "slow" } else { "build" });
    assert_eq!(
        (&slow["values"][0]["selection"], &slow["values"][0]["baseline"]),
        (&json!(1.0), &json!(0.0)),
        "{answer}"
    );
    assert!(answer.to_string().contains("\"slow\""), "{answer}");
}
