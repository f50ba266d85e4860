//! One record: a line of JSON with the hash of the one before it and, at its end, its own. It must not know files.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::limits;
use crate::times::{Moment, rfc3339};

/// What is between a record and its own hash, and after that.
const HASH_BEGINS: &str = ",\"hash\":\"";
const HASH_ENDS: &str = "\"}";
const HASH_DIGITS: usize = 64;

/// The SHA-256 of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hash([u8; 32]);

impl Hash {
    /// Before the first record.
    pub(super) const ZERO: Hash = Hash([0; 32]);

    fn of(bytes: &[u8]) -> Hash {
        Hash(Sha256::digest(bytes).into())
    }

    pub(super) fn read(text: &str) -> Option<Hash> {
        let mut bytes = [0; 32];
        if text.len() != HASH_DIGITS || text.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
        }
        Some(Hash(bytes))
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Who asked or changed something.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub(crate) struct Who {
    /// The id of a key; `this-machine` without one, `command-line`, or `outcrop` itself.
    pub(crate) id: String,
    /// What the key is called.
    pub(crate) name: Option<String>,
}

impl Who {
    pub(crate) fn named(id: &str) -> Who {
        Who { id: id.to_owned(), name: None }
    }
}

/// What is to be recorded. Whoever makes one has taken out of it what must not be kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Nanoseconds since 1970-01-01 UTC.
    pub(crate) time: i64,
    /// None: somebody whose key does not count.
    pub(crate) who: Option<Who>,
    /// The address that it came from.
    pub(crate) peer: Option<String>,
    pub(crate) action: &'static str,
    pub(crate) what: Value,
}

impl Entry {
    /// Something that Outcrop does by itself.
    pub(crate) fn own(time: i64, action: &'static str, what: Value) -> Entry {
        Entry { time, who: Some(Who::named("outcrop")), peer: None, action, what }
    }

    /// No more of it than is kept: what waits to be written is held.
    pub(super) fn bounded(mut self) -> Entry {
        self.what = bounded(self.what);
        self
    }

    /// The line of the record, with its end, and its hash.
    pub(super) fn line(&self, sequence: u64, before: Hash) -> (String, Hash) {
        let record = Body {
            sequence,
            time: rfc3339(self.time),
            who: self.who.as_ref(),
            peer: self.peer.as_deref(),
            action: self.action,
            what: &bounded(self.what.clone()),
            before: before.to_string(),
        };
        // Texts and numbers can always be written.
        let mut line = serde_json::to_string(&record).unwrap_or_default();
        line.pop();
        let hash = Hash::of(line.as_bytes());
        line.push_str(&format!("{HASH_BEGINS}{hash}{HASH_ENDS}\n"));
        (line, hash)
    }
}

/// What is told, or the beginning of it.
pub(crate) fn bounded(what: Value) -> Value {
    let text = what.to_string();
    if text.len() <= limits::WHAT_BYTES_MAX {
        return what;
    }
    let end = (0..=limits::BEGINNING_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    json!({ "bytes": text.len(), "begins": text[..end] })
}

/// A record without its own hash.
#[derive(Serialize)]
struct Body<'a> {
    sequence: u64,
    time: String,
    who: Option<&'a Who>,
    peer: Option<&'a str>,
    action: &'a str,
    what: &'a Value,
    before: String,
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) sequence: u64,
    pub(crate) time: Moment,
    pub(crate) who: Option<Who>,
    pub(crate) peer: Option<String>,
    pub(crate) action: String,
    pub(crate) what: Value,
    before: String,
    hash: String,
}

impl Record {
    /// Reads a line without its end.
    pub(super) fn read(line: &[u8]) -> Option<Record> {
        serde_json::from_slice(line).ok()
    }

    pub(super) fn before(&self) -> Option<Hash> {
        Hash::read(&self.before)
    }

    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }
}

/// The hash of a line, if it is the one that it says of itself.
pub(super) fn own_hash(line: &[u8]) -> Option<Hash> {
    let split = line.len().checked_sub(HASH_BEGINS.len() + HASH_DIGITS + HASH_ENDS.len())?;
    let (body, rest) = line.split_at_checked(split)?;
    let said = std::str::from_utf8(rest).ok()?.strip_prefix(HASH_BEGINS)?.strip_suffix(HASH_ENDS)?;
    let hash = Hash::of(body);
    (Hash::read(said)? == hash).then_some(hash)
}
