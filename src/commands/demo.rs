//! `outcrop demo`: a server with a simulated shop that sends to it as any service would, over HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{CommandError, serve};
use crate::client::Client;
use crate::demo::{DATASET, sender};
use crate::settings::Settings;

pub(crate) fn demo(settings: Settings) -> Result<ExitCode, CommandError> {
    let parts = settings.with_data_dir(PathBuf::from("outcrop-demo")).with_addresses("127.0.0.1:0").parts()?;
    if parts.tls.is_some() {
        return Err("the demo speaks plain HTTP on this machine; leave out tls_certificate and tls_key".into());
    }
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    let served = serve::serve(parts, move |address| {
        println!("The shop is sending: two hours first, then live. Open http://{address}/ in a browser.");
        std::thread::Builder::new().name("outcrop-demo".into()).spawn(move || shop(address, &stopping))?;
        Ok(())
    });
    stop.store(true, Ordering::SeqCst);
    served
}

/// Sends until the demo ends.
fn shop(address: SocketAddr, stop: &AtomicBool) {
    let client = Client::new(&format!("http://{address}"), None, None);
    let send = |body: Vec<u8>| client.send_events(DATASET, &body, None).map(|_| ()).map_err(|e| e.to_string());
    let wait = |duration: Duration| {
        std::thread::sleep(duration);
        !stop.load(Ordering::SeqCst)
    };
    let tally = sender::run(send, now, wait);
    tracing::info!(?tally, "the shop is closed");
}

fn now() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}
