//! Datasets as a whole: how long they keep their events, what they are called, and their end.

use std::time::Duration;

use serde_json::{Value, json};

use super::keys::create_key;
use super::{refused, refused_naming};
use crate::harness::{Body, Reply, Request, Server, Setup, wait_until};

/// A server and a key that may do everything.
struct Bench {
    server: Server,
    key: String,
}

impl Bench {
    fn with(arguments: &[&str]) -> Bench {
        let setup = Setup::new().with(arguments);
        let key = create_key(&setup, &["ingest", "query", "admin"]);
        Bench { server: setup.start(), key }
    }

    fn send(&self, request: Request) -> Reply {
        self.server.send(&request.header("X-Outcrop-Key", &self.key))
    }

    fn load(&self, dataset: &str, body: &str) {
        self.send(Request::post(&format!("/api/v1/events/{dataset}"), body)).ok();
    }

    fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path))
    }

    fn change(&self, dataset: &str, tag: Option<&str>, body: &Value) -> Reply {
        let request = Request::new("PATCH", &format!("/api/v1/datasets/{dataset}"));
        let request = request.body(Body::Sized(body.to_string().into()));
        self.send(if let Some(tag) = tag { request.header("If-Match", tag) } else { request })
    }

    fn drop_dataset(&self, dataset: &str, tag: &str) -> Reply {
        self.send(Request::new("DELETE", &format!("/api/v1/datasets/{dataset}")).header("If-Match", tag))
    }

    /// The number of events; none if there is no such dataset.
    fn count(&self, dataset: &str) -> Option<u64> {
        let spec = json!({ "start_time": 0, "end_time": "2100-01-01T00:00:00Z", "disable_series": true });
        let reply = self.send(Request::json(&format!("/api/v1/query/{dataset}"), &spec));
        (reply.status != 404).then(|| reply.ok()["rows"][0][0].as_u64().unwrap())
    }

    fn restart(self) -> Bench {
        Bench { server: self.server.kill().start(), key: self.key }
    }
}

fn tag(reply: &Reply) -> String {
    reply.header("etag").unwrap().to_owned()
}

#[test]
fn retention_is_set_shown_kept_and_taken_away() {
    let bench = Bench::with(&["--retention-age-seconds-max", "86400000"]);
    bench.load("shop", "{\"a\":1}");
    let default = json!({ "age_seconds_max": 86_400_000, "bytes_max": null });
    let shown = bench.get("/api/v1/datasets/SHOP");
    assert_eq!(shown.ok(), json!({ "name": "shop", "retention": null, "retention_default": default }));
    let own = json!({ "age_seconds_max": 3600, "bytes_max": 1_000_000_000 });
    let changed = bench.change("shop", Some(&tag(&shown)), &json!({ "retention": own }));
    assert_eq!(changed.ok()["retention"], own);
    assert_ne!(tag(&changed), tag(&shown));
    assert_eq!(tag(&bench.get("/api/v1/datasets/shop")), tag(&changed));
    let bench = bench.restart();
    assert_eq!(bench.get("/api/v1/datasets/shop").ok()["retention"], own);
    let untouched = bench.change("shop", Some(&tag(&changed)), &json!({}));
    assert_eq!(untouched.ok()["retention"], own, "what is not named stays");
    let taken = bench.change("shop", Some("*"), &json!({ "retention": null }));
    assert_eq!(taken.ok()["retention"], json!(null));
    assert_eq!(bench.count("shop"), Some(1));
}

#[test]
fn events_beyond_the_policy_go() {
    let bench = Bench::with(&["--flush-age-seconds-max", "0"]);
    bench.load("shop", "{\"a\":1}");
    bench.load("web", "{\"a\":1}");
    let policy = json!({ "retention": { "age_seconds_max": 1 } });
    assert_eq!(bench.change("shop", Some("*"), &policy).status, 200);
    wait_until("the old event is gone", Duration::from_secs(60), || bench.count("shop") == Some(0));
    assert_eq!(bench.count("web"), Some(1), "the other dataset keeps its own");
}

