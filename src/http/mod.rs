//! HTTP: the router and what all routes share. One handler file a noun; [`error`] is the only status table.
//!
//! A handler takes, calls, replies. Before every route runs who may ask at all ([`guard`]) and what a key may do
//! ([`access`]); behind it, how its protocol says that something was refused ([`dialect`]).

mod access;
pub(crate) mod admission;
mod audit;
mod body;
mod compare;
mod console;
mod datasets;
mod deletions;
mod dialect;
mod dry_runs;
mod elasticsearch;
mod error;
mod etag;
mod events;
mod export;
pub(crate) mod grpc;
mod guard;
mod health;
mod honeycomb;
mod intents;
mod kept;
mod keys;
mod loki;
mod names;
mod object;
mod openapi;
mod otlp;
mod query;
mod query_data;
mod recording;
mod sending;
mod session;
mod sql;
mod tail;
mod tasks;
mod telling;
#[cfg(test)]
mod tests;
mod traces;
mod working;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post, put};
use outcrop_ingest::{Limits, Protocol, Redaction};
use outcrop_query::{QueryEngine, Statement};
use outcrop_storage::event::DatasetName;
use outcrop_storage::memory::{Memory, Pool};
use outcrop_storage::{Retention, Snapshot, Store};
use serde_json::json;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;

pub(crate) use error::ApiError;
pub(crate) use events::store_own;
pub(crate) use kept::history::{History, write as write_history};
pub(crate) use kept::markers::MARKERS;
pub(crate) use openapi::openapi_json;
pub(crate) use working::working;

use crate::audit::{Audit, Refusal};
use crate::own::Own;
use crate::rates::Rates;
use crate::redactions::Redactions;
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
    pub(crate) history: History,
    pub(crate) audit: Audit,
    pub(crate) tails: tail::Tails,
    pub(crate) results: query_data::Results,
    /// One change to a dataset's settings at a time.
    pub(crate) changing_datasets: Mutex<()>,
    /// The policy of datasets without their own.
    pub(crate) retention: Retention,
    pub(crate) redactions: Redactions,
    pub(crate) rates: Rates,
    pub(crate) metrics: Metrics,
    pub(crate) own: Own,
    pub(crate) limits: Limits,
    pub(crate) public_host: Option<String>,
    pub(crate) public_https: bool,
    /// Whether every request comes over TLS.
    pub(crate) is_tls: bool,
    /// Origins whose pages may send events, and how their browsers are told.
    pub(crate) cors_origins: Vec<String>,
    pub(crate) cors: CorsLayer,
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
        history: History,
        audit: Audit,
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
            history,
            audit,
            tails: tail::Tails::new(),
            results: query_data::Results::new(memory.clone()),
            changing_datasets: Mutex::new(()),
            retention: parts.store.retention,
            redactions: Redactions::new(parts.redaction_secret.clone()),
            rates: Rates::default(),
            metrics: Metrics::new(),
            own: Own::new(parts.own_events.clone()),
            limits: parts.ingest.decoder(),
            public_host: parts.public_host.clone(),
            public_https: parts.public_https,
            is_tls: parts.tls.is_some(),
            cors_origins: parts.cors_origins.clone(),
            cors: guard::cors(&parts.cors_origins),
            loopback_only: parts.is_loopback_only(),
            memory,
            workers: Workers::start(threads)?,
            in_flight: Semaphore::new(IN_FLIGHT_MAX),
            grants,
        })))
    }
}

