//! The catalog: which segments live, which fields there are, and where replay begins. One transaction per change.
//!
//! SQLite is the truth on disk; [`FieldTable`] and the store's state are its image in memory, which readers use. It must
//! not know how segments are written or read.
#![doc = include_str!("../../format/catalog.md")]

mod datasets;
mod distinct;
mod field_rows;
mod fields;
mod rows;
mod sql;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use datasets::Dropped;
pub use distinct::Distinct;
pub use fields::{FieldEntry, FieldTable, TypeEntry};
pub(crate) use sql::{Catalog, CatalogImage, DatasetRow, Publication, Row, ScrubPlace};
pub(crate) use view::{CatalogView, ListedSegment, check_copy, copy_private};
