//! Every route of the product: what it needs, and a request to it that succeeds.
//!
//! [`super::operating`] holds the OpenAPI document against it and [`super::keys`] every kind of key: a route that is not
//! here fails both.

use serde_json::json;

use super::refused;
use crate::harness::{Body, Reply, Request, Server};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// Any key that counts.
    Somebody,
    Ingest,
    Query,
    Admin,
    /// The scope admin, not limited to datasets.
    AdminEverywhere,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) needs: Needs,
    body: &'static str,
}

const fn route(method: &'static str, path: &'static str, needs: Needs, body: &'static str) -> Route {
    Route { method, path, needs, body }
}

const SPANS: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"{dataset}"}}]},"scopeSpans":[{"spans":[{"name":"f"}]}]}]}"#;
const LOGS: &str = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"{dataset}"}}]},"scopeLogs":[{"logRecords":[{"body":{"stringValue":"f"}}]}]}]}"#;
/// Its dataset is in a header.
const METRICS: &str =
    r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"f","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]}"#;
const PUSH: &str = r#"{"streams":[{"stream":{"app":"{dataset}"},"values":[["1700000000000000000","f"]]}]}"#;
const MARKER: &str = "{\"text\":\"m\",\"dataset\":\"{dataset}\"}";
const BOARD: &str =
    r#"{"name":"b","panels":[{"id":"p","x":0,"y":0,"width":6,"height":4,"dataset":"{dataset}","spec":{}}]}"#;
const REDACTION: &str = "{\"fields\":[\"password\"],\"action\":\"drop\"}";
const SAVED_QUERY: &str = "{\"name\":\"q\",\"dataset\":\"{dataset}\",\"spec\":{}}";
const BULK: &str = "{\"create\":{\"_index\":\"{dataset}\"}}\n{\"f\":1}\n";
const BULK_TO: &str = "{\"create\":{}}\n{\"f\":1}\n";

