//! SQL: take a statement, call the engine, reply with JSON or with rows on their way.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use outcrop_query::{Options, SqlAnswer, SqlReply, SqlSpec};

use super::access::Caller;
use super::error::ErrorBody;
use super::query::{Parsed, Spec, options};
use super::{ApiError, App, export};
use crate::own::Began;

/// Ask in SQL: read-only, over the datasets as tables
#[utoipa::path(
    post,
    path = "/api/v1/sql",
    tag = "query",
    description = "A dataset is a table; names with dots or capitals need double quotes. With `format` csv, arrow or parquet the \
                   rows are sent while they are made, and a transfer that ends early is not whole. docs/sql.md has types and limits.",
    params(("timeout_seconds" = Option<u64>, Query, description = "1 to 600, default 30")),
    request_body = SqlSpec,
    responses(
        (status = 200, body = SqlAnswer),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody),
        (status = 429, body = ErrorBody),
        (status = 504, body = ErrorBody),
    )
)]
pub(crate) async fn sql(
    State(app): State<App>,
    caller: Caller,
    options_given: Parsed<Options>,
    Spec(spec): Spec<SqlSpec>,
) -> Result<Response, ApiError> {
    let options = options(options_given)?;
    let began = Began::now();
    let reply = app.engine.sql(caller.snapshot(&app.store), &spec, &options).await;
    match &reply {
        Ok(SqlReply::Answer(answer)) => app.own.answered("sql", None, began, Ok(&answer.stats)),
        // Its rows are on their way, and nobody knows yet how that ends.
        Ok(SqlReply::Export(_)) => {}
        Err(error) => app.own.answered("sql", None, began, Err(error)),
    }
    Ok(match reply? {
        SqlReply::Answer(answer) => Json(answer).into_response(),
        SqlReply::Export(rows) => export::reply(rows),
    })
}
