//! The audit log: who asked what, who changed or deleted what, whose key did not count. Append-only, chained by hashes, apart
//! from all telemetry.
//!
//! 1. Whoever acts makes an [`Entry`], without what must not be kept, and gives it to [`Audit`].
//! 2. [`queue`]: one thread writes what waits, with one fsync for all of it: at once where somebody waits for it, else within
//!    a moment.
//! 3. [`chain`]: an entry becomes a [`record`] with the hash of the one before, in [`files`] of bounded size.
//! 4. [`reading`] finds records again, the latest first; [`verify`] says the first place where a chain is broken.
//!
//! There are two chains, so that questions never push out what was changed. It must not know HTTP, or who may do what.
#![doc = include_str!("../format/audit.md")]

mod chain;
mod files;
mod limits;
mod queue;
mod reading;
mod record;
#[cfg(test)]
mod tests;
mod verify;

use std::path::PathBuf;

use outcrop_storage::paths::{AuditChain, DataDir};

use chain::{Bounds, Chain};
use files::Place;
pub(crate) use queue::{Audit, Refusal};
pub(crate) use reading::{Found, Position, Search};
pub(crate) use record::{Entry, Who, bounded};
pub(crate) use verify::{ChainReport, verify};

/// Why something was not recorded.
#[derive(Debug, thiserror::Error)]
#[error("the audit log: cannot {what} {}: {source}", path.display())]
pub(crate) struct AuditError {
    what: &'static str,
    path: PathBuf,
    source: std::io::Error,
}

fn open(dir: &DataDir, chain: AuditChain) -> Result<Chain, AuditError> {
    let bytes_max = match chain {
        AuditChain::Changes => limits::CHANGES_BYTES_MAX,
        AuditChain::Questions => limits::QUESTIONS_BYTES_MAX,
    };
    let bounds = Bounds { file_bytes_max: limits::FILE_BYTES_MAX, bytes_max };
    Chain::open(Place { dir: dir.clone(), chain }, bounds)
}

/// Records a change that another process than the server has made, beside it or without one.
pub(crate) fn append_change(dir: &DataDir, entry: Entry) -> Result<(), AuditError> {
    open(dir, AuditChain::Changes)?.append(&[entry])
}
