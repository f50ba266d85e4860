//! The thread that makes requests durable: numbers their events, writes one frame for all that wait, fsyncs it,
//! shows the events to readers, and only then answers.
//!
//! A file on which a write or an fsync failed is never touched again: what the disk holds of it is unknown. The waiting
//! requests are refused, and the next one begins a new file, which must take a header and an fsync before it is used.
//! It must not know the memtable: `publish` is handed in.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use super::frame::{self, EncodedBatch, FILE_HEADER_BYTES, FrameBatch};
use crate::clock::Clock;
use crate::disk::{Disk, DiskFile};
use crate::error::StoreError;
use crate::event::{DatasetId, EventBatch};
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

/// One request's batches; large ones come encoded by the thread that brings them.
pub(crate) struct Append {
    pub(crate) batches: Vec<(DatasetId, EventBatch, Option<EncodedBatch>)>,
    pub(crate) reply: SyncSender<Result<Receipt, StoreError>>,
}

impl Append {
    fn frame_bytes(&self) -> usize {
        let bytes = |(_, events, encoded): &(_, EventBatch, Option<EncodedBatch>)| {
            encoded.as_ref().map_or(events.memory_bytes(), EncodedBatch::frame_bytes)
        };
        self.batches.iter().map(bytes).sum()
    }

    fn events(&self) -> u64 {
        self.batches.iter().map(|(_, events, _)| events.rows() as u64).sum()
    }
}

/// A file that will not be written again, and the last sequence of each dataset in it.
#[derive(Debug)]
pub(crate) struct ClosedFile {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) last: BTreeMap<DatasetId, u64>,
}

/// What the writer tells the rest of the store.
#[derive(Debug, Default)]
pub(crate) struct WalState {
    pub(crate) closed: Mutex<Vec<ClosedFile>>,
    /// No file could be opened: ingest is down until one can.
    pub(crate) down: AtomicBool,
    pub(crate) poisoned_files: AtomicU64,
    pub(crate) frames: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) syncs: AtomicU64,
}

impl WalState {
    pub(crate) fn close(&self, file: ClosedFile) {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).push(file);
    }
}

pub(crate) struct WalWriter {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) data_dir: DataDir,
    pub(crate) store_id: [u8; 16],
    pub(crate) next_file: u64,
    pub(crate) next_sequence: u64,
    pub(crate) file_bytes_max: usize,
    pub(crate) state: Arc<WalState>,
    pub(crate) file: Option<OpenFile>,
}

pub(crate) struct OpenFile {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    bytes: u64,
    last: BTreeMap<DatasetId, u64>,
}

impl WalWriter {
    /// Runs until every sender is gone.
    pub(crate) fn run(mut self, queue: &Receiver<Append>, mut publish: impl FnMut(Vec<FrameBatch>)) {
        while let Ok(first) = queue.recv() {
            let group = gather(first, queue);
            self.commit(group, &mut publish);
        }
        self.rotate();
    }

