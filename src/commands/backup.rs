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

use super::CommandError;

#[derive(Args, Debug)]
pub(crate) struct BackupArguments {
    /// The data directory; a server may be using it
    #[arg(long, env = "OUTCROP_DATA_DIR", value_name = "DIR", default_value = "outcrop-data")]
    data_dir: PathBuf,
    /// The directory of the backup; what it has already is not copied again
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Read all of the backup again afterwards
    #[arg(long)]
    verify: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RestoreArguments {
    /// The directory of the backup
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
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

fn take(arguments: &BackupArguments) -> Result<Vec<String>, CommandError> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let progress = bar("segments")?;
    let report =
        backup::backup(&DataDir::new(&arguments.data_dir), &arguments.to, &disk, &SystemClock, |done, total| {
            progress.set_length(total);
            progress.set_position(done);
        });
    progress.finish_and_clear();
    let BackupReport { generation, segments, segments_copied, bytes, bytes_copied, wal_files, rounds, mut problems } =
        report?;
    println!(
        "backup {generation} in {}: {segments} segments, {wal_files} log files, {bytes} bytes; {segments_copied} segments and \
         {bytes_copied} bytes were copied, in {rounds} rounds",
        arguments.to.display()
    );
    if arguments.verify {
        let progress = bar("bytes")?;
        let wrong = backup::verify(&arguments.to, &disk, |done, total| {
            progress.set_length(total);
            progress.set_position(done);
        });
        progress.finish_and_clear();
        problems = wrong?;
    }
    Ok(problems)
}

fn make(arguments: &RestoreArguments) -> Result<Vec<String>, CommandError> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let progress = bar("bytes")?;
    let report = backup::restore(&arguments.from, &arguments.to, &disk, |done, total| {
        progress.set_length(total);
        progress.set_position(done);
    });
    progress.finish_and_clear();
    let RestoreReport { files, bytes, taken, problems } = report?;
    let taken = DateTime::from_timestamp_nanos(taken).to_rfc3339_opts(SecondsFormat::Secs, true);
    println!(
        "{} is the store as of {taken}: {files} files, {bytes} bytes; outcrop serve --data-dir {} serves it",
        arguments.to.display(),
        arguments.to.display()
    );
    Ok(problems)
}
