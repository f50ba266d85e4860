//! The catalog's SQL. Each public method is one transaction; what it returns or takes is plain data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::types::{ToSql, Value};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction};

use super::FieldTable;
use super::datasets::{self, DROPPED, Dropped};
use super::field_rows::{OF_FIELDS, put_fields, put_unlisted, upsert_field, upsert_overflow};
use super::rows::{Existing, Table};
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName, FieldName, TimestampNs, reserved};
use crate::paths::SegmentId;
use crate::segment::SegmentInfo;
use crate::upkeep::retain::Retention;

pub(crate) const FORMAT_VERSION: u32 = 2;

const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT;
CREATE TABLE datasets (
    id INTEGER PRIMARY KEY, workspace TEXT NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL,
    watermark INTEGER NOT NULL, cluster_field TEXT, retention TEXT, checksum INTEGER NOT NULL,
    UNIQUE (workspace, name)) STRICT;
CREATE TABLE dropped_datasets (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, dropped INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT;
CREATE TABLE segments (
    id INTEGER PRIMARY KEY, dataset INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
    time_min INTEGER NOT NULL, time_max INTEGER NOT NULL, received_max INTEGER NOT NULL,
    sequence_min INTEGER NOT NULL, sequence_max INTEGER NOT NULL, sampled INTEGER NOT NULL,
    level INTEGER NOT NULL, cluster_field TEXT, damage TEXT, checksum INTEGER NOT NULL) STRICT;
CREATE TABLE fields (
    dataset INTEGER NOT NULL, name TEXT NOT NULL, distinct_sketch BLOB NOT NULL,
    checksum INTEGER NOT NULL, PRIMARY KEY (dataset, name)) STRICT, WITHOUT ROWID;
CREATE TABLE field_types (
    dataset INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, column_name TEXT NOT NULL,
    events INTEGER NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    checksum INTEGER NOT NULL, PRIMARY KEY (dataset, name, type)) STRICT, WITHOUT ROWID;
CREATE TABLE overflow_fields (
    dataset INTEGER NOT NULL, name TEXT NOT NULL, has_column INTEGER NOT NULL, uncounted INTEGER NOT NULL,
    distinct_sketch BLOB NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (dataset, name)) STRICT, WITHOUT ROWID;
CREATE TABLE overflow_types (
    dataset INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, events INTEGER NOT NULL,
    first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (dataset, name, type)) STRICT, WITHOUT ROWID;
CREATE TABLE overflow_unlisted (
    dataset INTEGER PRIMARY KEY, name_sketch BLOB NOT NULL, name_filter BLOB NOT NULL, value_count INTEGER NOT NULL,
    checksum INTEGER NOT NULL) STRICT;
";

static META: Table = Table::new("meta", 1, &["key", "value"]);
pub(super) static DATASETS: Table =
    Table::new("datasets", 1, &["id", "workspace", "name", "created", "watermark", "cluster_field", "retention"]);
pub(super) static SEGMENTS: Table = Table::new(
    "segments",
    1,
    &[
        "id",
        "dataset",
        "rows",
        "bytes",
        "time_min",
        "time_max",
        "received_max",
        "sequence_min",
        "sequence_max",
        "sampled",
        "level",
        "cluster_field",
        "damage",
    ],
);
/// There while a repair is under way.
const REPAIRING: &str = "repairing";

const OF_NO_DATASET: &str = "WHERE dataset NOT IN (SELECT id FROM datasets)";

/// The one workspace of today.
const WORKSPACE: &str = "default";

#[derive(Debug)]
pub(crate) struct Catalog {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
}

/// The catalog as it was at start.
#[derive(Debug)]
pub(crate) struct CatalogImage {
    pub(crate) store_id: [u8; 16],
    pub(crate) next_segment: u64,
    pub(crate) next_sequence: u64,
    pub(crate) datasets: Vec<DatasetRow>,
    /// Datasets that are gone.
    pub(crate) dropped: BTreeMap<DatasetId, Dropped>,
    pub(crate) segments: Vec<SegmentInfo>,
    /// What was found wrong with some of the segments.
    pub(crate) damage: BTreeMap<SegmentId, String>,
    pub(crate) scrub: ScrubPlace,
    /// Segments whose rows fail their checksums: the dataset and the number that they have there.
    pub(crate) unsound: Vec<(DatasetId, SegmentId)>,
    /// Rows of fields that fail their checksums, or are of no dataset: what they say that they are of. Whose they were,
    /// nobody knows.
    pub(crate) fields_lost: Vec<String>,
}

/// Where the scrub is: when its pass began, and the last segment that it has verified; none between passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScrubPlace {
    pub(crate) began: TimestampNs,
    pub(crate) after: Option<SegmentId>,
}

