//! How much each key may do in a second: of requests a bucket that refills, and of events one that is drawn on when it is known
//! how many came. Must not know who asks, or how a refusal is said.
//!
//! Whoever has any event left may send as many as one request holds, and waits the longer for the next: a limit refuses no
//! request for its size, is decided before a body is read, and holds over any longer time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::workspace::KeyLimits;

/// Keys whose buckets are known, before those are forgotten that are full again: more than there may be keys.
const KEYS_MAX: usize = 2_000;

/// What there is too much of, and when there is room again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooFast {
    pub(crate) what: &'static str,
    pub(crate) per_second: u32,
    pub(crate) wait: Duration,
}

/// What is left of a second's worth; below zero what was had in advance.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn full(per_second: u32, now: Instant) -> Bucket {
        Bucket { left: f64::from(per_second), at: now }
    }

    fn refill(&mut self, per_second: u32, now: Instant) {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + since * f64::from(per_second)).min(f64::from(per_second));
        self.at = self.at.max(now);
    }

    /// How long until there is so much; nothing if there is.
    fn wait(&self, needed: f64, per_second: u32) -> Option<Duration> {
        let short = needed - self.left;
        // Nobody waits for longer than a number can say.
        let seconds = (short / f64::from(per_second)).min(f64::from(u32::MAX));
        (short > 0.0).then(|| Duration::from_secs_f64(seconds.max(0.0)))
    }
}

#[derive(Clone, Copy, Debug)]
struct Buckets {
    limits: KeyLimits,
    requests: Bucket,
    events: Bucket,
}

impl Buckets {
    fn new(limits: KeyLimits, now: Instant) -> Buckets {
        let full = |per_second: Option<u32>| Bucket::full(per_second.unwrap_or(0), now);
        Buckets { limits, requests: full(limits.requests_per_second), events: full(limits.events_per_second) }
    }

    fn refill(&mut self, now: Instant) {
        self.requests.refill(self.limits.requests_per_second.unwrap_or(0), now);
        self.events.refill(self.limits.events_per_second.unwrap_or(0), now);
    }

    /// Whether it is as if nobody had ever come.
    fn is_full(&self) -> bool {
        let full = |bucket: &Bucket, per_second: Option<u32>| bucket.left >= f64::from(per_second.unwrap_or(0));
        full(&self.requests, self.limits.requests_per_second) && full(&self.events, self.limits.events_per_second)
    }
}

/// The buckets of every key that has limits and came lately.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<String, Buckets>>);

impl Rates {
    fn buckets(&self) -> MutexGuard<'_, HashMap<String, Buckets>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a request of a key in, or says when to come again. One that is not let in costs nothing.
    pub(crate) fn enter(&self, key: &str, limits: KeyLimits, sends: bool, now: Instant) -> Result<(), TooFast> {
        if limits.is_none() {
            return Ok(());
        }
        let mut known = self.buckets();
        let buckets = of(&mut known, key, limits, now);
        if let (Some(per_second), true) = (limits.events_per_second, sends)
            && buckets.events.left <= 0.0
        {
            // There must be something left, not nothing owed.
            let wait = buckets.events.wait(f64::EPSILON, per_second).unwrap_or_default();
            return Err(TooFast { what: "events", per_second, wait });
        }
        if let Some(per_second) = limits.requests_per_second {
            if let Some(wait) = buckets.requests.wait(1.0, per_second) {
                return Err(TooFast { what: "requests", per_second, wait });
            }
            buckets.requests.left -= 1.0;
        }
        Ok(())
    }

    /// Draws on a key's events.
    pub(crate) fn draw(&self, key: &str, limits: KeyLimits, events: u64, now: Instant) {
        if limits.events_per_second.is_some() {
            of(&mut self.buckets(), key, limits, now).events.left -= events as f64;
        }
    }
}

fn of<'a>(known: &'a mut HashMap<String, Buckets>, key: &str, limits: KeyLimits, now: Instant) -> &'a mut Buckets {
    if known.len() >= KEYS_MAX && !known.contains_key(key) {
        known.retain(|_, buckets| {
            buckets.refill(now);
            !buckets.is_full()
        });
    }
    let buckets = known.entry(key.to_owned()).or_insert_with(|| Buckets::new(limits, now));
    if buckets.limits != limits {
        *buckets = Buckets::new(limits, now);
    }
    buckets.refill(now);
    buckets
}

#[cfg(test)]
mod tests;
