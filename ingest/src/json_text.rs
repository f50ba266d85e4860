//! JSON as the text of a field: how arrays and deep objects are kept that were not sent as JSON. Must not know protocols.

use std::fmt::Write;

/// A string with its quotes and the escapes that JSON asks for.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        if !matches!(byte, b'"' | b'\\' | 0..0x20) {
            continue;
        }
        out.push_str(&text[start..at]);
        start = at + 1;
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => push_fmt(out, format_args!("\\u{byte:04x}")),
        }
    }
    out.push_str(&text[start..]);
    out.push('"');
}

pub(crate) fn push_integer(out: &mut String, value: i64) {
    push_fmt(out, format_args!("{value}"));
}

/// The shortest number that means this float; a string where JSON has no number for it.
pub(crate) fn push_float(out: &mut String, value: f64) {
    match not_finite(value) {
        Some(word) => push_string(out, word),
        None => out.push_str(ryu::Buffer::new().format_finite(value)),
    }
}

/// The word for a float that is no number.
pub(crate) fn not_finite(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        None
    }
}

fn push_fmt(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing into a string cannot fail.
    let _written = out.write_fmt(arguments);
}
