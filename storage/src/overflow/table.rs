//! What a dataset knows of its overflow fields: most by name, the rest as a bounded whole. Knows texts; no columns.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::filter::NameFilter;
use super::text::{OverflowValue, WrittenEntries, read_value, unescape};
use crate::catalog::Distinct;
use crate::event::{FieldName, FieldType, TimestampNs};
use crate::limits;
use crate::memtable::StoredBatch;

/// The overflow fields of a dataset. Up to a number of them are counted one by one, in the order in which they came;
/// of the rest only how many there are is known, about, and which names are surely not among them.
#[derive(Clone, Debug, Default)]
pub struct OverflowTable {
    fields: BTreeMap<FieldName, OverflowEntry>,
    unlisted: Option<Unlisted>,
}

/// One field of which values lie in overflow.
#[derive(Clone, Debug, Default)]
pub struct OverflowEntry {
    types: [Option<OverflowCount>; 4],
    pub distinct: Distinct,
    /// Whether the field was given a column since: later values are there.
    pub has_column: bool,
    /// Whether values lie in overflow beside those that were counted.
    pub uncounted: bool,
}

/// Values of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverflowCount {
    pub events: u64,
    pub first_seen: TimestampNs,
    pub last_seen: TimestampNs,
}

/// The fields beyond those that are counted one by one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unlisted {
    pub(crate) names: Distinct,
    pub(crate) filter: NameFilter,
    pub(crate) values: u64,
}

impl OverflowEntry {
    /// The types that were counted, with what was counted of them.
    pub fn types(&self) -> impl Iterator<Item = (FieldType, OverflowCount)> {
        FieldType::ALL.into_iter().filter_map(|t| Some((t, self.types[t as usize]?)))
    }

    pub(crate) fn put(&mut self, field_type: FieldType, count: OverflowCount) {
        self.types[field_type as usize] = Some(count);
    }

    fn see(&mut self, value: &OverflowValue<'_>, time: TimestampNs) {
        let fresh = OverflowCount { events: 0, first_seen: time, last_seen: time };
        self.types[value.field_type() as usize].get_or_insert(fresh).add(1, time, time);
        self.distinct.add(match value {
            OverflowValue::Boolean(value) => Distinct::hash_boolean(*value),
            OverflowValue::Integer(value) => Distinct::hash_integer(*value),
            OverflowValue::Float(value) => Distinct::hash_float(*value),
            OverflowValue::Text(value) => Distinct::hash_text(value),
        });
    }

    fn merge(&mut self, other: &OverflowEntry) {
        for (field_type, count) in other.types() {
            match &mut self.types[field_type as usize] {
                Some(own) => own.add(count.events, count.first_seen, count.last_seen),
                none => *none = Some(count),
            }
        }
        self.distinct.merge(&other.distinct);
    }

    fn events(&self) -> u64 {
        self.types().map(|(_, count)| count.events).sum()
    }
}

impl OverflowCount {
    fn add(&mut self, events: u64, first: TimestampNs, last: TimestampNs) {
        self.events += events;
        self.first_seen = self.first_seen.min(first);
        self.last_seen = self.last_seen.max(last);
    }
}

impl OverflowTable {
    pub fn get(&self, field: &str) -> Option<&OverflowEntry> {
        self.fields.get(field)
    }

    /// The fields that are counted one by one.
    pub fn iter(&self) -> impl Iterator<Item = (&FieldName, &OverflowEntry)> {
        self.fields.iter()
    }

    /// How many further fields there are, about.
    pub fn unlisted_estimate(&self) -> u64 {
        self.unlisted.as_ref().map_or(0, |u| u.names.estimate().max(1))
    }

    /// Whether `field` may be among the further fields.
    pub(crate) fn may_hide(&self, field: &str) -> bool {
        self.unlisted.as_ref().is_some_and(|u| u.filter.may_hold(field))
    }

    /// Whether values of `field` may lie in overflow.
    pub(crate) fn may_hold(&self, field: &str) -> bool {
        self.fields.contains_key(field) || self.may_hide(field)
    }

    pub(crate) fn unlisted(&self) -> Option<&Unlisted> {
        self.unlisted.as_ref()
    }

    pub(crate) fn set_unlisted(&mut self, unlisted: Unlisted) {
        self.unlisted = Some(unlisted);
    }

    pub(crate) fn put(&mut self, field: FieldName, entry: OverflowEntry) {
        self.fields.insert(field, entry);
    }

    /// Counts the overflow fields of batches. A field that is new is listed while there are less than `listed_max`, or if
    /// it has a column.
    pub(crate) fn count(
        &mut self,
        batches: &[Arc<StoredBatch>],
        listed_max: usize,
        has_column: impl Fn(&str) -> bool,
    ) -> Counted {
        let mut counted = Counted::default();
        for events in batches.iter().map(|b| b.events()) {
            let Some(texts) = events.overflow() else { continue };
            for (written, entry) in see(texts.iter(), events.timestamp().values()) {
                let name = unescape(written);
                counted.add(written, entry.events());
                if self.fields.contains_key(name.as_ref()) || self.fields.len() < listed_max || has_column(&name) {
                    let field = FieldName::trusted(&name);
                    self.count_listed(field.clone(), &entry);
                    counted.listed.insert(field);
                } else {
                    self.count_unlisted(&name, &entry);
                }
            }
            counted.forget_rare();
        }
        counted
    }

