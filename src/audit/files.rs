//! The files of one chain, as they are found: their names, their order, and what `ends` says of the records in them. It must
//! not write.

use std::io::ErrorKind;
use std::path::PathBuf;

use outcrop_storage::paths::{AuditChain, DataDir, audit_number};

use super::record::Hash;

const DIGITS: usize = 16;

/// Where a chain lies.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) dir: DataDir,
    pub(super) chain: AuditChain,
}

/// A file of a chain: the number of its first record, and its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChainFile {
    pub(super) first: u64,
    pub(super) path: PathBuf,
}

/// The first and the last record that there must be, and the hash of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) hash: Hash,
}

impl Ends {
    /// Of a chain that has not begun.
    pub(super) const NONE: Ends = Ends { first: 1, last: 0, hash: Hash::ZERO };

    pub(super) fn text(self) -> String {
        format!("{:0DIGITS$} {:0DIGITS$} {}\n", self.first, self.last, self.hash)
    }

    pub(super) fn read(text: &str) -> Option<Ends> {
        let mut words = text.split_whitespace();
        let (first, last) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let ends = Ends { first, last, hash: Hash::read(words.next()?)? };
        (ends.text() == text).then_some(ends)
    }

    pub(super) fn near(self) -> (u64, Hash) {
        (self.last, self.hash)
    }
}

impl Place {
    pub(super) fn directory(&self) -> PathBuf {
        self.dir.audit_chain(self.chain)
    }

    pub(super) fn ends(&self) -> PathBuf {
        self.dir.audit_ends(self.chain)
    }

    pub(super) fn file(&self, first: u64) -> PathBuf {
        self.dir.audit_file(self.chain, first)
    }

    /// The files in their order.
    pub(super) fn files(&self) -> std::io::Result<Vec<ChainFile>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(self.directory())? {
            let path = entry?.path();
            files.extend(audit_number(&path).map(|first| ChainFile { first, path }));
        }
        files.sort_by_key(|file| file.first);
        Ok(files)
    }

    /// Takes those files away that were to go: `ends` names the first record of a later one.
    pub(super) fn leftovers(files: &mut Vec<ChainFile>, ends: Ends) -> Vec<ChainFile> {
        let first = files.iter().position(|file| file.first == ends.first);
        files.drain(..first.unwrap_or(0)).collect()
    }

    /// What `ends` says; none if it says nothing that can be read.
    pub(super) fn read_ends(&self) -> std::io::Result<Option<Ends>> {
        match std::fs::read_to_string(self.ends()) {
            Ok(text) => Ok(Ends::read(&text)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The whole lines of a file, each without its end, with where it begins; and the bytes that are no whole line.
pub(super) fn lines(bytes: &[u8]) -> (Vec<(usize, &[u8])>, &[u8]) {
    let mut lines = Vec::new();
    let mut begins = 0;
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        lines.push((begins, &bytes[begins..at]));
        begins = at + 1;
    }
    (lines, &bytes[begins..])
}
