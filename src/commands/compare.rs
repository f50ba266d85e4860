//! `outcrop compare`: what is different about these events, as sentences and bars, or as JSON.

use std::fmt::Write;
use std::process::ExitCode;

use chrono::DateTime;
use clap::Args;
use serde_json::{Value, json};

use super::CommandError;
use super::query::filter;
use super::range::{self, Range, put, seconds};
use super::remote::{Remote, tell_warnings};
use super::table::printable;

/// Cells of a bar that stands for everything.
const BAR_CELLS: f64 = 24.0;

#[derive(Args, Debug)]
pub(crate) struct CompareArguments {
    /// The dataset, several separated by commas, or * for all
    #[arg(long, value_name = "NAME")]
    dataset: String,
    /// A filter of the events asked about: 'duration_ms > 1000', 'error = true'
    #[arg(long = "select", value_name = "FILTER")]
    selection: Vec<String>,
    /// Select what matches any of them instead of all
    #[arg(long)]
    select_any: bool,
    /// Select from then on, RFC 3339
    #[arg(long, value_name = "TIME")]
    select_start: Option<String>,
    /// Select up to then, RFC 3339
    #[arg(long, value_name = "TIME")]
    select_end: Option<String>,
    /// A filter of the events to compare with [default: all the others]
    #[arg(long = "against", value_name = "FILTER")]
    baseline: Vec<String>,
    /// Compare with what matches any of them instead of all
    #[arg(long)]
    against_any: bool,
    /// Compare with events from then on, RFC 3339
    #[arg(long, value_name = "TIME")]
    against_start: Option<String>,
    /// Compare with events up to then, RFC 3339
    #[arg(long, value_name = "TIME")]
    against_end: Option<String>,
    /// Compare with the same selection so long before: 90s, 30m, 2h, 7d
    #[arg(long, value_name = "DURATION", conflicts_with_all = ["baseline", "against_any", "against_start", "against_end"])]
    before: Option<String>,
    /// A filter of both sides
    #[arg(long = "where", value_name = "FILTER")]
    filters: Vec<String>,
    /// Match any filter of both sides instead of all
    #[arg(long)]
    any: bool,
    /// A field to compare [default: every one]
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
    /// Fields to show
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    max_fields: usize,
    /// Values of a field to show
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    max_values: usize,
    /// Explanations to show
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    max_explanations: usize,
    /// Answer from a sample where counting everything would take long
    #[arg(long)]
    sample: bool,
    #[command(flatten)]
    range: Range,
    #[command(flatten)]
    remote: Remote,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn compare(arguments: &CompareArguments) -> Result<ExitCode, CommandError> {
    let answer = arguments.remote.client().compare(&arguments.dataset, &spec(arguments, range::now()?)?)?;
    if arguments.json {
        println!("{answer:#}");
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", told(&answer));
    tell_warnings(&answer);
    Ok(ExitCode::SUCCESS)
}

fn spec(arguments: &CompareArguments, now: i64) -> Result<Value, String> {
    let filters = |texts: &[String]| texts.iter().map(|text| filter(text)).collect::<Result<Vec<Value>, String>>();
    let combination = |any: bool| if any { "OR" } else { "AND" };
    let mut spec = json!({
        "filters": filters(&arguments.filters)?,
        "filter_combination": combination(arguments.any),
        "max_fields": arguments.max_fields,
        "max_values": arguments.max_values,
        "max_explanations": arguments.max_explanations,
        "exact": !arguments.sample,
    });
    if !arguments.fields.is_empty() {
        spec["fields"] = json!(arguments.fields);
    }
    let mut selection = json!({
        "filters": filters(&arguments.selection)?,
        "filter_combination": combination(arguments.select_any),
    });
    put(&mut selection, "start_time", arguments.select_start.as_deref());
    put(&mut selection, "end_time", arguments.select_end.as_deref());
    match (&arguments.range.start, &arguments.range.end) {
        (None, None) => {
            spec["start_time"] = json!(now - seconds(&arguments.range.last)?);
            spec["end_time"] = json!(now);
        }
        (start, end) => {
            put(&mut spec, "start_time", start.as_deref());
            put(&mut spec, "end_time", end.as_deref());
        }
    }
    if let Some(before) = &arguments.before {
        spec["baseline"] = earlier(&spec, &selection, seconds(before)?, now)?;
    } else if !arguments.baseline.is_empty() || arguments.against_start.is_some() || arguments.against_end.is_some() {
        let mut baseline = json!({
            "filters": filters(&arguments.baseline)?,
            "filter_combination": combination(arguments.against_any),
        });
        put(&mut baseline, "start_time", arguments.against_start.as_deref());
        put(&mut baseline, "end_time", arguments.against_end.as_deref());
        spec["baseline"] = baseline;
    }
    spec["selection"] = selection;
    Ok(spec)
}

/// The selection, so many seconds before.
fn earlier(spec: &Value, selection: &Value, seconds: i64, now: i64) -> Result<Value, String> {
    let time = |key: &str, otherwise: Option<i64>| {
        let given = [selection, spec].into_iter().map(|s| &s[key]).find(|v| !v.is_null());
        match given {
            Some(Value::String(text)) => DateTime::parse_from_rfc3339(text)
                .map(|t| t.timestamp())
                .map_err(|_| format!("{text:?}: with --before write times as 2026-11-01T00:00:00Z")),
            Some(number) => Ok(number.as_i64().unwrap_or(now)),
            None => otherwise.ok_or_else(|| "--before needs --start".to_owned()),
        }
    };
    let mut baseline = selection.clone();
    baseline["start_time"] = json!(time("start_time", None)? - seconds);
    baseline["end_time"] = json!(time("end_time", Some(now))? - seconds);
    Ok(baseline)
}

/// The answer as people read it.
fn told(answer: &Value) -> String {
    let events = |side: &str| answer[side]["events"].as_u64().unwrap_or_default();
    let (selected, others) = (events("selection"), events("baseline"));
    let mut text = format!("{} selected, compared with {}", counted(selected), counted(others));
    if answer["exact"] == false {
        let _ = write!(text, ", from a sample of {}", percent(&answer["sampled_fraction"]));
    }
    text.push_str("\n\n");
    if selected == 0 {
        text.push_str("No event is selected: check the filters and the time range.\n");
    } else if others == 0 {
        text.push_str("There is nothing to compare with: the selection holds everything.\n");
    } else {
        explanations(answer, &mut text);
        fields(answer, &mut text);
    }
    if answer["evidence"] == "weak" {
        text.push_str(
            "\nFew rows outweigh all others: their sample rates look like counts, so that chance is judged by those.\n",
        );
    }
    text
}

fn counted(events: u64) -> String {
    let digits = events.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} event{}", if events == 1 { "" } else { "s" })
}

/// What sets the selected events apart.
pub(super) fn explained(answer: &Value) -> String {
    let mut text = String::new();
    explanations(answer, &mut text);
    text
}

fn explanations(answer: &Value, text: &mut String) {
    let all = answer["explanations"].as_array().map_or(&[][..], Vec::as_slice);
    if all.is_empty() {
        text.push_str("No condition sets them apart beyond chance.\n");
    }
    for (at, explanation) in all.iter().enumerate() {
        let _ = writeln!(text, "{}. {}", at + 1, sentence(&explanation["filters"]));
        for (side, key) in [("selected", "selection"), ("others", "baseline")] {
            let _ = writeln!(text, "   {side:<9}{:>8}  {}", percent(&explanation[key]), bar(&explanation[key]));
        }
        let same = names(&explanation["same_as"]);
        if !same.is_empty() {
            let _ = writeln!(text, "   the same events by {same}");
        }
        if explanation["symptom"] == true {
            text.push_str("   whatever the cause: this may be what happened to them rather than why\n");
        }
        let rivals = explanation["rivals"].as_array().into_iter().flatten();
        let rivals: Vec<String> = rivals
            .map(|r| {
                let shares = format!("{} : {}", percent(&r["selection"]), percent(&r["baseline"]));
                format!("{} ({shares})", sentence(&r["filters"]))
            })
            .collect();
        if !rivals.is_empty() {
            let _ = writeln!(text, "   close: {}", rivals.join("; "));
        }
        text.push('\n');
    }
}

/// Conditions as one line.
fn sentence(filters: &Value) -> String {
    let condition = |f: &Value| {
        let (column, op) = (f["column"].as_str().unwrap_or_default(), f["op"].as_str().unwrap_or_default());
        match op {
            "exists" => format!("{} has a value", printable(column)),
            "does-not-exist" => format!("{} has no value", printable(column)),
            _ => format!("{} {op} {}", printable(column), shown(&f["value"])),
        }
    };
    let conditions: Vec<String> = filters.as_array().into_iter().flatten().map(condition).collect();
    conditions.join(" and ")
}

fn fields(answer: &Value, text: &mut String) {
    let all = answer["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let differing = all.iter().filter(|f| f["score"].as_f64() > Some(0.0));
    let mut count = 0;
    for field in differing {
        if count == 0 {
            let _ = writeln!(text, "Fields that differ {:>37}  others", "selected");
        }
        count += 1;
        field_told(field, text);
    }
    let compared = answer["fields_compared"].as_u64().unwrap_or_default();
    let restated = names(&answer["restated"]);
    if !restated.is_empty() {
        let _ = writeln!(text, "\nNot compared, because the sides are chosen by it: {restated}");
    }
    if count == 0 {
        let _ = writeln!(text, "None of {compared} fields differs beyond chance.");
    }
}

fn field_told(field: &Value, text: &mut String) {
    let score = field["score"].as_f64().unwrap_or_default();
    let same = names(&field["same_as"]);
    let same = if same.is_empty() { String::new() } else { format!("  (the same: {same})") };
    let _ = writeln!(text, "{score:.2}  {}{same}", printable(field["field"].as_str().unwrap_or_default()));
    for value in field["values"].as_array().into_iter().flatten() {
        let name = if value["value"].is_null() { "(no value)".to_owned() } else { shown(&value["value"]) };
        line(&name, &value["selection"], &value["baseline"], text);
    }
    let medians = &field["p50"];
    if medians.is_object() {
        let _ = writeln!(text, "      median {} selected, {} others", medians["selection"], medians["baseline"]);
    }
    let mut bins: Vec<&Value> = field["bins"].as_array().into_iter().flatten().collect();
    let difference = |b: &Value| (b["selection"].as_f64().unwrap_or(0.0) - b["baseline"].as_f64().unwrap_or(0.0)).abs();
    bins.sort_by(|a, b| difference(b).total_cmp(&difference(a)));
    for bin in bins.into_iter().take(3) {
        line(&format!("{} to {}", bin["min"], bin["max"]), &bin["selection"], &bin["baseline"], text);
    }
}

fn line(name: &str, selection: &Value, baseline: &Value, text: &mut String) {
    let mut name: String = name.chars().take(40).collect();
    if name.chars().count() == 40 {
        name.push('…');
    }
    let _ = writeln!(text, "      {name:<41} {:>8} {:>8}  {}", percent(selection), percent(baseline), bar(selection));
}

fn names(list: &Value) -> String {
    let names = list.as_array().into_iter().flatten().filter_map(Value::as_str).map(printable);
    names.collect::<Vec<String>>().join(", ")
}

/// A value for people: text as it is, without what a terminal would obey.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        other => other.to_string(),
    }
}

