//! Batches as bytes of a form. It must not know who reads them.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::csv;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::StreamWriter;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::Format;
use crate::error::QueryError;
use crate::limits;

/// Bytes that were written and not yet taken.
#[derive(Clone, Debug, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn take(&self, at_least: usize) -> Option<Vec<u8>> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (bytes.len() >= at_least).then(|| std::mem::take(&mut *bytes))
    }
}

impl io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// See the module.
pub(super) struct Writer {
    /// What is written of each batch: every reader knows these types.
    schema: SchemaRef,
    pipe: Pipe,
    form: Form,
}

enum Form {
    Csv(Box<csv::Writer<Pipe>>),
    Arrow(Box<StreamWriter<Pipe>>),
    Parquet(Box<ArrowWriter<Pipe>>),
}

impl Writer {
    pub(super) fn new(format: Format, schema: &Schema) -> Result<Writer, QueryError> {
        let pipe = Pipe::default();
        let schema = Arc::new(plain_schema(format, schema));
        let form = match format {
            Format::Csv => {
                let mut writer = csv::WriterBuilder::new().with_header(true).build(pipe.clone());
                // The header too when there is no row.
                writer.write(&RecordBatch::new_empty(Arc::clone(&schema)))?;
                Form::Csv(Box::new(writer))
            }
            Format::Arrow => Form::Arrow(Box::new(StreamWriter::try_new(pipe.clone(), &schema)?)),
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_max_row_group_row_count(Some(limits::EXPORT_GROUP_ROWS))
                    .set_compression(Compression::ZSTD(Default::default()))
                    .build();
                Form::Parquet(Box::new(ArrowWriter::try_new(pipe.clone(), Arc::clone(&schema), Some(properties))?))
            }
        };
        Ok(Writer { schema, pipe, form })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        let batch = plain(batch, &self.schema)?;
        match &mut self.form {
            Form::Csv(writer) => writer.write(&batch)?,
            Form::Arrow(writer) => writer.write(&batch)?,
            Form::Parquet(writer) => {
                writer.write(&batch)?;
                if writer.in_progress_size() > limits::EXPORT_GROUP_BYTES {
                    writer.flush()?;
                }
            }
        }
        Ok(())
    }

    /// What was written, if it is as much.
    pub(super) fn take(&self, at_least: usize) -> Option<Vec<u8>> {
        self.pipe.take(at_least)
    }

    /// The end of it.
    pub(super) fn finish(self) -> Result<Vec<u8>, QueryError> {
        match self.form {
            Form::Csv(writer) => drop(writer),
            Form::Arrow(mut writer) => writer.finish()?,
            Form::Parquet(writer) => drop(writer.close()?),
        }
        Ok(self.pipe.take(0).unwrap_or_default())
    }
}

/// The type that a column has outside: text without views, and in CSV text for what is nested.
fn plain_type(format: Format, data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Null => DataType::Utf8,
        other if other.is_nested() || matches!(other, DataType::Interval(_) | DataType::Duration(_)) => match format {
            Format::Arrow => other.clone(),
            Format::Csv | Format::Parquet => DataType::Utf8,
        },
        other => other.clone(),
    }
}

fn plain_schema(format: Format, schema: &Schema) -> Schema {
    let field = |field: &Arc<Field>| Field::new(field.name(), plain_type(format, field.data_type()), true);
    Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>())
}

fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, QueryError> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(array, field)| plain_array(array, field.data_type())).collect::<Result<_, _>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn plain_array(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, QueryError> {
    if array.data_type() == wanted {
        return Ok(Arc::clone(array));
    }
    let has_text_form =
        array.data_type().is_nested() || matches!(array.data_type(), DataType::Interval(_) | DataType::Duration(_));
    if !has_text_form {
        return Ok(cast(array, wanted)?);
    }
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options)?;
    let text = |row: usize| array.is_valid(row).then(|| formatter.value(row).to_string());
    Ok(Arc::new((0..array.len()).map(text).collect::<arrow::array::StringArray>()))
}
