//! Which values occur in which slices of a column, as a table of hashes that forgets most of their bits.
//!
//! Every distinct (value, slice) is one entry: the hash chooses a bucket, and the entry keeps a few more bits of the
//! hash, the *remainder*, and the slice. There are as many buckets as entries; how many entries each has is written in
//! unary (two bits an entry). A value that does not occur is taken for one that does once in 2^remainder; one that occurs is
//! found with all its slices. A Bloom filter for each slice needs as many bits to be as rarely wrong in a whole segment, and
//! names other slices besides the right ones. It must not know values, only their hashes.

use super::codec::Cursor;
use super::layout::low_bits;
use crate::event::FieldType;

/// Bits of an entry's key that say its slice; the bits above are the value's hash.
pub(super) const SLICE_BITS: u32 = 6;
const SLICE_MASK: u64 = (1 << SLICE_BITS) - 1;
/// Buckets between two known places of the unary part.
pub(super) const GROUP_BUCKETS: u64 = 256;
/// Bytes before the table of groups.
const HEADER_BYTES: usize = 8;
/// Bits of the remainder while entries are few, and the number that is few: wrong once in 1,024.
pub(super) const REMAINDER_BITS_FEW: u32 = 10;
pub(super) const FEW_ENTRIES: usize = 4_096;
/// Bits of the remainder otherwise: wrong once in 32.
pub(super) const REMAINDER_BITS: u32 = 5;
/// Bits that a filter may take for each value of its column; above it slices are named less exactly. Ids are worth most:
/// that is what hardly repeats. A number that repeats is more often a measure than an id.
pub(super) const ID_BITS_MAX: f64 = 10.5;
pub(super) const TEXT_BITS_MAX: f64 = 6.5;
pub(super) const NUMBER_BITS_MAX: f64 = 1.0;
/// Bits of an entry beside remainder and slice: two in unary, an eighth for groups.
const OVERHEAD_BITS: f64 = 2.125;

/// The key of a value in a slice.
pub(super) fn key(hash: u64, slice: u32) -> u64 {
    (hash & !SLICE_MASK) | u64::from(slice)
}

/// What became of a column's keys.
#[derive(Debug, Default)]
pub(super) struct Built {
    /// Nothing if the filter is not worth its bytes.
    pub(super) bytes: Vec<u8>,
    pub(super) distinct: u32,
}

/// How a filter is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    entries: u32,
    remainder_bits: u32,
    slice_bits: u32,
    /// An entry's slice stands for 2^shift slices of the grid; with [`SLICE_BITS`] for all of them.
    shift: u32,
}

impl Shape {
    fn entry_bits(self) -> u32 {
        self.remainder_bits + self.slice_bits
    }

    fn buckets(self) -> u64 {
        u64::from(self.entries)
    }

    fn groups(self) -> usize {
        self.buckets().div_ceil(GROUP_BUCKETS) as usize
    }

    fn unary_start(self) -> usize {
        HEADER_BYTES + 4 * (self.groups() + 1)
    }

    fn entries_start(self) -> usize {
        self.unary_start() + (u64::from(self.entries) + self.buckets()).div_ceil(8) as usize
    }

    fn bucket(self, hash: u64) -> u64 {
        ((hash >> 32) * self.buckets()) >> 32
    }

    fn remainder(self, hash: u64) -> u64 {
        (hash >> SLICE_BITS) & low_bits(self.remainder_bits)
    }
}

/// Makes the filter of a column with `values` values in the slices `present`.
pub(super) fn build(mut keys: Vec<u64>, values: u32, present: u64, of_type: FieldType) -> Built {
    keys.sort_unstable();
    keys.dedup();
    let distinct = keys.chunk_by(|a, b| a >> SLICE_BITS == b >> SLICE_BITS).count();
    // Floats are measures, and measures are not looked up.
    if of_type == FieldType::Float && keys.len() > FEW_ENTRIES {
        return Built { bytes: Vec::new(), distinct: distinct as u32 };
    }
    let remainder_bits = if keys.len() <= FEW_ENTRIES { REMAINDER_BITS_FEW } else { REMAINDER_BITS };
    let bits_max = match of_type {
        _ if distinct >= values as usize / 2 => ID_BITS_MAX,
        FieldType::String => TEXT_BITS_MAX,
        _ => NUMBER_BITS_MAX,
    };
    let everywhere = 2 * keys.len() > distinct * present.count_ones() as usize;
    let shift = match keys.len() {
        _ if everywhere => SLICE_BITS,
        ..=FEW_ENTRIES => 0,
        _ => choose_shift(&keys, f64::from(values) * bits_max, remainder_bits, present),
    };
    coarsen(&mut keys, shift);
    let shape = Shape { entries: keys.len() as u32, remainder_bits, slice_bits: slice_bits(present, shift), shift };
    Built { bytes: write(&keys, shape), distinct: distinct as u32 }
}

