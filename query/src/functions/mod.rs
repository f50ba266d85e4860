//! Functions that DataFusion lacks: exact sums, sketches, distinct counts, text forms, patterns.
//!
//! Each is one file: what it calculates, its state, how states merge. It must not know specs or fields.

mod distinct;
mod integer_sum;
mod scalar;
mod sketch;
#[cfg(test)]
mod tests;

pub(crate) use distinct::{DistinctFlag, distinct_count};
pub(crate) use integer_sum::integer_sum;
pub(crate) use scalar::{TextTest, any_text, float_text, matches, quantile, time_text};
pub(crate) use sketch::{Sketch, bucket_start, sketch};
