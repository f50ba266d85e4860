//! The writer: numbers, groups, poisoned files.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};

use super::{PlainBatch, STORE, plain, small};
use crate::clock::OwnedClock;
use crate::disk::{Disk, FailingDisk, Fault, RealDisk};
use crate::error::StoreError;
use crate::event::{DatasetId, EventBatch};
use crate::paths::DataDir;
use crate::testing::{START, Value, batch, event};
use crate::wal::frame::{EncodedBatch, FILE_HEADER_BYTES, FrameBatch};
use crate::wal::reader::read;
use crate::wal::writer::{Append, Receipt, WalState, WalWriter};

type Reply = Receiver<Result<Receipt, StoreError>>;

/// What a test does with a writer, and what came of it.
struct Bench {
    directory: tempfile::TempDir,
    disk: FailingDisk,
    state: Arc<WalState>,
    file_bytes_max: usize,
    /// What was shown to readers, frame by frame.
    shown: Mutex<Vec<Vec<FrameBatch>>>,
}

impl Bench {
    fn new() -> Bench {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("wal")).unwrap();
        Bench {
            directory,
            disk: FailingDisk::new(),
            state: Arc::default(),
            file_bytes_max: 1 << 20,
            shown: Mutex::default(),
        }
    }

    fn data_dir(&self) -> DataDir {
        DataDir::new(self.directory.path())
    }

    /// Runs a writer over groups of requests: those of a group wait together, so they share a frame.
    fn run(&self, groups: Vec<Vec<Append>>) {
        let writer = WalWriter {
            disk: Arc::new(self.disk.clone()),
            clock: Arc::new(OwnedClock::new(START)),
            data_dir: self.data_dir(),
            store_id: STORE,
            next_file: 1,
            next_sequence: 1,
            file_bytes_max: self.file_bytes_max,
            state: Arc::clone(&self.state),
            file: None,
        };
        let (queue, requests) = sync_channel(100);
        let mut groups = groups.into_iter();
        // The next group arrives while the one before is shown or, where it failed, before it starts.
        for append in groups.next().unwrap() {
            queue.send(append).unwrap();
        }
        let mut queue = Some(queue);
        writer.run(&requests, |durable| {
            self.shown.lock().unwrap().push(durable);
            match groups.next() {
                Some(group) => group.into_iter().for_each(|a| queue.as_ref().unwrap().send(a).unwrap()),
                None => queue = None,
            }
        });
    }

    /// The batches in all files, as a restart would read them.
    fn logged(&self) -> Vec<PlainBatch> {
        let mut logged = Vec::new();
        for path in self.files() {
            read(&RealDisk, &path, STORE, |batches| {
                logged.extend(plain(&batches));
                Ok(())
            })
            .unwrap();
        }
        logged
    }

    fn files(&self) -> Vec<PathBuf> {
        RealDisk.list(&self.data_dir().wal()).unwrap()
    }

    fn shown(&self) -> Vec<Vec<PlainBatch>> {
        self.shown.lock().unwrap().iter().map(|frame| plain(frame)).collect()
    }
}

fn request(batches: Vec<(u32, EventBatch)>) -> (Append, Reply) {
    let (reply, answer) = sync_channel(1);
    let prepared = batches.into_iter().map(|(dataset, events)| {
        let encoded = (events.rows() >= 64).then(|| EncodedBatch::new(&events));
        (DatasetId(dataset), events, encoded)
    });
    (Append { batches: prepared.collect(), reply }, answer)
}

fn one(first: i64) -> (Append, Reply) {
    request(vec![(1, batch(&small(first, 1)))])
}

#[test]
fn requests_that_wait_share_a_frame_and_small_batches_are_joined() {
    let bench = Bench::new();
    let (first, first_answer) = request(vec![(1, batch(&small(0, 2))), (2, batch(&small(10, 1)))]);
    let (second, second_answer) = request(vec![(1, batch(&small(2, 3))), (3, batch(&small(100, 70)))]);
    bench.run(vec![vec![first, second]]);
    assert_eq!(first_answer.recv().unwrap().unwrap().events(), 3);
    assert_eq!(second_answer.recv().unwrap().unwrap().events(), 73);
    let wanted = [(3, 1, START, small(100, 70)), (1, 71, START, small(0, 5)), (2, 76, START, small(10, 1))];
    assert_eq!(bench.logged(), wanted);
    assert_eq!(bench.shown(), [wanted]);
    assert_eq!(bench.state.syncs.load(Ordering::Relaxed), 1);
}

#[test]
fn joined_batches_have_bounded_columns() {
    let bench = Bench::new();
    let wide = |n: usize| {
        let names: Vec<String> = (0..1_500).map(|field| format!("{n}-{field}")).collect();
        let fields: Vec<(&str, Value)> = names.iter().map(|name| (name.as_str(), Value::Integer(1))).collect();
        event(START, &fields)
    };
    let (requests, answers): (Vec<_>, Vec<_>) = (0..5).map(|n| request(vec![(1, batch(&[wide(n)]))])).unzip();
    bench.run(vec![requests]);
    assert!(answers.iter().all(|a| a.recv().unwrap().is_ok()));
    let rows: Vec<usize> = bench.logged().iter().map(|b| b.3.len()).collect();
    assert_eq!(rows, [2, 2, 1]);
    assert_eq!(bench.shown().len(), 1, "they share a frame all the same");
}

