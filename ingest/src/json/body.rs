//! Where the events lie in a body: one object, the elements of an array, or lines; and which of them are wrong.
//!
//! What an element holds is for its reader to say: an event by itself, or an event in some protocol's envelope. Must not
//! know HTTP, columns or compression.

use std::borrow::Cow;

use outcrop_storage::memory::Reservation;

use super::event::EventReader;
use super::scan::Scanner;
use crate::Decoded;
use crate::error::{DecodeError, Rejects, reserve};
use crate::event::Stamp;
use crate::fault::{Fault, FaultKind};

/// JSON's white space.
pub(crate) const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Stages the object at the scanner, which is left behind it. Time and sample rate are the event's own fields unless a
/// stamp is returned.
pub(crate) type Stage<'a> = dyn Fn(&mut EventReader<'a>, &mut Scanner<'a>) -> Result<Option<Stamp>, Fault> + 'a;

/// A body as text of the same length, and its bytes if those are not all UTF-8.
#[derive(Debug)]
pub(crate) struct Text<'b> {
    text: Cow<'b, str>,
    bytes: &'b [u8],
}

impl<'b> Text<'b> {
    /// Passes over a byte order mark. Bytes that are not UTF-8 become `?`: inside of a string they spoil only the event
    /// that holds them, which is found out when it is whole, and outside they are as wrong as any other byte.
    pub(crate) fn new(body: &'b [u8], memory: &Reservation) -> Result<Text<'b>, DecodeError> {
        let bytes = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Ok(Text { text: Cow::Borrowed(text), bytes });
        }
        reserve(memory, bytes.len())?;
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|_| '?'));
        }
        Ok(Text { text: Cow::Owned(text), bytes })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The first byte that is not white space.
    pub(crate) fn first(&self) -> Option<u8> {
        self.text.trim_start_matches(SPACE).bytes().next()
    }

    /// Says whether the bytes behind a part of the text are UTF-8. `start` of the text is 0 for faults.
    pub(crate) fn check(&self, range: std::ops::Range<usize>) -> Result<(), std::str::Utf8Error> {
        match self.text {
            Cow::Borrowed(_) => Ok(()),
            // Only bytes that are not all UTF-8 must be looked at again.
            Cow::Owned(_) => std::str::from_utf8(&self.bytes[range]).map(drop),
        }
    }
}

/// Reads the events of a body.
pub(crate) struct Body<'a> {
    text: &'a Text<'a>,
    stage: Box<Stage<'a>>,
    /// Elements or lines that a body may have.
    items_max: usize,
    events: EventReader<'a>,
    items: usize,
    rejects: Rejects,
}

