//! `ETag` and `If-Match`: who changes a thing says which state of it they have seen. Must not know the things.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::ApiError;

/// A thing and its tag.
pub(super) fn tagged(tag: &str, thing: impl Serialize) -> Response {
    let quoted = HeaderValue::from_str(&format!("\"{tag}\"")).unwrap_or(HeaderValue::from_static("\"\""));
    ([(header::ETAG, quoted)], Json(thing)).into_response()
}

/// Refuses a change by somebody who has not seen what is there now.
pub(super) fn check(headers: &HeaderMap, tag: &str) -> Result<(), ApiError> {
    let mut given = headers.get_all(header::IF_MATCH).iter().peekable();
    if given.peek().is_none() {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "if_match_needed",
            "say which state you change: send If-Match with the ETag of what you have read, or * for any",
        ));
    }
    let wanted = format!("\"{tag}\"");
    let matches = |value: &HeaderValue| {
        let value = value.to_str().unwrap_or_default();
        value.split(',').map(str::trim).any(|one| one == "*" || one == wanted)
    };
    if given.any(matches) { Ok(()) } else { Err(changed()) }
}

/// Somebody else was faster.
pub(super) fn changed() -> ApiError {
    ApiError::new(
        StatusCode::PRECONDITION_FAILED,
        "changed",
        "it is not as you have seen it: read it again, and send If-Match with its ETag",
    )
}
