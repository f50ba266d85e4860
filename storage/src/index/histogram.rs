//! A log histogram of numbers: 16 buckets an octave, taken from the bits of the double.
//!
//! Its buckets are eight of those that percentiles are computed with, so that the two may be joined.

use std::collections::HashMap;

/// Bits of a double's mantissa below a bucket's: 52 - 4.
const SHIFT: u32 = 48;

/// The bucket of a number. Monotonic; zero is 0. A negative number is in the mirrored bucket. What is no number has none.
pub fn bucket(value: f64) -> i32 {
    let magnitude = value.abs().to_bits();
    if magnitude == 0 {
        0
    } else if value > 0.0 {
        (magnitude >> SHIFT) as i32 + 1
    } else {
        -(((magnitude - 1) >> SHIFT) as i32 + 1)
    }
}

/// The numbers of one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketCount {
    pub bucket: i32,
    pub events: u32,
    pub weight: u64,
}

#[derive(Debug, Default)]
pub(super) struct Histogram(HashMap<i32, BucketCount>);

impl Histogram {
    pub(super) fn add(&mut self, value: f64, events: u32, weight: u64) {
        if value.is_nan() {
            return;
        }
        let bucket = bucket(value);
        let count = self.0.entry(bucket).or_insert(BucketCount { bucket, events: 0, weight: 0 });
        count.events += events;
        count.weight += weight;
    }

    /// The buckets in order, leaving nothing.
    pub(super) fn take(&mut self) -> Vec<BucketCount> {
        let mut buckets: Vec<BucketCount> = self.0.drain().map(|(_, count)| count).collect();
        buckets.sort_unstable_by_key(|count| count.bucket);
        buckets
    }
}
