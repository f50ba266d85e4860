//! Data directories of every format version that was ever written, which are opened for ever.
//!
//! `storage/fixtures/v<n>` has a data directory, a directory of backups, and what is in them: every event, what a check
//! finds, and what `inspect` says of every file. `OUTCROP_FIXTURES=write` writes those of the present version anew. It must not
//! know how they are read.

mod made;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::acknowledgement::{Once, Outcome};
use crate::backup;
use crate::check;
use crate::clock::OwnedClock;
use crate::disk::{Disk, RealDisk};
use crate::inspect::{FileKind, inspect};
use crate::limits::StoreLimits;
use crate::paths::DataDir;
use crate::store::{Store, StoreSettings};
use crate::testing::{self, Numbered, START, Value};

/// Every version that is kept.
const VERSIONS: [&str; 1] = ["v2"];

fn directory(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(version)
}

/// The limits that fixtures are written with and opened with: few columns.
fn limits() -> StoreLimits {
    StoreLimits { fields_max: 6, ..StoreLimits::default() }
}

fn settings(data_dir: DataDir) -> StoreSettings {
    StoreSettings {
        limits: limits(),
        clock: Arc::new(OwnedClock::new(START)),
        upkeep: false,
        ..StoreSettings::new(data_dir)
    }
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for path in RealDisk.list(directory).unwrap() {
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

/// Copies what must not be changed to where it may be.
fn copy(from: &Path, to: &Path) {
    let mut files = Vec::new();
    walk(from, &mut files);
    for file in files {
        let to = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(file, to).unwrap();
    }
    for directory in ["segments", "wal"].map(|name| to.join(name)) {
        std::fs::create_dir_all(directory).unwrap();
    }
}

fn value(value: &Value) -> Json {
    match value {
        Value::Boolean(value) => json!({ "boolean": value }),
        Value::Integer(value) => json!({ "integer": value }),
        // Every bit of it.
        Value::Float(bits) => json!({ "float": f64::from_bits(*bits).to_string(), "bits": format!("{bits:016x}") }),
        Value::Text(value) => json!({ "string": value }),
    }
}

fn event(numbered: &Numbered) -> Json {
    let Numbered { sequence, received, event } = numbered;
    let fields: BTreeMap<&String, Json> = event.fields.iter().map(|(name, v)| (name, value(v))).collect();
    json!({ "sequence": sequence, "received": received, "time": event.time, "sample_rate": event.rate, "fields": fields })
}

/// What a store holds, and what it says of it.
fn content(store: &Store, root: &Path) -> Json {
    let snapshot = store.snapshot();
    let datasets = snapshot.datasets.iter().map(|dataset| {
        let events: Vec<Json> = testing::all(dataset).iter().map(event).collect();
        let fields = dataset.fields.iter().map(|(name, entry)| {
            let types = entry.types().map(|(of, seen)| (of.label(), json!(seen.events)));
            (
                name.to_string(),
                json!({ "types": types.collect::<BTreeMap<_, _>>(), "different": entry.distinct.estimate() }),
            )
        });
        let overflow = dataset.fields.overflow();
        let listed = overflow.iter().map(|(name, entry)| {
            let types = entry.types().map(|(of, count)| (of.label(), json!(count.events)));
            (name.to_string(), types.collect::<BTreeMap<_, _>>())
        });
        let about = json!({
            "id": dataset.id.0,
            "retention": store.dataset(&dataset.name).unwrap().retention,
            "segments": dataset.segments.len(),
            "set_aside": dataset.set_aside.len(),
            "fields": fields.collect::<BTreeMap<_, _>>(),
            "overflow": listed.collect::<BTreeMap<_, _>>(),
            "events": events,
        });
        (dataset.name.to_string(), about)
    });
    let datasets: BTreeMap<String, Json> = datasets.collect();
    json!({ "datasets": datasets, "damage": below(root, &store.health().damage) })
}

/// Words that name files, wherever those are.
fn below(root: &Path, words: &[String]) -> Vec<String> {
    words.iter().map(|word| word.replace(&format!("{}/", root.display()), "")).collect()
}

fn kind(path: &Path) -> Option<FileKind> {
    match path.extension()?.to_str()? {
        "wal" => Some(FileKind::Wal),
        "parquet" => Some(FileKind::Segment),
        "index" => Some(FileKind::Sidecar),
        "sums" => Some(FileKind::Sums),
        "sqlite" => Some(FileKind::Catalog),
        _ => None,
    }
}

/// What every file says of itself, by path.
fn inspected(root: &Path) -> Json {
    let mut files = Vec::new();
    walk(root, &mut files);
    let of = |path: &PathBuf| {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let facts = inspect(kind(path)?, path).map_err(|error| below(root, &[error.to_string()]).remove(0));
        Some((name, facts.map_or_else(Json::String, |facts| serde_json::to_value(facts).unwrap())))
    };
    json!(files.iter().filter_map(of).collect::<BTreeMap<_, _>>())
}

/// Everything that can be said of a directory of fixtures, by the name of the file that has it. The directory itself is not
/// changed.
fn said(directory: &Path) -> BTreeMap<&'static str, Json> {
    let temporary = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(temporary.path().join("data"));
    copy(&directory.join("data"), data_dir.root());
    let root = data_dir.root();
    let inspected = inspected(root);
    let checked = check::check(&data_dir, |_, _| ()).unwrap();
    let checked = json!({ "notes": below(root, &checked.notes), "problems": below(root, &checked.problems),
                          "events": checked.segment_events, "pending": checked.wal_events_pending });
    let store = Store::open(settings(data_dir.clone())).unwrap();
    let events = content(&store, root);
    let again = made::repeat(&store);
    assert!(matches!(&again, Once::Repeated(outcome) if *outcome == made::outcome()), "{again:?}");
    drop(store);
    let store = Store::open(settings(data_dir.clone())).unwrap();
    assert_eq!(content(&store, root), events, "a start changes nothing that is asked for");
    store.flush().unwrap();
    let (backups, restored) = (temporary.path().join("backups"), DataDir::new(temporary.path().join("restored")));
    copy(&directory.join("backups"), &backups);
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    assert_eq!(backup::verify(&backups, &disk, |_, _| ()).unwrap(), [""; 0]);
    backup::restore(&backups, None, &restored, &disk, |_, _| ()).unwrap();
    let saved = content(&Store::open(settings(restored.clone())).unwrap(), restored.root());
    [("events.json", events), ("check.json", checked), ("inspect.json", inspected), ("saved.json", saved)].into()
}

/// A line for each thing that lies at most so deep.
fn lines(json: &Json, depth: usize, out: &mut String) {
    match json {
        Json::Object(members) if depth > 0 && !members.is_empty() => {
            out.push_str("{\n");
            for (at, (name, member)) in members.iter().enumerate() {
                out.push_str(&format!("{}{}: ", if at > 0 { ",\n" } else { "" }, json!(name)));
                lines(member, depth - 1, out);
            }
            out.push_str("\n}");
        }
        Json::Array(members) if depth > 0 && !members.is_empty() => {
            out.push_str("[\n");
            for (at, member) in members.iter().enumerate() {
                out.push_str(if at > 0 { ",\n" } else { "" });
                lines(member, depth - 1, out);
            }
            out.push_str("\n]");
        }
        other => out.push_str(&other.to_string()),
    }
}

fn text(json: &Json) -> String {
    let mut out = String::new();
    lines(json, 4, &mut out);
    out.push('\n');
    out
}

#[test]
fn what_was_ever_written_is_read_as_it_was() {
    if std::env::var("OUTCROP_FIXTURES").is_ok_and(|what| what == "write") {
        let directory = directory(VERSIONS[VERSIONS.len() - 1]);
        made::write(&directory);
        for (name, json) in said(&directory) {
            std::fs::write(directory.join(name), text(&json)).unwrap();
        }
    }
    for version in VERSIONS {
        let directory = directory(version);
        for (name, json) in said(&directory) {
            let wanted = std::fs::read_to_string(directory.join(name)).unwrap();
            let found = text(&json);
            let differs = wanted.lines().zip(found.lines()).position(|(wanted, found)| wanted != found);
            assert!(wanted == found, "{version}/{name} differs, first in line {:?}", differs.map(|line| line + 1));
        }
    }
}
