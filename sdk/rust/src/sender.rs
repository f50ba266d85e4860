//! The sender: takes units from any thread without waiting, and brings them to the store in a thread of its own.
//!
//! 1. `put` queues a unit, or counts it as dropped where the queue is full.
//! 2. The thread takes what waits, a batch at a time, and makes JSON of it.
//! 3. It sends the batch with an id of its own until the store has answered, and waits between tries as the store asks.
//! 4. `flush` waits for what was queued before it; `close` does too, for as long as the program grants.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::delivery::{Delivery, Door};
use crate::event::{self, Event};
use crate::intent;
use crate::limits;
use crate::settings::Settings;
use crate::unit::{Ended, lock};

static NOTES_OUTSIDE: AtomicU64 = AtomicU64::new(0);

/// Numbers since `init`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    pub queued: usize,
    pub queued_bytes: usize,
    pub accepted: u64,
    pub retries: u64,
    pub sampled_out: u64,
    pub notes_outside: u64,
    pub dropped: u64,
    pub dropped_by_reason: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) settings: Settings,
    constants: Event,
    state: Mutex<State>,
    /// The thread waits here for events, for the end, and between tries.
    work: Condvar,
    /// Whoever flushes waits here.
    done: Condvar,
    sampled_out: AtomicU64,
    accepted: AtomicU64,
    retries: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<(Ended, usize)>,
    queued_bytes: usize,
    /// Events that were ever queued, and those of them that arrived or were dropped.
    put_total: u64,
    done_total: u64,
    dropped: BTreeMap<&'static str, u64>,
    reported: BTreeMap<&'static str, u64>,
    is_flush_wanted: bool,
    close_at: Option<Instant>,
    has_ended: bool,
    is_closed: bool,
}

impl Sender {
    pub(crate) fn new(settings: Settings) -> Arc<Sender> {
        let constants = settings.constants();
        Arc::new(Sender {
            settings,
            constants,
            state: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
            sampled_out: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            retries: AtomicU64::new(0),
        })
    }

    pub(crate) fn start(self: &Arc<Sender>) -> std::io::Result<()> {
        let sender = self.clone();
        std::thread::Builder::new().name("outcrop".to_owned()).spawn(move || sender.run())?;
        Ok(())
    }

