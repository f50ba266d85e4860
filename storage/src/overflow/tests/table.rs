//! Counts are true for what is listed, and what is not listed costs the same however much it is.

use std::sync::Arc;

use arrow::array::{Array, Int64Array, StringArray};
use proptest::prelude::*;

use crate::event::{EventBatch, EventColumn, FieldName, FieldType, reserved};
use crate::limits;
use crate::memtable::StoredBatch;
use crate::overflow::{NameFilter, OverflowCount, OverflowTable, fold};
use crate::testing::{Event, START, Value, any_events, batch, event};

fn stored(events: &[Event]) -> Arc<StoredBatch> {
    Arc::new(StoredBatch::new(fold(batch(events), |_| true).unwrap(), 1, START))
}

/// A batch of events that have one field each, which is in overflow.
fn named(names: impl Iterator<Item = String>) -> Arc<StoredBatch> {
    let texts = StringArray::from_iter(names.map(|name| Some(format!("{{\"{name}\":1}}"))));
    let times = Int64Array::from_value(START, texts.len());
    let field = FieldName::trusted(reserved::OVERFLOW);
    let column = EventColumn { field, field_type: FieldType::String, values: Arc::new(texts) };
    Arc::new(StoredBatch::new(EventBatch::new(times, None, vec![column]).unwrap(), 1, START))
}

#[test]
fn listed_fields_are_counted_by_type() {
    let events = [
        event(START + 5, &[("a", Value::Integer(1)), ("b", Value::text("x"))]),
        event(START + 9, &[("a", Value::Integer(2))]),
        event(START + 7, &[("a", Value::float(1.0))]),
    ];
    let mut table = OverflowTable::default();
    let counted = table.count(&[stored(&events)], 10, |_| false);
    let a = table.get("a").unwrap();
    let wanted = [
        (FieldType::Integer, OverflowCount { events: 2, first_seen: START + 5, last_seen: START + 9 }),
        (FieldType::Float, OverflowCount { events: 1, first_seen: START + 7, last_seen: START + 7 }),
    ];
    assert_eq!(a.types().collect::<Vec<_>>(), wanted);
    assert_eq!(a.distinct.estimate(), 2, "1 and 1.0 are one value");
    assert!(!a.uncounted && !a.has_column);
    assert_eq!(counted.listed.iter().map(|f| f.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(table.unlisted_estimate(), 0);
}

#[test]
fn beyond_the_list_names_are_estimated_and_never_denied() {
    let mut table = OverflowTable::default();
    let names = |range: std::ops::Range<u32>| named(range.map(|n| format!("f{n}")));
    table.count(&[names(0..1_000)], 100, |_| false);
    assert_eq!(table.iter().count(), 100);
    assert!(table.iter().all(|(name, _)| name.as_str()[1..].parse::<u32>().unwrap() < 1_000));
    let unlisted = table.unlisted_estimate();
    assert!((850..950).contains(&unlisted), "{unlisted}");
    table.count(&[names(0..1_000)], 100, |_| false);
    assert_eq!(table.unlisted_estimate(), unlisted, "the same names are no further ones");
    assert_eq!(table.unlisted().unwrap().values, 2 * 900);
    let mut hidden = (0..1_000).map(|n| format!("f{n}")).filter(|n| table.get(n).is_none());
    assert!(hidden.all(|n| table.may_hide(&n)));
    let denied = (0..1_000).filter(|n| !table.may_hide(&format!("other{n}"))).count();
    assert!(denied > 950, "{denied} of 1000 names are known to be none");
}

#[test]
fn a_field_that_was_hidden_before_it_was_listed_says_so() {
    let mut table = OverflowTable::default();
    let one = |name: &str| named(std::iter::once(name.to_owned()));
    table.count(&[one("a"), one("b")], 1, |_| false);
    assert!(table.get("b").is_none());
    table.count(&[one("b"), one("c")], 3, |_| false);
    assert!(table.get("b").unwrap().uncounted, "some of its values were not counted");
    assert!(!table.get("a").unwrap().uncounted && !table.get("c").unwrap().uncounted);
    let mut table = OverflowTable::default();
    table.count(&[one("column")], 0, |name| name == "column");
    assert!(table.get("column").is_some(), "a field with a column is always listed");
}

#[test]
fn giving_a_column_is_remembered() {
    let mut table = OverflowTable::default();
    let field = |name: &str| FieldName::new(name).unwrap();
    table.count(&[named(["a", "b"].map(str::to_owned).into_iter())], 1, |_| false);
    for name in ["a", "b", "new"] {
        table.give_column(&field(name));
        assert!(table.get(name).unwrap().has_column);
    }
    assert!(!table.get("a").unwrap().uncounted);
    assert!(table.get("b").unwrap().uncounted, "it may have been among those not listed");
    assert!(!table.get("new").unwrap().uncounted);
}

#[test]
fn frequent_names_are_found_among_any_number_of_rare_ones() {
    let mut table = OverflowTable::default();
    let mut batches = Vec::new();
    for turn in 0..30 {
        let made_up = (0..2_000).map(|n| format!("id{}", turn * 2_000 + n));
        let often = (0..10).flat_map(|n| std::iter::repeat_n(format!("often{n}"), 4 + n));
        batches.push(named(made_up.chain(often)));
    }
    let counted = table.count(&batches, 0, |_| false);
    let names: Vec<String> = counted.frequent(limits::COLUMN_EVENTS_MIN).iter().map(ToString::to_string).collect();
    assert_eq!(names, (0..10).rev().map(|n| format!("often{n}")).collect::<Vec<_>>(), "most events first");
}

#[test]
fn a_damaged_filter_may_hold_everything() {
    let mut filter = NameFilter::default();
    assert!(!filter.may_hold("a"));
    filter.insert("a");
    assert!(filter.may_hold("a") && !filter.may_hold("b"));
    assert_eq!(NameFilter::from_bytes(filter.as_bytes().to_vec()), filter);
    assert!(NameFilter::from_bytes(vec![0; 5]).may_hold("b"));
}

proptest! {
    #[test]
    fn counting_in_parts_is_counting_at_once(requests in prop::collection::vec(any_events(2, 1..10), 1..6), listed_max in 0..12usize) {
        let batches: Vec<_> = requests.iter().map(|events| stored(events)).collect();
        let (mut whole, mut parts) = (OverflowTable::default(), OverflowTable::default());
        whole.count(&batches, listed_max, |_| false);
        batches.iter().for_each(|b| { parts.count(std::slice::from_ref(b), listed_max, |_| false); });
        let seen = |table: &OverflowTable| -> Vec<(String, Vec<_>, u64)> {
            table.iter().map(|(n, e)| (n.to_string(), e.types().collect(), e.distinct.estimate())).collect()
        };
        prop_assert_eq!(seen(&whole), seen(&parts));
        prop_assert_eq!(whole.unlisted_estimate(), parts.unlisted_estimate());
        let events: Vec<&Event> = requests.iter().flatten().collect();
        for (name, types, _) in seen(&whole) {
            for (field_type, count) in types {
                let has = |e: &&&Event| e.fields.get(&name).is_some_and(|v| v.field_type() == field_type);
                let times: Vec<i64> = events.iter().filter(has).map(|e| e.time).collect();
                prop_assert_eq!(count.events, times.len() as u64);
                prop_assert_eq!(Some(count.first_seen), times.iter().copied().min());
                prop_assert_eq!(Some(count.last_seen), times.iter().copied().max());
            }
        }
    }
}
