//! An answer that is told in events: how far it is, perhaps an answer from a sample, then the answer or what went wrong. It
//! must not know what was asked.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use outcrop_query::{AnswerEvent, QueryError};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::ApiError;

pub(super) fn wants_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
    accepted.flat_map(|v| v.split(',')).any(|kind| kind.split(';').next().map(str::trim) == Some("text/event-stream"))
}

type Answering<A> = Pin<Box<dyn Future<Output = Result<A, QueryError>> + Send>>;

/// An answer on its way. Dropping it cancels the question.
struct Telling<A> {
    answering: Answering<A>,
    told: UnboundedReceiver<AnswerEvent<A>>,
    next: Option<AnswerEvent<A>>,
    ended: Option<Result<A, QueryError>>,
    done: bool,
}

/// Where a question says what happens. Questions say it a few hundred times at most.
pub(super) type Teller<A> = UnboundedSender<AnswerEvent<A>>;

/// The events of a question; what goes wrong before the first is an ordinary error.
pub(super) async fn reply<A, F>(ask: impl FnOnce(Teller<A>) -> F) -> Result<Response, ApiError>
where
    A: Serialize + Send + 'static,
    F: Future<Output = Result<A, QueryError>> + Send + 'static,
{
    let (tell, told) = unbounded_channel();
    let mut telling = Telling { answering: Box::pin(ask(tell)), told, next: None, ended: None, done: false };
    telling.next = telling.wait().await;
    if let Some(Err(error)) = telling.ended.take_if(|ended| ended.is_err()) {
        return Err(error.into());
    }
    Ok(Sse::new(events(telling)).keep_alive(KeepAlive::default()).into_response())
}

fn events<A: Serialize + Send + 'static>(telling: Telling<A>) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(telling, |mut telling| async {
        let event = telling.event().await?;
        Some((Ok(event), telling))
    })
}

impl<A: Serialize> Telling<A> {
    /// The next event before the end.
    async fn wait(&mut self) -> Option<AnswerEvent<A>> {
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
            Some(AnswerEvent::Progress { done, total }) => {
                written("progress", &json!({ "done": done, "total": total }))
            }
            Some(AnswerEvent::First(answer)) => written("answer", &answer),
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
