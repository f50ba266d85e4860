//! The executable itself: what it refuses to start with, and that it says why; the commands that talk to a server.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Output, Stdio};

use serde_json::{Value, json};

use crate::harness::{Server, Setup};

fn failed(output: &Output, named: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it started; it said {said}");
    for named in named {
        assert!(said.contains(named), "{said:?} does not say {named:?}");
    }
}

fn serve(setup: &Setup, arguments: &[&str]) -> Output {
    let all: Vec<&str> = [&["serve", "--data-dir", "data"], arguments].concat();
    setup.command(&all).output().unwrap()
}

#[test]
fn without_a_key_it_serves_this_machine_only() {
    let setup = Setup::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:4318"] {
        failed(&serve(&setup, &["--http", address]), &["http: ", "this machine only"]);
        failed(&serve(&setup, &["--http", "127.0.0.1:0", "--grpc", address]), &["grpc: ", "this machine only"]);
        for (flag, name) in [("--syslog-tcp", "syslog_tcp: "), ("--syslog-udp", "syslog_udp: ")] {
            let output = serve(&setup, &["--http", "127.0.0.1:0", flag, address]);
            failed(&output, &[name, "has no keys", "syslog_from_everywhere"]);
            let output = serve(&setup, &["--http", "127.0.0.1:0", "--syslog-from-everywhere", "false", flag, address]);
            failed(&output, &[name]);
        }
    }
    let variable = setup.command(&["serve", "--data-dir", "data"]).env("OUTCROP_HTTP", "0.0.0.0:0").output().unwrap();
    failed(&variable, &["this machine only"]);
    std::fs::write(setup.home().join("outcrop.toml"), "http = \"0.0.0.0:0\"\n").unwrap();
    failed(&serve(&setup, &[]), &["this machine only"]);
}

#[test]
fn settings_that_cannot_be_used_are_refused_by_name() {
    let setup = Setup::new();
    failed(&serve(&setup, &["--http", "nonsense"]), &["http", "nonsense"]);
    failed(&serve(&setup, &["--http", "127.0.0.1:0", "--grpc", "nonsense"]), &["grpc", "nonsense"]);
    failed(&serve(&setup, &["--http", "127.0.0.1:0", "--syslog-dataset", "a,b"]), &["syslog_dataset"]);
    failed(&serve(&setup, &["--http", "127.0.0.1:0", "--flush-bytes-max", "1"]), &["flush_bytes_max", "65536"]);
    failed(&serve(&setup, &["--http", "127.0.0.1:0", "--public-url", "nonsense"]), &["public_url"]);
    for origin in
        ["shop.example.com", "*", "https://", "https://a.example/path", "ftp://a.example", "https://me@a.example"]
    {
        failed(&serve(&setup, &["--http", "127.0.0.1:0", "--cors-origins", origin]), &["cors_origins", origin]);
    }
    failed(&serve(&setup, &["--http", "127.0.0.1:0", "--no-such-flag"]), &["--no-such-flag"]);
    for (text, named) in [("colour = \"red\"\n", "colour"), ("http = 1\n", "http"), ("http = \"", "outcrop.toml")] {
        std::fs::write(setup.home().join("outcrop.toml"), text).unwrap();
        failed(&serve(&setup, &["--http", "127.0.0.1:0"]), &["outcrop.toml", named]);
    }
    failed(&serve(&setup, &["--config", "missing.toml"]), &["missing.toml"]);
}

#[test]
fn the_flag_wins_over_the_variable_and_the_variable_over_the_file() {
    let setup = Setup::new();
    std::fs::write(setup.home().join("outcrop.toml"), "datasets_max = 1\nevent_fields_max = 1\n").unwrap();
    let server = setup.with(&["--datasets-max", "2"]).start();
    server.load("a", "{\"n\":1}");
    server.load("b", "{\"n\":1}");
    let wide = server.send(&crate::harness::Request::post("/api/v1/events/a", "{\"n\":1,\"m\":2}"));
    assert_eq!(wide.ok()["accepted"], 0, "the file's setting counts where no flag says otherwise");
    let mut command = setup.command(&["serve", "--data-dir", "other", "--http", "0.0.0.0:0"]);
    failed(&command.env("OUTCROP_HTTP", "127.0.0.1:0").output().unwrap(), &["0.0.0.0"]);
}

