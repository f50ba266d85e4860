//! The shape of a trace in time: who calls whom, when, for how long. Must not know: fields, bytes.

use super::plan::{Role, Span, Trace};
use super::rng::Dice;
use super::story::{Kind, Pace, RetryEnd, usual_ms};
use super::world::Service;

impl Trace {
    pub(super) fn lay_out(&mut self, dice: &mut Dice) {
        match self.kind {
            Kind::Checkout => self.checkout(dice),
            Kind::Quote => self.quote_only(dice),
            Kind::Search => self.search(dice),
            Kind::CartGet | Kind::CartAdd => self.cart(dice),
            Kind::Health => {
                let took = (dice.around(0.9, 0.25) * 1000.0) as u64;
                self.span(None, Service::Gateway, Role::Health, 0, took);
            }
        }
        if self.failed && self.kind != Kind::Health {
            self.spans.iter_mut().take(2).for_each(|span| span.failed = true);
        }
    }

    fn span(&mut self, parent: Option<usize>, service: Service, role: Role, start_us: u64, duration_us: u64) -> usize {
        self.spans.push(Span { parent, service, role, start_us, duration_us: duration_us.max(1), failed: false });
        self.spans.len() - 1
    }

    /// The gateway's span around a service's entry, which takes `took` from `wait` on.
    fn enter(&mut self, service: Service, took: u64) -> (usize, u64) {
        let wait = (took / 9).clamp(800, 22_000);
        let gateway = self.span(None, Service::Gateway, Role::Gateway, 0, took + wait + wait * 9 / 10);
        (self.span(Some(gateway), service, Role::Entry, wait, took), wait)
    }

    fn checkout(&mut self, dice: &mut Dice) {
        let base = (usual_ms(dice) * 1000.0) as u64;
        self.work_us = base;
        let lookups = self.lookup_times(base, dice);
        let tax = if let Pace::ItemByItem(_) = self.pace { lookups.iter().sum() } else { 0 };
        let attempts = self.attempt_times(base, dice);
        let retry = attempts.iter().sum::<u64>().saturating_sub(base * 18 / 100);
        let unlucky = if self.pace == Pace::Unlucky { (dice.between(2.3, 4.6) * 1e6) as u64 } else { 0 };
        let retry = if self.places_order { retry } else { 0 };
        let clock = Clock { base, tax, retry, unlucky };
        let (entry, from) = self.enter(Service::Checkout, clock.at(100));
        self.span(Some(entry), Service::Checkout, Role::Session, from + base * 4 / 100, base * 8 / 100);
        self.span(Some(entry), Service::Checkout, Role::Flags, from + base * 13 / 100, base * 2 / 100);
        let inside = if self.places_order {
            self.span(
                Some(entry),
                Service::Checkout,
                Role::PlaceOrder,
                from + base * 16 / 100,
                clock.at(98) - base * 16 / 100,
            )
        } else {
            entry
        };
        self.fetch_cart(inside, from + base * 18 / 100, base * 20 / 100, dice);
        if self.quoted {
            self.quote(inside, from + base * 40 / 100, base * 22 / 100, tax, &lookups);
        }
        if self.places_order {
            self.span(Some(inside), Service::Inventory, Role::Reserve, from + tax + base * 625 / 1000, base * 2 / 100);
            self.authorize(inside, from + tax + base * 65 / 100, base, retry, &attempts);
            let insert = from + clock.at(91);
            self.span(Some(inside), Service::Checkout, Role::OrdersInsert, insert, base * 6 / 100);
        }
    }

    /// One lookup is part of the usual time; item by item, each takes its own 228 ms or so.
    fn lookup_times(&self, base: u64, dice: &mut Dice) -> Vec<u64> {
        match self.pace {
            Pace::ItemByItem(times) => (0..times).map(|_| (dice.between(214.0, 241.0) * 1000.0) as u64).collect(),
            _ => vec![base * 10 / 100; self.lookups as usize],
        }
    }

    fn attempt_times(&self, base: u64, dice: &mut Dice) -> Vec<u64> {
        let mut times = vec![base * 16 / 100];
        let low = if matches!(self.pace, Pace::Retried(_, RetryEnd::Slow)) { 720_000.0 } else { 18_000.0 };
        for _ in 0..self.retries {
            times.insert(0, dice.between(low, low * 1.25) as u64);
        }
        times
    }

    fn fetch_cart(&mut self, parent: usize, from: u64, took: u64, dice: &mut Dice) {
        let cart = self.span(Some(parent), Service::Cart, Role::CartGet, from, took);
        if !self.cache_hit || dice.chance(0.2) {
            self.span(Some(cart), Service::Cart, Role::CartSelect, from + took / 10, took * 7 / 10);
        }
    }

    fn quote(&mut self, parent: usize, from: u64, own: u64, tax: u64, lookups: &[u64]) {
        let quote = self.span(Some(parent), Service::Pricing, Role::Quote, from, own + tax);
        if self.flag {
            self.span(Some(quote), Service::Pricing, Role::Rules, from + own / 12, own / 8);
        }
        let mut at = from + own / 4;
        for took in lookups {
            let lookup = self.span(Some(quote), Service::Tax, Role::TaxLookup, at, *took);
            if tax > 0 || self.key.is_multiple_of(4) {
                self.span(Some(lookup), Service::Tax, Role::TaxSelect, at + took / 11, took * 86 / 100);
            }
            at += took;
        }
        if self.flag {
            self.span(Some(quote), Service::Pricing, Role::Discounts, from + tax + own * 8 / 10, own / 8);
        }
    }

    fn authorize(&mut self, parent: usize, from: u64, base: u64, retry: u64, attempts: &[u64]) {
        let span = self.span(Some(parent), Service::Payments, Role::Authorize, from, base * 24 / 100 + retry);
        let mut at = from + base * 2 / 100;
        for (nth, took) in attempts.iter().enumerate() {
            let attempt = self.span(Some(span), Service::Payments, Role::Attempt(nth as u32), at, *took);
            self.spans[attempt].failed = nth + 1 < attempts.len();
            at += took;
        }
    }

    fn quote_only(&mut self, dice: &mut Dice) {
        let took = (dice.around(62.0, 0.2) * 1000.0) as u64;
        let (entry, from) = self.enter(Service::Checkout, took);
        self.quote(entry, from + took / 10, took * 8 / 10, 0, &[took * 4 / 10]);
    }

    fn search(&mut self, dice: &mut Dice) {
        let typical = if dice.chance(0.3) { 14.0 } else { 104.0 };
        let took = (dice.around(typical, 0.19) * 1000.0) as u64;
        let (entry, from) = self.enter(Service::Search, took);
        if typical > 20.0 {
            self.span(Some(entry), Service::Search, Role::SearchIndex, from + took / 12, took * 8 / 10);
        }
    }

    fn cart(&mut self, dice: &mut Dice) {
        let took = (dice.around(13.0, 0.22) * 1000.0) as u64;
        let (entry, from) = self.enter(Service::Cart, took);
        if !self.cache_hit || self.kind == Kind::CartAdd {
            self.span(Some(entry), Service::Cart, Role::CartSelect, from + took / 5, took * 6 / 10);
        }
    }
}

/// The percent of a checkout's usual time as a point in time, once what came on top is over.
struct Clock {
    base: u64,
    tax: u64,
    retry: u64,
    unlucky: u64,
}

impl Clock {
    fn at(&self, percent: u64) -> u64 {
        self.base * percent / 100 + self.tax + self.retry + self.unlucky
    }
}
