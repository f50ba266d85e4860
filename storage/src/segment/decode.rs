//! What a segment's file says of itself, decoded: for all columns, or for some of them.
//!
//! The page index is most of a footer: in a segment of 10,000 columns it takes ten times the memory of the rest. It is
//! read last, for the columns that are left. Must not know the cache.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    FileMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataBuilder, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::schema::types::{SchemaDescriptor, Type};

use super::blocks::BlockFile;
use super::footer::{FORMAT_VERSION, METADATA_KEY, SegmentFooter};
use super::reader::SegmentBytes;
use crate::error::StoreError;
use crate::event::{DatasetId, FieldName, FieldType, reserved};
use crate::limits;
use crate::paths::SegmentId;

/// The position of each field's columns.
pub(super) type Positions = HashMap<(FieldName, FieldType), usize>;

/// A footer without its page index, found to be that of its segment.
#[derive(Debug)]
pub(super) struct Decoded<'f> {
    file: &'f BlockFile,
    metadata: Arc<ParquetMetaData>,
    footer: SegmentFooter,
}

/// Everything that reading columns starts from.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) metadata: ArrowReaderMetadata,
    pub(super) footer: SegmentFooter,
    pub(super) positions: Positions,
}

impl<'f> Decoded<'f> {
    pub(super) fn new(file: &'f BlockFile, dataset: DatasetId, id: SegmentId) -> Result<Decoded<'f>, StoreError> {
        let damaged = |what: String| StoreError::damaged(file.path(), what);
        let metadata = ParquetMetaDataReader::new()
            .parse_and_finish(&SegmentBytes::new(file.clone()))
            .map_err(|e| unreadable(file, &e))?;
        let footer = read_footer(&metadata).map_err(damaged)?;
        if footer.format != FORMAT_VERSION {
            return Err(StoreError::UnknownFormat { path: file.path().to_owned(), version: footer.format });
        }
        if (footer.dataset_id, footer.segment) != (dataset.0, id.0) {
            return Err(damaged(format!("it is segment {} of dataset {}", footer.segment, footer.dataset_id)));
        }
        if metadata.file_metadata().num_rows() as u64 != footer.rows {
            return Err(damaged("its own metadata does not fit its rows".into()));
        }
        Ok(Decoded { file, metadata: Arc::new(metadata), footer })
    }

    /// What was decoded before.
    pub(super) fn again(file: &'f BlockFile, opened: &Opened) -> Decoded<'f> {
        Decoded { file, metadata: Arc::clone(opened.metadata.metadata()), footer: opened.footer.clone() }
    }

    pub(super) fn is_wide(&self) -> bool {
        self.footer.fields.len() > limits::WIDE_COLUMNS
    }

    /// Leaves the columns of these fields and the store's own.
    pub(super) fn narrowed(mut self, fields: &[(FieldName, FieldType)]) -> Result<Decoded<'f>, StoreError> {
        let wanted: HashSet<(&str, &str)> = fields.iter().map(|(name, t)| (name.as_str(), t.label())).collect();
        self.footer.fields.retain(|f| wanted.contains(&(f.name.as_str(), f.type_label.as_str())));
        let own = [reserved::TIMESTAMP, reserved::SEQUENCE, reserved::RECEIVED, reserved::SAMPLE_RATE];
        let names: HashSet<&str> =
            own.into_iter().chain(self.footer.fields.iter().map(|f| f.column.as_str())).collect();
        let schema = self.metadata.file_metadata().schema_descr();
        let keep: Vec<usize> =
            (0..schema.num_columns()).filter(|at| names.contains(schema.column(*at).name())).collect();
        self.metadata = Arc::new(narrow(&self.metadata, &keep).map_err(|e| unreadable(self.file, &e))?);
        Ok(self)
    }

    /// Reads the page index of the columns that are left.
    pub(super) fn open(self) -> Result<Opened, StoreError> {
        let Decoded { file, metadata, footer } = self;
        let metadata = with_page_index(file, Arc::unwrap_or_clone(metadata)).map_err(|e| unreadable(file, &e))?;
        let positions = positions(&metadata, &footer).map_err(|what| StoreError::damaged(file.path(), what))?;
        let metadata = with_views(metadata).map_err(|e| unreadable(file, &e))?;
        check_types(&metadata, &positions).map_err(|what| StoreError::damaged(file.path(), what))?;
        Ok(Opened { metadata, footer, positions })
    }
}

fn unreadable(file: &BlockFile, error: &ParquetError) -> StoreError {
    file.unreadable("its footer", error)
}

fn with_page_index(file: &BlockFile, metadata: ParquetMetaData) -> Result<ParquetMetaData, ParquetError> {
    let mut reader =
        ParquetMetaDataReader::new_with_metadata(metadata).with_page_index_policy(PageIndexPolicy::Required);
    reader.read_page_indexes(&SegmentBytes::new(file.clone()))?;
    reader.finish()
}

/// With the schema that columns are decoded with: text as views, which group and filter faster.
fn with_views(metadata: ParquetMetaData) -> Result<ArrowReaderMetadata, ParquetError> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let schema = parquet_to_arrow_schema(metadata.file_metadata().schema_descr(), None)?;
    let view = |field: &Arc<Field>| field.as_ref().clone().with_data_type(view(field.data_type().clone()));
    let schema = Schema::new(schema.fields().iter().map(view).collect::<Vec<_>>());
    ArrowReaderMetadata::try_new(Arc::new(metadata), options.with_schema(Arc::new(schema)))
}