#[test]
fn a_taken_port_is_said_so_with_the_flag_that_changes_it() {
    let server = Server::start();
    let output = serve(&Setup::new(), &["--http", &server.address.to_string()]);
    failed(&output, &[&server.address.to_string(), "--http"]);
    let output = serve(&Setup::new(), &["--http", "127.0.0.1:0", "--grpc", &server.grpc.to_string()]);
    failed(&output, &[&server.grpc.to_string(), "--grpc"]);
}

#[test]
fn a_data_directory_in_use_is_said_so() {
    let server = Server::start();
    let output = serve(&server.setup, &["--http", "127.0.0.1:0"]);
    failed(&output, &["data"]);
    assert_eq!(server.load("d", "{\"a\":1}"), 1, "and the first server goes on");
}

#[test]
fn send_says_what_was_accepted_and_fails_if_anything_was_rejected() {
    let server = Server::start();
    let url = format!("http://{}", server.address);
    let home = server.setup.home();
    std::fs::write(home.join("good.ndjson"), "{\"a\":1}\n{\"a\":2}\n").unwrap();
    std::fs::write(home.join("array.json"), "[{\"a\":3}]").unwrap();
    std::fs::write(home.join("bad.ndjson"), "{\"a\":4}\nnonsense\n").unwrap();
    std::fs::write(home.join("packed.ndjson.zst"), zstd::encode_all(&b"{\"a\":5}\n"[..], 1).unwrap()).unwrap();
    let mut packed = flate2::write::GzEncoder::new(
        std::fs::File::create(home.join("packed.gz")).unwrap(),
        flate2::Compression::fast(),
    );
    packed.write_all(b"{\"a\":6}\n").unwrap();
    packed.finish().unwrap();
    let send = |files: &[&str]| {
        let all: Vec<&str> = [&["send", "--dataset", "sent", "--url", &url], files].concat();
        server.setup.command(&all).output().unwrap()
    };
    let good = send(&["good.ndjson", "array.json", "packed.ndjson.zst", "packed.gz", "--batch", "1"]);
    assert!(good.status.success(), "{good:?}");
    let bad = send(&["bad.ndjson"]);
    assert_eq!(bad.status.code(), Some(1), "{bad:?}");
    assert_eq!(server.query("sent", &json!({}))["rows"], json!([[6]]));
    let missing = send(&["missing.ndjson"]);
    failed(&missing, &["missing.ndjson"]);
}

