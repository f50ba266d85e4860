//! Pruning changes what is read and never what is answered, and says why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use outcrop_storage::disk::{Disk, RealDisk};
use outcrop_storage::event::{DatasetName, EventBatch, EventColumn, FieldName, FieldType};
use outcrop_storage::index::Evidence;
use outcrop_storage::memory::Memory;
use outcrop_storage::paths::DataDir;
use outcrop_storage::{Store, StoreSettings};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::execute::{QueryEngine, QuerySettings};
use crate::rows::RowsAnswer;
use crate::spec::{Options, RowsSpec};

const SECOND_NS: i64 = 1_000_000_000;
/// Seconds at which the first event happened: the beginning of a day.
const START: i64 = 1_779_926_400;

type Event = BTreeMap<&'static str, Value>;

/// The events as a batch, a second apart from `first` on.
fn batch(events: &[Event], first: i64) -> EventBatch {
    let names: std::collections::BTreeSet<&str> = events.iter().flat_map(|e| e.keys().copied()).collect();
    let mut columns = Vec::new();
    for name in names {
        let of = |event: &Event| event.get(name).cloned().unwrap_or_default();
        let integers = Int64Array::from_iter(events.iter().map(|e| of(e).as_i64()));
        let floats = Float64Array::from_iter(events.iter().map(|e| of(e).as_f64().filter(|_| of(e).is_f64())));
        let booleans = BooleanArray::from_iter(events.iter().map(|e| of(e).as_bool()));
        let texts = StringArray::from_iter(events.iter().map(|e| of(e).as_str().map(str::to_owned)));
        let arrays: [(FieldType, ArrayRef); 4] = [
            (FieldType::Integer, Arc::new(integers)),
            (FieldType::Float, Arc::new(floats)),
            (FieldType::Boolean, Arc::new(booleans)),
            (FieldType::String, Arc::new(texts)),
        ];
        let field = FieldName::new(name).unwrap();
        let filled = arrays.into_iter().filter(|(_, values)| values.null_count() < values.len());
        columns.extend(filled.map(|(field_type, values)| EventColumn { field: field.clone(), field_type, values }));
    }
    let times = (0..events.len() as i64).map(|n| (START + first + n) * SECOND_NS);
    EventBatch::new(Int64Array::from_iter_values(times), None, columns).unwrap()
}

/// A store, and an engine to ask it with.
struct Bench {
    directory: tempfile::TempDir,
    store: Store,
    engine: QueryEngine,
}

impl Bench {
    /// Each part becomes a segment with a sidecar; or none does, and nothing is pruned.
    fn new(parts: &[Vec<Event>], flushed: bool) -> Bench {
        Bench::with_columns(parts, flushed, &[10_000])
    }

    /// So many fields of each part, the last number for all others, may have a column; the rest are in overflow.
    fn with_columns(parts: &[Vec<Event>], flushed: bool, columns: &[usize]) -> Bench {
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let open = |part: usize| {
            let mut settings = StoreSettings::new(DataDir::new(directory.path().join("data")));
            settings.limits.flush_evidence = Evidence::Full;
            // The scrub would have a sidecar open before a test damages it.
            settings.upkeep = false;
            settings.limits.fields_max = columns[part.min(columns.len() - 1)];
            Store::open(settings).unwrap()
        };
        let mut store = open(0);
        let mut first = 0;
        for (part, events) in parts.iter().enumerate() {
            if part > 0 && part < columns.len() {
                drop(store);
                store = open(part);
            }
            store.append(vec![(DatasetName::new("shop").unwrap(), batch(events, first))]).unwrap();
            first += events.len() as i64;
            if flushed {
                store.flush().unwrap();
            }
        }
        let engine = QueryEngine::new(QuerySettings {
            threads: 1,
            memory: Memory::unlimited(),
            spill_directory: directory.path().to_owned(),
            concurrency_max: 1,
            queue_max: 1,
        });
        Bench { directory, store, engine: engine.unwrap() }
    }

