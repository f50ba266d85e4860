//! `/api/v1/keys`: make, show and revoke keys. A key itself is in the answer that made it, and nowhere else.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::ErrorBody;
use super::names::Names;
use super::object::Object;
use super::recording::Outcome;
use super::working::working;
use super::{ApiError, App, etag};
use crate::times::rfc3339;
use crate::workspace::{Grant, Key, KeyLimits, Workspace};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// Who uses it.
    name: String,
    scopes: Vec<Grant>,
    #[serde(default)]
    limits: KeyLimits,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyInfo {
    id: String,
    name: String,
    scopes: Vec<Grant>,
    limits: KeyLimits,
    created: String,
    /// To within some minutes.
    last_used: Option<String>,
    revoked: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedKey {
    #[serde(flatten)]
    info: KeyInfo,
    /// The key itself, this once.
    key: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyList {
    items: Vec<KeyInfo>,
    cursor: Option<String>,
}

impl KeyInfo {
    fn new(key: &Key) -> KeyInfo {
        KeyInfo {
            id: key.id.clone(),
            name: key.name.clone(),
            scopes: key.scopes.grants(),
            limits: key.limits,
            created: rfc3339(key.created),
            last_used: key.last_used.map(rfc3339),
            revoked: key.revoked.map(rfc3339),
        }
    }
}

fn tagged(key: &Key) -> Response {
    etag::tagged(&key.revision.to_string(), KeyInfo::new(key))
}

/// Every key, revoked ones included
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", responses((status = 200, body = KeyList)))]
pub(crate) async fn list_keys(State(app): State<App>) -> Result<Json<KeyList>, ApiError> {
    let keys = working(&app, Workspace::keys).await?;
    Ok(Json(KeyList { items: keys.iter().map(KeyInfo::new).collect(), cursor: None }))
}

/// Make a key. The answer holds the key itself; nothing else ever will
#[utoipa::path(
    post,
    path = "/api/v1/keys",
    tag = "keys",
    request_body = NewKey,
    responses((status = 201, body = CreatedKey), (status = 400, body = ErrorBody), (status = 422, body = ErrorBody))
)]
pub(crate) async fn create_key(State(app): State<App>, Object(asked): Object<NewKey>) -> Result<Response, ApiError> {
    let now = app.store.clock().now();
    let (key, secret) = working(&app, move |w| w.create_key(&asked.name, &asked.scopes, asked.limits, now)).await?;
    let created = CreatedKey { info: KeyInfo::new(&key), key: secret.reveal().to_owned() };
    let made = etag::tagged(&key.revision.to_string(), created);
    Ok((StatusCode::CREATED, Outcome::made(&key.id), made).into_response())
}

/// One key
#[utoipa::path(
    get,
    path = "/api/v1/keys/{id}",
    tag = "keys",
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, body = KeyInfo), (status = 404, body = ErrorBody))
)]
pub(crate) async fn show_key(State(app): State<App>, Names(id): Names<String>) -> Result<Response, ApiError> {
    Ok(tagged(&working(&app, move |w| w.key(&id)).await?))
}

/// Revoke a key: it ends at once, with the sessions that it opened
#[utoipa::path(
    delete,
    path = "/api/v1/keys/{id}",
    tag = "keys",
    params(
        ("id" = String, Path, description = "The key's id"),
        ("If-Match" = String, Header, description = "The ETag of the key as you have seen it"),
    ),
    responses(
        (status = 200, body = KeyInfo),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody),
        (status = 412, body = ErrorBody),
    )
)]
pub(crate) async fn revoke_key(
    State(app): State<App>,
    Names(id): Names<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let now = app.store.clock().now();
    let of = id.clone();
    let seen = working(&app, move |w| w.key(&of)).await?;
    etag::check(&headers, &seen.revision.to_string())?;
    Ok(tagged(&working(&app, move |w| w.revoke_key(&id, Some(seen.revision), now)).await?))
}
