//! Sends the shop's events: first the two hours before now, then the two before them, which everything now is held
//! against, then live. Everything it touches is handed in: how to send, what time it is, how to wait. Must not know:
//! HTTP, threads, the store.

use std::time::Duration;

use super::{Shop, intents};

const SEED: u64 = 37;
const MINUTE_NS: i64 = 60_000_000_000;
/// Twice so much is filled in at the start, and at most so much after a sleep of the machine.
const REACH_NS: i64 = 120 * MINUTE_NS;
/// When the demo starts, the flag has been on for so long.
const RUNNING_NS: i64 = 41 * MINUTE_NS;
const EVENTS_A_SEND: usize = 5_000;
const TICK: Duration = Duration::from_millis(250);
const ATTEMPTS: u32 = 10;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What was sent until the demo was stopped.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    /// Events of sends that failed every time.
    pub(crate) given_up: u64,
}

/// Runs until `wait` says stop. `send` gets one NDJSON body for the dataset `shop` and may fail; `now` is in
/// nanoseconds since 1970; `wait` sleeps and is false when the demo is to end.
pub(crate) fn run(
    load: f64,
    send: impl FnMut(Vec<u8>) -> Result<(), String>,
    now: impl Fn() -> i64,
    wait: impl FnMut(Duration) -> bool,
) -> Tally {
    let begun = now();
    let shop = Shop::new(SEED, begun.saturating_sub(RUNNING_NS)).with_load(load);
    // The programs began before the first of their events.
    let register = intents::register(begun.saturating_sub(2 * REACH_NS));
    run_shop(&shop, register, REACH_NS, send, now, wait)
}

/// Fills in twice `reach_ns` before now, and after that never reaches further back than once. The register goes before
/// everything else.
pub(super) fn run_shop(
    shop: &Shop,
    register: Vec<u8>,
    reach_ns: i64,
    send: impl FnMut(Vec<u8>) -> Result<(), String>,
    now: impl Fn() -> i64,
    wait: impl FnMut(Duration) -> bool,
) -> Tally {
    let mut sender = Sender { send, wait, register, tally: Tally::default() };
    let mut sent_to = now();
    let recent = sent_to.saturating_sub(reach_ns);
    let earlier = recent.saturating_sub(reach_ns);
    if !sender.range(shop, recent, sent_to) || !sender.range(shop, earlier, recent) {
        return sender.tally;
    }
    loop {
        let until = now();
        if until > sent_to {
            let from = sent_to.max(until.saturating_sub(reach_ns));
            if !sender.range(shop, from, until) {
                return sender.tally;
            }
            sent_to = until;
        }
        if !(sender.wait)(TICK) {
            return sender.tally;
        }
    }
}

struct Sender<S, W> {
    send: S,
    wait: W,
    /// What is still to be sent before the first events.
    register: Vec<u8>,
    tally: Tally,
}

impl<S, W> Sender<S, W>
where
    S: FnMut(Vec<u8>) -> Result<(), String>,
    W: FnMut(Duration) -> bool,
{
    /// False when the demo is to end.
    fn range(&mut self, shop: &Shop, from: i64, until: i64) -> bool {
        for chunk in shop.events(from, until, EVENTS_A_SEND) {
            let mut body = std::mem::take(&mut self.register);
            body.extend_from_slice(&chunk.body);
            let (events, bytes) = (chunk.events as u64, body.len() as u64);
            match self.deliver(&body) {
                Delivery::Sent => {
                    self.tally.events += events;
                    self.tally.bytes += bytes;
                }
                Delivery::GivenUp => self.tally.given_up += events,
                Delivery::Stopped => return false,
            }
            if !(self.wait)(Duration::ZERO) {
                return false;
            }
        }
        true
    }

    /// The same bytes again and again, with longer pauses, but not for ever.
    fn deliver(&mut self, body: &[u8]) -> Delivery {
        let mut pause = TICK;
        for attempt in 1..=ATTEMPTS {
            if (self.send)(body.to_vec()).is_ok() {
                return Delivery::Sent;
            }
            if attempt < ATTEMPTS && !(self.wait)(pause) {
                return Delivery::Stopped;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Delivery::GivenUp
    }
}

enum Delivery {
    Sent,
    GivenUp,
    Stopped,
}
