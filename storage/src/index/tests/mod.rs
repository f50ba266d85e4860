//! A sidecar says what is in the segment beside it, never less, and nothing at all when it is damaged.

mod damage;
mod filter;
mod format;
mod fuzz;
mod layout;
mod measure;
mod round_trip;
mod rows;

use crate::segment::reader::Segment;
use crate::segment::tests::Bench;
use crate::testing::Event;

/// Events of one day as a segment with a sidecar.
fn indexed(bench: &mut Bench, events: &[Event]) -> Segment {
    let segment = bench.one(events);
    bench.index(segment.info());
    segment
}
