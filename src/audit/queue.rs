//! What waits to be written, and the thread that writes it. A change is waited for until it is durable; a question waits for
//! room only; refusals are counted together, so that whoever makes many of them makes few records. It must not know files.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use outcrop_storage::paths::{AuditChain, DataDir};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::chain::Chain;
use super::reading::{self, Page, Search};
use super::record::{Entry, Who};
use super::{AuditError, limits, open};

/// Somebody who was not let in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Refusal {
    /// The key, if it counts and may not do this.
    pub(crate) who: Option<Who>,
    pub(crate) peer: Option<String>,
    /// What was asked for, in our words and not in theirs.
    pub(crate) route: String,
    pub(crate) code: String,
}

/// What is told to whoever waits for a record.
type Written = Result<(), Arc<AuditError>>;

#[derive(Debug)]
struct Waiting {
    chain: AuditChain,
    /// None: somebody only wants to know that all before is written.
    entry: Option<Entry>,
    written: Option<oneshot::Sender<Written>>,
    _room: Option<OwnedSemaphorePermit>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Waiting>,
    refusals: HashMap<Refusal, (i64, u64)>,
    /// When the first of them was counted.
    refusals_since: Option<Instant>,
    /// Refusals beyond those that get records of their own: when the first was, and how many.
    more_refusals: Option<(i64, u64)>,
    urgent: bool,
    closing: bool,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.refusals.is_empty()
    }

    fn is_due(&self) -> bool {
        self.urgent || self.closing || self.waiting.len() >= limits::WAITING_ENOUGH
    }

    /// The records of refusals that were gathered for long enough, or that somebody wants to read.
    fn refusals(&mut self) -> Vec<Entry> {
        let since = self.refusals_since.is_some_and(|since| since.elapsed() >= limits::REFUSALS_INTERVAL);
        if !(since || self.urgent || self.closing) {
            return Vec::new();
        }
        self.refusals_since = None;
        entries(std::mem::take(&mut self.refusals), self.more_refusals.take())
    }
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    woken: Condvar,
    lost: AtomicU64,
    records: AtomicU64,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where everything is told that is to be recorded.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    shared: Arc<Shared>,
    dir: DataDir,
    room: Arc<Semaphore>,
    readings: Arc<Semaphore>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Audit {
    /// Opens the log, or makes one. Where that fails, as on a full disk, it is tried again with each record: what is stored can
    /// be asked for all the same.
    pub(crate) fn open(dir: &DataDir) -> Result<Audit, AuditError> {
        let chains = [AuditChain::Changes, AuditChain::Questions].map(|chain| Lazy::open(dir, chain));
        let shared = Arc::<Shared>::default();
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("outcrop-audit".to_owned());
        let thread = thread.spawn(move || {
            let ending = Ending(theirs);
            write(&ending.0, chains);
        });
        let thread = thread.map_err(|source| AuditError { what: "write to", path: dir.audit(), source })?;
        Ok(Audit {
            shared,
            dir: dir.clone(),
            room: Arc::new(Semaphore::new(limits::WAITING_MAX)),
            readings: Arc::new(Semaphore::new(limits::READINGS_MAX)),
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// Records a question within a moment. Returns when there is room for it.
    pub(crate) async fn asked(&self, entry: Entry) {
        let entry = entry.bounded();
        self.put(AuditChain::Questions, Some(entry), None, self.room().await);
    }

    /// Records a change. Returns when it is durable.
    pub(crate) async fn changed(&self, entry: Entry) -> Written {
        self.written(AuditChain::Changes, Some(entry.bounded())).await
    }

    /// The same for whoever has a thread to wait on.
    pub(crate) fn changed_now(&self, entry: Entry) -> Written {
        let (tell, told) = oneshot::channel();
        self.put(AuditChain::Changes, Some(entry.bounded()), Some(tell), None);
        told.blocking_recv().unwrap_or_else(|_| Err(self.closed()))
    }

    /// Counts a refusal, within a moment and with others like it.
    pub(crate) fn refused(&self, refusal: Refusal, now: i64) {
        let mut queue = self.shared.queue();
        queue.refusals_since.get_or_insert_with(Instant::now);
        let is_known = queue.refusals.contains_key(&refusal);
        let counted = if is_known || queue.refusals.len() < limits::REFUSALS_MAX {
            queue.refusals.entry(refusal).or_insert((now, 0))
        } else {
            queue.more_refusals.get_or_insert((now, 0))
        };
        counted.1 += 1;
        drop(queue);
        self.shared.woken.notify_one();
    }

    /// Records found, the latest first. All that was told before is among them.
    pub(crate) async fn find(&self, search: Search) -> Result<Page, AuditError> {
        for chain in AuditChain::ALL {
            // What could not be written is not there to be read.
            let _written = self.written(chain, None).await;
        }
        let turn = Arc::clone(&self.readings).acquire_owned().await;
        let dir = self.dir.clone();
        let read = move || {
            // Whoever goes away does not end the reading, so that the turn goes with it.
            let _turn = turn;
            reading::find(&dir, &search)
        };
        let found = tokio::task::spawn_blocking(read).await;
        let failed = |source| AuditError { what: "read", path: self.dir.audit(), source };
        found.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(failed)
    }

    /// Records written since start, and those that were lost because they could not be.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.shared.records.load(Ordering::Relaxed), self.shared.lost.load(Ordering::Relaxed))
    }

    /// Writes what waits, and ends.
    pub(crate) fn close(&self) {
        self.shared.queue().closing = true;
        self.shared.woken.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("BUG: the audit log's thread ended before its time");
        }
    }

    async fn room(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).acquire_owned().await.ok()
    }

    async fn written(&self, chain: AuditChain, entry: Option<Entry>) -> Written {
        let (tell, told) = oneshot::channel();
        self.put(chain, entry, Some(tell), self.room().await);
        told.await.unwrap_or_else(|_| Err(self.closed()))
    }

    fn closed(&self) -> Arc<AuditError> {
        let source = std::io::Error::other("it is closed");
        Arc::new(AuditError { what: "write to", path: self.dir.audit(), source })
    }

    fn put(
        &self,
        chain: AuditChain,
        entry: Option<Entry>,
        written: Option<oneshot::Sender<Written>>,
        room: Option<OwnedSemaphorePermit>,
    ) {
        let mut queue = self.shared.queue();
        if queue.closing {
            return;
        }
        queue.urgent |= written.is_some();
        queue.waiting.push(Waiting { chain, entry, written, _room: room });
        drop(queue);
        self.shared.woken.notify_one();
    }
}

