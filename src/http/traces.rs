//! Traces, the roles of fields in them, and single events: take, call the engine, reply.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use outcrop_query::{EventAnswer, Options, OwnRoles, Roles, TraceAnswer, TraceSpec};
use outcrop_storage::event::DatasetId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Caller;
use super::error::ErrorBody;
use super::names::Names;
use super::object::Object;
use super::query::{Parsed, options};
use super::working::working;
use super::{ApiError, App, datasets, etag};
use crate::times::time_spec;
use crate::workspace::{Content, Kind, Reach, Search, Thing, Workspace, WorkspaceError};

/// The roles that datasets have of their own; a dataset's number is the id.
const ROLES: Kind = Kind { name: "roles", things_max: ROLES_MAX as i64 };
/// As many as there may be datasets.
const ROLES_MAX: usize = 100_000;
/// Bytes of a role's field.
const FIELD_BYTES_MAX: usize = 256;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TraceOptions {
    dataset: Option<String>,
    start: Option<String>,
    end: Option<String>,
    fields: Option<String>,
    timeout_seconds: Option<u64>,
}

/// A trace as a waterfall
#[utoipa::path(
    get,
    path = "/api/v1/traces/{trace_id}",
    tag = "query",
    params(
        ("trace_id" = String, Path, description = "The trace's id"),
        ("dataset" = Option<String>, Query, description = "A dataset, several separated by commas, or * for all, which is the default"),
        ("start" = Option<String>, Query, description = "Only events from this time on: RFC 3339 or epoch seconds"),
        ("end" = Option<String>, Query, description = "Only events before this time"),
        ("fields" = Option<String>, Query, description = "The fields that spans carry, separated by commas; all without it, none if it is empty"),
        ("timeout_seconds" = Option<u64>, Query, description = "1 to 600, default 30"),
    ),
    responses(
        (status = 200, body = TraceAnswer),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 504, body = ErrorBody),
    )
)]
pub(crate) async fn show_trace(
    State(app): State<App>,
    caller: Caller,
    Names(trace_id): Names<String>,
    options_given: Parsed<TraceOptions>,
) -> Result<Json<TraceAnswer>, ApiError> {
    let given = options(options_given)?;
    let dataset = given.dataset.as_deref().unwrap_or("*");
    caller.may_read(dataset)?;
    let fields = given.fields.map(|fields| fields.split(',').filter(|f| !f.is_empty()).map(str::to_owned).collect());
    let spec = TraceSpec { start_time: given.start.map(time_spec), end_time: given.end.map(time_spec), fields };
    let roles = working(&app, every_role).await?;
    let options = Options { timeout_seconds: given.timeout_seconds, ..Options::default() };
    let snapshot = caller.snapshot(&app.store);
    Ok(Json(app.engine.trace(snapshot, dataset, &trace_id, &spec, roles, &options).await?))
}

/// One event, whole
#[utoipa::path(
    get,
    path = "/api/v1/events/{dataset}/{sequence}",
    tag = "query",
    params(
        ("dataset" = String, Path, description = "Its dataset, several separated by commas, or * for all"),
        ("sequence" = u64, Path, description = "Its number: the field meta.sequence"),
    ),
    responses((status = 200, body = EventAnswer), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody))
)]
pub(crate) async fn show_event(
    State(app): State<App>,
    caller: Caller,
    Names((dataset, sequence)): Names<(String, u64)>,
) -> Result<Json<EventAnswer>, ApiError> {
    let snapshot = caller.snapshot(&app.store);
    Ok(Json(app.engine.event(snapshot, &dataset, sequence, &Options::default()).await?))
}

/// Which fields of a dataset make traces.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RolesInfo {
    /// Those that count: the dataset's own, else the first of the usual fields that it has, else null.
    roles: Roles,
    /// Those that somebody set for this dataset.
    own: Roles,
}

fn own_roles(thing: Option<&Thing>) -> Roles {
    thing.and_then(|thing| serde_json::from_value(thing.body.clone()).ok()).unwrap_or_default()
}

fn every_role(workspace: &Workspace) -> Result<OwnRoles, WorkspaceError> {
    let all = Search { limit: ROLES_MAX, ..Search::default() };
    let things = workspace.things(ROLES, &Reach::All, &all)?;
    let role = |thing: &Thing| Some((DatasetId(thing.id.parse().ok()?), own_roles(Some(thing))));
    Ok(things.iter().filter_map(role).collect())
}

fn tagged(app: &App, caller: &Caller, dataset: &str, own: Option<&Thing>) -> Result<Response, ApiError> {
    let tag = own.map_or(0, |thing| thing.revision).to_string();
    let own = own_roles(own);
    let roles = app.engine.roles(caller.any_snapshot(&app.store), dataset, &own)?;
    Ok(etag::tagged(&tag, RolesInfo { roles, own }))
}

/// Which fields of a dataset make traces
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{dataset}/roles",
    tag = "data",
    params(("dataset" = String, Path, description = "The dataset")),
    responses((status = 200, body = RolesInfo), (status = 404, body = ErrorBody))
)]
pub(crate) async fn show_roles(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
) -> Result<Response, ApiError> {
    let info = datasets::find(&app, &dataset)?;
    let own = working(&app, move |w| w.find_thing(ROLES, &info.id.to_string())).await?;
    tagged(&app, &caller, info.name.as_str(), own.as_ref())
}

/// Say which fields of a dataset make traces
#[utoipa::path(
    put,
    path = "/api/v1/datasets/{dataset}/roles",
    tag = "data",
    params(
        ("dataset" = String, Path, description = "The dataset"),
        ("If-Match" = String, Header, description = "The ETag of the roles as you have seen them"),
    ),
    request_body = Roles,
    responses(
        (status = 200, body = RolesInfo),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody),
        (status = 412, body = ErrorBody),
        (status = 422, body = ErrorBody),
    )
)]
pub(crate) async fn change_roles(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    headers: HeaderMap,
    Object(roles): Object<Roles>,
) -> Result<Response, ApiError> {
    let info = datasets::find(&app, &dataset)?;
    if roles.fields().any(|field| field.is_empty() || field.len() > FIELD_BYTES_MAX) {
        let what = format!("a role is the name of a field, 1 to {FIELD_BYTES_MAX} bytes, or null for the usual one");
        return Err(WorkspaceError::Invalid(what).into());
    }
    let (now, creator, id) = (app.store.clock().now(), caller.id().to_owned(), info.id.to_string());
    let body = serde_json::to_value(&roles).map_err(|_| ApiError::bug("the roles"))?;
    let of = id.clone();
    let seen = working(&app, move |w| w.find_thing(ROLES, &of)).await?;
    etag::check(&headers, &seen.as_ref().map_or(0, |thing| thing.revision).to_string())?;
    let content = Content { dataset: None, body, time: now };
    let own = working(&app, move |w| match seen {
        Some(seen) => w.change_thing(ROLES, &id, seen.revision, content, now),
        None if w.create_thing_once(ROLES, &id, content, &creator, now)? => w.thing(ROLES, &id),
        None => Err(WorkspaceError::Changed),
    })
    .await?;
    tagged(&app, &caller, info.name.as_str(), Some(&own))
}
