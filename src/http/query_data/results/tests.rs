//! What goes when there is too much of it, and what never does.

use outcrop_storage::memory::Ceilings;

use super::*;

const HOUR: i64 = RESULT_NS;

fn results(query_bytes: usize) -> (Results, Memory) {
    let memory = Memory::new(Ceilings::cut(usize::MAX, &[(Pool::Queries, query_bytes)], 0).unwrap());
    (Results::new(memory.clone()), memory)
}

fn asked(at: i64) -> Asked {
    Asked { dataset: "d".into(), asker: "me".into(), at }
}

fn document(results: &Results, id: &str, now: i64) -> Option<(bool, String)> {
    let found = results.find(id, now)?;
    Some((found.complete, String::from_utf8(found.document.unwrap().to_vec()).unwrap()))
}

#[test]
fn an_answer_is_pending_then_there_then_forgotten_with_its_bytes() {
    let (results, memory) = results(8_000);
    results.begin("a", asked(0), "pending".into()).unwrap();
    assert_eq!(document(&results, "a", 1), Some((false, "pending".into())));
    results.end("a", Ok(b"answered".to_vec()));
    assert_eq!(document(&results, "a", 1), Some((true, "answered".into())));
    assert_eq!(memory.used(Pool::Queries), 8);
    results.begin("b", asked(1), "pending".into()).unwrap();
    results.end("b", Err(no_room()));
    assert!(results.find("b", 1).unwrap().document.is_err());
    assert_eq!(document(&results, "a", HOUR + 1), None);
    assert!(results.find("b", HOUR + 1).is_some(), "one is as old as it is");
    results.forget("b");
    results.end("b", Ok(b"too late".to_vec()));
    assert!(results.find("b", 1).is_none());
    assert_eq!(memory.used(Pool::Queries), 0);
}

#[test]
fn the_oldest_make_room_for_the_newest() {
    let (results, memory) = results(8_000);
    assert_eq!(results.bytes_max(), 1_000);
    for (at, id) in ["a", "b", "c"].into_iter().enumerate() {
        results.begin(id, asked(at as i64), "p".into()).unwrap();
        results.end(id, Ok(vec![b' '; 400]));
    }
    let there = |id| results.find(id, 3).is_some();
    assert_eq!((there("a"), there("b"), there("c")), (false, true, true));
    // An answer that was asked for first goes first, however late it came.
    results.begin("d", asked(3), "p".into()).unwrap();
    results.begin("e", asked(4), "p".into()).unwrap();
    results.end("e", Ok(vec![b' '; 400]));
    results.end("d", Ok(vec![b' '; 400]));
    assert_eq!((there("c"), there("d"), there("e")), (false, true, true));
    // What questions hold themselves leaves less.
    let others = memory.try_reserve(Pool::Queries, 8_000 - memory.used(Pool::Queries)).unwrap();
    results.begin("f", asked(5), "p".into()).unwrap();
    assert_eq!((there("d"), there("e"), there("f")), (false, true, true));
    drop(others);
    results.end("f", Ok(vec![b' '; 1_001]));
    assert!(results.find("f", 5).unwrap().document.is_err(), "one alone is too large");
    for at in 0..RESULTS_MAX as i64 {
        results.begin(&format!("n{at}"), asked(6 + at), Bytes::new()).unwrap();
    }
    assert!(!there("e") && !there("f") && there("n0"));
}

#[test]
fn work_ends_with_what_it_is_for() {
    let (results, _memory) = results(8_000);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let [kept, forgotten, gone] = [(); 3].map(|()| tokio::spawn(std::future::pending::<()>()));
        results.begin("kept", asked(0), Bytes::new()).unwrap();
        results.attach("kept", kept.abort_handle());
        results.begin("forgotten", asked(0), Bytes::new()).unwrap();
        results.attach("forgotten", forgotten.abort_handle());
        results.forget("forgotten");
        results.attach("gone", gone.abort_handle());
        assert!(forgotten.await.unwrap_err().is_cancelled() && gone.await.unwrap_err().is_cancelled());
        assert!(!kept.is_finished());
    });
}

#[test]
fn a_bug_ends_an_answer_and_says_so() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (results, _) = results(8_000);
    results.begin("a", asked(0), "pending".into()).unwrap();
    let ended = runtime.block_on(async { ended(tokio::spawn(async { panic!("on purpose") })).await });
    results.end("a", ended);
    let found = results.find("a", 1).unwrap();
    assert_eq!((found.complete, found.document.unwrap_err().code()), (true, "internal"));
}
