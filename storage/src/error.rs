//! What can go wrong in the store, and what its caller must do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::event::DatasetName;

/// Each kind says whose turn it is: the sender's, the operator's, or nobody's but time's.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk failed. Nothing was acknowledged; the request may be sent again.
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// The device is full. Ingest stops until there is space; queries go on.
    #[error("the disk is full ({}); free space or shorten the retention", path.display())]
    DiskFull { path: PathBuf },
    /// A file of ours does not hold what it must. It was left as it is.
    #[error("{} is damaged: {what}", path.display())]
    Damaged { path: PathBuf, what: String },
    /// A file was written by an Outcrop with other formats.
    #[error("{} has format version {version}, which this Outcrop does not know; use the one that wrote it", path.display())]
    UnknownFormat { path: PathBuf, version: u32 },
    /// A file belongs to another store.
    #[error("{} belongs to another store; move it out of this data directory", path.display())]
    Foreign { path: PathBuf },
    /// Another process owns the directory.
    #[error("{} is in use by another Outcrop; stop it or choose another data directory", path.display())]
    Locked { path: PathBuf },
    /// Segments without a catalog.
    #[error("{} holds segments but no catalog; restore catalog.sqlite from a backup, or run `outcrop repair`", path.display())]
    CatalogMissing { path: PathBuf },
    /// A repair was interrupted.
    #[error("{} is only half repaired; run `outcrop repair` again", path.display())]
    RepairUnfinished { path: PathBuf },
    /// Neither segments nor a log.
    #[error("{} holds no segment and no log; there is nothing to rebuild a catalog from", path.display())]
    NothingToRepair { path: PathBuf },
    /// SQLite failed.
    #[error("the catalog failed: {0}")]
    Catalog(rusqlite::Error),
    /// The memtable is full and flushing does not keep up: try again later.
    #[error("the store cannot keep up; send again later")]
    Busy,
    /// The store is closing.
    #[error("the store is closing")]
    Closed,
    /// A dataset that is not there, or not any more.
    #[error("there is no such dataset; read the list of datasets again")]
    NoDataset,
    /// A name that another dataset has.
    #[error("there is a dataset {0} already; choose another name, or drop that one first")]
    DatasetExists(DatasetName),
    /// More datasets than allowed.
    #[error("there are {0} datasets already, as many as the limit allows; use an existing one or raise datasets_max")]
    TooManyDatasets(usize),
    /// A batch id that was acknowledged for another body.
    #[error(
        "this batch id was acknowledged for another body in the last 15 minutes; nothing was stored. Give each body an id of \
         its own, and send a body again unchanged"
    )]
    BatchIdTaken,
    /// A request that no frame can hold.
    #[error("the request takes {bytes} bytes in the log, {max} are allowed; send it in parts")]
    TooLarge { bytes: usize, max: usize },
    /// Another process takes a backup into the same directory.
    #[error("{} is being written by another backup; wait for it, or choose another directory", path.display())]
    BackupLocked { path: PathBuf },
    /// The directory holds a backup of something else.
    #[error("{} holds a backup of another store; choose another directory", path.display())]
    BackupOfAnother { path: PathBuf },
    /// The backup would go with what it is to save.
    #[error("{} is inside of the data directory; choose a directory on another disk", path.display())]
    BackupInside { path: PathBuf },
    /// The store changes faster than it can be copied.
    #[error("the store changed {rounds} times while it was being copied; try again when it takes fewer events")]
    BackupBusy { rounds: u64 },
    /// The directory is used for something else.
    #[error("{} holds other things than backups; choose a directory that is empty or not there", path.display())]
    NotABackup { path: PathBuf },
    /// There is nothing to be restored.
    #[error("{} holds no backup that was taken to its end", path.display())]
    NoBackup { path: PathBuf },
    /// A backup that is not there.
    #[error("{} holds no generation {generation}; there are {there}", path.display())]
    NoGeneration { path: PathBuf, generation: u64, there: String },
    /// A restore was interrupted.
    #[error(
        "{} was being restored from a backup and lacks some of it; remove it, and run `outcrop restore` again",
        path.display()
    )]
    RestoreUnfinished { path: PathBuf },
    /// A directory that must be empty is not.
    #[error("{} is not empty; choose a directory that is not there, or remove what is in it", path.display())]
    NotEmpty { path: PathBuf },
    /// Our own mistake.
    #[error("BUG: {0}")]
    Bug(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => StoreError::DiskFull { path: "catalog.sqlite".into() },
            _ => StoreError::Catalog(error),
        }
    }
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> StoreError {
        if source.kind() == io::ErrorKind::StorageFull {
            return StoreError::DiskFull { path: path.to_owned() };
        }
        StoreError::Io { action, path: path.to_owned(), source }
    }

    /// Whether a store does not open because of its catalog, and would with a new one.
    pub(crate) fn wants_repair(&self, catalog: &Path) -> bool {
        match self {
            StoreError::CatalogMissing { .. } | StoreError::RepairUnfinished { .. } => true,
            StoreError::Damaged { path, .. } => path == catalog,
            _ => false,
        }
    }

    /// Whether an error of reading a file is one of the file. What the machine lacks for the moment says nothing of it.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            StoreError::Damaged { .. } | StoreError::UnknownFormat { .. } => true,
            StoreError::Io { source, .. } => {
                use io::ErrorKind::{Interrupted, OutOfMemory, ResourceBusy, WouldBlock};
                let passing = matches!(source.kind(), Interrupted | OutOfMemory | ResourceBusy | WouldBlock);
                // The system's numbers for no room for another file have no kind.
                !passing && !matches!(source.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
            }
            _ => false,
        }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> StoreError {
        StoreError::Damaged { path: path.to_owned(), what: what.into() }
    }
}
