//! The audit log: who asked and changed what is in it before anybody is told, whatever becomes of the process; nothing in it
//! is secret; what is done to it is found.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::{refused, refused_naming};
use crate::harness::postgres::Client;
use crate::harness::{Body, Reply, Request, Server, Setup, wait_until};

const PATIENCE: Duration = Duration::from_secs(20);
const CARD: &str = "4539578763621486";
const TOKEN: &str = "xoxb-123456789012-abcdefGHIJKL";

/// A server whose requests go with a key that may do everything.
fn keyed(arguments: &[&str]) -> Server {
    let setup = Setup::new();
    let key = setup.create_key(&["ingest", "query", "admin"]);
    setup.with_key(&key).with(arguments).start()
}

fn items(server: &Server, options: &str) -> Vec<Value> {
    server.get(&format!("/api/v1/audit?{options}")).ok()["items"].as_array().unwrap().clone()
}

/// The records of one action, the latest first.
fn of(server: &Server, action: &str) -> Vec<Value> {
    items(server, &format!("limit=1000&action={action}"))
}

fn request(method: &str, path: &str, body: &Value) -> Request {
    Request::new(method, path).header("If-Match", "*").body(Body::Sized(body.to_string().into()))
}

fn done(server: &Server, method: &str, path: &str, body: Value) -> Reply {
    let reply = server.send(&request(method, path, &body));
    assert!(reply.status < 300, "{method} {path}: {} {}", reply.status, reply.text());
    reply
}

fn id(reply: &Reply) -> String {
    reply.json()["id"].as_str().unwrap().to_owned()
}

