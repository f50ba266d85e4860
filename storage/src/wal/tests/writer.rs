//! The writer: numbers, groups, poisoned files.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};

use super::{PlainBatch, STORE, plain, small, target};
use crate::clock::OwnedClock;
use crate::disk::{Disk, FailingDisk, Fault, RealDisk};
use crate::error::StoreError;
use crate::event::{DatasetId, EventBatch};
use crate::paths::DataDir;
use crate::testing::{START, Value, batch, event};
use crate::wal::frame::EncodedBatch;
use crate::wal::header::{self, Cut, Header};
use crate::wal::reader::{WalCondition, WalFiles, read};
use crate::wal::writer::{Append, AppendBatch, ClosedFile, Durable, Receipt, Request, WalState, WalWriter};

type Reply = Receiver<Result<Receipt, StoreError>>;

/// What a test does with a writer, and what came of it.
struct Bench {
    directory: tempfile::TempDir,
    disk: FailingDisk,
    state: Arc<WalState>,
    file_bytes_max: usize,
    /// What was shown to readers, frame by frame.
    shown: Mutex<Vec<Durable>>,
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
        self.ask(groups.into_iter().map(|group| group.into_iter().map(Request::Append).collect()).collect());
    }

    fn ask(&self, groups: Vec<Vec<Request>>) {
        let writer = WalWriter::new(
            Arc::new(self.disk.clone()),
            Arc::new(OwnedClock::new(START)),
            self.data_dir(),
            STORE,
            1,
            self.file_bytes_max,
            Arc::clone(&self.state),
        );
        let (queue, requests) = sync_channel(100);
        let mut groups = groups.into_iter();
        // The next group arrives while the one before is shown or, where it failed, before it starts.
        for request in groups.next().unwrap() {
            queue.send(request).unwrap();
        }
        let mut queue = Some(queue).filter(|_| groups.len() > 0);
        writer.run(&requests, |durable| {
            self.shown.lock().unwrap().push(durable);
            for request in groups.next().unwrap_or_default() {
                queue.as_ref().unwrap().send(request).unwrap();
            }
            queue.take_if(|_| groups.len() == 0);
        });
    }

    /// The batches in all files, as a restart would read them.
    fn logged(&self) -> Vec<PlainBatch> {
        self.read().into_iter().flat_map(|(_, batches)| batches).collect()
    }

    /// The same by file, with the condition of each.
    fn read(&self) -> Vec<(WalCondition, Vec<PlainBatch>)> {
        let listed = WalFiles::list(&RealDisk, &self.data_dir().wal(), STORE).unwrap();
        let read_one = |(number, path): (&u64, &PathBuf)| {
            let mut logged = Vec::new();
            let condition = read(&RealDisk, path, STORE, listed.ends.get(number).copied(), |content| {
                logged.extend(plain(&content.batches));
                Ok(())
            });
            (condition.unwrap(), logged)
        };
        listed.files.iter().map(read_one).collect()
    }

    fn closed(&self) -> Vec<ClosedFile> {
        self.state.closed().clone()
    }

    fn files(&self) -> Vec<PathBuf> {
        RealDisk.list(&self.data_dir().wal()).unwrap()
    }

    fn shown(&self) -> Vec<Vec<PlainBatch>> {
        self.shown.lock().unwrap().iter().map(|frame| plain(&frame.content.batches)).collect()
    }
}