impl App {
    /// For whoever must not hold the store open.
    pub(crate) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.0)
    }

    pub(crate) fn upgraded(inner: &Weak<Inner>) -> Option<App> {
        inner.upgrade().map(App)
    }

    /// What must not be kept, as the rules are now.
    pub(crate) fn redaction(&self) -> Result<Arc<Redaction>, ApiError> {
        let image = self.workspace.image()?;
        self.redactions.following(image.redactions()).map_err(|error| {
            tracing::error!("the rules of redaction cannot be followed: {error}");
            ApiError::bug("the workspace")
        })
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
        .route("/sql", post(sql::sql))
        .route("/datasets", get(query::datasets))
        .route(
            "/datasets/{dataset}",
            get(datasets::show_dataset).patch(datasets::change_dataset).delete(datasets::drop_dataset),
        )
        .route("/datasets/{dataset}/roles", get(traces::show_roles).put(traces::change_roles))
        .route("/events/{dataset}/{sequence}", get(traces::show_event))
        .route("/intents", get(intents::list_intents))
        .route("/intents/{name}", get(intents::show_intent))
        .route("/tail/{dataset}", get(tail::tail))
        .route("/traces/{trace_id}", get(traces::show_trace))
        .route("/fields/{dataset}", get(query::fields))
        .route("/values/{dataset}/{field}", get(query::values))
        .route("/tasks", get(tasks::list_tasks))
        .route("/tasks/{id}", get(tasks::show_task).delete(tasks::cancel_task))
        .route("/keys", get(keys::list_keys).post(keys::create_key))
        .route("/keys/{id}", get(keys::show_key).delete(keys::revoke_key))
        .route("/audit", get(audit::list_audit))
        .merge(kept_routes())
        .route("/session", get(session::show_session).post(session::sign_in).delete(session::sign_out))
        .route("/version", get(health::version))
        .route("/openapi.json", get(openapi::document))
        .fallback(error::no_route)
        .method_not_allowed_fallback(error::no_method);
    Router::new()
        .nest("/api/v1", api)
        .merge(protocols())
        .merge(elasticsearch_routes())
        .nest("/elasticsearch", elasticsearch_routes())
        .route("/elasticsearch", get(elasticsearch::about))
        .route("/elasticsearch/", get(elasticsearch::about))
        .route("/", get(elasticsearch::root))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .fallback(console::serve)
        .method_not_allowed_fallback(error::no_method)
        .layer(middleware::from_fn_with_state(app.clone(), sending::account))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(middleware::from_fn_with_state(app.clone(), recording::record))
        .layer(middleware::from_fn_with_state(app.clone(), access::check))
        .layer(middleware::from_fn_with_state(app.clone(), dialect::translate))
        .layer(middleware::from_fn_with_state(app.clone(), guard::check))
        .layer(middleware::from_fn_with_state(app.clone(), measure))
        .with_state(app)
}

/// What people make and keep.
fn kept_routes() -> Router<App> {
    use kept::{boards, history, markers, queries, redactions};
    Router::new()
        .route("/markers", get(markers::list_markers).post(markers::create_marker))
        .route("/markers/{id}", get(markers::show_marker).put(markers::change_marker).delete(markers::delete_marker))
        .route("/boards", get(boards::list_boards).post(boards::create_board))
        .route("/boards/{id}", get(boards::show_board).put(boards::change_board).delete(boards::delete_board))
        .route("/queries", get(queries::list_queries).post(queries::create_query))
        .route("/queries/{id}", get(queries::show_query).put(queries::change_query).delete(queries::delete_query))
        .route("/redactions", get(redactions::list_redactions).post(redactions::create_redaction))
        .route("/redactions/dry_run/{dataset}", post(dry_runs::begin_dry_run))
        .route(
            "/redactions/{id}",
            get(redactions::show_redaction).put(redactions::change_redaction).delete(redactions::delete_redaction),
        )
        .route("/history", get(history::list_history))
}

