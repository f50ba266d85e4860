//! Opening a data directory, in named stages: lock, make, load, replay, sweep.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use super::acknowledged::Found;
use super::inner::Inner;
use super::load::{self, Loaded};
use super::sweep;
use super::{StoreSettings, own_memory};
use crate::backup;
use crate::catalog::{Catalog, CatalogImage};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::DatasetId;
use crate::memory::{Memory, Pool};
use crate::memtable::StoredBatch;
use crate::paths::DataDir;
use crate::repair;
use crate::segment::cache::FooterCache;
use crate::segment::sequences::Sequences;
use crate::wal::frame::{FrameBatch, Target};
use crate::wal::header;
use crate::wal::reader::{self, WalCondition, WalFiles};
use crate::wal::writer::ClosedFile;

/// Locks the directory for this process; the lock goes with the process.
pub(crate) fn lock(data_dir: &DataDir) -> Result<File, StoreError> {
    let path = data_dir.lock();
    let io = |e| StoreError::io("lock", &path, e);
    make_root(data_dir.root()).map_err(io)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => backup::refuse_unfinished(data_dir).map(|()| file),
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

/// The store's state after replay, and after a repair if the catalog needs one.
pub(super) fn open_repaired(settings: StoreSettings, memory: Memory) -> Result<Inner, StoreError> {
    let error = match open(settings.clone(), memory.clone()) {
        Err(error) if settings.repair && error.wants_repair(&settings.data_dir.catalog()) => error,
        opened => return opened,
    };
    let tell = settings.tell;
    tell(&format!("{error}; the catalog is being rebuilt from the segments and the log"));
    let mut tenth = 0;
    let report = repair::repair_locked(settings.clone(), |done, total| {
        let reached = done * 10 / total.max(1);
        if reached > tenth {
            tenth = reached;
            tell(&format!("{done} of {total} segments are read"));
        }
    })?;
    report.notes.iter().for_each(|note| tell(note));
    let inner = open(settings, memory)?;
    report.problems.into_iter().for_each(|problem| inner.note_damage(problem));
    if let Some(path) = report.unreadable {
        inner.note_damage(format!("nothing in {} could be read; this is a new store", path.display()));
    }
    Ok(inner)
}

/// The store's state after replay.
pub(super) fn open(settings: StoreSettings, memory: Memory) -> Result<Inner, StoreError> {
    let (disk, beside) = (Arc::clone(&settings.disk), settings.upkeep);
    let dir = settings.data_dir.clone();
    make_directories(&*disk, &dir)?;
    let mut catalog = open_catalog(&*disk, &dir)?;
    let mut image = catalog.load()?;
    let footers = Arc::new(FooterCache::within(&memory, settings.limits.footer_cache_bytes_max));
    let Loaded { states, damage } = load::load(&disk, &dir, &settings.limits, &footers, &mut catalog, &mut image)?;
    let strangers = sweep::strangers(&*disk, &dir, &image)?;
    empty_spill(&*disk, &dir)?;
    let inner = Inner::new(settings, memory, catalog, &image, states, damage, footers);
    inner.skip_segments(strangers.last());
    let logged = replay(&inner, None, beside)?.events;
    sweep::sweep(&inner, strangers, &logged)?;
    // They are left out of answers whether the catalog can take a note of it now or not.
    let _later = inner.set_aside_damaged();
    inner.trim_wal();
    Ok(inner)
}

/// Turns what is in the log and not `accounted` for into segments, while the catalog is being repaired; how many events
/// there were. Afterwards the catalog can be used.
pub(crate) fn take_log(
    settings: StoreSettings,
    accounted: &Sequences,
    problems: &mut Vec<String>,
) -> Result<u64, StoreError> {
    let (disk, beside) = (Arc::clone(&settings.disk), settings.upkeep);
    let dir = settings.data_dir.clone();
    make_directories(&*disk, &dir)?;
    let mut catalog = Catalog::open_repairing(&dir.catalog())?;
    let mut image = catalog.load()?;
    let memory = own_memory(&settings.limits)?;
    let footers = Arc::new(FooterCache::within(&memory, settings.limits.footer_cache_bytes_max));
    let Loaded { states, damage } = load::load(&disk, &dir, &settings.limits, &footers, &mut catalog, &mut image)?;
    let inner = Inner::new(settings, memory, catalog, &image, states, damage, footers);
    let taken = replay(&inner, Some(accounted), beside)?.taken;
    inner.flush_all()?;
    inner.end_repair()?;
    inner.trim_wal();
    problems.extend(inner.health().damage);
    Ok(taken)
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

/// A new catalog over old files would not know them. A log file without a whole header, and a directory without files,
/// are of a beginning that came to nothing: no event was ever in them.
fn refuse_old_files(disk: &dyn Disk, dir: &DataDir) -> Result<(), StoreError> {
    let is_begun = |log: &PathBuf| !disk.length(log).is_ok_and(|bytes| bytes < header::BYTES_MIN);
    let mut is_old = sweep::list(disk, &dir.wal())?.iter().any(is_begun);
    for folder in sweep::list(disk, &dir.segments())? {
        is_old |= !folder.is_dir() || !sweep::list(disk, &folder)?.is_empty();
    }
    match is_old {
        true => Err(StoreError::CatalogMissing { path: dir.root().to_owned() }),
        false => Ok(()),
    }
}

fn new_store_id() -> Result<[u8; 16], StoreError> {
    let mut id = [0; 16];
    let read = File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut id));
    read.map_err(|e| StoreError::io("read", Path::new("/dev/urandom"), e))?;
    Ok(id)
}

