//! `outcrop backup` and `outcrop restore`: a copy of a data directory that a server may be using, and a data directory out
//! of such a copy. Both end with 0 if all is well, with 1 if something is missing, with 2 if nothing was done.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use outcrop_storage::backup::{self, BackupReport, RestoreReport};
use outcrop_storage::clock::SystemClock;
use outcrop_storage::disk::{Disk, RealDisk};
use outcrop_storage::paths::DataDir;
use outcrop_storage::{limits, machine};

use super::CommandError;

#[derive(Args, Debug)]
pub(crate) struct BackupArguments {
    /// The data directory; a server may be using it
    #[arg(long, env = "OUTCROP_DATA_DIR", value_name = "DIR", default_value = "outcrop-data")]
    data_dir: PathBuf,
    /// The directory of the backups; what it has already is not copied again
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Backups that are kept in the directory, this one too
    #[arg(long, value_name = "N", default_value_t = backup::GENERATIONS_KEPT_DEFAULT, value_parser = at_least_one)]
    keep: usize,
    /// Read all backups in the directory again afterwards
    #[arg(long)]
    verify: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RestoreArguments {
    /// The directory of the backups
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The backup with this number, if it is not to be the last
    #[arg(long, value_name = "N")]
    generation: Option<u64>,
    /// The data directory to be made
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

pub(crate) fn backup(arguments: &BackupArguments) -> Result<ExitCode, CommandError> {
    Ok(ended(take(arguments)))
}

pub(crate) fn restore(arguments: &RestoreArguments) -> Result<ExitCode, CommandError> {
    Ok(ended(make(arguments)))
}

/// How a command ends that found these problems.
fn ended(problems: Result<Vec<String>, CommandError>) -> ExitCode {
    match problems {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            problems.iter().for_each(|problem| println!("problem: {problem}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("outcrop: {error}");
            ExitCode::from(2)
        }
    }
}

fn bar(what: &str) -> Result<ProgressBar, CommandError> {
    let style = ProgressStyle::with_template(&format!("{what} {{wide_bar}} {{pos}}/{{len}} {{eta}}"))?;
    Ok(ProgressBar::new(0).with_style(style))
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|keep| *keep > 0).ok_or_else(|| "it must be a number, and 1 at least".to_owned())
}

fn take(arguments: &BackupArguments) -> Result<Vec<String>, CommandError> {
    // A server that uses the directory goes first.
    machine::give_way(limits::COMPACTION_NICENESS);
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let progress = bar("segments")?;
    let data_dir = DataDir::new(&arguments.data_dir);
    let report = backup::backup(&data_dir, &arguments.to, arguments.keep, &disk, &SystemClock, |done, total| {
        progress.set_length(total);
        progress.set_position(done);
    });
    progress.finish_and_clear();
    let report = report?;
    let BackupReport { generation, generations, segments, segments_copied, bytes, bytes_copied, .. } = report;
    let BackupReport { wal_files, rounds, mut problems, .. } = report;
    println!(
        "backup {generation} in {}: {segments} segments, {wal_files} log files, {bytes} bytes; {segments_copied} segments and \
         {bytes_copied} bytes were copied, in {rounds} rounds; {generations} backups are kept",
        arguments.to.display()
    );
    if arguments.verify {
        let progress = bar("bytes")?;
        let wrong = backup::verify(&arguments.to, &disk, |done, total| {
            progress.set_length(total);
            progress.set_position(done);
        });
        progress.finish_and_clear();
        problems.extend(wrong?);
        problems.sort_unstable();
        problems.dedup();
    }
    Ok(problems)
}

fn make(arguments: &RestoreArguments) -> Result<Vec<String>, CommandError> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let progress = bar("bytes")?;
    let to = DataDir::new(&arguments.to);
    let report = backup::restore(&arguments.from, arguments.generation, &to, &disk, |done, total| {
        progress.set_length(total);
        progress.set_position(done);
    });
    progress.finish_and_clear();
    let RestoreReport { generation, files, bytes, taken, problems } = report?;
    let taken = DateTime::from_timestamp_nanos(taken).to_rfc3339_opts(SecondsFormat::Secs, true);
    println!(
        "{} is backup {generation}, the store as of {taken}: {files} files, {bytes} bytes; outcrop serve --data-dir {} serves it",
        arguments.to.display(),
        arguments.to.display()
    );
    Ok(problems)
}
