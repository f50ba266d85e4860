#![doc = include_str!("../../format/honeycomb.md")]
//!
//! This file finds the events of a body and their envelopes; `packed` reads an event of MessagePack out of the tokens of
//! `message_pack`, [`crate::json`] one of JSON. Must not know HTTP, columns or compression.

mod message_pack;
mod packed;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use outcrop_storage::limits::NESTING_DEPTH_MAX;

use self::message_pack::{Reader, Token, timestamp};
use crate::error::{DecodeError, Rejects};
use crate::event::{Rows, SpecialNames, Stamp};
use crate::fault::{Fault, FaultKind};
use crate::json::body::{Body, Stage, Text};
use crate::json::event::{EventReader, is_empty_object};
use crate::json::number::Number;
use crate::json::scan::Scanner;
use crate::json::walk;
use crate::limits::{Bounds, ITEMS_MAX};
use crate::{Context, Decoded, sample_rate, time};

/// What senders take for the sign that a body without events was understood.
const EMPTY: &str = "Request body should not be empty.";

/// Which of the two calls, and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Honeycomb {
    pub call: Call,
    pub format: Format,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// One event, the rest of it in headers.
    Event { time: Option<String>, sample_rate: Option<String> },
    /// An array of events, each in an envelope.
    Batch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    MessagePack,
}

impl Format {
    /// Anything but MessagePack's types, also nothing, is JSON.
    pub fn from_content_type(value: Option<&str>) -> Format {
        let value = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let packed = ["application/msgpack", "application/x-msgpack"];
        if packed.iter().any(|known| value.eq_ignore_ascii_case(known)) { Format::MessagePack } else { Format::Json }
    }
}

/// Reads an inflated body.
///
/// # Errors
///
/// [`DecodeError::Malformed`] for a body without events, or one that is not an object, an array of objects, to its end;
/// [`DecodeError::TooLarge`] for one with too many events or too many different field names.
pub(crate) fn decode(request: &Honeycomb, body: &[u8], context: &Context<'_>) -> Result<Decoded, DecodeError> {
    if body.is_empty() {
        return Err(DecodeError::malformed(EMPTY));
    }
    let decoded = match request.format {
        Format::Json => decode_json(&request.call, body, context)?,
        Format::MessagePack => decode_packed(&request.call, body, context)?,
    };
    if decoded.items == 0 { Err(DecodeError::malformed(EMPTY)) } else { Ok(decoded) }
}

fn decode_json(call: &Call, body: &[u8], context: &Context<'_>) -> Result<Decoded, DecodeError> {
    let text = Text::new(body, context.memory)?;
    let Some(first) = text.first() else {
        return Err(DecodeError::malformed(EMPTY));
    };
    let events = EventReader::new(Rows::new(context, Bounds::default(), SpecialNames::Kept));
    match call {
        Call::Event { time, sample_rate } => {
            let stage: Box<Stage<'_>> = Box::new(|events, scan| {
                let start = scan.at();
                if is_empty_object(scan.rest()) {
                    return Err(Fault::new(start, FaultKind::Empty));
                }
                events.stage(scan)?;
                let sent = &scan.text().as_bytes()[start..scan.at()];
                let time = time.as_deref().map(Sent::text);
                Ok(Some(stamp(context.received, time, sample_rate.as_deref().map(Sent::text), sent)))
            });
            let mut body = Body::new(&text, events, stage);
            body.single().map_err(worded)?;
            body.finish()
        }
        Call::Batch if first != b'[' => {
            Err(DecodeError::malformed("Request body is malformed and cannot be read: a batch is an array of events"))
        }
        Call::Batch => {
            let mut body = Body::new(&text, events, Box::new(envelope)).answered_by_item(ITEMS_MAX);
            body.array().map_err(worded)?;
            body.finish()
        }
    }
}

/// An error in the words that senders of this protocol know.
fn worded(error: DecodeError) -> DecodeError {
    match error {
        DecodeError::Malformed { message } => {
            DecodeError::malformed(format!("Request body is malformed and cannot be read: {message}"))
        }
        DecodeError::TooLarge { message } => DecodeError::too_large(format!("Request body is too large: {message}")),
        other => other,
    }
}

