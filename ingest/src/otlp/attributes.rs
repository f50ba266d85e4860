//! Attributes become staged fields: nested ones flatten, arrays become JSON text, sample rates are held back.
//!
//! Must not know which message the attributes belong to.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_storage::limits::NESTING_DEPTH_MAX;

use crate::event::{FieldId, Path, Rows, Value};
use crate::fault::{Fault, FaultKind};
use crate::json_text;
use crate::protobuf::Fields;

/// Attributes that say for how many items one stands, the first wins.
const SAMPLE_RATES: [&str; 4] = ["sampleRate", "SampleRate", "sample_rate", "samplerate"];

/// A value of any type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Any<'a> {
    /// Nothing was checked.
    Text(&'a [u8]),
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Array(&'a [u8]),
    Members(&'a [u8]),
    Bytes(&'a [u8]),
}

/// The value in an `AnyValue`; nothing if it holds none.
#[inline]
pub(super) fn any_value(message: &[u8]) -> Result<Option<Any<'_>>, Fault> {
    let mut found = None;
    let mut fields = Fields::of(message);
    while let Some((number, wire)) = fields.next()? {
        found = Some(match number {
            1 => Any::Text(wire.bytes()?),
            2 => Any::Boolean(wire.varint()? != 0),
            3 => Any::Integer(wire.varint()? as i64),
            4 => Any::Float(wire.double()?),
            5 => Any::Array(wire.bytes()?),
            6 => Any::Members(wire.bytes()?),
            7 => Any::Bytes(wire.bytes()?),
            _ => continue,
        });
    }
    Ok(found)
}

/// Key and `AnyValue` of a `KeyValue`.
#[inline]
pub(super) fn key_value(message: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let (mut key, mut value): (&[u8], &[u8]) = (b"", b"");
    let mut fields = Fields::of(message);
    while let Some((number, wire)) = fields.next()? {
        match number {
            1 => key = wire.bytes()?,
            2 => value = wire.bytes()?,
            _ => {}
        }
    }
    Ok((key, value))
}

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| Fault::new(0, FaultKind::NotUtf8))
}

/// A sample rate that came as an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SentRate<'a> {
    /// Place among the spellings.
    rank: usize,
    pub(super) value: Value<'a>,
}

/// Stages attributes into rows.
#[derive(Debug)]
pub(super) struct Attributes<'a> {
    pub(super) rows: Rows<'a>,
    path: Path,
    /// Whether attributes may be sample rates.
    pub(super) sampled: bool,
    /// The sample rate among the attributes staged since this was last taken.
    pub(super) rate: Option<SentRate<'a>>,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(rows: Rows<'a>, sampled: bool) -> Attributes<'a> {
        Attributes { rows, path: Path::default(), sampled, rate: None }
    }

    /// Stages one `KeyValue`. A later one for the same name takes its place.
    pub(super) fn stage(&mut self, message: &'a [u8]) -> Result<(), Fault> {
        let (key, value) = key_value(message)?;
        let Some(value) = any_value(value)? else { return Ok(()) };
        if key.is_empty() {
            return Ok(());
        }
        let key = utf8(key)?;
        if self.sampled && self.take_rate(key, value)? {
            return Ok(());
        }
        self.stage_value(key, value)
    }

    /// Stages a value under a name, its members under names that begin with it.
    pub(super) fn stage_value(&mut self, name: &str, value: Any<'a>) -> Result<(), Fault> {
        if let Any::Members(members @ [_, ..]) = value {
            self.path.clear();
            self.path.enter(name);
            return self.members(members, 1);
        }
        let field = self.field(name)?;
        self.stage_plain(field, value, 1).map_err(|fault| fault.within(name))
    }

    /// The members of a value that flattens; calls itself as deep as names have parts.
    fn members(&mut self, message: &'a [u8], depth: usize) -> Result<(), Fault> {
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next()? {
            if number != 1 {
                continue;
            }
            let (key, value) = key_value(wire.bytes()?)?;
            let Some(value) = any_value(value)? else { continue };
            let outer = self.path.enter(utf8(key)?);
            match value {
                Any::Members(members @ [_, ..]) if self.path.flattens() => self.members(members, depth + 1)?,
                value => {
                    let named = self.rows.field(self.path.name()).map_err(|e| Fault::new(0, FaultKind::Name(e)));
                    let staged = named.and_then(|field| self.stage_plain(field, value, depth + 1));
                    staged.map_err(|fault| fault.within(self.path.name()))?;
                }
            }
            self.path.leave(outer);
        }
        Ok(())
    }

    pub(super) fn field(&mut self, name: &str) -> Result<FieldId, Fault> {
        self.rows.field(name).map_err(|error| Fault::new(0, FaultKind::Name(error)))
    }

    /// Stages a value under a field as a whole; `depth` objects lie around it.
    fn stage_plain(&mut self, field: FieldId, value: Any<'a>, depth: usize) -> Result<(), Fault> {
        let value = self.plain(value, depth)?;
        self.add(field, value)
    }

    pub(super) fn add(&mut self, field: FieldId, value: Value<'a>) -> Result<(), Fault> {
        let max = self.rows.limits().event_fields_max;
        self.rows.add(field, value).map_err(|_| Fault::new(0, FaultKind::Fields { max }))
    }

    /// Stages a value that gives way to attributes of the same name.
    pub(super) fn add_default(&mut self, name: &str, value: Value<'a>) -> Result<(), Fault> {
        let field = self.field(name)?;
        let max = self.rows.limits().event_fields_max;
        self.rows.add_default(field, value).map_err(|_| Fault::new(0, FaultKind::Fields { max }))
    }

    /// Stages a string that gives way; nothing for an empty one.
    pub(super) fn add_default_text(&mut self, name: &str, text: &'a [u8]) -> Result<(), Fault> {
        if text.is_empty() {
            return Ok(());
        }
        let text = utf8(text).map_err(|fault| fault.within(name))?;
        self.add_default(name, Value::Text(text))
    }

    /// Stages an id as hex that gives way; nothing for none.
    pub(super) fn add_default_id(&mut self, name: &str, id: &[u8]) -> Result<(), Fault> {
        let id = significant(id);
        if id.is_empty() {
            return Ok(());
        }
        let scratch = self.rows.scratch();
        let begin = scratch.len();
        push_hex(scratch, id);
        let value = Value::Scratch(begin..scratch.len());
        self.add_default(name, value)
    }

    /// A value as a whole: JSON text for arrays and members, base64 for bytes.
    pub(super) fn plain(&mut self, value: Any<'a>, depth: usize) -> Result<Value<'a>, Fault> {
        Ok(match value {
            Any::Text(text) => Value::Text(utf8(text)?),
            Any::Boolean(value) => Value::Boolean(value),
            Any::Integer(value) => Value::Integer(value),
            Any::Float(value) => Value::float(value),
            Any::Bytes(bytes) => self.written(|out| {
                STANDARD.encode_string(bytes, out);
                Ok(())
            })?,
            Any::Array(_) | Any::Members(_) => {
                self.written(|out| push_json(out, Some(value), NESTING_DEPTH_MAX - depth))?
            }
        })
    }

    /// The text that `write` puts behind the event's scratch.
    pub(super) fn written(&mut self, write: impl FnOnce(&mut String) -> Result<(), Fault>) -> Result<Value<'a>, Fault> {
        let scratch = self.rows.scratch();
        let begin = scratch.len();
        write(scratch)?;
        Ok(Value::Scratch(begin..scratch.len()))
    }

    /// Holds a sample rate back; says whether it was one.
    fn take_rate(&mut self, key: &str, value: Any<'a>) -> Result<bool, Fault> {
        if !key.starts_with(['s', 'S']) {
            return Ok(false);
        }
        let Some(rank) = SAMPLE_RATES.iter().position(|known| *known == key) else { return Ok(false) };
        let value = self.plain(value, 1)?;
        if self.rate.as_ref().is_none_or(|rate| rank <= rate.rank) {
            self.rate = Some(SentRate { rank, value });
        }
        Ok(true)
    }
}

