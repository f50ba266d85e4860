//! One value is one value, however it was written.

use std::collections::HashSet;

use serde_json::json;

use super::*;

#[test]
fn numbers_are_one_by_value_and_kinds_are_three() {
    let all = [
        EventValue::Integer(1),
        EventValue::float(1.0),
        EventValue::Text("1".into()),
        EventValue::Boolean(true),
        EventValue::float(1.5),
    ];
    let set: HashSet<&EventValue> = all.iter().collect();
    assert_eq!(set.len(), 4);
    assert_eq!(EventValue::float(-0.0), EventValue::Integer(0));
}

#[test]
fn the_order_is_that_of_answers() {
    let mut all = [
        EventValue::Text("a".into()),
        EventValue::Integer(i64::MAX),
        EventValue::float(1e300),
        EventValue::float(-1e300),
        EventValue::float(2.5),
        EventValue::Integer(3),
        EventValue::Integer(2),
        EventValue::Boolean(true),
    ];
    all.sort();
    let expected = [
        json!(true),
        json!(-1e300),
        json!(2),
        json!(2.5),
        json!(3),
        json!("9223372036854775807"),
        json!(1e300),
        json!("a"),
    ];
    assert_eq!(all.iter().map(EventValue::json).collect::<Vec<_>>(), expected);
}
