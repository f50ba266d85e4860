//! Takes backups of a world, whether its store is open or not, and judges what is restored by what was sent and answered when
//! each was taken. It must not know how backups are kept.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::model::Model;
use super::world::{DATASETS, Planted, SECOND, Unsynced, World};
use crate::backup::{self, RestoreReport};
use crate::clock::Clock;
use crate::disk::{Disk, RealDisk};
use crate::paths::DataDir;
use crate::store::{Store, StoreSettings};
use crate::{StoreError, check, testing};

/// Generations that are kept.
const KEPT: usize = 2;

/// What there is to be restored.
#[derive(Debug, Default)]
pub(super) struct Backups {
    /// How many stores there were before this one: each has a directory of its own.
    stores: usize,
    /// What could be judged when a backup was begun, by the time of that: of those too that failed, and may count all the same.
    models: BTreeMap<i64, Model>,
    /// When the last was begun that was taken to its end.
    taken: Option<i64>,
}

impl Backups {
    pub(super) fn begin_anew(&mut self) {
        *self = Backups { stores: self.stores + 1, ..Backups::default() };
    }
}

impl World {
    fn backups_path(&self) -> PathBuf {
        self.directory.path().join(format!("backups-{}", self.backups.stores))
    }

    pub(super) fn back_up(&mut self) {
        // No two are of one time.
        self.clock.advance(SECOND);
        let now = self.clock.now();
        self.backups.models.insert(now, self.model.clone());
        let disk: Arc<dyn Disk> = match self.planted {
            // Every file has that behind its name at first.
            Some(Planted::BackupWithoutSync) => Arc::new(Unsynced { disk: self.disk.clone(), suffix: ".unfinished" }),
            _ => Arc::new(self.disk.clone()),
        };
        let done = backup::backup(&self.data_dir(), &self.backups_path(), KEPT, &disk, &*self.clock, |_, _| ());
        self.say(|| format!("backup at {now}: {done:?}"));
        match done {
            Ok(report) => {
                assert_eq!(report.problems, [""; 0]);
                self.backups.taken = Some(now);
            }
            Err(StoreError::Io { .. } | StoreError::DiskFull { .. }) => {}
            Err(other) => panic!("the backup failed: {other}"),
        }
        if self.random.bool() {
            self.judge_backups();
        }
    }

    /// Restores the last backup, and the one before if there is one, and judges both.
    pub(super) fn judge_backups(&mut self) {
        let Some(last) = self.judge_backup(None) else { return };
        if last.generation > 1 {
            // It may be that it was begun and came to nothing.
            self.judge_backup(Some(last.generation - 1));
        }
    }

    /// What was restored, if there is such a backup.
    fn judge_backup(&mut self, generation: Option<u64>) -> Option<RestoreReport> {
        let to = DataDir::new(self.directory.path().join("restored"));
        let restored = self.restore(generation, &to);
        let report = match restored {
            Ok(report) => report,
            Err(StoreError::NoBackup { .. }) if self.backups.taken.is_none() => return None,
            Err(StoreError::NoGeneration { .. }) if generation.is_some() => return None,
            Err(other) => panic!("generation {generation:?} was not restored: {other}"),
        };
        self.say(|| format!("restored {report:?}"));
        assert_eq!(report.problems, [""; 0]);
        assert!(generation.is_some() || Some(report.taken) >= self.backups.taken, "a backup is lost");
        let store =
            Store::open(self.settings_at(&to)).unwrap_or_else(|e| panic!("what was restored does not start: {e}"));
        assert_eq!(store.health().damage, [""; 0], "damage in what was restored");
        let model = &self.backups.models[&report.taken];
        for (dataset, name) in DATASETS.iter().enumerate() {
            let held = store.snapshot().dataset(name).map(testing::all).unwrap_or_default();
            model.judge(dataset, &held);
        }
        drop(store);
        assert_eq!(check::check(&to, |_, _| ()).unwrap().problems, [""; 0]);
        std::fs::remove_dir_all(to.root()).unwrap();
        Some(report)
    }

    /// Restores on the disk that fails, and then on one that does not: what has failed is no store.
    fn restore(&self, generation: Option<u64>, to: &DataDir) -> Result<RestoreReport, StoreError> {
        let from = self.backups_path();
        let failing: Arc<dyn Disk> = Arc::new(self.disk.clone());
        match backup::restore(&from, generation, to, &failing, |_, _| ()) {
            Err(error @ (StoreError::Io { .. } | StoreError::DiskFull { .. })) => {
                self.say(|| format!("  restore failed: {error}"));
                if to.restoring().exists() {
                    let opened = Store::open(self.settings_at(to)).map(drop);
                    assert!(matches!(opened, Err(StoreError::RestoreUnfinished { .. })), "{opened:?}");
                }
                let _nothing_begun = std::fs::remove_dir_all(to.root());
                let sound: Arc<dyn Disk> = Arc::new(RealDisk);
                backup::restore(&from, generation, to, &sound, |_, _| ())
            }
            other => other,
        }
    }

    fn settings_at(&self, data_dir: &DataDir) -> StoreSettings {
        StoreSettings { data_dir: data_dir.clone(), disk: Arc::new(RealDisk), ..self.settings() }
    }
}
