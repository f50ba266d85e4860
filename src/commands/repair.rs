//! `outcrop repair`: rebuilds the catalog of a data directory that is not in use from its segments and its log.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use outcrop_storage::StoreSettings;
use outcrop_storage::paths::DataDir;

use super::CommandError;

#[derive(Args, Debug)]
pub(crate) struct RepairArguments {
    /// The data directory
    #[arg(long, env = "OUTCROP_DATA_DIR", value_name = "DIR", default_value = "outcrop-data")]
    data_dir: PathBuf,
}

pub(crate) fn repair(arguments: &RepairArguments) -> Result<ExitCode, CommandError> {
    if !arguments.data_dir.is_dir() {
        return Err(format!("there is no data directory at {}", arguments.data_dir.display()).into());
    }
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} segments {eta}")?);
    let settings = StoreSettings::new(DataDir::new(&arguments.data_dir));
    let report = outcrop_storage::repair::repair(settings, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    println!(
        "{} datasets, {} segments with {} events, {} events out of the log; {} segments were replaced by others, {} were \
         meant to be gone",
        report.datasets, report.segments, report.segment_events, report.log_events, report.replaced, report.retired
    );
    if let Some(old) = &report.old_catalog {
        println!("the old catalog is {}", old.display());
    }
    if let Some(unreadable) = &report.unreadable {
        println!("nothing says what store this was; what could not be read is in {}", unreadable.display());
    }
    for note in &report.notes {
        println!("note: {note}");
    }
    for problem in &report.problems {
        println!("not saved: {problem}");
    }
    if report.problems.is_empty() {
        println!("everything was saved");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}