    pub(crate) fn count_outside() {
        NOTES_OUTSIDE.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_sampled_out(&self) {
        self.sampled_out.fetch_add(1, Ordering::Relaxed);
    }

    /// Queues a unit of about so many bytes. Never waits for anything but another `put`.
    pub(crate) fn put(&self, ended: Ended, bytes: usize) {
        let Settings { queue_events_max, queue_bytes_max, batch_events_max, batch_bytes_max, .. } = self.settings;
        let mut state = lock(&self.state);
        if state.is_closed {
            return state.drop_events("exit", 1);
        }
        if state.queue.len() >= queue_events_max || state.queued_bytes + bytes > queue_bytes_max {
            return state.drop_events("queue full", 1);
        }
        state.queue.push_back((ended, bytes));
        state.queued_bytes += bytes;
        state.put_total += 1;
        // Once, when a batch is complete: waking a thread costs more than everything else here.
        let before = state.queued_bytes - bytes;
        let is_complete = before < batch_bytes_max && state.queued_bytes >= batch_bytes_max;
        let is_complete = is_complete || state.queue.len() == batch_events_max;
        drop(state);
        if is_complete {
            self.work.notify_one();
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = lock(&self.state);
        Stats {
            queued: state.queue.len(),
            queued_bytes: state.queued_bytes,
            accepted: self.accepted.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            sampled_out: self.sampled_out.load(Ordering::Relaxed),
            notes_outside: NOTES_OUTSIDE.load(Ordering::Relaxed),
            dropped: state.dropped.values().sum(),
            dropped_by_reason: state.dropped.clone(),
        }
    }

    /// Waits until everything queued so far has arrived or was dropped. False if that takes longer.
    pub(crate) fn flush(&self, most: Duration) -> bool {
        let mut state = lock(&self.state);
        let target = state.put_total;
        state.is_flush_wanted = true;
        self.work.notify_one();
        let waiting = self.done.wait_timeout_while(state, most, |s| !s.has_ended && s.done_total < target);
        waiting.unwrap_or_else(PoisonError::into_inner).0.done_total >= target
    }

    /// Sends what waits, for so long at most, and ends.
    pub(crate) fn close(&self, most: Duration) {
        let mut state = lock(&self.state);
        state.close_at.get_or_insert(Instant::now() + most);
        self.work.notify_one();
        let waiting = self.done.wait_timeout_while(state, most, |s| !s.has_ended);
        let mut state = waiting.unwrap_or_else(PoisonError::into_inner).0;
        // What the thread still has in hand is counted here, and no longer there.
        let left = state.put_total - state.done_total;
        state.settle(left, Some(("exit", left)));
        state.is_closed = true;
        state.queue.clear();
        state.queued_bytes = 0;
    }

    fn run(&self) {
        let door = Door::new(&self.settings);
        let (mut announced, mut announce_after) = (HashSet::new(), Instant::now());
        let mut warned = (None, 0);
        loop {
            let closing = lock(&self.state).close_at.is_some();
            if Instant::now() >= announce_after && !self.announce(&door, &mut announced) {
                announce_after = Instant::now() + limits::WARNING;
            }
            while let Some(taken) = self.take() {
                let lines = self.lines(taken);
                let units = lines.len();
                self.deliver(&door, &lines, units as u64);
            }
            self.warn(&mut warned);
            if closing {
                break;
            }
            self.wait_for_events();
        }
        lock(&self.state).has_ended = true;
        self.done.notify_all();
    }

    /// Tells the program's log that events were dropped: once a minute at most.
    fn warn(&self, warned: &mut (Option<Instant>, u64)) {
        let Stats { dropped, dropped_by_reason, .. } = self.stats();
        if dropped > warned.1 && warned.0.is_none_or(|at| at.elapsed() >= limits::WARNING) {
            *warned = (Some(Instant::now()), dropped);
            tracing::warn!(target: "outcrop", "{dropped} events were dropped so far: {dropped_by_reason:?}");
        }
    }

    fn wait_for_events(&self) {
        let Settings { batch_events_max, batch_bytes_max, flush, .. } = self.settings;
        let idle = |s: &mut State| {
            let is_enough = s.queue.len() >= batch_events_max || s.queued_bytes >= batch_bytes_max;
            !is_enough && !s.is_flush_wanted && s.close_at.is_none()
        };
        let waited = self.work.wait_timeout_while(lock(&self.state), flush, idle);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_flush_wanted = false;
    }

    /// What waits, as much as a batch holds; nothing if nothing waits or the time is over.
    fn take(&self) -> Option<Vec<Ended>> {
        let mut state = lock(&self.state);
        if state.queue.is_empty() || state.is_over() {
            return None;
        }
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while taken.len() < self.settings.batch_events_max && bytes < self.settings.batch_bytes_max {
            let Some((ended, size)) = state.queue.pop_front() else { break };
            bytes += size;
            taken.push(ended);
        }
        state.queued_bytes -= bytes;
        Some(taken)
    }

    fn lines(&self, taken: Vec<Ended>) -> Vec<Vec<u8>> {
        let mut lines = Vec::with_capacity(taken.len());
        for ended in taken {
            match self.line(event::of_unit(ended, &self.constants)) {
                Ok(line) => lines.push(line),
                Err(reason) => self.settle(1, reason.map(|reason| (reason, 1))),
            }
        }
        lines
    }

    /// The event as the program lets it out, in JSON; or the reason if it is lost by that.
    fn line(&self, mut event: Event) -> Result<Vec<u8>, Option<&'static str>> {
        event.retain(|_, value| !value.is_null());
        if let Some(redact) = &self.settings.redact {
            let redacted = catch_unwind(AssertUnwindSafe(|| redact(event)));
            event = redacted.map_err(|_| Some("redaction"))?.ok_or(None)?;
        }
        serde_json::to_vec(&event).map_err(|_| Some("unreadable"))
    }

    /// Sends what is declared and was not announced yet. False if it did not arrive.
    fn announce(&self, door: &Door<'_>, announced: &mut HashSet<usize>) -> bool {
        let address = |intent: &&'static intent::Intent| std::ptr::from_ref(*intent).addr();
        let new: Vec<_> = intent::all().into_iter().filter(|intent| !announced.contains(&address(intent))).collect();
        for part in new.chunks(self.settings.batch_events_max.max(1)) {
            let lines: Vec<_> =
                part.iter().filter_map(|i| self.line(event::of_intent(i, &self.constants)).ok()).collect();
            if !self.deliver(door, &lines, 0) {
                return false;
            }
            announced.extend(part.iter().map(address));
        }
        true
    }

    /// Sends a batch until its fate is known. True if it arrived.
    fn deliver(&self, door: &Door<'_>, lines: &[Vec<u8>], units: u64) -> bool {
        if lines.is_empty() {
            return true;
        }
        let reports = if units > 0 { lock(&self.state).reports() } else { Vec::new() };
        let heads = reports.iter().map(|(reason, count)| event::of_dropped(*count, reason, &self.constants));
        let heads: Vec<_> = heads.filter_map(|report| self.line(report).ok()).collect();
        match self.until_answered(door, heads.iter().chain(lines)) {
            Ok(Delivery::Stored { accepted, rejected }) => {
                self.accepted.fetch_add(accepted, Ordering::Relaxed);
                let mut state = lock(&self.state);
                for (reason, count) in reports {
                    *state.reported.entry(reason).or_default() += count;
                }
                state.settle(units, Some(("rejected", rejected)));
                drop(state);
                self.done.notify_all();
                true
            }
            Ok(Delivery::TooLarge) if lines.len() > 1 => {
                let (first, second) = lines.split_at(lines.len() / 2);
                let of = |half: &[Vec<u8>]| if units > 0 { half.len() as u64 } else { 0 };
                self.deliver(door, first, of(first)) & self.deliver(door, second, of(second))
            }
            Ok(Delivery::TooLarge) => self.lost(units, "too large"),
            Ok(_) => self.lost(units, "refused"),
            Err(reason) => self.lost(units, reason),
        }
    }

    fn lost(&self, units: u64, reason: &'static str) -> bool {
        self.settle(units, Some((reason, units)));
        false
    }

    fn settle(&self, events: u64, lost: Option<(&'static str, u64)>) {
        lock(&self.state).settle(events, lost);
        self.done.notify_all();
    }

    /// What became of a request, or the reason why it had none in time.
    fn until_answered<'a>(
        &self,
        door: &Door<'_>,
        lines: impl Iterator<Item = &'a Vec<u8>>,
    ) -> Result<Delivery, &'static str> {
        let body = door.body(lines).map_err(|_| "unreadable")?;
        let batch_id = format!("{:032x}", fastrand::u128(..));
        let mut unconfirmed_since: Option<Instant> = None;
        for tries in 0.. {
            let began = Instant::now();
            let delivery = door.post(&batch_id, &body, self.request_time(began)?);
            let Delivery::Again { wait, maybe_stored } = delivery else { return Ok(delivery) };
            self.retries.fetch_add(1, Ordering::Relaxed);
            if maybe_stored {
                unconfirmed_since.get_or_insert(began);
            }
            let next = Instant::now() + wait.unwrap_or_else(|| backoff(tries));
            if is_given_up(unconfirmed_since, next) {
                return Err("unconfirmed");
            }
            self.rest_until(next)?;
        }
        Err("unconfirmed")
    }