impl<'a> Body<'a> {
    pub(crate) fn new(text: &'a Text<'a>, events: EventReader<'a>, stage: Box<Stage<'a>>) -> Body<'a> {
        Body { text, stage, items_max: usize::MAX, events, items: 0, rejects: Rejects::default() }
    }

    /// A body whose answer has a line for each item, so that there must not be endless ones.
    pub(crate) fn answered_by_item(mut self, items_max: usize) -> Body<'a> {
        self.items_max = items_max;
        self.rejects = Rejects::all();
        self
    }

    pub(crate) fn finish(self) -> Result<Decoded, DecodeError> {
        Ok(Decoded::of(self.events.rows.finish()?, self.items, self.rejects))
    }

    /// `[{…}, {…}]`: every element by itself, but the whole must be JSON.
    pub(crate) fn array(&mut self) -> Result<(), DecodeError> {
        let mut scan = Scanner::new(self.text.as_str());
        scan.space();
        scan.expect(b'[', "an array of events begins with '['").map_err(malformed)?;
        scan.space();
        let mut more = scan.peek() != Some(b']');
        while more {
            self.element(&mut scan)?;
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
    pub(crate) fn object_or_lines(&mut self) -> Result<(), DecodeError> {
        let text = self.text.as_str();
        let mut found = lines(text);
        let (_, first) = found.next().unwrap_or_default();
        if found.next().is_none() {
            return self.single();
        }
        if whole_value(first).is_ok() {
            return self.lines();
        }
        let Err(fault) = whole_value(text) else {
            return self.single();
        };
        let cut_off = first.starts_with('{') && fault.kind == FaultKind::Ended;
        if cut_off || !lines(text).any(|(_, line)| is_object(line)) {
            return Err(malformed(fault));
        }
        self.lines()
    }

    /// The whole body is one object.
    pub(crate) fn single(&mut self) -> Result<(), DecodeError> {
        let mut scan = Scanner::new(self.text.as_str());
        scan.space();
        if scan.peek() != Some(b'{') {
            return Err(malformed(scan.fault("a body begins with '{' or '['")));
        }
        self.element(&mut scan)?;
        end(&mut scan)
    }

    /// An event that is a part of a larger text, which must be JSON even where the event is not accepted.
    fn element(&mut self, scan: &mut Scanner<'a>) -> Result<(), DecodeError> {
        self.events.tidy()?;
        let start = scan.at();
        match self.event(scan, 0) {
            Ok(stamp) => self.events.commit(stamp, &scan.text()[start..scan.at()])?,
            Err(fault) if fault.is_syntax() => return Err(malformed(fault)),
            Err(fault) => {
                // Its rest may still be no JSON, and then nothing of the body is accepted.
                scan.set_at(start);
                scan.skip(None).map_err(malformed)?;
                self.reject(&fault, start);
            }
        }
        self.count_item()
    }

    /// Every line is an event by itself.
    fn lines(&mut self) -> Result<(), DecodeError> {
        for (start, line) in lines(self.text.as_str()) {
            self.events.tidy()?;
            match self.line(line, start) {
                Ok(stamp) => self.events.commit(stamp, line)?,
                Err(fault) => self.reject(&fault, 0),
            }
            self.count_item()?;
        }
        Ok(())
    }

    /// Stages the line at `start` of the body.
    fn line(&mut self, line: &'a str, start: usize) -> Result<Option<Stamp>, Fault> {
        self.events.check_length(line.len(), 0)?;
        let mut scan = Scanner::new(line);
        let stamp = self.event(&mut scan, start)?;
        if scan.at() < line.len() {
            return Err(scan.fault("the event ends here and more follows; write one event a line"));
        }
        Ok(stamp)
    }

    /// Stages the value at the scanner, whose text begins at `base` of the body.
    fn event(&mut self, scan: &mut Scanner<'a>, base: usize) -> Result<Option<Stamp>, Fault> {
        let start = scan.at();
        if scan.peek() != Some(b'{') {
            scan.skip(None)?;
            return Err(Fault::new(start, FaultKind::NotObject));
        }
        let stamp = (self.stage)(&mut self.events, scan)?;
        let checked = self.text.check(base + start..base + scan.at());
        checked.map_err(|error| Fault::new(start + error.valid_up_to(), FaultKind::NotUtf8))?;
        Ok(stamp)
    }

    fn count_item(&mut self) -> Result<(), DecodeError> {
        self.items += 1;
        if self.items <= self.items_max {
            return Ok(());
        }
        let max = self.items_max;
        Err(DecodeError::too_large(format!("the body has more than {max} events; send them in several smaller bodies")))
    }

    /// `start` is where the event begins in the text that the fault counts from.
    fn reject(&mut self, fault: &Fault, start: usize) {
        self.rejects.add(self.items, || fault.sentence(start));
    }
}

#[cold]
pub(crate) fn malformed(fault: Fault) -> DecodeError {
    DecodeError::malformed(format!("byte {} of the body: {}; nothing of it was stored", fault.at, fault.kind))
}

/// Nothing but white space follows.
pub(crate) fn end(scan: &mut Scanner<'_>) -> Result<(), DecodeError> {
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
pub(crate) fn whole_value(text: &str) -> Result<(), Fault> {
    let mut scan = Scanner::new(text);
    scan.space();
    scan.skip(None)?;
    rest_is_blank(&mut scan)
}

fn is_object(line: &str) -> bool {
    line.starts_with('{') && whole_value(line).is_ok()
}

/// The lines that are not blank, without the white space around them, and where they begin.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
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
