//! Whoever watches a question while it is answered: how far it is, and what became of each segment.
//!
//! A context carries a [`Watch`] to the scans, as it does with the flag that stops them. It must not know what is asked.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::prune::{Pruned, SegmentFate};

/// What happens before the answer.
#[derive(Clone, Debug)]
pub enum AnswerEvent<A> {
    /// Pieces of work done of all that are to be done.
    Progress { done: u64, total: u64 },
    /// An answer from a sample.
    First(Box<A>),
}

/// Who is told how much is done of how much.
type Tell = Box<dyn Fn(u64, u64) + Send + Sync>;

/// See the module.
#[derive(Default)]
pub(crate) struct Watch {
    tell: Option<Tell>,
    /// Scans of the question: each reads the same.
    scans: AtomicU64,
    begun: AtomicU64,
    /// Units of one scan.
    units: AtomicU64,
    done: AtomicU64,
    /// Hundredths that were told, and one. Held while telling: the scans of a question run beside one another, and
    /// whoever reads must not be told that less is done than before.
    told: Mutex<u64>,
    fates: Mutex<Option<Vec<SegmentFate>>>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("done", &self.done).finish_non_exhaustive()
    }
}

impl Watch {
    pub(crate) fn telling(tell: impl Fn(u64, u64) + Send + Sync + 'static) -> Watch {
        Watch { tell: Some(Box::new(tell)), ..Watch::default() }
    }

    /// How many scans there will be.
    pub(crate) fn expect(&self, scans: u64) {
        self.scans.store(scans, Ordering::Relaxed);
    }

    pub(crate) fn begin_scan(&self, pruned: &Pruned) {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| pruned.segments.clone());
        let units = pruned.units.len() as u64;
        self.units.fetch_max(units, Ordering::Relaxed);
        let before = self.begun.fetch_add(1, Ordering::Relaxed);
        // A scan that was ended early is as good as done.
        self.done.fetch_max(before * self.units.load(Ordering::Relaxed), Ordering::Relaxed);
        self.tell();
    }

    pub(crate) fn unit_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    /// Tells at most a hundred times: whoever reads may be slow.
    fn tell(&self) {
        let Some(tell) = &self.tell else { return };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let total = (self.scans.load(Ordering::Relaxed) * self.units.load(Ordering::Relaxed)).max(1);
        let done = self.done.load(Ordering::Relaxed).min(total);
        let hundredth = done * 100 / total + 1;
        if *told < hundredth {
            *told = hundredth;
            tell(done, total);
        }
    }

    /// What became of the segments in the first scan.
    pub(crate) fn fates(&self) -> Vec<SegmentFate> {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[test]
    fn threads_tell_in_order() {
        for _ in 0..50 {
            let (teller, told) = channel();
            let watch = Watch::telling(move |done, total| teller.send((done, total)).unwrap());
            watch.expect(1);
            watch.begin_scan(&Pruned::default());
            watch.units.store(400, Ordering::Relaxed);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..100).for_each(|_| watch.unit_done()));
                }
            });
            let told: Vec<(u64, u64)> = told.try_iter().collect();
            assert!(told.is_sorted() && told.last() == Some(&(400, 400)), "{told:?}");
        }
    }
}
