//! The handle that queries read a segment through: opened on first use, columns found by field and type.
//!
//! It hands out checked bytes and decoded footers; decoding columns is the reader's business. Must not know what is
//! asked.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{DataType, Field, Schema};
use bytes::{Buf, Bytes};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::reader::{ChunkReader, Length};

use super::SegmentInfo;
use super::blocks::BlockFile;
use super::footer::{FORMAT_VERSION, METADATA_KEY, SegmentFooter};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::{DatasetId, FieldName, FieldType};
use crate::index::Sidecar;
use crate::paths::{DataDir, SegmentId};

/// One segment of a snapshot. Stays readable while it is held, also when the store has dropped it.
#[derive(Debug)]
pub struct Segment {
    info: SegmentInfo,
    disk: Arc<dyn Disk>,
    data_dir: DataDir,
    opened: Mutex<Option<Arc<OpenSegment>>>,
    sidecar: Mutex<SidecarState>,
}

/// What is known of a segment's sidecar.
#[derive(Debug, Default)]
enum SidecarState {
    #[default]
    Unopened,
    Open(Arc<Sidecar>),
    /// There is none.
    Without,
    /// It could not be read now; the next question tries again.
    Failed(String),
    Damaged(String),
}

/// A segment whose footer was read.
#[derive(Debug)]
pub struct OpenSegment {
    file: BlockFile,
    metadata: ArrowReaderMetadata,
    footer: SegmentFooter,
    columns: HashMap<(FieldName, FieldType), usize>,
}

impl Segment {
    pub(crate) fn new(info: SegmentInfo, disk: Arc<dyn Disk>, data_dir: DataDir) -> Segment {
        Segment { info, disk, data_dir, opened: Mutex::new(None), sidecar: Mutex::default() }
    }

    pub fn info(&self) -> &SegmentInfo {
        &self.info
    }

    /// The segment opened: its footer and page index are decoded once and kept.
    pub fn open(&self) -> Result<Arc<OpenSegment>, StoreError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = opened.as_ref() {
            return Ok(Arc::clone(open));
        }
        let open = Arc::new(self.open_now()?);
        *opened = Some(Arc::clone(&open));
        Ok(open)
    }

    /// Whether somebody reads it or may still do so, besides whoever holds this handle.
    pub(crate) fn in_use(self: &Arc<Self>) -> bool {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let read = opened.as_ref().is_some_and(|open| Arc::strong_count(open) > 1 || open.file.is_shared());
        let sidecar = self.sidecar.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = matches!(&*sidecar, SidecarState::Open(sidecar) if Arc::strong_count(sidecar) > 1);
        Arc::strong_count(self) > 1 || read || asked
    }

    /// The evidence beside the segment, opened on first use; none if there is none or it is damaged: the segment is read
    /// without it then.
    pub fn sidecar(&self) -> Option<Arc<Sidecar>> {
        let mut state = self.sidecar.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, SidecarState::Unopened | SidecarState::Failed(_)) {
            *state = match Sidecar::open(Arc::clone(&self.disk), &self.data_dir, &self.info) {
                Ok(sidecar) => SidecarState::Open(Arc::new(sidecar)),
                Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => SidecarState::Without,
                Err(error @ StoreError::Io { .. }) => SidecarState::Failed(error.to_string()),
                Err(error) => SidecarState::Damaged(error.to_string()),
            };
        }
        match &*state {
            SidecarState::Open(sidecar) if sidecar.damage().is_none() => Some(Arc::clone(sidecar)),
            _ => None,
        }
    }

    /// What was found wrong with the sidecar so far, in words.
    pub(crate) fn sidecar_damage(&self) -> Option<String> {
        match &*self.sidecar.lock().unwrap_or_else(PoisonError::into_inner) {
            SidecarState::Damaged(what) | SidecarState::Failed(what) => Some(what.clone()),
            SidecarState::Open(sidecar) => sidecar.damage().map(str::to_owned),
            SidecarState::Unopened | SidecarState::Without => None,
        }
    }

    fn open_now(&self) -> Result<OpenSegment, StoreError> {
        let info = &self.info;
        let open = OpenSegment::open(Arc::clone(&self.disk), &self.data_dir, info.dataset, info.id)?;
        if open.footer.rows != info.rows {
            let path = self.data_dir.segment(info.dataset, info.id);
            return Err(StoreError::damaged(
                &path,
                format!("it has {} events instead of {}", open.footer.rows, info.rows),
            ));
        }
        Ok(open)
    }
}

