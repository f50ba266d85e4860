//! `outcrop serve`, in named stages: log, store, engine, listen, serve, drain.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use outcrop_query::{QueryEngine, QuerySettings};
use outcrop_storage::paths::DataDir;
use outcrop_storage::{Store, StoreSettings};
use tokio::net::{TcpListener, UdpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::CommandError;
use crate::http::{self, App};
use crate::settings::Parts;
use crate::syslog::Listeners;
use crate::telemetry;

/// Queries that run at once, and that may wait.
const QUERIES_RUNNING_MAX: usize = 8;
const QUERIES_WAITING_MAX: usize = 64;
/// Threads that may wait for an fsync at once: requests that share one.
const BLOCKING_THREADS_MAX: usize = 512;
/// Calls that one gRPC connection may have under way.
const GRPC_STREAMS_MAX: u32 = 256;
/// Bytes that a call may have sent before they are taken: a typical batch.
const GRPC_WINDOW_BYTES: u32 = 1 << 20;
/// Seconds after which a silent gRPC connection is asked whether it lives.
const GRPC_KEEPALIVE_SECONDS: u64 = 60;
/// Seconds that requests under way may take after SIGTERM.
const DRAIN_SECONDS_MAX: u64 = 30;

/// Serves until SIGTERM or SIGINT. `ready` is called with the address once requests are answered.
pub(crate) fn serve(
    parts: Parts,
    ready: impl FnOnce(SocketAddr) -> Result<(), CommandError>,
) -> Result<ExitCode, CommandError> {
    telemetry::start_log(&parts.log)?;
    let store = Arc::new(open_store(&parts)?);
    let engine = open_engine(&parts)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("outcrop-rim")
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        let listener = listen("http", parts.http).await?;
        let grpc_listener = listen("grpc", parts.grpc).await?;
        let (address, grpc) = (listener.local_addr()?, grpc_listener.local_addr()?);
        let syslog = listen_for_syslog(&parts).await?;
        let app = App::new(Arc::clone(&store), engine, &parts);
        // Before anybody is told that we are ready: from then on a SIGTERM must drain.
        let signals = Signals::new()?;
        println!("Outcrop is ready: http://{address}, OTLP over gRPC at {grpc}{}", syslog.addresses()?);
        ready(address)?;
        run(listener, grpc_listener, syslog, app, signals).await
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    store.close();
    tracing::info!("everything acknowledged is durable; goodbye");
    served.map(|()| ExitCode::SUCCESS)
}

fn open_store(parts: &Parts) -> Result<Store, CommandError> {
    let mut settings = StoreSettings::new(DataDir::new(&parts.data_dir));
    settings.limits = parts.store.clone();
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

async fn listen(flag: &str, address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address).await.map_err(|error| cannot_listen(flag, address, &error))
}

async fn listen_for_syslog(parts: &Parts) -> Result<Listeners, CommandError> {
    let tcp = match parts.syslog_tcp {
        Some(address) => Some(listen("syslog-tcp", address).await?),
        None => None,
    };
    let udp = match parts.syslog_udp {
        Some(address) => {
            Some(UdpSocket::bind(address).await.map_err(|error| cannot_listen("syslog-udp", address, &error))?)
        }
        None => None,
    };
    let message_bytes_max = parts.ingest.event_bytes_max;
    Ok(Listeners { tcp, udp, dataset: parts.syslog_dataset.clone(), message_bytes_max })
}

fn cannot_listen(flag: &str, address: SocketAddr, error: &std::io::Error) -> CommandError {
    let hint = if error.kind() == std::io::ErrorKind::AddrInUse {
        format!("; another program has this port: choose one with --{flag} 127.0.0.1:PORT, or 0 for any")
    } else {
        String::new()
    };
    format!("cannot listen on {address}: {error}{hint}").into()
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

async fn run(
    listener: TcpListener,
    grpc_listener: TcpListener,
    syslog: Listeners,
    app: App,
    mut signals: Signals,
) -> Result<(), CommandError> {
    let (begin_drain, draining) = tokio::sync::watch::channel(false);
    let drained = |mut draining: tokio::sync::watch::Receiver<bool>| async move {
        let _closed = draining.wait_for(|draining| *draining).await;
    };
    let grpc = Server::builder()
        .max_concurrent_streams(Some(GRPC_STREAMS_MAX))
        .initial_stream_window_size(Some(GRPC_WINDOW_BYTES))
        .http2_keepalive_interval(Some(Duration::from_secs(GRPC_KEEPALIVE_SECONDS)))
        .serve_with_incoming_shutdown(
            Routes::from(http::grpc::router(app.clone())),
            TcpIncoming::from(grpc_listener).with_nodelay(Some(true)),
            drained(draining.clone()),
        );
    let mut grpc = tokio::spawn(grpc);
    let mut syslog = tokio::spawn(syslog.run(app.clone(), draining.clone()));
    let server = axum::serve(listener, http::router(app)).with_graceful_shutdown(drained(draining));
    let mut server = tokio::spawn(async move { server.await });
    tokio::select! {
        ended = &mut server => return Ok(ended??),
        ended = &mut grpc => return Ok(ended??),
        _ = signals.terminate.recv() => {}
        _ = signals.interrupt.recv() => {}
    }
    tracing::info!("draining");
    begin_drain.send_replace(true);
    let all = async {
        (&mut syslog).await?;
        (&mut server).await?.map_err(CommandError::from).and((&mut grpc).await?.map_err(Into::into))
    };
    match tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS_MAX), all).await {
        Ok(ended) => ended,
        Err(_) => {
            tracing::warn!("requests were still under way after {DRAIN_SECONDS_MAX} s; they were cut off");
            syslog.abort();
            server.abort();
            grpc.abort();
            Ok(())
        }
    }
}
