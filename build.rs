//! Builds the console, so that `cargo build` alone makes the whole binary.
//!
//! Needs `npm`. Without it a page that says so is embedded instead, and the API works all the same.

use std::path::Path;
use std::process::Command;

const SOURCES: [&str; 7] =
    ["src", "public", "index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];

fn main() {
    for source in SOURCES {
        println!("cargo::rerun-if-changed=console/{source}");
    }
    if let Err(reason) = build_console() {
        println!("cargo::warning=the console was not built: {reason}");
        if !Path::new("console/dist/index.html").exists() {
            embed_placeholder(&reason);
        }
    }
}

fn build_console() -> Result<(), String> {
    if !Path::new("console/node_modules").exists() {
        npm(&["ci", "--no-audit", "--no-fund"])?;
    }
    npm(&["run", "build"])
}

fn npm(arguments: &[&str]) -> Result<(), String> {
    let run = Command::new("npm").args(arguments).current_dir("console").output();
    let output = run.map_err(|e| format!("npm cannot be run ({e}); install Node.js 20 or newer"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let last: Vec<&str> = said.lines().rev().take(5).collect();
    Err(format!("npm {} failed: {}", arguments.join(" "), last.into_iter().rev().collect::<Vec<_>>().join(" / ")))
}

fn embed_placeholder(reason: &str) {
    let page = format!(
        "<!doctype html><meta charset=utf-8><title>Outcrop</title><h1>Outcrop is running, without its console</h1>\
         <p>The console was not built with this binary: {}.</p><p>The API is at <code>/api/v1</code>.</p>",
        reason.replace('&', "&amp;").replace('<', "&lt;")
    );
    let written =
        std::fs::create_dir_all("console/dist").and_then(|()| std::fs::write("console/dist/index.html", page));
    if let Err(error) = written {
        println!("cargo::warning=cannot write console/dist/index.html: {error}");
    }
}
