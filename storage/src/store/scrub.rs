//! The scrub: every segment is read from the device, slowly and again and again, so that damage is found while a backup
//! still has the file.
//!
//! A pass goes through the segments by number, those set aside too: one that was put back comes back. Those are also
//! what every start begins with. Where a pass has come is in the catalog. It must not know how a file is checked.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::inner::{Inner, RETRY_WAIT, UPKEEP_INTERVAL, held};
use crate::catalog::ScrubPlace;
use crate::error::StoreError;
use crate::event::DatasetId;
use crate::limits;
use crate::paths::SegmentId;
use crate::segment::reader::Segment;
use crate::segment::verify::Verification;

/// The scrub, and numbers that can be read while it is at work.
#[derive(Debug)]
pub(super) struct Scrub {
    walk: Mutex<Walk>,
    bytes: AtomicU64,
    passes: AtomicU64,
    /// The last segment that this pass has verified, the largest number between passes.
    after: AtomicU64,
}

/// Where the scrub is.
#[derive(Debug)]
struct Walk {
    place: ScrubPlace,
    /// Those set aside when the store was opened: they are looked at before all others.
    first: VecDeque<SegmentId>,
    reading: Option<Reading>,
    /// Bytes read since the place was last written down.
    unsaved_bytes: u64,
    /// Datasets to which segments have come back whose fields may not be counted.
    uncounted: BTreeSet<DatasetId>,
}

/// A segment in the middle of being verified.
#[derive(Debug)]
struct Reading {
    dataset: DatasetId,
    /// As it is known to readers.
    known: Arc<Segment>,
    /// What is verified: the same, or for one set aside one without its note.
    fresh: Arc<Segment>,
    verification: Option<Verification>,
    /// Whether it is looked at before its turn.
    early: bool,
}

/// What a step of the scrub did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScrubStep {
    /// It read so many bytes.
    Read(u64),
    /// Every segment was read.
    PassDone,
    /// The next pass is not due yet.
    Resting,
}

/// Numbers of the scrub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrubHealth {
    /// Bytes read since the start.
    pub bytes_total: u64,
    /// Passes ended since the start.
    pub passes_total: u64,
    /// Bytes that this pass still has before it.
    pub remaining_bytes: u64,
}

impl Scrub {
    pub(super) fn new(place: ScrubPlace, first: VecDeque<SegmentId>) -> Scrub {
        let after = AtomicU64::new(place.number());
        let walk = Walk { place, first, reading: None, unsaved_bytes: 0, uncounted: BTreeSet::new() };
        Scrub { walk: Mutex::new(walk), bytes: AtomicU64::new(0), passes: AtomicU64::new(0), after }
    }

    /// Whether what every start begins with is done.
    fn is_done_at_start(&self) -> bool {
        let walk = held(&self.walk);
        walk.first.is_empty() && walk.reading.is_none()
    }
}

impl Inner {
    /// Does a little of the scrub.
    pub(super) fn scrub_next(&self) -> Result<ScrubStep, StoreError> {
        let mut walk = held(&self.scrub.walk);
        if walk.reading.is_none() {
            walk.reading = self.next_to_scrub(&mut walk);
        }
        let Some(mut reading) = walk.reading.take() else { return self.end_pass(&mut walk) };
        let Some(read) = reading.step()? else {
            self.end_segment(&mut walk, reading)?;
            return Ok(ScrubStep::Read(0));
        };
        walk.unsaved_bytes += read;
        self.scrub.bytes.fetch_add(read, Ordering::Relaxed);
        walk.reading = Some(reading);
        Ok(ScrubStep::Read(read))
    }

    fn next_to_scrub(&self, walk: &mut Walk) -> Option<Reading> {
        let datasets = self.datasets();
        let all = || datasets.values().flat_map(|d| d.all_segments().map(|s| (d.id, s)));
        let early = std::iter::from_fn(|| walk.first.pop_front())
            .find_map(|first| all().find(|(_, s)| s.info().id == first && s.damage().is_some()));
        let in_turn = || {
            let after = walk.place.after?;
            all().filter(|(_, s)| s.info().id > after).min_by_key(|(_, s)| s.info().id)
        };
        let (dataset, known) = early.or_else(in_turn)?;
        let aside = known.damage().is_some();
        let fresh = if aside { Arc::new(self.segment(known.info().clone())) } else { Arc::clone(known) };
        Some(Reading { dataset, known: Arc::clone(known), fresh, verification: None, early: early.is_some() })
    }

    /// What was read to its end, or is damaged and need not be read further.
    fn end_segment(&self, walk: &mut Walk, reading: Reading) -> Result<(), StoreError> {
        let Reading { dataset, known, fresh, early, .. } = reading;
        if !early {
            walk.place.after = Some(known.info().id);
            self.scrub.after.store(walk.place.number(), Ordering::Relaxed);
        }
        if known.damage().is_some() && fresh.damage().is_none() && self.readmit(dataset, &known, fresh)? {
            walk.uncounted.insert(dataset);
        }
        if early && walk.first.is_empty() {
            self.count_readmitted(walk)?;
        }
        if walk.unsaved_bytes >= limits::SCRUB_SAVE_BYTES {
            self.save_scrub(walk)?;
        }
        Ok(())
    }

