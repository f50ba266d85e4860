//! The frame: what one fsync covers. Knows the bytes around blocks; must not know files or when to sync.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::block;
use crate::acknowledgement::{Acknowledgement, BatchId, Outcome};
use crate::event::{DatasetId, DatasetName, EventBatch, TimestampNs};
use crate::limits;

pub(crate) const FRAME_MAGIC: [u8; 4] = *b"FRME";
pub(crate) const FRAME_HEADER_BYTES: usize = 56;
const BATCH_HEADER_BYTES: usize = 24;
const ACKNOWLEDGEMENT_BYTES: usize = 48;
/// Below this a block is stored plain: lz4 gains nothing on so little.
const COMPRESS_BYTES_MIN: usize = 256;

/// What a frame is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Kind {
    Requests = 0,
    End = 1,
}

impl Kind {
    fn from_code(code: u32) -> Option<Kind> {
        [Kind::Requests, Kind::End].into_iter().find(|kind| *kind as u32 == code)
    }
}

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

    /// Its length in a frame, the dataset's name apart.
    pub(crate) fn frame_bytes(&self) -> usize {
        BATCH_HEADER_BYTES + self.stored.len()
    }

    pub(crate) fn rows(&self) -> u64 {
        u64::from(self.rows)
    }
}

/// The dataset of a batch. The name goes with the number, so that the log alone says where its events belong.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) id: DatasetId,
    pub(crate) name: DatasetName,
}

/// A batch as found in a frame.
#[derive(Debug)]
pub(crate) struct FrameBatch {
    pub(crate) target: Target,
    pub(crate) first_sequence: u64,
    pub(crate) received: TimestampNs,
    pub(crate) events: EventBatch,
}

/// What a frame makes durable.
#[derive(Debug, Default)]
pub(crate) struct FrameContent {
    pub(crate) batches: Vec<FrameBatch>,
    pub(crate) acknowledgements: Vec<Acknowledgement>,
}

/// What a frame header's checksum begins with: bytes that nobody outside knows, so that text which looks like a frame
/// is never taken for one when damage is searched for the next frame.
fn seed(store_id: [u8; 16]) -> u64 {
    u64_at(&store_id, 0)
}

/// The bytes of a frame of requests.
pub(crate) fn encode(
    store_id: [u8; 16],
    first_sequence: u64,
    received: TimestampNs,
    batches: &[(Target, EncodedBatch)],
    acknowledgements: &[Acknowledgement],
) -> Vec<u8> {
    let of_batch = |(target, batch): &(Target, EncodedBatch)| batch.frame_bytes() + target.name.as_str().len();
    let body_bytes =
        batches.iter().map(of_batch).sum::<usize>() + acknowledgements.iter().map(acknowledgement_bytes).sum::<usize>();
    let mut frame = Vec::with_capacity(FRAME_HEADER_BYTES + body_bytes);
    frame.resize(FRAME_HEADER_BYTES, 0);
    for (target, batch) in batches {
        put_batch(&mut frame, target, batch);
    }
    for acknowledgement in acknowledgements {
        put_acknowledgement(&mut frame, acknowledgement);
    }
    let counts = (batches.len() as u32, acknowledgements.len() as u32);
    seal(&mut frame, store_id, Kind::Requests, counts, first_sequence, received);
    frame
}

/// The last frame of a file that was closed in order.
pub(crate) fn encode_end(store_id: [u8; 16], next_sequence: u64, closed: TimestampNs) -> Vec<u8> {
    let mut frame = vec![0; FRAME_HEADER_BYTES];
    seal(&mut frame, store_id, Kind::End, (0, 0), next_sequence, closed);
    frame
}

