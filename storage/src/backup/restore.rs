//! Makes a data directory of a backup, and verifies backups. It must not know how one is taken.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::copy::{self, CopyError, Expected, Parts, Readers, Written, make_directory};
use super::manifest::{Manifest, StoredFile};
use super::take::{AUDIT, CATALOG, WORKSPACE};
use super::target::{Generation, generations, lock_to_read};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::TimestampNs;
use crate::paths::{self, DataDir};

/// What was restored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreReport {
    pub generation: u64,
    pub files: u64,
    pub bytes: u64,
    /// When the backup was taken.
    pub taken: TimestampNs,
    /// What the restored store lacks, in words.
    pub problems: Vec<String>,
}

/// Makes the data directory `to` out of the backups in `from`: of the last, or of the `generation` that is asked for. Until
/// all of it is there no store opens it. `progress` is called with (done, total) bytes.
pub fn restore(
    from: &Path,
    generation: Option<u64>,
    to: &DataDir,
    disk: &Arc<dyn Disk>,
    mut progress: impl FnMut(u64, u64),
) -> Result<RestoreReport, StoreError> {
    let disk = &**disk;
    let _lock = lock_to_read(from)?;
    let manifest = choose(disk, from, generation)?;
    let catalog = check_catalog(disk, from, &manifest)?;
    refuse_content(disk, to.root())?;
    let mut report = RestoreReport {
        generation: manifest.generation,
        taken: manifest.taken,
        problems: problems(&manifest),
        ..RestoreReport::default()
    };
    make_directory(disk, to.root())?;
    // It is the first to come and the last to go.
    copy::write_bytes(disk, &to.restoring(), b"outcrop restore is at work here\n")?;
    for directory in [to.wal(), to.segments()] {
        make_directory(disk, &directory)?;
    }
    let total = manifest.bytes();
    let mut done = 0;
    for file in manifest.files.iter().filter(|file| file.path != CATALOG).chain([catalog]) {
        progress(done, total);
        match copy_file(disk, from, to.root(), file) {
            Ok(copied) => {
                report.files += 1;
                report.bytes += copied.bytes;
                if copied != file.written() {
                    report.problems.push(format!(
                        "{} fails its checksum; it was restored as it is, and what can be read of it counts",
                        from.join(&file.stored).display()
                    ));
                }
            }
            Err(CopyError::Source(error)) if error.is_damage() && file.path != CATALOG => {
                report.problems.push(format!("{} was not restored: {error}", file.path));
            }
            Err(error) => return Err(error.into()),
        }
        done += file.bytes;
    }
    let ended = disk.remove(&to.restoring()).and_then(|()| disk.sync_directory(to.root()));
    ended.map_err(|e| StoreError::io("remove", &to.restoring(), e))?;
    progress(total, total);
    Ok(report)
}

/// Reads everything that the backups in a directory consist of from the device; what is wrong, in words. `progress` is
/// called with (done, total) bytes.
pub fn verify(
    from: &Path,
    disk: &Arc<dyn Disk>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Vec<String>, StoreError> {
    let _lock = lock_to_read(from)?;
    let all = generations(&**disk, from)?;
    if all.is_empty() {
        return Err(StoreError::NoBackup { path: from.to_owned() });
    }
    let mut wrong = Vec::new();
    // What several generations have is read once.
    let mut files: BTreeMap<String, Written> = BTreeMap::new();
    for Generation { number, manifest } in all {
        match manifest {
            Ok(manifest) => {
                wrong.extend(problems(&manifest).into_iter().map(|what| format!("generation {number}: {what}")));
                files.extend(manifest.files.into_iter().map(|file| (file.stored.clone(), file.written())));
            }
            Err(error) => wrong.push(format!("generation {number} cannot be restored: {error}")),
        }
    }
    let total = files.values().map(|file| file.bytes).sum();
    let mut done = 0;
    for (stored, expected) in files {
        progress(done, total);
        let path = from.join(&stored);
        let what = match Parts::of(&**disk, &path).and_then(|parts| parts.of_device().checksum()) {
            Ok(read) if read == expected => None,
            Ok(_) => Some(format!("{} is damaged: it fails its checksum", path.display())),
            Err(error) => Some(error.to_string()),
        };
        let advice =
            if stored.starts_with("segments/") { "; remove it, and the next backup copies it again" } else { "" };
        wrong.extend(what.map(|what| format!("{what}{advice}")));
        done += expected.bytes;
    }
    progress(total, total);
    Ok(wrong)
}

/// Refuses a directory whose restoring was interrupted: whatever is missing of it would look lost.
pub(crate) fn refuse_unfinished(dir: &DataDir) -> Result<(), StoreError> {
    match dir.restoring().exists() {
        true => Err(StoreError::RestoreUnfinished { path: dir.root().to_owned() }),
        false => Ok(()),
    }
}

/// What a backup lacks, in words.
pub(super) fn problems(manifest: &Manifest) -> Vec<String> {
    manifest.missing.iter().map(|missing| format!("{} is not in the backup: {}", missing.path, missing.why)).collect()
}

/// The manifest of the generation that is to be restored.
fn choose(disk: &dyn Disk, from: &Path, wanted: Option<u64>) -> Result<Manifest, StoreError> {
    let all = generations(disk, from)?;
    let there = || all.iter().map(|g| g.number.to_string()).collect::<Vec<_>>().join(", ");
    let last = all.last().ok_or_else(|| StoreError::NoBackup { path: from.to_owned() })?.number;
    let number = wanted.unwrap_or(last);
    let no_such = StoreError::NoGeneration { path: from.to_owned(), generation: number, there: there() };
    let chosen = all.into_iter().find(|g| g.number == number).ok_or(no_such)?;
    chosen.manifest
}

/// The catalog of a backup, which must be sound before anything is begun: without it the rest is none.
fn check_catalog<'a>(disk: &dyn Disk, from: &Path, manifest: &'a Manifest) -> Result<&'a StoredFile, StoreError> {
    let mut catalogs = manifest.files.iter().filter(|file| file.path == CATALOG);
    let (Some(catalog), None) = (catalogs.next(), catalogs.next()) else {
        return Err(StoreError::damaged(from, format!("generation {} has no catalog", manifest.generation)));
    };
    let path = from.join(&catalog.stored);
    if Parts::of(disk, &path)?.checksum()? != catalog.written() {
        return Err(StoreError::damaged(&path, "it fails its checksum; restore another generation (--generation)"));
    }
    Ok(catalog)
}

fn refuse_content(disk: &dyn Disk, to: &Path) -> Result<(), StoreError> {
    match disk.list(to) {
        Ok(files) if files.is_empty() => Ok(()),
        Ok(_) => Err(StoreError::NotEmpty { path: to.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("list", to, error)),
    }
}

/// Copies a file that is as it was. One of the log is copied as it is: replay finds what can be read of it.
fn copy_file(disk: &dyn Disk, from: &Path, to: &Path, file: &StoredFile) -> Result<Written, CopyError> {
    let (source, path) = (from.join(&file.stored), to.join(&file.path));
    let of_log = paths::wal_number(&path).is_some();
    let expected = (!of_log).then(|| Expected { source: &source, written: file.written() });
    let is_private = file.path == WORKSPACE || file.path.starts_with(AUDIT);
    let readers = if is_private { Readers::Owner } else { Readers::Anybody };
    let mut parts = Parts::of(disk, &source).map_err(CopyError::Source)?;
    copy::write(disk, &path, readers, expected, |out| parts.next(out))
}
