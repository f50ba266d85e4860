//! The names of a body's fields as a tree of keys, and a guess which key comes next.
//!
//! Senders write the keys of their events in the same order again and again, so each key remembers the two that followed
//! it last: comparing a few bytes then replaces finding the key's end, hashing and looking it up. Flattened names are
//! built once for each path, not once for each event. Must not know values.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use outcrop_storage::event::{FieldName, InvalidName};
use outcrop_storage::limits::FIELD_NAME_BYTES_MAX;

use crate::event::FieldId;

/// A path of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyId(u32);

/// The event itself, whose path is empty.
pub(crate) const ROOT: KeyId = KeyId(0);

/// A place in an object: its start, or behind a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(usize);

impl Place {
    #[inline]
    pub(crate) fn start_of(object: KeyId) -> Place {
        Place(object.0 as usize * 2)
    }

    #[inline]
    pub(crate) fn after(key: KeyId) -> Place {
        Place(key.0 as usize * 2 + 1)
    }
}

const NONE: KeyId = KeyId(u32::MAX);

/// All paths seen so far.
#[derive(Debug)]
pub(crate) struct Keys {
    table: HashTable<KeyId>,
    hasher: DefaultHashBuilder,
    keys: Vec<Key>,
    /// Every key followed by a quote, as it lies in a body.
    quoted: String,
    /// The two keys last seen at each [`Place`], the latest first.
    next: Vec<[KeyId; 2]>,
}

#[derive(Debug)]
struct Key {
    parent: KeyId,
    start: usize,
    /// Bytes, the quote not counted.
    length: usize,
    /// Whether a body may hold it as it is, without escapes.
    plain: bool,
    field: Option<FieldId>,
    path: Box<str>,
}

impl Keys {
    pub(crate) fn new() -> Keys {
        let mut keys = Keys {
            table: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            keys: Vec::new(),
            quoted: String::new(),
            next: Vec::new(),
        };
        keys.clear();
        keys
    }

    /// Forgets all paths but the root's.
    pub(crate) fn clear(&mut self) {
        self.table.clear();
        self.keys.clear();
        self.quoted.clear();
        self.next.clear();
        self.push(NONE, "", "");
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The flattened name.
    pub(crate) fn path(&self, key: KeyId) -> &str {
        &self.keys[key.0 as usize].path
    }

    /// The field that the path means, once it was looked up.
    #[inline]
    pub(crate) fn field(&self, key: KeyId) -> Option<FieldId> {
        self.keys[key.0 as usize].field
    }

    pub(crate) fn set_field(&mut self, key: KeyId, field: FieldId) {
        self.keys[key.0 as usize].field = Some(field);
    }

    /// The key at this place, if it is one of the two seen here last, and its bytes with the closing quote. `text`
    /// begins behind the opening quote.
    #[inline]
    pub(crate) fn predict(&mut self, place: Place, text: &[u8]) -> Option<(KeyId, usize)> {
        let [latest, earlier] = self.next[place.0];
        if let Some(length) = self.matches(latest, text) {
            return Some((latest, length));
        }
        let length = self.matches(earlier, text)?;
        self.next[place.0] = [earlier, latest];
        Some((earlier, length))
    }

    #[inline]
    fn matches(&self, id: KeyId, text: &[u8]) -> Option<usize> {
        let key = self.keys.get(id.0 as usize)?;
        let quoted = &self.quoted.as_bytes()[key.start..=key.start + key.length];
        (key.plain && text.starts_with(quoted)).then_some(quoted.len())
    }

    /// The path of `key` in the object `parent`, remembered as coming next at `place`.
    pub(crate) fn find(&mut self, parent: KeyId, place: Place, key: &str) -> Result<KeyId, InvalidName> {
        let hash = self.hasher.hash_one((parent.0, key));
        let same = |id: &KeyId| {
            let known = &self.keys[id.0 as usize];
            known.parent == parent && self.quoted[known.start..known.start + known.length] == *key
        };
        let id = match self.table.find(hash, same) {
            Some(id) => *id,
            None => self.insert(parent, key, hash)?,
        };
        let [latest, _] = self.next[place.0];
        self.next[place.0] = [id, latest];
        Ok(id)
    }

    fn insert(&mut self, parent: KeyId, key: &str, hash: u64) -> Result<KeyId, InvalidName> {
        let path = if parent == ROOT { key.to_owned() } else { format!("{}.{key}", self.path(parent)) };
        // The part of a name may be empty, the name itself may not: that is for the field to say.
        if !path.is_empty() {
            check(&path)?;
        }
        let id = self.push(parent, key, &path);
        let Keys { table, hasher, keys, quoted, .. } = self;
        table.insert_unique(hash, id, |id| {
            let known = &keys[id.0 as usize];
            hasher.hash_one((known.parent.0, &quoted[known.start..known.start + known.length]))
        });
        Ok(id)
    }

    fn push(&mut self, parent: KeyId, key: &str, path: &str) -> KeyId {
        let id = KeyId(self.keys.len() as u32);
        self.keys.push(Key {
            parent,
            start: self.quoted.len(),
            length: key.len(),
            plain: !key.contains(['"', '\\']) && parent != NONE,
            field: None,
            path: path.into(),
        });
        self.quoted.push_str(key);
        self.quoted.push('"');
        self.next.extend([[NONE; 2]; 2]);
        id
    }
}

fn check(path: &str) -> Result<(), InvalidName> {
    // The cheap half first: a path too long is not copied into an error or a name.
    if path.len() > FIELD_NAME_BYTES_MAX {
        return Err(InvalidName::FieldLength(path.len()));
    }
    FieldName::new(path).map(drop)
}
