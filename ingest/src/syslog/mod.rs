#![doc = include_str!("../../format/syslog.md")]
//!
//! This file turns a message into an event; `frame` finds messages in a stream, and the crate `syslog_loose` reads one.
//! Must not know sockets or columns.

mod frame;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Datelike, Utc};
use syslog_loose::{Message, ProcId, SyslogSeverity, Variant, parse_message_with_year_tz};

pub use self::frame::FrameError;
use crate::error::{DecodeError, Rejects};
use crate::event::{Rows, SpecialNames, Stamp, Value};
use crate::fault::{Fault, FaultKind};
use crate::limits::Bounds;
use crate::{Context, Decoded};

/// How many bytes at the start of a stream are whole messages: a body for [`crate::decode`]. `at_end`: no more will come.
///
/// # Errors
///
/// [`FrameError`] if the first message is longer than `bytes_max`: the stream cannot be read on.
pub fn whole_messages(stream: &[u8], bytes_max: usize, at_end: bool) -> Result<usize, FrameError> {
    let mut at = 0;
    loop {
        match frame::first(&stream[at..], bytes_max, at_end) {
            Ok(Some(frame)) => at += frame.bytes,
            Ok(None) => return Ok(at),
            // What came before it is whole.
            Err(_) if at > 0 => return Ok(at),
            Err(error) => return Err(error),
        }
    }
}

/// Reads a part of a stream that holds whole messages.
///
/// # Errors
///
/// [`DecodeError::Malformed`] for a message that is longer than events may be.
pub(crate) fn decode(body: &[u8], context: &Context<'_>) -> Result<Decoded, DecodeError> {
    let mut rows = Rows::new(context, Bounds::default(), SpecialNames::Kept);
    let mut rejects = Rejects::default();
    let (mut items, mut at) = (0, 0);
    let bytes_max = rows.event_bytes_max();
    while let Some(frame) =
        frame::first(&body[at..], bytes_max, true).map_err(|e| DecodeError::malformed(e.to_string()))?
    {
        at += frame.bytes;
        let text = String::from_utf8_lossy(frame.message);
        if text.trim().is_empty() {
            continue;
        }
        if rows.is_crowded() {
            rows.forget_names()?;
        }
        match stage(&mut rows, &text) {
            Ok(stamp) => rows.commit_stamped(stamp, text.len())?,
            Err(fault) => rejects.add(items, || fault.sentence(0)),
        }
        items += 1;
    }
    Ok(Decoded::of(rows.finish()?, items, rejects))
}

fn stage(rows: &mut Rows<'_>, text: &str) -> Result<Stamp, Fault> {
    let received = rows.received();
    let message = read(text, received);
    rows.begin();
    for element in &message.structured_data {
        for (name, value) in element.params() {
            add(rows, &format!("syslog.{}.{name}", element.id), &value)?;
        }
    }
    if let Some(severity) = message.severity {
        let (word, code) = severity_of(severity);
        add(rows, "severity", word)?;
        add_value(rows, "severity_code", Value::Integer(code))?;
        add(rows, "syslog.severity", severity.as_str())?;
    }
    if let Some(facility) = message.facility {
        add(rows, "syslog.facility", facility.as_str())?;
    }
    for (name, value) in
        [("host.name", message.hostname), ("service.name", message.appname), ("syslog.msgid", message.msgid)]
    {
        if let Some(value) = value {
            add(rows, name, value)?;
        }
    }
    match message.procid {
        Some(ProcId::PID(pid)) => add_value(rows, "process.pid", Value::Integer(i64::from(pid)))?,
        Some(ProcId::Name(name)) => add(rows, "syslog.procid", name)?,
        None => {}
    }
    add(rows, "body", message.msg.strip_prefix('\u{feff}').unwrap_or(message.msg))?;
    add(rows, "meta.signal_type", "log")?;
    let mut stamp = Stamp::at(received);
    if let Some(time) = message.timestamp {
        match time.timestamp_nanos_opt().filter(|nanoseconds| *nanoseconds >= 0) {
            Some(nanoseconds) => stamp.timestamp = nanoseconds,
            None => stamp.invalid_timestamp = Some(time.to_rfc3339()),
        }
    }
    Ok(stamp)
}

/// A message in whichever of the two forms; one in neither is all text.
fn read(text: &str, received: i64) -> Message<&str> {
    let now = DateTime::from_timestamp_nanos(received);
    let year = |(month, ..): (u32, u32, u32, u32, u32)| match (month, now.month()) {
        (12, 1) => now.year() - 1,
        (1, 12) => now.year() + 1,
        _ => now.year(),
    };
    let message = parse_message_with_year_tz(text, year, Some(Utc), Variant::Either);
    if message.severity.is_some() { message } else { only_priority(text).unwrap_or(message) }
}

/// A message such as `<13>text`, which has a priority and nothing else of a header.
fn only_priority(text: &str) -> Option<Message<&str>> {
    let (priority, rest) = text.strip_prefix('<')?.split_once('>')?;
    let is_number = (1..=3).contains(&priority.len()) && priority.bytes().all(|byte| byte.is_ascii_digit());
    let header = is_number.then(|| format!("<{priority}>1 - - - - - -"))?;
    let priority = parse_message_with_year_tz(&header, |_| 0, Some(Utc), Variant::RFC5424);
    let (facility, severity) = (priority.facility?, priority.severity?);
    let message = parse_message_with_year_tz("", |_| 0, Some(Utc), Variant::Either);
    Some(Message { facility: Some(facility), severity: Some(severity), msg: rest.trim_start(), ..message })
}

/// The word and the number that OTLP has for a severity.
fn severity_of(severity: SyslogSeverity) -> (&'static str, i64) {
    match severity {
        SyslogSeverity::SEV_EMERG => ("fatal", 21),
        SyslogSeverity::SEV_ALERT => ("error", 19),
        SyslogSeverity::SEV_CRIT => ("error", 18),
        SyslogSeverity::SEV_ERR => ("error", 17),
        SyslogSeverity::SEV_WARNING => ("warn", 13),
        SyslogSeverity::SEV_NOTICE => ("info", 10),
        SyslogSeverity::SEV_INFO => ("info", 9),
        SyslogSeverity::SEV_DEBUG => ("debug", 5),
    }
}

/// Texts here may be shorter-lived than the body, so that they are copied.
fn add(rows: &mut Rows<'_>, name: &str, text: &str) -> Result<(), Fault> {
    let scratch = rows.scratch();
    let begin = scratch.len();
    scratch.push_str(text);
    let value = Value::Scratch(begin..scratch.len());
    add_value(rows, name, value)
}

fn add_value(rows: &mut Rows<'_>, name: &str, value: Value<'static>) -> Result<(), Fault> {
    let field = rows.field(name).map_err(|error| Fault::new(0, FaultKind::Name(error)))?;
    let max = rows.limits().event_fields_max;
    rows.add(field, value).map_err(|_| Fault::new(0, FaultKind::Fields { max }))
}

/// A datagram as part of a stream.
pub fn framed(datagram: &[u8], stream: &mut Vec<u8>) {
    stream.extend_from_slice(datagram.len().to_string().as_bytes());
    stream.push(b' ');
    stream.extend_from_slice(datagram);
}
