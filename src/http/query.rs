//! Questions: queries, rows, datasets, fields, values. Take a spec, call the engine, reply.

use std::time::Instant;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use outcrop_query::{
    Answer, DatasetList, FieldList, Options, QueryError, QueryOptions, QuerySpec, RowsAnswer, RowsSpec, ValueList,
    read_spec,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::access::Caller;
use super::error::ErrorBody;
use super::kept::history::Ended;
use super::names::Names;
use super::recording::{self, Recording};
use super::telling::{self, wants_events};
use super::{ApiError, App, body, export};
use crate::own::Began;
use crate::redactions::hash_filters;

/// Bytes of a spec.
pub(super) const SPEC_BYTES_MAX: usize = 1 << 20;

/// A spec, read out of a body of bounded size.
#[derive(Debug)]
pub(crate) struct Spec<T>(pub(super) T);

impl<T: DeserializeOwned + Default + Send> FromRequest<App> for Spec<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Spec<T>, ApiError> {
        let (parts, mut body) = request.into_parts();
        let held = body::read(&app.memory, &parts.headers, &mut body, SPEC_BYTES_MAX).await?;
        let hashed = with_hashes(app, &held.bytes)?;
        let body = hashed.as_deref().unwrap_or(&held.bytes);
        let spec = read_spec(body)?;
        if let Some(recording) = parts.extensions.get::<Recording>() {
            recording.tell(app, body, recording::format(&parts.headers)).await;
        }
        Ok(Spec(spec))
    }
}

/// A spec with filters whose values are hashed, as it is asked.
fn with_hashes(app: &App, body: &[u8]) -> Result<Option<Vec<u8>>, ApiError> {
    const WORD: &[u8] = b"\"hashed\"";
    if !body.windows(WORD.len()).any(|window| window == WORD) {
        return Ok(None);
    }
    // What is no JSON is refused with its place by whoever reads specs.
    let Ok(mut spec) = serde_json::from_slice(body) else { return Ok(None) };
    let impossible = || {
        ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "cannot_hash",
            "a filter with hashed needs a text, a number, true or false, or a list of them, and a server with a redaction_secret",
        )
    };
    hash_filters(&*app.redaction()?, &mut spec).ok_or_else(impossible)?;
    Ok(Some(serde_json::to_vec(&spec).map_err(|_| ApiError::bug("the spec"))?))
}

/// The options in the query string, read strictly: an unknown one is a misspelt one.
pub(super) fn options<T: DeserializeOwned>(query: Parsed<T>) -> Result<T, ApiError> {
    query.map(|Query(options)| options).map_err(|e| ApiError::bad_request("malformed_options", e.body_text()))
}

pub(super) type Parsed<T> = Result<Query<T>, QueryRejection>;

/// Ask: calculations over events, by group and over time
#[utoipa::path(
    post,
    path = "/api/v1/query/{dataset}",
    tag = "query",
    description = "With `Accept: text/csv`, `application/vnd.apache.arrow.stream` or `application/vnd.apache.parquet` the groups are \
                   sent while they are made, all of them unless `limit` says less. With `Accept: text/event-stream` there are \
                   `progress` events, then the `answer`, or an `error`.",
    params(
        ("dataset" = String, Path, description = "A dataset, several separated by commas, or * for all"),
        ("strict" = Option<bool>, Query, description = "Make unknown fields an error"),
        ("timeout_seconds" = Option<u64>, Query, description = "1 to 600, default 30"),
        ("explain" = Option<bool>, Query, description = "Say how the answer came about"),
    ),
    request_body = QuerySpec,
    responses(
        (status = 200, body = Answer),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody),
        (status = 429, body = ErrorBody),
        (status = 504, body = ErrorBody),
    )
)]
pub(crate) async fn query(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    options_given: Parsed<QueryOptions>,
    headers: HeaderMap,
    Spec(spec): Spec<QuerySpec>,
) -> Result<Response, ApiError> {
    let options = options(options_given)?;
    let (snapshot, now, began) = (caller.snapshot(&app.store), app.store.clock().now(), Instant::now());
    if let Some(format) = export::wanted(&headers) {
        if options.explain {
            return Err(ApiError::bad_request(
                "malformed_options",
                "only an answer in JSON can be explained; leave explain out",
            ));
        }
        let options = options.common();
        return Ok(export::reply(app.engine.export_query(snapshot, &dataset, &spec, &options, format, now).await?));
    }
    let (history, redaction) = (app.history.clone(), app.redaction()?);
    let asked = (caller, dataset.clone(), spec.clone(), app.own.clone(), Began::now());
    let note = move |answer: &Result<Answer, QueryError>| {
        let (caller, dataset, spec, own, begun) = &asked;
        own.answered("query", Some(dataset), *begun, answer.as_ref().map(|answer| &answer.stats));
        let refused = answer.as_ref().err().map(|error| error.code);
        history.note(caller, &redaction, &Ended { dataset, spec, asked: now, took: began.elapsed(), refused });
    };
    if wants_events(&headers) {
        return telling::reply(|tell| async move {
            let watch = move |event| drop(tell.send(event));
            let answer = app.engine.query_with_events(snapshot, &dataset, &spec, &options, now, watch).await;
            note(&answer);
            answer
        })
        .await;
    }
    let answer = app.engine.query(snapshot, &dataset, &spec, &options, now).await;
    note(&answer);
    Ok(Json(answer?).into_response())
}

