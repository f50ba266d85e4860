//! One account of the memory of the whole process: what each of its uses may hold, and what it holds.
//!
//! 1. A [`Memory`] is cut into pools, each with a ceiling. The ceilings together are the limit, so that no use can take
//!    what another was promised: questions cannot starve ingest, nor ingest questions.
//! 2. Who is about to hold memory asks for a [`Reservation`] first and is refused when its pool has no room left. It grows
//!    and shrinks with what it stands for.
//! 3. A reservation that is dropped gives back what it holds, once.
//!
//! Two ways lead past a ceiling, and both are counted: what is in memory already is never refused
//! ([`Reservation::grow`], [`Reservation::resize`]), and what is larger than its pool gets through alone ([`Memory::admit`]). It must not know
//! what is held.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(test)]
mod tests;

/// The uses of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pool {
    /// Buffers of open connections.
    Connections,
    /// Request bodies as they were sent.
    Bodies,
    /// Bodies inflated, and the columns that are being made of them.
    Decoding,
    /// Events that are in no segment yet, and those on their way into the log.
    Memtables,
    /// Questions being answered.
    Queries,
    /// What is kept because it may be asked for again.
    Caches,
}

impl Pool {
    pub const ALL: [Pool; 6] =
        [Pool::Connections, Pool::Bodies, Pool::Decoding, Pool::Memtables, Pool::Queries, Pool::Caches];

    pub fn label(self) -> &'static str {
        match self {
            Pool::Connections => "connections",
            Pool::Bodies => "bodies",
            Pool::Decoding => "decoding",
            Pool::Memtables => "memtables",
            Pool::Queries => "queries",
            Pool::Caches => "caches",
        }
    }

    /// Its part of what the operator has not given to a pool by name.
    fn weight(self) -> usize {
        match self {
            Pool::Connections => 1,
            Pool::Bodies | Pool::Decoding | Pool::Caches => 2,
            Pool::Memtables => 4,
            Pool::Queries => 5,
        }
    }
}

/// What each pool may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceilings([usize; Pool::ALL.len()]);

/// The pools with a ceiling of their own leave too little for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given} bytes of {limit} are given to pools by name, which leaves less than {left_min} for all others")]
pub struct NothingLeft {
    pub given: usize,
    pub limit: usize,
    pub left_min: usize,
}

impl Ceilings {
    /// Cuts `limit` bytes: the pools in `given` get what they are given, the others share the rest, which must be at least
    /// `left_min`.
    pub fn cut(limit: usize, given: &[(Pool, usize)], left_min: usize) -> Result<Ceilings, NothingLeft> {
        let sum = given.iter().fold(0_usize, |sum, (_, bytes)| sum.saturating_add(*bytes));
        let rest = limit.checked_sub(sum).filter(|rest| *rest >= left_min);
        let rest = rest.ok_or(NothingLeft { given: sum, limit, left_min })?;
        let by_name = |pool: Pool| given.iter().find(|(of, _)| *of == pool).map(|(_, bytes)| *bytes);
        let weights: usize = Pool::ALL.iter().filter(|pool| by_name(**pool).is_none()).map(|pool| pool.weight()).sum();
        Ok(Ceilings(Pool::ALL.map(|pool| by_name(pool).unwrap_or_else(|| rest / weights.max(1) * pool.weight()))))
    }

    pub fn of(&self, pool: Pool) -> usize {
        self.0[pool as usize]
    }
}

/// A pool has no room for so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the memory for {} has no room for {wanted} more bytes: {used} of {ceiling} are in use", pool.label())]
pub struct Exhausted {
    pub pool: Pool,
    pub wanted: usize,
    pub used: usize,
    pub ceiling: usize,
}

/// What a pool holds and what it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUsage {
    pub pool: Pool,
    pub used_bytes: usize,
    pub ceiling_bytes: usize,
    /// Reservations that were refused.
    pub refused_total: u64,
}

/// The account. Clones share it.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Account>);

#[derive(Debug)]
struct Account {
    ceilings: Ceilings,
    held: Mutex<Held>,
}

/// Invariant: `used` of a pool is the sum of its reservations.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    used: [usize; Pool::ALL.len()],
    refused: [u64; Pool::ALL.len()],
}

