//! Compares on a store of their own: against a naive model, on generated causes, and on what is hostile.
//!
//! [`bed`] makes stores and asks, [`shop`] makes events. What an answer must say is judged by its JSON, as a client sees it.

mod bed;
mod cases;
mod chance;
mod hostile;
mod model;
mod shop;
