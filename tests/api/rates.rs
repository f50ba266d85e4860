//! Limits of keys: what is too much in a second is refused in the shape of every protocol, before its body is read, with the time
//! after which there is room; other keys do not notice.

use std::time::Duration;

use serde_json::{Value, json};

use super::grpc::{LOGS, METRICS, TRACES};
use super::routes::{Names, Needs, ROUTES, Route, UNDOCUMENTED};
use super::{refused, refused_naming};
use crate::harness::grpc::Call;
use crate::harness::postgres::Client;
use crate::harness::{Body, Reply, Request, Server, Setup, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

struct Bench {
    server: Server,
    root: String,
}

impl Bench {
    fn new() -> Bench {
        let setup = Setup::new().with(&["--postgres", "127.0.0.1:0"]);
        let root = setup.create_key(&["ingest", "query", "admin"]);
        Bench { server: setup.start(), root }
    }

    fn send(&self, key: &str, request: Request) -> Reply {
        self.server.send(&request.header("X-Outcrop-Key", key))
    }

    /// A key that may do everything, so fast.
    fn key(&self, limits: &Value) -> Value {
        let scopes = json!([{ "scope": "ingest" }, { "scope": "query" }]);
        let new = json!({ "name": "limited", "scopes": scopes, "limits": limits });
        let made = self.send(&self.root, Request::json("/api/v1/keys", &new));
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()
    }

    /// A key that has sent far more than it may.
    fn indebted(&self) -> String {
        let key = self.key(&json!({ "events_per_second": 1 }))["key"].as_str().unwrap().to_owned();
        let reply = self.send(&key, Request::post("/api/v1/events/d", "{\"f\":1}\n".repeat(400)));
        assert_eq!(reply.ok()["accepted"], 400, "one request is taken, whatever it holds");
        key
    }
}

fn all_routes() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(UNDOCUMENTED)
}

fn retry_after(reply: &Reply) -> u64 {
    reply.header("retry-after").unwrap_or_else(|| panic!("no Retry-After: {}", reply.text())).parse().unwrap()
}

fn request(route: &Route, key: &str) -> Request {
    route.request(&Names { dataset: "d", id: "none", key })
}

#[test]
fn every_route_that_takes_events_refuses_a_key_that_sent_too_many() {
    let bench = Bench::new();
    let limited = bench.indebted();
    let sending: Vec<&Route> = all_routes().filter(|route| route.needs == Needs::Ingest).collect();
    assert!(sending.len() > 15);
    for route in sending {
        let reply = bench.send(&limited, request(route, &limited));
        let said = route.refused(&reply, 429);
        assert!(said.contains("1 events a second"), "{route:?}: {said}");
        assert!((300..=400).contains(&retry_after(&reply)), "{route:?}: {}", retry_after(&reply));
        let other = bench.send(&bench.root, request(route, &bench.root));
        assert!(route.is_let_in(other.status), "{route:?}: {}", other.text());
    }
    for path in [TRACES, LOGS, METRICS] {
        let call = |key: &str| Call::new(path, b"").header("x-honeycomb-team", key).to(bench.server.grpc);
        assert_eq!((call(&limited).status(), call(&bench.root).status()), (8, 0), "{path}");
    }
    // Asking is another matter, and sends nothing.
    assert_eq!(bench.send(&limited, Request::json("/api/v1/query/d", &json!({}))).status, 200);
    let shed = bench.server.get("/metrics").text();
    assert!(shed.contains("outcrop_shed_requests_total{reason=\"rate\"}"), "{shed}");
}

#[test]
fn a_body_that_is_too_much_is_not_waited_for() {
    let bench = Bench::new();
    let limited = bench.indebted();
    let announced = Request::new("POST", "/api/v1/events/d").header("Content-Length", "1000000");
    refused(&bench.send(&limited, announced.header("Expect", "100-continue")), 429);
    // What is sent without asking is read away, and the answer is read.
    let sent = Request::new("POST", "/api/v1/events/d").body(Body::Sized(vec![b' '; 20 << 20]));
    refused(&bench.send(&limited, sent), 429);
}

#[test]
fn requests_of_every_kind_are_counted_and_of_other_keys_not() {
    let bench = Bench::new();
    bench.server.load_with(&bench.root);
    let one = |limits: Value| bench.key(&limits)["key"].as_str().unwrap().to_owned();
    let limited = one(json!({ "requests_per_second": 1 }));
    let too_fast = |request: &dyn Fn() -> Request| {
        let mut refusal = None;
        wait_until("it is too fast", PATIENCE, || {
            refusal = Some(bench.send(&limited, request())).filter(|reply| reply.status == 429);
            refusal.is_some()
        });
        let refusal = refusal.unwrap();
        assert_eq!(retry_after(&refusal), 1);
        refusal
    };
    for route in all_routes().filter(|route| matches!(route.needs, Needs::Ingest | Needs::Query | Needs::Somebody)) {
        // What is not there is refused as well, and is a request.
        let reply = too_fast(&|| request(route, &limited));
        assert!(route.refused(&reply, 429).contains("1 requests a second"), "{route:?}");
        assert_ne!(bench.send(&bench.root, request(route, &bench.root)).status, 429, "{route:?}");
    }
    refused_naming(&too_fast(&|| Request::json("/api/v1/query/d", &json!({}))), 429, "limited");
    assert_eq!(bench.send(&limited, Request::get("/healthz")).status, 200, "what needs no key has no limit");
    wait_until("there is room again", PATIENCE, || {
        bench.send(&limited, Request::get("/api/v1/datasets")).status == 200
    });
    let plain = one(json!({}));
    assert!((0..30).all(|_| bench.send(&plain, Request::get("/api/v1/datasets")).status == 200));
}

