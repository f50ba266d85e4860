//! One chain of records: appended to, made durable, carried over from file to file, and cut at its far end when there is too
//! much of it. Several processes may append; each does while it has `ends` locked.
//!
//! What a crash leaves is mended when it is next appended to: a last record that was not written whole goes. Anything else
//! that is not as it should be stays as it is, for [`super::verify`], and the chain goes on in a file of its own from where
//! `ends` says that it was, with a record of that. It must not know what records mean.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::files::{ChainFile, Ends, Place, lines};
use super::record::{Entry, Hash, Record, own_hash};
use super::{AuditError, limits};

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) file_bytes_max: u64,
    pub(super) bytes_max: u64,
}

/// The file that is written.
#[derive(Debug)]
struct Open {
    file: File,
    length: u64,
    /// Whether its name is durable.
    named: bool,
}

/// Where a chain is, as this process knows it.
#[derive(Debug)]
struct State {
    ends: Ends,
    /// None: the next record begins a file.
    open: Option<Open>,
}

#[derive(Debug)]
pub(super) struct Chain {
    place: Place,
    bounds: Bounds,
    ends: File,
    state: Option<State>,
}

impl Chain {
    /// Opens a chain, or makes one.
    pub(super) fn open(place: Place, bounds: Bounds) -> Result<Chain, AuditError> {
        let directory = place.directory();
        let failed = |what| {
            let path = directory.clone();
            move |source| AuditError { what, path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed("make"))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let ends = options.open(place.ends()).map_err(failed("open"))?;
        ends.lock().map_err(failed("lock"))?;
        if ends.metadata().map_err(failed("read"))?.len() == 0 && place.files().map_err(failed("list"))?.is_empty() {
            ends.write_all_at(Ends::NONE.text().as_bytes(), 0).map_err(failed("write to"))?;
            ends.sync_all().map_err(failed("make durable"))?;
        }
        ends.unlock().map_err(failed("unlock"))?;
        // Its own name, and those of the directories that it may be the first in.
        for made in directory.ancestors().take(3) {
            File::open(made).and_then(|made| made.sync_all()).map_err(failed("make durable"))?;
        }
        Ok(Chain { place, bounds, ends, state: None })
    }

    /// Appends records and makes them durable. After an error nobody may count on any of them.
    pub(super) fn append(&mut self, entries: &[Entry]) -> Result<(), AuditError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.ends.lock().map_err(|source| self.failed("lock", source))?;
        let appended = self.append_locked(entries);
        // A lock that is not let go of now goes with the process.
        let _best_effort = self.ends.unlock();
        appended
    }

    fn failed(&self, what: &'static str, source: std::io::Error) -> AuditError {
        AuditError { what, path: self.place.directory(), source }
    }

    fn append_locked(&mut self, entries: &[Entry]) -> Result<(), AuditError> {
        let now = entries.first().map_or(0, |entry| entry.time);
        let (mut state, first) = self.current(now)?;
        let (mut text, mut ends) = (String::new(), state.ends);
        for entry in first.iter().chain(entries) {
            let (line, hash) = entry.line(ends.last + 1, ends.hash);
            text.push_str(&line);
            (ends.last, ends.hash) = (ends.last + 1, hash);
        }
        let bytes = text.as_bytes();
        let room = |open: &Open| open.length == 0 || open.length + bytes.len() as u64 <= self.bounds.file_bytes_max;
        let mut open = match state.open.take().filter(room) {
            Some(open) => open,
            None => {
                ends.first = self.retire(state.ends, bytes.len() as u64)?;
                self.create(state.ends.last + 1)?
            }
        };
        if let Err(error) = self.write(&mut open, bytes) {
            // What is there in part must not become a part of the next record.
            let _best_effort = open.file.set_len(open.length);
            return Err(self.failed("write to", error));
        }
        open.length += bytes.len() as u64;
        self.write_ends(ends)?;
        self.state = Some(State { ends, open: Some(open) });
        Ok(())
    }

    /// Where the chain is now, and what it says of itself first.
    fn current(&mut self, now: i64) -> Result<(State, Option<Entry>), AuditError> {
        let (state, wrong) = match self.state.take() {
            Some(state) if self.is_current(&state) => (state, None),
            _ => self.load()?,
        };
        let own = match wrong {
            Some(wrong) => {
                tracing::error!("the audit log in {}: {wrong}", self.place.directory().display());
                Some(Entry::own(now, "audit.damaged", json!({ "found": wrong })))
            }
            None => (state.ends.last == 0).then(|| Entry::own(now, "audit.begin", json!({}))),
        };
        Ok((state, own))
    }

    fn write(&self, open: &mut Open, bytes: &[u8]) -> std::io::Result<()> {
        open.file.write_all_at(bytes, open.length)?;
        open.file.sync_data()?;
        if !open.named {
            File::open(self.place.directory())?.sync_all()?;
            open.named = true;
        }
        Ok(())
    }

