//! What can be wrong with an event's text. Must not know how it is read.

use outcrop_storage::event::InvalidName;

/// What is wrong and where, in bytes from the start of the text that is read.
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

    /// Whether the text is no JSON at all, as opposed to JSON that breaks a rule of ours.
    pub(crate) fn is_syntax(&self) -> bool {
        matches!(self.kind, FaultKind::Syntax(_) | FaultKind::Ended)
    }
}
