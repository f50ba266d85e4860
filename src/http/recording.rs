//! What of a request goes into the audit log: one layer decides by a table of routes, so that no handler can forget it.
//!
//! A question is recorded before it is answered, as soon as its body was read: who reads on cannot take that back. A change is
//! recorded when it is made and before its asker is told, and it is carried through whether its asker waits or not. What is
//! told of either has been redacted like the history. It must not know what handlers do.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, Query, RawPathParams, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::access::{self, Caller};
use super::{ApiError, App};
use crate::audit::{Entry, Refusal, Who, bounded};
use crate::connections::Peer;
use crate::redactions::{one_dataset, redact_spec};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The path and its options say everything.
    Look,
    /// The body says what is asked.
    Question,
    Change,
    /// A change that names values which are to be nowhere afterwards.
    Removal,
    /// A change whose body is a secret.
    Secret,
}

/// What routes do, in the words of the log. Those that are not here are about things that anybody may know who knows the
/// address, or take events.
const ACTIONS: &[(&str, &str, Kind, &str)] = &[
    ("POST", "/api/v1/query/{dataset}", Kind::Question, "query"),
    ("POST", "/api/v1/rows/{dataset}", Kind::Question, "rows"),
    ("POST", "/api/v1/compare/{dataset}", Kind::Question, "compare"),
    ("POST", "/api/v1/sql", Kind::Question, "sql"),
    ("POST", "/1/queries/{dataset}", Kind::Question, "query"),
    ("POST", "/1/query_results/{dataset}", Kind::Question, "query"),
    ("GET", "/1/query_results/{dataset}/{id}", Kind::Look, "query"),
    ("GET", "/api/v1/tail/{dataset}", Kind::Look, "tail"),
    ("GET", "/api/v1/traces/{trace_id}", Kind::Look, "trace"),
    ("GET", "/api/v1/events/{dataset}/{sequence}", Kind::Look, "event"),
    ("GET", "/api/v1/fields/{dataset}", Kind::Look, "fields"),
    ("GET", "/api/v1/values/{dataset}/{field}", Kind::Look, "values"),
    ("GET", "/api/v1/intents", Kind::Look, "intents"),
    ("GET", "/api/v1/intents/{name}", Kind::Look, "intents"),
    ("GET", "/api/v1/history", Kind::Look, "history"),
    ("GET", "/api/v1/audit", Kind::Look, "audit"),
    ("POST", "/api/v1/redactions/dry_run/{dataset}", Kind::Question, "redaction.dry_run"),
    ("DELETE", "/api/v1/events/{dataset}", Kind::Removal, "events.delete"),
    ("PATCH", "/api/v1/datasets/{dataset}", Kind::Change, "dataset.change"),
    ("DELETE", "/api/v1/datasets/{dataset}", Kind::Change, "dataset.drop"),
    ("PUT", "/api/v1/datasets/{dataset}/roles", Kind::Change, "roles.change"),
    ("DELETE", "/api/v1/tasks/{id}", Kind::Change, "task.cancel"),
    ("POST", "/api/v1/keys", Kind::Change, "key.create"),
    ("DELETE", "/api/v1/keys/{id}", Kind::Change, "key.revoke"),
    ("POST", "/api/v1/session", Kind::Secret, "session.open"),
    ("DELETE", "/api/v1/session", Kind::Secret, "session.close"),
    ("POST", "/api/v1/markers", Kind::Change, "marker.create"),
    ("PUT", "/api/v1/markers/{id}", Kind::Change, "marker.change"),
    ("DELETE", "/api/v1/markers/{id}", Kind::Change, "marker.delete"),
    ("POST", "/1/markers/{dataset}", Kind::Change, "marker.create"),
    ("PUT", "/1/markers/{dataset}/{id}", Kind::Change, "marker.change"),
    ("DELETE", "/1/markers/{dataset}/{id}", Kind::Change, "marker.delete"),
    ("POST", "/api/v1/boards", Kind::Change, "board.create"),
    ("PUT", "/api/v1/boards/{id}", Kind::Change, "board.change"),
    ("DELETE", "/api/v1/boards/{id}", Kind::Change, "board.delete"),
    ("POST", "/api/v1/queries", Kind::Change, "query.create"),
    ("PUT", "/api/v1/queries/{id}", Kind::Change, "query.change"),
    ("DELETE", "/api/v1/queries/{id}", Kind::Change, "query.delete"),
    ("DELETE", "/1/queries/{dataset}/{id}", Kind::Change, "query.delete"),
    ("POST", "/api/v1/redactions", Kind::Change, "redaction.create"),
    ("PUT", "/api/v1/redactions/{id}", Kind::Change, "redaction.change"),
    ("DELETE", "/api/v1/redactions/{id}", Kind::Change, "redaction.delete"),
];

