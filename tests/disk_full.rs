//! A device that fills up under load, by our own events and by what others write: refusals with 503, nothing lost, answers
//! all the while, and recovery without a restart.
//!
//! The device is a file system in memory of 64 MiB. `OUTCROP_DISK_FULL_ROUNDS` lengthens the run. It must not know what the
//! server writes where.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::harness::ledger::Ledger;
use crate::harness::volume::Volume;
use crate::harness::{Random, Reply, Request, Server, Setup, from_environment, wait_until};

const MIB: u64 = 1 << 20;
const DEVICE_BYTES: u64 = 64 * MIB;
const EVENTS_EACH: u64 = 200;
const SENDERS: u64 = 3;
const ROUNDS_DEFAULT: u64 = 4;
const PATIENCE: Duration = Duration::from_secs(120);

/// A server whose data is on a device of its own. The order is that of the end: the server first.
struct Scene {
    server: Option<Server>,
    setup: Setup,
    ballast: PathBuf,
    ledger: Mutex<Ledger>,
    next: AtomicU64,
    _volume: Volume,
}

impl Scene {
    fn start(arguments: &[&str]) -> Option<Scene> {
        let setup = Setup::new().with(arguments);
        let volume = Volume::mount(&setup.home().join("volume"), DEVICE_BYTES)?;
        std::fs::create_dir(volume.path().join("data")).unwrap();
        std::os::unix::fs::symlink("volume/data", setup.home().join("data")).unwrap();
        let ballast = volume.path().join("ballast");
        let ledger = Mutex::new(Ledger::new("d", EVENTS_EACH));
        let server = Some(setup.start());
        Some(Scene { server, setup, ballast, ledger, next: AtomicU64::new(0), _volume: volume })
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// One request of events that no compression makes small, noted in the ledger.
    fn send(&self, address: SocketAddr) -> Option<Reply> {
        let request = self.next.fetch_add(1, Ordering::SeqCst);
        let mut random = Random(request);
        let event = |n: u64| {
            let noise: String = (0..12).map(|_| format!("{:016x}", random.next())).collect();
            format!("{{\"timestamp\":{},\"request\":{request},\"n\":{n},\"noise\":\"{noise}\"}}\n", 1_793_491_200 + n)
        };
        let body: String = (0..EVENTS_EACH).map(event).collect();
        let reply = Request::post("/api/v1/events/d", body).try_to(address).ok();
        self.ledger.lock().unwrap().note(request, reply.as_ref().map(|reply| reply.status));
        reply
    }

    /// Sends from several threads while `meanwhile` runs.
    fn under_load<T>(&self, meanwhile: impl FnOnce() -> T) -> T {
        let done = AtomicBool::new(false);
        let address = self.server().address;
        std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| {
                    while !done.load(Ordering::SeqCst) {
                        if self.send(address).is_none_or(|reply| reply.status != 200) {
                            std::thread::park_timeout(Duration::from_millis(20));
                        }
                    }
                });
            }
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(meanwhile));
            done.store(true, Ordering::SeqCst);
            result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn acknowledged(&self) -> u64 {
        self.ledger.lock().unwrap().acknowledged()
    }

    /// Waits until more requests are acknowledged than now.
    fn wait_for_progress(&self) {
        let before = self.acknowledged();
        wait_until("requests are acknowledged", PATIENCE, || self.acknowledged() > before + 20);
    }

    fn is_ready(&self) -> bool {
        self.server().get("/readyz").status == 200
    }

    fn verify(&self) {
        self.ledger.lock().unwrap().verify(self.server());
    }

    /// SIGKILL and a start on the same device.
    fn restart(&mut self) {
        drop(self.server.take());
        self.server = Some(self.setup.start());
    }
}

/// A file of so many bytes, or as many as there is space for.
fn write_ballast(path: &Path, bytes: u64) {
    let mut file = File::create(path).unwrap();
    let block = vec![7; MIB as usize];
    let mut left = bytes;
    while left > 0 {
        let length = block.len().min(left as usize);
        match file.write(&block[..length]) {
            Ok(0) | Err(_) => return,
            Ok(written) => left -= written as u64,
        }
    }
}

