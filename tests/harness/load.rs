//! An open-loop sender: request n is due at its time whatever became of the ones before, and its latency counts from then.
//!
//! Each lane is a thread with a connection that it keeps. A lane takes the next request, waits until it is due, sends it
//! and reads the answer; when all lanes are busy, requests go out late and their latency says so. It must not know what
//! bodies mean.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Reply, process};

/// How a load is offered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// Requests that may be under way at once.
    pub(crate) lanes: usize,
    /// Time from one request to the next; none for as soon as a lane is free (a closed loop).
    pub(crate) interval: Option<Duration>,
    pub(crate) duration: Duration,
    /// The processor that the sender leaves to the server.
    pub(crate) keep_off: Option<usize>,
    /// The number of the first request.
    pub(crate) first: u64,
}

/// What became of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) request: u64,
    /// None if the connection broke.
    pub(crate) status: Option<u16>,
    /// From when it was due to the last byte of the answer.
    pub(crate) latency: Duration,
}

/// Offers the load. `write` writes request n, head and body, into an empty buffer.
pub(crate) fn offer(address: SocketAddr, schedule: Schedule, write: impl Fn(u64, &mut Vec<u8>) + Sync) -> Vec<Outcome> {
    let next = AtomicU64::new(0);
    let began = Instant::now();
    let lane = || {
        let mut connection = None;
        let mut bytes = Vec::new();
        let mut outcomes = Vec::new();
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            let due = match schedule.interval {
                Some(interval) => began + interval.mul_f64(nth as f64),
                None => Instant::now(),
            };
            if due.duration_since(began) >= schedule.duration {
                return outcomes;
            }
            let request = schedule.first + nth;
            bytes.clear();
            write(request, &mut bytes);
            wait_for(due);
            let status = exchange(&mut connection, address, &bytes).ok().map(|reply| reply.status);
            outcomes.push(Outcome { request, status, latency: due.elapsed() });
        }
    };
    process::keep_off(schedule.keep_off);
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..schedule.lanes).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    })
}

pub(crate) fn wait_for(due: Instant) {
    while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

/// One request and its answer on a connection that is kept unless it broke or the server closes it.
fn exchange(
    connection: &mut Option<BufReader<TcpStream>>,
    address: SocketAddr,
    bytes: &[u8],
) -> std::io::Result<Reply> {
    let mut stream = match connection.take() {
        Some(stream) => stream,
        None => connect(address)?,
    };
    stream.get_mut().write_all(bytes)?;
    let reply = Reply::read(&mut stream)?;
    if reply.header("connection") != Some("close") {
        *connection = Some(stream);
    }
    Ok(reply)
}

fn connect(address: SocketAddr) -> std::io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_write_timeout(Some(Duration::from_secs(60)))?;
    Ok(BufReader::new(stream))
}

/// The latency that this share of the outcomes does not exceed.
pub(crate) fn percentile(outcomes: impl Iterator<Item = Duration>, share: f64) -> Duration {
    let mut latencies: Vec<Duration> = outcomes.collect();
    latencies.sort_unstable();
    let rank = (latencies.len() as f64 * share).ceil() as usize;
    latencies.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
