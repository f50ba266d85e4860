//! The frame: what one fsync covers. Knows the bytes around blocks; must not know files or when to sync.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::block;
use crate::event::{DatasetId, EventBatch, TimestampNs};
use crate::limits;

pub(crate) const FILE_MAGIC: [u8; 8] = *b"OUTCRWAL";
pub(crate) const FRAME_MAGIC: [u8; 4] = *b"FRME";
pub(crate) const FORMAT_VERSION: u32 = 1;
pub(crate) const FILE_HEADER_BYTES: usize = 40;
pub(crate) const FRAME_HEADER_BYTES: usize = 48;
const BATCH_HEADER_BYTES: usize = 24;
/// Below this a block is stored plain: lz4 gains nothing on so little.
const COMPRESS_BYTES_MIN: usize = 256;

/// A batch made ready for a frame, in the thread of whoever appends it.
#[derive(Debug)]
pub(crate) struct EncodedBatch {
    rows: u32,
    inflated_bytes: u64,
    compressed: bool,
    stored: Vec<u8>,
}

impl EncodedBatch {
    pub(crate) fn new(batch: &EventBatch) -> EncodedBatch {
        let mut plain = Vec::with_capacity(block::length(batch));
        block::encode(batch, &mut plain);
        let rows = batch.rows() as u32;
        let inflated_bytes = plain.len() as u64;
        if plain.len() >= COMPRESS_BYTES_MIN {
            let stored = lz4_flex::block::compress(&plain);
            if stored.len() < plain.len() {
                return EncodedBatch { rows, inflated_bytes, compressed: true, stored };
            }
        }
        EncodedBatch { rows, inflated_bytes, compressed: false, stored: plain }
    }

    pub(crate) fn frame_bytes(&self) -> usize {
        BATCH_HEADER_BYTES + self.stored.len()
    }

    pub(crate) fn rows(&self) -> u64 {
        u64::from(self.rows)
    }
}

/// A batch as found in a frame.
#[derive(Debug)]
pub(crate) struct FrameBatch {
    pub(crate) dataset: DatasetId,
    pub(crate) first_sequence: u64,
    pub(crate) received: TimestampNs,
    pub(crate) events: EventBatch,
}

pub(crate) fn file_header(store_id: [u8; 16]) -> Vec<u8> {
    let mut header = Vec::with_capacity(FILE_HEADER_BYTES);
    header.extend(FILE_MAGIC);
    header.extend(FORMAT_VERSION.to_le_bytes());
    header.extend([0; 4]);
    header.extend(store_id);
    header.extend(xxh3_64(&header).to_le_bytes());
    header
}

/// What a frame header's checksum begins with: bytes that nobody outside knows, so that text which looks like a frame
/// is never taken for one when damage is searched for the next frame.
fn seed(store_id: [u8; 16]) -> u64 {
    u64_at(&store_id, 0)
}

/// The bytes of a frame.
pub(crate) fn encode(
    store_id: [u8; 16],
    first_sequence: u64,
    received: TimestampNs,
    batches: &[(DatasetId, EncodedBatch)],
) -> Vec<u8> {
    let body_bytes: usize = batches.iter().map(|(_, b)| b.frame_bytes()).sum();
    let mut frame = Vec::with_capacity(FRAME_HEADER_BYTES + body_bytes);
    frame.resize(FRAME_HEADER_BYTES, 0);
    for (dataset, batch) in batches {
        frame.extend(dataset.0.to_le_bytes());
        frame.extend(batch.rows.to_le_bytes());
        frame.extend(batch.inflated_bytes.to_le_bytes());
        frame.extend((batch.stored.len() as u32).to_le_bytes());
        frame.extend([u8::from(batch.compressed), 0, 0, 0]);
        frame.extend(&batch.stored);
    }
    let body_checksum = xxh3_64(&frame[FRAME_HEADER_BYTES..]);
    frame[0..4].copy_from_slice(&FRAME_MAGIC);
    frame[4..8].copy_from_slice(&(batches.len() as u32).to_le_bytes());
    frame[8..16].copy_from_slice(&(body_bytes as u64).to_le_bytes());
    frame[16..24].copy_from_slice(&first_sequence.to_le_bytes());
    frame[24..32].copy_from_slice(&received.to_le_bytes());
    frame[32..40].copy_from_slice(&body_checksum.to_le_bytes());
    let header_checksum = xxh3_64_with_seed(&frame[..40], seed(store_id));
    frame[40..48].copy_from_slice(&header_checksum.to_le_bytes());
    frame
}

