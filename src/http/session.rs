//! `/api/v1/session`: a console signs in with a key and holds a cookie in its place, which no script can read.
//!
//! Pages of other origins are kept out before: [`super::guard`].

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{self, Caller};
use super::error::ErrorBody;
use super::object::Object;
use super::{ApiError, App};
use crate::workspace::{Grant, Identity, SESSION_SECONDS, WorkspaceError};

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    key: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionInfo {
    /// The key that requests count as sent with; null while there are no keys and none is needed.
    key: Option<SessionKey>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionKey {
    id: String,
    name: String,
    scopes: Vec<Grant>,
}

impl SessionInfo {
    fn new(identity: Option<&Identity>) -> SessionInfo {
        let key =
            identity.map(|key| SessionKey { id: key.id.clone(), name: key.name.clone(), scopes: key.scopes.grants() });
        SessionInfo { key }
    }
}

/// The session that a request's cookie names.
pub(super) fn sent<'a>(app: &App, headers: &'a HeaderMap) -> Option<&'a str> {
    let name = cookie_name(app);
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Cookies do not tell ports apart: two Outcrops on one machine have two names.
fn cookie_name(app: &App) -> String {
    format!("outcrop_session_{}", app.workspace.id())
}

fn set_cookie(app: &App, headers: &HeaderMap, value: &str, seconds: i64) -> Result<HeaderValue, ApiError> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_lowercase);
    let is_https = app.is_tls || (app.public_https && host == app.public_host);
    let secure = if is_https { "; Secure" } else { "" };
    let name = cookie_name(app);
    let cookie = format!("{name}={value}; Path=/api/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&cookie)
        .map_err(|_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "BUG: a cookie that is none"))
}

/// Sign in with a key: the answer sets a cookie that counts as the key for 12 hours
#[utoipa::path(
    post,
    path = "/api/v1/session",
    tag = "keys",
    request_body = SignIn,
    responses((status = 200, body = SessionInfo), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody))
)]
pub(crate) async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    Object(asked): Object<SignIn>,
) -> Result<Response, ApiError> {
    let image = app.workspace.image()?;
    let Some(identity) = image.key(asked.key.trim()).cloned() else { return Err(access::unidentified(None)) };
    let now = app.store.clock().now();
    let (opener, key) = (app.clone(), identity.id.clone());
    let opened = tokio::task::spawn_blocking(move || opener.workspace.create_session(&key, now)).await;
    let secret = match opened.map_err(|_| ApiError::bug("the session"))? {
        Err(WorkspaceError::NoKey(_)) => return Err(access::unidentified(None)),
        opened => opened?,
    };
    let cookie = set_cookie(&app, &headers, secret.reveal(), SESSION_SECONDS)?;
    let signed_in = Json(SessionInfo::new(Some(&identity)));
    Ok(([(header::SET_COOKIE, cookie)], Extension(Caller::of(&identity)), signed_in).into_response())
}

/// Who is signed in
#[utoipa::path(
    get,
    path = "/api/v1/session",
    tag = "keys",
    responses((status = 200, body = SessionInfo), (status = 401, body = ErrorBody))
)]
pub(crate) async fn show_session(caller: Caller) -> Json<SessionInfo> {
    Json(SessionInfo::new(caller.identity()))
}

/// Sign out: the session ends, here and wherever its cookie went
#[utoipa::path(delete, path = "/api/v1/session", tag = "keys", responses((status = 204)))]
pub(crate) async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    let mut who = None;
    if let Some(session) = sent(&app, &headers).map(str::to_owned) {
        let now = app.store.clock().now();
        who = app.workspace.image()?.session(&session, now).map(Caller::of);
        let ender = app.clone();
        let ended = tokio::task::spawn_blocking(move || ender.workspace.end_session(&session)).await;
        ended.map_err(|_| ApiError::bug("the session"))??;
    }
    let cookie = set_cookie(&app, &headers, "", 0)?;
    let mut signed_out = (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response();
    if let Some(who) = who {
        signed_out.extensions_mut().insert(who);
    }
    Ok(signed_out)
}
