//! Tokens against serde_json and the standard library, and keys against themselves.

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::body::{lines, whole_value};
use super::keys::{Keys, Place, ROOT};
use super::number::Number;
use super::scan::{Scanner, compact};
use super::string::Token;
use crate::fault::FaultKind;

fn number(text: &str) -> Option<Number<'_>> {
    let mut scan = Scanner::new(text);
    let number = scan.number().ok()?;
    (scan.at() == text.len()).then_some(number)
}

#[test]
fn numbers_are_exact() {
    for text in [
        "0.1",
        "123456789012345.0",
        "0.000000000000001",
        "1234567.89",
        "9007199254740993.0",
        "5e-324",
        "1.7976931348623157e308",
    ] {
        let expected: f64 = text.parse().unwrap();
        assert_eq!(number(text), Some(Number::Float(expected, text)), "{text}");
    }
    for text in ["", "-", "01", "-01", "1.", ".1", "1e", "1e+", "+1", "0x1", "1 ", "00", "1.e1"] {
        assert_eq!(number(text), None, "{text}");
    }
}

#[test]
fn only_white_space_outside_of_strings_is_left_out() {
    let mut out = String::from("before ");
    compact("{ \"a b\\\" \" :\t[ 1 ,\r\n\" \\\\\" , \"é \" ] }", &mut out);
    assert_eq!(out, "before {\"a b\\\" \":[1,\" \\\\\",\"é \"]}");
}

#[test]
fn depth_is_counted_and_a_lone_surrogate_is_found_only_if_asked_for() {
    assert_eq!(Scanner::new("[[[1]]]").skip(Some(3)), Ok(false));
    assert_eq!(Scanner::new("[[ [1]]]").skip(Some(2)).unwrap_err().kind, FaultKind::Nesting);
    assert_eq!(Scanner::new("[ 1]").skip(None), Ok(true));
    assert_eq!(Scanner::new("\"\\ud800\"").skip(None), Ok(false));
    assert_eq!(Scanner::new("\"\\ud800\"").skip(Some(1)).unwrap_err().kind, FaultKind::Surrogate);
    let alternating = "[{\"a\":".repeat(200) + "1" + &"}]".repeat(200);
    assert_eq!(whole_value(&alternating), Ok(()));
    assert!(whole_value(&alternating.replacen("}]", "]}", 1)).is_err());
}

#[test]
fn lines_begin_where_they_say() {
    let text = "\n a \r\n\t\n{b\u{c}}\n\nc";
    assert_eq!(lines(text).collect::<Vec<_>>(), [(2, "a"), (8, "{b\u{c}}"), (14, "c")]);
}

#[test]
fn a_key_is_predicted_only_where_it_is_the_whole_key() {
    let mut keys = Keys::new();
    let start = Place::start_of(ROOT);
    let short = keys.find(ROOT, start, "ab").unwrap();
    let long = keys.find(ROOT, start, "abc").unwrap();
    assert_eq!(keys.predict(start, b"ab\":1"), Some((short, 3)));
    assert_eq!(keys.predict(start, b"abc\":1"), Some((long, 4)));
    assert_eq!(keys.predict(start, b"abcd\":1"), None);
    assert_eq!(keys.predict(start, b"ab"), None);
    assert_eq!(keys.predict(Place::after(short), b"abc\""), None);
    // As it lies in a body this is the key `a` and then a mistake.
    let quote = keys.find(ROOT, start, "a\"b").unwrap();
    assert_eq!(keys.predict(start, b"a\"b\":1"), None);
    assert_eq!(keys.find(ROOT, start, "a\"b"), Ok(quote));
    // The same key elsewhere is another path.
    let inner = keys.find(short, Place::start_of(short), "ab").unwrap();
    assert_eq!((keys.path(inner), keys.path(long)), ("ab.ab", "abc"));
}

/// Text that is nearly JSON.
fn nearly_json() -> impl Strategy<Value = String> {
    prop_oneof![
        "[\\[\\]{}:,\"a01.e\\-\\\\u \n]{0,24}",
        "(\\[|\\{\"a\":|1,|\"a\"|,|:|\\]|\\}|true|fals|null|-0|1e5|\\\\n| ){0,12}",
        "\"([ -~é]|\\\\(u[0-9a-fA-F]{3,5}|[\"\\\\/bfnrtx])){0,8}\"",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn serde_json_agrees_on_what_is_json(text in nearly_json()) {
        let expected = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        prop_assert_eq!(whole_value(&text).is_ok(), expected);
    }

    #[test]
    fn serde_json_agrees_on_what_strings_mean(inner in "([ -~é]|\\\\(u[0-9a-fA-F]{4}|u[dD][89abAB][0-9a-f]{2}|u[dD][c-fC-F][0-9a-f]{2}|[\"\\\\/bfnrt])){0,12}") {
        let text = format!("\"{inner}\"");
        let mut scratch = String::from("before");
        let mut scan = Scanner::new(&text);
        let found = match scan.string(&mut scratch) {
            Ok(Token::Plain(text)) => Some(text.to_owned()),
            Ok(Token::Scratch(range)) => Some(scratch[range].to_owned()),
            Err(_) => None,
        };
        let found = found.filter(|_| scan.at() == text.len());
        prop_assert_eq!(found, serde_json::from_str::<String>(&text).ok());
    }

    #[test]
    fn numbers_are_what_the_standard_library_reads(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
        let expected = text.parse::<f64>().unwrap();
        match number(&text) {
            Some(Number::Integer(value)) => prop_assert_eq!(text.parse(), Ok(value)),
            Some(Number::Float(value, _)) => {
                prop_assert_eq!(value, expected);
                prop_assert!(value != 0.0 || value.is_sign_positive());
            }
            Some(Number::Beyond(_)) => {
                let is_float = text.contains(['.', 'e', 'E']);
                let is_beyond = if is_float { expected.is_infinite() } else { text.parse::<i64>().is_err() };
                prop_assert!(is_beyond);
            }
            None => prop_assert!(false, "{} is a number", text),
        }
    }
}