fn put_batch(frame: &mut Vec<u8>, target: &Target, batch: &EncodedBatch) {
    let name = target.name.as_str().as_bytes();
    frame.extend(target.id.0.to_le_bytes());
    frame.extend(batch.rows.to_le_bytes());
    frame.extend(batch.inflated_bytes.to_le_bytes());
    frame.extend((batch.stored.len() as u32).to_le_bytes());
    frame.extend([u8::from(batch.compressed), name.len() as u8, 0, 0]);
    frame.extend(name);
    frame.extend(&batch.stored);
}

/// Bytes that an acknowledgement takes in a frame.
pub(crate) fn acknowledgement_bytes(acknowledgement: &Acknowledgement) -> usize {
    ACKNOWLEDGEMENT_BYTES + acknowledgement.outcome.details.len()
}

fn put_acknowledgement(frame: &mut Vec<u8>, acknowledgement: &Acknowledgement) {
    let Acknowledgement { id, received, outcome } = acknowledgement;
    frame.extend(id.key);
    frame.extend(id.body.to_le_bytes());
    frame.extend(received.to_le_bytes());
    frame.extend(outcome.accepted.to_le_bytes());
    frame.extend(outcome.rejected.to_le_bytes());
    frame.extend((outcome.details.len() as u32).to_le_bytes());
    frame.extend([0; 4]);
    frame.extend(&outcome.details);
}

/// Writes the header of a frame whose body is there.
fn seal(
    frame: &mut [u8],
    store_id: [u8; 16],
    kind: Kind,
    (batches, acknowledgements): (u32, u32),
    first_sequence: u64,
    received: TimestampNs,
) {
    let body_bytes = (frame.len() - FRAME_HEADER_BYTES) as u64;
    let body_checksum = xxh3_64(&frame[FRAME_HEADER_BYTES..]);
    frame[0..4].copy_from_slice(&FRAME_MAGIC);
    frame[4..8].copy_from_slice(&(kind as u32).to_le_bytes());
    frame[8..12].copy_from_slice(&batches.to_le_bytes());
    frame[12..16].copy_from_slice(&acknowledgements.to_le_bytes());
    frame[16..24].copy_from_slice(&body_bytes.to_le_bytes());
    frame[24..32].copy_from_slice(&first_sequence.to_le_bytes());
    frame[32..40].copy_from_slice(&received.to_le_bytes());
    frame[40..48].copy_from_slice(&body_checksum.to_le_bytes());
    let header_checksum = xxh3_64_with_seed(&frame[..48], seed(store_id));
    frame[48..56].copy_from_slice(&header_checksum.to_le_bytes());
}

/// A frame's header, its checksum verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameHeader {
    kind: Kind,
    batches: u32,
    acknowledgements: u32,
    body_bytes: usize,
    pub(crate) first_sequence: u64,
    pub(crate) received: TimestampNs,
    pub(crate) body_checksum: u64,
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

