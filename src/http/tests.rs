//! The table of routes is what is documented, and what may be left undocumented is named here.

use std::collections::BTreeSet;

use super::access::ROUTES;

/// What is not of HTTP, and what clients of Elasticsearch ask before they send.
fn is_excused(path: &str) -> bool {
    super::grpc::ROUTES.contains(&path)
        || path.starts_with("/elasticsearch")
        || (path.starts_with("/_") && path != "/_bulk")
}

#[test]
fn every_route_is_documented_or_excused() {
    let document: serde_json::Value = serde_json::from_str(&super::openapi_json()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let mut known: BTreeSet<(String, String)> = paths
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |m| (m.to_uppercase(), path.clone())))
        .collect();
    for excused in ["/api/v1/openapi.json", "/healthz", "/metrics", "/", "/ready"] {
        known.insert(("GET".to_owned(), excused.to_owned()));
    }
    // Other names of documented routes.
    for (method, path) in [
        ("POST", "/v1/traces/"),
        ("POST", "/v1/logs/"),
        ("POST", "/v1/metrics/"),
        ("POST", "/api/prom/push"),
        ("PUT", "/_bulk"),
        ("PUT", "/{index}/_bulk"),
    ] {
        known.insert((method.to_owned(), path.to_owned()));
    }
    let listed: Vec<(String, String)> = ROUTES
        .iter()
        .filter(|(_, path, _)| !is_excused(path))
        .map(|(m, path, _)| ((*m).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(known, listed.iter().cloned().collect(), "a route is missing here, or in the OpenAPI document");
    assert_eq!(known.len(), listed.len(), "a route is there twice");
}

/// Clients that are generated from the document have a function for each.
#[test]
fn every_operation_has_a_name_of_its_own() {
    let document: serde_json::Value = serde_json::from_str(&super::openapi_json()).unwrap();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let names: Vec<&str> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
}
