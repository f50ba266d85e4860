//! Tasks: their states, their turns, and how long they are known.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::*;

const SECOND: i64 = 1_000_000_000;

fn of_kind(kind: Kind, id: &str) -> Task {
    Task::new(id.to_owned(), kind, vec![DatasetName::new("shop").unwrap()], "ana".to_owned(), 7, 0)
}

fn task(id: &str) -> Task {
    of_kind(Kind::Deletion, id)
}

/// A runtime, the tasks, and a gate that work waits at.
struct Bench {
    runtime: tokio::runtime::Runtime,
    tasks: Tasks,
}

impl Bench {
    fn new() -> Bench {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Bench { runtime, tasks: Tasks::default() }
    }

    fn start_at(
        &self,
        id: &str,
        now: i64,
        work: impl FnOnce(&Task) -> Outcome + Send + 'static,
    ) -> Result<Arc<Task>, TooManyTasks> {
        let _inside = self.runtime.enter();
        self.tasks.start(task(id), work, move || now)
    }

    /// A task whose work begins, says so, and waits until it is told how to end.
    fn start_waiting(&self, id: &str) -> (Arc<Task>, Receiver<()>, SyncSender<Outcome>) {
        let (begun, begins) = sync_channel(1);
        let (tell, told) = sync_channel(1);
        let work = move |_: &Task| {
            begun.send(()).unwrap();
            told.recv().unwrap()
        };
        (self.start_at(id, 0, work).unwrap(), begins, tell)
    }
}

fn wait_for(task: &Task, state: State) -> Status {
    let deadline = Instant::now() + Duration::from_secs(30);
    while task.status().state != state || (state != State::Running && task.status().finished.is_none()) {
        assert!(Instant::now() < deadline, "waited in vain for {state:?}: {:?}", task.status());
        std::thread::yield_now();
    }
    task.status()
}

#[test]
fn one_task_works_at_a_time() {
    let bench = Bench::new();
    let (first, begins, tell) = bench.start_waiting("1");
    begins.recv().unwrap();
    let (second, second_begins, tell_second) = bench.start_waiting("2");
    assert_eq!((first.status().state, second.status().state), (State::Running, State::Waiting));
    assert!(second_begins.recv_timeout(Duration::from_millis(50)).is_err(), "it has no turn yet");
    tell.send(Outcome::Removed(5)).unwrap();
    assert_eq!(wait_for(&first, State::Done).removed, Some(5));
    second_begins.recv().unwrap();
    tell_second.send(Outcome::Failed("the disk".into())).unwrap();
    assert_eq!(wait_for(&second, State::Failed).error.as_deref(), Some("the disk"));
    assert!(!first.cancel() && !second.cancel(), "they have ended");
}

#[test]
fn a_task_that_is_cancelled_before_its_turn_does_nothing() {
    let bench = Bench::new();
    let (_first, begins, tell) = bench.start_waiting("1");
    begins.recv().unwrap();
    let second = bench.start_at("2", 0, |_| panic!("it was cancelled")).unwrap();
    assert!(second.cancel());
    tell.send(Outcome::Removed(0)).unwrap();
    let status = wait_for(&second, State::Cancelled);
    assert_eq!((status.error, status.removed), (None, None));
}

#[test]
fn a_task_that_is_cancelled_while_it_works_ends_as_it_can() {
    let bench = Bench::new();
    let (stopped, begins, tell) = bench.start_waiting("1");
    begins.recv().unwrap();
    assert!(stopped.cancel() && stopped.is_cancelled());
    tell.send(Outcome::Failed("cancelled".into())).unwrap();
    assert_eq!(wait_for(&stopped, State::Cancelled).error, None);
    let (late, begins, tell) = bench.start_waiting("2");
    begins.recv().unwrap();
    assert!(late.cancel());
    tell.send(Outcome::Removed(3)).unwrap();
    assert_eq!(wait_for(&late, State::Done).removed, Some(3), "what is done is said to be done");
}

