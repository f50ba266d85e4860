//! Who may ask: foreign hosts get 421 everywhere, foreign origins 403 below `/api/`, and keyless Outcrop serves this
//! machine only.

use super::keys::create_key;
use super::refused;
use crate::harness::{Body, Reply, Request, Server};

const ROUTES: [(&str, &str); 23] = [
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
    ("POST", "/1/batch/d"),
    ("POST", "/1/events/d"),
    ("GET", "/1/auth"),
    ("POST", "/v1/traces"),
    ("POST", "/v1/logs"),
    ("POST", "/v1/metrics"),
    ("POST", "/_bulk"),
    ("POST", "/loki/api/v1/push"),
    ("GET", "/api/v1/keys"),
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
];

/// Where events come in: pages of configured origins may ask here and nowhere else.
const INGEST: [(&str, &str, &str); 9] = [
    ("POST", "/api/v1/events/d", "{\"a\":1}"),
    ("POST", "/1/batch/d", "[{\"data\":{\"a\":1}}]"),
    ("POST", "/1/events/d", "{\"a\":1}"),
    ("POST", "/1/kinesis_events/d", "{}"),
    ("POST", "/v1/traces", "{}"),
    ("POST", "/v1/logs", "{}"),
    ("POST", "/v1/metrics", "{}"),
    ("POST", "/_bulk", ""),
    ("POST", "/d/_bulk", ""),
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
fn a_foreign_origin_is_403_where_data_comes_in_or_goes_out() {
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
        for (method, path) in ROUTES.iter().filter(|(_, path)| {
            ["/api/", "/1/", "/v1/", "/_bulk", "/loki/"].iter().any(|below| path.starts_with(below))
        }) {
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

fn preflight(server: &Server, origin: &str, method: &str, path: &str) -> Reply {
    let asked = [
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", "content-type,x-honeycomb-team,x-honeycomb-useragent"),
        ("Access-Control-Request-Private-Network", "true"),
    ];
    ask(server, "OPTIONS", path, &asked)
}

#[test]
fn pages_of_configured_origins_may_send_events_and_nothing_else() {
    let server = Server::with(&["--cors-origins", "https://shop.example.com, http://localhost:3000"]);
    for origin in ["https://shop.example.com", "http://localhost:3000"] {
        for (method, path, body) in INGEST {
            let allowed = preflight(&server, origin, method, path);
            assert_eq!(allowed.status, 200, "{path}: {}", allowed.text());
            assert_eq!(allowed.header("access-control-allow-origin"), Some(origin));
            assert_eq!(allowed.header("access-control-allow-private-network"), Some("true"));
            assert_eq!(allowed.header("access-control-allow-credentials"), None);
            let headers = allowed.header("access-control-allow-headers").unwrap();
            assert!(headers.contains("x-honeycomb-team") && headers.contains("x-honeycomb-useragent"), "{headers}");
            assert!(allowed.header("access-control-allow-methods").unwrap().contains(method));
            let sent = server.send(&Request::new(method, path).header("Origin", origin).body(Body::Sized(body.into())));
            assert_eq!(sent.status, 200, "{path}: {}", sent.text());
            assert_eq!(sent.header("access-control-allow-origin"), Some(origin));
            let varies = |(name, value): &(String, String)| {
                name.eq_ignore_ascii_case("vary") && value.to_lowercase().contains("origin")
            };
            assert!(sent.headers.iter().any(varies), "a cache must not answer another page with it");
        }
        for path in ["/api/v1/query/d", "/api/v1/rows/d", "/api/v1/datasets", "/api/v1/version"] {
            let reply = preflight(&server, origin, "POST", path);
            refused(&reply, 403);
            assert_eq!(reply.header("access-control-allow-origin"), None);
        }
    }
    for origin in
        ["https://shop.example.com.evil.example", "http://shop.example.com", "https://shop.example.com:444", "null"]
    {
        for (method, path, _) in INGEST {
            let reply = preflight(&server, origin, method, path);
            refused(&reply, 403);
            assert_eq!(reply.header("access-control-allow-origin"), None);
        }
    }
}

#[test]
fn a_page_may_send_and_not_delete_and_needs_a_key_like_anybody() {
    let server = Server::with(&["--cors-origins", "https://shop.example.com"]);
    let origin = "https://shop.example.com";
    refused(&preflight(&server, origin, "DELETE", "/api/v1/events/d"), 403);
    refused(&ask(&server, "DELETE", "/api/v1/events/d", &[("Origin", origin)]), 403);
    let key = create_key(&server.setup, &["ingest"]);
    let sent = |headers: &[(&str, &str)]| {
        let request = Request::post("/1/batch/d", "[{\"data\":{\"a\":1}}]").header("Origin", origin);
        let reply = server.send(&headers.iter().fold(request, |request, (name, value)| request.header(name, value)));
        assert_eq!(reply.header("access-control-allow-origin"), Some(origin), "the page is told");
        reply.status
    };
    assert_eq!(preflight(&server, origin, "POST", "/1/batch/d").status, 200, "browsers ask without a key");
    assert_eq!((sent(&[]), sent(&[("X-Honeycomb-Team", &key)])), (401, 200));
}

#[test]
fn a_request_that_is_refused_may_still_be_read_by_the_page_that_sent_it() {
    let server = Server::with(&["--cors-origins", "https://shop.example.com"]);
    let bad = Request::post("/1/batch/d", "[]").header("Origin", "https://shop.example.com");
    let reply = server.send(&bad);
    assert_eq!(reply.status, 400);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://shop.example.com"));
}