impl ScrubPlace {
    /// Before the first pass.
    pub(crate) const START: ScrubPlace = ScrubPlace { began: 0, after: Some(SegmentId(0)) };

    /// The last segment verified as a number; the largest between passes.
    pub(crate) fn number(self) -> u64 {
        self.after.map_or(u64::MAX, |id| id.0)
    }
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

/// A row by column.
pub(crate) type Row = Vec<(&'static str, Value)>;
/// Tables by name; of each row whether it has its checksum.
pub(crate) type Tables = Vec<(&'static str, Vec<(Row, bool)>)>;

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
        Catalog::open_or_make(path, fresh).map_err(|e| of_file(path, e))
    }

    fn open_or_make(path: &Path, fresh: impl FnOnce() -> Result<[u8; 16], StoreError>) -> Result<Catalog, StoreError> {
        let mut connection = Connection::open(path)?;
        // Before anything is written: an empty file stays one if there is to be no catalog.
        let store_id = if connection.table_exists(None, "meta")? { None } else { Some(fresh()?) };
        check_structure(&connection, path)?;
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
        check_usable(&transaction, path)?;
        transaction.commit()?;
        Ok(Catalog { connection, path: path.to_owned() })
    }

    /// How long a change waits for another process, which there is none of outside of tests.
    #[cfg(test)]
    pub(crate) fn set_patience(&self, patience: std::time::Duration) {
        self.connection.busy_timeout(patience).unwrap_or_default();
    }

    /// Opens a catalog that is there, to look at it only.
    pub(crate) fn inspect(path: &Path) -> Result<Catalog, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || -> Result<Connection, StoreError> {
            let connection = Connection::open_with_flags(path, flags)?;
            check_structure(&connection, path)?;
            check_version(&connection, path)?;
            Ok(connection)
        };
        let connection = open().map_err(|e| of_file(path, e))?;
        Ok(Catalog { connection, path: path.to_owned() })
    }

    /// Whether a store can open the catalog that is there.
    pub(crate) fn check(path: &Path) -> Result<(), StoreError> {
        let catalog = Catalog::inspect(path)?;
        check_usable(&catalog.connection, path).map_err(|e| of_file(path, e))
    }

