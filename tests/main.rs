//! The binary from outside: everything here talks to the real executable over HTTP, or reads the repository.
//!
//! [`harness`] starts and stops servers and speaks HTTP as rudely as a test needs. [`semantics`] runs the scripts that
//! say what answers mean, [`api`] holds the contract's shapes and refusals, [`crash`] kills the process, [`overload`] sends
//! it more than it takes, [`disk_full`] fills its device, [`tidy`] reads the repository. Nothing here may know a type of the program.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod api;
mod crash;
mod disk_full;
mod harness;
mod overload;
mod semantics;
mod tidy;