fn view(data_type: DataType) -> DataType {
    if data_type == DataType::Utf8 { DataType::Utf8View } else { data_type }
}

/// Whether each field's column holds what the footer says.
fn check_types(metadata: &ArrowReaderMetadata, positions: &Positions) -> Result<(), String> {
    for ((field, field_type), at) in positions {
        let found = metadata.schema().field(*at).data_type();
        if *found != view(field_type.data_type()) {
            return Err(format!("the column of {field} is {found} instead of {}", field_type.label()));
        }
    }
    Ok(())
}

/// All columns are flat: the position in the file is the position in the schema.
fn positions(metadata: &ParquetMetaData, footer: &SegmentFooter) -> Result<Positions, String> {
    let columns = metadata.file_metadata().schema_descr().columns();
    let places: HashMap<&str, usize> = columns.iter().enumerate().map(|(at, column)| (column.name(), at)).collect();
    let mut positions = Positions::with_capacity(footer.fields.len());
    for field in &footer.fields {
        let place = places.get(field.column.as_str()).ok_or_else(|| format!("it has no column {}", field.column))?;
        if let Some(key) = field.key() {
            positions.insert(key, *place);
        }
    }
    Ok(positions)
}

fn read_footer(metadata: &ParquetMetaData) -> Result<SegmentFooter, String> {
    let entries = metadata.file_metadata().key_value_metadata();
    let entry = entries.and_then(|all| all.iter().find(|e| e.key == METADATA_KEY));
    let text = entry.and_then(|e| e.value.as_ref()).ok_or("it was not written by Outcrop")?;
    serde_json::from_str(text).map_err(|e| format!("its own metadata cannot be read: {e}"))
}

/// The same file as if it had only the columns at these positions. What describes a column does not depend on others.
fn narrow(metadata: &ParquetMetaData, keep: &[usize]) -> Result<ParquetMetaData, ParquetError> {
    let file = metadata.file_metadata();
    let columns = keep.iter().map(|at| file.schema_descr().column(*at).self_type_ptr()).collect();
    let root = Type::group_type_builder(file.schema().name()).with_fields(columns).build()?;
    let schema = Arc::new(SchemaDescriptor::new(Arc::new(root)));
    let orders = file.column_orders().map(|orders| keep.iter().map(|at| orders[*at]).collect());
    let created_by = file.created_by().map(str::to_owned);
    let narrowed = FileMetaData::new(file.version(), file.num_rows(), created_by, None, Arc::clone(&schema), orders);
    let groups = metadata.row_groups().iter().map(|group| {
        let columns = keep.iter().map(|at| group.column(*at).clone()).collect();
        let mut builder = RowGroupMetaData::builder(Arc::clone(&schema))
            .set_num_rows(group.num_rows())
            .set_total_byte_size(group.total_byte_size())
            .set_column_metadata(columns);
        if let Some(ordinal) = group.ordinal() {
            builder = builder.set_ordinal(ordinal);
        }
        builder.build()
    });
    Ok(ParquetMetaDataBuilder::new(narrowed).set_row_groups(groups.collect::<Result<_, _>>()?).build())
}
