//! Verifies a chain from its first record to its last, and says the first place where it is broken. It changes nothing, and
//! must not know what records mean.

use std::path::Path;

use outcrop_storage::paths::{AuditChain, DataDir};

use super::files::{Ends, Place, lines};
use super::record::{Hash, Record, own_hash};

/// What was found of one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChainReport {
    pub(crate) chain: AuditChain,
    pub(crate) files: u64,
    pub(crate) records: u64,
    /// The number and the hash of the last record, to be compared with what was noted elsewhere.
    pub(crate) last: Option<(u64, String)>,
    /// What is as it may be, and worth knowing.
    pub(crate) notes: Vec<String>,
    /// The first place where it is not as it was written, in words.
    pub(crate) problem: Option<String>,
}

/// Verifies both chains; none if there is no log.
pub(crate) fn verify(dir: &DataDir) -> std::io::Result<Option<[ChainReport; 2]>> {
    if !dir.audit().is_dir() {
        return Ok(None);
    }
    let [changes, questions] = AuditChain::ALL;
    Ok(Some([verify_chain(dir, changes)?, verify_chain(dir, questions)?]))
}

fn verify_chain(dir: &DataDir, chain: AuditChain) -> std::io::Result<ChainReport> {
    let place = Place { dir: dir.clone(), chain };
    let report = ChainReport { chain, files: 0, records: 0, last: None, notes: Vec::new(), problem: None };
    let mut reading = Reading { report, before: None, ends: None };
    let broken = reading.read(&place)?.err();
    reading.report.problem = broken.map(|broken| format!("{}: {broken}", place.directory().display()));
    reading.report.last = reading.before.filter(|(last, _)| *last > 0).map(|(last, hash)| (last, hash.to_string()));
    Ok(reading.report)
}

/// A chain as far as it was read.
struct Reading {
    report: ChainReport,
    /// The record before: its number and its hash.
    before: Option<(u64, Hash)>,
    ends: Option<Ends>,
}

/// Where a chain is broken.
type Broken = String;

impl Reading {
    fn read(&mut self, place: &Place) -> std::io::Result<Result<(), Broken>> {
        if !place.directory().is_dir() {
            return Ok(Err("it is gone".to_owned()));
        }
        let mut files = place.files()?;
        let Some(ends) = place.read_ends()? else {
            return Ok(Err("ends cannot be read, so that nobody knows which records there must be".to_owned()));
        };
        self.ends = Some(ends);
        for old in Place::leftovers(&mut files, ends) {
            self.report.notes.push(format!("{} was to go: the next start removes it", old.path.display()));
        }
        let first = files.first().map_or(ends.last.saturating_add(1), |file| file.first.max(1));
        if first > ends.first {
            return Ok(Err(format!("the records {} to {} are gone", ends.first, first - 1)));
        }
        if first < ends.first {
            return Ok(Err(format!("ends says that it begins with record {}, and no file does", ends.first)));
        }
        self.before = (first == 1).then_some((0, Hash::ZERO));
        for (at, file) in files.iter().enumerate() {
            let bytes = std::fs::read(&file.path)?;
            let is_last = at + 1 == files.len();
            if let Err(broken) = self.file(&file.path, file.first, &bytes, is_last) {
                return Ok(Err(broken));
            }
        }
        let last = self.before.map_or(first - 1, |(last, _)| last);
        if last < ends.last {
            return Ok(Err(format!("the records {} to {} at its end are gone", last + 1, ends.last)));
        }
        Ok(Ok(()))
    }

    fn file(&mut self, path: &Path, first: u64, bytes: &[u8], is_last: bool) -> Result<(), Broken> {
        self.report.files += 1;
        let name = path.file_name().unwrap_or_default().display().to_string();
        if let Some((last, _)) = self.before
            && last + 1 != first
        {
            return Err(format!("{name} should begin with record {}", last + 1));
        }
        let (lines, torn) = lines(bytes);
        for (number, (at, line)) in (first..).zip(lines) {
            let broken = |what: String| format!("{name}, byte {at}: {what}");
            self.line(number, line).map_err(broken)?;
        }
        if torn.is_empty() {
            return Ok(());
        }
        let is_acknowledged = self.ends.is_some_and(|ends| self.before.map_or(0, |(last, _)| last) < ends.last);
        if is_last && !is_acknowledged {
            self.report
                .notes
                .push(format!("{name} ends with a record that was being written; the next one takes its place"));
            return Ok(());
        }
        Err(format!("{name}, byte {}: a record is cut off", bytes.len() - torn.len()))
    }

    fn line(&mut self, number: u64, line: &[u8]) -> Result<(), Broken> {
        let Some(hash) = own_hash(line) else {
            return Err(format!("record {number} is not as it was written"));
        };
        let Some(record) = Record::read(line) else {
            return Err(format!("record {number} is none"));
        };
        if record.sequence != number {
            return Err(format!("record {} stands where {number} should", record.sequence));
        }
        if self.before.is_some_and(|(_, before)| record.before() != Some(before)) {
            return Err(format!("record {number} does not follow the one before it"));
        }
        if self.ends.is_some_and(|ends| ends.last == number && ends.hash != hash) {
            return Err(format!("record {number} is another than the one that was written"));
        }
        self.before = Some((number, hash));
        self.report.records += 1;
        Ok(())
    }
}
