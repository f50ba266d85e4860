//! Who asks and what they may do: one layer decides by the table of routes, before a handler runs or a body is read.
//!
//! 1. A request is *identified*: by its key, or by the session that a key opened, or as somebody on this machine while
//!    there never was a key.
//! 2. The route says what it *needs*: nothing, or a scope. A route that is not in [`ROUTES`] answers 405: nothing is open
//!    because somebody forgot it.
//! 3. The datasets in its path are held against those that the scope is limited to.
//!
//! What names no dataset (`*`, lists) is limited by the [`Caller`]: handlers read through [`Caller::snapshot`] and no
//! other way. Ingest asks [`Caller::require`] for each dataset that a body names. It must not know what handlers do.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_storage::event::DatasetName;
use outcrop_storage::{Snapshot, Store};
use serde_json::json;

use super::{ApiError, App, admission, body, error, grpc, recording, session};
use crate::audit::{Entry, Who};
use crate::workspace::{Identity, Reach, Scope};

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// Anybody who may do anything.
    Somebody,
    /// A scope, for the datasets that the path names. Where it names none, the handler asks for those it meets.
    Scope(Scope),
    /// A scope that is not limited to datasets.
    Everywhere(Scope),
}

/// Every route, by method.
pub(super) const ROUTES: &[(&str, &str, Needs)] = &[
    ("POST", "/api/v1/events/{dataset}", Needs::Scope(Scope::Ingest)),
    ("DELETE", "/api/v1/events/{dataset}", Needs::Scope(Scope::Admin)),
    ("POST", "/api/v1/query/{dataset}", Needs::Scope(Scope::Query)),
    ("POST", "/api/v1/rows/{dataset}", Needs::Scope(Scope::Query)),
    ("POST", "/api/v1/compare/{dataset}", Needs::Scope(Scope::Query)),
    ("POST", "/api/v1/sql", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/datasets", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/datasets/{dataset}", Needs::Scope(Scope::Query)),
    ("PATCH", "/api/v1/datasets/{dataset}", Needs::Scope(Scope::Admin)),
    ("DELETE", "/api/v1/datasets/{dataset}", Needs::Scope(Scope::Admin)),
    ("GET", "/api/v1/datasets/{dataset}/roles", Needs::Scope(Scope::Query)),
    ("PUT", "/api/v1/datasets/{dataset}/roles", Needs::Scope(Scope::Admin)),
    ("GET", "/api/v1/events/{dataset}/{sequence}", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/intents", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/intents/{name}", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/tail/{dataset}", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/traces/{trace_id}", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/fields/{dataset}", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/values/{dataset}/{field}", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/tasks", Needs::Scope(Scope::Admin)),
    ("GET", "/api/v1/tasks/{id}", Needs::Scope(Scope::Admin)),
    ("DELETE", "/api/v1/tasks/{id}", Needs::Scope(Scope::Admin)),
    ("GET", "/api/v1/markers", Needs::Scope(Scope::Query)),
    ("POST", "/api/v1/markers", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/markers/{id}", Needs::Scope(Scope::Query)),
    ("PUT", "/api/v1/markers/{id}", Needs::Scope(Scope::Query)),
    ("DELETE", "/api/v1/markers/{id}", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/boards", Needs::Scope(Scope::Query)),
    ("POST", "/api/v1/boards", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/boards/{id}", Needs::Scope(Scope::Query)),
    ("PUT", "/api/v1/boards/{id}", Needs::Scope(Scope::Query)),
    ("DELETE", "/api/v1/boards/{id}", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/redactions", Needs::Everywhere(Scope::Admin)),
    ("POST", "/api/v1/redactions", Needs::Everywhere(Scope::Admin)),
    ("GET", "/api/v1/redactions/{id}", Needs::Everywhere(Scope::Admin)),
    ("PUT", "/api/v1/redactions/{id}", Needs::Everywhere(Scope::Admin)),
    ("DELETE", "/api/v1/redactions/{id}", Needs::Everywhere(Scope::Admin)),
    ("POST", "/api/v1/redactions/dry_run/{dataset}", Needs::Scope(Scope::Admin)),
    ("GET", "/api/v1/queries", Needs::Scope(Scope::Query)),
    ("POST", "/api/v1/queries", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/queries/{id}", Needs::Scope(Scope::Query)),
    ("PUT", "/api/v1/queries/{id}", Needs::Scope(Scope::Query)),
    ("DELETE", "/api/v1/queries/{id}", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/history", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/audit", Needs::Everywhere(Scope::Admin)),
    ("GET", "/1/markers/{dataset}", Needs::Scope(Scope::Query)),
    ("POST", "/1/markers/{dataset}", Needs::Scope(Scope::Query)),
    ("PUT", "/1/markers/{dataset}/{id}", Needs::Scope(Scope::Query)),
    ("DELETE", "/1/markers/{dataset}/{id}", Needs::Scope(Scope::Query)),
    ("GET", "/api/v1/keys", Needs::Everywhere(Scope::Admin)),
    ("POST", "/api/v1/keys", Needs::Everywhere(Scope::Admin)),
    ("GET", "/api/v1/keys/{id}", Needs::Everywhere(Scope::Admin)),
    ("DELETE", "/api/v1/keys/{id}", Needs::Everywhere(Scope::Admin)),
    ("GET", "/api/v1/session", Needs::Somebody),
    ("POST", "/api/v1/session", Needs::Nothing),
    ("DELETE", "/api/v1/session", Needs::Nothing),
    ("GET", "/api/v1/version", Needs::Nothing),
    ("GET", "/api/v1/openapi.json", Needs::Nothing),
    ("POST", "/1/events/{dataset}", Needs::Scope(Scope::Ingest)),
    ("POST", "/1/batch/{dataset}", Needs::Scope(Scope::Ingest)),
    ("POST", "/1/kinesis_events/{dataset}", Needs::Scope(Scope::Ingest)),
    ("POST", "/1/queries/{dataset}", Needs::Scope(Scope::Query)),
    ("GET", "/1/queries/{dataset}/{id}", Needs::Scope(Scope::Query)),
    ("DELETE", "/1/queries/{dataset}/{id}", Needs::Scope(Scope::Query)),
    ("POST", "/1/query_results/{dataset}", Needs::Scope(Scope::Query)),
    ("GET", "/1/query_results/{dataset}/{id}", Needs::Scope(Scope::Query)),
    ("GET", "/1/auth", Needs::Somebody),
    ("POST", "/v1/traces", Needs::Scope(Scope::Ingest)),
    ("POST", "/v1/traces/", Needs::Scope(Scope::Ingest)),
    ("POST", "/v1/logs", Needs::Scope(Scope::Ingest)),
    ("POST", "/v1/logs/", Needs::Scope(Scope::Ingest)),
    ("POST", "/v1/metrics", Needs::Scope(Scope::Ingest)),
    ("POST", "/v1/metrics/", Needs::Scope(Scope::Ingest)),
    ("POST", grpc::TRACES, Needs::Scope(Scope::Ingest)),
    ("POST", grpc::LOGS, Needs::Scope(Scope::Ingest)),
    ("POST", grpc::METRICS, Needs::Scope(Scope::Ingest)),
    ("POST", "/loki/api/v1/push", Needs::Scope(Scope::Ingest)),
    ("POST", "/api/prom/push", Needs::Scope(Scope::Ingest)),
    ("GET", "/ready", Needs::Nothing),
    ("POST", "/_bulk", Needs::Scope(Scope::Ingest)),
    ("POST", "/{index}/_bulk", Needs::Scope(Scope::Ingest)),
    ("PUT", "/_bulk", Needs::Scope(Scope::Ingest)),
    ("PUT", "/{index}/_bulk", Needs::Scope(Scope::Ingest)),
    ("GET", "/_license", Needs::Somebody),
    ("GET", "/_xpack", Needs::Somebody),
    ("GET", "/_cluster/health", Needs::Somebody),
    ("GET", "/_nodes/http", Needs::Somebody),
    ("GET", "/_index_template/{name}", Needs::Somebody),
    ("PUT", "/_index_template/{name}", Needs::Somebody),
    ("GET", "/_component_template/{name}", Needs::Somebody),
    ("PUT", "/_component_template/{name}", Needs::Somebody),
    ("GET", "/_template/{name}", Needs::Somebody),
    ("PUT", "/_template/{name}", Needs::Somebody),
    ("GET", "/_ilm/policy/{name}", Needs::Somebody),
    ("PUT", "/_ilm/policy/{name}", Needs::Somebody),
    ("GET", "/_ingest/pipeline/{name}", Needs::Somebody),
    ("PUT", "/_ingest/pipeline/{name}", Needs::Somebody),
    ("GET", "/_data_stream/{name}", Needs::Somebody),
    ("PUT", "/_data_stream/{name}", Needs::Somebody),
    ("POST", "/elasticsearch/_bulk", Needs::Scope(Scope::Ingest)),
    ("POST", "/elasticsearch/{index}/_bulk", Needs::Scope(Scope::Ingest)),
    ("PUT", "/elasticsearch/_bulk", Needs::Scope(Scope::Ingest)),
    ("PUT", "/elasticsearch/{index}/_bulk", Needs::Scope(Scope::Ingest)),
    ("GET", "/elasticsearch/_license", Needs::Somebody),
    ("GET", "/elasticsearch/_xpack", Needs::Somebody),
    ("GET", "/elasticsearch/_cluster/health", Needs::Somebody),
    ("GET", "/elasticsearch/_nodes/http", Needs::Somebody),
    ("GET", "/elasticsearch/_index_template/{name}", Needs::Somebody),
    ("PUT", "/elasticsearch/_index_template/{name}", Needs::Somebody),
    ("GET", "/elasticsearch/_component_template/{name}", Needs::Somebody),
    ("PUT", "/elasticsearch/_component_template/{name}", Needs::Somebody),
    ("GET", "/elasticsearch/_template/{name}", Needs::Somebody),
    ("PUT", "/elasticsearch/_template/{name}", Needs::Somebody),
    ("GET", "/elasticsearch/_ilm/policy/{name}", Needs::Somebody),
    ("PUT", "/elasticsearch/_ilm/policy/{name}", Needs::Somebody),
    ("GET", "/elasticsearch/_ingest/pipeline/{name}", Needs::Somebody),
    ("PUT", "/elasticsearch/_ingest/pipeline/{name}", Needs::Somebody),
    ("GET", "/elasticsearch/_data_stream/{name}", Needs::Somebody),
    ("PUT", "/elasticsearch/_data_stream/{name}", Needs::Somebody),
    ("GET", "/elasticsearch", Needs::Somebody),
    ("GET", "/elasticsearch/", Needs::Somebody),
    ("GET", "/", Needs::Nothing),
    ("GET", "/healthz", Needs::Nothing),
    ("GET", "/readyz", Needs::Nothing),
    ("GET", "/metrics", Needs::Nothing),
];

/// The path parameter that names datasets.
const DATASET: &str = "dataset";

/// Whoever asks.
#[derive(Clone, Debug)]
pub(super) struct Caller(Option<Arc<Identity>>);

/// What somebody on this machine may do while there never was a key.
const KEYLESS: [Scope; 2] = [Scope::Ingest, Scope::Query];

impl Caller {
    /// The key's id; never the key itself.
    pub(super) fn id(&self) -> &str {
        self.0.as_ref().map_or("this-machine", |key| key.id.as_str())
    }

    /// The same for the audit log, with what the key is called.
    pub(super) fn who(&self) -> Who {
        Who { id: self.id().to_owned(), name: self.0.as_ref().map(|key| key.name.clone()) }
    }

    /// Whoever a key belongs to.
    pub(super) fn of(identity: &Arc<Identity>) -> Caller {
        Caller(Some(Arc::clone(identity)))
    }

    /// Lets a request in, unless its key may not do so much.
    pub(super) fn enter(&self, app: &App, sends: bool) -> Result<(), ApiError> {
        let Some(key) = &self.0 else { return Ok(()) };
        let entered = app.rates.enter(&key.id, key.limits, sends, Instant::now());
        entered.map_err(|why| admission::too_fast(key, why))
    }

    /// Events that were taken of the caller's count towards what may come next.
    pub(super) fn draw(&self, app: &App, events: u64) {
        if let Some(key) = &self.0 {
            app.rates.draw(&key.id, key.limits, events, Instant::now());
        }
    }

    /// Whoever sends where there are no keys, which is on this machine unless the operator said otherwise.
    pub(super) fn without_key() -> Caller {
        Caller(None)
    }

    pub(super) fn identity(&self) -> Option<&Identity> {
        self.0.as_deref()
    }

    fn reach(&self, scope: Scope) -> Option<&Reach> {
        match &self.0 {
            Some(key) => key.scopes.reach(scope),
            None => KEYLESS.contains(&scope).then_some(&Reach::All),
        }
    }

    /// Whether there is any dataset for which the caller has the scope.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.reach(scope).is_some()
    }

    /// Refuses what the key's scopes do not include.
    pub(super) fn require(&self, scope: Scope, dataset: &DatasetName) -> Result<(), ApiError> {
        let reach = self.reach(scope).ok_or_else(|| self.lacks(scope))?;
        if reach.includes(dataset) { Ok(()) } else { Err(self.lacks_dataset(scope, dataset.as_str())) }
    }

    /// What the caller may read: the only way for a handler to come by events.
    pub(super) fn snapshot(&self, store: &Store) -> Snapshot {
        self.snapshot_for(Scope::Query, store)
    }

    /// What a scope of the caller includes.
    pub(super) fn snapshot_for(&self, scope: Scope, store: &Store) -> Snapshot {
        let mut snapshot = store.snapshot();
        let reach = self.reach(scope);
        snapshot.datasets.retain(|dataset| reach.is_some_and(|reach| reach.includes(&dataset.name)));
        snapshot
    }

    /// The datasets that any scope of the caller includes: for what they are called, not for their events.
    pub(super) fn any_snapshot(&self, store: &Store) -> Snapshot {
        let mut snapshot = store.snapshot();
        let reaches: Vec<&Reach> = Scope::ALL.into_iter().filter_map(|scope| self.reach(scope)).collect();
        snapshot.datasets.retain(|dataset| reaches.iter().any(|reach| reach.includes(&dataset.name)));
        snapshot
    }

    /// Refuses datasets that are named elsewhere than in the path and that the caller may not read.
    pub(super) fn may_read(&self, datasets: &str) -> Result<(), ApiError> {
        self.needs(Needs::Scope(Scope::Query), Some(datasets))
    }

    /// Refuses whoever may not read every dataset.
    pub(super) fn may_read_everything(&self) -> Result<(), ApiError> {
        self.needs(Needs::Everywhere(Scope::Query), None)
    }

    /// The datasets that the caller may read.
    pub(super) fn readable(&self) -> Reach {
        self.reach(Scope::Query).cloned().unwrap_or(Reach::Only(BTreeSet::new()))
    }

    fn needs(&self, needs: Needs, datasets: Option<&str>) -> Result<(), ApiError> {
        let (Needs::Scope(scope) | Needs::Everywhere(scope)) = needs else { return Ok(()) };
        let reach = self.reach(scope).ok_or_else(|| self.lacks(scope))?;
        if *reach == Reach::All {
            return Ok(());
        }
        if matches!(needs, Needs::Everywhere(_)) {
            return Err(self.lacks_dataset(scope, "*"));
        }
        let Some(datasets) = datasets else { return Ok(()) };
        if is_all(datasets) {
            // Questions are answered from what the key may read; changes are not made to some of what was named.
            return if scope == Scope::Query { Ok(()) } else { Err(self.lacks_dataset(scope, "*")) };
        }
        // What cannot be a name is no dataset; the handler says so.
        let names = datasets.split(',').filter_map(|name| DatasetName::new(name).ok());
        names.into_iter().try_for_each(|name| self.require(scope, &name))
    }

    fn lacks(&self, scope: Scope) -> ApiError {
        let Some(key) = &self.0 else { return unidentified(Some(scope)) };
        let scope = scope.label();
        ApiError::new(
            StatusCode::FORBIDDEN,
            "wrong_scope",
            format!(
                "the key {:?} does not have the scope {scope}; use one that has, or make one: \
                 outcrop keys create --name NAME --scope {scope}",
                key.name
            ),
        )
        .with(json!({ "key": key.id, "scope": scope }))
    }

    fn lacks_dataset(&self, scope: Scope, dataset: &str) -> ApiError {
        let (id, name) = self.0.as_ref().map_or(("", ""), |key| (key.id.as_str(), key.name.as_str()));
        let scope = scope.label();
        ApiError::new(
            StatusCode::FORBIDDEN,
            "wrong_dataset",
            format!(
                "the key {name:?} has the scope {scope} for other datasets than {dataset:?}; use one that has it there"
            ),
        )
        .with(json!({ "key": id, "scope": scope, "dataset": dataset }))
    }
}

/// Whether a path names all datasets.
pub(super) fn is_all(datasets: &str) -> bool {
    matches!(datasets.trim(), "*" | "__all__")
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Caller, ApiError> {
        let caller = parts.extensions.get::<Caller>().cloned();
        // A route that needs nothing has no caller: its handler must not look for one.
        caller.ok_or_else(|| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "BUG: nobody was identified"))
    }
}

pub(super) async fn check(
    State(app): State<App>,
    path: Option<MatchedPath>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    // What matches no route, and what browsers ask before they ask, reaches no handler of ours.
    let Some(path) = path.filter(|_| request.method() != Method::OPTIONS) else { return next.run(request).await };
    let Some(needs) = needs(request.method(), path.as_str()) else {
        return error::no_method(request.method().clone()).await.into_response();
    };
    if needs != Needs::Nothing {
        let datasets = params.iter().flatten().find(|(name, _)| *name == DATASET).map(|(_, value)| value);
        let caller = identify(&app, request.headers(), needs);
        let admitted = caller.as_ref().map_err(ApiError::clone).and_then(|caller| caller.needs(needs, datasets));
        if let Err(refused) = admitted {
            recording::refused(&app, &request, path.as_str(), caller.as_ref().ok(), &refused);
            return refused.into_response();
        }
        if let Ok(caller) = caller {
            if let Err(refused) = caller.enter(&app, takes_events(request.method(), path.as_str())) {
                let (parts, body) = request.into_parts();
                body::discard(&parts.headers, body, app.limits.body_bytes_max).await;
                return refused.into_response();
            }
            request.extensions_mut().insert(caller);
        }
    }
    next.run(request).await
}

/// Whether somebody says who they are, truly or not.
pub(super) fn has_credentials(app: &App, headers: &HeaderMap) -> bool {
    sent_key(headers).is_some_and(|sent| !sent.is_empty()) || session::sent(app, headers).is_some()
}

/// Whoever sent these headers, if they may read the datasets now.
pub(super) fn may_still_read(app: &App, headers: &HeaderMap, datasets: &str) -> Option<Caller> {
    let caller = identify(app, headers, Needs::Scope(Scope::Query)).ok()?;
    caller.may_read(datasets).ok().map(|()| caller)
}

fn needs(method: &Method, path: &str) -> Option<Needs> {
    let method = if method == Method::HEAD { Method::GET } else { method.clone() };
    ROUTES.iter().find(|(m, p, _)| *m == method.as_str() && *p == path).map(|(_, _, needs)| *needs)
}

/// Whether events come in by this route.
pub(super) fn takes_events(method: &Method, path: &str) -> bool {
    needs(method, path) == Some(Needs::Scope(Scope::Ingest))
}

/// Whether a path has something that needs anybody.
pub(super) fn is_guarded(path: &str) -> bool {
    ROUTES.iter().any(|(_, p, needs)| *p == path && *needs != Needs::Nothing)
}

/// Whoever sent these headers. A wrong key and none get the same answer.
fn identify(app: &App, headers: &HeaderMap, needs: Needs) -> Result<Caller, ApiError> {
    let image = app.workspace.image()?;
    if app.loopback_only && image.is_keyless() {
        return Ok(Caller(None));
    }
    let now = app.store.clock().now();
    let identity = match sent_key(headers) {
        Some(sent) => image.key(&sent),
        None => session::sent(app, headers).and_then(|sent| image.session(sent, now)),
    };
    let scope = match needs {
        Needs::Scope(scope) | Needs::Everywhere(scope) => Some(scope),
        Needs::Nothing | Needs::Somebody => None,
    };
    let identity = identity.ok_or_else(|| unidentified(scope))?;
    if identity.wants_note(now) {
        note_used(app.clone(), Arc::clone(identity), now);
    }
    Ok(Caller(Some(Arc::clone(identity))))
}

/// Whoever asks with this key, or without one, if that may ask.
pub(super) fn reader(app: &App, key: Option<&str>) -> Option<Caller> {
    let image = app.workspace.image().ok()?;
    if app.loopback_only && image.is_keyless() {
        return Some(Caller(None));
    }
    let (now, identity) = (app.store.clock().now(), image.key(key?.trim())?);
    if identity.wants_note(now) {
        note_used(app.clone(), Arc::clone(identity), now);
    }
    Some(Caller(Some(Arc::clone(identity)))).filter(|caller| caller.may(Scope::Query))
}

/// In its own time: no request waits for it.
fn note_used(app: App, identity: Arc<Identity>, now: i64) {
    tokio::spawn({
        let (app, who) = (app.clone(), Caller::of(&identity).who());
        async move {
            app.audit.asked(Entry { time: now, who: Some(who), peer: None, action: "key.used", what: json!({}) }).await
        }
    });
    tokio::task::spawn_blocking(move || {
        if let Err(error) = app.workspace.note_used(&identity.id, now) {
            tracing::warn!("cannot write down that the key {} was used: {error}", identity.id);
        }
    });
}

/// The headers that a key may be in by itself.
const KEY_HEADERS: [&str; 3] = ["x-outcrop-key", "x-honeycomb-team", "x-amz-firehose-access-key"];

/// The first of the headers that a key may be in; an empty text if it cannot be read.
fn sent_key(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().unwrap_or_default();
        let (scheme, sent) = text.split_once(' ').unwrap_or_default();
        return Some(match scheme.to_ascii_lowercase().as_str() {
            "bearer" => sent.trim().into(),
            // What log shippers have: a user and a password, or an id and a key. Whatever is before the colon is theirs.
            "basic" => paired(sent.trim()).unwrap_or_default().into(),
            "apikey" => paired(sent.trim()).map_or(sent.trim().into(), Cow::Owned),
            _ => "".into(),
        });
    }
    let value = KEY_HEADERS.iter().find_map(|name| headers.get(*name))?;
    Some(value.to_str().unwrap_or_default().trim().into())
}

/// What is behind the colon in a text that is base64.
fn paired(sent: &str) -> Option<String> {
    let pair = String::from_utf8(STANDARD.decode(sent).ok()?).ok()?;
    pair.split_once(':').map(|(_, key)| key.to_owned())
}

/// The one answer to a missing, wrong, revoked or expired key.
pub(super) fn unidentified(scope: Option<Scope>) -> ApiError {
    let with = scope.map_or_else(String::new, |scope| format!(" with the scope {}", scope.label()));
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "key_needed",
        format!(
            "this needs a valid key{with}: send it as Authorization: Bearer KEY, or as X-Outcrop-Key: KEY; \
             outcrop keys create makes one"
        ),
    )
    .with(scope.map_or_else(|| json!({}), |scope| json!({ "scope": scope.label() })))
}
