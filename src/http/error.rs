//! The only table of statuses: every error of every room becomes one answer of the contract's shape; `dialect` says it in
//! the shape that a protocol has for it.

use std::any::Any;

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use outcrop_ingest::DecodeError;
use outcrop_query::{QueryError, QueryErrorKind};
use outcrop_storage::StoreError;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::admission::{Shed, busy};
use super::etag;
use crate::audit::AuditError;
use crate::tasks::TooManyTasks;
use crate::workspace::WorkspaceError;

/// An error as it is answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Value,
    retry_after_seconds: Option<u32>,
    shed: Option<Shed>,
}

/// The body of every answer that is not a success.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorDetail {
    /// For programs.
    code: String,
    /// For people: what is wrong and what to do.
    message: String,
    #[schema(value_type = Value)]
    details: Value,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { status, code, message: message.into(), details: json!({}), retry_after_seconds: None, shed: None }
    }

    pub(crate) fn with(mut self, details: Value) -> ApiError {
        self.details = details;
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u32) -> ApiError {
        self.retry_after_seconds = Some(seconds);
        self
    }

    pub(crate) fn bug(where_: &str) -> ApiError {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", format!("{where_} met a bug; please report it"))
    }

    /// The request was not wrong, but it came at a bad time.
    pub(crate) fn shed(mut self, why: Shed) -> ApiError {
        self.shed = Some(why);
        self
    }

    pub(crate) fn is_shed(&self) -> bool {
        self.shed.is_some()
    }

    /// What is answered, where the status has been sent already.
    pub(crate) fn body(self) -> ErrorBody {
        if self.status.is_server_error() && self.shed.is_none() {
            tracing::warn!(status = self.status.as_u16(), code = self.code, "{}", self.message);
        }
        ErrorBody { error: ErrorDetail { code: self.code.to_owned(), message: self.message, details: self.details } }
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn retry_after_seconds(&self) -> Option<u32> {
        self.retry_after_seconds
    }

    /// The code that gRPC has for this status.
    pub(super) fn grpc_code(&self) -> u32 {
        match self.status {
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => 3,
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => 4,
            StatusCode::NOT_FOUND => 5,
            StatusCode::FORBIDDEN => 7,
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => 8,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => 12,
            StatusCode::SERVICE_UNAVAILABLE => 14,
            StatusCode::UNAUTHORIZED => 16,
            _ => 13,
        }
    }

    /// The answer with such a body, and with everything that is not in it.
    pub(super) fn answer(&self, body: impl IntoResponse) -> Response {
        let mut response = (self.status, body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // For whoever counts.
        if let Some(why) = self.shed {
            response.extensions_mut().insert(why);
        }
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.answer(Json(self.clone().body()));
        // For protocols that say it in other words.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<DecodeError> for ApiError {
    fn from(error: DecodeError) -> ApiError {
        let (status, code) = match &error {
            DecodeError::Malformed { .. } => (StatusCode::BAD_REQUEST, "malformed_body"),
            DecodeError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            DecodeError::NoMemory(_) => return busy(Shed::Decoding),
            DecodeError::UnsupportedEncoding {} => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding"),
            DecodeError::Broken(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        ApiError::new(status, code, error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        let message = error.to_string();
        match error {
            StoreError::Busy => busy(Shed::Memtables),
            StoreError::DiskFull { .. } => ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "disk_full",
                "the disk is full; nothing was stored, send again later",
            )
            .retry_after(10)
            .shed(Shed::Disk),
            StoreError::Io { .. } => {
                tracing::error!("{message}");
                ApiError::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "disk",
                    "the disk failed; nothing was acknowledged, send again later",
                )
                .retry_after(2)
            }
            StoreError::Closed => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "closing", message).retry_after(5),
            StoreError::NoDataset => ApiError::new(StatusCode::NOT_FOUND, "unknown_dataset", message),
            StoreError::DatasetExists(_) => ApiError::new(StatusCode::CONFLICT, "dataset_exists", message),
            StoreError::TooManyDatasets(_) => {
                ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "too_many_datasets", message)
            }
            StoreError::BatchIdTaken => ApiError::new(StatusCode::CONFLICT, "batch_id_taken", message),
            StoreError::TooLarge { .. } => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message),
            StoreError::Catalog(_) => {
                tracing::error!("{message}");
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "catalog", "the catalog failed; send again later")
                    .retry_after(2)
            }
            _ => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message),
        }
    }
}

impl From<AuditError> for ApiError {
    fn from(error: AuditError) -> ApiError {
        tracing::error!("{error}");
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "audit", "the audit log cannot be read; ask again later")
            .retry_after(2)
    }
}

impl From<TooManyTasks> for ApiError {
    fn from(error: TooManyTasks) -> ApiError {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_tasks", error.to_string()).retry_after(10)
    }
}

impl From<WorkspaceError> for ApiError {
    fn from(error: WorkspaceError) -> ApiError {
        let message = error.to_string();
        match error {
            WorkspaceError::Invalid(_) => ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message),
            WorkspaceError::TooManyKeys(_) => ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "too_many_keys", message),
            WorkspaceError::TooManyThings(..) => ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "too_many", message),
            WorkspaceError::NoThing(..) => ApiError::new(StatusCode::NOT_FOUND, "not_there", message),
            WorkspaceError::NoKey(_) => ApiError::new(StatusCode::NOT_FOUND, "unknown_key", message),
            WorkspaceError::Changed => etag::changed(),
            WorkspaceError::Sqlite(_) => {
                tracing::error!("{message}");
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "workspace", "the workspace failed; ask again later")
                    .retry_after(2)
            }
            WorkspaceError::Make { .. }
            | WorkspaceError::UnknownFormat { .. }
            | WorkspaceError::Randomness(_)
            | WorkspaceError::Bug(_) => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message),
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> ApiError {
        let status = match error.kind {
            QueryErrorKind::Malformed => StatusCode::BAD_REQUEST,
            QueryErrorKind::NotFound => StatusCode::NOT_FOUND,
            QueryErrorKind::Impossible => StatusCode::UNPROCESSABLE_ENTITY,
            QueryErrorKind::Busy => StatusCode::TOO_MANY_REQUESTS,
            QueryErrorKind::Deadline => StatusCode::GATEWAY_TIMEOUT,
            QueryErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let busy = error.kind == QueryErrorKind::Busy;
        let answer = ApiError::new(status, error.code, error.message).with(error.details);
        if busy { answer.retry_after(1).shed(Shed::Queries) } else { answer }
    }
}

pub(super) async fn no_route(uri: Uri) -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "no_route",
        "there is nothing at this path; the routes are listed at /api/v1/openapi.json",
    )
    .with(json!({ "path": uri.path() }))
}

pub(super) async fn no_method(method: Method) -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "no_method",
        format!("this path does not take {method}; see /api/v1/openapi.json"),
    )
}

pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the request met a bug; please report it")
        .into_response()
}
