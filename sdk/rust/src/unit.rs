//! A unit of work: what it is meant to do, what was noted and expected below it, how it ended.
//!
//! 1. The layer makes one for each span and keeps, for each thread, those that are entered.
//! 2. `note!` and `expect!` find the last of them from anywhere below.
//! 3. `finish` closes it and hands it to the sender, which makes an event of it in its own thread.
//!
//! Nothing here panics into the program or waits. Knows nothing of JSON or of sending.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tracing::Metadata;

use crate::intent::{Intent, expectation};
use crate::limits::FIELDS_MAX;
use crate::sender::Sender;
use crate::trace::{self, Place, State};
use crate::value::Value;

/// A lock whose holder panicked guards nothing that could be half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One unit of work, from its beginning until it is handed over.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) what: What,
    pub(crate) place: Place,
    pub(crate) state: State,
    pub(crate) parent_id: Option<u64>,
    pub(crate) rate: u32,
    pub(crate) time_nanoseconds: u64,
    began: Instant,
    open: Mutex<Option<Open>>,
    sender: Arc<Sender>,
}

/// What a unit is: work that is meant to do something, or a span of `tracing`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Intent(&'static Intent),
    Span(&'static Metadata<'static>),
}

impl What {
    pub(crate) fn intent(self) -> Option<&'static Intent> {
        match self {
            What::Intent(intent) => Some(intent),
            What::Span(_) => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            What::Intent(intent) => intent.name,
            What::Span(metadata) => metadata.name(),
        }
    }
}

/// What a unit gathers while it runs.
#[derive(Debug, Default)]
pub(crate) struct Open {
    pub(crate) fields: Vec<(Cow<'static, str>, Value)>,
    pub(crate) left_out: usize,
    pub(crate) unmet: Vec<Cow<'static, str>>,
    pub(crate) checked: Vec<String>,
}

/// A unit that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) unit: Arc<Unit>,
    pub(crate) gathered: Open,
    pub(crate) failure: Option<Failure>,
    pub(crate) nanoseconds: u64,
    pub(crate) rate: u32,
}

/// How a unit failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) is_cancelled: bool,
}

/// What is said of the work's result: its error, and conditions on it that do not hold.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Judged {
    pub error: Option<(&'static str, String)>,
    pub unmet: Vec<&'static str>,
}

#[derive(Debug)]
enum Above {
    Unit(Arc<Unit>),
    Remote(Option<Place>, State),
}

thread_local! {
    /// What is entered in this thread, innermost last.
    static ABOVE: RefCell<Vec<Above>> = const { RefCell::new(Vec::new()) };
    /// The intent of the span that is about to be made.
    static NEXT: Cell<Option<&'static Intent>> = const { Cell::new(None) };
    /// The unit of the span that was just made.
    static MADE: RefCell<Option<Arc<Unit>>> = const { RefCell::new(None) };
}

/// Makes a span for an intent, and the unit that the layer makes of it, if there is a layer.
pub(crate) fn begin(
    intent: &'static Intent,
    make: impl FnOnce() -> tracing::Span,
) -> (tracing::Span, Option<Arc<Unit>>) {
    NEXT.set(Some(intent));
    let span = make();
    NEXT.set(None);
    (span, MADE.take())
}

/// The unit of a new span. `explicit` is the unit of a parent that was named.
pub(crate) fn made(
    metadata: &'static Metadata<'static>,
    explicit: Option<(Place, State)>,
    sender: &Arc<Sender>,
) -> Option<Arc<Unit>> {
    let intent = NEXT.take();
    if intent.is_none() && *metadata.level() > tracing::Level::INFO {
        return None;
    }
    let what = intent.map_or(What::Span(metadata), What::Intent);
    let unit = Unit::new(what, explicit.or_else(above), now_nanoseconds(), sender);
    if intent.is_some() {
        MADE.set(Some(unit.clone()));
    }
    Some(unit)
}

pub(crate) fn now_nanoseconds() -> u64 {
    nanoseconds_of(SystemTime::now())
}

/// Since 1970; what was before is at its beginning.
pub(crate) fn nanoseconds_of(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The place of the nearest unit above, and what others said of its trace.
pub(crate) fn above() -> Option<(Place, State)> {
    ABOVE.with_borrow(|above| match above.last()? {
        Above::Unit(unit) => Some((unit.place, unit.state.clone())),
        Above::Remote(place, state) => place.map(|place| (place, state.clone())),
    })
}

pub(crate) fn entered(unit: Arc<Unit>) {
    ABOVE.with_borrow_mut(|above| above.push(Above::Unit(unit)));
}

pub(crate) fn exited(unit: &Arc<Unit>) {
    ABOVE.with_borrow_mut(|above| {
        let at = above.iter().rposition(|a| matches!(a, Above::Unit(entered) if Arc::ptr_eq(entered, unit)));
        if let Some(at) = at {
            above.remove(at);
        }
    });
}

/// Does work as if another process had called it.
pub(crate) fn below_remote<R>(place: Option<Place>, state: State, work: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            ABOVE.with_borrow_mut(|above| above.pop());
        }
    }
    ABOVE.with_borrow_mut(|above| above.push(Above::Remote(place, state)));
    let _leave = Leave;
    work()
}

