//! Live tail: events as they come in, as server-sent events, for as long as the reader and its key last.
//!
//! Nothing is queued for a reader: it is asked for what came in since whenever it has taken what there was. A slow reader
//! finds that more has come than it is sent, and is told how much was dropped; ingest never knows that it is there.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::{self, Stream, StreamExt};
use outcrop_query::{FilterCombination, FilterSpec, QueryErrorKind, TailPage, TailSpec};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until};

use super::access::{self, Caller};
use super::error::ErrorBody;
use super::names::Names;
use super::query::{Parsed, options};
use super::{ApiError, App};

/// Readers at once.
const TAILS_MAX: usize = 64;
/// How long an event may wait for its reader: what people call at once.
const INTERVAL: Duration = Duration::from_millis(250);
/// How often a silent connection is written to, so that a reader that is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// All readers.
#[derive(Debug)]
pub(crate) struct Tails {
    permits: Arc<Semaphore>,
    ending: watch::Sender<bool>,
}

impl Tails {
    pub(crate) fn new() -> Tails {
        Tails { permits: Arc::new(Semaphore::new(TAILS_MAX)), ending: watch::channel(false).0 }
    }

    /// Lets every reader go: the server ends.
    pub(crate) fn end(&self) {
        self.ending.send_replace(true);
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TailOptions {
    /// JSON: an array of filters.
    filters: Option<String>,
    filter_combination: FilterCombination,
    after: Option<u64>,
    limit: Option<u64>,
}

impl TailOptions {
    fn spec(&self) -> Result<TailSpec, ApiError> {
        let filters: Vec<FilterSpec> = match self.filters.as_deref().filter(|text| !text.is_empty()) {
            None => Vec::new(),
            Some(text) => serde_json::from_str(text).map_err(|error| {
                let what = format!("filters must be a JSON array of filters as in a query: {error}");
                ApiError::bad_request("malformed_options", what)
            })?,
        };
        Ok(TailSpec { filters, filter_combination: self.filter_combination })
    }
}

/// Follow events as they come in
#[utoipa::path(
    get,
    path = "/api/v1/tail/{dataset}",
    tag = "query",
    description = "Server-sent events, one event each, with its number as the id: `{\"dataset\",\"sequence\",\"timestamp\",\"fields\"}`. Where more \
                   comes in than is read, the newest are sent and a comment `: dropped N` says how many others matched, at least. \
                   It ends when the key is revoked; `Last-Event-ID` goes on where another connection ended.",
    params(
        ("dataset" = String, Path, description = "A dataset, several separated by commas, or * for all"),
        ("filters" = Option<String>, Query, description = "A JSON array of filters as in a query"),
        ("filter_combination" = Option<FilterCombination>, Query, description = "AND, or OR"),
        ("after" = Option<u64>, Query, description = "The number of the last event that was seen; without it what is there already is not sent"),
        ("limit" = Option<u64>, Query, description = "End after so many events"),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = outcrop_query::EventAnswer),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 429, body = ErrorBody),
    )
)]
pub(crate) async fn tail(
    State(app): State<App>,
    caller: Caller,
    Names(datasets): Names<String>,
    options_given: Parsed<TailOptions>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let given = options(options_given)?;
    let spec = given.spec()?;
    let begin = app.engine.tail_begin(&caller.snapshot(&app.store), &datasets, &spec)?;
    let permit = Arc::clone(&app.tails.permits).try_acquire_owned().map_err(|_| too_many())?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let reading = Reading {
        ending: app.tails.ending.subscribe(),
        after: last.or(given.after).or(begin),
        app,
        datasets,
        spec,
        headers,
        left: given.limit.unwrap_or(u64::MAX),
        next: Instant::now(),
        _permit: permit,
    };
    let pages = stream::unfold(reading, |mut reading| async {
        let page = reading.page().await?;
        Some((stream::iter(written(page)), reading))
    });
    // The comment lets the reader know that it is connected before anything comes.
    let hello = stream::iter([Event::default().comment("following")]);
    let events = hello.chain(pages.flatten()).map(Ok);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn too_many() -> ApiError {
    let what = format!("{TAILS_MAX} tails are open already, as many as there may be; close one");
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_tails", what).retry_after(5)
}

/// One reader.
struct Reading {
    app: App,
    datasets: String,
    spec: TailSpec,
    /// Who reads: asked again each time, because a key may be revoked.
    headers: HeaderMap,
    after: Option<u64>,
    /// Events that are still wanted.
    left: u64,
    next: Instant,
    ending: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

impl Reading {
    /// What came in since; none when it is over.
    async fn page(&mut self) -> Option<TailPage> {
        while self.left > 0 {
            tokio::select! {
                _ = self.ending.wait_for(|ending| *ending) => return None,
                () = sleep_until(self.next) => {}
            }
            self.next = Instant::now() + INTERVAL;
            let caller = access::may_still_read(&self.app, &self.headers, &self.datasets)?;
            let snapshot = caller.snapshot(&self.app.store);
            match self.app.engine.tail(snapshot, &self.datasets, &self.spec, self.after).await {
                Ok(page) => {
                    self.after = page.seen;
                    if !page.events.is_empty() || page.dropped > 0 {
                        return Some(self.wanted(page));
                    }
                }
                // Others are asking; what is not seen now is seen the next time.
                Err(error) if matches!(error.kind, QueryErrorKind::Busy | QueryErrorKind::Deadline) => {}
                Err(error) => {
                    tracing::debug!("a tail ended: {error}");
                    return None;
                }
            }
        }
        None
    }

    fn wanted(&mut self, mut page: TailPage) -> TailPage {
        page.events.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= page.events.len() as u64;
        page
    }
}

fn written(page: TailPage) -> Vec<Event> {
    let dropped = (page.dropped > 0).then(|| Event::default().comment(format!("dropped {}", page.dropped)));
    let events = page.events.into_iter().map(|event| {
        let data = serde_json::to_string(&event).unwrap_or_default();
        Event::default().id(event.sequence.to_string()).data(data)
    });
    dropped.into_iter().chain(events).collect()
}
