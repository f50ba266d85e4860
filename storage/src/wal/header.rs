//! The header of a log file: whose it is, and where earlier files end that could not be closed in order.

use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::frame::{u32_at, u64_at};
use crate::disk::Disk;
use crate::error::StoreError;

pub(crate) const FILE_MAGIC: [u8; 8] = *b"OUTCRWAL";
pub(crate) const FORMAT_VERSION: u32 = 2;
/// Where the list of cuts begins.
const FIXED_BYTES: usize = 40;
const CUT_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 8;
/// Bytes of a header without cuts: in a file with fewer there was never anything.
pub(crate) const BYTES_MIN: u64 = (FIXED_BYTES + CHECKSUM_BYTES) as u64;

/// Where an earlier file ends on which a write or an fsync has failed. What it has behind that was refused, and must not
/// come back when its sender may have sent it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The number of the file.
    pub(crate) file: u64,
    /// Its bytes that count.
    pub(crate) bytes: u64,
}

pub(crate) fn encode(store_id: [u8; 16], cuts: &[Cut]) -> Vec<u8> {
    let mut header = Vec::with_capacity(length(cuts.len()));
    header.extend(FILE_MAGIC);
    header.extend(FORMAT_VERSION.to_le_bytes());
    header.extend((cuts.len() as u32).to_le_bytes());
    header.extend(store_id);
    header.extend(xxh3_64(&header).to_le_bytes());
    for cut in cuts {
        header.extend(cut.file.to_le_bytes());
        header.extend(cut.bytes.to_le_bytes());
    }
    header.extend(xxh3_64(&header[FIXED_BYTES..]).to_le_bytes());
    header
}

fn length(cuts: usize) -> usize {
    FIXED_BYTES + CUT_BYTES * cuts + CHECKSUM_BYTES
}

/// What the first bytes of a file are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Header {
    Good {
        bytes: usize,
        cuts: Vec<Cut>,
    },
    /// Too short, but so far what a header begins with.
    Beginning,
    Damaged,
    OtherVersion(u32),
    Foreign,
}

/// The header at the start of `bytes`.
pub(crate) fn decode(store_id: [u8; 16], bytes: &[u8]) -> Header {
    let magic = bytes.len().min(FILE_MAGIC.len());
    if bytes[..magic] != FILE_MAGIC[..magic] {
        return Header::Damaged;
    }
    let Some(fixed) = bytes.get(..FIXED_BYTES) else { return Header::Beginning };
    if u64_at(fixed, 32) != xxh3_64(&fixed[..32]) {
        return Header::Damaged;
    }
    let version = u32_at(fixed, 8);
    if version != FORMAT_VERSION {
        return Header::OtherVersion(version);
    }
    if fixed[16..32] != store_id {
        return Header::Foreign;
    }
    let length = length(u32_at(fixed, 12) as usize);
    let Some(list) = bytes.get(FIXED_BYTES..length) else { return Header::Beginning };
    let (list, checksum) = list.split_at(list.len() - CHECKSUM_BYTES);
    if u64_at(checksum, 0) != xxh3_64(list) {
        return Header::Damaged;
    }
    let cuts = list.chunks_exact(CUT_BYTES).map(|cut| Cut { file: u64_at(cut, 0), bytes: u64_at(cut, 8) });
    Header::Good { bytes: length, cuts: cuts.collect() }
}

/// The cuts that a file lists; none where its header cannot be read, which reading the file reports.
pub(crate) fn read_cuts(disk: &dyn Disk, path: &Path, store_id: [u8; 16]) -> Result<Vec<Cut>, StoreError> {
    let io = |e| StoreError::io("read", path, e);
    let held = usize::try_from(disk.length(path).map_err(io)?).unwrap_or(usize::MAX);
    let fixed = disk.read_range(path, 0, held.min(FIXED_BYTES)).map_err(io)?;
    let count = if fixed.len() == FIXED_BYTES { u32_at(&fixed, 12) as usize } else { 0 };
    let header = disk.read_range(path, 0, held.min(length(count))).map_err(io)?;
    match decode(store_id, &header) {
        Header::Good { cuts, .. } => Ok(cuts),
        _ => Ok(Vec::new()),
    }
}

/// The store id of some log file in a directory whose header is sound.
pub(crate) fn any_store_id(disk: &dyn Disk, directory: &Path) -> Result<Option<[u8; 16]>, StoreError> {
    let files = match disk.list(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        listed => listed.map_err(|e| StoreError::io("list", directory, e))?,
    };
    for path in files.iter().filter(|path| crate::paths::wal_number(path).is_some()) {
        let bytes = disk.read(path).map_err(|e| StoreError::io("read", path, e))?;
        let id = bytes.get(16..32).and_then(|id| <[u8; 16]>::try_from(id).ok());
        if let Some(id) = id.filter(|id| matches!(decode(*id, &bytes), Header::Good { .. })) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}
