//! One value, how values compare, and what they are as numbers, truths and texts. Knows no rows.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::spec::INTEGERS_END;
use crate::text;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'v> {
    Absent,
    Boolean(bool),
    Integer(i64),
    /// Finite, and not -0.
    Float(f64),
    Text(Cow<'v, str>),
}

/// A value that can be calculated with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Integer(i64),
    Float(f64),
}

impl Number {
    pub(super) fn float(self) -> f64 {
        match self {
            Number::Integer(number) => number as f64,
            Number::Float(number) => number,
        }
    }

    /// By exact value.
    pub(super) fn compare(self, other: Number) -> Ordering {
        match (self, other) {
            (Number::Integer(a), Number::Integer(b)) => a.cmp(&b),
            (Number::Float(a), Number::Float(b)) => a.total_cmp(&b),
            (Number::Integer(a), Number::Float(b)) => integer_with_float(a, b),
            (Number::Float(a), Number::Integer(b)) => integer_with_float(b, a).reverse(),
        }
    }
}

fn integer_with_float(integer: i64, float: f64) -> Ordering {
    if float >= INTEGERS_END {
        return Ordering::Less;
    }
    if float < -INTEGERS_END {
        return Ordering::Greater;
    }
    let whole = float.trunc();
    integer.cmp(&(whole as i64)).then_with(|| 0f64.total_cmp(&(float - whole + 0.0)))
}

impl<'v> Value<'v> {
    /// A number that calculating gave: none if it is not finite.
    pub(super) fn float(number: f64) -> Value<'v> {
        if number.is_finite() { Value::Float(number + 0.0) } else { Value::Absent }
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Value::Absent)
    }

    /// As conditions take it: a number that is not zero, and the text `true`, are true.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Absent => false,
            Value::Boolean(value) => *value,
            Value::Integer(number) => *number != 0,
            Value::Float(number) => *number != 0.0,
            Value::Text(text) => text == "true",
        }
    }

    /// The number that it is, without coercion.
    pub(super) fn number(&self) -> Option<Number> {
        match self {
            Value::Integer(number) => Some(Number::Integer(*number)),
            Value::Float(number) => Some(Number::Float(*number)),
            Value::Absent | Value::Boolean(_) | Value::Text(_) => None,
        }
    }

    /// As calculating takes it: text is read as a number, what cannot be read is 0. None only if absent.
    pub(super) fn coerced(&self) -> Option<Number> {
        match self {
            Value::Absent => None,
            Value::Boolean(value) => Some(Number::Integer(i64::from(*value))),
            Value::Text(text) => Some(read_number(text)),
            Value::Integer(_) | Value::Float(_) => self.number(),
        }
    }

    /// What a formula shows: numbers, and truths as 1 and 0.
    pub(super) fn coerced_number(&self) -> Option<f64> {
        match self {
            Value::Text(_) => None,
            value => value.coerced().map(Number::float),
        }
    }

    /// The same, kept.
    pub(crate) fn into_owned(self) -> Value<'static> {
        match self {
            Value::Absent => Value::Absent,
            Value::Boolean(value) => Value::Boolean(value),
            Value::Integer(number) => Value::Integer(number),
            Value::Float(number) => Value::Float(number),
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
        }
    }

    /// The text form.
    pub(super) fn text(self) -> Option<Cow<'v, str>> {
        Some(match self {
            Value::Absent => return None,
            Value::Boolean(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            Value::Integer(number) => Cow::Owned(number.to_string()),
            Value::Float(number) => Cow::Owned(text::float_text(number)),
            Value::Text(text) => text,
        })
    }

    /// Of the same kind and the same value; absent equals absent.
    pub(super) fn equals(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Value::Absent, Value::Absent) => true,
            (Value::Boolean(a), Value::Boolean(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => a == b,
            (a, b) => a.number().zip(b.number()).is_some_and(|(a, b)| a.compare(b).is_eq()),
        }
    }

    /// Numbers by value, texts by bytes; nothing else has an order.
    pub(super) fn compare(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (a, b) => Some(a.number()?.compare(b.number()?)),
        }
    }
}

fn read_number(text: &str) -> Number {
    let text = text.trim();
    if let Ok(integer) = text.parse::<i64>() {
        return Number::Integer(integer);
    }
    // "inf" and "nan" are words, not numbers.
    let float = text.parse::<f64>().ok().filter(|number| number.is_finite());
    Number::Float(float.unwrap_or(0.0) + 0.0)
}
