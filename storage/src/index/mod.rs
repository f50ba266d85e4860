//! The sidecar of a segment: the evidence that queries prune with, and that compares take their baseline from.
//!
//! 1. [`layout`] cuts a segment's rows into blocks and slices.
//! 2. [`column`] is told one column after the other. It keeps [`bounds`] and counts, a [`filter`] of which value is in which
//!    slice, [`postings`] of what is rare, and the [`counts`] of each block, which a [`tally`] and a [`histogram`] gather.
//! 3. [`writer`] puts all that into one file, [`reader`] finds it again; [`rows`] is what it answers with.
//!
//! It must not know the catalog, when a segment is written, or what is asked. A segment without a sidecar is served too.
#![doc = include_str!("../../format/index.md")]

mod bounds;
mod codec;
pub(crate) mod column;
mod counts;
mod filter;
mod histogram;
pub(crate) mod layout;
mod postings;
mod reader;
mod rows;
mod tally;
#[cfg(test)]
mod tests;
pub(crate) mod writer;

pub use bounds::Bounds;
pub use column::Statistics;
pub use counts::{BlockCounts, ColumnCounts, ListedValue, ValueCount};
pub use histogram::{BucketCount, bucket};
pub use layout::{Block, Cluster, Grid};
pub use reader::{ColumnEvidence, Probe, Sidecar};
pub use rows::RowSet;

/// How much evidence a segment gets when it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Evidence {
    /// No sidecar: queries have the statistics of the file itself.
    #[default]
    None,
    Full,
}
