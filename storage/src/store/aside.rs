//! Segments that cannot be read are set aside: remembered with the reason, left as they are, and kept from everybody.
//!
//! 1. Whoever reads a segment notes what is wrong with it; from then on questions leave it out.
//! 2. [`Inner::set_aside_damaged`] takes those with a note out of what is read and merged, in the catalog first, so that
//!    a restart knows them.
//! 3. The scrub looks at them again; [`Inner::readmit`] brings back one whose files are sound.
//!
//! Only retention by age lets go of one. It must not know what is asked, nor how a file is checked.

use std::sync::Arc;

use super::inner::{DatasetState, Inner, held};
use super::recount::recount;
use crate::catalog::FieldTable;
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName};
use crate::segment::reader::Segment;

impl DatasetState {
    /// Those set aside too.
    pub(super) fn all_segments(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.segments.iter().chain(self.set_aside.iter())
    }

    /// What is wrong with its segments, in words.
    fn damage(&self) -> impl Iterator<Item = String> {
        self.all_segments().filter_map(|segment| describe(&self.name, segment))
    }
}

/// What the operator should know of a damaged segment, and do.
fn describe(dataset: &DatasetName, segment: &Segment) -> Option<String> {
    let damage = segment.damage()?;
    let events = match segment.info() {
        info if info.is_unknown() => "an unknown number of events".to_owned(),
        info => format!("{} events", info.rows),
    };
    Some(format!(
        "{damage}; {events} of the dataset {:?} are missing from answers until the file is put back from a backup",
        dataset.as_str()
    ))
}

impl Inner {
    /// Takes segments in which somebody has met damage out of what is read; what to tell the operator.
    pub(super) fn set_aside_damaged(&self) -> Result<Vec<String>, StoreError> {
        let noted = |state: &DatasetState| {
            let damaged = state.segments.iter().filter(|s| s.damage().is_some());
            damaged.map(|s| (state.id, Arc::clone(s))).collect::<Vec<_>>()
        };
        let damaged: Vec<(DatasetId, Arc<Segment>)> = self.datasets().values().flat_map(noted).collect();
        if damaged.is_empty() {
            return Ok(Vec::new());
        }
        let notes: Vec<_> = damaged.iter().map(|(_, s)| (s.info().id, s.damage())).collect();
        held(&self.catalog).set_damage(&notes)?;
        let mut told = Vec::new();
        let mut datasets = self.datasets_mut();
        for (dataset, segment) in damaged {
            let Some(state) = datasets.get_mut(&dataset) else { continue };
            // Somebody may have replaced it meanwhile, with what was read before the damage.
            if !take(&mut state.segments, &segment) {
                continue;
            }
            told.extend(describe(&state.name, &segment));
            Arc::make_mut(&mut state.set_aside).push(segment);
        }
        Ok(told)
    }

    /// Reads a segment again that was set aside and is sound now as `fresh`; whether it was still to be read.
    pub(super) fn readmit(
        &self,
        dataset: DatasetId,
        known: &Arc<Segment>,
        fresh: Arc<Segment>,
    ) -> Result<bool, StoreError> {
        held(&self.catalog).set_damage(&[(fresh.info().id, None)])?;
        let mut datasets = self.datasets_mut();
        let Some(state) = datasets.get_mut(&dataset) else { return Ok(false) };
        let taken = take(&mut state.set_aside, known);
        if taken {
            Arc::make_mut(&mut state.segments).push(fresh);
        }
        Ok(taken)
    }

    /// Counts the fields of a dataset out of what its segments say; what cannot be read is not counted.
    pub(super) fn count_fields_again(&self, dataset: DatasetId) -> Result<(), StoreError> {
        // A flush counts fields from the table as it was when it began.
        let _counts = held(&self.flushing);
        let found = self.datasets().get(&dataset).map(|state| {
            (FieldTable::clone(&state.fields), state.all_segments().cloned().collect::<Vec<Arc<Segment>>>())
        });
        let Some((mut fields, segments)) = found else { return Ok(()) };
        recount(&self.disk, &self.data_dir, &segments, self.limits.overflow_fields_listed_max, &mut fields);
        held(&self.catalog).rewrite_fields(dataset, &fields)?;
        if let Some(state) = self.datasets_mut().get_mut(&dataset) {
            state.fields = Arc::new(fields);
        }
        Ok(())
    }

    /// What is wrong with segments, in words, and how many segments and events those are.
    pub(super) fn segment_damage(&self) -> (Vec<String>, u64, u64) {
        let datasets = self.datasets();
        let damaged = || datasets.values().flat_map(DatasetState::all_segments).filter(|s| s.damage().is_some());
        let words = datasets.values().flat_map(DatasetState::damage).collect();
        (words, damaged().count() as u64, damaged().map(|s| s.info().rows).sum())
    }
}

/// Takes a segment off a list; whether it was there.
fn take(segments: &mut Arc<Vec<Arc<Segment>>>, segment: &Arc<Segment>) -> bool {
    let Some(at) = segments.iter().position(|s| Arc::ptr_eq(s, segment)) else { return false };
    Arc::make_mut(segments).remove(at);
    true
}
