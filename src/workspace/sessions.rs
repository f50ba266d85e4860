//! Sessions: what a console holds instead of a key. One ends with its time, with its key, or when it is told to.

use rusqlite::{Connection, OptionalExtension, params};

use super::secret::Hash;
use super::{Secret, Workspace, WorkspaceError, limits, writing};

impl Workspace {
    /// Opens a session with a key that must still count.
    pub(crate) fn create_session(&self, key: &str, now: i64) -> Result<Secret, WorkspaceError> {
        let secret = Secret::session()?;
        let expires = now.saturating_add(limits::SESSION_SECONDS * 1_000_000_000);
        let mut connection = self.writer();
        let transaction = writing(&mut connection)?;
        let live = "SELECT 1 FROM keys WHERE id = ? AND revoked IS NULL";
        let counts: Option<i64> = transaction.query_row(live, [key], |row| row.get(0)).optional()?;
        if counts.is_none() {
            return Err(WorkspaceError::NoKey(key.to_owned()));
        }
        transaction.execute("DELETE FROM sessions WHERE expires <= ?", [now])?;
        transaction.execute(
            "INSERT INTO sessions (hash, key, created, expires) VALUES (?, ?, ?, ?)",
            params![secret.hash().0, key, now, expires],
        )?;
        transaction.execute(
            "DELETE FROM sessions WHERE hash NOT IN (SELECT hash FROM sessions ORDER BY created DESC LIMIT ?)",
            [limits::SESSIONS_MAX],
        )?;
        transaction.commit()?;
        Ok(secret)
    }

    /// Ends a session, if it is one.
    pub(crate) fn end_session(&self, sent: &str) -> Result<(), WorkspaceError> {
        if let Some(hash) = Hash::of(sent) {
            self.writer().execute("DELETE FROM sessions WHERE hash = ?", [hash.0])?;
        }
        Ok(())
    }
}

/// Hash, key and end of each.
pub(super) fn load(connection: &Connection) -> Result<Vec<(Hash, String, i64)>, WorkspaceError> {
    let mut statement = connection.prepare_cached("SELECT hash, key, expires FROM sessions")?;
    let rows = statement.query_map([], |row| Ok((Hash(row.get(0)?), row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
