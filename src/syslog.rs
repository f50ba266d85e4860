//! Syslog over TCP and UDP: streams and datagrams become bodies for the same way in that requests take.
//!
//! The protocol has no acknowledgements. Over TCP a sender waits until what it sent is durable; datagrams wait in a queue of
//! bounded size, and what comes while it is full is dropped and counted. Must not know what messages mean.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use outcrop_ingest::{Protocol, syslog};
use outcrop_storage::event::DatasetName;
use outcrop_storage::memory::{Pool, Reservation};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use crate::http::admission::Shed;
use crate::http::{App, take_bytes};

/// TCP connections at once; further ones wait.
const CONNECTIONS_MAX: usize = 256;
/// Bytes read from a connection before they are stored.
const READ_BYTES: usize = 256 << 10;
/// Bytes of datagrams that wait to be stored.
const QUEUE_BYTES_MAX: usize = 8 << 20;
/// What a datagram takes beside its own bytes.
const FRAME_BYTES: usize = 16;
/// Pause before memory is asked for again, or a connection is accepted after that failed.
const PAUSE: Duration = Duration::from_millis(100);
/// A datagram is never longer.
const DATAGRAM_BYTES_MAX: usize = 64 << 10;

/// Where messages come in, and where they go.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) tcp: Option<TcpListener>,
    pub(crate) udp: Option<UdpSocket>,
    pub(crate) dataset: DatasetName,
    pub(crate) message_bytes_max: usize,
}

impl Listeners {
    /// The addresses, for people.
    pub(crate) fn addresses(&self) -> std::io::Result<String> {
        let tcp = self.tcp.as_ref().map(TcpListener::local_addr).transpose()?;
        let udp = self.udp.as_ref().map(UdpSocket::local_addr).transpose()?;
        let said = |way: &str, address: Option<SocketAddr>| address.map(|a| format!(", syslog over {way} at {a}"));
        Ok([said("TCP", tcp), said("UDP", udp)].into_iter().flatten().collect())
    }

    /// Takes messages until `draining`, then stores what has come.
    pub(crate) async fn run(self, app: App, draining: watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        let sink = Sink { app, dataset: self.dataset, message_bytes_max: self.message_bytes_max };
        if let Some(listener) = self.tcp {
            tasks.spawn(accept(listener, sink.clone(), draining.clone()));
        }
        if let Some(socket) = self.udp {
            let memory = sink.app.memory.reservation(Pool::Bodies);
            let queue = Arc::new(Queue { stream: Mutex::default(), memory, came: Notify::default() });
            tasks.spawn(receive(socket, sink.clone(), Arc::clone(&queue), draining.clone()));
            tasks.spawn(store(queue, sink, draining));
        }
        while tasks.join_next().await.is_some() {}
    }
}

#[derive(Clone, Debug)]
struct Sink {
    app: App,
    dataset: DatasetName,
    message_bytes_max: usize,
}

impl Sink {
    /// Makes messages durable, trying again as long as that is a matter of time.
    async fn store(&self, messages: Vec<u8>) {
        let messages = Bytes::from(messages);
        loop {
            let stored = take_bytes(&self.app, Protocol::Syslog, self.dataset.clone(), messages.clone()).await;
            match stored {
                Ok(()) => return,
                Err(error) => match error.retry_after_seconds() {
                    Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds.into())).await,
                    None => {
                        tracing::warn!("{} bytes of syslog messages were refused: {}", messages.len(), error.message());
                        self.app.metrics.syslog_dropped.inc();
                        return;
                    }
                },
            }
        }
    }
}

async fn until(mut draining: watch::Receiver<bool>) {
    let _closed = draining.wait_for(|draining| *draining).await;
}

