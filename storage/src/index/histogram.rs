//! A log histogram of numbers: 16 buckets an octave, taken from the bits of the double.
//!
//! Its buckets are eight of those that percentiles are computed with, so that the two may be joined.

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

/// Buckets side by side, from the lowest to the highest that has something.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    first: i32,
    counts: Vec<(u32, u64)>,
}

impl Histogram {
    pub(super) fn add(&mut self, value: f64, events: u32, weight: u64) {
        if value.is_nan() {
            return;
        }
        let bucket = bucket(value);
        if self.counts.is_empty() {
            self.first = bucket;
        }
        if bucket < self.first {
            let more = (self.first - bucket) as usize;
            self.counts.splice(0..0, std::iter::repeat_n((0, 0), more));
            self.first = bucket;
        }
        let place = (bucket - self.first) as usize;
        if place >= self.counts.len() {
            self.counts.resize(place + 1, (0, 0));
        }
        let count = &mut self.counts[place];
        *count = (count.0 + events, count.1 + weight);
    }

    /// The buckets with something in order, leaving nothing.
    pub(super) fn take(&mut self) -> Vec<BucketCount> {
        let first = self.first;
        let buckets = self.counts.drain(..).enumerate().filter(|(_, count)| count.0 > 0);
        buckets.map(|(at, (events, weight))| BucketCount { bucket: first + at as i32, events, weight }).collect()
    }
}
