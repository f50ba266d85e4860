//! Segment files that the catalog does not list: what a flush left behind, or what only a newer catalog knows.
//!
//! The first kind is removed, the second is kept and reported: its events may be nowhere else. Which it is, the file's
//! own footer says, beside the log and the watermarks. It must not know how a segment is made.

use std::collections::{BTreeMap, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::inner::Inner;
use crate::catalog::CatalogImage;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::DatasetId;
use crate::paths::{self, DataDir, SegmentId};
use crate::segment::reader::OpenSegment;

/// The files of segments that are not listed.
pub(super) type Strangers = BTreeMap<(DatasetId, SegmentId), Vec<PathBuf>>;

pub(super) fn list(disk: &dyn Disk, path: &Path) -> Result<Vec<PathBuf>, StoreError> {
    disk.list(path).map_err(|e| StoreError::io("list", path, e))
}

/// Finds them before anything new is written.
pub(super) fn strangers(disk: &dyn Disk, dir: &DataDir, image: &CatalogImage) -> Result<Strangers, StoreError> {
    let listed: HashSet<(DatasetId, SegmentId)> = image.segments.iter().map(|s| (s.dataset, s.id)).collect();
    let mut strangers = Strangers::new();
    for folder in list(disk, &dir.segments())? {
        let Some(dataset) = paths::dataset_of(&folder).filter(|_| folder.is_dir()) else { continue };
        for file in list(disk, &folder)? {
            let Some(id) = paths::segment_of(&file) else { continue };
            if !listed.contains(&(dataset, id)) {
                strangers.entry((dataset, id)).or_default().push(file);
            }
        }
    }
    Ok(strangers)
}

/// Sequences, joined into ranges as they come in order.
#[derive(Debug, Default)]
pub(super) struct Logged(Vec<(u64, u64)>);

impl Logged {
    pub(super) fn add(&mut self, first: u64, last: u64) {
        match self.0.last_mut() {
            Some(range) if range.1.checked_add(1) == Some(first) => range.1 = last,
            _ => self.0.push((first, last)),
        }
    }

    fn holds(&self, (first, last): (u64, u64)) -> bool {
        self.0.iter().any(|range| range.0 <= first && last <= range.1)
    }
}

/// Removes the strangers that hold nothing of their own. `watermarks` are those of the catalog, `logged` what the log
/// held.
pub(super) fn sweep(
    inner: &Inner,
    strangers: Strangers,
    watermarks: &BTreeMap<DatasetId, u64>,
    logged: &Logged,
) -> Result<(), StoreError> {
    for ((dataset, id), files) in strangers {
        let opened = OpenSegment::open(Arc::clone(&inner.disk), &inner.data_dir, dataset, id);
        let watermark = watermarks.get(&dataset).copied().unwrap_or(0);
        let why_kept = match opened {
            Ok(open) if open.footer().store != inner.store_name() => Some("belongs to another store".to_owned()),
            Ok(open) => {
                let last = open.footer().sequences.last().map_or(0, |range| range.1);
                inner.next_sequence.fetch_max(last.saturating_add(1), Ordering::SeqCst);
                let known = |range: &(u64, u64)| range.1 < watermark || logged.holds(*range);
                let all_known = open.footer().sequences.iter().all(known);
                (!all_known)
                    .then(|| "holds events that the catalog does not know; is the catalog an old one?".to_owned())
            }
            Err(StoreError::Damaged { .. }) => None,
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => None,
            Err(other) => Some(format!("was left: {other}")),
        };
        match why_kept {
            Some(why) => inner.note_damage(format!("{} {why}", inner.data_dir.segment(dataset, id).display())),
            None => remove(&*inner.disk, &files)?,
        }
    }
    Ok(())
}

fn remove(disk: &dyn Disk, files: &[PathBuf]) -> Result<(), StoreError> {
    files.iter().try_for_each(|file| disk.remove(file).map_err(|e| StoreError::io("remove", file, e)))
}