/// What is documented.
pub(super) const ROUTES: &[Route] = &[
    route("POST", "/api/v1/events/{dataset}", Needs::Ingest, "{\"f\":1}"),
    route("DELETE", "/api/v1/events/{dataset}", Needs::Admin, "{\"start_time\":0}"),
    route("POST", "/api/v1/query/{dataset}", Needs::Query, "{}"),
    route("POST", "/api/v1/rows/{dataset}", Needs::Query, "{}"),
    route(
        "POST",
        "/api/v1/compare/{dataset}",
        Needs::Query,
        "{\"selection\":{\"filters\":[{\"column\":\"f\",\"op\":\"exists\"}]}}",
    ),
    route("POST", "/api/v1/sql", Needs::Query, "{\"sql\":\"SELECT 1\"}"),
    route("GET", "/api/v1/datasets", Needs::Query, ""),
    route("GET", "/api/v1/datasets/{dataset}", Needs::Query, ""),
    route("PATCH", "/api/v1/datasets/{dataset}", Needs::Admin, "{\"retention\":null}"),
    route("DELETE", "/api/v1/datasets/{dataset}", Needs::Admin, ""),
    route("GET", "/api/v1/datasets/{dataset}/roles", Needs::Query, ""),
    route("PUT", "/api/v1/datasets/{dataset}/roles", Needs::Admin, "{}"),
    route("GET", "/api/v1/events/{dataset}/{sequence}", Needs::Query, ""),
    route("GET", "/api/v1/intents", Needs::Query, ""),
    route("GET", "/api/v1/intents/{name}", Needs::Query, ""),
    route("GET", "/api/v1/tail/{dataset}", Needs::Query, ""),
    route("GET", "/api/v1/traces/{trace_id}", Needs::Query, ""),
    route("POST", "/api/v1/redactions/dry_run/{dataset}", Needs::Admin, "{}"),
    route("GET", "/api/v1/tasks", Needs::Admin, ""),
    route("GET", "/api/v1/tasks/{id}", Needs::Admin, ""),
    route("DELETE", "/api/v1/tasks/{id}", Needs::Admin, ""),
    route("GET", "/api/v1/fields/{dataset}", Needs::Query, ""),
    route("GET", "/api/v1/values/{dataset}/{field}", Needs::Query, ""),
    route("GET", "/api/v1/keys", Needs::AdminEverywhere, ""),
    route("POST", "/api/v1/keys", Needs::AdminEverywhere, "{\"name\":\"n\",\"scopes\":[{\"scope\":\"query\"}]}"),
    route("GET", "/api/v1/keys/{id}", Needs::AdminEverywhere, ""),
    route("DELETE", "/api/v1/keys/{id}", Needs::AdminEverywhere, ""),
    route("GET", "/api/v1/markers", Needs::Query, ""),
    route("POST", "/api/v1/markers", Needs::Query, MARKER),
    route("GET", "/api/v1/markers/{id}", Needs::Query, ""),
    route("PUT", "/api/v1/markers/{id}", Needs::Query, MARKER),
    route("DELETE", "/api/v1/markers/{id}", Needs::Query, ""),
    route("GET", "/api/v1/boards", Needs::Query, ""),
    route("POST", "/api/v1/boards", Needs::Query, BOARD),
    route("GET", "/api/v1/boards/{id}", Needs::Query, ""),
    route("PUT", "/api/v1/boards/{id}", Needs::Query, BOARD),
    route("DELETE", "/api/v1/boards/{id}", Needs::Query, ""),
    route("GET", "/api/v1/redactions", Needs::AdminEverywhere, ""),
    route("POST", "/api/v1/redactions", Needs::AdminEverywhere, REDACTION),
    route("GET", "/api/v1/redactions/{id}", Needs::AdminEverywhere, ""),
    route("PUT", "/api/v1/redactions/{id}", Needs::AdminEverywhere, REDACTION),
    route("DELETE", "/api/v1/redactions/{id}", Needs::AdminEverywhere, ""),
    route("GET", "/api/v1/queries", Needs::Query, ""),
    route("POST", "/api/v1/queries", Needs::Query, SAVED_QUERY),
    route("GET", "/api/v1/queries/{id}", Needs::Query, ""),
    route("PUT", "/api/v1/queries/{id}", Needs::Query, SAVED_QUERY),
    route("DELETE", "/api/v1/queries/{id}", Needs::Query, ""),
    route("GET", "/api/v1/history", Needs::Query, ""),
    route("GET", "/api/v1/audit", Needs::AdminEverywhere, ""),
    route("GET", "/1/markers/{dataset}", Needs::Query, ""),
    route("POST", "/1/markers/{dataset}", Needs::Query, "{\"message\":\"m\"}"),
    route("PUT", "/1/markers/{dataset}/{id}", Needs::Query, "{\"message\":\"m\"}"),
    route("DELETE", "/1/markers/{dataset}/{id}", Needs::Query, ""),
    route("POST", "/1/queries/{dataset}", Needs::Query, "{}"),
    route("GET", "/1/queries/{dataset}/{id}", Needs::Query, ""),
    route("DELETE", "/1/queries/{dataset}/{id}", Needs::Query, ""),
    route("POST", "/1/query_results/{dataset}", Needs::Query, "{\"query_id\":\"{id}\"}"),
    route("GET", "/1/query_results/{dataset}/{id}", Needs::Query, ""),
    route("GET", "/api/v1/session", Needs::Somebody, ""),
    route("POST", "/api/v1/session", Needs::Nothing, "{\"key\":\"{key}\"}"),
    route("DELETE", "/api/v1/session", Needs::Nothing, ""),
    route("POST", "/1/batch/{dataset}", Needs::Ingest, "[{\"data\":{\"f\":1}}]"),
    route("POST", "/1/events/{dataset}", Needs::Ingest, "{\"f\":1}"),
    route("POST", "/1/kinesis_events/{dataset}", Needs::Ingest, "{\"records\":[{\"data\":\"eyJmIjoxfQ==\"}]}"),
    route("GET", "/1/auth", Needs::Somebody, ""),
    route("POST", "/v1/traces", Needs::Ingest, SPANS),
    route("POST", "/v1/logs", Needs::Ingest, LOGS),
    route("POST", "/v1/metrics", Needs::Ingest, METRICS),
    route("POST", "/loki/api/v1/push", Needs::Ingest, PUSH),
    route("POST", "/_bulk", Needs::Ingest, BULK),
    route("POST", "/{index}/_bulk", Needs::Ingest, BULK_TO),
    route("GET", "/api/v1/version", Needs::Nothing, ""),
    route("GET", "/readyz", Needs::Nothing, ""),
];

