//! A segment's file: its footer, its columns and how they are stored, and whether its blocks have their checksums. A
//! sidecar lies beside it with an inspection of its own (`sidecar`).

use std::fs::File;
use std::path::Path;

use parquet::basic::Encoding;
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use super::{Fact, Facts, sums};
use crate::error::StoreError;
use crate::segment::footer::{METADATA_KEY, SegmentFooter};

pub(super) fn inspect(path: &Path) -> Result<Facts, StoreError> {
    let file = File::open(path).map_err(|e| StoreError::io("read", path, e))?;
    let bytes = file.metadata().map_err(|e| StoreError::io("read", path, e))?.len();
    let damaged = |what: String| StoreError::damaged(path, what);
    let metadata = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Optional)
        .parse_and_finish(&file)
        .map_err(|e| damaged(format!("its footer cannot be read: {e}")))?;
    let entries = metadata.file_metadata().key_value_metadata();
    let entry = entries.and_then(|all| all.iter().find(|e| e.key == METADATA_KEY)).and_then(|e| e.value.as_ref());
    let footer = entry.map(|text| serde_json::from_str::<SegmentFooter>(text));
    let own = match &footer {
        None => Fact::Text("none: it was not written by Outcrop".to_owned()),
        Some(Err(error)) => Fact::Text(format!("cannot be read: {error}")),
        Some(Ok(footer)) => of_footer(footer).into(),
    };
    let footer = footer.and_then(Result::ok);
    Ok(Facts::default()
        .with("bytes", bytes)
        .with("created_by", metadata.file_metadata().created_by())
        .with("rows", metadata.file_metadata().num_rows())
        .with("outcrop", own)
        .with("row_groups", row_groups(&metadata))
        .with("columns", columns(&metadata, footer.as_ref()))
        .with("checksums", checksums(path)))
}

fn of_footer(footer: &SegmentFooter) -> Facts {
    let ranges = footer.sequences.ranges(RANGES_MAX);
    let sequences = match ranges {
        Some(ranges) => {
            let range = |(first, last): (u64, u64)| Facts::default().with("first", first).with("last", last);
            Fact::List(ranges.into_iter().map(range).collect())
        }
        None => Fact::Text(format!("{} of them", footer.sequences.len())),
    };
    let replaces = footer.replaces.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
    Facts::default()
        .with("format", footer.format)
        .with("store", footer.store.as_str())
        .with("dataset_id", footer.dataset_id)
        .with("dataset", footer.dataset.as_str())
        .with("segment", footer.segment)
        .with("replaces", replaces)
        .with("level", footer.level)
        .with("rows", footer.rows)
        .with("time_min", Fact::Time(footer.time_min))
        .with("time_max", Fact::Time(footer.time_max))
        .with("received_max", Fact::Time(footer.received_max))
        .with("cluster_field", footer.cluster_field.as_deref())
        .with("sampled", footer.sampled)
        .with("sequences", sequences)
}

/// Ranges of sequences that are listed.
const RANGES_MAX: usize = 100;

fn row_groups(metadata: &ParquetMetaData) -> Vec<Facts> {
    let groups = metadata.row_groups().iter().enumerate().map(|(number, group)| {
        Facts::default()
            .with("row_group", number)
            .with("rows", group.num_rows())
            .with("stored_bytes", group.compressed_size())
            .with("inflated_bytes", group.total_byte_size())
    });
    groups.collect()
}

/// A line for each column of the file, over all row groups.
fn columns(metadata: &ParquetMetaData, footer: Option<&SegmentFooter>) -> Vec<Facts> {
    let schema = metadata.file_metadata().schema_descr();
    (0..schema.num_columns()).map(|at| column(metadata, footer, at)).collect()
}

fn column(metadata: &ParquetMetaData, footer: Option<&SegmentFooter>, at: usize) -> Facts {
    let descriptor = metadata.file_metadata().schema_descr().column(at);
    let chunks = || metadata.row_groups().iter().filter_map(|group| group.columns().get(at));
    let sum = |of: fn(&ColumnChunkMetaData) -> i64| chunks().fold(0_i64, |sum, chunk| sum.saturating_add(of(chunk)));
    let nulls = chunks()
        .map(|chunk| chunk.statistics().and_then(|s| s.null_count_opt()))
        .try_fold(0_u64, |a, b| b.map(|nulls| a.saturating_add(nulls)));
    let mut encodings: Vec<Encoding> = chunks().flat_map(|chunk| chunk.encodings()).collect();
    encodings.sort_unstable_by_key(|encoding| format!("{encoding:?}"));
    encodings.dedup();
    let mut compressions: Vec<String> = chunks().map(|chunk| format!("{:?}", chunk.compression())).collect();
    compressions.dedup();
    let pages = metadata.offset_index().map(|groups| {
        groups.iter().filter_map(|columns| columns.get(at)).map(|column| column.page_locations().len()).sum::<usize>()
    });
    let field = footer.and_then(|footer| footer.fields.iter().find(|field| field.column == descriptor.name()));
    Facts::default()
        .with("column", descriptor.name())
        .with("stored_as", format!("{:?}", descriptor.physical_type()))
        .with("field", field.map(|f| f.name.as_str()))
        .with("type", field.map(|f| f.type_label.as_str()))
        .with("events", field.map(|f| f.events))
        .with("first_seen", field.map(|f| Fact::Time(f.first_seen)))
        .with("last_seen", field.map(|f| Fact::Time(f.last_seen)))
        .with("nulls", nulls)
        .with("pages", pages)
        .with("encodings", encodings.iter().map(|e| format!("{e:?}")).collect::<Vec<_>>().join(" "))
        .with("compression", compressions.join(" "))
        .with("dictionary", chunks().any(|chunk| chunk.dictionary_page_offset().is_some()))
        .with("stored_bytes", sum(ColumnChunkMetaData::compressed_size))
        .with("inflated_bytes", sum(ColumnChunkMetaData::uncompressed_size))
}

/// The blocks that do not have their checksums.
fn checksums(path: &Path) -> Facts {
    let beside = path.with_extension("sums");
    if !beside.exists() {
        return Facts::default().with("state", "there are none beside the file");
    }
    let listed = sums::parse(&beside).and_then(|sums| sums::list(&sums, Some(path)));
    match listed {
        Err(error) => Facts::default().with("state", error.to_string()),
        Ok(blocks) => {
            let total = blocks.len();
            let bad: Vec<Facts> =
                blocks.into_iter().filter(|block| block.get("holds") != Some(&Fact::Flag(true))).collect();
            let state = if bad.is_empty() { "all hold" } else { "some do not hold" };
            Facts::default().with("state", state).with("blocks", total).with("damaged", bad)
        }
    }
}
