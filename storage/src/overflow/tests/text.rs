//! The canonical text: its exact form, and that any field is found in any text.

use proptest::prelude::*;

use crate::event::FieldType;
use crate::overflow::{FieldFinder, OverflowValue, entries, fold};
use crate::testing::{self, Event, START, Value, event};

/// The text of one event all of whose fields are in overflow.
fn text_of(event: &Event) -> Option<String> {
    let folded = fold(testing::batch(std::slice::from_ref(event)), |_| true).unwrap();
    folded.overflow().map(|texts| texts.value(0).to_owned())
}

fn as_value(value: &OverflowValue<'_>) -> Value {
    match value {
        OverflowValue::Boolean(value) => Value::Boolean(*value),
        OverflowValue::Integer(value) => Value::Integer(*value),
        OverflowValue::Float(value) => Value::float(*value),
        OverflowValue::Text(value) => Value::text(value),
    }
}

#[test]
fn the_form_is_that_of_the_document() {
    let fields = [
        ("b", Value::Boolean(false)),
        ("i", Value::Integer(-7)),
        ("f", Value::float(1.0)),
        ("g", Value::float(1e300)),
        ("h", Value::float(-0.5)),
        ("z", Value::float(-0.0)),
        ("s", Value::text("a\"\\\n\u{1f}\u{7f}/ü")),
        ("a\"b", Value::Boolean(true)),
    ];
    let text = text_of(&event(START, &fields)).unwrap();
    assert_eq!(
        text,
        r#"{"a\"b":true,"b":false,"f":1.0,"g":1e300,"h":-0.5,"i":-7,"s":"a\"\\\u000a\u001f"#.to_owned()
            + "\u{7f}/ü\",\"z\":-0.0}"
    );
    let document = include_str!("../../../format/overflow.md");
    for drawn in ["`1.0`, `-0.5`, `1e300`", "`\\u00` and two lower-case", "`true`, `false`"] {
        assert!(document.contains(drawn), "format/overflow.md no longer says {drawn:?}");
    }
    assert_eq!(text_of(&event(START, &[])), None, "an event without fields has no text");
}

#[test]
fn floats_that_json_cannot_say_become_texts() {
    let one = |value: f64| text_of(&event(START, &[("f", Value::float(value))])).unwrap();
    assert_eq!(one(f64::NAN), r#"{"f":"NaN"}"#);
    assert_eq!(one(f64::INFINITY), r#"{"f":"Infinity"}"#);
    assert_eq!(one(f64::NEG_INFINITY), r#"{"f":"-Infinity"}"#);
}

#[test]
fn a_name_is_not_found_where_another_name_or_a_value_looks_like_it() {
    let fields = [
        ("a", Value::text("\"x\":1,{\"x\":2,x")),
        ("b\"x", Value::Integer(3)),
        ("k", Value::text("x,")),
        (":", Value::Integer(5)),
        ("xx", Value::Integer(6)),
        ("x\\", Value::Integer(7)),
    ];
    let text = text_of(&event(START, &fields)).unwrap();
    for (name, value) in &fields {
        assert_eq!(FieldFinder::new(name).find(&text).as_ref().map(as_value).as_ref(), Some(value), "{name} in {text}");
    }
    for absent in ["x", ",", "}", "{", "b", "\"", "b\\\"x", "", "x\",\"xx"] {
        assert_eq!(FieldFinder::new(absent).find(&text), None, "{absent} in {text}");
    }
}

#[test]
fn what_is_no_text_of_ours_is_read_as_far_as_it_goes() {
    for (text, fields) in [
        ("", 0),
        ("{}", 0),
        ("null", 0),
        ("{\"a\":1", 0),
        ("{\"a\":1}", 1),
        ("{\"a\":1,", 1),
        ("{\"a\":1,\"b\":\"x}", 1),
        ("{\"a\":1,\"b\":99999999999999999999}", 1),
        ("{\"a\":\"\\", 0),
        ("{\"a\":\"\\u12\"}", 1),
        ("{\"\u{fc}\\\u{fc}\":\"\\\u{fc}\"}", 1),
        ("{\"a\":{\"b\":1}}", 0),
    ] {
        assert_eq!(entries(text).count(), fields, "{text}");
        let _found = FieldFinder::new("a").find(text);
        let _found = FieldFinder::new(",").find(text);
    }
}

/// Names and texts out of the signs that the text itself is made of.
fn tricky() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[xy,:{}\"\\\\]{1,4}", 1 => "[xy\\n\\u{1}ü]{1,3}"]
}

fn any_fields() -> impl Strategy<Value = Event> {
    let value = prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Integer),
        any::<i8>().prop_map(|v| Value::float(v.into())),
        any::<f64>().prop_map(Value::float),
        tricky().prop_map(Value::Text),
        any::<String>().prop_map(Value::Text),
    ];
    prop::collection::btree_map(tricky().prop_filter("a name", |n| !n.chars().any(char::is_control)), value, 0..8)
        .prop_map(|fields| Event { time: START, rate: 1, fields })
}

proptest! {
    #[test]
    fn every_field_is_found_and_no_other(event in any_fields(), others in prop::collection::vec(tricky(), 8)) {
        let Some(text) = text_of(&event) else {
            prop_assert!(event.fields.is_empty());
            return Ok(());
        };
        let read: std::collections::BTreeMap<String, Value> = testing::overflow_fields(&text).into_iter().collect();
        prop_assert_eq!(&read, &event.fields, "another's reader disagrees");
        let walked: Vec<(String, Value)> = entries(&text).map(|(n, v)| (n.into_owned(), as_value(&v))).collect();
        let all: std::collections::BTreeMap<String, Value> = walked.iter().cloned().collect();
        prop_assert_eq!(&all, &event.fields);
        for name in event.fields.keys().chain(&others) {
            let found = FieldFinder::new(name).find(&text);
            prop_assert_eq!(found.as_ref().map(as_value), event.fields.get(name).cloned(), "{} in {}", name, text);
            let types = found.map(|v| v.field_type());
            prop_assert_eq!(types, event.fields.get(name).map(Value::field_type));
        }
    }

    #[test]
    fn any_text_at_all_does_no_harm(text in "[\\{\\}\",:\\\\a1.eu0]{0,24}", name in "[a1,:]{1,2}") {
        let walked = entries(&text).find(|(n, _)| *n == name).map(|(_, v)| v.field_type());
        let _found: Option<FieldType> = FieldFinder::new(&name).find(&text).map(|v| v.field_type());
        let _walked: Option<FieldType> = walked;
    }
}