/// How exactly slices are named, so that a filter takes at most `bits_max`.
fn choose_shift(keys: &[u64], bits_max: f64, remainder_bits: u32, present: u64) -> u32 {
    let fits = |shift: &u32| {
        let same = |a: &u64, b: &u64| a >> SLICE_BITS == b >> SLICE_BITS && coarse(*a, *shift) == coarse(*b, *shift);
        let bits = OVERHEAD_BITS + f64::from(remainder_bits + slice_bits(present, *shift));
        keys.chunk_by(same).count() as f64 * bits <= bits_max
    };
    (0..SLICE_BITS).find(fits).unwrap_or(SLICE_BITS)
}

/// Bits that name one of the slices up to the last one present.
fn slice_bits(present: u64, shift: u32) -> u32 {
    (64 - present.leading_zeros()).div_ceil(1 << shift).next_power_of_two().trailing_zeros()
}

fn coarse(key: u64, shift: u32) -> u64 {
    (key & SLICE_MASK) >> shift
}

fn coarsen(keys: &mut Vec<u64>, shift: u32) {
    keys.iter_mut().for_each(|key| *key = (*key & !SLICE_MASK) | coarse(*key, shift));
    keys.dedup();
}

fn write(keys: &[u64], shape: Shape) -> Vec<u8> {
    let mut out = Vec::with_capacity(shape.entries_start() + keys.len() * 2 + 8);
    out.extend(shape.entries.to_le_bytes());
    out.extend([shape.remainder_bits as u8, shape.slice_bits as u8, shape.shift as u8, 0]);
    let mut at = 0;
    for group in 0..=shape.groups() as u64 {
        while keys.get(at).is_some_and(|key| shape.bucket(*key) < group * GROUP_BUCKETS) {
            at += 1;
        }
        out.extend((at as u32).to_le_bytes());
    }
    let mut unary = Bits::default();
    let mut bucket = 0;
    for key in keys {
        let own = shape.bucket(*key);
        unary.put_zeros(own - bucket);
        unary.put(1, 1);
        bucket = own;
    }
    unary.put_zeros(shape.buckets() - bucket);
    out.extend(unary.finish());
    let mut entries = Bits::default();
    for key in keys {
        entries.put(shape.remainder(*key) << shape.slice_bits | key & SLICE_MASK, shape.entry_bits());
    }
    out.extend(entries.finish());
    out
}

/// Bits, lowest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    open: u64,
    count: u32,
}

impl Bits {
    /// At most 32 bits at a time.
    fn put(&mut self, value: u64, bits: u32) {
        self.open |= value << self.count;
        self.count += bits;
        while self.count >= 8 {
            self.bytes.push(self.open as u8);
            self.open >>= 8;
            self.count -= 8;
        }
    }

    fn put_zeros(&mut self, mut bits: u64) {
        while bits > 0 {
            let now = bits.min(32);
            self.put(0, now as u32);
            bits -= now;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push(self.open as u8);
        }
        self.bytes
    }
}

