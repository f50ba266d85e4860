//! A sidecar as it is asked: which rows may have this value, what is known of that column, how often has a block what.
//!
//! Opening reads the file's end and nothing else; a question reads the few blocks that it needs, checked on first touch. The
//! directory is searched where it lies, so that an open sidecar takes no memory for its columns. It must not know what is
//! asked, or who asks.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::bounds::Bounds;
use super::codec::Cursor;
use super::column::Statistics;
use super::counts::{self, ColumnCounts};
use super::filter;
use super::layout::{Block, Cluster, Grid, SLICES_MAX, Span};
use super::postings::{self, Found};
use super::rows::RowSet;
use super::writer::{
    CLUSTER_ABSENT, CLUSTER_MIXED, CLUSTER_VALUE, END_BYTES, FLAG_BOUNDS, FLAG_SAMPLED, FORMAT_VERSION, HEADER_BYTES,
    MAGIC, RECORD_BYTES, SPAN_BYTES, key,
};
use crate::catalog::Distinct;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::{FieldName, FieldType, TimestampNs};
use crate::paths::DataDir;
use crate::segment::SegmentInfo;
use crate::segment::blocks::{BlockCheck, BlockFile};

/// See the module.
#[derive(Debug)]
pub struct Sidecar {
    file: BlockFile,
    end: End,
    spans: Vec<Span>,
    /// What was found wrong after it was opened.
    damage: OnceLock<String>,
}

/// The end of the file.
#[derive(Clone, Copy, Debug)]
struct End {
    records: usize,
    keys: usize,
    blocks: usize,
    spans: usize,
    columns: usize,
    grid: Grid,
    sampled: bool,
    owner: Owner,
}

/// The segment that a sidecar is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) store_id: [u8; 16],
    pub(crate) dataset: u32,
    pub(crate) segment: u64,
    pub(crate) segment_bytes: u64,
}

/// One value of a column, to be looked up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Probe<'a> {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(&'a str),
}

impl Probe<'_> {
    fn hash(self) -> u64 {
        match self {
            Probe::Boolean(value) => Distinct::hash_boolean(value),
            Probe::Integer(value) => Distinct::hash_integer(value),
            Probe::Float(value) => Distinct::hash_float(value),
            Probe::Text(value) => Distinct::hash_text(value),
        }
    }

    fn within(self, bounds: &Bounds) -> bool {
        match (self, bounds) {
            (Probe::Boolean(value), Bounds::Boolean(least, greatest)) => (*least..=*greatest).contains(&value),
            (Probe::Integer(value), Bounds::Integer(least, greatest)) => (*least..=*greatest).contains(&value),
            (Probe::Float(value), Bounds::Float(least, greatest)) => (*least..=*greatest).contains(&value),
            (Probe::Text(value), Bounds::Text(least, greatest)) => {
                (least.as_slice()..=greatest.as_slice()).contains(&value.as_bytes())
            }
            _ => true,
        }
    }
}

/// What a sidecar has of one column.
#[derive(Debug)]
pub struct ColumnEvidence<'a> {
    sidecar: &'a Sidecar,
    pub field: FieldName,
    pub field_type: FieldType,
    pub statistics: Statistics,
    filter: Part,
    postings: Part,
    counts: Part,
}

/// A stretch of the file.
#[derive(Clone, Copy, Debug)]
struct Part {
    from: usize,
    length: usize,
}

impl Sidecar {
    /// Opens the sidecar of a segment.
    pub(crate) fn open(disk: Arc<dyn Disk>, data_dir: &DataDir, info: &SegmentInfo) -> Result<Sidecar, StoreError> {
        let path = data_dir.sidecar(info.dataset, info.id);
        let sidecar = Sidecar::open_any(disk, &path)?;
        let Owner { segment_bytes, segment, dataset, .. } = sidecar.end.owner;
        let of_segment = (segment, dataset, segment_bytes) == (info.id.0, info.dataset.0, info.bytes)
            && u64::from(sidecar.end.grid.rows) == info.rows;
        let other = || StoreError::damaged(&path, "its end is not that of this segment's sidecar");
        if of_segment { Ok(sidecar) } else { Err(other()) }
    }

