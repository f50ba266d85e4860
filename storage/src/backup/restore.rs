//! Makes a data directory of a backup, and verifies one. It must not know how a backup is taken.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::COPY_BYTES;
use super::manifest::{Manifest, StoredFile};
use super::target::{checksum, read_manifest};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::TimestampNs;

/// What was restored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreReport {
    pub files: u64,
    pub bytes: u64,
    /// When the backup was taken.
    pub taken: TimestampNs,
    /// What the backup lacks, in words.
    pub problems: Vec<String>,
}

/// Makes the data directory `to` out of the backup `from`. Nothing is left of it that a store would open, unless all of
/// it is there. `progress` is called with (done, total) bytes.
pub fn restore(
    from: &Path,
    to: &Path,
    disk: &Arc<dyn Disk>,
    mut progress: impl FnMut(u64, u64),
) -> Result<RestoreReport, StoreError> {
    let manifest = manifest_of(&**disk, from)?;
    refuse_content(&**disk, to)?;
    let mut report = RestoreReport { taken: manifest.taken, problems: problems(&manifest), ..RestoreReport::default() };
    let total = manifest.files.iter().map(|file| file.bytes).sum();
    // While there is no catalog nobody opens it: that one is the last.
    let (catalog, others): (Vec<_>, Vec<_>) = manifest.files.iter().partition(|file| file.path == CATALOG);
    let [catalog] = catalog[..] else { return Err(StoreError::damaged(from, "its manifest has no catalog")) };
    make_directory(&**disk, to)?;
    for file in others {
        progress(report.bytes, total);
        copy(&**disk, from, to, file)?;
        report.bytes += file.bytes;
        report.files += 1;
    }
    for directory in ["wal", "segments"] {
        make_directory(&**disk, &to.join(directory))?;
    }
    sync_all(&**disk, to)?;
    copy(&**disk, from, to, catalog)?;
    disk.sync_directory(to).map_err(|e| StoreError::io("sync", to, e))?;
    report.bytes += catalog.bytes;
    report.files += 1;
    progress(report.bytes, total);
    Ok(report)
}

const CATALOG: &str = "catalog.sqlite";

/// Reads everything that a backup consists of; what is wrong, in words. `progress` is called with (done, total) bytes.
pub fn verify(
    from: &Path,
    disk: &Arc<dyn Disk>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Vec<String>, StoreError> {
    let manifest = manifest_of(&**disk, from)?;
    let total = manifest.files.iter().map(|file| file.bytes).sum();
    let mut wrong = problems(&manifest);
    let mut done = 0;
    for file in &manifest.files {
        progress(done, total);
        let path = from.join(&file.stored);
        match checksum(&path) {
            Ok(read) if (read.bytes, read.checksum) == (file.bytes, file.checksum) => {}
            Ok(_) => wrong.push(format!("{} is damaged: it fails its checksum", path.display())),
            Err(error) => wrong.push(error.to_string()),
        }
        done += file.bytes;
    }
    progress(total, total);
    Ok(wrong)
}

/// What a backup lacks, in words.
pub(super) fn problems(manifest: &Manifest) -> Vec<String> {
    manifest.missing.iter().map(|missing| format!("{} is not in the backup: {}", missing.path, missing.why)).collect()
}

fn manifest_of(disk: &dyn Disk, from: &Path) -> Result<Manifest, StoreError> {
    read_manifest(disk, from)?.ok_or_else(|| StoreError::NoBackup { path: from.to_owned() })
}

fn refuse_content(disk: &dyn Disk, to: &Path) -> Result<(), StoreError> {
    match disk.list(to) {
        Ok(files) if files.is_empty() => Ok(()),
        Ok(_) => Err(StoreError::NotEmpty { path: to.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("list", to, error)),
    }
}

/// Makes a directory and those above it, and their names durable.
fn make_directory(disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_directory(disk, parent)?;
    let made = disk.create_directory(path).and_then(|()| disk.sync_directory(parent));
    made.map_err(|e| StoreError::io("create", path, e))
}

/// Copies a file and compares it with its checksum on the way.
fn copy(disk: &dyn Disk, from: &Path, to: &Path, file: &StoredFile) -> Result<(), StoreError> {
    let (source, path) = (from.join(&file.stored), to.join(&file.path));
    if let Some(parent) = path.parent() {
        make_directory(disk, parent)?;
    }
    let reading = |e| StoreError::io("read", &source, e);
    let writing = |e| StoreError::io("write", &path, e);
    let mut input = File::open(&source).map_err(reading)?;
    let temporary = unfinished(&path);
    let mut output = disk.create(&temporary).map_err(writing)?;
    let mut sum = Xxh3::new();
    let mut bytes = vec![0; COPY_BYTES];
    let mut length = 0;
    loop {
        match input.read(&mut bytes).map_err(reading)? {
            0 => break,
            read => {
                sum.update(&bytes[..read]);
                output.write_all(&bytes[..read]).map_err(writing)?;
                length += read as u64;
            }
        }
    }
    if (length, sum.digest()) != (file.bytes, file.checksum) {
        return Err(StoreError::damaged(&source, "it fails its checksum"));
    }
    output.sync().map_err(writing)?;
    disk.rename(&temporary, &path).map_err(writing)
}

/// A name that nobody takes for a file of a store.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    PathBuf::from(name)
}

/// Makes every name below a directory durable.
fn sync_all(disk: &dyn Disk, directory: &Path) -> Result<(), StoreError> {
    for path in disk.list(directory).map_err(|e| StoreError::io("list", directory, e))? {
        if path.is_dir() {
            sync_all(disk, &path)?;
        }
    }
    disk.sync_directory(directory).map_err(|e| StoreError::io("sync", directory, e))
}
