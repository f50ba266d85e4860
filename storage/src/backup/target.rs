//! The directory of the backups: generations that share their segments. What counts is durable, and is never changed.
//! It must not know where the bytes come from.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::copy::{self, CopyError, Parts, Readers, UNFINISHED, Written, make_directory};
use super::manifest::{Manifest, StoredFile};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::paths;

const LOCK: &str = "lock";
const MANIFEST: &str = "manifest.json";
const GENERATIONS: &str = "generations";
const SEGMENTS: &str = "segments";

/// A backup's directory, locked.
pub(super) struct Target {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    _lock: File,
}

/// A backup that was taken to its end.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) number: u64,
    /// What it consists of; what is wrong with it if that cannot be read.
    pub(super) manifest: Result<Manifest, StoreError>,
}

impl Target {
    pub(super) fn open(disk: Arc<dyn Disk>, root: &Path) -> Result<Target, StoreError> {
        make_directory(&*disk, root)?;
        refuse_others(&*disk, root)?;
        let path = root.join(LOCK);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = file.map_err(|e| StoreError::io("lock", &path, e))?;
        match lock.try_lock() {
            Ok(()) => Ok(Target { disk, root: root.to_owned(), _lock: lock }),
            Err(error) => Err(not_locked(root, error)),
        }
    }

    pub(super) fn path(&self, stored: &str) -> PathBuf {
        self.root.join(stored)
    }

    /// The backups that are there, the oldest first.
    pub(super) fn generations(&self) -> Result<Vec<Generation>, StoreError> {
        generations(&*self.disk, &self.root)
    }

    /// Removes what earlier work began and did not end, and makes room for a new generation. What is among the segments is
    /// found by its name or not at all.
    pub(super) fn begin_generation(&self, whole: &[Generation], new: u64) -> Result<(), StoreError> {
        make_directory(&*self.disk, &self.path(GENERATIONS))?;
        for (number, path) in numbered(&*self.disk, &self.root)? {
            if whole.iter().all(|generation| generation.number != number) {
                self.remove_all(&path)?;
            }
        }
        make_directory(&*self.disk, &self.path(&generation_path(new)).join("wal"))?;
        make_directory(&*self.disk, &self.path(SEGMENTS))
    }

    /// Writes a file out of `from`, which hands out bytes until there are no more.
    pub(super) fn write(
        &self,
        stored: &str,
        from: impl FnMut(&mut Vec<u8>) -> Result<(), StoreError>,
    ) -> Result<Written, CopyError> {
        copy::write(&*self.disk, &self.path(stored), Readers::Anybody, None, from)
    }

    /// The same for a file that only its owner reads.
    pub(super) fn write_private(
        &self,
        stored: &str,
        from: impl FnMut(&mut Vec<u8>) -> Result<(), StoreError>,
    ) -> Result<Written, CopyError> {
        copy::write(&*self.disk, &self.path(stored), Readers::Owner, None, from)
    }

    pub(super) fn write_bytes(&self, stored: &str, bytes: &[u8]) -> Result<Written, StoreError> {
        copy::write_bytes(&*self.disk, &self.path(stored), bytes)
    }

    /// Takes a file for its own that somebody else has written here, and makes it durable.
    pub(super) fn adopt(&self, stored: &str) -> Result<Written, StoreError> {
        let path = self.path(stored);
        let synced = self.disk.sync_file(&path).and_then(|()| self.disk.sync_directory(copy::parent(&path)));
        synced.map_err(|e| StoreError::io("sync", &path, e))?;
        Parts::of(&*self.disk, &path)?.checksum()
    }

    /// From here on the generation is one of the backups.
    pub(super) fn end_generation(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let bytes = manifest.to_bytes().map_err(StoreError::Bug)?;
        let stored = format!("{}/{MANIFEST}", generation_path(manifest.generation));
        self.write_bytes(&stored, &bytes).map(drop)
    }

    /// Removes all but the last `keep` generations, and the segments that none of those has; what is left undone, in words.
    pub(super) fn prune(&self, keep: usize) -> Result<Vec<String>, StoreError> {
        let mut generations = self.generations()?;
        let kept = generations.split_off(generations.len().saturating_sub(keep.max(1)));
        let (gone, unreadable): (Vec<_>, Vec<_>) = generations.into_iter().partition(|g| g.manifest.is_ok());
        for generation in gone {
            let path = self.path(&generation_path(generation.number));
            // It ends before anything that it names goes.
            let manifest = path.join(MANIFEST);
            let ended = self.disk.remove(&manifest).and_then(|()| self.disk.sync_directory(&path));
            ended.map_err(|e| StoreError::io("remove", &manifest, e))?;
            self.remove_all(&path)?;
        }
        let mut named = HashSet::new();
        let mut problems = Vec::new();
        for generation in unreadable.into_iter().chain(kept) {
            match generation.manifest {
                Ok(manifest) => named.extend(manifest.files.iter().map(|file| self.path(&file.stored))),
                Err(error) => problems.push(format!(
                    "{error}; what generation {} consists of is unknown, so no segment is removed: remove {} to give it up",
                    generation.number,
                    self.path(&generation_path(generation.number)).display()
                )),
            }
        }
        if problems.is_empty() {
            self.remove_segments_but(&named)?;
        }
        Ok(problems)
    }

