//! An answer's groups as a text table or as CSV. Must not know where the answer came from.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};
use serde_json::Value;

fn columns(answer: &Value) -> Vec<&str> {
    answer["columns"].as_array().into_iter().flatten().map(|c| c["name"].as_str().unwrap_or_default()).collect()
}

fn rows(answer: &Value) -> impl Iterator<Item = &Vec<Value>> {
    answer["rows"].as_array().into_iter().flatten().filter_map(Value::as_array)
}

/// Text for a terminal: control characters are shown, not executed.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A value for people: absent values are empty.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => printable(text),
        other => other.to_string(),
    }
}

pub(crate) fn text(answer: &Value) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_header(columns(answer));
    for row in rows(answer) {
        table.add_row(row.iter().map(cell));
    }
    let numeric = |t: &Value| matches!(t.as_str(), Some("integer" | "float"));
    let types = answer["columns"].as_array().into_iter().flatten().map(|c| &c["type"]);
    for (column, type_label) in table.column_iter_mut().zip(types) {
        if numeric(type_label) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// RFC 4180.
pub(crate) fn csv(answer: &Value) -> String {
    let field = |text: &str| {
        if text.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let value = |v: &Value| match v {
        Value::Null => String::new(),
        Value::String(text) => field(text),
        other => field(&other.to_string()),
    };
    let mut out = columns(answer).into_iter().map(field).collect::<Vec<_>>().join(",") + "\r\n";
    for row in rows(answer) {
        out.push_str(&row.iter().map(value).collect::<Vec<_>>().join(","));
        out.push_str("\r\n");
    }
    out
}
