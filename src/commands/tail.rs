//! `outcrop tail`: events as they come in, a line each, until nobody wants to read them any more.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::CommandError;
use super::query::filter;
use super::remote::Remote;
use crate::client::ClientError;

/// Pause before another attempt after a connection broke.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

#[derive(Args, Debug)]
pub(crate) struct TailArguments {
    /// The dataset, several separated by commas, or * for all
    #[arg(long, value_name = "NAME", default_value = "*")]
    dataset: String,
    /// A filter: 'http.status_code >= 500', 'name contains cart', 'error exists'
    #[arg(long = "where", value_name = "FILTER")]
    filters: Vec<String>,
    /// Begin behind the event with this number instead of now
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<u64>,
    /// End after so many events
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
    #[command(flatten)]
    remote: Remote,
    /// Print each event as a line of JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn tail(arguments: &TailArguments) -> Result<ExitCode, CommandError> {
    let filters: Value = arguments.filters.iter().map(|f| filter(f)).collect::<Result<Vec<_>, _>>()?.into();
    let client = arguments.remote.client();
    let mut after = arguments.after;
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    let mut followed = false;
    loop {
        match client.tail(&arguments.dataset, &filters, after) {
            Ok(stream) => {
                followed = true;
                if follow(stream, arguments.json, &mut after, &mut left)? {
                    return Ok(ExitCode::SUCCESS);
                }
                eprintln!("the connection ended; going on where it did");
            }
            // What was there a moment ago may be there again.
            Err(ClientError::Unreachable { .. }) if followed => {}
            Err(error) => return Err(error.into()),
        }
        std::thread::sleep(RETRY_PAUSE);
    }
}

/// Prints what comes; whether nobody wants more of it.
fn follow(stream: impl Read, json: bool, after: &mut Option<u64>, left: &mut u64) -> Result<bool, CommandError> {
    let mut out = std::io::stdout().lock();
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return Ok(false) };
        if let Some(dropped) = line.strip_prefix(": dropped ") {
            eprintln!("{dropped} more events came in than can be shown");
        }
        let Some(data) = line.strip_prefix("data:") else { continue };
        let Ok(event) = serde_json::from_str::<Value>(data.trim_start()) else { continue };
        let written = if json { event.to_string() } else { told(&event) };
        // Whoever reads from us may have gone.
        if writeln!(out, "{written}").and_then(|()| out.flush()).is_err() {
            return Ok(true);
        }
        *after = event["sequence"].as_u64().or(*after);
        *left -= 1;
        if *left == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `time dataset field=value field=value`.
fn told(event: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut line = format!("{} {}", text(&event["timestamp"]), text(&event["dataset"]));
    for (name, value) in event["fields"].as_object().into_iter().flatten() {
        let value = match value {
            Value::String(text) if !text.is_empty() && !text.contains([' ', '"', '\n', '=']) => text.clone(),
            other => other.to_string(),
        };
        line.push_str(&format!(" {name}={value}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_a_line_whatever_is_in_it() {
        let event =
            json!({ "timestamp": "T", "dataset": "d", "fields": { "a": 1, "b": "x", "c": "two words\n", "d": "" } });
        assert_eq!(told(&event), "T d a=1 b=x c=\"two words\\n\" d=\"\"");
    }
}
