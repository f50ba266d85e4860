//! `outcrop intents`: what code is meant to do and whether it does; for pipelines, which stop a deployment by it.

use std::process::ExitCode;

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use serde_json::{Value, json};

use super::CommandError;
use super::compare::explained;
use super::range::seconds;
use super::remote::Remote;
use super::table::printable;
use crate::client::Client;

/// Some intent is met less often than it must be.
const UNMET: u8 = 1;
/// There is nothing to judge by.
const NO_EVIDENCE: u8 = 2;

#[derive(Args, Debug)]
pub(crate) struct IntentsArguments {
    /// The dataset, several separated by commas, or * for all
    #[arg(long, value_name = "NAME", default_value = "*")]
    dataset: String,
    /// Only this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Only this version, compared with all others
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Only this intent; may be given again
    #[arg(long = "name", value_name = "INTENT")]
    names: Vec<String>,
    /// Exit with 1 if an intent is met by less than so many per cent of its events, and with 2 if there are no events
    #[arg(long, value_name = "PER CENT", value_parser = per_cent)]
    fail_under: Option<f64>,
    /// Judge only intents with at least so many events
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    min_events: u64,
    /// The time range up to now: 90s, 30m, 2h, 7d
    #[arg(long, value_name = "DURATION", default_value = "1h", conflicts_with_all = ["start", "end"])]
    last: String,
    /// From when, RFC 3339
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Until when, RFC 3339
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    #[command(flatten)]
    remote: Remote,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

fn per_cent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim().parse().ok().filter(|number| (0.0..=100.0).contains(number));
    number.ok_or_else(|| "write per cent as a number from 0 to 100".to_owned())
}

pub(crate) fn intents(arguments: &IntentsArguments) -> Result<ExitCode, CommandError> {
    let client = arguments.remote.client();
    let mut answer = client.intents(&options(arguments)?)?;
    if let (false, Some(items)) = (arguments.names.is_empty(), answer["items"].as_array_mut()) {
        items.retain(|intent| arguments.names.iter().any(|name| intent["name"] == **name));
    }
    if arguments.json {
        println!("{answer:#}");
    } else {
        println!("{}", told(&answer));
    }
    match arguments.fail_under {
        None => Ok(ExitCode::SUCCESS),
        Some(least) => judged(arguments, &client, &answer, least),
    }
}

fn options(arguments: &IntentsArguments) -> Result<Vec<(&'static str, String)>, String> {
    let mut options = vec![("dataset", arguments.dataset.clone())];
    for (name, value) in [
        ("service", &arguments.service),
        ("version", &arguments.version),
        ("start", &arguments.start),
        ("end", &arguments.end),
    ] {
        options.extend(value.clone().map(|value| (name, value)));
    }
    if arguments.start.is_none() && arguments.end.is_none() {
        options.push(("time_range", seconds(&arguments.last)?.to_string()));
    }
    Ok(options)
}

fn items(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["items"].as_array().into_iter().flatten()
}

fn told(answer: &Value) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.set_header(["intent", "", "met", "before", "unmet", "events", "declared in"]);
    for intent in items(answer) {
        let place = match (intent["file"].as_str(), intent["line"].as_u64()) {
            (Some(file), Some(line)) => format!("{}:{line}", printable(file)),
            (file, _) => printable(file.unwrap_or_default()),
        };
        table.add_row([
            printable(intent["name"].as_str().unwrap_or_default()),
            intent["state"].as_str().unwrap_or_default().replace('_', " "),
            share(&intent["now"]["met"]),
            share(&intent["before"]["met"]),
            intent["now"]["unmet"].to_string(),
            intent["now"]["events"].to_string(),
            place,
        ]);
    }
    table.to_string()
}

fn share(met: &Value) -> String {
    met.as_f64().map_or_else(|| "–".to_owned(), |met| format!("{:.2} %", met * 100.0))
}

/// Whether every intent is met as often as it must be; if not, why.
fn judged(arguments: &IntentsArguments, client: &Client, answer: &Value, least: f64) -> Result<ExitCode, CommandError> {
    let exercised = |intent: &&Value| intent["now"]["events"].as_u64() >= Some(arguments.min_events.max(1));
    let judged: Vec<&Value> = items(answer).filter(exercised).collect();
    if judged.is_empty() {
        eprintln!("there is nothing to judge: no intent was exercised often enough in this time");
        return Ok(ExitCode::from(NO_EVIDENCE));
    }
    let met = |intent: &Value| intent["now"]["met"].as_f64().unwrap_or(1.0) * 100.0;
    let unmet: Vec<&Value> = judged.into_iter().filter(|intent| met(intent) < least).collect();
    for intent in &unmet {
        let name = intent["name"].as_str().unwrap_or_default();
        eprintln!("\n{}: met by {}, less than {least} %", printable(name), share(&intent["now"]["met"]));
        // The judgement stands without its explanation.
        match explanation(arguments, client, answer, name) {
            Ok(why) => eprintln!("{why}"),
            Err(error) => eprintln!("why cannot be said: {error}"),
        }
    }
    Ok(if unmet.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(UNMET) })
}

/// What did not hold, and what is different about those that it did not hold for.
fn explanation(
    arguments: &IntentsArguments,
    client: &Client,
    answer: &Value,
    name: &str,
) -> Result<String, CommandError> {
    let detail = client.intent(name, &options(arguments)?)?;
    let unmet = detail["unmet"].as_array().into_iter().flatten().take(5).map(|unmet| {
        format!(
            "  {} did not hold {} times",
            printable(unmet["expectation"].as_str().unwrap_or_default()),
            unmet["events"]
        )
    });
    let mut lines: Vec<String> = unmet.collect();
    let condition = |column: &str, value: &Value| json!({ "column": column, "op": "=", "value": value });
    let mut filters = vec![condition("intent.name", &json!(name)), json!({ "column": "intent.met", "op": "exists" })];
    filters.extend(arguments.version.iter().map(|version| condition("service.version", &json!(version))));
    filters.extend(arguments.service.iter().map(|service| condition("service.name", &json!(service))));
    // What an intent says of itself explains nothing.
    let fields = client.fields(&arguments.dataset)?;
    let fields: Vec<&str> =
        fields["fields"].as_array().into_iter().flatten().filter_map(|f| f["name"].as_str()).collect();
    let fields: Vec<&str> = fields.into_iter().filter(|field| !field.starts_with("intent.")).collect();
    let spec = json!({
        "filters": filters,
        "start_time": answer["start"],
        "end_time": answer["end"],
        "fields": fields,
        "selection": { "filters": [condition("intent.met", &json!(false))] },
    });
    lines.push(explained(&client.compare(&arguments.dataset, &spec)?));
    Ok(lines.join("\n"))
}
