//! The catalog's SQL. Each public method is one transaction; what it returns or takes is plain data.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};

use super::{Distinct, FieldTable, TypeEntry};
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName, FieldName, FieldType, TimestampNs, reserved};
use crate::overflow::{NameFilter, OverflowCount, OverflowEntry, OverflowTable, Unlisted};
use crate::paths::SegmentId;
use crate::segment::SegmentInfo;
use crate::upkeep::retain::Retention;

pub(crate) const FORMAT_VERSION: u32 = 2;

const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE datasets (
    id INTEGER PRIMARY KEY, workspace TEXT NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL,
    watermark INTEGER NOT NULL, cluster_field TEXT, retention TEXT, UNIQUE (workspace, name)) STRICT;
CREATE TABLE segments (
    id INTEGER PRIMARY KEY, dataset INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
    time_min INTEGER NOT NULL, time_max INTEGER NOT NULL, received_max INTEGER NOT NULL,
    sequence_min INTEGER NOT NULL, sequence_max INTEGER NOT NULL, sampled INTEGER NOT NULL,
    level INTEGER NOT NULL, cluster_field TEXT) STRICT;
CREATE TABLE fields (
    dataset INTEGER NOT NULL, name TEXT NOT NULL, distinct_sketch BLOB NOT NULL,
    PRIMARY KEY (dataset, name)) STRICT, WITHOUT ROWID;
CREATE TABLE field_types (
    dataset INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, column_name TEXT NOT NULL,
    events INTEGER NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    PRIMARY KEY (dataset, name, type)) STRICT, WITHOUT ROWID;
CREATE TABLE overflow_fields (
    dataset INTEGER NOT NULL, name TEXT NOT NULL, has_column INTEGER NOT NULL, uncounted INTEGER NOT NULL,
    distinct_sketch BLOB NOT NULL, PRIMARY KEY (dataset, name)) STRICT, WITHOUT ROWID;
CREATE TABLE overflow_types (
    dataset INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, events INTEGER NOT NULL,
    first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    PRIMARY KEY (dataset, name, type)) STRICT, WITHOUT ROWID;
CREATE TABLE overflow_unlisted (
    dataset INTEGER PRIMARY KEY, name_sketch BLOB NOT NULL, name_filter BLOB NOT NULL, value_count INTEGER NOT NULL) STRICT;
";

/// There while a repair is under way.
const REPAIRING: &str = "repairing";

/// The one workspace of today.
const WORKSPACE: &str = "default";

#[derive(Debug)]
pub(crate) struct Catalog {
    connection: Connection,
}

/// The catalog as it was at start.
#[derive(Debug)]
pub(crate) struct CatalogImage {
    pub(crate) store_id: [u8; 16],
    pub(crate) next_segment: u64,
    pub(crate) next_sequence: u64,
    pub(crate) datasets: Vec<DatasetRow>,
    pub(crate) segments: Vec<SegmentInfo>,
}

#[derive(Debug)]
pub(crate) struct DatasetRow {
    pub(crate) id: DatasetId,
    pub(crate) name: DatasetName,
    pub(crate) watermark: u64,
    pub(crate) cluster_field: Option<String>,
    pub(crate) retention: Option<Retention>,
    pub(crate) fields: FieldTable,
}

/// One change: segments that begin to count, those that no longer do, and everything that changes with them.
#[derive(Debug)]
pub(crate) struct Publication<'a> {
    pub(crate) dataset: DatasetId,
    pub(crate) segments: &'a [SegmentInfo],
    pub(crate) removed: &'a [SegmentId],
    /// The watermark never falls: zero leaves it.
    pub(crate) watermark: u64,
    pub(crate) cluster_field: Option<&'a str>,
    pub(crate) next_segment: u64,
    pub(crate) next_sequence: u64,
    /// The fields that the change touches, counted already.
    pub(crate) fields: &'a FieldTable,
    pub(crate) touched: &'a [FieldName],
}

