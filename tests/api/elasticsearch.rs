//! What shippers of Elasticsearch's kind ask and send.

use serde_json::{Value, json};

use crate::harness::{Reply, Request, Server};

fn bulk(server: &Server, path: &str, body: &str) -> Reply {
    server.send(&Request::post(path, body).header("Content-Type", "application/x-ndjson"))
}

fn count(server: &Server, dataset: &str) -> Value {
    server.query(dataset, &json!({ "start_time": 0, "disable_series": true }))["rows"][0][0].clone()
}

const BULK: &str = concat!(
    "{\"create\":{\"_index\":\"web-2026.11.20\",\"_id\":\"a1\"}}\n{\"@timestamp\":\"2026-11-20T08:40:00Z\",\"http\":{\"status\":200}}\n",
    "{\"index\":{}}\n{\"message\":\"x\"}\n",
    "{\"delete\":{\"_index\":\"web\",\"_id\":\"1\"}}\n",
    "{\"create\":{\"_index\":\"web\"}}\nnonsense\n",
);

#[test]
fn a_bulk_request_is_answered_item_by_item() {
    let server = Server::start();
    let reply = bulk(&server, "/apps/_bulk?filter_path=errors", BULK);
    assert_eq!(reply.header("x-elastic-product"), Some("Elasticsearch"));
    assert!(reply.header("content-type").is_some_and(|value| value.starts_with("application/json")));
    let answer = reply.ok();
    assert!(answer["took"].is_u64() && answer["errors"] == true, "{answer}");
    assert_eq!(
        answer["items"][0],
        json!({ "create": { "_index": "web-2026.11.20", "_id": "", "status": 201, "result": "created" } })
    );
    assert_eq!(answer["items"][1]["index"]["_index"], "apps");
    for (item, verb) in [(2, "delete"), (3, "create")] {
        let item = &answer["items"][item][verb];
        assert_eq!(item["status"], 400);
        assert!(
            item["error"]["type"].is_string()
                && item["error"]["reason"].as_str().is_some_and(|reason| reason.len() > 15),
            "{item}"
        );
    }
    assert_eq!(answer["items"].as_array().unwrap().len(), 4);
    assert_eq!((count(&server, "web"), count(&server, "apps")), (json!(1), json!(1)));
    let columns = json!({ "start_time": 0, "columns": ["timestamp", "http.status", "_id"] });
    assert_eq!(server.rows("web", &columns)["rows"], json!([["2026-11-20T08:40:00Z", 200, "a1"]]));
    let good = bulk(&server, "/_bulk", "{\"create\":{\"_index\":\"web\"}}\n{\"a\":1}\n").ok();
    assert_eq!((&good["errors"], good["items"].as_array().unwrap().len()), (&json!(false), 1));
}

#[test]
fn every_way_to_a_bulk_request() {
    let server = Server::start();
    let body = "{\"create\":{\"_index\":\"web\"}}\n{\"a\":1}\n";
    let mut expected = 0;
    for path in ["/_bulk", "/web/_bulk", "/elasticsearch/_bulk", "/elasticsearch/other/_bulk"] {
        for method in ["POST", "PUT"] {
            for content_type in [
                "application/json",
                "application/x-ndjson",
                "application/vnd.elasticsearch+x-ndjson; compatible-with=8",
            ] {
                let request = Request::new(method, path)
                    .header("Content-Type", content_type)
                    .body(crate::harness::Body::Chunked(body.into()));
                assert_eq!(server.send(&request).ok()["errors"], false, "{method} {path}");
                expected += 1;
            }
        }
    }
    let zstd =
        Request::post("/_bulk", zstd::encode_all(body.as_bytes(), 3).unwrap()).header("Content-Encoding", "zstd");
    assert_eq!(server.send(&zstd).ok()["errors"], false);
    assert_eq!(count(&server, "web"), expected + 1);
}

#[test]
fn what_cannot_be_taken_is_refused_in_elasticsearchs_shape() {
    let server = Server::with(&["--body-bytes-max", "1024"]);
    for (body, encoding, status, kind) in [
        ("nonsense\n{}\n".to_owned(), None, 400, "illegal_argument_exception"),
        ("{\"create\":{}}\n{}\n".repeat(100), None, 413, "content_too_long_exception"),
        (String::new(), Some("br"), 415, "media_type_header_exception"),
    ] {
        let mut request = Request::post("/_bulk", body);
        if let Some(encoding) = encoding {
            request = request.header("Content-Encoding", encoding);
        }
        let reply = server.send(&request);
        assert_eq!((reply.status, reply.header("x-elastic-product")), (status, Some("Elasticsearch")));
        let error = reply.json();
        assert_eq!((&error["status"], &error["error"]["type"]), (&json!(status), &json!(kind)));
        assert_eq!(error["error"]["root_cause"][0]["type"], kind);
    }
}

#[test]
fn clients_are_told_whom_they_talk_to_and_browsers_get_the_console() {
    let server = Server::start();
    let ask = |headers: &[(&str, &str)], path: &str| {
        server.send(&headers.iter().fold(Request::get(path), |request, (name, value)| request.header(name, value)))
    };
    for headers in [
        &[("Accept", "application/json")][..],
        &[("Accept", "application/vnd.elasticsearch+json; compatible-with=8")],
        &[("User-Agent", "Elastic-Filebeat/8.19.0 (linux; amd64)")],
        &[("User-Agent", "Logstash/8.19.0"), ("Accept", "*/*")],
        &[("User-Agent", "elasticsearch-py/8.19.0 (Python/3.11)")],
    ] {
        let reply = ask(headers, "/");
        assert_eq!(reply.header("x-elastic-product"), Some("Elasticsearch"), "{headers:?}");
        let about = reply.ok();
        assert!(about["version"]["number"].as_str().is_some_and(|version| version.starts_with("8.")), "{about}");
        assert!(about["cluster_uuid"].is_string() && about["tagline"] == "You Know, for Search", "{about}");
    }
    assert_eq!(ask(&[], "/elasticsearch/").ok()["version"]["build_flavor"], "default");
    for headers in [
        &[][..],
        &[("Accept", "text/html,application/xhtml+xml,application/json;q=0.9")],
        &[("Accept", "*/*"), ("User-Agent", "curl/8.0")],
    ] {
        let reply = ask(headers, "/");
        assert!(reply.header("content-type").is_some_and(|value| value.starts_with("text/html")), "{headers:?}");
    }
}

#[test]
fn what_shippers_want_to_set_up_is_there_and_acknowledged() {
    let server = Server::start();
    for prefix in ["", "/elasticsearch"] {
        assert_eq!(server.get(&format!("{prefix}/_license")).ok()["license"]["status"], "active");
        assert_eq!(server.get(&format!("{prefix}/_xpack")).ok()["license"]["type"], "basic");
        assert_eq!(server.get(&format!("{prefix}/_cluster/health")).ok()["status"], "green");
        assert_eq!(server.get(&format!("{prefix}/_nodes/http")).ok()["nodes"], json!({}));
        for object in [
            "_index_template/filebeat",
            "_component_template/a",
            "_template/logstash",
            "_ilm/policy/filebeat",
            "_ingest/pipeline/p",
            "_data_stream/logs",
        ] {
            let path = format!("{prefix}/{object}");
            assert_eq!(server.get(&path).ok(), json!({}), "{path}");
            let put = server.send(&Request::new("PUT", &path).body(crate::harness::Body::Sized(b"{}".to_vec())));
            assert_eq!(put.header("x-elastic-product"), Some("Elasticsearch"));
            assert_eq!(put.ok(), json!({ "acknowledged": true }), "{path}");
        }
    }
}
