//! What can be wrong with SQL, in the words of the contract.

use arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use crate::error::{QueryError, QueryErrorKind};

pub(super) fn malformed(message: impl Into<String>) -> QueryError {
    QueryError::new(QueryErrorKind::Malformed, "malformed_sql", message)
}

/// Whose fault an error is that the engine met on SQL.
pub(crate) fn sql_error(error: DataFusionError) -> QueryError {
    match error.find_root() {
        DataFusionError::SQL(error, _) => malformed(format!("the SQL cannot be read: {error}")),
        DataFusionError::Plan(words) => malformed(words.clone()),
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, .. } => malformed(format!(
                "there is no column {}; a name in capitals, or with a dot in it, needs double quotes",
                field.flat_name()
            )),
            other => malformed(other.to_string()),
        },
        DataFusionError::NotImplemented(words) => {
            QueryError::impossible("not_supported", format!("not supported: {words}"))
        }
        DataFusionError::Configuration(words) => malformed(words.clone()),
        DataFusionError::Execution(words) => impossible(words),
        DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
            ArrowError::DivideByZero => impossible("a number is divided by zero; nullif(x, 0) makes it null"),
            ArrowError::CastError(words)
            | ArrowError::ComputeError(words)
            | ArrowError::ArithmeticOverflow(words)
            | ArrowError::ParseError(words)
            | ArrowError::InvalidArgumentError(words) => impossible(words),
            _ => error.into(),
        },
        _ => error.into(),
    }
}

fn impossible(words: &str) -> QueryError {
    QueryError::impossible("sql_failed", format!("the statement failed: {words}"))
}