fn check(setup: &Setup) -> (Option<i32>, String) {
    let output = setup.command(&["check", "--data-dir", "data"]).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn files(setup: &Setup, chain: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(setup.home().join("data/audit").join(chain)).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn records(setup: &Setup, chain: &str) -> PathBuf {
    files(setup, chain).into_iter().find(|path| path.extension().is_some()).unwrap()
}

#[test]
fn every_question_is_recorded_with_who_asked_it_and_what() {
    let server = keyed(&[]);
    server.load("shop", "{\"a\":1,\"trace.trace_id\":\"t\",\"intent.name\":\"i\",\"intent.met\":true}");
    let sequence = server.rows("shop", &json!({ "columns": ["meta.sequence"] }))["rows"][0][0].to_string();
    let selection = json!({ "filters": [{ "column": "a", "op": "exists" }] });
    for (action, request, said) in [
        ("query", Request::json("/api/v1/query/shop", &json!({ "breakdowns": ["a"] })), vec!["shop", "breakdowns"]),
        (
            "query",
            Request::json("/api/v1/query/shop", &json!({ "breakdowns": ["a"] })).header("Accept", "text/csv"),
            vec!["text/csv"],
        ),
        ("rows", Request::json("/api/v1/rows/shop", &json!({ "columns": ["a"] })), vec!["columns"]),
        ("compare", Request::json("/api/v1/compare/shop", &json!({ "selection": selection })), vec!["selection"]),
        ("sql", Request::json("/api/v1/sql", &json!({ "sql": "SELECT a FROM shop" })), vec!["SELECT a FROM shop"]),
        ("trace", Request::get("/api/v1/traces/t?dataset=shop"), vec!["\"trace_id\":\"t\"", "dataset=shop"]),
        ("event", Request::get(&format!("/api/v1/events/shop/{sequence}")), vec!["sequence"]),
        ("tail", Request::get("/api/v1/tail/shop?after=0&limit=1"), vec!["after=0&limit=1"]),
        ("fields", Request::get("/api/v1/fields/shop?q=a"), vec!["q=a"]),
        ("values", Request::get("/api/v1/values/shop/a?prefix=1"), vec!["prefix=1"]),
        ("intents", Request::get("/api/v1/intents"), vec!["{}"]),
        ("intents", Request::get("/api/v1/intents/i"), vec!["\"name\":\"i\""]),
        ("history", Request::get("/api/v1/history"), vec![]),
        // Also what finds nothing was asked.
        ("sql", Request::json("/api/v1/sql", &json!({ "sql": "SELECT b FROM nothing" })), vec!["FROM nothing"]),
    ] {
        let before = of(&server, action).len();
        server.send(&request);
        let all = of(&server, action);
        assert_eq!(all.len(), before + 1, "{action} {request:?}");
        let what = all[0]["what"].to_string();
        assert!(said.iter().all(|said| what.replace("\\\"", "\"").contains(said)), "{action}: {what}");
        assert_eq!((&all[0]["who"]["name"], &all[0]["peer"]), (&json!("test"), &json!("127.0.0.1")), "{action}");
        assert_eq!(all[0]["intact"], true);
    }
    assert_eq!(of(&server, "key.used").len(), 1);
    assert!(!of(&server, "audit").is_empty(), "who reads the log is in it");
}

#[test]
fn every_change_is_recorded_with_what_came_of_it() {
    let server = keyed(&[]);
    server.load("shop", "{\"a\":1}\n{\"a\":2}");
    let newest = |action: &str| of(&server, action).first().cloned().unwrap_or_else(|| panic!("no {action}"));
    for (noun, kind, body) in [
        ("marker", "markers", json!({ "text": "b-0037" })),
        ("board", "boards", json!({ "name": "b-0037", "panels": [] })),
        ("query", "queries", json!({ "name": "b-0037", "dataset": "shop", "spec": {} })),
        ("redaction", "redactions", json!({ "description": "b-0037", "fields": ["password"], "action": "drop" })),
    ] {
        let made = done(&server, "POST", &format!("/api/v1/{kind}"), body.clone());
        let one = format!("/api/v1/{kind}/{}", id(&made));
        let record = newest(&format!("{noun}.create"));
        assert_eq!((&record["what"]["id"], &record["what"]["body"]), (&made.json()["id"], &body));
        done(&server, "PUT", &one, body);
        assert_eq!(newest(&format!("{noun}.change"))["what"]["id"], made.json()["id"]);
        done(&server, "DELETE", &one, json!({}));
        assert_eq!(newest(&format!("{noun}.delete"))["what"]["id"], made.json()["id"]);
    }
    done(&server, "POST", "/1/markers/shop", json!({ "message": "m" }));
    assert_eq!(newest("marker.create")["what"]["dataset"], "shop");

    let key = done(&server, "POST", "/api/v1/keys", json!({ "name": "ci", "scopes": [{ "scope": "query" }] }));
    let record = newest("key.create");
    assert_eq!((&record["what"]["id"], &record["what"]["body"]["name"]), (&key.json()["id"], &json!("ci")));
    let session = done(&server, "POST", "/api/v1/session", json!({ "key": key.json()["key"] }));
    assert_eq!(newest("session.open")["who"], json!({ "id": key.json()["id"], "name": "ci" }));
    let cookie = session.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    server.send(&Request::new("DELETE", "/api/v1/session").header("Cookie", &cookie)).ok_or_empty();
    assert_eq!(newest("session.close")["who"]["name"], "ci");
    done(&server, "DELETE", &format!("/api/v1/keys/{}", id(&key)), json!({}));
    assert_eq!(newest("key.revoke")["what"]["id"], key.json()["id"]);

    done(
        &server,
        "PATCH",
        "/api/v1/datasets/shop",
        json!({ "name": "store", "retention": { "bytes_max": 7_000_000 } }),
    );
    let record = newest("dataset.change");
    assert_eq!((&record["what"]["dataset"], &record["what"]["body"]["name"]), (&json!("shop"), &json!("store")));
    done(&server, "PUT", "/api/v1/datasets/store/roles", json!({ "name": "a" }));
    assert_eq!(newest("roles.change")["what"]["body"]["name"], "a");
    let chosen = json!({ "filters": [{ "column": "a", "op": "=", "value": 1 }] });
    let deletion = done(&server, "DELETE", "/api/v1/events/store", chosen.clone()).json();
    let record = newest("events.delete");
    assert_eq!((&record["what"]["matching"], &record["what"]["task"]), (&json!(1), &deletion["task"]));
    assert_eq!(record["what"]["body"]["filters"], json!([{ "column": "a", "op": "=" }]));
    wait_until("the events are gone", PATIENCE, || !of(&server, "events.deleted").is_empty());
    let deleted = newest("events.deleted");
    assert_eq!((&deleted["what"]["removed"], &deleted["what"]["task"]), (&json!(1), &deletion["task"]));
    assert_eq!(deleted["who"]["id"], record["who"]["id"]);
    done(&server, "DELETE", "/api/v1/datasets/store", json!({}));
    assert_eq!(newest("dataset.drop")["what"]["dataset"], "store");

    // What was refused has changed nothing.
    let before = items(&server, "limit=1000&action=dataset").len();
    refused(&server.send(&request("DELETE", "/api/v1/datasets/store", &json!({}))), 404);
    assert_eq!(items(&server, "limit=1000&action=dataset").len(), before);
    assert_eq!(of(&server, "server.start").len(), 1);
}

impl Reply {
    /// An answer that need not say anything.
    fn ok_or_empty(&self) {
        assert!(self.status < 300, "{} {}", self.status, self.text());
    }
}

#[test]
fn whoever_is_not_let_in_is_recorded_and_many_of_them_are_few_records() {
    let server = keyed(&["--postgres", "127.0.0.1:0"]);
    let limited = server.setup.create_key(&["query:shop"]);
    let with = |key: &str, path: &str| {
        refused(&Request::get(path).header("X-Outcrop-Key", key).to(server.address), 401);
    };
    (0..50).for_each(|_| with("outcrop_wrong", "/api/v1/datasets"));
    with("", "/api/v1/datasets");
    refused(&Request::get("/api/v1/datasets").to(server.address), 401);
    refused(&Request::get("/api/v1/keys").header("X-Outcrop-Key", &limited).to(server.address), 403);
    refused(&Request::json("/api/v1/session", &json!({ "key": "outcrop_wrong" })).to(server.address), 401);
    assert!(Client::connect(server.said("PostgreSQL at ").unwrap(), "wrong").is_err());
    let found = of(&server, "refused");
    let times = |route: &str, code: &str| -> u64 {
        let of = |item: &&Value| item["what"]["route"] == route && item["what"]["code"] == code;
        found.iter().filter(of).map(|item| item["what"]["times"].as_u64().unwrap()).sum()
    };
    assert_eq!(times("/api/v1/datasets", "key_needed"), 50, "whoever sends no key does not sign in: {found:?}");
    assert_eq!((times("/api/v1/keys", "wrong_scope"), times("postgres", "key_needed")), (1, 1));
    assert_eq!(times("/api/v1/session", "key_needed"), 1);
    let scope = found.iter().find(|item| item["what"]["code"] == "wrong_scope").unwrap();
    assert_eq!((&scope["who"]["name"], &scope["peer"]), (&json!("test"), &json!("127.0.0.1")));
    assert!(found.iter().filter(|item| item["what"]["code"] != "wrong_scope").all(|item| item["who"].is_null()));
    // Nor is there anything to say of whoever ends a session that is none: nobody could be kept from saying it for ever.
    request("DELETE", "/api/v1/session?with=much", &json!({})).to(server.address).ok_or_empty();
    assert_eq!(of(&server, "session.close"), [] as [Value; 0]);
}

#[test]
fn sql_over_postgresql_is_recorded() {
    let server = keyed(&["--postgres", "127.0.0.1:0"]);
    server.load("shop", "{\"a\":1}");
    let key = server.setup.key().unwrap().to_owned();
    let mut client = Client::connect(server.said("PostgreSQL at ").unwrap(), &key).unwrap();
    client.ask(&format!("SELECT a FROM shop WHERE '{CARD}' = '1'"));
    let record = of(&server, "sql").remove(0);
    let sql = record["what"]["body"]["sql"].as_str().unwrap();
    assert!(sql.starts_with("SELECT a FROM shop") && !sql.contains(CARD), "{sql}");
    assert_eq!((&record["who"]["name"], &record["what"]["protocol"]), (&json!("test"), &json!("postgres")));
}

#[test]
fn what_is_bound_to_a_prepared_statement_is_recorded() {
    let server = keyed(&["--postgres", "127.0.0.1:0"]);
    server.load("shop", "{\"a\":\"x\",\"n\":17}");
    let key = server.setup.key().unwrap().to_owned();
    let mut client = Client::connect(server.said("PostgreSQL at ").unwrap(), &key).unwrap();
    assert_eq!(client.prepare("SELECT n FROM shop WHERE a = $1 AND n > $2").error, None);
    let found = client.run(&["x", "16"]);
    assert_eq!((found.error, found.rows), (None, vec![vec![Some("17".to_owned())]]));
    assert_eq!(client.run(&[CARD, "18"]).rows, [] as [Vec<Option<String>>; 0]);
    let records = of(&server, "sql");
    let parameters = |at: usize| records[at]["what"]["body"]["parameters"].clone();
    // The latest first.
    assert_eq!((parameters(1), parameters(0)), (json!(["x", "16"]), json!(["[card]", "18"])), "{records:?}");
}

#[test]
fn rules_of_some_datasets_hold_for_questions_about_several() {
    let server = keyed(&["--postgres", "127.0.0.1:0"]);
    let rule = json!({ "datasets": ["shop", "web"], "detector": "email", "action": "mask" });
    done(&server, "POST", "/api/v1/redactions", rule);
    let keep = json!({ "datasets": ["test"], "detector": "card", "action": "keep" });
    done(&server, "POST", "/api/v1/redactions", keep);
    for dataset in ["shop", "web", "test"] {
        server.load(dataset, "{\"a\":1}");
    }
    let secret = format!("jane@example.com {CARD}");
    let filter = json!({ "filters": [{ "column": "a", "op": "=", "value": secret }], "start_time": 0 });
    for datasets in ["shop", "shop,web", "web,test", "*", "test"] {
        server.query(datasets, &filter);
    }
    server.post("/api/v1/sql", &json!({ "sql": format!("SELECT a FROM web WHERE '{secret}' = '1'") })).ok();
    let said =
        |records: Vec<Value>| records.iter().map(|record| record["what"]["body"].to_string()).collect::<Vec<_>>();
    let (asked, sql) = (said(of(&server, "query")), said(of(&server, "sql")));
    assert_eq!((asked.len(), sql.len()), (5, 1));
    // The latest first: one question is about nothing but the dataset that the rules leave alone.
    assert!(asked[0].contains(&secret), "{}", asked[0]);
    for body in asked[1..].iter().chain(&sql) {
        assert!(body.contains("[email] [card]"), "{body}");
    }
    wait_until("the history has them", Duration::from_secs(30), || {
        server.get("/api/v1/history").ok()["items"].as_array().unwrap().len() == 5
    });
    let history = server.get("/api/v1/history").ok()["items"].to_string();
    assert_eq!((history.matches("[email] [card]").count(), history.matches(&secret).count()), (4, 1), "{history}");
}

#[test]
fn the_command_line_writes_beside_a_running_server() {
    let server = keyed(&[]);
    server.setup.create_key(&["query"]);
    done(&server, "POST", "/api/v1/markers", json!({ "text": "one" }));
    server.setup.create_key(&["query"]);
    done(&server, "POST", "/api/v1/markers", json!({ "text": "two" }));
    let made = of(&server, "key.create");
    assert_eq!(made.len(), 3);
    assert!(made.iter().all(|record| record["who"]["id"] == "command-line"));
    assert_eq!(of(&server, "marker.create").len(), 2);
    let (code, said) = check(&server.kill());
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn pages_and_filters_are_those_of_other_lists() {
    let server = keyed(&[]);
    for n in 0..5 {
        done(&server, "POST", "/api/v1/markers", json!({ "text": format!("m{n}") }));
        server.query("*", &json!({ "limit": n + 1 }));
    }
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("/api/v1/audit?q=test&limit=3{cursor}")).ok();
        let found = page["items"].as_array().unwrap().clone();
        pages.extend(found.into_iter().filter(|item| item["action"] != "audit").map(|item| item["id"].to_string()));
        let Some(next) = page["cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let mut once = pages.clone();
    once.dedup();
    assert_eq!(pages, once);
    assert_eq!(pages.iter().filter(|id| id.contains("questions")).count(), 6, "{pages:?}");
    let all = of(&server, "marker");
    let time = |at: usize| all[at]["time"].as_str().unwrap().to_owned();
    assert_eq!(items(&server, &format!("action=marker&start={}", time(1))).len(), 2);
    assert_eq!(items(&server, &format!("action=marker&end={}", time(1))).len(), 3);
    assert_eq!(items(&server, "action=marker&q=M3").len(), 1);
    assert_eq!(items(&server, "action=marker&who=test").len(), 5);
    assert_eq!(items(&server, "action=marker&who=nobody").len(), 0);
    for (options, named) in
        [("limit=0", "limit"), ("limit=1001", "limit"), ("start=soon", "time"), ("cursor=x", "cursor")]
    {
        refused_naming(&server.get(&format!("/api/v1/audit?{options}")), 400, named);
    }
    refused(&server.get("/api/v1/audit?nothing=1"), 400);
}

/// Whether some file below the directory holds these bytes.
fn holds(directory: &Path, text: &str) -> bool {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).any(|path| match path.is_dir() {
        true => holds(&path, text),
        false => std::fs::read(&path).unwrap().windows(text.len()).any(|window| window == text.as_bytes()),
    })
}

#[test]
fn no_byte_of_a_secret_is_in_it() {
    let server = keyed(&["--redaction-secret", "a secret of its own"]);
    done(&server, "POST", "/api/v1/redactions", json!({ "fields": ["email"], "action": "hash" }));
    server.load("shop", "{\"a\":1}");
    let key = server.setup.key().unwrap().to_owned();
    let secrets = [CARD, TOKEN, "jane@example.com", "a secret of its own", &key];
    let all = format!("plainly-visible {CARD} {TOKEN} {key}");
    let filter = json!([{ "column": "a", "op": "=", "value": all }, { "column": "a", "op": "in", "value": [CARD, CARD.parse::<i64>().unwrap()] }]);
    let hashed = json!([{ "column": "a", "op": "=", "value": "jane@example.com", "hashed": true }]);
    let encoded = all.replace(' ', "%20").replace('4', "%34");
    for request in [
        Request::json("/api/v1/query/shop", &json!({ "filters": filter })),
        Request::json("/api/v1/query/shop", &json!({ "filters": hashed })),
        Request::json("/api/v1/rows/shop", &json!({ "filters": filter })).header("Accept", "text/csv"),
        Request::json("/api/v1/compare/shop", &json!({ "selection": { "filters": filter } })),
        Request::json("/api/v1/sql", &json!({ "sql": format!("SELECT * FROM shop WHERE a = '{all}'") })),
        Request::json("/api/v1/query/of-4539578763621486", &json!({})),
        Request::get(&format!("/api/v1/traces/{CARD}")),
        Request::get(&format!("/api/v1/traces/{encoded}")),
        Request::get(&format!("/api/v1/values/shop/a?prefix={encoded}")),
        Request::get(&format!("/api/v1/values/shop/a?{encoded}=1")),
        Request::get(&format!("/api/v1/audit?q={encoded}")),
        Request::json("/api/v1/markers", &json!({ "text": all })),
        Request::json("/api/v1/session", &json!({ "key": key })),
        Request::json("/api/v1/session", &json!({ "key": format!("{key}x") })),
        request("DELETE", "/api/v1/events/shop", &json!({ "filters": filter })),
        request(
            "DELETE",
            "/api/v1/events/shop",
            &json!({
                "calculated_fields": [{ "name": "hit", "expression": "EQUALS($a, \"jane@example.com\")" }],
                "filters": [{ "column": "hit", "op": "=", "value": true }]
            }),
        ),
        request("DELETE", &format!("/api/v1/datasets/{CARD}"), &json!({})),
        Request::get("/api/v1/datasets").header("Authorization", &format!("Bearer {key}")),
    ] {
        server.send(&request);
    }
    let made = done(&server, "POST", "/api/v1/keys", json!({ "name": "n", "scopes": [{ "scope": "query" }] })).json();
    let (setup, _) = server.terminate();
    let audit = setup.home().join("data/audit");
    for secret in secrets.into_iter().chain([made["key"].as_str().unwrap()]) {
        assert!(!holds(&audit, secret), "{secret}");
    }
    assert!(holds(&audit, "plainly-visible") && holds(&audit, "hashed:"), "the search finds nothing at all");
    assert_eq!(check(&setup).0, Some(0));
}

/// What was answered is there after a kill; what was asked a moment before, too.
#[test]
fn a_kill_keeps_what_was_answered() {
    let mut server = keyed(&[]);
    let mut answered: Vec<String> = Vec::new();
    for round in 0..4 {
        let made = std::sync::Mutex::new(Vec::new());
        let key = server.setup.key().unwrap().to_owned();
        let address = server.address;
        let setup = std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    loop {
                        let request =
                            Request::json("/api/v1/markers", &json!({ "text": "m" })).header("X-Outcrop-Key", &key);
                        let Ok(reply) = request.try_to(address) else { return };
                        if reply.status == 201 {
                            made.lock().unwrap().push(id(&reply));
                        }
                    }
                });
            }
            wait_until("some are made", PATIENCE, || made.lock().unwrap().len() > 10 + round);
            server.kill()
        });
        answered.extend(made.into_inner().unwrap());
        let (code, said) = check(&setup);
        assert_eq!(code, Some(0), "{said}");
        server = setup.start();
        let found: Vec<String> =
            of(&server, "marker.create").iter().map(|item| item["what"]["id"].as_str().unwrap().to_owned()).collect();
        let lost: Vec<&String> = answered.iter().filter(|id| !found.contains(id)).collect();
        assert!(lost.is_empty(), "answered and not recorded: {lost:?}");
    }
    server.query("*", &json!({ "limit": 77 }));
    let on_disk = records(&server.setup, "questions");
    let is_there = || std::fs::read_to_string(&on_disk).unwrap().contains("\"limit\":77");
    wait_until("the question is on disk, though nobody waits for it", Duration::from_secs(5), is_there);
    let server = server.kill().start();
    assert!(of(&server, "query")[0]["what"].to_string().contains("77"));
    assert_eq!(of(&server, "server.start").len(), 6);
}

