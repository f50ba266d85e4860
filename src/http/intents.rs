//! `/api/v1/intents`: what code is meant to do, and whether it does. Take, call the engine, reply.

use axum::Json;
use axum::extract::State;
use outcrop_query::{IntentDetail, IntentList, IntentsSpec, Options};
use serde::Deserialize;

use super::access::Caller;
use super::error::ErrorBody;
use super::names::Names;
use super::query::{Parsed, options};
use super::{ApiError, App};
use crate::times::time_spec;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IntentOptions {
    dataset: Option<String>,
    time_range: Option<i64>,
    start: Option<String>,
    end: Option<String>,
    before_start: Option<String>,
    before_end: Option<String>,
    version: Option<String>,
    service: Option<String>,
    timeout_seconds: Option<u64>,
}

impl IntentOptions {
    fn split(self) -> (String, IntentsSpec, Options) {
        let spec = IntentsSpec {
            time_range: self.time_range,
            start_time: self.start.map(time_spec),
            end_time: self.end.map(time_spec),
            before_start_time: self.before_start.map(time_spec),
            before_end_time: self.before_end.map(time_spec),
            version: self.version,
            service: self.service,
        };
        let options = Options { timeout_seconds: self.timeout_seconds, ..Options::default() };
        (self.dataset.unwrap_or_else(|| "*".to_owned()), spec, options)
    }
}

/// Every intent, what got worse first
#[utoipa::path(
    get,
    path = "/api/v1/intents",
    tag = "intents",
    params(
        ("dataset" = Option<String>, Query, description = "A dataset, several separated by commas, or * for all, which is the default"),
        ("time_range" = Option<i64>, Query, description = "Seconds, relative to now or to the start or end given; default 7,200"),
        ("start" = Option<String>, Query, description = "RFC 3339 or epoch seconds"),
        ("end" = Option<String>, Query, description = "RFC 3339 or epoch seconds"),
        ("before_start" = Option<String>, Query, description = "What to compare with; as long a time directly before without it"),
        ("before_end" = Option<String>, Query, description = "RFC 3339 or epoch seconds"),
        ("version" = Option<String>, Query, description = "Only this service.version, compared with all others in both times"),
        ("service" = Option<String>, Query, description = "Only this service.name"),
        ("timeout_seconds" = Option<u64>, Query, description = "Of each of the questions: 1 to 600, default 30"),
    ),
    responses(
        (status = 200, body = IntentList),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 504, body = ErrorBody),
    )
)]
pub(crate) async fn list_intents(
    State(app): State<App>,
    caller: Caller,
    options_given: Parsed<IntentOptions>,
) -> Result<Json<IntentList>, ApiError> {
    let (dataset, spec, options) = options(options_given)?.split();
    caller.may_read(&dataset)?;
    let now = app.store.clock().now();
    Ok(Json(app.engine.intents(caller.snapshot(&app.store), &dataset, &spec, &options, now).await?))
}

/// One intent, with what does not hold about it
#[utoipa::path(
    get,
    path = "/api/v1/intents/{name}",
    tag = "intents",
    params(
        ("name" = String, Path, description = "The intent's name"),
        ("dataset" = Option<String>, Query, description = "A dataset, several separated by commas, or * for all, which is the default"),
        ("time_range" = Option<i64>, Query, description = "Seconds, relative to now or to the start or end given; default 7,200"),
        ("start" = Option<String>, Query, description = "RFC 3339 or epoch seconds"),
        ("end" = Option<String>, Query, description = "RFC 3339 or epoch seconds"),
        ("before_start" = Option<String>, Query, description = "What to compare with; as long a time directly before without it"),
        ("before_end" = Option<String>, Query, description = "RFC 3339 or epoch seconds"),
        ("version" = Option<String>, Query, description = "Only this service.version, compared with all others in both times"),
        ("service" = Option<String>, Query, description = "Only this service.name"),
        ("timeout_seconds" = Option<u64>, Query, description = "Of each of the questions: 1 to 600, default 30"),
    ),
    responses(
        (status = 200, body = IntentDetail),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 504, body = ErrorBody),
    )
)]
pub(crate) async fn show_intent(
    State(app): State<App>,
    caller: Caller,
    Names(name): Names<String>,
    options_given: Parsed<IntentOptions>,
) -> Result<Json<IntentDetail>, ApiError> {
    let (dataset, spec, options) = options(options_given)?.split();
    caller.may_read(&dataset)?;
    let now = app.store.clock().now();
    Ok(Json(app.engine.intent(caller.snapshot(&app.store), &dataset, &name, &spec, &options, now).await?))
}
