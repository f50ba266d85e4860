//! What people make and keep: each kind takes what makes sense and nothing else, is changed by those who have seen it, and is
//! seen by those who may.

use std::time::Duration;

use serde_json::{Value, json};

use super::{refused, refused_naming};
use crate::harness::{Body, Reply, Request, Server, Setup, wait_until};

const KINDS: [&str; 3] = ["markers", "boards", "queries"];

fn example(kind: &str) -> Value {
    match kind {
        "markers" => json!({ "text": "b-0037", "dataset": "shop", "kind": "deploy", "time": 1_700_000_000,
                             "url": "https://ci/1", "color": "#ff8800" }),
        "boards" => json!({ "name": "Checkout", "time_range": 3_600,
            "filters": [{ "column": "region", "op": "=", "value": "eu" }],
            "panels": [
                { "id": "a", "title": "Slow", "x": 0, "y": 0, "width": 6, "height": 4, "dataset": "shop", "view": "heatmap",
                  "spec": { "calculations": [{ "op": "HEATMAP", "column": "duration_ms" }] } },
                { "id": "b", "x": 6, "y": 0, "width": 6, "height": 4, "intent": "checkout.place_order" },
                { "id": "c", "x": 0, "y": 4, "width": 12, "height": 1, "text": "Look here first" },
            ] }),
        _ => {
            json!({ "name": "Errors", "dataset": "shop", "spec": { "filters": [{ "column": "error", "op": "exists" }] } })
        }
    }
}

fn with(kind: &str, key: &str, value: Value) -> Value {
    let mut body = example(kind);
    body[key] = value;
    body
}

fn make(server: &Server, kind: &str, body: &Value) -> Value {
    let reply = server.post(&format!("/api/v1/{kind}"), body);
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()
}

fn send(server: &Server, method: &str, path: &str, body: &Value, tag: Option<&str>) -> Reply {
    let request = Request::new(method, path).body(Body::Sized(body.to_string().into()));
    server.send(&tag.iter().fold(request, |request, tag| request.header("If-Match", tag)))
}

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[test]
fn each_kind_is_made_shown_changed_and_deleted_by_who_has_seen_it() {
    let server = Server::start();
    for kind in KINDS {
        let all = format!("/api/v1/{kind}");
        let made = make(&server, kind, &example(kind));
        let one = format!("{all}/{}", made["id"].as_str().unwrap());
        let shown = server.get(&one);
        assert_eq!(shown.ok(), made);
        assert_eq!(made["creator"], "this-machine");
        let tag = shown.header("etag").unwrap().to_owned();
        let name = if kind == "markers" { "text" } else { "name" };
        let changed = with(kind, name, json!("another"));
        refused(&send(&server, "PUT", &one, &changed, None), 409);
        refused(&send(&server, "PUT", &one, &changed, Some("\"7\"")), 412);
        assert_eq!(send(&server, "PUT", &one, &changed, Some(&tag)).ok()[name], "another");
        refused(&send(&server, "PUT", &one, &changed, Some(&tag)), 412);
        assert_eq!(server.get(&all).ok()["items"][0][name], "another");
        let server = &server;
        refused(&send(server, "DELETE", &one, &json!({}), Some(&tag)), 412);
        assert_eq!(send(server, "DELETE", &one, &json!({}), Some("*")).status, 204);
        refused(&server.get(&one), 404);
        refused(&send(server, "DELETE", &one, &json!({}), Some("*")), 404);
        assert_eq!(server.get(&all).ok(), json!({ "items": [], "cursor": null }));
    }
}

#[test]
fn what_is_kept_is_there_after_a_kill() {
    let server = Server::start();
    let made: Vec<Value> = KINDS.iter().map(|kind| make(&server, kind, &example(kind))).collect();
    let server = server.kill().start();
    for (kind, made) in KINDS.iter().zip(&made) {
        assert_eq!(&server.get(&format!("/api/v1/{kind}")).ok()["items"][0], made);
    }
    assert_eq!(made[0]["time"], "2023-11-14T22:13:20Z");
    assert_eq!(made[1]["panels"][0]["spec"], example("boards")["panels"][0]["spec"], "a spec stays as it was written");
}

