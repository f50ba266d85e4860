//! What the store does in its own time: turning memtables into segments and trimming the log behind them.
//!
//! Each task is a pure plan beside an effectful run. It must not know who asks for events or sends them.

pub(crate) mod flush;
#[cfg(test)]
mod tests;