/// The header at the start of `bytes`, if a whole and sound one is there.
fn header(store_id: [u8; 16], bytes: &[u8]) -> Option<FrameHeader> {
    let bytes = bytes.get(..FRAME_HEADER_BYTES)?;
    if bytes[0..4] != FRAME_MAGIC || u64_at(bytes, 48) != xxh3_64_with_seed(&bytes[..48], seed(store_id)) {
        return None;
    }
    let body_bytes = usize::try_from(u64_at(bytes, 16)).ok().filter(|b| *b <= limits::FRAME_BYTES_MAX)?;
    Some(FrameHeader {
        kind: Kind::from_code(u32_at(bytes, 4))?,
        batches: u32_at(bytes, 8),
        acknowledgements: u32_at(bytes, 12),
        body_bytes,
        first_sequence: u64_at(bytes, 24),
        received: u64_at(bytes, 32) as i64,
        body_checksum: u64_at(bytes, 40),
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

/// Whether `bytes`, which hold no frame, may be the beginning of one: what a process leaves that was killed in the
/// middle of a write.
pub(crate) fn is_beginning(store_id: [u8; 16], bytes: &[u8]) -> bool {
    if bytes.len() >= FRAME_HEADER_BYTES {
        return header(store_id, bytes).is_some_and(|h| bytes.len() - FRAME_HEADER_BYTES < h.body_bytes);
    }
    let magic = bytes.len().min(FRAME_MAGIC.len());
    bytes[..magic] == FRAME_MAGIC[..magic] && (bytes.len() < 8 || Kind::from_code(u32_at(bytes, 4)).is_some())
}

impl Frame<'_> {
    /// Its length in the file.
    pub(crate) fn bytes(&self) -> usize {
        FRAME_HEADER_BYTES + self.body.len()
    }

    pub(crate) fn header(&self) -> &FrameHeader {
        &self.header
    }

    /// How its batches are stored: bytes, bytes once inflated, and whether they are compressed. Fewer than there are, if
    /// this version cannot read them.
    pub(crate) fn storage(&self) -> Vec<(u32, u64, bool)> {
        let mut body = self.body;
        let mut next = || {
            let head = take(&mut body, BATCH_HEADER_BYTES)?;
            let stored = u32_at(head, 16);
            take(&mut body, usize::from(head[21]) + stored as usize)?;
            Some((stored, u64_at(head, 8), head[20] == 1))
        };
        (0..self.header.batches).map_while(|_| next()).collect()
    }

    /// Whether it is the last of a file that was closed in order.
    pub(crate) fn is_end(&self) -> bool {
        self.header.kind == Kind::End
    }

    /// What it holds; `None` if that is what this version cannot read.
    pub(crate) fn content(&self) -> Option<FrameContent> {
        let mut body = self.body;
        let mut content = FrameContent::default();
        let mut first_sequence = self.header.first_sequence;
        for _ in 0..self.header.batches {
            let batch = take_batch(&mut body, first_sequence, self.header.received)?;
            first_sequence = first_sequence.checked_add(batch.events.rows() as u64)?;
            content.batches.push(batch);
        }
        for _ in 0..self.header.acknowledgements {
            content.acknowledgements.push(take_acknowledgement(&mut body)?);
        }
        body.is_empty().then_some(content)
    }
}

/// The next `length` bytes of `body`.
fn take<'a>(body: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = body.split_at_checked(length)?;
    *body = rest;
    Some(taken)
}

fn take_batch(body: &mut &[u8], first_sequence: u64, received: TimestampNs) -> Option<FrameBatch> {
    let head = take(body, BATCH_HEADER_BYTES)?;
    let name = std::str::from_utf8(take(body, usize::from(head[21]))?).ok()?;
    let name = DatasetName::new(name).ok().filter(|read| read.as_str() == name)?;
    let stored = take(body, u32_at(head, 16) as usize)?;
    let inflated_bytes = usize::try_from(u64_at(head, 8)).ok().filter(|b| *b <= limits::FRAME_BYTES_MAX)?;
    let events = match head[20] {
        0 => block::decode(stored).ok()?,
        1 => block::decode(&lz4_flex::block::decompress(stored, inflated_bytes).ok()?).ok()?,
        _ => return None,
    };
    if events.rows() == 0 || events.rows() != u32_at(head, 4) as usize {
        return None;
    }
    let target = Target { id: DatasetId(u32_at(head, 0)), name };
    Some(FrameBatch { target, first_sequence, received, events })
}

fn take_acknowledgement(body: &mut &[u8]) -> Option<Acknowledgement> {
    let head = take(body, ACKNOWLEDGEMENT_BYTES)?;
    let details = take(body, u32_at(head, 40) as usize)?;
    let mut key = [0; 16];
    key.copy_from_slice(&head[..16]);
    Some(Acknowledgement {
        id: BatchId { key, body: u64_at(head, 16) },
        received: u64_at(head, 24) as i64,
        outcome: Outcome { accepted: u32_at(head, 32), rejected: u32_at(head, 36), details: details.to_vec() },
    })
}
