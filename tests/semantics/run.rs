//! Script → failures: loads events to where they shall lie, asks, compares. It must not know the language.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::script::{FilterLine, Load, Question, Script, Step, parse};
use crate::harness::json::difference;
use crate::harness::{Request, Server, Setup};

/// Where the events of a script lie when it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    InMemory,
    InSegments,
    /// The first half of every load in segments, the rest in memory.
    HalfAndHalf,
}

/// Which fields have columns of their own: all of them, or one in each dataset and the others in overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fields {
    InColumns,
    InOverflow,
    /// In overflow, and none of them counted by name: lists of fields cannot have them.
    Unlisted,
    /// The first half of every load is in overflow, the rest in columns.
    MoreColumns,
    /// The other way round, but what has a column keeps it.
    FewerColumns,
}

impl Fields {
    /// Settings while the first half of every load is stored, and while the rest is.
    fn settings(self) -> [&'static [&'static str]; 2] {
        let (few, unlisted) = (&["--fields-max", "1"], &["--fields-max", "1", "--overflow-fields-listed-max", "0"]);
        match self {
            Fields::InColumns => [&[], &[]],
            Fields::InOverflow => [few, few],
            Fields::Unlisted => [unlisted, unlisted],
            Fields::MoreColumns => [few, &[]],
            Fields::FewerColumns => [&[], few],
        }
    }

    /// The step with what can be expected; none if the answer lists fields that are not listed.
    fn expected(self, step: &Step) -> Option<Step> {
        if self != Fields::Unlisted {
            return Some(step.clone());
        }
        let listing = matches!(&step.question, Question::Get { path } if path.contains("/fields/"));
        let mut step = Some(step.clone()).filter(|_| !listing)?;
        step.expect.iter_mut().for_each(forget_similar);
        Some(step)
    }
}

/// Names that nobody listed cannot be proposed.
fn forget_similar(expected: &mut Value) {
    match expected {
        Value::Object(object) => {
            object.remove("similar");
            object.values_mut().for_each(forget_similar);
        }
        Value::Array(array) => array.iter_mut().for_each(forget_similar),
        _ => {}
    }
}

const FLUSH_AT_ONCE: [&str; 2] = ["--flush-age-seconds-max", "0"];

