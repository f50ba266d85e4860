//! What a segment says of itself: enough to rebuild the catalog from segments alone. Knows JSON; no columns.

use serde::{Deserialize, Serialize};

use crate::event::{FieldName, FieldType, TimestampNs};
use crate::limits;

pub(crate) const METADATA_KEY: &str = "outcrop";
pub(crate) const FORMAT_VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentFooter {
    pub format: u32,
    pub store: String,
    pub dataset_id: u32,
    pub dataset: String,
    pub segment: u64,
    pub replaces: Vec<u64>,
    pub rows: u64,
    pub time_min: TimestampNs,
    pub time_max: TimestampNs,
    pub sequences: Vec<(u64, u64)>,
    pub cluster_field: Option<String>,
    pub fields: Vec<FooterField>,
}

/// One field × type of the file and the column that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FooterField {
    pub name: String,
    #[serde(rename = "type")]
    pub type_label: String,
    pub column: String,
    pub events: u64,
    pub first_seen: TimestampNs,
    pub last_seen: TimestampNs,
}

impl FooterField {
    /// The field and type, if this version knows the type.
    pub fn key(&self) -> Option<(FieldName, FieldType)> {
        Some((FieldName::trusted(&self.name), FieldType::from_label(&self.type_label)?))
    }
}

/// A store id as text.
pub(crate) fn store_name(id: [u8; 16]) -> String {
    id.iter().map(|b| format!("{b:02x}")).collect()
}

/// Joins sorted sequences into ranges.
pub(crate) fn ranges(sorted: impl Iterator<Item = u64>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for sequence in sorted {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == sequence => *last = sequence,
            _ => ranges.push((sequence, sequence)),
        }
    }
    if ranges.len() > limits::FOOTER_RANGES_MAX {
        ranges = vec![(ranges[0].0, ranges[ranges.len() - 1].1)];
    }
    ranges
}
