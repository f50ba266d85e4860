//! Takes a backup: goes around until the catalog, the log and the segments are those of one instant.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::copy::{COPY_BYTES, CopyError, Written};
use super::manifest::{FORMAT_VERSION, Manifest, MissingFile, StoredFile};
use super::restore;
use super::source::{Instant, OpenChain, OpenFile, OpenSegmentFiles, read_all};
use super::target::{Target, generation_path};
use crate::catalog::{self, ListedSegment};
use crate::clock::Clock;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::DatasetId;
use crate::limits::CHECKSUM_BLOCK_BYTES;
use crate::paths::{AuditChain, DataDir, SegmentId};
use crate::segment::blocks;
use crate::segment::footer::store_name;

/// Rounds until a backup gives up: the store changes faster than it can be copied.
const ROUNDS_MAX: u64 = 1_000;
/// Segments that are opened at once: each takes three of the files that a process may have open.
const OPENED_MAX: usize = 64;

pub(super) const CATALOG: &str = "catalog.sqlite";
/// How the paths of the audit log begin.
pub(super) const AUDIT: &str = "audit/";
pub(super) const WORKSPACE: &str = "workspace.sqlite";

/// What a backup did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupReport {
    /// Its number in the directory.
    pub generation: u64,
    /// Generations that are there now, this one too.
    pub generations: u64,
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
    /// What earlier generations have, the last of them first.
    before: Vec<Manifest>,
    /// The files of all of them by name. The name of a segment's file says what is in it.
    earlier: HashMap<String, Written>,
    generation: u64,
    /// What the backup has of each segment, or why it has nothing.
    segments: BTreeMap<(DatasetId, SegmentId), Result<Vec<StoredFile>, String>>,
    /// Segments that were listed when their files were not there.
    absent: BTreeSet<(DatasetId, SegmentId)>,
    report: BackupReport,
    progress: &'a mut dyn FnMut(u64, u64),
}

/// Backs a data directory up into `to`, whether a process is using it or not, and keeps so many generations there.
/// `progress` is called with (done, total) segments.
pub fn backup(
    data_dir: &DataDir,
    to: &Path,
    keep: usize,
    disk: &Arc<dyn Disk>,
    clock: &dyn Clock,
    mut progress: impl FnMut(u64, u64),
) -> Result<BackupReport, StoreError> {
    restore::refuse_unfinished(data_dir)?;
    if !data_dir.catalog().exists() {
        return Err(StoreError::CatalogMissing { path: data_dir.root().to_owned() });
    }
    refuse_inside(data_dir, to)?;
    let taken = clock.now();
    let target = Target::open(Arc::clone(disk), to)?;
    let whole = target.generations()?;
    let generation = whole.last().map_or(0, |last| last.number) + 1;
    target.begin_generation(&whole, generation)?;
    let before: Vec<Manifest> = whole.into_iter().rev().filter_map(|generation| generation.manifest.ok()).collect();
    let files = before.iter().flat_map(|manifest| &manifest.files);
    let mut backup = Backup {
        dir: data_dir,
        target,
        earlier: files.map(|file| (file.stored.clone(), file.written())).collect(),
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
            return backup.end(&manifest, keep);
        }
    }
    Err(StoreError::BackupBusy { rounds: ROUNDS_MAX })
}

/// A backup beside the data goes with it.
fn refuse_inside(data_dir: &DataDir, to: &Path) -> Result<(), StoreError> {
    let absolute = |path: &Path| {
        let absolute = std::path::absolute(path).map_err(|e| StoreError::io("find", path, e))?;
        // As far as it is there already.
        Ok::<_, StoreError>(absolute.ancestors().find_map(|path| path.canonicalize().ok()).unwrap_or(absolute.clone()))
    };
    match absolute(to)?.starts_with(absolute(data_dir.root())?) {
        true => Err(StoreError::BackupInside { path: to.to_owned() }),
        false => Ok(()),
    }
}

