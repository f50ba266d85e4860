//! How many spans run at a time, by time bucket: the mean over each bucket, out of starts and durations.
//!
//! A span adds to every bucket that it runs in. For each bucket is kept how long spans ran in a part of it, and how many
//! begin and end to run through all of it, so that a long span costs as much as a short one.

use datafusion::logical_expr::Expr;

use super::stated::{State, stated};

/// The buckets that are counted, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Buckets {
    /// Where the first begins.
    pub(crate) origin: i64,
    pub(crate) step: i64,
    pub(crate) count: usize,
    /// What is asked about: the buckets at the ends may reach beyond.
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Buckets {
    fn of(&self, moment: i64) -> usize {
        ((moment - self.origin).div_euclid(self.step).max(0) as usize).min(self.count - 1)
    }

    /// The part of a bucket that is asked about.
    fn bounds(&self, bucket: usize) -> (i64, i64) {
        let start = self.origin.saturating_add(self.step.saturating_mul(bucket as i64));
        (start.max(self.start), start.saturating_add(self.step).min(self.end))
    }
}

/// The state over (start, duration in nanoseconds, weight), to be read by [`Concurrency::means`].
pub(crate) fn concurrency(buckets: Buckets, start: Expr, duration: Expr, weight: Expr) -> Expr {
    stated::<Concurrency>(buckets, start, duration, weight)
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Concurrency {
    /// Nanoseconds that spans ran in parts of each bucket.
    partly: Vec<f64>,
    /// How many more run through all of each bucket than of the one before.
    wholly: Vec<f64>,
}

impl Concurrency {
    /// How many run in each bucket, on average over it.
    pub(crate) fn means(&self, buckets: &Buckets) -> Vec<f64> {
        let mut running = 0.0;
        let mean = |(bucket, (partly, wholly)): (usize, (&f64, &f64))| {
            running += wholly;
            let (start, end) = buckets.bounds(bucket);
            running + partly / (end - start).max(1) as f64
        };
        self.partly.iter().zip(&self.wholly).enumerate().map(mean).collect()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Concurrency> {
        Concurrency::decode(bytes)
    }
}

impl State for Concurrency {
    const NAME: &'static str = "concurrency";
    type Settings = Buckets;

    fn add(&mut self, buckets: &Buckets, moment: i64, duration: f64, weight: i64) {
        if duration <= 0.0 || buckets.count == 0 {
            return;
        }
        self.partly.resize(buckets.count, 0.0);
        self.wholly.resize(buckets.count, 0.0);
        let weight = weight as f64;
        let (start, end) = (moment.max(buckets.start), moment.saturating_add(duration as i64).min(buckets.end));
        if start >= end {
            return;
        }
        let (first, last) = (buckets.of(start), buckets.of(end - 1));
        let mut part = |bucket: usize, from: i64, to: i64| self.partly[bucket] += (to - from) as f64 * weight;
        if first == last {
            part(first, start, end);
            return;
        }
        part(first, start, buckets.bounds(first).1);
        part(last, buckets.bounds(last).0, end);
        if first + 1 < last {
            self.wholly[first + 1] += weight;
            self.wholly[last] -= weight;
        }
    }

    fn merge(&mut self, other: &Concurrency) {
        let longest = self.partly.len().max(other.partly.len());
        self.partly.resize(longest, 0.0);
        self.wholly.resize(longest, 0.0);
        self.partly.iter_mut().zip(&other.partly).for_each(|(own, other)| *own += other);
        self.wholly.iter_mut().zip(&other.wholly).for_each(|(own, other)| *own += other);
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let numbers = || self.partly.iter().chain(&self.wholly);
        (!self.partly.is_empty()).then(|| numbers().flat_map(|number| number.to_le_bytes()).collect())
    }

    fn decode(bytes: &[u8]) -> Option<Concurrency> {
        let (numbers, []) = bytes.as_chunks::<8>() else { return None };
        let mut partly: Vec<f64> = numbers.iter().map(|number| f64::from_le_bytes(*number)).collect();
        let wholly = partly.split_off(partly.len() / 2);
        (partly.len() == wholly.len()).then_some(Concurrency { partly, wholly })
    }

    fn heap_bytes(&self) -> usize {
        (self.partly.capacity() + self.wholly.capacity()) * size_of::<f64>()
    }
}
