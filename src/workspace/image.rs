//! What decides about requests, in memory: the keys that count and the sessions, by the hash of their secret, and the rules
//! of redaction.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::Connection;

use super::keys::{self, Key, KeyLimits};
use super::secret::Hash;
use super::{REDACTIONS, Scopes, WorkspaceError, limits, sessions, things};
use crate::redactions::Kept;

/// Who asks.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) scopes: Scopes,
    pub(crate) limits: KeyLimits,
    last_used: AtomicI64,
}

impl Identity {
    fn new(key: &Key) -> Identity {
        Identity {
            id: key.id.clone(),
            name: key.name.clone(),
            scopes: key.scopes.clone(),
            limits: key.limits,
            last_used: AtomicI64::new(key.last_used.unwrap_or(0)),
        }
    }

    /// Whether somebody should write down that the key was used: one of those who ask, and not often.
    pub(crate) fn wants_note(&self, now: i64) -> bool {
        let before = self.last_used.load(Ordering::Relaxed);
        let due = now.saturating_sub(before) >= limits::LAST_USED_SECONDS * 1_000_000_000;
        due && self.last_used.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// The workspace at one instant.
#[derive(Debug, Default)]
pub(crate) struct Image {
    /// Whether there are keys at all, or were.
    had_keys: bool,
    by_key: HashMap<Hash, Arc<Identity>>,
    by_session: HashMap<Hash, (i64, Arc<Identity>)>,
    redactions: Kept,
}

impl Image {
    /// Whether nobody ever made a key. A store whose keys were all revoked is not open to everybody again.
    pub(crate) fn is_keyless(&self) -> bool {
        !self.had_keys
    }

    /// Whether there is a key that counts.
    pub(crate) fn has_key(&self) -> bool {
        !self.by_key.is_empty()
    }

    pub(crate) fn key(&self, sent: &str) -> Option<&Arc<Identity>> {
        self.by_key.get(&Hash::of(sent)?)
    }

    pub(crate) fn session(&self, sent: &str, now: i64) -> Option<&Arc<Identity>> {
        let (expires, identity) = self.by_session.get(&Hash::of(sent)?)?;
        (now < *expires).then_some(identity)
    }

    /// The rules of redaction, the oldest first.
    pub(crate) fn redactions(&self) -> &Kept {
        &self.redactions
    }

    fn load(connection: &Connection) -> Result<Image, WorkspaceError> {
        let mut image = Image { redactions: Arc::new(things::bodies(connection, REDACTIONS)?), ..Image::default() };
        let mut by_id = HashMap::new();
        for (hash, key) in keys::load(connection)? {
            image.had_keys = true;
            if key.revoked.is_none() {
                let identity = Arc::new(Identity::new(&key));
                by_id.insert(key.id, Arc::clone(&identity));
                image.by_key.insert(hash, identity);
            }
        }
        for (hash, key, expires) in sessions::load(connection)? {
            if let Some(identity) = by_id.get(&key) {
                image.by_session.insert(hash, (expires, Arc::clone(identity)));
            }
        }
        Ok(image)
    }
}

/// A connection that only reads, and what it read last.
#[derive(Debug)]
pub(super) struct Reader {
    connection: Connection,
    /// SQLite's own number of the file's content; it changes with every commit of any other connection.
    version: Option<i64>,
    image: Arc<Image>,
}

impl Reader {
    pub(super) fn new(connection: Connection) -> Result<Reader, WorkspaceError> {
        connection.pragma_update(None, "query_only", true)?;
        Ok(Reader { connection, version: None, image: Arc::default() })
    }

    pub(super) fn image(&mut self) -> Result<Arc<Image>, WorkspaceError> {
        let mut statement = self.connection.prepare_cached("PRAGMA data_version")?;
        let version: i64 = statement.query_row([], |row| row.get(0))?;
        drop(statement);
        if self.version != Some(version) {
            // A commit between the two lines makes us read once more than needed, never less.
            self.image = Arc::new(Image::load(&self.connection)?);
            self.version = Some(version);
        }
        Ok(Arc::clone(&self.image))
    }
}
