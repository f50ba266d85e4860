//! `outcrop serve`, in named stages: log, store, engine, listen, serve, drain.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use outcrop_query::{QueryEngine, QuerySettings};
use outcrop_storage::paths::DataDir;
use outcrop_storage::{Store, StoreSettings};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::CommandError;
use crate::http::{self, App};
use crate::settings::Parts;
use crate::telemetry;
use crate::workspace::Workspace;

/// Queries that run at once, and that may wait.
const QUERIES_RUNNING_MAX: usize = 8;
const QUERIES_WAITING_MAX: usize = 64;
/// Threads that may wait for an fsync at once: requests that share one.
const BLOCKING_THREADS_MAX: usize = 512;
/// Seconds that requests under way may take after SIGTERM.
const DRAIN_SECONDS_MAX: u64 = 30;

/// Serves until SIGTERM or SIGINT. `ready` is called with the address once requests are answered.
pub(crate) fn serve(
    parts: Parts,
    ready: impl FnOnce(SocketAddr) -> Result<(), CommandError>,
) -> Result<ExitCode, CommandError> {
    telemetry::start_log(&parts.log)?;
    let workspace = open_workspace(&parts)?;
    let store = Arc::new(open_store(&parts)?);
    let engine = open_engine(&parts)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("outcrop-rim")
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        let listener = listen(parts.http).await?;
        let address = listener.local_addr()?;
        let app = App::new(Arc::clone(&store), engine, workspace, &parts);
        // Before anybody is told that we are ready: from then on a SIGTERM must drain.
        let signals = Signals::new()?;
        println!("Outcrop is ready: http://{address}");
        ready(address)?;
        run(listener, app, signals).await
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    store.close();
    tracing::info!("everything acknowledged is durable; goodbye");
    served.map(|()| ExitCode::SUCCESS)
}

/// Opens the keys. While there is none that counts, only this machine is served.
fn open_workspace(parts: &Parts) -> Result<Workspace, CommandError> {
    let path = DataDir::new(&parts.data_dir).workspace();
    if parts.http.ip().is_loopback() {
        return Ok(Workspace::open(&path)?);
    }
    let opened = if path.exists() { Some(Workspace::open(&path)?) } else { None };
    match opened {
        Some(workspace) if workspace.image()?.has_key() => {
            if parts.public_host.is_none() {
                tracing::warn!("requests by another name than localhost get 421; set public_url to what people use");
            }
            Ok(workspace)
        }
        _ => Err(format!(
            "{} can be reached from other machines, and without a key Outcrop serves this machine only; make one with \
             outcrop keys create --data-dir {} --name NAME --scope query --scope ingest, or use 127.0.0.1",
            parts.http,
            parts.data_dir.display()
        )
        .into()),
    }
}

fn open_store(parts: &Parts) -> Result<Store, CommandError> {
    let mut settings = StoreSettings::new(DataDir::new(&parts.data_dir));
    settings.limits = parts.store.clone();
    settings.tell = |words| tracing::warn!("{words}");
    let store = Store::open(settings)?;
    let health = store.health();
    tracing::info!(
        data_dir = %parts.data_dir.display(),
        segments = health.segments,
        replayed_events = health.replay.events,
        "the store is open"
    );
    for damage in &health.damage {
        tracing::warn!("{damage}");
    }
    Ok(store)
}

fn open_engine(parts: &Parts) -> Result<QueryEngine, CommandError> {
    Ok(QueryEngine::new(QuerySettings {
        threads: parts.query_threads,
        memory_bytes_max: parts.query_memory_bytes_max,
        spill_directory: DataDir::new(&parts.data_dir).spill(),
        concurrency_max: QUERIES_RUNNING_MAX,
        queue_max: QUERIES_WAITING_MAX,
    })?)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = if error.kind() == std::io::ErrorKind::AddrInUse {
            "; another program has this port: choose one with --http 127.0.0.1:PORT, or 0 for any"
        } else {
            ""
        };
        format!("cannot listen on {address}: {error}{hint}").into()
    })
}

/// What asks the server to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }
}

async fn run(listener: TcpListener, app: App, mut signals: Signals) -> Result<(), CommandError> {
    let (begin_drain, mut draining) = tokio::sync::watch::channel(false);
    let drained = async move {
        let _closed = draining.wait_for(|draining| *draining).await;
    };
    let server = axum::serve(listener, http::router(app)).with_graceful_shutdown(drained);
    let mut server = tokio::spawn(async move { server.await });
    tokio::select! {
        ended = &mut server => return Ok(ended??),
        _ = signals.terminate.recv() => {}
        _ = signals.interrupt.recv() => {}
    }
    tracing::info!("draining");
    begin_drain.send_replace(true);
    match tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS_MAX), &mut server).await {
        Ok(ended) => Ok(ended??),
        Err(_) => {
            tracing::warn!("requests were still under way after {DRAIN_SECONDS_MAX} s; they were cut off");
            server.abort();
            Ok(())
        }
    }
}
