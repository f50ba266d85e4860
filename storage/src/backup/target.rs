//! The directory of a backup. A file is written under a name that does not count, made durable, and then given its own.
//! It must not know where the bytes come from.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::COPY_BYTES;
use super::manifest::{Manifest, StoredFile};
use crate::disk::Disk;
use crate::error::StoreError;

const MANIFEST: &str = "manifest.json";
const GENERATIONS: &str = "generations";
const SEGMENTS: &str = "segments";
/// What a file has behind its name while it is being written.
const UNFINISHED: &str = "unfinished";

/// A backup's directory, locked.
pub(super) struct Target {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    _lock: File,
}

/// What was written of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) bytes: u64,
    pub(super) checksum: u64,
}

impl Target {
    pub(super) fn open(disk: Arc<dyn Disk>, root: &Path) -> Result<Target, StoreError> {
        let io = |e| StoreError::io("create", root, e);
        disk.create_directory(root).map_err(io)?;
        if let Some(parent) = root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            disk.sync_directory(parent).map_err(io)?;
        }
        let path = root.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = file.map_err(|e| StoreError::io("lock", &path, e))?;
        match lock.try_lock() {
            Ok(()) => Ok(Target { disk, root: root.to_owned(), _lock: lock }),
            Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::BackupLocked { path: root.to_owned() }),
            Err(std::fs::TryLockError::Error(error)) => Err(StoreError::io("lock", &path, error)),
        }
    }

    pub(super) fn path(&self, stored: &str) -> PathBuf {
        self.root.join(stored)
    }

    /// The backup that is there, if there is one.
    pub(super) fn manifest(&self) -> Result<Option<Manifest>, StoreError> {
        read_manifest(&*self.disk, &self.root)
    }

    /// Removes what earlier work began and did not end. What is among the segments is found by its name or not at all.
    pub(super) fn begin_generation(&self, current: Option<u64>, new: u64) -> Result<(), StoreError> {
        let all = self.path(GENERATIONS);
        self.make_directory(&all)?;
        for generation in self.list(&all)?.into_iter().filter(|path| path.is_dir()) {
            if current.is_none_or(|current| generation != self.path(&generation_path(current))) {
                self.remove_all(&generation)?;
            }
        }
        self.make_directory(&self.path(&generation_path(new)))?;
        self.make_directory(&self.path(&generation_path(new)).join("wal"))?;
        self.make_directory(&self.path(SEGMENTS))
    }

    /// Writes a file out of `from`, which hands out bytes until there are no more, and makes it durable under its name.
    pub(super) fn write(
        &self,
        stored: &str,
        mut from: impl FnMut(&mut Vec<u8>) -> Result<(), StoreError>,
    ) -> Result<Written, StoreError> {
        let path = self.path(stored);
        let unfinished = self.unfinished(&path)?;
        let io = |e| StoreError::io("write", &path, e);
        let mut file = self.disk.create(&unfinished).map_err(io)?;
        let mut sum = Xxh3::new();
        let mut written = Written { bytes: 0, checksum: 0 };
        let mut bytes = Vec::with_capacity(COPY_BYTES);
        loop {
            bytes.clear();
            if let Err(error) = from(&mut bytes) {
                drop(file);
                self.disk.remove(&unfinished).map_err(io)?;
                return Err(error);
            }
            if bytes.is_empty() {
                break;
            }
            sum.update(&bytes);
            file.write_all(&bytes).map_err(io)?;
            written.bytes += bytes.len() as u64;
        }
        file.sync().map_err(io)?;
        self.name(&unfinished, &path)?;
        written.checksum = sum.digest();
        Ok(written)
    }

    /// Takes a file for its own that somebody else has written here, and makes it durable.
    pub(super) fn adopt(&self, stored: &str) -> Result<Written, StoreError> {
        let path = self.path(stored);
        let io = |e| StoreError::io("sync", &path, e);
        self.disk.sync_file(&path).map_err(io)?;
        self.sync_parent(&path)?;
        checksum(&path)
    }

    /// A place for a file that is not finished, with nothing there.
    fn unfinished(&self, path: &Path) -> Result<PathBuf, StoreError> {
        if let Some(parent) = path.parent() {
            self.make_directory(parent)?;
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(UNFINISHED);
        let unfinished = PathBuf::from(name);
        match self.disk.remove(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::io("remove", &unfinished, error)),
            _ => Ok(unfinished),
        }
    }

    fn name(&self, unfinished: &Path, path: &Path) -> Result<(), StoreError> {
        self.disk.rename(unfinished, path).map_err(|e| StoreError::io("rename", path, e))?;
        self.sync_parent(path)
    }

    fn sync_parent(&self, path: &Path) -> Result<(), StoreError> {
        let parent = path.parent().unwrap_or(&self.root);
        self.disk.sync_directory(parent).map_err(|e| StoreError::io("sync", parent, e))
    }

    /// From here on the backup is what `manifest` says.
    pub(super) fn switch(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let bytes = manifest.to_bytes().map_err(StoreError::Bug)?;
        let mut rest = Some(bytes);
        self.write(MANIFEST, |out| {
            out.extend(rest.take().unwrap_or_default());
            Ok(())
        })?;
        Ok(())
    }

    /// Removes what the backup does not consist of.
    pub(super) fn prune(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let current = self.path(&generation_path(manifest.generation));
        for generation in self.list(&self.path(GENERATIONS))?.into_iter().filter(|path| path.is_dir()) {
            if generation != current {
                self.remove_all(&generation)?;
            }
        }
        let named: HashSet<PathBuf> = manifest.files.iter().map(|file| self.path(&file.stored)).collect();
        for dataset in self.list(&self.path(SEGMENTS))?.into_iter().filter(|path| path.is_dir()) {
            for file in self.list(&dataset)? {
                if !named.contains(&file) {
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

    fn make_directory(&self, path: &Path) -> Result<(), StoreError> {
        if path.is_dir() {
            return Ok(());
        }
        let made = self.disk.create_directory(path);
        made.map_err(|e| StoreError::io("create", path, e))?;
        self.sync_parent(path)
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

pub(super) fn read_manifest(disk: &dyn Disk, root: &Path) -> Result<Option<Manifest>, StoreError> {
    let path = root.join(MANIFEST);
    match disk.read(&path) {
        Ok(bytes) => Manifest::from_bytes(&bytes).map(Some).map_err(|what| StoreError::damaged(&path, what)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", &path, error)),
    }
}

/// Where the files of a generation are.
pub(super) fn generation_path(generation: u64) -> String {
    format!("{GENERATIONS}/{generation:08}")
}

/// Length and checksum of a whole file.
pub(super) fn checksum(path: &Path) -> Result<Written, StoreError> {
    let io = |e| StoreError::io("read", path, e);
    let mut file = File::open(path).map_err(io)?;
    let mut sum = Xxh3::new();
    let mut bytes = vec![0; COPY_BYTES];
    let mut length = 0;
    loop {
        match file.read(&mut bytes).map_err(io)? {
            0 => return Ok(Written { bytes: length, checksum: sum.digest() }),
            read => {
                sum.update(&bytes[..read]);
                length += read as u64;
            }
        }
    }
}
