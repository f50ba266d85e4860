//! Rows that are noticed when they change under us: each carries a checksum over its other columns.
//!
//! SQLite believes what a page says. A bit that the disk has turned, or a tool that meant well, must not move a watermark
//! or rename a field. It must not know what the columns mean.

use std::sync::OnceLock;

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params_from_iter};
use xxhash_rust::xxh3::Xxh3;

/// A table whose last column is the checksum of those before, which are `columns`. The first `key` of them are its key.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: &'static [&'static str],
    key: usize,
    /// The texts of [`Table::insert`], made once.
    insert: [OnceLock<String>; 2],
}

/// What happens where there is a row of that key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// The insertion fails.
    Stays,
    Goes,
}

impl Table {
    pub(super) const fn new(name: &'static str, key: usize, columns: &'static [&'static str]) -> Table {
        Table { name, columns, key, insert: [const { OnceLock::new() }; 2] }
    }

    /// `SELECT` of every column, the checksum last.
    pub(super) fn select(&self, rest: &str) -> String {
        format!("SELECT {}, checksum FROM {} {rest}", self.columns.join(", "), self.name)
    }

    /// All rows, and whether each has its checksum.
    pub(super) fn read(&self, connection: &Connection) -> rusqlite::Result<(&'static str, Vec<(super::Row, bool)>)> {
        let mut statement = connection.prepare(&self.select(""))?;
        let rows = statement.query_map([], |row| {
            let value = |at: usize| Ok((self.columns[at], row.get(at)?));
            let values = (0..self.columns.len()).map(value).collect::<rusqlite::Result<super::Row>>()?;
            Ok((values, self.is_sound(row)?))
        })?;
        Ok((self.name, rows.collect::<Result<_, _>>()?))
    }

    /// Whether a row of [`Table::select`] is as it was written.
    pub(super) fn is_sound(&self, row: &Row<'_>) -> rusqlite::Result<bool> {
        let mut sum = self.sum();
        for at in 0..self.columns.len() {
            add(&mut sum, row.get_ref(at)?);
        }
        // Whatever else stands there is no checksum either.
        Ok(matches!(row.get_ref(self.columns.len())?, ValueRef::Integer(stored) if stored == sum.digest() as i64))
    }

    /// Inserts a row; `values` are those of all columns but the checksum.
    pub(super) fn insert(
        &self,
        transaction: &Transaction<'_>,
        values: &[&dyn ToSql],
        existing: Existing,
    ) -> rusqlite::Result<()> {
        let mut all = Vec::with_capacity(values.len() + 1);
        let mut sum = self.sum();
        for value in values {
            let value = match value.to_sql()? {
                ToSqlOutput::Owned(value) => value,
                ToSqlOutput::Borrowed(value) => Value::try_from(value)?,
                other => return Err(rusqlite::Error::ToSqlConversionFailure(format!("{other:?}").into())),
            };
            add(&mut sum, ValueRef::from(&value));
            all.push(value);
        }
        all.push(Value::Integer(sum.digest() as i64));
        let text = self.insert[existing as usize].get_or_init(|| {
            let verb = if existing == Existing::Goes { "INSERT OR REPLACE" } else { "INSERT" };
            let places = vec!["?"; all.len()].join(", ");
            format!("{verb} INTO {} ({}, checksum) VALUES ({places})", self.name, self.columns.join(", "))
        });
        transaction.prepare_cached(text)?.execute(params_from_iter(all))?;
        Ok(())
    }

    /// Changes the row with this key by its values; whether there was one, and a sound one.
    pub(super) fn change(
        &self,
        transaction: &Transaction<'_>,
        key: i64,
        change: impl FnOnce(&mut Vec<Value>),
    ) -> rusqlite::Result<bool> {
        let text = self.select(&format!("WHERE {} = ?", self.columns[0]));
        let mut found = transaction.prepare_cached(&text)?;
        let values = found.query_row([key], |row| {
            let values = (0..self.columns.len()).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>()?;
            Ok(self.is_sound(row)?.then_some(values))
        });
        let Some(mut values) = values.optional()?.flatten() else { return Ok(false) };
        change(&mut values);
        let values: Vec<&dyn ToSql> = values.iter().map(|v| v as &dyn ToSql).collect();
        self.insert(transaction, &values, Existing::Goes)?;
        Ok(true)
    }

    /// The place of a column among the values of a row.
    pub(super) fn at(&self, column: &str) -> usize {
        self.columns.iter().position(|c| *c == column).unwrap_or(self.columns.len())
    }

    /// The key of a row of [`Table::select`], as far as it can be believed, in words.
    pub(super) fn key(&self, row: &Row<'_>) -> rusqlite::Result<String> {
        let word = |at| {
            Ok(match row.get_ref(at)? {
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
                other => format!("{:?}", other.data_type()),
            })
        };
        Ok((0..self.key).map(word).collect::<rusqlite::Result<Vec<String>>>()?.join(", "))
    }

    /// The name is hashed too: a row of one table is none of another.
    fn sum(&self) -> Xxh3 {
        let mut sum = Xxh3::new();
        add(&mut sum, ValueRef::Text(self.name.as_bytes()));
        sum
    }
}

/// Adds a value as its type, the length of its bytes, and its bytes.
fn add(sum: &mut Xxh3, value: ValueRef<'_>) {
    let number;
    let (kind, bytes): (u8, &[u8]) = match value {
        ValueRef::Null => (0, &[]),
        ValueRef::Integer(value) => {
            number = value.to_le_bytes();
            (1, &number)
        }
        ValueRef::Real(value) => {
            number = value.to_le_bytes();
            (2, &number)
        }
        ValueRef::Text(text) => (3, text),
        ValueRef::Blob(blob) => (4, blob),
    };
    sum.update(&[kind]);
    sum.update(&(bytes.len() as u64).to_le_bytes());
    sum.update(bytes);
}
