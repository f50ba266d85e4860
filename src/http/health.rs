//! Operating: does it live, can it take events, how does it do, which version is it.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;

pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether events can be taken, and what is not as it should be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    ready: bool,
    /// What was found missing or damaged, and what to do; everything else is served.
    damage: Vec<String>,
    /// Events that start-up read back from the log.
    replayed_events: u64,
}

/// Whether events can be taken
#[utoipa::path(get, path = "/readyz", tag = "operate", responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub(super) async fn readyz(State(app): State<App>) -> Response {
    let health = app.store.health();
    let ready = !health.ingest_down;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = Readiness { ready, damage: health.damage, replayed_events: health.replay.events };
    (status, Json(body)).into_response()
}

pub(super) async fn metrics(State(app): State<App>) -> Response {
    let text = app.metrics.text(&app.store.health());
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    version: &'static str,
}

/// The version of this Outcrop
#[utoipa::path(get, path = "/api/v1/version", tag = "operate", responses((status = 200, body = Version)))]
pub(super) async fn version() -> Json<Version> {
    Json(Version { version: env!("CARGO_PKG_VERSION") })
}
