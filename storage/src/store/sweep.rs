//! Segment files that the catalog does not list: what a flush left behind, or what only a newer catalog knows.
//!
//! The first kind is removed, the second is kept and reported: its events may be nowhere else. Which it is, the file's
//! own footer says, beside the log and the watermarks. It must not know how a segment is made.

use std::collections::{BTreeMap, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::inner::{Inner, held};
use crate::catalog::CatalogImage;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::DatasetId;
use crate::paths::{self, DataDir, SegmentId};
use crate::segment::reader::OpenSegment;
use crate::segment::sequences::Sequences;

/// What lies among the segments besides those that are listed.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// The files of segments that are not listed.
    files: BTreeMap<(DatasetId, SegmentId), Vec<PathBuf>>,
    /// Notes that listed segments are retired: somebody meant to, and it did not come about.
    notes: Vec<PathBuf>,
}

impl Strangers {
    /// The largest number that a file has.
    pub(super) fn last(&self) -> Option<SegmentId> {
        self.files.keys().map(|(_, id)| *id).max()
    }
}

pub(super) fn list(disk: &dyn Disk, path: &Path) -> Result<Vec<PathBuf>, StoreError> {
    disk.list(path).map_err(|e| StoreError::io("list", path, e))
}

/// Finds them before anything new is written.
pub(super) fn strangers(disk: &dyn Disk, dir: &DataDir, image: &CatalogImage) -> Result<Strangers, StoreError> {
    let listed: HashSet<(DatasetId, SegmentId)> = image.segments.iter().map(|s| (s.dataset, s.id)).collect();
    let mut strangers = Strangers::default();
    for folder in list(disk, &dir.segments())? {
        let Some(dataset) = paths::dataset_of(&folder).filter(|_| folder.is_dir()) else { continue };
        for file in list(disk, &folder)? {
            let Some(id) = paths::segment_of(&file) else { continue };
            if !listed.contains(&(dataset, id)) {
                strangers.files.entry((dataset, id)).or_default().push(file);
            } else if file == dir.retired(dataset, id) {
                strangers.notes.push(file);
            }
        }
    }
    Ok(strangers)
}

/// Removes the strangers that hold nothing of their own: whose events are in the log, or accounted for by listed segments.
pub(super) fn sweep(inner: &Inner, strangers: Strangers, logged: &Sequences) -> Result<(), StoreError> {
    for note in strangers.notes {
        inner.disk.remove(&note).map_err(|e| StoreError::io("remove", &note, e))?;
    }
    let mut known_of: BTreeMap<DatasetId, Sequences> = BTreeMap::new();
    for ((dataset, id), files) in strangers.files {
        let dropped = held(&inner.dropped).contains(&dataset);
        if dropped || files.contains(&inner.data_dir.retired(dataset, id)) {
            remove_segment(inner, dataset, id)?;
            continue;
        }
        let opened = OpenSegment::open(Arc::clone(&inner.disk), &inner.data_dir, dataset, id);
        let why_kept = match opened {
            Ok(open) if open.footer().store != inner.store_name() => Some("belongs to another store".to_owned()),
            Ok(open) => {
                let sequences = &open.footer().sequences;
                inner.next_sequence.fetch_max(sequences.last().unwrap_or(0).saturating_add(1), Ordering::SeqCst);
                let known = sequences.within(logged)
                    || sequences.within(known_of.entry(dataset).or_insert_with(|| inner.accounted(dataset, logged)));
                (!known).then_some("holds events that the catalog does not know; is the catalog an old one?".to_owned())
            }
            // The sums are the last to be written: without sound ones the segment was never finished.
            Err(StoreError::Damaged { path, .. }) if path == inner.data_dir.sums(dataset, id) => None,
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => None,
            Err(other) => Some(format!("was left: {other}")),
        };
        match why_kept {
            Some(why) => inner.note_damage(format!("{} {why}", inner.data_dir.segment(dataset, id).display())),
            None => remove_segment(inner, dataset, id)?,
        }
    }
    Ok(())
}

impl Inner {
    /// The log's events, and those that the listed segments of a dataset account for.
    fn accounted(&self, dataset: DatasetId, logged: &Sequences) -> Sequences {
        let segments = self.datasets().get(&dataset).map(|state| Arc::clone(&state.segments)).unwrap_or_default();
        let mut accounted = logged.clone();
        segments.iter().filter_map(|s| s.open().ok()).for_each(|open| accounted.merge(&open.footer().sequences));
        accounted
    }
}

fn remove_segment(inner: &Inner, dataset: DatasetId, id: SegmentId) -> Result<(), StoreError> {
    let path = inner.data_dir.segment(dataset, id);
    inner.remove_files(dataset, id).map_err(|e| StoreError::io("remove", &path, e))
}