#[test]
fn what_makes_no_sense_is_refused_with_a_word_on_what_to_do() {
    let server = Server::start();
    let panel = |key: &str, value: Value| {
        let mut body = example("boards");
        body["panels"][0][key] = value;
        ("boards", body)
    };
    for ((kind, body), named) in [
        (("markers", with("markers", "text", json!(""))), "text"),
        (("markers", with("markers", "end", json!(1_600_000_000))), "end"),
        (("markers", with("markers", "url", json!("javascript:alert(1)"))), "https://"),
        (("markers", with("markers", "color", json!("red"))), "#rrggbb"),
        (("markers", with("markers", "dataset", json!("a,b"))), "one dataset"),
        (("boards", with("boards", "name", json!("x".repeat(300)))), "name"),
        (("boards", with("boards", "time_range", json!(0))), "time_range"),
        (
            ("boards", with("boards", "filters", json!(vec![json!({ "column": "a", "op": "=", "value": 1 }); 101]))),
            "filters",
        ),
        (panel("width", json!(13)), "columns"),
        (panel("y", json!(4_294_967_295_u32)), "rows"),
        (panel("id", json!("b")), "two panels"),
        (panel("text", json!("and a text")), "one of"),
        (panel("spec", json!({ "calculation": [] })), "calculation"),
        (("queries", with("queries", "spec", json!([]))), "spec"),
    ] {
        let reply = server.post(&format!("/api/v1/{kind}"), &body);
        refused_naming(&reply, 422, named);
    }
    for kind in KINDS {
        refused(&server.post(&format!("/api/v1/{kind}"), &with(kind, "unknown", json!(1))), 400);
        refused(&server.get(&format!("/api/v1/{kind}?limit=0")), 400);
        refused(&server.get(&format!("/api/v1/{kind}?cursor=x")), 400);
        refused(&server.get(&format!("/api/v1/{kind}?since=1")), 400);
    }
    refused(&server.post("/api/v1/markers", &with("markers", "time", json!("soon"))), 400);
    let text = "x".repeat(9_000);
    let mut large = example("boards");
    large["panels"] = (0..40)
        .map(|n| json!({ "id": n.to_string(), "x": 0, "y": n, "width": 1, "height": 1, "text": text }))
        .collect();
    refused_naming(&server.post("/api/v1/boards", &large), 422, "bytes");
}

