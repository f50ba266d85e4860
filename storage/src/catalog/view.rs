//! The catalog as of one instant, read from outside while another process may be changing it. It changes nothing, and
//! holds nobody up.

use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::sql::{self, SEGMENTS, of_file};
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
        let mut copy = Connection::open(to)?;
        // In one step, and with the transaction that is open already.
        let step = Backup::new(&self.reader, &mut copy)?.step(-1)?;
        if step != StepResult::Done {
            return Err(StoreError::Bug(format!("the catalog was not copied: {step:?}")));
        }
        // One file, whole by itself.
        copy.pragma_update(None, "journal_mode", "DELETE")?;
        copy.close().map_err(|(_, error)| error.into())
    }
}

/// A number that changes when somebody else commits.
fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)
}
