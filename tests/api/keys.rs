//! Keys: each can do what its scopes say and nothing else, on every route; what none can do; how they are made and end.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::grpc::TRACES;
use super::routes::{Names, Needs, ROUTES, Route, UNDOCUMENTED};
use super::{refused, refused_naming};
use crate::harness::grpc::Call;
use crate::harness::{Reply, Request, Server, Setup};

const EVERYTHING: [&str; 3] = ["ingest", "query", "admin"];

/// Makes a key on the data directory, whether a server runs there or not.
pub(super) fn create_key(setup: &Setup, scopes: &[&str]) -> String {
    setup.create_key(scopes)
}

fn with_key(server: &Server, key: &str, request: Request) -> Reply {
    server.send(&request.header("X-Outcrop-Key", key))
}

fn get(server: &Server, key: &str, path: &str) -> Reply {
    with_key(server, key, Request::get(path))
}

fn post(server: &Server, key: &str, path: &str, body: &Value) -> Reply {
    with_key(server, key, Request::json(path, body))
}

/// The id of a key that a key with the scope admin has just made.
fn new_key(server: &Server, admin: &str, scopes: &Value) -> (String, String) {
    let made = post(server, admin, "/api/v1/keys", &json!({ "name": "made", "scopes": scopes }));
    assert_eq!(made.status, 201, "{}", made.text());
    let text = |name: &str| made.json()[name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

/// A server with events in two datasets, and a key that may do everything.
struct Bench {
    server: Server,
    root: String,
}

impl Bench {
    fn new() -> Bench {
        let setup = Setup::new();
        let root = create_key(&setup, &EVERYTHING);
        let bench = Bench { server: setup.start(), root };
        bench.fill();
        bench
    }

    fn fill(&self) {
        for (dataset, body) in [
            ("mine", "{\"f\":1,\"mine\":1,\"trace_id\":\"t\",\"intent.name\":\"i\",\"intent.met\":true}"),
            ("yours", "{\"f\":2,\"yours\":1}"),
        ] {
            let sent = with_key(&self.server, &self.root, Request::post(&format!("/api/v1/events/{dataset}"), body));
            assert_eq!(sent.ok()["accepted"], 1);
        }
    }

    fn key(&self, scopes: &[&str]) -> String {
        create_key(&self.server.setup, scopes)
    }

    /// A request to a route about `dataset`, and about a thing of mine.
    fn request(&self, route: &Route, dataset: &str) -> Request {
        let id = route.make_id(&self.server, "mine", &self.root);
        route.request(&Names { dataset, id: &id, key: &self.root })
    }

    fn try_route(&self, route: &Route, dataset: &str, key: Option<&str>) -> Reply {
        let request = self.request(route, dataset);
        match key {
            Some(key) => with_key(&self.server, key, request),
            None => self.server.send(&request),
        }
    }
}

fn all_routes() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(UNDOCUMENTED)
}

fn assert_let_in(route: &Route, reply: &Reply, who: &str) {
    assert!(route.is_let_in(reply.status), "{route:?} {who}: {} {:.300}", reply.status, reply.text());
}

#[test]
fn without_a_key_that_counts_every_route_that_needs_one_gives_the_same_answer() {
    let bench = Bench::new();
    let (id, ended) = new_key(&bench.server, &bench.root, &json!(EVERYTHING.map(|scope| json!({ "scope": scope }))));
    let revoke = Request::new("DELETE", &format!("/api/v1/keys/{id}")).header("If-Match", "*");
    assert_eq!(with_key(&bench.server, &bench.root, revoke).status, 200);
    let short = &bench.root[..bench.root.len() - 1];
    let wrong = ["", "x", "Bearer", short, &bench.root.to_lowercase(), &ended, &"x".repeat(5_000), "ü"];
    for route in all_routes() {
        let bare = bench.try_route(route, "mine", None);
        if route.needs == Needs::Nothing {
            assert_let_in(route, &bare, "without a key");
            continue;
        }
        let said = route.refused(&bare, 401);
        assert_eq!(bare.header("www-authenticate"), Some("Bearer"));
        for wrong in wrong {
            let reply = bench.try_route(route, "mine", Some(wrong));
            assert_eq!(route.refused(&reply, 401), said, "{route:?} with {wrong:.20}");
            assert_eq!(reply.body.len(), bare.body.len(), "{route:?} with {wrong:.20}");
        }
    }
}

#[test]
fn each_key_does_what_its_scopes_say_on_every_route_and_nothing_else() {
    let bench = Bench::new();
    let may = |needs: Needs, scope: &str| match needs {
        Needs::Nothing | Needs::Somebody => true,
        Needs::Ingest => scope == "ingest",
        Needs::Query => scope == "query",
        Needs::Admin | Needs::AdminEverywhere => scope == "admin",
    };
    for scope in EVERYTHING {
        let (everywhere, limited) = (bench.key(&[scope]), bench.key(&[&format!("{scope}:mine,other")]));
        for route in all_routes() {
            bench.fill();
            let reply = bench.try_route(route, "mine", Some(&everywhere));
            if !may(route.needs, scope) {
                assert!(route.refused(&reply, 403).contains("scope"), "{}", reply.text());
                route.refused(&bench.try_route(route, "mine", Some(&limited)), 403);
                continue;
            }
            assert_let_in(route, &reply, scope);
            bench.fill();
            let in_reach = bench.try_route(route, "mine", Some(&limited));
            if route.needs == Needs::AdminEverywhere {
                refused(&in_reach, 403);
            } else {
                assert_let_in(route, &in_reach, &format!("{scope}, limited"));
            }
            if route.is_about_a_dataset() {
                for beyond in ["yours", "mine,yours", "YOURS%20", "nowhere", "yours,mine"] {
                    let reply = bench.try_route(route, beyond, Some(&limited));
                    assert!(route.refused(&reply, 403).contains(scope), "{}", reply.text());
                }
            }
        }
    }
}

#[test]
fn the_table_of_routes_is_the_openapi_document() {
    let bench = Bench::new();
    let document = bench.server.get("/api/v1/openapi.json").ok();
    let paths = document["paths"].as_object().unwrap().iter();
    let documented: BTreeSet<(String, String)> = paths
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |m| (m.to_uppercase(), path.clone())))
        .collect();
    let listed = ROUTES.iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    assert_eq!(documented, listed, "add the route to tests/api/routes.rs with what it needs");
}

