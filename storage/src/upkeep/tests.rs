//! The plans of upkeep.

mod compact;
mod flush;