impl Catalog {
    /// Opens the catalog. Where there is none, or an empty one, a new one is made with the store id of `fresh`.
    pub(crate) fn open(
        path: &Path,
        fresh: impl FnOnce() -> Result<[u8; 16], StoreError>,
    ) -> Result<Catalog, StoreError> {
        let mut connection = Connection::open(path)?;
        // Before anything is written: an empty file stays one if there is to be no catalog.
        let store_id = if connection.table_exists(None, "meta")? { None } else { Some(fresh()?) };
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let transaction = connection.transaction()?;
        if let Some(store_id) = store_id {
            transaction.execute_batch(SCHEMA)?;
            set_meta(&transaction, "format_version", &FORMAT_VERSION.to_string())?;
            set_meta(&transaction, "store_id", &hex(&store_id))?;
            set_meta(&transaction, "next_segment", "1")?;
            set_meta(&transaction, "next_sequence", "1")?;
        }
        check_version(&transaction, path)?;
        if meta(&transaction, REPAIRING)?.is_some() {
            return Err(StoreError::RepairUnfinished { path: path.to_owned() });
        }
        transaction.commit()?;
        Ok(Catalog { connection })
    }

    /// Opens a catalog that is there, to look at it only.
    pub(crate) fn inspect(path: &Path) -> Result<Catalog, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        check_version(&connection, path)?;
        Ok(Catalog { connection })
    }

    /// A new catalog that no store opens until [`Catalog::end_repair`].
    pub(crate) fn begin_repair(path: &Path, store_id: [u8; 16]) -> Result<Catalog, StoreError> {
        let mut catalog = Catalog::open(path, || Ok(store_id))?;
        let transaction = catalog.connection.transaction()?;
        set_meta(&transaction, REPAIRING, "1")?;
        transaction.commit()?;
        Ok(catalog)
    }

    /// Opens a catalog that is being repaired.
    pub(crate) fn open_repairing(path: &Path) -> Result<Catalog, StoreError> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(Catalog { connection })
    }

    /// Lists what was found. The image has what no other transaction says.
    pub(crate) fn rebuild(&mut self, image: &CatalogImage, created: TimestampNs) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for dataset in &image.datasets {
            transaction.execute(
                "INSERT INTO datasets (id, workspace, name, created, watermark, cluster_field) VALUES (?, ?, ?, ?, 0, ?)",
                params![dataset.id.0, WORKSPACE, dataset.name.as_str(), created, dataset.cluster_field],
            )?;
            for field in dataset.fields.names() {
                upsert_field(&transaction, dataset.id, field, &dataset.fields)?;
            }
            for (field, _) in dataset.fields.overflow().iter() {
                upsert_overflow(&transaction, dataset.id, field, dataset.fields.overflow())?;
            }
            put_unlisted(&transaction, dataset.id, dataset.fields.overflow())?;
        }
        for segment in &image.segments {
            insert_segment(&transaction, segment)?;
        }
        set_meta(&transaction, "next_segment", &image.next_segment.to_string())?;
        set_meta(&transaction, "next_sequence", &image.next_sequence.to_string())?;
        Ok(transaction.commit()?)
    }

    /// Every event below `watermark` is in a segment now: the catalog can be used.
    pub(crate) fn end_repair(&mut self, watermark: u64) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        transaction.execute("UPDATE datasets SET watermark = max(watermark, ?)", [watermark as i64])?;
        transaction.execute("DELETE FROM meta WHERE key = ?", [REPAIRING])?;
        Ok(transaction.commit()?)
    }

    pub(crate) fn load(&self) -> Result<CatalogImage, StoreError> {
        // A number made up in place of a lost one would be used twice.
        let lost = |key: &str| StoreError::Bug(format!("the catalog has no {key}"));
        let number = |key| -> Result<u64, StoreError> {
            meta(&self.connection, key)?.and_then(|v| v.parse().ok()).ok_or_else(|| lost(key))
        };
        let store_id = meta(&self.connection, "store_id")?.and_then(|v| unhex(&v));
        Ok(CatalogImage {
            store_id: store_id.ok_or_else(|| lost("store_id"))?,
            next_segment: number("next_segment")?,
            next_sequence: number("next_sequence")?,
            datasets: self.load_datasets()?,
            segments: self.load_segments()?,
        })
    }

    fn load_datasets(&self) -> Result<Vec<DatasetRow>, StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT id, name, watermark, cluster_field, retention FROM datasets ORDER BY id")?;
        let rows = statement.query_map([], |row| {
            let retention = row.get::<_, Option<String>>(4)?;
            Ok((row.get::<_, u32>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get(3)?, retention))
        })?;
        let mut datasets = Vec::new();
        for row in rows {
            let (id, name, watermark, cluster_field, retention) = row?;
            let name = DatasetName::new(&name).map_err(|e| StoreError::Bug(format!("dataset {id}: {e}")))?;
            let id = DatasetId(id);
            let fields = self.load_fields(id)?;
            let retention = retention.map(|text| serde_json::from_str(&text)).transpose();
            let retention = retention.map_err(|e| StoreError::Bug(format!("the retention of dataset {id}: {e}")))?;
            datasets.push(DatasetRow { id, name, watermark: watermark as u64, cluster_field, retention, fields });
        }
        Ok(datasets)
    }

    fn load_fields(&self, dataset: DatasetId) -> Result<FieldTable, StoreError> {
        let mut table = FieldTable::default();
        let mut statement = self.connection.prepare(
            "SELECT name, type, column_name, events, first_seen, last_seen FROM field_types WHERE dataset = ?",
        )?;
        let mut rows = statement.query([dataset.0])?;
        while let Some(row) = rows.next()? {
            let Some(field_type) = FieldType::from_label(&row.get::<_, String>(1)?) else { continue };
            let entry = TypeEntry {
                column: Arc::from(row.get::<_, String>(2)?),
                events: row.get::<_, i64>(3)? as u64,
                first_seen: row.get(4)?,
                last_seen: row.get(5)?,
            };
            table.put(FieldName::trusted(&row.get::<_, String>(0)?), field_type, entry);
        }
        let mut statement = self.connection.prepare("SELECT name, distinct_sketch FROM fields WHERE dataset = ?")?;
        let mut rows = statement.query([dataset.0])?;
        while let Some(row) = rows.next()? {
            let sketch = Distinct::from_bytes(&row.get::<_, Vec<u8>>(1)?);
            table.set_distinct(FieldName::trusted(&row.get::<_, String>(0)?), sketch);
        }
        self.load_overflow(dataset, table.overflow_mut())?;
        Ok(table)
    }

    fn load_overflow(&self, dataset: DatasetId, table: &mut OverflowTable) -> Result<(), StoreError> {
        let mut entries: BTreeMap<String, OverflowEntry> = BTreeMap::new();
        let mut statement = self
            .connection
            .prepare("SELECT name, has_column, uncounted, distinct_sketch FROM overflow_fields WHERE dataset = ?")?;
        let mut rows = statement.query([dataset.0])?;
        while let Some(row) = rows.next()? {
            let entry = entries.entry(row.get(0)?).or_default();
            (entry.has_column, entry.uncounted) = (row.get(1)?, row.get(2)?);
            entry.distinct = Distinct::from_bytes(&row.get::<_, Vec<u8>>(3)?);
        }
        let mut statement = self
            .connection
            .prepare("SELECT name, type, events, first_seen, last_seen FROM overflow_types WHERE dataset = ?")?;
        let mut rows = statement.query([dataset.0])?;
        while let Some(row) = rows.next()? {
            let Some(field_type) = FieldType::from_label(&row.get::<_, String>(1)?) else { continue };
            let events = row.get::<_, i64>(2)? as u64;
            let count = OverflowCount { events, first_seen: row.get(3)?, last_seen: row.get(4)? };
            entries.entry(row.get(0)?).or_default().put(field_type, count);
        }
        entries.into_iter().for_each(|(name, entry)| table.put(FieldName::trusted(&name), entry));
        let unlisted = self.connection.query_row(
            "SELECT name_sketch, name_filter, value_count FROM overflow_unlisted WHERE dataset = ?",
            [dataset.0],
            |row| {
                Ok(Unlisted {
                    names: Distinct::from_bytes(&row.get::<_, Vec<u8>>(0)?),
                    filter: NameFilter::from_bytes(row.get(1)?),
                    values: row.get::<_, i64>(2)? as u64,
                })
            },
        );
        if let Some(unlisted) = unlisted.optional()? {
            table.set_unlisted(unlisted);
        }
        Ok(())
    }

    fn load_segments(&self) -> Result<Vec<SegmentInfo>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT id, dataset, rows, bytes, time_min, time_max, received_max, sequence_min, sequence_max, sampled,
                    level, cluster_field
             FROM segments ORDER BY id",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(SegmentInfo {
                id: SegmentId(row.get::<_, i64>(0)? as u64),
                dataset: DatasetId(row.get(1)?),
                rows: row.get::<_, i64>(2)? as u64,
                bytes: row.get::<_, i64>(3)? as u64,
                time_min: row.get(4)?,
                time_max: row.get(5)?,
                received_max: row.get(6)?,
                sequence_min: row.get::<_, i64>(7)? as u64,
                sequence_max: row.get::<_, i64>(8)? as u64,
                sampled: row.get(9)?,
                level: row.get(10)?,
                cluster_field: row.get(11)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A new dataset, durable before its id is used anywhere.
    pub(crate) fn create_dataset(&mut self, name: &DatasetName, created: TimestampNs) -> Result<DatasetId, StoreError> {
        self.connection.execute(
            "INSERT INTO datasets (workspace, name, created, watermark) VALUES (?, ?, ?, 0)",
            params![WORKSPACE, name.as_str(), created],
        )?;
        let id = self.connection.last_insert_rowid();
        u32::try_from(id).map(DatasetId).map_err(|_| StoreError::Bug("dataset ids are used up".into()))
    }

    /// How long a dataset keeps its events; without a policy as long as all others do.
    pub(crate) fn set_retention(&mut self, dataset: DatasetId, retention: Option<Retention>) -> Result<(), StoreError> {
        let text = retention.map(|r| serde_json::to_string(&r)).transpose();
        let text = text.map_err(|e| StoreError::Bug(e.to_string()))?;
        self.connection.execute("UPDATE datasets SET retention = ? WHERE id = ?", params![text, dataset.0])?;
        Ok(())
    }

    pub(crate) fn publish(&mut self, change: &Publication<'_>) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for segment in change.segments {
            insert_segment(&transaction, segment)?;
        }
        for removed in change.removed {
            let rows = transaction.execute("DELETE FROM segments WHERE id = ?", [removed.0 as i64])?;
            if rows != 1 {
                return Err(StoreError::Bug(format!("the catalog does not list segment {}", removed.0)));
            }
        }
        transaction.execute(
            "UPDATE datasets SET watermark = max(watermark, ?), cluster_field = coalesce(cluster_field, ?) WHERE id = ?",
            params![change.watermark as i64, change.cluster_field, change.dataset.0],
        )?;
        for field in change.touched {
            upsert_field(&transaction, change.dataset, field, change.fields)?;
            upsert_overflow(&transaction, change.dataset, field, change.fields.overflow())?;
        }
        if change.touched.iter().any(|field| field.as_str() == reserved::OVERFLOW) {
            put_unlisted(&transaction, change.dataset, change.fields.overflow())?;
        }
        set_meta(&transaction, "next_segment", &change.next_segment.to_string())?;
        set_meta(&transaction, "next_sequence", &change.next_sequence.to_string())?;
        Ok(transaction.commit()?)
    }

    /// A transaction that changes nothing but must reach the disk, and which of `segments` the catalog lists.
    ///
    /// After a failed [`Catalog::publish`] the change may still come back with the next start, as long as nothing was
    /// written over it in SQLite's log. When this has succeeded, something was.
    pub(crate) fn prove(&mut self, segments: &[SegmentId]) -> Result<Vec<SegmentId>, StoreError> {
        let transaction = self.connection.transaction()?;
        let next = meta(&transaction, "next_segment")?.unwrap_or_default();
        set_meta(&transaction, "next_segment", &next)?;
        transaction.commit()?;
        let mut find = self.connection.prepare("SELECT 1 FROM segments WHERE id = ?")?;
        let mut listed = Vec::new();
        for id in segments {
            if find.exists([id.0 as i64])? {
                listed.push(*id);
            }
        }
        Ok(listed)
    }

    /// Makes every change fail as on a full disk, until it is given more pages.
    #[cfg(test)]
    pub(crate) fn set_pages_max(&self, pages: u32) {
        self.connection.pragma_update(None, "max_page_count", pages).unwrap();
    }
}

