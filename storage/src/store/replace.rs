//! Changes to segments that are there already: merged ones, retired ones, ones without some of their events.
//!
//! Each is one catalog transaction and one step for readers. Files go when the last reader lets go of them. It must not
//! know which segments should change: `upkeep` plans that.

use std::collections::{BTreeMap, HashSet};
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use roaring::RoaringBitmap;

use super::inner::{DatasetState, Inner, held};
use crate::catalog::{FieldTable, Publication};
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName, FieldName, FieldType, reserved};
use crate::overflow::OverflowTable;
use crate::paths::SegmentId;
use crate::segment::file::Head;
use crate::segment::footer::SegmentFooter;
use crate::segment::merge::{self, Input};
use crate::segment::reader::Segment;
use crate::segment::{LEVEL_COMPACTED, SegmentInfo};
use crate::upkeep::compact;
use crate::upkeep::retain::{self, Retention};
use crate::upkeep::told::{UpkeepKind, Watched};

/// Segments of a dataset that are to become others.
struct Change {
    dataset: DatasetId,
    name: DatasetName,
    segments: Vec<Arc<Segment>>,
}

impl Inner {
    /// Merges the segments that are most worth it; whether there were any.
    pub(super) fn compact_next(&self) -> Result<bool, StoreError> {
        let _one = held(&self.rewriting);
        let Some(change) = self.plan_compaction() else { return Ok(false) };
        // The new segment is there before the old ones go; what ingest and flushes need is not for it.
        if !self.space.has_room(change.segments.iter().map(|s| s.info().bytes).sum(), self.owed_bytes()) {
            return Ok(false);
        }
        self.settle_unsure()?;
        let mut watched = Watched::new(UpkeepKind::Compaction, self.clock.now());
        let merged = self.merge(&change, &mut watched);
        match &merged {
            Ok(()) => {
                self.upkeep_counts.compactions.fetch_add(1, Ordering::Relaxed);
            }
            Err(StoreError::Closed) => {}
            Err(_) => {
                self.upkeep_counts.compaction_failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        watched.ended(&self.watcher, &merged);
        merged.map(|()| true)
    }

    fn plan_compaction(&self) -> Option<Change> {
        let now = self.clock.now();
        let datasets = self.datasets();
        let planned = |state: &DatasetState| {
            let infos = state.segments.iter().filter(|s| s.damage().is_none()).map(|s| s.info());
            let ids = compact::plan(infos, now)?;
            Some(Change { dataset: state.id, name: state.name.clone(), segments: state.find(&ids) })
        };
        datasets.values().filter_map(planned).max_by_key(|change| change.segments.len())
    }

    fn merge(&self, change: &Change, watched: &mut Watched) -> Result<(), StoreError> {
        watched.dataset = Some(change.name.clone());
        watched.wrote.segments_in = change.segments.len() as u64;
        watched.wrote.events_in = change.segments.iter().map(|segment| segment.info().rows).sum();
        let inputs: Vec<Input> = change
            .segments
            .iter()
            .map(|segment| Ok(Input { segment: segment.open()?, dropped: RoaringBitmap::new() }))
            .collect::<Result<_, StoreError>>()?;
        let stopping = || self.stopping.load(Ordering::SeqCst);
        let merged = self.write_merged(change, &inputs, LEVEL_COMPACTED, &stopping)?;
        merged.iter().for_each(|info| watched.wrote.add(info));
        self.publish_change(change, merged.into_iter().collect(), None)
    }

    /// Writes what is left of the inputs as one segment, if anything is.
    fn write_merged(
        &self,
        change: &Change,
        inputs: &[Input],
        level: u8,
        stopping: &dyn Fn() -> bool,
    ) -> Result<Option<SegmentInfo>, StoreError> {
        let id = self.next_segment_id();
        let infos = || inputs.iter().map(|input| input.segment.footer());
        let head = Head {
            store_id: self.store_id,
            dataset: change.dataset,
            dataset_name: &change.name,
            id,
            level,
            replaces: infos().map(|footer| SegmentId(footer.segment)).collect(),
            cluster_field: infos().next().and_then(|footer| footer.cluster_field.as_deref()),
        };
        let merged = merge::merge(&*self.disk, &self.data_dir, &head, inputs, stopping);
        let with_evidence = |info: Option<SegmentInfo>| {
            info.iter().try_for_each(|info| self.add_evidence(info, stopping))?;
            Ok(info)
        };
        merged.and_then(with_evidence).inspect_err(|_| self.remove_segments(change.dataset, std::iter::once(id)))
    }

    /// In the catalog and for readers: the new segments are there and the old ones are not.
    fn publish_change(
        &self,
        change: &Change,
        added: Vec<SegmentInfo>,
        counted: Option<(&[SegmentFooter], &[SegmentFooter])>,
    ) -> Result<(), StoreError> {
        let overflow = counted.map(|_| self.overflow_counts(change, &added));
        // A flush counts fields from the table as it was when it began.
        let _counts = counted.map(|_| held(&self.flushing));
        let removed: Vec<SegmentId> = change.segments.iter().map(|s| s.info().id).collect();
        let mut fields = None;
        let mut touched = Vec::new();
        if let Some((before, after)) = counted {
            let table = self.datasets().get(&change.dataset).map(|state| FieldTable::clone(&state.fields));
            let mut table = table.unwrap_or_default();
            touched = recount(&mut table, before, after);
            if let Some((gone, back)) = &overflow {
                touched.extend(table.overflow_mut().recount(gone, back));
            }
            fields = Some(table);
        }
        self.publish_in_catalog(&Publication {
            dataset: change.dataset,
            segments: &added,
            removed: &removed,
            watermark: 0,
            cluster_field: None,
            next_segment: self.next_segment.load(Ordering::SeqCst),
            next_sequence: self.next_sequence.load(Ordering::SeqCst),
            fields: fields.as_ref().unwrap_or(&FieldTable::default()),
            touched: &touched,
        })?;
        let added = added.into_iter().map(|info| Arc::new(self.segment(info)));
        let gone: HashSet<SegmentId> = removed.into_iter().collect();
        let mut datasets = self.datasets_mut();
        if let Some(state) = datasets.get_mut(&change.dataset) {
            let segments = Arc::make_mut(&mut state.segments);
            segments.retain(|segment| !gone.contains(&segment.info().id));
            segments.extend(added);
            Arc::make_mut(&mut state.set_aside).retain(|segment| !gone.contains(&segment.info().id));
            if let Some(fields) = fields {
                state.fields = Arc::new(fields);
            }
        }
        drop(datasets);
        held(&self.graveyard).extend(change.segments.iter().cloned());
        Ok(())
    }

    /// Every event is in a segment now.
    pub(super) fn end_repair(&self) -> Result<(), StoreError> {
        held(&self.catalog).end_repair(self.next_sequence.load(Ordering::SeqCst))
    }

    /// What the segments of a change hold in overflow, and what those do that come in their place.
    fn overflow_counts(&self, change: &Change, added: &[SegmentInfo]) -> (OverflowTable, OverflowTable) {
        let known = self.datasets().get(&change.dataset).map(|state| Arc::clone(state.fields.overflow()));
        let known = known.unwrap_or_default();
        let added = added.iter().map(|info| Arc::new(self.segment(info.clone()))).collect::<Vec<_>>();
        (overflow_of(&change.segments, &known), overflow_of(&added, &known))
    }

    pub(super) fn set_retention(&self, dataset: DatasetId, retention: Option<Retention>) -> Result<(), StoreError> {
        held(&self.catalog).set_retention(dataset, retention)?;
        if let Some(state) = self.datasets_mut().get_mut(&dataset) {
            state.retention = retention;
        }
        Ok(())
    }

    /// Retires what the policies no longer keep; how many segments.
    pub(super) fn retain(&self) -> Result<usize, StoreError> {
        let _one = held(&self.rewriting);
        let now = self.clock.now();
        let mut retired = 0;
        for change in self.plan_retention(now) {
            retired += change.segments.len();
            self.retire(&change)?;
        }
        Ok(retired)
    }

    fn plan_retention(&self, now: i64) -> Vec<Change> {
        let datasets = self.datasets();
        let change = |state: &DatasetState| {
            let retention = state.retention.unwrap_or(self.limits.retention);
            let mut ids = retain::plan(state.segments.iter().map(|s| s.info()), retention, now);
            // Whether the bytes of those set aside are there at all, nobody knows.
            let by_age = Retention { bytes_max: None, ..retention };
            ids.extend(retain::plan(state.set_aside.iter().map(|s| s.info()), by_age, now));
            Change { dataset: state.id, name: state.name.clone(), segments: state.find(&ids) }
        };
        datasets.values().map(change).filter(|change| !change.segments.is_empty()).collect()
    }

    /// Takes segments out of the store with all their events.
    fn retire(&self, change: &Change) -> Result<(), StoreError> {
        self.settle_leftovers()?;
        let before = footers(&change.segments);
        // Noted first: a catalog that is rebuilt from files must not revive what is about to go.
        self.note_all_retired(change.dataset, &change.segments)?;
        self.publish_change(change, Vec::new(), Some((&before, &[])))?;
        if before.len() < change.segments.len() {
            self.count_fields_again(change.dataset)?;
        }
        self.upkeep_counts.retired.fetch_add(change.segments.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Notes, for whoever rebuilds the catalog from files, that all events of these segments are meant to be gone.
    pub(super) fn note_all_retired(&self, dataset: DatasetId, segments: &[Arc<Segment>]) -> Result<(), StoreError> {
        for segment in segments {
            let path = self.data_dir.retired(dataset, segment.info().id);
            let noted = match self.disk.create(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                created => created.and_then(|mut note| note.sync()),
            };
            noted.map_err(|e| StoreError::io("write", &path, e))?;
        }
        let folder = self.data_dir.dataset(dataset);
        let synced = if segments.is_empty() { Ok(()) } else { self.disk.sync_directory(&folder) };
        synced.map_err(|e| StoreError::io("sync", &folder, e))
    }

    /// Removes rows of segments by their places. All of them go in one step, or none. `rows` says which, once nothing
    /// else changes segments any more.
    pub(super) fn remove_rows<E: From<StoreError>>(
        &self,
        dataset: DatasetId,
        rows: impl FnOnce() -> Result<BTreeMap<SegmentId, RoaringBitmap>, E>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<u64, E> {
        let _one = held(&self.rewriting);
        self.settle_leftovers()?;
        let mut rows = rows()?;
        rows.retain(|_, dropped| !dropped.is_empty());
        Ok(self.rewrite_without(dataset, &rows, cancelled)?)
    }

    fn rewrite_without(
        &self,
        dataset: DatasetId,
        rows: &BTreeMap<SegmentId, RoaringBitmap>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<u64, StoreError> {
        let ids: Vec<SegmentId> = rows.keys().copied().collect();
        let found = self.datasets().get(&dataset).map(|state| (state.name.clone(), state.find(&ids)));
        let Some((name, segments)) = found.filter(|(_, segments)| !segments.is_empty()) else { return Ok(0) };
        let change = Change { dataset, name, segments };
        let stopping = || cancelled() || self.stopping.load(Ordering::SeqCst);
        let mut added = Vec::new();
        let left = self.write_without(&change, rows, &stopping, &mut added).inspect_err(|_| {
            self.remove_segments(dataset, added.iter().map(|info: &SegmentInfo| info.id));
            self.forget_retired(&change);
        })?;
        self.publish_change(&change, added, Some((&footers(&change.segments), &left)))?;
        let removed = rows.values().map(RoaringBitmap::len).sum();
        self.upkeep_counts.removed_events.fetch_add(removed, Ordering::Relaxed);
        Ok(removed)
    }

    /// Writes each segment without its rows; what the new ones say of themselves.
    fn write_without(
        &self,
        change: &Change,
        rows: &BTreeMap<SegmentId, RoaringBitmap>,
        stopping: &dyn Fn() -> bool,
        added: &mut Vec<SegmentInfo>,
    ) -> Result<Vec<SegmentFooter>, StoreError> {
        for segment in &change.segments {
            let dropped = rows.get(&segment.info().id).cloned().unwrap_or_default();
            let inputs = [Input { segment: segment.open()?, dropped }];
            match self.write_merged(change, &inputs, segment.info().level, stopping)? {
                Some(info) => added.push(info),
                None => self.note_all_retired(change.dataset, std::slice::from_ref(segment))?,
            }
        }
        if stopping() {
            return Err(StoreError::Closed);
        }
        added.iter().map(|info| Ok(self.segment(info.clone()).open()?.footer().clone())).collect()
    }

    /// Takes back the notes of a change that did not come about.
    fn forget_retired(&self, change: &Change) {
        for info in change.segments.iter().map(|s| s.info()) {
            let _later = self.disk.remove(&self.data_dir.retired(info.dataset, info.id));
        }
    }

    /// Removes the files of segments that nobody reads any more. What cannot be removed now is tried again.
    pub(super) fn bury(&self) {
        held(&self.graveyard).retain(|segment| {
            let info = segment.info();
            segment.in_use() || self.remove_files(info.dataset, info.id).is_err()
        });
    }
}

/// What the segments say of themselves; a damaged one says nothing.
fn footers(segments: &[Arc<Segment>]) -> Vec<SegmentFooter> {
    segments.iter().filter_map(|segment| Some(segment.open().ok()?.footer().clone())).collect()
}

/// What the segments hold in overflow, as far as they can be read.
fn overflow_of(segments: &[Arc<Segment>], known: &OverflowTable) -> OverflowTable {
    let mut table = OverflowTable::default();
    let overflow = [(FieldName::trusted(reserved::OVERFLOW), FieldType::String)];
    for open in segments.iter().filter_map(|segment| segment.open_columns(&overflow).ok()) {
        let _damaged = open.read_overflow(|texts, times| table.count_known(texts.iter(), times, known));
    }
    table
}

/// Takes the counts of `before` out of the table and puts those of `after` in; the fields that it touched.
fn recount(table: &mut FieldTable, before: &[SegmentFooter], after: &[SegmentFooter]) -> Vec<FieldName> {
    let mut touched = HashSet::new();
    for field in before.iter().flat_map(|footer| &footer.fields) {
        let Some((name, field_type)) = field.key() else { continue };
        table.uncount(&name, field_type, field.events);
        touched.insert(name);
    }
    for field in after.iter().flat_map(|footer| &footer.fields) {
        let Some((name, field_type)) = field.key() else { continue };
        table.recount(&name, field_type, field.events);
    }
    touched.into_iter().collect()
}