fn action(method: &Method, path: &str) -> Option<(Kind, &'static str)> {
    let method = if method == Method::HEAD { Method::GET } else { method.clone() };
    ACTIONS.iter().find(|(m, p, ..)| *m == method.as_str() && *p == path).map(|(_, _, kind, name)| (*kind, *name))
}

/// What came of a change, for the log: its handler puts it beside its answer.
#[derive(Clone, Debug)]
pub(super) struct Outcome(pub(super) Value);

impl Outcome {
    /// What was made has this id.
    pub(super) fn made(id: &str) -> Extension<Outcome> {
        Extension(Outcome(json!({ "id": id })))
    }
}

/// A record on its way. It goes with the request until all of it is known.
#[derive(Clone, Debug)]
pub(super) struct Recording(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    action: &'static str,
    who: Option<Who>,
    peer: Option<String>,
    what: Mutex<Map<String, Value>>,
}

impl Recording {
    /// Takes in what a body says. A question is recorded with it.
    pub(super) async fn tell(&self, app: &App, content: &[u8], format: Option<&str>) {
        if self.0.kind == Kind::Secret {
            return;
        }
        // What is no JSON was refused before.
        let mut content: Value = serde_json::from_slice(content).unwrap_or_default();
        if self.0.kind == Kind::Removal {
            let filters = content.get_mut("filters").and_then(Value::as_array_mut).into_iter().flatten();
            filters.filter_map(Value::as_object_mut).for_each(|filter| drop(filter.remove("value")));
            let calculated = content.get_mut("calculated_fields").and_then(Value::as_array_mut).into_iter().flatten();
            calculated.filter_map(Value::as_object_mut).for_each(|field| drop(field.remove("expression")));
        }
        self.add("body", content);
        if let Some(format) = format {
            self.add("format", json!(format));
        }
        self.settle(app);
        if self.0.kind == Kind::Question {
            app.audit.asked(self.entry(app, self.0.who.clone())).await;
        }
    }

    /// From here on no more of what was told is held than is kept: a request may take its time.
    fn settle(&self, app: &App) {
        let mut what = self.0.what.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = Value::Object(std::mem::take(&mut *what));
        redact(app, &mut told);
        if let Value::Object(settled) = bounded(told) {
            *what = settled;
        }
    }

    fn add(&self, name: &str, value: Value) {
        self.0.what.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value);
    }

    fn entry(&self, app: &App, who: Option<Who>) -> Entry {
        let what = self.0.what.lock().unwrap_or_else(PoisonError::into_inner).clone();
        entry(app, self.0.action, who, self.0.peer.clone(), Value::Object(what))
    }
}

/// A record without what must not be kept.
pub(crate) fn entry(app: &App, action: &'static str, who: Option<Who>, peer: Option<String>, mut what: Value) -> Entry {
    redact(app, &mut what);
    Entry { time: app.store.clock().now(), who, peer, action, what }
}

fn redact(app: &App, what: &mut Value) {
    let dataset = what.get("dataset").and_then(Value::as_str).and_then(one_dataset);
    match app.redaction() {
        Ok(redaction) => redact_spec(&redaction, dataset.as_ref(), what),
        // Nobody knows what must not be kept.
        Err(_) => *what = json!({}),
    }
}

fn peer(request: &Request) -> Option<String> {
    request.extensions().get::<Peer>().map(|peer| peer.0.to_string())
}

/// What path and options say.
fn said(params: Result<RawPathParams, RawPathParamsRejection>, uri: &Uri) -> Map<String, Value> {
    let params = params.iter().flatten().map(|(name, value)| (name.to_owned(), json!(value)));
    let mut what: Map<String, Value> = params.collect();
    let options = Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(options)| options).unwrap_or_default();
    if !options.is_empty() {
        let options: Vec<String> = options.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        what.insert("options".to_owned(), json!(options.join("&")));
    }
    what
}

