//! How a refusal is said: protocols that are not ours have shapes of their own for it, whoever refuses. Must not know why
//! something was refused.

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use outcrop_ingest::otlp::Format;

use super::{ApiError, App, elasticsearch, grpc, honeycomb, loki, otlp};

/// The words in which the sender of a request expects to be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Dialect {
    /// The contract's.
    Ours,
    Honeycomb,
    /// With the id that the answer repeats.
    Firehose(String),
    Otlp(Format),
    Grpc,
    Elasticsearch,
    Loki,
}

impl Dialect {
    fn of(path: &str, headers: &HeaderMap) -> Dialect {
        match path {
            "/1/kinesis_events/{dataset}" => Dialect::Firehose(honeycomb::request_id(headers).to_owned()),
            path if path.starts_with("/1/") => Dialect::Honeycomb,
            path if path.starts_with("/v1/") => Dialect::Otlp(otlp::form(headers)),
            path if grpc::ROUTES.contains(&path) => Dialect::Grpc,
            "/loki/api/v1/push" | "/api/prom/push" => Dialect::Loki,
            path if path.starts_with("/_") || path.starts_with("/elasticsearch") => Dialect::Elasticsearch,
            "/{index}/_bulk" => Dialect::Elasticsearch,
            _ => Dialect::Ours,
        }
    }
}

/// Says a refusal in the words of the route.
pub(super) async fn translate(
    State(app): State<App>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let dialect = Dialect::of(path.as_ref().map_or("", MatchedPath::as_str), request.headers());
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    match dialect {
        Dialect::Ours => response,
        Dialect::Honeycomb => honeycomb::refusal(&error),
        Dialect::Firehose(request) => honeycomb::firehose_refusal(&app, &request, &error),
        Dialect::Otlp(form) => otlp::refusal(form, &error),
        Dialect::Grpc => grpc::refusal(&error),
        Dialect::Elasticsearch => elasticsearch::refusal(&error),
        Dialect::Loki => loki::refusal(&error),
    }
}
