//! Work that is done as a unit: runs it within its span, and tells the unit how it ended. A panic goes on as it was; a
//! future that is dropped was cancelled.

use std::any::{Any, type_name};
use std::fmt::{Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;

use tracing::Span;

use crate::intent::{Declaration, Intent};
use crate::unit::{self, Failure, Judged, Unit};
use crate::value::text;

/// A unit until somebody says how it ended; if nobody does, it was cancelled.
struct Ending(Option<Arc<Unit>>);

impl Ending {
    fn returned(mut self, judged: Judged) {
        if let Some(unit) = self.0.take() {
            let failure = judged.error.map(|(kind, message)| failure(kind, message));
            unit.finish(judged.unmet, failure);
        }
    }

    fn panicked(mut self, payload: &(dyn Any + Send)) {
        let message = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
        let message = message.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        if let Some(unit) = self.0.take() {
            unit.finish(Vec::new(), Some(failure("panic", message)));
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(unit) = self.0.take() {
            let cancelled = Failure { kind: "cancelled".to_owned(), message: String::new(), is_cancelled: true };
            unit.finish(Vec::new(), Some(cancelled));
        }
    }
}

fn failure(kind: &str, message: String) -> Failure {
    // A type's name without its path and its parameters.
    let bare = kind.split('<').next().unwrap_or(kind);
    let kind = bare.rsplit("::").next().unwrap_or(bare).to_owned();
    Failure { kind, message: text(message), is_cancelled: false }
}

/// Does work as a unit of an intent.
#[doc(hidden)]
pub fn run<T>(
    intent: &'static Intent,
    span: impl FnOnce() -> Span,
    work: impl FnOnce() -> T,
    judge: impl FnOnce(&T) -> Judged,
) -> T {
    let (span, unit) = unit::begin(intent, span);
    let ending = Ending(unit);
    let done = {
        let _entered = span.enter();
        catch_unwind(AssertUnwindSafe(work))
    };
    match done {
        Ok(value) => {
            ending.returned(judge(&value));
            value
        }
        Err(payload) => {
            ending.panicked(&*payload);
            resume_unwind(payload)
        }
    }
}

/// Does asynchronous work as a unit of an intent.
#[doc(hidden)]
pub async fn run_async<F: Future>(
    intent: &'static Intent,
    span: impl FnOnce() -> Span,
    work: F,
    judge: impl FnOnce(&F::Output) -> Judged,
) -> F::Output {
    let (span, unit) = unit::begin(intent, span);
    let ending = Ending(unit);
    let mut work = pin!(work);
    let done = std::future::poll_fn(|context| {
        let _entered = span.enter();
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(polled) => polled.map(Ok),
            Err(payload) => std::task::Poll::Ready(Err(payload)),
        }
    });
    match done.await {
        Ok(value) => {
            ending.returned(judge(&value));
            value
        }
        Err(payload) => {
            ending.panicked(&*payload);
            resume_unwind(payload)
        }
    }
}

fn error_of<T, E: Display>(result: &Result<T, E>) -> Judged {
    Judged { error: result.as_ref().err().map(|e| (type_name::<E>(), e.to_string())), unmet: Vec::new() }
}

fn span() -> Span {
    tracing::info_span!("intent")
}

impl Declaration {
    /// Does work as a unit of this intent.
    #[track_caller]
    pub fn run<T>(self, work: impl FnOnce() -> T) -> T {
        run(self.intent(), span, work, |_| Judged::default())
    }

    /// Does work that may fail: an error is unmet.
    pub fn try_run<T, E: Display>(self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        run(self.intent(), span, work, error_of)
    }

    /// Does work that may fail, and checks conditions on what it gives: the names of those that do not hold.
    pub fn try_run_ensuring<T, E: Display>(
        self,
        work: impl FnOnce() -> Result<T, E>,
        unmet: impl FnOnce(&T) -> Vec<&'static str>,
    ) -> Result<T, E> {
        run(self.intent(), span, work, |result| Judged {
            unmet: result.as_ref().map(unmet).unwrap_or_default(),
            ..error_of(result)
        })
    }

    /// Does asynchronous work as a unit of this intent.
    pub async fn run_async<F: Future>(self, work: F) -> F::Output {
        run_async(self.intent(), span, work, |_| Judged::default()).await
    }

    /// Does asynchronous work that may fail: an error is unmet.
    pub async fn try_run_async<T, E: Display>(self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        run_async(self.intent(), span, work, error_of).await
    }

    /// Does asynchronous work that may fail, and checks conditions on what it gives.
    pub async fn try_run_ensuring_async<T, E: Display>(
        self,
        work: impl Future<Output = Result<T, E>>,
        unmet: impl FnOnce(&T) -> Vec<&'static str>,
    ) -> Result<T, E> {
        let judge = |result: &Result<T, E>| Judged {
            unmet: result.as_ref().map(unmet).unwrap_or_default(),
            ..error_of(result)
        };
        run_async(self.intent(), span, work, judge).await
    }
}

/// The error of a result whose type only the compiler knows: the most telling of three ways that fits its type.
#[doc(hidden)]
#[derive(Debug)]
pub struct Probe<'a, T>(pub &'a T);

#[doc(hidden)]
pub trait ViaDisplay {
    fn error(&self) -> Option<(&'static str, String)>;
}

impl<T, E: Display> ViaDisplay for &&Probe<'_, Result<T, E>> {
    fn error(&self) -> Option<(&'static str, String)> {
        self.0.as_ref().err().map(|e| (type_name::<E>(), e.to_string()))
    }
}

#[doc(hidden)]
pub trait ViaDebug {
    fn error(&self) -> Option<(&'static str, String)>;
}

impl<T, E: Debug> ViaDebug for &Probe<'_, Result<T, E>> {
    fn error(&self) -> Option<(&'static str, String)> {
        self.0.as_ref().err().map(|e| (type_name::<E>(), format!("{e:?}")))
    }
}

#[doc(hidden)]
pub trait ViaNothing {
    fn error(&self) -> Option<(&'static str, String)>;
}

impl<T> ViaNothing for Probe<'_, T> {
    fn error(&self) -> Option<(&'static str, String)> {
        None
    }
}
