//! The text form of values, and the patterns that meet it. Knows no columns.

use regex::{Regex, RegexBuilder};

use crate::limits;

/// Shortest text that reads back as the same float; integral ones without `.0`.
pub(crate) fn float_text(value: f64) -> String {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format(value);
    text.strip_suffix(".0").unwrap_or(text).to_owned()
}

/// Whether `text` is the text form of exactly one integer, and which.
pub(crate) fn integer_of(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|value| value.to_string() == text)
}

/// Whether `text` is the text form of exactly one float, and which. Zero has one text form: -0.0 is 0.
pub(crate) fn float_of(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite() && float_text(*value) == text && text != "-0")
}

/// A regular expression of bounded size.
pub(crate) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(limits::REGEX_BYTES_MAX).dfa_size_limit(limits::REGEX_BYTES_MAX).build()
}
