//! One server a test: the real executable on a directory of its own, on a free port, killed when the test ends.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{Reply, Request, process, tls, wait_until};

/// Patience for a start, a flush, an exit.
const PATIENCE: Duration = Duration::from_secs(60);
/// KiB of address space of a server: one that needs more fails its test, and not the machine.
const ADDRESS_SPACE_KIB_MAX: u64 = 12 << 20;

/// A directory with `data` in it, and how to serve it. The directory goes when the last that holds it goes.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    home: Arc<TempDir>,
    /// `serve`, or what serves and does more.
    subcommand: &'static str,
    arguments: Vec<String>,
    /// The processor that the server has, if it is to have only one.
    processor: Option<usize>,
    /// How many files it may have open, if not as many as this process.
    open_files_max: Option<u64>,
    /// The key that requests go with, unless they say otherwise.
    key: Option<String>,
}

impl Setup {
    pub(crate) fn new() -> Setup {
        let home = Arc::new(TempDir::new().unwrap());
        Setup { home, subcommand: "serve", arguments: Vec::new(), processor: None, open_files_max: None, key: None }
    }

    /// Makes a key with these scopes.
    pub(crate) fn create_key(&self, scopes: &[&str]) -> String {
        let mut command = self.command(&["keys", "create", "--data-dir", "data", "--name", "test"]);
        let output = command.args(scopes.iter().flat_map(|scope| ["--scope", scope])).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The same, with the key that another has for every request.
    pub(crate) fn with_key_of(&self, other: &Setup) -> Setup {
        Setup { key: other.key.clone(), ..self.clone() }
    }

    /// The same, with a key for every request.
    pub(crate) fn with_key(&self, key: &str) -> Setup {
        Setup { key: Some(key.to_owned()), ..self.clone() }
    }

    /// The same directory with these further arguments and no others.
    pub(crate) fn with(&self, arguments: &[&str]) -> Setup {
        Setup { arguments: arguments.iter().map(|a| (*a).to_owned()).collect(), ..self.clone() }
    }

    /// The same, with the shop of the demo sending to it.
    pub(crate) fn demo(&self) -> Setup {
        Setup { subcommand: "demo", ..self.clone() }
    }

    /// The same, held to one processor.
    pub(crate) fn pinned(&self) -> Setup {
        Setup { processor: process::processors().pop(), ..self.clone() }
    }

    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    pub(crate) fn processor(&self) -> Option<usize> {
        self.processor
    }

    /// The same, with so many open files at most.
    pub(crate) fn with_open_files(&self, max: u64) -> Setup {
        Setup { open_files_max: Some(max), ..self.clone() }
    }

    pub(crate) fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// `outcrop` with these arguments, away from anybody's settings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let pin = self.processor.map(|nth| format!("taskset -c {nth} ")).unwrap_or_default();
        let files = self.open_files_max.map(|max| format!("ulimit -n {max}; ")).unwrap_or_default();
        let script = format!("ulimit -v {ADDRESS_SPACE_KIB_MAX}; {files}exec {pin}\"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, &executable()]);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OUTCROP_")) {
            command.env_remove(name);
        }
        command.current_dir(self.home.path()).args(arguments).stdin(Stdio::null());
        command
    }

    /// `outcrop serve`, or what this setup has in its place, on the directory's data and any free ports.
    pub(crate) fn serve_command(&self) -> Command {
        let addresses = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"];
        let mut command = self.command(&[self.subcommand, "--data-dir", "data"]);
        command.args(addresses);
        command.args(&self.arguments);
        command
    }

    pub(crate) fn start(&self) -> Server {
        let log = File::options().create(true).append(true).open(self.home.path().join("log")).unwrap();
        let mut command = self.serve_command();
        command.stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.by_ref().map_while(Result::ok).find(|line| line.contains("ready"));
        // What else it prints must have somewhere to go.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let address = |before: &str| address_after(ready.as_deref()?, before);
        let is_tls = address("https://").is_some();
        let http = address("https://").or_else(|| address("http://"));
        let (Some(address), Some(grpc)) = (http, address("gRPC at ")) else {
            let log = std::fs::read_to_string(self.home.path().join("log")).unwrap();
            panic!("the server did not start: {:?}\n{log}", child.wait());
        };
        Server { setup: self.clone(), child, address, grpc, is_tls, ready: ready.unwrap_or_default() }
    }
}

