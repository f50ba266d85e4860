//! The rows of fields: those with columns, and those that share the overflow column.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::Transaction;
use rusqlite::types::ToSql;

use super::rows::{Existing, Table};
use super::sql::Catalog;
use super::{Distinct, FieldTable, TypeEntry};
use crate::error::StoreError;
use crate::event::{DatasetId, FieldName, FieldType};
use crate::overflow::{NameFilter, OverflowCount, OverflowEntry, OverflowTable, Unlisted};

pub(super) static FIELDS: Table = Table::new("fields", 2, &["dataset", "name", "distinct_sketch"]);
pub(super) static FIELD_TYPES: Table =
    Table::new("field_types", 3, &["dataset", "name", "type", "column_name", "events", "first_seen", "last_seen"]);

static OVERFLOW_FIELDS: Table =
    Table::new("overflow_fields", 2, &["dataset", "name", "has_column", "uncounted", "distinct_sketch"]);
static OVERFLOW_TYPES: Table =
    Table::new("overflow_types", 3, &["dataset", "name", "type", "events", "first_seen", "last_seen"]);
static OVERFLOW_UNLISTED: Table =
    Table::new("overflow_unlisted", 1, &["dataset", "name_sketch", "name_filter", "value_count"]);
/// What is told by the segments too, and can be counted anew.
pub(super) static OF_FIELDS: [&Table; 5] =
    [&FIELDS, &FIELD_TYPES, &OVERFLOW_FIELDS, &OVERFLOW_TYPES, &OVERFLOW_UNLISTED];

impl Catalog {
    pub(super) fn load_fields(&self, dataset: DatasetId, lost: &mut Vec<String>) -> Result<FieldTable, StoreError> {
        let mut table = FieldTable::default();
        let mut statement = self.connection.prepare(&FIELD_TYPES.select("WHERE dataset = ?"))?;
        let mut rows = statement.query([dataset.0])?;
        while let Some(row) = rows.next()? {
            if !FIELD_TYPES.is_sound(row)? {
                lost.push(FIELD_TYPES.key(row)?);
                continue;
            }
            let Some(field_type) = FieldType::from_label(&row.get::<_, String>(2)?) else { continue };
            let entry = TypeEntry {
                column: Arc::from(row.get::<_, String>(3)?),
                events: row.get::<_, i64>(4)? as u64,
                first_seen: row.get(5)?,
                last_seen: row.get(6)?,
            };
            table.put(FieldName::trusted(&row.get::<_, String>(1)?), field_type, entry);
        }
        let mut statement = self.connection.prepare(&FIELDS.select("WHERE dataset = ?"))?;
        let mut rows = statement.query([dataset.0])?;
        while let Some(row) = rows.next()? {
            if !FIELDS.is_sound(row)? {
                lost.push(FIELDS.key(row)?);
                continue;
            }
            let sketch = Distinct::from_bytes(&row.get::<_, Vec<u8>>(2)?);
            table.set_distinct(FieldName::trusted(&row.get::<_, String>(1)?), sketch);
        }
        self.load_overflow(dataset, table.overflow_mut(), lost)?;
        Ok(table)
    }