impl Backup<'_> {
    /// One round; none if the store has changed too much meanwhile.
    fn round(&mut self, taken: i64) -> Result<Option<Manifest>, StoreError> {
        let Some(instant) = Instant::now(self.dir)? else { return Ok(None) };
        let store = store_name(instant.store_id()?);
        if self.before.iter().any(|before| before.store != store) {
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
        let stored = format!("{}/{CATALOG}", generation_path(self.generation));
        let path = self.target.path(&stored);
        let wal = instant.copy_catalog(&path)?;
        // A backup with a catalog that no store opens would take the place of one that is of use.
        catalog::check_copy(&path, &self.dir.catalog())?;
        let mut files = vec![self.describe(CATALOG, stored)?];
        for file in wal {
            files.extend(self.copy_wal(&file)?);
        }
        for (segment, open) in opened {
            self.copy_segment(segment, open)?;
            (self.progress)(self.segments.len() as u64, listed.len() as u64);
        }
        let mut missing = Vec::new();
        match self.copy_workspace()? {
            Ok(file) => files.extend(file),
            Err(why) => missing.push(MissingFile { path: WORKSPACE.to_owned(), why }),
        }
        for chain in AuditChain::ALL {
            match self.copy_audit(chain) {
                Ok(copied) => files.extend(copied),
                Err(CopyError::Source(error)) => {
                    let path = below(self.dir, &self.dir.audit_chain(chain));
                    missing.push(MissingFile { path, why: error.to_string() });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(self.manifest(store, taken, files, missing, &listed)))
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

    fn describe(&mut self, path: &str, stored: String) -> Result<StoredFile, StoreError> {
        let written = self.target.adopt(&stored)?;
        self.report.bytes_copied += written.bytes;
        Ok(StoredFile::new(path.to_owned(), stored, written))
    }

    /// What people keep, if there is such a file; why not, if it cannot be copied.
    fn copy_workspace(&mut self) -> Result<Result<Option<StoredFile>, String>, StoreError> {
        let from = self.dir.workspace();
        if !from.exists() {
            return Ok(Ok(None));
        }
        let stored = format!("{}/{WORKSPACE}", generation_path(self.generation));
        match catalog::copy_private(&from, &self.target.path(&stored)) {
            Ok(()) => Ok(Ok(Some(self.describe(WORKSPACE, stored)?))),
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    /// A chain of the audit log, its files as far as they go.
    fn copy_audit(&mut self, chain: AuditChain) -> Result<Vec<StoredFile>, CopyError> {
        let Some(open) = OpenChain::open(self.dir, chain).map_err(CopyError::Source)? else { return Ok(Vec::new()) };
        let ends = self.dir.audit_ends(chain);
        let mut copied = vec![self.put_private(&ends, open.ends.len() as u64, &mut open.ends.as_slice())?];
        for file in &open.files {
            let length = file.length().map_err(CopyError::Source)?;
            copied.push(self.put_private(&file.path, length, &mut &file.file)?);
        }
        Ok(copied)
    }

    /// So many bytes as a file that only its owner reads.
    fn put_private(&mut self, path: &Path, bytes: u64, from: &mut impl Read) -> Result<StoredFile, CopyError> {
        let name = below(self.dir, path);
        let stored = format!("{}/{name}", generation_path(self.generation));
        let mut from = from.take(bytes);
        let written = self.target.write_private(&stored, |out| read_into(&mut from, out, path))?;
        self.report.bytes_copied += written.bytes;
        Ok(StoredFile::new(name, stored, written))
    }

    /// A file of the log as far as it goes.
    fn copy_wal(&mut self, file: &OpenFile) -> Result<Option<StoredFile>, StoreError> {
        let Some(name) = file.path.file_name().and_then(|name| name.to_str()) else { return Ok(None) };
        let stored = format!("{}/wal/{name}", generation_path(self.generation));
        let length = file.length()?;
        let mut from = (&file.file).take(length);
        let written = self.target.write(&stored, |out| read_into(&mut from, out, &file.path))?;
        self.report.wal_files += 1;
        self.report.bytes_copied += written.bytes;
        Ok(Some(StoredFile::new(format!("wal/{name}"), stored, written)))
    }

    /// Copies a segment unless the backup has it; one that is damaged is not copied.
    fn copy_segment(&mut self, segment: &ListedSegment, files: OpenSegmentFiles) -> Result<(), StoreError> {
        match self.read_segment(segment, files) {
            Ok(copied) => drop(self.segments.insert(segment.key(), Ok(copied))),
            Err(CopyError::Source(error)) if error.is_damage() => self.keep_earlier(segment, error.to_string()),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// A segment that cannot be copied stays as an earlier backup has it, if one has.
    fn keep_earlier(&mut self, segment: &ListedSegment, why: String) {
        let [parquet, sums, sidecar] = [segment.path(self.dir), segment.sums(self.dir), segment.sidecar(self.dir)];
        let of = |before: &Manifest| {
            let files = before.by_path();
            let has =
                |path: &String| files.get(path.as_str()).filter(|file| self.target.has(file)).map(|f| (*f).clone());
            // Another store with a common past may have put another one there.
            let parquet = has(&parquet).filter(|file| segment.bytes.is_none_or(|bytes| bytes == file.bytes))?;
            Some([Some(parquet), Some(has(&sums)?), has(&sidecar)].into_iter().flatten().collect())
        };
        let held: Option<Vec<StoredFile>> = self.before.iter().find_map(of);
        self.segments.insert(segment.key(), held.ok_or(why));
    }

    fn read_segment(&mut self, segment: &ListedSegment, files: OpenSegmentFiles) -> Result<Vec<StoredFile>, CopyError> {
        let damaged = |file: &OpenFile, what| CopyError::Source(StoreError::damaged(&file.path, what));
        let sums = read_all(&files.sums).map_err(CopyError::Source)?;
        let (length, blocks) = blocks::parse_sums(&sums).map_err(|what| damaged(&files.sums, what))?;
        let held = files.parquet.length().map_err(CopyError::Source)?;
        if length != held || segment.bytes.is_some_and(|bytes| bytes != length) {
            let what = format!("it has {held} bytes instead of {}", segment.bytes.unwrap_or(length));
            return Err(damaged(&files.parquet, what));
        }
        let stored = |content: &[u8], kind: &str| {
            format!("segments/{:06}/{:012}-{:016x}.{kind}", segment.dataset.0, segment.id.0, xxh3_64(content))
        };
        let mut copied = Vec::with_capacity(3);
        let mut parquet = Blocks { file: &files.parquet, length, sums: &blocks, next: 0 };
        copied.push(self.put(segment.path(self.dir), stored(&sums, "parquet"), length, |out| parquet.read_into(out))?);
        copied.push(self.put_bytes(segment.sums(self.dir), stored(&sums, "sums"), &sums)?);
        if let Some(sidecar) = &files.sidecar {
            // A segment is served without its sidecar: a damaged one is not worth a word.
            let bytes = read_all(sidecar).ok().filter(|bytes| blocks::is_sealed(bytes));
            if let Some(bytes) = bytes {
                copied.push(self.put_bytes(segment.sidecar(self.dir), stored(&bytes, "index"), &bytes)?);
            }
        }
        self.report.segments_copied += u64::from(!self.earlier.contains_key(&copied[0].stored));
        Ok(copied)
    }

    fn put_bytes(&mut self, path: String, stored: String, bytes: &[u8]) -> Result<StoredFile, CopyError> {
        let mut parts = bytes.chunks(COPY_BYTES);
        self.put(path, stored, bytes.len() as u64, |out| {
            out.extend_from_slice(parts.next().unwrap_or_default());
            Ok(())
        })
    }

    /// The file that the backup has under this name, or a new one.
    fn put(
        &mut self,
        path: String,
        stored: String,
        bytes: u64,
        from: impl FnMut(&mut Vec<u8>) -> Result<(), StoreError>,
    ) -> Result<StoredFile, CopyError> {
        if let Some(earlier) = self.earlier.get(&stored).filter(|earlier| earlier.bytes == bytes) {
            let file = StoredFile::new(path.clone(), stored.clone(), *earlier);
            if self.target.has(&file) {
                return Ok(file);
            }
        }
        let written = self.target.write(&stored, from)?;
        self.report.bytes_copied += written.bytes;
        Ok(StoredFile::new(path, stored, written))
    }

    fn manifest(
        &self,
        store: String,
        taken: i64,
        mut files: Vec<StoredFile>,
        mut missing: Vec<MissingFile>,
        listed: &[ListedSegment],
    ) -> Manifest {
        for segment in listed {
            match self.segments.get(&segment.key()) {
                Some(Ok(stored)) => files.extend(stored.iter().cloned()),
                Some(Err(why)) => missing.push(MissingFile { path: segment.path(self.dir), why: why.clone() }),
                None => missing.push(MissingFile { path: segment.path(self.dir), why: "it was not copied".to_owned() }),
            }
        }
        Manifest { format: FORMAT_VERSION, store, generation: self.generation, taken, files, missing }
    }

    fn end(mut self, manifest: &Manifest, keep: usize) -> Result<BackupReport, StoreError> {
        self.target.end_generation(manifest)?;
        let left = self.target.prune(keep)?;
        let report = &mut self.report;
        report.generations = self.target.generations()?.len() as u64;
        report.segments = manifest.files.iter().filter(|file| file.path.ends_with(".parquet")).count() as u64;
        report.bytes = manifest.bytes();
        report.problems = restore::problems(manifest);
        report.problems.extend(left);
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