    fn ask(&self, filters: &Value, any: bool) -> Result<RowsAnswer, QueryErrorText> {
        let spec = json!({
            "filters": filters,
            "filter_combination": if any { "OR" } else { "AND" },
            "columns": ["n"],
            "start_time": START,
            "end_time": START + 100_000,
            "order": "ascending",
            "limit": 10_000,
        });
        let spec: RowsSpec = serde_json::from_value(spec).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let options = Options::default();
        let answer = self.engine.rows(self.store.snapshot(), "shop", &spec, &options, i64::MAX / 2);
        runtime.block_on(answer).map_err(|error| QueryErrorText(error.to_string()))
    }

    fn rows(&self, filters: &Value, any: bool) -> Vec<Vec<Value>> {
        self.ask(filters, any).unwrap().rows
    }

    /// What becomes of the segments for one filter.
    fn fates(&self, filter: &Value) -> Vec<String> {
        let snapshot = self.store.snapshot();
        let scope = crate::scope::Scope::new(snapshot, "shop").unwrap();
        let context = datafusion::prelude::SessionContext::new();
        let spec: RowsSpec =
            serde_json::from_value(json!({"filters": filter, "start_time": START, "end_time": START + 100_000}))
                .unwrap();
        let query = crate::spec::parse_rows(&spec, i64::MAX / 2).unwrap();
        let mut used = std::collections::BTreeSet::new();
        let filter = crate::filter::expression(&query.filter, &scope, &mut used).unwrap();
        let used: Vec<ScanColumn> = used.into_iter().collect();
        let predicates = crate::scan::predicates(&context.state(), &used, query.range, &[filter]).unwrap();
        let pruned = prune(&scope.datasets, query.range, &predicates, &used).unwrap();
        assert_eq!(
            pruned.skipped_by_index() + pruned.scanned() + pruned.skipped_by_time(),
            pruned.segments.len() as u64
        );
        pruned.segments.iter().map(|segment| segment.fate.to_string()).collect()
    }

    /// The files of the segments that end so.
    fn files(&self, ending: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in RealDisk.list(&self.directory.path().join("data/segments")).unwrap() {
            files.extend(RealDisk.list(&folder).unwrap());
        }
        files.retain(|path: &PathBuf| path.extension().is_some_and(|e| e == ending));
        files.sort();
        files
    }
}

#[derive(Debug)]
struct QueryErrorText(#[allow(dead_code, reason = "shown when a test fails")] String);

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(|v| json!(v)),
        (-3..12i64).prop_map(|v| json!(v)),
        (-3..12i64).prop_map(|v| json!(v as f64)),
        (-3..12i64).prop_map(|v| json!(v as f64 + 0.5)),
        "[a-c]{0,2}".prop_map(|v| json!(v)),
        prop::sample::select(vec!["1", "1.0", "10", "true", "false", "1.5", "-0"]).prop_map(|v| json!(v)),
        prop::sample::select(vec![i64::MAX, (1 << 53) + 1, 1 << 53]).prop_map(|v| json!(v)),
    ]
}

const NAMES: [&str; 4] = ["a", "b", "service.name", "unknown"];

fn any_event() -> impl Strategy<Value = Event> {
    prop::collection::btree_map(prop::sample::select(&NAMES[..3]), any_value(), 0..3)
}

fn any_filter() -> impl Strategy<Value = Value> {
    let column = || prop::sample::select(&NAMES[..]);
    let single = prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]);
    prop_oneof![
        4 => (column(), single, any_value()).prop_filter("booleans have no order", |(_, op, value)| {
            matches!(*op, "=" | "!=") || !value.is_boolean()
        }).prop_map(|(column, op, value)| json!({"column": column, "op": op, "value": value})),
        2 => (column(), prop::sample::select(vec!["in", "not-in"]), prop::collection::vec(any_value(), 1..6))
            .prop_map(|(column, op, values)| json!({"column": column, "op": op, "value": values})),
        2 => (column(), prop::sample::select(vec!["exists", "does-not-exist"]))
            .prop_map(|(column, op)| json!({"column": column, "op": op})),
        1 => (column(), prop::sample::select(vec!["contains", "starts-with", "does-not-contain"]), "[a-c1]")
            .prop_map(|(column, op, text)| json!({"column": column, "op": op, "value": text})),
        1 => any_value().prop_filter("only text", |value| value.is_string())
            .prop_map(|value| json!({"column": "*", "op": "=", "value": value})),
    ]
}

