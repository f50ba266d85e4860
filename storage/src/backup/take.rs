//! Takes a backup: goes around until the catalog, the log and the segments are those of one instant.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::manifest::{FORMAT_VERSION, Manifest, MissingFile, StoredFile};
use super::source::{Instant, OpenFile, OpenSegmentFiles};
use super::target::{Target, generation_path};
use super::{COPY_BYTES, restore};
use crate::catalog::ListedSegment;
use crate::clock::Clock;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::DatasetId;
use crate::limits::CHECKSUM_BLOCK_BYTES;
use crate::paths::{DataDir, SegmentId};
use crate::segment::blocks;
use crate::segment::footer::store_name;

/// Rounds until a backup gives up: the store changes faster than it can be copied.
const ROUNDS_MAX: u64 = 1_000;
/// Segments that are opened at once: each takes three of the files that a process may have open.
const OPENED_MAX: usize = 64;

/// What a backup did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupReport {
    /// Its number in the directory.
    pub generation: u64,
    pub segments: u64,
    /// Segments that were not in the directory yet.
    pub segments_copied: u64,
    pub bytes: u64,
    pub bytes_copied: u64,
    pub wal_files: u64,
    /// How often it had to begin anew, because the store had changed.
    pub rounds: u64,
    /// What could not be saved, in words.
    pub problems: Vec<String>,
}

/// A backup being taken.
struct Backup<'a> {
    dir: &'a DataDir,
    target: Target,
    before: Option<Manifest>,
    generation: u64,
    /// What the backup has of each segment, or why it has nothing.
    segments: BTreeMap<(DatasetId, SegmentId), Result<Vec<StoredFile>, String>>,
    /// Segments that were listed when their files were not there.
    absent: BTreeSet<(DatasetId, SegmentId)>,
    report: BackupReport,
    progress: &'a mut dyn FnMut(u64, u64),
}

/// Backs a data directory up into `to`, whether a process is using it or not. `progress` is called with (done, total)
/// segments.
pub fn backup(
    data_dir: &DataDir,
    to: &Path,
    disk: &Arc<dyn Disk>,
    clock: &dyn Clock,
    mut progress: impl FnMut(u64, u64),
) -> Result<BackupReport, StoreError> {
    if !data_dir.catalog().exists() {
        return Err(StoreError::CatalogMissing { path: data_dir.root().to_owned() });
    }
    refuse_inside(data_dir, to)?;
    let taken = clock.now();
    let target = Target::open(Arc::clone(disk), to)?;
    let before = target.manifest()?;
    let current = before.as_ref().map(|manifest| manifest.generation);
    let generation = current.unwrap_or(0) + 1;
    target.begin_generation(current, generation)?;
    let mut backup = Backup {
        dir: data_dir,
        target,
        before,
        generation,
        segments: BTreeMap::new(),
        absent: BTreeSet::new(),
        report: BackupReport { generation, ..BackupReport::default() },
        progress: &mut progress,
    };
    while backup.report.rounds < ROUNDS_MAX {
        backup.report.rounds += 1;
        if let Some(manifest) = backup.round(taken)? {
            return backup.end(&manifest);
        }
    }
    Err(StoreError::BackupBusy { rounds: ROUNDS_MAX })
}

/// A backup beside the data goes with it.
fn refuse_inside(data_dir: &DataDir, to: &Path) -> Result<(), StoreError> {
    let root = data_dir.root().canonicalize().map_err(|e| StoreError::io("find", data_dir.root(), e))?;
    let existing = to.ancestors().find_map(|path| path.canonicalize().ok());
    match existing {
        Some(path) if path.starts_with(&root) => Err(StoreError::BackupInside { path: to.to_owned() }),
        _ => Ok(()),
    }
}