/// What is there and not documented.
pub(super) const UNDOCUMENTED: &[Route] = &[
    route("GET", "/api/v1/openapi.json", Needs::Nothing, ""),
    route("GET", "/healthz", Needs::Nothing, ""),
    route("GET", "/metrics", Needs::Nothing, ""),
    route("GET", "/", Needs::Nothing, ""),
    route("GET", "/ready", Needs::Nothing, ""),
    // What others call routes that are documented.
    route("POST", "/v1/traces/", Needs::Ingest, SPANS),
    route("POST", "/v1/logs/", Needs::Ingest, LOGS),
    route("POST", "/v1/metrics/", Needs::Ingest, METRICS),
    route("POST", "/api/prom/push", Needs::Ingest, PUSH),
    route("PUT", "/_bulk", Needs::Ingest, BULK),
    route("PUT", "/{index}/_bulk", Needs::Ingest, BULK_TO),
    route("POST", "/elasticsearch/_bulk", Needs::Ingest, BULK),
    route("PUT", "/elasticsearch/_bulk", Needs::Ingest, BULK),
    route("POST", "/elasticsearch/{index}/_bulk", Needs::Ingest, BULK_TO),
    route("PUT", "/elasticsearch/{index}/_bulk", Needs::Ingest, BULK_TO),
    // What clients of Elasticsearch ask before they send.
    route("GET", "/elasticsearch", Needs::Somebody, ""),
    route("GET", "/elasticsearch/", Needs::Somebody, ""),
    route("GET", "/_license", Needs::Somebody, ""),
    route("GET", "/_xpack", Needs::Somebody, ""),
    route("GET", "/_cluster/health", Needs::Somebody, ""),
    route("GET", "/_nodes/http", Needs::Somebody, ""),
    route("GET", "/_index_template/{id}", Needs::Somebody, ""),
    route("PUT", "/_index_template/{id}", Needs::Somebody, "{}"),
    route("GET", "/_component_template/{id}", Needs::Somebody, ""),
    route("PUT", "/_component_template/{id}", Needs::Somebody, "{}"),
    route("GET", "/_template/{id}", Needs::Somebody, ""),
    route("PUT", "/_template/{id}", Needs::Somebody, "{}"),
    route("GET", "/_ilm/policy/{id}", Needs::Somebody, ""),
    route("PUT", "/_ilm/policy/{id}", Needs::Somebody, "{}"),
    route("GET", "/_ingest/pipeline/{id}", Needs::Somebody, ""),
    route("PUT", "/_ingest/pipeline/{id}", Needs::Somebody, "{}"),
    route("GET", "/_data_stream/{id}", Needs::Somebody, ""),
    route("PUT", "/_data_stream/{id}", Needs::Somebody, "{}"),
    route("GET", "/elasticsearch/_license", Needs::Somebody, ""),
    route("GET", "/elasticsearch/_xpack", Needs::Somebody, ""),
    route("GET", "/elasticsearch/_cluster/health", Needs::Somebody, ""),
    route("GET", "/elasticsearch/_nodes/http", Needs::Somebody, ""),
    route("GET", "/elasticsearch/_index_template/{id}", Needs::Somebody, ""),
    route("PUT", "/elasticsearch/_index_template/{id}", Needs::Somebody, "{}"),
    route("GET", "/elasticsearch/_component_template/{id}", Needs::Somebody, ""),
    route("PUT", "/elasticsearch/_component_template/{id}", Needs::Somebody, "{}"),
    route("GET", "/elasticsearch/_template/{id}", Needs::Somebody, ""),
    route("PUT", "/elasticsearch/_template/{id}", Needs::Somebody, "{}"),
    route("GET", "/elasticsearch/_ilm/policy/{id}", Needs::Somebody, ""),
    route("PUT", "/elasticsearch/_ilm/policy/{id}", Needs::Somebody, "{}"),
    route("GET", "/elasticsearch/_ingest/pipeline/{id}", Needs::Somebody, ""),
    route("PUT", "/elasticsearch/_ingest/pipeline/{id}", Needs::Somebody, "{}"),
    route("GET", "/elasticsearch/_data_stream/{id}", Needs::Somebody, ""),
    route("PUT", "/elasticsearch/_data_stream/{id}", Needs::Somebody, "{}"),
];

/// What stands for the names in a path or a body.
#[derive(Clone, Debug)]
pub(super) struct Names<'a> {
    pub(super) dataset: &'a str,
    /// Of a thing that the route is about.
    pub(super) id: &'a str,
    /// A key that counts.
    pub(super) key: &'a str,
}

impl Route {
    pub(super) fn request(&self, names: &Names<'_>) -> Request {
        let body = self.body.replace("{key}", names.key).replace("{dataset}", names.dataset).replace("{id}", names.id);
        let request = Request::new(self.method, &self.address(names)).header("If-Match", "*");
        let request = request.header("X-Honeycomb-Dataset", names.dataset).header("Content-Type", "application/json");
        if body.is_empty() { request } else { request.body(Body::Sized(body.into())) }
    }