/// Where events come in that speak other protocols.
fn protocols() -> Router<App> {
    Router::new()
        .route("/1/batch/{dataset}", post(honeycomb::batch))
        .route("/1/events/{dataset}", post(honeycomb::event))
        .route("/1/kinesis_events/{dataset}", post(honeycomb::firehose))
        .route(
            "/1/markers/{dataset}",
            get(kept::markers::list_honeycomb_markers).post(kept::markers::create_honeycomb_marker),
        )
        .route(
            "/1/markers/{dataset}/{id}",
            put(kept::markers::change_honeycomb_marker).delete(kept::markers::delete_honeycomb_marker),
        )
        .route("/1/queries/{dataset}", post(query_data::create_honeycomb_query))
        .route(
            "/1/queries/{dataset}/{id}",
            get(query_data::show_honeycomb_query).delete(query_data::delete_honeycomb_query),
        )
        .route("/1/query_results/{dataset}", post(query_data::create_honeycomb_result))
        .route("/1/query_results/{dataset}/{id}", get(query_data::show_honeycomb_result))
        .route("/1/auth", get(honeycomb::auth))
        .route("/v1/traces", post(otlp::traces))
        .route("/v1/traces/", post(otlp::traces))
        .route("/v1/logs", post(otlp::logs))
        .route("/v1/logs/", post(otlp::logs))
        .route("/v1/metrics", post(otlp::metrics))
        .route("/v1/metrics/", post(otlp::metrics))
        .route("/loki/api/v1/push", post(loki::push))
        .route("/api/prom/push", post(loki::push))
        .route("/ready", get(loki::ready))
}

/// Bulk requests, and what clients of Elasticsearch ask before they send them.
fn elasticsearch_routes() -> Router<App> {
    let setup = || get(elasticsearch::nothing).put(elasticsearch::acknowledge);
    Router::new()
        .route("/_bulk", post(elasticsearch::bulk).put(elasticsearch::bulk))
        .route("/{index}/_bulk", post(elasticsearch::bulk_to).put(elasticsearch::bulk_to))
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

/// What may be read with this key, or without one; none if that is not let in. For those who come by another way than a
/// request.
pub(crate) fn sql_reader(app: &App, key: Option<&str>) -> Option<Snapshot> {
    access::reader(app, key).map(|caller| caller.snapshot(&app.store))
}

/// Lets a question in SQL in that came by another way than a request; why not, in words.
pub(crate) fn enter_sql(app: &App, key: Option<&str>) -> Result<(), String> {
    // Without one that counts there is nothing that could be read.
    let Some(caller) = access::reader(app, key) else { return Ok(()) };
    caller.enter(app, false).map_err(|refused| {
        app.metrics.shed(admission::Shed::Rate.label());
        refused.message().to_owned()
    })
}

/// Records such a question.
pub(crate) async fn note_sql(app: &App, key: Option<&str>, peer: IpAddr, statement: Statement) {
    let Some(caller) = access::reader(app, key) else { return };
    let Statement { sql, parameters } = statement;
    let mut body = json!({ "sql": sql });
    if !parameters.is_empty() {
        body["parameters"] = json!(parameters);
    }
    let what = json!({ "body": body, "protocol": "postgres" });
    app.audit.asked(recording::entry(app, "sql", Some(caller.who()), Some(peer.to_string()), what)).await;
}

/// Counts somebody who came by another way than a request and was not let in.
pub(crate) fn refuse_sql(app: &App, peer: IpAddr) {
    let (peer, route, code) = (Some(peer.to_string()), "postgres".to_owned(), "key_needed".to_owned());
    app.audit.refused(Refusal { who: None, peer, route, code }, app.store.clock().now());
}

/// Takes bytes that came by another way than a request, and from somebody who has no key.
pub(crate) async fn take_bytes(
    app: &App,
    protocol: Protocol,
    dataset: DatasetName,
    bytes: Bytes,
) -> Result<(), ApiError> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let incoming = events::Incoming { protocol, dataset, overflow: None };
    events::take(app, &access::Caller::without_key(), incoming, &headers, bytes.into()).await.map(drop)
}

/// Counts every request by its route, never by its path: paths hold names.
async fn measure(State(app): State<App>, path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = openapi::known_route(path.as_ref().map_or("", MatchedPath::as_str));
    let response = next.run(request).await;
    let status = response.extensions().get::<StatusCode>().copied().unwrap_or(response.status());
    app.metrics.request(route, status.as_u16(), began.elapsed());
    if let Some(why) = response.extensions().get::<admission::Shed>() {
        app.metrics.shed(why.label());
    }
    response
}