pub(super) async fn record(
    State(app): State<App>,
    path: Option<MatchedPath>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let act = path.as_ref().and_then(|path| action(request.method(), path.as_str()));
    let (Some((kind, action)), Some(path)) = (act, path) else { return next.run(request).await };
    let recording = Recording(Arc::new(Inner {
        kind,
        action,
        who: request.extensions().get::<Caller>().map(Caller::who),
        peer: peer(&request),
        what: Mutex::new(if kind == Kind::Secret { Map::new() } else { said(params, request.uri()) }),
    }));
    request.extensions_mut().insert(recording.clone());
    match kind {
        Kind::Question => next.run(request).await,
        Kind::Look => {
            app.audit.asked(recording.entry(&app, recording.0.who.clone())).await;
            next.run(request).await
        }
        // Whoever goes away must not leave a change without its record.
        Kind::Change | Kind::Removal | Kind::Secret => {
            let carried = tokio::spawn(carry_through(app, path, recording, request, next));
            carried.await.unwrap_or_else(|_| ApiError::bug("the request").into_response())
        }
    }
}

async fn carry_through(app: App, path: MatchedPath, recording: Recording, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let who = response.extensions().get::<Caller>().map(Caller::who).or(recording.0.who.clone());
    if status == StatusCode::UNAUTHORIZED {
        let (peer, route) = (recording.0.peer.clone(), path.as_str().to_owned());
        let refusal = Refusal { who: None, peer, route, code: "key_needed".to_owned() };
        app.audit.refused(refusal, app.store.clock().now());
    }
    // Nothing was changed. Where we failed, nobody knows.
    let nobody_was_here = recording.0.kind == Kind::Secret && who.is_none();
    if status.is_client_error() || nobody_was_here {
        return response;
    }
    recording.add("status", json!(status.as_u16()));
    if let Some(Outcome(Value::Object(outcome))) = response.extensions().get() {
        outcome.iter().for_each(|(name, value)| recording.add(name, value.clone()));
    }
    match app.audit.changed(recording.entry(&app, who)).await {
        Ok(()) => response,
        Err(_) => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_recorded",
            "it was done, but the audit log could not be written; see the server's log, and look before doing it again",
        )
        .retry_after(10)
        .into_response(),
    }
}

/// Counts somebody who was not let in: whoever sent a key or a session that does not count, or one that may not do this.
pub(super) fn refused(app: &App, request: &Request, path: &str, caller: Option<&Caller>, refused: &ApiError) {
    if caller.is_none() && !access::has_credentials(app, request.headers()) {
        return;
    }
    let who = caller.map(Caller::who);
    let (peer, route, code) = (peer(request), path.to_owned(), refused.code().to_owned());
    app.audit.refused(Refusal { who, peer, route, code }, app.store.clock().now());
}

/// The form that an answer is wanted in, if it is another than JSON.
pub(super) fn format(headers: &HeaderMap) -> Option<&'static str> {
    super::export::wanted(headers).map(|format| format.media_type())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::access::{Needs, ROUTES};
    use crate::workspace::Scope;

    /// What takes events is not recorded; what shippers set up beforehand changes nothing.
    #[test]
    fn every_route_that_changes_something_or_reads_events_has_an_action() {
        for (method, path, needs) in ROUTES {
            let has = ACTIONS.iter().any(|(m, p, ..)| m == method && p == path);
            let changes = *method != "GET" && !matches!(needs, Needs::Scope(Scope::Ingest) | Needs::Somebody);
            let reads = ["query", "rows", "compare", "sql", "tail", "traces", "events", "fields", "values", "intents"];
            let reads = reads.iter().any(|noun| path.starts_with(&format!("/api/v1/{noun}")));
            let is_ingest = *needs == Needs::Scope(Scope::Ingest);
            assert!(has || !(changes || reads && !is_ingest), "{method} {path} has none");
            assert!(!(has && is_ingest), "{method} {path} has one");
        }
        for (method, path, ..) in ACTIONS {
            assert!(ROUTES.iter().any(|(m, p, _)| m == method && p == path), "{method} {path} is no route");
        }
    }
}
