//! What a segment says of itself: enough to rebuild the catalog from segments alone. Knows JSON; no columns.

use serde::{Deserialize, Serialize};

use super::SegmentInfo;
use super::sequences::Sequences;
use crate::event::{DatasetId, FieldName, FieldType, TimestampNs};
use crate::paths::SegmentId;

pub(crate) const METADATA_KEY: &str = "outcrop";
pub(crate) const FORMAT_VERSION: u32 = 2;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentFooter {
    pub format: u32,
    pub store: String,
    pub dataset_id: u32,
    pub dataset: String,
    pub segment: u64,
    pub replaces: Vec<u64>,
    pub level: u8,
    pub rows: u64,
    pub time_min: TimestampNs,
    pub time_max: TimestampNs,
    pub received_max: TimestampNs,
    pub sequences: Sequences,
    pub cluster_field: Option<String>,
    pub sampled: bool,
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

impl SegmentFooter {
    /// The id of the store that wrote it.
    pub(crate) fn store_id(&self) -> Option<[u8; 16]> {
        u128::from_str_radix(&self.store, 16).ok().filter(|_| self.store.len() == 32).map(u128::to_be_bytes)
    }

    /// What the catalog knows of it.
    pub(crate) fn info(&self, bytes: u64) -> SegmentInfo {
        SegmentInfo {
            id: SegmentId(self.segment),
            dataset: DatasetId(self.dataset_id),
            rows: self.rows,
            bytes,
            time_min: self.time_min,
            time_max: self.time_max,
            received_max: self.received_max,
            sequence_min: self.sequences.first().unwrap_or(0),
            sequence_max: self.sequences.last().unwrap_or(0),
            sampled: self.sampled,
            level: self.level,
            cluster_field: self.cluster_field.clone(),
        }
    }
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
