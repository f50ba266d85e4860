//! Questions under pressure: they draw on the account of memory, spill beyond it, and fail in words when they cannot.

use arrow::array::{Int64Array, StringArray};
use outcrop_storage::event::{DatasetName, EventBatch, EventColumn, FieldName, FieldType};
use outcrop_storage::memory::Ceilings;
use outcrop_storage::paths::DataDir;
use outcrop_storage::{Store, StoreSettings};

use super::*;

const EVENTS: i64 = 200_000;
const START: i64 = 1_767_225_600_000_000_000;

struct Bench {
    _directory: tempfile::TempDir,
    store: Store,
    memory: Memory,
    engine: QueryEngine,
}

/// Events with a text of their own each, and questions that may hold so many bytes.
fn bench(bytes: usize) -> Bench {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(directory.path().join("data"));
    let store = Store::open(StoreSettings::new(data_dir.clone())).unwrap();
    for first in (0..EVENTS).step_by(10_000) {
        let ids = || first..first + 10_000;
        let texts = StringArray::from_iter_values(ids().map(|id| format!("{id:0>60}")));
        let column = EventColumn {
            field: FieldName::new("text").unwrap(),
            field_type: FieldType::String,
            values: Arc::new(texts),
        };
        let events = EventBatch::new(Int64Array::from_iter_values(ids().map(|id| START + id)), None, vec![column]);
        store.append(vec![(DatasetName::new("d").unwrap(), events.unwrap())]).unwrap();
    }
    let memory = Memory::new(Ceilings::cut(usize::MAX, &[(Pool::Queries, bytes)], 0).unwrap());
    let settings = QuerySettings {
        threads: 1,
        memory: memory.clone(),
        spill_directory: data_dir.spill(),
        concurrency_max: 1,
        queue_max: 1,
    };
    Bench { _directory: directory, store, memory, engine: QueryEngine::new(settings).unwrap() }
}

impl Bench {
    fn ask(&self, spec: &Value) -> Result<Answer, QueryError> {
        let spec: QuerySpec = serde_json::from_value(spec.clone()).unwrap();
        let options = QueryOptions::default();
        let question = self.engine.query(self.store.snapshot(), "d", &spec, &options, START + EVENTS);
        Builder::new_current_thread().enable_time().build().unwrap().block_on(question)
    }
}

/// Every event is a group of its own.
fn many_groups() -> Value {
    json!({ "breakdowns": ["text"], "calculations": [{ "op": "COUNT" }], "disable_series": true, "limit": 10 })
}

#[test]
fn what_does_not_fit_is_spilled_and_without_space_for_that_it_is_said() {
    let bench = bench(16 << 20);
    let answer = bench.ask(&many_groups()).unwrap();
    assert_eq!(answer.rows.len(), 10);
    assert_eq!(bench.memory.used(Pool::Queries), 0, "everything was given back");
    bench.engine.limit_spill(64 << 10);
    let refused = bench.ask(&many_groups()).unwrap_err();
    assert_eq!((refused.kind, refused.code), (QueryErrorKind::Impossible, "no_space_to_spill"), "{}", refused.message);
    assert_eq!(bench.memory.used(Pool::Queries), 0);
    bench.engine.limit_spill(1 << 30);
    assert!(bench.ask(&many_groups()).is_ok());
}

#[test]
fn without_memory_for_another_question_it_is_refused() {
    let bench = bench(16 << 20);
    let others = bench.memory.try_reserve(Pool::Queries, 15 << 20).unwrap();
    let refused = bench.ask(&json!({ "disable_series": true })).unwrap_err();
    assert_eq!((refused.kind, refused.code), (QueryErrorKind::Busy, "no_memory_for_queries"));
    drop(others);
    assert!(bench.ask(&json!({ "disable_series": true })).is_ok());
}