/// Does something to the nearest unit above. False if there is none that still runs.
fn with_current(work: impl FnOnce(&Unit, &mut Open)) -> bool {
    // Not borrowed while the work is done: what is noted may be anybody's code.
    let current = ABOVE.with_borrow(|above| match above.last() {
        Some(Above::Unit(unit)) => Some(unit.clone()),
        _ => None,
    });
    let done = current.is_some_and(|unit| match &mut *lock(&unit.open) {
        Some(open) => {
            work(&unit, open);
            true
        }
        None => false,
    });
    if !done {
        Sender::count_outside();
    }
    done
}

/// Adds a field to the event of the nearest unit above. Use `note!`.
pub fn note(name: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
    let (name, value) = (name.into(), value.into());
    with_current(|_, open| open.note(name, value));
}

/// Says what must hold in the nearest unit above. Use `expect!`.
pub fn expect(name: &str, holds: bool) -> bool {
    let name = expectation(name);
    with_current(|unit, open| open.expect(unit.what.intent(), name, holds));
    holds
}

impl Open {
    pub(crate) fn note(&mut self, name: Cow<'static, str>, value: Value) {
        let known = self.fields.iter().position(|(known, _)| *known == name);
        match (known, value) {
            (Some(at), Value::Nothing) => drop(self.fields.remove(at)),
            (None, Value::Nothing) => {}
            (Some(at), value) => self.fields[at].1 = value,
            (None, _) if self.fields.len() >= FIELDS_MAX => self.left_out += 1,
            (None, value) => self.fields.push((name, value)),
        }
    }

    pub(crate) fn expect(&mut self, intent: Option<&Intent>, name: String, holds: bool) {
        if intent.is_some_and(|intent| !intent.expects.is_empty()) && !self.checked.contains(&name) {
            self.checked.push(name.clone());
        }
        if !holds && !self.unmet.contains(&Cow::from(name.as_str())) {
            self.unmet.push(name.into());
        }
    }

    /// Adds what the end says to what was checked on the way.
    fn judge(
        &mut self,
        intent: Option<&Intent>,
        judged: Vec<&'static str>,
        failure: Option<&Failure>,
        nanoseconds: u64,
    ) {
        for name in judged {
            if !self.unmet.contains(&Cow::from(name)) {
                self.unmet.push(name.into());
            }
        }
        if let Some(intent) = intent
            && nanoseconds > intent.within_nanoseconds
        {
            self.unmet.push(intent.within.into());
        }
        if let Some(failure) = failure {
            self.unmet.push(if failure.is_cancelled { "not cancelled" } else { "no error" }.into());
        }
    }
}

impl Unit {
    pub(crate) fn new(
        what: What,
        parent: Option<(Place, State)>,
        time_nanoseconds: u64,
        sender: &Arc<Sender>,
    ) -> Arc<Unit> {
        let (parent, state) = parent.unzip();
        let trace_id = parent.map_or_else(trace::new_trace_id, |p| p.trace_id);
        let own_rate = what.intent().map(|i| i.sample_rate).filter(|r| *r > 0);
        let rate = own_rate.unwrap_or(sender.settings.sample_rate);
        Arc::new(Unit {
            what,
            place: Place { trace_id, span_id: trace::new_span_id(), kept: trace::is_kept(trace_id, rate) },
            state: state.flatten(),
            parent_id: parent.map(|p| p.span_id),
            rate,
            time_nanoseconds,
            began: Instant::now(),
            open: Mutex::new(Some(Open::default())),
            sender: sender.clone(),
        })
    }

    /// Notes what a span was given, or what was recorded on it.
    pub(crate) fn with_open(&self, work: impl FnOnce(&mut Open)) {
        if let Some(open) = &mut *lock(&self.open) {
            work(open);
        }
    }

    /// Ends it. From here on it takes nothing more.
    pub(crate) fn finish(self: &Arc<Unit>, judged: Vec<&'static str>, failure: Option<Failure>) {
        let took = self.began.elapsed();
        if let Some(gathered) = lock(&self.open).take() {
            self.hand_over(gathered, judged, failure, took);
        }
    }

    /// Judges what was gathered, and queues it.
    pub(crate) fn hand_over(
        self: &Arc<Unit>,
        mut gathered: Open,
        judged: Vec<&'static str>,
        failure: Option<Failure>,
        took: Duration,
    ) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        gathered.judge(self.what.intent(), judged, failure.as_ref(), nanoseconds);
        let met = gathered.unmet.is_empty();
        if met && !self.place.kept {
            return self.sender.count_sampled_out();
        }
        let rate = if met { self.rate } else { 1 };
        let bytes: usize = gathered.fields.iter().map(|(name, value)| 40 + name.len() + value.bytes()).sum();
        self.sender.put(Ended { unit: self.clone(), gathered, failure, nanoseconds, rate }, 600 + bytes);
    }
}
