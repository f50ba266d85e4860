//! Every segment file of a data directory, read whole, with what it says of itself. It must not know which of them count.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};

use super::RepairReport;
use super::choose::Candidate;
use crate::catalog::{Distinct, FieldTable};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::DatasetId;
use crate::index::Sidecar;
use crate::paths::{self, DataDir, SegmentId};
use crate::segment::SegmentInfo;
use crate::segment::blocks;
use crate::segment::footer::SegmentFooter;
use crate::segment::merge;
use crate::segment::reader::OpenSegment;

/// A segment file that says what it is.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) footer: SegmentFooter,
    /// What is wrong with it besides.
    pub(super) damage: Option<String>,
}

impl Found {
    pub(super) fn candidate(&self) -> Candidate {
        Candidate { id: self.footer.segment, sequences: self.footer.sequences.clone(), sound: self.damage.is_none() }
    }
}

/// The segment files, and the largest number that any file has.
pub(super) type Files = (Vec<Found>, u64);

/// Opens and reads all of them; what says nothing of itself is a problem.
pub(super) fn segments(
    disk: &Arc<dyn Disk>,
    dir: &DataDir,
    progress: &mut impl FnMut(u64, u64),
    report: &mut RepairReport,
) -> Result<Files, StoreError> {
    let mut files = BTreeSet::new();
    let list = |path: &Path| disk.list(path).map_err(|e| StoreError::io("list", path, e));
    let folders = if dir.segments().is_dir() { list(&dir.segments())? } else { Vec::new() };
    for folder in folders {
        let Some(dataset) = paths::dataset_of(&folder).filter(|_| folder.is_dir()) else { continue };
        for file in list(&folder)? {
            if let Some(id) = paths::segment_of(&file) {
                files.insert((dataset, id));
            }
        }
    }
    let total = files.len() as u64;
    let last = files.iter().map(|(_, id)| id.0).max().unwrap_or(0);
    let mut found = Vec::new();
    for (done, (dataset, id)) in files.into_iter().enumerate() {
        progress(done as u64, total);
        if disk.length(&dir.retired(dataset, id)).is_ok() {
            report.retired += 1;
            continue;
        }
        let path = dir.segment(dataset, id);
        let opened = match OpenSegment::open(Arc::clone(disk), dir, dataset, id) {
            Err(error) if lacks_sums(&error, &dir.sums(dataset, id)) => {
                take_as_it_is(disk, dir, (dataset, id), report)?
            }
            opened => opened.map(Some),
        };
        match opened {
            Ok(Some(open)) => {
                make_durable(&**disk, dir, (dataset, id))?;
                let damage = open.scrub().err().map(|e| e.to_string());
                let bytes = disk.length(&path).map_err(|e| StoreError::io("read", &path, e))?;
                keep_sound_sidecar(disk, dir, &open.footer().info(bytes), report)?;
                found.push(Found { path, bytes, footer: open.footer().clone(), damage });
            }
            Ok(None) => {}
            Err(error) => report.problems.push(format!("{} was left out: {error}", path.display())),
        }
    }
    progress(total, total);
    Ok((found, last))
}

/// A segment if there is one, or what is wrong with it.
type Opened = Result<Option<Arc<OpenSegment>>, StoreError>;

/// Whether it is the checksums that are absent or damaged.
fn lacks_sums(error: &StoreError, sums: &Path) -> bool {
    match error {
        StoreError::Damaged { path, .. } => path == sums,
        StoreError::Io { path, source, .. } => path == sums && source.kind() == ErrorKind::NotFound,
        _ => false,
    }
}

/// What was written and not yet synced when the process ended can be read and may still be lost. It is about to be listed,
/// and the log that has its events may go: it must be durable first.
fn make_durable(disk: &dyn Disk, dir: &DataDir, (dataset, id): (DatasetId, SegmentId)) -> Result<(), StoreError> {
    for path in [dir.segment(dataset, id), dir.sums(dataset, id)] {
        disk.sync_file(&path).map_err(|e| StoreError::io("sync", &path, e))?;
    }
    for directory in [dir.dataset(dataset), dir.segments()] {
        disk.sync_directory(&directory).map_err(|e| StoreError::io("sync", &directory, e))?;
    }
    Ok(())
}

