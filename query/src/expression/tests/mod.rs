//! What each function means, what operators bind, and what is said of texts that mean nothing.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::check::CalculatedFields;
use super::evaluate::Row;
use super::value::Value;
use crate::spec::CalculatedFieldSpec;

fn spec(name: &str, expression: &str) -> CalculatedFieldSpec {
    CalculatedFieldSpec { name: name.to_owned(), expression: expression.to_owned() }
}

/// The fields of an event, by the places that an expression has for them.
struct Event<'e>(Vec<Value<'e>>);

impl Row for Event<'_> {
    fn value(&self, input: usize) -> Value<'_> {
        self.0[input].clone()
    }
}

fn fields() -> HashMap<&'static str, Value<'static>> {
    HashMap::from([
        ("one", Value::Integer(1)),
        ("two", Value::Integer(2)),
        ("half", Value::Float(0.5)),
        ("text", Value::Text("Grün".into())),
        ("ten", Value::Text("10".into())),
        ("path", Value::Text("/cart/17/pay".into())),
        ("empty", Value::Text("".into())),
        ("yes", Value::Boolean(true)),
        ("no", Value::Boolean(false)),
        ("most", Value::Integer(i64::MAX)),
        ("my field", Value::Integer(7)),
        ("a-b", Value::Integer(8)),
        ("app/size", Value::Integer(9)),
        ("timestamp", Value::Float(1_700_000_000.5)),
        ("meta.sequence", Value::Integer(41)),
    ])
}

fn calculate(expression: &str) -> Result<Json, String> {
    let checked = CalculatedFields::new(&[spec("x", expression)]).map_err(|e| e.message)?;
    let expression = checked.get("x").unwrap();
    let known = fields();
    let values = expression.inputs.iter().map(|name| known.get(name.as_str()).cloned().unwrap_or(Value::Absent));
    let event = Event(values.collect());
    Ok(match expression.evaluate(&event) {
        Value::Absent => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Integer(value) => json!(value),
        Value::Float(value) => json!(value),
        Value::Text(value) => json!(value),
    })
}

#[track_caller]
fn check(table: &[(&str, Json)]) {
    for (expression, expected) in table {
        assert_eq!(calculate(expression).as_ref(), Ok(expected), "{expression}");
    }
}

