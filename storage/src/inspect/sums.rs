//! The checksums of a file's blocks, and whether the file beside them has those.

use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::{Fact, Facts, read};
use crate::disk::{Disk, RealDisk};
use crate::error::StoreError;
use crate::limits::CHECKSUM_BLOCK_BYTES;
use crate::segment::blocks;

/// The length of a file, and the checksums of its blocks.
pub(super) type Sums = (u64, Vec<u64>);

pub(super) fn inspect(path: &Path) -> Result<Facts, StoreError> {
    let sums = parse(path)?;
    let file_bytes = sums.0;
    let beside = path.with_extension("parquet");
    let file = beside.exists().then_some(beside.as_path());
    Ok(Facts::default()
        .with("format_version", blocks::VERSION)
        .with("block_bytes", CHECKSUM_BLOCK_BYTES)
        .with("file_bytes", file_bytes)
        .with("blocks", list(&sums, file)?))
}

pub(super) fn parse(path: &Path) -> Result<Sums, StoreError> {
    blocks::parse_sums(&read(path)?).map_err(|what| StoreError::damaged(path, what))
}

/// Every block with its checksum, and whether `file` has it there.
pub(super) fn list((file_bytes, sums): &Sums, file: Option<&Path>) -> Result<Vec<Facts>, StoreError> {
    let held = match file {
        Some(path) => Some((path, RealDisk.length(path).map_err(|e| StoreError::io("read", path, e))?)),
        None => None,
    };
    let mut blocks = Vec::with_capacity(sums.len());
    for (number, sum) in sums.iter().enumerate() {
        let from = (number * CHECKSUM_BLOCK_BYTES) as u64;
        let bytes = (CHECKSUM_BLOCK_BYTES as u64).min(file_bytes - from);
        let facts = Facts::default().with("block", number).with("from_byte", from).with("bytes", bytes);
        let holds = match held {
            None => Fact::None,
            Some((_, length)) if from + bytes > length => "it is not there".into(),
            Some((path, _)) => match RealDisk.read_range(path, from, bytes as usize) {
                Ok(read) => Fact::Flag(xxh3_64(&read) == *sum),
                Err(error) => error.to_string().into(),
            },
        };
        blocks.push(facts.with("checksum", format!("{sum:016x}")).with("holds", holds));
    }
    Ok(blocks)
}