#[test]
fn a_full_file_is_followed_by_the_next() {
    let bench = Bench { file_bytes_max: 100, ..Bench::new() };
    let (requests, answers): (Vec<_>, Vec<_>) = (0..4).map(one).unzip();
    bench.run(requests.into_iter().map(|r| vec![r]).collect());
    assert!(answers.iter().all(|a| a.recv().unwrap().is_ok()));
    assert_eq!(bench.files().len(), 4);
    assert_eq!(bench.logged().iter().map(|b| b.1).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let closed = bench.state.closed.lock().unwrap();
    assert_eq!(closed.iter().map(|f| f.last[&DatasetId(1)]).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(closed.iter().all(|f| f.bytes == std::fs::metadata(&f.path).unwrap().len()));
}

/// Operations of a frame in an open file: write, sync. Before it, a file takes four: create, write, sync, sync the name.
const OPEN: u64 = 4;
const FRAME: u64 = 2;

/// Three requests, the second of which meets `fault` at its `step`; then what a restart reads.
fn poisoned(fault: Fault, step: u64) -> (Bench, Vec<Result<Receipt, StoreError>>) {
    let bench = Bench::new();
    bench.disk.fault(OPEN + FRAME + step, fault);
    let ((first, a), (second, b), (third, c)) = (one(0), one(10), one(20));
    // The third waits already when the second fails, but in a frame of its own: the second's is full.
    let filler = request(vec![(2, filler())]);
    bench.run(vec![vec![first], vec![second, filler.0, third]]);
    let filled = filler.1.recv().unwrap();
    assert!(filled.is_err(), "it shared the frame of the second");
    (bench, [a, b, c].into_iter().map(|answer| answer.recv().unwrap()).collect())
}

#[test]
fn a_fault_poisons_the_file_and_not_the_log() {
    for (fault, step) in [(Fault::Error, 0), (Fault::Torn, 0), (Fault::Full, 0), (Fault::Error, 1), (Fault::Full, 1)] {
        let (bench, answers) = poisoned(fault, step);
        assert!(answers[0].is_ok() && answers[2].is_ok(), "{fault:?} {step}: {answers:?}");
        match (&answers[1], fault) {
            (Err(StoreError::DiskFull { .. }), Fault::Full) => {}
            (Err(StoreError::Io { .. }), Fault::Error | Fault::Torn) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(bench.files().len(), 2, "the poisoned file is followed by a new one");
        assert_eq!(bench.state.poisoned_files.load(Ordering::Relaxed), 1);
        let shown: Vec<u64> = bench.shown().iter().map(|frame| frame[0].1).collect();
        assert_eq!(shown, [1, 4], "the numbers of the lost frame are spent");
        let logged: Vec<u64> = bench.logged().iter().map(|b| b.1).collect();
        // Only what was written whole can be there: after a failed fsync it is.
        assert_eq!(logged, if step == 1 { vec![1, 2, 3, 4] } else { vec![1, 4] });
        let last: Vec<u64> = bench.state.closed.lock().unwrap().iter().map(|f| f.last[&DatasetId(1)]).collect();
        assert_eq!(last, [2, 4]);
    }
}

#[test]
fn nothing_is_left_of_files_that_could_not_be_begun() {
    for step in 0..OPEN {
        let bench = Bench::new();
        bench.disk.fault(step, Fault::Full);
        let ((first, refused), (second, taken)) = (request(vec![(2, filler())]), one(0));
        bench.run(vec![vec![first, second]]);
        assert!(matches!(refused.recv().unwrap(), Err(StoreError::DiskFull { .. })), "{step}");
        assert!(taken.recv().unwrap().is_ok());
        assert!(!bench.state.down.load(Ordering::Relaxed), "the next one could be begun");
        assert_eq!(bench.files().len(), 1, "{step}");
        assert_eq!(bench.state.closed.lock().unwrap().len(), 1, "{step}");
        assert_eq!(bench.logged().iter().map(|b| b.1).collect::<Vec<_>>(), [2]);
    }
}

/// A batch that fills a frame.
fn filler() -> EventBatch {
    batch(&[event(START, &[("s", Value::text(&"x".repeat(17 << 20)))])])
}

#[test]
fn a_poisoned_file_without_an_acknowledged_frame_is_removed() {
    let bench = Bench::new();
    bench.disk.fault(OPEN, Fault::Torn);
    let ((first, refused), (second, taken)) = (request(vec![(2, filler())]), one(0));
    bench.run(vec![vec![first, second]]);
    assert!(refused.recv().unwrap().is_err());
    assert!(taken.recv().unwrap().is_ok());
    assert_eq!(bench.files().len(), 1);
    assert_eq!(bench.logged().len(), 1);
}

#[test]
fn a_file_begins_with_its_header_alone() {
    let bench = Bench::new();
    bench.disk.fault(OPEN + FRAME, Fault::Error);
    let ((first, _a), (second, _b), (third, _c)) = (one(0), request(vec![(2, filler())]), one(1));
    bench.run(vec![vec![first], vec![second, third]]);
    for path in bench.files() {
        assert_eq!(&std::fs::read(path).unwrap()[..FILE_HEADER_BYTES], crate::wal::frame::file_header(STORE));
    }
}
