//! The repository itself: who may know whom, and that nothing is left lying about.
//!
//! Rules are functions from a file's path and text to what is wrong with it, tried on a bad example beside each.

use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

const FILE_LINES_MAX: usize = 700;
/// Words that a line may not have; split here, so that this file passes its own rule.
const LEFTOVERS: [&str; 8] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("TO", "DO"),
    concat!("HA", "CK"),
    concat!("_", "v2"),
];
/// File names that say nothing.
const EMPTY_NAMES: [&str; 5] = ["utils", "util", "helpers", "misc", "common"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".into()])
        .exec()
        .unwrap()
}

fn package<'a>(metadata: &'a Metadata, name: &str) -> &'a Package {
    metadata.packages.iter().find(|p| p.name.as_str() == name).unwrap_or_else(|| panic!("no package {name}"))
}

/// What a package is built with; with tests too if asked.
fn dependencies(metadata: &Metadata, name: &str, with_tests: bool) -> Vec<String> {
    let all = package(metadata, name).dependencies.iter();
    all.filter(|d| with_tests || d.kind != DependencyKind::Development).map(|d| d.name.clone()).collect()
}

/// Packages that depend on `dependency`, tests included.
fn users(metadata: &Metadata, dependency: &str) -> Vec<String> {
    let mut users: Vec<String> = metadata
        .packages
        .iter()
        .map(|p| p.name.to_string())
        .filter(|name| dependencies(metadata, name, true).iter().any(|d| d == dependency))
        .collect();
    users.sort();
    users
}

#[test]
fn the_sides_of_the_diamond_do_not_know_each_other() {
    let metadata = metadata();
    for (name, strangers) in [
        ("outcrop-ingest", vec!["outcrop-query", "outcrop"]),
        ("outcrop-query", vec!["outcrop-ingest", "outcrop"]),
        ("outcrop-storage", vec!["outcrop-ingest", "outcrop-query", "outcrop"]),
        ("outcrop-sdk", vec!["outcrop-ingest", "outcrop-query", "outcrop-storage", "outcrop"]),
    ] {
        let known = dependencies(&metadata, name, true);
        for stranger in strangers {
            assert!(!known.iter().any(|d| d == stranger), "{name} depends on {stranger}");
        }
    }
}

#[test]
fn big_dependencies_have_one_home() {
    let metadata = metadata();
    assert_eq!(users(&metadata, "datafusion"), ["outcrop-query"]);
    for rim in ["axum", "tower", "tower-http", "clap", "tracing-subscriber", "ureq"] {
        let mut users = users(&metadata, rim);
        // The SDK is a program of other people, and knows nobody here.
        users.retain(|name| name != "outcrop-sdk");
        assert_eq!(users, ["outcrop"], "{rim}");
    }
    for quiet in ["outcrop-ingest", "outcrop-storage"] {
        for loud in ["tokio", "futures", "async-trait", "hyper", "tracing"] {
            assert!(!dependencies(&metadata, quiet, true).iter().any(|d| d == loud), "{quiet} depends on {loud}");
        }
    }
    for columns in ["arrow", "parquet", "datafusion", "memmap2"] {
        assert!(
            !dependencies(&metadata, "outcrop", false).iter().any(|d| d == columns),
            "the rim depends on {columns}"
        );
    }
    assert_eq!(users(&metadata, "memmap2"), ["outcrop-storage"]);
    // The catalog, and the workspace.
    assert_eq!(users(&metadata, "rusqlite"), ["outcrop", "outcrop-storage"]);
}

#[test]
fn the_root_package_has_no_library_and_one_test_binary() {
    let metadata = metadata();
    let targets = &package(&metadata, "outcrop").targets;
    assert!(targets.iter().all(|t| !t.is_lib()), "the root package has a library");
    let tests: Vec<&str> = targets.iter().filter(|t| t.is_test()).map(|t| t.name.as_str()).collect();
    assert_eq!(tests, ["outcrop"]);
}

