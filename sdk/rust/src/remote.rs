//! Work that belongs to another process's trace, and the header that says so to the next.

use std::pin::pin;

use crate::trace::{self, Place};
use crate::unit;

/// What a `traceparent` names. Made by `continue_trace`.
#[derive(Clone, Copy, Debug)]
pub struct Remote(Option<Place>);

/// Units that run within belong to the trace that a W3C `traceparent` names; to a new one if it names none.
pub fn continue_trace(header: &str) -> Remote {
    Remote(trace::parse(header))
}

impl Remote {
    pub fn run<R>(self, work: impl FnOnce() -> R) -> R {
        unit::below_remote(self.0, work)
    }

    pub async fn run_async<F: Future>(self, work: F) -> F::Output {
        let mut work = pin!(work);
        std::future::poll_fn(|context| unit::below_remote(self.0, || work.as_mut().poll(context))).await
    }
}

/// The W3C `traceparent` for a call to another service; nothing outside of any unit.
pub fn traceparent() -> Option<String> {
    unit::above().map(trace::format)
}
