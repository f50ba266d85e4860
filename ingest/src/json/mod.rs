#![doc = include_str!("../../format/json.md")]
//!
//! This file finds the events in a body and counts those that are wrong; `event` reads one, `scan` with `string` and
//! `number` its tokens, and `keys` its names. Must not know HTTP, columns or compression.

mod event;
mod fault;
mod keys;
mod number;
mod scan;
mod string;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use self::event::EventReader;
use self::fault::{Fault, FaultKind};
use self::scan::Scanner;
use crate::error::{DecodeError, Rejects};
use crate::event::Rows;
use crate::limits::Bounds;
use crate::{Context, Decoded};

/// Bytes of a field's name that a message repeats.
const SHOWN_NAME_BYTES_MAX: usize = 64;

/// Reads an inflated body.
///
/// # Errors
///
/// [`DecodeError::Malformed`] for a body without events or an object or array that does not parse to its end;
/// [`DecodeError::TooLarge`] for one with too many different field names.
pub(crate) fn decode(body: &[u8], context: &Context<'_>) -> Result<Decoded, DecodeError> {
    decode_bounded(body, context, Bounds::default())
}

fn decode_bounded(body: &[u8], context: &Context<'_>, bounds: Bounds) -> Result<Decoded, DecodeError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = readable(body);
    let mut decoder = Decoder {
        text: &text,
        // Only bytes that are not all UTF-8 must be looked at again.
        sent: matches!(text, Cow::Owned(_)).then_some(body),
        events: EventReader::new(Rows::new(context, bounds)),
        rejects: Rejects::default(),
    };
    match text.trim_start_matches(SPACE).as_bytes().first() {
        None => {
            return Err(DecodeError::malformed(
                "the body is empty; send a JSON object, an array of objects, or NDJSON",
            ));
        }
        Some(b'[') => decoder.array()?,
        Some(_) => decoder.object_or_lines()?,
    }
    let finished = decoder.events.rows.finish()?;
    Ok(Decoded {
        batches: finished.batches,
        accepted: finished.accepted,
        rejects: decoder.rejects,
        repeated_keys: finished.repeated_keys,
    })
}

/// The body as text of the same length. Bytes that are not UTF-8 become `?`: inside of a string they spoil only the
/// event that holds them, which is found out when it is whole, and outside they are as wrong as any other byte.
fn readable(body: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(body) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(body.len());
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    Cow::Owned(text)
}

struct Decoder<'a> {
    text: &'a str,
    /// The bytes behind `text` if they are not UTF-8.
    sent: Option<&'a [u8]>,
    events: EventReader<'a>,
    rejects: Rejects,
}

impl<'a> Decoder<'a> {
    /// `[{…}, {…}]`: every element by itself, but the whole must be JSON.
    fn array(&mut self) -> Result<(), DecodeError> {
        let mut scan = Scanner::new(self.text);
        scan.space();
        scan.advance(1);
        scan.space();
        let mut index = 0;
        let mut more = scan.peek() != Some(b']');
        while more {
            self.element(&mut scan, index)?;
            index += 1;
            scan.space();
            more = scan.peek() == Some(b',');
            if more {
                scan.advance(1);
                scan.space();
            }
        }
        scan.expect(b']', "',' or ']' is expected after an element of the array").map_err(malformed)?;
        end(&mut scan)
    }

    /// One object, or one a line; format/json.md says how they are told apart.
    fn object_or_lines(&mut self) -> Result<(), DecodeError> {
        let mut found = lines(self.text);
        let (_, first) = found.next().unwrap_or_default();
        if found.next().is_none() {
            return self.single();
        }
        if whole_value(first).is_ok() {
            return self.lines();
        }
        let Err(fault) = whole_value(self.text) else {
            return self.single();
        };
        let cut_off = first.starts_with('{') && fault.kind == FaultKind::Ended;
        if cut_off || !lines(self.text).any(|(_, line)| is_object(line)) {
            return Err(malformed(fault));
        }
        self.lines()
    }

    /// The whole body is one object.
    fn single(&mut self) -> Result<(), DecodeError> {
        let mut scan = Scanner::new(self.text);
        scan.space();
        if scan.peek() != Some(b'{') {
            return Err(malformed(scan.fault("a body begins with '{' or '['")));
        }
        self.element(&mut scan, 0)?;
        end(&mut scan)
    }