/// Every file of ours with one of these endings, by path from the root.
fn files(endings: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["src", "ingest", "query", "storage", "tests", "benches", "console", "sdk", "build.rs"]
            .map(|f| root().join(f))
            .into();
    while let Some(path) = folders.pop() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if ["target", "node_modules", "dist", ".venv", "__pycache__"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            folders.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|e| endings.iter().any(|ending| e == *ending)) {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

/// Fails with every line that a rule has to say.
fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} things:\n{}", wrong.len(), wrong.join("\n"));
}

fn each_file(endings: &[&str], rule: impl Fn(&Path, &str) -> Option<String>) {
    none(
        files(endings)
            .iter()
            .filter_map(|(path, text)| Some(format!("{}: {}", path.display(), rule(path, text)?)))
            .collect(),
    );
}

fn is_generated(path: &Path, text: &str) -> bool {
    path.to_string_lossy().contains(".gen.") || text.lines().take(3).any(|line| line.contains("generated"))
}

fn opens_with_a_comment(path: &Path, text: &str) -> bool {
    let rust = path.extension().is_some_and(|e| e == "rs");
    let first = text.lines().map(str::trim_start).find(|line| !line.is_empty()).unwrap_or_default();
    if rust {
        first.starts_with("//!") || first.starts_with("#![doc = include_str!")
    } else {
        first.starts_with("/**") || first.starts_with("//")
    }
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    assert!(!opens_with_a_comment(Path::new("a.rs"), "use b;\n//! late"));
    assert!(!opens_with_a_comment(Path::new("a.ts"), "import b\n"));
    let rule = |path: &Path, text: &str| (!opens_with_a_comment(path, text)).then(|| "opens without a comment".into());
    each_file(&["rs", "ts", "tsx"], rule);
}

fn leftover(text: &str) -> Option<String> {
    let lines = text.lines().enumerate();
    let mut found = lines
        .flat_map(|(at, line)| LEFTOVERS.iter().filter(move |word| line.contains(*word)).map(move |word| (at, word)));
    found.next().map(|(at, word)| format!("line {} has {word:?}", at + 1))
}

#[test]
fn nothing_is_left_for_later() {
    assert!(leftover(concat!("a\n// TO", "DO: b")).is_some());
    assert!(leftover("a method that does something_v3").is_none());
    each_file(&["rs", "ts", "tsx", "css"], |path, text| if is_generated(path, text) { None } else { leftover(text) });
}

/// A comment line that reads like a statement: code that was put out of action instead of removed.
fn commented_out(text: &str) -> Option<String> {
    let looks_like_code = |line: &str| {
        let Some(comment) = line.trim_start().strip_prefix("// ") else { return false };
        let statement = comment.ends_with(';') || comment.ends_with('{') || comment.trim() == "}";
        let begins = [
            "let ", "const ", "use ", "import ", "return ", "fn ", "pub ", "if ", "for ", "match ", "await ", "assert",
        ];
        statement
            && (begins.iter().any(|b| comment.starts_with(b)) || comment.contains(" = ") || comment.ends_with(");"))
    };
    text.lines()
        .enumerate()
        .find(|(_, line)| looks_like_code(line))
        .map(|(at, line)| format!("line {}: {}", at + 1, line.trim()))
}

#[test]
fn no_code_is_commented_out() {
    assert!(commented_out("a\n    // let b = c;\n").is_some());
    assert!(commented_out("// foo.bar(baz);").is_some());
    assert!(commented_out("// If it is full, the writer waits;\n// then it goes on.").is_none());
    each_file(&["rs", "ts", "tsx"], |_, text| commented_out(text));
}

#[test]
fn files_are_small_and_named_for_what_they_are() {
    each_file(&["rs", "ts", "tsx", "css"], |path, text| {
        let lines = text.lines().count();
        (lines > FILE_LINES_MAX && !is_generated(path, text))
            .then(|| format!("{lines} lines, {FILE_LINES_MAX} are allowed"))
    });
    each_file(&["rs", "ts", "tsx"], |path, _| {
        let stem = path.file_stem()?.to_string_lossy().into_owned();
        (EMPTY_NAMES.contains(&stem.as_str()) || stem.ends_with(concat!("_", "v2"))).then(|| "is no name".into())
    });
}

