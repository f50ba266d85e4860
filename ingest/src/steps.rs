//! Memory that grows little by little, reserved in steps before it does.
//!
//! Must not know what is held.

use outcrop_storage::memory::Reservation;

use crate::error::{DecodeError, reserve};
use crate::limits::MEMORY_STEP_BYTES;

/// What one kind of thing holds of the memory for a body.
#[derive(Debug)]
pub(crate) struct Steps<'a> {
    memory: &'a Reservation,
    reserved: usize,
    held: usize,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(memory: &'a Reservation) -> Steps<'a> {
        Steps { memory, reserved: 0, held: 0 }
    }

    /// `bytes` in all are held, or about to be.
    #[inline]
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), DecodeError> {
        self.held = bytes;
        if bytes <= self.reserved { Ok(()) } else { self.step() }
    }

    /// `bytes` more are about to be held.
    #[inline]
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), DecodeError> {
        self.hold(self.held.saturating_add(bytes))
    }

    fn step(&mut self) -> Result<(), DecodeError> {
        let missing = self.held - self.reserved;
        let step = missing.max(self.reserved / 4).max(MEMORY_STEP_BYTES);
        // Near the end of what there is, what is needed must do.
        let step =
            if self.memory.try_grow(step).is_ok() { step } else { reserve(self.memory, missing).map(|()| missing)? };
        self.reserved += step;
        Ok(())
    }
}
