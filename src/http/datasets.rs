//! `/api/v1/datasets/{dataset}`: how long a dataset keeps its events, what it is called, and its end.

use std::sync::PoisonError;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use outcrop_storage::event::DatasetName;
use outcrop_storage::{DatasetInfo, Retention};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::access::Caller;
use super::error::ErrorBody;
use super::names::Names;
use super::object::Object;
use super::recording::Outcome;
use super::{ApiError, App, etag};
use crate::workspace::Scope;

/// How long events are kept. Without a bound they are kept for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionSpec {
    /// Seconds after the later of an event's time and its arrival.
    #[serde(default)]
    age_seconds_max: Option<u64>,
    /// Bytes of the dataset's segments; the oldest events go first.
    #[serde(default)]
    bytes_max: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DatasetSettings {
    name: String,
    /// Its own policy; null: that of the store.
    retention: Option<RetentionSpec>,
    /// The policy of datasets without one of their own.
    retention_default: RetentionSpec,
}

/// What is to change; what is not there stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DatasetChange {
    /// Another name for it.
    name: Option<String>,
    /// Null takes the dataset's own policy away: that of the store counts.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<RetentionSpec>)]
    retention: Option<Option<RetentionSpec>>,
}

/// Tells a null from a key that is not there.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<RetentionSpec>>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl From<Retention> for RetentionSpec {
    fn from(retention: Retention) -> RetentionSpec {
        RetentionSpec { age_seconds_max: retention.age_seconds_max, bytes_max: retention.bytes_max }
    }
}

impl RetentionSpec {
    fn checked(self) -> Result<Retention, ApiError> {
        if self.age_seconds_max == Some(0) || self.bytes_max == Some(0) {
            return Err(ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "keeps_nothing",
                "a policy of 0 keeps nothing; use at least 1, or drop the dataset",
            ));
        }
        Ok(Retention { age_seconds_max: self.age_seconds_max, bytes_max: self.bytes_max })
    }
}

/// The one dataset that a path names. Changes are not made to lists.
pub(super) fn find(app: &App, name: &str) -> Result<DatasetInfo, ApiError> {
    let name = one_name(name)?;
    app.store.dataset(&name).ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "unknown_dataset",
            format!("there is no dataset {:?}; those that there are are listed at /api/v1/datasets", name.as_str()),
        )
        .with(json!({ "dataset": name.as_str() }))
    })
}

fn one_name(name: &str) -> Result<DatasetName, ApiError> {
    DatasetName::new(name).map_err(|e| ApiError::bad_request("bad_dataset", format!("name one dataset: {e}")))
}

/// Changes with everything that is shown of the dataset, and with the dataset behind the name.
fn tag(info: &DatasetInfo) -> String {
    let state = format!("{} {} {:?}", info.id, info.name, info.retention);
    Sha256::digest(state.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn tagged(app: &App, info: &DatasetInfo) -> Response {
    let settings = DatasetSettings {
        name: info.name.as_str().to_owned(),
        retention: info.retention.map(RetentionSpec::from),
        retention_default: app.retention.into(),
    };
    etag::tagged(&tag(info), settings)
}

/// Makes a change to a dataset as its asker has seen it, where waiting for a disk stops nobody else. Changes to datasets
/// are made one after the other.
async fn changing<T: Send + 'static>(
    app: &App,
    name: String,
    headers: HeaderMap,
    change: impl FnOnce(&App, DatasetInfo) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let app = app.clone();
    let changed = tokio::task::spawn_blocking(move || {
        let _one = app.changing_datasets.lock().unwrap_or_else(PoisonError::into_inner);
        let info = find(&app, &name)?;
        etag::check(&headers, &tag(&info))?;
        change(&app, info)
    });
    changed.await.map_err(|_| ApiError::bug("the store"))?
}

/// The settings of a dataset
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{dataset}",
    tag = "data",
    params(("dataset" = String, Path, description = "The dataset")),
    responses((status = 200, body = DatasetSettings), (status = 404, body = ErrorBody))
)]
pub(crate) async fn show_dataset(State(app): State<App>, Names(dataset): Names<String>) -> Result<Response, ApiError> {
    Ok(tagged(&app, &find(&app, &dataset)?))
}

/// Change how long a dataset keeps its events, or its name
#[utoipa::path(
    patch,
    path = "/api/v1/datasets/{dataset}",
    tag = "data",
    params(
        ("dataset" = String, Path, description = "The dataset"),
        ("If-Match" = String, Header, description = "The ETag of the settings as you have seen them"),
    ),
    request_body = DatasetChange,
    responses(
        (status = 200, body = DatasetSettings),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "No If-Match, or another dataset has the name", body = ErrorBody),
        (status = 412, body = ErrorBody),
        (status = 422, body = ErrorBody),
    )
)]
pub(crate) async fn change_dataset(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    headers: HeaderMap,
    Object(change): Object<DatasetChange>,
) -> Result<Response, ApiError> {
    let name = change.name.as_deref().map(one_name).transpose()?;
    if let Some(name) = &name {
        caller.require(Scope::Admin, name)?;
    }
    let retention = change.retention.map(|own| own.map(RetentionSpec::checked).transpose()).transpose()?;
    changing(&app, dataset, headers, move |app, mut info| {
        if let Some(name) = name {
            app.store.rename_dataset(info.id, &name)?;
            app.workspace.rename_things_of(info.name.as_str(), name.as_str())?;
            info.name = name;
        }
        if let Some(retention) = retention {
            app.store.set_retention(info.id, retention)?;
            info.retention = retention;
        }
        Ok(tagged(app, &info))
    })
    .await
}

/// Drop a dataset with all of its events, at once and for good
#[utoipa::path(
    delete,
    path = "/api/v1/datasets/{dataset}",
    tag = "data",
    params(
        ("dataset" = String, Path, description = "The dataset"),
        ("If-Match" = String, Header, description = "The ETag of the settings as you have seen them"),
    ),
    responses(
        (status = 204),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody),
        (status = 412, body = ErrorBody),
    )
)]
pub(crate) async fn drop_dataset(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Extension<Outcome>), ApiError> {
    changing(&app, dataset, headers, move |app, info| {
        let events = app.store.drop_dataset(info.id)?;
        tracing::info!(caller = caller.id(), dataset = info.id.0, events, "a dataset is dropped");
        Ok((StatusCode::NO_CONTENT, Extension(Outcome(json!({ "events": events })))))
    })
    .await
}