fn check_version(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let version = meta(connection, "format_version")?.and_then(|v| v.parse().ok()).unwrap_or(0);
    if version == FORMAT_VERSION { Ok(()) } else { Err(StoreError::UnknownFormat { path: path.to_owned(), version }) }
}

fn insert_segment(transaction: &Transaction<'_>, segment: &SegmentInfo) -> Result<(), StoreError> {
    transaction.execute(
        "INSERT INTO segments (id, dataset, rows, bytes, time_min, time_max, received_max, sequence_min, sequence_max,
                               sampled, level, cluster_field)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            segment.id.0 as i64,
            segment.dataset.0,
            segment.rows as i64,
            segment.bytes as i64,
            segment.time_min,
            segment.time_max,
            segment.received_max,
            segment.sequence_min as i64,
            segment.sequence_max as i64,
            segment.sampled,
            segment.level,
            segment.cluster_field,
        ],
    )?;
    Ok(())
}

fn upsert_field(
    transaction: &Transaction<'_>,
    dataset: DatasetId,
    field: &FieldName,
    fields: &FieldTable,
) -> Result<(), StoreError> {
    let Some(entry) = fields.get(field.as_str()) else { return Ok(()) };
    let mut sketch = transaction.prepare_cached(
        "INSERT INTO fields (dataset, name, distinct_sketch) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET distinct_sketch = excluded.distinct_sketch",
    )?;
    sketch.execute(params![dataset.0, field.as_str(), entry.distinct.to_bytes()])?;
    let mut of_type = transaction.prepare_cached(
        "INSERT INTO field_types (dataset, name, type, column_name, events, first_seen, last_seen)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET events = excluded.events, first_seen = excluded.first_seen,
                                   last_seen = excluded.last_seen",
    )?;
    for (field_type, seen) in entry.types() {
        of_type.execute(params![
            dataset.0,
            field.as_str(),
            field_type.label(),
            seen.column.as_ref(),
            seen.events as i64,
            seen.first_seen,
            seen.last_seen,
        ])?;
    }
    Ok(())
}