    fn commit(&mut self, group: Vec<Append>, publish: &mut impl FnMut(Vec<FrameBatch>)) {
        let mut waiting = Vec::with_capacity(group.len());
        let mut batches = Vec::new();
        for append in group {
            waiting.push((append.events(), append.reply));
            batches.extend(append.batches);
        }
        let written = join_small(batches).and_then(|batches| self.write(batches));
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

    fn write(&mut self, batches: Vec<(DatasetId, EventBatch, EncodedBatch)>) -> Result<Vec<FrameBatch>, StoreError> {
        let received = self.clock.now();
        let first_sequence = self.next_sequence;
        let mut encoded = Vec::with_capacity(batches.len());
        let mut numbered = Vec::with_capacity(batches.len());
        let mut last = BTreeMap::new();
        for (dataset, events, bytes) in batches {
            let first = self.next_sequence;
            self.next_sequence += bytes.rows();
            last.insert(dataset, self.next_sequence - 1);
            encoded.push((dataset, bytes));
            numbered.push(FrameBatch { dataset, first_sequence: first, received, events });
        }
        let frame = frame::encode(self.store_id, first_sequence, received, &encoded);
        self.append(&frame, last)?;
        Ok(numbered)
    }

    /// Writes and fsyncs one frame. The numbers it uses are spent whether that succeeds or not.
    fn append(&mut self, bytes: &[u8], last: BTreeMap<DatasetId, u64>) -> Result<(), StoreError> {
        if self.file.as_ref().is_some_and(|f| f.bytes >= self.file_bytes_max as u64) {
            self.rotate();
        }
        if self.file.is_none() {
            let opened = self.open_next();
            self.state.down.store(opened.is_err(), Ordering::Relaxed);
            self.file = Some(opened?);
        }
        let Some(open) = self.file.as_mut() else { return Err(StoreError::Closed) };
        open.last.extend(last);
        let done = open.file.write_all(bytes).and_then(|()| open.file.sync());
        match done {
            Ok(()) => {
                open.bytes += bytes.len() as u64;
                self.state.frames.fetch_add(1, Ordering::Relaxed);
                self.state.syncs.fetch_add(1, Ordering::Relaxed);
                self.state.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                let path = open.path.clone();
                self.state.poisoned_files.fetch_add(1, Ordering::Relaxed);
                self.give_up();
                Err(StoreError::io("write", &path, error))
            }
        }
    }

    /// Lets go of a poisoned file. One without an acknowledged frame is removed, so that a full disk does not fill with
    /// the leftovers of every request that it refuses.
    fn give_up(&mut self) {
        let empty = self.file.as_ref().is_some_and(|f| f.bytes == FILE_HEADER_BYTES as u64);
        match self.file.take_if(|_| empty) {
            Some(open) => self.discard(ClosedFile { path: open.path, bytes: open.bytes, last: open.last }),
            None => self.rotate(),
        }
    }

    fn discard(&self, file: ClosedFile) {
        let removed = self.disk.remove(&file.path);
        if removed.is_err_and(|e| e.kind() != std::io::ErrorKind::NotFound) {
            self.state.close(file);
        }
    }

    fn open_next(&mut self) -> Result<OpenFile, StoreError> {
        let path = self.data_dir.wal_file(self.next_file);
        self.next_file += 1;
        let header = frame::file_header(self.store_id);
        let open = || {
            let mut file = self.disk.create(&path)?;
            file.write_all(&header)?;
            file.sync()?;
            self.disk.sync_directory(&self.data_dir.wal())?;
            Ok(file)
        };
        match open() {
            Ok(file) => Ok(OpenFile { file, path, bytes: header.len() as u64, last: BTreeMap::new() }),
            Err(error) => {
                self.discard(ClosedFile { path: path.clone(), bytes: 0, last: BTreeMap::new() });
                Err(StoreError::io("begin", &path, error))
            }
        }
    }

    fn rotate(&mut self) {
        if let Some(open) = self.file.take() {
            self.state.close(ClosedFile { path: open.path, bytes: open.bytes, last: open.last });
        }
    }
}

/// Everything that waits, as much as one frame should hold.
fn gather(first: Append, queue: &Receiver<Append>) -> Vec<Append> {
    let mut bytes = first.frame_bytes();
    let mut group = vec![first];
    while bytes < limits::FRAME_GROUP_BYTES && group.len() < limits::FRAME_GROUP_REQUESTS_MAX {
        let Ok(next) = queue.try_recv() else { break };
        bytes += next.frame_bytes();
        group.push(next);
    }
    group
}

/// Joins the small batches of each dataset: a frame, a block and a memtable batch have a price of their own.
fn join_small(
    batches: Vec<(DatasetId, EventBatch, Option<EncodedBatch>)>,
) -> Result<Vec<(DatasetId, EventBatch, EncodedBatch)>, StoreError> {
    let mut joined = Vec::with_capacity(batches.len());
    let mut order = Vec::new();
    let mut small: HashMap<DatasetId, Vec<EventBatch>> = HashMap::new();
    for (dataset, events, encoded) in batches {
        match encoded {
            Some(encoded) => joined.push((dataset, events, encoded)),
            None => {
                let waiting = small.entry(dataset).or_default();
                if waiting.is_empty() {
                    order.push(dataset);
                }
                waiting.push(events);
            }
        }
    }
    for dataset in order {
        let mut waiting = small.remove(&dataset).unwrap_or_default();
        while !waiting.is_empty() {
            let count = EventBatch::joinable(waiting.iter()).max(1);
            let together: Vec<EventBatch> = waiting.drain(..count).collect();
            let events = EventBatch::join(&together).map_err(|e| StoreError::Bug(e.to_string()))?;
            let encoded = EncodedBatch::new(&events);
            joined.push((dataset, events, encoded));
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