/// Whoever hangs up while a change waits for its turn must not leave it without a record.
#[test]
fn a_change_whose_asker_goes_away_is_recorded_all_the_same() {
    let server = keyed(&[]);
    done(&server, "POST", "/api/v1/markers", json!({ "text": "first" }));
    let key = server.setup.key().unwrap().to_owned();
    let open_files = || server.metric("outcrop_open_files");
    let before = open_files();
    let turn = rusqlite::Connection::open(server.setup.home().join("data/workspace.sqlite")).unwrap();
    turn.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asking: Vec<_> = (0..5)
        .map(|n| Request::json("/api/v1/markers", &json!({ "text": format!("m{n}") })))
        .map(|request| request.header("X-Outcrop-Key", &key).begin(server.address))
        .collect();
    // Each of them has come as far as it can when others have been answered.
    wait_until("they are under way", PATIENCE, || open_files() >= before + 5.0);
    (0..20).for_each(|_| drop(server.query("*", &json!({}))));
    drop(asking);
    wait_until("their connections are gone", PATIENCE, || open_files() <= before);
    turn.execute_batch("ROLLBACK").unwrap();
    let markers = || server.get("/api/v1/markers?limit=1000").ok()["items"].as_array().unwrap().len();
    wait_until("one was made all the same", PATIENCE, || markers() > 1);
    wait_until("each has its record", PATIENCE, || of(&server, "marker.create").len() == markers());
}

