//! The catalog as of one instant, read from outside while another process may be changing it. It changes nothing, and
//! holds nobody up.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::sql::{self, Catalog, SEGMENTS, of_file};
use crate::error::StoreError;
use crate::event::DatasetId;
use crate::paths::SegmentId;

/// A read transaction, and a connection that notices what happens meanwhile.
#[derive(Debug)]
pub(crate) struct CatalogView {
    reader: Connection,
    watcher: Connection,
    version: i64,
    path: PathBuf,
}

/// A segment that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedSegment {
    pub(crate) dataset: DatasetId,
    pub(crate) id: SegmentId,
    /// The length of its file; none if its row cannot be believed.
    pub(crate) bytes: Option<u64>,
}

impl CatalogView {
    /// From here on it stands still for this reader.
    pub(crate) fn begin(path: &Path) -> Result<CatalogView, StoreError> {
        let begin = || -> Result<CatalogView, StoreError> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let watcher = Connection::open_with_flags(path, flags)?;
            // Before the transaction: what is committed in between is noticed, not missed.
            let version = data_version(&watcher)?;
            let reader = Connection::open_with_flags(path, flags)?;
            reader.execute_batch("BEGIN")?;
            // The first read is where the transaction begins.
            sql::check_usable(&reader, path)?;
            Ok(CatalogView { reader, watcher, version, path: path.to_owned() })
        };
        begin().map_err(|e| of_file(path, e))
    }

    /// Whether nothing has changed since.
    pub(crate) fn is_current(&self) -> Result<bool, StoreError> {
        Ok(data_version(&self.watcher)? == self.version)
    }

    pub(crate) fn store_id(&self) -> Result<[u8; 16], StoreError> {
        sql::store_id(&self.reader, &self.path)
    }

    /// The segments that are listed.
    pub(crate) fn segments(&self) -> Result<Vec<ListedSegment>, StoreError> {
        let read = || -> Result<Vec<ListedSegment>, StoreError> {
            let mut statement = self.reader.prepare(&SEGMENTS.select("ORDER BY id"))?;
            let mut rows = statement.query([])?;
            let mut listed = Vec::new();
            while let Some(row) = rows.next()? {
                let bytes = if SEGMENTS.is_sound(row)? { Some(row.get::<_, i64>(3)? as u64) } else { None };
                let id = SegmentId(row.get::<_, i64>(0)? as u64);
                listed.push(ListedSegment { dataset: DatasetId(row.get(1).unwrap_or(u32::MAX)), id, bytes });
            }
            Ok(listed)
        };
        read().map_err(|e| of_file(&self.path, e))
    }

    /// Writes all of it into a new file.
    pub(crate) fn copy_to(&self, to: &Path) -> Result<(), StoreError> {
        copy(&self.reader, to).map_err(|e| of_file(&self.path, e))
    }
}

/// Writes all of a database of SQLite into a new file that only its owner may read.
pub(crate) fn copy_private(from: &Path, to: &Path) -> Result<(), StoreError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    made.map_err(|e| StoreError::io("create", to, e))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copied = Connection::open_with_flags(from, flags).map_err(StoreError::from).and_then(|from| copy(&from, to));
    copied.map_err(|e| of_file(from, e))
}

/// Whether a store would open this copy. What is wrong with it is wrong with the original.
pub(crate) fn check_copy(copy: &Path, original: &Path) -> Result<(), StoreError> {
    let loaded = Catalog::inspect(copy).and_then(|catalog| catalog.load());
    loaded.map(drop).map_err(|error| match error {
        StoreError::Damaged { what, .. } => {
            StoreError::damaged(original, format!("{what}; earlier backups are as they were, see `outcrop check`"))
        }
        other => other,
    })
}

fn copy(from: &Connection, to: &Path) -> Result<(), StoreError> {
    copy_pages(from, to).map_err(|error| match error {
        // It is there where the space is needed.
        StoreError::DiskFull { .. } => StoreError::DiskFull { path: to.to_owned() },
        other => other,
    })
}

fn copy_pages(from: &Connection, to: &Path) -> Result<(), StoreError> {
    let mut copy = Connection::open(to)?;
    // In one step, and with the transaction that is open already, if there is one.
    let step = Backup::new(from, &mut copy)?.step(-1)?;
    if step != StepResult::Done {
        return Err(StoreError::Bug(format!("{} was not copied: {step:?}", to.display())));
    }
    // One file, whole by itself.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    copy.close().map_err(|(_, error)| error.into())
}

/// A number that changes when somebody else commits.
fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)
}