/// The events with a number each.
fn numbered(parts: Vec<Vec<Event>>) -> Vec<Vec<Event>> {
    let mut next = 0;
    let mut number = |mut event: Event| {
        next += 1;
        event.insert("n", json!(next));
        event
    };
    parts.into_iter().map(|events| events.into_iter().map(&mut number).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_pruned_would_not_have_passed(
        parts in prop::collection::vec(prop::collection::vec(any_event(), 1..25), 1..4),
        questions in prop::collection::vec((prop::collection::vec(any_filter(), 1..4), any::<bool>()), 12),
        columns in prop_oneof![Just(vec![10_000]), prop::collection::vec(1..5usize, 4)],
    ) {
        let parts = numbered(parts);
        let (memory, files) = (Bench::new(&parts, false), Bench::with_columns(&parts, true, &columns));
        prop_assert_eq!(files.files("index").len(), parts.len());
        for (filters, any) in questions {
            let filters = json!(filters);
            prop_assert_eq!(files.rows(&filters, any), memory.rows(&filters, any), "{} any: {}", filters, any);
        }
    }
}

/// Three segments of several slices: ids, traces, services, rare marks.
fn large() -> Vec<Vec<Event>> {
    let hash = |n: i64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15u64 as i64);
    let one = |n: i64| {
        let mut event = Event::from([
            ("id", json!(format!("{:016x}", hash(n)))),
            ("trace", json!(format!("t{}", n / 5))),
            ("service.name", json!(["cart", "find", "shop"][(hash(n) >> 40).rem_euclid(3) as usize])),
            ("number", json!(hash(n) >> 20)),
            ("status", json!(if n % 5_000 == 17 { 503 } else { 200 })),
        ]);
        if n % 4_001 == 9 {
            event.insert("mark", json!(n % 3));
        }
        if n >= 12_000 {
            event.insert("release", json!(if n < 24_000 { "v2" } else { "v3" }));
        }
        event
    };
    let parts = (0..3).map(|part| (part * 12_000..(part + 1) * 12_000).map(one).collect());
    numbered(parts.collect())
}

#[test]
fn large_segments_are_pruned_to_what_passes() {
    let parts = large();
    let (memory, files) = (Bench::new(&parts, false), Bench::new(&parts, true));
    let event = |n: usize| &parts[n / 12_000][n % 12_000];
    let equals = |name: &str, value: &Value| json!([{"column": name, "op": "=", "value": value}]);
    let mut questions = vec![
        json!([{"column": "mark", "op": "exists"}]),
        json!([{"column": "mark", "op": "=", "value": "1"}]),
        json!([{"column": "status", "op": ">", "value": 400}]),
        json!([{"column": "status", "op": "in", "value": [503, "x"]}, {"column": "release", "op": "=", "value": "v2"}]),
        json!([{"column": "service.name", "op": "=", "value": "find"}, {"column": "number", "op": "<", "value": -8_000_000_000_000i64}]),
        equals("id", &json!("absent")),
    ];
    for n in (0..36_000).step_by(3_333) {
        questions.extend(["id", "trace", "number"].map(|name| equals(name, &event(n)[name])));
        questions.push(equals("number", &json!(event(n)["number"].to_string())));
        questions.push(json!([
            {"column": "trace", "op": "=", "value": event(n)["trace"]},
            {"column": "service.name", "op": "=", "value": "shop"},
        ]));
    }
    for question in questions {
        assert_eq!(files.rows(&question, false), memory.rows(&question, false), "{question}");
    }
    let read = files.ask(&equals("id", &event(20_000)["id"]), false).unwrap().stats;
    assert_eq!((read.segments.total, read.segments.scanned, read.segments.skipped_by_index), (3, 1, 2));
    assert!(read.rows_scanned <= 4_096, "{} rows were read for one", read.rows_scanned);
}

#[test]
fn a_segment_that_the_evidence_rules_out_is_not_opened() {
    let bench = Bench::new(&large(), true);
    let files = bench.files("parquet");
    RealDisk.remove(&files[0]).unwrap();
    let asked = |filter: Value| {
        let answer = bench.ask(&json!([filter]), false).unwrap();
        (answer.rows.len(), answer.warnings.len())
    };
    assert_eq!(asked(json!({"column": "release", "op": "=", "value": "v2"})), (10_000, 0), "the first page");
    assert_eq!(asked(json!({"column": "release", "op": "exists"})), (10_000, 0));
    assert_eq!(asked(json!({"column": "id", "op": "=", "value": "absent"})), (0, 0));
    assert_eq!(
        asked(json!({"column": "release", "op": "does-not-exist"})),
        (0, 1),
        "whoever opens it says that it is gone"
    );
}