/// An id without the zeros that pad one of eight bytes to sixteen; nothing of one that is all zeros.
fn significant(id: &[u8]) -> &[u8] {
    if id.iter().all(|byte| *byte == 0) {
        return &[];
    }
    match id.split_at_checked(8) {
        Some((padding, rest)) if rest.len() == 8 && padding.iter().all(|byte| *byte == 0) => rest,
        _ => id,
    }
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 0xf)]));
    }
}

/// A value as JSON, nested at most `depth_max` deep.
pub(super) fn push_json(out: &mut String, value: Option<Any<'_>>, depth_max: usize) -> Result<(), Fault> {
    let deeper = || depth_max.checked_sub(1).ok_or(Fault::new(0, FaultKind::Nesting));
    match value {
        None => out.push_str("null"),
        Some(Any::Text(text)) => json_text::push_string(out, utf8(text)?),
        Some(Any::Boolean(value)) => out.push_str(if value { "true" } else { "false" }),
        Some(Any::Integer(value)) => json_text::push_integer(out, value),
        Some(Any::Float(value)) => json_text::push_float(out, value),
        Some(Any::Bytes(bytes)) => {
            out.push('"');
            STANDARD.encode_string(bytes, out);
            out.push('"');
        }
        Some(Any::Array(values)) => {
            let depth_max = deeper()?;
            let mut before = '[';
            let mut fields = Fields::of(values);
            while let Some((number, wire)) = fields.next()? {
                if number == 1 {
                    out.push(before);
                    before = ',';
                    push_json(out, any_value(wire.bytes()?)?, depth_max)?;
                }
            }
            out.push_str(if before == '[' { "[]" } else { "]" });
        }
        Some(Any::Members(members)) => {
            let depth_max = deeper()?;
            let mut before = '{';
            let mut fields = Fields::of(members);
            while let Some((number, wire)) = fields.next()? {
                if number == 1 {
                    let (key, value) = key_value(wire.bytes()?)?;
                    out.push(before);
                    before = ',';
                    json_text::push_string(out, utf8(key)?);
                    out.push(':');
                    push_json(out, any_value(value)?, depth_max)?;
                }
            }
            out.push_str(if before == '{' { "{}" } else { "}" });
        }
    }
    Ok(())
}
