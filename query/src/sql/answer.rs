//! The rows of a statement as JSON. It must not know what was asked.

use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::StreamExt;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::catalog::Catalog;
use crate::answer::{AnswerColumn, AnswerStats, Warning, cell};
use crate::error::QueryError;
use crate::limits;

/// The answer to SQL.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SqlAnswer {
    pub columns: Vec<AnswerColumn>,
    #[schema(value_type = Vec<Vec<Value>>)]
    pub rows: Vec<Vec<Value>>,
    /// Whether there are more rows than the limit.
    pub truncated: bool,
    pub stats: AnswerStats,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// Reads rows to their end. There may be one more than the limit.
pub(super) async fn write(
    mut batches: SendableRecordBatchStream,
    catalog: Catalog,
    limit: usize,
    began: Instant,
) -> Result<SqlAnswer, QueryError> {
    let columns = columns(&batches.schema());
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        bytes += batch.get_array_memory_size().min(slice_bytes(&batch));
        if bytes > limits::SQL_ANSWER_BYTES_MAX || rows.len() * columns.len() > limits::ROWS_CELLS_MAX {
            return Err(QueryError::impossible(
                "answer_too_large",
                "the answer is too large for JSON; ask for fewer columns or rows, or for format csv, arrow or parquet",
            ));
        }
        rows.extend((0..batch.num_rows()).map(|row| batch.columns().iter().map(|c| cell(c, row)).collect::<Vec<_>>()));
    }
    let truncated = rows.len() > limit;
    rows.truncate(limit);
    Ok(SqlAnswer { columns, rows, truncated, stats: catalog.stats(began), warnings: catalog.warnings() })
}

/// What of its buffers a batch uses: views may share those of many.
fn slice_bytes(batch: &RecordBatch) -> usize {
    let bytes = |array: &arrow::array::ArrayRef| array.to_data().get_slice_memory_size().unwrap_or_default();
    batch.columns().iter().map(bytes).sum()
}

fn columns(schema: &Schema) -> Vec<AnswerColumn> {
    let column = |field: &std::sync::Arc<arrow::datatypes::Field>| AnswerColumn {
        name: field.name().clone(),
        type_label: type_label(field.data_type()),
    };
    schema.fields().iter().map(column).collect()
}

fn type_label(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "boolean",
        data_type if data_type.is_integer() => "integer",
        data_type if data_type.is_numeric() => "float",
        DataType::Timestamp(..) => "time",
        DataType::Null => "null",
        _ => "string",
    }
}