fn read_footer(metadata: &ArrowReaderMetadata) -> Result<SegmentFooter, String> {
    let file = metadata.metadata().file_metadata();
    let entry = file.key_value_metadata().and_then(|all| all.iter().find(|e| e.key == METADATA_KEY));
    let text = entry.and_then(|e| e.value.as_ref()).ok_or("it was not written by Outcrop")?;
    serde_json::from_str(text).map_err(|e| format!("its own metadata cannot be read: {e}"))
}

/// The schema that columns are decoded with: text as views, which group and filter faster.
fn view_schema(schema: &Schema) -> Arc<Schema> {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::Utf8 => field.as_ref().clone().with_data_type(DataType::Utf8View),
            _ => field.as_ref().clone(),
        })
        .collect();
    Arc::new(Schema::new(fields))
}

impl OpenSegment {
    /// Reads what the files of a segment say of themselves.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        data_dir: &DataDir,
        dataset: DatasetId,
        id: SegmentId,
    ) -> Result<OpenSegment, StoreError> {
        let path = &data_dir.segment(dataset, id);
        let file = BlockFile::open(disk, path, &data_dir.sums(dataset, id))?;
        let damaged = |what: String| StoreError::damaged(path, what);
        let options =
            ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_page_index_policy(PageIndexPolicy::Required);
        let plain = ArrowReaderMetadata::load(&SegmentBytes(file.clone()), options.clone())
            .map_err(|e| damaged(format!("its footer cannot be read: {e}")))?;
        let footer = read_footer(&plain).map_err(damaged)?;
        if footer.format != FORMAT_VERSION {
            return Err(StoreError::UnknownFormat { path: path.to_owned(), version: footer.format });
        }
        if (footer.dataset_id, footer.segment) != (dataset.0, id.0) {
            return Err(damaged(format!("it is segment {} of dataset {}", footer.segment, footer.dataset_id)));
        }
        if plain.metadata().file_metadata().num_rows() as u64 != footer.rows {
            return Err(damaged("its own metadata does not fit its rows".into()));
        }
        let metadata = ArrowReaderMetadata::try_new(
            Arc::clone(plain.metadata()),
            options.with_schema(view_schema(plain.schema())),
        )
        .map_err(|e| damaged(format!("its schema cannot be read: {e}")))?;
        let mut columns = HashMap::with_capacity(footer.fields.len());
        for field in &footer.fields {
            let index = metadata.schema().index_of(&field.column);
            let index = index.map_err(|_| damaged(format!("it has no column {}", field.column)))?;
            if let Some(key) = field.key() {
                columns.insert(key, index);
            }
        }
        Ok(OpenSegment { file, metadata, footer, columns })
    }

    /// What parquet's readers start from: footer, page index and arrow schema.
    pub fn metadata(&self) -> &ArrowReaderMetadata {
        &self.metadata
    }

    pub fn footer(&self) -> &SegmentFooter {
        &self.footer
    }

    /// The position of the column that holds this field's values of this type, if the segment has any.
    pub fn column(&self, field: &FieldName, field_type: FieldType) -> Option<usize> {
        self.columns.get(&(field.clone(), field_type)).copied()
    }

    /// The position of one of the store's own columns.
    pub fn system_column(&self, name: &str) -> Option<usize> {
        self.metadata.schema().index_of(name).ok()
    }

    /// The file's bytes for parquet's readers, checked block by block.
    pub fn bytes(&self) -> SegmentBytes {
        SegmentBytes(self.file.clone())
    }

    /// What a reader of this file's columns said, as an error of the file.
    pub(crate) fn unreadable(&self, error: &dyn std::error::Error) -> StoreError {
        StoreError::damaged(self.file.path(), format!("it cannot be read: {error}"))
    }

    /// Reads the whole file from the disk and compares every checksum.
    pub fn scrub(&self) -> Result<(), StoreError> {
        self.file.scrub()
    }
}

/// Bytes of a segment as parquet's readers want them.
#[derive(Clone, Debug)]
pub struct SegmentBytes(BlockFile);

impl Length for SegmentBytes {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

impl ChunkReader for SegmentBytes {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        let start = start as usize;
        let length = self.0.len().saturating_sub(start);
        Ok(self.range(start, length)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        self.range(start as usize, length)
    }
}

impl SegmentBytes {
    fn range(&self, start: usize, length: usize) -> parquet::errors::Result<Bytes> {
        self.0.range(start, length).map_err(|e| ParquetError::External(Box::new(e)))
    }
}