    /// Every row of every table and whether it has its checksum, whatever the catalog is; and what SQLite says of its
    /// pages.
    pub(crate) fn tables(path: &Path) -> Result<(String, Tables), StoreError> {
        let read = || -> Result<(String, Tables), StoreError> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.pragma_update(None, "trusted_schema", "OFF")?;
            let structure = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            let all = [&META, &DATASETS, &DROPPED, &SEGMENTS].into_iter().chain(OF_FIELDS);
            Ok((structure, all.map(|table| table.read(&connection)).collect::<Result<_, _>>()?))
        };
        read().map_err(|e| of_file(path, e))
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
        Ok(Catalog { connection, path: path.to_owned() })
    }

    /// Lists what was found. The image has what no other transaction says.
    pub(crate) fn rebuild(&mut self, image: &CatalogImage, created: TimestampNs) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for dataset in &image.datasets {
            insert_dataset(&transaction, dataset.id, &dataset.name, created, dataset.cluster_field.as_deref())?;
            put_fields(&transaction, dataset.id, &dataset.fields)?;
        }
        for (id, dropped) in &image.dropped {
            datasets::insert_dropped(&transaction, *id, dropped)?;
        }
        for segment in &image.segments {
            insert_segment(&transaction, segment, Existing::Stays)?;
        }
        set_meta(&transaction, "next_segment", &image.next_segment.to_string())?;
        set_meta(&transaction, "next_sequence", &image.next_sequence.to_string())?;
        Ok(transaction.commit()?)
    }

    /// Every event below `watermark` is in a segment now: the catalog can be used.
    pub(crate) fn end_repair(&mut self, watermark: u64) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        let mut all = transaction.prepare("SELECT id FROM datasets")?;
        let datasets: Vec<u32> = all.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        drop(all);
        for dataset in datasets.into_iter().map(DatasetId) {
            if !DATASETS.change(&transaction, dataset.0.into(), |values| raise_watermark(values, watermark))? {
                return Err(lost_dataset(&self.path, dataset));
            }
        }
        transaction.execute("DELETE FROM meta WHERE key = ?", [REPAIRING])?;
        Ok(transaction.commit()?)
    }

    pub(crate) fn load(&self) -> Result<CatalogImage, StoreError> {
        self.load_rows().map_err(|e| of_file(&self.path, e))
    }

    fn load_rows(&self) -> Result<CatalogImage, StoreError> {
        // A number made up in place of a lost one would be used twice.
        let lost = |key: &str| self.damaged(format!("it has no {key}"));
        let number = |key| -> Result<u64, StoreError> {
            meta(&self.connection, &self.path, key)?.and_then(|v| v.parse().ok()).ok_or_else(|| lost(key))
        };
        let mut image = CatalogImage {
            store_id: store_id(&self.connection, &self.path)?,
            next_segment: number("next_segment")?,
            next_sequence: number("next_sequence")?,
            datasets: Vec::new(),
            dropped: self.load_dropped()?,
            segments: Vec::new(),
            damage: BTreeMap::new(),
            scrub: self.load_scrub_place().unwrap_or(ScrubPlace::START),
            unsound: Vec::new(),
            fields_lost: Vec::new(),
        };
        self.load_datasets(&mut image)?;
        self.load_segments(&mut image)?;
        Ok(image)
    }

    pub(super) fn damaged(&self, what: impl Into<String>) -> StoreError {
        StoreError::damaged(&self.path, what)
    }

    fn load_datasets(&self, image: &mut CatalogImage) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare(&DATASETS.select("ORDER BY id"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            // What it says of the watermark decides which events are read back, and there is no second place to look it up.
            if !DATASETS.is_sound(row)? {
                return Err(self.damaged(format!("the row of dataset {} fails its checksum", DATASETS.key(row)?)));
            }
            let (id, name) = (row.get::<_, u32>(0)?, row.get::<_, String>(2)?);
            let name = DatasetName::new(&name).map_err(|e| StoreError::Bug(format!("dataset {id}: {e}")))?;
            let id = DatasetId(id);
            let retention = row.get::<_, Option<String>>(6)?.map(|text| serde_json::from_str(&text)).transpose();
            let retention = retention.map_err(|e| StoreError::Bug(format!("the retention of dataset {id}: {e}")))?;
            let (watermark, cluster_field) = (row.get::<_, i64>(4)? as u64, row.get(5)?);
            let fields = self.load_fields(id, &mut image.fields_lost)?;
            image.datasets.push(DatasetRow { id, name, watermark, cluster_field, retention, fields });
        }
        for table in OF_FIELDS {
            let mut stray = self.connection.prepare(&table.select(OF_NO_DATASET))?;
            let mut rows = stray.query([])?;
            while let Some(row) = rows.next()? {
                image.fields_lost.push(table.key(row)?);
            }
        }
        Ok(())
    }

    fn load_segments(&self, image: &mut CatalogImage) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare(&SEGMENTS.select("ORDER BY id"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = SegmentId(row.get::<_, i64>(0)? as u64);
            if !SEGMENTS.is_sound(row)? {
                image.unsound.push((DatasetId(row.get(1).unwrap_or(u32::MAX)), id));
                continue;
            }
            image.segments.push(SegmentInfo {
                id,
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
            });
            if let Some(damage) = row.get(12)? {
                image.damage.insert(id, damage);
            }
        }
        Ok(())
    }

    fn load_scrub_place(&self) -> Option<ScrubPlace> {
        // One that cannot be believed costs another pass, and no more.
        let number = |key| meta(&self.connection, &self.path, key).ok()??.parse::<u64>().ok();
        let after = number("scrub_after")?;
        let after = (after != u64::MAX).then_some(SegmentId(after));
        Some(ScrubPlace { began: number("scrub_began")? as i64, after })
    }

    pub(crate) fn set_scrub_place(&mut self, place: ScrubPlace) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        set_meta(&transaction, "scrub_began", &(place.began as u64).to_string())?;
        set_meta(&transaction, "scrub_after", &place.number().to_string())?;
        Ok(transaction.commit()?)
    }

    /// A new dataset, durable before its id is used anywhere.
    pub(crate) fn create_dataset(&mut self, name: &DatasetName, created: TimestampNs) -> Result<DatasetId, StoreError> {
        let transaction = self.connection.transaction()?;
        let id = datasets::next_id(&transaction)?;
        insert_dataset(&transaction, id, name, created, None)?;
        transaction.commit()?;
        Ok(id)
    }

    /// How long a dataset keeps its events; without a policy as long as all others do.
    pub(crate) fn set_retention(&mut self, dataset: DatasetId, retention: Option<Retention>) -> Result<(), StoreError> {
        let text = retention.map(|r| serde_json::to_string(&r)).transpose();
        let text = text.map_err(|e| StoreError::Bug(e.to_string()))?;
        let transaction = self.connection.transaction()?;
        let set = |values: &mut Vec<Value>| values[DATASETS.at("retention")] = text.into();
        if !DATASETS.change(&transaction, dataset.0.into(), set)? {
            return Err(lost_dataset(&self.path, dataset));
        }
        Ok(transaction.commit()?)
    }

    /// Notes what is wrong with segments, or that nothing is any more. Rows that cannot be believed stay as they are.
    pub(crate) fn set_damage(&mut self, segments: &[(SegmentId, Option<&str>)]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for (id, damage) in segments {
            let set = |values: &mut Vec<Value>| values[SEGMENTS.at("damage")] = damage.map(str::to_owned).into();
            let _listed = SEGMENTS.change(&transaction, id.0 as i64, set)?;
        }
        Ok(transaction.commit()?)
    }

    /// Writes rows anew that failed their checksums, as the segments themselves tell them.
    pub(crate) fn rewrite_segments(&mut self, segments: &[SegmentInfo]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        segments.iter().try_for_each(|segment| insert_segment(&transaction, segment, Existing::Goes))?;
        Ok(transaction.commit()?)
    }

    /// Writes the fields of a dataset anew.
    pub(crate) fn rewrite_fields(&mut self, dataset: DatasetId, fields: &FieldTable) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for table in OF_FIELDS.map(|table| table.name) {
            transaction.execute(&format!("DELETE FROM {table} WHERE dataset = ?"), [dataset.0])?;
            transaction.execute(&format!("DELETE FROM {table} {OF_NO_DATASET}"), [])?;
        }
        put_fields(&transaction, dataset, fields)?;
        Ok(transaction.commit()?)
    }

    /// Changes a row and its checksum, as a mistake of ours would.
    #[cfg(test)]
    pub(crate) fn falsify(&mut self, table: &str, key: i64, column: &str, value: i64) {
        let tables = [&DATASETS, &SEGMENTS, &DROPPED];
        let table = tables.into_iter().find(|t| t.name == table).unwrap();
        let transaction = self.connection.transaction().unwrap();
        assert!(table.change(&transaction, key, |values| values[table.at(column)] = value.into()).unwrap());
        transaction.commit().unwrap();
    }

    pub(crate) fn publish(&mut self, change: &Publication<'_>) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for segment in change.segments {
            insert_segment(&transaction, segment, Existing::Stays)?;
        }
        for removed in change.removed {
            let rows = transaction.execute("DELETE FROM segments WHERE id = ?", [removed.0 as i64])?;
            if rows != 1 {
                return Err(StoreError::Bug(format!("the catalog does not list segment {}", removed.0)));
            }
        }
        let set = |values: &mut Vec<Value>| {
            raise_watermark(values, change.watermark);
            let cluster_field = &mut values[DATASETS.at("cluster_field")];
            if *cluster_field == Value::Null {
                *cluster_field = change.cluster_field.map(str::to_owned).into();
            }
        };
        if !DATASETS.change(&transaction, change.dataset.0.into(), set)? {
            return Err(lost_dataset(&self.path, change.dataset));
        }
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

    /// Which of the segments are listed.
    pub(crate) fn listed(&self, segments: &[SegmentId]) -> Result<Vec<SegmentId>, StoreError> {
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

pub(super) fn lost_dataset(path: &Path, dataset: DatasetId) -> StoreError {
    StoreError::damaged(path, format!("the row of dataset {dataset} is gone or fails its checksum"))
}

/// What SQLite says of a file that is none of its own any more is damage of that file.
pub(super) fn of_file(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Catalog(error)
            if matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch)
            ) =>
        {
            StoreError::damaged(path, error.to_string())
        }
        other => other,
    }
}

