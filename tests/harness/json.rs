//! Whether an answer is as expected: objects may hold more than is asked, arrays may not, floats are near enough.
//!
//! | expected | met by |
//! |---|---|
//! | `"$any"` | anything but null and nothing |
//! | `"$absent"` | a key that is not there |
//! | `{"near": 5.0, "within": 0.01}` | a number at most 1 % away |
//! | `{"containing": "text"}` | a text with that in it |
//! | `{"length": 3}` | an array of so many |
//! | an object | an object with those keys, each as expected |
//! | an array | an array of that length, each as expected |
//! | a number | the same number; floats to 1e-9 relative |
//! | anything else | itself |

use serde_json::{Map, Value};

/// Floats may differ in the last digits between runs.
const FLOAT_TOLERANCE: f64 = 1e-9;

/// Where and how `actual` is not as expected.
pub(crate) fn difference(expected: &Value, actual: Option<&Value>) -> Option<String> {
    differ(expected, actual, "$")
}

fn differ(expected: &Value, actual: Option<&Value>, path: &str) -> Option<String> {
    let wrong = || {
        let actual = actual.map_or("nothing".to_owned(), Value::to_string);
        Some(format!("at {path}: expected {expected}, got {actual:.400}"))
    };
    let unless = |right: bool| if right { None } else { wrong() };
    match (expected, actual) {
        (Value::String(s), _) if s == "$absent" => unless(actual.is_none()),
        (Value::String(s), _) if s == "$any" => unless(actual.is_some_and(|a| !a.is_null())),
        (_, None) => wrong(),
        (Value::Number(_), Some(Value::Number(_))) => unless(same_number(expected, actual?)),
        (Value::Array(wanted), Some(Value::Array(got))) => {
            if wanted.len() != got.len() {
                return wrong();
            }
            wanted.iter().zip(got).enumerate().find_map(|(at, (w, g))| differ(w, Some(g), &format!("{path}[{at}]")))
        }
        (Value::Object(wanted), Some(actual)) => match matcher(wanted, actual) {
            Some(met) => unless(met),
            None if !actual.is_object() => wrong(),
            None => wanted.iter().find_map(|(key, w)| differ(w, actual.get(key), &format!("{path}.{key}"))),
        },
        (_, Some(actual)) => unless(expected == actual),
    }
}

fn same_number(expected: &Value, actual: &Value) -> bool {
    if expected == actual {
        return true;
    }
    let whole = |value: &Value| value.is_i64() || value.is_u64();
    !(whole(expected) && whole(actual)) && near(expected, actual, FLOAT_TOLERANCE)
}

fn near(expected: &Value, actual: &Value, within: f64) -> bool {
    match (expected.as_f64(), actual.as_f64()) {
        (Some(e), Some(a)) => (e - a).abs() <= within * e.abs(),
        _ => false,
    }
}

/// Whether a matcher is met; none if the object is an ordinary one.
fn matcher(wanted: &Map<String, Value>, actual: &Value) -> Option<bool> {
    if let (2, Some(expected), Some(within)) = (wanted.len(), wanted.get("near"), wanted.get("within")) {
        return Some(near(expected, actual, within.as_f64()?));
    }
    if wanted.len() != 1 {
        return None;
    }
    if let Some(Value::String(part)) = wanted.get("containing") {
        return Some(actual.as_str().is_some_and(|text| text.contains(part.as_str())));
    }
    let length = wanted.get("length")?.as_u64()?;
    Some(actual.as_array().is_some_and(|array| array.len() as u64 == length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_that_are_as_expected_pass_and_others_do_not() {
        for (expected, actual, same) in [
            (json!(1), json!(1), true),
            (json!(1), json!(1.0), true),
            (json!(1), json!("1"), false),
            (json!(1), json!(true), false),
            (json!(1), json!(2), false),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64), false),
            (json!(0.3), json!(0.1 + 0.2), true),
            (json!(0.3), json!(0.300001), false),
            (json!(null), json!(null), true),
            (json!(null), json!(0), false),
            (json!({}), json!({"a": 1}), true),
            (json!({}), json!(1), false),
            (json!({"a": 1}), json!(1), false),
            (json!({"a": 1}), json!({"a": 1, "b": 2}), true),
            (json!({"a": 1}), json!({"b": 2}), false),
            (json!({"a": null}), json!({}), false),
            (json!({"a": "$absent"}), json!({}), true),
            (json!({"a": "$absent"}), json!({"a": null}), false),
            (json!({"a": "$any"}), json!({"a": 3}), true),
            (json!({"a": "$any"}), json!({"a": null}), false),
            (json!([1, 2]), json!([1, 2]), true),
            (json!([1, 2]), json!([1, 2, 3]), false),
            (json!([1, 2]), json!([2, 1]), false),
            (json!({"near": 100, "within": 0.01}), json!(100.9), true),
            (json!({"near": 100, "within": 0.01}), json!(101.1), false),
            (json!({"near": 100, "within": 0.01}), json!(null), false),
            (json!({"containing": "b"}), json!("abc"), true),
            (json!({"containing": "x"}), json!("abc"), false),
            (json!({"length": 2}), json!([1, 2]), true),
            (json!({"length": 2}), json!([1]), false),
        ] {
            assert_eq!(difference(&expected, Some(&actual)).is_none(), same, "{expected} against {actual}");
        }
    }
}
