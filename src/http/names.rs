//! Names in a path, as text. A path that is none is answered in the contract's shape. Must not know what the names mean.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::ApiError;

#[derive(Debug)]
pub(super) struct Names<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Names<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Names<T>, ApiError> {
        let names = Path::<T>::from_request_parts(parts, state).await;
        names.map(|Path(names)| Names(names)).map_err(|e| ApiError::bad_request("bad_path", e.body_text()))
    }
}
