//! The write-ahead log: what makes an event durable before anybody is told so.
//!
//! 1. [`block`] turns a batch into bytes and back.
//! 2. [`frame`] wraps what one fsync covers.
//! 3. [`header`] begins a file, and says where earlier ones end that failed.
//! 4. [`writer`] numbers events, writes frames, fsyncs them, and starts a new file when one has failed.
//! 5. [`reader`] reads a file back and tells a torn tail from damage. It never changes a file.
//!
//! It must not know segments, the catalog or the memtable: whoever opens the store puts them together.
#![doc = include_str!("../../format/wal.md")]

pub(crate) mod block;
pub(crate) mod frame;
pub(crate) mod header;
pub(crate) mod reader;
#[cfg(test)]
mod tests;
pub(crate) mod writer;