#[test]
fn literals_and_columns() {
    check(&[
        ("1", json!(1)),
        ("-1", json!(-1)),
        ("1.50", json!(1.5)),
        (".5", json!(0.5)),
        ("1e3", json!(1000.0)),
        ("9223372036854775808", json!(9_223_372_036_854_775_808.0)),
        (r#""a\n\"\u00e4\x41""#, json!("a\n\"äA")),
        (r"`a\n`", json!(r"a\n")),
        ("true", json!(true)),
        ("null", Json::Null),
        ("$one", json!(1)),
        ("$\"my field\"", json!(7)),
        ("$`my field`", json!(7)),
        ("$a-b", json!(8)),
        ("$app/size", json!(9)),
        ("$absent", Json::Null),
        (" ( ( $one ) ) ", json!(1)),
    ]);
}

#[test]
fn operators_bind_as_they_are_documented() {
    check(&[
        ("1 + 2 * 3", json!(7)),
        ("(1 + 2) * 3", json!(9)),
        ("10 - 2 - 3", json!(5)),
        ("10 - 2 + 3", json!(11)),
        ("10 + 2 - 3 + 1", json!(10)),
        ("7 / 2", json!(3.5)),
        ("7 % 4 * 2", json!(6)),
        ("-2 * -3", json!(6)),
        ("- $two - 1", json!(-3)),
        ("$two-1", json!(1)),
        ("$two/$two", json!(1.0)),
        ("1 < 2", json!(true)),
        ("1 + 1 >= 2 = true", json!(true)),
        ("1 != 2 AND 2 <= 1 OR 3 > 2", json!(true)),
        ("!true OR true", json!(true)),
        ("!(true OR true)", json!(false)),
        ("!!$yes", json!(true)),
        ("1 = 1.0", json!(true)),
        ("\"1\" = 1", json!(false)),
        ("$absent = null", json!(true)),
        ("$absent != \"a\"", json!(true)),
    ]);
}

#[test]
fn conditions() {
    check(&[
        ("IF($yes, 1)", json!(1)),
        ("IF($no, 1)", Json::Null),
        ("IF($no, 1, 2)", json!(2)),
        ("IF($no, 1, $yes, 2, 3,)", json!(2)),
        ("IF(0, 1, \"true\", 2, 3)", json!(2)),
        ("IF(\"yes\", 1, 2)", json!(2)),
        ("IF($absent, 1, 0.1, 5)", json!(5)),
        ("SWITCH($path, \"/\", 1, \"/cart/17/pay\", 2)", json!(2)),
        ("SWITCH($one, \"1\", \"text form\", 3)", json!("text form")),
        ("SWITCH($ten, 10, 1, 2)", json!(2)),
        ("SWITCH($absent, \"\", 1, 2)", json!(2)),
        ("SWITCH($absent, \"\", 1)", Json::Null),
        ("COALESCE($absent, $empty, $one, $two)", json!(1)),
        ("COALESCE($absent, $empty)", Json::Null),
        ("LT(1, 2)", json!(true)),
        ("LTE($most, 9223372036854775808.0)", json!(true)),
        ("GT($most, 9223372036854775806)", json!(true)),
        ("GT(\"b\", \"a\")", json!(true)),
        ("GTE(\"b\", 1)", json!(false)),
        ("LT($absent, 1)", json!(false)),
        ("LT(false, true)", json!(false)),
        ("IN($one, \"1\", 1.0)", json!(true)),
        ("IN($text, \"a\", \"b\")", json!(false)),
        ("EXISTS($empty)", json!(true)),
        ("EXISTS($absent)", json!(false)),
        ("NOT($absent)", json!(true)),
        ("AND($one, \"true\")", json!(true)),
        ("OR($no, $empty, 0)", json!(false)),
    ]);
}

#[test]
fn numbers() {
    check(&[
        ("MIN(2, $half, \"1\")", json!(0.5)),
        ("MAX(2, $absent, 3)", json!(3)),
        ("MIN($absent)", Json::Null),
        ("SUM(1, 2, $ten, true)", json!(14)),
        ("SUM(1, \"x\")", json!(1.0)),
        ("SUM(1, $absent)", Json::Null),
        ("$most + 1", json!(9_223_372_036_854_775_808.0)),
        ("SUB(1, $half)", json!(0.5)),
        ("MUL(2, 3, 4)", json!(24)),
        ("DIV(1, 0)", Json::Null),
        ("DIV(1, \"x\")", Json::Null),
        ("DIV(6, 3)", json!(2.0)),
        ("MOD(-7, 4)", json!(-3)),
        ("MOD(7, 0)", Json::Null),
        ("MOD(7.5, 2)", json!(1.5)),
        ("LOG10(1000)", json!(3.0)),
        ("LOG10(0)", Json::Null),
        ("LOG10(0 - 1)", Json::Null),
        ("0 * -1.0", json!(0.0)),
        ("BUCKET(17, 5)", json!("15 - 20")),
        ("BUCKET(-1, 5)", json!("-5 - 0")),
        ("BUCKET(3, 5, 1, 9)", json!("1 - 6")),
        ("BUCKET(8, 5, 1, 9)", json!("6 - 9")),
        ("BUCKET(0, 5, 1, 9)", json!("< 1")),
        ("BUCKET(9, 5, 1, 9)", json!(">= 9")),
        ("BUCKET(9, 0)", Json::Null),
        ("BUCKET($absent, 5)", Json::Null),
        ("INT(\"12.9\")", json!(12)),
        ("INT(-1.9)", json!(-1)),
        ("INT(\"x\")", json!(0)),
        ("INT(1e30)", Json::Null),
        ("INT($yes)", json!(1)),
        ("FLOAT($ten)", json!(10.0)),
        ("BOOL($one)", json!(true)),
        ("BOOL(\"yes\")", json!(false)),
        ("BOOL($absent)", Json::Null),
    ]);
}

#[test]
fn texts() {
    check(&[
        ("STRING(1.0)", json!("1")),
        ("STRING($yes)", json!("true")),
        ("STRING($absent)", Json::Null),
        ("CONCAT($one, \"-\", $absent, $half)", json!("1-0.5")),
        ("CONCAT($absent)", Json::Null),
        ("STARTS_WITH($path, \"/cart\")", json!(true)),
        ("STARTS_WITH($ten, 1)", json!(true)),
        ("ENDS_WITH($path, \"pay\")", json!(true)),
        ("CONTAINS($path, \"17\")", json!(true)),
        ("CONTAINS($absent, \"\")", json!(false)),
        ("TO_LOWER($text)", json!("grün")),
        ("LENGTH($text)", json!(4)),
        ("LENGTH($text, \"chars\")", json!(4)),
        ("LENGTH($text, \"bytes\")", json!(5)),
        ("LENGTH($absent)", Json::Null),
        (r"REG_MATCH($path, `^/\w+/\d+`)", json!(true)),
        ("REG_MATCH($absent, `.*`)", json!(false)),
        (r"REG_VALUE($path, `/(\d+)/`)", json!("17")),
        (r"REG_VALUE($path, `\d+`)", json!("17")),
        ("REG_VALUE($path, `x+`)", Json::Null),
        ("REG_COUNT($path, `/`)", json!(3)),
    ]);
}

#[test]
fn times() {
    check(&[
        ("UNIX_TIMESTAMP(\"2023-11-14T22:13:20.5Z\")", json!(1_700_000_000.5)),
        ("UNIX_TIMESTAMP(\"yesterday\")", Json::Null),
        ("EVENT_TIMESTAMP()", json!(1_700_000_000.5)),
        ("INGEST_TIMESTAMP()", Json::Null),
        ("FORMAT_TIME(\"%Y-%m-%d %H:%M\", EVENT_TIMESTAMP())", json!("2023-11-14 22:13")),
        ("FORMAT_TIME(\"%A\", 0)", json!("Thursday")),
        ("FORMAT_TIME(\"%A\", 1e30)", Json::Null),
        ("FORMAT_TIME(\"%A\", $absent)", Json::Null),
        ("RAND() >= 0 AND RAND() < 1 AND RAND() = RAND()", json!(true)),
    ]);
}

#[test]
fn a_branch_that_is_not_taken_is_not_calculated() {
    struct Once(std::cell::Cell<usize>);
    impl Row for Once {
        fn value(&self, _: usize) -> Value<'_> {
            self.0.set(self.0.get() + 1);
            Value::Integer(1)
        }
    }
    for text in
        ["IF(true, 1, $a)", "false AND $a", "OR(1, $a)", "COALESCE(1, $a)", "SWITCH(1, 2, $a, 3)", "IN(1, 1, $a)"]
    {
        let checked = CalculatedFields::new(&[spec("x", text)]).unwrap();
        let row = Once(std::cell::Cell::new(0));
        checked.get("x").unwrap().evaluate(&row);
        assert_eq!(row.0.get(), 0, "{text}");
    }
}

