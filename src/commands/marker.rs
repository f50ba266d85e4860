//! `outcrop marker`: says on every chart that something happened, as deploy scripts do.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::CommandError;
use super::remote::Remote;

#[derive(Args, Debug)]
pub(crate) struct MarkerArguments {
    /// What happened
    text: String,
    /// The dataset that it happened to [default: all]
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// What kind of thing it is, such as deploy or flag
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// When, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Until when, RFC 3339
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// Where to read more
    #[arg(long, value_name = "LINK")]
    link: Option<String>,
    /// #rrggbb
    #[arg(long, value_name = "COLOR")]
    color: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) fn marker(arguments: &MarkerArguments) -> Result<ExitCode, CommandError> {
    let marker = json!({
        "text": arguments.text,
        "dataset": arguments.dataset,
        "kind": arguments.kind,
        "time": arguments.time,
        "end": arguments.end,
        "url": arguments.link,
        "color": arguments.color,
    });
    let made = arguments.remote.client().create("markers", &marker)?;
    println!("{}", made["id"].as_str().unwrap_or(&Value::to_string(&made)));
    Ok(ExitCode::SUCCESS)
}