    /// Opens the sidecar of whatever segment it is.
    pub(crate) fn open_any(disk: Arc<dyn Disk>, path: &Path) -> Result<Sidecar, StoreError> {
        let file = BlockFile::open_sealed(disk, path)?;
        check_version(&file, path)?;
        let damaged = |what: &str| StoreError::damaged(path, what);
        let from = file.len().checked_sub(END_BYTES).ok_or_else(|| damaged("it is too short"))?;
        let end = file.range(from, END_BYTES)?;
        let end = End::read(&end, from).ok_or_else(|| damaged("its end is not that of a sidecar"))?;
        let spans = file.range(end.spans, from - end.spans)?;
        let spans = spans.as_chunks::<SPAN_BYTES>().0.iter().filter_map(|span| read_span(span)).collect();
        Ok(Sidecar { file, end, spans, damage: OnceLock::new() })
    }

    pub fn grid(&self) -> Grid {
        self.end.grid
    }

    /// Whose it says that it is.
    pub(crate) fn owner(&self) -> Owner {
        self.end.owner
    }

    pub(crate) fn is_sampled(&self) -> bool {
        self.end.sampled
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.file.sealed_len()
    }

    /// What was found wrong since it was opened. Nothing that it says is to be believed then.
    pub fn damage(&self) -> Option<&str> {
        self.damage.get().map(String::as_str)
    }

    /// The rows of slices with events in `start` ≤ t < `end`.
    pub fn rows_in_time(&self, start: TimestampNs, end: TimestampNs) -> RowSet {
        let overlaps = |span: &Span| span.time_min < end && span.time_max >= start;
        let slices = self.spans.iter().enumerate().filter(|(_, span)| overlaps(span));
        RowSet::of_slices(self.end.grid, slices.fold(0, |slices, (at, _)| slices | 1 << at))
    }

    /// The blocks that values are counted by.
    pub fn blocks(&self) -> Result<Vec<Block>, StoreError> {
        let table = self.noted(self.file.range(self.end.blocks, self.end.spans - self.end.blocks))?;
        self.noted(read_blocks(&table, self.end.grid.rows).ok_or_else(|| self.unreadable("its blocks")))
    }

    /// What is known of a field's values of one type; none if no event has any.
    pub fn column(&self, field: &str, field_type: FieldType) -> Result<Option<ColumnEvidence<'_>>, StoreError> {
        self.noted(self.find_column(field, field_type))
    }

    /// The columns, in no order that means anything.
    pub fn columns(&self) -> impl Iterator<Item = Result<ColumnEvidence<'_>, StoreError>> {
        (0..self.end.columns).map(|at| self.noted(self.column_at(at)))
    }

    /// Reads the whole file from the disk and compares every checksum.
    pub fn scrub(&self) -> Result<(), StoreError> {
        self.noted(self.file.scrub())
    }

    /// A walk over the file on the device.
    pub(crate) fn check_blocks(&self) -> Result<BlockCheck, StoreError> {
        self.file.check()
    }

    /// Remembers what somebody else has found wrong with it.
    pub(crate) fn note_damage(&self, error: &StoreError) {
        if error.is_damage() {
            let _known = self.damage.set(error.to_string());
        }
    }

    fn find_column(&self, field: &str, field_type: FieldType) -> Result<Option<ColumnEvidence<'_>>, StoreError> {
        let wanted = key(field, field_type);
        let keys = self.file.range(self.end.keys, 8 * self.end.columns)?;
        let keys = keys.as_chunks::<8>().0;
        let first = keys.partition_point(|key| u64::from_le_bytes(*key) < wanted);
        let same = keys[first..].iter().take_while(|key| u64::from_le_bytes(**key) == wanted).count();
        for at in first..first + same {
            let column = self.column_at(at)?;
            if column.field.as_str() == field && column.field_type == field_type {
                return Ok(Some(column));
            }
        }
        Ok(None)
    }

    fn column_at(&self, at: usize) -> Result<ColumnEvidence<'_>, StoreError> {
        let bytes = self.file.range(self.end.records + at * RECORD_BYTES, RECORD_BYTES)?;
        let record = Record::read(&bytes).ok_or_else(|| self.unreadable("a record"))?;
        let texts = record.least_bytes + record.greatest_bytes;
        let name = self.file.range(record.name, record.name_bytes + texts)?;
        let (name, texts) = name.split_at(record.name_bytes);
        let name = std::str::from_utf8(name).map_err(|_| self.unreadable("a name"))?;
        let bounds = record.bounds(texts.split_at(record.least_bytes));
        let mut from = record.from;
        let parts = record.lengths.map(|length| {
            let part = Part { from, length };
            from = from.saturating_add(length);
            part
        });
        Ok(ColumnEvidence {
            sidecar: self,
            field: FieldName::trusted(name),
            field_type: record.field_type,
            statistics: Statistics { bounds, ..record.statistics },
            filter: parts[0],
            postings: parts[1],
            counts: parts[2],
        })
    }

    fn part(&self, part: Part) -> Result<Bytes, StoreError> {
        self.file.range(part.from, part.length)
    }

    fn unreadable(&self, what: &str) -> StoreError {
        StoreError::damaged(self.file.path(), format!("{what} cannot be read"))
    }

    /// Remembers what was found wrong.
    fn noted<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        result.inspect_err(|error| {
            let _known = self.damage.set(error.to_string());
        })
    }
}

