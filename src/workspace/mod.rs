//! What people make and keep: keys, the sessions they open, and [`things`] of several kinds. One SQLite file, one module a
//! noun.
//!
//! Whoever asks gets the [`Image`]: everything that decides about requests, in memory. It is read anew when the file has
//! changed, whoever changed it, so that `outcrop keys` counts beside a running server. Writers have a connection of
//! their own; each of their methods is one transaction. It must not know HTTP, or which request needs what.
#![doc = include_str!("../format/workspace.md")]

mod image;
mod keys;
mod limits;
mod scopes;
mod secret;
mod sessions;
#[cfg(test)]
mod tests;
mod things;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension};

use image::Reader;
pub(crate) use image::{Identity, Image};
pub(crate) use keys::{Key, KeyLimits};
pub(crate) use limits::SESSION_SECONDS;
pub(crate) use scopes::{Grant, Reach, Scope, Scopes};
pub(crate) use secret::{Secret, random_id};
pub(crate) use things::{Content, Kind, Search, Thing};

/// The kind of things that are rules of redaction.
pub(crate) const REDACTIONS: &str = "redactions";

const FORMAT_VERSION: &str = "1";

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL, scopes TEXT NOT NULL, revision INTEGER NOT NULL,
    created INTEGER NOT NULL, last_used INTEGER, revoked INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS key_limits (
    key TEXT PRIMARY KEY, requests_per_second INTEGER, events_per_second INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
    hash BLOB PRIMARY KEY, key TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS things (
    kind TEXT NOT NULL, id TEXT NOT NULL, dataset TEXT, body TEXT NOT NULL, revision INTEGER NOT NULL,
    time INTEGER NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL, creator TEXT NOT NULL,
    PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS things_by_time ON things (kind, time, id);
";

/// Why the workspace did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkspaceError {
    #[error("the workspace failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("cannot make {}: {source}", path.display())]
    Make { path: PathBuf, source: std::io::Error },
    #[error("{} has format version {version}, which this Outcrop does not know; use the one that wrote it", path.display())]
    UnknownFormat { path: PathBuf, version: String },
    #[error("the machine gives no random numbers: {0}")]
    Randomness(String),
    /// What was asked for cannot be.
    #[error("{0}")]
    Invalid(String),
    #[error("there are {0} keys already, as many as there may be; revoke one that nobody uses")]
    TooManyKeys(i64),
    #[error("there is no key {0}; see outcrop keys list")]
    NoKey(String),
    #[error("there are {1} {0} already, as many as there may be; delete some that nobody needs")]
    TooManyThings(&'static str, i64),
    #[error("there is none of the {0} with the id {1:?}; list them to see those there are")]
    NoThing(&'static str, String),
    /// Somebody else was faster.
    #[error("it was changed since it was read; read it again")]
    Changed,
    /// Our own mistake, or somebody else's hand in the file.
    #[error("BUG: {0}")]
    Bug(String),
}

/// The open file.
#[derive(Debug)]
pub(crate) struct Workspace {
    id: String,
    writer: Mutex<Connection>,
    reader: Mutex<Reader>,
}

impl Workspace {
    /// Opens the file, or makes it and its directory.
    pub(crate) fn open(path: &Path) -> Result<Workspace, WorkspaceError> {
        make_file(path).map_err(|source| WorkspaceError::Make { path: path.to_owned(), source })?;
        let mut writer = connect(path)?;
        let id = prepare(&mut writer, path)?;
        let reader = Mutex::new(Reader::new(connect(path)?)?);
        Ok(Workspace { id, writer: Mutex::new(writer), reader })
    }

    /// Tells one workspace from another, in names that several may share.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Everything that decides about requests, as it is now.
    pub(crate) fn image(&self) -> Result<Arc<Image>, WorkspaceError> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).image()
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An empty file that only its owner may read; SQLite's own files beside it take its permissions.
fn make_file(path: &Path) -> std::io::Result<()> {
    let Some(directory) = path.parent() else { return Ok(()) };
    if path.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(directory)?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => std::fs::File::open(directory)?.sync_all(),
    }
}

fn connect(path: &Path) -> Result<Connection, WorkspaceError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(limits::BUSY_WAIT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Makes what is missing; the workspace's id.
fn prepare(connection: &mut Connection, path: &Path) -> Result<String, WorkspaceError> {
    let transaction = writing(connection)?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute("INSERT OR IGNORE INTO meta VALUES ('format_version', ?)", [FORMAT_VERSION])?;
    transaction.execute("INSERT OR IGNORE INTO meta VALUES ('id', ?)", [&random_id()?[..8]])?;
    let version = meta(&transaction, "format_version")?;
    let id = meta(&transaction, "id")?;
    transaction.commit()?;
    if version == FORMAT_VERSION {
        Ok(id)
    } else {
        Err(WorkspaceError::UnknownFormat { path: path.to_owned(), version })
    }
}

fn meta(connection: &Connection, key: &str) -> Result<String, WorkspaceError> {
    let value = connection.query_row("SELECT value FROM meta WHERE key = ?", [key], |row| row.get(0)).optional()?;
    value.ok_or_else(|| WorkspaceError::Bug(format!("the workspace has no {key}")))
}

/// A transaction that no other process can get in between of: what it reads is so until it ends.
fn writing(connection: &mut Connection) -> Result<rusqlite::Transaction<'_>, WorkspaceError> {
    Ok(connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?)
}
