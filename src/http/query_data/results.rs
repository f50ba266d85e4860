//! Answers that wait to be fetched: so many, of so many bytes, for so long. The oldest go first, and what is still being made
//! for them stops. It must not know what they say.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::http::StatusCode;
use outcrop_storage::memory::{Memory, Pool, Reservation};
use tokio::task::{AbortHandle, JoinHandle};

use crate::http::ApiError;
use crate::http::admission::Shed;

#[cfg(test)]
mod tests;

/// Answers at once, those on their way too.
const RESULTS_MAX: usize = 1_000;
/// Bytes of all of them, where questions may have eight times as many.
const RESULTS_BYTES_MAX: usize = 64 << 20;
/// The part of the memory of questions that they may have at most.
const RESULTS_PART: usize = 8;
/// How long an answer can be fetched.
const RESULT_NS: i64 = 3_600 * 1_000_000_000;

/// By whom, of what and when an answer was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) dataset: String,
    pub(super) asker: String,
    pub(super) at: i64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Results {
    entries: Mutex<VecDeque<Entry>>,
    memory: Memory,
    bytes_max: usize,
}

#[derive(Debug)]
struct Entry {
    id: String,
    asked: Asked,
    state: State,
    held: Reservation,
    working: Option<Working>,
}

#[derive(Clone, Debug)]
enum State {
    /// What is answered until there is more.
    Pending(Bytes),
    Ended(Bytes),
    Failed(ApiError),
}

/// Work that ends with its entry.
#[derive(Debug)]
struct Working(AbortHandle);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What there is of an answer.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) asked: Asked,
    pub(super) complete: bool,
    pub(super) document: Result<Bytes, ApiError>,
}

impl Results {
    pub(crate) fn new(memory: Memory) -> Results {
        let bytes_max = RESULTS_BYTES_MAX.min(memory.ceiling(Pool::Queries) / RESULTS_PART);
        Results { entries: Mutex::default(), memory, bytes_max }
    }

    /// Bytes that one answer may have.
    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a place for an answer.
    pub(super) fn begin(&self, id: &str, asked: Asked, pending: Bytes) -> Result<(), ApiError> {
        let mut entries = self.entries();
        forget_old(&mut entries, asked.at);
        while entries.len() >= RESULTS_MAX {
            entries.pop_front();
        }
        let held = self.reserve(&mut entries, pending.len()).ok_or_else(no_room)?;
        entries.push_back(Entry { id: id.to_owned(), asked, state: State::Pending(pending), held, working: None });
        Ok(())
    }

    /// Room for so many bytes, if need be in the place of the oldest.
    fn reserve(&self, entries: &mut VecDeque<Entry>, bytes: usize) -> Option<Reservation> {
        if bytes > self.bytes_max {
            return None;
        }
        loop {
            let used: usize = entries.iter().map(|entry| entry.held.bytes()).sum();
            if used + bytes <= self.bytes_max
                && let Ok(held) = self.memory.try_reserve(Pool::Queries, bytes)
            {
                return Some(held);
            }
            entries.pop_front()?;
        }
    }

    /// What makes the answer; it ends if the answer is not wanted any more.
    pub(super) fn attach(&self, id: &str, working: AbortHandle) {
        let working = Working(working);
        if let Some(entry) = self.entries().iter_mut().find(|entry| entry.id == id) {
            entry.working = Some(working);
        }
    }

    /// The answer is made, or cannot be made.
    pub(super) fn end(&self, id: &str, ended: Result<Vec<u8>, ApiError>) {
        let mut entries = self.entries();
        let Some(place) = entries.iter().position(|entry| entry.id == id) else { return };
        let Some(mut entry) = entries.remove(place) else { return };
        entry.held.resize(0);
        entry.state = match ended {
            Ok(document) => match self.reserve(&mut entries, document.len()) {
                Some(held) => {
                    entry.held = held;
                    State::Ended(document.into())
                }
                None => State::Failed(no_room()),
            },
            Err(error) => State::Failed(error),
        };
        let place = entries.partition_point(|other| other.asked.at <= entry.asked.at);
        entries.insert(place, entry);
    }

    pub(super) fn forget(&self, id: &str) {
        self.entries().retain(|entry| entry.id != id);
    }

    pub(super) fn find(&self, id: &str, now: i64) -> Option<Found> {
        let mut entries = self.entries();
        forget_old(&mut entries, now);
        let entry = entries.iter().find(|entry| entry.id == id)?;
        let (complete, document) = match entry.state.clone() {
            State::Pending(document) => (false, Ok(document)),
            State::Ended(document) => (true, Ok(document)),
            State::Failed(error) => (true, Err(error)),
        };
        Some(Found { asked: entry.asked.clone(), complete, document })
    }
}

/// How the making of an answer has ended, also if it met a bug: whoever waits for it is told.
pub(super) async fn ended(answering: JoinHandle<Result<Vec<u8>, ApiError>>) -> Result<Vec<u8>, ApiError> {
    answering.await.unwrap_or_else(|_| Err(ApiError::bug("the query")))
}

fn forget_old(entries: &mut VecDeque<Entry>, now: i64) {
    while entries.front().is_some_and(|entry| now.saturating_sub(entry.asked.at) > RESULT_NS) {
        entries.pop_front();
    }
}

fn no_room() -> ApiError {
    let what = "other queries hold all memory that answers may have; ask again in a moment";
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "no_memory_for_results", what).retry_after(1).shed(Shed::Queries)
}
