//! HTTP: the router and what all routes share. One handler file a noun; [`error`] is the only status table.
//!
//! A handler takes, calls, replies. Guards run before every route: who may ask ([`guard`]), how long, how much.

pub(crate) mod admission;
mod body;
mod console;
mod error;
mod events;
mod guard;
mod health;
mod names;
mod openapi;
mod query;
mod sending;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use outcrop_ingest::Limits;
use outcrop_query::QueryEngine;
use outcrop_storage::Store;
use outcrop_storage::memory::{Memory, Pool};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

pub(crate) use error::ApiError;
pub(crate) use openapi::openapi_json;

use crate::settings::Parts;
use crate::telemetry::Metrics;
use crate::workers::Workers;

/// Requests of ingest between body and receipt: each waits on a thread of its own for the fsync that they share.
pub(crate) const IN_FLIGHT_MAX: usize = 512;
/// Memory for decoding that each thread should find.
const DECODING_BYTES_EACH: usize = 32 << 20;

/// What handlers work with.
#[derive(Clone, Debug)]
pub(crate) struct App(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Arc<Store>,
    pub(crate) engine: QueryEngine,
    pub(crate) metrics: Metrics,
    pub(crate) limits: Limits,
    pub(crate) public_host: Option<String>,
    pub(crate) memory: Memory,
    pub(crate) workers: Workers,
    pub(crate) in_flight: Semaphore,
    pub(crate) grants: Grants,
}

/// What the system grants the process, as it was at start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Grants {
    pub(crate) open_files_max: u64,
    pub(crate) maps_max: u64,
}

impl App {
    pub(crate) fn new(
        store: Arc<Store>,
        engine: QueryEngine,
        parts: &Parts,
        grants: Grants,
    ) -> std::io::Result<App> {
        let memory = store.memory().clone();
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let threads = cores.min(memory.ceiling(Pool::Decoding) / DECODING_BYTES_EACH).max(1);
        Ok(App(Arc::new(Inner {
            store,
            engine,
            metrics: Metrics::new(),
            limits: parts.ingest.decoder(),
            public_host: parts.public_host.clone(),
            memory,
            workers: Workers::start(threads)?,
            in_flight: Semaphore::new(IN_FLIGHT_MAX),
            grants,
        })))
    }
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Every route of the product.
pub(crate) fn router(app: App) -> Router {
    let api = Router::new()
        .route("/events/{dataset}", post(events::accept))
        .route("/query/{dataset}", post(query::query))
        .route("/rows/{dataset}", post(query::rows))
        .route("/datasets", get(query::datasets))
        .route("/fields/{dataset}", get(query::fields))
        .route("/values/{dataset}/{field}", get(query::values))
        .route("/version", get(health::version))
        .route("/openapi.json", get(openapi::document))
        .fallback(error::no_route)
        .method_not_allowed_fallback(error::no_method);
    Router::new()
        .nest("/api/v1", api)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .fallback(console::serve)
        .method_not_allowed_fallback(error::no_method)
        .layer(middleware::from_fn_with_state(app.clone(), sending::account))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(middleware::from_fn_with_state(app.clone(), guard::check))
        .layer(middleware::from_fn_with_state(app.clone(), measure))
        .with_state(app)
}

/// Counts every request by its route, never by its path: paths hold names.
async fn measure(State(app): State<App>, path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = openapi::known_route(path.as_ref().map_or("", MatchedPath::as_str));
    let response = next.run(request).await;
    app.metrics.request(route, response.status().as_u16(), began.elapsed());
    if let Some(why) = response.extensions().get::<admission::Shed>() {
        app.metrics.shed(why.label());
    }
    response
}
