#![doc = include_str!("../../format/loki.md")]
//!
//! This file sorts streams by dataset and turns their entries into events; `labels` reads a stream's labels, `json` and
//! `push` find streams and entries in the two forms. Must not know HTTP or columns.

mod json;
mod labels;
mod push;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use hashbrown::HashMap;
use outcrop_storage::event::{DatasetName, TimestampNs};
use outcrop_storage::limits::DATASET_NAME_BYTES_MAX;

use crate::error::{DecodeError, Rejects};
use crate::event::{Rows, SpecialNames, Stamp, Value};
use crate::fault::{Fault, FaultKind};
use crate::limits::{BODY_DATASETS_MAX, BODY_RESOURCES_MAX, Bounds};
use crate::steps::Steps;
use crate::{Context, Decoded, dataset_name};

/// In which form a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    /// Protobuf in a block of snappy.
    Protobuf,
}

/// Labels that name a service, as Loki looks for them.
const SERVICES: [&str; 14] = [
    "service_name",
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];

/// Name and value of a label, or of a piece of metadata.
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);
type Pairs<'a> = Vec<Pair<'a>>;

/// Labels of a stream, or pairs of an entry's metadata: more than an event may have fields are a fault anyway.
const PAIRS_MAX: usize = 4_096;

/// A stream where it lies in the body.
#[derive(Debug)]
struct Stream<P> {
    /// None if it has none that is a name.
    dataset: Option<DatasetName>,
    place: P,
}

/// What is kept of a stream until its entries are read: twice, in vectors that may have doubled, with the name of a dataset.
const STREAM_BYTES: usize = 4 * size_of::<Stream<json::Place>>() + DATASET_NAME_BYTES_MAX;

/// One line of a log.
#[derive(Debug)]
struct Entry<'a> {
    time: Result<TimestampNs, String>,
    line: Result<Cow<'a, str>, Fault>,
    metadata: Result<Pairs<'a>, Fault>,
    /// Bytes as sent.
    bytes: usize,
}

/// Reads an inflated body.
///
/// # Errors
///
/// [`DecodeError::Malformed`] for what is no push request; [`DecodeError::TooLarge`] for one with too many streams, too
/// much text or too many different names.
pub(crate) fn decode(format: Format, body: &[u8], context: &Context<'_>) -> Result<Decoded, DecodeError> {
    let mut entries = Entries::new(context);
    match format {
        Format::Json => {
            let text = json::text(body)?;
            let mut streams = Streams::new(context);
            json::streams(text, &mut streams).map_err(|fault| malformed(&fault))?;
            for (dataset, streams) in streams.by_dataset(context)? {
                entries.turn_to(dataset)?;
                for stream in streams {
                    let labels = json::labels(text, stream.place);
                    json::each_entry(text, stream.place, |entry| entries.put(&labels, entry))?;
                }
            }
        }
        Format::Protobuf => {
            let message = push::uncompressed(body, context.limits.body_bytes_max, context.memory)?;
            let mut streams = Streams::new(context);
            push::streams(&message, &mut streams).map_err(|fault| malformed(&fault))?;
            for (dataset, streams) in streams.by_dataset(context)? {
                entries.turn_to(dataset)?;
                for stream in streams {
                    let labels = push::labels(stream.place);
                    push::each_entry(stream.place, |entry| entries.put(&labels, entry))?;
                }
            }
        }
    }
    entries.finish()
}

/// Streams by dataset, in the order in which datasets first come.
type ByDataset<P> = Vec<(DatasetName, Vec<Stream<P>>)>;

/// The streams of a body, in the order in which they come.
#[derive(Debug)]
struct Streams<'a, P> {
    all: Vec<Stream<P>>,
    memory: Steps<'a>,
    /// Why no more are kept.
    refused: Option<DecodeError>,
}

