//! Operating: health, readiness, metrics, the version, the OpenAPI document, and what is no route.

use std::collections::BTreeSet;

use serde_json::Value;

use super::keys::create_key;
use super::refused;
use super::routes::{Names, ROUTES};
use crate::harness::{Request, Server};

#[test]
fn it_lives_and_is_ready() {
    let server = Server::start();
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/readyz").ok()["ready"], true);
    let version = server.get("/api/v1/version").ok();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn metrics_parse_and_count() {
    let server = Server::start();
    server.load("d", "{\"a\":1}\n{\"a\":2}");
    let reply = server.get("/metrics");
    assert_eq!(reply.status, 200);
    let text = reply.text();
    let mut names = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?} is no sample"));
        assert!(value.parse::<f64>().is_ok(), "{line:?} has no number");
        let name = series.split('{').next().unwrap();
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        assert!(name.starts_with("outcrop_") && name.chars().all(legal), "{name:?} is no name");
        assert!(names.insert(series.to_owned()), "{series} stands there twice");
    }
    assert_eq!(server.metric("outcrop_ingest_events_total"), 2.0);
    assert!(server.metric("outcrop_memtable_bytes") > 0.0);
    assert!(!text.contains("/d\""), "names of datasets are no labels:\n{text}");
}

#[test]
fn metric_labels_do_not_grow_with_what_clients_make_up() {
    let server = Server::start();
    for at in 0..20 {
        server.get(&format!("/api/v1/made/up/{at}"));
        server.get(&format!("/api/v1/fields/nowhere{at}"));
        server.get(&format!("/page{at}"));
    }
    let text = server.get("/metrics").text();
    assert!(!text.contains("nowhere") && !text.contains("made"), "{text}");
}

/// Paths of the document as requests: `{dataset}` becomes a name.
fn documented(document: &Value) -> Vec<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |path: &str, item: &Value| -> Vec<(String, String)> {
        item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.to_owned())).collect()
    };
    paths.iter().flat_map(|(path, item)| methods(path, item)).collect()
}

#[test]
fn the_openapi_document_has_every_route_and_no_other() {
    let server = Server::start();
    let reply = server.get("/api/v1/openapi.json");
    assert!(reply.header("content-type").is_some_and(|t| t.starts_with("application/json")));
    let document = reply.ok();
    assert!(document["openapi"].as_str().is_some_and(|v| v.starts_with("3.1")), "{}", document["openapi"]);
    let documented = documented(&document);
    let key = create_key(&server.setup, &["ingest", "query", "admin"]);
    for route in ROUTES {
        let load =
            Request::post("/api/v1/events/d", "{\"f\":1,\"trace_id\":\"t\",\"intent.name\":\"i\",\"intent.met\":true}")
                .header("X-Outcrop-Key", &key);
        assert_eq!(server.send(&load).status, 200);
        let (method, path) = (route.method, route.path);
        assert!(documented.contains(&(method.to_owned(), path.to_owned())), "{method} {path} is not in the document");
        let request = route.request(&Names { dataset: "d", id: &route.make_id(&server, "d", &key), key: &key });
        let status = server.send(&request.header("X-Outcrop-Key", &key)).status;
        assert!(route.is_let_in(status), "{method} {path} is documented and answers {status}");
        let names = Names { dataset: "d", id: "x", key: &key };
        route.refused(&server.send(&Request::new("TRACE", &route.address(&names)).header("X-Outcrop-Key", &key)), 405);
    }
    assert_eq!(documented.len(), ROUTES.len(), "there is more in the document: {documented:?}");
}

#[test]
fn every_reference_in_the_openapi_document_leads_somewhere() {
    let server = Server::start();
    let document = server.get("/api/v1/openapi.json").ok();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference} is nowhere");
    }
}

#[test]
fn every_operation_of_the_openapi_document_has_a_name_of_its_own() {
    let document = Server::start().get("/api/v1/openapi.json").ok();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let mut names: Vec<&str> = operations.filter_map(|operation| operation["operationId"].as_str()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), all), (ROUTES.len(), ROUTES.len()), "clients are generated with these names");
}

#[test]
fn what_is_no_route_is_404_and_a_wrong_method_405() {
    let server = Server::start();
    for path in [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/nowhere",
        "/api/v2/query/d",
        "/api/v1/query",
        "/api/v1/query/a/b",
        "/api/v1/datasets/",
    ] {
        refused(&server.get(path), 404);
        refused(&server.send(&Request::post(path, "{}")), 404);
    }
    for (method, path) in [
        ("GET", "/api/v1/query/d"),
        ("GET", "/api/v1/events/d"),
        ("PUT", "/api/v1/events/d"),
        ("DELETE", "/api/v1/rows/d"),
        ("POST", "/api/v1/datasets"),
        ("POST", "/api/v1/fields/d"),
        ("POST", "/api/v1/values/d/f"),
        ("DELETE", "/healthz"),
        ("POST", "/metrics"),
        ("POST", "/readyz"),
        ("POST", "/"),
        ("PATCH", "/api/v1/version"),
    ] {
        refused(&server.send(&Request::new(method, path)), 405);
    }
}

#[test]
fn head_is_get_without_a_body() {
    let server = Server::start();
    for path in ["/", "/healthz"] {
        let address = server.address;
        let mut stream = Request::new("HEAD", path).begin(address);
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert_eq!(answer.split_once("\r\n\r\n").unwrap().1, "");
    }
}
