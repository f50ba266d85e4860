//! What was found wrong with a segment: noted once, by whoever meets it first, for everybody who would read it later.
//!
//! Errors of readers lose their type on their way through parquet and a question's plan; the note does not. It must not
//! know what becomes of a damaged segment.

use std::sync::{Arc, OnceLock};

use crate::error::StoreError;

/// A note that all who read one segment share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Damage(Arc<OnceLock<String>>);

impl Damage {
    /// Notes an error of the segment's files, unless it says more of the machine than of them.
    pub(crate) fn note(&self, error: &StoreError) {
        if error.is_damage() {
            self.note_words(error.to_string());
        }
    }

    pub(crate) fn note_words(&self, what: String) {
        let _first_wins = self.0.set(what);
    }

    /// What was found, in words.
    pub(crate) fn what(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}
