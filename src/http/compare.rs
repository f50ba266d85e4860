//! What is different: take a spec, call the engine, reply; with an answer at once or with events on the way.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use outcrop_query::{CompareAnswer, CompareSpec, Options, QueryError};

use super::access::Caller;
use super::error::ErrorBody;
use super::names::Names;
use super::query::{Parsed, Spec, options};
use super::telling::{self, wants_events};
use super::{ApiError, App};
use crate::own::Began;

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
    let (snapshot, now) = (caller.snapshot(&app.store), app.store.clock().now());
    let (own, asked, began) = (app.own.clone(), dataset.clone(), Began::now());
    let note = move |answer: &Result<CompareAnswer, QueryError>| {
        own.answered("compare", Some(&asked), began, answer.as_ref().map(|answer| &answer.stats.scan));
    };
    if wants_events(&headers) {
        return telling::reply(|tell| async move {
            let watch = move |event| drop(tell.send(event));
            let answer = app.engine.compare_with_events(snapshot, &dataset, &spec, &options, now, watch).await;
            note(&answer);
            answer
        })
        .await;
    }
    let answer = app.engine.compare(snapshot, &dataset, &spec, &options, now).await;
    note(&answer);
    Ok(Json(answer?).into_response())
}
