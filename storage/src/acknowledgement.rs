//! What a request was told, under the name that it gave itself: the nouns of storing a request once however often it
//! is sent. It must not know where acknowledgements are kept or for how long, nor what an outcome's details mean.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};
use xxhash_rust::xxh3::xxh3_64;

use crate::event::{DatasetName, TimestampNs};

#[cfg(test)]
mod tests;

/// Who sent which body under which id; made by [`crate::Store::batch_id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchId {
    /// Of principal, dataset and id. Keyed with the store id, so that nobody outside can make two that are the same.
    pub(crate) key: [u8; 16],
    /// Checksum of the body. Whoever makes two bodies that have the same one harms only itself.
    pub(crate) body: u64,
}

impl BatchId {
    pub(crate) fn new(store_id: [u8; 16], principal: &str, dataset: &DatasetName, id: &str, body: &[u8]) -> BatchId {
        let mut hasher = SipHasher24::new_with_key(&store_id);
        for part in [principal, dataset.as_str(), id] {
            // The length first, so that no two splits of one text are the same.
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part.as_bytes());
        }
        let hash = hasher.finish128();
        let mut key = [0; 16];
        key[..8].copy_from_slice(&hash.h1.to_le_bytes());
        key[8..].copy_from_slice(&hash.h2.to_le_bytes());
        BatchId { key, body: xxh3_64(body) }
    }
}

/// What became of a request's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub accepted: u32,
    pub rejected: u32,
    /// What is to be said of the rejected ones: bytes of the caller's own. When those of all acknowledgements are more
    /// than the store keeps, the oldest go first; the numbers stay.
    pub details: Vec<u8>,
}

/// An outcome that somebody may have been told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledgement {
    pub(crate) id: BatchId,
    pub(crate) received: TimestampNs,
    pub(crate) outcome: Outcome,
}

/// What became of a request that has a [`BatchId`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once {
    /// It is durable now.
    Stored(crate::Receipt),
    /// It was durable before, and this is what its sender was told.
    Repeated(Outcome),
}
