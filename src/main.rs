//! THE RIM: the `outcrop` binary. Reads settings, opens the store, serves HTTP, drains.
//!
//! The rooms below do the work: `outcrop_ingest` turns bytes into columns, `outcrop_storage` keeps them,
//! `outcrop_query` answers. The rim must not know arrow arrays, parquet or DataFusion.

mod audit;
mod client;
mod commands;
mod connections;
mod demo;
mod http;
mod own;
mod postgres;
mod pressure;
mod rates;
mod redactions;
mod releases;
mod settings;
mod syslog;
mod tasks;
mod telemetry;
mod times;
mod tls;
mod workers;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("outcrop: {error}");
            ExitCode::FAILURE
        }
    }
}
