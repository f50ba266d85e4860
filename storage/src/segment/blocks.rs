//! Checked bytes of a file: every 64 KiB block is compared with its checksum before it is used for the first time. The
//! checksums are in a file beside it, or at its own end.
//!
//! The first touch reads the block through [`Disk`], so that a failing sector is an error here and not a signal when
//! the mapping is touched. Must not know what the bytes mean.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::damage::Damage;
use crate::disk::{Disk, DiskFile};
use crate::error::StoreError;
use crate::limits::CHECKSUM_BLOCK_BYTES;

const MAGIC: [u8; 8] = *b"OUTCRSUM";
pub(crate) const VERSION: u32 = 1;
const HEADER_BYTES: usize = 24;
/// Bytes that a check holds at a time.
const CHECK_BYTES_MAX: usize = 1 << 20;

/// Writes a file and remembers the checksum of each block.
pub(crate) struct BlockWriter {
    file: Box<dyn DiskFile>,
    block: Vec<u8>,
    sums: Vec<u64>,
    bytes: u64,
}

impl BlockWriter {
    pub(crate) fn new(file: Box<dyn DiskFile>) -> BlockWriter {
        BlockWriter { file, block: Vec::with_capacity(CHECKSUM_BLOCK_BYTES), sums: Vec::new(), bytes: 0 }
    }

    fn end_block(&mut self) -> io::Result<()> {
        self.sums.push(xxh3_64(&self.block));
        self.file.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }

    /// Makes the file durable; its length and the content of its sums file.
    pub(crate) fn finish(mut self) -> io::Result<(u64, Vec<u8>)> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        self.file.sync()?;
        Ok((self.bytes, sums_file(self.bytes, &self.sums)))
    }

    /// Puts the sums behind the content instead, and makes all of it durable; the length of the file.
    pub(crate) fn seal(mut self) -> io::Result<u64> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        let mut sums = sums_file(self.bytes, &self.sums);
        sums.extend((sums.len() as u64).to_le_bytes());
        self.file.write_all(&sums)?;
        self.file.sync()?;
        Ok(self.bytes + sums.len() as u64)
    }
}

impl Write for BlockWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = CHECKSUM_BLOCK_BYTES - self.block.len();
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.block.extend_from_slice(now);
            rest = later;
            if self.block.len() == CHECKSUM_BLOCK_BYTES {
                self.end_block()?;
            }
        }
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The content of the sums file of a file with this content.
pub(crate) fn sums_of(content: &[u8]) -> Vec<u8> {
    let sums: Vec<u64> = content.chunks(CHECKSUM_BLOCK_BYTES).map(xxh3_64).collect();
    sums_file(content.len() as u64, &sums)
}

fn sums_file(bytes: u64, sums: &[u64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + 8 * sums.len() + 8);
    out.extend(MAGIC);
    out.extend(VERSION.to_le_bytes());
    out.extend((CHECKSUM_BLOCK_BYTES as u32).to_le_bytes());
    out.extend(bytes.to_le_bytes());
    for sum in sums {
        out.extend(sum.to_le_bytes());
    }
    out.extend(xxh3_64(&out).to_le_bytes());
    out
}

/// The length of a file and the checksums of its blocks, as its sums file has them.
pub(crate) fn parse_sums(file: &[u8]) -> Result<(u64, Vec<u64>), String> {
    let body = file.len().checked_sub(8).filter(|b| *b >= HEADER_BYTES).ok_or("it is too short")?;
    if file[..8] != MAGIC || file[body..] != xxh3_64(&file[..body]).to_le_bytes() {
        return Err("its checksum does not fit".into());
    }
    if file[8..12] != VERSION.to_le_bytes() || file[12..16] != (CHECKSUM_BLOCK_BYTES as u32).to_le_bytes() {
        return Err("it has an unknown version".into());
    }
    let numbers: Vec<u64> = file[16..body].as_chunks::<8>().0.iter().map(|c| u64::from_le_bytes(*c)).collect();
    let (bytes, sums) = (numbers[0], numbers[1..].to_vec());
    if bytes.div_ceil(CHECKSUM_BLOCK_BYTES as u64) != sums.len() as u64 {
        return Err("it does not fit the length of its file".into());
    }
    Ok((bytes, sums))
}

