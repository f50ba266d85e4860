//! `DELETE /api/v1/events/{dataset}`: count the chosen events, and have them deleted in their own time.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use outcrop_query::{DeletionSpec, Options};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::access::Caller;
use super::datasets;
use super::error::ErrorBody;
use super::names::Names;
use super::query::{Parsed, Spec, options};
use super::recording::Outcome;
use super::{ApiError, App};
use crate::tasks::{Deletion, Kind, Task};
use crate::workspace::{Scope, random_id};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeletionAnswer {
    /// What to follow it by, at `/api/v1/tasks/{id}`; null for a dry run.
    task: Option<String>,
    /// Events that match, of those acknowledged before the request.
    matching: u64,
}

/// Delete chosen events, of those acknowledged before the request: all in one step, or none
#[utoipa::path(
    delete,
    path = "/api/v1/events/{dataset}",
    tag = "data",
    params(
        ("dataset" = String, Path, description = "The dataset"),
        ("timeout_seconds" = Option<u64>, Query, description = "For counting; 1 to 600, default 30"),
    ),
    request_body = DeletionSpec,
    responses(
        (status = 200, description = "A dry run", body = DeletionAnswer),
        (status = 202, description = "It will be done; the task says when", body = DeletionAnswer),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 422, description = "A filter on a field that nobody ever sent, or no choice at all", body = ErrorBody),
        (status = 429, body = ErrorBody),
        (status = 504, body = ErrorBody),
    )
)]
pub(crate) async fn delete_events(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    options_given: Parsed<Options>,
    Spec(spec): Spec<DeletionSpec>,
) -> Result<Response, ApiError> {
    let options = options(options_given)?;
    let info = datasets::find(&app, &dataset)?;
    let mut snapshot = caller.snapshot_for(Scope::Admin, &app.store);
    snapshot.datasets.retain(|dataset| dataset.id == info.id);
    let sequence_end = snapshot.datasets.iter().map(|dataset| dataset.sequence_end()).max().unwrap_or(0);
    let chosen = app.engine.choose(&snapshot, &spec, sequence_end)?;
    let matching = app.engine.count_chosen(snapshot, &chosen, &options).await?;
    if spec.dry_run {
        return Ok(Json(DeletionAnswer { task: None, matching }).into_response());
    }
    let (store, engine) = (app.store.clone(), app.engine.clone());
    let audit = app.audit.clone();
    let deletion = Deletion { store, engine, audit, dataset: info.id, chosen };
    let clock = app.store.clone();
    let now = move || clock.clock().now();
    let task = Task::new(random_id()?, Kind::Deletion, vec![info.name], caller.id().to_owned(), matching, now());
    let task = app.tasks.start(task, move |task| deletion.carry_out(task), now)?;
    let outcome = Extension(Outcome(json!({ "task": task.id, "matching": matching })));
    let answer = Json(DeletionAnswer { task: Some(task.id.clone()), matching });
    Ok((StatusCode::ACCEPTED, outcome, answer).into_response())
}
