//! Writes a sidecar: the columns' evidence one after the other, then the directory that finds it again.
//!
//! Memory is that of the directory: a record for each column. It must not know how evidence is made.

use std::io::{self, Write};
use std::path::PathBuf;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::bounds::Bounds;
use super::codec::put_varint;
use super::column::{ColumnIndex, Statistics};
use super::layout::{Block, BlockLayout, Cluster};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::{DatasetId, FieldType};
use crate::paths::{DataDir, SegmentId};
use crate::segment::blocks::BlockWriter;

pub(crate) const MAGIC: [u8; 8] = *b"OUTCRIDX";
pub(crate) const FORMAT_VERSION: u32 = 1;
pub(super) const HEADER_BYTES: usize = 16;
pub(super) const RECORD_BYTES: usize = 96;
pub(super) const SPAN_BYTES: usize = 16;
pub(super) const END_BYTES: usize = 88;
pub(super) const FLAG_BOUNDS: u8 = 1;
pub(super) const FLAG_SAMPLED: u32 = 1;
pub(super) const CLUSTER_ABSENT: u8 = 0;
pub(super) const CLUSTER_VALUE: u8 = 1;
pub(super) const CLUSTER_MIXED: u8 = 2;

/// The place of a column in the directory.
pub(super) fn key(field: &str, field_type: FieldType) -> u64 {
    xxh3_64_with_seed(field.as_bytes(), field_type as u64)
}

/// Which segment a sidecar belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SidecarOf {
    pub(crate) store_id: [u8; 16],
    pub(crate) dataset: DatasetId,
    pub(crate) segment: SegmentId,
}

pub(crate) struct IndexWriter<'a> {
    of: SidecarOf,
    path: PathBuf,
    layout: &'a BlockLayout,
    file: BlockWriter,
    /// Bytes written so far.
    at: u64,
    directory: Vec<Entry>,
}

/// A column in the directory.
struct Entry {
    key: u64,
    field_type: FieldType,
    name: Vec<u8>,
    statistics: Statistics,
    from: u64,
    lengths: [u32; 3],
}

impl<'a> IndexWriter<'a> {
    pub(crate) fn create(
        disk: &dyn Disk,
        data_dir: &DataDir,
        of: SidecarOf,
        layout: &'a BlockLayout,
    ) -> Result<IndexWriter<'a>, StoreError> {
        let path = data_dir.sidecar(of.dataset, of.segment);
        let file = disk.create(&path).map_err(|e| StoreError::io("create", &path, e))?;
        let mut writer = IndexWriter { of, path, layout, file: BlockWriter::new(file), at: 0, directory: Vec::new() };
        let mut header = MAGIC.to_vec();
        header.extend(FORMAT_VERSION.to_le_bytes());
        header.resize(HEADER_BYTES, 0);
        writer.write(&header)?;
        Ok(writer)
    }

    /// Adds a column; the columns of a segment may come in any order.
    pub(crate) fn column(&mut self, index: ColumnIndex) -> Result<(), StoreError> {
        let parts = [&index.filter, &index.postings, &index.counts];
        let lengths = parts.map(|part| u32::try_from(part.len()).unwrap_or(u32::MAX));
        if lengths.contains(&u32::MAX) {
            return Err(StoreError::Bug(format!("the evidence of {} has over 4 GiB", index.field)));
        }
        let from = self.at;
        parts.into_iter().try_for_each(|part| self.write(part))?;
        self.directory.push(Entry {
            key: key(index.field.as_str(), index.field_type),
            field_type: index.field_type,
            name: index.field.as_str().as_bytes().to_vec(),
            statistics: index.statistics,
            from,
            lengths,
        });
        Ok(())
    }

    /// Ends the file and makes it durable, but not its name; its length. `segment_bytes` is the length of the segment's file.
    pub(crate) fn finish(mut self, segment_bytes: u64) -> Result<u64, StoreError> {
        let mut directory = std::mem::take(&mut self.directory);
        directory.sort_unstable_by(|a, b| (a.key, &a.name).cmp(&(b.key, &b.name)));
        let mut places = Vec::with_capacity(directory.len());
        for entry in &directory {
            places.push(self.at);
            let (least, greatest) = text_bounds(&entry.statistics.bounds);
            [&entry.name, least, greatest].into_iter().try_for_each(|part| self.write(part))?;
        }
        let records = self.at;
        for (entry, name) in directory.iter().zip(places) {
            self.write(&record(entry, name))?;
        }
        let keys = self.at;
        for entry in &directory {
            self.write(&entry.key.to_le_bytes())?;
        }
        let blocks = self.at;
        self.write(&block_table(self.layout))?;
        let spans = self.at;
        for span in &self.layout.spans {
            self.write(&span.time_min.to_le_bytes())?;
            self.write(&span.time_max.to_le_bytes())?;
        }
        let end = self.end(segment_bytes, directory.len(), [records, keys, blocks, spans]);
        self.write(&end)?;
        self.file.seal().map_err(|e| StoreError::io("write", &self.path, e))
    }

    fn end(&self, segment_bytes: u64, columns: usize, places: [u64; 4]) -> Vec<u8> {
        let grid = self.layout.grid;
        let mut end = Vec::with_capacity(END_BYTES);
        places.iter().for_each(|place| end.extend(place.to_le_bytes()));
        end.extend(segment_bytes.to_le_bytes());
        end.extend(self.of.segment.0.to_le_bytes());
        end.extend(self.of.dataset.0.to_le_bytes());
        end.extend(grid.rows.to_le_bytes());
        end.extend(grid.slice_rows.to_le_bytes());
        end.extend((columns as u32).to_le_bytes());
        end.extend(self.of.store_id);
        end.extend(if self.layout.sampled { FLAG_SAMPLED } else { 0 }.to_le_bytes());
        end.extend([0; 4]);
        end
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.at += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|e: io::Error| StoreError::io("write", &self.path, e))
    }
}

