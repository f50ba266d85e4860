//! What happens to whole datasets: they are renamed and dropped. An id is never used twice, because the log and the
//! segments of a dropped dataset may outlive it.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Transaction};

use super::field_rows::OF_FIELDS;
use super::rows::{Existing, Table};
use super::sql::{self, Catalog, DATASETS, SEGMENTS, lost_dataset, set_meta};
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName, TimestampNs};

/// The ids of datasets that are gone, and what they were called.
pub(super) static DROPPED: Table = Table::new("dropped_datasets", 1, &["id", "name", "dropped"]);

/// A dataset that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) name: String,
    pub(crate) at: TimestampNs,
}

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
        insert_dropped(&transaction, dataset, &Dropped { name, at: now })?;
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

    pub(super) fn load_dropped(&self) -> Result<BTreeMap<DatasetId, Dropped>, StoreError> {
        let mut statement = self.connection.prepare(&DROPPED.select(""))?;
        let mut rows = statement.query([])?;
        let mut dropped = BTreeMap::new();
        while let Some(row) = rows.next()? {
            // It decides which events of the log come back, and there is no second place to look it up.
            if !DROPPED.is_sound(row)? {
                return Err(
                    self.damaged(format!("the row of dropped dataset {} fails its checksum", DROPPED.key(row)?))
                );
            }
            dropped.extend([read_dropped(row)?]);
        }
        Ok(dropped)
    }

    /// What a catalog still says of datasets that were dropped from this store, however little of it can be read. A
    /// row that has its checksum stays true: nothing brings a dataset back, and no id is used twice.
    pub(crate) fn dropped_in(path: &Path, store_id: [u8; 16]) -> BTreeMap<DatasetId, Dropped> {
        let mut dropped = BTreeMap::new();
        let _as_far_as_it_goes = read_sound(path, store_id, &mut dropped);
        dropped
    }
}

fn read_sound(path: &Path, store_id: [u8; 16], dropped: &mut BTreeMap<DatasetId, Dropped>) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    if sql::store_id(&connection, path).is_ok_and(|id| id != store_id) {
        return Ok(());
    }
    let mut statement = connection.prepare(&DROPPED.select(""))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if DROPPED.is_sound(row)? {
            dropped.extend([read_dropped(row)?]);
        }
    }
    Ok(())
}

fn read_dropped(row: &Row<'_>) -> Result<(DatasetId, Dropped), StoreError> {
    Ok((DatasetId(row.get(0)?), Dropped { name: row.get(1)?, at: row.get(2)? }))
}

pub(super) fn insert_dropped(
    transaction: &Transaction<'_>,
    dataset: DatasetId,
    Dropped { name, at }: &Dropped,
) -> Result<(), StoreError> {
    Ok(DROPPED.insert(transaction, &[&dataset.0, name, at], Existing::Stays)?)
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
