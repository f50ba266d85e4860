//! `outcrop inspect`: prints what one file says of itself, for people or as JSON.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat};
use clap::{Args, ValueEnum};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use outcrop_storage::inspect::{Fact, Facts, FileKind};

use super::CommandError;

#[derive(Args, Debug)]
pub(crate) struct InspectArguments {
    /// What the file is
    #[arg(value_enum)]
    kind: Kind,
    /// The file, of a data directory or alone
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// JSON instead of text; times are nanoseconds since 1970-01-01 UTC
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// A file of the write-ahead log: NNNNNNNNNNNNNNNN.wal
    Wal,
    /// A segment: NNNNNNNNNNNN.parquet
    Segment,
    /// The sidecar of a segment: NNNNNNNNNNNN.index
    Sidecar,
    /// The checksums of a segment: NNNNNNNNNNNN.sums
    Sums,
    /// The catalog: catalog.sqlite
    Catalog,
}

pub(crate) fn inspect(arguments: &InspectArguments) -> Result<ExitCode, CommandError> {
    let kind = match arguments.kind {
        Kind::Wal => FileKind::Wal,
        Kind::Segment => FileKind::Segment,
        Kind::Sidecar => FileKind::Sidecar,
        Kind::Sums => FileKind::Sums,
        Kind::Catalog => FileKind::Catalog,
    };
    let facts = outcrop_storage::inspect::inspect(kind, &arguments.file)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&facts)?);
    } else {
        print!("{}", text(&facts));
    }
    Ok(ExitCode::SUCCESS)
}

fn text(facts: &Facts) -> String {
    let mut out = String::new();
    write_facts(&mut out, facts, 0);
    out
}

fn write_facts(out: &mut String, facts: &Facts, depth: usize) {
    let width = facts.0.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let indent = "  ".repeat(depth);
    for (name, fact) in &facts.0 {
        match fact {
            Fact::Facts(inner) => {
                let _infallible = writeln!(out, "{indent}{name}");
                write_facts(out, inner, depth + 1);
            }
            Fact::List(list) if !list.is_empty() => {
                let _infallible = writeln!(out, "{indent}{name}: {}", list.len());
                write_list(out, list, depth + 1);
            }
            plain => {
                let _infallible = writeln!(out, "{indent}{name:width$}  {}", word(plain));
            }
        }
    }
}

/// Alike things that hold no others are lines of a table.
fn write_list(out: &mut String, list: &[Facts], depth: usize) {
    let flat = |fact: &Fact| match fact {
        Fact::Facts(_) => false,
        Fact::List(list) => list.is_empty(),
        _ => true,
    };
    if list.iter().all(|facts| facts.0.iter().all(|(_, fact)| flat(fact))) {
        write_table(out, list, depth);
        return;
    }
    for (at, facts) in list.iter().enumerate() {
        let _infallible = writeln!(out, "{}{}", "  ".repeat(depth), at + 1);
        write_facts(out, facts, depth + 1);
    }
}

fn write_table(out: &mut String, list: &[Facts], depth: usize) {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in list.iter().flat_map(|facts| &facts.0) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header(&names);
    for facts in list {
        table.add_row(names.iter().map(|name| facts.get(name).map(word).unwrap_or_default()));
    }
    for (column, name) in table.column_iter_mut().zip(&names) {
        if list.iter().any(|facts| matches!(facts.get(name), Some(Fact::Number(_)))) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.to_string().lines() {
        let _infallible = writeln!(out, "{}{}", "  ".repeat(depth), line.trim_end());
    }
}

/// A fact for people: control characters are shown, not executed.
fn word(fact: &Fact) -> String {
    match fact {
        Fact::None => "-".to_owned(),
        Fact::Flag(true) => "yes".to_owned(),
        Fact::Flag(false) => "no".to_owned(),
        Fact::Number(value) => value.to_string(),
        Fact::Float(value) => value.to_string(),
        Fact::Time(value) => DateTime::from_timestamp_nanos(*value).to_rfc3339_opts(SecondsFormat::AutoSi, true),
        Fact::Text(text) => text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        Fact::List(_) | Fact::Facts(_) => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_things_are_a_table_and_others_are_listed() {
        let row = |n: i128| Facts(vec![("block", Fact::Number(n)), ("holds", Fact::Flag(n > 0))]);
        let facts = Facts(vec![
            ("bytes", Fact::Number(7)),
            ("made", Fact::Time(1_767_225_600_500_000_000)),
            ("name", Fact::Text("a\u{1b}[31m".to_owned())),
            ("none", Fact::List(Vec::new())),
            ("header", Fact::Facts(Facts(vec![("state", Fact::None)]))),
            ("blocks", Fact::List(vec![row(0), row(10)])),
            ("frames", Fact::List(vec![Facts(vec![("batches", Fact::List(vec![row(1)]))])])),
        ]);
        let wanted = "bytes   7\n\
                      made    2026-01-01T00:00:00.500Z\n\
                      name    a\u{fffd}[31m\n\
                      none    none\n\
                      header\n  state  -\n\
                      blocks: 2\n   block  holds\n       0  no\n      10  yes\n\
                      frames: 1\n  1\n    batches: 1\n       block  holds\n           1  yes\n";
        assert_eq!(text(&facts), wanted);
    }
}
