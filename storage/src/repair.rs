//! Rebuilds the catalog from the segments and the log, and says what it could not save.
//!
//! 1. [`find`] opens every segment file and reads it whole.
//! 2. [`choose`] decides which of them hold which events, so that each is there once.
//! 3. A new catalog lists those, with their datasets and fields. The old one is kept under another name.
//! 4. What is in the log and in no segment becomes segments, as at every start.
//!
//! Where nothing says of which store it is, everything is moved out of the way, so that a new store can begin. A repair
//! that is interrupted leaves a catalog that no store opens, and is begun again. It must not know queries.

mod choose;
mod find;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::catalog::{Catalog, CatalogImage, DatasetRow, Dropped, FieldTable, ScrubPlace};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName};
use crate::paths::{DataDir, SegmentId};
use crate::segment::reader::OpenSegment;
use crate::segment::sequences::Sequences;
use crate::store::{self, StoreSettings};
use crate::wal::reader::WalFiles;
use crate::wal::{header, reader};

use choose::Choice;
use find::Found;

/// What a catalog that was kept has behind its name, before a number.
const BEFORE_REPAIR: &str = ".before-repair";
/// What a directory begins with that keeps what nobody could read, before a number.
const UNREADABLE: &str = "unreadable-";

/// What a repair did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairReport {
    pub datasets: u64,
    pub segments: u64,
    pub segment_events: u64,
    /// Events that were in the log and in no segment.
    pub log_events: u64,
    /// Segments whose events are in others.
    pub replaced: u64,
    /// Segments that were meant to be gone.
    pub retired: u64,
    /// Where the old catalog is now, if there was one.
    pub old_catalog: Option<PathBuf>,
    /// Where the files are now of which none says what store it is of. There is no catalog then: a new store can begin.
    pub unreadable: Option<PathBuf>,
    /// What its owner should know, in words.
    pub notes: Vec<String>,
    /// Everything that could not be saved, in words.
    pub problems: Vec<String>,
}

/// Repairs a directory that no process is using; `progress` is called with (done, total) segments.
pub fn repair(settings: StoreSettings, progress: impl FnMut(u64, u64)) -> Result<RepairReport, StoreError> {
    let _lock = store::lock_for_check(&settings.data_dir)?;
    repair_locked(settings, progress)
}

/// Repairs a directory that this process has locked.
pub(crate) fn repair_locked(
    settings: StoreSettings,
    mut progress: impl FnMut(u64, u64),
) -> Result<RepairReport, StoreError> {
    let dir = settings.data_dir.clone();
    let disk = Arc::clone(&settings.disk);
    let mut report = RepairReport::default();
    let (mut found, last_segment) = find::segments(&disk, &dir, &mut progress, &mut report)?;
    let Some(store_id) = store_id(&*disk, &dir, &mut found, &mut report)? else {
        clear_the_way(&*disk, &dir, &mut report)?;
        return Ok(report);
    };
    let dropped = dropped(&*disk, &dir, store_id)?;
    let last_sequence = found.iter().filter_map(|segment| segment.footer.sequences.last()).max();
    // Their files go with the next start.
    found.retain(|segment| {
        let gone = dropped.contains_key(&DatasetId(segment.footer.dataset_id));
        report.retired += u64::from(gone);
        !gone
    });
    let (choices, accounted) = choose::choose(&found.iter().map(Found::candidate).collect::<Vec<_>>());
    let listed = list(&found, &choices, &mut report);
    let names = names_in_log(&*disk, &dir, store_id)?;
    let mut image = image(store_id, &found, &listed, &accounted, names, dropped, &mut report)?;
    count_fields(&settings, &mut image, &mut report.problems);
    image.next_segment = last_segment + 1;
    image.next_sequence = image.next_sequence.max(last_sequence.unwrap_or(0) + 1);
    report.old_catalog = set_aside(&*disk, &dir)?;
    let mut catalog = Catalog::begin_repair(&dir.catalog(), store_id)?;
    catalog.rebuild(&image, settings.clock.now())?;
    drop(catalog);
    disk.sync_directory(dir.root()).map_err(|e| StoreError::io("sync", dir.root(), e))?;
    report.log_events = store::take_log(settings, &accounted, &mut report.problems)?;
    report.notes.push("datasets have no retention of their own any more; set it again where there was one".to_owned());
    Ok(report)
}

