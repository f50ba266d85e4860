//! `POST /api/v1/redactions/dry_run/{dataset}`: has stored events looked through for what the rules of redaction, or others that
//! somebody thinks of, would take out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use outcrop_storage::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::access::{self, Caller};
use super::error::ErrorBody;
use super::names::Names;
use super::object::Object;
use super::recording::Outcome;
use super::{ApiError, App, datasets};
use crate::redactions::RedactionRule;
use crate::tasks::{DryRun, Kind, Task};
use crate::workspace::{Scope, random_id};

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DryRunSpec {
    /// Rules in place of those that there are; the standard ones come after them. Null: those that there are.
    rules: Option<Vec<RedactionRule>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DryRunAnswer {
    /// What to follow it by, at `/api/v1/tasks/{id}`; its report is there once it is done.
    task: String,
    /// Events that there are to look at.
    matching: u64,
}

/// Look through stored events for what rules of redaction would take out: where it is and how much, never what
#[utoipa::path(
    post,
    path = "/api/v1/redactions/dry_run/{dataset}",
    tag = "data",
    params(("dataset" = String, Path, description = "Datasets, with commas between them, or * for all")),
    request_body = DryRunSpec,
    responses(
        (status = 202, description = "It will be done; the task says when, and what was found", body = DryRunAnswer),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 422, description = "Rules that cannot be followed", body = ErrorBody),
        (status = 429, body = ErrorBody),
    )
)]
pub(crate) async fn begin_dry_run(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    Object(spec): Object<DryRunSpec>,
) -> Result<Response, ApiError> {
    let snapshot = addressed(&app, &caller, &dataset)?;
    let image = app.workspace.image()?;
    let redaction = app.redactions.looked_for(spec.rules.as_deref().unwrap_or(image.redactions()));
    let redaction = redaction
        .map_err(|error| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "impossible_rules", error.to_string()))?;
    let matching = snapshot.datasets.iter().map(|dataset| dataset.events()).sum();
    let names = snapshot.datasets.iter().map(|dataset| dataset.name.clone()).collect();
    let clock = app.store.clone();
    let now = move || clock.clock().now();
    let task = Task::new(random_id()?, Kind::RedactionDryRun, names, caller.id().to_owned(), matching, now());
    let datasets = snapshot.datasets.iter().map(|dataset| dataset.id).collect();
    let run = DryRun { store: app.store.clone(), datasets, redaction };
    let task = app.tasks.start(task, move |task| run.carry_out(task), now)?;
    let outcome = Extension(Outcome(json!({ "task": task.id, "matching": matching })));
    let answer = Json(DryRunAnswer { task: task.id.clone(), matching });
    Ok((StatusCode::ACCEPTED, outcome, answer).into_response())
}

/// The datasets that a path names; each of them must be there.
fn addressed(app: &App, caller: &Caller, named: &str) -> Result<Snapshot, ApiError> {
    let mut snapshot = caller.snapshot_for(Scope::Admin, &app.store);
    if !access::is_all(named) {
        let found: Result<Vec<_>, ApiError> = named.split(',').map(|name| datasets::find(app, name.trim())).collect();
        let found = found?;
        snapshot.datasets.retain(|dataset| found.iter().any(|info| info.id == dataset.id));
    }
    Ok(snapshot)
}