    /// The path with names in it.
    pub(super) fn address(&self, names: &Names<'_>) -> String {
        let path = self.path.replace("{dataset}", names.dataset).replace("{index}", names.dataset);
        // A tail that has no end would be waited for.
        let path = if self.is_about("tail") { path + "?after=0&limit=1" } else { path };
        path.replace("{field}", "f")
            .replace("{trace_id}", "t")
            .replace("{name}", "i")
            .replace("{sequence}", names.id)
            .replace("{id}", names.id)
    }

    /// Whether somebody on this machine needs no key for it.
    pub(super) fn is_of_this_machine(&self) -> bool {
        self.needs == Needs::Query
    }

    /// Whether the request is about one dataset, wherever that is said.
    pub(super) fn is_about_a_dataset(&self) -> bool {
        self.path.contains("{dataset}") || self.needs == Needs::Ingest
    }

    /// What the answer says that must be this refusal, in the shape of the route's protocol.
    pub(super) fn refused(&self, reply: &Reply, status: u16) -> String {
        assert_eq!(reply.status, status, "{self:?}: {:.600}", reply.text());
        let text = |name: &str| reply.json()[name].as_str().unwrap_or_else(|| panic!("{}", reply.text())).to_owned();
        match self.path {
            path if path.starts_with("/1/kinesis_events/") => text("errorMessage"),
            path if path.starts_with("/1/") => text("error"),
            path if path.starts_with("/v1/") => text("message"),
            "/loki/api/v1/push" | "/api/prom/push" => reply.text(),
            path if path.starts_with("/_") || path.starts_with("/elasticsearch") || path == "/{index}/_bulk" => {
                assert_eq!(
                    (&reply.json()["status"], reply.header("x-elastic-product")),
                    (&json!(status), Some("Elasticsearch"))
                );
                reply.json()["error"]["reason"].as_str().unwrap().to_owned()
            }
            _ => refused(reply, status)["message"].as_str().unwrap().to_owned(),
        }
    }

    fn is_about(&self, kind: &str) -> bool {
        self.path.starts_with(&format!("/api/v1/{kind}/"))
    }

    /// The id of something made for it, of a dataset that is there, by a key that may do everything.
    pub(super) fn make_id(&self, server: &Server, dataset: &str, key: &str) -> String {
        let made = |request: Request, id: &str| {
            let reply = server.send(&request.header("X-Outcrop-Key", key));
            reply.json()[id].as_str().unwrap_or_else(|| panic!("nothing was made: {}", reply.text())).to_owned()
        };
        if self.is_about("keys") {
            let new = json!({ "name": "n", "scopes": [{ "scope": "query" }] });
            return made(Request::json("/api/v1/keys", &new), "id");
        }
        if self.is_about("tasks") {
            let delete = Request::new("DELETE", &format!("/api/v1/events/{dataset}"));
            return made(delete.body(Body::Sized("{\"end_time\":1}".into())), "task");
        }
        if self.path.ends_with("{sequence}") {
            let newest = json!({ "columns": ["meta.sequence"], "limit": 1 });
            let rows = Request::json(&format!("/api/v1/rows/{dataset}"), &newest);
            return server.send(&rows.header("X-Outcrop-Key", key)).ok()["rows"][0][0].to_string();
        }
        if self.path.starts_with("/1/quer") {
            let id = made(Request::post(&format!("/1/queries/{dataset}"), "{}"), "id");
            if self.method == "POST" || self.path.starts_with("/1/queries/") {
                return id;
            }
            return made(Request::json(&format!("/1/query_results/{dataset}"), &json!({ "query_id": id })), "id");
        }
        let kinds = [("markers", MARKER), ("boards", BOARD), ("queries", SAVED_QUERY), ("redactions", REDACTION)];
        if let Some((kind, body)) =
            kinds.into_iter().find(|(kind, _)| self.is_about(kind) || self.path.ends_with("/{dataset}/{id}"))
        {
            return made(Request::post(&format!("/api/v1/{kind}"), body.replace("{dataset}", dataset)), "id");
        }
        "none".to_owned()
    }

    /// Whether a request with such a status was understood and carried out. A task may have ended before it is
    /// cancelled.
    pub(super) fn is_let_in(&self, status: u16) -> bool {
        status < 400 || (status == 409 && self.is_about("tasks"))
    }
}
