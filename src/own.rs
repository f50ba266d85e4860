//! Outcrop as its own customer: what it is meant to do when it acknowledges events, flushes, merges and answers, and
//! whether it did, recorded by its own SDK (`docs/intent.md`) into a dataset of its own. Off unless `own_events` asks.
//!
//! Whoever works waits for nothing here: a unit of work is queued, or dropped and counted where the queue is full, and
//! the SDK's thread brings what is queued to the store. What own events cause is not recorded: they are no requests, and
//! flushes and merges of their dataset are left out. It must not know how work is done.

use std::sync::{Arc, LazyLock, Weak};
use std::time::{Duration, Instant, SystemTime};

use outcrop::{Batch, Delivery, InitError, Intent, Measured, declare};
use outcrop_query::{AnswerStats, QueryError, QueryErrorKind};
use outcrop_storage::event::DatasetName;
use outcrop_storage::{UpkeepDone, UpkeepKind, Watcher};

use crate::http::{ApiError, App, Inner, store_own};

/// Of the requests of ingest that went as they were meant to, one in so many is recorded: thousands may come a second.
const INGEST_SAMPLE_RATE: u32 = 20;
/// Units that wait for the store: some minutes of a busy one.
const QUEUE_EVENTS_MAX: usize = 10_000;
/// Bytes of them, about.
const QUEUE_BYTES_MAX: usize = 8 << 20;
/// How long the last of them may hold up the end.
const END_MAX: Duration = Duration::from_secs(1);
/// The wait before a batch is tried again that the store had no room for.
const BUSY_WAIT: Duration = Duration::from_secs(1);

const OWNER: &str = "Outcrop";
const LET_IN: &str = "let in";
const DURABLE: &str = "durable";
const ALL_WRITTEN: &str = "every event written";
const IN_TIME: &str = "before its deadline";
const WHOLE: &str = "whole";

static INGEST: LazyLock<&Intent> = LazyLock::new(|| {
    let intent = declare("Tell a sender within 2 s that its events are durable, and turn nobody away");
    let intent = intent.name("ingest.acknowledge").within("2 s").expects([LET_IN, DURABLE]);
    intent.owner(OWNER).sample_rate(INGEST_SAMPLE_RATE).intent()
});
static FLUSH: LazyLock<&Intent> = LazyLock::new(|| {
    let intent = declare("Write every event of a memtable into segments within a minute");
    intent.name("storage.flush").within("1 min").expects([ALL_WRITTEN]).owner(OWNER).intent()
});
static COMPACTION: LazyLock<&Intent> = LazyLock::new(|| {
    let intent = declare("Merge segments into one that has every event of theirs");
    intent.name("storage.compact").expects([ALL_WRITTEN]).owner(OWNER).intent()
});
static ANSWER: LazyLock<&Intent> = LazyLock::new(|| {
    let intent = declare("Answer a question before its deadline, with no event left out");
    intent.name("query.answer").expects([LET_IN, IN_TIME, WHOLE]).owner(OWNER).intent()
});

/// Where own work is recorded; nowhere, unless somebody asked for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own(Option<Arc<DatasetName>>);

/// When work began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Began {
    at: SystemTime,
    since: Instant,
}

impl Began {
    pub(crate) fn now() -> Began {
        Began { at: SystemTime::now(), since: Instant::now() }
    }

    fn unit(self, intent: &'static Intent) -> Measured {
        intent.measured(self.at, self.since.elapsed())
    }
}

/// What became of a body of events.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Acknowledged {
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    /// It had been acknowledged before.
    pub(crate) repeated: bool,
}

impl Own {
    pub(crate) fn new(dataset: Option<DatasetName>) -> Own {
        Own(dataset.map(Arc::new))
    }

    /// Begins to record, into this store. The intents are declared now, whether anything ever exercises them.
    pub(crate) fn begin(&self, app: &App) -> Result<(), InitError> {
        let Some(dataset) = self.0.clone() else { return Ok(()) };
        for intent in [&INGEST, &FLUSH, &COMPACTION, &ANSWER] {
            LazyLock::force(intent);
        }
        let mut settings = outcrop::Settings::new("outcrop");
        settings.dataset = dataset.as_str().to_owned();
        settings.version = Some(env!("CARGO_PKG_VERSION").to_owned());
        (settings.queue_events_max, settings.queue_bytes_max) = (QUEUE_EVENTS_MAX, QUEUE_BYTES_MAX);
        settings.exit_max = END_MAX;
        // The SDK lives as long as the process, and must not hold the store open.
        let app = app.downgrade();
        settings.deliver = Some(Box::new(move |batch| deliver(&app, &dataset, batch)));
        outcrop::init_measured(settings)
    }

    /// Brings what waits to the store, and ends.
    pub(crate) fn end(&self) {
        if self.0.is_some() {
            outcrop::shutdown(END_MAX);
        }
    }

    /// Records what the store does in its own time.
    pub(crate) fn watcher(&self) -> Watcher {
        match self.0.clone() {
            Some(own) => Watcher::new(move |done| {
                if *done.dataset != *own {
                    upkeep(done);
                }
            }),
            None => Watcher::nobody(),
        }
    }

