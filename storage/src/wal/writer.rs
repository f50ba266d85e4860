//! The thread that makes requests durable: numbers their events, writes one frame for all that wait, fsyncs it,
//! shows the events to readers, and only then answers.
//!
//! A file on which a write or an fsync failed is never touched again: what the disk holds of it is unknown. The waiting
//! requests are refused, and the next one begins a new file, which must take a header and an fsync before it is used;
//! the header says where the failed one ends, so that what was refused does not come back.
//! It must not know the memtable: `publish` is handed in.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::frame::{self, EncodedBatch, FrameBatch, FrameContent, Target};
use super::header::{self, Cut};
use crate::acknowledgement::{Acknowledgement, BatchId, Outcome};
use crate::clock::Clock;
use crate::disk::{Disk, DiskFile};
use crate::error::StoreError;
use crate::event::{DatasetId, EventBatch, TimestampNs};
use crate::limits;
use crate::paths::DataDir;

/// Proof that events are durable. Only the WAL writer makes one, after the fsync that covers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    events: u64,
}

impl Receipt {
    /// There was nothing to make durable.
    pub(crate) fn nothing() -> Receipt {
        Receipt { events: 0 }
    }

    pub fn events(self) -> u64 {
        self.events
    }
}

/// What the writer is asked to do.
#[derive(Debug)]
pub(crate) enum Request {
    Append(Append),
    /// Close the current file; answered when that is done.
    Rotate(SyncSender<()>),
}

/// A batch to be appended; large ones come encoded by the thread that brings them.
#[derive(Debug)]
pub(crate) struct AppendBatch {
    pub(crate) target: Target,
    pub(crate) events: EventBatch,
    pub(crate) encoded: Option<EncodedBatch>,
}

/// One request.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) batches: Vec<AppendBatch>,
    /// Its name, and what its sender will be told.
    pub(crate) once: Option<(BatchId, Outcome)>,
    pub(crate) reply: SyncSender<Result<Receipt, StoreError>>,
}

impl Append {
    fn frame_bytes(&self) -> usize {
        let bytes = |b: &AppendBatch| b.encoded.as_ref().map_or(b.events.memory_bytes(), EncodedBatch::frame_bytes);
        let details = self.once.as_ref().map_or(0, |(_, outcome)| outcome.details.len());
        self.batches.iter().map(bytes).sum::<usize>() + details
    }

    fn events(&self) -> u64 {
        self.batches.iter().map(|b| b.events.rows() as u64).sum()
    }
}

/// What a frame has just made durable, and in which file.
#[derive(Debug)]
pub(crate) struct Durable {
    pub(crate) file: u64,
    pub(crate) content: FrameContent,
}

/// A file that will not be written again.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClosedFile {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// The last sequence of each dataset in it.
    pub(crate) last: BTreeMap<DatasetId, u64>,
    /// When the youngest acknowledgement in it was made.
    pub(crate) acknowledged: Option<TimestampNs>,
    /// The files that its header cuts.
    pub(crate) cuts: Vec<u64>,
    /// A later header cuts it.
    pub(crate) cut: bool,
    /// Somebody may still read what we cannot.
    pub(crate) damaged: bool,
}

/// What the writer tells the rest of the store.
#[derive(Debug, Default)]
pub(crate) struct WalState {
    closed: Mutex<Vec<ClosedFile>>,
    last_file: AtomicU64,
    /// No file could be opened: ingest is down until one can.
    pub(crate) down: AtomicBool,
    pub(crate) poisoned_files: AtomicU64,
    pub(crate) frames: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) syncs: AtomicU64,
}

impl WalState {
    /// The files that wait to be removed.
    pub(crate) fn closed(&self) -> MutexGuard<'_, Vec<ClosedFile>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn close(&self, file: ClosedFile) {
        self.closed().push(file);
    }

    /// A number that no file had before.
    pub(crate) fn number_file(&self) -> u64 {
        self.last_file.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Leaves the numbers up to `used` to the files that have them.
    pub(crate) fn skip_files(&self, used: u64) {
        self.last_file.fetch_max(used, Ordering::SeqCst);
    }
}

pub(crate) struct WalWriter {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) data_dir: DataDir,
    pub(crate) store_id: [u8; 16],
    pub(crate) next_sequence: u64,
    pub(crate) file_bytes_max: usize,
    pub(crate) state: Arc<WalState>,
    file: Option<OpenFile>,
    /// Files that failed, as far as they are still there.
    failed: Vec<Cut>,
}

