//! Removes log files that nobody needs any more: their events are in segments, and what they say of acknowledgements is
//! too old to be asked for or has been carried over into a file of its own.
//!
//! Such a file is a log file like any other, without events. It is there, whole and durable, before the first of those
//! goes whose acknowledgements it carries.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::sync::atomic::Ordering;

use super::acknowledged::is_young;
use super::inner::{Inner, held};
use crate::acknowledgement::Acknowledgement;
use crate::error::StoreError;
use crate::event::{DatasetId, TimestampNs};
use crate::limits;
use crate::wal::frame;
use crate::wal::header;
use crate::wal::writer::ClosedFile;

/// What may become of a closed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stay,
    Go,
    /// Go, once its acknowledgements are elsewhere.
    GoCarried,
}

impl Inner {
    /// Removes the log files that nobody needs. What cannot be removed now is tried again later.
    pub(super) fn trim_wal(&self) {
        let _one = held(&self.trimming);
        let now = self.clock.now();
        self.acknowledged.forget_old(now);
        let fates = self.fates(now);
        let with = |fate| fates.iter().filter(move |(_, f)| **f == fate).map(|(number, _)| *number);
        self.remove_wal_files(&with(Fate::Go).collect());
        let carried: BTreeSet<u64> = with(Fate::GoCarried).collect();
        if !carried.is_empty()
            && let Some(acknowledgements) = self.acknowledged.in_files(&carried, now)
            && self.carry_over(&carried, &acknowledgements, now).is_ok()
        {
            self.remove_wal_files(&carried);
        }
    }

    fn fates(&self, now: TimestampNs) -> BTreeMap<u64, Fate> {
        let mut watermarks = self.watermarks();
        let early = self.trims_early.load(Ordering::Relaxed);
        watermarks.values_mut().for_each(|watermark| *watermark += early);
        let closed = self.wal.closed();
        let there: BTreeSet<u64> = closed.iter().map(|file| file.number).collect();
        let carrying = closed.iter().filter(|file| file.last.is_empty() && file.acknowledged.is_some()).count();
        let fate = |file: &ClosedFile| {
            if file.damaged || has_events(file, &watermarks) || file.cuts.iter().any(|cut| there.contains(cut)) {
                return Fate::Stay;
            }
            match file.acknowledged {
                Some(youngest) if is_young(youngest, now) => {
                    // Only too many of those that have nothing else are worth another writing.
                    let wait = file.last.is_empty() && carrying <= limits::CARRIED_FILES_MAX;
                    if wait { Fate::Stay } else { Fate::GoCarried }
                }
                _ => Fate::Go,
            }
        };
        closed.iter().map(|file| (file.number, fate(file))).collect()
    }

    /// Writes the acknowledgements of `files` into a new file. After an error they are where they were.
    fn carry_over(
        &self,
        files: &BTreeSet<u64>,
        acknowledgements: &[Acknowledgement],
        now: TimestampNs,
    ) -> Result<(), StoreError> {
        if acknowledgements.is_empty() {
            return Ok(());
        }
        let number = self.wal.number_file();
        let mut file = ClosedFile { number, path: self.data_dir.wal_file(number), ..ClosedFile::default() };
        file.acknowledged = acknowledgements.iter().map(|a| a.received).max();
        let written = self.write_carried(&mut file, acknowledgements, now);
        if written.is_err() {
            // Nobody needs it, but what cannot be removed must be known.
            if self.disk.remove(&file.path).is_err_and(|e| e.kind() != ErrorKind::NotFound) {
                self.wal.close(ClosedFile { acknowledged: None, ..file });
            }
            return written;
        }
        self.wal.close(file);
        self.acknowledged.moved(files, number);
        Ok(())
    }

    fn write_carried(
        &self,
        closed: &mut ClosedFile,
        acknowledgements: &[Acknowledgement],
        now: TimestampNs,
    ) -> Result<(), StoreError> {
        let next_sequence = self.next_sequence.load(Ordering::SeqCst);
        let io = |e| StoreError::io("write", &closed.path, e);
        let mut file = self.disk.create(&closed.path).map_err(io)?;
        let mut put = |bytes: Vec<u8>| {
            closed.bytes += bytes.len() as u64;
            file.write_all(&bytes).map_err(io)
        };
        put(header::encode(self.store_id, &[]))?;
        for part in parts(acknowledgements) {
            put(frame::encode(self.store_id, next_sequence, now, &[], part))?;
        }
        put(frame::encode_end(self.store_id, next_sequence, now))?;
        file.sync().map_err(io)?;
        self.disk.sync_directory(&self.data_dir.wal()).map_err(io)
    }

    fn remove_wal_files(&self, files: &BTreeSet<u64>) {
        self.wal.closed().retain(|file| !files.contains(&file.number) || self.remove_wal_file(file).is_err());
    }

    fn remove_wal_file(&self, file: &ClosedFile) -> std::io::Result<()> {
        match self.disk.remove(&file.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Should it come back after a power cut, the file that cuts it must be there too.
        if file.cut { self.disk.sync_directory(&self.data_dir.wal()) } else { Ok(()) }
    }
}

/// Whether the file has events that are in no segment. What the catalog does not know may be known to another catalog.
fn has_events(file: &ClosedFile, watermarks: &BTreeMap<DatasetId, u64>) -> bool {
    file.last.iter().any(|(dataset, last)| watermarks.get(dataset).is_none_or(|watermark| last >= watermark))
}

/// As many as fit a frame of modest size each.
fn parts(acknowledgements: &[Acknowledgement]) -> impl Iterator<Item = &[Acknowledgement]> {
    let mut bytes = 0;
    acknowledgements.chunk_by(move |before, _| {
        bytes += frame::acknowledgement_bytes(before);
        let fits = bytes < limits::CARRIED_FRAME_BYTES;
        if !fits {
            bytes = 0;
        }
        fits
    })
}
