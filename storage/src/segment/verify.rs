//! Reads the files of a segment from the device, a piece at a time, and compares whatever can be compared without
//! decoding a column.
//!
//! What was read before proves nothing of the disk now, so nothing that is in memory is used. It must not know how fast
//! to go or what becomes of a damaged segment.

use std::sync::Arc;

use super::blocks::BlockCheck;
use super::damage::Damage;
use super::reader::{OpenSegment, Segment};
use crate::error::StoreError;
use crate::index::Sidecar;

/// A segment that is being verified.
#[derive(Debug)]
pub(crate) struct Verification {
    /// What is still to be read, the last first.
    files: Vec<(BlockCheck, Of)>,
    damage: Damage,
}

/// Whose file it is.
#[derive(Debug)]
enum Of {
    Segment,
    /// A damaged one is not used; the segment is served without it.
    Sidecar(Arc<Sidecar>),
}

impl Verification {
    /// Verifies what the segment says of itself; its blocks follow in steps. This knows which files a segment has.
    pub(crate) fn begin(segment: &Segment) -> Result<Verification, StoreError> {
        let damage = segment.damage_note().clone();
        let begin = || {
            let opened = segment.open_anew()?;
            let mut files = Vec::new();
            if let Some(sidecar) = segment.sidecar() {
                match sidecar.check_blocks() {
                    Ok(check) => files.push((check, Of::Sidecar(sidecar))),
                    Err(error) => sidecar.note_damage(&error),
                }
            }
            files.push((opened.check_blocks()?, Of::Segment));
            Ok(Verification { files, damage: damage.clone() })
        };
        begin().inspect_err(|error| damage.note(error))
    }

    /// Reads about so many bytes; how many it were, none when everything was read.
    pub(crate) fn step(&mut self, bytes_max: usize) -> Result<u64, StoreError> {
        while let Some((file, of)) = self.files.last_mut() {
            match (file.step(bytes_max), of) {
                (Ok(0), _) => drop(self.files.pop()),
                (Ok(read), _) => return Ok(read),
                (Err(error), Of::Segment) => {
                    self.damage.note(&error);
                    return Err(error);
                }
                (Err(error), Of::Sidecar(sidecar)) => {
                    sidecar.note_damage(&error);
                    self.files.pop();
                }
            }
        }
        Ok(0)
    }
}

impl Segment {
    /// Reads all of it from the device.
    pub(crate) fn verify(&self) -> Result<Arc<OpenSegment>, StoreError> {
        let mut verification = Verification::begin(self)?;
        while verification.step(usize::MAX)? > 0 {}
        self.open()
    }
}