fn request(batches: Vec<(u32, EventBatch)>) -> (Append, Reply) {
    let (reply, answer) = sync_channel(1);
    let prepared = batches.into_iter().map(|(dataset, events)| {
        let encoded = (events.rows() >= 64).then(|| EncodedBatch::new(&events));
        AppendBatch { target: target(dataset), events, encoded }
    });
    (Append { batches: prepared.collect(), once: None, reply }, answer)
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
    let closed = bench.closed();
    assert_eq!(
        closed.iter().map(|f| (f.number, f.last[&DatasetId(1)])).collect::<Vec<_>>(),
        [1, 2, 3, 4].map(|n| (n, n))
    );
    assert!(closed.iter().all(|f| f.bytes == std::fs::metadata(&f.path).unwrap().len()));
    assert!(bench.read().iter().all(|(condition, _)| condition.closed), "each was closed in order");
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
        let read = bench.read();
        let logged: Vec<u64> = read.iter().flat_map(|(_, batches)| batches).map(|b| b.1).collect();
        assert_eq!(logged, [1, 4], "what was refused is not there, though after a failed fsync it was written whole");
        assert!(read.iter().all(|(condition, _)| condition.closed && condition.damaged_bytes == 0));
        let closed = bench.closed();
        assert_eq!(closed.iter().map(|f| f.last[&DatasetId(1)]).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(closed.iter().map(|f| (f.cut, f.cuts.len())).collect::<Vec<_>>(), [(true, 0), (false, 1)]);
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
        assert_eq!(bench.closed().len(), 1, "{step}");
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

fn cuts(path: &PathBuf) -> Vec<Cut> {
    match header::decode(STORE, &std::fs::read(path).unwrap()) {
        Header::Good { cuts, .. } => cuts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_header_cuts_every_failed_file_that_is_still_there() {
    let bench = Bench::new();
    // The second and the fourth request fail; the third begins a file, and so does the fifth.
    bench.disk.fault(OPEN + FRAME, Fault::Error);
    bench.disk.fault(OPEN + FRAME + 1 + OPEN + FRAME, Fault::Error);
    let fillers: Vec<_> = (0..2).map(|_| request(vec![(2, filler())]).0).collect();
    let mut fillers = fillers.into_iter();
    let groups = vec![vec![one(0).0], vec![fillers.next().unwrap(), one(1).0], vec![fillers.next().unwrap(), one(2).0]];
    bench.run(groups);
    let files = bench.files();
    let lengths: Vec<u64> = bench.closed().iter().map(|file| file.bytes).collect();
    let cut = |n: usize| Cut { file: n as u64 + 1, bytes: lengths[n] };
    assert_eq!(cuts(&files[0]), []);
    assert_eq!(cuts(&files[1]), [cut(0)]);
    assert_eq!(cuts(&files[2]), [cut(0), cut(1)]);
}

#[test]
fn a_file_that_cannot_be_closed_in_order_is_cut() {
    for step in [0, 1] {
        let bench = Bench { file_bytes_max: 100, ..Bench::new() };
        bench.disk.fault(OPEN + FRAME + step, Fault::Torn);
        let (requests, answers): (Vec<_>, Vec<_>) = (0..2).map(one).unzip();
        bench.run(requests.into_iter().map(|r| vec![r]).collect());
        assert!(answers.iter().all(|a| a.recv().unwrap().is_ok()), "both are durable");
        assert_eq!(bench.logged().iter().map(|b| b.1).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(cuts(&bench.files()[1]), [Cut { file: 1, bytes: bench.closed()[0].bytes }]);
    }
}

#[test]
fn a_rotation_closes_what_was_appended_before_it() {
    let bench = Bench::new();
    let (reply, rotated) = sync_channel(1);
    let ((before, a), (after, b)) = (one(0), one(1));
    let (again, rotated_again) = sync_channel(1);
    bench.ask(vec![
        vec![Request::Append(before), Request::Rotate(reply), Request::Append(after)],
        vec![],
        vec![Request::Rotate(again)],
    ]);
    assert!(a.recv().unwrap().is_ok() && b.recv().unwrap().is_ok());
    assert!(rotated.recv().is_ok() && rotated_again.recv().is_ok());
    let by_file: Vec<Vec<u64>> = bench.read().iter().map(|(_, b)| b.iter().map(|b| b.1).collect()).collect();
    assert_eq!(by_file, [[1], [2]]);
}