/// The executable under test: `OUTCROP_BIN`, such as a release build, or the one that was built with the tests.
fn executable() -> String {
    std::env::var("OUTCROP_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_outcrop").to_owned())
}

/// The address that stands behind `before`.
fn address_after(line: &str, before: &str) -> Option<SocketAddr> {
    let rest = line.split_once(before)?.1;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c))).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) setup: Setup,
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) grpc: SocketAddr,
    is_tls: bool,
    /// What it said when it was ready.
    ready: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.setup.home().join("log")).unwrap_or_default();
            let from = log.len().saturating_sub(2_000);
            eprintln!("the server's log ends with:\n{}", log.get(from..).unwrap_or(&log));
        }
        let _already_gone = self.child.kill();
        let _already_reaped = self.child.wait();
    }
}

impl Server {
    pub(crate) fn start() -> Server {
        Setup::new().start()
    }

    pub(crate) fn with(arguments: &[&str]) -> Server {
        Setup::new().with(arguments).start()
    }

    /// The address that it said behind these words.
    pub(crate) fn said(&self, before: &str) -> Option<SocketAddr> {
        address_after(&self.ready, before)
    }

    /// Whether it said that it is reached by `https://`.
    pub(crate) fn is_tls(&self) -> bool {
        self.is_tls
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and what is needed to start again.
    pub(crate) fn kill(mut self) -> Setup {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.setup.clone()
    }

    /// SIGTERM, and how the process ended.
    pub(crate) fn terminate(mut self) -> (Setup, ExitStatus) {
        process::terminate(self.pid());
        let mut ended = None;
        wait_until("the server ends after SIGTERM", PATIENCE, || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        (self.setup.clone(), ended.unwrap())
    }

    pub(crate) fn send(&self, request: &Request) -> Reply {
        match &self.setup.key {
            Some(key) => self.deliver(&request.clone().header("X-Outcrop-Key", key)),
            None => self.deliver(request),
        }
    }

    fn deliver(&self, request: &Request) -> Reply {
        if !self.is_tls {
            return request.to(self.address);
        }
        let mut stream = tls::connect(self.address, &["http/1.1"]).unwrap();
        request.over(self.address, &mut stream).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send(&Request::get(path))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(&Request::json(path, body))
    }

    /// Sends events that must all be accepted, and says how many.
    pub(crate) fn load(&self, dataset: &str, body: impl Into<Vec<u8>>) -> u64 {
        let answer = self.send_until_taken(&Request::post(&format!("/api/v1/events/{dataset}"), body)).ok();
        assert_eq!(answer["rejected_total"].as_u64().unwrap_or_default(), 0, "{answer}");
        answer["accepted"].as_u64().unwrap()
    }

    /// Sends again what is shed, as every sender does: how much a server takes at once is a matter of its machine.
    pub(crate) fn send_until_taken(&self, request: &Request) -> Reply {
        let mut reply = self.send(request);
        wait_until("the request is taken", Duration::from_secs(120), || {
            let shed = reply.status == 429;
            if shed {
                reply = self.send(request);
            }
            !shed
        });
        reply
    }

    /// The answer to a query that must succeed.
    pub(crate) fn query(&self, dataset: &str, spec: &Value) -> Value {
        self.post(&format!("/api/v1/query/{dataset}"), spec).ok()
    }

    pub(crate) fn rows(&self, dataset: &str, spec: &Value) -> Value {
        self.post(&format!("/api/v1/rows/{dataset}"), spec).ok()
    }

    /// The value of a metric without labels, or the sum over its labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text();
        let values = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let value = match rest.strip_prefix('{') {
                Some(labelled) => labelled.rsplit_once('}')?.1,
                None => rest.strip_prefix(' ')?,
            };
            value.trim().parse::<f64>().ok()
        });
        let values: Vec<f64> = values.collect();
        assert!(!values.is_empty(), "there is no metric {name} in\n{text}");
        values.into_iter().sum()
    }

    /// Waits until every event acknowledged is in a segment. The server must have been told to flush at once.
    pub(crate) fn wait_for_flush(&self) {
        wait_until("the memtable is empty", PATIENCE, || self.metric("outcrop_memtable_bytes") == 0.0);
    }
}
