//! Sidecars beside the segments that the store writes.
//!
//! A segment is served without one too: what goes wrong with evidence is counted, and never stands in the way of events. It
//! must not know what evidence is.

use std::io::ErrorKind;
use std::sync::atomic::Ordering;

use super::inner::Inner;
use crate::error::StoreError;
use crate::index::Evidence;
use crate::segment::{LEVEL_FLUSHED, SegmentInfo, evidence};

impl Inner {
    /// Writes the sidecar that a segment of its level gets. It only fails when the store is closing, or when half a sidecar
    /// is there and cannot be removed.
    pub(super) fn add_evidence(&self, info: &SegmentInfo, stopping: &dyn Fn() -> bool) -> Result<(), StoreError> {
        let wanted = if info.level == LEVEL_FLUSHED { self.limits.flush_evidence } else { Evidence::Full };
        if wanted == Evidence::None {
            return Ok(());
        }
        match evidence::write(&self.disk, &self.data_dir, self.store_id, info, stopping) {
            Ok(_) => Ok(()),
            Err(StoreError::Closed) => Err(StoreError::Closed),
            Err(error) => {
                self.upkeep_counts.sidecar_failures.fetch_add(1, Ordering::Relaxed);
                let removed = self.disk.remove(&self.data_dir.sidecar(info.dataset, info.id));
                if removed.is_err_and(|e| e.kind() != ErrorKind::NotFound) {
                    // Half a sidecar must not stay beside a segment: both are given up.
                    return Err(error);
                }
                if matches!(error, StoreError::Damaged { .. } | StoreError::Bug(_)) {
                    self.note_damage(error.to_string());
                }
                Ok(())
            }
        }
    }
}
