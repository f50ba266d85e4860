//! One trace: what is true for all of it, and the spans that it has. Must not know: fields, bytes, how long each part takes.

use super::rng::{Dice, key};
use super::story::{Kind, Pace, RetryEnd, Story};
use super::world::{Build, DEVICES, PLANS, PROVIDERS, Region, Service};

/// No span of a trace starts later than this after the trace.
pub(super) const LONGEST_NS: i64 = 12_000_000_000;

/// Of the checkouts, so many end in an order; the others are looked over once more. Those of the pictures do.
const ORDERS: f64 = 0.25;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Gateway,
    /// The span with which a service takes the request: it carries the wide fields.
    Entry,
    Session,
    Flags,
    PlaceOrder,
    CartGet,
    CartSelect,
    Quote,
    Rules,
    TaxLookup,
    TaxSelect,
    Discounts,
    Authorize,
    /// One attempt at the payment provider, counted from 0.
    Attempt(u32),
    OrdersInsert,
    Reserve,
    SearchIndex,
    Health,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) parent: Option<usize>,
    pub(super) service: Service,
    pub(super) role: Role,
    pub(super) start_us: u64,
    pub(super) duration_us: u64,
    pub(super) failed: bool,
}

/// What is true for a whole trace.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    pub(super) key: u64,
    pub(super) start_ns: i64,
    pub(super) kind: Kind,
    pub(super) region: Region,
    pub(super) zone: u64,
    pub(super) build: Option<Build>,
    pub(super) payments: Build,
    pub(super) flag: bool,
    pub(super) pace: Pace,
    pub(super) places_order: bool,
    pub(super) quoted: bool,
    pub(super) failed: bool,
    pub(super) user: u64,
    pub(super) plan: &'static str,
    pub(super) device: &'static str,
    pub(super) country: &'static str,
    pub(super) provider: &'static str,
    pub(super) items: u64,
    pub(super) lookups: u64,
    pub(super) retries: u64,
    pub(super) cache_hit: bool,
    /// How long it works where it need not wait for others.
    pub(super) work_us: u64,
    pub(super) spans: Vec<Span>,
}

impl Trace {
    /// Everything about a trace follows from its key, kind and start.
    pub(super) fn new(story: Story, trace_key: u64, kind: Kind, start_ns: i64) -> Self {
        let dice = &mut Dice::new(trace_key);
        let region = dice.weighed(&Region::ALL).unwrap_or(Region::UsEast);
        let build = story.build(region, start_ns, dice);
        let flag = story.flag(region, start_ns, dice);
        let pace = if kind == Kind::Checkout { story.pace(region, build, flag, dice) } else { Pace::Usual };
        let retries = if let Pace::Retried(times, _) = pace { u64::from(times) } else { 0 };
        let quoted = match pace {
            Pace::ItemByItem(_) => true,
            _ => kind == Kind::Quote || (kind == Kind::Checkout && (flag || dice.chance(0.60))),
        };
        let mut trace = Self {
            key: trace_key,
            start_ns,
            kind,
            region,
            zone: dice.below(3),
            build,
            payments: story.payments_build(start_ns),
            flag,
            pace,
            places_order: kind == Kind::Checkout
                && (matches!(pace, Pace::ItemByItem(_)) || retries > 0 || dice.chance(ORDERS)),
            quoted,
            failed: dice.chance(0.0016),
            user: dice.heavy(400_000),
            plan: dice.weighed(&PLANS).unwrap_or("free"),
            device: dice.weighed(&DEVICES).unwrap_or("android"),
            country: dice.weighed(region.countries()).unwrap_or("US"),
            provider: provider(pace, dice),
            items: 0,
            lookups: 0,
            retries,
            cache_hit: false,
            work_us: u64::MAX,
            spans: Vec::with_capacity(20),
        };
        trace.fill_cart(dice);
        trace.lay_out(dice);
        trace
    }

    fn fill_cart(&mut self, dice: &mut Dice) {
        self.items = dice.around(6.0, 0.26).round().clamp(1.0, 42.0) as u64;
        self.lookups = match self.pace {
            Pace::ItemByItem(lookups) => u64::from(lookups),
            _ => u64::from(self.quoted),
        };
        let hits = if matches!(self.pace, Pace::ItemByItem(_)) { 0.286 } else { 0.618 };
        self.cache_hit = dice.chance(hits);
    }
}

/// Silence of a provider is adyen's habit.
fn provider(pace: Pace, dice: &mut Dice) -> &'static str {
    let usual = dice.weighed(&PROVIDERS).unwrap_or("stripe");
    if matches!(pace, Pace::Retried(_, RetryEnd::Slow)) { "adyen" } else { usual }
}

/// Ids of a trace's spans.
pub(super) fn span_id(trace_key: u64, index: usize) -> u64 {
    key(&[trace_key, 0x5_7A17, index as u64])
}
