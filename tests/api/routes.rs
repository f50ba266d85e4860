//! Every route of the product: what it needs, and a request to it that succeeds.
//!
//! [`super::operating`] holds the OpenAPI document against it and [`super::keys`] every kind of key: a route that is not
//! here fails both.

use serde_json::json;

use crate::harness::{Body, Request, Server};

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
    route("GET", "/api/v1/datasets", Needs::Query, ""),
    route("GET", "/api/v1/datasets/{dataset}", Needs::Query, ""),
    route("PATCH", "/api/v1/datasets/{dataset}", Needs::Admin, "{\"retention\":null}"),
    route("DELETE", "/api/v1/datasets/{dataset}", Needs::Admin, ""),
    route("GET", "/api/v1/tasks", Needs::Admin, ""),
    route("GET", "/api/v1/tasks/{id}", Needs::Admin, ""),
    route("DELETE", "/api/v1/tasks/{id}", Needs::Admin, ""),
    route("GET", "/api/v1/fields/{dataset}", Needs::Query, ""),
    route("GET", "/api/v1/values/{dataset}/{field}", Needs::Query, ""),
    route("GET", "/api/v1/keys", Needs::AdminEverywhere, ""),
    route("POST", "/api/v1/keys", Needs::AdminEverywhere, "{\"name\":\"n\",\"scopes\":[{\"scope\":\"query\"}]}"),
    route("GET", "/api/v1/keys/{id}", Needs::AdminEverywhere, ""),
    route("DELETE", "/api/v1/keys/{id}", Needs::AdminEverywhere, ""),
    route("GET", "/api/v1/session", Needs::Somebody, ""),
    route("POST", "/api/v1/session", Needs::Nothing, "{\"key\":\"{key}\"}"),
    route("DELETE", "/api/v1/session", Needs::Nothing, ""),
    route("GET", "/api/v1/version", Needs::Nothing, ""),
    route("GET", "/readyz", Needs::Nothing, ""),
];

/// What is there and not documented.
pub(super) const UNDOCUMENTED: &[Route] = &[
    route("GET", "/api/v1/openapi.json", Needs::Nothing, ""),
    route("GET", "/healthz", Needs::Nothing, ""),
    route("GET", "/metrics", Needs::Nothing, ""),
    route("GET", "/", Needs::Nothing, ""),
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
        let path = self.path.replace("{dataset}", names.dataset).replace("{field}", "f").replace("{id}", names.id);
        let body = self.body.replace("{key}", names.key);
        let request = Request::new(self.method, &path).header("If-Match", "*");
        if body.is_empty() { request } else { request.body(Body::Sized(body.into())) }
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
        "none".to_owned()
    }

    /// Whether a request with such a status was understood and carried out. A task may have ended before it is
    /// cancelled.
    pub(super) fn is_let_in(&self, status: u16) -> bool {
        status < 400 || (status == 409 && self.is_about("tasks"))
    }
}