/// The id of the store: that of its newest segment, or of its log. Segments of others are left out.
fn store_id(
    disk: &dyn Disk,
    dir: &DataDir,
    found: &mut Vec<Found>,
    report: &mut RepairReport,
) -> Result<Option<[u8; 16]>, StoreError> {
    let of_segments = found.iter().max_by_key(|f| f.footer.segment).and_then(|f| f.footer.store_id());
    let id = match of_segments {
        Some(id) => Some(id),
        None => header::any_store_id(disk, &dir.wal())?,
    };
    found.retain(|segment| {
        let own = id.is_none() || segment.footer.store_id() == id;
        if !own {
            report.problems.push(format!("{} belongs to another store", segment.path.display()));
        }
        own
    });
    Ok(id)
}

/// Moves the log, the segments and a catalog that cannot be used where a new store does not see them.
fn clear_the_way(disk: &dyn Disk, dir: &DataDir, report: &mut RepairReport) -> Result<(), StoreError> {
    let numbered = |n: u64| dir.root().join(format!("{UNREADABLE}{n}"));
    let to = (1..).map(numbered).find(|path| !path.exists()).unwrap_or_else(|| numbered(0));
    for (directory, name) in [(dir.wal(), "wal"), (dir.segments(), "segments")] {
        let holds = directory.is_dir() && !store::list(disk, &directory)?.is_empty();
        if holds {
            disk.create_directory(&to).map_err(|e| StoreError::io("create", &to, e))?;
            disk.rename(&directory, &to.join(name)).map_err(|e| StoreError::io("move", &directory, e))?;
            disk.sync_directory(&to).map_err(|e| StoreError::io("sync", &to, e))?;
            report.unreadable = Some(to.clone());
        }
    }
    if Catalog::check(&dir.catalog()).is_err() {
        report.old_catalog = set_aside(disk, dir)?;
    }
    disk.sync_directory(dir.root()).map_err(|e| StoreError::io("sync", dir.root(), e))?;
    if report.unreadable.is_none() && report.old_catalog.is_none() {
        return Err(StoreError::NothingToRepair { path: dir.root().to_owned() });
    }
    Ok(())
}

/// The datasets that were dropped, as the old catalog says, and those that earlier repairs have kept: one of them may have
/// been interrupted.
fn dropped(disk: &dyn Disk, dir: &DataDir, store_id: [u8; 16]) -> Result<BTreeMap<DatasetId, Dropped>, StoreError> {
    let catalog = dir.catalog();
    let held = disk.list(dir.root()).map_err(|e| StoreError::io("list", dir.root(), e))?;
    let kept = format!("{}{BEFORE_REPAIR}", catalog.display());
    let is_catalog = |path: &&PathBuf| {
        let name = path.to_string_lossy();
        let is_kept = name.starts_with(&kept) && !name.ends_with("-wal") && !name.ends_with("-shm");
        **path == catalog || is_kept
    };
    Ok(held.iter().filter(is_catalog).flat_map(|path| Catalog::dropped_in(path, store_id)).collect())
}

/// The places of those that count.
fn list(found: &[Found], choices: &[Choice], report: &mut RepairReport) -> Vec<usize> {
    let mut listed = Vec::new();
    for (at, (segment, choice)) in found.iter().zip(choices).enumerate() {
        let path = segment.path.display();
        match choice {
            Choice::Listed => {
                listed.push(at);
                report.segments += 1;
                report.segment_events += segment.footer.rows;
                if let Some(damage) = &segment.damage {
                    report.problems.push(format!("{damage}; it is listed, and set aside"));
                }
            }
            Choice::Replaced => report.replaced += 1,
            Choice::Overlapping => report.problems.push(format!(
                "{path} holds events that are in other segments too, and others that may be lost; it was left out"
            )),
        }
    }
    listed
}

/// The datasets of which the log has events.
fn names_in_log(
    disk: &dyn Disk,
    dir: &DataDir,
    store_id: [u8; 16],
) -> Result<BTreeMap<DatasetId, DatasetName>, StoreError> {
    let listed = WalFiles::list(disk, &dir.wal(), store_id)?;
    let mut names = BTreeMap::new();
    for (number, path) in &listed.files {
        reader::read(disk, path, store_id, listed.ends.get(number).copied(), |content| {
            names.extend(content.batches.into_iter().map(|batch| (batch.target.id, batch.target.name)));
            Ok(())
        })?;
    }
    Ok(names)
}

