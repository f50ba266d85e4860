//! `outcrop check`: verifies a data directory that is not in use, and changes nothing. It ends with 0 if nothing is wrong,
//! with 1 if something is, with 2 if it could not look.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use outcrop_storage::check::CheckReport;
use outcrop_storage::paths::DataDir;

use super::CommandError;
use crate::audit::{ChainReport, verify};

/// Lines of a kind that are printed; the rest are counted.
const LINES_MAX: usize = 1_000;

#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    /// The data directory
    #[arg(long, env = "OUTCROP_DATA_DIR", value_name = "DIR", default_value = "outcrop-data")]
    data_dir: PathBuf,
}

pub(crate) fn check(arguments: &CheckArguments) -> Result<ExitCode, CommandError> {
    match look(&arguments.data_dir) {
        Ok((report, audit)) => {
            print(&arguments.data_dir, &report, audit.as_ref());
            Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Err(error) => {
            eprintln!("outcrop: {error}");
            Ok(ExitCode::from(2))
        }
    }
}

/// What was found of the store, and of the audit log if there is one.
type Found = (CheckReport, Option<[ChainReport; 2]>);

fn look(data_dir: &Path) -> Result<Found, CommandError> {
    if !data_dir.is_dir() {
        return Err(format!("there is no data directory at {}", data_dir.display()).into());
    }
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} files {eta}")?);
    let report = outcrop_storage::check::check(&DataDir::new(data_dir), |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let mut report = report?;
    let audit = verify(&DataDir::new(data_dir))?;
    match &audit {
        Some(chains) => {
            report.notes.extend(chains.iter().flat_map(|chain| chain.notes.clone()));
            report.problems.extend(chains.iter().filter_map(|chain| chain.problem.clone()));
        }
        None => report.notes.push("there is no audit log; the next start begins one".to_owned()),
    }
    Ok((report, audit))
}

fn print(data_dir: &Path, report: &CheckReport, audit: Option<&[ChainReport; 2]>) {
    println!("checked   {}", data_dir.display());
    println!("datasets  {}", report.datasets);
    println!("segments  {}, {} events, {} bytes", report.segments, report.segment_events, report.segment_bytes);
    println!(
        "log       {} files, {} frames, {} events, of which {} are in no segment yet; {} torn tails",
        report.wal_files, report.wal_frames, report.wal_events, report.wal_events_pending, report.torn_tails
    );
    for chain in audit.into_iter().flatten() {
        let (files, records) = (chain.files, chain.records);
        let last = chain.last.as_ref().map(|(number, hash)| format!(", the last is {number} with the hash {hash}"));
        println!("audit     {}: {files} files, {records} records{}", chain.chain.name(), last.unwrap_or_default());
    }
    lines("note", &report.notes);
    lines("problem", &report.problems);
    match report.problems.len() {
        0 => println!("no problems"),
        count => println!("{count} problems; nothing was changed"),
    }
}

fn lines(kind: &str, all: &[String]) {
    for what in all.iter().take(LINES_MAX) {
        println!("{kind}: {what}");
    }
    if all.len() > LINES_MAX {
        println!("{kind}: and {} more", all.len() - LINES_MAX);
    }
}
