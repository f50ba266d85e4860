//! `outcrop demo`: a server with a simulated shop that sends to it as any service would, over HTTP.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;

use super::{CommandError, serve};
use crate::client::Client;
use crate::demo::{DATASET, sender};
use crate::settings::Settings;

/// How busy the shop may be: some events a minute, up to what a large machine takes.
const LOAD: RangeInclusive<f64> = 0.01..=100.0;

/// What is said about the demo beside the settings of a server.
#[derive(Args, Clone, Debug)]
pub(crate) struct DemoArguments {
    /// How busy the shop is: 1 is about 180 events a second
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = load)]
    load: f64,
}

fn load(said: &str) -> Result<f64, String> {
    let load = said.parse().map_err(|_| "write a number, such as 0.1")?;
    if LOAD.contains(&load) { Ok(load) } else { Err(format!("choose between {} and {}", LOAD.start(), LOAD.end())) }
}

pub(crate) fn demo(settings: Settings, arguments: &DemoArguments) -> Result<ExitCode, CommandError> {
    let load = arguments.load;
    let parts = settings.with_data_dir(PathBuf::from("outcrop-demo")).with_addresses("127.0.0.1:0").parts()?;
    if parts.tls.is_some() {
        return Err("the demo speaks plain HTTP on this machine; leave out tls_certificate and tls_key".into());
    }
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    let served = serve::serve(parts, move |address| {
        println!("The shop is sending: the past hours first, then live. Open http://{address}/ in a browser.");
        std::thread::Builder::new().name("outcrop-demo".into()).spawn(move || shop(address, load, &stopping))?;
        Ok(())
    });
    stop.store(true, Ordering::SeqCst);
    served
}

/// Sends until the demo ends.
fn shop(address: SocketAddr, load: f64, stop: &AtomicBool) {
    let client = Client::new(&format!("http://{address}"), None, None);
    let send = |body: Vec<u8>| client.send_events(DATASET, &body, None).map(|_| ()).map_err(|e| e.to_string());
    let wait = |duration: Duration| {
        std::thread::sleep(duration);
        !stop.load(Ordering::SeqCst)
    };
    let tally = sender::run(load, send, now, wait);
    tracing::info!(?tally, "the shop is closed");
}

fn now() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}
