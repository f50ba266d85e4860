//! The memory of questions: DataFusion's pool, drawing on the account of the process.
//!
//! Operators share fairly among themselves, as `FairSpillPool` has it, and what they hold together is a reservation of
//! the process. It must not know which questions there are.

use std::fmt;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use outcrop_storage::memory::{Memory, Pool, Reservation};

/// See the module.
#[derive(Debug)]
pub(crate) struct QueryPool {
    shares: FairSpillPool,
    held: Reservation,
    ceiling: usize,
}

impl QueryPool {
    /// `aside` is what questions hold beside their operators.
    pub(crate) fn new(memory: &Memory, aside: usize) -> Arc<QueryPool> {
        let ceiling = memory.ceiling(Pool::Queries).saturating_sub(aside);
        Arc::new(QueryPool { shares: FairSpillPool::new(ceiling), held: memory.reservation(Pool::Queries), ceiling })
    }
}

impl fmt::Display for QueryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.shares, f)
    }
}

impl MemoryPool for QueryPool {
    fn name(&self) -> &str {
        "outcrop"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.shares.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.shares.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.shares.grow(reservation, additional);
        self.held.grow(additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.shares.shrink(reservation, shrink);
        self.held.shrink(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.shares.try_grow(reservation, additional)?;
        self.held.try_grow(additional).map_err(|exhausted| {
            self.shares.shrink(reservation, additional);
            DataFusionError::ResourcesExhausted(exhausted.to_string())
        })
    }

    fn reserved(&self) -> usize {
        self.held.bytes()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.ceiling)
    }
}

#[cfg(test)]
mod tests {
    use outcrop_storage::memory::Ceilings;

    use super::*;

    #[test]
    fn operators_draw_on_the_account_of_the_process() {
        let memory = Memory::new(Ceilings::cut(1_600, &[], 0).unwrap());
        let pool: Arc<dyn MemoryPool> = QueryPool::new(&memory, 0);
        let one = MemoryConsumer::new("one").register(&pool);
        let two = MemoryConsumer::new("two").with_can_spill(true).register(&pool);
        one.try_grow(200).unwrap();
        two.try_grow(100).unwrap();
        assert_eq!((memory.used(Pool::Queries), pool.reserved()), (300, 300));
        // Somebody beside the operators.
        let page = memory.try_reserve(Pool::Queries, 150).unwrap();
        assert!(two.try_grow(51).is_err());
        assert_eq!((two.size(), memory.used(Pool::Queries)), (100, 450));
        drop(page);
        two.try_grow(51).unwrap();
        one.grow(1_000);
        assert_eq!(memory.used(Pool::Queries), 1_351, "what cannot be refused is counted");
        drop((one, two));
        assert_eq!(memory.used(Pool::Queries), 0);
    }
}
