//! The OpenAPI document, made of the handlers themselves.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use super::guard::INGEST_ROUTES;
use super::{elasticsearch, error, events, grpc, health, honeycomb, loki, otlp, query};

#[derive(OpenApi)]
#[openapi(
    info(title = "Outcrop", description = "Wide events in, answers out."),
    paths(
        events::accept,
        honeycomb::batch,
        honeycomb::event,
        honeycomb::firehose,
        honeycomb::auth,
        otlp::traces,
        otlp::logs,
        otlp::metrics,
        loki::push,
        elasticsearch::bulk,
        elasticsearch::bulk_to,
        query::query,
        query::rows,
        query::datasets,
        query::fields,
        query::values,
        health::version,
        health::readyz,
    ),
    components(schemas(error::ErrorBody))
)]
struct Document;

/// The document as it is served and as it stands in `docs/openapi.json`.
pub(crate) fn openapi_json() -> String {
    Document::openapi().to_pretty_json().unwrap_or_default()
}

pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi_json()).into_response()
}

/// A route as a metric label: one of ours, never what a client made up.
pub(super) fn known_route(matched: &str) -> &'static str {
    const ROUTES: [&str; 10] = [
        "/api/v1/query/{dataset}",
        "/api/v1/rows/{dataset}",
        "/api/v1/datasets",
        "/api/v1/fields/{dataset}",
        "/api/v1/values/{dataset}/{field}",
        "/api/v1/version",
        "/api/v1/openapi.json",
        "/healthz",
        "/readyz",
        "/metrics",
    ];
    ROUTES.into_iter().chain(INGEST_ROUTES).chain(grpc::ROUTES).find(|route| *route == matched).unwrap_or("other")
}
