//! `outcrop serve`, in named stages: log, store, engine, listen, serve, drain.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use outcrop_query::{QueryEngine, QuerySettings};
use outcrop_storage::memory::{Memory, Pool};
use outcrop_storage::paths::DataDir;
use outcrop_storage::{Store, StoreSettings, machine};
use serde_json::json;
use tokio::net::{TcpListener, UdpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::CommandError;
use crate::audit::{Audit, Entry};
use crate::connections::{Connections, Speech};
use crate::http::{self, App, Grants, History, IN_FLIGHT_MAX};
use crate::own::Own;
use crate::settings::Parts;
use crate::syslog::Listeners;
use crate::tls::{Tls, TlsError};
use crate::workspace::Workspace;
use crate::{postgres, pressure, releases, telemetry};

/// Queries that run at once, and that may wait.
const QUERIES_RUNNING_MAX: usize = 8;
const QUERIES_WAITING_MAX: usize = 64;
/// Threads beside those of ingest that may block, such as for a console's files.
const BLOCKING_THREADS_SPARE: usize = 16;
/// Open files that the store and the queries need at most at once: log, catalog, segments being read or written, spills.
const STORE_FILES: u64 = 256;
/// Open files below which an operator should know that connections are few.
const OPEN_FILES_WARN: u64 = 4_096;
/// Mappings below which segments may run out of them; each open one takes one, and threads take some.
const MAPS_WARN: u64 = 32_768;
/// Seconds that requests under way may take after SIGTERM.
const DRAIN_SECONDS_MAX: u64 = 30;

/// Serves until SIGTERM or SIGINT. `ready` is called with the address once requests are answered.
pub(crate) fn serve(
    parts: Parts,
    ready: impl FnOnce(SocketAddr) -> Result<(), CommandError>,
) -> Result<ExitCode, CommandError> {
    telemetry::start_log(&parts.log)?;
    let workspace = open_workspace(&parts)?;
    let tls = parts.tls.clone().map(Tls::open).transpose()?;
    let grants = grants();
    let memory = Memory::new(parts.memory);
    let store = Arc::new(open_store(&parts, memory.clone())?);
    let engine = open_engine(&parts, memory)?;
    let audit = Audit::open(&DataDir::new(&parts.data_dir))?;
    let log = audit.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(IN_FLIGHT_MAX + BLOCKING_THREADS_SPARE)
        .thread_name("outcrop-rim")
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        let listener = listen("http", parts.http).await?;
        let grpc_listener = listen("grpc", parts.grpc).await?;
        let (address, grpc) = (listener.local_addr()?, grpc_listener.local_addr()?);
        let syslog = listen_for_syslog(&parts).await?;
        let postgres = match parts.postgres {
            Some(address) => Some(listen("postgres", address).await?),
            None => None,
        };
        let sql = postgres.as_ref().map(TcpListener::local_addr).transpose()?;
        let sql = sql.map_or_else(String::new, |address| format!(", PostgreSQL at {address}"));
        let (history, asked) = History::new();
        let app = App::new(Arc::clone(&store), engine, workspace, history, audit, &parts, grants)?;
        record_own(&app, "server.start").await;
        app.own.begin(&app)?;
        tokio::spawn(http::write_history(app.clone(), asked));
        // Before anybody is told that we are ready: from then on a SIGTERM must drain.
        let signals = Signals::new()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        println!("Outcrop is ready: {scheme}://{address} and OTLP over gRPC at {grpc}{sql}{}", syslog.addresses()?);
        ready(address)?;
        let addresses = Addresses { http: listener, grpc: grpc_listener, postgres, syslog, tls };
        let ended = run(addresses, app.clone(), signals).await;
        record_own(&app, "server.stop").await;
        app.own.end();
        ended
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    store.close();
    log.close();
    tracing::info!("everything acknowledged is durable; goodbye");
    served.map(|()| ExitCode::SUCCESS)
}

/// What Outcrop does by itself stands in the audit log before it counts.
async fn record_own(app: &App, action: &'static str) {
    let what = json!({ "version": env!("CARGO_PKG_VERSION") });
    // Where nothing can be written, what there is can be read all the same.
    let _said_in_the_log = app.audit.changed(Entry::own(app.store.clock().now(), action, what)).await;
}

/// Opens the keys. While there is none that counts, only this machine is served.
fn open_workspace(parts: &Parts) -> Result<Workspace, CommandError> {
    let path = DataDir::new(&parts.data_dir).workspace();
    if parts.is_loopback_only() {
        return Ok(Workspace::open(&path)?);
    }
    let addresses = [("http", Some(parts.http)), ("grpc", Some(parts.grpc)), ("postgres", parts.postgres)];
    let open = addresses.into_iter().filter_map(|(name, address)| Some((name, address?)));
    let open = open.into_iter().find(|(_, address)| !address.ip().is_loopback());
    let (name, address) = open.unwrap_or(("http", parts.http));
    let opened = if path.exists() { Some(Workspace::open(&path)?) } else { None };
    match opened {
        Some(workspace) if workspace.image()?.has_key() => {
            if parts.public_host.is_none() && !parts.http.ip().is_loopback() {
                tracing::warn!("requests by another name than localhost get 421; set public_url to what people use");
            }
            Ok(workspace)
        }
        _ => Err(format!(
            "{name}: {address} can be reached from other machines, and without a key Outcrop serves this machine only; make one with \
             outcrop keys create --data-dir {} --name NAME --scope query --scope ingest, or use 127.0.0.1",
            parts.data_dir.display()
        )
        .into()),
    }
}

/// What the system grants, asked for as much of it as it gives.
fn grants() -> Grants {
    let open_files_max = machine::raise_open_files_max().unwrap_or_else(|error| {
        tracing::warn!("cannot tell how many files may be open: {error}");
        OPEN_FILES_WARN
    });
    let maps_max = machine::maps_max().unwrap_or(MAPS_WARN);
    if open_files_max < OPEN_FILES_WARN {
        tracing::warn!(open_files_max, "few files may be open, so that few connections are taken; raise ulimit -n");
    }
    if maps_max < MAPS_WARN {
        tracing::warn!(maps_max, "few mappings are allowed, so that few segments are open; raise vm.max_map_count");
    }
    Grants { open_files_max, maps_max }
}

/// Half of the files are for connections, and never those that the store needs.
fn connections_max(grants: Grants) -> usize {
    let most = grants.open_files_max.saturating_sub(STORE_FILES).min(grants.open_files_max / 2).max(8);
    usize::try_from(most).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}

fn open_store(parts: &Parts, memory: Memory) -> Result<Store, CommandError> {
    let mut settings = StoreSettings::new(DataDir::new(&parts.data_dir));
    settings.limits = parts.store.clone();
    settings.tell = |words| tracing::warn!("{words}");
    settings.watcher = Own::new(parts.own_events.clone()).watcher();
    let store = Store::open_within(settings, memory)?;
    let health = store.health();
    tracing::info!(
        data_dir = %parts.data_dir.display(),
        segments = health.segments,
        replayed_events = health.replay.events,
        memory_bytes = Pool::ALL.iter().map(|pool| parts.memory.of(*pool)).sum::<usize>(),
        "the store is open"
    );
    for damage in &health.damage {
        tracing::warn!("{damage}");
    }
    Ok(store)
}

fn open_engine(parts: &Parts, memory: Memory) -> Result<QueryEngine, CommandError> {
    Ok(QueryEngine::new(QuerySettings {
        threads: parts.query_threads,
        memory,
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

/// Where others reach us, and what all but syslog is spoken over.
struct Addresses {
    http: TcpListener,
    grpc: TcpListener,
    postgres: Option<TcpListener>,
    syslog: Listeners,
    tls: Option<Tls>,
}

impl Addresses {
    fn acceptor(&self, protocols: &[&[u8]]) -> Result<Option<TlsAcceptor>, TlsError> {
        self.tls.as_ref().map(|tls| tls.acceptor(protocols)).transpose()
    }
}

async fn run(addresses: Addresses, app: App, mut signals: Signals) -> Result<(), CommandError> {
    let over_tls = |speech: Speech| addresses.acceptor(speech.protocols());
    let (http_tls, grpc_tls) = (over_tls(Speech::Http)?, over_tls(Speech::Grpc)?);
    let postgres_tls = addresses.acceptor(postgres::PROTOCOLS)?;
    if let Some(tls) = addresses.tls {
        tokio::spawn(tls.watch(signal(SignalKind::hangup())?));
    }
    let (begin_drain, draining) = tokio::sync::watch::channel(false);
    let connections = Connections {
        memory: app.memory.clone(),
        metrics: app.metrics.clone(),
        slots: Arc::new(Semaphore::new(connections_max(app.grants))),
    };
    tokio::spawn(pressure::watch(app.clone()));
    tokio::spawn(releases::watch(app.clone()));
    let router = http::grpc::router(app.clone());
    let calls = connections.clone().serve(Speech::Grpc, addresses.grpc, grpc_tls, router, draining.clone());
    let mut calls = tokio::spawn(calls);
    let mut sql = tokio::spawn(postgres::serve(addresses.postgres, postgres_tls, app.clone(), draining.clone()));
    let mut syslog = tokio::spawn(addresses.syslog.run(app.clone(), draining.clone()));
    let router = http::router(app.clone());
    let mut server = tokio::spawn(connections.serve(Speech::Http, addresses.http, http_tls, router, draining));
    tokio::select! {
        ended = &mut server => return Ok(ended?),
        ended = &mut calls => return Ok(ended?),
        _ = signals.terminate.recv() => {}
        _ = signals.interrupt.recv() => {}
    }
    tracing::info!("draining");
    begin_drain.send_replace(true);
    app.tails.end();
    let all = async { tokio::try_join!(&mut server, &mut calls, &mut sql, &mut syslog) };
    match tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS_MAX), all).await {
        Ok(ended) => Ok(ended.map(drop)?),
        Err(_) => {
            tracing::warn!("requests were still under way after {DRAIN_SECONDS_MAX} s; they were cut off");
            server.abort();
            calls.abort();
            sql.abort();
            syslog.abort();
            Ok(())
        }
    }
}
