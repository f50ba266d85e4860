#![doc = include_str!("../../format/firehose.md")]
//!
//! This file unpacks records and finds the events in them; [`crate::json`] reads an event. Must not know HTTP or columns.

mod logs;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_storage::memory::Reservation;

use self::logs::CloudWatch;
use crate::error::{DecodeError, Rejects, reserve};
use crate::event::{Rows, SpecialNames, Stamp};
use crate::fault::{Fault, FaultKind};
use crate::inflate::{Encoding, inflate};
use crate::json::body::Text;
use crate::json::event::EventReader;
use crate::json::scan::Scanner;
use crate::json::walk::{array, object, text_or_skip};
use crate::limits::Bounds;
use crate::steps::Steps;
use crate::{Context, Decoded};

/// How gzip begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// What is kept of a record beside its bytes, in vectors that may have doubled.
const RECORD_BYTES: usize = 2 * (size_of::<Vec<u8>>() + size_of::<Text<'_>>());

/// Reads an inflated body.
///
/// # Errors
///
/// [`DecodeError::Malformed`] for what is no request of Firehose's; [`DecodeError::TooLarge`] for one whose records are too
/// large or have too many different field names.
pub(crate) fn decode(body: &[u8], context: &Context<'_>) -> Result<Decoded, DecodeError> {
    let records = records(body, context)?;
    let texts = records.iter().map(|record| Text::new(record, context.memory)).collect::<Result<Vec<_>, _>>()?;
    let mut reader = Reader {
        events: EventReader::new(Rows::new(context, Bounds::default(), SpecialNames::Consumed)),
        items: 0,
        rejects: Rejects::default(),
    };
    for text in &texts {
        reader.record(text)?;
    }
    Ok(Decoded::of(reader.events.rows.finish()?, reader.items, reader.rejects))
}

/// What the records hold, unpacked.
fn records(body: &[u8], context: &Context<'_>) -> Result<Vec<Vec<u8>>, DecodeError> {
    let text = std::str::from_utf8(body)
        .map_err(|error| malformed(&Fault::new(error.valid_up_to(), FaultKind::Syntax("it is not UTF-8"))))?;
    let mut scan = Scanner::new(text);
    let mut unpacked = Vec::new();
    let mut left = context.limits.body_bytes_max;
    let mut memory = Steps::new(context.memory);
    let mut failed = None;
    scan.space();
    let read = object(&mut scan, |scan, key| {
        if key != "records" {
            return scan.skip(None).map(drop);
        }
        array(scan, |scan| {
            object(scan, |scan, key| {
                let start = scan.at();
                let data = text_or_skip(scan)?;
                if key == "data" && failed.is_none() {
                    let data = data.ok_or(Fault::new(start, FaultKind::Syntax("a record's data is base64")))?;
                    let room = memory.grow(RECORD_BYTES);
                    match room.and_then(|()| unpack(&data, left, context.memory)) {
                        Ok(record) => {
                            left -= record.len();
                            unpacked.push(record);
                        }
                        Err(error) => failed = Some(error),
                    }
                }
                Ok(())
            })
        })
    });
    read.map_err(|fault| malformed(&fault))?;
    scan.space();
    if !scan.rest().is_empty() {
        return Err(malformed(&scan.fault("the JSON ends here and more follows")));
    }
    failed.map_or(Ok(unpacked), Err)
}

fn unpack(data: &str, bytes_max: usize, memory: &Reservation) -> Result<Vec<u8>, DecodeError> {
    reserve(memory, base64::decoded_len_estimate(data.len()))?;
    let bytes = STANDARD.decode(data).map_err(|_| DecodeError::malformed("the data of a record is not base64"))?;
    let encoding = if bytes.starts_with(&GZIP) { Encoding::Gzip } else { Encoding::Identity };
    let inflated = match inflate(encoding, &bytes, bytes_max, memory)? {
        Cow::Owned(inflated) => Some(inflated),
        Cow::Borrowed(_) => None,
    };
    Ok(inflated.unwrap_or(bytes))
}

#[cold]
fn malformed(fault: &Fault) -> DecodeError {
    DecodeError::malformed(format!(
        "this is no request of Firehose's: byte {}: {}; nothing of it was stored",
        fault.at, fault.kind
    ))
}

/// Reads records into events.
struct Reader<'a> {
    events: EventReader<'a>,
    items: usize,
    rejects: Rejects,
}

impl<'a> Reader<'a> {
    /// The objects of a record, one behind the other.
    fn record(&mut self, text: &'a Text<'_>) -> Result<(), DecodeError> {
        let mut scan = Scanner::new(text.as_str());
        scan.space();
        if let Some(envelope) = CloudWatch::find(&scan) {
            return self.log_lines(text, &envelope);
        }
        while !scan.rest().is_empty() {
            self.events.tidy()?;
            let start = scan.at();
            match self.event(&mut scan, text) {
                Ok(()) => self.events.commit(None, &scan.text()[start..scan.at()])?,
                Err(fault) => {
                    self.rejects.add(self.items, || fault.sentence(start));
                    scan.set_at(start);
                    if scan.skip(None).is_err() {
                        self.items += 1;
                        return Ok(());
                    }
                }
            }
            self.items += 1;
            scan.space();
        }
        Ok(())
    }

    fn event(&mut self, scan: &mut Scanner<'a>, text: &Text<'_>) -> Result<(), Fault> {
        let start = scan.at();
        if scan.peek() != Some(b'{') {
            return Err(Fault::new(start, FaultKind::NotObject));
        }
        self.events.stage(scan)?;
        let checked = text.check(start..scan.at());
        checked.map_err(|error| Fault::new(start + error.valid_up_to(), FaultKind::NotUtf8))
    }

    fn log_lines(&mut self, text: &Text<'_>, envelope: &CloudWatch<'a>) -> Result<(), DecodeError> {
        envelope.each_line(|line| {
            self.events.tidy()?;
            let item = self.items;
            self.items += 1;
            let staged = line.and_then(|line| {
                let checked = text.check(line.range.clone());
                checked.map_err(|_| Fault::new(0, FaultKind::NotUtf8))?;
                envelope.stage(&mut self.events.rows, &line).map(|stamp: Stamp| (stamp, line.range.len()))
            });
            match staged {
                Ok((stamp, bytes)) => self.events.rows.commit_stamped(stamp, bytes)?,
                Err(fault) => self.rejects.add(item, || fault.sentence(0)),
            }
            Ok(())
        })
    }
}
