//! The executable itself: what it refuses to start with, and that it says why; the commands that talk to a server.

use std::io::Write;
use std::process::{Output, Stdio};

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
