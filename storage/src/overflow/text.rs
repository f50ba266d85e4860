//! One event's overflow fields as a JSON object, and back. Knows names and values; no columns.
//!
//! The form is canonical: no white space, names in the order of their bytes as written, one way to escape. So a field
//! can be looked for as a piece of text, and equal events have equal texts.

use std::borrow::Cow;

use memchr::memmem::Finder;
use memchr::{memchr2, memchr2_iter};

use crate::event::FieldType;

/// A value in an overflow text.
#[derive(Clone, Debug, PartialEq)]
pub enum OverflowValue<'t> {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(Cow<'t, str>),
}

impl OverflowValue<'_> {
    pub fn field_type(&self) -> FieldType {
        match self {
            OverflowValue::Boolean(_) => FieldType::Boolean,
            OverflowValue::Integer(_) => FieldType::Integer,
            OverflowValue::Float(_) => FieldType::Float,
            OverflowValue::Text(_) => FieldType::String,
        }
    }
}

/// The fields of one event in the order of the text. Ends early where the text is not one of ours.
pub fn entries(text: &str) -> impl Iterator<Item = (Cow<'_, str>, OverflowValue<'_>)> {
    WrittenEntries::new(text).map_while(|(name, value)| Some((unescape(name), read_value(value)?)))
}

/// Finds one field in many overflow texts.
#[derive(Clone, Debug)]
pub struct FieldFinder {
    /// The name with its quotes and the colon.
    written: String,
    finder: Finder<'static>,
    /// Whether the piece of text may also be found from the end of a value on: `,` `}` and `:` stand there too.
    ambiguous: bool,
}

impl FieldFinder {
    pub fn new(field: &str) -> FieldFinder {
        let mut written = String::with_capacity(field.len() + 3);
        write_text(&mut written, field);
        written.push(':');
        let finder = Finder::new(written.as_bytes()).into_owned();
        FieldFinder { written, finder, ambiguous: field.starts_with([',', '}', ':']) }
    }

    /// The field's value in `text`.
    pub fn find<'t>(&self, text: &'t str) -> Option<OverflowValue<'t>> {
        if self.ambiguous {
            let name = &self.written[1..self.written.len() - 2];
            return WrittenEntries::new(text).find(|(n, _)| *n == name).and_then(|(_, value)| read_value(value));
        }
        // Inside names and values every quote has a backslash before it: a quote behind `{` or `,` begins a name.
        let begins = |at: &usize| matches!(at.checked_sub(1).map(|before| text.as_bytes()[before]), Some(b'{' | b','));
        let at = self.finder.find_iter(text.as_bytes()).find(begins)?;
        let rest = text.get(at + self.written.len()..)?;
        read_value(rest.get(..value_end(rest)?)?)
    }
}

/// Names and values as they are written.
pub(super) struct WrittenEntries<'t> {
    rest: &'t str,
    separator: char,
}

impl<'t> WrittenEntries<'t> {
    pub(super) fn new(text: &'t str) -> WrittenEntries<'t> {
        WrittenEntries { rest: text, separator: '{' }
    }
}

impl<'t> Iterator for WrittenEntries<'t> {
    type Item = (&'t str, &'t str);

    fn next(&mut self) -> Option<(&'t str, &'t str)> {
        let rest = self.rest.strip_prefix(self.separator)?.strip_prefix('"')?;
        let (name, rest) = rest.split_at_checked(string_end(rest)?)?;
        let rest = rest.strip_prefix("\":")?;
        let (value, rest) = rest.split_at_checked(value_end(rest)?)?;
        (self.rest, self.separator) = (rest, ',');
        Some((name, value))
    }
}

/// Where the string ends that `text` is behind the first quote of.
fn string_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut escaped = None;
    for at in memchr2_iter(b'"', b'\\', bytes) {
        if escaped == Some(at) {
            continue;
        }
        if bytes[at] == b'"' {
            return Some(at);
        }
        escaped = Some(at + 1);
    }
    None
}

/// Where the value ends that `text` begins with.
fn value_end(text: &str) -> Option<usize> {
    match text.strip_prefix('"') {
        Some(string) => Some(string_end(string)? + 2),
        None => memchr2(b',', b'}', text.as_bytes()),
    }
}

pub(super) fn read_value(written: &str) -> Option<OverflowValue<'_>> {
    Some(match written.as_bytes().first()? {
        b'"' => OverflowValue::Text(unescape(written.get(1..written.len().checked_sub(1)?)?)),
        b't' => OverflowValue::Boolean(true),
        b'f' => OverflowValue::Boolean(false),
        _ if written.bytes().any(|b| matches!(b, b'.' | b'e')) => OverflowValue::Float(written.parse().ok()?),
        _ => OverflowValue::Integer(written.parse().ok()?),
    })
}

/// A name or string without its escapes.
pub(super) fn unescape(written: &str) -> Cow<'_, str> {
    if !written.contains('\\') {
        return Cow::Borrowed(written);
    }
    let mut text = String::with_capacity(written.len());
    let mut rest = written;
    while let Some((before, escape)) = rest.split_once('\\') {
        text.push_str(before);
        let code = escape.strip_prefix('u').and_then(|digits| u32::from_str_radix(digits.get(..4)?, 16).ok());
        match code.and_then(char::from_u32) {
            Some(control) => {
                text.push(control);
                rest = &escape[5..];
            }
            None => {
                let mut itself = escape.chars();
                text.extend(itself.next());
                rest = itself.as_str();
            }
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Appends a string in quotes.
pub(super) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, b)| matches!(b, b'"' | b'\\' | 0..=0x1f)) {
        out.push_str(&text[done..at]);
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            control => {
                out.push_str("\\u00");
                out.push(char::from(HEX[usize::from(control >> 4)]));
                out.push(char::from(HEX[usize::from(control & 15)]));
            }
        }
        done = at + 1;
    }
    out.push_str(&text[done..]);
    out.push('"');
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends a float so that it reads back as the same float and is told from an integer.
pub(super) fn write_float(out: &mut String, value: f64) {
    if value.is_finite() {
        out.push_str(ryu::Buffer::new().format_finite(value));
        return;
    }
    // Decoders make texts of these; JSON has no other form for them either.
    write_text(
        out,
        if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        },
    );
}
