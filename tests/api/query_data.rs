//! Honeycomb's Query Data API: queries that are kept, and their answers, which are those of `/api/v1/query`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Reply, Request, Server, Setup, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

fn kept(server: &Server, dataset: &str, spec: &Value) -> String {
    server.post(&format!("/1/queries/{dataset}"), spec).ok()["id"].as_str().unwrap().to_owned()
}

/// Asks for a result and says where it is.
fn asked(server: &Server, dataset: &str, wanted: &Value) -> String {
    let reply = server.post(&format!("/1/query_results/{dataset}"), wanted);
    assert_eq!((reply.status, &reply.json()["complete"]), (201, &json!(false)), "{}", reply.text());
    reply.header("location").unwrap().to_owned()
}

/// The reply to whoever asks until the result is complete, or cannot be.
fn fetched(server: &Server, place: &str) -> Reply {
    let mut reply = server.get(place);
    wait_until("the result is complete", PATIENCE, || {
        reply = server.get(place);
        reply.status != 200 || reply.json()["complete"] == true
    });
    reply
}

fn result(server: &Server, dataset: &str, wanted: &Value) -> Value {
    fetched(server, &asked(server, dataset, wanted)).ok()
}

/// The words in which Honeycomb refuses.
fn refused(reply: &Reply, status: u16) -> String {
    assert_eq!(reply.status, status, "{}", reply.text());
    reply.json()["error"].as_str().unwrap().to_owned()
}

fn shop() -> Server {
    let server = Server::start();
    let start = 1_790_000_000;
    let event = |n: u64| {
        let user = ["a", "b", "c"][n as usize % 3];
        format!("{{\"timestamp\":{},\"user\":\"{user}\",\"ms\":{n}}}\n", start + n * 7)
    };
    server.load("shop", (0..60).map(event).collect::<String>() + &format!("{{\"timestamp\":{start}}}"));
    server
}

fn spec() -> Value {
    json!({ "calculations": [{ "op": "COUNT" }, { "op": "P99", "column": "ms" }], "breakdowns": ["user"],
            "orders": [{ "op": "COUNT", "order": "descending" }, { "column": "user" }], "limit": 2, "granularity": 60,
            "start_time": 1_790_000_000, "end_time": 1_790_000_420 })
}

#[test]
fn a_result_says_what_the_query_route_says() {
    let server = shop();
    let id = kept(&server, "shop", &spec());
    assert_eq!(kept(&server, "Shop", &spec()), id, "the same query has the same id");
    assert_ne!(kept(&server, "__all__", &spec()), id);
    let shown = server.get(&format!("/1/queries/shop/{id}")).ok();
    assert_eq!((&shown["id"], &shown["limit"], &shown["breakdowns"]), (&json!(id), &json!(2), &json!(["user"])));
    let wanted = json!({ "query_id": id, "disable_total_by_aggregate": false, "disable_other_by_aggregate": false });
    let result = result(&server, "shop", &wanted);
    let answer = server.query("shop", &spec());
    let names: Vec<&str> = answer["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    let group = |row: &Value| {
        let values = names.iter().zip(row.as_array().unwrap());
        json!({ "data": values.map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<serde_json::Map<_, _>>() })
    };
    let groups: Vec<Value> = answer["rows"].as_array().unwrap().iter().map(group).collect();
    assert_eq!((result["data"]["results"].as_array().unwrap(), groups.len()), (&groups, 2));
    assert_eq!(result["data"]["total_by_aggregate"], answer["total"]);
    assert_eq!(result["data"]["total_by_aggregate"]["COUNT"], 61);
    assert_eq!(result["data"]["other_by_aggregate"], answer["other"]);
    assert_eq!(result["query"]["id"], json!(id));
    let url = result["links"]["query_url"].as_str().unwrap();
    assert_eq!(url, format!("http://{}/1/queries/shop/{id}", server.address));
    // Two groups in eight minutes of which the range touches each.
    let series = result["data"]["series"].as_array().unwrap();
    assert_eq!(series.len() as u64, 2 * answer["series"]["buckets"].as_u64().unwrap());
    assert_eq!(series[0]["time"], answer["series"]["start"]);
    let of_group = &answer["series"]["groups"][1];
    for (bucket, point) in series.iter().skip(1).step_by(2).enumerate() {
        assert_eq!(point["data"]["user"], of_group["key"][0]);
        for name in ["COUNT", "P99(ms)"] {
            assert_eq!(point["data"][name], of_group["values"][name][bucket], "{name} in {bucket}");
        }
    }
    let totals = result["data"]["total_by_aggregate_series"].as_array().unwrap();
    let counts: u64 = totals.iter().map(|point| point["data"]["COUNT"].as_u64().unwrap()).sum();
    assert_eq!((counts, totals[0]["data"].get("user")), (61, None));
}

