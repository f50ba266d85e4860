//! `outcrop check`: verifies a data directory that is not in use, and changes nothing.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use outcrop_storage::paths::DataDir;

use super::CommandError;

#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    /// The data directory
    #[arg(long, env = "OUTCROP_DATA_DIR", value_name = "DIR", default_value = "outcrop-data")]
    data_dir: PathBuf,
}

pub(crate) fn check(arguments: &CheckArguments) -> Result<ExitCode, CommandError> {
    if !arguments.data_dir.is_dir() {
        return Err(format!("there is no data directory at {}", arguments.data_dir.display()).into());
    }
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} files {eta}")?);
    let report = outcrop_storage::check::check(&DataDir::new(&arguments.data_dir), |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    println!(
        "{} segments with {} events, {} log files with {} events in {} frames, {} torn tails",
        report.segments,
        report.segment_events,
        report.wal_files,
        report.wal_events,
        report.wal_frames,
        report.torn_tails
    );
    for problem in &report.problems {
        println!("problem: {problem}");
    }
    if report.problems.is_empty() {
        println!("no problems");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}
