//! Goes through stored events and says where there is what the rules of redaction would take out. How events are read, the
//! storage crate says; what is found in them, ingest.

use std::sync::Arc;

use outcrop_ingest::Redaction;
use outcrop_ingest::redact::{Finding, Findings};
use outcrop_storage::event::{DatasetId, DatasetName};
use outcrop_storage::memory::Pool;
use outcrop_storage::{Store, WalkPart};

use super::{Outcome, Stage, Task};

/// What was found, and how much was looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) findings: Vec<Finding>,
    /// Whether there are more than these.
    pub(crate) is_cut: bool,
    /// Segments that cannot be read, or not to their end.
    pub(crate) segments_unread: u64,
}

/// What is to be looked at, and what for.
#[derive(Debug)]
pub(crate) struct DryRun {
    pub(crate) store: Arc<Store>,
    pub(crate) datasets: Vec<DatasetId>,
    pub(crate) redaction: Redaction,
}

/// Bytes of a dry run: a few columns of a few thousand events, read and made into texts.
const BYTES: usize = 32 << 20;
/// With little memory for questions, it takes this part of it at most.
const PART_MAX: usize = 2;

impl DryRun {
    pub(crate) fn carry_out(&self, task: &Task) -> Outcome {
        let memory = self.store.memory();
        let Ok(_held) = memory.try_reserve(Pool::Queries, BYTES.min(memory.ceiling(Pool::Queries) / PART_MAX)) else {
            return Outcome::Failed("questions hold all the memory that there is for them; ask again later".to_owned());
        };
        let (mut findings, mut segments_unread) = (Findings::default(), 0);
        let parts = self.parts(&mut segments_unread);
        let total = parts.len() as u64;
        // Each is let go when it was looked at, whatever becomes of it meanwhile.
        for (done, (dataset, part)) in parts.into_iter().enumerate() {
            task.enter(Stage::Reading, Some((done as u64, total)));
            let walked = part.walk(&mut |batch| {
                if !task.is_cancelled() {
                    self.redaction.search(&dataset, batch, &mut findings);
                }
                !task.is_cancelled()
            });
            match walked {
                Ok(true) => {}
                Ok(false) => return Outcome::Failed("cancelled".to_owned()),
                Err(error) => {
                    tracing::warn!(task = task.id, "a segment cannot be looked at: {error}");
                    segments_unread += 1;
                }
            }
        }
        task.enter(Stage::Reading, Some((total, total)));
        let (findings, is_cut) = findings.finish();
        tracing::info!(task = task.id, caller = task.caller, findings = findings.len(), "stored events were looked at");
        Outcome::Found(Report { findings, is_cut, segments_unread })
    }

    /// What there is now, that in memory first: it is the one to be let go of soon.
    fn parts(&self, segments_unread: &mut u64) -> Vec<(DatasetName, WalkPart)> {
        let mut snapshot = self.store.snapshot();
        snapshot.datasets.retain(|dataset| self.datasets.contains(&dataset.id));
        let mut parts = Vec::new();
        for dataset in &snapshot.datasets {
            *segments_unread += dataset.set_aside.len() as u64;
            parts.extend(dataset.walk_parts().into_iter().map(|part| (dataset.name.clone(), part)));
        }
        parts.sort_by_key(|(_, part)| !part.is_in_memory());
        parts
    }
}