impl<'a, P> Streams<'a, P> {
    fn new(context: &Context<'a>) -> Streams<'a, P> {
        Streams { all: Vec::new(), memory: Steps::new(context.memory), refused: None }
    }

    /// Keeps a stream, unless there are so many that the request is refused.
    fn keep(&mut self, labels: &Result<Pairs<'_>, Fault>, place: P) {
        if self.refused.is_some() {
            return;
        }
        let many = || {
            DecodeError::too_large(format!(
                "the request has more than {BODY_RESOURCES_MAX} streams; send them in several smaller ones"
            ))
        };
        let room = if self.all.len() < BODY_RESOURCES_MAX { self.memory.grow(STREAM_BYTES) } else { Err(many()) };
        match room {
            Ok(()) => self.all.push(Stream { dataset: labels.as_ref().ok().and_then(service), place }),
            Err(refused) => self.refused = Some(refused),
        }
    }

    fn by_dataset(self, context: &Context<'_>) -> Result<ByDataset<P>, DecodeError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let mut sorted: ByDataset<P> = Vec::new();
        let mut index: HashMap<DatasetName, usize> = HashMap::new();
        for stream in self.all {
            let mut dataset = stream.dataset.clone().unwrap_or_else(|| context.dataset.clone());
            if sorted.len() >= BODY_DATASETS_MAX && !index.contains_key(&dataset) {
                dataset = context.dataset.clone();
            }
            let place = *index.entry(dataset).or_insert_with_key(|dataset| {
                sorted.push((dataset.clone(), Vec::new()));
                sorted.len() - 1
            });
            sorted[place].1.push(stream);
        }
        Ok(sorted)
    }
}

fn service(labels: &Pairs<'_>) -> Option<DatasetName> {
    SERVICES.iter().find_map(|service| {
        let (_, value) = labels.iter().find(|(name, _)| name == service)?;
        dataset_name(value)
    })
}

/// Turns entries into events.
struct Entries<'a> {
    rows: Rows<'a>,
    items: usize,
    rejects: Rejects,
}

impl<'a> Entries<'a> {
    fn new(context: &Context<'a>) -> Entries<'a> {
        let rows = Rows::new(context, Bounds::default(), SpecialNames::Kept);
        Entries { rows, items: 0, rejects: Rejects::default() }
    }

    fn turn_to(&mut self, dataset: DatasetName) -> Result<(), DecodeError> {
        self.rows.turn_to(dataset)
    }

    fn put(&mut self, labels: &Result<Pairs<'_>, Fault>, entry: Entry<'_>) -> Result<(), DecodeError> {
        if self.rows.is_crowded() {
            self.rows.forget_names()?;
        }
        let bytes = entry.bytes;
        let staged = match labels {
            Ok(labels) => self.stage(labels, entry),
            Err(fault) => Err(fault.clone()),
        };
        match staged {
            Ok(stamp) => self.rows.commit_stamped(stamp, bytes)?,
            Err(fault) if fault.is_syntax() => return Err(malformed(&fault)),
            Err(fault) => self.rejects.add(self.items, || match &fault.field {
                Some(field) => format!("label {field:?}: {}", fault.kind),
                None => fault.kind.to_string(),
            }),
        }
        self.items += 1;
        Ok(())
    }

    fn stage(&mut self, labels: &Pairs<'_>, entry: Entry<'_>) -> Result<Stamp, Fault> {
        let max = self.rows.event_bytes_max();
        if entry.bytes > max {
            return Err(Fault::new(0, FaultKind::Bytes { bytes: entry.bytes, max }));
        }
        self.rows.begin();
        let metadata = entry.metadata?;
        for (name, value) in labels.iter().chain(&metadata) {
            self.add(name, value).map_err(|fault| fault.within(name))?;
        }
        self.add("body", &entry.line?)?;
        self.add("meta.signal_type", "log")?;
        let mut stamp = Stamp::at(self.rows.received());
        match entry.time {
            Ok(time) if time >= 0 => stamp.timestamp = time,
            Ok(time) => stamp.invalid_timestamp = Some(time.to_string()),
            Err(sent) => stamp.invalid_timestamp = Some(sent),
        }
        Ok(stamp)
    }

    /// Texts here may be shorter-lived than the body, so that they are copied.
    fn add(&mut self, name: &str, text: &str) -> Result<(), Fault> {
        let field = self.rows.field(name).map_err(|error| Fault::new(0, FaultKind::Name(error)))?;
        let scratch = self.rows.scratch();
        let begin = scratch.len();
        scratch.push_str(text);
        let value = Value::Scratch(begin..scratch.len());
        let max = self.rows.limits().event_fields_max;
        self.rows.add(field, value).map_err(|_| Fault::new(0, FaultKind::Fields { max }))
    }

    fn finish(self) -> Result<Decoded, DecodeError> {
        Ok(Decoded::of(self.rows.finish()?, self.items, self.rejects))
    }
}

#[cold]
fn malformed(fault: &Fault) -> DecodeError {
    DecodeError::malformed(format!(
        "this is no push request: byte {}: {}; nothing of it was stored",
        fault.at, fault.kind
    ))
}