    fn load_overflow(
        &self,
        dataset: DatasetId,
        table: &mut OverflowTable,
        lost: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let mut entries: BTreeMap<String, OverflowEntry> = BTreeMap::new();
        let mut statement = self.connection.prepare(&OVERFLOW_FIELDS.select("WHERE dataset = ?"))?;
        let mut rows = statement.query([dataset.0])?;
        while let Some(row) = rows.next()? {
            if !OVERFLOW_FIELDS.is_sound(row)? {
                lost.push(OVERFLOW_FIELDS.key(row)?);
                continue;
            }
            let entry = entries.entry(row.get(1)?).or_default();
            (entry.has_column, entry.uncounted) = (row.get(2)?, row.get(3)?);
            entry.distinct = Distinct::from_bytes(&row.get::<_, Vec<u8>>(4)?);
        }
        let mut statement = self.connection.prepare(&OVERFLOW_TYPES.select("WHERE dataset = ?"))?;
        let mut rows = statement.query([dataset.0])?;
        while let Some(row) = rows.next()? {
            if !OVERFLOW_TYPES.is_sound(row)? {
                lost.push(OVERFLOW_TYPES.key(row)?);
                continue;
            }
            let Some(field_type) = FieldType::from_label(&row.get::<_, String>(2)?) else { continue };
            let events = row.get::<_, i64>(3)? as u64;
            let count = OverflowCount { events, first_seen: row.get(4)?, last_seen: row.get(5)? };
            entries.entry(row.get(1)?).or_default().put(field_type, count);
        }
        entries.into_iter().for_each(|(name, entry)| table.put(FieldName::trusted(&name), entry));
        let mut statement = self.connection.prepare(&OVERFLOW_UNLISTED.select("WHERE dataset = ?"))?;
        let mut rows = statement.query([dataset.0])?;
        if let Some(row) = rows.next()? {
            if !OVERFLOW_UNLISTED.is_sound(row)? {
                lost.push(OVERFLOW_UNLISTED.key(row)?);
                return Ok(());
            }
            table.set_unlisted(Unlisted {
                names: Distinct::from_bytes(&row.get::<_, Vec<u8>>(1)?),
                filter: NameFilter::from_bytes(row.get(2)?),
                values: row.get::<_, i64>(3)? as u64,
            });
        }
        Ok(())
    }
}

pub(super) fn upsert_field(
    transaction: &Transaction<'_>,
    dataset: DatasetId,
    field: &FieldName,
    fields: &FieldTable,
) -> Result<(), StoreError> {
    let Some(entry) = fields.get(field.as_str()) else { return Ok(()) };
    FIELDS.insert(transaction, &[&dataset.0, &field.as_str(), &entry.distinct.to_bytes()], Existing::Goes)?;
    for (field_type, seen) in entry.types() {
        FIELD_TYPES.insert(
            transaction,
            &[
                &dataset.0,
                &field.as_str(),
                &field_type.label(),
                &seen.column.as_ref(),
                &(seen.events as i64),
                &seen.first_seen,
                &seen.last_seen,
            ],
            Existing::Goes,
        )?;
    }
    Ok(())
}

pub(super) fn upsert_overflow(
    transaction: &Transaction<'_>,
    dataset: DatasetId,
    field: &FieldName,
    table: &OverflowTable,
) -> Result<(), StoreError> {
    let Some(entry) = table.get(field.as_str()) else { return Ok(()) };
    let sketch = entry.distinct.to_bytes();
    let values: [&dyn ToSql; 5] = [&dataset.0, &field.as_str(), &entry.has_column, &entry.uncounted, &sketch];
    OVERFLOW_FIELDS.insert(transaction, &values, Existing::Goes)?;
    for (field_type, count) in entry.types() {
        let (label, events) = (field_type.label(), count.events as i64);
        let values: [&dyn ToSql; 6] =
            [&dataset.0, &field.as_str(), &label, &events, &count.first_seen, &count.last_seen];
        OVERFLOW_TYPES.insert(transaction, &values, Existing::Goes)?;
    }
    Ok(())
}

pub(super) fn put_unlisted(
    transaction: &Transaction<'_>,
    dataset: DatasetId,
    table: &OverflowTable,
) -> Result<(), StoreError> {
    let Some(unlisted) = table.unlisted() else {
        transaction.execute("DELETE FROM overflow_unlisted WHERE dataset = ?", [dataset.0])?;
        return Ok(());
    };
    let (names, filter, values) = (unlisted.names.to_bytes(), unlisted.filter.as_bytes(), unlisted.values as i64);
    let values: [&dyn ToSql; 4] = [&dataset.0, &names, &filter, &values];
    Ok(OVERFLOW_UNLISTED.insert(transaction, &values, Existing::Goes)?)
}

/// Everything that is known of the fields of a dataset of which nothing is there.
pub(super) fn put_fields(
    transaction: &Transaction<'_>,
    dataset: DatasetId,
    fields: &FieldTable,
) -> Result<(), StoreError> {
    fields.names().try_for_each(|field| upsert_field(transaction, dataset, field, fields))?;
    let overflow = fields.overflow();
    overflow.iter().try_for_each(|(field, _)| upsert_overflow(transaction, dataset, field, overflow))?;
    put_unlisted(transaction, dataset, overflow)
}
