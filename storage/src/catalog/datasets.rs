//! What happens to whole datasets: they are renamed and dropped. An id is never used twice, because the log and the
//! segments of a dropped dataset may outlive it.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};

use super::field_rows::OF_FIELDS;
use super::rows::{Existing, Table};
use super::sql::{Catalog, DATASETS, SEGMENTS, lost_dataset, set_meta};
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName, TimestampNs};

/// The ids of datasets that are gone, and what they were called.
pub(super) static DROPPED: Table = Table::new("dropped_datasets", 1, &["id", "name", "dropped"]);

impl Catalog {
    /// Gives a dataset a name that no other has.
    pub(crate) fn rename_dataset(&mut self, dataset: DatasetId, name: &DatasetName) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        let mut taken = transaction.prepare("SELECT 1 FROM datasets WHERE name = ? AND id != ?")?;
        // The row is written in place of whatever it conflicts with.
        if taken.exists((name.as_str(), dataset.0))? {
            return Err(StoreError::Bug(format!("two datasets would be called {name}")));
        }
        drop(taken);
        if !DATASETS
            .change(&transaction, dataset.0.into(), |row| row[DATASETS.at("name")] = name.as_str().to_owned().into())?
        {
            return Err(lost_dataset(&self.path, dataset));
        }
        Ok(transaction.commit()?)
    }

    /// Forgets a dataset and everything it has.
    pub(crate) fn drop_dataset(
        &mut self,
        dataset: DatasetId,
        next_sequence: u64,
        now: TimestampNs,
    ) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        let name = "SELECT name FROM datasets WHERE id = ?";
        let name: Option<String> = transaction.query_row(name, [dataset.0], |row| row.get(0)).optional()?;
        let Some(name) = name else { return Err(lost_dataset(&self.path, dataset)) };
        DROPPED.insert(&transaction, &[&dataset.0, &name, &now], Existing::Stays)?;
        transaction.execute("DELETE FROM datasets WHERE id = ?", [dataset.0])?;
        for table in OF_FIELDS.into_iter().chain([&SEGMENTS]) {
            transaction.execute(&format!("DELETE FROM {} WHERE dataset = ?", table.name), [dataset.0])?;
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
        let mut statement = self.connection.prepare(&DROPPED.select(""))?;
        let mut rows = statement.query([])?;
        let mut dropped = BTreeSet::new();
        while let Some(row) = rows.next()? {
            // It decides which events of the log come back, and there is no second place to look it up.
            if !DROPPED.is_sound(row)? {
                return Err(
                    self.damaged(format!("the row of dropped dataset {} fails its checksum", DROPPED.key(row)?))
                );
            }
            dropped.insert(DatasetId(row.get(0)?));
        }
        Ok(dropped)
    }
}

/// An id that no dataset has or had.
pub(super) fn next_id(connection: &Connection) -> Result<DatasetId, StoreError> {
    let last: Option<i64> = connection
        .query_row(
            "SELECT max(id) FROM (SELECT id FROM datasets UNION ALL SELECT id FROM dropped_datasets)",
            [],
            |row| row.get(0),
        )
        .optional()?
        .flatten();
    let next = u32::try_from(last.unwrap_or(0) + 1);
    next.map(DatasetId).map_err(|_| StoreError::Bug("dataset ids are used up".into()))
}
