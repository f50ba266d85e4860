//! A disk that fails and forgets: the machine's files, with faults at chosen operations and power cuts.
//!
//! It remembers what was synced. [`FailingDisk::cut_power`] takes back everything else: file contents beyond the last
//! sync, and names whose directory was not synced. Reads fail where a test says that a file cannot be read. With a capacity
//! it is full when its files take that many bytes. What it must not know: what the files mean.

use std::collections::{HashMap, HashSet};
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{Disk, DiskFile, RealDisk, Space};

/// What happens at a faulted operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operation does nothing and reports an I/O error.
    Error,
    /// A write leaves half of its bytes and reports an error; other operations behave as with [`Fault::Error`].
    Torn,
    /// The device is full.
    Full,
}

#[derive(Debug, Default)]
struct State {
    operations: u64,
    faults: HashMap<u64, Fault>,
    /// Everything from this operation on.
    broken: Option<(u64, Fault)>,
    /// Bytes known durable, for files made through this disk.
    synced: HashMap<PathBuf, u64>,
    /// Files and directories whose names are not durable yet.
    unnamed: HashSet<PathBuf>,
    /// Files that cannot be read, and the system's number for why.
    unreadable: HashMap<PathBuf, i32>,
    /// What was there under names that were given to other files, while that is not durable yet.
    replaced: HashMap<PathBuf, Vec<u8>>,
    /// Bytes that the files made through this disk may take together.
    capacity: Option<u64>,
    /// Bytes that they take.
    lengths: HashMap<PathBuf, u64>,
}

impl State {
    fn room(&self) -> u64 {
        let capacity = self.capacity.unwrap_or(u64::MAX);
        capacity.saturating_sub(self.lengths.values().sum())
    }
}

/// See the module. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct FailingDisk {
    state: Arc<Mutex<State>>,
}

impl FailingDisk {
    pub fn new() -> FailingDisk {
        FailingDisk::default()
    }

    /// Faults the `after`-th changing operation from now (0 is the next one).
    pub fn fault(&self, after: u64, fault: Fault) {
        let mut state = self.lock();
        let at = state.operations + after;
        state.faults.insert(at, fault);
    }

    /// Faults every changing operation from the `after`-th on, until [`FailingDisk::heal`].
    pub fn fault_from(&self, after: u64, fault: Fault) {
        let mut state = self.lock();
        state.broken = Some((state.operations + after, fault));
    }

    /// Forgets all faults that are still to come.
    pub fn heal(&self) {
        let mut state = self.lock();
        state.faults.clear();
        state.broken = None;
    }

    /// Lets every reading of a file fail with this error of the system, or none any more.
    pub fn fail_reads(&self, path: &Path, error: Option<i32>) {
        let mut state = self.lock();
        match error {
            Some(error) => drop(state.unreadable.insert(path.to_owned(), error)),
            None => drop(state.unreadable.remove(path)),
        }
    }

    fn check_read(&self, path: &Path) -> io::Result<()> {
        let error = self.lock().unreadable.get(path).copied();
        error.map_or(Ok(()), |error| Err(io::Error::from_raw_os_error(error)))
    }

    /// The bytes that files made through this disk may take from now on; none for as many as the machine has.
    pub fn set_capacity(&self, capacity: Option<u64>) {
        self.lock().capacity = capacity;
    }