    fn request_time(&self, now: Instant) -> Result<Duration, &'static str> {
        match lock(&self.state).close_at {
            Some(at) if at <= now => Err("exit"),
            Some(at) => Ok(self.settings.request_max.min(at - now)),
            None => Ok(self.settings.request_max),
        }
    }

    /// Waits between two tries, unless the program ends before that.
    fn rest_until(&self, until: Instant) -> Result<(), &'static str> {
        let mut state = lock(&self.state);
        loop {
            let now = Instant::now();
            if state.close_at.is_some_and(|at| until >= at) {
                return Err("exit");
            }
            if now >= until {
                return Ok(());
            }
            state = self.wait(state, until - now);
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, most: Duration) -> MutexGuard<'a, State> {
        self.work.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.close_at.is_some_and(|at| Instant::now() >= at)
    }

    fn drop_events(&mut self, reason: &'static str, events: u64) {
        if events > 0 {
            *self.dropped.entry(reason).or_default() += events;
        }
    }

    /// So many events are done with, and so many of them lost.
    fn settle(&mut self, events: u64, lost: Option<(&'static str, u64)>) {
        if self.is_closed {
            return;
        }
        self.done_total += events;
        if let Some((reason, lost)) = lost {
            self.drop_events(reason, lost);
        }
    }

    /// How many events were dropped since that was last said, by reason.
    fn reports(&self) -> Vec<(&'static str, u64)> {
        let news = self.dropped.iter().map(|(reason, n)| (*reason, n - self.reported.get(reason).unwrap_or(&0)));
        news.filter(|(_, n)| *n > 0).collect()
    }
}

/// A further try might count twice: the store may have forgotten the batch by then.
fn is_given_up(unconfirmed_since: Option<Instant>, next: Instant) -> bool {
    unconfirmed_since.is_some_and(|since| next >= since + limits::UNCONFIRMED_MAX)
}

fn backoff(tries: u32) -> Duration {
    let longest = limits::BACKOFF_MIN.saturating_mul(2_u32.saturating_pow(tries)).min(limits::BACKOFF_MAX);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uncertain_batches_are_given_up_in_time() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        assert!(!is_given_up(None, after(100_000)));
        assert!(!is_given_up(Some(began), after(839)));
        assert!(is_given_up(Some(began), after(840)));
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        for tries in 0..40 {
            let longest = 0.1 * 2_f64.powi(tries).min(100.0);
            let wait = backoff(tries.unsigned_abs()).as_secs_f64();
            assert!(wait >= longest / 2.0 - 1e-9 && wait <= longest + 1e-9, "{tries}: {wait}");
        }
    }
}