#[test]
fn a_result_has_what_is_asked_for_and_no_more() {
    let server = shop();
    let id = kept(&server, "shop", &spec());
    let keys = |wanted: &Value| {
        let result = result(&server, "shop", wanted);
        let mut keys: Vec<String> = result["data"].as_object().unwrap().keys().cloned().collect();
        keys.sort();
        (keys.join(" "), result["data"]["results"].as_array().unwrap().len())
    };
    assert_eq!(keys(&json!({ "query_id": id })), ("results series".to_owned(), 2));
    assert_eq!(keys(&json!({ "query_id": id, "disable_series": true, "limit": 10 })), ("results".to_owned(), 4));
    let all = json!({ "query_id": id, "disable_series": true, "disable_total_by_aggregate": false });
    assert_eq!(keys(&all).0, "results total_by_aggregate");
    // Longer ago than a week, at any granularity: the default range is the last two hours.
    let old = kept(
        &server,
        "shop",
        &json!({ "start_time": 1_600_000_000, "end_time": 1_800_000_000, "granularity": 1_000_000 }),
    );
    let whole = result(&server, "shop", &json!({ "query_id": old, "disable_total_by_aggregate": false }));
    assert_eq!(whole["data"]["results"], json!([{ "data": { "COUNT": 61 } }]));
    let (series, totals) = (&whole["data"]["series"], &whole["data"]["total_by_aggregate_series"]);
    assert_eq!((series, series.as_array().unwrap().len()), (totals, 200));
    let heatmap = json!({ "calculations": [{ "op": "HEATMAP", "column": "ms" }], "start_time": 1_790_000_000, "end_time": 1_790_000_420 });
    let id = kept(&server, "__all__", &heatmap);
    assert_eq!(result(&server, "__all__", &json!({ "query_id": id }))["data"]["heatmaps"][0]["column"], "ms");
}

#[test]
fn what_is_wrong_is_said_in_honeycombs_shape() {
    let server = shop();
    let query = |spec: &Value| server.post("/1/queries/shop", spec);
    assert!(refused(&query(&json!({ "colour": "red" })), 400).contains("colour"));
    assert!(refused(&query(&json!({ "calculations": [{ "op": "GUESS" }] })), 400).contains("GUESS"));
    let id = kept(&server, "shop", &spec());
    let elsewhere = kept(&server, "nowhere", &spec());
    let ask = |dataset: &str, wanted: &Value| server.post(&format!("/1/query_results/{dataset}"), wanted);
    assert!(refused(&ask("shop", &json!({ "query_id": "none" })), 404).contains("none"));
    refused(&ask("shop", &json!({})), 400);
    refused(&ask("shop", &json!({ "query_id": id, "colour": "red" })), 400);
    refused(&ask("shop", &json!({ "query_id": id, "limit": 10_001 })), 400);
    refused(&ask("other", &json!({ "query_id": id })), 404);
    assert!(refused(&ask("nowhere", &json!({ "query_id": elsewhere })), 404).contains("nowhere"), "at once");
    refused(&server.get(&format!("/1/queries/other/{id}")), 404);
    let place = asked(&server, "shop", &json!({ "query_id": id }));
    fetched(&server, &place).ok();
    refused(&server.get(&place.replace("/shop/", "/other/")), 404);
    refused(&server.get("/1/query_results/shop/none"), 404);
}

#[test]
fn a_long_answer_is_made_beside_its_request_and_ends_at_its_deadline() {
    let server = Server::with(&["--flush-age-seconds-max", "0"]);
    let text = "ab".repeat(40);
    for part in 0..4 {
        let line = |at: u64| format!("{{\"t\":\"{text}{at}\"}}\n");
        server.load("d", (part * 20_000..(part + 1) * 20_000).map(line).collect::<String>());
    }
    let filter = |at: u64| json!({ "column": "t", "op": "matches", "value": format!("[ab]+[n-z]{{2}}{at}") });
    let filters: Vec<Value> = (0..4).map(filter).collect();
    let id = kept(&server, "d", &json!({ "filters": filters, "filter_combination": "OR" }));
    let wanted = json!({ "query_id": id, "disable_series": true });
    let place = asked(&server, "d", &wanted);
    assert_eq!(server.get(&place).ok()["complete"], false, "it takes longer than a request");
    assert_eq!(fetched(&server, &place).ok()["data"]["results"], json!([{ "data": { "COUNT": 0 } }]));
    let heavy: Vec<Value> = (0..100).map(filter).collect();
    let id = kept(&server, "d", &json!({ "filters": heavy, "filter_combination": "OR" }));
    let reply = server.post("/1/query_results/d?timeout_seconds=1", &json!({ "query_id": id }));
    assert_eq!(reply.status, 201, "{}", reply.text());
    refused(&fetched(&server, reply.header("location").unwrap()), 504);
    wait_until("nothing runs", PATIENCE, || server.metric("outcrop_queries_running") == 0.0);
}