    /// Changing operations so far.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Leaves on disk only what was durable. The store must not be running.
    pub fn cut_power(&self) -> io::Result<()> {
        let mut state = self.lock();
        for path in std::mem::take(&mut state.unnamed) {
            state.synced.remove(&path);
            if path.is_dir() {
                std::fs::remove_dir_all(&path)?;
            } else if path.exists() {
                RealDisk.remove(&path)?;
            }
        }
        for (path, content) in std::mem::take(&mut state.replaced) {
            if path.parent().is_some_and(Path::is_dir) {
                std::fs::write(&path, &content)?;
                state.synced.insert(path, content.len() as u64);
            }
        }
        for (path, length) in &state.synced {
            if path.exists() && RealDisk.length(path)? > *length {
                OpenOptions::new().write(true).open(path)?.set_len(*length)?;
            }
        }
        state.faults.clear();
        state.broken = None;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an operation; the fault that is due, if any.
    fn step(&self) -> Option<Fault> {
        let mut state = self.lock();
        let at = state.operations;
        state.operations += 1;
        let broken = state.broken.filter(|(from, _)| at >= *from).map(|(_, fault)| fault);
        state.faults.remove(&at).or(broken)
    }

    fn check(&self) -> io::Result<()> {
        self.step().map_or(Ok(()), |fault| Err(error(fault)))
    }
}

fn error(fault: Fault) -> io::Error {
    match fault {
        Fault::Error | Fault::Torn => io::Error::other("planted I/O error"),
        Fault::Full => io::Error::new(io::ErrorKind::StorageFull, "planted: no space left"),
    }
}

struct FailingFile {
    disk: FailingDisk,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    written: u64,
}

impl DiskFile for FailingFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let planted = self.disk.step();
        let room = usize::try_from(self.disk.lock().room()).unwrap_or(usize::MAX);
        let fault = planted.or((bytes.len() > room).then_some(Fault::Full));
        let kept = match fault {
            None => bytes.len(),
            Some(Fault::Full) if planted.is_none() => room,
            Some(Fault::Torn) => bytes.len() / 2,
            Some(_) => 0,
        };
        self.file.write_all(&bytes[..kept])?;
        self.written += kept as u64;
        self.disk.lock().lengths.insert(self.path.clone(), self.written);
        fault.map_or(Ok(()), |fault| Err(error(fault)))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.check()?;
        self.file.sync()?;
        self.disk.lock().synced.insert(self.path.clone(), self.written);
        Ok(())
    }
}

impl Disk for FailingDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.check()?;
        let file = RealDisk.create(path)?;
        let mut state = self.lock();
        state.synced.insert(path.to_owned(), 0);
        state.unnamed.insert(path.to_owned());
        drop(state);
        Ok(Box::new(FailingFile { disk: self.clone(), path: path.to_owned(), file, written: 0 }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.check_read(path)?;
        RealDisk.read(path)
    }

    fn read_range(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.check_read(path)?;
        RealDisk.read_range(path, offset, length)
    }

    fn read_device(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.check_read(path)?;
        RealDisk.read_device(path, offset, length)
    }

    fn map(&self, path: &Path) -> io::Result<Bytes> {
        RealDisk.map(path)
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        RealDisk.length(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        RealDisk.list(directory)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.check()?;
        RealDisk.remove(path)?;
        let mut state = self.lock();
        state.synced.remove(path);
        state.unnamed.remove(path);
        state.lengths.remove(path);
        Ok(())
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.check()?;
        RealDisk.sync_file(path)?;
        let length = RealDisk.length(path)?;
        self.lock().synced.insert(path.to_owned(), length);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check()?;
        let before = RealDisk.read(to).ok();
        RealDisk.rename(from, to)?;
        let mut state = self.lock();
        match before {
            Some(before) => drop(state.replaced.entry(to.to_owned()).or_insert(before)),
            None => drop(state.unnamed.insert(to.to_owned())),
        }
        state.unnamed.remove(from);
        if let Some(length) = state.synced.remove(from) {
            state.synced.insert(to.to_owned(), length);
        }
        Ok(())
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        self.check()?;
        RealDisk.create_directory(path)?;
        self.lock().unnamed.insert(path.to_owned());
        Ok(())
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.check()?;
        RealDisk.sync_directory(directory)?;
        let mut state = self.lock();
        state.unnamed.retain(|path| path.parent() != Some(directory));
        state.replaced.retain(|path, _| path.parent() != Some(directory));
        Ok(())
    }

    fn space(&self, directory: &Path) -> io::Result<Space> {
        let state = self.lock();
        match state.capacity {
            Some(total_bytes) => Ok(Space { total_bytes, available_bytes: state.room() }),
            None => RealDisk.space(directory),
        }
    }
}
