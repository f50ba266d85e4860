//! Functions that DataFusion lacks: exact sums, sketches, distinct counts, changes, concurrency, text forms,
//! patterns, packed keys.
//!
//! Each is one file: what it calculates, its state, how states merge. It must not know specs or fields.

mod change;
mod concurrency;
mod distinct;
mod integer_sum;
mod packed;
mod scalar;
mod sketch;
mod stated;
#[cfg(test)]
mod tests;

pub(crate) use change::{Change, change};
pub(crate) use concurrency::{Buckets, Concurrency, concurrency};
pub(crate) use distinct::{DistinctFlag, distinct_count};
pub(crate) use integer_sum::integer_sum;
pub(crate) use packed::{PACKED_MAX, pack, unpack};
pub(crate) use scalar::{TextTest, any_text, float_text, is_not_true, matches, quantile, rate, time_text};
pub(crate) use sketch::{Sketch, bucket_start, sketch};