/// Does something to the files of a server that was stopped, and says what `check` finds.
fn tampered(chain: &str, tamper: impl FnOnce(&Setup)) -> String {
    let server = keyed(&[]);
    for n in 0..5 {
        done(&server, "POST", "/api/v1/markers", json!({ "text": format!("m{n}") }));
        server.query("*", &json!({ "limit": n + 1 }));
    }
    let (setup, _) = server.terminate();
    assert_eq!(check(&setup).0, Some(0));
    tamper(&setup);
    let (code, said) = check(&setup);
    assert_eq!(code, Some(1), "{chain}: {said}");
    let problem = said.lines().find(|line| line.starts_with("problem: ")).unwrap().to_owned();
    assert!(problem.contains(chain), "{problem}");
    problem
}

#[test]
fn check_says_the_first_place_where_it_was_tampered_with() {
    let edit = |path: &Path, edit: &dyn Fn(&mut Vec<String>)| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        edit(&mut lines);
        std::fs::write(path, lines.concat()).unwrap();
    };
    for chain in ["changes", "questions"] {
        let on = |tamper: &dyn Fn(&mut Vec<String>)| tampered(chain, |setup| edit(&records(setup, chain), tamper));
        let changed = on(&|lines| lines[3] = lines[3].replace("test", "tess"));
        assert!(changed.contains("record 4 is not as it was written"), "{changed}");
        assert!(on(&|lines| drop(lines.remove(2))).contains("record 4 stands where 3 should"));
        assert!(on(&|lines| lines.swap(2, 3)).contains("record 4 stands where 3 should"));
        assert!(on(&|lines| drop(lines.pop())).contains("at its end are gone"));
    }
    let gone = tampered("changes", |setup| std::fs::remove_file(setup.home().join("data/audit/changes/ends")).unwrap());
    assert!(gone.contains("ends cannot be read"), "{gone}");
}

#[test]
fn a_record_that_was_changed_is_shown_as_one() {
    let server = keyed(&[]);
    done(&server, "POST", "/api/v1/markers", json!({ "text": "true" }));
    let path = records(&server.setup, "changes");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"text\":\"true\"", "\"text\":\"fals\"")).unwrap();
    let record = of(&server, "marker.create").remove(0);
    assert_eq!((&record["what"]["body"]["text"], &record["intact"]), (&json!("fals"), &json!(false)));
}

#[test]
fn a_backup_has_it() {
    let server = keyed(&[]);
    done(&server, "POST", "/api/v1/markers", json!({ "text": "saved" }));
    let output = server.setup.command(&["backup", "--data-dir", "data", "--to", "backups"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let elsewhere = Setup::new();
    let to = elsewhere.home().join("data");
    let restore = ["restore", "--from", "backups", "--to", to.to_str().unwrap()];
    assert!(server.setup.command(&restore).output().unwrap().status.success());
    let (code, said) = check(&elsewhere);
    assert_eq!(code, Some(0), "{said}");
    let restored = elsewhere.with_key_of(&server.setup).start();
    assert_eq!(of(&restored, "marker.create").len(), 1);
    assert_eq!(of(&restored, "server.start").len(), 2);
}
