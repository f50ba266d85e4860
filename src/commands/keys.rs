//! `outcrop keys`: makes, lists and revokes keys in a data directory, whether a server runs on it or not.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use outcrop_storage::clock::{Clock, SystemClock};
use outcrop_storage::paths::DataDir;
use serde_json::{Value, json};

use super::CommandError;
use crate::audit::{Entry, Who, append_change};
use crate::times::rfc3339;
use crate::workspace::{Grant, Key, KeyLimits, Workspace};

#[derive(Args, Debug)]
pub(crate) struct KeysArguments {
    #[command(subcommand)]
    command: KeysCommand,
    /// The data directory
    #[arg(long, env = "OUTCROP_DATA_DIR", value_name = "DIR", default_value = "outcrop-data", global = true)]
    data_dir: PathBuf,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a key and print it, this once
    Create {
        /// Who uses it
        #[arg(long)]
        name: String,
        /// What it may do: ingest, query or admin, for some datasets only as in query:shop,web; may be given again
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<Grant>,
        /// Requests of any kind that may be made with it in a second; without it as many as come
        #[arg(long, value_name = "COUNT")]
        requests_per_second: Option<u32>,
        /// Events that may be sent with it in a second; without it as many as come
        #[arg(long, value_name = "COUNT")]
        events_per_second: Option<u32>,
    },
    /// Show every key that was made, without the keys themselves
    List,
    /// End a key, and the sessions that it opened
    Revoke {
        /// The key's id, as in the list
        id: String,
    },
}

pub(crate) fn keys(arguments: &KeysArguments) -> Result<ExitCode, CommandError> {
    let data_dir = DataDir::new(&arguments.data_dir);
    let making = matches!(arguments.command, KeysCommand::Create { .. });
    if !making && !data_dir.workspace().exists() {
        return Err(format!("there are no keys in {}", arguments.data_dir.display()).into());
    }
    let workspace = Workspace::open(&data_dir.workspace())?;
    let now = SystemClock.now();
    match &arguments.command {
        KeysCommand::Create { name, scopes, requests_per_second, events_per_second } => {
            let limits = KeyLimits { requests_per_second: *requests_per_second, events_per_second: *events_per_second };
            let (key, secret) = workspace.create_key(name, scopes, limits, now)?;
            record(
                &data_dir,
                now,
                "key.create",
                json!({ "id": key.id, "name": key.name, "scopes": scopes, "limits": limits }),
            )?;
            eprintln!(
                "This is the key {} ({}). It is not kept anywhere and will not be shown again:",
                key.id,
                scopes_of(&key)
            );
            println!("{}", secret.reveal());
        }
        KeysCommand::List => println!("{}", table(&workspace.keys()?)),
        KeysCommand::Revoke { id } => {
            let key = workspace.revoke_key(id, None, now)?;
            record(&data_dir, now, "key.revoke", json!({ "id": key.id, "name": key.name }))?;
            println!("{} ({}) is revoked", key.id, key.name);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What was changed stands in the audit log before anybody is told.
fn record(data_dir: &DataDir, time: i64, action: &'static str, what: Value) -> Result<(), CommandError> {
    let entry = Entry { time, who: Some(Who::named("command-line")), peer: None, action, what };
    Ok(append_change(data_dir, entry)?)
}

fn table(keys: &[Key]) -> Table {
    let time = |time: Option<i64>| time.map(rfc3339).unwrap_or_default();
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_header([
        "id",
        "name",
        "scopes",
        "a second",
        "created",
        "last used",
        "revoked",
    ]);
    for key in keys {
        let times = [time(Some(key.created)), time(key.last_used), time(key.revoked)];
        let said = [key.id.clone(), key.name.clone(), scopes_of(key), limits_of(key)];
        table.add_row(said.into_iter().chain(times));
    }
    table
}

fn limits_of(key: &Key) -> String {
    let said = |limit: Option<u32>, what: &str| limit.map(|limit| format!("{limit} {what}"));
    let limits = [said(key.limits.requests_per_second, "requests"), said(key.limits.events_per_second, "events")];
    limits.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn scopes_of(key: &Key) -> String {
    key.scopes.grants().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