/// Words of one room that may not stand in another's sources.
#[test]
fn rooms_do_not_name_what_they_must_not_know() {
    for (room, words) in [
        ("storage/", ["outcrop_ingest", "outcrop_query", "tokio::", "axum::", "datafusion::", "async fn"]),
        ("ingest/", ["outcrop_query", "std::fs", "tokio::", "axum::", "datafusion::", "async fn"]),
        ("query/", ["outcrop_ingest", "std::fs", "std::net", "axum::", "hyper::", "TcpStream"]),
        ("src/", ["arrow::", "parquet::", "datafusion::", "RecordBatch", "ArrayRef", "memmap2::"]),
        (
            "tests/",
            ["outcrop_ingest::", "outcrop_query::", "outcrop_storage::", "thread::sleep", "#[ignore", "Arrow::"],
        ),
    ] {
        each_file(&["rs"], |path, text| {
            let own = path.starts_with(room) && path != Path::new("tests/tidy.rs");
            // The PostgreSQL protocol is served where its rows are made, on connections that others opened.
            let excused = |word: &str| word == "TcpStream" && path.starts_with("query/src/postgres");
            let code = |line: &&str| !line.trim_start().starts_with("//");
            let mut words = words.iter().filter(|word| own && !excused(word));
            let word = words.find(|word| text.lines().filter(code).any(|line| line.contains(**word)))?;
            Some(format!("names {word}"))
        });
    }
}

#[test]
fn every_format_document_is_the_documentation_of_a_module() {
    let sources = files(&["rs"]);
    for room in ["ingest", "storage", "src"] {
        for entry in std::fs::read_dir(root().join(room).join("format")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let included = |(path, text): &(PathBuf, String)| {
                path.starts_with(room)
                    && text
                        .lines()
                        .any(|l| l.starts_with("#![doc = include_str!(") && l.contains(&format!("format/{name}\"")))
            };
            assert!(sources.iter().any(included), "{room}/format/{name} is no module's documentation");
        }
    }
}

#[test]
fn locks_of_npm_name_no_registry() {
    for folder in ["console", "sdk/typescript"] {
        let lock = std::fs::read_to_string(root().join(folder).join("package-lock.json")).unwrap();
        let hosts: Vec<&str> =
            lock.lines().filter(|line| line.contains("\"resolved\"") && line.contains("://")).take(3).collect();
        assert!(hosts.is_empty(), "{folder}: {hosts:?}");
    }
}

#[test]
fn every_lint_that_is_excused_has_a_reason() {
    each_file(&["rs"], |_, text| {
        let squeezed = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let excuses = [concat!("#[", "allow("), concat!("#![", "allow("), concat!("#[", "expect(")];
        let bare = excuses.iter().flat_map(|key| squeezed.split(key).skip(1)).find(|rest| {
            let end = rest.find(")]").unwrap_or(rest.len());
            !rest[..end].contains("reason =")
        })?;
        Some(format!("without a reason: {:.60}", bare))
    });
}

/// What has one home within its room.
#[test]
fn some_words_have_one_home() {
    for (room, home, word) in [
        ("src/", "src/workspace/", "rusqlite::"),
        // What a key may not read is left out in one place.
        ("src/http/", "src/http/access.rs", "store.snapshot("),
    ] {
        each_file(&["rs"], |path, text| {
            let stranger = path.starts_with(room) && !path.starts_with(home);
            (stranger && text.contains(word)).then(|| format!("names {word}"))
        });
    }
}

/// Where a person's machine or a tool's own files would show.
#[test]
fn no_path_of_a_machine_is_written_down() {
    let places = [concat!("/ho", "me/"), concat!("/Use", "rs/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];
    each_file(&["rs", "ts", "tsx", "md", "test", "json", "toml", "py", "sh"], |path, text| {
        let place = places.iter().find(|place| text.contains(**place) && !is_generated(path, text))?;
        Some(format!("has {place}"))
    });
}