    /// A body of events is here and is to be acknowledged. Its unit is cancelled if nobody says how that ended.
    pub(crate) fn acknowledging(&self, dataset: &DatasetName, body_bytes: u64) -> Acknowledging {
        let unit = |_: &Arc<DatasetName>| (Began::now(), dataset.clone(), body_bytes);
        Acknowledging(self.0.as_ref().map(unit))
    }

    /// A question has an answer. One whose asker went away has none, and is nobody's failure.
    pub(crate) fn answered(
        &self,
        kind: &'static str,
        datasets: Option<&str>,
        began: Began,
        answer: Result<&AnswerStats, &QueryError>,
    ) {
        if self.0.is_none() {
            return;
        }
        let unit = began.unit(&ANSWER).note("query.kind", kind).note("query.datasets", datasets);
        let unit = match answer {
            Ok(stats) => {
                let unit = unit.note("query.rows_scanned", stats.rows_scanned);
                let unit = unit.note("query.bytes_scanned", stats.bytes_scanned);
                let unit = unit.note("query.segments_scanned", stats.segments.scanned);
                unit.expect(LET_IN, true).expect(IN_TIME, true).expect(WHOLE, !stats.partial)
            }
            Err(error) => {
                let unit = unit.note("query.refusal", error.code);
                match error.kind {
                    QueryErrorKind::Busy => unit.expect(LET_IN, false),
                    QueryErrorKind::Deadline => unit.expect(LET_IN, true).expect(IN_TIME, false),
                    QueryErrorKind::Internal => unit.expect(LET_IN, true).failed(error.code, error.message.as_str()),
                    // The asker is told what is wrong with the question: that is its answer.
                    QueryErrorKind::Malformed | QueryErrorKind::NotFound | QueryErrorKind::Impossible => unit,
                }
            }
        };
        unit.end();
    }
}

/// A body on its way to being acknowledged.
#[derive(Debug)]
pub(crate) struct Acknowledging(Option<(Began, DatasetName, u64)>);

impl Acknowledging {
    fn unit(&mut self) -> Option<Measured> {
        let (began, dataset, body_bytes) = self.0.take()?;
        let unit = began.unit(&INGEST).note("ingest.dataset", dataset.as_str());
        Some(unit.note("ingest.body_bytes", body_bytes))
    }

    pub(crate) fn ended(mut self, ended: Result<Acknowledged, &ApiError>) {
        let Some(unit) = self.unit() else { return };
        match ended {
            Ok(Acknowledged { accepted, rejected, repeated }) => {
                let unit = unit.note("ingest.accepted", accepted).note("ingest.rejected", rejected);
                unit.note("ingest.repeated", repeated).expect(LET_IN, true).expect(DURABLE, true).end();
            }
            Err(error) => {
                let unit = unit.note("ingest.refusal", error.code());
                let own_fault = error.status().is_server_error();
                let unit = match (error.is_shed(), own_fault) {
                    (true, _) => unit.expect(LET_IN, false),
                    (false, true) => {
                        unit.expect(LET_IN, true).expect(DURABLE, false).failed(error.code(), error.message())
                    }
                    // What is wrong with the body its sender is told: nothing of it was to be stored.
                    (false, false) => unit.expect(LET_IN, true),
                };
                unit.end();
            }
        }
    }
}

impl Drop for Acknowledging {
    fn drop(&mut self) {
        if let Some(unit) = self.unit() {
            unit.cancelled().end();
        }
    }
}

fn upkeep(done: &UpkeepDone<'_>) {
    let intent = match done.kind {
        UpkeepKind::Flush => *FLUSH,
        UpkeepKind::Compaction => *COMPACTION,
    };
    let began = SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(done.began).unwrap_or_default());
    let unit = intent.measured(began, done.took).note("storage.dataset", done.dataset.as_str());
    let wrote = done.wrote;
    let unit = unit.note("storage.events_in", wrote.events_in).note("storage.events_out", wrote.events_out);
    let unit = unit.note("storage.segments_in", wrote.segments_in).note("storage.segments_out", wrote.segments_out);
    let unit = unit.note("storage.bytes_out", wrote.bytes_out);
    match done.error {
        None => unit.expect(ALL_WRITTEN, wrote.events_in == wrote.events_out).end(),
        Some(error) => unit.failed("StoreError", error.to_string()).end(),
    }
}

/// Brings a batch into the store, in the SDK's thread.
fn deliver(app: &Weak<Inner>, dataset: &DatasetName, batch: &Batch<'_>) -> Delivery {
    let Some(app) = App::upgraded(app) else { return Delivery::Refused };
    match store_own(&app, dataset, batch.id, batch.ndjson) {
        Ok((accepted, rejected)) => Delivery::Stored { accepted, rejected },
        Err(error) if error.is_shed() => Delivery::Again { wait: Some(BUSY_WAIT), maybe_stored: false },
        Err(error) if error.status().is_server_error() => Delivery::Again { wait: None, maybe_stored: true },
        Err(error) if error.status().as_u16() == 413 => Delivery::TooLarge,
        Err(_) => Delivery::Refused,
    }
}
