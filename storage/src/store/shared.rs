//! What many read and few change. A thread that has it and wants it again would wait for ever as soon as a change waits between
//! the two: in builds with debug assertions, asking twice is a panic whether anybody waits or not. It must not know what it
//! guards.

use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

#[cfg(debug_assertions)]
thread_local! {
    /// Which of them this thread has, by address.
    static HELD: std::cell::RefCell<Vec<usize>> = const { std::cell::RefCell::new(Vec::new()) };
}

#[derive(Debug)]
pub(super) struct Shared<T>(RwLock<T>);

/// Notes that this thread has it, until it is dropped.
#[derive(Debug)]
struct Once {
    #[cfg(debug_assertions)]
    of: usize,
}

#[derive(Debug)]
pub(super) struct Reading<'a, T> {
    guard: RwLockReadGuard<'a, T>,
    _once: Once,
}

#[derive(Debug)]
pub(super) struct Changing<'a, T> {
    guard: RwLockWriteGuard<'a, T>,
    _once: Once,
}

impl<T> Shared<T> {
    pub(super) fn new(value: T) -> Shared<T> {
        Shared(RwLock::new(value))
    }

    pub(super) fn read(&self) -> Reading<'_, T> {
        let once = self.once();
        Reading { guard: self.0.read().unwrap_or_else(PoisonError::into_inner), _once: once }
    }

    pub(super) fn write(&self) -> Changing<'_, T> {
        let once = self.once();
        Changing { guard: self.0.write().unwrap_or_else(PoisonError::into_inner), _once: once }
    }

    #[cfg(debug_assertions)]
    fn once(&self) -> Once {
        let of = std::ptr::from_ref(&self.0).addr();
        HELD.with_borrow_mut(|held| {
            debug_assert!(!held.contains(&of), "BUG: this thread has it already, and would wait for itself");
            held.push(of);
        });
        Once { of }
    }

    #[cfg(not(debug_assertions))]
    fn once(&self) -> Once {
        Once {}
    }
}

#[cfg(debug_assertions)]
impl Drop for Once {
    fn drop(&mut self) {
        // A guard that outlives its thread's own memory has nobody left to mislead.
        let _at_the_end = HELD.try_with(|held| held.borrow_mut().retain(|of| *of != self.of));
    }
}

impl<T> Deref for Reading<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> Deref for Changing<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for Changing<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_after_the_other_is_well() {
        let shared = Shared::new(1);
        *shared.write() += 1;
        let other = Shared::new(0);
        let first = shared.read();
        assert_eq!((*first, *other.read()), (2, 0), "another one is another one");
        drop(first);
        assert_eq!(*shared.read(), 2);
    }

    #[test]
    #[cfg_attr(not(debug_assertions), ignore = "noticed with debug assertions only")]
    #[should_panic(expected = "would wait for itself")]
    fn asking_twice_is_noticed_though_nobody_waits() {
        let shared = Shared::new(1);
        let first = shared.read();
        assert_eq!(*first, *shared.read());
    }
}