    /// An event that is a part of a larger text, which must be JSON even where the event is not accepted.
    fn element(&mut self, scan: &mut Scanner<'a>, index: usize) -> Result<(), DecodeError> {
        self.events.tidy()?;
        let start = scan.at();
        match self.event(scan, 0) {
            Ok(()) => self.events.commit(&self.text[start..scan.at()]),
            Err(fault) if fault.is_syntax() => Err(malformed(fault)),
            Err(fault) => {
                // Its rest may still be no JSON, and then nothing of the body is accepted.
                scan.set_at(start);
                scan.skip(None).map_err(malformed)?;
                self.reject(index, &fault, start);
                Ok(())
            }
        }
    }

    /// Every line is an event by itself.
    fn lines(&mut self) -> Result<(), DecodeError> {
        for (index, (start, line)) in lines(self.text).enumerate() {
            self.events.tidy()?;
            match self.line(line, start) {
                Ok(()) => self.events.commit(line)?,
                Err(fault) => self.reject(index, &fault, 0),
            }
        }
        Ok(())
    }

    /// Stages the line at `start` of the body.
    fn line(&mut self, line: &'a str, start: usize) -> Result<(), Fault> {
        self.events.check_length(line.len(), 0)?;
        let mut scan = Scanner::new(line);
        self.event(&mut scan, start)?;
        if scan.at() < line.len() {
            return Err(scan.fault("the event ends here and more follows; write one event a line"));
        }
        Ok(())
    }

    /// Stages the value at the scanner, whose text begins at `base` of the body.
    fn event(&mut self, scan: &mut Scanner<'a>, base: usize) -> Result<(), Fault> {
        let start = scan.at();
        if scan.peek() != Some(b'{') {
            scan.skip(None)?;
            return Err(Fault::new(start, FaultKind::NotObject));
        }
        self.events.stage(scan)?;
        let Some(sent) = self.sent else {
            return Ok(());
        };
        std::str::from_utf8(&sent[base + start..base + scan.at()])
            .map(drop)
            .map_err(|error| Fault::new(start + error.valid_up_to(), FaultKind::NotUtf8))
    }

    /// `start` is where the event begins in the text that the fault counts from.
    fn reject(&mut self, index: usize, fault: &Fault, start: usize) {
        self.rejects.add(index, || {
            let at = fault.at.saturating_sub(start);
            match &fault.field {
                Some(field) => format!("byte {at} of the event, field {}: {}", shown(field), fault.kind),
                None => format!("byte {at} of the event: {}", fault.kind),
            }
        });
    }
}

/// A field's name for a message, shortened.
fn shown(name: &str) -> String {
    match name.floor_char_boundary(SHOWN_NAME_BYTES_MAX) {
        end if end < name.len() => format!("{:?}…", &name[..end]),
        _ => format!("{name:?}"),
    }
}

#[cold]
fn malformed(fault: Fault) -> DecodeError {
    DecodeError::malformed(format!("byte {} of the body: {}; nothing of it was stored", fault.at, fault.kind))
}

/// Nothing but white space follows.
fn end(scan: &mut Scanner<'_>) -> Result<(), DecodeError> {
    rest_is_blank(scan).map_err(malformed)
}

fn rest_is_blank(scan: &mut Scanner<'_>) -> Result<(), Fault> {
    scan.space();
    if scan.rest().is_empty() {
        return Ok(());
    }
    Err(scan.fault("the JSON ends here and more follows; send one object, one array, or one object a line"))
}

/// Whether the text is one JSON value; says where it is not.
fn whole_value(text: &str) -> Result<(), Fault> {
    let mut scan = Scanner::new(text);
    scan.space();
    scan.skip(None)?;
    rest_is_blank(&mut scan)
}

fn is_object(line: &str) -> bool {
    line.starts_with('{') && whole_value(line).is_ok()
}

/// The lines that are not blank, without the white space around them, and where they begin.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < text.len() {
            let start = at;
            let end = memchr::memchr(b'\n', &text.as_bytes()[start..]).map_or(text.len(), |length| start + length);
            at = end + 1;
            let line = text[start..end].trim_start_matches(SPACE);
            let start = end - line.len();
            let line = line.trim_end_matches(SPACE);
            if !line.is_empty() {
                return Some((start, line));
            }
        }
        None
    })
}

/// JSON's white space.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];