    /// Never ahead of the records: they are durable before. It need not be durable itself.
    fn write_ends(&self, ends: Ends) -> Result<(), AuditError> {
        self.ends.write_all_at(ends.text().as_bytes(), 0).map_err(|source| self.failed("write to", source))
    }

    /// Whether nobody else has appended since.
    fn is_current(&self, state: &State) -> bool {
        let same = |open: &Open| open.file.metadata().is_ok_and(|now| now.len() == open.length);
        state.open.as_ref().is_some_and(same) && matches!(self.place.read_ends(), Ok(Some(ends)) if ends == state.ends)
    }

    fn create(&self, first: u64) -> Result<Open, AuditError> {
        let path = self.place.file(first);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = made.map_err(|source| AuditError { what: "make", path, source })?;
        Ok(Open { file, length: 0, named: false })
    }

    /// Lets the oldest files go until there is room for so many bytes more: the first record that is left. `ends` has it
    /// before, durably.
    fn retire(&self, ends: Ends, more: u64) -> Result<u64, AuditError> {
        let files = self.place.files().map_err(|source| self.failed("list", source))?;
        let mut total: u64 = files.iter().map(length).sum::<u64>() + more;
        let mut gone = 0;
        while total > self.bounds.bytes_max && gone < files.len() {
            total -= length(&files[gone]);
            gone += 1;
        }
        if gone == 0 {
            return Ok(ends.first);
        }
        let first = files.get(gone).map_or(ends.last + 1, |file| file.first);
        self.write_ends(Ends { first, ..ends })?;
        self.ends.sync_all().map_err(|source| self.failed("make durable", source))?;
        files[..gone].iter().for_each(|file| remove(&file.path));
        Ok(first)
    }

    /// Where the chain is, and what is wrong with its near end.
    fn load(&self) -> Result<(State, Option<String>), AuditError> {
        let said = self.place.read_ends().map_err(|source| self.failed("read", source))?;
        let mut files = self.place.files().map_err(|source| self.failed("list", source))?;
        // What a crash has left of those that were to go.
        if let Some(ends) = said {
            Place::leftovers(&mut files, ends).iter().for_each(|file| remove(&file.path));
        }
        let (Some(oldest), Some(newest)) = (files.first(), files.last()) else {
            let wrong = said.is_none_or(|ends| ends.last > 0).then(|| "its files are gone".to_owned());
            return Ok((State { ends: said.unwrap_or(Ends::NONE), open: None }, wrong));
        };
        let (file, tail) = Tail::open(&newest.path).map_err(|source| self.failed("read", source))?;
        let begun = said.filter(|ends| tail.length == 0 && ends.last + 1 == newest.first).map(Ends::near);
        let (ends, wrong) = match (said, tail.last.or(begun)) {
            // Records may have become durable before `ends` was told of them.
            (Some(ends), Some((last, hash))) if last > ends.last || (last, hash) == ends.near() => {
                (Ends { last, hash, ..ends }, None)
            }
            (Some(ends), _) => (ends, Some(format!("record {} is not where it was", ends.last))),
            (None, Some((last, hash))) => {
                (Ends { first: oldest.first, last, hash }, Some("its ends cannot be read".to_owned()))
            }
            (None, None) => {
                let ends = Ends { first: oldest.first, last: newest.first + tail.length, hash: Hash::ZERO };
                (ends, Some("neither its ends nor its last record can be read".to_owned()))
            }
        };
        if wrong.is_some() {
            // Never the name of a file that is there.
            let last = ends.last.max(newest.first);
            return Ok((State { ends: Ends { last, ..ends }, open: None }, wrong));
        }
        file.set_len(tail.length).map_err(|source| self.failed("mend", source))?;
        Ok((State { ends, open: Some(Open { file, length: tail.length, named: false }) }, None))
    }
}

/// The end of a file.
struct Tail {
    /// Bytes of its whole lines. What follows them was being written when its process ended.
    length: u64,
    /// The last whole line, if it is a record.
    last: Option<(u64, Hash)>,
}

impl Tail {
    fn open(path: &Path) -> std::io::Result<(File, Tail)> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let from = file.metadata()?.len().saturating_sub(2 * limits::LINE_BYTES_MAX);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        Read::take(&mut file, 4 * limits::LINE_BYTES_MAX).read_to_end(&mut bytes)?;
        let (lines, torn) = lines(&bytes);
        let last = lines.last().and_then(|(_, line)| Some((Record::read(line)?.sequence, own_hash(line)?)));
        let length = from + (bytes.len() - torn.len()) as u64;
        Ok((file, Tail { length, last }))
    }
}

fn length(file: &ChainFile) -> u64 {
    std::fs::metadata(&file.path).map_or(0, |found| found.len())
}

fn remove(path: &PathBuf) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!("cannot remove {}: {error}", path.display());
    }
}
