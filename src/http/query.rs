//! Questions: queries, rows, datasets, fields, values. Take a spec, call the engine, reply.

use std::time::Instant;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Query, Request, State};
use outcrop_query::{Answer, DatasetList, FieldList, Options, QuerySpec, RowsAnswer, RowsSpec, ValueList, read_spec};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::access::Caller;
use super::error::ErrorBody;
use super::names::Names;
use super::{ApiError, App, body};

/// Bytes of a spec.
pub(super) const SPEC_BYTES_MAX: usize = 1 << 20;

/// A spec, read out of a body of bounded size.
#[derive(Debug)]
pub(crate) struct Spec<T>(pub(super) T);

impl<T: DeserializeOwned + Default> FromRequest<App> for Spec<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Spec<T>, ApiError> {
        let (parts, mut body) = request.into_parts();
        let held = body::read(&app.memory, &parts.headers, &mut body, SPEC_BYTES_MAX).await?;
        Ok(Spec(read_spec(&held.bytes)?))
    }
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
    params(
        ("dataset" = String, Path, description = "A dataset, several separated by commas, or * for all"),
        ("strict" = Option<bool>, Query, description = "Make unknown fields an error"),
        ("timeout_seconds" = Option<u64>, Query, description = "1 to 600, default 30"),
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
    options_given: Parsed<Options>,
    Spec(spec): Spec<QuerySpec>,
) -> Result<Json<Answer>, ApiError> {
    let options = options(options_given)?;
    let (now, began) = (app.store.clock().now(), Instant::now());
    let answer = app.engine.query(caller.snapshot(&app.store), &dataset, &spec, &options, now).await;
    let refused = answer.as_ref().err().map(|error| error.code);
    app.history.note(&caller, &dataset, &spec, now, began.elapsed(), refused);
    Ok(Json(answer?))
}

/// Look: raw events by time, a page at a time
#[utoipa::path(
    post,
    path = "/api/v1/rows/{dataset}",
    tag = "query",
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
    Spec(spec): Spec<RowsSpec>,
) -> Result<Json<RowsAnswer>, ApiError> {
    let options = options(options_given)?;
    let now = app.store.clock().now();
    Ok(Json(app.engine.rows(caller.snapshot(&app.store), &dataset, &spec, &options, now).await?))
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