#[test]
fn all_datasets_are_those_that_the_key_may_read() {
    let bench = Bench::new();
    let limited = bench.key(&["query:mine"]);
    for all in ["*", "__all__", "%20*%20"] {
        let count = post(&bench.server, &limited, &format!("/api/v1/query/{all}"), &json!({})).ok();
        assert_eq!(count["rows"], json!([[1]]));
        assert_eq!(count["stats"]["rows_total"], 1, "not even the sum of the others is told");
        let rows = post(&bench.server, &limited, &format!("/api/v1/rows/{all}"), &json!({ "columns": ["f"] })).ok();
        assert_eq!(rows["rows"], json!([[1]]));
        let values = get(&bench.server, &limited, &format!("/api/v1/values/{all}/f")).ok();
        assert_eq!(values["values"], json!([{ "value": 1, "events": 1 }]));
        assert!(!get(&bench.server, &limited, &format!("/api/v1/fields/{all}")).text().contains("yours"));
    }
    let datasets = get(&bench.server, &limited, "/api/v1/datasets").ok();
    assert_eq!(datasets["datasets"].as_array().unwrap().len(), 1);
    // Names that are like one another are not suggested across the limit.
    let unknown = post(&bench.server, &limited, "/api/v1/query/*?strict=true", &json!({ "breakdowns": ["your"] }));
    assert!(!refused(&unknown, 422).to_string().contains("yours"));
    let nothing = bench.key(&["query:elsewhere"]);
    assert_eq!(post(&bench.server, &nothing, "/api/v1/query/*", &json!({})).ok()["rows"], json!([[0]]));
}