impl Backup<'_> {
    /// One round; none if the store has changed too much meanwhile.
    fn round(&mut self, taken: i64) -> Result<Option<Manifest>, StoreError> {
        let Some(instant) = Instant::now(self.dir)? else { return Ok(None) };
        let store = store_name(instant.store_id()?);
        if self.before.as_ref().is_some_and(|before| before.store != store) {
            return Err(StoreError::BackupOfAnother { path: self.target.path("") });
        }
        let listed = instant.segments.clone();
        let wanted: Vec<&ListedSegment> = listed.iter().filter(|s| !self.segments.contains_key(&s.key())).collect();
        if wanted.len() > OPENED_MAX {
            // Let go of the catalog: this takes a while.
            drop(instant);
            for segment in wanted {
                if let Some(files) = self.open(segment)? {
                    self.copy_segment(segment, files)?;
                    (self.progress)(self.segments.len() as u64, listed.len() as u64);
                }
            }
            return Ok(None);
        }
        let mut opened = Vec::with_capacity(wanted.len());
        for segment in wanted {
            match self.open(segment)? {
                Some(files) => opened.push((segment, files)),
                None if self.segments.contains_key(&segment.key()) => {}
                None => return Ok(None),
            }
        }
        let catalog = format!("{}/catalog.sqlite", generation_path(self.generation));
        let wal = instant.copy_catalog(&self.target.path(&catalog))?;
        let mut files = vec![self.describe("catalog.sqlite", &catalog)?];
        for file in wal {
            files.extend(self.copy_wal(&file)?);
        }
        for (segment, open) in opened {
            self.copy_segment(segment, open)?;
            (self.progress)(self.segments.len() as u64, listed.len() as u64);
        }
        Ok(Some(self.manifest(store, taken, files, &listed)))
    }

    /// Opens a segment, if it is there. One that was not there before either and is still listed is lost: a segment goes
    /// only when it is not listed any more, and this listing is younger than that look.
    fn open(&mut self, segment: &ListedSegment) -> Result<Option<OpenSegmentFiles>, StoreError> {
        let files = OpenSegmentFiles::open(self.dir, segment)?;
        if files.is_none() && !self.absent.insert(segment.key()) {
            self.keep_earlier(segment, "its files are not there".to_owned());
        }
        Ok(files)
    }

    fn describe(&self, path: &str, stored: &str) -> Result<StoredFile, StoreError> {
        let written = self.target.adopt(stored)?;
        let (path, stored) = (path.to_owned(), stored.to_owned());
        Ok(StoredFile { path, stored, bytes: written.bytes, checksum: written.checksum })
    }

    /// A file of the log as far as it goes.
    fn copy_wal(&mut self, file: &OpenFile) -> Result<Option<StoredFile>, StoreError> {
        let Some(name) = file.path.file_name().and_then(|name| name.to_str()) else { return Ok(None) };
        let stored = format!("{}/wal/{name}", generation_path(self.generation));
        let length = file.file.metadata().map_err(|e| StoreError::io("read", &file.path, e))?.len();
        let mut from = (&file.file).take(length);
        let written = self.target.write(&stored, |out| read_into(&mut from, out, &file.path))?;
        self.report.wal_files += 1;
        self.report.bytes_copied += written.bytes;
        let path = format!("wal/{name}");
        Ok(Some(StoredFile { path, stored, bytes: written.bytes, checksum: written.checksum }))
    }

    /// Copies a segment unless the backup has it; one that is damaged is not copied.
    fn copy_segment(&mut self, segment: &ListedSegment, files: OpenSegmentFiles) -> Result<(), StoreError> {
        let copied = match self.read_segment(segment, files) {
            Ok(copied) => copied,
            Err(error) if error.is_damage() => {
                self.keep_earlier(segment, error.to_string());
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.segments.insert(segment.key(), Ok(copied));
        Ok(())
    }

    /// A segment that cannot be copied stays as an earlier backup has it, if one has.
    fn keep_earlier(&mut self, segment: &ListedSegment, why: String) {
        let paths = [segment.path(self.dir), segment.sums(self.dir), segment.sidecar(self.dir)];
        let earlier = |path: &String| self.before.as_ref()?.file(path).filter(|file| self.target.has(file)).cloned();
        let held: Vec<StoredFile> = paths.iter().filter_map(earlier).collect();
        let whole = paths[..2].iter().all(|path| held.iter().any(|file| file.path == *path));
        self.segments.insert(segment.key(), if whole { Ok(held) } else { Err(why) });
    }

    fn read_segment(
        &mut self,
        segment: &ListedSegment,
        files: OpenSegmentFiles,
    ) -> Result<Vec<StoredFile>, StoreError> {
        let sums = read_all(&files.sums)?;
        let (length, blocks) = blocks::parse_sums(&sums).map_err(|what| StoreError::damaged(&files.sums.path, what))?;
        let held = files.parquet.file.metadata().map_err(|e| StoreError::io("read", &files.parquet.path, e))?.len();
        if length != held || segment.bytes.is_some_and(|bytes| bytes != length) {
            let what = format!("it has {held} bytes instead of {}", segment.bytes.unwrap_or(length));
            return Err(StoreError::damaged(&files.parquet.path, what));
        }
        let folder = format!("segments/{:06}", segment.dataset.0);
        let stem = format!("{folder}/{:012}-{:016x}", segment.id.0, xxh3_64(&sums));
        let mut stored = Vec::with_capacity(3);
        let mut parquet = Blocks { file: &files.parquet, length, sums: &blocks, next: 0 };
        stored.push(self.put(segment.path(self.dir), format!("{stem}.parquet"), |out| parquet.read_into(out))?);
        let mut rest = Some(sums);
        stored.push(self.put(segment.sums(self.dir), format!("{stem}.sums"), |out| {
            out.extend(rest.take().unwrap_or_default());
            Ok(())
        })?);
        if let Some(sidecar) = &files.sidecar {
            // A segment is served without its sidecar: a damaged one is not worth a word.
            let bytes = read_all(sidecar).ok().filter(|bytes| blocks::is_sealed(bytes));
            if let Some(bytes) = bytes {
                let mut rest = Some(bytes);
                stored.push(self.put(segment.sidecar(self.dir), format!("{stem}.index"), |out| {
                    out.extend(rest.take().unwrap_or_default());
                    Ok(())
                })?);
            }
        }
        self.report.segments_copied += u64::from(stored.iter().any(|file| !self.is_earlier(file)));
        Ok(stored)
    }

    fn is_earlier(&self, file: &StoredFile) -> bool {
        self.before.as_ref().and_then(|before| before.file(&file.path)) == Some(file)
    }

    /// The file that the backup has under this name, or a new one.
    fn put(
        &mut self,
        path: String,
        stored: String,
        from: impl FnMut(&mut Vec<u8>) -> Result<(), StoreError>,
    ) -> Result<StoredFile, StoreError> {
        let earlier = self.before.as_ref().and_then(|before| before.file(&path));
        if let Some(earlier) = earlier.filter(|file| file.stored == stored && self.target.has(file)) {
            return Ok(earlier.clone());
        }
        let written = self.target.write(&stored, from)?;
        self.report.bytes_copied += written.bytes;
        Ok(StoredFile { path, stored, bytes: written.bytes, checksum: written.checksum })
    }

    fn manifest(&self, store: String, taken: i64, mut files: Vec<StoredFile>, listed: &[ListedSegment]) -> Manifest {
        let mut missing = Vec::new();
        for segment in listed {
            match self.segments.get(&segment.key()) {
                Some(Ok(stored)) => files.extend(stored.iter().cloned()),
                Some(Err(why)) => missing.push(MissingFile { path: segment.path(self.dir), why: why.clone() }),
                None => missing.push(MissingFile { path: segment.path(self.dir), why: "it was not copied".to_owned() }),
            }
        }
        Manifest { format: FORMAT_VERSION, store, generation: self.generation, taken, files, missing }
    }

    fn end(mut self, manifest: &Manifest) -> Result<BackupReport, StoreError> {
        self.target.switch(manifest)?;
        self.target.prune(manifest)?;
        let report = &mut self.report;
        report.segments = manifest.files.iter().filter(|file| file.path.ends_with(".parquet")).count() as u64;
        report.bytes = manifest.files.iter().map(|file| file.bytes).sum();
        report.problems = restore::problems(manifest);
        Ok(self.report)
    }
}

/// The blocks of a segment's file, each compared with its checksum.
struct Blocks<'a> {
    file: &'a OpenFile,
    length: u64,
    sums: &'a [u64],
    next: usize,
}

