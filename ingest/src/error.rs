//! What can be wrong with a body and with one event of it.
//!
//! Messages say what is wrong and what to do, by position, field and length; a value is never repeated, because values
//! are where the secrets are. Must not know HTTP: the rim maps kinds to status codes.

use outcrop_storage::event::InvalidBatch;
use outcrop_storage::limits;
use outcrop_storage::memory::{Exhausted, Reservation};

/// Why nothing of a body was accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The body does not read as what it claims to be (400).
    #[error("{message}")]
    Malformed { message: String },
    /// The body is larger than the settings allow (413).
    #[error("{message}")]
    TooLarge { message: String },
    /// There is no memory for what the body becomes (429): others hold it for now.
    #[error("there is no memory for this body now; nothing was stored, send it again later")]
    NoMemory(Exhausted),
    /// A `Content-Encoding` that is not understood (415).
    #[error("this Content-Encoding is not understood; send the body plain, or with `gzip` or `zstd`")]
    UnsupportedEncoding {},
    /// A batch broke its own rules (500): our mistake, never the sender's.
    #[error(transparent)]
    Broken(#[from] InvalidBatch),
}

impl DecodeError {
    pub(crate) fn malformed(message: impl Into<String>) -> DecodeError {
        DecodeError::Malformed { message: message.into() }
    }

    pub(crate) fn too_large(message: impl Into<String>) -> DecodeError {
        DecodeError::TooLarge { message: message.into() }
    }
}

/// Reserves `bytes` more for a body, or says whether it should come again or never as it is.
pub(crate) fn reserve(memory: &Reservation, bytes: usize) -> Result<(), DecodeError> {
    memory.try_grow(bytes).map_err(|exhausted| {
        if memory.bytes().saturating_add(bytes) > exhausted.ceiling {
            return DecodeError::too_large(format!(
                "the body takes more than the {} bytes of memory that all bodies may have; send the events in several \
                 smaller bodies, or raise memory_bytes_max",
                exhausted.ceiling
            ));
        }
        DecodeError::NoMemory(exhausted)
    })
}

/// An event that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Which event of the body, from 0; in NDJSON which line, blank ones not counted.
    pub index: usize,
    /// What is wrong and what to do.
    pub error: String,
}

/// The events that were not accepted: all counted, the first [`limits::REJECTS_LISTED_MAX`] listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejects {
    pub listed: Vec<Reject>,
    pub total: usize,
    /// The indexes of the others, if the protocol's answer has a line for each event.
    others: Option<Vec<u32>>,
}

impl Rejects {
    /// Also keeps the indexes of those that are not listed.
    pub(crate) fn all() -> Rejects {
        Rejects { others: Some(Vec::new()), ..Rejects::default() }
    }

    /// `error` is called only if the reject is listed: a hostile body must not make millions of messages.
    pub(crate) fn add(&mut self, index: usize, error: impl FnOnce() -> String) {
        self.total += 1;
        if self.listed.len() < limits::REJECTS_LISTED_MAX {
            self.listed.push(Reject { index, error: error() });
        } else if let Some(others) = &mut self.others {
            others.push(index as u32);
        }
    }

    /// For each of the first `items` events of a body, in order: nothing if it was accepted, else what is wrong.
    pub fn by_item(&self, items: usize) -> impl Iterator<Item = Option<&str>> {
        let listed = self.listed.iter().map(|reject| (reject.index, reject.error.as_str()));
        let others = self.others.iter().flatten().map(|index| (*index as usize, UNLISTED));
        let mut rejected: Vec<(usize, &str)> = listed.chain(others).collect();
        // What is decoded dataset by dataset is rejected so, too.
        rejected.sort_by_key(|(index, _)| *index);
        let mut rejected = rejected.into_iter().peekable();
        (0..items).map(move |item| rejected.next_if(|(index, _)| *index == item).map(|(_, error)| error))
    }
}

/// What is said of rejects that are not listed.
const UNLISTED: &str = "rejected; the reasons of the first rejected events are given, those of the others are not";
