//! Verifies a data directory that no process is using: whatever the format documents claim, as far as two places can be
//! compared or a claim can be counted again. It changes nothing; SQLite may leave its own files beside the catalog.
//!
//! 1. [`catalog`] compares the catalog's rows with each other and with what the segments say of themselves.
//! 2. [`segments`] reads every block of every segment from the device, and decodes every column.
//! 3. [`log`] reads every frame, and finds events that are there twice.
//! 4. [`strangers`] looks at the files that nobody lists.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::{Catalog, CatalogImage};
use crate::disk::{Disk, RealDisk};
use crate::error::StoreError;
use crate::event::DatasetId;
use crate::overflow::OverflowTable;
use crate::paths::DataDir;
use crate::segment::cache::FooterCache;
use crate::segment::sequences::Sequences;
use crate::wal::reader::WalFiles;

mod catalog;
mod log;
mod segments;
mod strangers;

use catalog::FieldCounts;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    pub datasets: u64,
    pub segments: u64,
    pub segment_events: u64,
    pub segment_bytes: u64,
    pub wal_files: u64,
    pub wal_frames: u64,
    pub wal_events: u64,
    /// Events of the log that are in no segment yet: the next start reads them back.
    pub wal_events_pending: u64,
    /// Torn tails: the last write of a process that was killed. No acknowledged event was in it.
    pub torn_tails: u64,
    /// What is as it may be, and worth knowing.
    pub notes: Vec<String>,
    /// Everything that is wrong, in words.
    pub problems: Vec<String>,
}

/// A check under way.
struct Check<'a> {
    disk: Arc<dyn Disk>,
    dir: &'a DataDir,
    /// Nothing is looked at twice.
    footers: Arc<FooterCache>,
    report: CheckReport,
    /// The sequences that sound segments account for.
    accounted: Sequences,
    /// The fields of each dataset as its segments tell them; none where one cannot be read.
    fields: BTreeMap<DatasetId, Option<FieldCounts>>,
    /// What the segments of each dataset hold in overflow, of the fields that its catalog lists.
    overflow: BTreeMap<DatasetId, OverflowTable>,
}

/// Checks the directory; `progress` is called with (done, total) files.
pub fn check(data_dir: &DataDir, mut progress: impl FnMut(u64, u64)) -> Result<CheckReport, StoreError> {
    crate::backup::refuse_unfinished(data_dir)?;
    if !data_dir.catalog().exists() {
        return Err(StoreError::CatalogMissing { path: data_dir.root().to_owned() });
    }
    let _lock = crate::store::lock_for_check(data_dir)?;
    let mut check = Check {
        disk: Arc::new(RealDisk),
        dir: data_dir,
        footers: Arc::new(FooterCache::new(0)),
        report: CheckReport::default(),
        accounted: Sequences::default(),
        fields: BTreeMap::new(),
        overflow: BTreeMap::new(),
    };
    match Catalog::inspect(&data_dir.catalog()).and_then(|catalog| catalog.load()) {
        Ok(image) => check.with_catalog(&image, &mut progress)?,
        Err(error @ StoreError::Damaged { .. }) => {
            check.report.problems.push(format!("{error}; nothing could be compared with it"));
            check.without_catalog(&mut progress)?;
        }
        Err(other) => return Err(other),
    }
    Ok(check.report)
}

impl Check<'_> {
    fn with_catalog(&mut self, image: &CatalogImage, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
        self.report.datasets = image.datasets.len() as u64;
        self.rows(image);
        let wal = WalFiles::list(&*self.disk, &self.dir.wal(), image.store_id)?;
        let total = (image.segments.len() + wal.files.len()) as u64;
        for (done, info) in image.segments.iter().enumerate() {
            progress(done as u64, total);
            self.listed(image, info);
        }
        self.compare_fields(image);
        let mut logged = Sequences::default();
        for (done, (number, path)) in wal.files.iter().enumerate() {
            progress((image.segments.len() + done) as u64, total);
            self.log_file(image, path, wal.ends.get(number).copied(), &mut logged);
        }
        self.unlisted(image, &logged)?;
        progress(total, total);
        Ok(())
    }

    /// Whether the files at least are sound.
    fn without_catalog(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
        let segments = self.files_of_segments()?;
        let total = segments.len() as u64;
        for (done, (dataset, id)) in segments.into_iter().enumerate() {
            progress(done as u64, total);
            self.unlisted_segment(dataset, id);
        }
        progress(total, total);
        Ok(())
    }

    fn problem(&mut self, what: impl Into<String>) {
        self.report.problems.push(what.into());
    }

    fn note(&mut self, what: impl Into<String>) {
        self.report.notes.push(what.into());
    }
}
