//! What one file says of itself, claim by claim, as the format documents draw it: for somebody who wants to know what is
//! in it, or what is wrong with it. Nothing is changed, and no file can do more harm than not to be understood.
//!
//! A file is looked at where it is. Only its neighbour of the same name is looked at too, where checksums are there.

use std::path::Path;

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::error::StoreError;
use crate::event::TimestampNs;

mod catalog;
mod segment;
mod sidecar;
mod sums;
#[cfg(test)]
mod tests;
mod wal;

/// What a file is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Wal,
    Segment,
    Sidecar,
    Sums,
    Catalog,
}

/// Bytes of a file that is read into memory whole: a frame is at most half of it.
const BYTES_MAX: u64 = 1 << 30;

/// What there is to say, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts(pub Vec<(&'static str, Fact)>);

/// One thing that a file says.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    None,
    Flag(bool),
    Number(i128),
    Float(f64),
    /// Nanoseconds since 1970-01-01 UTC.
    Time(TimestampNs),
    Text(String),
    Facts(Facts),
    /// Alike things.
    List(Vec<Facts>),
}

/// Says everything that a file of this kind says.
pub fn inspect(kind: FileKind, path: &Path) -> Result<Facts, StoreError> {
    match kind {
        FileKind::Wal => wal::inspect(path),
        FileKind::Segment => segment::inspect(path),
        FileKind::Sidecar => sidecar::inspect(path),
        FileKind::Sums => sums::inspect(path),
        FileKind::Catalog => catalog::inspect(path),
    }
}

impl Facts {
    fn put(&mut self, name: &'static str, fact: impl Into<Fact>) {
        self.0.push((name, fact.into()));
    }

    fn with(mut self, name: &'static str, fact: impl Into<Fact>) -> Facts {
        self.put(name, fact);
        self
    }

    /// The fact of this name.
    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, fact)| fact)
    }
}

impl From<bool> for Fact {
    fn from(value: bool) -> Fact {
        Fact::Flag(value)
    }
}

impl From<&str> for Fact {
    fn from(value: &str) -> Fact {
        Fact::Text(value.to_owned())
    }
}

impl From<String> for Fact {
    fn from(value: String) -> Fact {
        Fact::Text(value)
    }
}

impl From<Facts> for Fact {
    fn from(facts: Facts) -> Fact {
        Fact::Facts(facts)
    }
}

impl From<Vec<Facts>> for Fact {
    fn from(list: Vec<Facts>) -> Fact {
        Fact::List(list)
    }
}

impl<T: Into<Fact>> From<Option<T>> for Fact {
    fn from(value: Option<T>) -> Fact {
        value.map_or(Fact::None, Into::into)
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl From<$number> for Fact {
            fn from(value: $number) -> Fact {
                Fact::Number(value as i128)
            }
        })*
    };
}

numbers!(u8, u32, u64, usize, i32, i64);

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, fact) in &self.0 {
            map.serialize_entry(name, fact)?;
        }
        map.end()
    }
}

impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Fact::None => serializer.serialize_none(),
            Fact::Flag(value) => serializer.serialize_bool(*value),
            Fact::Number(value) => serializer.serialize_i128(*value),
            Fact::Float(value) => serializer.serialize_f64(*value),
            Fact::Time(value) => serializer.serialize_i64(*value),
            Fact::Text(value) => serializer.serialize_str(value),
            Fact::Facts(facts) => facts.serialize(serializer),
            Fact::List(list) => list.serialize(serializer),
        }
    }
}

/// The whole file, if it is not absurdly large.
fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    let io = |e| StoreError::io("read", path, e);
    let length = std::fs::metadata(path).map_err(io)?.len();
    if length > BYTES_MAX {
        return Err(StoreError::damaged(path, format!("it has {length} bytes, more than any file of its kind")));
    }
    std::fs::read(path).map_err(io)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