impl ColumnEvidence<'_> {
    /// The rows that have a value.
    pub fn present(&self) -> Result<RowSet, StoreError> {
        self.sidecar.noted(self.find_present())
    }

    /// The rows that may have this value.
    pub fn find(&self, value: Probe<'_>) -> Result<RowSet, StoreError> {
        if !self.may_hold(value) {
            return Ok(RowSet::none(self.sidecar.end.grid));
        }
        self.sidecar.noted(self.find_hash(value.hash()))
    }

    /// Whether a value lies between the least and the greatest of the column.
    pub fn may_hold(&self, value: Probe<'_>) -> bool {
        self.statistics.bounds.as_ref().is_none_or(|bounds| value.within(bounds))
    }

    /// How often each block has what.
    pub fn counts(&self) -> Result<ColumnCounts, StoreError> {
        let read = || {
            let bytes = self.sidecar.part(self.counts)?;
            let counts = counts::read(&bytes, self.field_type, self.sidecar.end.sampled);
            counts.ok_or_else(|| self.sidecar.unreadable("the value counts of a column"))
        };
        self.sidecar.noted(read())
    }

    /// Bytes of the filter, the postings and the counts.
    pub fn part_bytes(&self) -> [usize; 3] {
        [self.filter, self.postings, self.counts].map(|part| part.length)
    }

    fn find_present(&self) -> Result<RowSet, StoreError> {
        let grid = self.sidecar.end.grid;
        let postings = self.sidecar.part(self.postings)?;
        match postings::present(&postings).ok_or_else(|| self.sidecar.unreadable("the postings of a column"))? {
            Found::Rows(rows) => Ok(RowSet::of_rows(grid, rows)),
            Found::Unknown => Ok(RowSet::of_slices(grid, self.statistics.slices)),
        }
    }

    fn find_hash(&self, hash: u64) -> Result<RowSet, StoreError> {
        let grid = self.sidecar.end.grid;
        let postings = self.sidecar.part(self.postings)?;
        let found =
            postings::find(&postings, hash).ok_or_else(|| self.sidecar.unreadable("the postings of a column"))?;
        if let Found::Rows(rows) = found {
            return Ok(RowSet::of_rows(grid, rows));
        }
        let present = self.find_present()?;
        if self.filter.length == 0 {
            return Ok(present);
        }
        let read = |from: usize, length: usize| {
            self.sidecar.part(Part { from: self.filter.from.saturating_add(from), length })
        };
        let slices = filter::find(hash, self.filter.length, read)?;
        let slices = slices.ok_or_else(|| self.sidecar.unreadable("the filter of a column"))?;
        Ok(present.intersect(&RowSet::of_slices(grid, slices)))
    }
}

fn check_version(file: &BlockFile, path: &Path) -> Result<(), StoreError> {
    let header = file.range(0, HEADER_BYTES)?;
    let mut cursor = Cursor(&header[MAGIC.len()..]);
    match cursor.u32() {
        Some(FORMAT_VERSION) if header.starts_with(&MAGIC) => Ok(()),
        Some(version) if header.starts_with(&MAGIC) => {
            Err(StoreError::UnknownFormat { path: path.to_owned(), version })
        }
        _ => Err(StoreError::damaged(path, "it is no sidecar")),
    }
}