    fn remove_segments_but(&self, named: &HashSet<PathBuf>) -> Result<(), StoreError> {
        let folders = self.list(&self.path(SEGMENTS))?;
        for folder in folders.into_iter().filter(|path| path.is_dir() && paths::dataset_of(path).is_some()) {
            for file in self.list(&folder)? {
                if is_of_segment(&file) && !named.contains(&file) {
                    self.disk.remove(&file).map_err(|e| StoreError::io("remove", &file, e))?;
                }
            }
        }
        Ok(())
    }

    /// Whether a file of the backup is there in its length.
    pub(super) fn has(&self, file: &StoredFile) -> bool {
        self.disk.length(&self.path(&file.stored)).is_ok_and(|length| length == file.bytes)
    }

    fn list(&self, directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
        self.disk.list(directory).map_err(|e| StoreError::io("list", directory, e))
    }

    fn remove_all(&self, directory: &Path) -> Result<(), StoreError> {
        let io = |e| StoreError::io("remove", directory, e);
        for path in self.list(directory)? {
            if path.is_dir() {
                self.remove_all(&path)?;
            } else {
                self.disk.remove(&path).map_err(io)?;
            }
        }
        std::fs::remove_dir(directory).map_err(io)
    }
}

/// Keeps backups away while one is read. Where there is no lock, it is a copy that nobody writes.
pub(super) fn lock_to_read(root: &Path) -> Result<Option<File>, StoreError> {
    let path = root.join(LOCK);
    match File::open(&path) {
        Ok(lock) => match lock.try_lock_shared() {
            Ok(()) => Ok(Some(lock)),
            Err(error) => Err(not_locked(root, error)),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("lock", &path, error)),
    }
}

fn not_locked(root: &Path, error: std::fs::TryLockError) -> StoreError {
    match error {
        std::fs::TryLockError::WouldBlock => StoreError::BackupLocked { path: root.to_owned() },
        std::fs::TryLockError::Error(error) => StoreError::io("lock", &root.join(LOCK), error),
    }
}

/// A directory that holds anything else is somebody else's, above all one that has segments of its own. Generations are
/// what is made first.
fn refuse_others(disk: &dyn Disk, root: &Path) -> Result<(), StoreError> {
    let held = disk.list(root).map_err(|e| StoreError::io("list", root, e))?;
    if root.join(GENERATIONS).is_dir() || held.iter().all(|path| *path == root.join(LOCK)) {
        return Ok(());
    }
    Err(StoreError::NotABackup { path: root.to_owned() })
}

/// The generations of which there is something, by number.
fn numbered(disk: &dyn Disk, root: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let all = root.join(GENERATIONS);
    let held = match disk.list(&all) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        held => held.map_err(|e| StoreError::io("list", &all, e))?,
    };
    let number = |path: PathBuf| {
        let number = path.file_name()?.to_str()?.parse().ok()?;
        (path.is_dir() && root.join(generation_path(number)) == path).then_some((number, path))
    };
    let mut numbered: Vec<(u64, PathBuf)> = held.into_iter().filter_map(number).collect();
    numbered.sort_unstable();
    Ok(numbered)
}

/// The backups in a directory, the oldest first.
pub(super) fn generations(disk: &dyn Disk, root: &Path) -> Result<Vec<Generation>, StoreError> {
    let mut whole = Vec::new();
    for (number, directory) in numbered(disk, root)? {
        let path = directory.join(MANIFEST);
        let manifest = match disk.read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => Err(StoreError::io("read", &path, error)),
            Ok(bytes) => Manifest::from_bytes(&bytes, number).map_err(|what| StoreError::damaged(&path, what)),
        };
        whole.push(Generation { number, manifest });
    }
    Ok(whole)
}

/// Where the files of a generation are.
pub(super) fn generation_path(generation: u64) -> String {
    format!("{GENERATIONS}/{generation:08}")
}

/// Whether a file is named as those of segments are here, finished or not.
fn is_of_segment(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.strip_suffix(UNFINISHED).unwrap_or(name);
    let parts = name.split_once('.').and_then(|(stem, kind)| Some((stem.split_once('-')?, kind)));
    parts.is_some_and(|((number, hash), kind)| {
        let digits = number.len() >= 12 && number.bytes().all(|b| b.is_ascii_digit());
        let hash = hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        digits && hash && ["parquet", "sums", "index"].contains(&kind)
    })
}