/// Whether the pages hold together. SQLite itself looks only at those that it happens to read.
fn check_structure(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(StoreError::damaged(path, found)) }
}

/// Whether this Outcrop can use the catalog.
pub(super) fn check_usable(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    check_version(connection, path)?;
    match meta(connection, path, REPAIRING)? {
        Some(_) => Err(StoreError::RepairUnfinished { path: path.to_owned() }),
        None => Ok(()),
    }
}

pub(super) fn store_id(connection: &Connection, path: &Path) -> Result<[u8; 16], StoreError> {
    let id = meta(connection, path, "store_id")?.and_then(|v| unhex(&v));
    id.ok_or_else(|| StoreError::damaged(path, "it has no store_id"))
}

fn check_version(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    // Older ones have no checksums, but the version all the same.
    if !connection.column_exists(None, "meta", "checksum")? {
        let text = "SELECT value FROM meta WHERE key = 'format_version'";
        let version: Option<String> = connection.query_row(text, [], |row| row.get(0)).optional()?;
        let version = version.and_then(|v| v.parse().ok()).unwrap_or(0);
        return Err(StoreError::UnknownFormat { path: path.to_owned(), version });
    }
    let version = meta(connection, path, "format_version")?.and_then(|v| v.parse().ok()).unwrap_or(0);
    if version == FORMAT_VERSION { Ok(()) } else { Err(StoreError::UnknownFormat { path: path.to_owned(), version }) }
}

