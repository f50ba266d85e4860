//! A data directory as of one instant, seen from outside while another process may be using it. It changes nothing there,
//! and holds nobody up.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::catalog::{CatalogView, ListedSegment};
use crate::disk::{Disk, RealDisk};
use crate::error::StoreError;
use crate::paths::{self, AuditChain, DataDir};

/// One instant. Whatever happens to names, the files that were opened can be read.
pub(super) struct Instant {
    catalog: CatalogView,
    pub(super) wal: Vec<OpenFile>,
    pub(super) segments: Vec<ListedSegment>,
}

/// A file that can be read to its end whether it has a name or not.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) path: PathBuf,
    pub(super) file: File,
}

/// The files of a segment.
pub(super) struct OpenSegmentFiles {
    pub(super) parquet: OpenFile,
    pub(super) sums: OpenFile,
    pub(super) sidecar: Option<OpenFile>,
}

impl OpenFile {
    /// Opens a file; none if it is not there.
    pub(super) fn open(path: &Path) -> Result<Option<OpenFile>, StoreError> {
        match File::open(path) {
            Ok(file) => Ok(Some(OpenFile { path: path.to_owned(), file })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("open", path, error)),
        }
    }

    pub(super) fn length(&self) -> Result<u64, StoreError> {
        Ok(self.file.metadata().map_err(|e| StoreError::io("read", &self.path, e))?.len())
    }
}

impl OpenSegmentFiles {
    /// Opens the files of a segment; none if it is gone or going.
    pub(super) fn open(dir: &DataDir, segment: &ListedSegment) -> Result<Option<OpenSegmentFiles>, StoreError> {
        let ListedSegment { dataset, id, .. } = segment;
        let parquet = OpenFile::open(&dir.segment(*dataset, *id))?;
        let sums = OpenFile::open(&dir.sums(*dataset, *id))?;
        let sidecar = OpenFile::open(&dir.sidecar(*dataset, *id))?;
        Ok(parquet.zip(sums).map(|(parquet, sums)| OpenSegmentFiles { parquet, sums, sidecar }))
    }
}

impl Instant {
    /// The data directory as it is now; none if it was changed while the log was being opened.
    pub(super) fn now(dir: &DataDir) -> Result<Option<Instant>, StoreError> {
        let catalog = CatalogView::begin(&dir.catalog())?;
        let Some(wal) = open_wal(&dir.wal())? else { return Ok(None) };
        if !catalog.is_current()? {
            return Ok(None);
        }
        let segments = catalog.segments()?;
        Ok(Some(Instant { catalog, wal, segments }))
    }

    pub(super) fn store_id(&self) -> Result<[u8; 16], StoreError> {
        self.catalog.store_id()
    }

    /// Writes the catalog of this instant into a new file, and lets go of it.
    pub(super) fn copy_catalog(self, to: &Path) -> Result<Vec<OpenFile>, StoreError> {
        self.catalog.copy_to(to)?;
        Ok(self.wal)
    }
}

/// A chain of the audit log: what its ends say, and files that have every record between them.
pub(super) struct OpenChain {
    pub(super) ends: Vec<u8>,
    pub(super) files: Vec<OpenFile>,
}

impl OpenChain {
    /// Opens a chain; none if there is none. Its records are only appended to, and `ends` is never ahead of them, so that
    /// files that were there before and after it was read have them all.
    pub(super) fn open(dir: &DataDir, chain: AuditChain) -> Result<Option<OpenChain>, StoreError> {
        let directory = dir.audit_chain(chain);
        loop {
            let Some(ends) = OpenFile::open(&dir.audit_ends(chain))? else { return Ok(None) };
            let list = || RealDisk.list(&directory).map_err(|e| StoreError::io("list", &directory, e));
            let listed = list()?;
            let own = listed.iter().filter(|path| paths::audit_number(path).is_some());
            let files: Option<Vec<OpenFile>> = own.map(|path| OpenFile::open(path)).collect::<Result<_, _>>()?;
            let ends = read_all(&ends)?;
            if let Some(files) = files.filter(|_| list().is_ok_and(|now| now == listed)) {
                return Ok(Some(OpenChain { ends, files }));
            }
        }
    }
}

/// All that a file has.
pub(super) fn read_all(file: &OpenFile) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    (&file.file).read_to_end(&mut bytes).map_err(|e| StoreError::io("read", &file.path, e))?;
    Ok(bytes)
}

/// Every file of the log; none if one has gone since they were listed. What was in that one is elsewhere: acknowledgements
/// in a file that the next listing has.
fn open_wal(directory: &Path) -> Result<Option<Vec<OpenFile>>, StoreError> {
    let listed = RealDisk.list(directory).map_err(|e| StoreError::io("list", directory, e))?;
    let own = listed.iter().filter(|path| paths::wal_number(path).is_some());
    own.map(|path| OpenFile::open(path)).collect()
}
