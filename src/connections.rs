//! Connections: accepted while there is room for them, each with a buffer that is accounted for, and closed when they are
//! to end.
//!
//! A connection over the limit is told so in a few bytes, before anything is read of it. One that does not finish its
//! handshake or the head of a request, or keeps silent, or does not read its answer, is closed after a while. It must not
//! know routes.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use outcrop_storage::memory::{Memory, Pool, Reservation};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::Service;

mod handshake;
mod patience;

use self::handshake::TLS_BYTES;
use self::patience::Patience;
use crate::http::admission::Shed;
use crate::telemetry::Metrics;

/// Bytes that are read of a connection before they are wanted; also the longest head of a request.
const BUFFER_BYTES: usize = 64 << 10;
/// The same of a connection with many calls at once: what its peer may send of all of them before it is taken.
const WINDOW_BYTES: usize = 512 << 10;
/// Calls that one connection may have under way.
const CALLS_MAX: u32 = 256;
/// How often a silent connection with calls is asked whether it lives.
const PING_INTERVAL: Duration = Duration::from_secs(60);
/// How long the head of a request may take, and how long a connection may be silent between requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);
/// Pause after an accept that failed for want of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What a connection over the limit is told.
const REFUSAL: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nRetry-After: 1\r\nContent-Length: 119\r\nConnection: close\r\n\r\n{\"error\":{\"code\":\"too_many_connections\",\"message\":\"as many connections as there may be; try again later\",\"details\":{}}}";

/// What is spoken on connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    /// One request after the other, or several at once where the peer can.
    Http,
    /// Several calls at once, and nothing else: no browser can be made to speak it to us.
    Grpc,
}

impl Speech {
    /// What may have been read of a connection before it is wanted.
    fn window_bytes(self) -> usize {
        match self {
            Speech::Http => BUFFER_BYTES,
            Speech::Grpc => WINDOW_BYTES,
        }
    }

    /// Its names in a handshake of TLS, the best first.
    pub(crate) fn protocols(self) -> &'static [&'static [u8]] {
        match self {
            Speech::Http => &[b"h2", b"http/1.1"],
            Speech::Grpc => &[b"h2"],
        }
    }

    fn builder(self) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(BUFFER_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(CALLS_MAX)
            .initial_connection_window_size(self.window_bytes() as u32)
            .initial_stream_window_size(self.window_bytes() as u32)
            .max_send_buf_size(BUFFER_BYTES)
            .keep_alive_interval(PING_INTERVAL);
        match self {
            Speech::Http => builder,
            Speech::Grpc => builder.http2_only(),
        }
    }
}

/// The address of whoever sent a request, with the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// What all connections share.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    pub(crate) memory: Memory,
    pub(crate) metrics: Metrics,
    /// Each takes a file descriptor.
    pub(crate) slots: Arc<Semaphore>,
}

/// A connection's place among the others.
struct Place {
    _slot: OwnedSemaphorePermit,
    _memory: Reservation,
}

impl Connections {
    /// Serves until `draining` says so, and then until every request that has begun is answered.
    pub(crate) async fn serve(
        self,
        speech: Speech,
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        router: Router,
        mut draining: watch::Receiver<bool>,
    ) {
        // Every connection holds a receiver, so that the sender knows when the last one is gone.
        let (closing, open) = watch::channel(());
        let drain = draining.clone();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = draining.wait_for(|draining| *draining) => break,
            };
            match accepted {
                Ok((stream, peer)) => match self.place(speech, tls.is_some()) {
                    Some(place) => {
                        let (tls, router, drain, open) = (tls.clone(), router.clone(), drain.clone(), open.clone());
                        tokio::spawn(async move {
                            receive(speech, tls, stream, Peer(peer.ip()), router, drain).await;
                            drop((place, open));
                        });
                    }
                    None => self.refuse(speech, tls.is_some(), &stream),
                },
                // The peer has gone already.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop((listener, open));
        closing.closed().await;
    }

    fn place(&self, speech: Speech, is_tls: bool) -> Option<Place> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().ok()?;
        let tls_bytes = if is_tls { TLS_BYTES } else { 0 };
        let memory =
            self.memory.try_reserve(Pool::Connections, speech.window_bytes() + BUFFER_BYTES + tls_bytes).ok()?;
        Some(Place { _slot: slot, _memory: memory })
    }

    fn refuse(&self, speech: Speech, is_tls: bool, stream: &TcpStream) {
        self.metrics.shed(Shed::Connections.label());
        // Clients of gRPC come again when a connection ends before it began; so do those of TLS, and could not read this.
        if speech == Speech::Http && !is_tls {
            let _best_effort = stream.try_write(REFUSAL);
        }
    }
}

/// The router, told with every request whose it is.
#[derive(Clone, Debug)]
struct Introduced {
    router: Router,
    peer: Peer,
}

impl<B> Service<Request<B>> for Introduced
where
    Router: Service<Request<B>>,
{
    type Response = <Router as Service<Request<B>>>::Response;
    type Error = <Router as Service<Request<B>>>::Error;
    type Future = <Router as Service<Request<B>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.router.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        self.router.call(request)
    }
}

async fn receive(
    speech: Speech,
    tls: Option<TlsAcceptor>,
    stream: TcpStream,
    peer: Peer,
    router: Router,
    mut draining: watch::Receiver<bool>,
) {
    let _best_effort = stream.set_nodelay(true);
    let Some(tls) = tls else { return converse(speech, stream, peer, router, draining).await };
    let shaken = tokio::select! {
        shaken = handshake::shake(speech, &tls, stream) => shaken,
        // No request has begun.
        _ = draining.wait_for(|draining| *draining) => None,
    };
    if let Some(stream) = shaken {
        converse(speech, stream, peer, router, draining).await;
    }
}

async fn converse<T>(speech: Speech, stream: T, peer: Peer, router: Router, mut draining: watch::Receiver<bool>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let builder = speech.builder();
    let service = TowerToHyperService::new(Introduced { router, peer });
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(Patience::new(stream)), service));
    let mut drained = false;
    loop {
        tokio::select! {
            // What goes wrong between two requests concerns the peer, and it knows.
            _ended = connection.as_mut() => return,
            _ = draining.wait_for(|draining| *draining), if !drained => {
                drained = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_answers_of_the_contract() {
        for (refusal, code) in [(REFUSAL, "too_many_connections"), (handshake::PLAIN_REFUSAL, "tls_needed")] {
            let text = std::str::from_utf8(refusal).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{} bytes", body.len());
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["error"]["code"], code);
        }
    }
}
