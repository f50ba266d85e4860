//! The log gives back what was put in, whatever happens to its bytes.

mod block;
mod format;
mod frame;
mod reader;
mod writer;

use crate::event::{DatasetId, EventBatch};
use crate::testing::{Event, START, Value, event};

use super::frame::{EncodedBatch, FrameBatch};

pub(crate) const STORE: [u8; 16] = *b"a store of tests";

/// `count` small events; `first` tells them apart.
fn small(first: i64, count: i64) -> Vec<Event> {
    (first..first + count).map(|n| event(START + n, &[("n", Value::Integer(n)), ("s", Value::text("é"))])).collect()
}

fn encoded(dataset: u32, events: &EventBatch) -> (DatasetId, EncodedBatch) {
    (DatasetId(dataset), EncodedBatch::new(events))
}

/// What a test compares of a batch: dataset, first sequence, receive time, events.
type PlainBatch = (u32, u64, i64, Vec<Event>);

fn plain(batches: &[FrameBatch]) -> Vec<PlainBatch> {
    let one = |b: &FrameBatch| (b.dataset.0, b.first_sequence, b.received, crate::testing::events(&b.events));
    batches.iter().map(one).collect()
}