#[test]
fn work_that_panics_has_failed_and_gives_its_turn_back() {
    let bench = Bench::new();
    let broken = bench.start_at("1", 0, |_| panic!("on purpose")).unwrap();
    assert!(wait_for(&broken, State::Failed).error.unwrap().contains("bug"));
    let next = bench.start_at("2", 0, |_| Outcome::Removed(1)).unwrap();
    wait_for(&next, State::Done);
}

#[test]
fn only_so_many_wait() {
    let bench = Bench::new();
    let (_first, begins, tell) = bench.start_waiting("first");
    begins.recv().unwrap();
    for n in 1..UNFINISHED_MAX {
        bench.start_at(&n.to_string(), 0, |_| Outcome::Removed(0)).unwrap();
    }
    assert_eq!(bench.start_at("more", 0, |_| Outcome::Removed(0)).unwrap_err(), TooManyTasks(UNFINISHED_MAX));
    assert!(bench.tasks.find("more").is_none());
    tell.send(Outcome::Removed(0)).unwrap();
    for task in bench.tasks.all() {
        wait_for(&task, State::Done);
    }
    bench.start_at("more", 0, |_| Outcome::Removed(0)).unwrap();
}

#[test]
fn what_has_ended_is_known_for_a_while() {
    let bench = Bench::new();
    let old = bench.start_at("old", 0, |_| Outcome::Removed(0)).unwrap();
    wait_for(&old, State::Done);
    let hour = FINISHED_SECONDS * SECOND;
    let young = bench.start_at("young", hour, |_| Outcome::Removed(0)).unwrap();
    wait_for(&young, State::Done);
    assert!(bench.tasks.find("old").is_some());
    wait_for(&bench.start_at("now", hour + SECOND, |_| Outcome::Removed(0)).unwrap(), State::Done);
    assert!(bench.tasks.find("old").is_none() && bench.tasks.find("young").is_some());
}

#[test]
fn only_so_many_of_those_that_have_ended_are_known() {
    let mut known = BTreeMap::new();
    for n in 0..FINISHED_MAX as i64 + 5 {
        let task = task(&n.to_string());
        task.end(Outcome::Removed(0), n);
        known.insert(task.id.clone(), Arc::new(task));
    }
    forget_old(&mut known, 0);
    assert_eq!(known.len(), FINISHED_MAX);
    assert!(!known.contains_key("4") && known.contains_key("5"), "the oldest are forgotten");
}

#[test]
fn whoever_changes_something_does_not_wait_for_whoever_looks() {
    let bench = Bench::new();
    let (begun, begins) = sync_channel(1);
    let (tell, told) = sync_channel::<Outcome>(1);
    let work = move |_: &Task| {
        begun.send(()).unwrap();
        told.recv().unwrap()
    };
    let looking = {
        let _inside = bench.runtime.enter();
        bench.tasks.start(of_kind(Kind::RedactionDryRun, "1"), work, || 0).unwrap()
    };
    begins.recv().unwrap();
    wait_for(&bench.start_at("2", 0, |_| Outcome::Removed(1)).unwrap(), State::Done);
    assert_eq!(looking.status().state, State::Running);
    tell.send(Outcome::Found(report())).unwrap();
    assert_eq!(wait_for(&looking, State::Done).report.as_deref(), Some(&report()));
}

fn report() -> Report {
    Report { findings: Vec::new(), is_cut: false, segments_unread: 2 }
}

#[test]
fn only_so_many_reports_are_known() {
    let mut known = BTreeMap::new();
    for n in 0..2 * (REPORTS_MAX as i64 + 3) {
        let task = task(&n.to_string());
        task.end(if n % 2 == 0 { Outcome::Found(report()) } else { Outcome::Removed(0) }, n);
        known.insert(task.id.clone(), Arc::new(task));
    }
    forget_old(&mut known, 0);
    assert_eq!(known.len(), 2 * REPORTS_MAX + 3);
    assert!(!known.contains_key("4") && known.contains_key("5") && known.contains_key("6"), "{:?}", known.keys());
}