#[test]
fn queries_outlive_the_server_and_go_with_their_dataset_to_its_new_name() {
    let setup = Setup::new();
    let key = setup.create_key(&["ingest", "query", "admin"]);
    let server = setup.with_key(&key).start();
    server.load("shop", "{\"a\":1}");
    let id = kept(&server, "shop", &json!({}));
    let place = asked(&server, "shop", &json!({ "query_id": id }));
    let server = server.kill().start();
    refused(&server.get(&place), 404);
    let result_of = |server: &Server, dataset: &str| result(server, dataset, &json!({ "query_id": id }));
    assert_eq!(result_of(&server, "shop")["data"]["results"], json!([{ "data": { "COUNT": 1 } }]));
    let rename = Request::new("PATCH", "/api/v1/datasets/shop").header("If-Match", "*");
    let rename = rename.body(crate::harness::Body::Sized("{\"name\":\"store\"}".into()));
    server.send(&rename).ok();
    assert_eq!(result_of(&server, "store")["data"]["results"], json!([{ "data": { "COUNT": 1 } }]));
    refused(&server.get(&format!("/1/queries/shop/{id}")), 404);
}

#[test]
fn what_was_answered_from_everything_is_not_for_a_key_of_less() {
    let setup = Setup::new();
    let key = setup.create_key(&["ingest", "query"]);
    let mine = setup.create_key(&["query:mine"]);
    let server = setup.with_key(&key).start();
    server.load("mine", "{\"a\":1}");
    server.load("theirs", "{\"a\":1}");
    let id = kept(&server, "__all__", &json!({}));
    let place = asked(&server, "__all__", &json!({ "query_id": id }));
    assert_eq!(fetched(&server, &place).ok()["data"]["results"], json!([{ "data": { "COUNT": 2 } }]));
    let with_mine = |request: Request| request.header("X-Honeycomb-Team", &mine).to(server.address);
    refused(&with_mine(Request::get(&place)), 404);
    let own = with_mine(Request::json("/1/query_results/__all__", &json!({ "query_id": id })));
    let own = own.header("location").unwrap().to_owned();
    wait_until("its own is complete", PATIENCE, || with_mine(Request::get(&own)).ok()["complete"] == true);
    assert_eq!(with_mine(Request::get(&own)).ok()["data"]["results"], json!([{ "data": { "COUNT": 1 } }]));
    let theirs = kept(&server, "theirs", &json!({}));
    refused(&with_mine(Request::get(&format!("/1/queries/theirs/{theirs}"))), 403);
    refused(&with_mine(Request::json("/1/query_results/theirs", &json!({ "query_id": theirs }))), 403);
}

#[test]
fn a_kept_query_goes_when_somebody_wants_it_gone() {
    let setup = Setup::new();
    let key = setup.create_key(&["ingest", "query"]);
    let mine = setup.create_key(&["query:mine"]);
    let server = setup.with_key(&key).start();
    server.load("mine", "{\"a\":1}");
    let filter = json!({ "filters": [{ "column": "a", "op": "=", "value": "jane" }] });
    let (id, other) = (kept(&server, "mine", &filter), kept(&server, "mine", &json!({})));
    let delete = |dataset: &str, id: &str| Request::new("DELETE", &format!("/1/queries/{dataset}/{id}"));
    refused(&server.send(&delete("other", &id)), 404);
    let gone = server.send(&delete("mine", &id));
    assert_eq!((gone.status, gone.text().as_str()), (204, ""));
    refused(&server.send(&delete("mine", &id)), 404);
    refused(&server.get(&format!("/1/queries/mine/{id}")), 404);
    refused(&server.post("/1/query_results/mine", &json!({ "query_id": id })), 404);
    assert_eq!(server.get(&format!("/1/queries/mine/{other}")).status, 200, "others stay");
    // Of all datasets a key of less takes away what is its own.
    let of_all = kept(&server, "__all__", &filter);
    let with_mine = |request: Request| request.header("X-Honeycomb-Team", &mine).to(server.address);
    refused(&with_mine(delete("__all__", &of_all)), 403);
    let own = with_mine(Request::json("/1/queries/__all__", &json!({ "limit": 7 }))).ok()["id"].clone();
    assert_eq!(with_mine(delete("__all__", own.as_str().unwrap())).status, 204);
    assert_eq!(server.send(&delete("__all__", &of_all)).status, 204);
}
