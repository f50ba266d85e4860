//! Units of work that have ended already and were measured elsewhere: in another thread's own time, by a device, by a part
//! of the program that must not know this crate. What is said of them is believed. Knows nothing of sending.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use crate::intent::{Intent, expectation};
use crate::program::active;
use crate::unit::{self, Failure, Open, Unit, What};
use crate::value::{Value, text};

/// A unit of work that has ended. Made by [`Intent::measured`]; `end` records it.
#[derive(Debug)]
#[must_use = "it is recorded by `end`"]
pub struct Measured {
    intent: &'static Intent,
    began: SystemTime,
    took: Duration,
    gathered: Open,
    failure: Option<Failure>,
}

impl Intent {
    /// A unit of this intent that began then, took so long, and has ended. It is a child of the unit that runs here, and
    /// judged, sampled and sent like any other.
    pub fn measured(&'static self, began: SystemTime, took: Duration) -> Measured {
        Measured { intent: self, began, took, gathered: Open::default(), failure: None }
    }
}

impl Measured {
    /// Adds a field.
    pub fn note(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Measured {
        self.gathered.note(name.into(), value.into());
        self
    }

    /// Says whether a named condition held.
    pub fn expect(mut self, name: &str, held: bool) -> Measured {
        self.gathered.expect(Some(self.intent), expectation(name), held);
        self
    }

    /// Says that it ended by an error: its kind, and what it said.
    pub fn failed(mut self, kind: &str, message: impl Into<String>) -> Measured {
        self.failure = Some(Failure { kind: kind.to_owned(), message: text(message), is_cancelled: false });
        self
    }

    /// Says that it was given up before its end.
    pub fn cancelled(mut self) -> Measured {
        self.failure = Some(Failure { kind: "cancelled".to_owned(), message: String::new(), is_cancelled: true });
        self
    }

    /// Records it, if `init` or `layer` began to send. Waits for nothing.
    pub fn end(self) {
        let Some(sender) = active() else { return };
        let began = unit::nanoseconds_of(self.began);
        let unit = Unit::new(What::Intent(self.intent), unit::above(), began, &sender);
        unit.hand_over(self.gathered, Vec::new(), self.failure, self.took);
    }
}
