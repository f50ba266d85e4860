//! Copies of a data directory that a process is using, and data directories out of such copies.
//!
//! 1. [`source`] looks at a data directory without being noticed: the catalog as of one instant, and open files.
//! 2. [`target`] is the directory of the backup: what is written there is durable, and nothing is ever changed.
//! 3. [`manifest`] says which files make a backup.
//! 4. [`take`] goes around until all of that fits together.
//! 5. [`restore`] makes a data directory of it.
//!
//! It must not know the open store: what it may rely on is in the format documents.
#![doc = include_str!("../format/backup.md")]

mod manifest;
mod restore;
mod source;
mod take;
mod target;
#[cfg(test)]
mod tests;

pub use restore::{RestoreReport, restore, verify};
pub use take::{BackupReport, backup};

/// Bytes that are read and written at a time.
const COPY_BYTES: usize = 1 << 20;
