//! Every name on disk, in one place.
#![doc = include_str!("../format/data_directory.md")]

use std::path::{Path, PathBuf};

use crate::event::DatasetId;

/// The directory that one store owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir(PathBuf);

/// A segment's number: unique in the store, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentId(pub u64);

/// A chain of the audit log: neither can push out what the other holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditChain {
    Changes,
    Questions,
}

impl AuditChain {
    pub const ALL: [AuditChain; 2] = [AuditChain::Changes, AuditChain::Questions];

    pub fn name(self) -> &'static str {
        match self {
            AuditChain::Changes => "changes",
            AuditChain::Questions => "questions",
        }
    }
}

#[cfg(test)]
mod tests;

const WAL_SUFFIX: &str = "wal";
const SEGMENT_SUFFIX: &str = "parquet";
const SUMS_SUFFIX: &str = "sums";
const SIDECAR_SUFFIX: &str = "index";
const RETIRED_SUFFIX: &str = "retired";
const AUDIT_SUFFIX: &str = "jsonl";
const WAL_DIGITS: usize = 16;
const DATASET_DIGITS: usize = 6;
const SEGMENT_DIGITS: usize = 12;
const AUDIT_DIGITS: usize = 16;

impl DataDir {
    pub fn new(path: impl Into<PathBuf>) -> DataDir {
        DataDir(path.into())
    }

    pub fn root(&self) -> &Path {
        &self.0
    }

    /// Held locked while a process owns the directory.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    pub fn catalog(&self) -> PathBuf {
        self.0.join("catalog.sqlite")
    }

    /// There while the directory is being restored from a backup.
    pub fn restoring(&self) -> PathBuf {
        self.0.join("restoring")
    }

    /// What people make and keep. The store itself does not open it.
    pub fn workspace(&self) -> PathBuf {
        self.0.join("workspace.sqlite")
    }

    /// Who asked and changed what. The store itself does not open it.
    pub fn audit(&self) -> PathBuf {
        self.0.join("audit")
    }

    /// One of its two chains.
    pub fn audit_chain(&self, chain: AuditChain) -> PathBuf {
        self.audit().join(chain.name())
    }

    /// The first and the last record that a chain must have.
    pub fn audit_ends(&self, chain: AuditChain) -> PathBuf {
        self.audit_chain(chain).join("ends")
    }

    /// The file of a chain whose first record has this number.
    pub fn audit_file(&self, chain: AuditChain, first: u64) -> PathBuf {
        self.audit_chain(chain).join(format!("{first:0AUDIT_DIGITS$}.{AUDIT_SUFFIX}"))
    }

    pub fn wal(&self) -> PathBuf {
        self.0.join("wal")
    }

    pub fn wal_file(&self, number: u64) -> PathBuf {
        self.wal().join(format!("{number:0WAL_DIGITS$}.{WAL_SUFFIX}"))
    }

    pub fn segments(&self) -> PathBuf {
        self.0.join("segments")
    }

    pub fn dataset(&self, dataset: DatasetId) -> PathBuf {
        self.segments().join(format!("{:0DATASET_DIGITS$}", dataset.0))
    }

    pub fn segment(&self, dataset: DatasetId, segment: SegmentId) -> PathBuf {
        self.dataset(dataset).join(format!("{:0SEGMENT_DIGITS$}.{SEGMENT_SUFFIX}", segment.0))
    }

    /// The checksums of a segment's blocks.
    pub fn sums(&self, dataset: DatasetId, segment: SegmentId) -> PathBuf {
        self.dataset(dataset).join(format!("{:0SEGMENT_DIGITS$}.{SUMS_SUFFIX}", segment.0))
    }

    /// The sidecar of a segment.
    pub fn sidecar(&self, dataset: DatasetId, segment: SegmentId) -> PathBuf {
        self.dataset(dataset).join(format!("{:0SEGMENT_DIGITS$}.{SIDECAR_SUFFIX}", segment.0))
    }

    /// Says that a segment's events are meant to be gone, while its files still are there.
    pub fn retired(&self, dataset: DatasetId, segment: SegmentId) -> PathBuf {
        self.dataset(dataset).join(format!("{:0SEGMENT_DIGITS$}.{RETIRED_SUFFIX}", segment.0))
    }

    /// Where queries spill. Emptied at start.
    pub fn spill(&self) -> PathBuf {
        self.0.join("spill")
    }

    /// Written and removed again to see whether the disk takes anything.
    pub fn probe(&self) -> PathBuf {
        self.spill().join("probe")
    }
}

/// The number of a WAL file, if `path` is named like one.
pub fn wal_number(path: &Path) -> Option<u64> {
    number_of(path, WAL_SUFFIX, WAL_DIGITS)
}

/// The number of the first record of a file of the audit log, if `path` is named like one.
pub fn audit_number(path: &Path) -> Option<u64> {
    number_of(path, AUDIT_SUFFIX, AUDIT_DIGITS)
}

/// The segment that a file in a dataset's directory belongs to, if it is named like one of ours.
pub fn segment_of(path: &Path) -> Option<SegmentId> {
    let number = |suffix| number_of(path, suffix, SEGMENT_DIGITS);
    let suffixes = [SEGMENT_SUFFIX, SUMS_SUFFIX, SIDECAR_SUFFIX, RETIRED_SUFFIX];
    suffixes.into_iter().find_map(number).map(SegmentId)
}

/// The dataset that a directory under `segments/` belongs to.
pub fn dataset_of(path: &Path) -> Option<DatasetId> {
    u32::try_from(number(path.file_name()?.to_str()?, DATASET_DIGITS)?).ok().map(DatasetId)
}

fn number_of(path: &Path, suffix: &str, digits: usize) -> Option<u64> {
    number(path.file_name()?.to_str()?.strip_suffix(suffix)?.strip_suffix('.')?, digits)
}

/// The number that `text` is, if it is written as we write it: a file that merely looks alike is not ours.
fn number(text: &str, digits: usize) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| format!("{number:0digits$}") == text)
}