#[test]
fn evidence_serves_fields_that_were_in_overflow() {
    let parts = large();
    // Columns are given in the order of names; the last segment has all fields in columns.
    let (memory, files) = (Bench::new(&parts, false), Bench::with_columns(&parts, true, &[2, 3, 10_000]));
    for (name, value) in [("status", json!(503)), ("trace", parts[2][50]["trace"].clone()), ("release", json!("v3"))] {
        let question = json!([{"column": name, "op": "=", "value": value}]);
        assert_eq!(files.rows(&question, false), memory.rows(&question, false), "{question}");
    }
    let fates = files.fates(&json!([{"column": "trace", "op": "=", "value": parts[2][50]["trace"]}]));
    assert!(fates[0].starts_with("kept: 12000") && fates[1].starts_with("kept: 12000"), "{fates:?}");
    assert!(!fates[2].starts_with("kept: 12000"), "nothing of it is in overflow: {fates:?}");
    let fates = files.fates(&json!([{"column": "trace", "op": "=", "value": "t5000 and not there"}]));
    assert_eq!(fates[2], "skipped: no event has this value of \"trace\"");
}

#[test]
fn each_segment_has_its_reason() {
    let bench = Bench::new(&large(), true);
    let kept = |fate: &str| fate.starts_with("kept");
    let of = |column: &str, op: &str, value: Value| bench.fates(&json!([{"column": column, "op": op, "value": value}]));
    let absent = "skipped: no event has a fitting \"release\"";
    let fates = of("release", "=", json!("v3"));
    assert_eq!((fates[0].as_str(), kept(&fates[2])), (absent, true));
    // As large as v2 is, it is not between the bounds of a segment that only has v2.
    assert_eq!(fates[1], "skipped: every \"release\" is above or below");
    let fates = of("status", ">", json!(600));
    assert_eq!(fates, ["skipped: every \"status\" is above or below"; 3]);
    let fates = of("id", "=", json!("8000000000000000"));
    assert_eq!(fates, ["skipped: no event has this value of \"id\""; 3]);
    let fates = bench.fates(&json!([{"column": "release", "op": "!=", "value": "v3"}]));
    assert_eq!(fates, ["kept: 12000 of 12000 rows"; 3]);
    let fates = bench.fates(&json!([{"column": "release", "op": "exists"}]));
    assert_eq!(fates, [absent, "kept: 12000 of 12000 rows", "kept: 12000 of 12000 rows"]);
    let events = &large()[0];
    let id_of = |service: &str| json!(events.iter().find(|e| e["service.name"] == service).unwrap()["id"]);
    let fates = bench.fates(&json!([
        {"column": "id", "op": "=", "value": id_of("cart")},
        {"column": "id", "op": "=", "value": id_of("shop")},
    ]));
    assert_eq!(fates[0], "skipped: no rows pass all filters together");
}

fn damage(path: &Path) {
    let mut bytes = RealDisk.read(path).unwrap();
    bytes.iter_mut().step_by(4_096).for_each(|byte| *byte ^= 1);
    RealDisk.remove(path).unwrap();
    RealDisk.create(path).unwrap().write_all(&bytes).unwrap();
}

#[test]
fn a_damaged_sidecar_changes_no_answer() {
    let parts = large();
    let question = json!([{"column": "trace", "op": "=", "value": parts[1][100]["trace"]}]);
    let bench = Bench::new(&parts, true);
    let whole = Bench::new(&parts, true).rows(&question, false);
    assert_eq!(whole.len(), 5);
    bench.files("index").iter().for_each(|path| damage(path));
    assert_eq!(bench.rows(&question, false), whole);
    assert_eq!(bench.store.health().damage.len(), 3);
    for path in bench.files("index") {
        RealDisk.remove(&path).unwrap();
    }
    assert_eq!(bench.rows(&question, false), whole);
}
