//! From a resource through its scopes to its items, and what they have in common.
//!
//! Attributes of resource and scope are staged once and begin the events of every item. Must not know what items are.

use outcrop_storage::event::DatasetName;
use outcrop_storage::memory::Reservation;

use super::attributes::{Attributes, SentRate, utf8};
use super::{Signal, malformed};
use crate::Decoded;
use crate::error::{DecodeError, Rejects};
use crate::event::{Rows, Stamp, Value};
use crate::fault::{Fault, FaultKind};
use crate::protobuf::Fields;
use crate::steps::Steps;

/// Scopes of libraries that instrument other people's code begin with one of these.
const INSTRUMENTATION: [&str; 9] = [
    "io.opentelemetry",
    "opentelemetry.instrumentation",
    "OpenTelemetry.Instrumentation",
    "OpenTelemetry::Instrumentation",
    "go.opentelemetry.io/contrib/instrumentation",
    "@opentelemetry/instrumentation",
    "io.opentelemetry.contrib.php",
    "github.com/open-telemetry/opentelemetry-collector",
    "@honeycombio/",
];

/// Turns the items of one request into events.
#[derive(Debug)]
pub(super) struct Items<'a> {
    pub(super) attributes: Attributes<'a>,
    signal: Signal,
    resource_rate: Option<SentRate<'a>>,
    scope_rate: Option<SentRate<'a>>,
    /// For what is kept of the data points of a scope.
    pub(super) memory: Steps<'a>,
    items: usize,
    rejects: Rejects,
}

