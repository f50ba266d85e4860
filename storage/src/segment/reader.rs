//! The handle that queries read a segment through: opened on first use, columns found by field and type.
//!
//! It hands out checked bytes and decoded footers; decoding columns is the reader's business. Must not know what is
//! asked.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arrow::array::{AsArray, StringViewArray};
use arrow::datatypes::TimestampNanosecondType;
use bytes::{Buf, Bytes};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::SegmentInfo;
use super::blocks::{BlockCheck, BlockFile};
use super::cache::{Columns, FooterCache};
use super::damage::Damage;
use super::decode::{Decoded, Opened};
use super::footer::SegmentFooter;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::{DatasetId, FieldName, FieldType, TimestampNs, reserved};
use crate::index::Sidecar;
use crate::limits;
use crate::paths::{DataDir, SegmentId};

/// One segment of a snapshot. Stays readable while it is held, also when the store has dropped it.
#[derive(Debug)]
pub struct Segment {
    info: SegmentInfo,
    source: Arc<Source>,
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

/// Where a segment is, and what is kept of it once it was opened.
#[derive(Debug)]
struct Source {
    disk: Arc<dyn Disk>,
    data_dir: DataDir,
    dataset: DatasetId,
    id: SegmentId,
    /// Mapped once: what was found good of it stays known.
    file: Mutex<Option<BlockFile>>,
    /// What it keeps holds this source in turn.
    footers: Weak<FooterCache>,
    damage: Damage,
}

/// A segment whose footer was read, for all of its columns or for some.
#[derive(Debug)]
pub struct OpenSegment {
    source: Arc<Source>,
    file: BlockFile,
    columns: Columns,
    opened: Opened,
}

impl Segment {
    pub(crate) fn new(
        info: SegmentInfo,
        disk: Arc<dyn Disk>,
        data_dir: DataDir,
        footers: &Arc<FooterCache>,
    ) -> Segment {
        let (dataset, id, footers) = (info.dataset, info.id, Arc::downgrade(footers));
        let (file, damage) = (Mutex::default(), Damage::default());
        let source = Arc::new(Source { disk, data_dir, dataset, id, file, footers, damage });
        Segment { info, source, sidecar: Mutex::default() }
    }

    /// What somebody has found wrong with its files, in words. It is not to be read then.
    pub fn damage(&self) -> Option<&str> {
        self.source.damage.what()
    }

    pub(crate) fn damage_note(&self) -> &Damage {
        &self.source.damage
    }

    pub fn info(&self) -> &SegmentInfo {
        &self.info
    }

    /// The segment opened: its footer and page index are decoded, and kept while there is room.
    pub fn open(&self) -> Result<Arc<OpenSegment>, StoreError> {
        self.check(self.source.open(&None))
    }

    /// The segment opened from its files as they are now, whatever was read before.
    pub(crate) fn open_anew(&self) -> Result<Arc<OpenSegment>, StoreError> {
        let Source { disk, data_dir, dataset, id, damage, .. } = self.source.as_ref();
        let (disk, data_dir, damage) = (Arc::clone(disk), data_dir.clone(), damage.clone());
        let (dataset, id, file, footers) = (*dataset, *id, Mutex::default(), Weak::new());
        self.check(Arc::new(Source { disk, data_dir, dataset, id, file, footers, damage }).open(&None))
    }

    /// The segment opened for these columns and the store's own. Of a wide segment others cannot be read from what this
    /// gives: decoding costs what is asked and not what is stored.
    pub fn open_columns(&self, columns: &[(FieldName, FieldType)]) -> Result<Arc<OpenSegment>, StoreError> {
        let mut columns = columns.to_vec();
        columns.sort_unstable();
        columns.dedup();
        self.check(self.source.open(&Some(columns.into())))
    }

    /// Whether somebody reads it or may still do so, besides whoever holds this handle.
    pub(crate) fn in_use(self: &Arc<Self>) -> bool {
        if let Some(footers) = self.source.footers.upgrade() {
            footers.forget(self.info.id);
        }
        let read = self.source.file().as_ref().is_some_and(BlockFile::is_shared);
        let sidecar = self.sidecar.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = matches!(&*sidecar, SidecarState::Open(sidecar) if Arc::strong_count(sidecar) > 1);
        Arc::strong_count(self) > 1 || read || asked
    }

