//! Fields without a column of their own: when a dataset has enough columns, further fields lie in one text column.
//!
//! 1. [`text`] is one event's overflow fields as a JSON object, and how a field is found in it.
//! 2. [`fold`] moves columns of a batch into the overflow column; the store does it once, when events are appended.
//! 3. [`table`] is what a dataset knows of its overflow fields, in bounded memory; [`filter`] is a part of it.
//!
//! It must not know the catalog's SQL, files, or what is asked.
#![doc = include_str!("../../format/overflow.md")]

mod filter;
mod fold;
mod table;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use filter::NameFilter;
pub(crate) use fold::fold;
pub(crate) use table::{Counted, Unlisted};
pub use table::{OverflowCount, OverflowEntry, OverflowTable};
pub use text::{FieldFinder, OverflowValue, entries};