/// A sidecar that was being written when the process ended goes: the segment is served without one.
fn keep_sound_sidecar(
    disk: &Arc<dyn Disk>,
    dir: &DataDir,
    info: &SegmentInfo,
    report: &mut RepairReport,
) -> Result<(), StoreError> {
    let path = dir.sidecar(info.dataset, info.id);
    match Sidecar::open(Arc::clone(disk), dir, info).and_then(|sidecar| sidecar.scrub()) {
        Ok(()) => disk.sync_file(&path).map_err(|e| StoreError::io("sync", &path, e)),
        Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
        Err(error @ StoreError::Damaged { .. }) => {
            report.notes.push(format!("{error}; the segment is served without it"));
            disk.remove(&path).map_err(|e| StoreError::io("remove", &path, e))
        }
        Err(error) => Err(error),
    }
}

/// Gives a segment without checksums new ones, if it is whole; otherwise it was being written when the process ended, and
/// what it was made of has its events.
fn take_as_it_is(
    disk: &Arc<dyn Disk>,
    dir: &DataDir,
    (dataset, id): (DatasetId, SegmentId),
    report: &mut RepairReport,
) -> Result<Opened, StoreError> {
    let (path, sums_path) = (dir.segment(dataset, id), dir.sums(dataset, id));
    let Ok(bytes) = disk.read(&path) else { return Ok(Ok(None)) };
    let write = || {
        match disk.remove(&sums_path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = disk.create(&sums_path)?;
        file.write_all(&blocks::sums_of(&bytes))?;
        file.sync()?;
        disk.sync_directory(&dir.dataset(dataset))
    };
    write().map_err(|e| StoreError::io("write", &sums_path, e))?;
    match OpenSegment::open(Arc::clone(disk), dir, dataset, id) {
        Ok(open) => {
            let path = path.display();
            report.notes.push(format!("{path} had no readable checksums; it is taken as it is"));
            Ok(Ok(Some(open)))
        }
        Err(_) => {
            disk.remove(&sums_path).map_err(|e| StoreError::io("remove", &sums_path, e))?;
            Ok(Ok(None))
        }
    }
}

/// Counts what a segment holds of each field. Distinct values are counted anew; nothing else remembers them.
pub(super) fn count_fields(segment: &OpenSegment, table: &mut FieldTable, problems: &mut Vec<String>) {
    for field in &segment.footer().fields {
        let Some((name, field_type)) = field.key() else { continue };
        let distinct = segment.column(&name, field_type).map(|index| distinct(segment, index));
        let distinct = distinct.unwrap_or_else(|| Ok(Distinct::default())).unwrap_or_else(|error| {
            problems.push(format!("the values of {name} were not counted: {error}"));
            Distinct::default()
        });
        table.adopt(&name, field_type, &field.column);
        table.count(&name, field_type, field.events, (field.first_seen, field.last_seen), &distinct);
    }
}

/// Counts what a segment holds in overflow, once the columns of all segments are counted.
pub(super) fn count_overflow(
    segment: &OpenSegment,
    table: &mut FieldTable,
    listed_max: usize,
    problems: &mut Vec<String>,
) {
    let counted = segment.read_overflow(|texts, times| table.count_overflow_anew(texts.iter(), times, listed_max));
    if let Err(error) = counted {
        problems.push(format!("overflow fields were not counted: {error}"));
    }
}

fn distinct(segment: &OpenSegment, index: usize) -> Result<Distinct, StoreError> {
    let mut distinct = Distinct::default();
    for batch in merge::whole_column(segment, index)? {
        let batch = batch.map_err(|e| segment.unreadable(&e))?;
        let array = batch.column(0);
        let present = (0..array.len()).filter(|row| array.is_valid(*row));
        match array.data_type() {
            DataType::Boolean => {
                let values = array.as_boolean();
                present.for_each(|row| distinct.add(Distinct::hash_boolean(values.value(row))));
            }
            DataType::Int64 => {
                let values = array.as_primitive::<Int64Type>();
                present.for_each(|row| distinct.add(Distinct::hash_integer(values.value(row))));
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>();
                present.for_each(|row| distinct.add(Distinct::hash_float(values.value(row))));
            }
            DataType::Utf8View => {
                let values = array.as_string_view();
                present.for_each(|row| distinct.add(Distinct::hash_text(values.value(row))));
            }
            _ => {}
        }
    }
    Ok(distinct)
}
