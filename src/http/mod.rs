//! HTTP: the router and what all routes share. One handler file a noun; [`error`] is the only status table.
//!
//! A handler takes, calls, replies. Before every route runs who may ask at all ([`guard`]) and what a key may do
//! ([`access`]).

mod access;
pub(crate) mod admission;
mod body;
mod compare;
mod console;
mod datasets;
mod deletions;
mod error;
mod etag;
mod events;
mod guard;
mod health;
mod keys;
mod names;
mod object;
mod openapi;
mod query;
mod sending;
mod session;
mod tasks;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use outcrop_ingest::Limits;
use outcrop_query::QueryEngine;
use outcrop_storage::memory::{Memory, Pool};
use outcrop_storage::{Retention, Store};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

pub(crate) use error::ApiError;
pub(crate) use openapi::openapi_json;

use crate::settings::Parts;
use crate::tasks::Tasks;
use crate::telemetry::Metrics;
use crate::workers::Workers;
use crate::workspace::Workspace;

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
    pub(crate) engine: Arc<QueryEngine>,
    pub(crate) workspace: Workspace,
    pub(crate) tasks: Tasks,
    /// One change to a dataset's settings at a time.
    pub(crate) changing_datasets: Mutex<()>,
    /// The policy of datasets without their own.
    pub(crate) retention: Retention,
    pub(crate) metrics: Metrics,
    pub(crate) limits: Limits,
    pub(crate) public_host: Option<String>,
    pub(crate) public_https: bool,
    /// Whether only this machine can reach us.
    pub(crate) loopback_only: bool,
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
        workspace: Workspace,
        parts: &Parts,
        grants: Grants,
    ) -> std::io::Result<App> {
        let memory = store.memory().clone();
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let threads = cores.min(memory.ceiling(Pool::Decoding) / DECODING_BYTES_EACH).max(1);
        Ok(App(Arc::new(Inner {
            store,
            engine: Arc::new(engine),
            workspace,
            tasks: Tasks::default(),
            changing_datasets: Mutex::new(()),
            retention: parts.store.retention,
            metrics: Metrics::new(),
            limits: parts.ingest.decoder(),
            public_host: parts.public_host.clone(),
            public_https: parts.public_https,
            loopback_only: parts.http.ip().is_loopback(),
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
        .route("/events/{dataset}", post(events::accept).delete(deletions::delete_events))
        .route("/query/{dataset}", post(query::query))
        .route("/rows/{dataset}", post(query::rows))
        .route("/compare/{dataset}", post(compare::compare))
        .route("/datasets", get(query::datasets))
        .route(
            "/datasets/{dataset}",
            get(datasets::show_dataset).patch(datasets::change_dataset).delete(datasets::drop_dataset),
        )
        .route("/fields/{dataset}", get(query::fields))
        .route("/values/{dataset}/{field}", get(query::values))
        .route("/tasks", get(tasks::list_tasks))
        .route("/tasks/{id}", get(tasks::show_task).delete(tasks::cancel_task))
        .route("/keys", get(keys::list_keys).post(keys::create_key))
        .route("/keys/{id}", get(keys::show_key).delete(keys::revoke_key))
        .route("/session", get(session::show_session).post(session::sign_in).delete(session::sign_out))
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
        .layer(middleware::from_fn_with_state(app.clone(), access::check))
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
