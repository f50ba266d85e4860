//! Reads a WAL file back, frame by frame, and tells a torn tail from damage. It never changes a file.

use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::frame::{self, FILE_HEADER_BYTES, FILE_MAGIC, FORMAT_VERSION, FRAME_MAGIC, FrameBatch};
use crate::disk::Disk;
use crate::error::StoreError;

/// What is wrong with a file besides its good frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalCondition {
    pub frames: u64,
    pub events: u64,
    /// Where a torn tail begins: the end of the last good frame of a file that does not end with it.
    pub torn_at: Option<u64>,
    /// Bytes of bad stretches with good frames behind them, and of sound frames that cannot be read.
    pub damaged_bytes: u64,
}

/// Calls `each` with the batches of every good frame of the file, in order.
pub(crate) fn read(
    disk: &dyn Disk,
    path: &Path,
    store_id: [u8; 16],
    mut each: impl FnMut(Vec<FrameBatch>) -> Result<(), StoreError>,
) -> Result<WalCondition, StoreError> {
    let bytes = disk.read(path).map_err(|e| StoreError::io("read", path, e))?;
    let mut condition = WalCondition::default();
    let mut at = match check_header(&bytes, store_id) {
        Header::Good => FILE_HEADER_BYTES,
        Header::Torn => 0,
        Header::Newer(version) => return Err(StoreError::UnknownFormat { path: path.to_owned(), version }),
        Header::Foreign => return Err(StoreError::Foreign { path: path.to_owned() }),
    };
    loop {
        let rest = &bytes[at..];
        if rest.is_empty() && at >= FILE_HEADER_BYTES {
            return Ok(condition);
        }
        if let Some(frame) = frame::find(store_id, rest) {
            at += frame.bytes();
            match frame.batches() {
                Some(batches) => {
                    condition.frames += 1;
                    condition.events += batches.iter().map(|b| b.events.rows() as u64).sum::<u64>();
                    each(batches)?;
                }
                // It was written whole, so somebody may have been told that it is durable.
                None => condition.damaged_bytes += frame.bytes() as u64,
            }
            continue;
        }
        match next_good_frame(store_id, rest) {
            Some(skip) => {
                condition.damaged_bytes += skip as u64;
                at += skip;
            }
            None => {
                condition.torn_at = Some(at as u64);
                return Ok(condition);
            }
        }
    }
}

enum Header {
    Good,
    /// Shorter than a header, or damaged: frames are still looked for.
    Torn,
    Newer(u32),
    Foreign,
}

fn check_header(bytes: &[u8], store_id: [u8; 16]) -> Header {
    let Some(header) = bytes.get(..FILE_HEADER_BYTES) else { return Header::Torn };
    if header[..8] != FILE_MAGIC || header[32..] != xxh3_64(&header[..32]).to_le_bytes() {
        return Header::Torn;
    }
    let version = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
    if version != FORMAT_VERSION {
        return Header::Newer(version);
    }
    if header[16..32] != store_id { Header::Foreign } else { Header::Good }
}

/// How far the next sound frame is behind the start of `bytes`.
fn next_good_frame(store_id: [u8; 16], bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    while let Some(found) = bytes.get(at..)?.windows(FRAME_MAGIC.len()).position(|w| w == FRAME_MAGIC) {
        at += found;
        if frame::find(store_id, &bytes[at..]).is_some() {
            return Some(at);
        }
        at += 1;
    }
    None
}
