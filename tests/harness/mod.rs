//! What every test from outside needs: a server of its own, HTTP as rude as needed, and waiting for conditions.
//!
//! [`server`] starts, kills and restarts the executable on a directory; [`http`] writes requests byte by byte, because
//! client libraries are too polite; [`grpc`] does the same frame by frame; [`process`] reads what the kernel says of a process;
//! [`postgres`] speaks another protocol, [`json`] compares answers; [`load`] offers an open-loop load, [`ledger`] compares what was sent with what is there,
//! [`volume`] is a small device, [`tls`] the client's side of TLS.

pub(crate) mod grpc;
pub(crate) mod http;
pub(crate) mod json;
pub(crate) mod ledger;
pub(crate) mod load;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod server;
pub(crate) mod tls;
pub(crate) mod volume;

use std::time::{Duration, Instant};

pub(crate) use http::{Body, Reply, Request};
pub(crate) use server::{Server, Setup};

/// The only way to wait: until `condition` holds, or the test fails saying what it waited for.
pub(crate) fn wait_until(what: &str, patience: Duration, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !condition() {
        assert!(Instant::now() < deadline, "waited {patience:?} in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A number that lengthens or repeats a run.
pub(crate) fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")))
}

/// Random numbers from a seed (SplitMix64), so that a failing run can be repeated.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
