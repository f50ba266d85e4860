//! Pieces of work on a few threads, until nobody waits any more; results in the order of the pieces, whoever did them.
//!
//! It must not know what the work is.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::execution::memory_pool::MemoryReservation;

use crate::error::QueryError;

/// What work runs under: threads, whether to go on, and how much memory it may hold.
#[derive(Debug)]
pub(crate) struct Workers {
    pub(crate) threads: usize,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) memory: MemoryReservation,
}

impl Workers {
    /// Whether somebody still waits.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        if self.stop.load(Ordering::Relaxed) { Err(QueryError::internal("cancelled")) } else { Ok(()) }
    }

    /// Takes so many bytes of the memory of all questions, until this one ends.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<(), QueryError> {
        Ok(self.memory.try_grow(bytes)?)
    }

    /// Takes so many bytes until the result is dropped.
    pub(crate) fn hold(&self, bytes: usize) -> Result<MemoryReservation, QueryError> {
        let held = self.memory.new_empty();
        held.try_grow(bytes)?;
        Ok(held)
    }

    /// Does `work` for 0 to `pieces`, the first ones first.
    pub(crate) fn each<T: Send>(
        &self,
        pieces: usize,
        work: impl Fn(usize) -> Result<T, QueryError> + Sync,
    ) -> Result<Vec<T>, QueryError> {
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Result<T, QueryError>)>> = Mutex::new(Vec::with_capacity(pieces));
        let run = || {
            loop {
                let piece = next.fetch_add(1, Ordering::Relaxed);
                if piece >= pieces {
                    break;
                }
                let result = self.check().and_then(|()| work(piece));
                if result.is_err() {
                    // What is left would be thrown away.
                    next.store(pieces, Ordering::Relaxed);
                }
                done.lock().unwrap_or_else(PoisonError::into_inner).push((piece, result));
            }
        };
        std::thread::scope(|scope| {
            (1..self.threads.min(pieces)).for_each(|_| drop(scope.spawn(run)));
            run();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|(piece, _)| *piece);
        done.into_iter().map(|(_, result)| result).collect()
    }
}
