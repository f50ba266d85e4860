//! Work that outlives its request: what it is, how far it is, and that it may be cancelled.
//!
//! Tasks live in memory: they are forgotten some time after they have ended, and with the process. What they change they
//! change in one step, so that a restart leaves nothing half done. Of each kind one works at a time. It must not know HTTP.

mod deletion;
mod dry_run;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use outcrop_storage::event::DatasetName;
use tokio::sync::Semaphore;

pub(crate) use deletion::Deletion;
pub(crate) use dry_run::{DryRun, Report};

/// Tasks that wait or work at once: each holds a filter, and the last waits for all others.
const UNFINISHED_MAX: usize = 16;
/// Tasks that have ended and are still known.
const FINISHED_MAX: usize = 1_000;
/// Of those, the ones with a report: each is some hundred kilobytes at most.
const REPORTS_MAX: usize = 20;
/// Seconds for which a task that has ended is known.
const FINISHED_SECONDS: i64 = 3_600;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Chosen events go.
    Deletion,
    /// Events are looked at for what must not be kept.
    RedactionDryRun,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Running,
    Done,
    Failed,
    Cancelled,
}

/// What a task is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Events are looked at, part by part.
    Reading,
    /// Everything acknowledged goes into segments.
    Flushing,
    /// Segments are read for what matches.
    Finding,
    /// Segments are written without it; afterwards they count, all in one step.
    Rewriting,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) state: State,
    pub(crate) stage: Stage,
    /// Parts of the stage that are done, of how many, where that is known.
    pub(crate) progress: Option<(u64, u64)>,
    /// Events that matched when it was asked for, and that did when it was done.
    pub(crate) matching: u64,
    pub(crate) removed: Option<u64>,
    /// What a dry run has found.
    pub(crate) report: Option<Arc<Report>>,
    pub(crate) error: Option<String>,
    pub(crate) finished: Option<i64>,
}

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    /// As they were called when it was asked for.
    pub(crate) datasets: Vec<DatasetName>,
    pub(crate) created: i64,
    /// The id of the key that asked for it.
    pub(crate) caller: String,
    cancelled: AtomicBool,
    status: Mutex<Status>,
}

/// How a task's work has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Removed(u64),
    Found(Report),
    Failed(String),
}

impl Task {
    pub(crate) fn new(
        id: String,
        kind: Kind,
        datasets: Vec<DatasetName>,
        caller: String,
        matching: u64,
        now: i64,
    ) -> Task {
        let stage = match kind {
            Kind::Deletion => Stage::Flushing,
            Kind::RedactionDryRun => Stage::Reading,
        };
        let status = Status {
            state: State::Waiting,
            stage,
            progress: None,
            matching,
            removed: None,
            report: None,
            error: None,
            finished: None,
        };
        let (cancelled, status) = (AtomicBool::new(false), Mutex::new(status));
        Task { id, kind, datasets, created: now, caller, cancelled, status }
    }

    /// Its datasets as one text.
    pub(crate) fn called(&self) -> String {
        self.datasets.iter().map(DatasetName::as_str).collect::<Vec<_>>().join(",")
    }