/// Stages the event in `{"time": …, "samplerate": …, "data": {…}}`, in whichever order.
fn envelope<'a>(events: &mut EventReader<'a>, scan: &mut Scanner<'a>) -> Result<Option<Stamp>, Fault> {
    let start = scan.at();
    let mut data = None;
    let (mut time, mut rate) = (None, None);
    walk::object(scan, |scan, key| {
        match key {
            "data" => {
                data = Some(scan.at());
                if scan.peek() == Some(b'{') {
                    events.stage(scan)?;
                } else {
                    scan.skip(None)?;
                }
            }
            "time" => time = Sent::scan(scan)?,
            "samplerate" => rate = Sent::scan(scan)?,
            _ => drop(scan.skip(Some(NESTING_DEPTH_MAX))?),
        }
        Ok(())
    })?;
    let Some(data) = data else {
        return Err(Fault::new(start, FaultKind::Empty));
    };
    match &scan.text().as_bytes()[data..] {
        object @ [b'{', ..] if is_empty_object(object) => return Err(Fault::new(data, FaultKind::Empty)),
        [b'{', ..] => {}
        _ => return Err(Fault::new(data, FaultKind::NotObject)),
    }
    let sent = &scan.text().as_bytes()[start..scan.at()];
    Ok(Some(stamp(events.rows.received(), time, rate, sent)))
}

