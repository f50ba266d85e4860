//! `outcrop rows`: events as they are, a table of some, or all of them as NDJSON or CSV.
//!
//! CSV comes in one piece, of one moment, within the longest deadline that a question may have. NDJSON comes a page after the
//! other, so that it takes as long as it takes, and every value keeps its type.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::query::filter;
use super::range::{self, Range};
use super::remote::{Remote, tell_warnings};
use super::{CommandError, table};
use crate::client::Client;

/// Events of a table, if nobody says how many.
const TABLE_ROWS: u64 = 100;
/// Events of a page of NDJSON: wide ones of some megabytes.
const PAGE_ROWS: u64 = 5_000;
/// Bytes of CSV that are written at a time.
const PIECE_BYTES: usize = 64 << 10;

#[derive(Args, Debug)]
pub(crate) struct RowsArguments {
    /// The dataset, several separated by commas, or * for all
    #[arg(long, value_name = "NAME")]
    dataset: String,
    /// A filter: 'http.status_code >= 500', 'name contains cart', 'error exists'
    #[arg(long = "where", value_name = "FILTER")]
    filters: Vec<String>,
    /// Match any filter instead of all
    #[arg(long)]
    any: bool,
    /// A field to print [default: every one that has a value]
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
    /// Which events come first
    #[arg(long, value_name = "ORDER", value_enum, default_value_t = Order::Descending)]
    order: Order,
    /// Events to print [default: 100 in a table, all as NDJSON or CSV]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    #[command(flatten)]
    range: Range,
    #[command(flatten)]
    remote: Remote,
    /// Print each event as a line of JSON
    #[arg(long, conflicts_with = "csv")]
    ndjson: bool,
    /// Print the events as CSV
    #[arg(long)]
    csv: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    /// Newest first
    Descending,
    /// Oldest first
    Ascending,
}

pub(crate) fn rows(arguments: &RowsArguments) -> Result<ExitCode, CommandError> {
    let (client, spec) = (arguments.remote.client(), spec(arguments)?);
    let out = &mut io::stdout().lock();
    let written = if arguments.csv {
        print_csv(&client, arguments, spec, out)
    } else if arguments.ndjson {
        print_ndjson(&client, arguments, spec, out)
    } else {
        print_table(&client, arguments, spec, out)
    };
    match written {
        // Whoever reads from us wants no more.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        written => written.map(|()| ExitCode::SUCCESS),
    }
}

fn is_broken_pipe(error: &CommandError) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn spec(arguments: &RowsArguments) -> Result<Value, CommandError> {
    let filters: Vec<Value> = arguments.filters.iter().map(|f| filter(f)).collect::<Result<_, _>>()?;
    let mut spec = json!({
        "filters": filters,
        "filter_combination": if arguments.any { "OR" } else { "AND" },
        "columns": if arguments.fields.is_empty() { Value::Null } else { json!(arguments.fields) },
        "order": match arguments.order {
            Order::Descending => "descending",
            Order::Ascending => "ascending",
        },
    });
    arguments.range.put(&mut spec)?;
    // Every page is of the same time.
    if arguments.range.end.is_none() {
        spec["end_time"] = json!(range::now()?);
    }
    Ok(spec)
}

fn print_table(
    client: &Client,
    arguments: &RowsArguments,
    mut spec: Value,
    out: &mut impl Write,
) -> Result<(), CommandError> {
    spec["limit"] = json!(arguments.limit.unwrap_or(TABLE_ROWS));
    let page = client.rows(&arguments.dataset, &spec)?;
    writeln!(out, "{}", table::text(&page))?;
    tell_warnings(&page);
    Ok(())
}

fn print_csv(
    client: &Client,
    arguments: &RowsArguments,
    mut spec: Value,
    out: &mut impl Write,
) -> Result<(), CommandError> {
    spec["limit"] = json!(arguments.limit);
    let mut events = client.rows_as_csv(&arguments.dataset, &spec)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = events.read(&mut piece).map_err(|error| format!("the events were broken off: {error}"))?;
        if read == 0 {
            return Ok(out.flush()?);
        }
        out.write_all(&piece[..read])?;
    }
}

fn print_ndjson(
    client: &Client,
    arguments: &RowsArguments,
    mut spec: Value,
    out: &mut impl Write,
) -> Result<(), CommandError> {
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    loop {
        spec["limit"] = json!(left.min(PAGE_ROWS));
        let mut page = client.rows(&arguments.dataset, &spec)?;
        if spec["cursor"].is_null() {
            tell_warnings(&page);
        }
        let lines: String = events(&page).map(|event| Value::Object(event).to_string() + "\n").collect();
        out.write_all(lines.as_bytes())?;
        left -= page["rows"].as_array().map_or(0, |rows| rows.len() as u64).min(left);
        spec["cursor"] = page["cursor"].take();
        if left == 0 || spec["cursor"].is_null() {
            return Ok(out.flush()?);
        }
    }
}

/// The events of a page, with the fields that they have.
fn events(page: &Value) -> impl Iterator<Item = Map<String, Value>> + '_ {
    let names: Vec<&str> =
        page["columns"].as_array().into_iter().flatten().map(|c| c["name"].as_str().unwrap_or_default()).collect();
    page["rows"].as_array().into_iter().flatten().map(move |row| {
        let cells = row.as_array().into_iter().flatten().zip(&names);
        cells.filter(|(value, _)| !value.is_null()).map(|(value, name)| ((*name).to_owned(), value.clone())).collect()
    })
}
