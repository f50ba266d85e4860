//! What can be wrong with a question, and what to do about it. The rim turns kinds into statuses.

use serde_json::{Value, json};

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryErrorKind {
    /// The spec cannot be read (400).
    Malformed,
    /// A dataset that is not there (404).
    NotFound,
    /// Understood, but cannot be answered (422).
    Impossible,
    /// Too many questions at once (429).
    Busy,
    /// The deadline passed (504).
    Deadline,
    /// Our own mistake, or a damaged file (500).
    Internal,
}

/// An error as the contract writes it: a code for programs, a message for people, details for both.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    pub kind: QueryErrorKind,
    pub code: &'static str,
    pub message: String,
    pub details: Value,
}

impl QueryError {
    pub(crate) fn new(kind: QueryErrorKind, code: &'static str, message: impl Into<String>) -> QueryError {
        QueryError { kind, code, message: message.into(), details: json!({}) }
    }

    pub(crate) fn malformed(message: impl Into<String>) -> QueryError {
        QueryError::new(QueryErrorKind::Malformed, "malformed_spec", message)
    }

    pub(crate) fn impossible(code: &'static str, message: impl Into<String>) -> QueryError {
        QueryError::new(QueryErrorKind::Impossible, code, message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> QueryError {
        QueryError::new(QueryErrorKind::Internal, "internal", message)
    }

    pub(crate) fn deadline(seconds: u64) -> QueryError {
        QueryError::new(
            QueryErrorKind::Deadline,
            "deadline",
            format!(
                "the query took longer than {seconds} s; shorten the time range, add a filter, or raise timeout_seconds"
            ),
        )
    }

    pub(crate) fn with(mut self, details: Value) -> QueryError {
        self.details = details;
        self
    }
}

impl From<datafusion::error::DataFusionError> for QueryError {
    fn from(error: datafusion::error::DataFusionError) -> QueryError {
        use datafusion::error::DataFusionError;
        // What went wrong in a spill file comes wrapped in several errors of others; only their words are left.
        let words = error.to_string();
        if SPILL_FAILURES.iter().any(|failure| words.contains(failure)) {
            return no_space_to_spill();
        }
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => QueryError::impossible(
                "memory",
                "the query needs more memory than one query may have; shorten the time range, add a filter, or group by fewer fields",
            ),
            DataFusionError::External(external) => match external.downcast_ref::<QueryError>() {
                Some(own) => own.clone(),
                None => QueryError::internal(external.to_string()),
            },
            root => QueryError::internal(root.to_string()),
        }
    }
}

/// What the engine and the system say when a spill file cannot grow.
const SPILL_FAILURES: [&str; 2] = ["disk space during the spilling process", "No space left on device"];

fn no_space_to_spill() -> QueryError {
    QueryError::impossible(
        "no_space_to_spill",
        "the query needs more memory than it may have, and the disk has no space for the rest; shorten the time range, add \
         a filter, group by fewer fields, or free space",
    )
}

impl From<QueryError> for datafusion::error::DataFusionError {
    fn from(error: QueryError) -> datafusion::error::DataFusionError {
        datafusion::error::DataFusionError::External(Box::new(error))
    }
}

impl From<arrow::error::ArrowError> for QueryError {
    fn from(error: arrow::error::ArrowError) -> QueryError {
        QueryError::internal(error.to_string())
    }
}

impl From<parquet::errors::ParquetError> for QueryError {
    fn from(error: parquet::errors::ParquetError) -> QueryError {
        QueryError::internal(error.to_string())
    }
}

impl From<outcrop_storage::StoreError> for QueryError {
    fn from(error: outcrop_storage::StoreError) -> QueryError {
        QueryError::internal(error.to_string())
    }
}
