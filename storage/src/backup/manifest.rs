//! What a backup consists of. It must not know how the files got there.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::copy::Written;
use crate::event::TimestampNs;

pub(super) const FORMAT_VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    pub(super) store: String,
    pub(super) generation: u64,
    pub(super) taken: TimestampNs,
    pub(super) files: Vec<StoredFile>,
    pub(super) missing: Vec<MissingFile>,
}

/// A file of the data directory and where the backup has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredFile {
    pub(super) path: String,
    pub(super) stored: String,
    pub(super) bytes: u64,
    #[serde(with = "hexadecimal")]
    pub(super) checksum: u64,
}

/// A file that the backup lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MissingFile {
    pub(super) path: String,
    pub(super) why: String,
}

impl Manifest {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let line = serde_json::to_string(self).map_err(|e| e.to_string())?;
        Ok(format!("{line}\n{:016x}\n", xxh3_64(line.as_bytes())).into_bytes())
    }

    /// Reads a manifest, and refuses one that could lead anywhere but into the two directories.
    pub(super) fn from_bytes(bytes: &[u8], generation: u64) -> Result<Manifest, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
        let (line, checksum) = text.strip_suffix('\n').and_then(|t| t.split_once('\n')).ok_or("it is cut off")?;
        if checksum != format!("{:016x}", xxh3_64(line.as_bytes())) {
            return Err("it fails its checksum".to_owned());
        }
        let manifest: Manifest = serde_json::from_str(line).map_err(|e| format!("it cannot be read: {e}"))?;
        if manifest.format != FORMAT_VERSION {
            return Err(format!("it has format version {}, which this Outcrop does not know", manifest.format));
        }
        if manifest.generation != generation {
            return Err(format!("it is the manifest of generation {}", manifest.generation));
        }
        let outside = manifest.files.iter().find(|file| !is_inside(&file.path) || !is_inside(&file.stored));
        match outside {
            Some(file) => Err(format!("it names a file outside of its directory: {:?}", file.stored)),
            None => Ok(manifest),
        }
    }

    /// Its files by where a data directory has them.
    pub(super) fn by_path(&self) -> HashMap<&str, &StoredFile> {
        self.files.iter().map(|file| (file.path.as_str(), file)).collect()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl StoredFile {
    pub(super) fn new(path: String, stored: String, written: Written) -> StoredFile {
        StoredFile { path, stored, bytes: written.bytes, checksum: written.checksum }
    }

    /// What must be read of it.
    pub(super) fn written(&self) -> Written {
        Written { bytes: self.bytes, checksum: self.checksum }
    }
}

/// Whether a path stays below the directory that it is joined to.
fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains('\\'))
}

/// Numbers that JSON readers must not round.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{value:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}
