//! What the store does in its own time: turning memtables into segments, merging those, letting old ones go.
//!
//! Each file is a pure plan; the store carries it out, and tells those who watch ([`told`]). It must not know who asks for
//! events or sends them.

pub(crate) mod compact;
pub(crate) mod flush;
pub(crate) mod retain;
#[cfg(test)]
mod tests;
pub(crate) mod told;
