//! Who may ask at all: requests for our own host (a foreign one is DNS rebinding) and, under `/api/`, from our own pages.
//!
//! Keyless Outcrop listens on loopback, where every page of every site in the user's browser could reach it; these two
//! checks are what keeps them out.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{ApiError, App};

pub(super) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(host) = host(&request) else { return misdirected() };
    if !is_ours(&host, app.public_host.as_deref()) {
        return misdirected();
    }
    let is_api = request.uri().path().starts_with("/api/");
    if is_api && !origin_allowed(request.headers(), &host, app.public_host.as_deref()) {
        return ApiError::new(
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "pages of other origins may not call this API; call it from the console or from a program",
        )
        .into_response();
    }
    next.run(request).await
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

/// Requests without an `Origin` do not come from a page of another site.
fn origin_allowed(headers: &HeaderMap, host: &str, public_host: Option<&str>) -> bool {
    headers.get_all(header::ORIGIN).iter().all(|origin| {
        let Ok(origin) = origin.to_str() else { return false };
        let origin = origin.to_lowercase();
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|a| a == host || Some(a) == public_host)
    })
}