#[test]
fn errors_say_where_they_are() {
    for (text, position, part) in [
        ("", 1, "value is missing"),
        ("1 +", 4, "value is missing"),
        ("1 2", 3, "operator"),
        ("(1", 3, ") is missing"),
        ("MIN(1 2)", 7, "comma"),
        ("MIN(1,,2)", 7, "value is missing"),
        ("$", 2, "quote other names"),
        ("\"open", 1, "closing \""),
        ("1 + `open", 5, "closing `"),
        ("\"\\q\"", 3, "escape"),
        ("ä", 1, "value is missing"),
        ("\"ä\" + MULT(1)", 7, "did you mean MUL?"),
        ("duration_ms + 1", 1, "$duration_ms"),
        ("IF(1)", 1, "at least 2"),
        ("1 + LT(1)", 5, "takes 2"),
        ("REG_MATCH($a, $b)", 15, "written down"),
        ("REG_MATCH($a, `(`)", 15, "regular expression"),
        ("FORMAT_TIME(\"%!\", 1)", 13, "strftime"),
        ("LENGTH($a, \"words\")", 12, "bytes"),
        ("SWITCH($a, $b, 1)", 12, "written down"),
        ("SUM(1, RATE($a))", 8, "time series"),
        ("$x + 1", 1, "itself"),
        ("1 + $*", 6, "quote"),
    ] {
        let error = CalculatedFields::new(&[spec("x", text)]).unwrap_err();
        assert!(error.message.contains(part), "{text}: {}", error.message);
        assert_eq!(error.details["position"], json!(position), "{text}: {}", error.message);
    }
}

