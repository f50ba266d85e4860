//! Operating: does it live, can it take events, how does it do, which version is it.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use outcrop_storage::memory::PoolUsage;
use outcrop_storage::{StoreHealth, machine};
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
    /// Why not, in words; empty when ready.
    reasons: Vec<String>,
    /// What was found missing or damaged, and what to do; everything else is served.
    damage: Vec<String>,
    /// Events that start-up read back from the log.
    replayed_events: u64,
    disk: DiskReadiness,
    memory: Vec<PoolReadiness>,
    limits: LimitsReadiness,
}

/// The device that holds the data.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiskReadiness {
    total_bytes: u64,
    available_bytes: u64,
    used_percent: u64,
    /// What ingest leaves free.
    reserve_bytes: u64,
    /// What ingest may still write.
    headroom_bytes: u64,
}

/// One use of memory.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PoolReadiness {
    pool: &'static str,
    used_bytes: usize,
    limit_bytes: usize,
}

/// What the system grants the process.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LimitsReadiness {
    open_files: u64,
    open_files_limit: u64,
    maps_limit: u64,
}

/// Why events cannot be taken.
fn reasons(health: &StoreHealth) -> Vec<String> {
    let mut reasons = Vec::new();
    if health.space.full {
        reasons.push(format!(
            "the disk is full: {} of {} bytes are free and {} are kept in reserve; free space or shorten the retention",
            health.space.available_bytes, health.space.total_bytes, health.space.reserve_bytes
        ));
    }
    if health.ingest_down {
        reasons.push("no log file can be opened; see the log of the server for what the disk says".to_owned());
    }
    reasons
}

/// Whether events can be taken
#[utoipa::path(get, path = "/readyz", tag = "operate", responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub(super) async fn readyz(State(app): State<App>) -> Response {
    let health = app.store.health();
    let (reasons, space) = (reasons(&health), health.space);
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let pool = |usage: PoolUsage| PoolReadiness {
        pool: usage.pool.label(),
        used_bytes: usage.used_bytes,
        limit_bytes: usage.ceiling_bytes,
    };
    let body = Readiness {
        ready,
        reasons,
        damage: health.damage,
        replayed_events: health.replay.events,
        disk: DiskReadiness {
            total_bytes: space.total_bytes,
            available_bytes: space.available_bytes,
            used_percent: space.used_percent(),
            reserve_bytes: space.reserve_bytes,
            headroom_bytes: space.headroom_bytes,
        },
        memory: app.memory.usage().map(pool).into(),
        limits: LimitsReadiness {
            open_files: machine::open_files().unwrap_or(0),
            open_files_limit: app.grants.open_files_max,
            maps_limit: app.grants.maps_max,
        },
    };
    (status, Json(body)).into_response()
}

pub(super) async fn metrics(State(app): State<App>) -> Response {
    let text = app.metrics.text(&app.store.health(), &app.memory, app.grants, app.engine.counts(), app.audit.counts());
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
