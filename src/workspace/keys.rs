//! Keys: made once, shown once, revoked once. What a request may do is decided elsewhere, by what is read here.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::secret::Hash;
use super::{Grant, Scopes, Secret, Workspace, WorkspaceError, limits, random_id, writing};

/// A key as it is kept: everything but the key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) scopes: Scopes,
    pub(crate) limits: KeyLimits,
    /// Counts changes.
    pub(crate) revision: i64,
    pub(crate) created: i64,
    /// To within some minutes.
    pub(crate) last_used: Option<i64>,
    pub(crate) revoked: Option<i64>,
}

const COLUMNS: &str =
    "hash, id, name, scopes, revision, created, last_used, revoked, requests_per_second, events_per_second";
const TABLES: &str = "keys LEFT JOIN key_limits ON key_limits.key = keys.id";

/// How much may be done with a key in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KeyLimits {
    /// Requests of any kind; null: as many as come.
    pub(crate) requests_per_second: Option<u32>,
    /// Events that are taken; null: as many as come. What one request holds is taken, and waited for before the next.
    pub(crate) events_per_second: Option<u32>,
}

impl KeyLimits {
    pub(crate) fn is_none(self) -> bool {
        self == KeyLimits::default()
    }

    fn check(self) -> Result<(), WorkspaceError> {
        let may = |limit: Option<u32>| limit.is_none_or(|limit| (1..=limits::KEY_PER_SECOND_MAX).contains(&limit));
        if may(self.requests_per_second) && may(self.events_per_second) {
            return Ok(());
        }
        Err(WorkspaceError::Invalid(format!(
            "a limit of a key is 1 to {} a second; leave it out for none, and revoke a key that is to do nothing",
            limits::KEY_PER_SECOND_MAX
        )))
    }
}

impl Workspace {
    /// Makes a key. Its secret is not kept.
    pub(crate) fn create_key(
        &self,
        name: &str,
        grants: &[Grant],
        limits: KeyLimits,
        now: i64,
    ) -> Result<(Key, Secret), WorkspaceError> {
        limits.check()?;
        let scopes = Scopes::new(grants)?;
        let name = checked_name(name)?;
        let (id, secret) = (random_id()?, Secret::key()?);
        let written = serde_json::to_string(&scopes.grants()).map_err(|e| WorkspaceError::Bug(e.to_string()))?;
        let mut connection = self.writer();
        let transaction = writing(&mut connection)?;
        let live: i64 = transaction.query_row("SELECT count(*) FROM keys WHERE revoked IS NULL", [], |r| r.get(0))?;
        if live >= limits::KEYS_MAX {
            return Err(WorkspaceError::TooManyKeys(live));
        }
        transaction.execute(
            "INSERT INTO keys (id, hash, name, scopes, revision, created) VALUES (?, ?, ?, ?, 1, ?)",
            params![id, secret.hash().0, name, written, now],
        )?;
        if !limits.is_none() {
            transaction.execute(
                "INSERT INTO key_limits (key, requests_per_second, events_per_second) VALUES (?, ?, ?)",
                params![id, limits.requests_per_second, limits.events_per_second],
            )?;
        }
        transaction.commit()?;
        let name = name.to_owned();
        Ok((Key { id, name, scopes, limits, revision: 1, created: now, last_used: None, revoked: None }, secret))
    }

    /// Every key, the oldest first.
    pub(crate) fn keys(&self) -> Result<Vec<Key>, WorkspaceError> {
        Ok(load(&self.writer())?.into_iter().map(|(_, key)| key).collect())
    }

    pub(crate) fn key(&self, id: &str) -> Result<Key, WorkspaceError> {
        find(&self.writer(), id)
    }

    /// Ends a key, and the sessions it opened. With a revision, only if that is still the key's.
    pub(crate) fn revoke_key(&self, id: &str, revision: Option<i64>, now: i64) -> Result<Key, WorkspaceError> {
        let mut connection = self.writer();
        let transaction = writing(&mut connection)?;
        let key = find(&transaction, id)?;
        if revision.is_some_and(|revision| revision != key.revision) {
            return Err(WorkspaceError::Changed);
        }
        if key.revoked.is_some() {
            return Ok(key);
        }
        transaction.execute("UPDATE keys SET revoked = ?, revision = revision + 1 WHERE id = ?", params![now, id])?;
        transaction.execute("DELETE FROM sessions WHERE key = ?", [id])?;
        transaction.execute(
            "DELETE FROM keys WHERE revoked IS NOT NULL AND id NOT IN
                 (SELECT id FROM keys WHERE revoked IS NOT NULL ORDER BY revoked DESC LIMIT ?)",
            [limits::KEYS_REVOKED_MAX],
        )?;
        transaction.execute("DELETE FROM key_limits WHERE key NOT IN (SELECT id FROM keys)", [])?;
        let key = find(&transaction, id)?;
        transaction.commit()?;
        Ok(key)
    }

    /// Writes down that a key was used.
    pub(crate) fn note_used(&self, id: &str, now: i64) -> Result<(), WorkspaceError> {
        self.writer().execute("UPDATE keys SET last_used = ? WHERE id = ?", params![now, id])?;
        Ok(())
    }
}

fn checked_name(name: &str) -> Result<&str, WorkspaceError> {
    let name = name.trim();
    if name.is_empty() || name.len() > limits::KEY_NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(WorkspaceError::Invalid(format!(
            "a key needs a name that says who uses it: 1 to {} bytes without control characters",
            limits::KEY_NAME_BYTES_MAX
        )));
    }
    Ok(name)
}

pub(super) fn load(connection: &Connection) -> Result<Vec<(Hash, Key)>, WorkspaceError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM {TABLES} ORDER BY created, id"))?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn find(connection: &Connection, id: &str) -> Result<Key, WorkspaceError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM {TABLES} WHERE id = ?"))?;
    let row = statement.query_row([id], read).optional()?;
    row.map(|(_, key)| key).ok_or_else(|| WorkspaceError::NoKey(id.to_owned()))
}

fn read(row: &Row<'_>) -> rusqlite::Result<(Hash, Key)> {
    let key = Key {
        id: row.get(1)?,
        name: row.get(2)?,
        scopes: row.get(3)?,
        revision: row.get(4)?,
        created: row.get(5)?,
        last_used: row.get(6)?,
        revoked: row.get(7)?,
        limits: KeyLimits { requests_per_second: row.get(8)?, events_per_second: row.get(9)? },
    };
    Ok((Hash(row.get(0)?), key))
}

impl FromSql for Scopes {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Scopes> {
        let grants: Vec<Grant> = serde_json::from_str(value.as_str()?).map_err(FromSqlError::other)?;
        Scopes::new(&grants).map_err(FromSqlError::other)
    }
}