impl Memory {
    pub fn new(ceilings: Ceilings) -> Memory {
        Memory(Arc::new(Account { ceilings, held: Mutex::default() }))
    }

    /// An account that refuses nothing, for work outside of a server.
    pub fn unlimited() -> Memory {
        Memory::new(Ceilings([usize::MAX; Pool::ALL.len()]))
    }

    /// Room for `bytes` in the pool.
    pub fn try_reserve(&self, pool: Pool, bytes: usize) -> Result<Reservation, Exhausted> {
        let reservation = self.reservation(pool);
        reservation.try_grow(bytes)?;
        Ok(reservation)
    }

    /// As [`Memory::try_reserve`], but a pool that is at most half full takes one of any size: what is larger than the
    /// pool would never get through otherwise.
    pub fn admit(&self, pool: Pool, bytes: usize) -> Result<Reservation, Exhausted> {
        let reservation = self.reservation(pool);
        let half = self.ceiling(pool) / 2;
        reservation.grow_if(bytes, |used| used <= half)?;
        Ok(reservation)
    }

    /// An empty reservation, for what will grow.
    pub fn reservation(&self, pool: Pool) -> Reservation {
        Reservation { memory: self.clone(), pool, bytes: Mutex::new(0) }
    }

    pub fn ceiling(&self, pool: Pool) -> usize {
        self.0.ceilings.of(pool)
    }

    pub fn used(&self, pool: Pool) -> usize {
        self.held().used[pool as usize]
    }

    /// Whether the pool has no room at all.
    pub fn is_full(&self, pool: Pool) -> bool {
        self.used(pool) >= self.ceiling(pool)
    }

    /// All pools at one instant.
    pub fn usage(&self) -> [PoolUsage; Pool::ALL.len()] {
        let held = *self.held();
        Pool::ALL.map(|pool| PoolUsage {
            pool,
            used_bytes: held.used[pool as usize],
            ceiling_bytes: self.ceiling(pool),
            refused_total: held.refused[pool as usize],
        })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Memory that somebody holds, or is about to. Dropping it gives it back.
#[derive(Debug)]
pub struct Reservation {
    memory: Memory,
    pool: Pool,
    bytes: Mutex<usize>,
}

impl Reservation {
    pub fn bytes(&self) -> usize {
        *self.lock()
    }

    pub fn pool(&self) -> Pool {
        self.pool
    }

    /// Room for `bytes` more, or nothing changes.
    pub fn try_grow(&self, bytes: usize) -> Result<(), Exhausted> {
        self.grow_if(bytes, |_| false)
    }

    /// Grows when the pool has room, or when `regardless` says so of what it holds.
    fn grow_if(&self, bytes: usize, regardless: impl Fn(usize) -> bool) -> Result<(), Exhausted> {
        let (mut own, mut held) = (self.lock(), self.memory.held());
        let (used, ceiling) = (held.used[self.pool as usize], self.memory.ceiling(self.pool));
        let fits = used.checked_add(bytes).is_some_and(|sum| sum <= ceiling);
        if !fits && !regardless(used) {
            held.refused[self.pool as usize] += 1;
            return Err(Exhausted { pool: self.pool, wanted: bytes, used, ceiling });
        }
        held.used[self.pool as usize] = used.saturating_add(bytes);
        *own += bytes;
        Ok(())
    }

    /// Holds `bytes` more. Never refused: it is for what is in memory already.
    pub fn grow(&self, bytes: usize) {
        let (mut own, mut held) = (self.lock(), self.memory.held());
        held.used[self.pool as usize] += bytes;
        *own += bytes;
    }

    /// Gives `bytes` back, or all if it holds less.
    pub fn shrink(&self, bytes: usize) {
        let mut own = self.lock();
        let bytes = bytes.min(*own);
        *own -= bytes;
        self.memory.held().used[self.pool as usize] -= bytes;
    }

    /// Holds exactly `bytes` from now on. Never refused, as [`Reservation::grow`].
    pub fn resize(&self, bytes: usize) {
        let (mut own, mut held) = (self.lock(), self.memory.held());
        let used = &mut held.used[self.pool as usize];
        *used = *used - *own + bytes;
        *own = bytes;
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.resize(0);
    }
}
