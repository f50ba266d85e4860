//! One JSON object becomes the fields of one event: flattening, and what kind of value each field has.
//!
//! Must not know how events lie in a body, nor columns.

use outcrop_storage::event::DatasetName;
use outcrop_storage::limits::{FLATTEN_DEPTH_MAX, NESTING_DEPTH_MAX};

use super::keys::{KeyId, Keys, Place, ROOT};
use super::number::Number;
use super::scan::{COLON_EXPECTED, KEY_EXPECTED, Scanner, compact};
use super::string::Token;
use crate::error::DecodeError;
use crate::event::{FieldId, Rows, Stamp, Value};
use crate::fault::{Fault, FaultKind};

/// Reads events into rows.
#[derive(Debug)]
pub(crate) struct EventReader<'a> {
    pub(crate) rows: Rows<'a>,
    keys: Keys,
    /// A key with escapes, without them.
    key_scratch: String,
}

impl<'a> EventReader<'a> {
    pub(crate) fn new(rows: Rows<'a>) -> EventReader<'a> {
        EventReader { rows, keys: Keys::new(), key_scratch: String::new() }
    }

    /// Stages the object at the scanner, which is left behind it. On a fault the scanner is anywhere.
    pub(crate) fn stage(&mut self, scan: &mut Scanner<'a>) -> Result<(), Fault> {
        self.rows.begin();
        let start = scan.at();
        self.object(scan, ROOT, 1)?;
        self.check_length(scan.at() - start, start)
    }

    /// Puts the staged event, whose text is `sent`, into columns.
    pub(crate) fn commit(&mut self, stamp: Option<Stamp>, sent: &str) -> Result<(), DecodeError> {
        match stamp {
            None => self.rows.commit(sent.as_bytes()),
            Some(stamp) => self.rows.commit_stamped(stamp, sent.len()),
        }
    }

    /// Keeps the number of known names bounded. Between events only.
    pub(crate) fn tidy(&mut self) -> Result<(), DecodeError> {
        if self.rows.is_crowded() || self.keys.len() > self.rows.bounds().names_max {
            self.rows.forget_names()?;
            self.keys.clear();
        }
        Ok(())
    }

    /// Further events are of this dataset.
    pub(crate) fn turn_to(&mut self, dataset: DatasetName) -> Result<(), DecodeError> {
        self.keys.clear();
        self.rows.turn_to(dataset)
    }

    /// Refuses an event of too many bytes.
    pub(crate) fn check_length(&self, bytes: usize, at: usize) -> Result<(), Fault> {
        let max = self.rows.event_bytes_max();
        if bytes > max { Err(Fault::new(at, FaultKind::Bytes { bytes, max })) } else { Ok(()) }
    }

    /// The members of an object; `depth` is 1 for the event itself. Calls itself at most [`FLATTEN_DEPTH_MAX`] deep.
    fn object(&mut self, scan: &mut Scanner<'a>, object: KeyId, depth: usize) -> Result<(), Fault> {
        scan.advance(1);
        scan.space();
        if scan.peek() == Some(b'}') {
            scan.advance(1);
            return Ok(());
        }
        let mut place = Place::start_of(object);
        loop {
            let key = self.key(scan, object, place)?;
            place = Place::after(key);
            scan.space();
            scan.expect(b':', COLON_EXPECTED)?;
            scan.space();
            self.value(scan, key, depth)?;
            scan.space();
            match scan.peek() {
                Some(b',') => scan.advance(1),
                Some(b'}') => {
                    scan.advance(1);
                    return Ok(());
                }
                _ => return Err(scan.fault("',' or '}' is expected after a value in an object")),
            }
            scan.space();
        }
    }

    #[inline]
    fn key(&mut self, scan: &mut Scanner<'a>, object: KeyId, place: Place) -> Result<KeyId, Fault> {
        let start = scan.at();
        let Some((b'"', rest)) = scan.rest().split_first() else {
            return Err(scan.fault(KEY_EXPECTED));
        };
        if let Some((key, length)) = self.keys.predict(place, rest) {
            scan.advance(1 + length);
            return Ok(key);
        }
        self.key_scratch.clear();
        let key = match scan.string(&mut self.key_scratch)? {
            Token::Plain(key) => key,
            Token::Scratch(_) => &self.key_scratch,
        };
        self.keys.find(object, place, key).map_err(|error| Fault::new(start, FaultKind::Name(error)))
    }

    #[inline]
    fn value(&mut self, scan: &mut Scanner<'a>, key: KeyId, depth: usize) -> Result<(), Fault> {
        let start = scan.at();
        let value = match scan.peek() {
            Some(b'"') => {
                let token = scan.string(self.rows.scratch()).map_err(|fault| self.in_field(fault, key))?;
                match token {
                    Token::Plain(text) => Value::Text(text),
                    Token::Scratch(range) => Value::Scratch(range),
                }
            }
            Some(byte) if Scanner::begins_number(byte) => match scan.number()? {
                Number::Integer(value) => Value::Integer(value),
                Number::Float(value, text) => {
                    let field = self.field(key, start)?;
                    if self.rows.may_be_time(field) { Value::Decimal(text) } else { Value::Float(value) }
                }
                Number::Beyond(text) => Value::Text(text),
            },
            Some(b'{') if depth < FLATTEN_DEPTH_MAX && !is_empty_object(scan.rest()) => {
                return self.object(scan, key, depth + 1);
            }
            Some(b'{' | b'[') => self.json_text(scan, depth).map_err(|fault| self.in_field(fault, key))?,
            _ => scan.literal()?.map_or(Value::Absent, Value::Boolean),
        };
        let field = self.field(key, start)?;
        let max = self.rows.limits().event_fields_max;
        self.rows.add(field, value).map_err(|_| Fault::new(start, FaultKind::Fields { max }))
    }

    /// An array or object that stays JSON: as sent, without the white space around its tokens.
    fn json_text(&mut self, scan: &mut Scanner<'a>, depth: usize) -> Result<Value<'a>, Fault> {
        let start = scan.at();
        let spaced = scan.skip(Some(NESTING_DEPTH_MAX - depth))?;
        let text = &scan.text()[start..scan.at()];
        if !spaced {
            return Ok(Value::Text(text));
        }
        let scratch = self.rows.scratch();
        let begin = scratch.len();
        compact(text, scratch);
        Ok(Value::Scratch(begin..scratch.len()))
    }

    #[inline]
    fn field(&mut self, key: KeyId, at: usize) -> Result<FieldId, Fault> {
        if let Some(field) = self.keys.field(key) {
            return Ok(field);
        }
        let field = self.rows.field(self.keys.path(key)).map_err(|error| Fault::new(at, FaultKind::Name(error)))?;
        self.keys.set_field(key, field);
        Ok(field)
    }

    #[cold]
    fn in_field(&self, fault: Fault, key: KeyId) -> Fault {
        fault.within(self.keys.path(key))
    }
}

/// Whether an object that begins here has no members.
pub(crate) fn is_empty_object(text: &[u8]) -> bool {
    text[1..].iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) == Some(&b'}')
}
