//! HTTP: the router and what all routes share. One handler file a noun; [`error`] is the only status table.
//!
//! A handler takes, calls, replies. Guards run before every route: who may ask ([`guard`]), how long, how much.

mod caller;
mod console;
mod elasticsearch;
mod error;
mod events;
pub(crate) mod grpc;
mod guard;
mod health;
mod honeycomb;
mod loki;
mod names;
mod openapi;
mod otlp;
mod query;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, get, post};
use outcrop_ingest::{Limits, Protocol};
use outcrop_query::QueryEngine;
use outcrop_storage::Store;
use outcrop_storage::event::DatasetName;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

pub(crate) use error::ApiError;
pub(crate) use openapi::openapi_json;

use crate::settings::Parts;
use crate::telemetry::Metrics;

/// Bodies decoded at once: each may inflate to the body limit and become columns of several times that.
const DECODES_MAX: usize = 2;
/// KiB of bodies in memory at once, as sent.
const BODIES_KIB_MAX: usize = 256 << 10;

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
    pub(crate) cors_origins: Vec<String>,
    pub(crate) decodes: Semaphore,
    pub(crate) bodies_kib: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(store: Arc<Store>, engine: QueryEngine, parts: &Parts) -> App {
        App(Arc::new(Inner {
            store,
            engine,
            metrics: Metrics::new(),
            limits: parts.ingest.decoder(),
            public_host: parts.public_host.clone(),
            cors_origins: parts.cors_origins.clone(),
            decodes: Semaphore::new(DECODES_MAX),
            bodies_kib: Arc::new(Semaphore::new(BODIES_KIB_MAX)),
        }))
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
        .merge(ingest(&app))
        .merge(elasticsearch_manners())
        .nest("/elasticsearch", elasticsearch_manners())
        .route("/elasticsearch", get(elasticsearch::about))
        .route("/elasticsearch/", get(elasticsearch::about))
        .route("/", get(elasticsearch::root))
        .route("/ready", get(loki::ready))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .fallback(console::serve)
        .method_not_allowed_fallback(error::no_method)
        .layer(DefaultBodyLimit::max(query::SPEC_BYTES_MAX))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(middleware::from_fn_with_state(app.clone(), guard::check))
        .layer(middleware::from_fn_with_state(app.clone(), measure))
        .with_state(app)
}

/// The routes of [`guard::INGEST_ROUTES`]: where events come in, also from pages of configured origins.
fn ingest(app: &App) -> Router<App> {
    Router::new()
        .route("/api/v1/events/{dataset}", post(events::accept))
        .route("/1/batch/{dataset}", post(honeycomb::batch))
        .route("/1/events/{dataset}", post(honeycomb::event))
        .route("/1/kinesis_events/{dataset}", post(honeycomb::firehose))
        .route("/1/auth", get(honeycomb::auth))
        .route("/v1/traces", post(otlp::traces))
        .route("/v1/traces/", post(otlp::traces))
        .route("/v1/logs", post(otlp::logs))
        .route("/v1/logs/", post(otlp::logs))
        .route("/v1/metrics", post(otlp::metrics))
        .route("/v1/metrics/", post(otlp::metrics))
        .route("/loki/api/v1/push", post(loki::push))
        .route("/api/prom/push", post(loki::push))
        .route("/_bulk", post(elasticsearch::bulk).put(elasticsearch::bulk))
        .route("/{index}/_bulk", post(elasticsearch::bulk_to).put(elasticsearch::bulk_to))
        .route("/elasticsearch/_bulk", post(elasticsearch::bulk).put(elasticsearch::bulk))
        .route("/elasticsearch/{index}/_bulk", post(elasticsearch::bulk_to).put(elasticsearch::bulk_to))
        .method_not_allowed_fallback(error::no_method)
        .layer(guard::cors(&app.cors_origins))
}

/// What clients of Elasticsearch ask before they send.
fn elasticsearch_manners() -> Router<App> {
    let setup = || any(elasticsearch::setup);
    Router::new()
        .route("/_license", get(elasticsearch::license))
        .route("/_xpack", get(elasticsearch::license))
        .route("/_cluster/health", get(elasticsearch::health))
        .route("/_nodes/http", get(elasticsearch::nodes))
        .route("/_index_template/{name}", setup())
        .route("/_component_template/{name}", setup())
        .route("/_template/{name}", setup())
        .route("/_ilm/policy/{name}", setup())
        .route("/_ingest/pipeline/{name}", setup())
        .route("/_data_stream/{name}", setup())
}

/// Takes bytes that came by another way than a request.
pub(crate) async fn take_bytes(
    app: &App,
    protocol: Protocol,
    dataset: DatasetName,
    bytes: Vec<u8>,
) -> Result<(), ApiError> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let incoming = events::Incoming { protocol, dataset, overflow: None };
    events::take(app, incoming, &headers, bytes.into()).await.map(drop)
}

/// Counts every request by its route, never by its path: paths hold names.
async fn measure(State(app): State<App>, path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = openapi::known_route(path.as_ref().map_or("", MatchedPath::as_str));
    let response = next.run(request).await;
    app.metrics.request(route, response.status().as_u16(), began.elapsed());
    response
}