    /// The evidence beside the segment, opened on first use; none if there is none or it is damaged: the segment is read
    /// without it then.
    pub fn sidecar(&self) -> Option<Arc<Sidecar>> {
        let mut state = self.sidecar.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, SidecarState::Unopened | SidecarState::Failed(_)) {
            *state = match Sidecar::open(Arc::clone(&self.source.disk), &self.source.data_dir, &self.info) {
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

    /// Whether it is the segment that the catalog lists; what is wrong is noted.
    fn check(&self, opened: Result<Arc<OpenSegment>, StoreError>) -> Result<Arc<OpenSegment>, StoreError> {
        let checked = opened.and_then(|open| match self.info.difference(&open.info()) {
            Some(difference) => Err(StoreError::damaged(
                open.file.path(),
                format!("it is not the file that the catalog lists: {difference}"),
            )),
            None => Ok(open),
        });
        checked.inspect_err(|error| self.source.damage.note(error))
    }
}

impl Source {
    fn file(&self) -> MutexGuard<'_, Option<BlockFile>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(self: &Arc<Source>, columns: &Columns) -> Result<Arc<OpenSegment>, StoreError> {
        // Held while decoding, so that those who come at once decode once.
        let mut mapped = self.file();
        let footers = self.footers.upgrade();
        let kept = |columns: &Columns| footers.as_ref().and_then(|f| f.get(self.id, columns));
        if let Some(kept) = kept(columns) {
            return Ok(kept);
        }
        let whole = kept(&None);
        let file = match mapped.as_ref() {
            Some(file) => file.clone(),
            None => mapped.insert(self.map()?).clone(),
        };
        let decoded = match whole {
            Some(whole) if !whole.is_wide() => return Ok(whole),
            Some(whole) => Decoded::again(&file, &whole.opened),
            None => Decoded::new(&file, self.dataset, self.id)?,
        };
        let (columns, opened) = match columns {
            Some(fields) if decoded.is_wide() => (columns.clone(), decoded.narrowed(fields)?.open()?),
            _ => (None, decoded.open()?),
        };
        let open = Arc::new(OpenSegment { source: Arc::clone(self), file, columns: columns.clone(), opened });
        if let Some(footers) = footers {
            footers.put(self.id, columns, &open);
        }
        Ok(open)
    }

    fn map(&self) -> Result<BlockFile, StoreError> {
        let path = self.data_dir.segment(self.dataset, self.id);
        let sums = self.data_dir.sums(self.dataset, self.id);
        BlockFile::open(Arc::clone(&self.disk), &path, &sums, self.damage.clone())
    }
}

impl OpenSegment {
    /// Reads what the files of a segment say of themselves.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        data_dir: &DataDir,
        dataset: DatasetId,
        id: SegmentId,
    ) -> Result<Arc<OpenSegment>, StoreError> {
        let (data_dir, file, footers, damage) = (data_dir.clone(), Mutex::default(), Weak::new(), Damage::default());
        Arc::new(Source { disk, data_dir, dataset, id, file, footers, damage }).open(&None)
    }

    /// The same segment opened for all of its columns.
    pub fn whole(self: &Arc<OpenSegment>) -> Result<Arc<OpenSegment>, StoreError> {
        if self.columns.is_none() { Ok(Arc::clone(self)) } else { self.source.open(&None) }
    }

    /// About what it holds in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        let parquet = self.opened.metadata.metadata().memory_size();
        parquet + limits::FOOTER_COLUMN_BYTES * (self.opened.metadata.schema().fields().len())
    }

    fn is_wide(&self) -> bool {
        self.opened.footer.fields.len() > limits::WIDE_COLUMNS
    }

    /// What parquet's readers start from: footer, page index and arrow schema.
    pub fn metadata(&self) -> &ArrowReaderMetadata {
        &self.opened.metadata
    }

    /// What the segment says of itself; of its fields, those that it was opened for.
    pub fn footer(&self) -> &SegmentFooter {
        &self.opened.footer
    }

    /// What a catalog should know of it.
    pub(crate) fn info(&self) -> SegmentInfo {
        self.footer().info(self.file.len() as u64)
    }

    /// The position of the column that holds this field's values of this type, if the segment has any.
    pub fn column(&self, field: &FieldName, field_type: FieldType) -> Option<usize> {
        let key = (field.clone(), field_type);
        debug_assert!(self.columns.as_ref().is_none_or(|c| c.contains(&key)), "{field} was not asked for");
        self.opened.positions.get(&key).copied()
    }

    /// The position of one of the store's own columns.
    pub fn system_column(&self, name: &str) -> Option<usize> {
        self.metadata().schema().index_of(name).ok()
    }

    /// Calls `each` with the overflow texts of events and their times, some at a time; never if it has none.
    pub(crate) fn read_overflow(
        &self,
        mut each: impl FnMut(&StringViewArray, &[TimestampNs]),
    ) -> Result<(), StoreError> {
        let overflow = self.column(&FieldName::trusted(reserved::OVERFLOW), FieldType::String);
        let (Some(overflow), Some(time)) = (overflow, self.system_column(reserved::TIMESTAMP)) else { return Ok(()) };
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes(), self.metadata().clone())
            .with_projection(ProjectionMask::roots(self.metadata().parquet_schema(), [time, overflow]))
            .build();
        for batch in reader.map_err(|e| self.unreadable(&e))? {
            let batch = batch.map_err(|e| self.unreadable(&e))?;
            let times = batch.column(0).as_primitive::<TimestampNanosecondType>();
            each(batch.column(1).as_string_view(), times.values());
        }
        Ok(())
    }

    /// The file's bytes for parquet's readers, checked block by block.
    pub fn bytes(&self) -> SegmentBytes {
        SegmentBytes(self.file.clone())
    }

    /// What a reader of this file's columns said, as an error of the file.
    pub(crate) fn unreadable(&self, error: &dyn std::error::Error) -> StoreError {
        self.file.unreadable("it", error)
    }

    /// A walk over its file on the device.
    pub(crate) fn check_blocks(&self) -> Result<BlockCheck, StoreError> {
        self.file.check()
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
    pub(super) fn new(file: BlockFile) -> SegmentBytes {
        SegmentBytes(file)
    }

    fn range(&self, start: usize, length: usize) -> parquet::errors::Result<Bytes> {
        self.0.range(start, length).map_err(|e| ParquetError::External(Box::new(e)))
    }
}
