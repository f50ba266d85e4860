//! What happens to whole datasets: they are renamed and dropped. An id is never used twice, because the log and the
//! segments of a dropped dataset may outlive it.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::sql::{Catalog, set_meta};
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName, TimestampNs};

/// The ids of datasets that are gone, and what they were called.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS dropped_datasets (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, dropped INTEGER NOT NULL) STRICT;
";

/// Where a dataset has rows besides its own.
const TABLES: [&str; 6] =
    ["segments", "fields", "field_types", "overflow_fields", "overflow_types", "overflow_unlisted"];

impl Catalog {
    /// Gives a dataset a name that no other has.
    pub(crate) fn rename_dataset(&mut self, dataset: DatasetId, name: &DatasetName) -> Result<(), StoreError> {
        let rename = "UPDATE datasets SET name = ? WHERE id = ?";
        self.connection.execute(rename, params![name.as_str(), dataset.0])?;
        Ok(())
    }

    /// Forgets a dataset and everything it has.
    pub(crate) fn drop_dataset(
        &mut self,
        dataset: DatasetId,
        next_sequence: u64,
        now: TimestampNs,
    ) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "INSERT INTO dropped_datasets (id, name, dropped) SELECT id, name, ? FROM datasets WHERE id = ?",
            params![now, dataset.0],
        )?;
        transaction.execute("DELETE FROM datasets WHERE id = ?", [dataset.0])?;
        for table in TABLES {
            transaction.execute(&format!("DELETE FROM {table} WHERE dataset = ?"), [dataset.0])?;
        }
        set_meta(&transaction, "next_sequence", &next_sequence.to_string())?;
        Ok(transaction.commit()?)
    }

    /// Makes a change of no meaning. When it succeeds, a change that failed before can no longer turn out to have
    /// reached the disk: its place in SQLite's log was written anew.
    pub(crate) fn prove(&mut self, next_sequence: u64) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        // Not what is there already: SQLite writes nothing where nothing changes.
        set_meta(&transaction, "proven", &next_sequence.to_string())?;
        transaction.execute("DELETE FROM meta WHERE key = 'proven'", [])?;
        Ok(transaction.commit()?)
    }

    pub(super) fn load_dropped(&self) -> Result<BTreeSet<DatasetId>, StoreError> {
        // A catalog that is only looked at may be without the table.
        if !self.connection.table_exists(None, "dropped_datasets")? {
            return Ok(BTreeSet::new());
        }
        let mut statement = self.connection.prepare("SELECT id FROM dropped_datasets")?;
        let rows = statement.query_map([], |row| row.get(0).map(DatasetId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// An id that no dataset has or had.
pub(super) fn next_id(connection: &Connection) -> Result<DatasetId, StoreError> {
    let last: Option<i64> = connection
        .query_row("SELECT max(id) FROM (SELECT id FROM datasets UNION ALL SELECT id FROM dropped_datasets)", [], |row| {
            row.get(0)
        })
        .optional()?
        .flatten();
    let next = u32::try_from(last.unwrap_or(0) + 1);
    next.map(DatasetId).map_err(|_| StoreError::Bug("dataset ids are used up".into()))
}