/// A frame's header, its checksum verified.
#[derive(Clone, Copy, Debug)]
struct FrameHeader {
    batches: u32,
    body_bytes: usize,
    first_sequence: u64,
    received: TimestampNs,
    body_checksum: u64,
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

/// The header at the start of `bytes`, if a whole and sound one is there.
fn header(store_id: [u8; 16], bytes: &[u8]) -> Option<FrameHeader> {
    let bytes = bytes.get(..FRAME_HEADER_BYTES)?;
    if bytes[0..4] != FRAME_MAGIC || u64_at(bytes, 40) != xxh3_64_with_seed(&bytes[..40], seed(store_id)) {
        return None;
    }
    let body_bytes = usize::try_from(u64_at(bytes, 8)).ok().filter(|b| *b <= limits::FRAME_BYTES_MAX)?;
    Some(FrameHeader {
        batches: u32_at(bytes, 4),
        body_bytes,
        first_sequence: u64_at(bytes, 16),
        received: u64_at(bytes, 24) as i64,
        body_checksum: u64_at(bytes, 32),
    })
}

/// A frame both of whose checksums hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    header: FrameHeader,
    body: &'a [u8],
}

/// The frame at the start of `bytes`, if a whole and sound one is there.
pub(crate) fn find(store_id: [u8; 16], bytes: &[u8]) -> Option<Frame<'_>> {
    let header = header(store_id, bytes)?;
    let end = FRAME_HEADER_BYTES.checked_add(header.body_bytes)?;
    let body = bytes.get(FRAME_HEADER_BYTES..end)?;
    (xxh3_64(body) == header.body_checksum).then_some(Frame { header, body })
}

impl Frame<'_> {
    /// Its length in the file.
    pub(crate) fn bytes(&self) -> usize {
        FRAME_HEADER_BYTES + self.body.len()
    }

    /// Its batches; `None` if it holds what this version cannot read.
    pub(crate) fn batches(&self) -> Option<Vec<FrameBatch>> {
        decode_body(&self.header, self.body)
    }
}

fn decode_body(header: &FrameHeader, mut body: &[u8]) -> Option<Vec<FrameBatch>> {
    let mut batches = Vec::new();
    let mut first_sequence = header.first_sequence;
    for _ in 0..header.batches {
        let (head, rest) = body.split_at_checked(BATCH_HEADER_BYTES)?;
        let (stored, rest) = rest.split_at_checked(u32_at(head, 16) as usize)?;
        body = rest;
        let inflated_bytes = usize::try_from(u64_at(head, 8)).ok().filter(|b| *b <= limits::FRAME_BYTES_MAX)?;
        let events = match head[20] {
            0 => block::decode(stored).ok()?,
            1 => block::decode(&lz4_flex::block::decompress(stored, inflated_bytes).ok()?).ok()?,
            _ => return None,
        };
        if events.rows() == 0 || events.rows() != u32_at(head, 4) as usize {
            return None;
        }
        let dataset = DatasetId(u32_at(head, 0));
        let rows = events.rows() as u64;
        batches.push(FrameBatch { dataset, first_sequence, received: header.received, events });
        first_sequence = first_sequence.checked_add(rows)?;
    }
    body.is_empty().then_some(batches)
}
