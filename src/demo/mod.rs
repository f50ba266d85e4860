//! The demo shop: carts, searches, checkouts and payments of a shop that never was, with one incident in them.
//! Pure: the same seed, start and range give the same bytes. Must not know: sockets, clocks, settings, the store.
//!
//! Build `b-0037` reaches `eu-west-1`, eight minutes later the flag `new_checkout` goes on there, and
//! `POST /checkout` becomes slow, because tax is looked up item by item.

mod entry;
mod fields;
mod intents;
mod json;
mod layout;
mod plan;
mod rng;
pub(crate) mod sender;
mod story;
#[cfg(test)]
mod tests;
mod world;

use plan::{LONGEST_NS, Trace};
use rng::{Dice, key};
use story::{Kind, RATES, Story};

/// Where the shop's events belong.
pub(crate) const DATASET: &str = "shop";

/// Traces are dealt out second by second.
const SLOT_NS: i64 = 1_000_000_000;

/// The shop: it can tell what happened in any range of time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shop {
    seed: u64,
    story: Story,
    load: f64,
}

impl Shop {
    /// `incident_start_ns` is when the flag goes on, in nanoseconds since 1970; the build comes 8 minutes before.
    pub(crate) fn new(seed: u64, incident_start_ns: i64) -> Self {
        Self { seed, story: Story::new(incident_start_ns), load: 1.0 }
    }

    /// The same shop with so many times as many customers.
    pub(crate) fn with_load(self, load: f64) -> Self {
        Self { load, ..self }
    }

    /// All events whose span starts in `from_ns..to_ns`, as NDJSON of at most `events_max` events a chunk.
    pub(crate) fn events(&self, from_ns: i64, to_ns: i64, events_max: usize) -> impl Iterator<Item = Chunk> + use<> {
        let mut spans = Spans::new(*self, from_ns, to_ns);
        std::iter::from_fn(move || spans.chunk(events_max.max(1)))
    }

    /// The starts of one kind's traces in one second.
    fn deal(&self, slot: i64, kind: usize, rate: f64) -> impl Iterator<Item = (u64, i64)> + use<> {
        let slot_key = key(&[self.seed, slot as u64, kind as u64]);
        let start = slot.saturating_mul(SLOT_NS);
        let mut dice = Dice::new(slot_key);
        let count = (rate * self.load * self.story.load(start) + dice.unit()).floor().max(0.0) as u64;
        (0..count).map(move |nth| {
            let at = start.saturating_add(dice.below(SLOT_NS as u64 / 1000) as i64 * 1000);
            (key(&[slot_key, nth]), at)
        })
    }
}

/// Some events as NDJSON, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) events: usize,
    pub(crate) body: Vec<u8>,
}

/// Walks over the spans that start in a range, trace by trace.
#[derive(Debug)]
struct Spans {
    shop: Shop,
    from_ns: i64,
    to_ns: i64,
    slot: i64,
    /// The traces of the current second that were not yet written, and the one being written.
    waiting: Vec<(Kind, u64, i64)>,
    open: Option<(Trace, usize)>,
}

impl Spans {
    fn new(shop: Shop, from_ns: i64, to_ns: i64) -> Self {
        let slot = from_ns.saturating_sub(LONGEST_NS).div_euclid(SLOT_NS);
        Self { shop, from_ns, to_ns, slot, waiting: Vec::new(), open: None }
    }

    fn chunk(&mut self, events_max: usize) -> Option<Chunk> {
        let mut chunk = Chunk { events: 0, body: Vec::with_capacity(events_max.min(8192) * 1200) };
        while chunk.events < events_max && self.next_into(&mut chunk.body) {
            chunk.events += 1;
        }
        (chunk.events > 0).then_some(chunk)
    }

    /// Writes the next event; false at the end of the range.
    fn next_into(&mut self, out: &mut Vec<u8>) -> bool {
        loop {
            let Some((trace, index)) = &mut self.open else {
                if self.open_next() {
                    continue;
                }
                return false;
            };
            let at = *index;
            *index += 1;
            match trace.spans.get(at) {
                None => self.open = None,
                Some(span) => {
                    let start = trace.start_ns.saturating_add(span.start_us as i64 * 1000);
                    if (self.from_ns..self.to_ns).contains(&start) {
                        fields::write(out, trace, at, start);
                        return true;
                    }
                }
            }
        }
    }

    fn open_next(&mut self) -> bool {
        while self.waiting.is_empty() {
            let start = self.slot.saturating_mul(SLOT_NS);
            if start >= self.to_ns {
                return false;
            }
            self.fill();
        }
        if let Some((kind, trace_key, start)) = self.waiting.pop() {
            self.open = Some((Trace::new(self.shop.story, trace_key, kind, start), 0));
        }
        true
    }

    fn fill(&mut self) {
        for (nth, (kind, rate)) in RATES.iter().enumerate() {
            let traces = self.shop.deal(self.slot, nth, *rate);
            self.waiting
                .extend(traces.filter(|(_, start)| *start < self.to_ns).map(|(key, start)| (*kind, key, start)));
        }
        self.waiting.sort_unstable_by_key(|(_, key, start)| std::cmp::Reverse((*start, *key)));
        self.slot += 1;
    }
}
