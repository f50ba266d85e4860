//! A log record becomes an event. Must not know resources or scopes.

use outcrop_storage::limits::NESTING_DEPTH_MAX;

use super::attributes::{Any, any_value, push_json};
use super::items::Items;
use crate::error::DecodeError;
use crate::event::{Stamp, Value};
use crate::fault::Fault;
use crate::protobuf::Fields;

/// What a log record says of itself, its attributes aside.
#[derive(Debug, Default)]
struct LogRecord<'a> {
    time: u64,
    observed: u64,
    severity: u64,
    severity_text: &'a [u8],
    body: &'a [u8],
    flags: u32,
    trace_id: &'a [u8],
    span_id: &'a [u8],
    event_name: &'a [u8],
}

impl<'a> LogRecord<'a> {
    fn read(message: &'a [u8]) -> Result<LogRecord<'a>, Fault> {
        let mut log = LogRecord::default();
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next()? {
            match number {
                1 => log.time = wire.fixed64()?,
                2 => log.severity = wire.varint()?,
                3 => log.severity_text = wire.bytes()?,
                5 => log.body = wire.bytes()?,
                8 => log.flags = wire.fixed32()?,
                9 => log.trace_id = wire.bytes()?,
                10 => log.span_id = wire.bytes()?,
                11 => log.observed = wire.fixed64()?,
                12 => log.event_name = wire.bytes()?,
                _ => {}
            }
        }
        Ok(log)
    }
}

/// The word for a severity number.
fn severity(number: u64) -> &'static str {
    match number {
        1..=4 => "trace",
        5..=8 => "debug",
        9..=12 => "info",
        13..=16 => "warn",
        17..=20 => "error",
        21..=24 => "fatal",
        _ => "unspecified",
    }
}

impl<'a> Items<'a> {
    pub(super) fn log(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        match LogRecord::read(message).and_then(|log| self.stage_log(message, &log)) {
            Ok(stamp) => {
                self.commit(stamp, message.len())?;
                self.count_item(Ok(()))
            }
            Err(fault) => self.count_item(Err(fault)),
        }
    }

    fn stage_log(&mut self, message: &'a [u8], log: &LogRecord<'a>) -> Result<Stamp, Fault> {
        self.check_length(message)?;
        self.attributes.rows.begin_again();
        self.attributes.rate = None;
        // Before the attributes, which take its place if they have its name.
        self.stage_body(log.body)?;
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next()? {
            if number == 6 {
                self.attributes.stage(wire.bytes()?)?;
            }
        }
        let attributes = &mut self.attributes;
        attributes.add_default("severity", Value::Text(severity(log.severity)))?;
        attributes.add_default("severity_code", Value::Integer(log.severity as i64))?;
        attributes.add_default_text("severity_text", log.severity_text)?;
        attributes.add_default("flags", Value::Integer(i64::from(log.flags)))?;
        attributes.add_default_text("event.name", log.event_name)?;
        attributes.add_default("meta.signal_type", Value::Text("log"))?;
        attributes.add_default_id("trace.trace_id", log.trace_id)?;
        attributes.add_default_id("trace.parent_id", log.span_id)?;
        if !log.trace_id.is_empty() {
            attributes.add_default("meta.annotation_type", Value::Text("span_event"))?;
        }
        let mut stamp = self.stamp([log.time, log.observed]);
        self.sample_rate(&mut stamp, message);
        Ok(stamp)
    }

    /// The body as a whole, and its members if it has some. Gives way to attributes of resource and scope.
    fn stage_body(&mut self, body: &'a [u8]) -> Result<(), Fault> {
        let Some(body) = any_value(body)? else { return Ok(()) };
        match body {
            Any::Members(members) => {
                let whole = self.attributes.written(|out| push_json(out, Some(body), NESTING_DEPTH_MAX))?;
                self.attributes.add_default("body", whole)?;
                if members.is_empty() { Ok(()) } else { self.attributes.stage_value("body", body) }
            }
            body => {
                let whole = self.attributes.plain(body, 1).map_err(|fault| fault.within("body"))?;
                self.attributes.add_default("body", whole)
            }
        }
    }
}
