//! Copies of a data directory that a process is using, and data directories out of such copies.
//!
//! 1. [`source`] looks at a data directory without being noticed: the catalog as of one instant, and open files.
//! 2. [`target`] is the directory of the backups: what counts there is durable, and nothing of it is ever changed.
//! 3. [`manifest`] says which files make a backup, [`copy`] writes a file whole or not at all.
//! 4. [`take`] goes around until all of that fits together.
//! 5. [`restore`] makes a data directory of it.
//!
//! It must not know the open store: what it may rely on is in the format documents.
#![doc = include_str!("../format/backup.md")]

mod copy;
mod manifest;
mod restore;
mod source;
mod take;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use restore::refuse_unfinished;
pub use restore::{RestoreReport, restore, verify};
pub use take::{BackupReport, backup};

/// Generations that a backup's directory keeps unless it is told otherwise: an hour's mistake is often seen a day later.
pub const GENERATIONS_KEPT_DEFAULT: usize = 3;