/// Whether this is all of a file that ends with its own sums, and every block has its checksum.
pub(crate) fn is_sealed(file: &[u8]) -> bool {
    let parse = || {
        let (rest, length) = file.split_last_chunk::<8>()?;
        let content = rest.len().checked_sub(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        let (content, sums) = rest.split_at(content);
        let (bytes, sums) = parse_sums(sums).ok()?;
        let blocks = || content.chunks(CHECKSUM_BLOCK_BYTES).map(xxh3_64);
        Some(bytes == content.len() as u64 && blocks().eq(sums))
    };
    parse().unwrap_or(false)
}

/// A mapped file whose blocks are verified on first touch. Clones share the mapping and what was verified.
#[derive(Clone, Debug)]
pub(crate) struct BlockFile(Arc<Inner>);

/// Where the checksums of a file are.
#[derive(Debug)]
enum SumsAt {
    Beside(PathBuf),
    /// At its own end, from this byte on.
    End(u64),
}

#[derive(Debug)]
struct Inner {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    sums_at: SumsAt,
    bytes: Bytes,
    sums: Vec<u64>,
    /// A bit for each block that was found good.
    verified: Vec<AtomicU64>,
    damage: Damage,
    /// Whether the last error of reading was none of the file.
    passing: AtomicBool,
}

impl BlockFile {
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        path: &Path,
        sums_path: &Path,
        damage: Damage,
    ) -> Result<BlockFile, StoreError> {
        let file = disk.read(sums_path).map_err(|e| StoreError::io("read", sums_path, e))?;
        let (length, sums) = parse_sums(&file).map_err(|what| StoreError::damaged(sums_path, what))?;
        let bytes = disk.map(path).map_err(|e| StoreError::io("map", path, e))?;
        if bytes.len() as u64 != length {
            return Err(StoreError::damaged(path, format!("it has {} bytes instead of {length}", bytes.len())));
        }
        Ok(BlockFile::new(disk, path, SumsAt::Beside(sums_path.to_owned()), bytes, sums, damage))
    }

    /// Opens a file that ends with its own sums.
    pub(crate) fn open_sealed(disk: Arc<dyn Disk>, path: &Path) -> Result<BlockFile, StoreError> {
        let io = |e| StoreError::io("read", path, e);
        let damaged = |what: &str| StoreError::damaged(path, what);
        let length = disk.length(path).map_err(io)?;
        let end = length.checked_sub(8).ok_or_else(|| damaged("it is too short"))?;
        let tail = disk.read_range(path, end, 8).map_err(io)?;
        let sums_bytes = tail.try_into().map_or(u64::MAX, u64::from_le_bytes);
        let content = end.checked_sub(sums_bytes).ok_or_else(|| damaged("its end is damaged"))?;
        let sums = disk.read_range(path, content, sums_bytes as usize).map_err(io)?;
        let (told, sums) = parse_sums(&sums).map_err(|what| StoreError::damaged(path, what))?;
        let bytes = disk.map(path).map_err(|e| StoreError::io("map", path, e))?;
        if told != content || bytes.len() as u64 != length {
            return Err(damaged("it has not the length that it says"));
        }
        let bytes = bytes.slice(..content as usize);
        Ok(BlockFile::new(disk, path, SumsAt::End(content), bytes, sums, Damage::default()))
    }

    fn new(
        disk: Arc<dyn Disk>,
        path: &Path,
        sums_at: SumsAt,
        bytes: Bytes,
        sums: Vec<u64>,
        damage: Damage,
    ) -> BlockFile {
        let verified = (0..sums.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let passing = AtomicBool::new(false);
        BlockFile(Arc::new(Inner { disk, path: path.to_owned(), sums_at, bytes, sums, verified, damage, passing }))
    }

    /// The length of a file that ends with its own sums.
    pub(crate) fn sealed_len(&self) -> u64 {
        (self.len() + HEADER_BYTES + 8 * self.0.sums.len() + 16) as u64
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// What somebody else has to say of `part`, which is made of these bytes, as an error of the file; not of the file
    /// if it could lately not be read through no fault of its own.
    pub(crate) fn unreadable(&self, part: &str, error: &dyn std::error::Error) -> StoreError {
        if self.0.passing.swap(false, Ordering::Relaxed) {
            let source = io::Error::new(io::ErrorKind::ResourceBusy, error.to_string());
            return StoreError::io("read", &self.0.path, source);
        }
        let damaged = StoreError::damaged(&self.0.path, format!("{part} cannot be read: {error}"));
        self.0.damage.note(&damaged);
        damaged
    }

    /// Remembers an error of reading: on its way through parquet it becomes mere words.
    fn note(&self, error: &StoreError) {
        self.0.damage.note(error);
        if !error.is_damage() {
            self.0.passing.store(true, Ordering::Relaxed);
        }
    }

    /// Whether somebody else has a clone.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    pub(crate) fn len(&self) -> usize {
        self.0.bytes.len()
    }

    /// The bytes from `start`, all of whose blocks are sound.
    pub(crate) fn range(&self, start: usize, length: usize) -> Result<Bytes, StoreError> {
        self.checked(start, length).inspect_err(|error| self.note(error))
    }

    fn checked(&self, start: usize, length: usize) -> Result<Bytes, StoreError> {
        let inner = &self.0;
        let end = start.checked_add(length).filter(|end| *end <= inner.bytes.len()).ok_or_else(|| {
            StoreError::damaged(&inner.path, format!("it ends before byte {}", start.saturating_add(length)))
        })?;
        if length > 0 {
            for block in start / CHECKSUM_BLOCK_BYTES..=(end - 1) / CHECKSUM_BLOCK_BYTES {
                self.verify(block)?;
            }
        }
        Ok(inner.bytes.slice(start..end))
    }

    fn verify(&self, block: usize) -> Result<(), StoreError> {
        let inner = &self.0;
        let (word, bit) = (&inner.verified[block / 64], 1u64 << (block % 64));
        if word.load(Ordering::Acquire) & bit != 0 {
            return Ok(());
        }
        self.read_block(block)?;
        word.fetch_or(bit, Ordering::Release);
        Ok(())
    }

    /// Reads one block from the disk and compares its checksum, whether that was done before or not.
    fn read_block(&self, block: usize) -> Result<(), StoreError> {
        let inner = &self.0;
        let start = block * CHECKSUM_BLOCK_BYTES;
        let length = CHECKSUM_BLOCK_BYTES.min(inner.bytes.len() - start);
        let read = inner.disk.read_range(&inner.path, start as u64, length);
        let bytes = read.map_err(|e| StoreError::io("read", &inner.path, e))?;
        compare(&inner.path, block, &bytes, inner.sums[block])
    }

    /// A walk over the whole file on the device, with its checksums as they are there now.
    pub(crate) fn check(&self) -> Result<BlockCheck, StoreError> {
        let inner = &self.0;
        let (path, from, behind) = match &inner.sums_at {
            SumsAt::Beside(path) => (path, 0, 0),
            SumsAt::End(from) => (&inner.path, *from, 8),
        };
        let read = inner.disk.length(path).and_then(|length| {
            let length = length.saturating_sub(from + behind);
            inner.disk.read_device(path, from, usize::try_from(length).unwrap_or(usize::MAX))
        });
        let file = read.map_err(|e| StoreError::io("read", path, e))?;
        let (length, sums) = parse_sums(&file).map_err(|what| StoreError::damaged(path, what))?;
        let path = inner.path.clone();
        Ok(BlockCheck { disk: Arc::clone(&inner.disk), path, bytes: length as usize, sums, next: 0 })
    }

    /// Reads the whole file from the disk and compares every checksum.
    pub(crate) fn scrub(&self) -> Result<(), StoreError> {
        let read = (0..self.0.sums.len()).try_for_each(|block| self.read_block(block));
        read.inspect_err(|error| self.note(error))
    }
}

/// A walk over the blocks of a file.
#[derive(Debug)]
pub(crate) struct BlockCheck {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    bytes: usize,
    sums: Vec<u64>,
    next: usize,
}

impl BlockCheck {
    /// Compares the next blocks, at most `bytes_max` bytes but at least one; how many bytes it were, none at the end.
    pub(crate) fn step(&mut self, bytes_max: usize) -> Result<u64, StoreError> {
        let blocks = (bytes_max.min(CHECK_BYTES_MAX) / CHECKSUM_BLOCK_BYTES).max(1).min(self.sums.len() - self.next);
        if blocks == 0 {
            return Ok(0);
        }
        let start = self.next * CHECKSUM_BLOCK_BYTES;
        let length = (blocks * CHECKSUM_BLOCK_BYTES).min(self.bytes - start);
        let read = self.disk.read_device(&self.path, start as u64, length);
        let bytes = read.map_err(|e| StoreError::io("read", &self.path, e))?;
        for (at, block) in bytes.chunks(CHECKSUM_BLOCK_BYTES).enumerate() {
            compare(&self.path, self.next + at, block, self.sums[self.next + at])?;
        }
        self.next += blocks;
        Ok(length as u64)
    }
}

/// Compares a block of the file at `path` with its checksum.
pub(crate) fn compare(path: &Path, block: usize, bytes: &[u8], sum: u64) -> Result<(), StoreError> {
    if xxh3_64(bytes) == sum {
        return Ok(());
    }
    let start = block * CHECKSUM_BLOCK_BYTES;
    Err(StoreError::damaged(path, format!("block {block} (from byte {start}) fails its checksum")))
}
