//! Who may ask at all: requests for our own host (a foreign one is DNS rebinding) and, where data comes in or goes out,
//! from our own pages. Pages of configured origins may send events, and nothing else.
//!
//! Keyless Outcrop listens on loopback, where every page of every site in the user's browser could reach it; these
//! checks are what keeps them out. What browsers ask before they send is answered here: it comes without a key.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower::{Layer, ServiceExt};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::{ApiError, App, access};

/// Seconds for which a browser need not ask again whether a page may send.
const PREFLIGHT_SECONDS_MAX: u64 = 7_200;

/// Tells browsers which pages may send events: those of the configured origins, with whatever headers their libraries use.
pub(super) fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .allow_private_network(true)
        .expose_headers([header::RETRY_AFTER])
        .max_age(Duration::from_secs(PREFLIGHT_SECONDS_MAX))
}

pub(super) async fn check(State(app): State<App>, path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let Some(host) = host(&request) else { return misdirected() };
    if !is_ours(&host, app.public_host.as_deref()) {
        return misdirected();
    }
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let is_guarded = request.uri().path().starts_with("/api/") || access::is_guarded(path);
    if !is_guarded || origin_is_ours(&app, request.headers(), &host) {
        return next.run(request).await;
    }
    let is_sender = access::takes_events(&wanted(&request), path) && origin_may_send(request.headers(), &app);
    if !is_sender {
        return foreign();
    }
    app.cors.layer(next).oneshot(request).await.unwrap_or_else(|never| match never {})
}

/// The method of a request, or the one of which a browser asks whether a page may use it.
fn wanted(request: &Request) -> Method {
    let asked =
        request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD).filter(|_| request.method() == Method::OPTIONS);
    asked.and_then(|method| Method::from_bytes(method.as_bytes()).ok()).unwrap_or_else(|| request.method().clone())
}

fn foreign() -> Response {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "foreign_origin",
        "pages of other origins may not call this API; call it from the console or from a program. Pages may send \
         events if cors_origins names their origin",
    )
    .into_response()
}

fn misdirected() -> Response {
    ApiError::new(
        StatusCode::MISDIRECTED_REQUEST,
        "foreign_host",
        "this Outcrop does not answer for that host; use localhost, or set public_url to the URL that people use",
    )
    .into_response()
}

/// The host asked for, in lower case; none if there is none or more than one.
fn host(request: &Request) -> Option<String> {
    let mut headers = request.headers().get_all(header::HOST).iter();
    let named = match (headers.next(), headers.next()) {
        (Some(host), None) => Some(host.to_str().ok()?.to_lowercase()),
        (Some(_), Some(_)) => return None,
        (None, _) => None,
    };
    match request.uri().authority() {
        Some(authority) => Some(authority.as_str().to_lowercase()),
        None => named,
    }
}

fn is_ours(host: &str, public_host: Option<&str>) -> bool {
    if public_host == Some(host) {
        return true;
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let port_is_a_number = port.is_none_or(|p| p.parse::<u16>().is_ok());
    port_is_a_number && matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// Requests without an `Origin` do not come from a page of another site. Over TLS no page of ours came without it.
fn origin_is_ours(app: &App, headers: &HeaderMap, host: &str) -> bool {
    headers.get_all(header::ORIGIN).iter().all(|origin| {
        let Ok(origin) = origin.to_str() else { return false };
        let origin = origin.to_lowercase();
        let plain = origin.strip_prefix("http://").filter(|_| !app.is_tls);
        let authority = plain.or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|a| a == host || Some(a) == app.public_host.as_deref())
    })
}

fn origin_may_send(headers: &HeaderMap, app: &App) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let may = |origin: &HeaderValue| origin.to_str().is_ok_and(|o| app.cors_origins.contains(&o.to_lowercase()));
    origins.next().is_some_and(may) && origins.next().is_none()
}
