//! Folding moves whole fields and changes no event.

use proptest::prelude::*;

use crate::event::{FieldName, FieldType, reserved};
use crate::overflow::fold;
use crate::testing::{self, NAMES, START, Value, any_events, batch, event};

#[test]
fn only_the_fields_meant_are_moved() {
    let events = [
        event(START, &[("kept", Value::Integer(1)), ("gone", Value::text("x"))]),
        event(START, &[("kept", Value::text("y"))]),
        event(START, &[("gone", Value::Integer(2)), ("also", Value::Boolean(true))]),
    ];
    let folded = fold(batch(&events), |f| f.as_str() != "kept").unwrap();
    let mut columns: Vec<(&str, FieldType)> =
        folded.columns().iter().map(|c| (c.field.as_str(), c.field_type)).collect();
    columns.sort_unstable();
    let wanted = [("kept", FieldType::Integer), ("kept", FieldType::String), ("meta.overflow", FieldType::String)];
    assert_eq!(columns, wanted);
    let texts: Vec<Option<&str>> = folded.overflow().unwrap().iter().collect();
    assert_eq!(texts, [Some(r#"{"gone":"x"}"#), None, Some(r#"{"also":true,"gone":2}"#)]);
    assert_eq!(testing::events(&folded), events);
    assert!(fold(batch(&events), |_| false).unwrap().overflow().is_none());
}

#[test]
fn the_column_has_a_name_that_no_sender_has() {
    assert!(reserved::is_reserved("meta.overflow"));
    assert_eq!(reserved::OVERFLOW, "meta.overflow");
}

proptest! {
    #[test]
    fn events_stay_what_they_are(events in any_events(2, 1..20), moved in prop::collection::hash_set(prop::sample::select(&NAMES[..]), 0..10)) {
        let folded = fold(batch(&events), |f: &FieldName| moved.contains(f.as_str())).unwrap();
        prop_assert!(folded.columns().iter().all(|c| !moved.contains(c.field.as_str())));
        prop_assert_eq!(testing::events(&folded), events);
    }
}
