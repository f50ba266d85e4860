//! One typed value of a field: `1`, `"1"` and `true` are three values, `1` and `1.0` are one. Knows no columns.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use serde_json::{Number, Value};

#[cfg(test)]
mod tests;

/// JavaScript's largest exact integer: beyond it answers hold text.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;
/// 2^63: the first float beyond 64-bit integers.
const INTEGERS_END: f64 = 9_223_372_036_854_775_808.0;

/// See the module. Made by [`EventValue::float`], so that no float is integral within 64 bits.
#[derive(Clone, Debug)]
pub(crate) enum EventValue {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(Box<str>),
}

impl EventValue {
    pub(crate) fn float(value: f64) -> EventValue {
        if value == value.trunc() && (-INTEGERS_END..INTEGERS_END).contains(&value) {
            EventValue::Integer(value as i64)
        } else {
            EventValue::Float(value)
        }
    }

    /// The value as a number, if it is one.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            EventValue::Integer(value) => Some(*value as f64),
            EventValue::Float(value) => Some(*value),
            EventValue::Boolean(_) | EventValue::Text(_) => None,
        }
    }

    /// As answers write values: integers that JavaScript cannot hold are text, which a filter finds again.
    pub(crate) fn json(&self) -> Value {
        match self {
            EventValue::Boolean(value) => Value::Bool(*value),
            EventValue::Integer(value) if value.unsigned_abs() > SAFE_INTEGER_MAX => Value::String(value.to_string()),
            EventValue::Integer(value) => Value::from(*value),
            EventValue::Float(value) => Number::from_f64(*value).map_or(Value::Null, Value::Number),
            EventValue::Text(value) => Value::String(value.to_string()),
        }
    }

    /// Memory beside the value itself.
    pub(crate) fn text_bytes(&self) -> usize {
        if let EventValue::Text(text) = self { text.len() } else { 0 }
    }

    fn rank(&self) -> u8 {
        match self {
            EventValue::Boolean(_) => 0,
            EventValue::Integer(_) | EventValue::Float(_) => 1,
            EventValue::Text(_) => 2,
        }
    }
}

/// Boolean < number < text; numbers by value.
impl Ord for EventValue {
    fn cmp(&self, other: &EventValue) -> Ordering {
        match (self, other) {
            (EventValue::Boolean(a), EventValue::Boolean(b)) => a.cmp(b),
            (EventValue::Integer(a), EventValue::Integer(b)) => a.cmp(b),
            (EventValue::Float(a), EventValue::Float(b)) => a.total_cmp(b),
            // A float here is fractional or beyond 64 bits: it never equals an integer.
            (EventValue::Integer(a), EventValue::Float(b)) => compare_integer(*a, *b),
            (EventValue::Float(a), EventValue::Integer(b)) => compare_integer(*b, *a).reverse(),
            (EventValue::Text(a), EventValue::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

fn compare_integer(integer: i64, float: f64) -> Ordering {
    if float >= INTEGERS_END {
        Ordering::Less
    } else if float < -INTEGERS_END {
        Ordering::Greater
    } else if integer <= float.floor() as i64 {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

impl PartialOrd for EventValue {
    fn partial_cmp(&self, other: &EventValue) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for EventValue {
    fn eq(&self, other: &EventValue) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for EventValue {}

impl Hash for EventValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            EventValue::Boolean(value) => value.hash(state),
            EventValue::Integer(value) => value.hash(state),
            EventValue::Float(value) => value.to_bits().hash(state),
            EventValue::Text(value) => value.hash(state),
        }
    }
}