#[test]
fn statements_over_postgresql_are_requests() {
    let bench = Bench::new();
    let limited = bench.key(&json!({ "requests_per_second": 1 }))["key"].as_str().unwrap().to_owned();
    let mut client = Client::connect(bench.server.said("PostgreSQL at ").unwrap(), &limited).unwrap();
    let mut error = None;
    wait_until("it is too fast", PATIENCE, || {
        error = client.ask("SELECT 1").error;
        error.is_some()
    });
    let (code, said) = error.unwrap();
    assert!(code == "53300" && said.contains("1 requests a second"), "{code} {said}");
    wait_until("there is room again", PATIENCE, || client.ask("SELECT 1").error.is_none());
}

#[test]
fn to_prepare_a_statement_is_a_request_and_to_run_it_then_is_none() {
    let bench = Bench::new();
    let limited = bench.key(&json!({ "requests_per_second": 1 }))["key"].as_str().unwrap().to_owned();
    let mut client = Client::connect(bench.server.said("PostgreSQL at ").unwrap(), &limited).unwrap();
    let mut error = None;
    wait_until("it is too fast", PATIENCE, || {
        error = client.prepare("SELECT 1").error;
        error.is_some()
    });
    assert_eq!(error.unwrap().0, "53300");
    wait_until("there is room again", PATIENCE, || client.prepare("SELECT 1").error.is_none());
    // There is no room for another, and this is none.
    assert_eq!(client.run(&[]).error, None);
    wait_until("to run it again and again is", PATIENCE, || client.run(&[]).error.is_some());
}

#[test]
fn limits_are_made_shown_and_kept() {
    let bench = Bench::new();
    let limits = json!({ "requests_per_second": 20, "events_per_second": 5_000 });
    let made = bench.key(&limits);
    assert_eq!(made["limits"], limits);
    let listed = || bench.send(&bench.root, Request::get("/api/v1/keys")).ok();
    let found =
        |list: &Value| list["items"].as_array().unwrap().iter().find(|key| key["id"] == made["id"]).cloned().unwrap();
    assert_eq!(found(&listed())["limits"], limits);
    let none = json!({ "requests_per_second": null, "events_per_second": null });
    assert_eq!(listed()["items"][0]["limits"], none);
    for wrong in [json!({ "requests_per_second": 0 }), json!({ "events_per_second": 1_000_000_001_u64 })] {
        let new = json!({ "name": "n", "scopes": [{ "scope": "query" }], "limits": wrong });
        refused_naming(&bench.send(&bench.root, Request::json("/api/v1/keys", &new)), 422, "a second");
    }
    for wrong in [json!({ "requests": 1 }), json!({ "requests_per_second": -1 }), json!({ "requests_per_second": 0.5 })]
    {
        let new = json!({ "name": "n", "scopes": [{ "scope": "query" }], "limits": wrong });
        refused(&bench.send(&bench.root, Request::json("/api/v1/keys", &new)), 400);
    }
    let Bench { server, root } = bench;
    let keys = |arguments: &[&str]| {
        let all = [&["keys", "--data-dir", "data"], arguments].concat();
        let output = server.setup.command(&all).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let create = ["create", "--name", "cli", "--scope", "ingest", "--events-per-second"];
    let (made, key) = keys(&[&create[..], &["1"]].concat());
    assert!(made && !keys(&[&create[..], &["0"]].concat()).0);
    let list = keys(&["list"]).1;
    assert!(list.contains("20 requests, 5000 events") && list.contains("1 events"), "{list}");
    let send = || {
        let body = "{\"f\":1}\n".repeat(100);
        server.send(&Request::post("/api/v1/events/d", body).header("X-Outcrop-Key", key.trim())).status
    };
    assert_eq!((send(), send()), (200, 429), "it counts beside a running server");
    let server = server.kill().start();
    let again = server.send(&Request::get("/api/v1/keys").header("X-Outcrop-Key", &root)).ok();
    assert_eq!(found(&again)["limits"], limits);
}

impl Server {
    fn load_with(&self, key: &str) {
        self.send(&Request::post("/api/v1/events/d", "{\"f\":1}").header("X-Outcrop-Key", key)).ok();
    }
}
