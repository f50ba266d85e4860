//! What a program notes, as JSON can hold it. Knows nothing of units or of sending.

use crate::limits::{NAME_BYTES_MAX, TEXT_BYTES_MAX};

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Nothing,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    /// Objects become fields with dots, lists JSON text.
    Json(serde_json::Value),
}

impl Value {
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Value::Text(text) => text.len(),
            Value::Json(json) => json.to_string().len(),
            _ => 8,
        }
    }

    pub(crate) fn into_json(self) -> serde_json::Value {
        match self {
            Value::Nothing => serde_json::Value::Null,
            Value::Boolean(value) => value.into(),
            Value::Integer(value) => value.into(),
            Value::Unsigned(value) => value.into(),
            Value::Float(value) => float(value),
            Value::Text(text) => text.into(),
            Value::Json(json) => json,
        }
    }
}

/// JSON has no infinities.
fn float(value: f64) -> serde_json::Value {
    let text = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    serde_json::Number::from_f64(value).map_or_else(|| text.into(), serde_json::Value::Number)
}

/// A text of at most as many bytes as are kept, and one character more so that the store says that it was cut.
pub(crate) fn text(text: impl Into<String>) -> String {
    let mut text = text.into();
    if text.len() > TEXT_BYTES_MAX {
        let end = (0..=TEXT_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// A field's name as the store takes it: no control characters, not empty, not too long.
pub(crate) fn name(said: &str) -> String {
    let mut right: String = said.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
    if right.len() > NAME_BYTES_MAX {
        let end = (0..=NAME_BYTES_MAX).rev().find(|at| right.is_char_boundary(*at)).unwrap_or(0);
        right.truncate(end);
    }
    if right.is_empty() { "_".to_owned() } else { right }
}

macro_rules! from {
    ($kind:ident as $wide:ty: $($type:ty),+) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Value {
                Value::$kind(<$wide>::from(value))
            }
        })+
    };
}

from!(Boolean as bool: bool);
from!(Integer as i64: i8, i16, i32, i64);
from!(Unsigned as u64: u8, u16, u32, u64);
from!(Float as f64: f32, f64);

impl From<usize> for Value {
    fn from(value: usize) -> Value {
        Value::Unsigned(value as u64)
    }
}

impl From<isize> for Value {
    fn from(value: isize) -> Value {
        Value::Integer(value as i64)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(text(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(text(value))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Value {
        Value::Text(text(value.as_str()))
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Value {
        match value {
            serde_json::Value::Null => Value::Nothing,
            serde_json::Value::Bool(value) => Value::Boolean(value),
            serde_json::Value::String(value) => value.into(),
            other => Value::Json(other),
        }
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Nothing, Into::into)
    }
}