#[test]
fn a_key_may_come_in_any_of_these_headers_and_the_first_counts() {
    let bench = Bench::new();
    let root = bench.root.as_str();
    let bearer = format!("Bearer {root}");
    let status = |headers: &[(&str, &str)]| {
        let request = Request::get("/api/v1/datasets");
        bench.server.send(&headers.iter().fold(request, |r, (name, value)| r.header(name, value))).status
    };
    let base64 = |text: &str| STANDARD.encode(text);
    for (headers, expected) in [
        (vec![("Authorization", &*format!("Basic {}", base64(&format!("anybody:{root}"))))], 200),
        (vec![("Authorization", &format!("basic {}", base64(&format!(":{root}"))))], 200),
        (vec![("Authorization", &format!("Basic {}", base64(&format!("{root}:"))))], 401),
        (vec![("Authorization", &format!("Basic {}", base64(root)))], 401),
        (vec![("Authorization", &format!("Basic {}", base64("a:b")))], 401),
        (vec![("Authorization", &format!("ApiKey {}", base64(&format!("id:{root}"))))], 200),
        (vec![("Authorization", &format!("ApiKey {root}"))], 200),
        (vec![("Authorization", "ApiKey x")], 401),
        (vec![("X-Amz-Firehose-Access-Key", root)], 200),
        (vec![("Authorization", bearer.as_str())], 200),
        (vec![("Authorization", &format!("bearer  {root} "))], 200),
        (vec![("X-Outcrop-Key", root)], 200),
        (vec![("X-Honeycomb-Team", root)], 200),
        (vec![("Authorization", root)], 401),
        (vec![("Authorization", &format!("Basic {root}"))], 401),
        (vec![("Authorization", "Bearer wrong"), ("X-Outcrop-Key", root)], 401),
        (vec![("X-Outcrop-Key", "wrong"), ("X-Honeycomb-Team", root)], 401),
        (vec![("Cookie", &format!("key={root}"))], 401),
    ] {
        assert_eq!(status(&headers), expected, "{headers:?}");
    }
    assert_eq!(bench.server.get(&format!("/api/v1/datasets?key={root}")).status, 401, "never in a URL");
}

#[test]
fn without_keys_this_machine_may_send_and_ask_and_change_nothing() {
    let server = Server::start();
    for route in all_routes() {
        server.load("mine", "{\"f\":1,\"trace_id\":\"t\",\"intent.name\":\"i\",\"intent.met\":true}");
        for key in [None, Some("anything")] {
            let id =
                if route.is_of_this_machine() { route.make_id(&server, "mine", "none") } else { "none".to_owned() };
            let request = route.request(&Names { dataset: "mine", id: &id, key: "none" });
            let request = if let Some(key) = key { request.header("X-Honeycomb-Team", key) } else { request };
            let reply = server.send(&request);
            match route.needs {
                Needs::Admin | Needs::AdminEverywhere => drop(refused(&reply, 401)),
                // There is no key to sign in with.
                _ if (route.method, route.path) == ("POST", "/api/v1/session") => drop(refused(&reply, 401)),
                _ => assert_let_in(route, &reply, "without keys"),
            }
        }
    }
    assert_eq!(server.get("/api/v1/session").ok(), json!({ "key": null }));
}

