//! A span becomes an event; so does each event and each link in it. Must not know resources or scopes.

use super::attributes::{Any, any_value, key_value, utf8};
use super::items::Items;
use super::malformed;
use super::sampling::adjusted_count;
use crate::error::DecodeError;
use crate::event::{Stamp, Value};
use crate::fault::Fault;
use crate::protobuf::Fields;

/// Names of the kinds, by number.
const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const STATUS_ERROR: u64 = 2;

/// What a span says of itself, its attributes aside.
#[derive(Debug, Default)]
struct Span<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent_id: &'a [u8],
    trace_state: &'a [u8],
    name: &'a [u8],
    kind: u64,
    start: u64,
    end: u64,
    status_code: u64,
    status_message: &'a [u8],
    events: usize,
    links: usize,
}

impl<'a> Span<'a> {
    fn read(message: &'a [u8]) -> Result<Span<'a>, Fault> {
        let mut span = Span::default();
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next()? {
            match number {
                1 => span.trace_id = wire.bytes()?,
                2 => span.span_id = wire.bytes()?,
                3 => span.trace_state = wire.bytes()?,
                4 => span.parent_id = wire.bytes()?,
                5 => span.name = wire.bytes()?,
                6 => span.kind = wire.varint()?,
                7 => span.start = wire.fixed64()?,
                8 => span.end = wire.fixed64()?,
                11 => span.events += 1,
                13 => span.links += 1,
                15 => span.read_status(wire.bytes()?)?,
                _ => {}
            }
        }
        Ok(span)
    }

    fn read_status(&mut self, message: &'a [u8]) -> Result<(), Fault> {
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next()? {
            match number {
                2 => self.status_message = wire.bytes()?,
                3 => self.status_code = wire.varint()?,
                _ => {}
            }
        }
        Ok(())
    }

    fn is_error(&self) -> bool {
        self.status_code == STATUS_ERROR
    }
}

impl<'a> Items<'a> {
    /// A span, then its events, then its links.
    pub(super) fn span(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        let span = match Span::read(message).and_then(|span| Ok((self.stage_span(message, &span)?, span))) {
            Ok((stamp, span)) => {
                let rate = stamp.sample_rate;
                self.commit(stamp, message.len())?;
                self.count_item(Ok(()))?;
                Some((span, rate))
            }
            Err(fault) => {
                self.count_item(Err(fault))?;
                None
            }
        };
        match span {
            Some((span, rate)) if span.events + span.links > 0 => self.annotations(message, &span, rate),
            _ => Ok(()),
        }
    }

    fn stage_span(&mut self, message: &'a [u8], span: &Span<'a>) -> Result<Stamp, Fault> {
        self.check_length(message)?;
        self.attributes.rows.begin_again();
        self.attributes.rate = None;
        let mut exception = None;
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next()? {
            match number {
                9 => self.attributes.stage(wire.bytes()?)?,
                11 if exception.is_none() => exception = exception_in(wire.bytes()?)?,
                _ => {}
            }
        }
        let attributes = &mut self.attributes;
        attributes.add_default_id("trace.trace_id", span.trace_id)?;
        attributes.add_default_id("trace.span_id", span.span_id)?;
        attributes.add_default_id("trace.parent_id", span.parent_id)?;
        attributes.add_default_text("trace.trace_state", span.trace_state)?;
        attributes.add_default("name", Value::Text(utf8(span.name)?))?;
        let kind = KINDS.get(usize::try_from(span.kind).unwrap_or_default()).unwrap_or(&KINDS[0]);
        attributes.add_default("type", Value::Text(kind))?;
        attributes.add_default("span.kind", Value::Text(kind))?;
        attributes.add_default("status_code", Value::Integer(span.status_code as i64))?;
        attributes.add_default_text("status_message", span.status_message)?;
        if span.is_error() {
            attributes.add_default("error", Value::Boolean(true))?;
        }
        let duration = span.end.checked_sub(span.start);
        attributes.add_default("duration_ms", Value::Float(duration.unwrap_or_default() as f64 / 1e6))?;
        attributes.add_default("span.num_events", Value::Integer(span.events as i64))?;
        attributes.add_default("span.num_links", Value::Integer(span.links as i64))?;
        attributes.add_default("meta.signal_type", Value::Text("trace"))?;
        if duration.is_none() {
            let field = attributes.rows.own_field("meta.invalid_duration");
            attributes.add(field, Value::Boolean(true))?;
        }
        if let Some(exception) = exception {
            self.stage_exception(exception)?;
        }
        let mut stamp = self.stamp([span.start, 0]);
        if !self.sample_rate(&mut stamp, message)
            && let Some(count) = adjusted_count(utf8(span.trace_state)?)
        {
            stamp.rate(&Value::float(count), "", message);
        }
        Ok(stamp)
    }