fn percent(share: &Value) -> String {
    let share = share.as_f64().unwrap_or_default() * 100.0;
    match share {
        0.0 => "0 %".to_owned(),
        share if share < 0.1 => format!("{share:.2} %"),
        share => format!("{share:.1} %"),
    }
}

/// A share as a bar of eighths of cells; something is never nothing.
fn bar(share: &Value) -> String {
    let share = share.as_f64().unwrap_or_default().clamp(0.0, 1.0);
    let eighths = (share * BAR_CELLS * 8.0).round() as usize;
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    "█".repeat(eighths / 8) + part
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: CompareArguments,
    }

    fn asked(arguments: &[&str]) -> Value {
        let all = [&["compare", "--dataset", "d"], arguments].concat();
        spec(&Line::parse_from(all).arguments, 1_000_000).unwrap()
    }

    #[test]
    fn arguments_become_a_spec() {
        let spec = asked(&["--select", "ms > 5", "--where", "service = web", "--last", "1h", "--sample"]);
        assert_eq!((&spec["start_time"], &spec["end_time"]), (&json!(996_400), &json!(1_000_000)));
        assert_eq!(spec["selection"]["filters"], json!([{ "column": "ms", "op": ">", "value": 5 }]));
        assert_eq!(spec["filters"], json!([{ "column": "service", "op": "=", "value": "web" }]));
        assert!(spec["baseline"].is_null() && spec["exact"] == false && spec["fields"].is_null());
        let other = asked(&["--select", "error = true", "--against", "build = b1", "--field", "a", "--field", "b"]);
        assert_eq!(other["baseline"]["filters"], json!([{ "column": "build", "op": "=", "value": "b1" }]));
        assert_eq!(other["fields"], json!(["a", "b"]));
    }

    #[test]
    fn before_is_the_same_selection_earlier() {
        let spec = asked(&["--select", "error = true", "--last", "1h", "--before", "1d"]);
        assert_eq!(spec["baseline"]["filters"], spec["selection"]["filters"]);
        assert_eq!(
            (&spec["baseline"]["start_time"], &spec["baseline"]["end_time"]),
            (&json!(910_000), &json!(913_600))
        );
        let timed = ["--start", "2026-11-01T01:00:00Z", "--end", "2026-11-01T02:00:00Z", "--before", "1h"];
        assert_eq!(asked(&timed)["baseline"]["end_time"], json!(1_793_494_800));
    }

    #[test]
    fn bars_and_shares() {
        assert_eq!((bar(&json!(0)), bar(&json!(1e-9)), bar(&json!(0.5))), (String::new(), "▏".into(), "█".repeat(12)));
        assert_eq!((percent(&json!(0.0004)), percent(&json!(0.97))), ("0.04 %".into(), "97.0 %".into()));
        assert_eq!(counted(1_234_567), "1,234,567 events");
        assert_eq!(counted(1), "1 event");
    }

    #[test]
    fn an_answer_is_told_in_sentences() {
        let answer = json!({
            "selection": { "events": 512 }, "baseline": { "events": 99_488 }, "exact": true, "fields_compared": 3,
            "explanations": [{ "filters": [{ "column": "build", "op": "=", "value": "b\u{7}1" }, { "column": "x", "op": "exists" }],
                               "selection": 0.94, "baseline": 0.001, "rivals": [], "same_as": ["sha"] }],
            "fields": [{ "field": "build", "score": 0.95, "values": [{ "value": null, "selection": 0.5, "baseline": 0.1 }] }]
        });
        let text = told(&answer);
        for part in
            ["512 events", "build = b\u{fffd}1 and x has a value", "94.0 %", "by sha", "0.95  build", "(no value)"]
        {
            assert!(text.contains(part), "{text}");
        }
        let nothing = json!({ "selection": { "events": 0 }, "baseline": { "events": 1 }, "exact": true });
        assert!(told(&nothing).contains("No event is selected"));
    }
}
