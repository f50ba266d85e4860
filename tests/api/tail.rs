//! The live tail: what comes in arrives, once and in order; who is slow is told what they missed; a revoked key ends it.

use std::io::{BufRead, BufReader, Lines};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{refused, refused_naming};
use crate::harness::{Request, Server, Setup, wait_until};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// A connection that reads a tail.
struct Tail {
    lines: Lines<BufReader<TcpStream>>,
}

impl Tail {
    fn open(server: &Server, path: &str) -> Tail {
        let key = server.setup.key().map(str::to_owned);
        let request = Request::get(&format!("/api/v1/tail/{path}"));
        let request = key.iter().fold(request, |request, key| request.header("X-Outcrop-Key", key));
        let mut tail = Tail { lines: BufReader::new(request.begin(server.address)).lines() };
        assert!(tail.next_with(": following").is_some(), "the tail did not begin");
        tail
    }

    /// What follows the first line that begins so; none when the tail has ended.
    fn next_with(&mut self, begin: &str) -> Option<String> {
        self.lines.by_ref().map_while(Result::ok).find_map(|line| line.strip_prefix(begin).map(str::to_owned))
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.next_with("data: ").expect("the tail ended")).unwrap()
    }
}

#[test]
fn what_comes_in_arrives_in_order_and_what_does_not_match_does_not() {
    let server = Setup::new().with(&["--flush-age-seconds-max", "0"]).start();
    server.load("web", "{\"n\":0,\"ok\":true}");
    let filters = "%5B%7B%22column%22:%22ok%22,%22op%22:%22=%22,%22value%22:true%7D%5D";
    let (mut all, mut some) = (Tail::open(&server, "*"), Tail::open(&server, &format!("web?filters={filters}")));
    for n in 1..=4 {
        server.load("web", format!("{{\"timestamp\":{},\"n\":{n},\"ok\":{}}}", 1_700_000_000 - n, n % 2 == 0));
        server.load("jobs", format!("{{\"n\":{n}}}"));
    }
    let heard: Vec<Value> = (0..8).map(|_| all.next()).collect();
    let seen = |event: &Value| (event["dataset"].as_str().unwrap().to_owned(), event["fields"]["n"].as_u64().unwrap());
    let expected: Vec<(String, u64)> = (1..=4).flat_map(|n| [("web".to_owned(), n), ("jobs".to_owned(), n)]).collect();
    assert_eq!(
        heard.iter().map(seen).collect::<Vec<_>>(),
        expected,
        "an old event that comes late is news all the same"
    );
    assert_eq!([some.next(), some.next()].map(|event| event["fields"]["n"].clone()), [json!(2), json!(4)]);
    assert_eq!(heard[0]["timestamp"], "2023-11-14T22:13:19Z");

    server.wait_for_flush();
    let mut again = Tail::open(&server, &format!("*?after={}", heard[5]["sequence"]));
    assert_eq!([again.next(), again.next()].map(|event| seen(&event)), [("web".to_owned(), 4), ("jobs".to_owned(), 4)]);
}

#[test]
fn what_is_too_much_is_counted_and_the_newest_is_there() {
    let server = Server::start();
    server.load("web", "{\"n\":0}");
    let mut tail = Tail::open(&server, "web");
    let many: Vec<String> = (1..=3_000).map(|n| format!("{{\"timestamp\":{},\"n\":{n}}}", 1_700_000_000 + n)).collect();
    server.load("web", many.join("\n"));
    assert_eq!(tail.next_with(": dropped "), Some("2500".to_owned()));
    assert_eq!(tail.next()["fields"]["n"], 2_501);
}

#[test]
fn a_revoked_key_ends_it_and_datasets_out_of_reach_are_not_there() {
    let setup = Setup::new();
    let root = setup.create_key(&["ingest", "query", "admin"]);
    let server = setup.with_key(&root).start();
    server.load("mine", "{\"n\":0}");
    server.load("yours", "{\"n\":0}");
    let made =
        server.post("/api/v1/keys", &json!({ "name": "k", "scopes": [{ "scope": "query", "datasets": ["mine"] }] }));
    let (id, key) = (made.json()["id"].as_str().unwrap().to_owned(), made.json()["key"].as_str().unwrap().to_owned());
    let limited = Request::get("/api/v1/tail/yours").header("X-Outcrop-Key", &key).to(server.address);
    refused(&limited, 403);
    let request = Request::get("/api/v1/tail/*").header("X-Outcrop-Key", &key);
    let mut tail = Tail { lines: BufReader::new(request.begin(server.address)).lines() };
    assert!(tail.next_with(": following").is_some());
    server.load("yours", "{\"n\":1}");
    server.load("mine", "{\"n\":2}");
    assert_eq!(tail.next()["fields"]["n"], 2);
    let revoke = Request::new("DELETE", &format!("/api/v1/keys/{id}")).header("If-Match", "*");
    assert_eq!(server.send(&revoke).status, 200);
    assert_eq!(tail.next_with("data: "), None);
}

#[test]
fn there_are_so_many_tails_and_an_ending_server_lets_them_go() {
    let server = Server::start();
    server.load("web", "{\"n\":0}");
    refused(&server.get("/api/v1/tail/nowhere"), 404);
    refused_naming(&server.get("/api/v1/tail/web?filters=7"), 400, "filters");
    refused(&server.get("/api/v1/tail/web?filters=%5B%7B%22column%22:%22n%22,%22op%22:%22is%22%7D%5D"), 400);
    let mut tails: Vec<Tail> = (0..64).map(|_| Tail::open(&server, "web")).collect();
    refused(&server.get("/api/v1/tail/web"), 429);
    tails.pop();
    server.load("web", "{\"n\":1}");
    wait_until("a place is free again", PATIENCE, || {
        let mut open = BufReader::new(Request::get("/api/v1/tail/web").begin(server.address));
        let mut line = String::new();
        open.read_line(&mut line).unwrap();
        line.contains("200")
    });
    let (_, status) = server.terminate();
    assert!(status.success());
    assert!(tails.iter_mut().all(|tail| tail.next_with("never").is_none()));
}

#[test]
fn the_command_line_follows_too() {
    let server = Server::start();
    server.load("web", "{\"n\":0}\n{\"n\":1,\"text\":\"two words\"}\n{\"n\":2}");
    let url = format!("http://{}", server.address);
    let run = |arguments: &[&str]| {
        let mut command = server.setup.command(&["tail", "--url", &url]);
        let output = command.args(arguments).stderr(Stdio::piped()).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (ended, said) = run(&["--dataset", "web", "--where", "n >= 1", "--after", "0", "--limit", "2"]);
    assert!(ended && said.contains(" web n=1 text=\"two words\"\n") && said.ends_with(" web n=2\n"), "{said}");
    let (ended, said) = run(&["--after", "0", "--limit", "1", "--json"]);
    assert!(ended && serde_json::from_str::<Value>(&said).unwrap()["sequence"].is_u64(), "{said}");
    assert!(!run(&["--dataset", "nowhere"]).0);
}