#[test]
fn fields_may_name_each_other() {
    let specs = [spec("b", "$a + $a"), spec("a", "$one + 1"), spec("c", "$b * $a")];
    let checked = CalculatedFields::new(&specs).unwrap();
    let event = Event(vec![Value::Integer(1)]);
    assert_eq!(checked.get("c").unwrap().evaluate(&event), Value::Integer(8));
    assert_eq!(checked.inputs_of(["c", "d"].into()), ["d", "one"].into());

    let circle = [spec("a", "1 + $b"), spec("b", "$c"), spec("c", "$a")];
    let error = CalculatedFields::new(&circle).unwrap_err();
    assert_eq!(error.details, json!({ "name": "c", "position": 1 }), "{}", error.message);
    for names in [["a", "a"], ["", "b"], ["timestamp", "b"], ["*", "b"], ["meta.x", "b"]] {
        assert!(CalculatedFields::new(&names.map(|name| spec(name, "1"))).is_err(), "{names:?}");
    }
}

#[test]
fn what_would_not_end_is_refused() {
    let doubling: Vec<_> = (0..30).map(|at| spec(&format!("f{at}"), &format!("$f{} + $f{}", at + 1, at + 1))).collect();
    assert!(CalculatedFields::new(&doubling).unwrap_err().message.contains("parts"));
    let deep: Vec<_> = (0..99).map(|at| spec(&format!("f{at}"), &format!("NOT(NOT(NOT($f{})))", at + 1))).collect();
    assert!(CalculatedFields::new(&deep).unwrap_err().message.contains("levels"));
    for text in [format!("{}1", "(".repeat(10_000)), format!("{}1", "!".repeat(10_000)), "NOT(".repeat(3_000)] {
        assert!(calculate(&text).unwrap_err().contains("nested deeper"), "{text:.20}");
    }
    assert!(calculate(&format!("\"{}\"", "a".repeat(20_000))).unwrap_err().contains("bytes"));
    // Long, but not deep.
    assert_eq!(calculate(&vec!["1"; 1_500].join(" + ")), Ok(json!(1_500)));
    let long = "CONCAT($s, $s, $s, $s)";
    let checked = CalculatedFields::new(&[spec("s", "CONCAT($t, $t, $t, $t)"), spec("x", long)]).unwrap();
    let event = Event(vec![Value::Text("ä".repeat(10_000).into())]);
    let Value::Text(text) = checked.get("x").unwrap().evaluate(&event) else { panic!("no text") };
    assert_eq!(text.len(), crate::limits::EXPRESSION_TEXT_BYTES_MAX);
}

proptest! {
    #[test]
    fn no_text_panics(text in "[-!$\"`(),.0-9a-cIFNOT +*/<=é\\\\]{0,40}") {
        let _ = calculate(&text);
    }

    #[test]
    fn numbers_are_compared_by_their_value(a in any::<i64>(), b in any::<f64>()) {
        use super::value::Number;
        prop_assume!(b.is_finite());
        let exact = i128::from(a).cmp(&(b.trunc().clamp(-1e30, 1e30) as i128));
        let exact = exact.then_with(|| 0f64.partial_cmp(&(b - b.trunc())).unwrap());
        prop_assert_eq!(Number::Integer(a).compare(Number::Float(b)), exact);
        prop_assert_eq!(Number::Float(b).compare(Number::Integer(a)), exact.reverse());
    }
}
