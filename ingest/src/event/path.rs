//! The name of a value that lies within others: their names joined by dots. Must not know what the values are.

use outcrop_storage::limits::FLATTEN_DEPTH_MAX;

/// A name that grows and shrinks with the objects around a value.
#[derive(Debug, Default)]
pub(crate) struct Path {
    name: String,
    parts: usize,
}

/// The name as it was before it grew.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outer {
    bytes: usize,
}

impl Path {
    /// Goes into a member of this name.
    pub(crate) fn enter(&mut self, name: &str) -> Outer {
        let outer = Outer { bytes: self.name.len() };
        if self.parts > 0 {
            self.name.push('.');
        }
        self.name.push_str(name);
        self.parts += 1;
        outer
    }

    pub(crate) fn leave(&mut self, outer: Outer) {
        self.name.truncate(outer.bytes);
        self.parts -= 1;
    }

    pub(crate) fn clear(&mut self) {
        self.name.clear();
        self.parts = 0;
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the members of an object here still get names of their own.
    pub(crate) fn flattens(&self) -> bool {
        self.parts < FLATTEN_DEPTH_MAX
    }
}
