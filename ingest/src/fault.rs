//! What can be wrong with an event as it was sent. Must not know how it is read.

use outcrop_storage::event::InvalidName;

/// Bytes of a field's name that a message repeats.
const SHOWN_NAME_BYTES_MAX: usize = 64;

/// What is wrong and where, in bytes from the start of what is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) kind: FaultKind,
    /// The field, where it is known and valid.
    pub(crate) field: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FaultKind {
    #[error("{0}")]
    Syntax(&'static str),
    #[error("it ends in the middle; send it whole")]
    Ended,
    #[error("it is not UTF-8; encode text as UTF-8")]
    NotUtf8,
    #[error("a string has half of a surrogate pair; encode text as UTF-8")]
    Surrogate,
    #[error("it is nested over {max} deep; flatten it", max = outcrop_storage::limits::NESTING_DEPTH_MAX)]
    Nesting,
    #[error("it is not an object; send an event as {{\"field\": value, …}}")]
    NotObject,
    #[error("it has no fields; an event has at least one")]
    Empty,
    #[error("a field's name is no text; write names as strings")]
    KeyNotText,
    #[error("its labels cannot be read; write them as {{name=\"value\", …}}")]
    Labels,
    #[error(transparent)]
    Name(InvalidName),
    #[error("it has more than {max} fields; send ids as values, not as names")]
    Fields { max: usize },
    #[error("it has {bytes} bytes and may have {max}; leave large values out")]
    Bytes { bytes: usize, max: usize },
}

impl Fault {
    pub(crate) fn new(at: usize, kind: FaultKind) -> Fault {
        Fault { at, kind, field: None }
    }

    /// The fault in this field.
    #[cold]
    pub(crate) fn within(self, name: &str) -> Fault {
        Fault { field: Some(name.into()), ..self }
    }

    /// The fault for people, its position counted from `start`.
    pub(crate) fn sentence(&self, start: usize) -> String {
        let at = self.at.saturating_sub(start);
        match &self.field {
            Some(field) => format!("byte {at} of the event, field {}: {}", shown(field), self.kind),
            None => format!("byte {at} of the event: {}", self.kind),
        }
    }

    /// Whether the body is not what it claims to be, as opposed to an event that breaks a rule of ours.
    pub(crate) fn is_syntax(&self) -> bool {
        matches!(self.kind, FaultKind::Syntax(_) | FaultKind::Ended)
    }
}

/// A field's name for a message, shortened.
fn shown(name: &str) -> String {
    match name.floor_char_boundary(SHOWN_NAME_BYTES_MAX) {
        end if end < name.len() => format!("{:?}…", &name[..end]),
        _ => format!("{name:?}"),
    }
}