async fn accept(listener: TcpListener, sink: Sink, draining: watch::Receiver<bool>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut tasks = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = until(draining.clone()) => break,
        };
        while tasks.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let Ok(room) = sink.app.memory.try_reserve(Pool::Connections, READ_BYTES) else {
                    sink.app.metrics.shed(Shed::Connections.label());
                    tracing::warn!("a syslog connection was closed: there is no memory for another");
                    continue;
                };
                let (sink, draining) = (sink.clone(), draining.clone());
                tasks.spawn(async move {
                    read(stream, &room, &sink, draining).await;
                    drop(permit);
                });
            }
            // Out of descriptors, or a connection that ended before it began.
            Err(error) => {
                tracing::warn!("syslog: cannot accept a connection: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Reads a connection to its end. What is read is stored before more is, and nothing is read without memory for it.
async fn read(mut stream: TcpStream, room: &Reservation, sink: &Sink, draining: watch::Receiver<bool>) {
    let mut buffer = Vec::new();
    loop {
        let begun = buffer.len();
        while room.try_grow((begun + READ_BYTES).saturating_sub(room.bytes())).is_err() {
            tokio::time::sleep(PAUSE).await;
        }
        buffer.resize(begun + READ_BYTES, 0);
        let came = tokio::select! {
            came = stream.read(&mut buffer[begun..]) => came.unwrap_or_default(),
            () = until(draining.clone()) => 0,
        };
        buffer.truncate(begun + came);
        let at_end = came == 0;
        while !buffer.is_empty() {
            match syslog::whole_messages(&buffer, sink.message_bytes_max, at_end) {
                Ok(0) => break,
                Ok(whole) => {
                    let rest = buffer.split_off(whole);
                    sink.store(std::mem::replace(&mut buffer, rest)).await;
                }
                Err(error) => {
                    tracing::warn!("a syslog connection was closed: {error}");
                    sink.app.metrics.syslog_dropped.inc();
                    return;
                }
            }
        }
        if at_end {
            return;
        }
        buffer.shrink_to(READ_BYTES);
        room.resize(buffer.len() + READ_BYTES);
    }
}

/// Datagrams that wait, framed as in a stream.
#[derive(Debug)]
struct Queue {
    stream: Mutex<Vec<u8>>,
    /// For what waits and what is being stored.
    memory: Reservation,
    came: Notify,
}

impl Queue {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.stream.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// So many bytes that were taken are stored.
    fn free(&self, bytes: usize) {
        let waiting = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        // What a frame took less than it was thought to is given back when nothing waits.
        if waiting.is_empty() { self.memory.resize(0) } else { self.memory.shrink(bytes) }
    }
}

async fn receive(socket: UdpSocket, sink: Sink, queue: Arc<Queue>, draining: watch::Receiver<bool>) {
    let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
    let mut dropping = false;
    loop {
        let came = tokio::select! {
            came = socket.recv(&mut datagram) => came,
            () = until(draining.clone()) => return,
        };
        // An earlier datagram of ours that could not be delivered: none of our business.
        let Ok(length) = came else { continue };
        let mut stream = queue.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = length + FRAME_BYTES;
        if stream.len() + bytes > QUEUE_BYTES_MAX || queue.memory.try_grow(bytes).is_err() {
            sink.app.metrics.syslog_dropped.inc();
            if !dropping {
                tracing::warn!("syslog messages come over UDP faster than they can be stored; some are dropped");
            }
            dropping = true;
            continue;
        }
        dropping = false;
        syslog::framed(&datagram[..length], &mut stream);
        drop(stream);
        queue.came.notify_one();
    }
}

/// Stores what waits, all of it at once, until nothing more can come.
async fn store(queue: Arc<Queue>, sink: Sink, draining: watch::Receiver<bool>) {
    let mut at_end = false;
    loop {
        let messages = queue.take();
        let bytes = messages.len();
        if bytes > 0 {
            sink.store(messages).await;
            queue.free(bytes);
        } else if at_end {
            return;
        } else {
            tokio::select! {
                () = queue.came.notified() => {}
                () = until(draining.clone()) => at_end = true,
            }
        }
    }
}