fn text_bounds(bounds: &Option<Bounds>) -> (&Vec<u8>, &Vec<u8>) {
    static NOTHING: Vec<u8> = Vec::new();
    match bounds {
        Some(Bounds::Text(least, greatest)) => (least, greatest),
        _ => (&NOTHING, &NOTHING),
    }
}

fn record(entry: &Entry, name: u64) -> Vec<u8> {
    let statistics = &entry.statistics;
    let (least, greatest) = text_bounds(&statistics.bounds);
    let (low, high) = match statistics.bounds {
        Some(Bounds::Boolean(low, high)) => (u64::from(low), u64::from(high)),
        Some(Bounds::Integer(low, high)) => (low as u64, high as u64),
        Some(Bounds::Float(low, high)) => (low.to_bits(), high.to_bits()),
        Some(Bounds::Text(..)) | None => (0, 0),
    };
    let mut record = Vec::with_capacity(RECORD_BYTES);
    record.extend(name.to_le_bytes());
    record.extend((entry.name.len() as u16).to_le_bytes());
    record.extend([least.len() as u8, greatest.len() as u8, entry.field_type as u8]);
    record.push(if statistics.bounds.is_some() { FLAG_BOUNDS } else { 0 });
    record.extend([0; 2]);
    record.extend(statistics.slices.to_le_bytes());
    record.extend(statistics.events.to_le_bytes());
    record.extend(statistics.distinct.to_le_bytes());
    record.extend(statistics.weight.to_le_bytes());
    record.extend(statistics.first_seen.to_le_bytes());
    record.extend(statistics.last_seen.to_le_bytes());
    record.extend(low.to_le_bytes());
    record.extend(high.to_le_bytes());
    record.extend(entry.from.to_le_bytes());
    entry.lengths.iter().for_each(|length| record.extend(length.to_le_bytes()));
    record.extend([0; 4]);
    record
}

fn block_table(layout: &BlockLayout) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, layout.blocks.len() as u64);
    layout.blocks.iter().for_each(|block| put_block(&mut out, block));
    out
}

fn put_block(out: &mut Vec<u8>, block: &Block) {
    match &block.cluster {
        Cluster::Absent => out.push(CLUSTER_ABSENT),
        Cluster::Mixed => out.push(CLUSTER_MIXED),
        Cluster::Value(value) => {
            out.push(CLUSTER_VALUE);
            put_varint(out, value.len() as u64);
            out.extend(value.as_bytes());
        }
    }
    put_varint(out, u64::from(block.rows));
    out.extend(block.time_min.to_le_bytes());
    out.extend(block.time_max.to_le_bytes());
    out.extend(block.weight.to_le_bytes());
    out.extend(block.weight_squares.to_le_bytes());
}
