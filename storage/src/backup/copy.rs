//! Files that are there whole or not at all. A file is written under a name that does not count, made durable, and then
//! given its own. It must not know what is in them.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use crate::disk::Disk;
use crate::error::StoreError;

/// Bytes that are read and written at a time: whole blocks of a segment.
pub(super) const COPY_BYTES: usize = 1 << 20;
/// What a file has behind its name while it is being written.
pub(super) const UNFINISHED: &str = ".unfinished";

/// Length and checksum of a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) bytes: u64,
    pub(super) checksum: u64,
}

/// Why a file was not copied. The one says something of what was to be copied, the other of where to.
#[derive(Debug)]
pub(super) enum CopyError {
    Source(StoreError),
    Target(StoreError),
}

impl From<CopyError> for StoreError {
    fn from(error: CopyError) -> StoreError {
        match error {
            CopyError::Source(error) | CopyError::Target(error) => error,
        }
    }
}

/// What must come out of a source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) source: &'a Path,
    pub(super) written: Written,
}

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    Anybody,
    Owner,
}

/// Writes a file out of `from`, which hands out bytes until there are no more, and makes it and its name durable.
pub(super) fn write(
    disk: &dyn Disk,
    path: &Path,
    readers: Readers,
    expected: Option<Expected<'_>>,
    mut from: impl FnMut(&mut Vec<u8>) -> Result<(), StoreError>,
) -> Result<Written, CopyError> {
    let unfinished = make_way(disk, path).map_err(CopyError::Target)?;
    let io = |e| CopyError::Target(StoreError::io("write", path, e));
    let mut file = disk.create(&unfinished).map_err(io)?;
    if readers == Readers::Owner {
        make_private(&unfinished).map_err(CopyError::Target)?;
    }
    let mut sum = Xxh3::new();
    let mut written = Written { bytes: 0, checksum: 0 };
    let mut bytes = Vec::with_capacity(COPY_BYTES);
    let wrong = loop {
        bytes.clear();
        match from(&mut bytes) {
            Err(error) => break Some(error),
            Ok(()) if bytes.is_empty() => {
                written.checksum = sum.digest();
                let other = expected.filter(|expected| expected.written != written);
                break other.map(|expected| StoreError::damaged(expected.source, "it fails its checksum"));
            }
            Ok(()) => {
                sum.update(&bytes);
                file.write_all(&bytes).map_err(io)?;
                written.bytes += bytes.len() as u64;
            }
        }
    };
    if let Some(error) = wrong {
        drop(file);
        disk.remove(&unfinished).map_err(io)?;
        return Err(CopyError::Source(error));
    }
    file.sync().map_err(io)?;
    disk.rename(&unfinished, path).and_then(|()| disk.sync_directory(parent(path))).map_err(io)?;
    Ok(written)
}

/// The same with bytes that are there already.
pub(super) fn write_bytes(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<Written, StoreError> {
    let mut parts = bytes.chunks(COPY_BYTES);
    let next = |out: &mut Vec<u8>| {
        out.extend_from_slice(parts.next().unwrap_or_default());
        Ok(())
    };
    Ok(write(disk, path, Readers::Anybody, None, next)?)
}

/// A place for a file that is not finished, with nothing there.
fn make_way(disk: &dyn Disk, path: &Path) -> Result<PathBuf, StoreError> {
    make_directory(disk, parent(path))?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let unfinished = PathBuf::from(unfinished);
    match disk.remove(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::io("remove", &unfinished, error)),
        _ => Ok(unfinished),
    }
}

/// Makes a directory and those above it, and their names durable.
pub(super) fn make_directory(disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
    let io = |e| StoreError::io("create", path, e);
    if !path.is_dir() {
        make_directory(disk, parent(path))?;
        disk.create_directory(path).map_err(io)?;
    }
    // One that is there may be of an attempt that failed before its name was durable.
    disk.sync_directory(parent(path)).map_err(io)
}

/// The directory that a path is in.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Lets nobody but its owner read a file.
fn make_private(path: &Path) -> Result<(), StoreError> {
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(|e| StoreError::io("protect", path, e))
}

/// A file in parts of [`COPY_BYTES`].
pub(super) struct Parts<'a> {
    disk: &'a dyn Disk,
    path: &'a Path,
    at: u64,
    length: u64,
    /// Whether it is read from the device, whatever memory has of it.
    from_device: bool,
}

impl<'a> Parts<'a> {
    pub(super) fn of(disk: &'a dyn Disk, path: &'a Path) -> Result<Parts<'a>, StoreError> {
        let length = disk.length(path).map_err(|e| StoreError::io("read", path, e))?;
        Ok(Parts { disk, path, at: 0, length, from_device: false })
    }

    pub(super) fn of_device(self) -> Parts<'a> {
        Parts { from_device: true, ..self }
    }

    /// Adds the next part; nothing at the end.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let length = (self.length - self.at).min(COPY_BYTES as u64) as usize;
        if length == 0 {
            return Ok(());
        }
        let read = match self.from_device {
            true => self.disk.read_device(self.path, self.at, length),
            false => self.disk.read_range(self.path, self.at, length),
        };
        out.extend(read.map_err(|e| StoreError::io("read", self.path, e))?);
        self.at += length as u64;
        Ok(())
    }

    /// Length and checksum of all that is left.
    pub(super) fn checksum(mut self) -> Result<Written, StoreError> {
        let mut sum = Xxh3::new();
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            self.next(&mut bytes)?;
            if bytes.is_empty() {
                return Ok(Written { bytes: self.length, checksum: sum.digest() });
            }
            sum.update(&bytes);
        }
    }
}