/// Time or sample rate as they were sent.
#[derive(Debug, PartialEq)]
enum Sent<'a> {
    /// A string, or the digits of a number.
    Text(Cow<'a, str>),
    /// A value of a type that has no time and no rate, as text.
    Other(&'a str),
    Moment {
        seconds: i64,
        nanoseconds: u32,
    },
}

impl<'a> Sent<'a> {
    fn text(text: &'a str) -> Sent<'a> {
        Sent::Text(Cow::Borrowed(text))
    }

    /// The value at the scanner; nothing if it is null.
    fn scan(scan: &mut Scanner<'a>) -> Result<Option<Sent<'a>>, Fault> {
        let start = scan.at();
        Ok(match scan.peek() {
            Some(b'"') => walk::text_or_skip(scan)?.map(Sent::Text),
            Some(byte) if Scanner::begins_number(byte) => match scan.number()? {
                Number::Integer(_) | Number::Float(..) | Number::Beyond(_) => {
                    Some(Sent::text(&scan.text()[start..scan.at()]))
                }
            },
            _ => {
                scan.skip(Some(NESTING_DEPTH_MAX))?;
                let text = &scan.text()[start..scan.at()];
                (text != "null").then_some(Sent::Other(text))
            }
        })
    }

    /// The value at the reader; nothing if it is nil.
    fn unpack(reader: &mut Reader<'a>) -> Result<Option<Sent<'a>>, Fault> {
        let start = reader.at();
        Ok(match reader.token()? {
            Token::Nil => None,
            Token::Integer(value) => Some(Sent::Text(value.to_string().into())),
            Token::Unsigned(value) => Some(Sent::Text(value.to_string().into())),
            Token::Float(value) => Some(Sent::Text(value.to_string().into())),
            Token::Text(text) => Some(Sent::Text(String::from_utf8_lossy(text))),
            Token::Extension(kind, bytes) if let Some((seconds, nanoseconds)) = timestamp(kind, bytes) => {
                Some(Sent::Moment { seconds, nanoseconds })
            }
            _ => {
                reader.set_at(start);
                reader.skip()?;
                Some(Sent::Other("a value that is no text and no number"))
            }
        })
    }

    fn into_text(self) -> String {
        match self {
            Sent::Text(text) => text.into_owned(),
            Sent::Other(text) => text.to_owned(),
            Sent::Moment { seconds, .. } => seconds.to_string(),
        }
    }
}

/// The event's stamp. `sent` is the event as sent: its bytes settle how a fraction is rounded.
fn stamp(received: i64, time: Option<Sent<'_>>, rate: Option<Sent<'_>>, sent: &[u8]) -> Stamp {
    let mut stamp = Stamp::at(received);
    if let Some(time) = time {
        let read = match &time {
            Sent::Text(text) => moment(text),
            Sent::Other(_) => None,
            Sent::Moment { seconds, nanoseconds } => time::from_seconds(*seconds, *nanoseconds),
        };
        match read {
            Some(timestamp) => stamp.timestamp = timestamp,
            None => stamp.invalid_timestamp = Some(time.into_text()),
        }
    }
    // 0 is how libraries say that they were told no rate.
    if let Some(rate) = rate.filter(|rate| *rate != Sent::text("0")) {
        let read = match &rate {
            Sent::Text(text) => sample_rate::from_text(text, sent),
            Sent::Other(_) | Sent::Moment { .. } => None,
        };
        match read {
            Some(rate) => stamp.sample_rate = rate,
            None => stamp.invalid_sample_rate = Some(rate.into_text()),
        }
    }
    stamp
}

/// A time as text. Of more than ten digits the first ten are seconds, however many follow.
fn moment(text: &str) -> Option<i64> {
    match text.split_at_checked(10) {
        Some((seconds, rest)) if !rest.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            time::from_decimal(&format!("{seconds}.{rest}"))
        }
        _ => time::from_text(text),
    }
}

fn decode_packed(call: &Call, body: &[u8], context: &Context<'_>) -> Result<Decoded, DecodeError> {
    let rows = Rows::new(context, Bounds::default(), SpecialNames::Kept);
    let mut packed =
        Packed { reader: Reader::new(body), events: packed::EventReader::new(rows), items: 0, rejects: Rejects::all() };
    match call {
        Call::Event { time, sample_rate } => packed.element(|events, reader| {
            let start = reader.at();
            events.stage(reader)?;
            let sent = reader.bytes(start..reader.at());
            let time = time.as_deref().map(Sent::text);
            Ok(stamp(context.received, time, sample_rate.as_deref().map(Sent::text), sent))
        })?,
        Call::Batch => packed.array()?,
    }
    if !packed.reader.is_at_end() {
        return Err(malformed(Fault::new(packed.reader.at(), FaultKind::Syntax("more follows behind the last value"))));
    }
    Ok(Decoded::of(packed.events.rows.finish()?, packed.items, packed.rejects))
}

/// Reads the events of a MessagePack body.
struct Packed<'a> {
    reader: Reader<'a>,
    events: packed::EventReader<'a>,
    items: usize,
    rejects: Rejects,
}

impl<'a> Packed<'a> {
    fn array(&mut self) -> Result<(), DecodeError> {
        let Token::Array(length) = self.reader.token().map_err(malformed)? else {
            return Err(malformed(Fault::new(0, FaultKind::Syntax("a batch is an array of events"))));
        };
        if length > ITEMS_MAX {
            return Err(DecodeError::too_large(format!(
                "Request body is too large: it has more than {ITEMS_MAX} events; send them in several smaller bodies"
            )));
        }
        for _ in 0..length {
            self.element(packed_envelope)?;
        }
        Ok(())
    }

    /// An event that is a part of a larger body, which must be MessagePack even where the event is not accepted.
    fn element(
        &mut self,
        stage: impl FnOnce(&mut packed::EventReader<'a>, &mut Reader<'a>) -> Result<Stamp, Fault>,
    ) -> Result<(), DecodeError> {
        if self.events.rows.is_crowded() {
            self.events.rows.forget_names()?;
        }
        let start = self.reader.at();
        match stage(&mut self.events, &mut self.reader) {
            Ok(stamp) => self.events.rows.commit_stamped(stamp, self.reader.at() - start)?,
            Err(fault) if fault.is_syntax() => return Err(malformed(fault)),
            Err(fault) => {
                self.reader.set_at(start);
                self.reader.skip().map_err(malformed)?;
                self.rejects.add(self.items, || fault.sentence(start));
            }
        }
        self.items += 1;
        Ok(())
    }
}

/// Stages the event in its envelope, like [`envelope`].
fn packed_envelope<'a>(events: &mut packed::EventReader<'a>, reader: &mut Reader<'a>) -> Result<Stamp, Fault> {
    let start = reader.at();
    let Token::Map(members) = reader.token()? else {
        return Err(Fault::new(start, FaultKind::NotObject));
    };
    let mut staged = false;
    let (mut time, mut rate) = (None, None);
    for _ in 0..members {
        match reader.token()? {
            Token::Text(b"data") => {
                events.stage(reader)?;
                staged = true;
            }
            Token::Text(b"time") => time = Sent::unpack(reader)?,
            Token::Text(b"samplerate") => rate = Sent::unpack(reader)?,
            Token::Text(_) => reader.skip()?,
            _ => return Err(Fault::new(start, FaultKind::KeyNotText)),
        }
    }
    if !staged {
        return Err(Fault::new(start, FaultKind::Empty));
    }
    let sent = reader.bytes(start..reader.at());
    Ok(stamp(events.rows.received(), time, rate, sent))
}

#[cold]
fn malformed(fault: Fault) -> DecodeError {
    DecodeError::malformed(format!(
        "Request body is malformed and cannot be read: byte {} of the body: {}; nothing of it was stored",
        fault.at, fault.kind
    ))
}
