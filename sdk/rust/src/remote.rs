//! Work that belongs to another process's trace, and the header that says so to the next.

use std::pin::pin;

use crate::trace::{self, Place, State};
use crate::unit;

/// What a `traceparent` names. Made by `continue_trace`.
#[derive(Clone, Debug)]
pub struct Remote(Option<Place>, State);

/// Units that run within belong to the trace that a W3C `traceparent` names; to a new one if it names none.
pub fn continue_trace(header: &str) -> Remote {
    Remote(trace::parse(header), None)
}

impl Remote {
    /// The W3C `tracestate` that came with it, for whoever is called. Without a trace it goes nowhere.
    pub fn tracestate(self, header: &str) -> Remote {
        let state = self.0.and_then(|_| trace::state(header));
        Remote(self.0, state)
    }

    pub fn run<R>(self, work: impl FnOnce() -> R) -> R {
        unit::below_remote(self.0, self.1, work)
    }

    pub async fn run_async<F: Future>(self, work: F) -> F::Output {
        let mut work = pin!(work);
        std::future::poll_fn(|context| unit::below_remote(self.0, self.1.clone(), || work.as_mut().poll(context))).await
    }
}

/// The W3C `traceparent` for a call to another service; nothing outside of any unit.
pub fn traceparent() -> Option<String> {
    unit::above().map(|(place, _)| trace::format(place))
}

/// The W3C `tracestate` for a call to another service: what came in, if anything did.
pub fn tracestate() -> Option<String> {
    unit::above().and_then(|(_, state)| state).map(|state| state.to_string())
}
