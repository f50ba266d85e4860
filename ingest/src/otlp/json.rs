//! The JSON form, written as protobuf: one reader then serves both. Must not know what the messages mean.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_storage::limits::NESTING_DEPTH_MAX;

use super::Signal;
use super::schema::{Field, Kind, LOGS, METRICS, Message, TRACES};
use crate::Context;
use crate::error::DecodeError;
use crate::fault::{Fault, FaultKind};
use crate::json::scan::{COLON_EXPECTED, KEY_EXPECTED, Scanner};
use crate::json::string::Token;
use crate::protobuf::write;
use crate::steps::Steps;

/// Messages within each other: an attribute nested as deep as it may be, each level being three of them. Deeper ones lose
/// what is in them, and are then rejected for being too deep.
const MESSAGES_MAX: usize = 3 * (NESTING_DEPTH_MAX + 8);
/// Bytes that are put where the length of a message will stand.
const LENGTH_BYTES: usize = 5;
/// A tag, and a number or the length of what follows.
const VALUE_BYTES: usize = 16;
/// Stands for a string that is none, so that the event that holds it is rejected and no other.
const NOT_UTF8: u8 = 0xff;

/// The request that the JSON text says.
pub(super) fn to_protobuf(signal: Signal, body: &[u8], context: &Context<'_>) -> Result<Vec<u8>, DecodeError> {
    let bytes_max = context.limits.body_bytes_max;
    let message = match signal {
        Signal::Traces => &TRACES,
        Signal::Logs => &LOGS,
        Signal::Metrics => &METRICS,
    };
    let text = std::str::from_utf8(body).map_err(|error| {
        malformed(&Fault::new(error.valid_up_to(), FaultKind::Syntax("it is not UTF-8; encode text as UTF-8")))
    })?;
    let mut writer = Writer {
        scan: Scanner::new(text.strip_prefix('\u{feff}').unwrap_or(text)),
        out: Vec::new(),
        memory: Steps::new(context.memory),
        refused: None,
        scratch: String::new(),
        bytes_max,
    };
    writer.scan.space();
    let written = writer.room(body.len() / 2).and_then(|()| writer.message(message, 0));
    if let Some(refused) = writer.refused {
        return Err(refused);
    }
    if writer.out.len() > bytes_max {
        return Err(DecodeError::too_large(format!(
            "the request has more than {bytes_max} bytes as protobuf; send it in several smaller ones"
        )));
    }
    written.map_err(|fault| malformed(&fault))?;
    writer.scan.space();
    if !writer.scan.rest().is_empty() {
        return Err(malformed(&writer.scan.fault("the JSON ends here and more follows")));
    }
    Ok(writer.out)
}

#[cold]
fn malformed(fault: &Fault) -> DecodeError {
    DecodeError::malformed(format!(
        "failed to parse OTLP request body: byte {}: {}; nothing of it was stored",
        fault.at, fault.kind
    ))
}

struct Writer<'a> {
    scan: Scanner<'a>,
    out: Vec<u8>,
    /// For `out`.
    memory: Steps<'a>,
    /// Why there is no more room.
    refused: Option<DecodeError>,
    /// A string with escapes, without them.
    scratch: String,
    bytes_max: usize,
}

