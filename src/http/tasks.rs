//! `/api/v1/tasks`: how far work is that outlives its request. Who may ask for a task's work may see and cancel it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use outcrop_ingest::redact::Finding;
use serde::Serialize;
use utoipa::ToSchema;

use super::access::Caller;
use super::error::ErrorBody;
use super::names::Names;
use super::{ApiError, App};
use crate::redactions::ActionName;
use crate::tasks::{Kind, Report, Stage, State as TaskState, Task};
use crate::times::rfc3339;
use crate::workspace::Scope;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskInfo {
    id: String,
    /// deletion or redaction_dry_run
    kind: &'static str,
    /// Its dataset, or several with commas between them.
    dataset: String,
    /// waiting, running, done, failed or cancelled
    state: &'static str,
    /// reading for a dry run, flushing, finding or rewriting for a deletion: the last that was begun
    stage: &'static str,
    /// Parts of the stage that are done, and how many there are; null where that is not known.
    progress: Option<Progress>,
    /// Events that matched when it was asked for; for a dry run those that it looks at.
    matching: u64,
    /// Events that are deleted; null before they are.
    removed: Option<u64>,
    /// What a dry run has found; null before it is done.
    report: Option<DryRunReport>,
    /// Why it failed.
    error: Option<String>,
    created: String,
    finished: Option<String>,
}

/// Where stored events hold what the rules would take out: never the values themselves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DryRunReport {
    /// By dataset, field and what was found.
    findings: Vec<DryRunFinding>,
    /// Whether there are more than these 1,000.
    truncated: bool,
    /// Damaged segments that were not looked at, or not to their end.
    segments_unread: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DryRunFinding {
    dataset: String,
    /// Without what the name itself must not hold.
    field: String,
    /// private_key, token, email, card or ip; field: the rule means the whole value; name: it is in the field's name
    found: &'static str,
    /// What the rule does that counts there: drop, mask or hash
    action: ActionName,
    events: u64,
    first_event: String,
    last_event: String,
}

impl DryRunReport {
    fn new(report: &Report) -> DryRunReport {
        let finding = |finding: &Finding| DryRunFinding {
            dataset: finding.dataset.as_str().to_owned(),
            field: finding.field.clone(),
            found: finding.what,
            action: ActionName::of(finding.action),
            events: finding.events,
            first_event: rfc3339(finding.first),
            last_event: rfc3339(finding.last),
        };
        DryRunReport {
            findings: report.findings.iter().map(finding).collect(),
            truncated: report.is_cut,
            segments_unread: report.segments_unread,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Progress {
    done: u64,
    total: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskList {
    items: Vec<TaskInfo>,
    cursor: Option<String>,
}

impl TaskInfo {
    fn new(task: &Task) -> TaskInfo {
        let status = task.status();
        TaskInfo {
            id: task.id.clone(),
            kind: match task.kind {
                Kind::Deletion => "deletion",
                Kind::RedactionDryRun => "redaction_dry_run",
            },
            dataset: task.called(),
            state: match status.state {
                TaskState::Waiting => "waiting",
                TaskState::Running => "running",
                TaskState::Done => "done",
                TaskState::Failed => "failed",
                TaskState::Cancelled => "cancelled",
            },
            stage: match status.stage {
                Stage::Reading => "reading",
                Stage::Flushing => "flushing",
                Stage::Finding => "finding",
                Stage::Rewriting => "rewriting",
            },
            progress: status.progress.map(|(done, total)| Progress { done, total }),
            matching: status.matching,
            removed: status.removed,
            report: status.report.as_deref().map(DryRunReport::new),
            error: status.error,
            created: rfc3339(task.created),
            finished: status.finished.map(rfc3339),
        }
    }
}

fn may_see(caller: &Caller, task: &Task) -> bool {
    task.datasets.iter().all(|dataset| caller.require(Scope::Admin, dataset).is_ok())
}

/// The task, if the caller may see it. One that they may not see is none.
fn find(app: &App, caller: &Caller, id: &str) -> Result<Arc<Task>, ApiError> {
    let task = app.tasks.find(id).filter(|task| may_see(caller, task));
    task.ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "unknown_task",
            "there is no such task; those that have ended are known for an hour, and no longer than the process lives",
        )
    })
}

/// The tasks that are known, the youngest first
#[utoipa::path(get, path = "/api/v1/tasks", tag = "data", responses((status = 200, body = TaskList)))]
pub(crate) async fn list_tasks(State(app): State<App>, caller: Caller) -> Json<TaskList> {
    let all = app.tasks.all();
    let seen = all.iter().filter(|task| may_see(&caller, task));
    Json(TaskList { items: seen.map(|task| TaskInfo::new(task)).collect(), cursor: None })
}

/// How far a task is
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{id}",
    tag = "data",
    params(("id" = String, Path, description = "The task's id")),
    responses((status = 200, body = TaskInfo), (status = 404, body = ErrorBody))
)]
pub(crate) async fn show_task(
    State(app): State<App>,
    caller: Caller,
    Names(id): Names<String>,
) -> Result<Json<TaskInfo>, ApiError> {
    Ok(Json(TaskInfo::new(&*find(&app, &caller, &id)?)))
}

/// Cancel a task: it ends without having changed anything, unless it was about to be done
#[utoipa::path(
    delete,
    path = "/api/v1/tasks/{id}",
    tag = "data",
    params(("id" = String, Path, description = "The task's id")),
    responses(
        (status = 202, description = "It will end; its state says how", body = TaskInfo),
        (status = 404, body = ErrorBody),
        (status = 409, description = "It has ended already", body = ErrorBody),
    )
)]
pub(crate) async fn cancel_task(
    State(app): State<App>,
    caller: Caller,
    Names(id): Names<String>,
) -> Result<(StatusCode, Json<TaskInfo>), ApiError> {
    let task = find(&app, &caller, &id)?;
    if !task.cancel() {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "task_ended",
            "the task has ended already; what it deleted is gone",
        ));
    }
    Ok((StatusCode::ACCEPTED, Json(TaskInfo::new(&task))))
}
