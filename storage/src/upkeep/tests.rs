//! Tests, to be filled.
