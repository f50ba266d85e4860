//! A file of the log: its header, and every part behind it, good or bad.

use std::path::Path;

use arrow::array::Array;

use super::{Fact, Facts, hex, read};
use crate::acknowledgement::Acknowledgement;
use crate::error::StoreError;
use crate::wal::frame::{Frame, FrameBatch};
use crate::wal::header::{self, Header};
use crate::wal::reader::{self, Stretch};

pub(super) fn inspect(path: &Path) -> Result<Facts, StoreError> {
    let bytes = read(path)?;
    // The file itself says whose it is; frames of another store are none.
    let store_id = bytes.get(16..32).and_then(|id| <[u8; 16]>::try_from(id).ok()).unwrap_or_default();
    let mut facts = Facts::default().with("bytes", bytes.len());
    let (begin, head) = match header::decode(store_id, &bytes) {
        Header::Good { bytes, cuts } => {
            let cuts =
                cuts.iter().map(|cut| Facts::default().with("file", cut.file).with("bytes", cut.bytes)).collect();
            let head = Facts::default().with("state", "good").with("format_version", header::FORMAT_VERSION);
            (bytes, head.with("store_id", hex(&store_id)).with("cuts", Fact::List(cuts)))
        }
        Header::OtherVersion(version) => return Err(StoreError::UnknownFormat { path: path.to_owned(), version }),
        Header::Beginning => (0, Facts::default().with("state", "cut off")),
        Header::Damaged | Header::Foreign => (0, Facts::default().with("state", "damaged")),
    };
    facts.put("header", head);
    let mut parts = Vec::new();
    let (mut frames, mut events) = (0_u64, 0);
    for (at, stretch) in reader::stretches(store_id, &bytes, begin) {
        let part = Facts::default().with("at", at);
        parts.push(match stretch {
            Stretch::Frame(found) => {
                frames += 1;
                frame(part, &found, &mut events)
            }
            Stretch::Bad(bytes) => part.with("bytes", bytes).with("kind", "damage: a good frame follows"),
            Stretch::Tail(tail) => part.with("bytes", tail.len()).with("kind", "no frame, to the end of the file"),
        });
    }
    facts.put("frames", frames);
    facts.put("events", events);
    facts.put("parts", parts);
    Ok(facts)
}

fn frame(part: Facts, frame: &Frame<'_>, events: &mut u64) -> Facts {
    let head = frame.header();
    let kind = if frame.is_end() { "end" } else { "requests" };
    let part = part
        .with("bytes", frame.bytes())
        .with("kind", kind)
        .with("first_sequence", head.first_sequence)
        .with("received", Fact::Time(head.received))
        .with("body_checksum", format!("{:016x}", head.body_checksum));
    if frame.is_end() {
        return part;
    }
    let Some(content) = frame.content() else {
        return part.with("content", "cannot be read by this version, though its checksum holds");
    };
    let storage = frame.storage();
    *events += content.batches.iter().map(|b| b.events.rows() as u64).sum::<u64>();
    let batches = content.batches.iter().zip(storage).map(|(found, storage)| batch(found, storage));
    let acknowledgements = content.acknowledgements.iter().map(acknowledgement);
    part.with("batches", batches.collect::<Vec<_>>()).with("acknowledgements", acknowledgements.collect::<Vec<_>>())
}

fn batch(batch: &FrameBatch, (stored, inflated, compressed): (u32, u64, bool)) -> Facts {
    let times = batch.events.timestamp().values();
    let columns = batch.events.columns().iter().map(|column| {
        Facts::default()
            .with("field", column.field.as_str())
            .with("type", column.field_type.label())
            .with("values", column.values.len() - column.values.null_count())
    });
    Facts::default()
        .with("dataset_id", batch.target.id.0)
        .with("dataset", batch.target.name.as_str())
        .with("events", batch.events.rows())
        .with("first_sequence", batch.first_sequence)
        .with("stored_bytes", stored)
        .with("inflated_bytes", inflated)
        .with("compression", if compressed { "lz4" } else { "none" })
        .with("time_min", times.iter().min().map(|time| Fact::Time(*time)))
        .with("time_max", times.iter().max().map(|time| Fact::Time(*time)))
        .with("sampled", batch.events.sample_rate().is_some())
        .with("columns", columns.collect::<Vec<_>>())
}

fn acknowledgement(acknowledgement: &Acknowledgement) -> Facts {
    let Acknowledgement { id, received, outcome } = acknowledgement;
    Facts::default()
        .with("key", hex(&id.key))
        .with("body_checksum", format!("{:016x}", id.body))
        .with("received", Fact::Time(*received))
        .with("accepted", outcome.accepted)
        .with("rejected", outcome.rejected)
        .with("details_bytes", outcome.details.len())
}
