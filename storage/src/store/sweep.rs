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
    /// Whether the catalog has rows that cannot be believed: any file may be one that such a row listed.
    catalog_is_damaged: bool,
}

impl Strangers {
    /// The largest number that a file has.
    pub(super) fn last(&self) -> Option<SegmentId> {
        self.files.keys().map(|(_, id)| *id).max()
    }
}

pub(crate) fn list(disk: &dyn Disk, path: &Path) -> Result<Vec<PathBuf>, StoreError> {
    disk.list(path).map_err(|e| StoreError::io("list", path, e))
}

/// Finds them before anything new is written.
pub(super) fn strangers(disk: &dyn Disk, dir: &DataDir, image: &CatalogImage) -> Result<Strangers, StoreError> {
    let mut listed: HashSet<(DatasetId, SegmentId)> = image.segments.iter().map(|s| (s.dataset, s.id)).collect();
    listed.extend(&image.unsound);
    let mut strangers = Strangers { catalog_is_damaged: !image.unsound.is_empty(), ..Strangers::default() };
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
        if held(&inner.dropped).contains(&dataset) {
            remove_segment(inner, dataset, id)?;
            continue;
        }
        let noted = files.contains(&inner.data_dir.retired(dataset, id));
        let opened = OpenSegment::open(Arc::clone(&inner.disk), &inner.data_dir, dataset, id);
        if let Some(open) = opened.as_ref().ok().filter(|open| open.footer().store == inner.store_name()) {
            let last = open.footer().sequences.last().unwrap_or(0);
            inner.next_sequence.fetch_max(last.saturating_add(1), Ordering::SeqCst);
        }
        let accounted = || known_of.entry(dataset).or_insert_with(|| inner.accounted(dataset, logged)).clone();
        let sums = inner.data_dir.sums(dataset, id);
        let path = inner.data_dir.segment(dataset, id);
        match Leftover::judge(&opened, noted, &inner.store_name(), &sums, logged, accounted) {
            Leftover::Something(why) => inner.note_damage(format!("{} {why}", path.display())),
            Leftover::Nothing(_) if strangers.catalog_is_damaged && !noted => inner.note_damage(format!(
                "{} is not listed by the catalog, some of whose rows fail their checksums",
                path.display()
            )),
            Leftover::Nothing(_) => remove_segment(inner, dataset, id)?,
        }
    }
    Ok(())
}

/// What the files of a segment are that the catalog does not list.
#[derive(Debug)]
pub(crate) enum Leftover {
    /// They hold nothing that is not elsewhere, or meant to be nowhere.
    Nothing(&'static str),
    /// Their events may be nowhere else.
    Something(String),
}

impl Leftover {
    /// `noted` says whether the segment is noted as retired, `accounted` gives what the log and the listed segments
    /// account for.
    pub(crate) fn judge(
        opened: &Result<Arc<OpenSegment>, StoreError>,
        noted: bool,
        store: &str,
        sums: &Path,
        logged: &Sequences,
        accounted: impl FnOnce() -> Sequences,
    ) -> Leftover {
        if noted {
            return Leftover::Nothing("is noted as retired");
        }
        match opened {
            Ok(open) if open.footer().store != store => Leftover::Something("belongs to another store".to_owned()),
            Ok(open) => {
                let sequences = &open.footer().sequences;
                let known = sequences.within(logged) || sequences.within(&accounted());
                if known {
                    return Leftover::Nothing("holds events that are elsewhere");
                }
                Leftover::Something(
                    "holds events that the catalog does not know; is the catalog an old one?".to_owned(),
                )
            }
            // The sums are the last to be written: without sound ones the segment was never finished.
            Err(StoreError::Damaged { path, .. }) if path == sums => Leftover::Nothing("was never finished"),
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Leftover::Nothing("was never finished")
            }
            Err(other) => Leftover::Something(format!("was left: {other}")),
        }
    }
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
