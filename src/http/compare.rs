//! What is different: take a spec, call the engine, reply; with an answer at once or with events on the way.

use std::convert::Infallible;
use std::pin::Pin;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use outcrop_query::{CompareAnswer, CompareEvent, CompareSpec, Options, QueryError};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::access::Caller;
use super::error::ErrorBody;
use super::names::Names;
use super::query::{Parsed, Spec, options};
use super::{ApiError, App};

/// Ask what is different about a selection of events
#[utoipa::path(
    post,
    path = "/api/v1/compare/{dataset}",
    tag = "query",
    description = "With `Accept: text/event-stream` there are `progress` events, an `answer` from a sample, then the exact \
                   `answer`, or an `error`.",
    params(
        ("dataset" = String, Path, description = "A dataset, several separated by commas, or * for all"),
        ("strict" = Option<bool>, Query, description = "Make unknown fields an error"),
        ("timeout_seconds" = Option<u64>, Query, description = "1 to 600, default 30"),
    ),
    request_body = CompareSpec,
    responses(
        (status = 200, body = CompareAnswer),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody),
        (status = 429, body = ErrorBody),
        (status = 504, body = ErrorBody),
    )
)]
pub(crate) async fn compare(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    options_given: Parsed<Options>,
    headers: HeaderMap,
    Spec(spec): Spec<CompareSpec>,
) -> Result<Response, ApiError> {
    let options = options(options_given)?;
    if wants_events(&headers) {
        return Ok(Sse::new(events(app, caller, dataset, spec, options).await?)
            .keep_alive(KeepAlive::default())
            .into_response());
    }
    let now = app.store.clock().now();
    Ok(Json(app.engine.compare(caller.snapshot(&app.store), &dataset, &spec, &options, now).await?).into_response())
}

fn wants_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
    accepted.flat_map(|v| v.split(',')).any(|kind| kind.split(';').next().map(str::trim) == Some("text/event-stream"))
}

type Answering = Pin<Box<dyn Future<Output = Result<CompareAnswer, QueryError>> + Send>>;

/// A compare on its way. Dropping it cancels the compare.
struct Telling {
    answering: Answering,
    told: UnboundedReceiver<CompareEvent>,
    next: Option<CompareEvent>,
    ended: Option<Result<CompareAnswer, QueryError>>,
    done: bool,
}

/// The events of a compare; what goes wrong before the first is an ordinary error.
async fn events(
    app: App,
    caller: Caller,
    dataset: String,
    spec: CompareSpec,
    options: Options,
) -> Result<impl Stream<Item = Result<Event, Infallible>>, ApiError> {
    let (tell, told) = unbounded_channel();
    let answering: Answering = Box::pin(async move {
        let now = app.store.clock().now();
        let watch = move |event| drop(tell.send(event));
        app.engine.compare_with_events(caller.snapshot(&app.store), &dataset, &spec, &options, now, watch).await
    });
    let mut telling = Telling { answering, told, next: None, ended: None, done: false };
    telling.next = telling.wait().await;
    if let Some(Err(error)) = telling.ended.take_if(|ended| ended.is_err()) {
        return Err(error.into());
    }
    Ok(stream::unfold(telling, |mut telling| async {
        let event = telling.event().await?;
        Some((Ok(event), telling))
    }))
}

impl Telling {
    /// The next event before the end.
    async fn wait(&mut self) -> Option<CompareEvent> {
        if self.ended.is_none() {
            tokio::select! {
                biased;
                Some(event) = self.told.recv() => return Some(event),
                ended = &mut self.answering => self.ended = Some(ended),
            }
        }
        // What was told before the end and not yet read.
        self.told.try_recv().ok()
    }

    async fn event(&mut self) -> Option<Event> {
        if self.done {
            return None;
        }
        let next = match self.next.take() {
            Some(event) => Some(event),
            None => self.wait().await,
        };
        Some(match next {
            Some(CompareEvent::Progress { done, total }) => {
                written("progress", &json!({ "done": done, "total": total }))
            }
            Some(CompareEvent::First(answer)) => written("answer", &answer),
            None => {
                self.done = true;
                match self.ended.take()? {
                    Ok(answer) => written("answer", &answer),
                    Err(error) => written("error", &ApiError::from(error).body()),
                }
            }
        })
    }
}

fn written(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}
