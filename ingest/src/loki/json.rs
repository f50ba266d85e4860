//! The JSON form: where its streams and entries lie. Must not know what they become.

use std::borrow::Cow;

use super::{Entry, PAIRS_MAX, Pairs, Streams, malformed};
use crate::error::DecodeError;
use crate::fault::{Fault, FaultKind};
use crate::json::scan::Scanner;
use crate::json::string::Token;
use crate::json::walk::{array, object};

pub(super) fn text(body: &[u8]) -> Result<&str, DecodeError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        malformed(&Fault::new(error.valid_up_to(), FaultKind::Syntax("it is not UTF-8; encode text as UTF-8")))
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Where the parts of a stream begin, if it has them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    labels: Option<usize>,
    entries: Option<usize>,
}

/// The streams of a request.
pub(super) fn streams(text: &str, streams: &mut Streams<'_, Place>) -> Result<(), Fault> {
    let mut scan = Scanner::new(text);
    scan.space();
    object(&mut scan, |scan, key| {
        if key != "streams" {
            return scan.skip(None).map(drop);
        }
        array(scan, |scan| {
            let mut place = Place::default();
            let mut read = Ok(Vec::new());
            object(scan, |scan, key| {
                match key {
                    "stream" => {
                        place.labels = Some(scan.at());
                        read = pairs(scan)?;
                    }
                    "values" => {
                        place.entries = Some(scan.at());
                        scan.skip(None)?;
                    }
                    _ => drop(scan.skip(None)?),
                }
                Ok(())
            })?;
            streams.keep(&read, place);
            Ok(())
        })
    })?;
    scan.space();
    if scan.rest().is_empty() { Ok(()) } else { Err(scan.fault("the JSON ends here and more follows")) }
}

/// The labels of a stream.
pub(super) fn labels(text: &str, place: Place) -> Result<Pairs<'_>, Fault> {
    let Some(at) = place.labels else { return Ok(Vec::new()) };
    let mut scan = Scanner::new(text);
    scan.set_at(at);
    pairs(&mut scan)?
}

/// Calls `each` with the entries of a stream.
pub(super) fn each_entry<'a>(
    text: &'a str,
    place: Place,
    mut each: impl FnMut(Entry<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let Some(at) = place.entries else { return Ok(()) };
    let mut scan = Scanner::new(text);
    scan.set_at(at);
    let mut outcome = Ok(());
    let read = array(&mut scan, |scan| {
        let entry = entry(scan)?;
        if outcome.is_ok() {
            outcome = each(entry);
        }
        Ok(())
    });
    read.map_err(|fault| malformed(&fault)).and(outcome)
}

/// `["<nanoseconds>", "line", {…metadata…}]`
fn entry<'a>(scan: &mut Scanner<'a>) -> Result<Entry<'a>, Fault> {
    let start = scan.at();
    let mut at = 0;
    let mut entry = Entry { time: Err(String::new()), line: Ok(Cow::Borrowed("")), metadata: Ok(Vec::new()), bytes: 0 };
    array(scan, |scan| {
        match at {
            0 => {
                let sent = if scan.peek() == Some(b'"') {
                    string(scan)?.unwrap_or_default()
                } else {
                    let start = scan.at();
                    scan.number()?;
                    Cow::Borrowed(&scan.text()[start..scan.at()])
                };
                entry.time = sent.parse().map_err(|_| sent.into_owned());
            }
            1 => entry.line = string(scan)?,
            2 => entry.metadata = pairs(scan)?,
            _ => drop(scan.skip(None)?),
        }
        at += 1;
        Ok(())
    })?;
    if at < 2 {
        return Err(Fault::new(start, FaultKind::Syntax("an entry is a time and a line")));
    }
    entry.bytes = scan.at() - start;
    Ok(entry)
}

/// An object of strings. A value of another type is kept as its JSON.
fn pairs<'a>(scan: &mut Scanner<'a>) -> Result<Result<Pairs<'a>, Fault>, Fault> {
    let mut pairs = Ok(Vec::new());
    if scan.rest().starts_with(b"null") {
        scan.advance(4);
        return Ok(pairs);
    }
    object(scan, |scan, key| {
        let value = if scan.peek() == Some(b'"') {
            string(scan)?
        } else {
            let start = scan.at();
            scan.skip(None)?;
            Ok(Cow::Borrowed(&scan.text()[start..scan.at()]))
        };
        match (&mut pairs, value) {
            (Ok(full), Ok(_)) if full.len() == PAIRS_MAX => {
                pairs = Err(Fault::new(scan.at(), FaultKind::Fields { max: PAIRS_MAX }));
            }
            (Ok(pairs), Ok(value)) => pairs.push((Cow::Owned(key.to_owned()), value)),
            (Ok(_), Err(fault)) => pairs = Err(fault),
            (Err(_), _) => {}
        }
        Ok(())
    })?;
    Ok(pairs)
}

/// A string; one with half of a surrogate pair is a fault of its event only.
fn string<'a>(scan: &mut Scanner<'a>) -> Result<Result<Cow<'a, str>, Fault>, Fault> {
    let start = scan.at();
    let mut escaped = String::new();
    if scan.peek() != Some(b'"') {
        return Err(scan.fault("a string is expected here"));
    }
    match scan.string(&mut escaped) {
        Ok(Token::Plain(text)) => Ok(Ok(Cow::Borrowed(text))),
        Ok(Token::Scratch(_)) => Ok(Ok(Cow::Owned(escaped))),
        Err(fault) if fault.kind == FaultKind::Surrogate => {
            scan.set_at(start);
            scan.skip(None)?;
            Ok(Err(fault))
        }
        Err(fault) => Err(fault),
    }
}
