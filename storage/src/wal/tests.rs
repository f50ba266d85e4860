//! The log gives back what was put in, whatever happens to its bytes.

mod block;
mod damage;
mod format;
mod frame;
mod fuzz;
mod header;
mod reader;
mod writer;

use crate::acknowledgement::{Acknowledgement, BatchId, Outcome};
use crate::event::{DatasetId, DatasetName, EventBatch};
use crate::testing::{Event, START, Value, event};

use super::frame::{EncodedBatch, FrameBatch, Target, encode};

pub(crate) const STORE: [u8; 16] = *b"a store of tests";

/// `count` small events; `first` tells them apart.
fn small(first: i64, count: i64) -> Vec<Event> {
    (first..first + count).map(|n| event(START + n, &[("n", Value::Integer(n)), ("s", Value::text("é"))])).collect()
}

/// Dataset `n` has the name `d<n>`.
fn target(dataset: u32) -> Target {
    Target { id: DatasetId(dataset), name: DatasetName::new(&format!("d{dataset}")).unwrap() }
}

fn encoded(dataset: u32, events: &EventBatch) -> (Target, EncodedBatch) {
    (target(dataset), EncodedBatch::new(events))
}

/// A frame of batches alone.
fn frame_of_batches(first_sequence: u64, batches: &[(Target, EncodedBatch)]) -> Vec<u8> {
    encode(STORE, first_sequence, START, batches, &[])
}

/// An acknowledgement that is told apart by `n`.
fn acknowledgement(n: u64) -> Acknowledgement {
    let details = "nothing\n".repeat(n as usize % 3).into_bytes();
    Acknowledgement {
        id: BatchId::new(STORE, "somebody", &DatasetName::new("d1").unwrap(), &n.to_string(), b"a body"),
        received: START + n as i64,
        outcome: Outcome { accepted: n as u32, rejected: 7, details },
    }
}

/// What a test compares of a batch: dataset, first sequence, receive time, events.
type PlainBatch = (u32, u64, i64, Vec<Event>);

fn plain(batches: &[FrameBatch]) -> Vec<PlainBatch> {
    let one = |b: &FrameBatch| {
        assert_eq!(b.target, target(b.target.id.0), "the name goes with the number");
        (b.target.id.0, b.first_sequence, b.received, crate::testing::events(&b.events))
    };
    batches.iter().map(one).collect()
}