impl End {
    /// Reads an end that begins at `at`; nothing if it is none.
    fn read(bytes: &[u8], at: usize) -> Option<End> {
        let mut cursor = Cursor(bytes);
        let mut place = || cursor.u64().and_then(|place| usize::try_from(place).ok());
        let (records, keys, blocks, spans) = (place()?, place()?, place()?, place()?);
        let (segment_bytes, segment, dataset) = (cursor.u64()?, cursor.u64()?, cursor.u32()?);
        let grid = Grid { rows: cursor.u32()?, slice_rows: cursor.u32()? };
        let columns = cursor.u32()? as usize;
        let store_id = cursor.take(16)?.try_into().ok()?;
        let sampled = cursor.u32()? & FLAG_SAMPLED != 0;
        let owner = Owner { store_id, dataset, segment, segment_bytes };
        let sound = grid.slice_rows > 0
            && grid.slices() <= SLICES_MAX
            && keys.checked_sub(records) == columns.checked_mul(RECORD_BYTES)
            && blocks.checked_sub(keys) == columns.checked_mul(8)
            && blocks <= spans
            && at.checked_sub(spans) == Some(grid.slices() as usize * SPAN_BYTES);
        sound.then_some(End { records, keys, blocks, spans, columns, grid, sampled, owner })
    }
}

fn read_span(bytes: &[u8]) -> Option<Span> {
    let mut cursor = Cursor(bytes);
    Some(Span { time_min: cursor.i64()?, time_max: cursor.i64()? })
}

fn read_blocks(bytes: &[u8], rows: u32) -> Option<Vec<Block>> {
    let mut cursor = Cursor(bytes);
    let count = cursor.count()?;
    let mut blocks = Vec::with_capacity(count);
    let mut first_row = 0u32;
    for _ in 0..count {
        let cluster = match cursor.u8()? {
            CLUSTER_ABSENT => Cluster::Absent,
            CLUSTER_MIXED => Cluster::Mixed,
            CLUSTER_VALUE => {
                let length = cursor.count()?;
                Cluster::Value(std::str::from_utf8(cursor.take(length)?).ok()?.to_owned())
            }
            _ => return None,
        };
        let block = Block {
            cluster,
            first_row,
            rows: cursor.varint32()?,
            time_min: cursor.i64()?,
            time_max: cursor.i64()?,
            weight: cursor.u64()?,
            weight_squares: cursor.f64()?,
        };
        first_row = first_row.checked_add(block.rows)?;
        blocks.push(block);
    }
    (cursor.is_empty() && first_row == rows).then_some(blocks)
}

/// A column's record as it stands in the file.
struct Record {
    name: usize,
    name_bytes: usize,
    least_bytes: usize,
    greatest_bytes: usize,
    field_type: FieldType,
    has_bounds: bool,
    statistics: Statistics,
    low: u64,
    high: u64,
    from: usize,
    lengths: [usize; 3],
}

impl Record {
    fn read(bytes: &[u8]) -> Option<Record> {
        let mut cursor = Cursor(bytes);
        let name = usize::try_from(cursor.u64()?).ok()?;
        let name_bytes = cursor.u16()? as usize;
        let (least_bytes, greatest_bytes) = (cursor.u8()? as usize, cursor.u8()? as usize);
        let field_type = FieldType::from_code(cursor.u8()?)?;
        let has_bounds = cursor.u8()? & FLAG_BOUNDS != 0;
        cursor.take(2)?;
        let slices = cursor.u64()?;
        let (events, distinct) = (cursor.u32()?, cursor.u32()?);
        let weight = cursor.u64()?;
        let (first_seen, last_seen) = (cursor.i64()?, cursor.i64()?);
        let (low, high) = (cursor.u64()?, cursor.u64()?);
        let from = usize::try_from(cursor.u64()?).ok()?;
        let lengths = [cursor.u32()? as usize, cursor.u32()? as usize, cursor.u32()? as usize];
        let statistics = Statistics { events, weight, first_seen, last_seen, distinct, slices, bounds: None };
        Some(Record {
            name,
            name_bytes,
            least_bytes,
            greatest_bytes,
            field_type,
            has_bounds,
            statistics,
            low,
            high,
            from,
            lengths,
        })
    }

    fn bounds(&self, (least, greatest): (&[u8], &[u8])) -> Option<Bounds> {
        self.has_bounds.then(|| match self.field_type {
            FieldType::Boolean => Bounds::Boolean(self.low != 0, self.high != 0),
            FieldType::Integer => Bounds::Integer(self.low as i64, self.high as i64),
            FieldType::Float => Bounds::Float(f64::from_bits(self.low), f64::from_bits(self.high)),
            FieldType::String => Bounds::Text(least.to_vec(), greatest.to_vec()),
        })
    }
}