/// What was not as expected. An error is a script that cannot be run.
pub(super) fn run(text: &str, lie: Lie, fields: Fields) -> Result<Vec<String>, String> {
    let script = parse(text, now())?;
    let server = serve(&script, lie, fields)?;
    let steps = script.steps.iter().filter_map(|step| fields.expected(step));
    Ok(steps.flat_map(|step| ask(&server, &step)).collect())
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

fn serve(script: &Script, lie: Lie, fields: Fields) -> Result<Server, String> {
    let setup = Setup::new();
    let [first, rest] = fields.settings();
    if lie == Lie::InMemory {
        let server = setup.with(first).start();
        load(&server, script, |load| &load.lines)?;
        return Ok(server);
    }
    if lie == Lie::InSegments && first != rest {
        return serve_together(script, &setup, first, rest);
    }
    let server = setup.with(&[&FLUSH_AT_ONCE, first].concat()).start();
    load(&server, script, |load| if lie == Lie::InSegments { &load.lines } else { halves(load).0 })?;
    server.wait_for_flush();
    if lie == Lie::InSegments {
        return Ok(server);
    }
    let (setup, _) = server.terminate();
    let server = setup.with(rest).start();
    load(&server, script, |load| halves(load).1)?;
    Ok(server)
}

/// Both halves in the same segments, though stored under different settings.
fn serve_together(script: &Script, setup: &Setup, first: &[&str], rest: &[&str]) -> Result<Server, String> {
    let server = setup.with(first).start();
    load(&server, script, |load| halves(load).0)?;
    let (setup, _) = server.terminate();
    let server = setup.with(rest).start();
    load(&server, script, |load| halves(load).1)?;
    let (setup, _) = server.terminate();
    let server = setup.with(&[&FLUSH_AT_ONCE, rest].concat()).start();
    server.wait_for_flush();
    Ok(server)
}

fn halves(load: &Load) -> (&[String], &[String]) {
    load.lines.split_at(load.lines.len() / 2)
}

/// Sends the chosen lines of every load; the rejects that it names must come, in the half where they are.
fn load<'a>(server: &Server, script: &'a Script, lines: impl Fn(&'a Load) -> &'a [String]) -> Result<(), String> {
    for load in &script.loads {
        let lines = lines(load);
        if lines.is_empty() {
            continue;
        }
        let request = Request::post(&format!("/api/v1/events/{}", load.dataset), lines.join("\n"));
        let answer = server.send(&request).ok();
        let rejected = answer["rejected"].as_array().map_or(0, Vec::len) as u64;
        let whole = lines.len() == load.lines.len();
        if rejected > load.rejects || (whole && rejected != load.rejects) {
            return Err(format!("load {}: expected {} rejects, got {answer}", load.dataset, load.rejects));
        }
    }
    Ok(())
}

fn ask(server: &Server, step: &Step) -> Vec<String> {
    let found = match &step.question {
        Question::Get { path } => answer(server, step, &Request::get(path)),
        Question::Post { path, spec } => answer(server, step, &post(path, spec)),
        Question::Filters { dataset, lines } => {
            return lines.iter().flat_map(|(at, line)| filter(server, dataset, line, *at, &step.case)).collect();
        }
    };
    found.into_iter().map(|what| format!("line {}: {}: {what}", step.line, step.case)).collect()
}

fn post(path: &str, spec: &str) -> Request {
    let spec = match serde_json::from_str::<Value>(spec) {
        Ok(spec) => of_all_time(spec).to_string(),
        Err(_) => spec.to_owned(),
    };
    Request::post(path, spec).header("Content-Type", "application/json")
}

/// A spec without any time asks about all times, because most cases are not about time.
fn of_all_time(mut spec: Value) -> Value {
    let keys = ["time_range", "start_time", "end_time"];
    if let Some(spec) = spec.as_object_mut().filter(|s| keys.iter().all(|key| !s.contains_key(*key))) {
        spec.insert("start_time".into(), json!(0));
        spec.insert("end_time".into(), json!("2262-04-01T00:00:00Z"));
    }
    if let Some(spec) = spec.as_object_mut() {
        // How a script asks for the default range.
        spec.retain(|key, value| !(key == "time_range" && value.is_null()));
    }
    spec
}

fn answer(server: &Server, step: &Step, request: &Request) -> Vec<String> {
    let reply = server.send(request);
    if reply.status != step.status {
        return vec![format!("expected status {}, got {}: {:.400}", step.status, reply.status, reply.text())];
    }
    let body = reply.json();
    let rows = step.rows.iter().map(|rows| json!({ "rows": rows }));
    let expected: Vec<Value> = rows.chain(step.expect.iter().cloned()).collect();
    expected.iter().filter_map(|expected| difference(expected, Some(&body))).collect()
}

/// A filter is asked four ways: as a query, as its complement, as a page of rows, and as the filter of a calculation.
fn filter(server: &Server, dataset: &str, line: &FilterLine, at: usize, case: &str) -> Vec<String> {
    let expected: BTreeSet<String> = line.ids.iter().cloned().collect();
    let spec = condition(line, &line.op);
    let mut ways = vec![
        ("query", ids_by_query(server, dataset, &json!([spec])), expected.clone()),
        ("rows", ids_by_rows(server, dataset, &json!([spec])), expected.clone()),
    ];
    if let Some(negative) = complement(&line.op).filter(|_| line.column != "*") {
        let everything = ids_by_query(server, dataset, &json!([])).unwrap();
        let rest = everything.difference(&expected).cloned().collect();
        ways.push((negative, ids_by_query(server, dataset, &json!([condition(line, negative)])), rest));
    }
    let mut found: Vec<String> = ways
        .into_iter()
        .filter(|(_, got, expected)| got.as_ref() != Ok(expected))
        .map(|(way, got, expected)| format!("by {way} expected {expected:?}, got {got:?}"))
        .collect();
    found.extend(count_by_calculation(server, dataset, &spec, expected.len()));
    let shown = format!("{} {} {}", line.column, line.op, line.literal.clone().unwrap_or_default());
    // One line a filter is enough to find it.
    found.into_iter().take(1).map(|what| format!("line {at}: {case}: {shown}: {what}")).collect()
}

fn condition(line: &FilterLine, op: &str) -> Value {
    match &line.literal {
        Some(literal) => json!({ "column": line.column, "op": op, "value": literal }),
        None => json!({ "column": line.column, "op": op }),
    }
}

fn complement(op: &str) -> Option<&'static str> {
    Some(match op {
        "=" => "!=",
        "in" => "not-in",
        "starts-with" => "does-not-start-with",
        "ends-with" => "does-not-end-with",
        "contains" => "does-not-contain",
        "matches" => "does-not-match",
        "exists" => "does-not-exist",
        _ => return None,
    })
}

fn ids_by_query(server: &Server, dataset: &str, filters: &Value) -> Result<BTreeSet<String>, String> {
    let spec = json!({ "filters": filters, "breakdowns": ["id"], "limit": 10_000, "disable_series": true });
    ids(server, &format!("/api/v1/query/{dataset}"), spec)
}

fn ids_by_rows(server: &Server, dataset: &str, filters: &Value) -> Result<BTreeSet<String>, String> {
    ids(server, &format!("/api/v1/rows/{dataset}"), json!({ "filters": filters, "columns": ["id"], "limit": 10_000 }))
}

fn ids(server: &Server, path: &str, spec: Value) -> Result<BTreeSet<String>, String> {
    let reply = server.post(path, &of_all_time(spec));
    if reply.status != 200 {
        return Err(format!("{}: {}", reply.status, reply.text()));
    }
    let answer = reply.json();
    let rows = answer["rows"].as_array().into_iter().flatten();
    Ok(rows.map(|row| row[0].as_str().unwrap_or("(none)").to_owned()).collect())
}

fn count_by_calculation(server: &Server, dataset: &str, condition: &Value, expected: usize) -> Option<String> {
    let calculation = json!({ "op": "COUNT", "name": "n", "filters": [condition] });
    let spec = of_all_time(json!({ "calculations": [calculation], "disable_series": true }));
    let reply = server.post(&format!("/api/v1/query/{dataset}"), &spec);
    let count = if reply.status == 200 { reply.json()["rows"][0][0].clone() } else { json!(reply.text()) };
    (count != json!(expected)).then(|| format!("by calculation expected {expected}, got {count}"))
}