/// Look: raw events by time, a page at a time
#[utoipa::path(
    post,
    path = "/api/v1/rows/{dataset}",
    tag = "query",
    description = "With `Accept: text/csv`, `application/vnd.apache.arrow.stream` or `application/vnd.apache.parquet` the events are \
                   sent while they are read, all of them unless `limit` says less, without a cursor.",
    params(
        ("dataset" = String, Path, description = "A dataset, several separated by commas, or * for all"),
        ("strict" = Option<bool>, Query, description = "Make unknown fields an error"),
        ("timeout_seconds" = Option<u64>, Query, description = "1 to 600, default 30"),
    ),
    request_body = RowsSpec,
    responses(
        (status = 200, body = RowsAnswer),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody),
        (status = 504, body = ErrorBody),
    )
)]
pub(crate) async fn rows(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    options_given: Parsed<Options>,
    headers: HeaderMap,
    Spec(spec): Spec<RowsSpec>,
) -> Result<Response, ApiError> {
    let options = options(options_given)?;
    let (snapshot, now) = (caller.snapshot(&app.store), app.store.clock().now());
    if let Some(format) = export::wanted(&headers) {
        return Ok(export::reply(app.engine.export_rows(snapshot, &dataset, &spec, &options, format, now).await?));
    }
    let began = Began::now();
    let answer = app.engine.rows(snapshot, &dataset, &spec, &options, now).await;
    app.own.answered("rows", Some(&dataset), began, answer.as_ref().map(|answer| &answer.stats));
    Ok(Json(answer?).into_response())
}

/// The datasets there are
#[utoipa::path(get, path = "/api/v1/datasets", tag = "query", responses((status = 200, body = DatasetList)))]
pub(crate) async fn datasets(State(app): State<App>, caller: Caller) -> Json<DatasetList> {
    Json(app.engine.datasets(&caller.snapshot(&app.store)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FieldOptions {
    q: Option<String>,
}

/// The fields of a dataset, with their types
#[utoipa::path(
    get,
    path = "/api/v1/fields/{dataset}",
    tag = "query",
    params(
        ("dataset" = String, Path, description = "A dataset, several separated by commas, or * for all"),
        ("q" = Option<String>, Query, description = "Part of the names wanted"),
    ),
    responses((status = 200, body = FieldList), (status = 404, body = ErrorBody))
)]
pub(crate) async fn fields(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    options_given: Parsed<FieldOptions>,
) -> Result<Json<FieldList>, ApiError> {
    let options = options(options_given)?;
    Ok(Json(app.engine.fields(caller.snapshot(&app.store), &dataset, options.q.as_deref()).await?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ValueOptions {
    prefix: Option<String>,
    limit: Option<usize>,
}

/// The most common values of a field
#[utoipa::path(
    get,
    path = "/api/v1/values/{dataset}/{field}",
    tag = "query",
    params(
        ("dataset" = String, Path, description = "A dataset, several separated by commas, or * for all"),
        ("field" = String, Path, description = "The field"),
        ("prefix" = Option<String>, Query, description = "How the values' text begins"),
        ("limit" = Option<usize>, Query, description = "1 to 1,000, default 20"),
    ),
    responses((status = 200, body = ValueList), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody))
)]
pub(crate) async fn values(
    State(app): State<App>,
    caller: Caller,
    Names((dataset, field)): Names<(String, String)>,
    options_given: Parsed<ValueOptions>,
) -> Result<Json<ValueList>, ApiError> {
    let options = options(options_given)?;
    let now = app.store.clock().now();
    let snapshot = caller.snapshot(&app.store);
    Ok(Json(app.engine.values(snapshot, &dataset, &field, options.prefix.as_deref(), options.limit, now).await?))
}
