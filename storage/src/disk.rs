//! The disk as the store sees it: the machine's, or one that fails when a test says so.
//!
//! Every file of the store but the catalog (SQLite has its own ways) and the lock goes through [`Disk`]. A method
//! returns when the operating system has answered; only `sync` methods promise durability.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::machine;

mod device;
mod failing;
#[cfg(test)]
mod tests;

pub use failing::{FailingDisk, Fault};

/// The space of a file system, without what only root may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    pub total_bytes: u64,
    pub available_bytes: u64,
}

pub trait Disk: Debug + Send + Sync {
    /// A new, empty file. It is an error if the file exists.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// The whole file in memory.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// `length` bytes from `offset`; fewer is an error.
    fn read_range(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    /// As [`Disk::read_range`], but from the device itself where the system can do that: what memory has of a file may be
    /// better than what the disk has.
    fn read_device(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.read_range(path, offset, length)
    }
    /// The file mapped into memory. The file must never be changed afterwards.
    fn map(&self, path: &Path) -> io::Result<Bytes>;
    fn length(&self, path: &Path) -> io::Result<u64>;
    /// The paths in a directory, sorted by name.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Gives a file another name, in place of a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
    /// Makes durable what a file holds that somebody else has written.
    fn sync_file(&self, path: &Path) -> io::Result<()>;
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;
    /// The space where `directory` is.
    fn space(&self, directory: &Path) -> io::Result<Space>;
}

/// A file being written.
pub trait DiskFile: Send {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything written so far survives a power cut. After an error nothing is known about it.
    fn sync(&mut self) -> io::Result<()>;
}

/// The machine's disk.
#[derive(Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().write(true).create_new(true).open(path)?))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn read_range(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn read_device(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        match device::read(path, offset, length) {
            // Not every file system can.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => self.read_range(path, offset, length),
            read => read,
        }
    }

    fn map(&self, path: &Path) -> io::Result<Bytes> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(Bytes::new());
        }
        // SAFETY: segments are written once and never changed or truncated in place; removing the name keeps the
        // mapped pages. Another process that rewrites our files is beyond what can be defended against.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(Bytes::from_owner(map))
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.len())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let mut paths = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_data()
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }

    fn space(&self, directory: &Path) -> io::Result<Space> {
        machine::space(directory)
    }
}

impl DiskFile for File {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