/// Removes what queries of an earlier process spilled.
fn empty_spill(disk: &dyn Disk, dir: &DataDir) -> Result<(), StoreError> {
    for file in sweep::list(disk, &dir.spill())? {
        let removed = if file.is_dir() { std::fs::remove_dir_all(&file) } else { std::fs::remove_file(&file) };
        removed.map_err(|e| StoreError::io("remove", &file, e))?;
    }
    Ok(())
}

/// What a replay has read.
#[derive(Default)]
struct Replayed {
    /// Every event of the log.
    events: Sequences,
    /// How many of them went into memtables.
    taken: u64,
}

/// Reads the log into memtables, flushing while it reads: what is not below the watermark of its dataset, or what is not
/// `accounted` for where there is no watermark to go by.
///
/// With `beside` another thread flushes, so that a long log takes as long as the slower of both.
fn replay(inner: &Inner, accounted: Option<&Sequences>, beside: bool) -> Result<Replayed, StoreError> {
    // A full disk must not keep the store from opening: the events were in memory before, and are again.
    let flush = || {
        let _counted = inner.flush_large();
    };
    if !beside {
        return read_log(inner, accounted, flush);
    }
    thread::scope(|scope| {
        let (wake, woken) = sync_channel(1);
        scope.spawn(move || woken.into_iter().for_each(|()| flush()));
        read_log(inner, accounted, move || {
            // Waiting until one flush more has begun is waiting until the one under way has ended.
            let full = inner.memory.is_full(Pool::Memtables);
            let _flushing = if full { wake.send(()).is_ok() } else { wake.try_send(()).is_ok() };
        })
    })
}

/// Reads the log into memtables; `relieve` is called after each frame.
fn read_log(inner: &Inner, accounted: Option<&Sequences>, relieve: impl Fn()) -> Result<Replayed, StoreError> {
    let directory = inner.data_dir.wal();
    let listed = WalFiles::list(&*inner.disk, &directory, inner.store_id)?;
    inner.disk.sync_directory(&directory).map_err(|e| StoreError::io("sync", &directory, e))?;
    let now = inner.clock.now();
    let mut total = WalCondition::default();
    let mut replayed = Replayed::default();
    let mut found = Found::default();
    let mut strangers = BTreeSet::new();
    for (number, path) in listed.files {
        inner.wal.skip_files(number);
        let end = listed.ends.get(&number).copied();
        let cuts = listed.cuts.get(&number).cloned().unwrap_or_default();
        let mut closed = ClosedFile { number, path: path.clone(), cuts, cut: end.is_some(), ..ClosedFile::default() };
        let condition = reader::read(&*inner.disk, &path, inner.store_id, end, |content| {
            closed.note(&content);
            found.add(number, content.acknowledgements, now);
            for batch in content.batches {
                let last = batch.first_sequence + batch.events.rows() as u64 - 1;
                replayed.events.insert(batch.first_sequence, last);
                inner.next_sequence.fetch_max(last + 1, Ordering::SeqCst);
                replayed.taken += replay_batch(inner, batch, accounted, &mut strangers);
            }
            relieve();
            Ok(())
        })?;
        // What was written and not yet synced is taken for acknowledged from now on: it must be durable first.
        inner.disk.sync_file(&path).map_err(|e| StoreError::io("sync", &path, e))?;
        closed.bytes = inner.disk.length(&path).map_err(|e| StoreError::io("read", &path, e))?;
        closed.damaged = condition.damaged_bytes > 0;
        condition.problems(&path).into_iter().for_each(|problem| inner.note_damage(problem));
        total.add(&condition);
        inner.wal.close(closed);
    }
    inner.acknowledged.restore(found);
    inner.set_replay(total);
    Ok(replayed)
}

/// Shows a batch of the log to readers, if it is to be; how many events that were.
fn replay_batch(
    inner: &Inner,
    batch: FrameBatch,
    accounted: Option<&Sequences>,
    strangers: &mut BTreeSet<DatasetId>,
) -> u64 {
    let Target { id, name } = batch.target;
    let Some(watermark) = inner.watermark(id) else {
        if strangers.insert(id) {
            inner.note_damage(format!("the log has events of dataset {id} ({name}), which the catalog does not know"));
        }
        return 0;
    };
    if batch.first_sequence < watermark {
        return 0;
    }
    let stored = StoredBatch::new(batch.events, batch.first_sequence, batch.received);
    let left = match accounted {
        Some(accounted) => stored.without(accounted),
        None => Ok(Some(stored)),
    };
    match left {
        Ok(Some(left)) => {
            let rows = left.rows() as u64;
            inner.show_one(id, left);
            rows
        }
        Ok(None) => 0,
        Err(error) => {
            inner.note_damage(error.to_string());
            0
        }
    }
}

/// The counter that the next event's number is taken from.
pub(super) fn sequence_counter(image: &CatalogImage) -> AtomicU64 {
    AtomicU64::new(image.next_sequence)
}
