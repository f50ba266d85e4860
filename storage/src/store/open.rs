//! Opening a data directory, in named stages: lock, make, load, replay, sweep.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::StoreSettings;
use super::inner::{DatasetState, Inner};
use super::sweep;
use crate::catalog::{Catalog, CatalogImage};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::memtable::StoredBatch;
use crate::paths::{self, DataDir};
use crate::segment::cache::FooterCache;
use crate::segment::reader::Segment;
use crate::segment::sequences::Sequences;
use crate::wal::frame::FrameBatch;
use crate::wal::reader::{self, WalCondition};
use crate::wal::writer::ClosedFile;

/// Locks the directory for this process; the lock goes with the process.
pub(crate) fn lock(data_dir: &DataDir) -> Result<File, StoreError> {
    let path = data_dir.lock();
    let io = |e| StoreError::io("lock", &path, e);
    make_root(data_dir.root()).map_err(io)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Locked { path: data_dir.root().to_owned() }),
        Err(std::fs::TryLockError::Error(error)) => Err(io(error)),
    }
}

/// Makes the directory, and its name durable: what is acknowledged in it must not go with it.
fn make_root(root: &Path) -> std::io::Result<()> {
    if root.is_dir() {
        return Ok(());
    }
    let parent = root.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_root(parent)?;
    match std::fs::create_dir(root) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => File::open(parent)?.sync_all(),
    }
}

/// The store's state after replay, and the number of the next WAL file.
pub(super) fn open(settings: StoreSettings) -> Result<(Inner, u64), StoreError> {
    let disk = Arc::clone(&settings.disk);
    let dir = settings.data_dir.clone();
    make_directories(&*disk, &dir)?;
    let catalog = open_catalog(&*disk, &dir)?;
    let image = catalog.load()?;
    let footers = Arc::new(FooterCache::new(settings.limits.footer_cache_bytes_max));
    let (states, damage) = load_states(&disk, &dir, &image, &footers)?;
    let watermarks = image.datasets.iter().map(|d| (d.id, d.watermark)).collect();
    let strangers = sweep::strangers(&*disk, &dir, &image)?;
    empty_spill(&*disk, &dir)?;
    let inner = Inner::new(settings, catalog, &image, states, damage, footers);
    inner.skip_segments(strangers.last());
    let (next_file, logged) = replay(&inner)?;
    sweep::sweep(&inner, strangers, &watermarks, &logged)?;
    inner.trim_wal();
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
    if !path.exists() {
        refuse_old_files(disk, dir)?;
    }
    let catalog = Catalog::open(&path, || {
        refuse_old_files(disk, dir)?;
        new_store_id()
    })?;
    disk.sync_directory(dir.root()).map_err(|e| StoreError::io("sync", dir.root(), e))?;
    Ok(catalog)
}

/// A new catalog over old files would not know them.
fn refuse_old_files(disk: &dyn Disk, dir: &DataDir) -> Result<(), StoreError> {
    for held in [dir.segments(), dir.wal()] {
        if !sweep::list(disk, &held)?.is_empty() {
            return Err(StoreError::CatalogMissing { path: dir.root().to_owned() });
        }
    }
    Ok(())
}

fn new_store_id() -> Result<[u8; 16], StoreError> {
    let mut id = [0; 16];
    let read = File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut id));
    read.map_err(|e| StoreError::io("read", Path::new("/dev/urandom"), e))?;
    Ok(id)
}

/// The datasets with the segments that are there, and what is missing.
fn load_states(
    disk: &Arc<dyn Disk>,
    dir: &DataDir,
    image: &CatalogImage,
    footers: &Arc<FooterCache>,
) -> Result<(Vec<DatasetState>, Vec<String>), StoreError> {
    let mut damage = Vec::new();
    let mut states = Vec::with_capacity(image.datasets.len());
    for row in &image.datasets {
        let mut segments = Vec::new();
        for info in image.segments.iter().filter(|s| s.dataset == row.id) {
            let path = dir.segment(info.dataset, info.id);
            match disk.length(&path) {
                Ok(length) if length == info.bytes => {
                    segments.push(Arc::new(Segment::new(info.clone(), Arc::clone(disk), dir.clone(), footers)));
                }
                Ok(length) => damage.push(format!("{} has {length} bytes instead of {}", path.display(), info.bytes)),
                Err(error) => damage.push(format!("{} cannot be read: {error}", path.display())),
            }
        }
        states.push(DatasetState::new(row, segments));
    }
    Ok((states, damage))
}

/// Removes what queries of an earlier process spilled.
fn empty_spill(disk: &dyn Disk, dir: &DataDir) -> Result<(), StoreError> {
    for file in sweep::list(disk, &dir.spill())? {
        let removed = if file.is_dir() { std::fs::remove_dir_all(&file) } else { std::fs::remove_file(&file) };
        removed.map_err(|e| StoreError::io("remove", &file, e))?;
    }
    Ok(())
}

/// Reads the log into memtables, flushing while it reads; returns the number of the next file and what was read.
fn replay(inner: &Inner) -> Result<(u64, Sequences), StoreError> {
    let files = sweep::list(&*inner.disk, &inner.data_dir.wal())?;
    let mut next_file = 1;
    let mut total = WalCondition::default();
    let mut logged = Sequences::default();
    for path in files {
        let Some(number) = paths::wal_number(&path) else { continue };
        next_file = next_file.max(number + 1);
        let mut closed = ClosedFile { path: path.clone(), bytes: 0, last: Default::default() };
        let condition = reader::read(&*inner.disk, &path, inner.store_id, |batches| {
            for batch in batches {
                let last = batch.first_sequence + batch.events.rows() as u64 - 1;
                closed.last.insert(batch.dataset, last);
                logged.insert(batch.first_sequence, last);
                inner.next_sequence.fetch_max(last + 1, Ordering::SeqCst);
                replay_batch(inner, batch)?;
            }
            inner.flush_large()
        })?;
        closed.bytes = inner.disk.length(&path).map_err(|e| StoreError::io("read", &path, e))?;
        total.frames += condition.frames;
        total.events += condition.events;
        total.damaged_bytes += condition.damaged_bytes;
        total.torn_at = condition.torn_at.or(total.torn_at);
        if condition.damaged_bytes > 0 {
            // It is never trimmed: somebody may still read what we cannot.
            inner.note_damage(format!("{} has {} damaged bytes", path.display(), condition.damaged_bytes));
        } else {
            inner.wal.close(closed);
        }
    }
    inner.set_replay(total);
    Ok((next_file, logged))
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
