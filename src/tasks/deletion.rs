//! Deletes chosen events: flush, find, rewrite, one catalog transaction. Which events those are, the query crate says; how
//! they go, the store.

use std::sync::Arc;

use outcrop_query::{ChosenEvents, MatchingRows, QueryEngine, QueryError};
use outcrop_storage::event::DatasetId;
use outcrop_storage::{Store, StoreError};
use serde_json::json;

use super::{Outcome, Stage, Task};
use crate::audit::{Audit, Entry, Who};

/// What is to be deleted.
#[derive(Debug)]
pub(crate) struct Deletion {
    pub(crate) store: Arc<Store>,
    pub(crate) engine: Arc<QueryEngine>,
    pub(crate) audit: Audit,
    pub(crate) dataset: DatasetId,
    pub(crate) chosen: ChosenEvents,
}

#[derive(Debug, thiserror::Error)]
enum DeletionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl Deletion {
    pub(crate) fn carry_out(&self, task: &Task) -> Outcome {
        let found = || -> Result<_, DeletionError> {
            let found = self.find(task)?;
            task.enter(Stage::Rewriting, None);
            Ok(found.segments)
        };
        match self.store.remove_rows(self.dataset, found, &|| task.is_cancelled()) {
            Ok(removed) => {
                tracing::info!(task = task.id, caller = task.caller, removed, "chosen events are deleted");
                self.record(task, removed);
                Outcome::Removed(removed)
            }
            Err(error) => {
                tracing::warn!(task = task.id, caller = task.caller, "chosen events are not deleted: {error}");
                Outcome::Failed(error.to_string())
            }
        }
    }

    /// That they are gone, after who wanted it: that was recorded before.
    fn record(&self, task: &Task, removed: u64) {
        let what = json!({ "task": task.id, "dataset": task.called(), "removed": removed });
        let who = Some(Who::named(&task.caller));
        let entry = Entry { time: self.store.clock().now(), who, peer: None, action: "events.deleted", what };
        if let Err(error) = self.audit.changed_now(entry) {
            tracing::error!(task = task.id, "that chosen events are deleted is not recorded: {error}");
        }
    }

    /// Where the events are now; the dataset may have another name since.
    fn find(&self, task: &Task) -> Result<MatchingRows, QueryError> {
        let mut snapshot = self.store.snapshot();
        snapshot.datasets.retain(|dataset| dataset.id == self.dataset);
        self.engine.matching_rows(snapshot, &self.chosen, &|done, total| {
            task.enter(Stage::Finding, Some((done, total)));
            !task.is_cancelled()
        })
    }
}
