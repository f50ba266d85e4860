//! `/api/v1/audit`: who asked and changed what. Take, read the log, reply.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::error::ErrorBody;
use super::query::{Parsed, options};
use super::{ApiError, App};
use crate::audit::{Found, Position, Search, Who};
use crate::times::{Moment, rfc3339};

/// Records of a page, when nobody says.
const PAGE_DEFAULT: usize = 100;
/// Records of a page, at most: each has some kilobytes at most.
const PAGE_MAX: usize = 1_000;

/// What somebody did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditRecord {
    /// Its chain and its number in it.
    id: String,
    time: String,
    /// Null: somebody whose key does not count.
    who: Option<Who>,
    /// The address that it came from.
    peer: Option<String>,
    /// What was done: `query`, `key.create`, `dataset.drop`, `refused` and the like.
    action: String,
    /// What it was done to and with, as far as it may be kept.
    #[schema(value_type = Value)]
    what: Value,
    /// The SHA-256 of the record, which the next one has too.
    hash: String,
    /// False: it is not as it was written.
    intact: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditList {
    items: Vec<AuditRecord>,
    /// Ask for the next page with it; null at the end.
    cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuditOptions {
    start: Option<String>,
    end: Option<String>,
    who: Option<String>,
    action: Option<String>,
    q: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

impl AuditOptions {
    fn search(self) -> Result<Search, ApiError> {
        let malformed = |what: String| ApiError::bad_request("malformed_options", what);
        let limit = self.limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(malformed(format!("limit must be between 1 and {PAGE_MAX}")));
        }
        let time = |text: Option<String>| text.as_deref().map(Moment::read).transpose();
        let bad_time = |what: &'static str| malformed(what.to_owned());
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Search {
            from: time(self.start).map_err(bad_time)?.map(|time| time.0),
            until: time(self.end).map_err(bad_time)?.map(|time| time.0),
            who: some(self.who),
            action: some(self.action),
            text: some(self.q),
            after: self.cursor.as_deref().map_or(Ok(Position::NEWEST), |cursor| {
                let what = "the cursor is not one of ours; ask for the first page without one";
                position(cursor).ok_or_else(|| malformed(what.to_owned()))
            })?,
            limit,
        })
    }
}

fn position(cursor: &str) -> Option<Position> {
    let (changes, questions) = cursor.split_once('-')?;
    Some(Position([changes.parse().ok()?, questions.parse().ok()?]))
}

fn shown(found: Found) -> AuditRecord {
    let Found { chain, record, intact } = found;
    AuditRecord {
        id: format!("{}-{}", chain.name(), record.sequence),
        time: rfc3339(record.time.0),
        hash: record.hash().to_owned(),
        who: record.who,
        peer: record.peer,
        action: record.action,
        what: record.what,
        intact,
    }
}

/// Who asked and changed what, the latest first
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "audit",
    params(
        ("start" = Option<String>, Query, description = "Only records from this time on: RFC 3339 or epoch seconds"),
        ("end" = Option<String>, Query, description = "Only those before this time"),
        ("who" = Option<String>, Query, description = "Only those of the key with this id or name"),
        ("action" = Option<String>, Query, description = "Only this action, or those that begin with it and a dot, such as `key`"),
        ("q" = Option<String>, Query, description = "Only those with this text in them"),
        ("limit" = Option<usize>, Query, description = "1 to 1,000, default 100"),
        ("cursor" = Option<String>, Query, description = "From the page before"),
    ),
    responses((status = 200, body = AuditList), (status = 400, body = ErrorBody))
)]
pub(crate) async fn list_audit(
    State(app): State<App>,
    options_given: Parsed<AuditOptions>,
) -> Result<Json<AuditList>, ApiError> {
    let page = app.audit.find(options(options_given)?.search()?).await?;
    let cursor = page.next.map(|Position([changes, questions])| format!("{changes}-{questions}"));
    Ok(Json(AuditList { items: page.found.into_iter().map(shown).collect(), cursor }))
}