#[test]
fn lists_go_by_time_page_by_page_and_are_searched() {
    let server = Server::start();
    for n in 0..5 {
        let dataset = if n == 3 { Value::Null } else { json!(format!("d{}", n % 2)) };
        make(
            &server,
            "markers",
            &json!({ "text": format!("Build {n}"), "time": 1_700_000_000 + n, "dataset": dataset }),
        );
    }
    let texts = |path: &str| {
        let list = server.get(&format!("/api/v1/markers{path}")).ok();
        let texts = list["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()[6..].to_owned());
        (texts.collect::<String>(), list["cursor"].as_str().map(str::to_owned))
    };
    assert_eq!(texts("").0, "43210");
    assert_eq!(texts("?dataset=d1").0, "31", "those of all are those of each");
    assert_eq!(texts("?start=1700000001&end=2023-11-14T22:13:23Z").0, "21");
    assert_eq!(texts("?q=bUILD%202").0, "2");
    let (first, cursor) = texts("?limit=2");
    let (second, next) = texts(&format!("?limit=2&cursor={}", cursor.unwrap()));
    let (third, end) = texts(&format!("?limit=2&cursor={}", next.unwrap()));
    assert_eq!((first + &second + &third, end), ("43210".to_owned(), None));
}

#[test]
fn keys_limited_to_datasets_see_what_is_of_theirs() {
    let setup = Setup::new();
    let (root, limited) = (setup.create_key(&["ingest", "query", "admin"]), setup.create_key(&["query:mine"]));
    let server = setup.with_key(&root).start();
    let of = |kind: &str, dataset: Value| match kind {
        "boards" => {
            let mut body = example(kind);
            body["panels"][0]["dataset"] = dataset;
            body
        }
        _ => with(kind, "dataset", dataset),
    };
    let as_limited = |request: Request| request.header("X-Outcrop-Key", &limited).to(server.address);
    for kind in KINDS {
        let all = format!("/api/v1/{kind}");
        let made = |dataset: Value| make(&server, kind, &of(kind, dataset))["id"].as_str().unwrap().to_owned();
        let (mine, yours, any) = (made(json!("mine")), made(json!("yours")), made(json!("*")));
        let list = as_limited(Request::get(&all)).ok();
        let mut seen = ids(&list);
        seen.sort_unstable();
        let mut expected = vec![mine.as_str(), any.as_str()];
        expected.sort_unstable();
        assert_eq!(seen, expected, "{kind}");
        refused(&as_limited(Request::get(&format!("{all}/{yours}"))), 404);
        let delete =
            |id: &str| as_limited(Request::new("DELETE", &format!("{all}/{id}")).header("If-Match", "*")).status;
        assert_eq!((delete(&yours), delete(&mine)), (404, 204), "{kind}");
        refused(&as_limited(Request::json(&all, &of(kind, json!("yours")))), 403);
        assert_eq!(as_limited(Request::json(&all, &of(kind, json!("mine")))).status, 201);
    }
    let everywhere = json!({ "text": "everywhere" });
    let made = make(&server, "markers", &everywhere);
    refused(&as_limited(Request::json("/api/v1/markers", &everywhere)), 403);
    let id = made["id"].as_str().unwrap();
    refused(&as_limited(Request::new("DELETE", &format!("/api/v1/markers/{id}")).header("If-Match", "*")), 403);
}

#[test]
fn a_marker_goes_with_its_dataset_to_another_name() {
    let setup = Setup::new();
    let key = setup.create_key(&["ingest", "query", "admin"]);
    let server = setup.with_key(&key).start();
    server.load("shop", "{\"a\":1}");
    make(&server, "markers", &example("markers"));
    make(&server, "queries", &example("queries"));
    assert_eq!(send(&server, "PATCH", "/api/v1/datasets/shop", &json!({ "name": "store" }), Some("*")).status, 200);
    for kind in ["markers", "queries"] {
        assert_eq!(server.get(&format!("/api/v1/{kind}?dataset=store")).ok()["items"][0]["dataset"], "store");
    }
}

#[test]
fn honeycombs_markers_are_the_same_markers() {
    let server = Server::start();
    let sent = json!({ "message": "deploy #5", "type": "deploy", "start_time": 1_700_000_000, "unknown": 1 });
    let made = server.post("/1/markers/shop", &sent);
    assert_eq!((made.status, &made.json()["start_time"]), (201, &json!(1_700_000_000)), "{}", made.text());
    let ours = server.get("/api/v1/markers").ok()["items"][0].clone();
    assert_eq!(
        (&ours["text"], &ours["kind"], &ours["dataset"]),
        (&json!("deploy #5"), &json!("deploy"), &json!("shop"))
    );
    assert_eq!(server.post("/1/markers/__all__", &json!({ "type": "flag" })).status, 201);
    assert_eq!(server.get("/1/markers/shop").ok().as_array().unwrap().len(), 2);
    let one = format!("/1/markers/shop/{}", ours["id"].as_str().unwrap());
    let put = send(
        &server,
        "PUT",
        &one,
        &json!({ "message": "done", "end_time": 1_700_000_060, "start_time": 1_700_000_000 }),
        None,
    );
    assert_eq!(put.ok()["end_time"], 1_700_000_060);
    assert_eq!(send(&server, "DELETE", &one, &json!({}), None).status, 204);
    assert!(send(&server, "DELETE", &one, &json!({}), None).json()["error"].is_string(), "refused as Honeycomb does");
    assert!(server.post("/1/markers/shop", &json!({})).json()["error"].is_string());
}

#[test]
fn the_command_line_makes_markers() {
    let server = Server::start();
    let url = format!("http://{}", server.address);
    let run = |arguments: &[&str]| server.setup.command(&["marker", "--url", &url]).args(arguments).output().unwrap();
    let made = run(&["b-0037 is out", "--dataset", "shop", "--kind", "deploy", "--link", "https://ci/7"]);
    assert!(made.status.success(), "{made:?}");
    let marker = server.get("/api/v1/markers").ok()["items"][0].clone();
    assert_eq!(String::from_utf8(made.stdout).unwrap().trim(), marker["id"].as_str().unwrap());
    assert_eq!((&marker["text"], &marker["url"]), (&json!("b-0037 is out"), &json!("https://ci/7")));
    let refused = run(&["x", "--color", "red"]);
    assert!(!refused.status.success() && String::from_utf8(refused.stderr).unwrap().contains("#rrggbb"));
}

#[test]
fn what_was_asked_is_remembered_once_and_found_again() {
    let setup = Setup::new();
    let (root, limited) = (setup.create_key(&["ingest", "query"]), setup.create_key(&["query:web"]));
    let server = setup.with_key(&root).start();
    server.load("web", "{\"route\":\"/cart\"}");
    server.load("jobs", "{\"queue\":\"mail\"}");
    for _ in 0..3 {
        server.query("web", &json!({ "breakdowns": ["route"] }));
    }
    server.query("jobs", &json!({}));
    server.query("*", &json!({ "filters": [{ "column": "queue", "op": "exists" }] }));
    refused(&server.post("/api/v1/query/web", &json!({ "limit": 0 })), 400);
    let history = |path: &str| server.get(&format!("/api/v1/history{path}")).ok()["items"].as_array().unwrap().clone();
    wait_until("everything is remembered", Duration::from_secs(20), || history("").len() == 4);
    let routes = history("?q=%22Route%22");
    assert_eq!(
        (routes.len(), &routes[0]["times"], &routes[0]["spec"]),
        (1, &json!(3), &json!({ "breakdowns": ["route"] }))
    );
    assert_eq!(routes[0]["who"]["name"], "test");
    assert!(routes[0]["duration_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(history("")[0]["refused"], "malformed_spec", "the latest first");
    assert_eq!(history("?dataset=jobs").len(), 2);
    let seen = Request::get("/api/v1/history").header("X-Outcrop-Key", &limited).to(server.address).ok();
    assert!(!seen.to_string().contains("queue") && seen["items"].as_array().unwrap().len() == 2, "{seen}");
}

#[test]
fn a_version_that_nobody_has_seen_before_is_marked_and_no_other() {
    let server = Server::start();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let event = |service: &str, version: &str, ago: u64| {
        json!({ "service.name": service, "service.version": version, "timestamp": now - ago }).to_string()
    };
    let events = [
        event("shop", "1", 20),
        event("shop", "2", 10),
        event("shop", "3", 5_000),
        event("shop", "3", 5),
        event("mail", "7", 15),
    ];
    server.load("web", events.join("\n"));
    let markers = || server.get("/api/v1/markers").ok()["items"].as_array().unwrap().clone();
    wait_until("the version is marked", Duration::from_secs(60), || !markers().is_empty());
    let marked = markers();
    let told = |marker: &Value| (marker["text"].clone(), marker["kind"].clone(), marker["dataset"].clone());
    assert_eq!(marked.iter().map(told).collect::<Vec<_>>(), [(json!("shop 2"), json!("release"), json!("web"))]);
    server.load("web", event("mail", "8", 0));
    wait_until("the next version is marked", Duration::from_secs(60), || markers().len() == 2);
    assert_eq!(markers()[0]["text"], "mail 8");
}