struct OpenFile {
    file: Box<dyn DiskFile>,
    header_bytes: u64,
    /// What it will be once it is closed.
    closed: ClosedFile,
}

impl WalWriter {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        data_dir: DataDir,
        store_id: [u8; 16],
        next_sequence: u64,
        file_bytes_max: usize,
        state: Arc<WalState>,
    ) -> WalWriter {
        WalWriter {
            disk,
            clock,
            data_dir,
            store_id,
            next_sequence,
            file_bytes_max,
            state,
            file: None,
            failed: Vec::new(),
        }
    }

    /// Runs until every sender is gone.
    pub(crate) fn run(mut self, queue: &Receiver<Request>, mut publish: impl FnMut(Durable)) {
        let mut next = None;
        while let Some(request) = next.take().or_else(|| queue.recv().ok()) {
            match request {
                Request::Append(first) => {
                    let group;
                    (group, next) = gather(first, queue);
                    self.commit(group, &mut publish);
                }
                Request::Rotate(reply) => {
                    self.rotate();
                    let _gone = reply.send(());
                }
            }
        }
        self.rotate();
    }

    fn commit(&mut self, group: Vec<Append>, publish: &mut impl FnMut(Durable)) {
        let mut waiting = Vec::with_capacity(group.len());
        let mut batches = Vec::new();
        let mut once = Vec::new();
        for append in group {
            waiting.push((append.events(), append.reply));
            batches.extend(append.batches);
            once.extend(append.once);
        }
        let written = join_small(batches).and_then(|batches| self.write(batches, once));
        match written {
            Ok(durable) => {
                publish(durable);
                for (events, reply) in waiting {
                    let _gone = reply.send(Ok(Receipt { events }));
                }
            }
            Err(error) => {
                for (_, reply) in waiting {
                    let _gone = reply.send(Err(same(&error)));
                }
            }
        }
    }

    fn write(
        &mut self,
        batches: Vec<(Target, EventBatch, EncodedBatch)>,
        once: Vec<(BatchId, Outcome)>,
    ) -> Result<Durable, StoreError> {
        let received = self.clock.now();
        let first_sequence = self.next_sequence;
        let mut encoded = Vec::with_capacity(batches.len());
        let mut content = FrameContent::default();
        for (target, events, bytes) in batches {
            let batch = FrameBatch { target: target.clone(), first_sequence: self.next_sequence, received, events };
            self.next_sequence += bytes.rows();
            encoded.push((target, bytes));
            content.batches.push(batch);
        }
        let acknowledged = |(id, outcome)| Acknowledgement { id, received, outcome };
        content.acknowledgements = once.into_iter().map(acknowledged).collect();
        let frame = frame::encode(self.store_id, first_sequence, received, &encoded, &content.acknowledgements);
        let file = self.append(&frame, &content)?;
        Ok(Durable { file, content })
    }

    /// Writes and fsyncs one frame; the number of the file that has it. The sequences it uses are spent whether that
    /// succeeds or not.
    fn append(&mut self, bytes: &[u8], content: &FrameContent) -> Result<u64, StoreError> {
        if self.file.as_ref().is_some_and(|f| f.closed.bytes >= self.file_bytes_max as u64) {
            self.rotate();
        }
        if self.file.is_none() {
            let opened = self.open_next();
            self.state.down.store(opened.is_err(), Ordering::Relaxed);
            self.file = Some(opened?);
        }
        let Some(open) = self.file.as_mut() else { return Err(StoreError::Closed) };
        let done = open.file.write_all(bytes).and_then(|()| open.file.sync());
        if let Err(error) = done {
            let path = open.closed.path.clone();
            self.give_up();
            return Err(StoreError::io("write", &path, error));
        }
        open.closed.note(content);
        open.closed.bytes += bytes.len() as u64;
        self.state.frames.fetch_add(1, Ordering::Relaxed);
        self.state.syncs.fetch_add(1, Ordering::Relaxed);
        self.state.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(open.closed.number)
    }

    /// Lets go of a poisoned file. One without an acknowledged frame is removed, so that a full disk does not fill with
    /// the leftovers of every request that it refuses.
    fn give_up(&mut self) {
        let Some(open) = self.file.take() else { return };
        self.state.poisoned_files.fetch_add(1, Ordering::Relaxed);
        self.failed.push(Cut { file: open.closed.number, bytes: open.closed.bytes });
        let empty = open.closed.bytes == open.header_bytes;
        let closed = ClosedFile { cut: true, ..open.closed };
        if empty { self.discard(closed) } else { self.state.close(closed) }
    }

    fn discard(&self, file: ClosedFile) {
        let removed = self.disk.remove(&file.path);
        if removed.is_err_and(|e| e.kind() != std::io::ErrorKind::NotFound) {
            self.state.close(file);
        }
    }

    fn open_next(&mut self) -> Result<OpenFile, StoreError> {
        let number = self.state.number_file();
        let path = self.data_dir.wal_file(number);
        // What is gone is gone durably once the directory is synced below.
        let there = |cut: &Cut| self.state.closed().iter().any(|file| file.number == cut.file);
        self.failed.retain(there);
        let header = header::encode(self.store_id, &self.failed);
        let cuts = self.failed.iter().map(|cut| cut.file).collect();
        let closed = ClosedFile { number, path, bytes: header.len() as u64, cuts, ..ClosedFile::default() };
        let open = || {
            let mut file = self.disk.create(&closed.path)?;
            file.write_all(&header)?;
            file.sync()?;
            self.disk.sync_directory(&self.data_dir.wal())?;
            Ok(file)
        };
        match open() {
            Ok(file) => Ok(OpenFile { file, header_bytes: header.len() as u64, closed }),
            Err(error) => {
                let error = StoreError::io("begin", &closed.path, error);
                self.discard(ClosedFile { bytes: 0, ..closed });
                Err(error)
            }
        }
    }

    /// Closes the current file in order: its last frame says that nothing of it may be missing.
    fn rotate(&mut self) {
        let Some(mut open) = self.file.take() else { return };
        let end = frame::encode_end(self.store_id, self.next_sequence, self.clock.now());
        let ended = open.file.write_all(&end).and_then(|()| open.file.sync());
        if ended.is_ok() {
            open.closed.bytes += end.len() as u64;
            self.state.close(open.closed);
        } else {
            self.file = Some(open);
            self.give_up();
        }
    }
}

