//! Whole datasets: what is known of them, other names for them, and their end.
//!
//! A dataset ends in this order: notes beside its segments, the catalog, the readers. Until the catalog's transaction is
//! through nothing has changed; afterwards its id counts as dropped for ever, so that neither the log nor a flush that
//! was under way brings an event back. It must not know who wants it gone.

use std::collections::btree_map::Entry;
use std::sync::atomic::Ordering;

use super::inner::{Inner, held};
use crate::error::StoreError;
use crate::event::{DatasetId, DatasetName};
use crate::upkeep::retain::Retention;

/// What is known of a dataset beside its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetInfo {
    pub id: DatasetId,
    pub name: DatasetName,
    /// Its own policy; without one that of the store counts.
    pub retention: Option<Retention>,
}

impl Inner {
    pub(super) fn dataset(&self, name: &DatasetName) -> Option<DatasetInfo> {
        let datasets = self.datasets();
        let state = datasets.values().find(|state| state.name == *name)?;
        Some(DatasetInfo { id: state.id, name: state.name.clone(), retention: state.retention })
    }

    pub(super) fn rename_dataset(&self, dataset: DatasetId, name: &DatasetName) -> Result<(), StoreError> {
        // Nobody makes a dataset meanwhile.
        let mut catalog = held(&self.catalog);
        let datasets = self.datasets();
        let taken = datasets.values().any(|state| state.name == *name && state.id != dataset);
        let there = datasets.contains_key(&dataset);
        drop(datasets);
        if !there {
            return Err(StoreError::NoDataset);
        }
        if taken {
            return Err(StoreError::DatasetExists(name.clone()));
        }
        catalog.rename_dataset(dataset, name)?;
        if let Some(state) = self.datasets_mut().get_mut(&dataset) {
            state.name = name.clone();
        }
        Ok(())
    }

    /// Drops a dataset; how many events it had.
    pub(super) fn drop_dataset(&self, dataset: DatasetId) -> Result<u64, StoreError> {
        let _no_rewrite = held(&self.rewriting);
        let _no_flush = held(&self.flushing);
        self.settle_leftovers()?;
        let segments = self.datasets().get(&dataset).map(|state| state.all_segments().cloned().collect::<Vec<_>>());
        let segments = segments.ok_or(StoreError::NoDataset)?;
        // Noted first: a catalog that is rebuilt from files must not revive what is about to go.
        self.note_all_retired(dataset, &segments)?;
        let mut catalog = held(&self.catalog);
        let next_sequence = self.next_sequence.load(Ordering::SeqCst);
        catalog.drop_dataset(dataset, next_sequence, self.clock.now()).inspect_err(|_| {
            held(&self.doubtful).insert(dataset);
        })?;
        held(&self.dropped).insert(dataset);
        let mut datasets = self.datasets_mut();
        let Entry::Occupied(state) = datasets.entry(dataset) else { return Err(StoreError::NoDataset) };
        let events = state.get().events();
        state.remove();
        self.account(datasets);
        drop(catalog);
        held(&self.names).remove(&dataset);
        held(&self.graveyard).extend(segments);
        Ok(events)
    }

    /// The dataset, which takes events. One whose end has failed may turn out to be gone, and with it what would be
    /// acknowledged now: the catalog has to prove first that it is not.
    pub(super) fn settled(&self, dataset: DatasetId) -> Result<DatasetId, StoreError> {
        if !held(&self.doubtful).contains(&dataset) {
            return Ok(dataset);
        }
        held(&self.catalog).prove(self.next_sequence.load(Ordering::SeqCst))?;
        held(&self.doubtful).remove(&dataset);
        Ok(dataset)
    }

    /// Makes it durable that log files are gone.
    pub(super) fn sync_wal_directory(&self) -> Result<(), StoreError> {
        let path = self.data_dir.wal();
        self.disk.sync_directory(&path).map_err(|e| StoreError::io("sync", &path, e))
    }
}