impl Writer<'_> {
    /// Room for `more` bytes, reserved before it is there.
    fn room(&mut self, more: usize) -> Result<(), Fault> {
        let needed = self.out.len() + more;
        if needed <= self.out.capacity() {
            return Ok(());
        }
        let capacity = needed.max(2 * self.out.capacity());
        if let Err(refused) = self.memory.hold(capacity) {
            self.refused = Some(refused);
            return Err(self.scan.fault("there is no memory for the request"));
        }
        self.out.reserve_exact(capacity - self.out.len());
        Ok(())
    }

    /// The fields of the object at the scanner. Calls itself at most [`MESSAGES_MAX`] deep.
    fn message(&mut self, message: &Message, depth: usize) -> Result<(), Fault> {
        self.scan.expect(b'{', "an object is expected here")?;
        self.scan.space();
        if self.scan.peek() == Some(b'}') {
            self.scan.advance(1);
            return Ok(());
        }
        loop {
            let field = self.key(message)?;
            self.scan.space();
            self.scan.expect(b':', COLON_EXPECTED)?;
            self.scan.space();
            match field {
                Some(field) => self.field(field, depth)?,
                None => drop(self.scan.skip(None)?),
            }
            self.scan.space();
            match self.scan.peek() {
                Some(b',') => self.scan.advance(1),
                Some(b'}') => {
                    self.scan.advance(1);
                    return Ok(());
                }
                _ => return Err(self.scan.fault("',' or '}' is expected after a value in an object")),
            }
            self.scan.space();
        }
    }

    /// The field of that name, written like `traceId` or like `trace_id`.
    fn key(&mut self, message: &Message) -> Result<Option<&'static Field>, Fault> {
        if self.scan.peek() != Some(b'"') {
            return Err(self.scan.fault(KEY_EXPECTED));
        }
        self.scratch.clear();
        let key = match self.scan.string(&mut self.scratch)? {
            Token::Plain(key) => key,
            Token::Scratch(_) => &self.scratch,
        };
        Ok(message.fields.iter().find(|field| is_named(field.name, key)))
    }

    /// One value, or each of an array.
    fn field(&mut self, field: &Field, depth: usize) -> Result<(), Fault> {
        if self.scan.peek() != Some(b'[') {
            return self.value(field, depth);
        }
        self.scan.advance(1);
        self.scan.space();
        let mut more = self.scan.peek() != Some(b']');
        while more {
            self.value(field, depth)?;
            self.scan.space();
            more = self.scan.peek() == Some(b',');
            if more {
                self.scan.advance(1);
                self.scan.space();
            }
        }
        self.scan.expect(b']', "',' or ']' is expected after an element of an array")
    }

    fn value(&mut self, field: &Field, depth: usize) -> Result<(), Fault> {
        if self.out.len() > self.bytes_max {
            return Err(self.scan.fault("the request is too large"));
        }
        if self.scan.rest().starts_with(b"null") {
            self.scan.advance(4);
            return Ok(());
        }
        self.room(VALUE_BYTES)?;
        match field.kind {
            Kind::Text => self.text(field.number),
            Kind::Bytes => self.bytes(field.number, base64),
            Kind::Id => self.bytes(field.number, id),
            Kind::Message(message) => self.nested(field.number, message, depth),
            Kind::Boolean => {
                let Some(value) = self.scan.literal()? else {
                    return Err(self.scan.fault("true or false is expected here"));
                };
                write::varint_field(&mut self.out, field.number, u64::from(value));
                Ok(())
            }
            Kind::Double => {
                let value = self.double()?;
                write::tag(&mut self.out, field.number, 1);
                self.out.extend(value.to_bits().to_le_bytes());
                Ok(())
            }
            Kind::Varint => {
                let value = self.integer(&[])?;
                write::varint_field(&mut self.out, field.number, value as u64);
                Ok(())
            }
            Kind::Enum(names) => {
                let value = self.integer(names)?;
                write::varint_field(&mut self.out, field.number, value as u64);
                Ok(())
            }
            Kind::Zigzag => {
                let value = self.integer(&[])? as i64;
                write::varint_field(&mut self.out, field.number, ((value << 1) ^ (value >> 63)) as u64);
                Ok(())
            }
            Kind::Fixed32 => {
                let value = self.integer(&[])?;
                write::tag(&mut self.out, field.number, 5);
                self.out.extend((value as u32).to_le_bytes());
                Ok(())
            }
            Kind::Fixed64 => {
                let value = self.integer(&[])?;
                write::tag(&mut self.out, field.number, 1);
                self.out.extend((value as u64).to_le_bytes());
                Ok(())
            }
        }
    }

    fn nested(&mut self, number: u32, message: &Message, depth: usize) -> Result<(), Fault> {
        write::tag(&mut self.out, number, 2);
        let start = self.out.len();
        self.out.extend([0; LENGTH_BYTES]);
        if depth < MESSAGES_MAX {
            self.message(message, depth + 1)?;
        } else {
            self.scan.skip(None)?;
        }
        // A length may be written with more bytes than it needs, so that what follows need not move.
        let mut length = self.out.len() - start - LENGTH_BYTES;
        for byte in &mut self.out[start..start + LENGTH_BYTES] {
            *byte = (length & 0x7f) as u8 | 0x80;
            length >>= 7;
        }
        self.out[start + LENGTH_BYTES - 1] &= 0x7f;
        Ok(())
    }

    fn text(&mut self, number: u32) -> Result<(), Fault> {
        let start = self.scan.at();
        if self.scan.peek() != Some(b'"') {
            return Err(self.scan.fault("a string is expected here"));
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        match self.scan.string(&mut scratch) {
            Ok(Token::Plain(text)) => {
                self.room(VALUE_BYTES + text.len())?;
                write::bytes_field(&mut self.out, number, text.as_bytes());
            }
            Ok(Token::Scratch(_)) => {
                self.room(VALUE_BYTES + scratch.len())?;
                write::bytes_field(&mut self.out, number, scratch.as_bytes());
            }
            Err(fault) if fault.kind == FaultKind::Surrogate => {
                self.scan.set_at(start);
                self.scan.skip(None)?;
                write::bytes_field(&mut self.out, number, &[NOT_UTF8]);
            }
            Err(fault) => return Err(fault),
        }
        self.scratch = scratch;
        Ok(())
    }

    /// A string that stands for bytes.
    fn bytes(&mut self, number: u32, read: fn(&str) -> Option<Vec<u8>>) -> Result<(), Fault> {
        let start = self.scan.at();
        self.scratch.clear();
        if self.scan.peek() != Some(b'"') {
            return Err(self.scan.fault("a string is expected here"));
        }
        let text = match self.scan.string(&mut self.scratch)? {
            Token::Plain(text) => text,
            Token::Scratch(_) => &self.scratch,
        };
        let bytes = read(text).ok_or(Fault::new(start, FaultKind::Syntax("an id is hex, and bytes are base64")))?;
        self.room(VALUE_BYTES + bytes.len())?;
        write::bytes_field(&mut self.out, number, &bytes);
        Ok(())
    }

    /// A number in the 64 bits that it has, or a name of one.
    fn integer(&mut self, names: &[&str]) -> Result<i128, Fault> {
        let start = self.scan.at();
        let wrong = Fault::new(start, FaultKind::Syntax("an integer of 64 bits is expected here"));
        let text = self.number_text()?;
        if let Some(value) = names.iter().position(|name| *name == text) {
            return Ok(value as i128);
        }
        let exact = text.parse::<i128>().ok().filter(|_| !text.starts_with('+'));
        let whole = || text.parse::<f64>().ok().filter(|value| value.fract() == 0.0).map(|value| value as i128);
        let value = exact.or_else(whole).ok_or(wrong.clone())?;
        if (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value) { Ok(value) } else { Err(wrong) }
    }

    fn double(&mut self) -> Result<f64, Fault> {
        let start = self.scan.at();
        match self.number_text()? {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            text if text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) => {
                text.parse().map_err(|_| Fault::new(start, FaultKind::Syntax("a number is expected here")))
            }
            _ => Err(Fault::new(start, FaultKind::Syntax("a number is expected here"))),
        }
    }

    /// The digits of a number, which may stand in a string.
    fn number_text(&mut self) -> Result<&str, Fault> {
        let start = self.scan.at();
        match self.scan.peek() {
            Some(b'"') => {
                self.scratch.clear();
                Ok(match self.scan.string(&mut self.scratch)? {
                    Token::Plain(text) => text,
                    Token::Scratch(_) => &self.scratch,
                })
            }
            Some(byte) if Scanner::begins_number(byte) => {
                self.scan.number()?;
                Ok(&self.scan.text()[start..self.scan.at()])
            }
            _ => Err(self.scan.fault("a number is expected here")),
        }
    }
}

/// Whether `key` is a name, its words joined by capitals or by underscores.
fn is_named(name: &str, key: &str) -> bool {
    name == key || (key.contains('_') && snake(name).eq(key.bytes()))
}

fn snake(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().flat_map(|byte| {
        let before = byte.is_ascii_uppercase().then_some(b'_');
        before.into_iter().chain([byte.to_ascii_lowercase()])
    })
}

/// Hex as OTLP has it, or base64 as protobuf's own JSON has it, which ids of whole bytes end with `=`.
fn id(text: &str) -> Option<Vec<u8>> {
    if text.ends_with('=') {
        return base64(text);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
