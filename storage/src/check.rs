//! Verifies a data directory that no process is using: every frame, every block, every count. It changes nothing; SQLite may
//! leave its own files beside the catalog.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::disk::{Disk, RealDisk};
use crate::error::StoreError;
use crate::paths::DataDir;
use crate::segment::cache::FooterCache;
use crate::segment::reader::Segment;
use crate::wal::reader::{self, WalFiles};

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    pub segments: u64,
    pub segment_events: u64,
    pub wal_files: u64,
    pub wal_frames: u64,
    pub wal_events: u64,
    /// Torn tails: the last write of a process that was killed. No acknowledged event was in it.
    pub torn_tails: u64,
    /// Everything that is wrong, in words.
    pub problems: Vec<String>,
}

/// Checks the directory; `progress` is called with (done, total) files.
pub fn check(data_dir: &DataDir, mut progress: impl FnMut(u64, u64)) -> Result<CheckReport, StoreError> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    if !data_dir.catalog().exists() {
        return Err(StoreError::CatalogMissing { path: data_dir.root().to_owned() });
    }
    let _lock = crate::store::lock_for_check(data_dir)?;
    let image = Catalog::inspect(&data_dir.catalog())?.load()?;
    let wal = WalFiles::list(&*disk, &data_dir.wal(), image.store_id)?;
    let total = (image.segments.len() + wal.files.len()) as u64;
    let mut report = CheckReport::default();
    let footers = Arc::new(FooterCache::new(0));
    for (done, info) in image.segments.iter().enumerate() {
        progress(done as u64, total);
        let segment = Segment::new(info.clone(), Arc::clone(&disk), data_dir.clone(), &footers);
        match segment.verify() {
            Ok(open) => report.segment_events += open.footer().rows,
            Err(error) => report.problems.push(error.to_string()),
        }
        report.problems.extend(sidecar_problem(&segment));
        report.segments += 1;
    }
    for (number, path) in wal.files {
        progress(report.segments + report.wal_files, total);
        match reader::read(&*disk, &path, image.store_id, wal.ends.get(&number).copied(), |_| Ok(())) {
            Ok(condition) => {
                report.wal_frames += condition.frames;
                report.wal_events += condition.events;
                report.torn_tails += u64::from(condition.torn_at.is_some());
                report.problems.extend(condition.problems(&path));
            }
            Err(error) => report.problems.push(error.to_string()),
        }
        report.wal_files += 1;
    }
    progress(total, total);
    Ok(report)
}

/// What is wrong with a segment's sidecar; it need not have one.
fn sidecar_problem(segment: &Segment) -> Option<String> {
    match segment.sidecar() {
        Some(sidecar) => sidecar.scrub().err().map(|error| error.to_string()),
        None => segment.sidecar_damage(),
    }
}
