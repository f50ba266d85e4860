//! Finds records, the latest first, in both chains as if they were one. It must not write.

use std::io::ErrorKind;

use outcrop_storage::paths::{AuditChain, DataDir};

use super::files::{ChainFile, Place, lines};
use super::record::{Record, own_hash};

/// Where a page ended: in each chain the number that all further records are below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position(pub(crate) [u64; 2]);

impl Position {
    pub(crate) const NEWEST: Position = Position([u64::MAX; 2]);
}

/// Which records.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    /// Nanoseconds: not before, and before.
    pub(crate) from: Option<i64>,
    pub(crate) until: Option<i64>,
    /// The id or the name of a key.
    pub(crate) who: Option<String>,
    /// An action, or what several begin with before a dot.
    pub(crate) action: Option<String>,
    /// Some text, in any case.
    pub(crate) text: Option<String>,
    pub(crate) after: Position,
    pub(crate) limit: usize,
}

/// A record, and whether it is as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) chain: AuditChain,
    pub(crate) record: Record,
    pub(crate) intact: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Page {
    pub(crate) found: Vec<Found>,
    /// Where the next page goes on; none at the end.
    pub(crate) next: Option<Position>,
}

pub(super) fn find(dir: &DataDir, search: &Search) -> std::io::Result<Page> {
    let mut position = search.after;
    let [mut changes, mut questions] = [
        Walk::new(dir, AuditChain::Changes, search, position.0[0])?,
        Walk::new(dir, AuditChain::Questions, search, position.0[1])?,
    ];
    let (mut change, mut question) = (changes.next()?, questions.next()?);
    let mut found = Vec::new();
    loop {
        let change_is_later = match (&change, &question) {
            (None, None) => return Ok(Page { found, next: None }),
            (Some(change), Some(question)) => change.record.time >= question.record.time,
            (change, _) => change.is_some(),
        };
        if found.len() >= search.limit {
            return Ok(Page { found, next: Some(position) });
        }
        let (at, next) = if change_is_later {
            (0, std::mem::replace(&mut change, changes.next()?))
        } else {
            (1, std::mem::replace(&mut question, questions.next()?))
        };
        if let Some(next) = next {
            position.0[at] = next.record.sequence;
            found.push(next);
        }
    }
}

/// One chain backwards.
struct Walk<'s> {
    chain: AuditChain,
    search: &'s Search,
    text: Option<String>,
    below: u64,
    /// The files that are still to be read, the next one last.
    files: Vec<ChainFile>,
    /// Of the file that is being read, and its lines that are still to be read.
    bytes: Vec<u8>,
    ranges: Vec<(usize, usize)>,
}

impl<'s> Walk<'s> {
    fn new(dir: &DataDir, chain: AuditChain, search: &'s Search, below: u64) -> std::io::Result<Walk<'s>> {
        let mut files = Place { dir: dir.clone(), chain }.files()?;
        files.retain(|file| file.first < below);
        let text = search.text.as_deref().map(str::to_ascii_lowercase);
        Ok(Walk { chain, search, text, below, files, bytes: Vec::new(), ranges: Vec::new() })
    }

    fn next(&mut self) -> std::io::Result<Option<Found>> {
        loop {
            while let Some((begins, ends)) = self.ranges.pop() {
                let line = &self.bytes[begins..ends];
                if let Some(record) = self.wanted(line) {
                    return Ok(Some(Found { chain: self.chain, record, intact: own_hash(line).is_some() }));
                }
            }
            let Some(file) = self.files.pop() else { return Ok(None) };
            self.bytes = match std::fs::read(&file.path) {
                // It went meanwhile, with all that are older.
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                read => read?,
            };
            self.ranges =
                lines(&self.bytes).0.into_iter().map(|(begins, line)| (begins, begins + line.len())).collect();
        }
    }

    /// The record of a line, if it is one that is sought. What cannot be read is for `outcrop check`.
    fn wanted(&self, line: &[u8]) -> Option<Record> {
        let search = self.search;
        if let Some(text) = &self.text
            && !String::from_utf8_lossy(line).to_ascii_lowercase().contains(text)
        {
            return None;
        }
        let record = Record::read(line)?;
        let is_named =
            |who: &str| record.who.as_ref().is_some_and(|found| found.id == who || found.name.as_deref() == Some(who));
        let is_action = |action: &str| {
            record.action.strip_prefix(action).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let wanted = record.sequence < self.below
            && search.from.is_none_or(|from| record.time.0 >= from)
            && search.until.is_none_or(|until| record.time.0 < until)
            && search.who.as_deref().is_none_or(is_named)
            && search.action.as_deref().is_none_or(is_action);
        wanted.then_some(record)
    }
}