fn upsert_overflow(
    transaction: &Transaction<'_>,
    dataset: DatasetId,
    field: &FieldName,
    table: &OverflowTable,
) -> Result<(), StoreError> {
    let Some(entry) = table.get(field.as_str()) else { return Ok(()) };
    let mut of_field = transaction.prepare_cached(
        "INSERT OR REPLACE INTO overflow_fields (dataset, name, has_column, uncounted, distinct_sketch)
         VALUES (?, ?, ?, ?, ?)",
    )?;
    let sketch = entry.distinct.to_bytes();
    of_field.execute(params![dataset.0, field.as_str(), entry.has_column, entry.uncounted, sketch])?;
    let mut of_type = transaction.prepare_cached(
        "INSERT OR REPLACE INTO overflow_types (dataset, name, type, events, first_seen, last_seen)
         VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    for (field_type, count) in entry.types() {
        let events = count.events as i64;
        let label = field_type.label();
        of_type.execute(params![dataset.0, field.as_str(), label, events, count.first_seen, count.last_seen])?;
    }
    Ok(())
}

fn put_unlisted(transaction: &Transaction<'_>, dataset: DatasetId, table: &OverflowTable) -> Result<(), StoreError> {
    let Some(unlisted) = table.unlisted() else {
        transaction.execute("DELETE FROM overflow_unlisted WHERE dataset = ?", [dataset.0])?;
        return Ok(());
    };
    transaction.execute(
        "INSERT OR REPLACE INTO overflow_unlisted (dataset, name_sketch, name_filter, value_count) VALUES (?, ?, ?, ?)",
        params![dataset.0, unlisted.names.to_bytes(), unlisted.filter.as_bytes(), unlisted.values as i64],
    )?;
    Ok(())
}

fn meta(connection: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    Ok(connection.query_row("SELECT value FROM meta WHERE key = ?", [key], |row| row.get(0)).optional()?)
}

fn set_meta(transaction: &Transaction<'_>, key: &str, value: &str) -> Result<(), StoreError> {
    transaction.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        [key, value],
    )?;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32).map(u128::to_be_bytes)
}
