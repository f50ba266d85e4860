//! A sidecar: whose it is, its slices and blocks, what it keeps of each column, and whether its own blocks have their
//! checksums.

use std::path::Path;
use std::sync::Arc;

use super::{Fact, Facts, hex};
use crate::disk::RealDisk;
use crate::error::StoreError;
use crate::index::{Block, Bounds, Cluster, ColumnEvidence, Sidecar};

pub(super) fn inspect(path: &Path) -> Result<Facts, StoreError> {
    let sidecar = Sidecar::open_any(Arc::new(RealDisk), path)?;
    let (owner, grid) = (sidecar.owner(), sidecar.grid());
    let mut columns =
        sidecar.columns().map(|column| Ok(of_column(&column?))).collect::<Result<Vec<_>, StoreError>>()?;
    // They have no order that means anything.
    columns.sort_by_key(|facts| format!("{:?}", facts.0.iter().take(2).collect::<Vec<_>>()));
    let state = match sidecar.scrub() {
        Ok(()) => "all hold".to_owned(),
        Err(error) => error.to_string(),
    };
    Ok(Facts::default()
        .with("bytes", sidecar.bytes())
        .with("store", hex(&owner.store_id))
        .with("dataset_id", owner.dataset)
        .with("segment", owner.segment)
        .with("segment_bytes", owner.segment_bytes)
        .with("rows", grid.rows)
        .with("slice_rows", grid.slice_rows)
        .with("slices", grid.slices())
        .with("sampled", sidecar.is_sampled())
        .with("blocks", sidecar.blocks()?.iter().map(of_block).collect::<Vec<_>>())
        .with("columns", columns)
        .with("checksums", state))
}

fn of_block(block: &Block) -> Facts {
    let (kind, value) = match &block.cluster {
        Cluster::Absent => ("none", None),
        Cluster::Value(value) => ("one", Some(value.as_str())),
        Cluster::Mixed => ("mixed", None),
    };
    Facts::default()
        .with("cluster_values", kind)
        .with("cluster_value", value)
        .with("first_row", block.first_row)
        .with("rows", block.rows)
        .with("time_min", Fact::Time(block.time_min))
        .with("time_max", Fact::Time(block.time_max))
        .with("sample_rates", block.weight)
}

fn of_column(column: &ColumnEvidence<'_>) -> Facts {
    let statistics = &column.statistics;
    let (least, greatest) = match &statistics.bounds {
        None => (Fact::None, Fact::None),
        Some(Bounds::Boolean(least, greatest)) => ((*least).into(), (*greatest).into()),
        Some(Bounds::Integer(least, greatest)) => ((*least).into(), (*greatest).into()),
        Some(Bounds::Float(least, greatest)) => (Fact::Float(*least), Fact::Float(*greatest)),
        Some(Bounds::Text(least, greatest)) => (text(least), text(greatest)),
    };
    let [filter, postings, counts] = column.part_bytes();
    // The numbers of slices are few and say where to look.
    let slices = (0..64).filter(|bit| statistics.slices & (1 << bit) != 0).map(|bit| bit.to_string());
    Facts::default()
        .with("field", column.field.as_str())
        .with("type", column.field_type.label())
        .with("events", statistics.events)
        .with("different", statistics.distinct)
        .with("sample_rates", statistics.weight)
        .with("least", least)
        .with("greatest", greatest)
        .with("first_seen", Fact::Time(statistics.first_seen))
        .with("last_seen", Fact::Time(statistics.last_seen))
        .with("slices", slices.collect::<Vec<_>>().join(" "))
        .with("filter_bytes", filter)
        .with("postings_bytes", postings)
        .with("counts_bytes", counts)
}

/// The bound of a text may end in the middle of a character.
fn text(bytes: &[u8]) -> Fact {
    String::from_utf8_lossy(bytes).into_owned().into()
}
