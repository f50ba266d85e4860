//! Sessions: a console signs in with a key and holds a cookie; both end together.

use serde_json::json;

use super::keys::create_key;
use super::refused;
use crate::harness::{Reply, Request, Server, Setup};

fn sign_in(server: &Server, key: &str) -> Reply {
    server.post("/api/v1/session", &json!({ "key": key }))
}

/// `name=value` of the cookie that an answer sets.
fn cookie(reply: &Reply) -> String {
    reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

fn with_cookie(server: &Server, method: &str, path: &str, cookie: &str) -> Reply {
    server.send(&Request::new(method, path).header("Cookie", cookie))
}

fn keyed() -> (Server, String) {
    let setup = Setup::new();
    let key = create_key(&setup, &["query", "ingest"]);
    (setup.start(), key)
}

#[test]
fn a_session_counts_as_its_key_until_it_is_ended() {
    let (server, key) = keyed();
    let signed_in = sign_in(&server, &key);
    assert_eq!(signed_in.ok()["key"]["name"], "test");
    assert!(!signed_in.text().contains(&key));
    let cookie = cookie(&signed_in);
    assert!(!cookie.contains(&key));
    let others = format!("theme=dark; {cookie}; x=y");
    assert_eq!(with_cookie(&server, "GET", "/api/v1/datasets", &others).status, 200);
    assert_eq!(with_cookie(&server, "GET", "/api/v1/session", &cookie).ok()["key"]["name"], "test");
    refused(&with_cookie(&server, "GET", "/api/v1/keys", &cookie), 403);
    let wrong_header = Request::get("/api/v1/datasets").header("Cookie", &cookie).header("X-Outcrop-Key", "wrong");
    refused(&server.send(&wrong_header), 401);
    let ended = with_cookie(&server, "DELETE", "/api/v1/session", &cookie);
    assert_eq!((ended.status, ended.text().as_str()), (204, ""));
    assert!(ended.header("set-cookie").unwrap().contains("Max-Age=0"));
    refused(&with_cookie(&server, "GET", "/api/v1/datasets", &cookie), 401);
    refused(&with_cookie(&server, "GET", "/api/v1/session", &cookie), 401);
    assert_eq!(with_cookie(&server, "DELETE", "/api/v1/session", &cookie).status, 204, "once more does no harm");
}

#[test]
fn the_cookie_is_for_this_site_and_for_no_script() {
    let (server, key) = keyed();
    let signed_in = sign_in(&server, &key);
    let cookie = signed_in.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Max-Age=43200", "Path=/api/"] {
        assert!(cookie.split("; ").any(|p| p == part), "{cookie} lacks {part}");
    }
    assert!(!cookie.contains("Domain") && !cookie.contains("Secure"), "{cookie}");
    drop(server);
    let setup = Setup::new();
    let key = create_key(&setup, &["query"]);
    let server = setup.with(&["--public-url", "https://events.example.com"]).start();
    let request = Request::json("/api/v1/session", &json!({ "key": key })).header("Host", "events.example.com");
    let other = server.send(&request).header("set-cookie").unwrap().to_owned();
    assert!(other.contains("; Secure"), "{other}");
}

#[test]
fn signing_in_needs_a_key_that_counts_and_a_page_of_our_own() {
    let (server, key) = keyed();
    for wrong in ["", "wrong", &key[1..]] {
        let reply = sign_in(&server, wrong);
        refused(&reply, 401);
        assert_eq!(reply.header("set-cookie"), None);
    }
    for body in ["", "[]", "{}", "{\"key\":1}", "{\"key\":\"k\",\"name\":\"n\"}", "\"k\""] {
        refused(&server.send(&Request::post("/api/v1/session", body)), 400);
    }
    let signed_in = sign_in(&server, &key);
    let cookie = cookie(&signed_in);
    let foreign = |request: Request| server.send(&request.header("Origin", "http://evil.example"));
    refused(&foreign(Request::json("/api/v1/session", &json!({ "key": key }))), 403);
    refused(&foreign(Request::new("DELETE", "/api/v1/session").header("Cookie", &cookie)), 403);
    refused(&foreign(Request::post("/api/v1/events/d", "{\"a\":1}").header("Cookie", &cookie)), 403);
    let own = Request::get("/api/v1/datasets").header("Cookie", &cookie);
    let own = own.header("Origin", &format!("http://{}", server.address));
    assert_eq!(server.send(&own).status, 200);
}

#[test]
fn sessions_survive_a_restart_and_end_with_their_key() {
    let (server, key) = keyed();
    let admin = create_key(&server.setup, &["admin"]);
    let cookie = cookie(&sign_in(&server, &key));
    let server = server.kill().start();
    let session = with_cookie(&server, "GET", "/api/v1/session", &cookie).ok();
    let path = format!("/api/v1/keys/{}", session["key"]["id"].as_str().unwrap());
    let revoke = Request::new("DELETE", &path).header("If-Match", "*").header("X-Outcrop-Key", &admin);
    assert_eq!(server.send(&revoke).status, 200);
    refused(&with_cookie(&server, "GET", "/api/v1/datasets", &cookie), 401);
}

#[test]
fn two_stores_on_one_machine_have_cookies_of_their_own() {
    let (first, first_key) = keyed();
    let (second, second_key) = keyed();
    let both =
        [(&first, &first_key), (&second, &second_key)].map(|(server, key)| cookie(&sign_in(server, key))).join("; ");
    for server in [&first, &second] {
        assert_eq!(with_cookie(server, "GET", "/api/v1/datasets", &both).status, 200);
    }
}
