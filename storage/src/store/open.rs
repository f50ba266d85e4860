//! Opening a data directory, in named stages: lock, make, load, sweep, replay.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::StoreSettings;
use super::inner::{DatasetState, Inner};
use crate::catalog::{Catalog, CatalogImage};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::memtable::StoredBatch;
use crate::paths::{self, DataDir};
use crate::segment::reader::Segment;
use crate::wal::frame::FrameBatch;
use crate::wal::reader::{self, WalCondition};
use crate::wal::writer::ClosedFile;

/// Locks the directory for this process; the lock goes with the process.
pub(crate) fn lock(data_dir: &DataDir) -> Result<File, StoreError> {
    let path = data_dir.lock();
    let io = |e| StoreError::io("lock", &path, e);
    std::fs::create_dir_all(data_dir.root()).map_err(io)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Locked { path: data_dir.root().to_owned() }),
        Err(std::fs::TryLockError::Error(error)) => Err(io(error)),
    }
}

/// The store's state after replay, and the number of the next WAL file.
pub(super) fn open(settings: StoreSettings) -> Result<(Inner, u64), StoreError> {
    let disk = Arc::clone(&settings.disk);
    let dir = settings.data_dir.clone();
    make_directories(&*disk, &dir)?;
    let catalog = open_catalog(&*disk, &dir)?;
    let image = catalog.load()?;
    let (states, damage) = load_states(&disk, &dir, &image)?;
    sweep(&*disk, &dir, &image)?;
    let inner = Inner::new(settings, catalog, &image, states, damage);
    let next_file = replay(&inner)?;
    Ok((inner, next_file))
}

fn make_directories(disk: &dyn Disk, dir: &DataDir) -> Result<(), StoreError> {
    for path in [dir.wal(), dir.segments(), dir.spill()] {
        disk.create_directory(&path).map_err(|e| StoreError::io("create", &path, e))?;
    }
    disk.sync_directory(dir.root()).map_err(|e| StoreError::io("sync", dir.root(), e))
}

fn open_catalog(disk: &dyn Disk, dir: &DataDir) -> Result<Catalog, StoreError> {
    let path = dir.catalog();
    let fresh = !path.exists();
    if fresh {
        // A new catalog over old files would call them strangers and sweep them away.
        for held in [dir.segments(), dir.wal()] {
            let files = disk.list(&held).map_err(|e| StoreError::io("list", &held, e))?;
            if !files.is_empty() {
                return Err(StoreError::CatalogMissing { path: dir.root().to_owned() });
            }
        }
    }
    let catalog = Catalog::open(&path, new_store_id()?)?;
    if fresh {
        disk.sync_directory(dir.root()).map_err(|e| StoreError::io("sync", dir.root(), e))?;
    }
    Ok(catalog)
}

fn new_store_id() -> Result<[u8; 16], StoreError> {
    let mut id = [0; 16];
    let read = File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut id));
    read.map_err(|e| StoreError::io("read", std::path::Path::new("/dev/urandom"), e))?;
    Ok(id)
}

/// The datasets with the segments that are there, and what is missing.
fn load_states(
    disk: &Arc<dyn Disk>,
    dir: &DataDir,
    image: &CatalogImage,
) -> Result<(Vec<DatasetState>, Vec<String>), StoreError> {
    let mut damage = Vec::new();
    let mut states = Vec::with_capacity(image.datasets.len());
    for row in &image.datasets {
        let mut segments = Vec::new();
        for info in image.segments.iter().filter(|s| s.dataset == row.id) {
            let path = dir.segment(info.dataset, info.id);
            match disk.length(&path) {
                Ok(length) if length == info.bytes => {
                    segments.push(Arc::new(Segment::new(info.clone(), Arc::clone(disk), dir.clone())));
                }
                Ok(length) => damage.push(format!("{} has {length} bytes instead of {}", path.display(), info.bytes)),
                Err(error) => damage.push(format!("{} cannot be read: {error}", path.display())),
            }
        }
        states.push(DatasetState::new(row, segments));
    }
    Ok((states, damage))
}

/// Removes files of ours that the catalog does not list: segments that were being written when the process ended.
fn sweep(disk: &dyn Disk, dir: &DataDir, image: &CatalogImage) -> Result<(), StoreError> {
    let list = |path: &std::path::Path| disk.list(path).map_err(|e| StoreError::io("list", path, e));
    for folder in list(&dir.segments())? {
        let Some(dataset) = paths::dataset_of(&folder) else { continue };
        for file in list(&folder)? {
            let Some(id) = paths::segment_of(&file) else { continue };
            if !image.segments.iter().any(|s| s.dataset == dataset && s.id == id) {
                disk.remove(&file).map_err(|e| StoreError::io("remove", &file, e))?;
            }
        }
    }
    for file in list(&dir.spill())? {
        let removed = if file.is_dir() { std::fs::remove_dir_all(&file) } else { std::fs::remove_file(&file) };
        removed.map_err(|e| StoreError::io("remove", &file, e))?;
    }
    Ok(())
}

/// Reads the log into memtables, flushing while it reads; returns the number of the next file.
fn replay(inner: &Inner) -> Result<u64, StoreError> {
    let directory = inner.data_dir.wal();
    let files = inner.disk.list(&directory).map_err(|e| StoreError::io("list", &directory, e))?;
    let mut next_file = 1;
    let mut total = WalCondition::default();
    for path in files {
        let Some(number) = paths::wal_number(&path) else { continue };
        next_file = next_file.max(number + 1);
        let mut closed = ClosedFile { path: path.clone(), bytes: 0, last: Default::default() };
        let condition = reader::read(&*inner.disk, &path, inner.store_id, |batches| {
            for batch in batches {
                let last = batch.first_sequence + batch.events.rows() as u64 - 1;
                closed.last.insert(batch.dataset, last);
                inner.next_sequence.fetch_max(last + 1, Ordering::SeqCst);
                replay_batch(inner, batch)?;
            }
            inner.flush_due()
        })?;
        closed.bytes = inner.disk.length(&path).map_err(|e| StoreError::io("read", &path, e))?;
        if condition.damaged_bytes > 0 {
            inner.note_damage(format!("{} has {} damaged bytes", path.display(), condition.damaged_bytes));
        }
        total.frames += condition.frames;
        total.events += condition.events;
        total.damaged_bytes += condition.damaged_bytes;
        total.torn_at = condition.torn_at.or(total.torn_at);
        inner.wal.close(closed);
    }
    inner.set_replay(total);
    inner.trim_wal();
    Ok(next_file)
}

fn replay_batch(inner: &Inner, batch: FrameBatch) -> Result<(), StoreError> {
    let Some(watermark) = inner.watermark(batch.dataset) else {
        inner.note_damage(format!("the log has events of dataset {}, which the catalog does not know", batch.dataset));
        return Ok(());
    };
    if batch.first_sequence < watermark {
        return Ok(());
    }
    inner.show_one(batch.dataset, StoredBatch::new(batch.events, batch.first_sequence, batch.received));
    Ok(())
}

/// The counter that the next event's number is taken from.
pub(super) fn sequence_counter(image: &CatalogImage) -> AtomicU64 {
    AtomicU64::new(image.next_sequence)
}
