//! Time as the store sees it: the machine's clock, or one that a test owns.
//!
//! Nothing else in this crate may ask the machine what time it is.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::event::TimestampNs;

pub trait Clock: Debug + Send + Sync {
    /// Nanoseconds since 1970-01-01 UTC.
    fn now(&self) -> TimestampNs;
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> TimestampNs {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
    }
}

/// A clock that stands still until its owner moves it.
#[derive(Debug)]
pub struct OwnedClock(AtomicI64);

impl OwnedClock {
    pub fn new(now: TimestampNs) -> OwnedClock {
        OwnedClock(AtomicI64::new(now))
    }

    pub fn advance(&self, nanoseconds: i64) {
        self.0.fetch_add(nanoseconds, Ordering::SeqCst);
    }
}

impl Clock for OwnedClock {
    fn now(&self) -> TimestampNs {
        self.0.load(Ordering::SeqCst)
    }
}