#[test]
fn ingest_stops_before_the_device_is_full_and_goes_on_when_there_is_space() {
    let Some(mut scene) = Scene::start(&["--flush-bytes-max", "4000000"]) else { return };
    write_ballast(&scene.ballast, 24 * MIB);
    // Merging may make room once more when it was full for good already.
    let refused = (0..20).find_map(|_| {
        scene.under_load(|| {
            wait_until("the device is full", PATIENCE, || scene.server().metric("outcrop_disk_full") == 1.0);
            // What is in memory becomes segments, which may make room for a while; in the end it does not.
            wait_until("it is full for good", PATIENCE, || {
                scene.server().metric("outcrop_disk_full") == 1.0
                    && scene.server().metric("outcrop_disk_headroom_bytes") < MIB as f64
                    && scene.server().metric("outcrop_memtable_bytes") == 0.0
            });
        });
        scene.send(scene.server().address).filter(|reply| reply.status != 200)
    });
    let refused = refused.unwrap();
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (503, Some("disk_full")));
    assert!(refused.header("retry-after").is_some());
    let readiness = scene.server().get("/readyz");
    assert_eq!((readiness.status, &readiness.json()["ready"]), (503, &json!(false)));
    assert!(readiness.json()["reasons"][0].as_str().unwrap().contains("the disk is full"), "{}", readiness.text());
    assert!(readiness.json()["disk"]["used_percent"].as_u64().unwrap() > 80, "{}", readiness.text());
    assert_eq!(scene.server().get("/healthz").status, 200);
    assert!(scene.server().metric("outcrop_shed_requests_total") > 0.0);
    // It was foreseen: no write has failed.
    assert_eq!(scene.server().metric("outcrop_wal_poisoned_files"), 0.0);
    assert_eq!(scene.server().metric("outcrop_flush_failures"), 0.0);
    scene.verify();
    let log = std::fs::read_to_string(scene.setup.home().join("log")).unwrap();
    for line in ["the disk fills up", "the disk is full"] {
        assert_eq!(log.matches(line).count().min(1), 1, "the log does not say {line:?}:\n{log}");
    }

    std::fs::remove_file(&scene.ballast).unwrap();
    wait_until("it is ready by itself", PATIENCE, || scene.is_ready());
    scene.under_load(|| scene.wait_for_progress());
    scene.verify();
    scene.restart();
    scene.verify();
    println!("{} requests were acknowledged", scene.acknowledged());
}

#[test]
fn what_others_write_costs_no_event_whenever_it_comes() {
    let Some(mut scene) = Scene::start(&["--flush-bytes-max", "1000000", "--flush-age-seconds-max", "1"]) else {
        return;
    };
    let rounds = from_environment("OUTCROP_DISK_FULL_ROUNDS").unwrap_or(ROUNDS_DEFAULT);
    for round in 0..rounds {
        scene.under_load(|| {
            scene.wait_for_progress();
            // Whatever is being written at this moment fails: log, segment or catalog.
            write_ballast(&scene.ballast, DEVICE_BYTES);
            wait_until("it is not ready", PATIENCE, || !scene.is_ready());
        });
        assert_eq!(scene.send(scene.server().address).unwrap().status, 503);
        scene.verify();
        if round % 2 == 1 {
            // A start needs no space either.
            scene.restart();
            scene.verify();
        }
        std::fs::remove_file(&scene.ballast).unwrap();
        wait_until("it is ready by itself", PATIENCE, || scene.is_ready());
        scene.under_load(|| scene.wait_for_progress());
        scene.verify();
        if scene.server().metric("outcrop_disk_available_bytes") < 32.0 * MIB as f64 {
            break;
        }
    }
    scene.server().wait_for_flush();
    scene.restart();
    scene.verify();
    println!("{} requests were acknowledged", scene.acknowledged());
    drop(scene.server.take());
    let checked = scene.setup.command(&["check", "--data-dir", "data"]).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
}