/// Looks a value up. `read` gives the filter's bytes from an offset on, in parts, so that only those needed are touched. The
/// slices the value may be in; `Ok(None)` if the bytes are not a filter.
pub(super) fn find<B: AsRef<[u8]>, E>(
    hash: u64,
    length: usize,
    mut read: impl FnMut(usize, usize) -> Result<B, E>,
) -> Result<Option<u64>, E> {
    if length < HEADER_BYTES {
        return Ok(None);
    }
    let Some(shape) = shape(read(0, HEADER_BYTES)?.as_ref()) else { return Ok(None) };
    if shape.entries_start() + (u64::from(shape.entries) * u64::from(shape.entry_bits())).div_ceil(8) as usize != length
    {
        return Ok(None);
    }
    if shape.entries == 0 {
        return Ok(Some(0));
    }
    let bucket = shape.bucket(hash);
    let group = bucket / GROUP_BUCKETS;
    let starts = read(HEADER_BYTES + 4 * group as usize, 8)?;
    let mut starts = Cursor(starts.as_ref());
    let Some((first, end)) = starts.u32().zip(starts.u32()) else { return Ok(None) };
    if first > end || end > shape.entries {
        return Ok(None);
    }
    // Before a group there are as many ones as entries before it, and as many zeros as buckets.
    let from = u64::from(first) + group * GROUP_BUCKETS;
    let to = (u64::from(end) + (group + 1) * GROUP_BUCKETS).min(u64::from(shape.entries) + shape.buckets());
    let (byte, until) = ((from / 8) as usize, to.div_ceil(8) as usize);
    let unary = read(shape.unary_start() + byte, until - byte)?;
    let places = places(unary.as_ref(), (from % 8) as u32, bucket % GROUP_BUCKETS);
    let Some(places) = places.map(|(before, count)| (u64::from(first) + before, count)) else { return Ok(None) };
    if places.0 + places.1 > u64::from(shape.entries) {
        return Ok(None);
    }
    let width = u64::from(shape.entry_bits());
    let (byte, until) = ((places.0 * width / 8) as usize, ((places.0 + places.1) * width).div_ceil(8) as usize);
    let entries = read(shape.entries_start() + byte, until - byte)?;
    let mut slices = 0;
    for entry in 0..places.1 {
        let bits = bits_at(entries.as_ref(), (places.0 * width % 8 + entry * width) as usize, shape.entry_bits());
        if bits >> shape.slice_bits == shape.remainder(hash) {
            let slice = (bits & low_bits(shape.slice_bits)) as u32;
            slices |= low_bits(1 << shape.shift).checked_shl(slice << shape.shift).unwrap_or(0);
        }
    }
    Ok(Some(slices))
}

fn shape(header: &[u8]) -> Option<Shape> {
    let mut cursor = Cursor(header);
    let entries = cursor.u32()?;
    let mut small = || cursor.u8().map(u32::from);
    let shape = Shape { entries, remainder_bits: small()?, slice_bits: small()?, shift: small()? };
    (shape.remainder_bits <= 16 && shape.slice_bits <= SLICE_BITS && shape.shift <= SLICE_BITS).then_some(shape)
}

/// Behind the `skipped`-th zero: how many ones came before it and how many come at once.
fn places(unary: &[u8], from: u32, skipped: u64) -> Option<(u64, u64)> {
    let end = unary.len() * 8;
    let (mut at, mut zeros) = (from as usize, 0);
    // Whole words first.
    while zeros < skipped {
        let bits = (end.checked_sub(at).filter(|rest| *rest > 0)? as u32).min(WORD_BITS);
        let here = u64::from(bits - bits_at(unary, at, bits).count_ones());
        let left = (skipped - zeros) as u32;
        if here < skipped - zeros {
            zeros += here;
            at += bits as usize;
        } else {
            at += zero(bits_at(unary, at, bits), left) as usize + 1;
            zeros = skipped;
        }
    }
    let before = (at - from as usize) as u64 - skipped;
    let mut count = 0;
    while at < end && bits_at(unary, at, 1) == 1 {
        (at, count) = (at + 1, count + 1);
    }
    Some((before, count))
}

/// Bits looked at in one go: what is left of a word when it begins within a byte.
const WORD_BITS: u32 = 56;

/// The place of the `nth` zero of a word, from 1 on.
fn zero(word: u64, nth: u32) -> u32 {
    let mut zeros = !word;
    (1..nth).for_each(|_| zeros &= zeros - 1);
    zeros.trailing_zeros()
}

fn bits_at(bytes: &[u8], at: usize, bits: u32) -> u64 {
    let mut word = [0; 8];
    let rest = bytes.get(at / 8..).unwrap_or_default();
    let length = rest.len().min(8);
    word[..length].copy_from_slice(&rest[..length]);
    u64::from_le_bytes(word) >> (at % 8) & low_bits(bits)
}
