//! The threads that turn bodies into columns, and the queue before them: as many threads as the machine has cores, so that
//! questions and the log get their share, and no more in the queue than is done soon.
//!
//! 1. Who is about to bring a job says at the door what it will cost. Is what waits, and what is on its way, too much for
//!    the rate at which the queue has been getting shorter, the job is not taken at all.
//! 2. A job whose turn comes too late all the same is given back undone: whoever waited that long is better told to come
//!    again than answered later still.
//! 3. A job for which nobody waits any more is dropped.
//!
//! It must not know what a job does.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use outcrop_storage::limits::DECODING_NICENESS;
use outcrop_storage::machine;
use tokio::sync::oneshot;

/// How long a job may have to wait by the rate of the queue for it to be taken.
const EXPECTED_WAIT_MAX: Duration = Duration::from_millis(500);
/// How long a job that was taken may wait for its turn.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// How long what is on its way counts as about to come: a slow sender must not keep the others out.
const ON_ITS_WAY_MAX: Duration = Duration::from_secs(1);
/// Seconds of work after which a rate counts for a third of what it did.
const RATE_SECONDS: f64 = 2.0;
/// Seconds of work from which a rate is believed.
const RATE_SECONDS_MIN: f64 = 0.05;

#[derive(Debug)]
pub(crate) struct Workers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Of all jobs that wait.
    cost: u64,
    coming: Coming,
    rate: Rate,
    closed: bool,
}

/// What was let in at the door and is not in the queue yet, by the order in which it came.
#[derive(Debug, Default)]
struct Coming {
    tickets: BTreeMap<u64, (Instant, u64)>,
    next: u64,
    cost: u64,
}

impl Coming {
    fn add(&mut self, cost: u64, now: Instant) -> u64 {
        self.next += 1;
        self.cost += cost;
        self.tickets.insert(self.next, (now, cost));
        self.next
    }

    fn remove(&mut self, ticket: u64) {
        self.cost -= self.tickets.remove(&ticket).map_or(0, |(_, cost)| cost);
    }

    fn forget_slow(&mut self, now: Instant) {
        while let Some(first) = self.tickets.first_entry()
            && now.saturating_duration_since(first.get().0) > ON_ITS_WAY_MAX
        {
            self.cost -= first.remove().1;
        }
    }
}

/// Leave to bring a job soon. Dropping it gives the place to others.
#[derive(Debug)]
pub(crate) struct Ticket {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.lock().coming.remove(self.number);
    }
}

struct Job {
    cost: u64,
    since: Instant,
    run: Box<dyn FnOnce(Instant) + Send>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("cost", &self.cost).finish_non_exhaustive()
    }
}

/// Why a job was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotDone {
    /// It would wait too long, or did.
    Overloaded,
    /// It panicked, or the workers are gone.
    Failed,
}

/// How fast the queue gets shorter while there is one: cost and seconds, the latest counting most.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    cost: f64,
    seconds: f64,
    /// When a job was last taken, if others were waiting still.
    since: Option<Instant>,
}

impl Rate {
    /// A job was taken from the queue; `more` are waiting.
    fn taken(&mut self, cost: u64, more: bool, now: Instant) {
        if let Some(since) = self.since {
            let seconds = now.saturating_duration_since(since).as_secs_f64();
            let kept = (-seconds / RATE_SECONDS).exp();
            self.cost = self.cost * kept + cost as f64;
            self.seconds = self.seconds * kept + seconds;
        }
        self.since = more.then_some(now);
    }

    /// The time that so much will take; nothing while the rate is not known.
    fn wait(&self, cost: u64) -> Duration {
        if self.seconds < RATE_SECONDS_MIN || self.cost <= 0.0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(cost as f64 * self.seconds / self.cost).unwrap_or(Duration::MAX)
    }
}

impl Workers {
    pub(crate) fn start(threads: usize) -> std::io::Result<Workers> {
        let workers = Workers(Arc::new(Shared { queue: Mutex::default(), ready: Condvar::new() }));
        for _ in 0..threads {
            let shared = Arc::clone(&workers.0);
            std::thread::Builder::new().name("outcrop-decode".to_owned()).spawn(move || {
                machine::give_way(DECODING_NICENESS);
                shared.work();
            })?;
        }
        Ok(workers)
    }

    /// Leave to bring a job of this cost, if it would be done soon.
    pub(crate) fn enter(&self, cost: u64) -> Result<Ticket, NotDone> {
        let (mut queue, now) = (self.0.lock(), Instant::now());
        queue.coming.forget_slow(now);
        if !queue.has_time(queue.cost + queue.coming.cost) {
            return Err(NotDone::Overloaded);
        }
        Ok(Ticket { shared: Arc::clone(&self.0), number: queue.coming.add(cost, now) })
    }

    /// Does `work` in its turn. It is told until when it may wait for what it needs.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        ticket: Ticket,
        cost: u64,
        work: impl FnOnce(Instant) -> T + Send + 'static,
    ) -> Result<T, NotDone> {
        drop(ticket);
        self.enqueue(cost, work)?.await.unwrap_or(Err(NotDone::Failed))
    }

    fn enqueue<T: Send + 'static>(
        &self,
        cost: u64,
        work: impl FnOnce(Instant) -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, NotDone>>, NotDone> {
        let (reply, done) = oneshot::channel();
        let run = move |now: Instant, since: Instant| {
            if reply.is_closed() {
                return;
            }
            let until = since + WAIT_MAX;
            let result = if now > until { Err(NotDone::Overloaded) } else { Ok(work(until)) };
            let _gone = reply.send(result);
        };
        let since = Instant::now();
        let mut queue = self.0.lock();
        if !queue.has_time(queue.cost) {
            return Err(NotDone::Overloaded);
        }
        queue.cost += cost;
        queue.jobs.push_back(Job { cost, since, run: Box::new(move |now| run(now, since)) });
        drop(queue);
        self.0.ready.notify_one();
        Ok(done)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.ready.notify_all();
    }
}