    fn held(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn status(&self) -> Status {
        self.held().clone()
    }

    /// Asks it to end before it changes anything; whether that may still be.
    pub(crate) fn cancel(&self) -> bool {
        let mut status = self.held();
        match status.state {
            State::Done | State::Failed => return false,
            // Nobody else will say so: its work has not begun.
            State::Waiting => status.state = State::Cancelled,
            State::Running | State::Cancelled => {}
        }
        self.cancelled.store(true, Ordering::SeqCst);
        true
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    fn begin(&self) -> bool {
        let mut status = self.held();
        let begins = status.state == State::Waiting;
        if begins {
            status.state = State::Running;
        }
        begins
    }

    pub(crate) fn enter(&self, stage: Stage, progress: Option<(u64, u64)>) {
        let mut status = self.held();
        (status.stage, status.progress) = (stage, progress);
    }

    fn end(&self, outcome: Outcome, now: i64) {
        let mut status = self.held();
        status.finished = Some(now);
        match outcome {
            Outcome::Removed(events) => (status.state, status.removed) = (State::Done, Some(events)),
            Outcome::Found(report) => (status.state, status.report) = (State::Done, Some(Arc::new(report))),
            // What stopped because it was told to has not failed.
            Outcome::Failed(_) if self.is_cancelled() => status.state = State::Cancelled,
            Outcome::Failed(error) => (status.state, status.error) = (State::Failed, Some(error)),
        }
    }
}

/// All tasks that are known.
#[derive(Debug)]
pub(crate) struct Tasks {
    known: Mutex<BTreeMap<String, Arc<Task>>>,
    /// Whoever changes something waits for nobody who looks at all of it.
    changing: Arc<Semaphore>,
    looking: Arc<Semaphore>,
}

impl Default for Tasks {
    fn default() -> Tasks {
        let turn = || Arc::new(Semaphore::new(1));
        Tasks { known: Mutex::default(), changing: turn(), looking: turn() }
    }
}

impl Tasks {
    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Task>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Task>> {
        self.known().get(id).cloned()
    }

    /// The youngest first.
    pub(crate) fn all(&self) -> Vec<Arc<Task>> {
        let mut all: Vec<Arc<Task>> = self.known().values().cloned().collect();
        all.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
        all
    }

    /// Takes a task in, unless too many wait already.
    fn admit(&self, task: Arc<Task>, now: i64) -> Result<(), TooManyTasks> {
        let mut known = self.known();
        forget_old(&mut known, now);
        let unfinished = known.values().filter(|task| task.status().finished.is_none()).count();
        if unfinished >= UNFINISHED_MAX {
            return Err(TooManyTasks(unfinished));
        }
        known.insert(task.id.clone(), task);
        Ok(())
    }

    /// Has the work done on a thread of its own when its turn comes. `now` tells the time.
    pub(crate) fn start(
        &self,
        task: Task,
        work: impl FnOnce(&Task) -> Outcome + Send + 'static,
        now: impl Fn() -> i64 + Send + 'static,
    ) -> Result<Arc<Task>, TooManyTasks> {
        let task = Arc::new(task);
        self.admit(Arc::clone(&task), now())?;
        let turn = match task.kind {
            Kind::Deletion => &self.changing,
            Kind::RedactionDryRun => &self.looking,
        };
        let (started, turn) = (Arc::clone(&task), Arc::clone(turn));
        tokio::spawn(async move {
            let Ok(_turn) = turn.acquire_owned().await else { return };
            let working = Arc::clone(&task);
            let done = tokio::task::spawn_blocking(move || if working.begin() { Some(work(&working)) } else { None });
            let done = done.await.unwrap_or_else(|_| Some(Outcome::Failed("this met a bug; please report it".into())));
            // A task that was cancelled before its turn has no outcome of its own.
            task.end(done.unwrap_or_else(|| Outcome::Failed(String::new())), now());
        });
        Ok(started)
    }
}

/// Too many tasks wait.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} tasks wait already, as many as there may be; ask again when one of them has ended")]
pub(crate) struct TooManyTasks(usize);

fn forget_old(known: &mut BTreeMap<String, Arc<Task>>, now: i64) {
    let ended = |task: &Arc<Task>| {
        let status = task.status();
        Some((status.finished?, status.report.is_some(), task.id.clone()))
    };
    let mut finished: Vec<(i64, bool, String)> = known.values().filter_map(ended).collect();
    finished.sort_unstable();
    // The youngest first, of all and of those with a report.
    let (mut all, mut reports) = (0, 0);
    for (finished, has_report, id) in finished.into_iter().rev() {
        all += 1;
        reports += usize::from(has_report);
        let is_excess = all > FINISHED_MAX || (has_report && reports > REPORTS_MAX);
        if is_excess || now.saturating_sub(finished) > FINISHED_SECONDS * 1_000_000_000 {
            known.remove(&id);
        }
    }
}