fn raise_watermark(values: &mut [Value], to: u64) {
    if let Value::Integer(watermark) = &mut values[DATASETS.at("watermark")] {
        *watermark = (*watermark).max(to as i64);
    }
}

fn insert_dataset(
    transaction: &Transaction<'_>,
    id: DatasetId,
    name: &DatasetName,
    created: TimestampNs,
    cluster_field: Option<&str>,
) -> Result<(), StoreError> {
    let values: [&dyn ToSql; 7] = [&id.0, &WORKSPACE, &name.as_str(), &created, &0, &cluster_field, &Value::Null];
    Ok(DATASETS.insert(transaction, &values, Existing::Stays)?)
}

fn insert_segment(transaction: &Transaction<'_>, segment: &SegmentInfo, existing: Existing) -> Result<(), StoreError> {
    SEGMENTS.insert(
        transaction,
        &[
            &(segment.id.0 as i64),
            &segment.dataset.0,
            &(segment.rows as i64),
            &(segment.bytes as i64),
            &segment.time_min,
            &segment.time_max,
            &segment.received_max,
            &(segment.sequence_min as i64),
            &(segment.sequence_max as i64),
            &segment.sampled,
            &segment.level,
            &segment.cluster_field,
            &Value::Null,
        ],
        existing,
    )?;
    Ok(())
}

fn meta(connection: &Connection, path: &Path, key: &str) -> Result<Option<String>, StoreError> {
    let text = META.select("WHERE key = ?");
    let value = |row: &rusqlite::Row<'_>| META.is_sound(row)?.then(|| row.get(1)).transpose();
    match connection.query_row(&text, [key], value).optional()? {
        Some(None) => Err(StoreError::damaged(path, format!("its {key} fails its checksum"))),
        found => Ok(found.flatten()),
    }
}

pub(super) fn set_meta(transaction: &Transaction<'_>, key: &str, value: &str) -> Result<(), StoreError> {
    META.insert(transaction, &[&key, &value], Existing::Goes)?;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32).map(u128::to_be_bytes)
}
