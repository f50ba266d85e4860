//! One event of a MessagePack body becomes staged fields: the same rules as for JSON, other bytes.
//!
//! Must not know how events lie in a body, nor columns.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_storage::limits::NESTING_DEPTH_MAX;

use super::message_pack::{Reader, Token, timestamp};
use crate::event::{Path, Rows, Value};
use crate::fault::{Fault, FaultKind};
use crate::{json_text, time};

/// Reads events into rows.
#[derive(Debug)]
pub(super) struct EventReader<'a> {
    pub(super) rows: Rows<'a>,
    path: Path,
}

impl<'a> EventReader<'a> {
    pub(super) fn new(rows: Rows<'a>) -> EventReader<'a> {
        EventReader { rows, path: Path::default() }
    }

    /// Stages the map at the reader, which is left behind it. On a fault the reader is anywhere.
    pub(super) fn stage(&mut self, reader: &mut Reader<'a>) -> Result<(), Fault> {
        let start = reader.at();
        self.rows.begin();
        self.path.clear();
        match reader.token()? {
            Token::Map(0) => return Err(Fault::new(start, FaultKind::Empty)),
            Token::Map(members) => self.map(reader, members, 1)?,
            _ => return Err(Fault::new(start, FaultKind::NotObject)),
        }
        let (bytes, max) = (reader.at() - start, self.rows.event_bytes_max());
        if bytes > max { Err(Fault::new(start, FaultKind::Bytes { bytes, max })) } else { Ok(()) }
    }

    /// The members of a map; `depth` is 1 for the event itself. Calls itself as deep as names have parts.
    fn map(&mut self, reader: &mut Reader<'a>, members: usize, depth: usize) -> Result<(), Fault> {
        for _ in 0..members {
            let start = reader.at();
            let outer = match reader.token()? {
                Token::Text(key) | Token::Binary(key) => self.path.enter(utf8(key, start)?),
                Token::Integer(key) => self.path.enter(&key.to_string()),
                _ => return Err(Fault::new(start, FaultKind::KeyNotText)),
            };
            self.value(reader, depth)?;
            self.path.leave(outer);
        }
        Ok(())
    }

    fn value(&mut self, reader: &mut Reader<'a>, depth: usize) -> Result<(), Fault> {
        let start = reader.at();
        let token = reader.token()?;
        if let Token::Map(members @ 1..) = token
            && self.path.flattens()
        {
            return self.map(reader, members, depth + 1);
        }
        let field = self.rows.field(self.path.name()).map_err(|error| Fault::new(start, FaultKind::Name(error)))?;
        let scratch = self.rows.scratch();
        let begin = scratch.len();
        let value = match token {
            Token::Nil => Value::Absent,
            Token::Boolean(value) => Value::Boolean(value),
            Token::Integer(value) => Value::Integer(value),
            Token::Float(value) => Value::float(value),
            Token::Text(text) => Value::Text(utf8(text, start).map_err(|fault| fault.within(self.path.name()))?),
            _ => {
                let written = push_text(scratch, reader, token, start, NESTING_DEPTH_MAX - depth);
                written.map_err(|fault| fault.within(self.path.name()))?;
                Value::Scratch(begin..scratch.len())
            }
        };
        let max = self.rows.limits().event_fields_max;
        self.rows.add(field, value).map_err(|_| Fault::new(start, FaultKind::Fields { max }))
    }
}

fn utf8(bytes: &[u8], at: usize) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| Fault::new(at, FaultKind::NotUtf8))
}

/// The text that stands for a value which is no plain one: JSON for arrays and maps, digits for large integers, RFC 3339
/// for times, and bytes as what they are in text, else in base64.
fn push_text(
    out: &mut String,
    reader: &mut Reader<'_>,
    token: Token<'_>,
    at: usize,
    depth_max: usize,
) -> Result<(), Fault> {
    match token {
        Token::Array(_) | Token::Map(_) => push_json(out, reader, token, at, depth_max)?,
        Token::Unsigned(value) => out.push_str(&value.to_string()),
        Token::Binary(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => out.push_str(text),
            Err(_) => STANDARD.encode_string(bytes, out),
        },
        Token::Extension(kind, bytes) => match timestamp(kind, bytes) {
            Some((seconds, nanoseconds)) => time::push_rfc3339(out, seconds, nanoseconds),
            None => STANDARD.encode_string(bytes, out),
        },
        Token::Nil | Token::Boolean(_) | Token::Integer(_) | Token::Float(_) | Token::Text(_) => {}
    }
    Ok(())
}

/// A value as JSON, nested at most `depth_max` deep.
fn push_json(
    out: &mut String,
    reader: &mut Reader<'_>,
    token: Token<'_>,
    at: usize,
    depth_max: usize,
) -> Result<(), Fault> {
    let deeper = || depth_max.checked_sub(1).ok_or(Fault::new(at, FaultKind::Nesting));
    match token {
        Token::Nil => out.push_str("null"),
        Token::Boolean(value) => out.push_str(if value { "true" } else { "false" }),
        Token::Integer(value) => json_text::push_integer(out, value),
        Token::Unsigned(value) => out.push_str(&value.to_string()),
        Token::Float(value) => json_text::push_float(out, value),
        Token::Text(text) => json_text::push_string(out, utf8(text, at)?),
        Token::Binary(_) | Token::Extension(..) => {
            let mut text = String::new();
            push_text(&mut text, reader, token, at, 0)?;
            json_text::push_string(out, &text);
        }
        Token::Array(length) => {
            let depth_max = deeper()?;
            out.push('[');
            for index in 0..length {
                if index > 0 {
                    out.push(',');
                }
                let at = reader.at();
                let token = reader.token()?;
                push_json(out, reader, token, at, depth_max)?;
            }
            out.push(']');
        }
        Token::Map(length) => {
            let depth_max = deeper()?;
            out.push('{');
            for index in 0..length {
                if index > 0 {
                    out.push(',');
                }
                let at = reader.at();
                match reader.token()? {
                    Token::Text(key) | Token::Binary(key) => json_text::push_string(out, utf8(key, at)?),
                    Token::Integer(key) => json_text::push_string(out, &key.to_string()),
                    _ => return Err(Fault::new(at, FaultKind::KeyNotText)),
                }
                out.push(':');
                let at = reader.at();
                let token = reader.token()?;
                push_json(out, reader, token, at, depth_max)?;
            }
            out.push('}');
        }
    }
    Ok(())
}
