//! What became of a segment, and why, in words.

use std::fmt;

use outcrop_storage::event::FieldName;
use outcrop_storage::paths::SegmentId;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// None of its events is in the time range.
    OutsideTime,
    /// No event has the field, or not of a type that could pass.
    FieldAbsent(FieldName),
    /// No event has the value.
    ValueAbsent(FieldName),
    /// Every value is on the wrong side of what was asked.
    OutOfBounds(FieldName),
    /// Each filter alone has rows here, but none has them all.
    NothingInCommon,
    /// The statistics of the file leave no page.
    Statistics,
    Kept {
        rows: u64,
        of: u64,
    },
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fate::OutsideTime => write!(f, "skipped: no event in the time range"),
            Fate::FieldAbsent(field) => write!(f, "skipped: no event has a fitting {field:?}"),
            Fate::ValueAbsent(field) => write!(f, "skipped: no event has this value of {field:?}"),
            Fate::OutOfBounds(field) => write!(f, "skipped: every {field:?} is above or below"),
            Fate::NothingInCommon => write!(f, "skipped: no rows pass all filters together"),
            Fate::Statistics => write!(f, "skipped: by the statistics of its pages"),
            Fate::Kept { rows, of } => write!(f, "kept: {rows} of {of} rows"),
        }
    }
}

/// One segment of one dataset, given by its place in the question's scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentFate {
    pub(crate) dataset: usize,
    pub(crate) segment: SegmentId,
    pub(crate) fate: Fate,
}

impl fmt::Display for SegmentFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {} of dataset {}: {}", self.segment.0, self.dataset, self.fate)
    }
}
