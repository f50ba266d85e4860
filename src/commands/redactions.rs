//! `outcrop redactions`: asks where stored events hold what must not be kept, and shows it as a table.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::CommandError;
use super::remote::Remote;
use super::table::printable;

/// Between two looks at how far it is.
const PAUSE: Duration = Duration::from_millis(200);
const COLUMNS: [&str; 7] = ["dataset", "field", "found", "action", "events", "first_event", "last_event"];

#[derive(Args, Debug)]
pub(crate) struct RedactionsArguments {
    #[command(subcommand)]
    command: RedactionsCommand,
}

#[derive(Debug, Subcommand)]
enum RedactionsCommand {
    /// Look through stored events for what the rules would take out; it is shown where it is, never what it is
    DryRun {
        /// The datasets, with commas between them; * for all
        #[arg(long, value_name = "NAMES", default_value = "*")]
        dataset: String,
        /// A file with rules, a JSON array, in place of those that there are
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        remote: Remote,
    },
}

pub(crate) fn redactions(arguments: &RedactionsArguments) -> Result<ExitCode, CommandError> {
    let RedactionsCommand::DryRun { dataset, rules, json, remote } = &arguments.command;
    let rules = rules.as_ref().map(|path| {
        let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        serde_json::from_str::<Value>(&text).map_err(|e| format!("{} is not JSON: {e}", path.display()))
    });
    let report = dry_run(remote, dataset, &json!({ "rules": rules.transpose()? }))?;
    if *json {
        println!("{report}");
    } else {
        print(&report);
    }
    Ok(ExitCode::SUCCESS)
}

/// Has it done, and waits for its report.
fn dry_run(remote: &Remote, dataset: &str, spec: &Value) -> Result<Value, CommandError> {
    let client = remote.client();
    let begun = client.begin_dry_run(dataset, spec)?;
    let id = begun["task"].as_str().ok_or("the server names no task")?;
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} parts {eta}")?);
    loop {
        let task = client.task(id)?;
        bar.set_length(task["progress"]["total"].as_u64().unwrap_or_default());
        bar.set_position(task["progress"]["done"].as_u64().unwrap_or_default());
        match task["state"].as_str().unwrap_or_default() {
            "waiting" | "running" => std::thread::sleep(PAUSE),
            "done" => {
                bar.finish_and_clear();
                return Ok(task["report"].clone());
            }
            "cancelled" => return Err("somebody has cancelled it".into()),
            _ => return Err(task["error"].as_str().unwrap_or("it failed").into()),
        }
    }
}

fn print(report: &Value) {
    let findings = report["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    if findings.is_empty() {
        println!("nothing was found");
    } else {
        let mut table = Table::new();
        table.load_preset(UTF8_HORIZONTAL_ONLY).set_header(COLUMNS);
        for finding in findings {
            table.add_row(COLUMNS.map(|name| match &finding[name] {
                Value::String(text) => printable(text),
                other => other.to_string(),
            }));
        }
        println!("{table}");
    }
    if report["truncated"] == true {
        eprintln!("there is more than this; look at fewer datasets, or with fewer rules");
    }
    if let Some(unread @ 1..) = report["segments_unread"].as_u64() {
        eprintln!("{unread} damaged segments were not looked at, or not to their end; /readyz names their files");
    }
}