impl Blocks<'_> {
    fn read_into(&mut self, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let from = (self.next * CHECKSUM_BLOCK_BYTES) as u64;
        let left = self.length.saturating_sub(from);
        read_into(&mut (&self.file.file).take(left), out, &self.file.path)?;
        let expected = left.min(COPY_BYTES as u64);
        if out.len() as u64 != expected {
            return Err(StoreError::damaged(&self.file.path, "it ends too early"));
        }
        for block in out.chunks(CHECKSUM_BLOCK_BYTES) {
            blocks::compare(&self.file.path, self.next, block, self.sums[self.next])?;
            self.next += 1;
        }
        Ok(())
    }
}

/// The next bytes of a file.
fn read_into(from: &mut impl Read, out: &mut Vec<u8>, path: &Path) -> Result<(), StoreError> {
    let read = from.take(COPY_BYTES as u64).read_to_end(out);
    read.map(|_| ()).map_err(|e| StoreError::io("read", path, e))
}

fn read_all(file: &OpenFile) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    (&file.file).read_to_end(&mut bytes).map_err(|e| StoreError::io("read", &file.path, e))?;
    Ok(bytes)
}

impl ListedSegment {
    fn key(&self) -> (DatasetId, SegmentId) {
        (self.dataset, self.id)
    }

    fn path(&self, dir: &DataDir) -> String {
        below(dir, &dir.segment(self.dataset, self.id))
    }

    fn sums(&self, dir: &DataDir) -> String {
        below(dir, &dir.sums(self.dataset, self.id))
    }

    fn sidecar(&self, dir: &DataDir) -> String {
        below(dir, &dir.sidecar(self.dataset, self.id))
    }
}

/// A path of a data directory as a manifest has it.
fn below(dir: &DataDir, path: &Path) -> String {
    path.strip_prefix(dir.root()).unwrap_or(path).to_string_lossy().into_owned()
}