#[test]
fn send_reads_standard_input() {
    let server = Server::start();
    let url = format!("http://{}", server.address);
    let mut command = server.setup.command(&["send", "-", "--dataset", "sent", "--url", &url]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"a\":1}\n{\"a\":2}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(server.query("sent", &json!({}))["rows"], json!([[2]]));
}

#[test]
fn query_prints_tables_json_and_csv() {
    let server = Server::start();
    server.load("web", "{\"route\":\"/a,b\",\"ms\":5,\"code\":500}\n{\"route\":\"/\",\"ms\":7,\"code\":200}\n{\"route\":\"/a,b\",\"ms\":9,\"code\":503}");
    let url = format!("http://{}", server.address);
    let query = |form: &[&str]| {
        let fixed = [
            "query",
            "--url",
            &url,
            "--dataset",
            "web",
            "--calc",
            "COUNT",
            "--calc",
            "MAX(ms)",
            "--where",
            "code >= 500",
            "--by",
            "route",
        ];
        let output = server.setup.command(&[&fixed, form].concat()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(query(&["--csv"]).trim().replace('\r', ""), "route,COUNT,MAX(ms)\n\"/a,b\",2,9");
    let answer: Value = serde_json::from_str(&query(&["--json"])).unwrap();
    assert_eq!(answer["rows"], json!([["/a,b", 2, 9]]));
    let table = query(&["--last", "1h"]);
    assert!(table.contains("MAX(ms)") && table.contains("/a,b") && table.contains('9'), "{table}");
    let unknown = server.setup.command(&["query", "--url", &url, "--dataset", "nowhere"]).output().unwrap();
    failed(&unknown, &["nowhere"]);
}

#[test]
fn a_script_is_told_whether_a_condition_is_met_and_by_what() {
    let server = Server::start();
    let event = |n: u64| format!("{{\"route\":\"/{}\",\"ms\":{n}}}\n", if n < 5 { "few" } else { "many" });
    server.load("web", (0..105).map(event).collect::<String>());
    let url = format!("http://{}", server.address);
    let query = |more: &[&str]| {
        let output = server.setup.command(&[&["query", "--url", &url, "--dataset", "web"], more].concat()).output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, out, _) = query(&["--fail-if", "COUNT > 100"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("COUNT") && out.contains("105"), "{out}");
    assert_eq!(query(&["--fail-if", "COUNT > 105"]), (Some(0), String::new(), String::new()));
    let by_route = ["--by", "route", "--csv", "--fail-if"];
    let (code, out, _) = query(&[&by_route[..], &["count < 10"]].concat());
    assert_eq!((code, out.as_str()), (Some(1), "route,COUNT\r\n/few,5\r\n"), "the groups that meet it and no others");
    let several = query(&[&by_route[..], &["COUNT > 1000", "--fail-if", "max(ms) >= 104"]].concat());
    assert_eq!((several.0, several.1.as_str()), (Some(1), "route,COUNT,MAX(ms)\r\n/many,100,104\r\n"));
    assert_eq!(query(&[&by_route[..], &["COUNT > 1000", "--fail-if", "MAX(ms) > 104"]].concat()).0, Some(0));
    // Two groups are one more than is looked at; a single condition is judged where all of them are.
    let (code, _, error) =
        query(&[&by_route[..], &["COUNT > 1000", "--fail-if", "MAX(ms) > 104", "--limit", "1"]].concat());
    assert!(code == Some(2) && error.contains("there are more"), "{error}");
    assert_eq!(query(&[&by_route[..], &["COUNT > 1000", "--limit", "1"]].concat()).0, Some(0));
    let nothing = query(&["--where", "route = /none", "--fail-if", "P99(ms) < 1000", "--fail-if", "P99(ms) != 3"]);
    assert_eq!(nothing.0, Some(0), "what is absent meets nothing: {}", nothing.1);
    for (url, dataset, wrong, named) in [
        (url.as_str(), "web", &["MAX(misspelt) > 1"][..], "misspelt"),
        (&url, "web", &["NONSENSE(ms) > 1"], "NONSENSE"),
        (&url, "web", &["COUNT > many"], "write a condition"),
        (&url, "web", &["COUNT > 1", "--where", "nonsense"], "write a filter"),
        (&url, "nowhere", &["COUNT > 1"], "nowhere"),
        ("http://127.0.0.1:1", "web", &["COUNT > 1"], "127.0.0.1:1"),
    ] {
        let all = [&["query", "--url", url, "--dataset", dataset, "--fail-if"], wrong].concat();
        let output = server.setup.command(&all).output().unwrap();
        failed(&output, &[named]);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

/// `outcrop rows` on a server's events.
fn rows(server: &Server, more: &[&str]) -> std::process::Command {
    let url = format!("http://{}", server.address);
    server.setup.command(&[&["rows", "--url", &url, "--dataset", "d"], more].concat())
}

#[test]
fn rows_are_printed_as_a_table_or_all_of_them_as_lines() {
    let server = Server::start();
    let event = |n: u64| format!("{{\"n\":{n},\"even\":{},\"text\":\"a,\\\"b\\\"\"}}\n", n.is_multiple_of(2));
    server.load("d", (0..12_000).map(event).collect::<String>() + "{\"n\":\"twelve\"}");
    let printed = |more: &[&str]| {
        let output = rows(&server, more).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let table = printed(&["--where", "n < 3", "--field", "n", "--field", "even"]);
    assert!(table.contains("even") && table.contains("true") && !table.contains("text"), "{table}");
    assert_eq!(printed(&["--field", "n", "--limit", "2"]).matches("11999").count(), 1);
    let events = |more: &[&str]| -> Vec<Value> {
        let lines = printed(&[&["--ndjson"], more].concat());
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = events(&["--order", "ascending"]);
    assert_eq!(all.len(), 12_001, "more than a page, and than an answer may have");
    let numbers: Vec<u64> = all.iter().filter_map(|event| event["n"].as_u64()).collect();
    assert_eq!(numbers, (0..12_000).collect::<Vec<_>>());
    assert_eq!((&all[1]["text"], &all[1]["even"]), (&json!("a,\"b\""), &json!(false)));
    assert_eq!(all[12_000]["n"], "twelve", "every value keeps its type");
    assert_eq!(all[12_000].get("text"), None, "and what is absent is");
    assert_eq!(events(&["--limit", "10500", "--field", "n"]).len(), 10_500);
    let either = events(&["--any", "--where", "n = 7", "--where", "n = twelve", "--field", "n"]);
    assert_eq!(either, [json!({ "n": "twelve" }), json!({ "n": 7 })]);
    let csv = printed(&["--csv", "--where", "n < 11000", "--field", "n", "--field", "text", "--order", "ascending"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[1]), (11_001, "n,text", "0,\"a,\"\"b\"\"\""));
    assert_eq!(printed(&["--csv", "--limit", "3", "--field", "n"]).lines().count(), 4);
    assert!(events(&["--end", "2020-01-01T00:00:00Z"]).is_empty());
    failed(&rows(&server, &["--where", "nonsense"]).output().unwrap(), &["write a filter"]);
    failed(&rows(&server, &["--limit", "10001"]).output().unwrap(), &["limit"]);
    failed(&rows(&server, &["--limit", "0", "--csv"]).output().unwrap(), &["limit"]);
    failed(&rows(&server, &["--csv", "--ndjson"]).output().unwrap(), &["--csv"]);
}

/// Begins to print events and reads the first line.
fn begun(server: &Server, form: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = rows(server, &[form]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    assert!(out.read_line(&mut String::new()).unwrap() > 0);
    (child, out)
}

#[test]
fn rows_end_quietly_when_nobody_reads_and_loudly_when_they_are_not_whole() {
    let server = Server::start();
    // What no compression on the way makes small.
    let mut noise = 1_u64;
    let mut text = || -> String {
        let mut digits = || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            format!("{noise:016x}")
        };
        (0..125).map(|_| digits()).collect()
    };
    for part in 0..4 {
        let mut event = |n: u64| format!("{{\"n\":{n},\"text\":\"{}\"}}\n", text());
        server.load("d", (part * 6_000..(part + 1) * 6_000).map(&mut event).collect::<String>());
    }
    for form in ["--csv", "--ndjson"] {
        let (child, out) = begun(&server, form);
        drop(out);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
    let (csv, ndjson) = (begun(&server, "--csv"), begun(&server, "--ndjson"));
    let _setup = server.kill();
    for (child, mut out) in [csv, ndjson] {
        std::io::copy(&mut out, &mut std::io::sink()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn check_finds_nothing_wrong_and_changes_nothing() {
    let server = Server::start();
    server.load("d", "{\"a\":1}\n{\"a\":2}");
    let setup = server.kill();
    let output = setup.command(&["check", "--data-dir", "data"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let server = setup.start();
    assert_eq!(server.query("d", &json!({}))["rows"], json!([[2]]));
    failed(&setup.command(&["check", "--data-dir", "nowhere"]).output().unwrap(), &["nowhere"]);
}