    /// Counts texts of a segment of which nothing else is known, as [`OverflowTable::count`] does.
    pub(crate) fn count_anew<'t>(
        &mut self,
        texts: impl Iterator<Item = Option<&'t str>>,
        times: &[TimestampNs],
        listed_max: usize,
        has_column: impl Fn(&str) -> bool,
    ) {
        for (written, entry) in see(texts, times) {
            let name = unescape(written);
            let column = has_column(&name);
            if self.fields.contains_key(name.as_ref()) || self.fields.len() < listed_max || column {
                let field = FieldName::trusted(&name);
                self.count_listed(field.clone(), &entry);
                if column {
                    self.give_column(&field);
                }
            } else {
                self.count_unlisted(&name, &entry);
            }
        }
    }

    /// Counts texts of which `known` lists the fields.
    pub(crate) fn count_known<'t>(
        &mut self,
        texts: impl Iterator<Item = Option<&'t str>>,
        times: &[TimestampNs],
        known: &OverflowTable,
    ) {
        for (written, entry) in see(texts, times) {
            let name = unescape(written);
            match known.fields.get_key_value(name.as_ref()) {
                Some((field, _)) => self.count_listed(field.clone(), &entry),
                None => self.count_unlisted(&name, &entry),
            }
        }
    }

    /// Takes away what goes and adds what comes back in its place. Names that were not listed one by one are forgotten
    /// when none of their values is left.
    pub(crate) fn recount(&mut self, gone: &OverflowTable, back: &OverflowTable) -> Vec<FieldName> {
        for (field, entry) in &gone.fields {
            let Some(own) = self.fields.get_mut(field) else { continue };
            for (field_type, count) in entry.types() {
                let back = back.get(field.as_str()).and_then(|e| e.types[field_type as usize]);
                if let Some(own) = &mut own.types[field_type as usize] {
                    own.events = own.events.saturating_sub(count.events) + back.map_or(0, |back| back.events);
                }
            }
        }
        let values = |table: &OverflowTable| table.unlisted.as_ref().map_or(0, |u| u.values);
        if let Some(unlisted) = &mut self.unlisted {
            unlisted.values = unlisted.values.saturating_sub(values(gone)) + values(back);
        }
        self.unlisted.take_if(|u| u.values == 0);
        gone.fields.keys().cloned().collect()
    }

    fn count_listed(&mut self, field: FieldName, entry: &OverflowEntry) {
        let hidden = self.may_hide(field.as_str());
        let fresh = || OverflowEntry { uncounted: hidden, ..OverflowEntry::default() };
        self.fields.entry(field).or_insert_with(fresh).merge(entry);
    }

    fn count_unlisted(&mut self, name: &str, entry: &OverflowEntry) {
        let unlisted = self.unlisted.get_or_insert_default();
        unlisted.names.add(Distinct::hash_text(name));
        unlisted.filter.insert(name);
        unlisted.values += entry.events();
    }

    /// Notes that the field has a column from now on.
    pub(crate) fn give_column(&mut self, field: &FieldName) {
        let hidden = self.may_hide(field.as_str());
        let entry = self
            .fields
            .entry(field.clone())
            .or_insert_with(|| OverflowEntry { uncounted: hidden, ..OverflowEntry::default() });
        entry.has_column = true;
    }
}

/// What overflow texts hold of each field, whose names are as they are written. In the order in which the names come, so
/// that the same events always list the same fields.
fn see<'t>(texts: impl Iterator<Item = Option<&'t str>>, times: &[TimestampNs]) -> Vec<(&'t str, OverflowEntry)> {
    let mut seen: Vec<(&str, OverflowEntry)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (text, time) in texts.zip(times) {
        for (name, value) in WrittenEntries::new(text.unwrap_or_default()) {
            let Some(value) = read_value(value) else { break };
            let place = *places.entry(name).or_insert_with(|| {
                seen.push((name, OverflowEntry::default()));
                seen.len() - 1
            });
            seen[place].1.see(&value, *time);
        }
    }
    seen
}

/// What one count has met.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// The fields that were counted one by one.
    pub(crate) listed: BTreeSet<FieldName>,
    /// How often names came, as they are written. Those that came least are forgotten when there are too many.
    names: HashMap<Box<str>, u64>,
}

impl Counted {
    fn add(&mut self, written: &str, events: u64) {
        match self.names.get_mut(written) {
            Some(count) => *count += events,
            None => {
                self.names.insert(written.into(), events);
            }
        }
    }

    fn forget_rare(&mut self) {
        while self.names.len() > limits::FREQUENT_NAMES_MAX {
            let least = self.names.values().copied().min().unwrap_or_default();
            self.names.retain(|_, count| *count > least);
        }
    }

    /// The fields with at least `events_min` events, those with most first.
    pub(crate) fn frequent(&self, events_min: u64) -> Vec<FieldName> {
        let mut often: Vec<_> = self.names.iter().filter(|(_, count)| **count >= events_min).collect();
        often.sort_unstable_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        often.into_iter().map(|(written, _)| FieldName::trusted(&unescape(written))).collect()
    }
}
