#![doc = include_str!("../../format/otlp.md")]
//!
//! This file sorts a request's resources by dataset. `items` walks from a resource to its items and holds what they have in
//! common; `traces`, `logs` and `metrics` turn one item into events; `attributes` stages attributes and their values;
//! `json` writes the JSON form as protobuf, so that all else knows one form; `answer` writes what senders are told. Must not
//! know HTTP, columns or compression.

mod answer;
mod attributes;
mod histogram;
mod items;
mod json;
mod logs;
mod metrics;
mod sampling;
mod schema;
#[cfg(test)]
mod tests;
mod traces;

use std::borrow::Cow;

use hashbrown::HashMap;
use outcrop_storage::event::DatasetName;

pub use self::answer::{Exported, Status};
use self::attributes::{Any, any_value, key_value};
use self::items::Items;
use crate::error::DecodeError;
use crate::event::{Rows, SpecialNames};
use crate::fault::{Fault, FaultKind};
use crate::limits::{BODY_DATASETS_MAX, BODY_RESOURCES_MAX, Bounds};
use crate::protobuf::Fields;
use crate::steps::Steps;
use crate::{Context, Decoded, dataset_name};

/// What is kept of a resource until its items are read, in a vector that may have doubled.
const RESOURCE_BYTES: usize = 2 * size_of::<&[u8]>();

/// What a body holds, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Otlp {
    pub signal: Signal,
    /// None: by the first byte of the body.
    pub format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Traces,
    Logs,
    Metrics,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Protobuf,
    Json,
}

impl Format {
    /// The form that a body has whose sender does not say it: a JSON body begins with `{`, a protobuf one never does.
    pub fn of(body: &[u8]) -> Format {
        let first = body.trim_ascii_start().first();
        if first == Some(&b'{') { Format::Json } else { Format::Protobuf }
    }
}

/// Reads an inflated body.
///
/// # Errors
///
/// [`DecodeError::Malformed`] for what is no request of the signal; [`DecodeError::TooLarge`] for one whose events would
/// take too much memory.
pub(crate) fn decode(request: Otlp, body: &[u8], context: &Context<'_>) -> Result<Decoded, DecodeError> {
    let body = match request.format.unwrap_or_else(|| Format::of(body)) {
        Format::Protobuf => Cow::Borrowed(body),
        Format::Json => Cow::Owned(json::to_protobuf(request.signal, body, context)?),
    };
    let resources = by_dataset(request.signal, &body, context)?;
    let rows = Rows::new(context, Bounds::default(), SpecialNames::Kept);
    let mut items = Items::new(rows, request.signal, context.memory);
    for (dataset, resources) in resources {
        items.turn_to(dataset)?;
        for resource in resources {
            items.resource(resource)?;
        }
    }
    items.finish()
}

/// The resources of each dataset.
type ByDataset<'b> = Vec<(DatasetName, Vec<&'b [u8]>)>;

/// Sorts resources by dataset, in the order in which datasets first come.
fn by_dataset<'b>(signal: Signal, body: &'b [u8], context: &Context<'_>) -> Result<ByDataset<'b>, DecodeError> {
    let mut sorted: ByDataset<'_> = Vec::new();
    let mut index: HashMap<DatasetName, usize> = HashMap::new();
    let mut memory = Steps::new(context.memory);
    let mut count = 0;
    let mut fields = Fields::of(body);
    while let Some((number, wire)) = fields.next().map_err(malformed)? {
        if number != 1 {
            continue;
        }
        count += 1;
        if count > BODY_RESOURCES_MAX {
            return Err(DecodeError::too_large(format!(
                "the request has more than {BODY_RESOURCES_MAX} resources; send them in several smaller ones"
            )));
        }
        memory.grow(RESOURCE_BYTES)?;
        let resource = wire.bytes().map_err(malformed)?;
        let service = match signal {
            Signal::Traces | Signal::Logs => service(resource).map_err(malformed)?,
            Signal::Metrics => None,
        };
        let mut dataset = service.unwrap_or_else(|| context.dataset.clone());
        if sorted.len() >= BODY_DATASETS_MAX && !index.contains_key(&dataset) {
            dataset = context.dataset.clone();
        }
        let place = *index.entry(dataset).or_insert_with_key(|dataset| {
            sorted.push((dataset.clone(), Vec::new()));
            sorted.len() - 1
        });
        sorted[place].1.push(resource);
    }
    Ok(sorted)
}

/// The dataset of the resource's `service.name`, unless that is no name.
fn service(resource: &[u8]) -> Result<Option<DatasetName>, Fault> {
    let mut found = None;
    let mut fields = Fields::of(resource);
    while let Some((number, wire)) = fields.next()? {
        if number != 1 {
            continue;
        }
        let mut attributes = Fields::of(wire.bytes()?);
        while let Some((number, wire)) = attributes.next()? {
            if number != 1 {
                continue;
            }
            let (key, value) = key_value(wire.bytes()?)?;
            if key == b"service.name" {
                found = any_value(value)?;
            }
        }
    }
    let Some(Any::Text(name)) = found else { return Ok(None) };
    let name = std::str::from_utf8(name).unwrap_or_default().trim();
    Ok(if name.starts_with("unknown_service") { None } else { dataset_name(name) })
}

#[cold]
fn malformed(fault: Fault) -> DecodeError {
    let what = match fault.kind {
        FaultKind::Syntax(what) => what,
        _ => "it is not what it claims to be",
    };
    DecodeError::malformed(format!("failed to parse OTLP request body: {what}; nothing of it was stored"))
}