    /// What the first exception says of itself, where the span has no such attribute.
    fn stage_exception(&mut self, event: &'a [u8]) -> Result<(), Fault> {
        let mut fields = Fields::of(event);
        while let Some((number, wire)) = fields.next()? {
            if number != 3 {
                continue;
            }
            let (key, value) = key_value(wire.bytes()?)?;
            let value = match any_value(value)? {
                Some(Any::Text(text)) => Value::Text(utf8(text)?),
                Some(Any::Boolean(value)) => Value::Boolean(value),
                _ => continue,
            };
            if let b"exception.message" | b"exception.type" | b"exception.stacktrace" | b"exception.escaped" = key {
                self.attributes.add_default(utf8(key)?, value)?;
            }
        }
        Ok(())
    }

    fn annotations(&mut self, message: &'a [u8], span: &Span<'a>, rate: u32) -> Result<(), DecodeError> {
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next().map_err(malformed)? {
            if number != 11 && number != 13 {
                continue;
            }
            let annotation = wire.bytes().map_err(malformed)?;
            let staged = match number {
                11 => self.stage_span_event(annotation, span),
                _ => self.stage_link(annotation, span),
            };
            match staged {
                Ok(stamp) => self.commit(Stamp { sample_rate: rate, ..stamp }, annotation.len())?,
                Err(fault) => self.outcome(Err(fault))?,
            }
        }
        Ok(())
    }

    /// What events and links of a span share.
    fn stage_annotation(&mut self, kind: &'static str, span: &Span<'a>) -> Result<(), Fault> {
        let attributes = &mut self.attributes;
        attributes.add_default_id("trace.trace_id", span.trace_id)?;
        attributes.add_default_id("trace.parent_id", span.span_id)?;
        attributes.add_default("parent_name", Value::Text(utf8(span.name)?))?;
        attributes.add_default("meta.annotation_type", Value::Text(kind))?;
        attributes.add_default("meta.signal_type", Value::Text("trace"))?;
        if span.is_error() {
            attributes.add_default("error", Value::Boolean(true))?;
        }
        Ok(())
    }

    fn stage_span_event(&mut self, message: &'a [u8], span: &Span<'a>) -> Result<Stamp, Fault> {
        self.attributes.rows.begin_again();
        let (mut time, mut name): (u64, &[u8]) = (0, b"");
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next()? {
            match number {
                1 => time = wire.fixed64()?,
                2 => name = wire.bytes()?,
                3 => self.attributes.stage(wire.bytes()?)?,
                _ => {}
            }
        }
        // The span's rate counts.
        self.attributes.rate = None;
        self.attributes.add_default("name", Value::Text(utf8(name)?))?;
        self.stage_annotation("span_event", span)?;
        let since = if time == 0 { Some(0) } else { time.checked_sub(span.start) };
        let milliseconds = since.unwrap_or_default() as f64 / 1e6;
        self.attributes.add_default("meta.time_since_span_start_ms", Value::Float(milliseconds))?;
        if since.is_none() {
            let field = self.attributes.rows.own_field("meta.invalid_time_since_span_start");
            self.attributes.add(field, Value::Boolean(true))?;
        }
        Ok(self.stamp([time, span.start]))
    }

    fn stage_link(&mut self, message: &'a [u8], span: &Span<'a>) -> Result<Stamp, Fault> {
        self.attributes.rows.begin_again();
        let (mut trace_id, mut span_id, mut trace_state): (&[u8], &[u8], &[u8]) = (b"", b"", b"");
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next()? {
            match number {
                1 => trace_id = wire.bytes()?,
                2 => span_id = wire.bytes()?,
                3 => trace_state = wire.bytes()?,
                4 => self.attributes.stage(wire.bytes()?)?,
                _ => {}
            }
        }
        self.attributes.rate = None;
        self.attributes.add_default_id("trace.link.trace_id", trace_id)?;
        self.attributes.add_default_id("trace.link.span_id", span_id)?;
        self.attributes.add_default_text("trace.link.trace_state", trace_state)?;
        self.stage_annotation("link", span)?;
        Ok(self.stamp([span.start, 0]))
    }
}

/// A span event, if it is an exception.
fn exception_in(event: &[u8]) -> Result<Option<&[u8]>, Fault> {
    let mut name: &[u8] = b"";
    let mut fields = Fields::of(event);
    while let Some((number, wire)) = fields.next()? {
        if number == 2 {
            name = wire.bytes()?;
        }
    }
    Ok((name == b"exception").then_some(event))
}
