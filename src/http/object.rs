//! Small JSON bodies, read strictly: an unknown key is a misspelt one. Must not know what they mean.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::query::SPEC_BYTES_MAX;
use super::recording::Recording;
use super::{ApiError, App, body};

/// What a body of bounded size says.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequest<App> for Object<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Object<T>, ApiError> {
        let (parts, mut body) = request.into_parts();
        let held = body::read(&app.memory, &parts.headers, &mut body, SPEC_BYTES_MAX).await?;
        // serde would also take an array for a struct, by position.
        if held.bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(ApiError::bad_request("malformed_body", "the body must be a JSON object"));
        }
        let unreadable = |error| ApiError::bad_request("malformed_body", format!("the body cannot be read: {error}"));
        let read = serde_json::from_slice(&held.bytes).map_err(unreadable)?;
        if let Some(recording) = parts.extensions.get::<Recording>() {
            recording.tell(app, &held.bytes, None).await;
        }
        Ok(Object(read))
    }
}
