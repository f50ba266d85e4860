//! A set of names in fixed memory: it may hold what was never put in, and never lacks what was. Knows hashes alone.

use xxhash_rust::xxh3::xxh3_64;

/// 128 KiB: one name in a hundred that was never put in seems to be there after 100,000 names.
const BITS: usize = 1 << 20;
const PROBES: u64 = 4;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameFilter(Vec<u8>);

impl Default for NameFilter {
    fn default() -> NameFilter {
        NameFilter(vec![0; BITS / 8])
    }
}

impl NameFilter {
    pub(crate) fn insert(&mut self, name: &str) {
        for bit in bits(name) {
            self.0[bit / 8] |= 1 << (bit % 8);
        }
    }

    pub(crate) fn may_hold(&self, name: &str) -> bool {
        bits(name).all(|bit| self.0[bit / 8] & (1 << (bit % 8)) != 0)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A filter of another size was damaged: it may hold everything.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> NameFilter {
        if bytes.len() == BITS / 8 { NameFilter(bytes) } else { NameFilter(vec![0xff; BITS / 8]) }
    }
}

fn bits(name: &str) -> impl Iterator<Item = usize> {
    let hash = xxh3_64(name.as_bytes());
    let (first, step) = (hash & 0xffff_ffff, hash >> 32 | 1);
    (0..PROBES).map(move |probe| (first.wrapping_add(step.wrapping_mul(probe)) as usize) % BITS)
}
