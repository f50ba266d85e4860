//! Small JSON bodies, read strictly: an unknown key is a misspelt one. Must not know what they mean.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::ApiError;
use super::query::SPEC_BYTES_MAX;

/// A body of bounded size.
pub(super) fn read(body: Result<Bytes, BytesRejection>) -> Result<Bytes, ApiError> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body is larger than {SPEC_BYTES_MAX} bytes; use fewer values"),
        ),
        _ => ApiError::bad_request("broken_body", "the body broke off; send it again"),
    })
}

/// What a body says.
pub(super) fn read_json<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, ApiError> {
    let body = read(body)?;
    // serde would also take an array for a struct, by position.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(ApiError::bad_request("malformed_body", "the body must be a JSON object"));
    }
    serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_request("malformed_body", format!("the body cannot be read: {error}")))
}
