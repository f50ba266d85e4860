//! Reads a spec from JSON text, objects as objects: serde alone would also take an array for a struct, by position.
//!
//! Must not know what the keys mean beyond which of them hold objects.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::QueryError;

/// The keys whose arrays hold objects.
const LISTS_OF_OBJECTS: [&str; 6] = ["calculated_fields", "calculations", "filters", "formulas", "orders", "havings"];
/// The keys that hold an object or null.
const OBJECTS: [&str; 2] = ["selection", "baseline"];

/// A spec from a body; an empty body is an empty spec.
pub fn read_spec<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, QueryError> {
    if body.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    let unreadable = |e: serde_json::Error| QueryError::malformed(format!("the query cannot be read: {e}"));
    let value: Value = serde_json::from_slice(body).map_err(unreadable)?;
    check_objects(&value, "the query")?;
    // Once more from the text, because errors then say where they are.
    serde_json::from_slice(body).map_err(unreadable)
}

fn check_objects(value: &Value, what: &str) -> Result<(), QueryError> {
    let Value::Object(object) = value else {
        return Err(QueryError::malformed(format!(
            "{what} must be a JSON object with keys, such as {{\"filters\": []}}"
        )));
    };
    for key in OBJECTS {
        if let Some(inner) = object.get(key).filter(|inner| !inner.is_null()) {
            check_objects(inner, key)?;
        }
    }
    for key in LISTS_OF_OBJECTS {
        for element in object.get(key).and_then(Value::as_array).into_iter().flatten() {
            check_objects(element, &format!("each of {key}"))?;
        }
    }
    Ok(())
}