    /// Their fields may have been counted without them.
    fn count_readmitted(&self, walk: &mut Walk) -> Result<(), StoreError> {
        while let Some(dataset) = walk.uncounted.first().copied() {
            self.count_fields_again(dataset)?;
            walk.uncounted.remove(&dataset);
        }
        Ok(())
    }

    fn end_pass(&self, walk: &mut Walk) -> Result<ScrubStep, StoreError> {
        self.count_readmitted(walk)?;
        let done = walk.place.after.take().is_some();
        if done {
            self.scrub.passes.fetch_add(1, Ordering::Relaxed);
            self.save_scrub(walk)?;
        } else {
            let age_seconds = self.clock.now().saturating_sub(walk.place.began) / 1_000_000_000;
            let automatic = self.limits.scrub_bytes_per_second.is_none();
            if age_seconds < if automatic { limits::SCRUB_PASS_SECONDS } else { limits::SCRUB_REST_SECONDS } {
                return Ok(ScrubStep::Resting);
            }
            walk.place = ScrubPlace { began: self.clock.now(), after: Some(SegmentId(0)) };
        }
        self.scrub.after.store(walk.place.number(), Ordering::Relaxed);
        Ok(if done { ScrubStep::PassDone } else { ScrubStep::Read(0) })
    }

    fn save_scrub(&self, walk: &mut Walk) -> Result<(), StoreError> {
        held(&self.catalog).set_scrub_place(walk.place)?;
        walk.unsaved_bytes = 0;
        Ok(())
    }

    /// Bytes that the scrub may read in a second.
    fn scrub_bytes_per_second(&self) -> u64 {
        self.limits.scrub_bytes_per_second.unwrap_or_else(|| {
            let datasets = self.datasets();
            let bytes: u64 = datasets.values().flat_map(|d| d.segments.iter()).map(|s| s.info().bytes).sum();
            (bytes / limits::SCRUB_PASS_SECONDS as u64).max(limits::SCRUB_BYTES_PER_SECOND_MIN)
        })
    }

    pub(super) fn scrub_health(&self) -> ScrubHealth {
        let after = self.scrub.after.load(Ordering::Relaxed);
        let datasets = self.datasets();
        let left = datasets.values().flat_map(|d| d.segments.iter()).filter(|s| s.info().id.0 > after);
        ScrubHealth {
            bytes_total: self.scrub.bytes.load(Ordering::Relaxed),
            passes_total: self.scrub.passes.load(Ordering::Relaxed),
            remaining_bytes: left.map(|s| s.info().bytes).sum(),
        }
    }

    /// The scrub's thread: sets aside what anybody has found damaged, and reads a little, until the store closes.
    pub(super) fn run_scrub(&self, tell: fn(&str)) {
        let mut wait = Duration::ZERO;
        while !self.stopping.load(Ordering::SeqCst) {
            match self.set_aside_damaged() {
                Ok(told) => told.iter().for_each(|words| tell(words)),
                // It is left out of answers all the same; the catalog may take the note later.
                Err(_) => wait = wait.max(RETRY_WAIT),
            }
            let pause = wait.min(UPKEEP_INTERVAL);
            wait -= pause;
            self.wait_unless_stopped(pause);
            if wait.is_zero() {
                wait = self.scrub_for_a_while();
            }
        }
    }

    /// Writes down where the scrub is, if it has come any further.
    pub(super) fn leave_scrub(&self) {
        let mut walk = held(&self.scrub.walk);
        if walk.unsaved_bytes > 0 {
            // Otherwise the next start reads it again.
            let _best_effort = self.save_scrub(&mut walk);
        }
    }

    /// A step, and how long to wait before the next.
    fn scrub_for_a_while(&self) -> Duration {
        let off = self.limits.scrub_bytes_per_second == Some(0);
        if off && self.scrub.is_done_at_start() {
            return UPKEEP_INTERVAL;
        }
        let rate = if off { limits::SCRUB_BYTES_PER_SECOND_MIN } else { self.scrub_bytes_per_second() };
        match self.scrub_next() {
            Ok(ScrubStep::Read(bytes)) => Duration::from_secs_f64(bytes as f64 / rate as f64),
            Ok(ScrubStep::PassDone | ScrubStep::Resting) => UPKEEP_INTERVAL,
            Err(_) => RETRY_WAIT,
        }
    }
}

impl Reading {
    /// Reads a little; `None` when that was all, or when there is damage.
    fn step(&mut self) -> Result<Option<u64>, StoreError> {
        let read = match &mut self.verification {
            Some(verification) => verification.step(limits::SCRUB_STEP_BYTES),
            None => Verification::begin(&self.fresh).map(|begun| {
                self.verification = Some(begun);
                // The footer was read.
                1
            }),
        };
        match read {
            Ok(read) => Ok((read > 0).then_some(read)),
            // It is noted, which is all that reading was for.
            Err(error) if error.is_damage() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
