//! Who may ask: foreign hosts get 421 everywhere, foreign origins 403 below `/api/`, and keyless Outcrop serves this
//! machine only.

use super::refused;
use crate::harness::{Reply, Request, Server};

const ROUTES: [(&str, &str); 15] = [
    ("GET", "/"),
    ("GET", "/explore/anything"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("POST", "/api/v1/events/d"),
    ("POST", "/api/v1/query/d"),
    ("POST", "/api/v1/rows/d"),
    ("GET", "/api/v1/datasets"),
    ("GET", "/api/v1/version"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/api/v1/nowhere"),
    ("GET", "/api/v1/keys"),
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
];

fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let request = headers.iter().fold(Request::new(method, path), |request, (name, value)| request.header(name, value));
    server.send(&request)
}

#[test]
fn a_foreign_host_is_421_on_every_route() {
    let server = Server::start();
    for host in [
        "evil.example",
        "evil.example:80",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.2",
        "localhost@evil.example",
        "",
    ] {
        for (method, path) in ROUTES {
            refused(&ask(&server, method, path, &[("Host", host)]), 421);
        }
    }
}

#[test]
fn hosts_of_this_machine_are_answered_whatever_their_port_and_case() {
    let server = Server::start();
    for host in ["localhost", "LocalHost:1", "127.0.0.1", "127.0.0.1:9", "[::1]", "[::1]:4318"] {
        assert_eq!(ask(&server, "GET", "/healthz", &[("Host", host)]).status, 200, "{host}");
    }
}

#[test]
fn two_hosts_are_none() {
    let server = Server::start();
    let reply = ask(&server, "GET", "/api/v1/datasets", &[("Host", "localhost"), ("Host", "evil.example")]);
    assert!(matches!(reply.status, 400 | 421), "{}", reply.status);
}

#[test]
fn the_public_url_is_a_host_too() {
    let server = Server::with(&["--public-url", "https://Events.example.com"]);
    assert_eq!(ask(&server, "GET", "/healthz", &[("Host", "events.example.com")]).status, 200);
    let origin = [("Host", "events.example.com"), ("Origin", "https://events.example.com")];
    assert_eq!(ask(&server, "GET", "/api/v1/datasets", &origin).status, 200);
    refused(&ask(&server, "GET", "/healthz", &[("Host", "other.example.com")]), 421);
}

#[test]
fn a_foreign_origin_is_403_below_api() {
    let server = Server::start();
    let port = server.address.port();
    let other_port = format!("http://127.0.0.1:{}", port ^ 1);
    for origin in [
        "http://evil.example",
        "https://evil.example",
        "null",
        "",
        "http://127.0.0.1.evil.example",
        &other_port,
        "file://",
    ] {
        for (method, path) in ROUTES.iter().filter(|(_, path)| path.starts_with("/api/")) {
            refused(&ask(&server, method, path, &[("Origin", origin)]), 403);
        }
    }
    let body = Request::post("/api/v1/events/d", "{\"a\":1}")
        .header("Origin", "http://evil.example")
        .header("Content-Type", "text/plain");
    refused(&server.send(&body), 403);
    refused(&server.post("/api/v1/query/d", &serde_json::json!({})), 404);
}

#[test]
fn our_own_origin_is_answered_and_nobody_else_is_told_that_they_may() {
    let server = Server::start();
    let own = format!("http://{}", server.address);
    assert_eq!(ask(&server, "GET", "/api/v1/datasets", &[("Origin", &own)]).status, 200);
    assert_eq!(ask(&server, "GET", "/api/v1/datasets", &[]).status, 200);
    let asked = [("Origin", "http://evil.example"), ("Access-Control-Request-Method", "POST")];
    let preflight = ask(&server, "OPTIONS", "/api/v1/query/d", &asked);
    refused(&preflight, 403);
    assert_eq!(preflight.header("access-control-allow-origin"), None);
}