impl Queue {
    /// Whether what comes after so much is done soon.
    fn has_time(&self, cost: u64) -> bool {
        // The first in the queue may have waited long although little is behind it.
        let waited = self.jobs.front().map_or(Duration::ZERO, |job| job.since.elapsed());
        waited.max(self.rate.wait(cost)) <= EXPECTED_WAIT_MAX
    }

    fn take(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        self.cost -= job.cost;
        self.rate.taken(job.cost, !self.jobs.is_empty(), Instant::now());
        Some(job)
    }
}

impl Shared {
    fn work(&self) {
        while let Some(job) = self.next() {
            // Its reply goes with it, and with that whoever waits hears of it.
            let _panicked = catch_unwind(AssertUnwindSafe(|| (job.run)(Instant::now())));
        }
    }

    /// The next job; none when the workers are to end.
    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.take() {
                return Some(job);
            }
            queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    }

    fn wait_until(condition: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !condition() {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
    }

    #[test]
    fn jobs_are_done_in_turn_and_a_panic_is_one_jobs_own() {
        let (workers, runtime) = (Workers::start(1).unwrap(), runtime());
        let ticket = || workers.enter(1).unwrap();
        assert_eq!(runtime.block_on(workers.run(ticket(), 1, |_| 7)), Ok(7));
        let panicked: Result<(), NotDone> = runtime.block_on(workers.run(ticket(), 1, |_| panic!("planted")));
        assert_eq!(panicked, Err(NotDone::Failed));
        assert_eq!(runtime.block_on(workers.run(ticket(), 1, |until| until > Instant::now())), Ok(true));
    }

    #[test]
    fn who_waits_too_long_is_told_and_who_is_gone_is_not_served() {
        let (workers, runtime) = (Arc::new(Workers::start(1).unwrap()), runtime());
        let (release, held) = mpsc::channel::<()>();
        let (did, served) = mpsc::channel();
        let start = |job: Box<dyn FnOnce() + Send>| {
            let workers = Arc::clone(&workers);
            runtime.spawn(async move { workers.run(workers.enter(1)?, 1, move |_| job()).await })
        };
        let first = start(Box::new(move || assert!(held.recv().is_ok())));
        wait_until(|| {
            workers.0.lock().rate.since.is_none() && workers.0.lock().jobs.is_empty() && !first.is_finished()
        });
        let tell = did.clone();
        let gone = start(Box::new(move || tell.send("gone").unwrap()));
        wait_until(|| workers.0.lock().jobs.len() == 1);
        let late = start(Box::new(move || did.send("late").unwrap()));
        wait_until(|| workers.0.lock().jobs.len() == 2);
        gone.abort();
        wait_until(|| gone.is_finished() && workers.enter(1).is_err());
        wait_until(|| workers.0.lock().jobs.front().is_some_and(|job| job.since.elapsed() > WAIT_MAX * 2));
        release.send(()).unwrap();
        assert_eq!(runtime.block_on(first).unwrap(), Ok(()));
        assert_eq!(runtime.block_on(late).unwrap(), Err(NotDone::Overloaded));
        assert!(served.try_recv().is_err(), "neither was served");
        assert!(workers.enter(1).is_ok());
    }

    #[test]
    fn what_is_on_its_way_counts_until_it_is_there_or_is_slow() {
        let workers = Workers::start(0).unwrap();
        // A hundred a second.
        workers.0.lock().rate = Rate { cost: 100.0, seconds: 1.0, since: None };
        let small = workers.enter(1).unwrap();
        let large = workers.enter(60).unwrap();
        assert_eq!(workers.enter(1).unwrap_err(), NotDone::Overloaded, "more than half a second is on its way");
        drop(large);
        assert!(workers.enter(1).is_ok());
        drop(small);
        let mut queue = workers.0.lock();
        let now = Instant::now();
        let old = queue.coming.add(60, now);
        queue.coming.forget_slow(now + ON_ITS_WAY_MAX);
        assert_eq!(queue.coming.cost, 60);
        queue.coming.forget_slow(now + ON_ITS_WAY_MAX * 2);
        assert_eq!((queue.coming.cost, queue.coming.tickets.len()), (0, 0));
        queue.coming.remove(old);
        assert_eq!(queue.coming.cost, 0, "it is not taken away twice");
    }

    #[test]
    fn the_rate_is_that_of_a_queue_that_never_was_empty() {
        let (mut rate, began) = (Rate::default(), Instant::now());
        let at = |milliseconds| began + Duration::from_millis(milliseconds);
        assert_eq!(rate.wait(1_000_000), Duration::ZERO, "nothing is known");
        // A job a second, each taken at once: that says nothing of how many could be done.
        for second in 0..10 {
            rate.taken(10, false, at(second * 1_000));
        }
        assert_eq!(rate.wait(1_000_000), Duration::ZERO);
        rate.taken(10, true, at(10_000));
        for step in 1..=50 {
            rate.taken(10, true, at(10_000 + step * 100));
        }
        let wait = rate.wait(100).as_secs_f64();
        assert!((0.9..1.1).contains(&wait), "100 a second, and not {wait} s for 100");
        // It gets ten times slower, and the rate follows.
        for step in 1..=10 {
            rate.taken(10, true, at(15_000 + step * 1_000));
        }
        let wait = rate.wait(100).as_secs_f64();
        assert!((8.0..11.0).contains(&wait), "10 a second, and not {wait} s for 100");
    }
}
