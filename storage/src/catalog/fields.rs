//! The fields of a dataset: their types, counts, and the physical column of each type. Knows no SQL and no files.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::Distinct;
use crate::event::{FieldName, FieldType, TimestampNs, reserved};
use crate::memtable::StoredBatch;
use crate::overflow::{Counted, OverflowTable};
use crate::segment::footer::SegmentFooter;

/// All fields that a dataset has ever had in a segment: those with columns, and those in overflow beside them.
#[derive(Clone, Debug, Default)]
pub struct FieldTable {
    fields: BTreeMap<FieldName, FieldEntry>,
    columns: HashSet<Arc<str>>,
    overflow: Arc<OverflowTable>,
}

#[derive(Clone, Debug, Default)]
pub struct FieldEntry {
    types: [Option<TypeEntry>; 4],
    pub distinct: Distinct,
}

/// One type of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeEntry {
    /// The physical column of every segment that has such values.
    pub column: Arc<str>,
    pub events: u64,
    pub first_seen: TimestampNs,
    pub last_seen: TimestampNs,
}

impl FieldEntry {
    pub fn get(&self, field_type: FieldType) -> Option<&TypeEntry> {
        self.types[field_type as usize].as_ref()
    }

    /// The types that were seen, with what was seen of them.
    pub fn types(&self) -> impl Iterator<Item = (FieldType, &TypeEntry)> {
        FieldType::ALL.into_iter().filter_map(|t| Some((t, self.get(t)?)))
    }
}

impl FieldTable {
    pub fn get(&self, field: &str) -> Option<&FieldEntry> {
        self.fields.get(field)
    }

    /// The fields with columns. The overflow column is none of them: nobody sent it.
    pub fn iter(&self) -> impl Iterator<Item = (&FieldName, &FieldEntry)> {
        self.fields.iter().filter(|(name, _)| name.as_str() != reserved::OVERFLOW)
    }

    /// Every name that has columns, the overflow column included.
    pub(crate) fn names(&self) -> impl Iterator<Item = &FieldName> {
        self.fields.keys()
    }

    /// How many fields have columns.
    pub fn len(&self) -> usize {
        self.fields.len() - usize::from(self.fields.contains_key(reserved::OVERFLOW))
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The fields of which values lie in overflow. A field that has columns and is not listed here never was there.
    pub fn overflow(&self) -> &Arc<OverflowTable> {
        &self.overflow
    }

    /// Counts overflow texts of a segment, once the columns of all segments are known.
    pub(crate) fn count_overflow_anew<'t>(
        &mut self,
        texts: impl Iterator<Item = Option<&'t str>>,
        times: &[TimestampNs],
        listed_max: usize,
    ) {
        let fields = &self.fields;
        Arc::make_mut(&mut self.overflow).count_anew(texts, times, listed_max, |field| fields.contains_key(field));
    }

    pub(crate) fn overflow_mut(&mut self) -> &mut OverflowTable {
        Arc::make_mut(&mut self.overflow)
    }

    /// Counts the overflow fields of batches, before their columns are counted.
    pub(crate) fn count_overflow(&mut self, batches: &[Arc<StoredBatch>], listed_max: usize) -> Counted {
        let has_column = |field: &str| self.fields.contains_key(field);
        Arc::make_mut(&mut self.overflow).count(batches, listed_max, has_column)
    }

    /// The physical column for this field's values of this type; chosen now if there is none yet.
    pub(crate) fn assign(&mut self, field: &FieldName, field_type: FieldType) -> Arc<str> {
        if let Some(entry) = self.fields.get(field.as_str()).and_then(|f| f.get(field_type)) {
            return Arc::clone(&entry.column);
        }
        if !self.fields.contains_key(field.as_str()) && self.overflow.may_hold(field.as_str()) {
            self.overflow_mut().give_column(field);
        }
        let plain_is_free = !self.columns.contains(field.as_str()) && !reserved::is_reserved(field.as_str());
        let mut column = if plain_is_free && !self.fields.contains_key(field.as_str()) {
            field.as_str().to_owned()
        } else {
            format!("{field}:{}", field_type.label())
        };
        while self.columns.contains(column.as_str()) {
            column.push(':');
        }
        let column: Arc<str> = column.into();
        self.put(
            field.clone(),
            field_type,
            TypeEntry { column: Arc::clone(&column), events: 0, first_seen: i64::MAX, last_seen: i64::MIN },
        );
        column
    }

    pub(crate) fn put(&mut self, field: FieldName, field_type: FieldType, entry: TypeEntry) {
        self.columns.insert(Arc::clone(&entry.column));
        self.fields.entry(field).or_default().types[field_type as usize] = Some(entry);
    }

    /// Takes over the physical column that a segment has for this field and type, unless there is one.
    pub(crate) fn adopt(&mut self, field: &FieldName, field_type: FieldType, column: &str) {
        if self.fields.get(field.as_str()).and_then(|f| f.get(field_type)).is_none() {
            let column = Arc::from(column);
            self.put(
                field.clone(),
                field_type,
                TypeEntry { column, events: 0, first_seen: i64::MAX, last_seen: i64::MIN },
            );
        }
    }

    pub(crate) fn set_distinct(&mut self, field: FieldName, distinct: Distinct) {
        self.fields.entry(field).or_default().distinct = distinct;
    }

    /// Takes away what a segment that goes held of one field and type. The column stays the field's.
    pub(crate) fn uncount(&mut self, field: &FieldName, field_type: FieldType, events: u64) {
        if let Some(of_type) = self.fields.get_mut(field.as_str()).and_then(|f| f.types[field_type as usize].as_mut()) {
            of_type.events = of_type.events.saturating_sub(events);
        }
    }

    /// Adds events that were counted before, in a segment that is written anew.
    pub(crate) fn recount(&mut self, field: &FieldName, field_type: FieldType, events: u64) {
        if let Some(of_type) = self.fields.get_mut(field.as_str()).and_then(|f| f.types[field_type as usize].as_mut()) {
            of_type.events += events;
        }
    }

    /// Forgets how many events there are of each field and type. The columns stay the fields'.
    pub(crate) fn forget_counts(&mut self) {
        for of_type in self.fields.values_mut().flat_map(|f| &mut f.types).flatten() {
            of_type.events = 0;
        }
        self.overflow = Arc::default();
    }

    /// Counts what a segment says of its fields; what the table has not of them is put into it. Overflow comes after all
    /// segments.
    pub(crate) fn count_footer(&mut self, footer: &SegmentFooter) {
        for of_segment in &footer.fields {
            let Some((field, field_type)) = of_segment.key() else { continue };
            self.adopt(&field, field_type, &of_segment.column);
            let seen = (of_segment.first_seen, of_segment.last_seen);
            self.count(&field, field_type, of_segment.events, seen, &Distinct::default());
        }
    }

    /// Adds what a new segment holds of one field and type.
    pub(crate) fn count(
        &mut self,
        field: &FieldName,
        field_type: FieldType,
        events: u64,
        seen: (TimestampNs, TimestampNs),
        distinct: &Distinct,
    ) {
        let Some(entry) = self.fields.get_mut(field.as_str()) else { return };
        entry.distinct.merge(distinct);
        if let Some(of_type) = entry.types[field_type as usize].as_mut() {
            of_type.events += events;
            of_type.first_seen = of_type.first_seen.min(seen.0);
            of_type.last_seen = of_type.last_seen.max(seen.1);
        }
    }
}
