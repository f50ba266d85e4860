//! Reads a log file back, frame by frame, and says of what it cannot read whether that can be the end of a killed
//! process, a failing disk or both. It never changes a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::frame::{self, FRAME_MAGIC, Frame, FrameContent};
use super::header::{self, Header};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::paths;

/// What is wrong with a file besides its good frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalCondition {
    pub frames: u64,
    pub events: u64,
    /// Its end is known, so all of it must be sound: it was closed in order, or a later file says where it ends.
    pub closed: bool,
    /// Where a torn tail begins: the first bytes of a frame that was being written when the process was killed.
    pub torn_at: Option<u64>,
    /// Bytes of bad stretches that have a good frame or a known end behind them, and of sound frames that cannot be
    /// read.
    pub damaged_bytes: u64,
    pub suspect_tail: Option<SuspectTail>,
}

/// Bytes behind the last good frame that no killed process leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuspectTail {
    pub at: u64,
    pub bytes: u64,
}

impl WalCondition {
    /// Tells a write that was cut off from what only a power cut or a bad disk leaves behind.
    fn note_tail(&mut self, at: usize, tail: &[u8], store_id: [u8; 16]) {
        let cut_off = if at == 0 {
            header::decode(store_id, tail) == Header::Beginning
        } else {
            frame::is_beginning(store_id, tail)
        };
        let (at, bytes) = (at as u64, tail.len() as u64);
        match (self.closed, cut_off) {
            (true, _) => self.damaged_bytes += bytes,
            (false, true) => self.torn_at = Some(at),
            (false, false) => self.suspect_tail = Some(SuspectTail { at, bytes }),
        }
    }

    /// Counts in the condition of a further file.
    pub(crate) fn add(&mut self, file: &WalCondition) {
        self.frames += file.frames;
        self.events += file.events;
        self.torn_at = file.torn_at.or(self.torn_at);
        self.damaged_bytes += file.damaged_bytes;
        self.suspect_tail = file.suspect_tail.or(self.suspect_tail);
    }

    /// What is wrong with the file at `path`, in words.
    pub(crate) fn problems(&self, path: &Path) -> Vec<String> {
        let path = path.display();
        let damaged = (self.damaged_bytes > 0).then(|| format!("{path} has {} damaged bytes", self.damaged_bytes));
        let suspect = self.suspect_tail.map(|SuspectTail { at, bytes }| {
            format!(
                "{path} has {bytes} unreadable bytes at its end, from {at} on. If the power failed while they were being \
                 written, nobody was told that they are kept and nothing is lost. If it did not, acknowledged events have \
                 been changed on the disk: check the disk, and copy the file before it is removed with the events it has"
            )
        });
        damaged.into_iter().chain(suspect).collect()
    }
}

/// The log files in a directory by number, and where those end that a later one cuts.
#[derive(Debug)]
pub(crate) struct WalFiles {
    pub(crate) files: BTreeMap<u64, PathBuf>,
    /// The files that a file cuts.
    pub(crate) cuts: BTreeMap<u64, Vec<u64>>,
    pub(crate) ends: BTreeMap<u64, u64>,
}

impl WalFiles {
    pub(crate) fn list(disk: &dyn Disk, directory: &Path, store_id: [u8; 16]) -> Result<WalFiles, StoreError> {
        let paths = disk.list(directory).map_err(|e| StoreError::io("list", directory, e))?;
        let files = paths.into_iter().filter_map(|path| Some((paths::wal_number(&path)?, path))).collect();
        let mut listed = WalFiles { files, cuts: BTreeMap::new(), ends: BTreeMap::new() };
        for (number, path) in &listed.files {
            let cuts = header::read_cuts(disk, path, store_id)?;
            listed.ends.extend(cuts.iter().map(|cut| (cut.file, cut.bytes)));
            listed.cuts.insert(*number, cuts.iter().map(|cut| cut.file).collect());
        }
        Ok(listed)
    }
}

/// Calls `each` with what every good frame of the file holds, in order. The file counts up to `end`, if it has one.
pub(crate) fn read(
    disk: &dyn Disk,
    path: &Path,
    store_id: [u8; 16],
    end: Option<u64>,
    each: impl FnMut(FrameContent) -> Result<(), StoreError>,
) -> Result<WalCondition, StoreError> {
    let bytes = disk.read(path).map_err(|e| StoreError::io("read", path, e))?;
    scan(&bytes, path, store_id, end, each)
}

/// The same for the bytes of a file. `path` is only for errors.
pub(super) fn scan(
    mut bytes: &[u8],
    path: &Path,
    store_id: [u8; 16],
    end: Option<u64>,
    mut each: impl FnMut(FrameContent) -> Result<(), StoreError>,
) -> Result<WalCondition, StoreError> {
    let mut condition = WalCondition { closed: end.is_some(), ..WalCondition::default() };
    if let Some(end) = end.map(|end| usize::try_from(end).unwrap_or(usize::MAX)) {
        condition.damaged_bytes += end.saturating_sub(bytes.len()) as u64;
        bytes = &bytes[..end.min(bytes.len())];
    }
    let at = match header::decode(store_id, bytes) {
        Header::Good { bytes, .. } => bytes,
        // Frames are looked for all the same.
        Header::Beginning | Header::Damaged => 0,
        Header::OtherVersion(version) => return Err(StoreError::UnknownFormat { path: path.to_owned(), version }),
        Header::Foreign => return Err(StoreError::Foreign { path: path.to_owned() }),
    };
    for (at, stretch) in stretches(store_id, bytes, at) {
        match stretch {
            Stretch::Frame(frame) => match frame.content() {
                _ if frame.is_end() => condition.closed = true,
                Some(content) => {
                    condition.frames += 1;
                    condition.events += content.batches.iter().map(|b| b.events.rows() as u64).sum::<u64>();
                    each(content)?;
                }
                // It was written whole, so somebody may have been told that it is durable.
                None => condition.damaged_bytes += frame.bytes() as u64,
            },
            Stretch::Bad(bytes) => condition.damaged_bytes += bytes as u64,
            Stretch::Tail(tail) => condition.note_tail(at, tail, store_id),
        }
    }
    Ok(condition)
}

/// A part of a file.
#[derive(Debug)]
pub(crate) enum Stretch<'a> {
    Frame(Frame<'a>),
    /// So many bytes before a good frame.
    Bad(usize),
    /// What follows the last good frame; everything if there is none.
    Tail(&'a [u8]),
}

/// The parts of a file from `at` on, each with its place.
pub(crate) fn stretches(store_id: [u8; 16], bytes: &[u8], mut at: usize) -> impl Iterator<Item = (usize, Stretch<'_>)> {
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended || (at >= bytes.len() && at > 0) {
            return None;
        }
        let (here, rest) = (at, bytes.get(at..)?);
        let stretch = if let Some(frame) = frame::find(store_id, rest) {
            at += frame.bytes();
            Stretch::Frame(frame)
        } else if let Some(skip) = next_good_frame(store_id, rest) {
            at += skip;
            Stretch::Bad(skip)
        } else {
            ended = true;
            Stretch::Tail(rest)
        };
        Some((here, stretch))
    })
}

/// How far the next sound frame is behind the start of `bytes`.
fn next_good_frame(store_id: [u8; 16], bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    while let Some(found) = bytes.get(at..)?.windows(FRAME_MAGIC.len()).position(|w| w == FRAME_MAGIC) {
        at += found;
        if frame::find(store_id, &bytes[at..]).is_some() {
            return Some(at);
        }
        at += 1;
    }
    None
}