#[test]
fn the_first_key_ends_what_needed_none() {
    let server = Server::start();
    server.load("d", "{\"a\":1}");
    let key = create_key(&server.setup, &["query"]);
    refused(&server.get("/api/v1/datasets"), 401);
    refused(&server.send(&Request::post("/api/v1/events/d", "{\"a\":1}")), 401);
    assert_eq!(get(&server, &key, "/api/v1/datasets").status, 200);
    // Nor does revoking the last one open it again, now or after a restart.
    let list = server.setup.command(&["keys", "list", "--data-dir", "data"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let id = list.split_whitespace().find(|word| word.len() == 16 && word.chars().all(|c| c.is_ascii_hexdigit()));
    let revoked = server.setup.command(&["keys", "revoke", id.unwrap(), "--data-dir", "data"]).output().unwrap();
    assert!(revoked.status.success(), "{revoked:?}");
    refused(&get(&server, &key, "/api/v1/datasets"), 401);
    refused(&server.get("/api/v1/datasets"), 401);
    let server = server.kill().start();
    refused(&server.get("/api/v1/datasets"), 401);
}

#[test]
fn a_refused_body_is_not_read() {
    let bench = Bench::new();
    let query = bench.key(&["query"]);
    let announced = Request::post("/api/v1/events/mine", "{\"a\":1}").header("Content-Length", "50000000");
    refused(&bench.server.send(&announced), 401);
    refused(&with_key(&bench.server, &query, announced), 403);
}

#[test]
fn keys_are_made_listed_and_revoked() {
    let bench = Bench::new();
    let (server, root) = (&bench.server, bench.root.as_str());
    let (id, key) = new_key(server, root, &json!([{ "scope": "query", "datasets": ["Mine"] }]));
    let path = format!("/api/v1/keys/{id}");
    let shown = get(server, root, &path);
    let tag = shown.header("etag").unwrap().to_owned();
    let shown = shown.ok();
    assert_eq!((&shown["name"], &shown["revoked"]), (&json!("made"), &json!(null)));
    assert_eq!(shown["scopes"], json!([{ "scope": "query", "datasets": ["mine"] }]));
    let list = get(server, root, "/api/v1/keys");
    assert!(!list.text().contains(&key) && !shown.to_string().contains(&key), "a key is shown once");
    assert_eq!(list.ok()["items"].as_array().unwrap().len(), 2);
    assert_eq!(list.json()["cursor"], json!(null));
    assert_eq!(get(server, &key, "/api/v1/datasets").status, 200);

    let delete = |tag: Option<&str>| {
        let request = Request::new("DELETE", &path);
        with_key(server, root, if let Some(tag) = tag { request.header("If-Match", tag) } else { request })
    };
    refused_naming(&delete(None), 409, "If-Match");
    refused(&delete(Some("\"99\"")), 412);
    refused(&delete(Some(&format!("W/{tag}"))), 412);
    assert_eq!(get(server, &key, "/api/v1/datasets").status, 200, "nothing has happened so far");
    let ended = delete(Some(&tag));
    assert_eq!(ended.status, 200);
    assert!(ended.json()["revoked"].is_string());
    refused(&get(server, &key, "/api/v1/datasets"), 401);
    refused(&delete(Some(&tag)), 412);
    refused(&get(server, root, "/api/v1/keys/0123456789abcdef"), 404);
}

#[test]
fn use_is_written_down_and_changes_no_tag() {
    let bench = Bench::new();
    let (id, key) = new_key(&bench.server, &bench.root, &json!([{ "scope": "query" }]));
    let path = format!("/api/v1/keys/{id}");
    let before = get(&bench.server, &bench.root, &path);
    assert_eq!(before.ok()["last_used"], json!(null));
    get(&bench.server, &key, "/api/v1/datasets").ok();
    let mut after = before.clone();
    crate::harness::wait_until("the use is written down", std::time::Duration::from_secs(30), || {
        after = get(&bench.server, &bench.root, &path);
        after.ok()["last_used"].is_string()
    });
    assert_eq!(after.header("etag"), before.header("etag"));
}

#[test]
fn keys_that_cannot_be_are_refused() {
    let bench = Bench::new();
    for (body, status) in [
        (json!({}), 400),
        (json!([]), 400),
        (json!({ "name": "n" }), 400),
        (json!({ "name": "n", "scopes": [], "expires": 1 }), 400),
        (json!({ "name": "n", "scopes": [{ "scope": "owner" }] }), 400),
        (json!({ "name": "n", "scopes": [{ "scope": "query", "sets": [] }] }), 400),
        (json!({ "name": "n", "scopes": [] }), 422),
        (json!({ "name": "", "scopes": [{ "scope": "query" }] }), 422),
        (json!({ "name": "n", "scopes": [{ "scope": "query", "datasets": [] }] }), 422),
        (json!({ "name": "n", "scopes": [{ "scope": "query", "datasets": ["a,b"] }] }), 422),
        (json!({ "name": "n", "scopes": [{ "scope": "query" }, { "scope": "query" }] }), 422),
    ] {
        refused(&post(&bench.server, &bench.root, "/api/v1/keys", &body), status);
    }
    refused(&with_key(&bench.server, &bench.root, Request::post("/api/v1/keys", "")), 400);
}

#[test]
fn the_command_line_works_beside_a_server_and_without_one() {
    let setup = Setup::new();
    let list = |setup: &Setup| setup.command(&["keys", "list", "--data-dir", "data"]).output().unwrap();
    assert!(!list(&setup).status.success(), "there is nothing yet");
    let first = create_key(&setup, &["query:mine", "ingest"]);
    let server = setup.start();
    assert_eq!(get(&server, &first, "/api/v1/datasets").status, 200);
    let second = create_key(&server.setup, &["admin"]);
    assert_eq!(get(&server, &second, "/api/v1/keys").ok()["items"].as_array().unwrap().len(), 2);
    let text = String::from_utf8(list(&server.setup).stdout).unwrap();
    assert!(text.contains("query:mine") && text.contains("admin"), "{text}");
    assert!(!text.contains(&first) && !text.contains(&second), "{text}");
    for wrong in [vec!["--scope", "owner"], vec!["--scope", "query:"], vec![]] {
        let command = [&["keys", "create", "--data-dir", "data", "--name", "n"], wrong.as_slice()].concat();
        assert!(!server.setup.command(&command).output().unwrap().status.success(), "{command:?}");
    }
    let nobody = server.setup.command(&["keys", "revoke", "nobody", "--data-dir", "data"]).output().unwrap();
    assert!(!nobody.status.success());
}

#[test]
fn send_and_query_take_a_key() {
    let bench = Bench::new();
    let url = format!("http://{}", bench.server.address);
    std::fs::write(bench.server.setup.home().join("one.ndjson"), "{\"a\":1}\n").unwrap();
    let run = |arguments: &[&str], key: &str| {
        let mut command = bench.server.setup.command(arguments);
        command.args(["--url", &url, "--dataset", "sent"]).env("OUTCROP_KEY", key).output().unwrap()
    };
    assert!(!run(&["send", "one.ndjson"], "wrong").status.success());
    assert!(run(&["send", "one.ndjson"], &bench.root).status.success());
    let asked = run(&["query", "--json"], &bench.root);
    assert!(String::from_utf8(asked.stdout).unwrap().contains('1'));
    let refused = run(&["query"], "wrong");
    assert!(String::from_utf8(refused.stderr).unwrap().contains("key"));
}

#[test]
fn with_a_key_other_machines_may_be_served() {
    let setup = Setup::new();
    let key = create_key(&setup, &["query"]);
    let mut command = setup.command(&["serve", "--data-dir", "data", "--http", "0.0.0.0:0", "--grpc", "0.0.0.0:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let ready = lines.find(|line| line.contains("ready")).unwrap();
    let ports: Vec<u16> = ready.split([',', ' ']).filter_map(|word| word.rsplit_once(':')?.1.parse().ok()).collect();
    let local = |port: u16| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let (address, grpc) = (local(ports[0]), local(ports[1]));
    let call = Call::new(TRACES, b"");
    let calls = [call.to(grpc).status(), call.header("x-honeycomb-team", &key).to(grpc).status()];
    let bare = Request::get("/api/v1/datasets").to(address);
    let keyed = Request::get("/api/v1/datasets").header("X-Outcrop-Key", &key).to(address);
    child.kill().unwrap();
    child.wait().unwrap();
    refused(&bare, 401);
    assert_eq!(keyed.status, 200);
    assert_eq!(calls, [16, 7], "a key that may only ask");
}

#[test]
fn a_revoked_key_is_not_enough_to_serve_other_machines() {
    let setup = Setup::new();
    create_key(&setup, &["query"]);
    let list = setup.command(&["keys", "list", "--data-dir", "data"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let id = list.split_whitespace().find(|word| word.len() == 16 && word.chars().all(|c| c.is_ascii_hexdigit()));
    assert!(setup.command(&["keys", "revoke", id.unwrap(), "--data-dir", "data"]).output().unwrap().status.success());
    let output = setup.command(&["serve", "--data-dir", "data", "--http", "0.0.0.0:0"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("this machine only"));
}

#[test]
fn wrong_keys_cost_little_and_nothing_secret_is_logged() {
    let setup = Setup::new();
    let root = create_key(&setup, &EVERYTHING);
    let server = setup.with(&["--log", "trace"]).start();
    let before = crate::harness::process::anonymous_memory_bytes(server.pid());
    for at in 0..2_000 {
        assert_eq!(get(&server, &format!("outcrop_guess{at}"), "/api/v1/datasets").status, 401);
    }
    let grown = crate::harness::process::anonymous_memory_bytes(server.pid()).saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes for wrong keys");
    let (_, made) = new_key(&server, &root, &json!([{ "scope": "query" }]));
    let session = post(&server, &root, "/api/v1/session", &json!({ "key": made }));
    let cookie = session.header("set-cookie").unwrap();
    let session = cookie.split_once('=').unwrap().1.split(';').next().unwrap();
    let log = std::fs::read_to_string(server.setup.home().join("log")).unwrap();
    for secret in [&root, &made, "outcrop_guess1", session] {
        assert!(!log.contains(secret), "the log has a secret");
    }
    let metrics = server.get("/metrics").text();
    assert!(!metrics.contains("guess"));
}