/// However the thread ends, nobody waits for it any more.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.closing = true;
        queue.waiting.clear();
    }
}

/// A chain that is opened as soon as it can be.
struct Lazy {
    dir: DataDir,
    which: AuditChain,
    chain: Option<Chain>,
}

impl Lazy {
    fn open(dir: &DataDir, which: AuditChain) -> Lazy {
        let chain =
            open(dir, which).inspect_err(|error| tracing::error!("{error}; changes are refused until it can")).ok();
        Lazy { dir: dir.clone(), which, chain }
    }

    fn append(&mut self, entries: &[Entry]) -> Result<(), AuditError> {
        match &mut self.chain {
            Some(chain) => chain.append(entries),
            none => none.insert(open(&self.dir, self.which)?).append(entries),
        }
    }
}

/// Writes until the log is closed and nothing waits.
fn write(shared: &Shared, mut chains: [Lazy; 2]) {
    // Records that could not be written since the last that could.
    let mut lost = [0; 2];
    loop {
        let queue = shared.queue();
        let queue = shared.woken.wait_while(queue, |queue| queue.is_empty() && !queue.closing);
        let queue = queue.unwrap_or_else(PoisonError::into_inner);
        let waited = shared.woken.wait_timeout_while(queue, limits::INTERVAL, |queue| !queue.is_due());
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let (waiting, refusals) = (std::mem::take(&mut queue.waiting), queue.refusals());
        queue.urgent = false;
        let closing = queue.closing;
        drop(queue);
        if waiting.is_empty() && refusals.is_empty() {
            if closing {
                return;
            }
            continue;
        }
        let (questions, changes): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|waiting| waiting.chain == AuditChain::Questions);
        let [changed, asked] = &mut chains;
        let [changes_lost, questions_lost] = &mut lost;
        write_batch(shared, changed, changes, Vec::new(), changes_lost);
        write_batch(shared, asked, questions, refusals, questions_lost);
    }
}

/// Writes the records of one chain and tells whoever waits for them.
fn write_batch(shared: &Shared, chain: &mut Lazy, mut batch: Vec<Waiting>, more: Vec<Entry>, lost: &mut u64) {
    let mut entries: Vec<Entry> = batch.iter_mut().filter_map(|waiting| waiting.entry.take()).chain(more).collect();
    let count = entries.len() as u64;
    if let Some(first) = entries.first()
        && *lost > 0
    {
        entries.insert(0, Entry::own(first.time, "audit.lost", json!({ "records": *lost })));
    }
    let written = chain.append(&entries).map_err(Arc::new);
    match &written {
        Ok(()) => {
            shared.records.fetch_add(count, Ordering::Relaxed);
            if count > 0 {
                *lost = 0;
            }
        }
        Err(error) => {
            *lost += count;
            shared.lost.fetch_add(count, Ordering::Relaxed);
            tracing::error!("{count} records are lost: {error}");
        }
    }
    for tell in batch.into_iter().filter_map(|waiting| waiting.written) {
        let _nobody_waits_any_more = tell.send(written.clone());
    }
}

/// A record for each refusal, with how often it was, and one for those beyond.
fn entries(refusals: HashMap<Refusal, (i64, u64)>, more: Option<(i64, u64)>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = refusals
        .into_iter()
        .map(|(refusal, (time, times))| {
            let Refusal { who, peer, route, code } = refusal;
            let what = json!({ "route": route, "code": code, "times": times });
            Entry { time, who, peer, action: "refused", what }
        })
        .collect();
    let more = more.map(|(time, times)| Entry {
        time,
        who: None,
        peer: None,
        action: "refused",
        what: json!({ "route": "*", "code": "*", "times": times }),
    });
    entries.extend(more);
    entries.sort_by_key(|entry| entry.time);
    entries
}
