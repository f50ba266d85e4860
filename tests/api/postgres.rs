//! SQL in the PostgreSQL protocol: who is let in, what is answered, and that a statement sees what its key may read now.

use serde_json::json;

use crate::harness::postgres::Client;
use crate::harness::{Request, Server, Setup};

fn connect(server: &Server, password: &str) -> Client {
    Client::connect(server.said("PostgreSQL at ").unwrap(), password).unwrap()
}

#[test]
fn statements_are_answered_as_by_any_postgresql() {
    let server = Server::with(&["--postgres", "127.0.0.1:0"]);
    server.load("shop", "{\"timestamp\":\"2026-11-01T00:00:00.25Z\",\"a.b\":\"x\",\"n\":1,\"f\":0.5,\"ok\":true}\n{\"timestamp\":\"2026-11-01T00:01:00Z\"}");
    let mut client = connect(&server, "");
    let all = client.ask("SELECT timestamp, \"a.b\", n, f, ok FROM shop ORDER BY timestamp");
    assert_eq!(all.columns, ["timestamp", "a.b", "n", "f", "ok"]);
    let first = ["2026-11-01 00:00:00.250000+00", "x", "1", "0.5", "t"].map(|value| Some(value.to_owned()));
    assert_eq!(all.rows[0], first);
    assert_eq!(all.rows[1][1..], [None, None, None, None]);
    assert_eq!(all.tags, ["SELECT 2"]);
    // What Grafana makes of $__timeGroup and $__timeFilter.
    let grouped = "SELECT floor(extract(epoch from timestamp)/60)*60 AS \"time\", count(*) AS value FROM shop \
                   WHERE timestamp BETWEEN '2026-11-01T00:00:00Z' AND '2026-11-01T01:00:00Z' GROUP BY 1 ORDER BY 1";
    assert_eq!(client.ask(grouped).rows.len(), 2);
    let several = client.ask("BEGIN; SELECT 1; SELECT 2; COMMIT");
    assert_eq!(several.tags, ["BEGIN", "SELECT 1", "SELECT 1", "COMMIT"]);
    assert_eq!(client.ask("SET application_name = 'x'; SHOW server_version").tags, ["SET", "SELECT 1"]);
    for (sql, code) in [
        ("SELECT nothing FROM shop", "42703"),
        ("SELECT 1 FROM nothing", "42P01"),
        ("SELEC", "42601"),
        ("DROP TABLE shop", "25006"),
        ("COPY shop TO '/tmp/outcrop.csv'", "25006"),
        ("INSERT INTO shop VALUES (1)", "25006"),
        ("SELECT 1/0", "22000"),
        ("SELECT * FROM '/etc/passwd'", "22000"),
    ] {
        assert_eq!(client.ask(sql).error.map(|(code, _)| code).as_deref(), Some(code), "{sql}");
    }
    assert_eq!(client.values("SELECT count(*) FROM shop"), ["2"], "the connection goes on");
    assert_eq!(client.ask("SET statement_timeout = 1000").tags, ["SET"]);
    let endless = client.ask("SELECT count(*) FROM generate_series(1, 1000000000000)");
    assert_eq!(endless.error.unwrap().0, "57014");
    // What is there now, and not when the connection began.
    server.load("later", "{\"a\":1}");
    assert_eq!(client.values("SELECT a FROM later"), ["1"]);
    let tables = "SELECT relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                  WHERE n.nspname = 'public' ORDER BY 1";
    assert_eq!(client.values(tables), ["later", "shop"]);
    let number = |client: &mut Client| client.values("SELECT oid FROM pg_catalog.pg_class WHERE relname = 'shop'");
    assert_eq!(number(&mut client), number(&mut client), "a table keeps its number");
}

#[test]
fn a_key_is_the_password_and_says_what_there_is() {
    let setup = Setup::new();
    let all = setup.with_key(&setup.create_key(&["ingest", "query", "admin"])).with(&["--postgres", "127.0.0.1:0"]);
    let server = all.start();
    server.load("mine", "{\"a\":1}");
    server.load("theirs", "{\"a\":2}");
    let key = setup.create_key(&["query:mine"]);
    let mut client = connect(&server, &key);
    assert_eq!(client.values("SELECT a FROM mine"), ["1"]);
    assert_eq!(client.values("SELECT sum(a) FROM \"*\""), ["1"]);
    assert_eq!(client.ask("SELECT a FROM theirs").error.unwrap().0, "42P01");
    assert_eq!(
        client.values("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"),
        ["mine"]
    );
    let address = server.said("PostgreSQL at ").unwrap();
    for wrong in ["", "wrong", &setup.create_key(&["ingest"]), &setup.create_key(&["admin"])] {
        assert_eq!(Client::connect(address, wrong).unwrap_err().error.unwrap().0, "28P01");
    }
    let keys = server.get("/api/v1/keys").ok();
    let is_mine = |item: &&serde_json::Value| item["scopes"][0]["datasets"] == json!(["mine"]);
    let id = keys["items"].as_array().unwrap().iter().find(is_mine).unwrap()["id"].as_str().unwrap().to_owned();
    let revoked = server.send(&Request::new("DELETE", &format!("/api/v1/keys/{id}")).header("If-Match", "*"));
    assert!(revoked.status < 300, "{}", revoked.text());
    assert_eq!(client.ask("SELECT a FROM mine").error.unwrap().0, "28P01", "a revoked key reads nothing more");
}
