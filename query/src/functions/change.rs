//! How a field changes from its first time bucket to its last: what the RATE calculations show of a group as a whole.
//!
//! Only the two buckets at the ends are kept, whatever lies between.

use datafusion::logical_expr::Expr;

use super::stated::{State, stated};
use crate::spec::RateOf;

/// The state over (bucket number, value, weight), to be read by [`Change::rate`].
pub(crate) fn change(bucket: Expr, value: Expr, weight: Expr) -> Expr {
    stated::<Change>((), bucket, value, weight)
}

/// What one bucket holds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    at: i64,
    sum: f64,
    weight: f64,
    max: f64,
}

impl Bucket {
    fn join(&mut self, other: Bucket) {
        self.sum += other.sum;
        self.weight += other.weight;
        self.max = self.max.max(other.max);
    }

    fn value(&self, of: RateOf) -> f64 {
        match of {
            RateOf::Sum => self.sum,
            RateOf::Avg => self.sum / self.weight,
            RateOf::Max => self.max,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Change {
    /// The first bucket with a value, and the last.
    ends: Option<(Bucket, Bucket)>,
}

impl Change {
    /// The mean change from one bucket to the next; none without two buckets.
    pub(crate) fn rate(&self, of: RateOf) -> Option<f64> {
        let (first, last) = self.ends?;
        (last.at > first.at).then(|| (last.value(of) - first.value(of)) / (last.at - first.at) as f64)
    }

    fn see(&mut self, (first, last): (Bucket, Bucket)) {
        let Some(own) = &mut self.ends else {
            self.ends = Some((first, last));
            return;
        };
        match first.at.cmp(&own.0.at) {
            std::cmp::Ordering::Less => own.0 = first,
            std::cmp::Ordering::Equal => own.0.join(first),
            std::cmp::Ordering::Greater => {}
        }
        match last.at.cmp(&own.1.at) {
            std::cmp::Ordering::Greater => own.1 = last,
            std::cmp::Ordering::Equal => own.1.join(last),
            std::cmp::Ordering::Less => {}
        }
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Change> {
        Change::decode(bytes)
    }
}

impl State for Change {
    const NAME: &'static str = "change";
    type Settings = ();

    fn add(&mut self, (): &(), moment: i64, value: f64, weight: i64) {
        let weight = weight as f64;
        let one = Bucket { at: moment, sum: value * weight, weight, max: value };
        self.see((one, one));
    }

    fn merge(&mut self, other: &Change) {
        if let Some(ends) = other.ends {
            self.see(ends);
        }
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let (first, last) = self.ends?;
        let numbers =
            |bucket: Bucket| [bucket.at as u64, bucket.sum.to_bits(), bucket.weight.to_bits(), bucket.max.to_bits()];
        Some(numbers(first).into_iter().chain(numbers(last)).flat_map(u64::to_le_bytes).collect())
    }

    fn decode(bytes: &[u8]) -> Option<Change> {
        let (numbers, []) = bytes.as_chunks::<8>() else { return None };
        let numbers: Vec<u64> = numbers.iter().map(|number| u64::from_le_bytes(*number)).collect();
        let bucket = |numbers: &[u64]| Bucket {
            at: numbers[0] as i64,
            sum: f64::from_bits(numbers[1]),
            weight: f64::from_bits(numbers[2]),
            max: f64::from_bits(numbers[3]),
        };
        (numbers.len() == 8).then(|| Change { ends: Some((bucket(&numbers[..4]), bucket(&numbers[4..]))) })
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}