#[test]
fn changes_that_cannot_be_are_refused() {
    let bench = Bench::with(&[]);
    bench.load("shop", "{\"a\":1}");
    bench.load("web", "{\"a\":1}");
    for (body, status) in [
        (json!({ "retentions": null }), 400),
        (json!({ "retention": { "age": 1 } }), 400),
        (json!({ "retention": { "age_seconds_max": -1 } }), 400),
        (json!({ "retention": 1 }), 400),
        (json!({ "name": "a,b" }), 400),
        (json!({ "name": "" }), 400),
        (json!([]), 400),
        (json!({ "retention": { "age_seconds_max": 0 } }), 422),
        (json!({ "retention": { "bytes_max": 0 } }), 422),
        (json!({ "name": "web" }), 409),
    ] {
        refused(&bench.change("shop", Some("*"), &body), status);
    }
    refused_naming(&bench.change("shop", None, &json!({ "name": "x" })), 409, "If-Match");
    refused(&bench.change("shop", Some("\"0123456789abcdef\""), &json!({ "name": "x" })), 412);
    for (method, list) in [("GET", "shop,web"), ("PATCH", "*"), ("DELETE", "shop,web"), ("DELETE", "*")] {
        let request = Request::new(method, &format!("/api/v1/datasets/{list}")).header("If-Match", "*");
        refused(&bench.send(request.body(Body::Sized("{}".into()))), 400);
    }
    refused(&bench.get("/api/v1/datasets/nowhere"), 404);
    refused(&bench.change("nowhere", Some("*"), &json!({})), 404);
    refused(&bench.drop_dataset("nowhere", "*"), 404);
    assert_eq!((bench.count("shop"), bench.count("web"), bench.count("x")), (Some(1), Some(1), None));
}

#[test]
fn a_renamed_dataset_keeps_its_events_and_its_old_name_is_free() {
    let bench = Bench::with(&[]);
    bench.load("shop", "{\"a\":1}");
    let before = tag(&bench.get("/api/v1/datasets/shop"));
    let renamed = bench.change("shop", Some(&before), &json!({ "name": " Store " }));
    assert_eq!(renamed.ok()["name"], "store");
    refused(&bench.drop_dataset("store", &before), 412);
    bench.load("store", "{\"a\":2}");
    bench.load("shop", "{\"a\":3}");
    let bench = bench.restart();
    assert_eq!((bench.count("store"), bench.count("shop")), (Some(2), Some(1)));
    let limited = create_key(&bench.server.setup, &["admin:shop"]);
    let away = Request::new("PATCH", "/api/v1/datasets/shop").header("If-Match", "*").header("X-Outcrop-Key", &limited);
    refused(&bench.server.send(&away.body(Body::Sized("{\"name\":\"else\"}".into()))), 403);
}

#[test]
fn a_dropped_dataset_is_gone_and_a_new_one_of_its_name_starts_empty() {
    let bench = Bench::with(&[]);
    bench.load("shop", "{\"a\":\"in the old one\"}");
    bench.load("web", "{\"a\":1}");
    let shown = tag(&bench.get("/api/v1/datasets/shop"));
    refused_naming(&bench.send(Request::new("DELETE", "/api/v1/datasets/shop")), 409, "If-Match");
    let dropped = bench.drop_dataset("shop", &shown);
    assert_eq!((dropped.status, dropped.text().as_str()), (204, ""));
    assert_eq!((bench.count("shop"), bench.count("web")), (None, Some(1)));
    refused(&bench.drop_dataset("shop", &shown), 404);
    bench.load("shop", "{\"b\":1}");
    refused(&bench.drop_dataset("shop", &shown), 412);
    let bench = bench.restart();
    assert_eq!((bench.count("shop"), bench.count("web")), (Some(1), Some(1)));
    let fields = bench.get("/api/v1/fields/shop").text();
    assert!(fields.contains("\"b\"") && !fields.contains("\"a\""), "{fields}");
    let check = bench.server.kill().command(&["check", "--data-dir", "data"]).output().unwrap();
    assert!(check.status.success(), "{check:?}");
}