impl ClosedFile {
    /// Counts in what a frame of the file holds.
    pub(crate) fn note(&mut self, content: &FrameContent) {
        for batch in &content.batches {
            self.last.insert(batch.target.id, batch.first_sequence + batch.events.rows() as u64 - 1);
        }
        let youngest = content.acknowledgements.iter().map(|a| a.received).max();
        self.acknowledged = self.acknowledged.max(youngest);
    }
}

/// Everything that waits, as much as one frame should hold, and what is to be done after it.
fn gather(first: Append, queue: &Receiver<Request>) -> (Vec<Append>, Option<Request>) {
    let mut bytes = first.frame_bytes();
    let mut group = vec![first];
    while bytes < limits::FRAME_GROUP_BYTES && group.len() < limits::FRAME_GROUP_REQUESTS_MAX {
        match queue.try_recv() {
            Ok(Request::Append(next)) => {
                bytes += next.frame_bytes();
                group.push(next);
            }
            Ok(other) => return (group, Some(other)),
            Err(_) => break,
        }
    }
    (group, None)
}

/// Joins the small batches of each dataset: a frame, a block and a memtable batch have a price of their own.
fn join_small(batches: Vec<AppendBatch>) -> Result<Vec<(Target, EventBatch, EncodedBatch)>, StoreError> {
    let mut joined = Vec::with_capacity(batches.len());
    let mut order = Vec::new();
    let mut small: HashMap<DatasetId, Vec<EventBatch>> = HashMap::new();
    for AppendBatch { target, events, encoded } in batches {
        match encoded {
            Some(encoded) => joined.push((target, events, encoded)),
            None => {
                let waiting = small.entry(target.id).or_default();
                if waiting.is_empty() {
                    order.push(target);
                }
                waiting.push(events);
            }
        }
    }
    for target in order {
        let mut waiting = small.remove(&target.id).unwrap_or_default();
        while !waiting.is_empty() {
            let count = EventBatch::joinable(waiting.iter()).max(1);
            let together: Vec<EventBatch> = waiting.drain(..count).collect();
            let events = EventBatch::join(&together).map_err(|e| StoreError::Bug(e.to_string()))?;
            let encoded = EncodedBatch::new(&events);
            joined.push((target.clone(), events, encoded));
        }
    }
    Ok(joined)
}

/// The same error for each of the requests that shared a frame.
fn same(error: &StoreError) -> StoreError {
    match error {
        StoreError::Io { action, path, source } => StoreError::Io {
            action,
            path: path.clone(),
            source: std::io::Error::new(source.kind(), source.to_string()),
        },
        StoreError::DiskFull { path } => StoreError::DiskFull { path: path.clone() },
        StoreError::Closed => StoreError::Closed,
        other => StoreError::Bug(other.to_string()),
    }
}