impl<'a> Items<'a> {
    pub(super) fn new(rows: Rows<'a>, signal: Signal, memory: &'a Reservation) -> Items<'a> {
        Items {
            attributes: Attributes::new(rows, signal != Signal::Metrics),
            signal,
            resource_rate: None,
            scope_rate: None,
            memory: Steps::new(memory),
            items: 0,
            rejects: Rejects::default(),
        }
    }

    pub(super) fn turn_to(&mut self, dataset: DatasetName) -> Result<(), DecodeError> {
        self.attributes.rows.turn_to(dataset)
    }

    pub(super) fn finish(self) -> Result<Decoded, DecodeError> {
        Ok(Decoded::of(self.attributes.rows.finish()?, self.items, self.rejects))
    }

    /// The items of a `ResourceSpans`, `ResourceLogs` or `ResourceMetrics`.
    pub(super) fn resource(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        let staged = self.stage_resource(message);
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next().map_err(malformed)? {
            if number != 2 {
                continue;
            }
            let scope = wire.bytes().map_err(malformed)?;
            match &staged {
                Ok(()) => self.scope(scope)?,
                Err(fault) => self.reject_scope(scope, fault)?,
            }
        }
        Ok(())
    }

    fn stage_resource(&mut self, message: &'a [u8]) -> Result<(), Fault> {
        self.attributes.rows.begin();
        let mut fields = Fields::of(message);
        let mut schema_url: &[u8] = b"";
        while let Some((number, wire)) = fields.next()? {
            match number {
                1 => {
                    let resource = wire.bytes()?;
                    self.check_length(resource)?;
                    let mut resource = Fields::of(resource);
                    while let Some((number, wire)) = resource.next()? {
                        if number == 1 {
                            self.attributes.stage(wire.bytes()?)?;
                        }
                    }
                }
                3 => schema_url = wire.bytes()?,
                _ => {}
            }
        }
        self.attributes.add_default_text("resource.schema_url", schema_url)?;
        self.resource_rate = self.attributes.rate.take();
        self.attributes.rows.keep_level();
        Ok(())
    }

    /// The items of a `ScopeSpans`, `ScopeLogs` or `ScopeMetrics`.
    fn scope(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        self.attributes.rows.begin_again();
        if let Err(fault) = self.stage_scope(message) {
            return self.reject_scope(message, &fault);
        }
        let kept = self.scope_items(message);
        self.attributes.rows.forget_level();
        kept
    }

    fn stage_scope(&mut self, message: &'a [u8]) -> Result<(), Fault> {
        let (mut name, mut version, mut schema_url): (&[u8], &[u8], &[u8]) = (b"", b"", b"");
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next()? {
            match number {
                1 => {
                    let scope = wire.bytes()?;
                    self.check_length(scope)?;
                    let mut scope = Fields::of(scope);
                    while let Some((number, wire)) = scope.next()? {
                        match number {
                            1 => name = wire.bytes()?,
                            2 => version = wire.bytes()?,
                            3 => self.attributes.stage(wire.bytes()?)?,
                            _ => {}
                        }
                    }
                }
                3 => schema_url = wire.bytes()?,
                _ => {}
            }
        }
        self.attributes.add_default_text("library.name", name)?;
        self.attributes.add_default_text("library.version", version)?;
        self.attributes.add_default_text("scope.schema_url", schema_url)?;
        let name = utf8(name)?;
        if INSTRUMENTATION.iter().any(|known| name.starts_with(known)) {
            self.attributes.add_default("telemetry.instrumentation_library", Value::Boolean(true))?;
        }
        self.scope_rate = self.attributes.rate.take();
        self.attributes.rows.keep_level();
        Ok(())
    }

    fn scope_items(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        if self.signal == Signal::Metrics {
            return self.metrics(message);
        }
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next().map_err(malformed)? {
            if number != 2 {
                continue;
            }
            let item = wire.bytes().map_err(malformed)?;
            match self.signal {
                Signal::Traces => self.span(item)?,
                Signal::Logs | Signal::Metrics => self.log(item)?,
            }
        }
        Ok(())
    }

    /// All items of a scope are wrong if what they have in common is.
    fn reject_scope(&mut self, message: &'a [u8], fault: &Fault) -> Result<(), DecodeError> {
        if fault.is_syntax() {
            return Err(malformed(fault.clone()));
        }
        let count = match self.signal {
            Signal::Traces | Signal::Logs => count(message, 2).map_err(malformed)?,
            Signal::Metrics => super::metrics::count_points(message).map_err(malformed)?,
        };
        for _ in 0..count {
            self.count_item(Err(fault.clone()))?;
        }
        Ok(())
    }

    /// Items counted so far.
    pub(super) fn item_count(&self) -> usize {
        self.items
    }

    /// Counts an item, and rejects it if it is wrong.
    pub(super) fn count_item(&mut self, outcome: Result<(), Fault>) -> Result<(), DecodeError> {
        self.items += 1;
        self.outcome(outcome)
    }

    /// Rejects what is wrong in itself, and the request if it is no request.
    pub(super) fn outcome(&mut self, outcome: Result<(), Fault>) -> Result<(), DecodeError> {
        match outcome {
            Ok(()) => Ok(()),
            Err(fault) if fault.is_syntax() => Err(malformed(fault)),
            Err(fault) => {
                self.rejects.add(self.items.saturating_sub(1), || sentence(&fault));
                Ok(())
            }
        }
    }

    /// Puts the staged event, which has `sent` bytes in the request, into columns.
    pub(super) fn commit(&mut self, stamp: Stamp, sent: usize) -> Result<(), DecodeError> {
        self.attributes.rows.commit_stamped(stamp, sent)
    }

    /// Takes the sample rate of the innermost level that says one into the stamp.
    pub(super) fn sample_rate(&mut self, stamp: &mut Stamp, sent: &[u8]) -> bool {
        let own = self.attributes.rate.take();
        let rate = own.or_else(|| self.scope_rate.clone()).or_else(|| self.resource_rate.clone());
        match rate {
            Some(rate) => {
                stamp.rate(&rate.value, self.attributes.rows.scratch(), sent);
                true
            }
            None => false,
        }
    }

    /// Refuses an item of too many bytes.
    pub(super) fn check_length(&self, item: &[u8]) -> Result<(), Fault> {
        let (bytes, max) = (item.len(), self.attributes.rows.event_bytes_max());
        if bytes > max { Err(Fault::new(0, FaultKind::Bytes { bytes, max })) } else { Ok(()) }
    }

    /// The time of an item: the first of these that was given, else when the request came.
    pub(super) fn stamp(&self, times: [u64; 2]) -> Stamp {
        let mut stamp = Stamp::at(self.attributes.rows.received());
        if let Some(time) = times.into_iter().find(|time| *time != 0) {
            match i64::try_from(time) {
                Ok(time) => stamp.timestamp = time,
                Err(_) => stamp.invalid_timestamp = Some(time.to_string()),
            }
        }
        stamp
    }
}

/// How often a field comes in a message.
pub(super) fn count(message: &[u8], number: u32) -> Result<usize, Fault> {
    let mut fields = Fields::of(message);
    let mut count = 0;
    while let Some((found, _)) = fields.next()? {
        count += usize::from(found == number);
    }
    Ok(count)
}

/// A fault for people; protobuf has no positions that mean anything to them.
fn sentence(fault: &Fault) -> String {
    match &fault.field {
        Some(field) => format!("attribute or field {field:?}: {}", fault.kind),
        None => fault.kind.to_string(),
    }
}
