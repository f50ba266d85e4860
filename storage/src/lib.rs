//! COLUMNS ↔ FILES: durable before acknowledged, queryable at once, columnar soon after.
//!
//! The way of an event: [`Store::append`] takes batches ([`event`]), the [`wal`] makes them durable, the [`memtable`]
//! shows them to readers, [`upkeep`] turns them into [`segment`]s with an [`index`] beside them, the [`catalog`] says which of
//! those count, and a [`Snapshot`] is all that a reader ever sees. [`disk`] and [`clock`] are what a test may own instead of the machine.
//!
//! This crate must not know tokio, HTTP, DataFusion or any wire format.

mod acknowledgement;
pub mod event;
pub mod limits;
pub mod machine;
pub mod memory;

pub mod clock;
pub mod disk;
pub mod error;
pub mod paths;

pub mod catalog;
#[cfg(test)]
mod fixtures;
pub mod index;
pub mod memtable;
pub mod overflow;
pub mod segment;
#[cfg(test)]
mod simulation;
mod snapshot;
mod store;
#[cfg(test)]
mod testing;
mod upkeep;
pub mod wal;

pub mod backup;
pub mod check;
pub mod inspect;
pub mod repair;

pub use acknowledgement::{BatchId, Once, Outcome};
pub use catalog::{Distinct, FieldEntry, FieldTable, TypeEntry};
pub use error::StoreError;
pub use memtable::StoredBatch;
pub use overflow::{OverflowEntry, OverflowTable};
pub use segment::SegmentInfo;
pub use segment::reader::{OpenSegment, Segment, SegmentBytes};
pub use segment::walk::{Each, WalkPart};
pub use snapshot::{DatasetSnapshot, InOverflow, Snapshot};
pub use store::{
    Begun, DatasetInfo, ScrubHealth, ScrubStep, SpaceHealth, Store, StoreHealth, StoreSettings, Submitted,
};
pub use upkeep::retain::Retention;
pub use upkeep::told::{UpkeepDone, UpkeepKind, Watcher, Wrote};
pub use wal::writer::Receipt;
