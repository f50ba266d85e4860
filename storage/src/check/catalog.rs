//! The catalog's rows against each other, and against what segments say of themselves. It must not read segments.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use crate::catalog::{CatalogImage, DatasetRow};
use crate::error::StoreError;
use crate::event::{DatasetId, FieldName, FieldType, TimestampNs};
use crate::overflow::OverflowEntry;
use crate::segment::SegmentInfo;
use crate::segment::footer::SegmentFooter;
use crate::segment::reader::OpenSegment;

/// What segments hold of each field and type: the events, the first and last time, and the column.
pub(super) type FieldCounts = BTreeMap<(FieldName, FieldType), Counted>;

#[derive(Debug)]
pub(super) struct Counted {
    events: u64,
    first_seen: TimestampNs,
    last_seen: TimestampNs,
    columns: BTreeSet<String>,
}

impl Check<'_> {
    /// Rows that cannot be true whatever the files are.
    pub(super) fn rows(&mut self, image: &CatalogImage) {
        for (dataset, id) in &image.unsound {
            self.problem(format!("the catalog's row of segment {} (dataset {dataset}?) fails its checksum", id.0));
        }
        for row in &image.fields_lost {
            self.problem(format!("the catalog's row of a field ({row}) fails its checksum or is of no dataset"));
        }
        for row in image.datasets.iter().filter(|row| image.dropped.contains_key(&row.id)) {
            self.problem(format!("dataset {} ({}) is there, and among the dropped ones too", row.id, row.name));
        }
        let known: BTreeMap<DatasetId, u64> = image.datasets.iter().map(|d| (d.id, d.watermark)).collect();
        for info in &image.segments {
            let SegmentInfo { id, dataset, .. } = info;
            match known.get(dataset) {
                None => {
                    let why = match image.dropped.get(dataset) {
                        Some(dropped) => format!("was dropped (as {})", dropped.name),
                        None => "the catalog does not know".to_owned(),
                    };
                    self.problem(format!("segment {} is of dataset {dataset}, which {why}", id.0));
                }
                Some(watermark) if info.sequence_max >= *watermark => self.problem(format!(
                    "segment {} has event {} and the watermark of dataset {dataset} is {watermark}: the log may bring \
                     its events a second time",
                    id.0, info.sequence_max
                )),
                Some(_) => {}
            }
            if info.sequence_max >= image.next_sequence {
                self.problem(format!(
                    "the next event would be {}, and segment {} has {}",
                    image.next_sequence, id.0, info.sequence_max
                ));
            }
            if id.0 >= image.next_segment {
                self.problem(format!(
                    "the next segment would be {}, and there is a segment {}",
                    image.next_segment, id.0
                ));
            }
        }
        for row in image.datasets.iter().filter(|row| row.watermark > image.next_sequence) {
            self.problem(format!(
                "the watermark of dataset {} is {}, and the next event would be {}",
                row.id, row.watermark, image.next_sequence
            ));
        }
    }

    /// Adds what a segment says of its fields.
    pub(super) fn count_fields(&mut self, dataset: DatasetId, footer: Option<&SegmentFooter>) {
        let counts = self.fields.entry(dataset).or_insert_with(|| Some(FieldCounts::new()));
        let (Some(all), Some(footer)) = (counts.as_mut(), footer) else {
            *counts = None;
            return;
        };
        for field in &footer.fields {
            let Some(key) = field.key() else { continue };
            let counted = all.entry(key).or_insert_with(|| Counted {
                events: 0,
                first_seen: field.first_seen,
                last_seen: field.last_seen,
                columns: BTreeSet::new(),
            });
            counted.events += field.events;
            counted.first_seen = counted.first_seen.min(field.first_seen);
            counted.last_seen = counted.last_seen.max(field.last_seen);
            counted.columns.insert(field.column.clone());
        }
    }

    /// Adds what a segment holds in overflow.
    pub(super) fn count_overflow(&mut self, image: &CatalogImage, open: &OpenSegment) -> Result<(), StoreError> {
        let dataset = DatasetId(open.footer().dataset_id);
        let Some(row) = image.datasets.iter().find(|row| row.id == dataset) else { return Ok(()) };
        let table = self.overflow.entry(dataset).or_default();
        open.read_overflow(|texts, times| table.count_known(texts.iter(), times, row.fields.overflow()))
    }

    /// The catalog's fields against those of the segments.
    pub(super) fn compare_fields(&mut self, image: &CatalogImage) {
        for row in &image.datasets {
            match self.fields.remove(&row.id).unwrap_or_else(|| Some(FieldCounts::new())) {
                Some(counted) => self.compare_fields_of(row, &counted),
                None => self.note(format!(
                    "the fields of the dataset {:?} were not counted: some of its segments cannot be read",
                    row.name.as_str()
                )),
            }
        }
    }

    fn compare_fields_of(&mut self, row: &DatasetRow, counted: &FieldCounts) {
        let dataset = row.name.as_str();
        let mut known = BTreeSet::new();
        for (field, entry) in row.fields.names().filter_map(|name| Some((name, row.fields.get(name.as_str())?))) {
            for (field_type, seen) in entry.types() {
                let key = (field.clone(), field_type);
                let there = counted.get(&key);
                let events = there.map_or(0, |c| c.events);
                let what = format!("field {field} ({}) of the dataset {dataset:?}", field_type.label());
                if events != seen.events {
                    self.problem(format!("{what}: the catalog counts {} events, the segments {events}", seen.events));
                }
                if let Some(there) = there {
                    if there.first_seen < seen.first_seen || there.last_seen > seen.last_seen {
                        self.problem(format!("{what}: segments have it at times that the catalog does not know"));
                    }
                    if there.columns.iter().any(|column| *column != *seen.column) {
                        self.problem(format!(
                            "{what}: the catalog's column is {}, and segments have {:?}",
                            seen.column, there.columns
                        ));
                    }
                }
                known.insert(key);
            }
        }
        let overflow = self.overflow.remove(&row.id).unwrap_or_default();
        for (field, entry) in row.fields.overflow().iter() {
            let events = |entry: Option<&OverflowEntry>, of| {
                entry.and_then(|entry| entry.types().find(|(t, _)| *t == of)).map_or(0, |(_, count)| count.events)
            };
            for field_type in FieldType::ALL {
                let (known, held) = (events(Some(entry), field_type), events(overflow.get(field.as_str()), field_type));
                // Beside those that were counted there may be others.
                if known > held || (known < held && !entry.uncounted) {
                    self.problem(format!(
                        "field {field} ({}) of the dataset {dataset:?}: the catalog counts {known} events in overflow, \
                         the segments hold {held}",
                        field_type.label()
                    ));
                }
            }
        }
        for (field, field_type) in counted.keys().filter(|key| !known.contains(key)) {
            self.problem(format!(
                "field {field} ({}) of the dataset {dataset:?} is in segments and not in the catalog",
                field_type.label()
            ));
        }
    }
}
