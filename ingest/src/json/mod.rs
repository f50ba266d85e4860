#![doc = include_str!("../../format/json.md")]
//!
//! This file says what a body is; `body` finds the elements and lines in it and counts those that are wrong, `event`
//! reads one event, `scan` with `string` and `number` its tokens, and `keys` its names. Protocols whose bodies are JSON
//! around events use the same parts, and `walk` for what is around. Must not know HTTP, columns or compression.

pub(crate) mod body;
pub(crate) mod event;
mod keys;
pub(crate) mod number;
pub(crate) mod scan;
pub(crate) mod string;
pub(crate) mod walk;

#[cfg(test)]
mod tests;

use self::body::{Body, Text};
use self::event::EventReader;
use crate::error::DecodeError;
use crate::event::{Rows, SpecialNames};
use crate::limits::Bounds;
use crate::{Context, Decoded};

/// Reads an inflated body.
///
/// # Errors
///
/// [`DecodeError::Malformed`] for a body without events or an object or array that does not parse to its end;
/// [`DecodeError::TooLarge`] for one with too many different field names.
pub(crate) fn decode(body: &[u8], context: &Context<'_>) -> Result<Decoded, DecodeError> {
    let text = Text::new(body, context.memory)?;
    let events = EventReader::new(Rows::new(context, Bounds::default(), SpecialNames::Consumed));
    let mut body = Body::new(&text, events, Box::new(|events, scan| events.stage(scan).map(|()| None)));
    match text.first() {
        None => {
            return Err(DecodeError::malformed(
                "the body is empty; send a JSON object, an array of objects, or NDJSON",
            ));
        }
        Some(b'[') => body.array()?,
        Some(_) => body.object_or_lines()?,
    }
    body.finish()
}
