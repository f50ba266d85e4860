//! Physical names in files: the first type owns the plain one, in every segment of the dataset.

use std::collections::BTreeMap;

use super::Bench;
use crate::testing::{START, Value, event, read};

/// (field, type) → column, of a segment with one event for each of the fields.
fn columns(bench: &mut Bench, fields: &[(&str, Value)]) -> BTreeMap<(String, String), String> {
    let events: Vec<_> = fields.iter().map(|field| event(START, std::slice::from_ref(field))).collect();
    let open = bench.one(&events).open().unwrap();
    let values: Vec<_> = read(&open).unwrap().into_iter().map(|e| e.event).collect();
    assert_eq!(values, events, "each value is found under its own name");
    open.footer().fields.iter().map(|f| ((f.name.clone(), f.type_label.clone()), f.column.clone())).collect()
}

fn key(name: &str, label: &str) -> (String, String) {
    (name.to_owned(), label.to_owned())
}

#[test]
fn a_type_keeps_its_column_in_later_segments() {
    let mut bench = Bench::new();
    let first = columns(&mut bench, &[("x", Value::Integer(1))]);
    assert_eq!(first[&key("x", "integer")], "x");
    let second = columns(&mut bench, &[("x", Value::text("a"))]);
    assert_eq!(second, BTreeMap::from([(key("x", "string"), "x:string".to_owned())]), "no column without a value");
    let third = columns(&mut bench, &[("x", Value::text("a")), ("x", Value::Boolean(true)), ("x", Value::Integer(3))]);
    assert_eq!(third[&key("x", "integer")], "x");
    assert_eq!(third[&key("x", "string")], "x:string");
    assert_eq!(third[&key("x", "boolean")], "x:boolean");
}

#[test]
fn fields_named_like_columns_of_others_do_not_clash() {
    let mut bench = Bench::new();
    let fields = [("x:integer", Value::text("own")), ("x", Value::text("a")), ("x", Value::Integer(1))];
    let made = columns(&mut bench, &fields);
    assert_eq!(made.values().collect::<std::collections::BTreeSet<_>>().len(), 3, "{made:?}");
    let again = columns(&mut bench, &fields);
    assert_eq!(made, again);
    let other = columns(&mut bench, &[("x:integer", Value::Integer(1)), ("x", Value::Integer(1))]);
    assert_eq!(other[&key("x", "integer")], made[&key("x", "integer")]);
}

#[test]
fn fields_named_like_the_stores_own_do_not_clash() {
    let mut bench = Bench::new();
    for name in ["timestamp", "sample_rate", "meta.sequence", "meta.received"] {
        let made = columns(&mut bench, &[(name, Value::Integer(1)), (name, Value::text("a"))]);
        assert_eq!(made[&key(name, "integer")], format!("{name}:integer"));
        assert_eq!(made[&key(name, "string")], format!("{name}:string"));
    }
}