/// The catalog that the segments make.
fn image(
    store_id: [u8; 16],
    found: &[Found],
    listed: &[usize],
    accounted: &Sequences,
    mut names: BTreeMap<DatasetId, DatasetName>,
    dropped: BTreeMap<DatasetId, Dropped>,
    report: &mut RepairReport,
) -> Result<CatalogImage, StoreError> {
    let mut rows: BTreeMap<DatasetId, DatasetRow> = BTreeMap::new();
    let mut by_age: Vec<usize> = listed.to_vec();
    by_age.sort_by_key(|at| found[*at].footer.segment);
    for segment in by_age.iter().map(|at| &found[*at]) {
        let id = DatasetId(segment.footer.dataset_id);
        let name = DatasetName::new(&segment.footer.dataset).map_err(|e| StoreError::Bug(e.to_string()))?;
        // What was written last has the latest name.
        names.insert(id, name);
    }
    names.retain(|id, _| !dropped.contains_key(id));
    if !dropped.is_empty() {
        report.notes.push(format!("{} datasets that were dropped stay dropped", dropped.len()));
    }
    for (id, name) in names {
        rows.insert(
            id,
            DatasetRow { id, name, watermark: 0, cluster_field: None, retention: None, fields: FieldTable::default() },
        );
    }
    make_names_unique(&mut rows, report);
    for segment in by_age.iter().map(|at| &found[*at]) {
        let Some(row) = rows.get_mut(&DatasetId(segment.footer.dataset_id)) else { continue };
        if row.cluster_field.is_none() {
            row.cluster_field.clone_from(&segment.footer.cluster_field);
        }
    }
    report.datasets = rows.len() as u64;
    Ok(CatalogImage {
        store_id,
        next_segment: 1,
        next_sequence: accounted.last().unwrap_or(0) + 1,
        datasets: rows.into_values().collect(),
        dropped,
        segments: by_age.iter().map(|at| found[*at].footer.info(found[*at].bytes)).collect(),
        damage: BTreeMap::new(),
        scrub: ScrubPlace::START,
        unsound: Vec::new(),
        fields_lost: Vec::new(),
    })
}

/// Counts the fields of each dataset anew, one segment at a time: columns first, since a field with a column is counted by
/// name in overflow too.
fn count_fields(settings: &StoreSettings, image: &mut CatalogImage, problems: &mut Vec<String>) {
    let listed_max = settings.limits.overflow_fields_listed_max;
    for row in &mut image.datasets {
        let own: Vec<SegmentId> = image.segments.iter().filter(|s| s.dataset == row.id).map(|s| s.id).collect();
        let open = |id: &SegmentId| OpenSegment::open(Arc::clone(&settings.disk), &settings.data_dir, row.id, *id);
        for segment in own.iter().filter_map(|id| open(id).ok()) {
            find::count_fields(&segment, &mut row.fields, problems);
        }
        for segment in own.iter().filter_map(|id| open(id).ok()) {
            find::count_overflow(&segment, &mut row.fields, listed_max, problems);
        }
    }
}

/// Two datasets of one name are two all the same.
fn make_names_unique(rows: &mut BTreeMap<DatasetId, DatasetRow>, report: &mut RepairReport) {
    let mut taken: BTreeMap<DatasetName, DatasetId> = BTreeMap::new();
    for (id, row) in rows {
        let wanted = row.name.clone();
        let mut suffix = 2;
        while taken.contains_key(&row.name) {
            let Ok(name) = DatasetName::new(&format!("{wanted}-{suffix}")) else { break };
            row.name = name;
            suffix += 1;
        }
        if row.name != wanted {
            report.notes.push(format!("two datasets are called {wanted}; one of them is {} now", row.name));
        }
        taken.insert(row.name.clone(), *id);
    }
}

/// Keeps the old catalog under another name.
fn set_aside(disk: &dyn Disk, dir: &DataDir) -> Result<Option<PathBuf>, StoreError> {
    let catalog = dir.catalog();
    if disk.length(&catalog).is_err() {
        return Ok(None);
    }
    let beside = |path: &Path, suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let kept = (1..).map(|n| beside(&catalog, &format!("{BEFORE_REPAIR}-{n}"))).find(|path| !path.exists());
    let kept = kept.unwrap_or_else(|| beside(&catalog, BEFORE_REPAIR));
    // The catalog last: while it is there, a store that opens it finds all of it.
    for suffix in ["-shm", "-wal", ""] {
        let (from, to) = (beside(&catalog, suffix), beside(&kept, suffix));
        match std::fs::rename(&from, &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io("rename", &from, error));
            }
            _ => {}
        }
    }
    disk.sync_directory(dir.root()).map_err(|e| StoreError::io("sync", dir.root(), e))?;
    Ok(Some(kept))
}
